//! The Runtime API by the standard library alone.

use std::{
    env,
    io::{self, Read, Write},
    net::TcpStream,
};

const ANSWER: &str = r#"{"principalId":"floor","policyDocument":{"Version":"2012-10-17","Statement":[{"Action":"execute-api:Invoke","Effect":"Allow","Resource":["arn:aws:execute-api:eu-central-1:123456789012:abcdef1234/v1/GET/jobs/*"]}]},"context":{"verdict":"ok"}}"#;
const PATH: &str = "/2018-06-01/runtime/invocation";

/// Answers for as long as the process lives; `work` is done for each event, whose head it is given.
pub(crate) fn serve(mut work: impl FnMut(&str) -> io::Result<()>) -> io::Result<()> {
    let address = variable("AWS_LAMBDA_RUNTIME_API")?;
    let mut stream = TcpStream::connect(&address)?;
    stream.set_nodelay(true)?;
    let next = format!("GET {PATH}/next HTTP/1.1\r\nHost: {address}\r\n\r\n");
    loop {
        stream.write_all(next.as_bytes())?;
        let (head, _event) = receive(&mut stream)?;
        let id = header(&head, "lambda-runtime-aws-request-id").unwrap_or_default();
        work(&head)?;
        let answer = format!(
            "POST {PATH}/{id}/response HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n\r\n{ANSWER}",
            ANSWER.len()
        );
        stream.write_all(answer.as_bytes())?;
        receive(&mut stream)?;
    }
}

/// One message's head and body; it must have a `Content-Length`.
pub(crate) fn receive(stream: &mut impl Read) -> io::Result<(String, Vec<u8>)> {
    let mut received = Vec::with_capacity(8 * 1024);
    let mut some = [0; 8 * 1024];
    loop {
        if let Some(end) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let body = received.split_off(end + 4);
            let head = String::from_utf8(received).map_err(io::Error::other)?;
            return Ok((head.clone(), rest(stream, body, &head)?));
        }
        match stream.read(&mut some)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => received.extend_from_slice(&some[..count]),
        }
    }
}

fn rest(stream: &mut impl Read, mut body: Vec<u8>, head: &str) -> io::Result<Vec<u8>> {
    let length = header(head, "content-length").unwrap_or("0");
    let length: usize = length.parse().map_err(io::Error::other)?;
    let received = body.len();
    body.resize(length, 0);
    stream.read_exact(&mut body[received..])?;
    Ok(body)
}

pub(crate) fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    lines
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a Lambda process of its own, which is told by its environment where it is"
)]
pub(crate) fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(|_| io::Error::other(format!("no {name}")))
}

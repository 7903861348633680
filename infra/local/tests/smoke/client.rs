//! A blocking HTTP/1.1 client: one connection a request, and not a byte that the test didn't write.

use serde_json::Value;
use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

/// An answer that arrived whole.
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Longer than the gateway waits for a function.
const PATIENCE: Duration = Duration::from_secs(40);

/// Sends exactly this text; `{host}` stands for the listener's own name.
///
/// # Errors
/// The connection broke before the whole answer was there.
pub(crate) fn raw(url: &str, request: &str) -> io::Result<Response> {
    let host = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.replace("{host}", host).as_bytes())?;
    let mut received = Vec::new();
    stream.read_to_end(&mut received)?;
    parse(&received).ok_or_else(|| ErrorKind::UnexpectedEof.into())
}

/// Asks as an honest client does.
pub(crate) fn send(
    url: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Response> {
    let mut request = format!("{method} {target} HTTP/1.1\r\nhost: {{host}}\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    let length = body.len();
    request += &format!("content-length: {length}\r\nconnection: close\r\n\r\n{body}");
    raw(url, &request)
}

/// One caller of the API.
pub(crate) struct Caller<'c> {
    pub(crate) api: &'c str,
    pub(crate) credential: &'c str,
}

impl Caller<'_> {
    pub(crate) fn try_call(&self, method: &str, target: &str, body: &str) -> io::Result<Response> {
        let bearer = format!("Bearer {}", self.credential);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        // A body that may be left out comes without a type.
        let sent = if body.is_empty() {
            &headers[..1]
        } else {
            &headers
        };
        send(self.api, method, target, sent, body)
    }

    pub(crate) fn call(&self, method: &str, target: &str, body: &str) -> Response {
        self.try_call(method, target, body).expect("an answer")
    }

    /// `data` of an answer that must have this status. A minute's limit is waited for once, as a client does.
    pub(crate) fn data(&self, status: u16, method: &str, target: &str, body: &str) -> Value {
        let mut answer = self.call(method, target, body);
        let wait = answer.header("retry-after");
        if let (429, Some(seconds @ ..=60)) =
            (answer.status, wait.and_then(|text| text.parse().ok()))
            && status != 429
        {
            thread::sleep(Duration::from_secs(seconds));
            answer = self.call(method, target, body);
        }
        assert_eq!(
            answer.status,
            status,
            "{method} {target}: {}",
            answer.text()
        );
        answer.json()["data"].take()
    }
}

impl Response {
    /// The last value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().rev();
        let found = found.find(|(given, _)| given.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn parse(received: &[u8]) -> Option<Response> {
    let end = received.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&received[..end]).ok()?;
    let body = received[end + 4..].to_vec();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    for (name, _) in &headers {
        // On no answer of any listener, whoever asked.
        assert!(!name.starts_with("access-control-"), "{name}");
    }
    let response = Response {
        status,
        headers,
        body,
    };
    let length: usize = response.header("content-length")?.parse().ok()?;
    (response.body.len() == length).then_some(response)
}

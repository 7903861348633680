//! HTTP/1.1 on one blocking connection: as much of it as clients of the Runtime API speak.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

pub(crate) struct Connection {
    stream: TcpStream,
    /// Received and not yet consumed.
    buffer: Vec<u8>,
}

pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
}

struct Head {
    method: String,
    path: String,
    length: usize,
    content_length: usize,
    is_chunked: bool,
    waits_for_continue: bool,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> io::Result<Connection> {
        // Without it an answer may wait for the acknowledgement of the one before.
        stream.set_nodelay(true)?;
        Ok(Connection {
            stream,
            buffer: Vec::with_capacity(8 * 1024),
        })
    }

    /// The next request; none at the connection's end.
    pub(crate) fn receive(&mut self) -> io::Result<Option<Request>> {
        let head = loop {
            if let Some(head) = head(&self.buffer)? {
                break head;
            }
            if self.fill()? == 0 {
                return Ok(None);
            }
        };
        self.buffer.drain(..head.length);
        if head.waits_for_continue {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let body = match head.is_chunked {
            true => self.chunks()?,
            false => self.take(head.content_length)?,
        };
        Ok(Some(Request {
            method: head.method,
            path: head.path,
            body,
        }))
    }

    /// Head and body in one write: `headers` are whole lines.
    pub(crate) fn send(&mut self, status: &str, headers: &str, body: &[u8]) -> io::Result<()> {
        let mut answer = format!(
            "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        answer.extend_from_slice(body);
        self.stream.write_all(&answer)
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let (used, size) = loop {
                match httparse::parse_chunk_size(&self.buffer) {
                    Ok(httparse::Status::Complete(size)) => break size,
                    Ok(httparse::Status::Partial) => self.more()?,
                    Err(_) => return Err(io::ErrorKind::InvalidData.into()),
                }
            };
            self.buffer.drain(..used);
            let size = usize::try_from(size).map_err(|_| io::ErrorKind::InvalidData)?;
            if size == 0 {
                // Trailers: nobody sends any that mean something here.
                while self.line()? != b"\r\n" {}
                return Ok(body);
            }
            body.extend(self.take(size)?);
            self.take(2)?;
        }
    }

    fn line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                return Ok(self.buffer.drain(..end + 2).collect());
            }
            self.more()?;
        }
    }

    fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < length {
            self.more()?;
        }
        Ok(self.buffer.drain(..length).collect())
    }

    fn more(&mut self) -> io::Result<()> {
        match self.fill()? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut some = [0; 16 * 1024];
        let count = self.stream.read(&mut some)?;
        self.buffer.extend_from_slice(&some[..count]);
        Ok(count)
    }
}

/// None as long as it is not whole.
fn head(bytes: &[u8]) -> io::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(io::ErrorKind::InvalidData.into()),
    };
    let value = |name: &str| {
        let mut headers = request.headers.iter();
        let header = headers.find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(header.value).ok()
    };
    let content_length = value("content-length").unwrap_or("0").trim().parse();
    Ok(Some(Head {
        length,
        content_length: content_length.map_err(|_| io::ErrorKind::InvalidData)?,
        is_chunked: value("transfer-encoding").is_some_and(|value| value.contains("chunked")),
        waits_for_continue: value("expect").is_some(),
        method: request.method.unwrap_or_default().to_owned(),
        path: request.path.unwrap_or_default().to_owned(),
    }))
}

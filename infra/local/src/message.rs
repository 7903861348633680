//! HTTP requests and responses without a socket.

use api::StreamedBody;
use http_body_util::BodyExt;
use serde_json::Value;
use std::fmt;

/// A request as it arrived: nothing decoded, headers in their order, each as often as it was sent.
#[derive(Clone)]
pub struct HttpRequest {
    pub method: String,
    /// Still percent-encoded.
    pub path: String,
    /// Still percent-encoded, without the `?`.
    pub query: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub source_ip: String,
}

impl HttpRequest {
    /// `target`: path and query, percent-encoded.
    pub fn new(method: &str, target: &str) -> HttpRequest {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        HttpRequest {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            source_ip: "127.0.0.1".to_owned(),
        }
    }

    /// Adds a header; one that is there stays.
    pub fn header(mut self, name: &str, value: &str) -> HttpRequest {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn bearer(self, credential: &str) -> HttpRequest {
        self.header("authorization", &format!("Bearer {credential}"))
    }

    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> HttpRequest {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    pub fn json(self, body: &Value) -> HttpRequest {
        self.body("application/json", body.to_string())
    }

    /// As if it came from this address.
    pub fn from_ip(mut self, address: &str) -> HttpRequest {
        self.source_ip = address.to_owned();
        self
    }

    /// The last value of a header.
    pub(crate) fn last(&self, name: &str) -> Option<&str> {
        last(&self.headers, name)
    }
}

/// Headers and body may hold a credential.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, PartialEq, Eq)]
pub struct HttpResponse {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// A response whose body may be made while it is sent.
#[derive(Debug)]
pub struct StreamedResponse {
    pub head: HttpResponse,
    /// The body, if `head` has none.
    pub body: Option<StreamedBody>,
}

impl HttpResponse {
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> HttpResponse {
        HttpResponse {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
        .with("content-type", content_type)
    }

    pub fn with(mut self, name: &str, value: &str) -> HttpResponse {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The last value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        last(&self.headers, name)
    }

    pub fn json(&self) -> serde_json::Result<Value> {
        serde_json::from_slice(&self.body)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl StreamedResponse {
    /// With its body, or what there is of it where it breaks off.
    pub async fn collected(self) -> HttpResponse {
        let StreamedResponse { mut head, body } = self;
        let Some(mut body) = body else { return head };
        while let Some(Ok(frame)) = body.frame().await {
            if let Ok(bytes) = frame.into_data() {
                head.body.extend_from_slice(&bytes);
            }
        }
        head
    }
}

impl From<HttpResponse> for StreamedResponse {
    fn from(head: HttpResponse) -> StreamedResponse {
        StreamedResponse { head, body: None }
    }
}

/// A body may hold a new key.
impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpResponse")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

fn last<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    headers
        .iter()
        .rfind(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

//! One HTTP/1.1 listener on loopback: every request passes the guard before anything else looks at it.

use anyhow::Context;
use api::StreamedBody;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use std::{convert::Infallible, net::Ipv4Addr, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    time,
};

use crate::{
    loopback::guard,
    message::{HttpRequest, HttpResponse, StreamedResponse},
};

/// A bound socket, not yet answering.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    port: u16,
}

/// Also how long a connection may be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_HEAD: usize = 64 * 1024;
/// More than any limit behind it: API Gateway's 6 MB and DynamoDB's 16 MB are told by those themselves.
const MAX_BODY: usize = 17 * 1024 * 1024;
/// What a connection gets to finish when the process stops.
const DRAIN: Duration = Duration::from_secs(5);

impl Listener {
    /// `port` 0: any that is free.
    pub async fn bind(port: u16) -> anyhow::Result<Listener> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let socket = socket.with_context(|| {
            format!("port {port} can't be used: free it, or name another --port")
        })?;
        let port = socket.local_addr()?.port();
        Ok(Listener { socket, port })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Answers until `stop`, then lets what was begun finish.
    pub async fn serve<H, F>(self, handler: H, stop: impl Future<Output = ()>)
    where
        H: Fn(HttpRequest) -> F + Clone + Send + 'static,
        F: Future<Output: Into<StreamedResponse> + Send> + Send + 'static,
    {
        let Listener { socket, port } = self;
        let connections = GracefulShutdown::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                () = &mut stop => break,
            };
            let Ok((stream, peer)) = accepted else {
                // Out of file descriptors: others must go first.
                time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let (handler, source_ip) = (handler.clone(), peer.ip().to_string());
            let connection = serve_connection(stream, port, source_ip, handler);
            tokio::spawn(connections.watch(connection));
        }
        drop(socket);
        // Who is slower than this loses the connection.
        let _ = time::timeout(DRAIN, connections.shutdown()).await;
    }
}

fn serve_connection<H, F>(
    stream: TcpStream,
    port: u16,
    source_ip: String,
    handler: H,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error>
where
    H: Fn(HttpRequest) -> F + Clone + Send + 'static,
    F: Future<Output: Into<StreamedResponse> + Send> + Send + 'static,
{
    // Without it a small answer may wait for the client's acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let (handler, source_ip) = (handler.clone(), source_ip.clone());
        async move {
            let response = match received(request, port, source_ip).await {
                // A task of its own: a client that hangs up stops nothing, as in AWS.
                Ok(request) => tokio::spawn(handler(request))
                    .await
                    .map_or_else(|_| refusal(StatusCode::BAD_GATEWAY).into(), Into::into),
                Err(status) => refusal(status).into(),
            };
            Ok::<_, Infallible>(sent(response))
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service)
}

async fn received(
    request: Request<Incoming>,
    port: u16,
    source_ip: String,
) -> Result<HttpRequest, StatusCode> {
    let (head, body) = request.into_parts();
    guard(&head.method, &head.uri, &head.headers, port)?;
    let body = time::timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY).collect());
    let body = match body.await {
        Ok(Ok(body)) => body.to_bytes().to_vec(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        Ok(Err(_)) => return Err(StatusCode::BAD_REQUEST),
        Err(_) => return Err(StatusCode::REQUEST_TIMEOUT),
    };
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Ok(HttpRequest {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
        body,
        source_ip,
    })
}

fn refusal(status: StatusCode) -> HttpResponse {
    let reason = status.canonical_reason().unwrap_or_default();
    HttpResponse::new(status.as_u16(), "text/plain; charset=utf-8", reason)
        .with("cache-control", "no-store")
}

fn sent(response: StreamedResponse) -> Response<StreamedBody> {
    let StreamedResponse { head, body: stream } = response;
    let HttpResponse {
        status,
        headers,
        body,
    } = head;
    let whole = || {
        Full::from(body)
            .map_err(|never| match never {})
            .boxed_unsync()
    };
    let body = stream.unwrap_or_else(whole);
    let mut sent = Response::new(body);
    *sent.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    for (name, value) in headers {
        // A value that HTTP can't carry, a client's own request id perhaps, is left out.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            sent.headers_mut().append(name, value);
        }
    }
    sent
}

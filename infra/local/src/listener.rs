//! One HTTP/1.1 listener on loopback: every request passes the guard before anything else looks at it.
//!
//! Whatever clients do, it has so many connections, so many requests under way, and so many bytes of bodies.

use anyhow::Context as _;
use api::StreamedBody;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use std::{
    convert::Infallible,
    future,
    net::Ipv4Addr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};
use tokio_io_timeout::TimeoutStream;

use crate::{
    connections::{Busy, Connections, Place},
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
/// How long a client may take nothing of an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_HEAD: usize = 64 * 1024;
/// More than any limit behind it: API Gateway's 6 MB and DynamoDB's 16 MB are told by those themselves.
const MAX_BODY: usize = 17 * 1024 * 1024;
/// Of all requests under way. A body is copied a few times until it is stored.
const MAX_BODIES: usize = 64 * 1024 * 1024;
/// More at once would only wait for each other, until they are too late for anybody: those that come first are answered first.
const MAX_UNDER_WAY: usize = 32;
/// Three listeners, the tables' files and the rest fit into the 1,024 descriptors that most shells give.
const MAX_CONNECTIONS: usize = 256;
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
        let (connections, running) = (Connections::new(MAX_CONNECTIONS), GracefulShutdown::new());
        let room = Arc::new(Semaphore::new(MAX_BODIES));
        let under_way = Arc::new(Semaphore::new(MAX_UNDER_WAY));
        let mut stop = std::pin::pin!(stop);
        loop {
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                () = &mut stop => break,
            };
            let Ok((stream, peer)) = accepted else {
                // Out of file descriptors: others must go first.
                connections.close_oldest();
                time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let place = tokio::select! {
                place = connections.take() => place,
                () = &mut stop => break,
            };
            let from = Peer {
                port,
                source_ip: peer.ip().to_string(),
                place: Arc::clone(&place),
                room: Arc::clone(&room),
                under_way: Arc::clone(&under_way),
            };
            let connection = running.watch(serve_connection(stream, from, handler.clone()));
            tokio::spawn(async move {
                place.wait();
                tokio::select! { _ = connection => {}, () = place.closed() => {} }
            });
        }
        drop(socket);
        // Who is slower than this loses the connection.
        let _ = time::timeout(DRAIN, running.shutdown()).await;
    }
}

/// What is known of a connection's requests before they are read.
#[derive(Debug, Clone)]
struct Peer {
    port: u16,
    source_ip: String,
    place: Arc<Place>,
    /// For bodies, in bytes.
    room: Arc<Semaphore>,
    under_way: Arc<Semaphore>,
}

fn serve_connection<H, F>(
    stream: TcpStream,
    from: Peer,
    handler: H,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error>
where
    H: Fn(HttpRequest) -> F + Clone + Send + 'static,
    F: Future<Output: Into<StreamedResponse> + Send> + Send + 'static,
{
    // Without it a small answer may wait for the client's acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let service = service_fn(move |request| {
        let (handler, from) = (handler.clone(), from.clone());
        async move {
            let (request, held) = match received(request, &from).await {
                Ok(received) => received,
                Err(status) => return Ok(sent(refusal(status).into(), None)),
            };
            let Some(busy) = from.place.begin() else {
                // Its connection is being closed.
                return future::pending().await;
            };
            // Who hangs up meanwhile has asked for nothing. It never closes.
            let turn = Arc::clone(&from.under_way).acquire_owned().await;
            // A task of its own: a client that hangs up stops nothing that was begun, as in AWS.
            let answered = tokio::spawn(async move {
                let response = handler(request).await;
                drop((turn, held));
                (response, busy)
            });
            Ok::<_, Infallible>(match answered.await {
                Ok((response, busy)) => sent(response.into(), Some(busy)),
                Err(_) => sent(refusal(StatusCode::BAD_GATEWAY).into(), None),
            })
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(Box::pin(stream)), service)
}

/// The request, and the room that its body takes.
async fn received(
    request: Request<Incoming>,
    from: &Peer,
) -> Result<(HttpRequest, Option<OwnedSemaphorePermit>), StatusCode> {
    let (head, body) = request.into_parts();
    guard(&head.method, &head.uri, &head.headers, from.port)?;
    let body = time::timeout(BODY_TIMEOUT, read(body, &from.room)).await;
    let (body, held) = body.unwrap_or(Err(StatusCode::REQUEST_TIMEOUT))?;
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let request = HttpRequest {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
        body,
        source_ip: from.source_ip.clone(),
    };
    Ok((request, held))
}

/// Takes room for what has come, not for what was announced: who sends slowly takes little.
async fn read(
    body: Incoming,
    room: &Arc<Semaphore>,
) -> Result<(Vec<u8>, Option<OwnedSemaphorePermit>), StatusCode> {
    let mut body = Limited::new(body, MAX_BODY);
    let (mut bytes, mut held) = (Vec::new(), None::<OwnedSemaphorePermit>);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| match error.is::<LengthLimitError>() {
            true => StatusCode::PAYLOAD_TOO_LARGE,
            false => StatusCode::BAD_REQUEST,
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let length = u32::try_from(data.len()).map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
        let more = Arc::clone(room).try_acquire_many_owned(length);
        let more = more.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        match &mut held {
            Some(held) => held.merge(more),
            None => held = Some(more),
        }
        bytes.extend_from_slice(&data);
    }
    Ok((bytes, held))
}

fn refusal(status: StatusCode) -> HttpResponse {
    let reason = status.canonical_reason().unwrap_or_default();
    let refusal = HttpResponse::new(status.as_u16(), "text/plain; charset=utf-8", reason)
        .with("cache-control", "no-store");
    match status {
        StatusCode::SERVICE_UNAVAILABLE => refusal.with("retry-after", "1"),
        _ => refusal,
    }
}

fn sent(response: StreamedResponse, busy: Option<Busy>) -> Response<Sent> {
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
    let mut sent = Response::new(Sent { body, _busy: busy });
    *sent.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    for (name, value) in headers {
        // A value that HTTP can't carry, a client's own request id perhaps, is left out.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            sent.headers_mut().append(name, value);
        }
    }
    sent
}

/// A body on its way: until it has gone, its connection is busy.
struct Sent {
    body: StreamedBody,
    _busy: Option<Busy>,
}

impl Body for Sent {
    type Data = <StreamedBody as Body>::Data;
    type Error = <StreamedBody as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

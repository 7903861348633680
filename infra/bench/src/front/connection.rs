//! One connection: TLS, HTTP/1.1, DynamoDB's JSON protocol.

use bytes::Bytes;
use embedded::Metered;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rustls::HandshakeKind;
use serde_json::{Value, json};
use socket2::{SockRef, Socket};
use std::{
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    thread,
    time::{Duration, Instant},
};
use tokio::{
    net::TcpStream,
    task,
    time::{self, Sleep},
};
use tokio_rustls::TlsAcceptor;

use super::{Fault, HangUp, Shared};

/// Longer than any patience.
const FORGOTTEN: Duration = Duration::from_secs(60);

pub(super) async fn serve(stream: TcpStream, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    {
        let counts = &mut shared.state().counts;
        counts.connections += 1;
        counts.first_connection.get_or_insert_with(Instant::now);
    }
    let mut hang_up = shared.hang_up.subscribe();
    hang_up.mark_unchanged();
    let _ = stream.set_nodelay(true);
    // Another handle to the same socket, for what HTTP and TLS would keep from us.
    let Ok(socket) = SockRef::from(&stream).try_clone() else {
        return;
    };
    let Ok(tls) = acceptor.accept(stream).await else {
        return;
    };
    {
        let counts = &mut shared.state().counts;
        match tls.get_ref().1.handshake_kind() {
            Some(HandshakeKind::Resumed) => counts.resumed_handshakes += 1,
            _ => counts.full_handshakes += 1,
        }
    }
    let socket = Arc::new(socket);
    let service = service_fn(|request| answer(Arc::clone(&shared), Arc::clone(&socket), request));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(tls), service);
    let mut connection = pin!(connection);
    loop {
        tokio::select! {
            _ = connection.as_mut() => break,
            Ok(()) = hang_up.changed() => {
                // Not in the match, which would hold it while it sleeps.
                let how = *hang_up.borrow_and_update();
                match how {
                    HangUp::Close => connection.as_mut().graceful_shutdown(),
                    HangUp::Reset => {
                        reset(&socket);
                        break;
                    }
                    // The process at the other end closes it.
                    HangUp::Vanish => {
                        time::sleep(FORGOTTEN).await;
                        break;
                    }
                }
            }
        }
    }
}

/// Its end will be a reset.
fn reset(socket: &Socket) {
    let _ = socket.set_linger(Some(Duration::ZERO));
}

/// The connection ends without an answer.
fn broken() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

async fn answer(
    shared: Arc<Shared>,
    socket: Arc<Socket>,
    request: Request<Incoming>,
) -> io::Result<Response<AnswerBody>> {
    let arrived = Instant::now();
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let header = |name| {
        let value = head.headers.get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    };
    let target = header("x-amz-target");
    let operation = target.rsplit('.').next().unwrap_or("");
    let tables = tables(&body);
    let (fault, latency) = {
        let mut state = shared.state();
        let call = format!("{operation} {tables}");
        *state.counts.calls.entry(call).or_default() += 1;
        (state.script.fault(operation, &tables), state.latency.draw())
    };
    if !header("authorization").starts_with("AWS4-HMAC-SHA256 ") {
        let kind = "com.amazon.coral.service#MissingAuthenticationTokenException";
        return whole(400, error(kind, "Request is missing Authentication Token"));
    }
    if let Fault::Slow(delay) = fault {
        pause(delay).await;
    }
    if fault == Fault::ResetBefore {
        reset(&socket);
        return Err(broken());
    }
    if let Some(refusal) = fault.refusal() {
        pause(latency.saturating_sub(arrived.elapsed())).await;
        return whole(refusal.status, error(refusal.kind, refusal.message));
    }
    let Metered {
        status,
        body,
        read_units,
        write_units,
    } = shared.engine.metered(target, &body);
    {
        let counts = &mut shared.state().counts;
        counts.read_units += read_units;
        counts.write_units += write_units;
    }
    pause(latency.saturating_sub(arrived.elapsed())).await;
    match fault {
        Fault::ResetAfter => {
            reset(&socket);
            Err(broken())
        }
        Fault::SlowAnswer(delay) => {
            pause(delay).await;
            whole(status, body)
        }
        Fault::HalfBody => {
            reset(&socket);
            response(status, &body, crc32fast::hash(&body), true)
        }
        Fault::WrongChecksum => response(status, &body, !crc32fast::hash(&body), false),
        _ => whole(status, body),
    }
}

/// A timer of tokio's would round up to whole milliseconds, for every caller alike.
async fn pause(delay: Duration) {
    if !delay.is_zero() {
        let _ = task::spawn_blocking(move || thread::sleep(delay)).await;
    }
}

fn tables(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    if let Some(name) = body["TableName"].as_str() {
        return name.to_owned();
    }
    let requests = body["RequestItems"].as_object();
    let mut names: Vec<&str> = requests
        .into_iter()
        .flat_map(|requests| requests.keys().map(String::as_str))
        .collect();
    for action in body["TransactItems"].as_array().into_iter().flatten() {
        let kinds = action
            .as_object()
            .into_iter()
            .flat_map(|action| action.values());
        names.extend(kinds.filter_map(|kind| kind["TableName"].as_str()));
    }
    names.sort_unstable();
    names.dedup();
    names.join("+")
}

fn error(kind: &str, message: &str) -> Vec<u8> {
    json!({ "__type": kind, "message": message })
        .to_string()
        .into_bytes()
}

fn whole(status: u16, body: Vec<u8>) -> io::Result<Response<AnswerBody>> {
    response(status, &body, crc32fast::hash(&body), false)
}

fn response(
    status: u16,
    body: &[u8],
    checksum: u32,
    breaks_off: bool,
) -> io::Result<Response<AnswerBody>> {
    let sent = match breaks_off {
        true => &body[..body.len() / 2],
        false => body,
    };
    let answer = Response::builder()
        .status(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY))
        .header("content-type", "application/x-amz-json-1.0")
        .header("content-length", body.len())
        .header("x-amz-crc32", checksum)
        .header(
            "x-amzn-requestid",
            "0000000000000000000000000000000000000000000000000000",
        );
    answer
        .body(AnswerBody {
            bytes: Some(Bytes::copy_from_slice(sent)),
            breaks: breaks_off.then(|| Box::pin(tokio::time::sleep(Duration::from_millis(5)))),
        })
        .map_err(io::Error::other)
}

/// A body that may break off, after what there is of it was sent.
struct AnswerBody {
    bytes: Option<Bytes>,
    breaks: Option<Pin<Box<Sleep>>>,
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(bytes) = self.bytes.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match &mut self.breaks {
            None => Poll::Ready(None),
            Some(sleep) => {
                ready!(sleep.as_mut().poll(context));
                Poll::Ready(Some(Err(broken())))
            }
        }
    }
}

//! The floor of every gateway: hyper that answers at once.

use anyhow::Context;
use http::Response;
use http_body_util::Full;
use hyper::{body::Bytes, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use tokio::{net::TcpListener, runtime::Runtime};

const BODY: &str = r#"{"data":{"items":[]}}"#;

/// Ends when dropped.
#[derive(Debug)]
pub(crate) struct Floor {
    port: u16,
    _runtime: Runtime,
}

impl Floor {
    pub(crate) fn start() -> anyhow::Result<Floor> {
        let runtime = Runtime::new()?;
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .context("no port")?;
        let port = listener.local_addr()?.port();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let answer = service_fn(|_| async {
                    let mut response =
                        Response::new(Full::new(Bytes::from_static(BODY.as_bytes())));
                    let json = http::HeaderValue::from_static("application/json");
                    response
                        .headers_mut()
                        .insert(http::header::CONTENT_TYPE, json);
                    Ok::<_, Infallible>(response)
                });
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
                tokio::spawn(connection);
            }
        });
        Ok(Floor {
            port,
            _runtime: runtime,
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

//! Plain HTTP on loopback: how programs use a key, and how WebDriver is spoken.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use thirtyfour::{
    error::{WebDriverError, WebDriverResult},
    session::http::{Body, HttpClient},
};
use tokio::time::timeout;

/// What a program got.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// `X-Request-Id`.
    pub request_id: String,
    /// Null where it is no JSON.
    pub json: Value,
}

/// Calls the API as a program does that has nothing but a key.
///
/// # Panics
/// Where nobody answers.
pub(crate) fn call(url: &str, method: &str, key: &str, body: &str) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(url)
        .header("authorization", format!("Bearer {key}"));
    let request = match body {
        "" => request,
        _ => request.header("content-type", "application/json"),
    };
    let answer = sent(request.body(Full::from(body.to_owned())));
    let request_id = answer.headers().get("x-request-id");
    Answer {
        status: answer.status().as_u16(),
        request_id: request_id
            .and_then(|id| id.to_str().ok())
            .unwrap_or_default()
            .to_owned(),
        json: serde_json::from_slice(answer.body()).unwrap_or_default(),
    }
}

/// Asks the embedded DynamoDB, as other tools of the machine do.
///
/// # Panics
/// Where it refuses.
pub(crate) fn ask_store(url: &str, access_key_id: &str, operation: &str, body: &Value) -> Value {
    let signed =
        format!("AWS4-HMAC-SHA256 Credential={access_key_id}/20261130/local/dynamodb/aws4_request");
    let request = Request::builder()
        .method("POST")
        .uri(url)
        .header("authorization", signed)
        .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
        .header("content-type", "application/x-amz-json-1.0");
    let answer = sent(request.body(Full::from(body.to_string())));
    let json: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    assert_eq!(answer.status(), 200, "{operation}: {json}");
    json
}

fn sent(request: http::Result<Request<Full<Bytes>>>) -> Response<Bytes> {
    let request = request.expect("a request");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let answer = runtime
        .expect("a runtime")
        .block_on(Wire::new().send(request));
    answer.expect("an answer")
}

/// A client without TLS: nothing here leaves the machine.
pub(crate) struct Wire(Client<HttpConnector, Full<Bytes>>);

/// Longer than Chromium takes to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

impl Wire {
    pub(crate) fn new() -> Wire {
        Wire(Client::builder(TokioExecutor::new()).build_http())
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, String> {
        let exchange = async {
            let response = self.0.request(request).await.map_err(said)?;
            let (head, body) = response.into_parts();
            let body = body.collect().await.map_err(said)?.to_bytes();
            Ok(Response::from_parts(head, body))
        };
        timeout(PATIENCE, exchange)
            .await
            .unwrap_or_else(|_| Err("no answer in time".to_owned()))
    }
}

fn said(fault: impl std::error::Error) -> String {
    format!("{fault}: {:?}", fault.source())
}

#[async_trait::async_trait]
impl HttpClient for Wire {
    async fn send(&self, request: Request<Body<'_>>) -> WebDriverResult<Response<Bytes>> {
        let (head, body) = request.into_parts();
        let bytes = match body {
            Body::Empty => Bytes::new(),
            Body::Json(value) => value.to_string().into(),
        };
        let request = Request::from_parts(head, Full::new(bytes));
        let answer = Wire::send(self, request).await;
        answer.map_err(|why| {
            WebDriverError::UnknownResponse(StatusCode::SERVICE_UNAVAILABLE.as_u16(), why)
        })
    }

    async fn new(&self) -> Arc<dyn HttpClient> {
        Arc::new(Wire::new())
    }
}

//! A client of a Lambda Invoke endpoint, as `cargo lambda watch` offers one.

use anyhow::ensure;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use url::Url;

use super::{Failed, MAX_ANSWER, ProxyAnswer};

/// More than a function streams.
const MAX_STREAMED: usize = 200 * 1024 * 1024;

/// The functions behind this address are the deployed binaries, each in a process of its own.
#[derive(Debug, Clone)]
pub struct InvokeEndpoint {
    url: Url,
    client: Arc<Client<HttpConnector, Full<Bytes>>>,
}

impl InvokeEndpoint {
    /// # Errors
    /// Anything but `http` on loopback: the events hold credentials in clear.
    pub fn new(url: Url) -> anyhow::Result<InvokeEndpoint> {
        let loopback = crate::loopback::is_loopback(&url);
        ensure!(
            url.scheme() == "http" && loopback,
            "the invoke URL must be http on this machine"
        );
        let client = Arc::new(Client::builder(TokioExecutor::new()).build_http());
        Ok(InvokeEndpoint { url, client })
    }

    pub(super) async fn invoke(&self, function: &str, event: &Value) -> Result<Value, Failed> {
        let body = self.send(function, event, MAX_ANSWER).await?;
        Ok(serde_json::from_slice(&body)?)
    }

    /// A streamed answer: its head as JSON, eight zero bytes, and its body.
    pub(super) async fn invoke_streamed(
        &self,
        function: &str,
        event: &Value,
    ) -> Result<ProxyAnswer, Failed> {
        let bytes = self.send(function, event, MAX_STREAMED).await?;
        let end = bytes.windows(8).position(|eight| eight == [0; 8]);
        let end = end.ok_or_else(|| Failed("a streamed answer has no head".to_owned()))?;
        let mut answer: ProxyAnswer = serde_json::from_slice(&bytes[..end])?;
        answer.body = Some(String::from_utf8_lossy(&bytes[end + 8..]).into_owned());
        Ok(answer)
    }

    async fn send(&self, function: &str, event: &Value, most: usize) -> Result<Bytes, Failed> {
        let base = self.url.as_str().trim_end_matches('/');
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!(
                "{base}/2015-03-31/functions/{function}/invocations"
            ))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(event.to_string()))
            .map_err(|_| Failed("the invoke URL can't be called".to_owned()))?;
        let response = self
            .client
            .request(request)
            .await
            .map_err(|error| Failed(error.to_string()))?;
        let status = response.status();
        let failed = response.headers().contains_key("x-amz-function-error");
        let body = Limited::new(response.into_body(), most)
            .collect()
            .await
            .map_err(|_| Failed("the answer was cut or is too large".to_owned()))?
            .to_bytes();
        // Not every endpoint sets the header.
        if let Ok(FunctionError { error_message, .. }) = serde_json::from_slice(&body) {
            return Err(Failed(error_message));
        }
        if failed || !status.is_success() {
            return Err(Failed(format!("the endpoint answers {status}")));
        }
        Ok(body)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FunctionError {
    #[expect(
        dead_code,
        reason = "an error has both members, an answer of ours none"
    )]
    error_type: String,
    error_message: String,
}

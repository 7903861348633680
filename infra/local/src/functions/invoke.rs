//! A client of a Lambda Invoke endpoint, as `cargo lambda watch` offers one.

use anyhow::ensure;
use http::{Method, Request, header, response::Parts};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};
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
        let (head, body) = self.send(function, event, MAX_ANSWER).await?;
        if !head.status.is_success() {
            return Err(Failed(format!("the endpoint answers {}", head.status)));
        }
        Ok(serde_json::from_slice(&body)?)
    }

    /// A streamed answer. The endpoint takes its head for its own: status and headers are the function's.
    pub(super) async fn invoke_streamed(
        &self,
        function: &str,
        event: &Value,
    ) -> Result<ProxyAnswer, Failed> {
        let (head, body) = self.send(function, event, MAX_STREAMED).await?;
        let mut answer = ProxyAnswer {
            status_code: head.status.as_u16(),
            headers: BTreeMap::new(),
            multi_value_headers: BTreeMap::new(),
            body: Some(String::from_utf8_lossy(&body).into_owned()),
            rest: None,
        };
        for (name, value) in &head.headers {
            // How the endpoint sends it is the endpoint's business.
            if [
                header::CONTENT_LENGTH,
                header::TRANSFER_ENCODING,
                header::DATE,
            ]
            .contains(name)
            {
                continue;
            }
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            let values = answer.multi_value_headers.entry(name.to_string());
            values.or_default().push(value);
        }
        Ok(answer)
    }

    async fn send(
        &self,
        function: &str,
        event: &Value,
        most: usize,
    ) -> Result<(Parts, Bytes), Failed> {
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
        let (head, body) = response.into_parts();
        let failed = head.headers.contains_key("x-amz-function-error");
        let body = Limited::new(body, most)
            .collect()
            .await
            .map_err(|_| Failed("the answer was cut or is too large".to_owned()))?
            .to_bytes();
        // Not every endpoint sets the header.
        if let Ok(FunctionError { error_message, .. }) = serde_json::from_slice(&body) {
            return Err(Failed(error_message));
        }
        if failed {
            return Err(Failed("the function failed".to_owned()));
        }
        Ok((head, body))
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

//! The process's HTTPS: ring, and Amazon's five roots.

use api::{HttpCall, HttpFailed};
use auth::FetchKeys;
use aws_smithy_http_client::{
    Builder, Connector,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpClient, SharedHttpConnector};
use aws_smithy_types::body::SdkBody;
use std::{sync::Arc, time::Duration};

#[derive(Debug, thiserror::Error)]
#[error("TLS can't be set up: {0}")]
pub struct HttpError(String);

/// For the SDK's clients: one pool for all of them. `authority`: whom it trusts besides Amazon, as PEM.
pub(crate) fn client(authority: Option<Vec<u8>>) -> Result<SharedHttpClient, HttpError> {
    // aws-lc's first random number costs 40 ms, and the system's roots cost 60 ms to parse.
    Ok(Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls(authority)?)
        .build_https())
}

/// For the issuer's key set.
pub fn fetch_keys() -> Result<FetchKeys, HttpError> {
    let connector = Connector::builder()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls(None)?)
        .build();
    let connector = SharedHttpConnector::new(connector);
    Ok(Arc::new(move |url| {
        let connector = connector.clone();
        Box::pin(async move {
            let request = ::http::Request::get(url)
                .body(SdkBody::empty())
                .ok()?
                .try_into()
                .ok()?;
            let text = async {
                let response = connector.call(request).await.ok()?;
                if !response.status().is_success() {
                    return None;
                }
                let body = response.into_body().collect_capped().await?;
                String::from_utf8(body).ok()
            };
            tokio::time::timeout(Duration::from_secs(1), text)
                .await
                .ok()
                .flatten()
        })
    }))
}

/// For the issuer's other endpoints: one try, 3 seconds.
pub(crate) fn call() -> Result<HttpCall, HttpError> {
    let connector = Connector::builder()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls(None)?)
        .build();
    let connector = SharedHttpConnector::new(connector);
    Ok(Arc::new(move |request| {
        let connector = connector.clone();
        Box::pin(async move {
            let answer = tokio::time::timeout(Duration::from_secs(3), answer(&connector, request));
            answer.await.ok().flatten().ok_or(HttpFailed)
        })
    }))
}

async fn answer(
    connector: &SharedHttpConnector,
    request: ::http::Request<Vec<u8>>,
) -> Option<::http::Response<Vec<u8>>> {
    let request = request.map(SdkBody::from).try_into().ok()?;
    let response = connector.call(request).await.ok()?;
    let mut answer = ::http::Response::builder().status(response.status().as_u16());
    for (name, value) in response.headers() {
        answer = answer.header(name, value);
    }
    answer
        .body(response.into_body().collect_capped().await?)
        .ok()
}

fn tls(authority: Option<Vec<u8>>) -> Result<TlsContext, HttpError> {
    let mut roots =
        TrustStore::empty().with_pem_certificate(include_bytes!("amazon_roots.pem").to_vec());
    if let Some(authority) = authority {
        roots = roots.with_pem_certificate(authority);
    }
    TlsContext::builder()
        .with_trust_store(roots)
        .build()
        .map_err(|error| HttpError(error.to_string()))
}

/// A body that may not grow without bounds.
trait CollectCapped {
    async fn collect_capped(self) -> Option<Vec<u8>>;
}

impl CollectCapped for SdkBody {
    /// A key set of 20 keys has a few KB.
    async fn collect_capped(self) -> Option<Vec<u8>> {
        use http_body_util::BodyExt;
        let limited = http_body_util::Limited::new(self, 64 * 1024);
        Some(limited.collect().await.ok()?.to_bytes().to_vec())
    }
}

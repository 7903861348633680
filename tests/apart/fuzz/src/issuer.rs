//! An issuer of people's tokens, whose key is everybody's.

use api::TrustedIssuer;
use auth::{FetchKeys, IssuerConfig, TokenAlgorithm};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};

pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const CLIENT: &str = "a-client";

pub(crate) fn trusted() -> TrustedIssuer {
    let config = IssuerConfig {
        issuer: ISSUER.to_owned(),
        jwks_url: format!("{ISSUER}/jwks.json"),
        client_ids: vec![CLIENT.to_owned()],
        algorithm: TokenAlgorithm::Es256,
    };
    let fetch: FetchKeys =
        Arc::new(|_| Box::pin(async { Some(json!({ "keys": [jwk()] }).to_string()) }));
    TrustedIssuer::new(config, fetch)
}

static KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::from_slice(&[7; 32]).expect("a scalar of P-256"));

fn jwk() -> Value {
    let point = KEY.verifying_key().to_sec1_point(false);
    let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    json!({
        "kty": "EC", "crv": "P-256", "kid": "k1", "use": "sig", "alg": "ES256",
        "x": text(&point.as_bytes()[1..33]), "y": text(&point.as_bytes()[33..]),
    })
}

/// A token of the newest kind, whatever it claims.
pub(crate) fn signed(claims: &Value) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({ "alg": "ES256", "kid": "k1" });
    let text = format!("{}.{}", part(&header), part(claims));
    let signature: Signature = KEY.sign(text.as_bytes());
    format!(
        "{text}.{}",
        BASE64_URL_SAFE_NO_PAD.encode(signature.to_bytes())
    )
}

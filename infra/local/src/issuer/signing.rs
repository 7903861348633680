//! ES256: the issuer's key, and what the world may see of it.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt;

pub(super) struct Signer {
    key: SigningKey,
    kid: String,
}

impl Signer {
    pub(super) fn new(key: SigningKey) -> Signer {
        let point = key.verifying_key().to_sec1_point(false);
        let kid = BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(point.as_bytes())[..16]);
        Signer { key, kid }
    }

    /// A compact JWS.
    pub(super) fn sign(&self, claims: &Value) -> String {
        let header = json!({ "kid": self.kid, "alg": "ES256" });
        let encoded = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encoded(&header), encoded(claims));
        let signature: Signature = self.key.sign(signed.as_bytes());
        format!(
            "{signed}.{}",
            BASE64_URL_SAFE_NO_PAD.encode(signature.to_bytes())
        )
    }

    pub(super) fn jwk(&self) -> Value {
        let point = self.key.verifying_key().to_sec1_point(false);
        // 0x04, x, y
        let coordinates = &point.as_bytes()[1..];
        let encoded = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        json!({
            "kty": "EC",
            "crv": "P-256",
            "alg": "ES256",
            "use": "sig",
            "kid": self.kid,
            "x": encoded(&coordinates[..32]),
            "y": encoded(&coordinates[32..]),
        })
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

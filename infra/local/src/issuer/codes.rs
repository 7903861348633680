//! Authorization codes: each good once, for a minute, for who began the sign-in.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::Duration;
use model::Timestamp;
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
};

#[derive(Default)]
pub(super) struct Codes(Mutex<HashMap<String, Grant>>);

/// A sign-in that waits to be exchanged for tokens.
pub(super) struct Grant {
    pub(super) email: String,
    pub(super) redirect_uri: String,
    pub(super) scope: String,
    pub(super) nonce: Option<String>,
    /// PKCE's, of method S256.
    pub(super) challenge: String,
    pub(super) signed_in: Timestamp,
}

const MOST: usize = 1_000;
const LIFETIME: Duration = Duration::minutes(1);

impl Codes {
    pub(super) fn put(&self, code: String, grant: Grant) {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = grant.signed_in;
        codes.retain(|_, grant| now.since(grant.signed_in) < LIFETIME);
        if codes.len() < MOST {
            codes.insert(code, grant);
        }
    }

    /// Uses the code up, whatever comes of it.
    pub(super) fn take(
        &self,
        code: &str,
        redirect_uri: &str,
        verifier: &str,
        now: Timestamp,
    ) -> Option<Grant> {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let grant = codes.remove(code)?;
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        let good = now.since(grant.signed_in) < LIFETIME
            && grant.redirect_uri == redirect_uri
            && grant.challenge == challenge;
        good.then_some(grant)
    }
}

impl fmt::Debug for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Codes").finish_non_exhaustive()
    }
}

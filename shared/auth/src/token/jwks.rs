//! An issuer's public keys, and when to read them again.

use std::{future::Future, pin::Pin, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use serde::Deserialize;

use super::TokenAlgorithm;

/// Gets the key set's text from a URL; `None` when it can't be had. Keeps its own limits of time (1 s) and size.
pub type FetchKeys =
    Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = Option<String>> + Send>> + Send + Sync>;

/// The issuer's key set as this process last saw it, and when it may ask again.
///
/// `&mut self` is held over the fetch, so behind an async mutex at most one refresh is in flight and the others find its result.
/// Instants are milliseconds since the Unix epoch.
#[derive(Debug, Default)]
pub struct JwksCache {
    good: Option<Good>,
    last_attempt: Option<Attempt>,
}

#[derive(Debug)]
struct Good {
    keys: Arc<Jwks>,
    since: i64,
}

#[derive(Debug, Clone, Copy)]
struct Attempt {
    at: i64,
    succeeded: bool,
}

impl JwksCache {
    /// How long the last good set is used while its issuer can't be reached.
    const KEPT: i64 = 24 * 60 * 60 * 1000;
    /// After this a set is read again though it works, so that a withdrawn key doesn't live for a day.
    const FRESH: i64 = 60 * 60 * 1000;
    /// Between two refreshes while there is a set.
    const BETWEEN: i64 = 30 * 1000;
    /// Between two attempts while there is none.
    const RETRY: i64 = 1000;

    pub fn new() -> Self {
        Self::default()
    }

    /// The set to verify a token of this `kid` with, fetched if need be.
    ///
    /// `fetch` answers the body of the configured URL, or `None` if that failed; it sets its own time limit (1 s) and a limit of size, and is called at most once.
    pub async fn key_set<F>(
        &mut self,
        kid: &str,
        now_millis: i64,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<Jwks>, JwksUnavailable>
    where
        F: Future<Output = Option<String>>,
    {
        if self.wants_fetch(kid, now_millis) {
            // Until it has succeeded it has failed: the caller's time limit may drop this future in the middle.
            self.failed(now_millis);
            if let Some(keys) = fetch().await.and_then(|body| Jwks::from_json(&body).ok()) {
                self.fetched(keys, now_millis);
            }
        }
        self.answer(kid, now_millis)
    }

    /// Whether the set should be read before this `kid` is judged.
    pub fn wants_fetch(&self, kid: &str, now_millis: i64) -> bool {
        let pause = match self.usable(now_millis) {
            None => Self::RETRY,
            Some(good)
                if good.keys.find(kid).is_some() && now_millis - good.since < Self::FRESH =>
            {
                return false;
            }
            Some(_) => Self::BETWEEN,
        };
        self.last_attempt
            .is_none_or(|last| now_millis - last.at >= pause)
    }

    /// A fetch has brought a set.
    pub fn fetched(&mut self, keys: Jwks, now_millis: i64) {
        self.good = Some(Good {
            keys: Arc::new(keys),
            since: now_millis,
        });
        self.last_attempt = Some(Attempt {
            at: now_millis,
            succeeded: true,
        });
    }

    /// A fetch has brought nothing; what was good stays good.
    pub fn failed(&mut self, now_millis: i64) {
        self.last_attempt = Some(Attempt {
            at: now_millis,
            succeeded: false,
        });
    }

    /// What is known without a fetch.
    ///
    /// A `kid` that the set lacks while the issuer can't be reached may be good: that is our fault, and no 401.
    pub fn answer(&self, kid: &str, now_millis: i64) -> Result<Arc<Jwks>, JwksUnavailable> {
        let good = self.usable(now_millis).ok_or(JwksUnavailable)?;
        let reached = self.last_attempt.is_some_and(|last| last.succeeded);
        if good.keys.find(kid).is_none() && !reached {
            return Err(JwksUnavailable);
        }
        Ok(Arc::clone(&good.keys))
    }

    fn usable(&self, now_millis: i64) -> Option<&Good> {
        self.good
            .as_ref()
            .filter(|good| now_millis - good.since < Self::KEPT)
    }
}

/// The token can't be judged now: 503, never 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the issuer's keys are not known and can't be fetched")]
pub struct JwksUnavailable;

/// An issuer's public signing keys.
#[derive(Debug)]
pub struct Jwks {
    keys: Vec<(String, PublicKey)>,
}

impl Jwks {
    const MOST_BYTES: usize = 64 * 1024;
    const MOST_KEYS: usize = 20;

    /// Reads a JSON Web Key Set; keys that are of no use for RS256 or ES256 (other types, encryption, no `kid`, weak) are left out.
    pub fn from_json(json: &str) -> Result<Jwks, InvalidJwks> {
        if json.len() > Self::MOST_BYTES {
            return Err(InvalidJwks::TooLarge);
        }
        let set: Written = serde_json::from_str(json).map_err(|_| InvalidJwks::Malformed)?;
        if set.keys.len() > Self::MOST_KEYS {
            return Err(InvalidJwks::TooLarge);
        }
        let mut keys: Vec<(String, PublicKey)> = Vec::new();
        for written in set.keys {
            let Some((kid, key)) = written.usable() else {
                continue;
            };
            if keys.iter().any(|(held, _)| *held == kid) {
                return Err(InvalidJwks::Ambiguous);
            }
            keys.push((kid, key));
        }
        if keys.is_empty() {
            return Err(InvalidJwks::NoKey);
        }
        Ok(Jwks { keys })
    }

    pub(super) fn find(&self, kid: &str) -> Option<&PublicKey> {
        self.keys
            .iter()
            .find(|(held, _)| held == kid)
            .map(|(_, key)| key)
    }
}

/// Why a key set is not taken; the last good one stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJwks {
    #[error("more than 20 keys, or more than 64 KiB")]
    TooLarge,
    #[error("not a JSON Web Key Set")]
    Malformed,
    #[error("two keys of one kid")]
    Ambiguous,
    #[error("no usable signing key")]
    NoKey,
}

#[derive(Debug)]
pub(super) struct PublicKey {
    algorithm: TokenAlgorithm,
    key: DecodingKey,
}

impl PublicKey {
    /// The key, if it is one of this algorithm.
    pub(super) fn decoding(&self, algorithm: TokenAlgorithm) -> Option<&DecodingKey> {
        (self.algorithm == algorithm).then_some(&self.key)
    }
}

#[derive(Deserialize)]
struct Written {
    keys: Vec<WrittenKey>,
}

#[derive(Deserialize)]
struct WrittenKey {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl WrittenKey {
    fn usable(self) -> Option<(String, PublicKey)> {
        if self.usage.is_some_and(|usage| usage != "sig") {
            return None;
        }
        let number = |text: Option<String>| URL_SAFE_NO_PAD.decode(text?).ok();
        let (algorithm, key) = match self.kty.as_str() {
            "RSA" => {
                let (n, e) = (number(self.n)?, number(self.e)?);
                // 2048 to 4096 bits.
                if !(256..=512).contains(&n.len()) || n.first().is_none_or(|byte| *byte < 0x80) {
                    return None;
                }
                let key = DecodingKey::from_rsa_raw_components(&n, &e);
                (TokenAlgorithm::Rs256, key)
            }
            "EC" if self.crv.as_deref() == Some("P-256") => {
                let (x, y) = (number(self.x)?, number(self.y)?);
                if x.len() != 32 || y.len() != 32 {
                    return None;
                }
                // An uncompressed point (SEC 1 §2.3.3), which is what the library's "DER" is for this curve.
                let point = [&[4], x.as_slice(), y.as_slice()].concat();
                (TokenAlgorithm::Es256, DecodingKey::from_ec_der(&point))
            }
            _ => return None,
        };
        if self.alg.is_some_and(|alg| alg != algorithm.as_str()) {
            return None;
        }
        Some((self.kid?, PublicKey { algorithm, key }))
    }
}

#[cfg(test)]
mod tests;

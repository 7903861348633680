//! OpenID Connect tokens of people: Cognito's when deployed, the development issuer's locally.

#[cfg(test)]
mod fixture;
mod jwks;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use serde::{Deserialize, de::DeserializeOwned};

pub use jwks::{FetchKeys, InvalidJwks, Jwks, JwksCache, JwksUnavailable};

const MOST_BYTES: usize = 4 * 1024;
const LEEWAY_SECONDS: i64 = 5;
/// How old an ID token may be that shows whose address it is.
pub const MAX_ID_TOKEN_AGE_SECONDS: i64 = 5 * 60;

/// What a bearer's access token says, verified.
///
/// With `config` and the key set of [`JwksCache::key_set`]; `UnknownKid` after that is a 401 as `Unusable` is.
pub fn verify_access_token(
    token: &str,
    config: &IssuerConfig,
    keys: &Jwks,
    now_millis: i64,
) -> Result<AccessToken, TokenRefused> {
    let claims: AccessClaims = verified_claims(token, config, keys)?;
    let AccessClaims {
        common,
        client_id,
        email,
    } = claims;
    let times = common.check(config, "access", now_millis)?;
    if !config.client_ids.contains(&client_id) {
        return Err(TokenRefused::Unusable);
    }
    Ok(AccessToken {
        issuer: common.iss,
        subject: common.sub,
        auth_time: times.auth_time * 1000,
        email,
    })
}

/// What an ID token says that was handed in beside a bearer (accepting an invitation); at most 5 minutes old.
///
/// The caller compares issuer and subject with the bearer's.
pub fn verify_id_token(
    token: &str,
    config: &IssuerConfig,
    keys: &Jwks,
    now_millis: i64,
) -> Result<IdToken, TokenRefused> {
    let claims: IdClaims = verified_claims(token, config, keys)?;
    let IdClaims {
        common,
        aud,
        email,
        email_verified,
        nonce,
    } = claims;
    let times = common.check(config, "id", now_millis)?;
    let old = now_millis > (times.iat + MAX_ID_TOKEN_AGE_SECONDS + LEEWAY_SECONDS) * 1000;
    if !config.client_ids.contains(&aud) || old {
        return Err(TokenRefused::Unusable);
    }
    Ok(IdToken {
        issuer: common.iss,
        subject: common.sub,
        auth_time: times.auth_time * 1000,
        verified_email: email.filter(|_| email_verified == Some(true)),
        nonce,
    })
}

/// The `kid` of a token that is worth a look at the key set; not verified.
pub fn key_id(token: &str, config: &IssuerConfig) -> Result<String, TokenRefused> {
    Ok(Parts::split(token, config)?.kid)
}

/// The one issuer that is trusted, and how.
#[derive(Debug, Clone)]
pub struct IssuerConfig {
    /// Compared byte for byte.
    pub issuer: String,
    /// The only place that keys are read from, whatever a token says.
    pub jwks_url: String,
    /// The clients whose tokens are accepted; none accepts none.
    pub client_ids: Vec<String>,
    pub algorithm: TokenAlgorithm,
}

/// How an issuer signs. Others, `none` and HMAC above all, can't be configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenAlgorithm {
    /// Cognito.
    Rs256,
    /// The development issuer.
    Es256,
}

impl TokenAlgorithm {
    pub const fn as_str(self) -> &'static str {
        match self {
            TokenAlgorithm::Rs256 => "RS256",
            TokenAlgorithm::Es256 => "ES256",
        }
    }

    const fn implementation(self) -> Algorithm {
        match self {
            TokenAlgorithm::Rs256 => Algorithm::RS256,
            TokenAlgorithm::Es256 => Algorithm::ES256,
        }
    }
}

/// A person who has signed in. Instants in milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    pub issuer: String,
    pub subject: String,
    /// When the person last proved who they are; management writes need it to be ≤ 12 h old.
    pub auth_time: i64,
    /// Only a label: not known to be verified, and Cognito's access tokens have none.
    pub email: Option<String>,
}

/// Who somebody is, said freshly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdToken {
    pub issuer: String,
    pub subject: String,
    /// Milliseconds since the Unix epoch.
    pub auth_time: i64,
    /// The address, if the issuer says `email_verified: true`.
    pub verified_email: Option<String>,
    /// What the sign-in was begun with, for whoever began it.
    pub nonce: Option<String>,
}

/// Why a token is not accepted. The client gets the one 401 for both.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefused {
    #[error("the token is unusable")]
    Unusable,
    /// The key set holds no key of this name; a newer one may.
    #[error("the token's key is unknown")]
    UnknownKid(String),
}

/// The claims, if a key of the set signed them with the configured algorithm; no claim is checked yet.
fn verified_claims<C: DeserializeOwned>(
    token: &str,
    config: &IssuerConfig,
    keys: &Jwks,
) -> Result<C, TokenRefused> {
    let parts = Parts::split(token, config)?;
    let Some(key) = keys.find(&parts.kid) else {
        return Err(TokenRefused::UnknownKid(parts.kid));
    };
    let key = key
        .decoding(config.algorithm)
        .ok_or(TokenRefused::Unusable)?;
    // Not `jsonwebtoken::decode`: it reads the clock's part of the claims by a clock of its own, and refuses over header fields that we must ignore.
    let algorithm = config.algorithm.implementation();
    match jsonwebtoken::crypto::verify(parts.signature, parts.signed.as_bytes(), key, algorithm) {
        Ok(true) => decoded(parts.claims),
        Ok(false) | Err(_) => Err(TokenRefused::Unusable),
    }
}

/// A compact JWS whose header fits the issuer.
struct Parts<'t> {
    kid: String,
    signed: &'t str,
    claims: &'t str,
    signature: &'t str,
}

impl<'t> Parts<'t> {
    fn split(token: &'t str, config: &IssuerConfig) -> Result<Self, TokenRefused> {
        if token.len() > MOST_BYTES {
            return Err(TokenRefused::Unusable);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenRefused::Unusable)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenRefused::Unusable)?;
        let Header { alg, kid, crit } = decoded(header)?;
        // RFC 7515 §4.1.11: what is critical and not understood is refused; we understand no extension.
        if alg != config.algorithm.as_str() || crit.is_some() {
            return Err(TokenRefused::Unusable);
        }
        Ok(Parts {
            kid,
            signed,
            claims,
            signature,
        })
    }
}

/// `jku`, `x5u` and `jwk` are not even read. A field given twice is refused (serde).
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
    crit: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct AccessClaims {
    #[serde(flatten)]
    common: CommonClaims,
    client_id: String,
    email: Option<String>,
}

#[derive(Deserialize)]
struct IdClaims {
    #[serde(flatten)]
    common: CommonClaims,
    /// One text: a token for several audiences is not ours.
    aud: String,
    email: Option<String>,
    email_verified: Option<bool>,
    nonce: Option<String>,
}

#[derive(Deserialize)]
struct CommonClaims {
    iss: String,
    sub: String,
    token_use: String,
    exp: u64,
    iat: u64,
    auth_time: u64,
    nbf: Option<u64>,
}

/// Whole seconds since the Unix epoch, small enough to count in milliseconds.
struct Times {
    exp: i64,
    iat: i64,
    auth_time: i64,
}

impl CommonClaims {
    fn check(
        &self,
        config: &IssuerConfig,
        token_use: &str,
        now_millis: i64,
    ) -> Result<Times, TokenRefused> {
        let times = Times {
            exp: seconds(self.exp)?,
            iat: seconds(self.iat)?,
            auth_time: seconds(self.auth_time)?,
        };
        let not_before = self.nbf.map(seconds).transpose()?;
        // An `auth_time` to come would outlive the rule about old sign-ins.
        let begun = [Some(times.iat), Some(times.auth_time), not_before]
            .into_iter()
            .flatten()
            .all(|begin| (begin - LEEWAY_SECONDS) * 1000 <= now_millis);
        let good = self.iss == config.issuer
            && !self.sub.is_empty()
            && self.token_use == token_use
            && begun
            && now_millis < (times.exp + LEEWAY_SECONDS) * 1000;
        good.then_some(times).ok_or(TokenRefused::Unusable)
    }
}

fn seconds(claim: u64) -> Result<i64, TokenRefused> {
    /// The end of the year 9999.
    const LAST: i64 = 253_402_300_799;
    i64::try_from(claim)
        .ok()
        .filter(|seconds| *seconds <= LAST)
        .ok_or(TokenRefused::Unusable)
}

fn decoded<T: DeserializeOwned>(part: &str) -> Result<T, TokenRefused> {
    let json = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenRefused::Unusable)?;
    serde_json::from_slice(&json).map_err(|_| TokenRefused::Unusable)
}

#[cfg(test)]
mod tests;

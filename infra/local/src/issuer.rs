//! The development sign-in issuer: OpenID Connect with exactly the claims that Cognito sets.

mod codes;
mod signing;
mod wire;

use api::{Clock, DashboardUrl, Entropy, HttpCall, SignIn};
use auth::{IssuerConfig, TokenAlgorithm};
use model::{PersonId, Timestamp};
use p256::ecdsa::SigningKey;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use codes::Codes;
use signing::Signer;

/// Signs people in by their address and the one password of the development users.
#[derive(Debug)]
pub struct Issuer {
    url: String,
    signer: Signer,
    users: Vec<String>,
    codes: Codes,
    clock: Clock,
    entropy: Entropy,
}

/// What the token endpoint gives.
pub struct Tokens {
    pub access_token: String,
    pub id_token: String,
}

pub const CLIENT_ID: &str = "instaview-local";
/// Every development user's.
pub const PASSWORD: &str = "instaview";
const TOKEN_SECONDS: i64 = 10 * 60;

impl Issuer {
    /// `url`: the issuer's name, and where it is reached when it listens. `users`: the addresses that may sign in.
    pub(crate) fn new(url: &str, key: SigningKey, users: Vec<String>, clock: Clock) -> Issuer {
        Issuer {
            url: url.to_owned(),
            signer: Signer::new(key),
            users,
            codes: Codes::default(),
            clock,
            entropy: Entropy,
        }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// What verifies this issuer's tokens.
    pub fn config(&self) -> IssuerConfig {
        IssuerConfig {
            issuer: self.url.clone(),
            jwks_url: self.jwks_url(),
            client_ids: vec![CLIENT_ID.to_owned()],
            algorithm: TokenAlgorithm::Es256,
        }
    }

    /// How the dashboard that is reached at `dashboard_url` signs people in; `call` reaches this issuer.
    pub(crate) fn sign_in(&self, dashboard_url: DashboardUrl, call: HttpCall) -> SignIn {
        SignIn {
            issuer: self.url.clone(),
            client_id: CLIENT_ID.to_owned(),
            authorize_url: format!("{}/authorize", self.url),
            token_url: format!("{}/token", self.url),
            dashboard_url: Some(dashboard_url),
            call,
        }
    }

    pub fn jwks(&self) -> Value {
        json!({ "keys": [self.signer.jwk()] })
    }

    pub(crate) fn jwks_url(&self) -> String {
        format!("{}/.well-known/jwks.json", self.url)
    }

    /// The person of this address, whether or not it may sign in.
    pub fn person(&self, email: &str) -> PersonId {
        PersonId::new(&self.url, &subject(email))
    }

    /// Tokens of a person who proved who they are at `auth_time`; issued now, good for 10 minutes.
    pub fn token_for(&self, email: &str, auth_time: Timestamp) -> Tokens {
        self.tokens(email, auth_time, "openid email", None)
    }

    /// Any claims under the issuer's key: for tests of what is refused.
    pub fn sign(&self, claims: &Value) -> String {
        self.signer.sign(claims)
    }

    fn tokens(
        &self,
        email: &str,
        auth_time: Timestamp,
        scope: &str,
        nonce: Option<&str>,
    ) -> Tokens {
        let sub = subject(email);
        let issued = self.clock.now().seconds();
        let (origin, event) = (self.uuid(), self.uuid());
        let common = json!({
            "sub": sub,
            "iss": self.url,
            "origin_jti": origin,
            "event_id": event,
            "auth_time": auth_time.seconds(),
            "exp": issued + TOKEN_SECONDS,
            "iat": issued,
        });
        let mut access = common.clone();
        access["client_id"] = CLIENT_ID.into();
        access["token_use"] = "access".into();
        access["scope"] = scope.into();
        access["jti"] = self.uuid().into();
        access["username"] = sub.as_str().into();
        let mut id = common;
        id["email"] = email.into();
        id["email_verified"] = true.into();
        id["cognito:username"] = sub.as_str().into();
        id["aud"] = CLIENT_ID.into();
        id["token_use"] = "id".into();
        id["jti"] = self.uuid().into();
        if let Some(nonce) = nonce {
            id["nonce"] = nonce.into();
        }
        Tokens {
            access_token: self.sign(&access),
            id_token: self.sign(&id),
        }
    }

    fn knows(&self, email: &str, password: &str) -> bool {
        self.users.iter().any(|user| user == email) && password == PASSWORD
    }

    fn uuid(&self) -> String {
        uuid::Builder::from_random_bytes(self.entropy.bytes())
            .into_uuid()
            .to_string()
    }
}

/// A UUID, as Cognito's subjects are; of the address, so that it is the same in every data directory.
fn subject(email: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(email).into();
    let bytes = std::array::from_fn(|at| digest[at]);
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string()
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

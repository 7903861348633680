//! The one issuer of people's tokens, asked for its keys when a token needs them.

use auth::{
    AccessToken, FetchKeys, IdToken, IssuerConfig, Jwks, JwksCache, JwksUnavailable, TokenRefused,
    key_id, verify_access_token, verify_id_token,
};
use model::Timestamp;
use std::{fmt, sync::Arc};
use tokio::sync::Mutex;

/// Verifies tokens, with the keys that the process remembers.
pub struct TrustedIssuer {
    config: IssuerConfig,
    fetch: FetchKeys,
    /// The lock keeps one refresh in flight.
    key_set: Mutex<JwksCache>,
}

/// Why a token isn't believed.
#[derive(Debug, thiserror::Error)]
pub enum Unbelieved {
    #[error(transparent)]
    Refused(#[from] TokenRefused),
    /// It may be good.
    #[error(transparent)]
    Unavailable(#[from] JwksUnavailable),
}

impl TrustedIssuer {
    pub fn new(config: IssuerConfig, fetch: FetchKeys) -> TrustedIssuer {
        TrustedIssuer {
            config,
            fetch,
            key_set: Mutex::new(JwksCache::new()),
        }
    }

    /// A bearer's token.
    pub async fn access_token(
        &self,
        text: &str,
        now: Timestamp,
    ) -> Result<AccessToken, Unbelieved> {
        let keys = self.keys(text, now).await?;
        Ok(verify_access_token(
            text,
            &self.config,
            &keys,
            now.millis(),
        )?)
    }

    /// A token that says who somebody is, at most 5 minutes old.
    pub async fn id_token(&self, text: &str, now: Timestamp) -> Result<IdToken, Unbelieved> {
        let keys = self.keys(text, now).await?;
        Ok(verify_id_token(text, &self.config, &keys, now.millis())?)
    }

    async fn keys(&self, text: &str, now: Timestamp) -> Result<Arc<Jwks>, Unbelieved> {
        let kid = key_id(text, &self.config)?;
        let url = self.config.jwks_url.clone();
        let mut key_set = self.key_set.lock().await;
        Ok(key_set
            .key_set(&kid, now.millis(), || (self.fetch)(url))
            .await?)
    }
}

impl fmt::Debug for TrustedIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustedIssuer")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

//! Idempotency: one effect for one key, and the first answer for all its requests.

use model::Timestamp;
use routes::Operation;
use sha2::{Digest, Sha256};
use store::{IdempotencyKey, OwnerStore, Remembered};

use crate::{ApiError, Call, Reply};

/// What an effect puts into its transaction, so that its answer is kept exactly when it happened.
#[derive(Debug, Clone)]
pub struct Once {
    key: Option<IdempotencyKey>,
    now: Timestamp,
}

impl Once {
    /// The row to write with the effect; `None` when the client sent no key.
    pub fn remember(&self, reply: &Reply) -> Option<Remembered> {
        Some(Remembered {
            key: self.key.clone()?,
            status: reply.status,
            body: reply.body.clone(),
            etag: reply.etag.clone(),
            at: self.now,
        })
    }
}

impl<Op: Operation> Call<'_, Op> {
    /// Runs the effect, unless this request's `Idempotency-Key` was answered before: then that answer is given again, byte for byte.
    ///
    /// # Errors
    /// 422 when the key was used with another method, path, company or body.
    pub async fn once(
        &self,
        store: &OwnerStore,
        effect: impl AsyncFnOnce(Once) -> Result<Reply, ApiError>,
    ) -> Result<Reply, ApiError> {
        let key = self.idempotency_key(store)?;
        if let Some(key) = &key
            && let Some(reply) = self.replay(store, key).await?
        {
            return Ok(reply);
        }
        match (
            effect(Once {
                key: key.clone(),
                now: self.now,
            })
            .await,
            key,
        ) {
            // Somebody with the same key was faster.
            (Err(ApiError::AlreadyDone), Some(key)) => {
                self.replay(store, &key).await?.ok_or(ApiError::AlreadyDone)
            }
            (outcome, _) => outcome,
        }
    }

    async fn replay(
        &self,
        store: &OwnerStore,
        key: &IdempotencyKey,
    ) -> Result<Option<Reply>, ApiError> {
        let Some(remembered) = store.find_remembered(key, self.now).await? else {
            return Ok(None);
        };
        if remembered.key.fingerprint != key.fingerprint {
            return Err(ApiError::IdempotencyConflict);
        }
        Ok(Some(Reply {
            status: remembered.status,
            body: remembered.body,
            etag: remembered.etag,
            replayed: true,
        }))
    }

    fn idempotency_key(&self, store: &OwnerStore) -> Result<Option<IdempotencyKey>, ApiError> {
        let Some(key) = self.header("idempotency-key") else {
            return Ok(None);
        };
        let (method, path) = self.method_and_path();
        let mut hash = Sha256::new();
        for part in [method, path, &store.owner().to_string()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.update(self.body_bytes());
        let operation = self.operation().route().operation;
        Ok(Some(IdempotencyKey::new(
            &self.principal()?.id(),
            operation,
            key,
            hash.finalize().into(),
        )))
    }
}

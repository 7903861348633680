//! Answers kept under the client's `Idempotency-Key`, in the transaction of the effect that they tell of.

use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure};
use chrono::Duration;
use model::{Timestamp, hex};
use sha2::{Digest, Sha256};

use crate::{
    OwnerStore, StoreError,
    item::{Item, Read, b, item, n, s, set},
    transact::{Transaction, built},
};

/// What makes two requests the same one: principal, operation and the client's key; the company is the partition's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Digest of principal, operation and the client's key: neither of their texts can collide with another's.
    digest: [u8; 32],
    /// SHA-256 over method, path, company and the raw body.
    pub fingerprint: [u8; 32],
}

/// An answer to be kept, or kept before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    pub key: IdempotencyKey,
    pub status: u16,
    pub body: String,
    pub etag: Option<String>,
    pub at: Timestamp,
}

impl IdempotencyKey {
    pub fn new(
        principal: &str,
        operation: &str,
        key: &str,
        fingerprint: [u8; 32],
    ) -> IdempotencyKey {
        let mut hash = Sha256::new();
        for part in [principal, operation, key] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        IdempotencyKey {
            digest: hash.finalize().into(),
            fingerprint,
        }
    }

    pub(crate) fn sk(&self) -> String {
        format!("IDEMPOTENCY#{}", hex(&self.digest))
    }
}

impl Remembered {
    /// By the clock: DynamoDB's own deletion comes late.
    pub const LIFETIME: Duration = Duration::hours(24);

    pub(crate) fn put(&self, store: &OwnerStore) -> Result<Put, StoreError> {
        let Remembered {
            key,
            status,
            body,
            etag,
            at,
        } = self;
        let mut row = store.key(key.sk());
        row.extend(item([
            ("entity", s("idempotency")),
            ("fingerprint", b(key.fingerprint)),
            ("status", n(status)),
            ("body", s(body)),
            ("at", n(at.millis())),
            ("rev", n(1)),
            ("ttl", n(at.plus(Remembered::LIFETIME).seconds() + 1)),
        ]));
        set(&mut row, "etag", etag.as_ref().map(s));
        Put::builder()
            .table_name(&store.table.names.records)
            .set_item(Some(row))
            .condition_expression("attribute_not_exists(pk) OR #at <= :ended")
            .expression_attribute_names("#at", "at")
            .expression_attribute_values(":ended", n(at.minus(Remembered::LIFETIME).millis()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::None)
            .build()
            .map_err(built)
    }

    fn read(row: &Item, key: &IdempotencyKey) -> Result<Remembered, StoreError> {
        Ok(Remembered {
            key: IdempotencyKey {
                digest: key.digest,
                fingerprint: row.bytes("fingerprint")?,
            },
            status: row.parsed("status")?,
            body: row.text("body")?.to_owned(),
            etag: row.parsed_if("etag")?,
            at: row.instant("at")?,
        })
    }
}

impl OwnerStore {
    /// The action that keeps an answer, if one is to be kept. It comes first: of several refusals the first is told, and the same request's own change is no conflict.
    pub(crate) fn remember(
        &self,
        transaction: &mut Transaction,
        remembered: Option<&Remembered>,
    ) -> Result<Option<usize>, StoreError> {
        let put = remembered.map(|remembered| remembered.put(self));
        Ok(put.transpose()?.map(|put| transaction.put(put)))
    }

    /// Keeps the answer of a request that had nothing to change.
    ///
    /// # Errors
    /// `AlreadyDone` where the same request was answered meanwhile.
    pub async fn remember_answer(
        &self,
        remembered: &Remembered,
        nonce: [u8; 16],
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::default();
        transaction.put(remembered.put(self)?);
        transaction
            .commit(&self.table, nonce)
            .await?
            .map_err(|_| StoreError::AlreadyDone)
    }

    /// What was answered under this key in the last 24 hours, strongly; its fingerprint may be another request's.
    pub async fn find_remembered(
        &self,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> Result<Option<Remembered>, StoreError> {
        let row = self
            .table
            .find(&self.table.names.records, self.key(key.sk()))
            .await?;
        let remembered = row.map(|row| Remembered::read(&row, key)).transpose()?;
        Ok(remembered.filter(|remembered| now < remembered.at.plus(Remembered::LIFETIME)))
    }
}

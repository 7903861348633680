//! Refusals of known credentials, kept for the members of their owner.

use aws_sdk_dynamodb::{
    operation::put_item::PutItemError, types::ReturnValuesOnConditionCheckFailure,
};
use chrono::Duration;
use model::{Actor, Denial, Owner, Reason, Timestamp, UserAgent, hex};
use sha2::{Digest, Sha256};

use crate::{
    OwnerStore, StoreError, Table,
    item::{Item, Read, item, key, n, s, set},
};

/// A request id as a key of ours: the plain one may be whatever the client made of it, empty or long.
pub fn request_digest(request_id: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(request_id).into();
    hex(&digest[..16])
}

/// The local index by the gateway's plain request id, in case that the authorizer's event lacks the extended one.
pub(crate) const BY_PLAIN_REQUEST_ID: (&str, &str) = ("byPlainRequestId", "plainRequestDigest");

/// One refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DenialRow {
    pub owner: Owner,
    pub actor: Actor,
    pub denial: Denial,
    pub user_agent: Option<UserAgent>,
    /// [`request_digest`] of the gateway's plain request id.
    pub plain_request_digest: String,
}

/// The one row that says that a key's window was full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimitRow {
    pub row: DenialRow,
    /// The window's name: one row a credential and window.
    pub window: String,
}

/// How often a refusal was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    New,
    /// Somebody kept it before.
    Already,
}

impl Table {
    /// Keeps a refusal as a row of its own; `random` keeps apart what shares a request id.
    pub async fn create_denial(&self, row: &DenialRow, random: [u8; 8]) -> Result<(), StoreError> {
        let sk = format!("{}#{}", row.denial.request_id, hex(&random));
        self.put_denial(row, &sk, "denial").await.map(|_| ())
    }

    /// Keeps that this credential's refusals are no longer kept one by one in this minute.
    pub async fn create_suppression(&self, row: &DenialRow) -> Result<Kept, StoreError> {
        self.put_denial(row, &row.suppressed_sk(), "suppressed")
            .await
    }

    /// Keeps that a window was full, once, and the refusal that met it first.
    pub async fn create_rate_limit(
        &self,
        limit: &RateLimitRow,
        random: [u8; 8],
    ) -> Result<Kept, StoreError> {
        let sk = format!("#RATE#{}#{}", limit.row.actor.id, limit.window);
        let kept = self.put_denial(&limit.row, &sk, "rate_limit").await?;
        if kept == Kept::New {
            self.create_denial(&limit.row, random).await?;
        }
        Ok(kept)
    }

    async fn put_denial(
        &self,
        row: &DenialRow,
        sk: &str,
        entity: &str,
    ) -> Result<Kept, StoreError> {
        let item = row.item(sk, entity);
        let sent = self
            .client
            .put_item()
            .table_name(&self.names.denials)
            .set_item(Some(item.clone()))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = sent else {
            return Ok(Kept::New);
        };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                // Our own row, re-sent after its answer was lost.
                let own = failed.item.as_ref() == Some(&item);
                Ok(if own { Kept::New } else { Kept::Already })
            }
            _ => Err(StoreError::from_sdk(error)),
        }
    }
}

impl OwnerStore {
    /// The refusal of this request, by the id that the response carried; the first one where several share it.
    pub async fn get_denial(&self, request_id: &str) -> Result<Denial, StoreError> {
        let by_id = self
            .query_denials(
                None,
                "sk",
                "begins_with(#sort, :id)",
                format!("{request_id}#"),
            )
            .await?;
        let (index, attribute) = BY_PLAIN_REQUEST_ID;
        let found = match by_id {
            Some(row) => Some(row),
            None => {
                self.query_denials(
                    Some(index),
                    attribute,
                    "#sort = :id",
                    request_digest(request_id),
                )
                .await?
            }
        };
        let mut row = found.ok_or(StoreError::NotFound)?;
        let sk = key(self.owner(), row.suppressed_sk());
        if let Some(suppressed) = self.table.find(&self.table.names.denials, sk).await? {
            row.denial.suppressed = true;
            row.denial.count = DenialRow::read(&suppressed)?.denial.count;
        }
        Ok(row.denial)
    }

    async fn query_denials(
        &self,
        index: Option<&str>,
        attribute: &str,
        condition: &str,
        id: String,
    ) -> Result<Option<DenialRow>, StoreError> {
        let found = self
            .table
            .client
            .query()
            .table_name(&self.table.names.denials)
            .set_index_name(index.map(str::to_owned))
            .key_condition_expression(format!("pk = :pk AND {condition}"))
            .expression_attribute_names("#sort", attribute)
            .expression_attribute_values(":pk", s(self.owner()))
            .expression_attribute_values(":id", s(id))
            .consistent_read(true)
            .limit(1)
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        let row = found.items.unwrap_or_default().into_iter().next();
        row.map(|row| DenialRow::read(&row)).transpose()
    }
}

impl DenialRow {
    /// Rows go after 90 days; the chain keeps the event.
    const LIFETIME: Duration = Duration::days(90);

    /// The row that says that not all refusals of this credential and minute were kept.
    fn suppressed_sk(&self) -> String {
        format!(
            "#SUPPRESSED#{}#{}",
            self.actor.id,
            self.denial.at.seconds().div_euclid(60)
        )
    }

    fn item(&self, sk: &str, entity: &str) -> Item {
        let DenialRow {
            owner,
            actor,
            denial,
            user_agent,
            plain_request_digest,
        } = self;
        let Denial {
            request_id,
            at,
            status,
            reason,
            message,
            operation,
            source_ip,
            key_id,
            secret_suffix,
            company_id,
            suppressed,
            count,
        } = denial;
        let mut row = key(owner, sk);
        row.extend(item([
            ("entity", s(entity)),
            ("owner", s(owner)),
            ("actorKind", s(actor.kind)),
            ("actor", s(&actor.id)),
            ("requestId", s(request_id)),
            ("at", n(at.millis())),
            ("status", n(status)),
            ("reason", s(reason)),
            ("message", s(message)),
            ("op", s(operation)),
            ("ip", s(source_ip)),
            ("rev", n(1)),
            ("ttl", n(at.plus(DenialRow::LIFETIME).seconds())),
        ]));
        // A row that stands for refusals that were not kept must not be found by the id of one of them.
        let plain = (entity == "denial").then(|| s(plain_request_digest));
        set(&mut row, BY_PLAIN_REQUEST_ID.1, plain);
        set(&mut row, "keyId", key_id.map(s));
        set(&mut row, "secret", secret_suffix.as_ref().map(s));
        set(&mut row, "agent", user_agent.as_ref().map(s));
        set(&mut row, "company", company_id.map(s));
        set(&mut row, "suppressed", suppressed.then(|| s("true")));
        set(&mut row, "count", count.map(n));
        row
    }

    /// From a row of the table, or an image of its stream.
    pub fn read(row: &Item) -> Result<DenialRow, StoreError> {
        let reason: Reason = row.parsed("reason")?;
        let at: Timestamp = row.instant("at")?;
        Ok(DenialRow {
            owner: row.parsed("owner")?,
            actor: Actor {
                kind: row.parsed("actorKind")?,
                id: row.text("actor")?.to_owned(),
            },
            user_agent: row.parsed_if("agent")?,
            plain_request_digest: row.parsed_if(BY_PLAIN_REQUEST_ID.1)?.unwrap_or_default(),
            denial: Denial {
                request_id: row.text("requestId")?.to_owned(),
                at,
                status: row.parsed("status")?,
                reason,
                message: row.text("message")?.to_owned(),
                operation: row.text("op")?.to_owned(),
                source_ip: row.text("ip")?.to_owned(),
                key_id: row.parsed_if("keyId")?,
                secret_suffix: row.parsed_if("secret")?,
                company_id: row.parsed_if("company")?,
                suppressed: row.contains_key("suppressed"),
                count: row.parsed_if("count")?,
            },
        })
    }
}

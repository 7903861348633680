//! Records that could not be taken in, kept until they can.

use api::{NotReached, Objects};
use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};
use std::{fmt, future::Future, pin::Pin};
use store::{StoreError, Table};

use crate::{Consumer, Unreadable, catch_up, consume, revision, usage_turn};

/// Where a record goes that can't be read: it must not delay the others.
pub trait Quarantine: fmt::Debug + Send + Sync {
    /// # Errors
    /// It isn't held, and must be delivered again.
    fn hold<'a>(
        &'a self,
        record: &'a EventRecord,
        why: &'a Unreadable,
    ) -> Pin<Box<dyn Future<Output = Result<(), NotHeld>> + Send + 'a>>;
}

#[derive(Debug, thiserror::Error)]
pub enum NotHeld {
    #[error(transparent)]
    Objects(#[from] NotReached),
    #[error("the record is no JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Says in the log that there was such a record, by its ids alone: keys and images may hold what is personal.
#[derive(Debug, Clone, Copy)]
pub struct LogOnly;

impl Quarantine for LogOnly {
    fn hold<'a>(
        &'a self,
        record: &'a EventRecord,
        why: &'a Unreadable,
    ) -> Pin<Box<dyn Future<Output = Result<(), NotHeld>> + Send + 'a>> {
        tracing::error!(
            event_id = record.event_id,
            sequence_number = record.change.sequence_number,
            stream = record.event_source_arn,
            %why,
            "unreadable stream record"
        );
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Keeps the record without what is anybody's ([`store::without_people`]), as `quarantine/<event id>`, and says so in the log.
#[derive(Debug, Clone)]
pub struct Held(pub Objects);

impl Held {
    /// What the names of all records begin with.
    pub const PREFIX: &'static str = "quarantine/";
}

impl Quarantine for Held {
    fn hold<'a>(
        &'a self,
        record: &'a EventRecord,
        why: &'a Unreadable,
    ) -> Pin<Box<dyn Future<Output = Result<(), NotHeld>> + Send + 'a>> {
        Box::pin(async move {
            let name = format!("{}{}", Held::PREFIX, record.event_id);
            let mut kept = record.clone();
            let change = &mut kept.change;
            [change.keys, change.old_image, change.new_image] = store::without_people(
                std::mem::take(&mut change.keys),
                std::mem::take(&mut change.old_image),
                std::mem::take(&mut change.new_image),
            );
            // One that was held before is the same.
            self.0.put_new(&name, serde_json::to_vec(&kept)?).await?;
            LogOnly.hold(record, why).await
        })
    }
}

/// What the deployed consumer keeps, and where.
#[derive(Debug, Clone)]
pub struct Kept {
    pub quarantine: Held,
    /// The streams' failure destination.
    pub failures: Objects,
}

/// Why an invocation has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    #[error(transparent)]
    Objects(#[from] NotReached),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the event is no stream's: {0}")]
    Json(#[from] serde_json::Error),
}

/// What names a place among the failed batches, so that one text says where a redrive goes on.
const FAILURES: &str = "failures/";

/// Takes a stream's batch; or [`usage_turn`]; or `{"redrive": true}`, by which whoever runs the stack has it read again what is kept.
///
/// The latter two begin nothing once `is_over`. A redrive's answer's `next`, given back as `after`, goes on there; it is null at the end.
///
/// # Errors
/// The whole batch must be delivered again.
pub async fn handle(
    table: &Table,
    kept: &Kept,
    event: Value,
    mut nonce: impl FnMut() -> [u8; 16],
    is_over: impl Fn() -> bool,
) -> Result<Value, Failed> {
    let consumer = Consumer {
        table,
        quarantine: &kept.quarantine,
    };
    if event == usage_turn() {
        let left = catch_up(table, nonce, is_over).await?;
        return Ok(json!({ "left": left }));
    }
    if event["redrive"] == true {
        let after = event["after"].as_str();
        let redriven = redrive_all(&consumer, kept, after, &mut nonce, is_over).await?;
        return Ok(json!(redriven));
    }
    let response = consume(&consumer, serde_json::from_value(event)?, nonce()).await;
    Ok(serde_json::to_value(response)?)
}

/// The quarantined records first, then the failed batches.
async fn redrive_all(
    consumer: &Consumer<'_>,
    kept: &Kept,
    after: Option<&str>,
    mut nonce: impl FnMut() -> [u8; 16],
    is_over: impl Fn() -> bool,
) -> Result<Redriven, NotReached> {
    let of_failures = after.and_then(|after| after.strip_prefix(FAILURES));
    let mut redriven = Redriven::default();
    if of_failures.is_none() {
        let held = &kept.quarantine.0;
        redriven = redrive(consumer, held, Held::PREFIX, after, &mut nonce, &is_over).await?;
        if redriven.next.is_none() && is_over() {
            redriven.next = Some(FAILURES.to_owned());
        }
        if redriven.next.is_some() {
            return Ok(redriven);
        }
    }
    let after = of_failures.filter(|after| !after.is_empty());
    let failed = redrive(consumer, &kept.failures, "", after, &mut nonce, &is_over).await?;
    Ok(Redriven {
        taken: redriven.taken + failed.taken,
        unreadable: redriven.unreadable + failed.unreadable,
        failed: redriven.failed + failed.failed,
        next: failed.next.map(|next| format!("{FAILURES}{next}")),
    })
}

/// What became of the records that were read again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Redriven {
    /// They stand in the chains now, or did before.
    pub taken: u64,
    /// They can't be read yet.
    pub unreadable: u64,
    /// The store didn't take them; another turn may.
    pub failed: u64,
    /// The last object that was read, where there are more.
    pub next: Option<String>,
}

/// Reads what is kept after this object, quarantined records and whole batches of the streams' failure destination, and appends what can be read now. Twice is once: what was appended is known by its row and revision.
///
/// It stops after the first object at which it `is_over`, so that each call gets on.
///
/// # Errors
/// The objects can't be read to the end.
pub async fn redrive(
    consumer: &Consumer<'_>,
    kept: &Objects,
    prefix: &str,
    after: Option<&str>,
    mut nonce: impl FnMut() -> [u8; 16],
    is_over: impl Fn() -> bool,
) -> Result<Redriven, NotReached> {
    const PAGE: usize = 1_000;
    let mut redriven = Redriven::default();
    let mut after = after.map(str::to_owned);
    loop {
        let names = kept.list(prefix, after.as_deref(), PAGE).await?;
        for (place, name) in names.iter().enumerate() {
            redriven.take(consumer, kept, name, &mut nonce).await?;
            let is_last = place + 1 == names.len() && names.len() < PAGE;
            if !is_last && is_over() {
                redriven.next = Some(name.clone());
                return Ok(redriven);
            }
        }
        match names.last() {
            Some(last) if names.len() == PAGE => after = Some(last.clone()),
            _ => return Ok(redriven),
        }
    }
}

impl Redriven {
    /// One object's records.
    async fn take(
        &mut self,
        consumer: &Consumer<'_>,
        kept: &Objects,
        name: &str,
        mut nonce: impl FnMut() -> [u8; 16],
    ) -> Result<(), NotReached> {
        let bytes = kept.get(name).await?.unwrap_or_default();
        let Some(records) = records(&bytes) else {
            self.unreadable += 1;
            return Ok(());
        };
        for record in records {
            if revision(consumer.table.names(), &record).is_err() {
                self.unreadable += 1;
                continue;
            }
            let mut batch = Event::default();
            batch.records = vec![record];
            let response = consume(consumer, batch, nonce()).await;
            match response.batch_item_failures.is_empty() {
                true => self.taken += 1,
                false => self.failed += 1,
            }
        }
        Ok(())
    }
}

/// Of one record, or of a batch as Lambda writes it to a failure destination: a JSON object with the event, or its text, as `payload`.
fn records(bytes: &[u8]) -> Option<Vec<EventRecord>> {
    #[derive(Deserialize)]
    struct Failure<'f> {
        #[serde(borrow)]
        payload: &'f RawValue,
    }
    if let Ok(record) = serde_json::from_slice::<EventRecord>(bytes) {
        return Some(vec![record]);
    }
    let failure: Failure<'_> = serde_json::from_slice(bytes).ok()?;
    let payload: Value = serde_json::from_str(failure.payload.get()).ok()?;
    let event: Event = match payload {
        Value::String(text) => serde_json::from_str(&text).ok()?,
        event => serde_json::from_value(event).ok()?,
    };
    Some(event.records)
}

//! The audit trail's writer: it reads the streams of keys, denials and records, appends what they tell to the owners' chains, and folds the chains into usage.
//!
//! Invariant: a record that was delivered stands in its owner's chain exactly once, however often and however cut it is delivered again, and the records of one row stand in their order.
//! Knows nothing of HTTP, the environment, the clock or the source of randomness.

mod quarantine;
mod telling;

pub use quarantine::{Failed, Held, Kept, LogOnly, NotHeld, Quarantine, Redriven, handle, redrive};
pub use telling::{Unreadable, revision};

use aws_lambda_events::{
    event::dynamodb::Event,
    streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse},
};
use model::Owner;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::{Appended, Revision, StoreError, Table};

/// What the consumer needs.
#[derive(Debug, Clone, Copy)]
pub struct Consumer<'a> {
    pub table: &'a Table,
    pub quarantine: &'a dyn Quarantine,
}

/// Appends a batch of one shard. `nonce`: random, new for each call.
///
/// The answer names the first record that couldn't be appended; the stream delivers it and all after it again.
#[expect(
    clippy::disallowed_methods,
    reason = "usage is folded where the chain grows"
)]
pub async fn consume(
    consumer: &Consumer<'_>,
    batch: Event,
    nonce: [u8; 16],
) -> DynamoDbEventResponse {
    let mut owners: BTreeMap<Owner, Told> = BTreeMap::new();
    let mut failed: Option<usize> = None;
    for (place, record) in batch.records.iter().enumerate() {
        match revision(consumer.table.names(), record) {
            Ok(Some(revision)) => {
                let told = owners.entry(revision.owner).or_default();
                told.places.push(place);
                told.revisions.push(revision);
            }
            Ok(None) => {}
            Err(why) => {
                if let Err(error) = consumer.quarantine.hold(record, &why).await {
                    tracing::warn!(%error, "a record not held, the stream will deliver it again");
                    failed.get_or_insert(place);
                }
            }
        }
    }
    // One owner's trouble doesn't keep the others' events back.
    for (owner, told) in &owners {
        if let Err(NotAppended { from, source }) =
            append_all(consumer.table, &told.revisions, nonce).await
        {
            tracing::warn!(%owner, error = %source, "events not appended, the stream will deliver them again");
            let place = told.places[from];
            failed = Some(failed.map_or(place, |before| before.min(place)));
            continue;
        }
        match consumer.table.fold_usage(*owner, nonce).await {
            // The hourly turn goes on where there is more.
            Ok(_) => {}
            // Coming again would not help, and the chain must go on.
            Err(error @ StoreError::Corrupt(_)) => {
                tracing::error!(%owner, %error, "usage can't be folded");
            }
            // Counted once in any case, so that the last record may come again for usage alone.
            Err(error) => {
                tracing::warn!(%owner, %error, "usage not folded, the stream will deliver an event again");
                let place = *told.places.last().unwrap_or(&0);
                failed = Some(failed.map_or(place, |before| before.min(place)));
            }
        }
    }
    let mut response = DynamoDbEventResponse::default();
    if let Some(record) = failed.and_then(|place| batch.records.get(place)) {
        let mut failure = DynamoDbBatchItemFailure::default();
        // Lambda takes the lack of a number as the failure of the whole batch.
        failure.item_identifier = record.change.sequence_number.clone();
        response.batch_item_failures.push(failure);
    }
    response
}

/// The event of the turn that comes each hour.
pub fn usage_turn() -> Value {
    json!({ "turn": "usage" })
}

/// Folds what chains have more than usage, whoever's they are: an owner's batch leaves some where there is too much for one, or where the store was away, and the owner's next event may be long in coming. Whether anything is left.
///
/// # Errors
/// Nobody knows where there is something to fold.
#[expect(
    clippy::disallowed_methods,
    reason = "what a batch leaves is anybody's"
)]
pub async fn catch_up(
    table: &Table,
    mut nonce: impl FnMut() -> [u8; 16],
    is_over: impl Fn() -> bool,
) -> Result<bool, StoreError> {
    let mut left = false;
    for owner in table.list_unfolded().await? {
        loop {
            if is_over() {
                return Ok(true);
            }
            match table.fold_usage(owner, nonce()).await {
                Ok(folded) if folded.behind => {}
                Ok(_) => break,
                // One that fails keeps no other back.
                Err(error) => {
                    tracing::error!(%owner, %error, "usage not folded");
                    left = true;
                    break;
                }
            }
        }
    }
    Ok(left)
}

/// One owner's part of a batch.
#[derive(Debug, Default)]
struct Told {
    revisions: Vec<Revision>,
    /// Each revision's record in the batch.
    places: Vec<usize>,
}

struct NotAppended {
    from: usize,
    source: StoreError,
}

#[expect(clippy::disallowed_methods, reason = "this is what appends to chains")]
async fn append_all(
    table: &Table,
    revisions: &[Revision],
    nonce: [u8; 16],
) -> Result<(), NotAppended> {
    let mut settled = 0;
    while settled < revisions.len() {
        let appended = table
            .append(&revisions[settled..], nonce)
            .await
            .map_err(|source| NotAppended {
                from: settled,
                source,
            })?;
        report(&appended);
        settled += appended.taken;
    }
    Ok(())
}

fn report(appended: &Appended) {
    for gap in &appended.gaps {
        tracing::error!(
            row = gap.row,
            first = gap.first,
            last = gap.last,
            "revisions are missing"
        );
    }
    tracing::debug!(
        events = appended.events,
        repeated = appended.repeated,
        recounted = appended.recounted,
        "appended"
    );
}

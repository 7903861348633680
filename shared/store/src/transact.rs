//! The only caller of TransactWriteItems, what waits for a transaction to let go of a row, and the writes that many rows have alike.

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::{
        transact_write_items::TransactWriteItemsError,
        update_item::{UpdateItemError, UpdateItemOutput, builders::UpdateItemFluentBuilder},
    },
    types::{
        CancellationReason, ConditionCheck, Delete, Put, ReturnValue,
        ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update, builders::UpdateBuilder,
    },
};
use std::time::Duration;

use crate::{
    Stamp, StoreError, Table,
    gate::refused_row,
    item::{Item, n},
};

/// Actions that take effect together or not at all, at most 100.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    actions: Vec<TransactWriteItem>,
}

/// Which action's condition failed, and the row that it met.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) action: usize,
    pub(crate) row: Option<Item>,
}

impl Transaction {
    /// DynamoDB's own limit.
    pub(crate) const MAX_ACTIONS: usize = 100;
    const MAX_TRIES: u32 = 5;

    /// The action's index, for telling which one was refused.
    pub(crate) fn put(&mut self, put: Put) -> usize {
        self.push(TransactWriteItem::builder().put(put).build())
    }

    pub(crate) fn update(&mut self, update: Update) -> usize {
        self.push(TransactWriteItem::builder().update(update).build())
    }

    pub(crate) fn delete(&mut self, delete: Delete) -> usize {
        self.push(TransactWriteItem::builder().delete(delete).build())
    }

    pub(crate) fn check(&mut self, check: ConditionCheck) -> usize {
        self.push(TransactWriteItem::builder().condition_check(check).build())
    }

    fn push(&mut self, action: TransactWriteItem) -> usize {
        self.actions.push(action);
        self.actions.len() - 1
    }

    /// Commits; `nonce` makes the SDK's own re-sending harmless and spreads the retries of conflicts.
    ///
    /// # Errors
    /// `Ok(Err(…))` where a condition failed; throttled when other transactions were in the way 5 times.
    pub(crate) async fn commit(
        self,
        table: &Table,
        nonce: [u8; 16],
    ) -> Result<Result<(), Refused>, StoreError> {
        debug_assert!(self.actions.len() <= Self::MAX_ACTIONS);
        let token = model::hex(&nonce[..15]);
        for attempt in 0..Self::MAX_TRIES {
            let sent = table
                .client
                .transact_write_items()
                .set_transact_items(Some(self.actions.clone()))
                // A canceled transaction is tried anew, so it needs another token; a lost answer must not.
                .client_request_token(format!("{token}{attempt}"))
                .send()
                .await;
            let error = match sent {
                Ok(_) => return Ok(Ok(())),
                Err(error) => error,
            };
            let Some(reasons) = cancellation(&error) else {
                return Err(StoreError::from_sdk(error));
            };
            // A failed condition is final even where another action met a conflict.
            if let Some((action, reason)) = reasons
                .iter()
                .enumerate()
                .find(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"))
            {
                return Ok(Err(Refused {
                    action,
                    row: reason.item().cloned(),
                }));
            }
            let transient = |reason: &CancellationReason| {
                matches!(
                    reason.code(),
                    None | Some(
                        "None"
                            | "TransactionConflict"
                            | "ThrottlingError"
                            | "ProvisionedThroughputExceeded"
                    )
                )
            };
            if !reasons.iter().all(transient) {
                return Err(StoreError::from_sdk(error));
            }
            if attempt + 1 < Self::MAX_TRIES {
                tokio::time::sleep(pause(attempt, nonce)).await;
            }
        }
        Err(StoreError::Throttled(
            "other transactions were in the way".to_owned(),
        ))
    }
}

impl Table {
    /// The row after a change that one item's update makes: it needs no transaction, which would cost twice as much and stand in the way of requests. The SDK has another type for the same update.
    ///
    /// # Errors
    /// `Conflict` where the update's condition failed.
    pub(crate) async fn update_alone(
        &self,
        update: Update,
        stamp: &Stamp,
    ) -> Result<Item, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(update.table_name())
            .set_key(Some(update.key().clone()))
            .update_expression(update.update_expression())
            .set_condition_expression(update.condition_expression().map(str::to_owned))
            .set_expression_attribute_names(update.expression_attribute_names().cloned())
            .set_expression_attribute_values(update.expression_attribute_values().cloned())
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match send_past_transactions(update, stamp.nonce).await {
            Ok(output) => output.attributes.ok_or(StoreError::Corrupt("ALL_NEW")),
            Err(error) => match refused_row(error)? {
                // Our own write, re-sent after its answer was lost.
                Some(row) if stamp.stands_on(&row) => Ok(row),
                _ => Err(StoreError::Conflict),
            },
        }
    }
}

/// Sends an update, and again while a transaction holds its row: the SDK doesn't.
pub(crate) async fn send_past_transactions(
    update: UpdateItemFluentBuilder,
    nonce: [u8; 16],
) -> Result<UpdateItemOutput, SdkError<UpdateItemError>> {
    for attempt in 0..Transaction::MAX_TRIES - 1 {
        let sent = update.clone().send().await;
        match &sent {
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(UpdateItemError::is_transaction_conflict_exception) =>
            {
                tokio::time::sleep(pause(attempt, nonce)).await;
            }
            _ => return sent,
        }
    }
    update.send().await
}

/// Puts a new row, which must not be there yet.
pub(crate) fn put_new(table: &str, item: Item) -> Result<Put, StoreError> {
    Put::builder()
        .table_name(table)
        .set_item(Some(item))
        .condition_expression("attribute_not_exists(pk)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .map_err(built)
}

/// Puts a row where its version `from` is.
pub(crate) fn put_over(table: &str, item: Item, from: u64) -> Result<Put, StoreError> {
    Put::builder()
        .table_name(table)
        .set_item(Some(item))
        .condition_expression("#version = :from")
        .expression_attribute_names("#version", "version")
        .expression_attribute_values(":from", n(from))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .map_err(built)
}

/// Puts a row where its `rev` is this one.
pub(crate) fn put_at_rev(table: &str, item: Item, rev: u64) -> Result<Put, StoreError> {
    Put::builder()
        .table_name(table)
        .set_item(Some(item))
        .condition_expression("#rev = :rev")
        .expression_attribute_names("#rev", "rev")
        .expression_attribute_values(":rev", n(rev))
        .build()
        .map_err(built)
}

/// The update that makes of a row's version `from` the next one. Its expression begins with [`NEXT`] and adds `:one` to `#rev`.
pub(crate) fn next_version(table: &str, key: Item, from: u64, stamp: &Stamp) -> UpdateBuilder {
    Update::builder()
        .table_name(table)
        .set_key(Some(key))
        .condition_expression("#version = :from")
        .expression_attribute_names("#version", "version")
        .expression_attribute_names("#changed", Stamp::ATTRIBUTE)
        .expression_attribute_names("#rev", "rev")
        .expression_attribute_values(":from", n(from))
        .expression_attribute_values(":next", n(from + 1))
        .expression_attribute_values(":changed", stamp.value())
        .expression_attribute_values(":one", n(1))
}

pub(crate) const NEXT: &str = "SET #version = :next, #changed = :changed";

/// Counts one more of what there may be `limit` of, in a row that is nothing but this count.
pub(crate) fn one_more(table: &str, key: Item, limit: u32) -> UpdateBuilder {
    Update::builder()
        .table_name(table)
        .set_key(Some(key))
        .update_expression("ADD #made :one, #rev :one")
        .condition_expression("attribute_not_exists(#made) OR #made < :limit")
        .expression_attribute_names("#made", "made")
        .expression_attribute_names("#rev", "rev")
        .expression_attribute_values(":one", n(1))
        .expression_attribute_values(":limit", n(limit))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::None)
}

/// A builder that misses a member is our mistake.
pub(crate) fn built(error: aws_sdk_dynamodb::error::BuildError) -> StoreError {
    StoreError::Dynamo(error.to_string())
}

fn cancellation(error: &SdkError<TransactWriteItemsError>) -> Option<&[CancellationReason]> {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
            Some(canceled.cancellation_reasons())
        }
        _ => None,
    }
}

/// 10 to 20 ms, doubled each time: together under the 2 s that a caller waits at most.
fn pause(attempt: u32, nonce: [u8; 16]) -> Duration {
    let spread = u64::from(nonce[15]) * 10 / 255;
    Duration::from_millis((10 + spread) << attempt)
}

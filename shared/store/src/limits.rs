//! A company's plan, and the limits that its keys copy from it.
//!
//! A key's limits stand on its own row, so that the write that counts a request also proves them. A plan that changes must therefore reach every key: the company's row changes first, and whoever copies limits to a key proves in the same transaction that they are still the company's.
//! What is left is a task, which the worker ends where a process stopped before.

use aws_sdk_dynamodb::types::{
    ConditionCheck, ReturnValuesOnConditionCheckFailure, Update, builders::UpdateBuilder,
};
use model::{KeyState, Limits, RateLimit};

use crate::{
    CompanyStore, KeyRow, OwnerStore, Stamp, StoreError, StoredCompany, Task,
    item::{Item, Read, item, n, s, set},
    transact::{NEXT, Transaction, built, next_version},
};

impl OwnerStore {
    /// That the company's limits are these, for whoever copies them to a key.
    pub(crate) fn limits_check(&self, limits: RateLimit) -> Result<ConditionCheck, StoreError> {
        let mut check = ConditionCheck::builder()
            .table_name(&self.table.names.records)
            .set_key(Some(self.key("COMPANY")))
            .expression_attribute_names("#minute", "perMinute")
            .expression_attribute_names("#hour", "perHour")
            .expression_attribute_names("#second", "perSecond")
            .expression_attribute_values(":minute", n(limits.per_minute))
            .expression_attribute_values(":hour", n(limits.per_hour))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::None);
        let second = match limits.per_second {
            None => "attribute_not_exists(#second)",
            Some(limit) => {
                check = check.expression_attribute_values(":second", n(limit));
                "#second = :second"
            }
        };
        check
            .condition_expression(format!("#minute = :minute AND #hour = :hour AND {second}"))
            .build()
            .map_err(built)
    }
}

impl CompanyStore {
    /// Puts the company on a plan; its keys follow by [`Self::spread_limits`].
    ///
    /// # Errors
    /// `Conflict` when the row is no longer `old`.
    pub async fn set_limits(
        &self,
        old: &StoredCompany,
        limits: &Limits,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let Limits {
            plan,
            rate_limit,
            key_limit,
            minutes_per_month,
        } = limits;
        let records = &self.table.names.records;
        let next = next_version(records, self.key("COMPANY"), old.version, stamp)
            .expression_attribute_names("#updated", "updated")
            .expression_attribute_names("#plan", "plan")
            .expression_attribute_names("#keys", "keyLimit")
            .expression_attribute_names("#minutes", "minutesPerMonth")
            .expression_attribute_values(":at", n(stamp.at.millis()))
            .expression_attribute_values(":plan", s(plan))
            .expression_attribute_values(":keys", n(key_limit))
            .expression_attribute_values(":minutes", n(minutes_per_month));
        let set =
            format!("{NEXT}, #updated = :at, #plan = :plan, #keys = :keys, #minutes = :minutes");
        let update = setting(next, &set, *rate_limit).build().map_err(built)?;
        let mut transaction = Transaction::default();
        transaction.update(update);
        transaction.put(self.task(Task::LIMITS)?);
        match transaction.commit(&self.table, stamp.nonce).await? {
            Ok(()) => Ok(()),
            Err(_) => Err(StoreError::Conflict),
        }
    }

    /// Gives at most `most` of the company's keys the company's limits; true when none is left, and the task is gone.
    ///
    /// Revoked keys keep theirs: they never count again. No event tells of a key's part: the company's own did.
    /// `nonce`: random, new for each call.
    ///
    /// # Errors
    /// `Conflict` where the plan changed meanwhile: then there is more to do.
    pub async fn spread_limits(
        &self,
        most: usize,
        nonce: impl Fn() -> [u8; 16],
    ) -> Result<bool, StoreError> {
        let limits = self.get_company().await?.rate_limit;
        let mut keys = self.all_keys().await?;
        keys.retain(|row| row.facts.state != KeyState::Revoked && row.facts.limits != limits);
        let all = keys.len() <= most;
        for row in keys.into_iter().take(most) {
            self.give_limits(row, limits, &nonce).await?;
        }
        if !all {
            return Ok(false);
        }
        let mut done = Transaction::default();
        done.delete(self.task_end(Task::LIMITS)?);
        // Whoever changed the plan meanwhile has put the task there anew.
        done.check(self.limits_check(limits)?);
        match done.commit(&self.table, nonce()).await? {
            Ok(()) => Ok(true),
            Err(_) => Err(StoreError::Conflict),
        }
    }

    /// Others may change the key meanwhile, and its requests are counted all the time; neither is a new version of the limits.
    async fn give_limits(
        &self,
        mut row: KeyRow,
        limits: RateLimit,
        nonce: &impl Fn() -> [u8; 16],
    ) -> Result<(), StoreError> {
        const TRIES: u32 = 8;
        for _ in 0..TRIES {
            let mut step = Transaction::default();
            let key = step.update(self.limits_update(&row, limits)?);
            step.check(self.limits_check(limits)?);
            match step.commit(&self.table, nonce()).await? {
                Ok(()) => return Ok(()),
                Err(refused) if refused.action == key => {
                    let mut again = self.key_rows(&[row.facts.id]).await?;
                    row = again.pop().ok_or(StoreError::NotFound)?;
                    if row.facts.state == KeyState::Revoked || row.facts.limits == limits {
                        return Ok(());
                    }
                }
                Err(_) => return Err(StoreError::Conflict),
            }
        }
        Err(StoreError::Throttled(
            "others changed the key each time".to_owned(),
        ))
    }

    /// Every hint of the key is dead from this moment.
    fn limits_update(&self, row: &KeyRow, limits: RateLimit) -> Result<Update, StoreError> {
        let from = row.facts.counted.version;
        let update = Update::builder()
            .table_name(&self.table.names.keys)
            .set_key(Some(KeyRow::key(row.facts.id)))
            .condition_expression("#version = :from AND #owner = :owner")
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_names("#rev", "rev")
            .expression_attribute_values(":from", n(from))
            .expression_attribute_values(":next", n(from + 1))
            .expression_attribute_values(":owner", s(self.owner()))
            .expression_attribute_values(":one", n(1))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::None);
        setting(update, "SET #version = :next", limits)
            .build()
            .map_err(built)
    }
}

/// The limits that a row holds.
pub(crate) fn read_limits(row: &Item) -> Result<RateLimit, StoreError> {
    Ok(RateLimit {
        per_minute: row.parsed("perMinute")?,
        per_hour: row.parsed("perHour")?,
        per_second: row.parsed_if("perSecond")?,
    })
}

/// Has a new row hold the limits.
pub(crate) fn hold_limits(row: &mut Item, limits: RateLimit) {
    row.extend(item([
        ("perMinute", n(limits.per_minute)),
        ("perHour", n(limits.per_hour)),
    ]));
    set(row, "perSecond", limits.per_second.map(n));
}

/// The update with its expression, `SET …`, going on to set the limits and to raise `#rev`.
pub(crate) fn setting(update: UpdateBuilder, set: &str, limits: RateLimit) -> UpdateBuilder {
    let update = update
        .expression_attribute_names("#minute", "perMinute")
        .expression_attribute_names("#hour", "perHour")
        .expression_attribute_names("#second", "perSecond")
        .expression_attribute_values(":minute", n(limits.per_minute))
        .expression_attribute_values(":hour", n(limits.per_hour));
    let set = format!("{set}, #minute = :minute, #hour = :hour");
    match limits.per_second {
        None => update.update_expression(format!("{set} ADD #rev :one REMOVE #second")),
        Some(limit) => update
            .update_expression(format!("{set}, #second = :second ADD #rev :one"))
            .expression_attribute_values(":second", n(limit)),
    }
}

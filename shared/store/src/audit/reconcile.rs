//! Whether counters, chains and usage say the same of every key.
//!
//! A key's row counts each request in the write that accepts it; the chain has an event for each, less those that were counted twice because the SDK re-sent a write; usage is folded from the chain. So `total = events + recounted`, and usage has the events.
//! Days of usage are kept for two years: events that are older are out of its reach, and compared with the counter alone.

use model::{EventType, KeyId, KeyUsage, Owner, Timestamp};
use std::collections::BTreeMap;

use super::{Mark, mark_key};
use crate::{
    KeyRow, OwnerStore, StoreError, Table,
    item::{Read, s},
    usage::first_kept_day,
};

/// What [`Table::reconcile`] found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Reconciliation {
    pub keys: u64,
    /// Accepted requests, as the chains tell them.
    pub events: u64,
    pub recounted: u64,
    /// Those of the events that usage no longer has.
    pub out_of_reach: u64,
    /// Keys whose rows are ahead of their chains: the stream hasn't brought all, so nothing can be said.
    pub behind: Vec<KeyId>,
    pub differences: Vec<Difference>,
}

/// A key of which not all say the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub owner: Owner,
    pub key_id: KeyId,
    /// Requests that the row counted.
    pub total: u64,
    /// Accepted requests in the chain.
    pub events: u64,
    /// Requests that were counted twice.
    pub recounted: u64,
    /// Those of the events whose days are kept in usage.
    pub recent: u64,
    /// Accepted requests in those days.
    pub usage: u64,
}

/// Accepted requests of a key in its owner's chain.
#[derive(Debug, Default, Clone, Copy)]
struct OfKey {
    all: u64,
    recent: u64,
}

impl Table {
    /// Compares every key's counter with its owner's chain and with its usage. It reads all keys and chains whole: for operators, and for a system at rest.
    ///
    /// Keys are scanned, and not looked up in the lists of their owners: a key that no list knows must be found, too.
    pub async fn reconcile(&self, now: Timestamp) -> Result<Reconciliation, StoreError> {
        let mut owners: BTreeMap<Owner, Vec<KeyRow>> = BTreeMap::new();
        let mut pages = self
            .client
            .scan()
            .table_name(&self.names.keys)
            .filter_expression("begins_with(pk, :keys)")
            .expression_attribute_values(":keys", s("KEY#"))
            .consistent_read(true)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let rows = page.map_err(StoreError::from_sdk)?.items;
            for row in rows.unwrap_or_default() {
                let row = KeyRow::read(row)?;
                owners.entry(row.facts.owner).or_default().push(row);
            }
        }
        let mut found = Reconciliation::default();
        for (owner, rows) in owners {
            self.reconcile_owner(owner, &rows, now, &mut found).await?;
        }
        Ok(found)
    }

    async fn reconcile_owner(
        &self,
        owner: Owner,
        rows: &[KeyRow],
        now: Timestamp,
        found: &mut Reconciliation,
    ) -> Result<(), StoreError> {
        let since = first_kept_day(now);
        let events = self.accepted_events(owner, since).await?;
        let marks = rows.iter().map(|row| mark_key(&name(row.facts.id)));
        let mut recounted = BTreeMap::new();
        for mark in self.get_many(&self.names.audit, marks.collect()).await? {
            let read = Mark::read(&mark)?;
            recounted.insert(mark.text("pk")?.to_owned(), (read.rev, read.recounted));
        }
        let usage = OwnerStore::new(self.clone(), owner);
        for row in rows {
            let key_id = row.facts.id;
            let mark = mark_key(&name(key_id));
            let (rev, recounted) = recounted.get(mark.text("pk")?).copied().unwrap_or_default();
            found.keys += 1;
            if rev != row.rev {
                found.behind.push(key_id);
                continue;
            }
            // What is older may be there still: DynamoDB deletes late.
            let days = usage.key_days(key_id, since, Timestamp::LAST).await?;
            let accepted = |(_, day): &(Timestamp, KeyUsage)| day.all.accepted;
            let OfKey { all, recent } = events.get(&key_id).copied().unwrap_or_default();
            found.out_of_reach += all - recent;
            let difference = Difference {
                owner,
                key_id,
                total: row.total,
                events: all,
                recounted,
                recent,
                usage: days.iter().map(accepted).sum(),
            };
            found.events += difference.events;
            found.recounted += recounted;
            if !difference.is_none() {
                found.differences.push(difference);
            }
        }
        Ok(())
    }

    /// How many requests of each key the chain says were accepted, and how many of them since then.
    async fn accepted_events(
        &self,
        owner: Owner,
        since: Timestamp,
    ) -> Result<BTreeMap<KeyId, OfKey>, StoreError> {
        let mut events: BTreeMap<KeyId, OfKey> = BTreeMap::new();
        self.each_event(owner, async |event| {
            let facts = event.facts;
            if let (Some(id), EventType::AuthenticationSucceeded) = (facts.key_id, facts.kind) {
                let accepted = events.entry(id).or_default();
                accepted.all += 1;
                accepted.recent += u64::from(facts.at >= since);
            }
            Ok(())
        })
        .await?;
        Ok(events)
    }
}

impl Difference {
    fn is_none(&self) -> bool {
        self.total == self.events + self.recounted && self.usage == self.recent
    }
}

/// As `audit` names the rows of keys.
fn name(id: KeyId) -> String {
    format!("KEY#{id}")
}

//! Whether counters, chains and usage say the same of every key.
//!
//! A key's row counts each request in the write that accepts it; the chain has an event for each, less those that were counted twice because the SDK re-sent a write; usage is folded from the chain. So `total = events + recounted`, and usage has the events.

use model::{EventType, KeyId, KeyUsage, Owner, Timestamp};
use std::collections::BTreeMap;

use super::{Mark, mark_key};
use crate::{
    KeyRow, OwnerStore, StoreError, Table,
    item::{Read, s},
};

/// What [`Table::reconcile`] found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Reconciliation {
    pub keys: u64,
    /// Accepted requests, as the chains tell them.
    pub events: u64,
    pub recounted: u64,
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
    /// Accepted requests in usage by day.
    pub usage: u64,
}

impl Table {
    /// Compares every key's counter with its owner's chain and with its usage. It reads all keys and chains whole: for operators, and for a system at rest.
    pub async fn reconcile(&self) -> Result<Reconciliation, StoreError> {
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
            self.reconcile_owner(owner, &rows, &mut found).await?;
        }
        Ok(found)
    }

    async fn reconcile_owner(
        &self,
        owner: Owner,
        rows: &[KeyRow],
        found: &mut Reconciliation,
    ) -> Result<(), StoreError> {
        let events = self.accepted_events(owner).await?;
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
            let days = usage
                .key_days(key_id, Timestamp::EPOCH, Timestamp::LAST)
                .await?;
            let accepted = |(_, day): &(Timestamp, KeyUsage)| day.all.accepted;
            let difference = Difference {
                owner,
                key_id,
                total: row.total,
                events: events.get(&key_id).copied().unwrap_or_default(),
                recounted,
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

    /// How many requests of each key the chain says were accepted.
    async fn accepted_events(&self, owner: Owner) -> Result<BTreeMap<KeyId, u64>, StoreError> {
        let mut events = BTreeMap::new();
        self.each_event(owner, |event| {
            let facts = event.facts;
            if let (Some(id), EventType::AuthenticationSucceeded) = (facts.key_id, facts.kind) {
                *events.entry(id).or_default() += 1;
            }
        })
        .await?;
        Ok(events)
    }
}

impl Difference {
    fn is_none(&self) -> bool {
        self.total == self.events + self.recounted && self.usage == self.events
    }
}

/// As `audit` names the rows of keys.
fn name(id: KeyId) -> String {
    format!("KEY#{id}")
}

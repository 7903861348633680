//! Usage: what each key did, folded from its owner's chain into rows by hour and day.
//!
//! `USAGE#<owner>` / `MARK` says up to which event the chain was folded in; every other row is written in one transaction with the mark, under the condition that nobody else moved it since it was read.
//! So each event is counted once, however often a batch is delivered and whoever delivers it.
//! `USAGE#<owner>/<key>` has the rows of a key (`H#<hour>`, `D#<day>`, `N#<day>`, `NETWORKS`), and `ACTIVE#<hour>` names the keys that were used or tried in an hour.

mod fold;
mod observed;
#[cfg(test)]
mod tests;

use aws_sdk_dynamodb::types::{AttributeValue, Update};
use chrono::Duration;
use model::{KeyId, KeyUsage, Owner, SeenNetworks, Timestamp};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use std::{collections::HashMap, fmt::Display};

use crate::{
    OwnerStore, StoreError, Table,
    audit::{chain, events_of, place},
    item::{Item, Read, key, n, s},
    transact::{Transaction, built},
};
use fold::{Changes, fold};

/// What became of a call of [`Table::fold_usage`].
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Folded {
    /// Events that were taken in, of any kind.
    pub events: u64,
    /// Whether there may be more: the next call goes on.
    pub behind: bool,
}

/// A key that was used or tried in some hour; only the table names one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct ActiveKey {
    pub owner: Owner,
    pub key_id: KeyId,
    /// Its last request in that hour, accepted or refused.
    pub last: Timestamp,
}

/// Rows as they were read, by their keys.
struct Stored(HashMap<(String, String), Item>);

impl Stored {
    fn new(rows: Vec<Item>) -> Result<Stored, StoreError> {
        let placed = rows
            .into_iter()
            .map(|row| Ok((crate::batch::primary(&row)?, row)));
        placed.collect::<Result<_, StoreError>>().map(Stored)
    }

    fn find(&self, key: &Item) -> Result<Option<&Item>, StoreError> {
        Ok(self.0.get(&crate::batch::primary(key)?))
    }
}

/// Up to where a chain was folded in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct UsageMark {
    /// The last event that was counted.
    seq: u64,
    /// The first seq of the pack to go on with.
    pack: u64,
    /// Whether the table has none yet.
    new: bool,
}

impl Table {
    /// A transaction's actions, less the mark's.
    const MAX_USAGE_ROWS: usize = Transaction::MAX_ACTIONS - 1;
    /// In one call, so that a long chain doesn't outlast the caller: some 50,000 events.
    const MAX_FOLDS: usize = 200;
    const MAX_LOST_RACES: usize = 12;

    /// Folds what the owner's chain has more than its usage into its usage.
    ///
    /// `nonce`: random, new for each call.
    ///
    /// # Errors
    /// What was folded before stays; another call goes on there.
    pub async fn fold_usage(&self, owner: Owner, nonce: [u8; 16]) -> Result<Folded, StoreError> {
        let mut folded = Folded::default();
        let mut lost = 0;
        for step in 0..Self::MAX_FOLDS {
            // The mark first: whoever moves it afterwards makes our transaction fail, so the rows that are read now can't be older than it unnoticed.
            let mark = self.usage_mark(owner).await?;
            let packs = self.packs_from(owner, mark.pack).await?;
            let Some(last) = packs.last() else {
                return Ok(folded);
            };
            let last: u64 = last.parsed("last")?;
            if last <= mark.seq {
                return Ok(folded);
            }
            let mut events = Vec::new();
            let mut starts = Vec::new();
            for pack in &packs {
                starts.push(pack.parsed("sk")?);
                events.extend(events_of(pack)?);
            }
            let changes = fold(&events, mark.seq, Self::MAX_USAGE_ROWS);
            let next = UsageMark {
                seq: changes.seq,
                pack: next_pack(&starts, changes.seq, last),
                new: false,
            };
            let transaction = self.usage_changes(owner, mark, next, &changes).await?;
            let token = token(nonce, owner, step, mark, next);
            if transaction.commit(self, token).await?.is_ok() {
                folded.events += changes.seq - mark.seq;
                continue;
            }
            // Another consumer was faster, and did the same.
            lost += 1;
            if lost == Self::MAX_LOST_RACES {
                return Err(StoreError::Throttled(
                    "other folds of the owner were in the way".to_owned(),
                ));
            }
            let spread = u64::from(token[0]) / 16;
            tokio::time::sleep(std::time::Duration::from_millis(spread * lost as u64)).await;
        }
        folded.behind = true;
        Ok(folded)
    }

    /// Whose chains have more than their usage. It reads all heads: for the hourly turn.
    pub async fn list_unfolded(&self) -> Result<Vec<Owner>, StoreError> {
        let heads = self.list_heads().await?;
        let keys = heads.iter().map(|(owner, _)| usage_mark_key(*owner));
        let mut folded: HashMap<String, u64> = HashMap::new();
        for row in self.get_many(&self.names.audit, keys.collect()).await? {
            folded.insert(row.text("pk")?.to_owned(), row.parsed("seq")?);
        }
        let mut unfolded = Vec::new();
        for (owner, head) in heads {
            let mark = usage_mark_key(owner);
            let seq = folded.get(mark.text("pk")?).copied();
            if seq.unwrap_or_default() < head.seq {
                unfolded.push(owner);
            }
        }
        Ok(unfolded)
    }

    /// The mark's move, and each changed row as it is afterwards.
    async fn usage_changes(
        &self,
        owner: Owner,
        from: UsageMark,
        to: UsageMark,
        changes: &Changes,
    ) -> Result<Transaction, StoreError> {
        let keys = changes.rows(owner);
        let stored = Stored::new(self.get_many(&self.names.audit, keys).await?)?;
        let mut transaction = Transaction::default();
        transaction.update(self.mark_move(owner, from, to)?);
        let periods = changes
            .hours
            .iter()
            .map(|((key, at), usage)| (hour_key(owner, *key, *at), usage, *at, KEPT_HOURS))
            .chain(changes.days.iter().map(|((key, at), usage)| {
                let kept = KEPT_DAYS;
                (day_key(owner, *key, *at), usage, *at, kept)
            }));
        for (key, more, at, kept) in periods {
            let mut usage: KeyUsage = read_data(stored.find(&key)?)?;
            usage.add(more);
            usage.bound();
            let ends = at.plus(kept);
            transaction.update(self.usage_update(key, data(&usage)?, ends)?);
        }
        for ((id, day), networks) in self.rolled_up(owner, changes, &stored).await? {
            let key = day_networks_key(owner, id, day);
            transaction.update(self.usage_update(key, data(&networks)?, day.plus(KEPT_HOURS))?);
        }
        for (id, more) in &changes.seen {
            let key = networks_key(owner, *id);
            let found = stored.find(&key)?;
            let before: SeenNetworks = read_data(found)?;
            let mut seen = before.clone();
            seen.add(more);
            if seen != before {
                let last = seen.networks.values().map(|seen| seen.last).max();
                let ends = last.unwrap_or(Timestamp::EPOCH).plus(KEPT_HOURS);
                transaction.update(self.usage_update(key, data(&seen)?, ends)?);
            }
        }
        for ((at, id), last) in &changes.active {
            let key = active_key(*at, owner, *id);
            let before: Option<Timestamp> = match stored.find(&key)? {
                Some(row) => Some(row.instant("data")?),
                None => None,
            };
            // All active keys stand in one partition, so none is written at each batch.
            let known = before.map(|before| before.plus(ACTIVE_EVERY));
            if known.is_none_or(|known| known < *last) {
                let ends = at.plus(KEPT_ACTIVE);
                transaction.update(self.usage_update(key, n(last.millis()), ends)?);
            }
        }
        Ok(transaction)
    }

    fn mark_move(
        &self,
        owner: Owner,
        from: UsageMark,
        to: UsageMark,
    ) -> Result<Update, StoreError> {
        let update = Update::builder()
            .table_name(&self.names.audit)
            .set_key(Some(usage_mark_key(owner)))
            .update_expression("SET #seq = :seq, #pack = :pack")
            .expression_attribute_names("#seq", "seq")
            .expression_attribute_names("#pack", "pack")
            .expression_attribute_values(":seq", n(to.seq))
            .expression_attribute_values(":pack", n(to.pack));
        let update = if from.new {
            update.condition_expression("attribute_not_exists(pk)")
        } else {
            update
                .condition_expression("#seq = :from")
                .expression_attribute_values(":from", n(from.seq))
        };
        update.build().map_err(built)
    }

    fn usage_update(
        &self,
        key: Item,
        data: AttributeValue,
        ends: Timestamp,
    ) -> Result<Update, StoreError> {
        // The mark's condition is this one's, too.
        Update::builder()
            .table_name(&self.names.audit)
            .set_key(Some(key))
            .update_expression("SET #data = :data, #ttl = :ttl")
            .expression_attribute_names("#data", "data")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":data", data)
            .expression_attribute_values(":ttl", n(ends.seconds()))
            .build()
            .map_err(built)
    }

    async fn usage_mark(&self, owner: Owner) -> Result<UsageMark, StoreError> {
        match self.find(&self.names.audit, usage_mark_key(owner)).await? {
            Some(row) => Ok(UsageMark {
                seq: row.parsed("seq")?,
                pack: row.parsed("pack")?,
                new: false,
            }),
            None => Ok(UsageMark {
                seq: 0,
                pack: 1,
                new: true,
            }),
        }
    }

    /// The next packs of a chain, oldest first, from the one that begins there; as many as a fold takes in well.
    async fn packs_from(&self, owner: Owner, first: u64) -> Result<Vec<Item>, StoreError> {
        const MOST: i32 = 8;
        let page = self
            .client
            .query()
            .table_name(&self.names.audit)
            .key_condition_expression("pk = :pk AND sk >= :sk")
            .expression_attribute_values(":pk", s(chain(owner)))
            .expression_attribute_values(":sk", s(place(first)))
            .consistent_read(true)
            .limit(MOST)
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        Ok(page.items.unwrap_or_default())
    }

    /// The keys that were used or tried since then, by the requests' own time and give or take ten minutes, each once. What the chain doesn't have yet is not among them, so whoever wants all looks back as far as the consumer may be behind.
    pub async fn active_keys(
        &self,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<ActiveKey>, StoreError> {
        let mut last: HashMap<(Owner, KeyId), Timestamp> = HashMap::new();
        let mut hour = since.hour();
        while hour <= now {
            for row in self.usage_rows(active_pk(hour), None).await? {
                let (owner, id) = row
                    .text("sk")?
                    .split_once('/')
                    .ok_or(StoreError::Corrupt("sk"))?;
                let parsed = owner.parse().ok().zip(id.parse().ok());
                let at = row.instant("data")?;
                if at.plus(ACTIVE_EVERY) >= since {
                    let seen = last
                        .entry(parsed.ok_or(StoreError::Corrupt("sk"))?)
                        .or_insert(at);
                    *seen = at.max(*seen);
                }
            }
            hour = hour.plus(Duration::hours(1));
        }
        let mut keys: Vec<_> = last
            .into_iter()
            .map(|((owner, key_id), last)| ActiveKey {
                owner,
                key_id,
                last,
            })
            .collect();
        keys.sort_unstable();
        Ok(keys)
    }

    /// As [`OwnerStore::key_hours`], of a key that the table itself named.
    pub async fn hours_of(
        &self,
        key: &ActiveKey,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<Vec<(Timestamp, KeyUsage)>, StoreError> {
        let owned = OwnerStore::new(self.clone(), key.owner);
        owned.key_hours(key.key_id, start, end).await
    }

    /// What the key did in the hours that begin then; those without any request are left out.
    pub async fn hours_at(
        &self,
        key: &ActiveKey,
        hours: impl IntoIterator<Item = Timestamp>,
    ) -> Result<Vec<KeyUsage>, StoreError> {
        let mut found = Vec::new();
        for hour in hours {
            let place = hour_key(key.owner, key.key_id, hour);
            if let Some(row) = self.find(&self.names.audit, place).await? {
                found.push(read_data(Some(&row))?);
            }
        }
        Ok(found)
    }

    /// As [`OwnerStore::key_days`], of a key that the table itself named.
    pub async fn days_of(
        &self,
        key: &ActiveKey,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<Vec<(Timestamp, KeyUsage)>, StoreError> {
        let owned = OwnerStore::new(self.clone(), key.owner);
        owned.key_days(key.key_id, start, end).await
    }

    /// As [`OwnerStore::seen_networks`], of a key that the table itself named.
    pub async fn networks_of(&self, key: &ActiveKey) -> Result<SeenNetworks, StoreError> {
        let owned = OwnerStore::new(self.clone(), key.owner);
        owned.seen_networks(key.key_id).await
    }

    /// The rows of a partition of usage, all of them or those between two sort keys, both taken in.
    async fn usage_rows(
        &self,
        pk: impl Display,
        between: Option<(String, String)>,
    ) -> Result<Vec<Item>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.names.audit)
            .expression_attribute_values(":pk", s(pk))
            .consistent_read(true);
        let query = match between {
            None => crate::batch::whole(query),
            Some((from, to)) => crate::batch::between(query, &from, &to),
        };
        crate::batch::read(query, usize::MAX).await
    }
}

impl OwnerStore {
    /// What one of the owner's keys did, hour by hour (UTC), from the hour of `start` to the last one that begins before `end`, oldest first; hours without any request are left out. Kept for 90 days.
    pub async fn key_hours(
        &self,
        id: KeyId,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<Vec<(Timestamp, KeyUsage)>, StoreError> {
        self.periods(id, "H", HOUR, start.hour(), end).await
    }

    /// The same by day (UTC), without addresses. Kept for two years.
    pub async fn key_days(
        &self,
        id: KeyId,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<Vec<(Timestamp, KeyUsage)>, StoreError> {
        self.periods(id, "D", DAY, start.day(), end).await
    }

    /// Where the key's accepted requests came from.
    pub async fn seen_networks(&self, id: KeyId) -> Result<SeenNetworks, StoreError> {
        let key = networks_key(self.owner(), id);
        read_data(
            self.table
                .find(&self.table.names.audit, key)
                .await?
                .as_ref(),
        )
    }

    async fn periods(
        &self,
        id: KeyId,
        kind: &str,
        length: Duration,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<Vec<(Timestamp, KeyUsage)>, StoreError> {
        let last = end.minus(Duration::milliseconds(1));
        // Nothing was counted before 1970, and its periods' numbers don't sort as text.
        let start = start.max(Timestamp::EPOCH);
        if last < start {
            return Ok(Vec::new());
        }
        let at = |at: Timestamp| format!("{kind}#{:010}", number(at, length));
        let rows = self
            .table
            .usage_rows(usage_pk(self.owner(), id), Some((at(start), at(last))))
            .await?;
        rows.iter()
            .map(|row| Ok((begins(row, length)?, read_data(Some(row))?)))
            .collect()
    }
}

const HOUR: Duration = Duration::hours(1);
const DAY: Duration = Duration::days(1);
/// Addresses are among them.
const KEPT_HOURS: Duration = Duration::days(90);
const KEPT_DAYS: Duration = Duration::days(730);
const ACTIVE_EVERY: Duration = Duration::minutes(10);
const KEPT_ACTIVE: Duration = Duration::days(2);

/// The first day that is there for sure.
pub(crate) fn first_kept_day(now: Timestamp) -> Timestamp {
    now.minus(KEPT_DAYS).day().plus(DAY)
}

fn usage_mark_key(owner: Owner) -> Item {
    key(format_args!("USAGE#{owner}"), "MARK")
}

fn usage_pk(owner: Owner, id: KeyId) -> impl Display {
    format!("USAGE#{owner}/{id}")
}

fn hour_key(owner: Owner, id: KeyId, at: Timestamp) -> Item {
    key(
        usage_pk(owner, id),
        format_args!("H#{:010}", number(at, HOUR)),
    )
}

fn day_key(owner: Owner, id: KeyId, at: Timestamp) -> Item {
    key(
        usage_pk(owner, id),
        format_args!("D#{:010}", number(at, DAY)),
    )
}

fn day_networks_key(owner: Owner, id: KeyId, at: Timestamp) -> Item {
    key(
        usage_pk(owner, id),
        format_args!("N#{:010}", number(at, DAY)),
    )
}

fn networks_key(owner: Owner, id: KeyId) -> Item {
    key(usage_pk(owner, id), "NETWORKS")
}

fn active_pk(hour: Timestamp) -> impl Display {
    format!("ACTIVE#{:010}", number(hour, HOUR))
}

fn active_key(hour: Timestamp, owner: Owner, id: KeyId) -> Item {
    key(active_pk(hour), format_args!("{owner}/{id}"))
}

/// How many such periods there were since 1970.
fn number(at: Timestamp, period: Duration) -> i64 {
    at.millis().div_euclid(period.num_milliseconds())
}

/// When the period of a row began.
fn begins(row: &Item, length: Duration) -> Result<Timestamp, StoreError> {
    let number = row.text("sk")?.split_once('#').map(|(_, number)| number);
    let number: Option<i64> = number.and_then(|number| number.parse().ok());
    let at = number.and_then(|number| Timestamp::from_millis(number * length.num_milliseconds()));
    at.ok_or(StoreError::Corrupt("sk"))
}

fn data(value: &impl Serialize) -> Result<AttributeValue, StoreError> {
    let text = serde_json::to_string(value).map_err(|_| StoreError::Corrupt("data"))?;
    Ok(s(text))
}

/// Nothing where there is no row yet.
fn read_data<T: DeserializeOwned + Default>(row: Option<&Item>) -> Result<T, StoreError> {
    match row {
        None => Ok(T::default()),
        Some(row) => {
            serde_json::from_str(row.text("data")?).map_err(|_| StoreError::Corrupt("data"))
        }
    }
}

/// The pack that holds the first event after `seq`. `last`: the last event of the last of these packs.
fn next_pack(starts: &[u64], seq: u64, last: u64) -> u64 {
    if seq >= last {
        return last + 1;
    }
    let packs = starts.iter().rev();
    packs
        .copied()
        .find(|start| *start <= seq + 1)
        .unwrap_or(seq + 1)
}

/// Another one for every content, so that a token never stands for two.
fn token(nonce: [u8; 16], owner: Owner, step: usize, from: UsageMark, to: UsageMark) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(nonce);
    hash.update(owner.to_string());
    for number in [step as u64, from.seq, to.seq] {
        hash.update(number.to_be_bytes());
    }
    let digest: [u8; 32] = hash.finalize().into();
    std::array::from_fn(|at| digest[at])
}

//! What a key did in whole days, with the networks that it was used from, in few reads.
//!
//! Hours are what is true of networks. When a key's next day begins, the fold adds the accepted ones of the day that is over up into one row (`N#<day>`, 90 days as the hours), so that a month is thirty rows instead of 720. A day without such a row is read from its hours: the last one, one whose first event came late, and those from before there were such rows.

use futures_util::future::try_join_all;
use model::{KeyId, KeyUsage, Owner, Timestamp};
use std::collections::BTreeMap;

use super::{
    DAY, KEPT_HOURS, Stored, begins, day_key, day_networks_key, fold::Changes, number, read_data,
    usage_pk,
};
use crate::{OwnerStore, StoreError, Table, batch, item::s};

impl OwnerStore {
    /// The sum of the days from `since` (the beginning of one) to `now`: outcomes, operations, secrets and companies, and how many accepted requests came from which network.
    ///
    /// `last_used`: as the key's row has it; only a hint at which hours will be needed.
    pub async fn observed(
        &self,
        id: KeyId,
        since: Timestamp,
        last_used: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<KeyUsage, StoreError> {
        let last = last_used.unwrap_or(now).day().max(since);
        let (days, rolled_up, networks) = tokio::try_join!(
            self.key_days(id, since, now),
            self.periods(id, "N", DAY, since, now),
            self.networks_of(id, last),
        )?;
        let mut known: BTreeMap<_, _> = rolled_up.into_iter().collect();
        known.entry(last).or_insert(networks);
        let used = days.iter().filter(|(_, usage)| usage.all.accepted > 0);
        let missing = used
            .map(|(day, _)| *day)
            .filter(|day| !known.contains_key(day));
        let missing = missing.map(|day| self.networks_of(id, day));
        let missing = try_join_all(missing).await?;
        let mut sum = KeyUsage::default();
        let days = days.iter().map(|(_, usage)| usage);
        for usage in days.chain(known.values()).chain(&missing) {
            sum.add(usage);
        }
        Ok(sum)
    }

    /// From where the day's hours have accepted requests.
    async fn networks_of(&self, id: KeyId, day: Timestamp) -> Result<KeyUsage, StoreError> {
        let mut networks = KeyUsage::default();
        for (_, hour) in self.key_hours(id, day, day.plus(DAY)).await? {
            networks.add(&hour.accepted_networks());
        }
        Ok(networks)
    }
}

impl Table {
    /// The networks of days that are over now for their keys, or that were and got a late event.
    pub(super) async fn rolled_up(
        &self,
        owner: Owner,
        changes: &Changes,
        stored: &Stored,
    ) -> Result<BTreeMap<(KeyId, Timestamp), KeyUsage>, StoreError> {
        let own = OwnerStore::new(self.clone(), owner);
        let mut rolled_up = BTreeMap::new();
        for (id, day) in changes.days.keys().copied() {
            let row = stored.find(&day_networks_key(owner, id, day))?;
            let begun = stored.find(&day_key(owner, id, day))?.is_some();
            if row.is_some() {
                let mut networks = read_data(row)?;
                changes.add_networks(id, day, &mut networks);
                rolled_up.insert((id, day), networks);
            } else if !begun
                && let known = self.day_before(owner, id, day).await?
                && let Some(over) = known.max(changes.day_before(id, day))
            {
                let mut networks = own.networks_of(id, over).await?;
                changes.add_networks(id, over, &mut networks);
                rolled_up.insert((id, over), networks);
            }
        }
        Ok(rolled_up)
    }

    /// The last day before that one that the key has a row of, as far back as its hours are kept.
    async fn day_before(
        &self,
        owner: Owner,
        id: KeyId,
        day: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let sk = |at: Timestamp| format!("D#{:010}", number(at, DAY));
        let first = day.minus(KEPT_HOURS);
        let query = self
            .client
            .query()
            .table_name(&self.names.audit)
            .expression_attribute_values(":pk", s(usage_pk(owner, id)))
            .consistent_read(true)
            .scan_index_forward(false);
        let query = batch::between(query, &sk(first), &sk(day.minus(DAY)));
        let rows = batch::read(query, 1).await?;
        rows.first().map(|row| begins(row, DAY)).transpose()
    }
}

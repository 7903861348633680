//! What events change of usage: a pure function of the events.

use model::{Event, EventType, KeyId, KeyUsage, Owner, SeenNetworks, Timestamp};
use std::collections::BTreeMap;

use super::{DAY, active_key, day_key, day_networks_key, hour_key, networks_key};
use crate::item::Item;

/// What is to be added to the rows.
#[derive(Debug)]
pub(super) struct Changes {
    /// The last event that is taken in.
    pub(super) seq: u64,
    /// By key, and the beginning of the hour.
    pub(super) hours: BTreeMap<(KeyId, Timestamp), KeyUsage>,
    /// By key, and the beginning of the day; without addresses.
    pub(super) days: BTreeMap<(KeyId, Timestamp), KeyUsage>,
    pub(super) seen: BTreeMap<KeyId, SeenNetworks>,
    /// The last request of each key in each hour.
    pub(super) active: BTreeMap<(Timestamp, KeyId), Timestamp>,
}

/// Counts the events after `seq`, as many as change at most `rows` rows.
///
/// `events`: of one chain, in order and without gaps.
pub(super) fn fold(events: &[Event], seq: u64, rows: usize) -> Changes {
    let mut changes = Changes {
        seq,
        hours: BTreeMap::new(),
        days: BTreeMap::new(),
        seen: BTreeMap::new(),
        active: BTreeMap::new(),
    };
    for event in events.iter().filter(|event| event.seq > seq) {
        // One event changes five rows at most: an hour, a day, the networks of a day and of all time, and what was active.
        if changes.len() + 5 > rows {
            break;
        }
        changes.seq = event.seq;
        changes.count(event);
    }
    changes.days = std::mem::take(&mut changes.days)
        .into_iter()
        .map(|(place, usage)| (place, usage.without_addresses()))
        .collect();
    changes
}

impl Changes {
    fn count(&mut self, event: &Event) {
        let facts = &event.facts;
        let request = matches!(
            facts.kind,
            EventType::AuthenticationSucceeded
                | EventType::AuthenticationFailed
                | EventType::AuthorizationDenied
                | EventType::RateLimitExceeded
        );
        let (Some(id), true) = (facts.key_id, request) else {
            return;
        };
        let (hour, day) = (facts.at.hour(), facts.at.day());
        self.hours.entry((id, hour)).or_default().count(facts);
        self.days.entry((id, day)).or_default().count(facts);
        if facts.kind == EventType::AuthenticationSucceeded {
            self.seen.entry(id).or_default().see(facts);
        }
        let last = self.active.entry((hour, id)).or_insert(facts.at);
        *last = facts.at.max(*last);
    }

    /// What it has of a day's accepted requests, by network.
    pub(super) fn add_networks(&self, id: KeyId, day: Timestamp, sum: &mut KeyUsage) {
        for (_, usage) in self.hours.range((id, day)..(id, day.plus(DAY))) {
            sum.add(&usage.accepted_networks());
        }
    }

    /// The last day before that one that the key has events of.
    pub(super) fn day_before(&self, id: KeyId, day: Timestamp) -> Option<Timestamp> {
        let before = self.days.range((id, Timestamp::EPOCH)..(id, day));
        before.last().map(|((_, day), _)| *day)
    }

    fn len(&self) -> usize {
        self.hours.len() + 2 * self.days.len() + self.seen.len() + self.active.len()
    }

    /// The keys of the rows.
    pub(super) fn rows(&self, owner: Owner) -> Vec<Item> {
        let hours = self.hours.keys().map(|(id, at)| hour_key(owner, *id, *at));
        let days = self.days.keys().map(|(id, at)| day_key(owner, *id, *at));
        let networks = self.days.keys();
        let networks = networks.map(|(id, at)| day_networks_key(owner, *id, *at));
        let seen = self.seen.keys().map(|id| networks_key(owner, *id));
        let active = self
            .active
            .keys()
            .map(|(at, id)| active_key(*at, owner, *id));
        let periods = hours.chain(days).chain(networks);
        periods.chain(seen).chain(active).collect()
    }
}

//! What a key did, counted: in an hour, in a day, or in any sum of them.
//!
//! Counts are added by [`KeyUsage::count`], joined by [`KeyUsage::add`] and kept small by [`KeyUsage::bound`]; none of them knows where they are stored.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, str::FromStr};

use crate::{
    CompanyId, EventFacts, EventType, InvalidId, Network, Outcome, Reason, Timestamp, UserAgent,
};

/// How often, and when last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredTally", into = "StoredTally")]
pub struct Tally {
    pub accepted: u64,
    pub refused: u64,
    /// The last accepted request.
    pub accepted_at: Option<Timestamp>,
    pub refused_at: Option<Timestamp>,
}

/// One key's requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyUsage {
    pub all: Tally,
    /// There were more refusals than are counted: some were not kept one by one, and a full window is told of once.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub refused_at_least: bool,
    /// Refusals by their reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub reasons: BTreeMap<Reason, u64>,
    /// By operation; a closed list.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub operations: BTreeMap<String, Tally>,
    /// By the secret's suffix.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretUsage>,
    #[serde(skip_serializing_if = "Tally::is_empty")]
    pub other_secrets: Tally,
    /// Where from; empty in days.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub networks: BTreeMap<Network, Tally>,
    #[serde(skip_serializing_if = "Tally::is_empty")]
    pub other_networks: Tally,
    /// What an ATS key acted for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub companies: BTreeMap<CompanyId, Tally>,
    #[serde(skip_serializing_if = "Tally::is_empty")]
    pub other_companies: Tally,
}

/// One secret's requests, and who sent them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecretUsage {
    pub all: Tally,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub clients: BTreeMap<Client, Tally>,
    #[serde(skip_serializing_if = "Tally::is_empty")]
    pub other_clients: Tally,
}

/// Who uses a secret, as far as one can tell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Client {
    pub network: Network,
    pub user_agent: Option<UserAgent>,
}

/// The neighbourhoods that a key's accepted requests came from in the last 90 days.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenNetworks {
    /// By [`Network::coarse`].
    pub networks: BTreeMap<Network, Seen>,
    /// How many were dropped for want of room while they were younger than 90 days: they look new when they come again.
    pub forgotten: u64,
    /// When the last one of those was used last. Rows of earlier versions only count them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forgotten_last: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub first: Timestamp,
    /// To the hour, so that a busy key doesn't write it with each request.
    pub last: Timestamp,
}

impl KeyUsage {
    const MAX_NETWORKS: usize = 50;
    const MAX_COMPANIES: usize = 100;
    const MAX_SECRETS: usize = 6;

    /// Counts an event, if it is a request of a key: accepted, or refused.
    pub fn count(&mut self, facts: &EventFacts) {
        let Some(tally) = Tally::of(facts) else {
            return;
        };
        self.all.add(&tally);
        if facts.outcome == Outcome::Refused {
            let reason = facts.reason.as_deref().and_then(|text| text.parse().ok());
            if let Some(reason) = reason {
                *self.reasons.entry(reason).or_default() += tally.refused;
            }
            self.refused_at_least |=
                facts.suppressed == Some(true) || facts.kind == EventType::RateLimitExceeded;
        }
        if let Some(operation) = &facts.operation {
            let counted = self.operations.entry(operation.clone()).or_default();
            counted.add(&tally);
        }
        let address = facts.source_ip.as_deref().and_then(|ip| ip.parse().ok());
        let network = address.map(Network::of);
        match network {
            Some(network) => self.networks.entry(network).or_default().add(&tally),
            None => self.other_networks.add(&tally),
        }
        if let Some(suffix) = &facts.secret_suffix {
            let secret = self.secrets.entry(suffix.clone()).or_default();
            secret.all.add(&tally);
            match network {
                Some(network) => {
                    let user_agent = facts.user_agent.clone();
                    let client = Client {
                        network,
                        user_agent,
                    };
                    secret.clients.entry(client).or_default().add(&tally);
                }
                None => secret.other_clients.add(&tally),
            }
        }
        // A company's own key acts for no other.
        if facts.owner.company().is_none()
            && let Some(company) = facts.company_id
        {
            self.companies.entry(company).or_default().add(&tally);
        }
    }

    /// Joins what was counted elsewhere.
    pub fn add(&mut self, more: &KeyUsage) {
        let KeyUsage {
            all,
            refused_at_least,
            reasons,
            operations,
            secrets,
            other_secrets,
            networks,
            other_networks,
            companies,
            other_companies,
        } = more;
        self.all.add(all);
        self.refused_at_least |= refused_at_least;
        for (reason, count) in reasons {
            *self.reasons.entry(*reason).or_default() += count;
        }
        add_all(&mut self.operations, operations);
        for (suffix, more) in secrets {
            let secret = self.secrets.entry(suffix.clone()).or_default();
            secret.all.add(&more.all);
            add_all(&mut secret.clients, &more.clients);
            secret.other_clients.add(&more.other_clients);
        }
        self.other_secrets.add(other_secrets);
        add_all(&mut self.networks, networks);
        self.other_networks.add(other_networks);
        add_all(&mut self.companies, companies);
        self.other_companies.add(other_companies);
    }

    /// Keeps the busiest of what a client can make many of, and the rest as one sum: nothing is lost of the counts, and the size has a bound.
    pub fn bound(&mut self) {
        let busy = |tally: &Tally| (tally.accepted, tally.refused);
        bound(
            &mut self.networks,
            Self::MAX_NETWORKS,
            &mut self.other_networks,
            busy,
        );
        bound(
            &mut self.companies,
            Self::MAX_COMPANIES,
            &mut self.other_companies,
            busy,
        );
        for secret in self.secrets.values_mut() {
            bound(
                &mut secret.clients,
                SecretUsage::MAX_CLIENTS,
                &mut secret.other_clients,
                busy,
            );
        }
        // The youngest are those that anybody asks for.
        let mut suffixes: Vec<_> = self
            .secrets
            .iter()
            .map(|(suffix, secret)| (secret.all.last(), suffix.clone()))
            .collect();
        suffixes.sort_unstable();
        suffixes.reverse();
        for (_, suffix) in suffixes.drain(Self::MAX_SECRETS.min(suffixes.len())..) {
            let dropped = self.secrets.remove(&suffix).unwrap_or_default();
            self.other_secrets.add(&dropped.all);
        }
    }

    /// How many accepted requests came from where, and nothing else.
    pub fn accepted_networks(&self) -> KeyUsage {
        let accepted = |tally: &Tally| Tally {
            accepted: tally.accepted,
            ..Tally::default()
        };
        let networks = self.networks.iter().filter(|(_, from)| from.accepted > 0);
        KeyUsage {
            networks: networks.map(|(of, from)| (*of, accepted(from))).collect(),
            other_networks: accepted(&self.other_networks),
            ..KeyUsage::default()
        }
    }

    /// Without any address, as it may be kept for two years.
    #[must_use]
    pub fn without_addresses(mut self) -> KeyUsage {
        self.networks.clear();
        self.other_networks = Tally::default();
        for secret in self.secrets.values_mut() {
            secret.clients.clear();
            secret.other_clients = Tally::default();
        }
        self
    }
}

impl SecretUsage {
    const MAX_CLIENTS: usize = 10;
}

impl Tally {
    /// What an event counts as; `None` where it is no request of a key.
    fn of(facts: &EventFacts) -> Option<Tally> {
        facts.key_id?;
        match facts.kind {
            EventType::AuthenticationSucceeded => Some(Tally {
                accepted: 1,
                accepted_at: Some(facts.at),
                ..Tally::default()
            }),
            EventType::AuthenticationFailed
            | EventType::AuthorizationDenied
            | EventType::RateLimitExceeded => Some(Tally {
                refused: facts.count.unwrap_or(1),
                refused_at: Some(facts.at),
                ..Tally::default()
            }),
            _ => None,
        }
    }

    pub fn add(&mut self, more: &Tally) {
        self.accepted += more.accepted;
        self.refused += more.refused;
        self.accepted_at = self.accepted_at.max(more.accepted_at);
        self.refused_at = self.refused_at.max(more.refused_at);
    }

    /// The last request, whatever became of it.
    pub fn last(&self) -> Option<Timestamp> {
        self.accepted_at.max(self.refused_at)
    }

    pub fn is_empty(&self) -> bool {
        *self == Tally::default()
    }
}

impl SeenNetworks {
    const MAX: usize = 200;
    /// So long a network is known.
    pub const DAYS: i64 = 90;

    /// Takes in an event, if it is an accepted request of a key.
    pub fn see(&mut self, facts: &EventFacts) {
        let address = facts.source_ip.as_deref().and_then(|ip| ip.parse().ok());
        let (Some(1..), Some(address)) = (Tally::of(facts).map(|tally| tally.accepted), address)
        else {
            return;
        };
        let seen = Seen {
            first: facts.at,
            last: facts.at.hour(),
        };
        self.insert(Network::of(address).coarse(), seen);
    }

    /// Whether one that looks new at this time may have been dropped for want of room in the 90 days before.
    pub fn may_have_known(&self, at: Timestamp) -> bool {
        let last = self.last_forgotten();
        last.is_some_and(|last| at <= last.plus(chrono::Duration::days(Self::DAYS)))
    }

    /// Those that are dropped were used before those that stay.
    fn last_forgotten(&self) -> Option<Timestamp> {
        let newest = self.networks.values().map(|seen| seen.last).max();
        self.forgotten_last
            .or(newest.filter(|_| self.forgotten > 0))
    }

    /// Joins what was seen elsewhere; what is older than 90 days, or too much, is dropped.
    pub fn add(&mut self, more: &SeenNetworks) {
        self.forgotten_last = self.last_forgotten().max(more.forgotten_last);
        self.forgotten += more.forgotten;
        let both = self.networks.values().chain(more.networks.values());
        if let Some(newest) = both.map(|seen| seen.last).max() {
            let oldest = newest.minus(chrono::Duration::days(Self::DAYS));
            // Before the others come: one that comes again after so long is new.
            self.networks.retain(|_, seen| seen.last >= oldest);
            let lasting = more.networks.iter().filter(|(_, seen)| seen.last >= oldest);
            for (network, seen) in lasting {
                self.insert(*network, *seen);
            }
        }
        let mut order: Vec<_> = self
            .networks
            .iter()
            .map(|(network, seen)| (seen.last, *network))
            .collect();
        order.sort_unstable();
        for (last, network) in &order[..order.len().saturating_sub(Self::MAX)] {
            self.networks.remove(network);
            self.forgotten += 1;
            self.forgotten_last = self.forgotten_last.max(Some(*last));
        }
    }

    fn insert(&mut self, network: Network, more: Seen) {
        let seen = self.networks.entry(network).or_insert(more);
        seen.first = seen.first.min(more.first);
        seen.last = seen.last.max(more.last);
    }
}

fn add_all<K: Ord + Clone>(sums: &mut BTreeMap<K, Tally>, more: &BTreeMap<K, Tally>) {
    for (key, tally) in more {
        match sums.get_mut(key) {
            Some(sum) => sum.add(tally),
            None => {
                sums.insert(key.clone(), *tally);
            }
        }
    }
}

/// The `most` that come first by `rank` stay; what goes is added to `other`. Of equals those stay that were used last.
fn bound<K: Ord + Clone, R: Ord>(
    tallies: &mut BTreeMap<K, Tally>,
    most: usize,
    other: &mut Tally,
    rank: impl Fn(&Tally) -> R,
) {
    if tallies.len() <= most {
        return;
    }
    let mut order: Vec<_> = tallies
        .iter()
        .map(|(key, tally)| (rank(tally), tally.last(), key.clone()))
        .collect();
    order.sort_unstable();
    for (_, _, key) in &order[..order.len() - most] {
        other.add(&tallies.remove(key).unwrap_or_default());
    }
}

/// `[accepted, refused, acceptedAt, refusedAt]`, the instants in milliseconds: rows hold hundreds.
type StoredTally = (u64, u64, Option<i64>, Option<i64>);

impl From<StoredTally> for Tally {
    fn from((accepted, refused, accepted_at, refused_at): StoredTally) -> Tally {
        Tally {
            accepted,
            refused,
            accepted_at: accepted_at.and_then(Timestamp::from_millis),
            refused_at: refused_at.and_then(Timestamp::from_millis),
        }
    }
}

impl From<Tally> for StoredTally {
    fn from(tally: Tally) -> StoredTally {
        (
            tally.accepted,
            tally.refused,
            tally.accepted_at.map(Timestamp::millis),
            tally.refused_at.map(Timestamp::millis),
        )
    }
}

impl fmt::Display for Client {
    /// `<network> <user agent>`, as it is a key in the stored row.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.network)?;
        match &self.user_agent {
            Some(agent) => write!(f, " {agent}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Client {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (network, user_agent) = match text.split_once(' ') {
            Some((network, agent)) => (network, Some(agent.parse()?)),
            None => (text, None),
        };
        Ok(Client {
            network: network.parse()?,
            user_agent,
        })
    }
}

impl Serialize for Client {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Client {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
pub(crate) mod tests;

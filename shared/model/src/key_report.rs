//! What people are shown of a key's usage: counts, suggestions, and what a change would have refused.

use routes::{Access, Scope, ScopeSet};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

use crate::{
    AllowedIps, CompanyId, KeyId, KeyUsage, Network, Reason, SecretUsage, SecretView, Tally,
    Timestamp, UserAgent, field::vocabulary,
};

vocabulary! {
    /// How usage is cut: hours are kept for 90 days and have addresses, days for two years and have none.
    pub enum Granularity { Hour = "hour", Day = "day", }
}

/// What a key did.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyUsageReport {
    pub key_id: KeyId,
    pub granularity: Granularity,
    /// The beginning of the first period, in UTC as all of them.
    pub start: Timestamp,
    /// The end of the last period; it may be yet to come.
    pub end: Timestamp,
    /// Oldest first; a period without any request is left out.
    pub periods: Vec<UsagePeriod>,
    pub totals: UsageTotals,
}

/// Requests in one hour or day.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsagePeriod {
    pub start: Timestamp,
    #[serde(flatten)]
    pub outcomes: Outcomes,
    pub operations: Vec<OperationCount>,
    /// The 10 busiest; empty by day.
    pub networks: Vec<NetworkCount>,
    /// Requests from all other networks.
    pub other_networks: Count,
    pub secrets: Vec<SecretCount>,
}

/// Requests in the whole range.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageTotals {
    #[serde(flatten)]
    pub outcomes: Outcomes,
    pub operations: Vec<OperationCount>,
    /// The 50 busiest; empty by day.
    pub networks: Vec<NetworkCount>,
    pub other_networks: Count,
    /// The secrets of now, also if nobody used them, and those that were tried.
    pub secrets: Vec<SecretReport>,
    /// What an ATS key acted for: the 100 busiest.
    pub companies: Vec<CompanyCount>,
    pub other_companies: Count,
}

/// How requests ended.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outcomes {
    /// Exact.
    pub accepted: u64,
    /// At least so many.
    pub refused: u64,
    /// Whether there were more refusals: beyond the first 60 a minute they are not kept one by one, and a full window of the rate limit is one.
    pub refused_is_lower_bound: bool,
    pub reasons: Vec<ReasonCount>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ReasonCount {
    pub reason: Reason,
    pub refused: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Count {
    pub accepted: u64,
    pub refused: u64,
    /// In totals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_accepted_at: Option<Timestamp>,
    /// In totals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_refused_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct OperationCount {
    pub operation: String,
    #[serde(flatten)]
    pub count: Count,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct NetworkCount {
    /// An IPv4 address, or the /64 of an IPv6 address.
    #[schemars(with = "String")]
    pub network: Network,
    #[serde(flatten)]
    pub count: Count,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CompanyCount {
    pub company_id: CompanyId,
    #[serde(flatten)]
    pub count: Count,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SecretCount {
    /// The last 4 characters of the key.
    pub suffix: String,
    #[serde(flatten)]
    pub count: Count,
}

/// One secret: whether it lives, and who uses it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretReport {
    pub suffix: String,
    /// Whether it is one of the key's secrets, and has not ended.
    pub live: bool,
    /// When it ends, or ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    #[serde(flatten)]
    pub count: Count,
    /// The busiest; empty by day.
    pub clients: Vec<ClientCount>,
    pub other_clients: Count,
}

/// Who uses a secret, as far as one can tell.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientCount {
    #[schemars(with = "String")]
    pub network: Network,
    /// What the client says that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<UserAgent>,
    #[serde(flatten)]
    pub count: Count,
}

impl KeyUsageReport {
    /// `periods`: by their beginnings, oldest first. `secrets`: the key's of now.
    pub fn new(
        key_id: KeyId,
        granularity: Granularity,
        (start, end): (Timestamp, Timestamp),
        periods: &[(Timestamp, KeyUsage)],
        secrets: &[SecretView],
        now: Timestamp,
    ) -> KeyUsageReport {
        let mut sum = KeyUsage::default();
        for (_, usage) in periods {
            sum.add(usage);
        }
        KeyUsageReport {
            key_id,
            granularity,
            start,
            end,
            periods: periods
                .iter()
                .map(|(start, usage)| UsagePeriod::new(*start, usage))
                .collect(),
            totals: UsageTotals::new(sum, secrets, now),
        }
    }
}

impl UsagePeriod {
    const NETWORKS: usize = 10;

    fn new(start: Timestamp, usage: &KeyUsage) -> UsagePeriod {
        let mut networks = busiest(&usage.networks);
        let mut other = usage.other_networks;
        for (_, tally) in networks.drain(Self::NETWORKS.min(networks.len())..) {
            other.add(&tally);
        }
        UsagePeriod {
            start,
            outcomes: Outcomes::of(usage),
            operations: operations(usage, Count::of),
            networks: networks
                .into_iter()
                .map(|(network, tally)| NetworkCount {
                    network,
                    count: Count::of(&tally),
                })
                .collect(),
            other_networks: Count::of(&other),
            secrets: usage
                .secrets
                .iter()
                .map(|(suffix, secret)| SecretCount {
                    suffix: suffix.clone(),
                    count: Count::of(&secret.all),
                })
                .collect(),
        }
    }
}

impl UsageTotals {
    fn new(mut sum: KeyUsage, secrets: &[SecretView], now: Timestamp) -> UsageTotals {
        sum.bound();
        let mut reports: Vec<_> = secrets
            .iter()
            .map(|secret| {
                let used = sum.secrets.remove(&secret.suffix).unwrap_or_default();
                let live = secret.valid_until.is_none_or(|end| end > now);
                SecretReport::new(&secret.suffix, &used, live, secret.valid_until)
            })
            .collect();
        let ended = sum.secrets.iter();
        reports.extend(ended.map(|(suffix, used)| SecretReport::new(suffix, used, false, None)));
        UsageTotals {
            outcomes: Outcomes::of(&sum),
            operations: operations(&sum, Count::with_last),
            networks: networks(&sum.networks),
            other_networks: Count::with_last(&sum.other_networks),
            secrets: reports,
            companies: busiest(&sum.companies)
                .into_iter()
                .map(|(company_id, tally)| CompanyCount {
                    company_id,
                    count: Count::with_last(&tally),
                })
                .collect(),
            other_companies: Count::with_last(&sum.other_companies),
        }
    }
}

impl SecretReport {
    fn new(
        suffix: &str,
        used: &SecretUsage,
        live: bool,
        valid_until: Option<Timestamp>,
    ) -> SecretReport {
        SecretReport {
            suffix: suffix.to_owned(),
            live,
            valid_until,
            count: Count::with_last(&used.all),
            clients: busiest(&used.clients)
                .into_iter()
                .map(|(client, tally)| ClientCount {
                    network: client.network,
                    user_agent: client.user_agent,
                    count: Count::with_last(&tally),
                })
                .collect(),
            other_clients: Count::with_last(&used.other_clients),
        }
    }
}

impl Outcomes {
    fn of(usage: &KeyUsage) -> Outcomes {
        let reasons = usage.reasons.iter().map(|(reason, refused)| ReasonCount {
            reason: *reason,
            refused: *refused,
        });
        Outcomes {
            accepted: usage.all.accepted,
            refused: usage.all.refused,
            refused_is_lower_bound: usage.refused_at_least,
            reasons: reasons.collect(),
        }
    }
}

impl Count {
    fn of(tally: &Tally) -> Count {
        Count {
            accepted: tally.accepted,
            refused: tally.refused,
            ..Count::default()
        }
    }

    fn with_last(tally: &Tally) -> Count {
        Count {
            last_accepted_at: tally.accepted_at,
            last_refused_at: tally.refused_at,
            ..Count::of(tally)
        }
    }
}

fn operations(usage: &KeyUsage, count: fn(&Tally) -> Count) -> Vec<OperationCount> {
    let counts = busiest(&usage.operations).into_iter();
    counts
        .map(|(operation, tally)| OperationCount {
            operation,
            count: count(&tally),
        })
        .collect()
}

fn networks(tallies: &BTreeMap<Network, Tally>) -> Vec<NetworkCount> {
    let counts = busiest(tallies).into_iter();
    counts
        .map(|(network, tally)| NetworkCount {
            network,
            count: Count::with_last(&tally),
        })
        .collect()
}

fn busiest<K: Ord + Clone>(tallies: &BTreeMap<K, Tally>) -> Vec<(K, Tally)> {
    let mut order: Vec<_> = tallies
        .iter()
        .map(|(key, tally)| (key.clone(), *tally))
        .collect();
    order.sort_by_key(|(_, tally)| std::cmp::Reverse((tally.accepted, tally.refused)));
    order
}

/// How a key could be narrowed without refusing what it did.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeySuggestions {
    pub key_id: KeyId,
    /// From here on the key was observed: for 30 days and what began of a day (UTC) before, or since it was made.
    pub observed_since: Timestamp,
    pub observed_until: Timestamp,
    /// Requests that were accepted meanwhile.
    pub accepted: u64,
    pub unused_scopes: UnusedScopes,
    #[serde(rename = "allowedIPs")]
    pub allowed_ips: SuggestedIps,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnusedScopes {
    /// The key is 30 days old then.
    pub known_from: Timestamp,
    /// The key's scopes that no accepted request since `observedSince` needed; null before `knownFrom`. A scope that was given to the key within that time is among them, too.
    #[schemars(with = "Option<Vec<String>>")]
    pub scopes: Option<ScopeSet>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuggestedIps {
    /// The smallest list that covers all networks that are known: at most 50 entries. Null without any request, or where the networks are too far apart for a list.
    pub suggested: Option<AllowedIps>,
    /// How many networks it covers: IPv4 addresses, /64 of IPv6.
    pub networks: u64,
    /// Accepted requests from them.
    pub covered_requests: u64,
    /// Accepted requests from networks that are not known by themselves any more, because there were more than 50 in an hour: the list may refuse such ones.
    pub other_requests: u64,
}

/// How long a key is observed before a scope counts as unused.
pub const OBSERVED_DAYS: i64 = 30;

impl KeySuggestions {
    /// `usage`: the sum of the days since `since` and their networks, not bounded.
    pub fn new(
        key_id: KeyId,
        created_at: Timestamp,
        scopes: ScopeSet,
        usage: &KeyUsage,
        (since, now): (Timestamp, Timestamp),
    ) -> KeySuggestions {
        let known_from = created_at.plus(chrono::Duration::days(OBSERVED_DAYS));
        let used: ScopeSet = usage
            .operations
            .iter()
            .filter(|(_, tally)| tally.accepted > 0)
            .filter_map(|(operation, _)| scope_of(operation))
            .collect();
        let unused = scopes.iter().filter(|scope| !used.contains(*scope));
        let seen = usage
            .networks
            .iter()
            .filter(|(_, tally)| tally.accepted > 0);
        let seen: BTreeSet<_> = seen.map(|(network, _)| *network).collect();
        KeySuggestions {
            key_id,
            observed_since: since.max(created_at),
            observed_until: now,
            accepted: usage.all.accepted,
            unused_scopes: UnusedScopes {
                known_from,
                scopes: (known_from <= now).then(|| unused.collect()),
            },
            allowed_ips: SuggestedIps {
                suggested: AllowedIps::smallest_for(&seen),
                networks: seen.len() as u64,
                covered_requests: usage.networks.values().map(|tally| tally.accepted).sum(),
                other_requests: usage.other_networks.accepted,
            },
        }
    }
}

/// What a change of a key would have refused, had it been made before.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DryRunReport {
    pub key_id: KeyId,
    /// Always true: nothing was changed.
    pub dry_run: bool,
    /// What was looked at: whole hours, 7 days back.
    pub since: Timestamp,
    pub until: Timestamp,
    /// Requests that were accepted meanwhile.
    pub accepted: u64,
    pub by_scope: Vec<RefusedByScope>,
    pub by_address: RefusedByAddress,
}

/// Requests that needed a scope that the key would lack. One request may be refused here and by its address.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefusedByScope {
    pub scope: String,
    pub requests: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_at: Option<Timestamp>,
    pub operations: Vec<RefusedOperation>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefusedOperation {
    pub operation: String,
    pub requests: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_at: Option<Timestamp>,
}

/// Requests from outside of the allowlist.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefusedByAddress {
    pub requests: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_at: Option<Timestamp>,
    /// The 50 busiest.
    pub networks: Vec<RefusedNetwork>,
    /// Up to so many more: requests from networks that are not known by themselves any more, or from an IPv6 /64 of which the list has a part.
    pub unknown_up_to: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefusedNetwork {
    #[schemars(with = "String")]
    pub network: Network,
    pub requests: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_at: Option<Timestamp>,
}

/// How far a dry run looks back.
pub const DRY_RUN_DAYS: i64 = 7;

impl DryRunReport {
    const NETWORKS: usize = 50;

    /// `usage`: the sum of the hours between, not bounded. `scopes`, `allowed`: as they would be.
    pub fn new(
        key_id: KeyId,
        scopes: ScopeSet,
        allowed: Option<&AllowedIps>,
        usage: &KeyUsage,
        (since, until): (Timestamp, Timestamp),
    ) -> DryRunReport {
        let mut missing: BTreeMap<Scope, (Tally, Vec<RefusedOperation>)> = BTreeMap::new();
        for (operation, tally) in busiest(&usage.operations) {
            let needed = scope_of(&operation).filter(|scope| !scopes.contains(*scope));
            let Some(scope) = needed.filter(|_| tally.accepted > 0) else {
                continue;
            };
            let (sum, operations) = missing.entry(scope).or_default();
            sum.add(&tally);
            operations.push(RefusedOperation {
                operation,
                requests: tally.accepted,
                last_at: tally.accepted_at,
            });
        }
        let by_scope = missing
            .into_iter()
            .map(|(scope, (sum, operations))| RefusedByScope {
                scope: scope.as_str().to_owned(),
                requests: sum.accepted,
                last_at: sum.accepted_at,
                operations,
            });
        DryRunReport {
            key_id,
            dry_run: true,
            since,
            until,
            accepted: usage.all.accepted,
            by_scope: by_scope.collect(),
            by_address: by_address(allowed, usage),
        }
    }
}

fn by_address(allowed: Option<&AllowedIps>, usage: &KeyUsage) -> RefusedByAddress {
    let mut refused = Tally::default();
    let mut networks = Vec::new();
    let mut unknown_up_to = 0;
    if let Some(allowed) = allowed {
        unknown_up_to = usage.other_networks.accepted;
        for (network, tally) in busiest(&usage.networks) {
            match allowed.contain_network(network) {
                Some(true) => {}
                None => unknown_up_to += tally.accepted,
                Some(false) if tally.accepted == 0 => {}
                Some(false) => {
                    refused.add(&tally);
                    networks.push(RefusedNetwork {
                        network,
                        requests: tally.accepted,
                        last_at: tally.accepted_at,
                    });
                }
            }
        }
        networks.truncate(DryRunReport::NETWORKS);
    }
    RefusedByAddress {
        requests: refused.accepted,
        last_at: refused.accepted_at,
        networks,
        unknown_up_to,
    }
}

/// The scope that an operation needs, if it is one that scopes reach.
fn scope_of(operation: &str) -> Option<Scope> {
    match routes::by_operation(operation)?.access {
        Access::Scope(scope) => Some(scope),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

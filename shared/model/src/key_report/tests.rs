use super::*;
use crate::key_usage::tests::{accepted, at, refused};

const DAY: i64 = 86_400;

fn key() -> KeyId {
    KeyId::new([1; 8])
}

fn usage() -> KeyUsage {
    let mut usage = KeyUsage::default();
    for facts in [
        accepted(0, "203.0.113.8", "ListJobs"),
        accepted(1, "203.0.113.9", "ListJobs"),
        accepted(2, "203.0.113.9", "DeleteJob"),
        accepted(3, "2001:db8::1", "GetWhoami"),
        refused(4, "192.0.2.1", Reason::Scope),
    ] {
        usage.count(&facts);
    }
    usage
}

fn scopes(scopes: &[Scope]) -> ScopeSet {
    scopes.iter().copied().collect()
}

fn allowed(texts: &[&str]) -> AllowedIps {
    serde_json::from_value(texts.into()).expect("a list")
}

#[test]
fn unused_scopes_are_known_when_the_key_is_30_days_old() {
    let has = scopes(&[Scope::ReadJobs, Scope::WriteJobs, Scope::DeleteJobs]);
    for (days, unused) in [(29, None), (30, Some(scopes(&[Scope::WriteJobs])))] {
        let now = at(days * DAY);
        let range = (now.minus(chrono::Duration::days(30)), now);
        let found = KeySuggestions::new(key(), at(0), has, &usage(), range);
        assert_eq!(found.unused_scopes.scopes, unused);
        assert_eq!(found.unused_scopes.known_from, at(30 * DAY));
        // Nothing could be seen before it was made.
        assert_eq!(found.observed_since, at(0));
    }
}

#[test]
fn the_list_covers_what_was_accepted_and_says_what_it_may_not() {
    let mut usage = usage();
    usage.other_networks.accepted = 7;
    usage.all.accepted += 7;
    let found = KeySuggestions::new(key(), at(0), ScopeSet::EMPTY, &usage, (at(0), at(9)));
    let ips = found.allowed_ips;
    assert_eq!(
        ips.suggested,
        Some(allowed(&["203.0.113.8/31", "2001:db8::/64"]))
    );
    assert_eq!(
        (ips.networks, ips.covered_requests, ips.other_requests),
        (3, 4, 7)
    );
    assert_eq!(found.accepted, 11);
}

#[test]
fn a_dry_run_tells_what_lacks_a_scope_and_what_is_outside_of_the_list() {
    let mut usage = usage();
    usage.other_networks.accepted = 5;
    let list = allowed(&["203.0.113.9", "2001:db8::1"]);
    let has = scopes(&[Scope::ReadJobs]);
    let report = DryRunReport::new(key(), has, Some(&list), &usage, (at(0), at(9)));
    assert_eq!(report.by_scope.len(), 1);
    let scope = &report.by_scope[0];
    assert_eq!((scope.scope.as_str(), scope.requests), ("delete:jobs", 1));
    assert_eq!(scope.last_at, Some(at(2)));
    assert_eq!(scope.operations[0].operation, "DeleteJob");
    let outside = &report.by_address;
    assert_eq!((outside.requests, outside.last_at), (1, Some(at(0))));
    let networks: Vec<_> = outside
        .networks
        .iter()
        .map(|refused| refused.network.to_string())
        .collect();
    assert_eq!(networks, ["203.0.113.8"]);
    // The list has a part of that /64.
    assert_eq!(outside.unknown_up_to, 5 + 1);
}

#[test]
fn without_a_list_no_address_is_refused() {
    let mut usage = usage();
    usage.other_networks.accepted = 5;
    let report = DryRunReport::new(key(), ScopeSet::all(), None, &usage, (at(0), at(9)));
    assert!(report.by_scope.is_empty());
    assert_eq!(
        (report.by_address.requests, report.by_address.unknown_up_to),
        (0, 0)
    );
}

#[test]
fn totals_show_secrets_that_nobody_uses_and_those_that_ended() {
    let secret = |suffix: &str, valid_until| SecretView {
        suffix: suffix.to_owned(),
        created_at: at(0),
        valid_until,
        last_used_at: None,
        last_used_ip: None,
    };
    let mut hour = usage();
    let mut dead = refused(5, "192.0.2.1", Reason::WrongSecret);
    dead.secret_suffix = Some("dead".to_owned());
    hour.count(&dead);
    let now = at(10);
    let secrets = [secret("abcd", Some(at(20))), secret("new1", None)];
    let periods = [(at(0).hour(), hour.clone()), (at(3_600).hour(), hour)];
    let range = (at(0).hour(), at(7_200).hour());
    let report = KeyUsageReport::new(key(), Granularity::Hour, range, &periods, &secrets, now);
    let shown: Vec<_> = report
        .totals
        .secrets
        .iter()
        .map(|secret| (secret.suffix.as_str(), secret.live, secret.count.accepted))
        .collect();
    assert_eq!(
        shown,
        [("abcd", true, 8), ("new1", true, 0), ("dead", false, 0)]
    );
    assert_eq!(report.totals.secrets[0].clients.len(), 4);
    assert_eq!(report.totals.outcomes.accepted, 8);
    assert_eq!(report.periods.len(), 2);
    assert_eq!(report.periods[0].networks.len(), 4);
}

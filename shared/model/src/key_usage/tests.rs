use super::*;
use crate::{Actor, CompanyId, KeyId, Owner, PartnerId};

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000 + 1_000 * seconds).expect("in range")
}

pub(crate) fn accepted(second: i64, ip: &str, operation: &str) -> EventFacts {
    let owner = Owner::Company(CompanyId::new(at(0), [1; 10]));
    let key_id = KeyId::new([1; 8]);
    EventFacts {
        id: format!("KEY#{key_id}@{second}"),
        at: at(second),
        owner,
        kind: EventType::AuthenticationSucceeded,
        outcome: Outcome::Success,
        actor: Actor::key(key_id),
        key_id: Some(key_id),
        secret_suffix: Some("abcd".to_owned()),
        company_id: owner.company(),
        source_ip: Some(ip.to_owned()),
        user_agent: UserAgent::of_header("curl/8.5.0"),
        request_id: Some("r".to_owned()),
        operation: Some(operation.to_owned()),
        reason: None,
        count: None,
        suppressed: None,
        changes: None,
    }
}

pub(crate) fn refused(second: i64, ip: &str, reason: Reason) -> EventFacts {
    EventFacts {
        kind: match reason {
            Reason::RateLimit => EventType::RateLimitExceeded,
            Reason::Scope => EventType::AuthorizationDenied,
            _ => EventType::AuthenticationFailed,
        },
        outcome: Outcome::Refused,
        reason: Some(reason.to_string()),
        ..accepted(second, ip, "ListJobs")
    }
}

fn counted(facts: &[EventFacts]) -> KeyUsage {
    let mut usage = KeyUsage::default();
    for facts in facts {
        usage.count(facts);
    }
    usage
}

#[test]
fn a_request_counts_once_in_each_part() {
    let mut other_secret = accepted(2, "2001:db8:1:2:3::4", "GetJob");
    other_secret.secret_suffix = Some("wxyz".to_owned());
    let usage = counted(&[
        accepted(0, "203.0.113.9", "ListJobs"),
        accepted(1, "203.0.113.9", "ListJobs"),
        other_secret,
        refused(3, "198.51.100.1", Reason::Address),
    ]);
    let tally = |accepted, refused| (accepted, refused);
    let read = |tally: &Tally| (tally.accepted, tally.refused);
    assert_eq!(read(&usage.all), tally(3, 1));
    assert_eq!(usage.all.accepted_at, Some(at(2)));
    assert_eq!(usage.all.refused_at, Some(at(3)));
    assert!(!usage.refused_at_least);
    assert_eq!(usage.reasons, [(Reason::Address, 1)].into());
    let operations: Vec<_> = usage
        .operations
        .iter()
        .map(|(operation, tally)| (operation.as_str(), read(tally)))
        .collect();
    assert_eq!(operations, [("GetJob", (1, 0)), ("ListJobs", (2, 1))]);
    let networks: Vec<_> = usage
        .networks
        .iter()
        .map(|(network, tally)| (network.to_string(), read(tally)))
        .collect();
    let named = |name: &str, counts| (name.to_owned(), counts);
    assert_eq!(
        networks,
        [
            named("198.51.100.1", (0, 1)),
            named("203.0.113.9", (2, 0)),
            named("2001:db8:1:2::/64", (1, 0)),
        ]
    );
    assert_eq!(read(&usage.secrets["abcd"].all), tally(2, 1));
    let clients: Vec<_> = usage.secrets["wxyz"].clients.keys().collect();
    assert_eq!(clients.len(), 1);
    assert_eq!(clients[0].to_string(), "2001:db8:1:2::/64 curl/8.5.0");
    // A company's own key acts for no other.
    assert!(usage.companies.is_empty());
}

#[test]
fn what_was_not_kept_one_by_one_makes_refusals_a_lower_bound() {
    let mut many = refused(0, "203.0.113.9", Reason::Scope);
    (many.count, many.suppressed) = (Some(41), Some(true));
    let usage = counted(&[many]);
    assert_eq!((usage.all.refused, usage.refused_at_least), (41, true));
    let usage = counted(&[refused(0, "203.0.113.9", Reason::RateLimit)]);
    assert_eq!((usage.all.refused, usage.refused_at_least), (1, true));
}

#[test]
fn changes_and_people_are_no_requests_of_a_key() {
    let mut changed = accepted(0, "203.0.113.9", "CreateJob");
    changed.kind = EventType::JobCreated;
    let mut person = accepted(0, "203.0.113.9", "ListApiKeys");
    person.key_id = None;
    assert_eq!(counted(&[changed, person]), KeyUsage::default());
}

#[test]
fn a_partners_key_counts_by_company() {
    let mut facts = accepted(0, "203.0.113.9", "ListJobs");
    facts.owner = Owner::Partner(PartnerId::new(at(0), [2; 10]));
    let company = facts.company_id.expect("acts for one");
    let usage = counted(&[facts]);
    assert_eq!(usage.companies[&company].accepted, 1);
}

/// What a client may vary at will: addresses, user agents, secrets, companies.
#[test]
fn the_size_is_bounded_and_no_count_is_lost() {
    let mut usage = KeyUsage::default();
    for round in 0..40_u32 {
        let mut more = KeyUsage::default();
        for index in 0..100_u32 {
            let number = round * 100 + index;
            let ip = std::net::Ipv4Addr::from_bits(0x0a00_0000 + number);
            let mut facts = accepted(number.into(), &ip.to_string(), "ListJobs");
            facts.user_agent = UserAgent::of_header(&format!("agent/{number:030}"));
            facts.secret_suffix = Some(format!("{:04}", number % 300));
            let bytes: [u8; 4] = number.to_be_bytes();
            facts.owner = Owner::Partner(PartnerId::new(at(0), [2; 10]));
            let company = [0, 0, 0, 0, 0, 0, bytes[0], bytes[1], bytes[2], bytes[3]];
            facts.company_id = Some(CompanyId::new(at(0), company));
            more.count(&facts);
        }
        usage.add(&more);
        usage.bound();
    }
    assert_eq!(usage.networks.len(), 50);
    assert_eq!(usage.companies.len(), 100);
    assert_eq!(usage.secrets.len(), 6);
    let text = serde_json::to_string(&usage).expect("serializes");
    assert!(text.len() < 20_000, "{} bytes", text.len());
    let sum = |tallies: &mut dyn Iterator<Item = &Tally>, other: &Tally| {
        tallies.map(|tally| tally.accepted).sum::<u64>() + other.accepted
    };
    assert_eq!(usage.all.accepted, 4_000);
    assert_eq!(
        sum(&mut usage.networks.values(), &usage.other_networks),
        4_000
    );
    assert_eq!(
        sum(&mut usage.companies.values(), &usage.other_companies),
        4_000
    );
    let secrets = &mut usage.secrets.values().map(|secret| &secret.all);
    assert_eq!(sum(secrets, &usage.other_secrets), 4_000);
    let back: KeyUsage = serde_json::from_str(&text).expect("parses");
    assert_eq!(back, usage);
}

#[test]
fn an_accepted_network_is_not_driven_out_by_refused_ones() {
    let mut usage = counted(&[accepted(0, "203.0.113.9", "ListJobs")]);
    for index in 0..200_u32 {
        let ip = std::net::Ipv4Addr::from_bits(0x0a00_0000 + index);
        usage.count(&refused(1, &ip.to_string(), Reason::WrongSecret));
        usage.count(&refused(2, &ip.to_string(), Reason::WrongSecret));
        usage.bound();
    }
    let kept = "203.0.113.9".parse().expect("a network");
    assert_eq!(usage.networks[&kept].accepted, 1);
}

#[test]
fn days_hold_no_address() {
    let usage = counted(&[accepted(0, "203.0.113.9", "ListJobs")]).without_addresses();
    let text = serde_json::to_string(&usage).expect("serializes");
    assert!(!text.contains("203.0.113"), "{text}");
    assert_eq!(usage.secrets["abcd"].all.accepted, 1);
}

#[test]
fn neighbourhoods_are_known_for_90_days_and_bounded() {
    let mut seen = SeenNetworks::default();
    let see = |seen: &mut SeenNetworks, second: i64, ip: &str| {
        let mut more = SeenNetworks::default();
        more.see(&accepted(second, ip, "ListJobs"));
        more.see(&refused(second, "192.0.2.1", Reason::Address));
        seen.add(&more);
    };
    see(&mut seen, 0, "203.0.113.9");
    see(&mut seen, 5_000, "203.0.113.77");
    let neighbourhood = "203.0.113.0/24".parse().expect("a network");
    let last = at(5_000).hour();
    assert_eq!(
        seen.networks,
        [(neighbourhood, Seen { first: at(0), last })].into()
    );
    const DAY: i64 = 86_400;
    see(&mut seen, 89 * DAY, "198.51.100.1");
    assert_eq!(seen.networks.len(), 2);
    // One that comes again after so long is new.
    let mut again = seen.clone();
    see(&mut again, 91 * DAY, "203.0.113.9");
    assert_eq!(again.networks[&neighbourhood].first, at(91 * DAY));
    see(&mut seen, 91 * DAY, "198.51.100.1");
    assert_eq!(seen.networks.len(), 1);
    assert_eq!(seen.forgotten, 0);
    for index in 0..250_i64 {
        let ip = std::net::Ipv4Addr::from_bits(0x0a00_0000 + 256 * index as u32);
        see(&mut seen, 91 * DAY + 3_600 * index, &ip.to_string());
    }
    assert_eq!((seen.networks.len(), seen.forgotten), (200, 51));
    // The last one that was dropped had been used on the 93rd day.
    assert!(seen.may_have_known(at(183 * DAY)));
    assert!(!seen.may_have_known(at(184 * DAY)));
}

#[test]
fn what_an_earlier_version_forgot_is_known_again_after_90_days() {
    const DAY: i64 = 86_400;
    let row = serde_json::json!({
        "networks": { "203.0.113.0/24": { "first": at(0), "last": at(0).hour() } },
        "forgotten": 3,
    });
    let mut seen: SeenNetworks = serde_json::from_value(row).expect("parses");
    assert!(seen.may_have_known(at(DAY)));
    for day in 1..=100 {
        let mut more = SeenNetworks::default();
        more.see(&accepted(day * DAY, "203.0.113.9", "ListJobs"));
        seen.add(&more);
    }
    assert!(seen.may_have_known(at(89 * DAY)));
    assert!(!seen.may_have_known(at(100 * DAY)));
    let text = serde_json::to_string(&seen).expect("serializes");
    let back: SeenNetworks = serde_json::from_str(&text).expect("parses");
    assert_eq!(back, seen);
}

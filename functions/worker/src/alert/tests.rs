//! The rules on recorded series.

use chrono::Duration;
use model::{CompanyId, KeyKind, KeyUsage, Network, Reason, Seen, SeenNetworks, Tally, Timestamp};

use super::{
    days_before,
    rules::{BURST, COMPANIES, Days, Key, SLEEP_DAYS, USUAL_AGE_DAYS, USUAL_DAYS, VOLUME_FLOOR},
};

/// The hour in question: 14:00.
fn hour() -> Timestamp {
    let day = Timestamp::from_millis(1_800_000_000_000)
        .expect("in range")
        .day();
    day.plus(Duration::hours(14))
}

fn key() -> Key {
    Key {
        name: "Job board".to_owned(),
        prefix: "sk_ivZk8Q2rTd".to_owned(),
        kind: KeyKind::Standard,
        per_hour: 1_000,
        made_at: days_before(hour(), 100),
    }
}

/// So many accepted requests, the last one half an hour into it.
fn accepted(hour: Timestamp, count: u64) -> KeyUsage {
    KeyUsage {
        all: Tally {
            accepted: count,
            accepted_at: (count > 0).then(|| hour.plus(Duration::minutes(30))),
            ..Tally::default()
        },
        ..KeyUsage::default()
    }
}

fn refused(reasons: &[(Reason, u64)]) -> KeyUsage {
    let mut usage = accepted(hour(), 0);
    usage.reasons = reasons.iter().copied().collect();
    usage.all.refused = reasons.iter().map(|(_, count)| count).sum();
    usage.all.refused_at = Some(hour().plus(Duration::minutes(50)));
    usage
}

fn seen(networks: &[(&str, i64)]) -> SeenNetworks {
    let networks = networks.iter().map(|(network, days)| {
        let first = days_before(hour(), *days).plus(Duration::minutes(10));
        let network: Network = network.parse().expect("a network");
        (
            network,
            Seen {
                first,
                last: hour(),
            },
        )
    });
    SeenNetworks {
        networks: networks.collect(),
        forgotten: 0,
        forgotten_last: None,
    }
}

#[test]
fn a_network_is_new_once_and_not_in_a_keys_first_days() {
    let (home, away) = ("198.51.100.0/24", "203.0.113.0/24");
    let found = key().new_network(&seen(&[(home, 20), (away, 0)]), hour());
    let found = found.expect("new");
    assert_eq!((found.count, found.period), (1, hour()));
    assert_eq!(found.last, hour().plus(Duration::minutes(10)));
    assert!(found.message.contains(away), "{}", found.message);
    assert!(!found.message.contains(home), "{}", found.message);
    assert_eq!(found.apart, [away]);
    // An hour later, and where it was all along.
    let later = hour().plus(Duration::hours(1));
    let networks = seen(&[(home, 20), (away, 0)]);
    assert_eq!(key().new_network(&networks, later), None);
    assert_eq!(
        key().new_network(&seen(&[(home, 20), (away, 5)]), hour()),
        None
    );
    // While it is being set up, and at its very first request.
    let young = Key {
        made_at: days_before(hour(), SeenNetworks::DAYS - 1),
        ..key()
    };
    for (networks, is_told) in [
        (seen(&[(home, 2), (away, 0)]), false),
        (seen(&[(home, 3), (away, 0)]), true),
        (seen(&[(away, 0)]), false),
    ] {
        let found = young.new_network(&networks, hour());
        assert_eq!(found.is_some(), is_told, "{networks:?}");
        // An older one may have been used before, so long ago that it is forgotten.
        assert!(key().new_network(&networks, hour()).is_some());
    }
    // Where some were forgotten, nobody knows what is new, until that is as long ago as networks are known.
    for (days, is_told) in [(0, false), (90, false), (91, true)] {
        let crowded = SeenNetworks {
            forgotten: 1,
            forgotten_last: Some(days_before(hour(), days)),
            ..seen(&[(home, 20), (away, 0)])
        };
        let found = key().new_network(&crowded, hour());
        assert_eq!(found.is_some(), is_told, "{days} days");
    }
}

/// Days of use before the hour, each at noon, and what was done today before it.
fn woke(days: &[i64], today: u64, hours: &[(i64, u64)]) -> bool {
    let mut usage: Vec<_> = days
        .iter()
        .map(|days| {
            let day = days_before(hour(), *days).day();
            let mut usage = accepted(day, 1);
            usage.all.accepted_at = Some(day.plus(Duration::hours(12)));
            (day, usage)
        })
        .collect();
    usage.sort_by_key(|(day, _)| *day);
    let hours: Vec<_> = hours
        .iter()
        .map(|(hours, count)| {
            let hour = hour().plus(Duration::hours(*hours));
            (hour, accepted(hour, *count))
        })
        .collect();
    let all: u64 = hours.iter().map(|(_, usage)| usage.all.accepted).sum();
    usage.push((hour().day(), accepted(hour().day(), today + all)));
    let at = hours.iter().position(|(at, _)| *at == hour());
    let at = at.expect("the hour in question");
    key().woke(&hours, at, &Days { days: usage }).is_some()
}

#[test]
fn a_key_wakes_once_after_thirty_days() {
    assert!(woke(&[], 0, &[(0, 1)]), "never used for 100 days");
    assert!(woke(&[31], 0, &[(0, 1)]));
    // At noon, 30 days and two hours before.
    assert!(woke(&[SLEEP_DAYS], 0, &[(0, 1)]));
    assert!(!woke(&[SLEEP_DAYS - 1], 0, &[(0, 1)]));
    assert!(!woke(&[40, 3], 0, &[(0, 1)]));
    assert!(!woke(&[40], 1, &[(0, 1)]), "awake since this morning");
    assert!(!woke(&[40], 0, &[(-1, 1), (0, 1)]), "awake for an hour");
    assert!(woke(&[40], 0, &[(-1, 0), (0, 1), (1, 5)]));
    assert!(!woke(&[40], 0, &[(0, 0)]), "only refused");
    let young = Key {
        made_at: days_before(hour(), 29),
        ..key()
    };
    let hours = [(hour(), accepted(hour(), 1))];
    assert_eq!(young.woke(&hours, 0, &Days { days: Vec::new() }), None);
}

#[test]
fn refusals_are_a_burst_where_they_are_many_and_not_a_trifle() {
    let burst = |reasons: &[(Reason, u64)], good: u64| {
        let mut usage = refused(reasons);
        usage.all.accepted = good;
        key().refusal_burst(hour(), &usage)
    };
    let found = burst(&[(Reason::Scope, 20), (Reason::Address, BURST - 20)], 0);
    let found = found.expect("a burst");
    assert_eq!(found.count, BURST);
    assert!(found.message.contains("20 SCOPE"), "{}", found.message);
    assert_eq!(
        (found.degree, &found.apart[..]),
        (0, &[][..]),
        "neither alone"
    );
    let alone = burst(&[(Reason::Scope, BURST), (Reason::Address, 9)], 0);
    assert_eq!(alone.expect("a burst").apart, ["SCOPE"]);
    let worse = burst(
        &[(Reason::Scope, BURST * 2), (Reason::Address, BURST * 2)],
        0,
    );
    assert_eq!(worse.expect("a burst").degree, 1);
    assert_eq!(burst(&[(Reason::Scope, BURST - 1)], 0), None);
    assert!(burst(&[(Reason::Scope, BURST)], BURST * 9).is_some());
    assert_eq!(burst(&[(Reason::Scope, BURST)], BURST * 9 + 1), None);
    // What other rules are for.
    let others = [(Reason::RateLimit, 900), (Reason::Revoked, 900)];
    assert_eq!(burst(&others, 0), None);
}

#[test]
fn whatever_is_dead_and_still_tried_is_told() {
    for reason in [
        Reason::Revoked,
        Reason::Expired,
        Reason::Suspended,
        Reason::WrongSecret,
    ] {
        let found = key().dead_credential(hour(), &refused(&[(reason, 1)]));
        let found = found.expect("told");
        assert_eq!(
            (found.count, found.last),
            (1, hour().plus(Duration::minutes(50)))
        );
        assert!(
            found.message.contains("1 request refused"),
            "{}",
            found.message
        );
    }
    let mut usage = refused(&[(Reason::WrongSecret, 4)]);
    for (network, accepted, refused) in [
        ("198.51.100.0/24", 90, 2),
        ("203.0.113.0/24", 0, 1),
        ("192.0.2.0/24", 0, 1),
        ("100.64.1.0/24", 7, 0),
    ] {
        let tally = Tally {
            accepted,
            refused,
            ..Tally::default()
        };
        usage
            .networks
            .insert(network.parse().expect("a network"), tally);
    }
    let found = key().dead_credential(hour(), &usage).expect("told");
    assert_eq!(found.apart, ["192.0.2.0/24", "203.0.113.0/24"]);
    let alive = [(Reason::Scope, 99), (Reason::RateLimit, 9)];
    assert_eq!(key().dead_credential(hour(), &refused(&alive)), None);
}

#[test]
fn volume_is_judged_by_the_same_hour_of_other_days() {
    let same = |counts: &[u64]| -> Vec<KeyUsage> {
        counts
            .iter()
            .map(|count| accepted(hour(), *count))
            .collect()
    };
    let volume = |count, usual: &[u64], factor| {
        let usage = accepted(hour(), count);
        key().volume(hour(), &usage, &same(usual), factor)
    };
    let found = |count, usual: &[u64], factor| volume(count, usual, factor).is_some();
    let degree = |count| volume(count, &[200; 14], 5).map(|found| found.degree);
    assert_eq!(
        [3_999, 4_000, 15_999, 16_000].map(degree),
        [Some(0), Some(1), Some(1), Some(2)]
    );
    assert!(found(1_001, &[200; 14], 5));
    assert!(
        !found(1_000, &[200; 14], 5),
        "five times is not more than five times"
    );
    assert!(found(1_000, &[200; 14], 4));
    // One busy day among quiet ones is not usual; a weekly job is.
    assert!(found(1_001, &[200, 200, 9_000], 5));
    assert!(!found(1_001, &[0, 0, 0, 0, 0, 900], 5));
    assert!(found(VOLUME_FLOOR, &[], 5), "never at this time of day");
    assert!(!found(VOLUME_FLOOR - 1, &[], 5));
    let young = Key {
        made_at: days_before(hour(), USUAL_AGE_DAYS - 1),
        ..key()
    };
    let usage = accepted(hour(), 9_000);
    assert_eq!(young.volume(hour(), &usage, &[], 5), None);
    let hours = key().same_hours(hour());
    assert_eq!(hours.len() as i64, USUAL_DAYS);
    assert_eq!(hours[0], days_before(hour(), 1));
}

#[test]
fn an_ats_key_may_act_for_some_companies_an_hour() {
    let company = |number: u8| CompanyId::new(hour(), [number; 10]);
    let acted = |kind, count: u64| {
        let mut usage = accepted(hour(), count);
        for number in 0..count {
            let one = accepted(hour(), 1).all;
            let number = u8::try_from(number).expect("few");
            usage.companies.insert(company(number), one);
        }
        let key = Key { kind, ..key() };
        key.many_companies(hour(), &usage)
    };
    let found = acted(KeyKind::Ats, COMPANIES).expect("many");
    assert_eq!((found.count, found.degree), (COMPANIES, 0));
    let worse = acted(KeyKind::Ats, COMPANIES * 4).expect("many");
    assert_eq!(worse.degree, 1);
    assert_eq!(acted(KeyKind::Ats, COMPANIES - 1), None);
    assert_eq!(acted(KeyKind::Standard, COMPANIES), None);
}

#[test]
fn the_limit_is_told_in_three_degrees() {
    let degree = |accepted_count, limited| {
        let mut usage = accepted(hour(), accepted_count);
        if limited > 0 {
            usage.reasons.insert(Reason::RateLimit, limited);
        }
        let found = key().rate_limit(hour(), &usage)?;
        Some(found.degree)
    };
    for (count, limited, expected) in [
        (749, 0, None),
        (750, 0, Some(75)),
        (899, 0, Some(75)),
        (900, 0, Some(90)),
        // Used up, and nobody was refused yet.
        (1_000, 0, Some(90)),
        (1_000, 1, Some(100)),
        // By the minute's limit.
        (60, 1, Some(100)),
    ] {
        assert_eq!(degree(count, limited), expected, "{count}, {limited}");
    }
}

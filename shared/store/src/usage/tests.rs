use model::{
    Actor, CompanyId, Event, EventFacts, EventType, KeyId, KeyUsage, Outcome, Owner, Reason,
    Timestamp,
};
use std::collections::BTreeMap;

use super::fold::fold;

fn owner() -> Owner {
    let at = Timestamp::from_millis(0).expect("in range");
    Owner::Company(CompanyId::new(at, [1; 10]))
}

/// 600 requests of 7 keys over some hours, every fifth refused, with changes between them.
fn events() -> Vec<Event> {
    let mut prev = model::ChainHash::genesis(owner());
    (1..=600_u64)
        .map(|seq| {
            let key = KeyId::new([seq as u8 % 7; 8]);
            let refused = seq % 5 == 0;
            let kind = match (seq % 11, refused) {
                (0, _) => EventType::KeyRenamed,
                (_, true) => EventType::AuthenticationFailed,
                (_, false) => EventType::AuthenticationSucceeded,
            };
            let facts = EventFacts {
                id: format!("row@{seq}"),
                at: Timestamp::from_millis(1_790_000_000_000 + 97_000 * seq as i64)
                    .expect("in range"),
                owner: owner(),
                kind,
                outcome: match refused {
                    true => Outcome::Refused,
                    false => Outcome::Success,
                },
                actor: Actor::key(key),
                key_id: Some(key),
                secret_suffix: Some("abcd".to_owned()),
                company_id: owner().company(),
                source_ip: Some(format!("198.51.100.{}", seq % 9)),
                user_agent: None,
                request_id: None,
                operation: Some("ListJobs".to_owned()),
                reason: refused.then(|| Reason::WrongSecret.to_string()),
                count: None,
                suppressed: None,
                changes: None,
            };
            let event = facts.chained(seq, prev);
            prev = event.hash;
            event
        })
        .collect()
}

#[test]
fn however_the_chain_is_cut_the_sums_are_the_same() {
    let events = events();
    let whole = fold(&events, 0, usize::MAX);
    assert_eq!(whole.seq, 600);
    for rows in [5, 6, 17, 99] {
        let mut seq = 0;
        let mut hours: BTreeMap<(KeyId, Timestamp), KeyUsage> = BTreeMap::new();
        let mut days: BTreeMap<(KeyId, Timestamp), KeyUsage> = BTreeMap::new();
        let mut steps = 0;
        while seq < 600 {
            let changes = fold(&events, seq, rows);
            assert!(changes.rows(owner()).len() <= rows);
            assert!(changes.seq > seq, "it gets on");
            seq = changes.seq;
            steps += 1;
            for (place, more) in changes.hours {
                hours.entry(place).or_default().add(&more);
            }
            for (place, more) in changes.days {
                days.entry(place).or_default().add(&more);
            }
        }
        assert!(steps > 1);
        assert_eq!((&hours, &days), (&whole.hours, &whole.days));
    }
}

#[test]
fn hours_and_days_have_every_request_and_nothing_else() {
    let events = events();
    let changes = fold(&events, 0, usize::MAX);
    let requests = |kind: EventType| {
        events
            .iter()
            .filter(|event| event.facts.kind == kind)
            .count() as u64
    };
    let accepted = requests(EventType::AuthenticationSucceeded);
    let refused = requests(EventType::AuthenticationFailed);
    for rows in [&changes.hours, &changes.days] {
        let sum = |of: fn(&KeyUsage) -> u64| rows.values().map(of).sum::<u64>();
        assert_eq!(sum(|usage| usage.all.accepted), accepted);
        assert_eq!(sum(|usage| usage.all.refused), refused);
    }
    assert!(changes.days.values().all(|day| day.networks.is_empty()));
    for ((id, hour), usage) in &changes.hours {
        assert_eq!(
            changes.active[&(*hour, *id)],
            usage.all.last().expect("used")
        );
    }
    assert_eq!(changes.seen.len(), 7);
}

#[test]
fn packs_are_gone_on_with_where_the_next_event_stands() {
    let starts = [1, 40, 70];
    for (seq, next) in [
        (0, 1),
        (38, 1),
        (39, 40),
        (50, 40),
        (69, 70),
        (99, 70),
        (100, 101),
    ] {
        assert_eq!(super::next_pack(&starts, seq, 100), next, "{seq}");
    }
}

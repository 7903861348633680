//! Events that were read late stand late in their chain, and are done in their rows' order all the same.

use chrono::Duration;
use model::{
    Actor, Change, CompanyId, EventFacts, EventType, KeyId, KeyKind, KeyState, Outcome, Owner,
    PersonId, Plan, RateLimit, Timestamp,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

use super::{Behind, made};
use crate::{AdministratorRow, KeyRow, MemberRow};

fn now() -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000).expect("in range")
}

fn owner() -> Owner {
    Owner::Company(CompanyId::new(now(), [1; 10]))
}

fn event(kind: EventType, changes: &[(&str, Value)]) -> EventFacts {
    let changes = changes.iter().map(|(field, after)| Change {
        field: (*field).to_owned(),
        before: None,
        after: Some(after.clone()),
    });
    EventFacts {
        id: String::new(),
        at: now(),
        owner: owner(),
        kind,
        outcome: Outcome::Success,
        actor: Actor::system("test"),
        key_id: None,
        secret_suffix: None,
        company_id: owner().company(),
        source_ip: None,
        user_agent: None,
        request_id: None,
        operation: None,
        reason: None,
        count: None,
        suppressed: None,
        changes: Some(changes.collect()),
    }
}

#[test]
fn a_suspension_stands_though_the_resumption_before_it_is_told_later() {
    let created = [("name", json!("CI")), ("scopes", json!(["read:jobs"]))];
    let behind: Behind<KeyRow> = Behind {
        row: None,
        unreadable: None,
        events: vec![
            (1, event(EventType::KeyCreated, &created)),
            (3, event(EventType::KeySuspended, &[])),
            (2, event(EventType::KeyResumed, &[])),
        ],
        counted: 0,
        uses: BTreeMap::new(),
        newest_secret: None,
    };
    let id = KeyId::new([7; 8]);
    let limits = Plan::Scale.rate_limit();
    let brought_up = behind.brought_up(id, owner(), limits, 3, now());
    let row = brought_up.expect("readable").expect("made");
    assert_eq!((row.facts.state, row.rev), (KeyState::Suspended, 3));
}

#[test]
fn who_was_removed_stays_removed_though_the_joining_before_it_is_told_later() {
    let role = [("role", json!("ADMIN"))];
    let behind: Behind<MemberRow> = Behind {
        row: None,
        unreadable: None,
        events: vec![
            (1, event(EventType::MemberAdded, &role)),
            (2, event(EventType::MemberRemoved, &[])),
            (4, event(EventType::MemberRemoved, &[])),
            (3, event(EventType::MemberAdded, &role)),
        ],
        counted: 0,
        uses: BTreeMap::new(),
        newest_secret: None,
    };
    let person = PersonId::new("issuer", "somebody");
    let email = "a@example.com".to_owned();
    let brought_up = behind.brought_up(&person, owner(), email, 4, now());
    let row = brought_up.expect("readable").expect("made");
    assert!(row.facts.ended);
}

#[test]
fn who_comes_back_has_the_address_that_they_came_back_with() {
    let id = PersonId::new("issuer", "somebody");
    let role = [("role", json!("ADMIN"))];
    let after = |events: Vec<(u64, EventFacts)>, email: &str, row: Option<MemberRow>| {
        let behind: Behind<MemberRow> = Behind {
            row,
            unreadable: None,
            events,
            counted: 0,
            uses: BTreeMap::new(),
            newest_secret: None,
        };
        let brought_up = behind.brought_up(&id, owner(), email.to_owned(), 9, now());
        brought_up.expect("readable").expect("made")
    };
    let joined = (1, event(EventType::MemberAdded, &role));
    let row = after(vec![joined], "old@example.com", None);
    // Another role is no coming back.
    let changed = (2, event(EventType::MemberRoleChanged, &role));
    let same = after(vec![changed], "new@example.com", Some(row.clone()));
    assert_eq!(same.email, "old@example.com");
    let left = (3, event(EventType::MemberRemoved, &[]));
    let back = (4, event(EventType::MemberAdded, &role));
    let again = after(vec![left, back], "new@example.com", Some(row));
    assert_eq!(
        (&*again.email, again.facts.ended),
        ("new@example.com", false)
    );
}

#[test]
fn a_key_has_its_companys_limits_of_now_and_an_ats_key_its_own() {
    let id = KeyId::new([7; 8]);
    let (then, today) = (Plan::Business.rate_limit(), Plan::Trial.rate_limit());
    for (kind, expected) in [(KeyKind::Standard, today), (KeyKind::Ats, then)] {
        let mut row = made_on(id, then);
        row.facts.kind = kind;
        let behind = Behind {
            row: Some(row),
            unreadable: None,
            events: Vec::new(),
            counted: 1,
            uses: BTreeMap::new(),
            newest_secret: None,
        };
        let brought_up = behind.brought_up(id, owner(), today, 9, now());
        let row = brought_up.expect("readable").expect("made");
        assert_eq!(row.facts.limits, expected, "{kind}");
    }
}

#[test]
fn what_fell_due_before_the_replay_is_still_to_be_told() {
    let id = KeyId::new([7; 8]);
    let limits = Plan::Scale.rate_limit();
    let days = |days| now().plus(Duration::days(days));
    let mut row = made_on(id, limits);
    row.facts.expires_at = Some(days(40));
    row.notice_at = Some(days(33));
    let noticed = |events: Vec<(u64, EventFacts)>| {
        let behind = Behind {
            row: Some(row.clone()),
            unreadable: None,
            events,
            counted: 1,
            uses: BTreeMap::new(),
            newest_secret: None,
        };
        let brought_up = behind.brought_up(id, owner(), limits, 9, days(60));
        brought_up.expect("readable").expect("made").notice_at
    };
    // Nothing changed.
    assert_eq!(noticed(Vec::new()), Some(days(33)));
    // Something else did.
    let renamed = EventFacts {
        at: days(35),
        ..event(EventType::KeyRenamed, &[("name", json!("Cron"))])
    };
    assert_eq!(noticed(vec![(8, renamed)]), Some(days(33)));
    // Its dates did, which fell due since: 14 days before the new expiry are first.
    let moved = EventFacts {
        at: days(35),
        ..event(
            EventType::KeyExpiryChanged,
            &[("expiresAt", json!(days(50)))],
        )
    };
    assert_eq!(noticed(vec![(8, moved)]), Some(days(36)));
}

#[test]
fn an_administrator_has_ended_if_the_chain_or_the_clocks_say_so_last() {
    let (added, removed) = (EventType::MemberAdded, EventType::MemberRemoved);
    let says_ended = |told: &[(EventType, i64)]| {
        let events = told.iter().zip(1..).map(|((kind, second), seq)| {
            let at = now().plus(Duration::seconds(*second));
            (
                seq,
                EventFacts {
                    at,
                    ..event(*kind, &[])
                },
            )
        });
        let behind: Behind<AdministratorRow> = Behind {
            row: None,
            unreadable: None,
            events: events.collect(),
            counted: 0,
            uses: BTreeMap::new(),
            newest_secret: None,
        };
        behind.says_ended()
    };
    assert!(!says_ended(&[]));
    assert!(!says_ended(&[(added, 0)]));
    assert!(says_ended(&[(added, 0), (removed, 1)]));
    assert!(!says_ended(&[(added, 0), (removed, 1), (added, 2)]));
    // The second operator's clock is behind the first one's.
    assert!(says_ended(&[(added, 5), (removed, 1)]));
    // What was quarantined is told late.
    assert!(says_ended(&[(removed, 1), (added, 0)]));
}

fn made_on(id: KeyId, limits: RateLimit) -> KeyRow {
    let created = [("name", json!("CI")), ("scopes", json!(["read:jobs"]))];
    let created = [event(EventType::KeyCreated, &created)];
    let row = made(id, owner(), limits, &created).expect("readable");
    row.expect("made")
}

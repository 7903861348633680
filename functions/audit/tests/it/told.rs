//! What single records tell, and what events never hold.

use model::{ActorKind, EventType, Outcome, Owner, Reason};
use serde_json::json;

use crate::world::{TITLE, World, changed, event, seed};

async fn world_after(seed: u64, acts: usize) -> (World, Vec<store::Revision>) {
    let mut world = World::new(seed).await;
    for _ in 0..acts {
        world.act().await;
    }
    let told = world
        .records()
        .iter()
        .filter_map(|record| audit::revision(&world.names, &event(record)).expect("readable"))
        .collect();
    (world, told)
}

#[tokio::test]
async fn no_secret_and_no_address_of_a_person_stands_in_an_event() {
    let (_, told) = world_after(seed(10), 200).await;
    let text = format!("{told:?}");
    // The hash of the secret, as bytes or in base64, and the member's mail.
    for canary in ["hmac", "7, 7, 7, 7", "BwcHBwcH", "a@example.com", "plain"] {
        assert!(!text.contains(canary), "{canary}");
    }
}

#[tokio::test]
async fn revisions_of_a_row_have_no_gaps_and_ids_are_unique() {
    let (_, told) = world_after(seed(11), 300).await;
    let mut last = std::collections::HashMap::new();
    let mut ids = std::collections::HashSet::new();
    for revision in told {
        let before = last
            .insert(revision.row.clone(), revision.rev)
            .unwrap_or_default();
        assert_eq!(revision.rev, before + 1, "{}", revision.row);
        for facts in revision.events {
            assert!(
                facts
                    .id
                    .starts_with(&format!("{}@{}", revision.row, revision.rev))
            );
            assert!(ids.insert(facts.id));
        }
    }
}

#[tokio::test]
async fn a_counted_request_is_a_success_of_the_key_with_its_address() {
    let (world, told) = world_after(seed(12), 0).await;
    assert!(told.iter().all(|told| told.counted.is_none()));
    let mut world = world;
    world.count_key().await;
    let record = world.records().into_iter().rev().find_map(|record| {
        let told = audit::revision(&world.names, &event(&record)).expect("readable")?;
        told.counted.is_some().then_some(told)
    });
    let facts = &record.expect("counted").events[0];
    assert_eq!(facts.kind, EventType::AuthenticationSucceeded);
    assert_eq!(facts.actor.kind, ActorKind::Key);
    assert_eq!(
        facts.key_id.map(|id| id.to_string()),
        Some(facts.actor.id.clone())
    );
    assert_eq!(facts.secret_suffix.as_deref(), Some("abcd"));
    assert_eq!(facts.source_ip.as_deref(), Some("192.0.2.8"));
    assert_eq!(facts.operation.as_deref(), Some("ListJobs"));
    assert_eq!(
        facts.owner,
        Owner::Company(facts.company_id.expect("acts in one"))
    );
}

#[tokio::test]
async fn numbers_that_readers_disagree_on_are_text() {
    let (_, told) = world_after(seed(13), 0).await;
    let created = told
        .iter()
        .flat_map(|told| &told.events)
        .find(|facts| facts.kind == EventType::JobCreated)
        .expect("there");
    let (before, after) = changed(created.changes.as_ref(), "metadata");
    assert_eq!(before, None);
    assert_eq!(
        after,
        Some(json!({ "x": "0.1", "y": "18446744073709551615" }))
    );
    let (_, title) = changed(created.changes.as_ref(), "title");
    assert_eq!(title, Some(json!(TITLE)));
}

#[tokio::test]
async fn suppressed_refusals_say_so_and_how_many() {
    let mut world = World::new(seed(14)).await;
    let mut row = world.denial(0, Reason::Scope);
    row.denial.count = Some(61);
    row.denial.suppressed = true;
    world.table.create_suppression(&row).await.expect("kept");
    let told: Vec<_> = world
        .records()
        .iter()
        .filter_map(|record| audit::revision(&world.names, &event(record)).expect("readable"))
        .flat_map(|told| told.events)
        .filter(|facts| facts.outcome == Outcome::Refused)
        .collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].kind, EventType::AuthorizationDenied);
    assert_eq!((told[0].suppressed, told[0].count), (Some(true), Some(61)));
    assert_eq!(told[0].reason.as_deref(), Some("SCOPE"));
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test leaves what a batch that was cut off leaves, and compares all"
)]
async fn what_no_batch_has_folded_the_hours_turn_folds() {
    let (mut world, told) = world_after(seed(14), 200).await;
    let mut owners = std::collections::BTreeMap::new();
    for revision in told {
        let revisions: &mut Vec<_> = owners.entry(revision.owner).or_default();
        revisions.push(revision);
    }
    for revisions in owners.values() {
        let mut settled = 0;
        while settled < revisions.len() {
            let appended = world.table.append(&revisions[settled..], [7; 16]).await;
            settled += appended.expect("appended").taken;
        }
    }
    let unfolded = async || world.table.list_unfolded().await.expect("read").len();
    assert_eq!(unfolded().await, owners.len());
    let mut nonce = 0_u8;
    let mut nonce = || {
        nonce = nonce.wrapping_add(1);
        [nonce; 16]
    };
    let left = audit::catch_up(&world.table, &mut nonce, || true).await;
    assert!(left.expect("read"), "its time was over");
    assert_eq!(unfolded().await, owners.len());
    let left = audit::catch_up(&world.table, &mut nonce, || false).await;
    assert!(!left.expect("read"));
    assert_eq!(unfolded().await, 0);
    let now = world.now();
    let found = world.table.reconcile(now).await.expect("read");
    assert_eq!((found.differences, found.behind), (vec![], vec![]));
    assert!(found.events > 0);
}

//! However the records are delivered, each event stands in its chain once.

use audit::{Consumer, LogOnly, NotHeld, Quarantine, Unreadable, consume};
use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use embedded::{Fault, StreamRecord, Weather};
use model::{EventType, Owner};
use serde_json::json;
use std::{
    collections::{BTreeMap, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};
use store::{Committed, Table};

use crate::world::{Seeded, World, changed, commit, event, seed};

const LOG_ONLY: &LogOnly = &LogOnly;

fn batch(records: impl IntoIterator<Item = EventRecord>) -> Event {
    let mut batch = Event::default();
    batch.records = records.into_iter().collect();
    batch
}

/// Delivers a batch, and says from which record on it must be delivered again.
async fn deliver(table: &Table, records: &[EventRecord], nonce: [u8; 16]) -> Option<usize> {
    let consumer = Consumer {
        table,
        quarantine: LOG_ONLY,
    };
    let response = consume(&consumer, batch(records.iter().cloned()), nonce).await;
    let failure = response.batch_item_failures.first()?;
    let number = failure.item_identifier.clone();
    let place = records
        .iter()
        .position(|record| record.change.sequence_number == number);
    Some(place.expect("of this batch"))
}

/// Per partition key one of 4 shards of its stream, each in order.
fn shards(records: &[StreamRecord]) -> Vec<Vec<EventRecord>> {
    let mut shards: BTreeMap<(String, u64), Vec<EventRecord>> = BTreeMap::new();
    for record in records {
        let event = event(record);
        let mut hash = DefaultHasher::new();
        record.partition_key.hash(&mut hash);
        let stream = event.event_source_arn.clone().unwrap_or_default();
        shards
            .entry((stream, hash.finish() % 4))
            .or_default()
            .push(event);
    }
    shards.into_values().collect()
}

/// One shard's deliveries, as a bad day makes them.
async fn bad_day(table: Table, records: Vec<EventRecord>, mut random: Seeded) {
    let mut done = 0;
    while done < records.len() {
        // Delivered long ago, and again.
        let back = if random.below(5) == 0 {
            random.below(30)
        } else {
            0
        };
        let start = done - back.min(done);
        let end = records.len().min(start + 1 + random.below(40));
        let mut batch = records[start..end].to_vec();
        if random.below(4) == 0 {
            let twice = random.below(batch.len());
            batch.insert(twice, batch[twice].clone());
        }
        let delivery = deliver(&table, &batch, random.bytes());
        if random.below(3) == 0 {
            // The process dies somewhere on the way; the batch comes again, cut anew.
            let life = Duration::from_micros(random.next() % 15_000);
            let _ = tokio::time::timeout(life, delivery).await;
            continue;
        }
        match delivery.await {
            // A doubled record shifts the places: the failed one's number counts.
            Some(failed) => {
                let number = batch[failed].change.sequence_number.clone();
                let place = records
                    .iter()
                    .position(|record| record.change.sequence_number == number);
                done = done.min(place.expect("delivered"));
            }
            None => done = done.max(end),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_stands_once_and_in_order_on_a_bad_day() {
    for seed in [seed(1), 2, 3] {
        let mut world = World::new(seed).await;
        for _ in 0..250 {
            world.act().await;
        }
        let mut days = Vec::new();
        for shard in shards(&world.records()) {
            let random = Seeded(world.random.next());
            days.push(tokio::spawn(bad_day(world.table.clone(), shard, random)));
        }
        for day in days {
            day.await.expect("no panic");
        }
        world.assert_exact();
    }
}

#[tokio::test]
async fn a_batch_delivered_twice_or_in_halves_changes_nothing() {
    let mut world = World::new(seed(4)).await;
    for _ in 0..60 {
        world.act().await;
    }
    let records: Vec<_> = world.records().iter().map(event).collect();
    assert_eq!(deliver(&world.table, &records, [1; 16]).await, None);
    world.assert_exact();
    let before = world.events();
    let half = records.len() / 2;
    for part in [&records[..], &records[..half], &records[half..]] {
        assert_eq!(
            deliver(&world.table, part, world.random.bytes()).await,
            None
        );
    }
    assert_eq!(world.events(), before);
}

#[tokio::test]
async fn a_request_counted_twice_is_told_once() {
    let mut world = World::new(seed(5)).await;
    let (company, id) = world.key();
    let row = world
        .table
        .find_key(id)
        .await
        .expect("read")
        .expect("there");
    let commit = commit(Some(row.facts.counted.version));
    let company = Some(world.companies[company]);
    let (first, second) = (world.last_use(company), world.last_use(company));
    let (one, two) = (world.nonce(), world.nonce());
    // The answer is lost, somebody gets in between, the SDK sends it again: the count is one ahead.
    for (nonce, last) in [(one, &first), (two, &second), (one, &first)] {
        let counted = world
            .table
            .commit_key(id, &commit, nonce, last)
            .await
            .expect("answers");
        assert!(matches!(counted, Committed::Applied(_)));
    }
    let row = world
        .table
        .find_key(id)
        .await
        .expect("read")
        .expect("there");
    assert_eq!(row.total, 3);
    let records: Vec<_> = world.records().iter().map(event).collect();
    // Each record in a batch of its own: the second one is known by the mark.
    for record in &records {
        assert_eq!(
            deliver(
                &world.table,
                std::slice::from_ref(record),
                world.random.bytes()
            )
            .await,
            None
        );
    }
    let requests: Vec<_> = world
        .events()
        .into_iter()
        .filter(|event| event.facts.kind == EventType::AuthenticationSucceeded)
        .filter_map(|event| event.facts.request_id)
        .collect();
    assert_eq!(requests, [first.request_id, second.request_id]);
}

#[derive(Debug, Default)]
struct Noted(Mutex<Vec<String>>);

impl Quarantine for Noted {
    fn hold<'a>(
        &'a self,
        record: &'a EventRecord,
        why: &'a Unreadable,
    ) -> Pin<Box<dyn Future<Output = Result<(), NotHeld>> + Send + 'a>> {
        let mut held = self.0.lock().expect("no panic");
        held.push(format!("{} {why}", record.event_id));
        Box::pin(std::future::ready(Ok(())))
    }
}

#[tokio::test]
async fn an_unreadable_record_delays_nobody_and_its_row_shows_the_gap() {
    let mut world = World::new(seed(6)).await;
    for _ in 0..40 {
        world.act().await;
    }
    let (_, id) = world.key();
    for _ in 0..3 {
        world.count_key().await;
    }
    let mut records = world.records();
    let rows: Vec<usize> = (0..records.len())
        .filter(|at| records[*at].partition_key.contains(&id.to_string()))
        .collect();
    let poisoned = rows[1];
    let image = &mut records[poisoned].json["dynamodb"]["NewImage"];
    image["name"] = json!({ "N": "1e400" });
    image["scopes"] = json!({ "S": "canary" });
    let held = Noted::default();
    let consumer = Consumer {
        table: &world.table,
        quarantine: &held,
    };
    let response = consume(&consumer, batch(records.iter().map(event)), [9; 16]).await;
    assert!(response.batch_item_failures.is_empty());
    let held = held.0.into_inner().expect("no panic");
    assert_eq!(held.len(), 1, "{held:?}");
    assert!(!held[0].contains("canary"));
    let gaps: Vec<_> = world
        .events()
        .into_iter()
        .filter(|event| event.facts.kind == EventType::AuditGap)
        .collect();
    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0].facts.count, Some(1));
    assert_eq!(gaps[0].facts.id, format!("KEY#{id}@3:audit.gap"));
    // Everything else is there.
    let expected: usize = world.expected.values().map(Vec::len).sum();
    let lost = world.expected[&format!("KEY#{id}")].len();
    assert!(world.events().len() > expected - lost);
}

#[tokio::test]
async fn a_failing_store_makes_the_batch_fail_from_the_first_record_not_appended() {
    let mut world = World::new(seed(7)).await;
    for _ in 0..80 {
        world.act().await;
    }
    let records: Vec<_> = world.records().iter().map(event).collect();
    // The companies' chains can't be written, the system's can.
    let away = world.companies.map(|id| format!("HEAD#COMPANY#{id}"));
    let weather = Weather::script(move |call| {
        let body = String::from_utf8_lossy(call.body);
        match away.iter().any(|head| body.contains(head)) {
            true => Fault::Unreachable,
            false => Fault::None,
        }
    });
    let table = Table::new(world.engine.client(weather.clone()), world.names.clone());
    let failed = deliver(&table, &records, [3; 16]).await.expect("fails");
    let first = records.iter().position(|record| {
        let told = audit::revision(&world.names, record).expect("readable");
        told.is_some_and(|told| told.owner != Owner::System)
    });
    assert_eq!(Some(failed), first);
    let system = world.chain(Owner::System);
    system.verify().expect("holds");
    assert!(!system.events.is_empty());
    weather.set(&Weather::calm());
    assert_eq!(deliver(&table, &records[failed..], [4; 16]).await, None);
    world.assert_exact();
}

#[tokio::test]
async fn a_change_past_the_store_is_held_and_not_taken_for_a_repetition() {
    let world = World::new(seed(8)).await;
    let (_, id) = world.key();
    world.dispatch(
        "UpdateItem",
        json!({
            "TableName": world.names.keys,
            "Key": { "pk": { "S": format!("KEY#{id}") }, "sk": { "S": "KEY" } },
            "UpdateExpression": "SET scopes = :scopes",
            "ExpressionAttributeValues": { ":scopes": { "L": [{ "S": "delete:jobs" }] } },
        }),
    );
    let held = Arc::new(Noted::default());
    let consumer = Consumer {
        table: &world.table,
        quarantine: held.as_ref(),
    };
    consume(&consumer, batch(world.records().iter().map(event)), [9; 16]).await;
    let held = held.0.lock().expect("no panic");
    assert_eq!(held.len(), 1);
    assert!(
        held[0].ends_with("the row changed without a new rev"),
        "{held:?}"
    );
}

#[tokio::test]
async fn one_batch_of_many_rows_goes_through() {
    let mut world = World::new(seed(9)).await;
    for _ in 0..400 {
        world.count_key().await;
    }
    for _ in 0..130 {
        world.create_key(0).await;
    }
    let records: Vec<_> = world.records().iter().map(event).collect();
    assert_eq!(deliver(&world.table, &records, [5; 16]).await, None);
    world.assert_exact();
    let created = world
        .events()
        .into_iter()
        .find(|event| event.facts.kind == EventType::KeyCreated);
    let created = created.expect("there");
    assert_eq!(
        changed(created.facts.changes.as_ref(), "name"),
        (None, Some(json!("CI")))
    );
}

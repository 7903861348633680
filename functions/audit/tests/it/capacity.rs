//! What the audit consumer writes for an event, alone and among a hundred of its owner, in units of DynamoDB's capacity.

use super::world::{World, event};
use audit::{Consumer, LogOnly, consume};
use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use embedded::Weather;
use model::KeyId;
use store::Table;

/// The targets are the chain's; usage is added up beside it, in a transaction of its own.
#[tokio::test]
async fn a_lone_event_costs_the_chain_six_units_and_each_of_a_hundred_less_than_half_of_one() {
    const KEYS: usize = 10;
    let mut world = World::new(35).await;
    let calm = Weather::calm();
    let table = Table::new(world.engine.client(calm.clone()), world.names.clone());
    for _ in 1..KEYS {
        world.create_key(0).await;
    }
    let keys = world.keys_of(0);
    // The owner's chain, and the day's usage of each key, are there already.
    requests(&mut world, &keys, KEYS).await;
    let before: Vec<_> = world.records().iter().map(event).collect();
    deliver(&table, &before, world.random.bytes()).await;
    let mut cost = async |keys: &[(usize, KeyId)], count| {
        let records = requests(&mut world, keys, count).await;
        calm.take_calls();
        deliver(&table, &records, world.random.bytes()).await;
        let calls = calm.take_calls();
        let units = calls.iter().map(|call| call.write_units);
        let units: Vec<_> = units.filter(|units| *units > 0.0).collect();
        let [chain, usage] = units[..] else {
            panic!("not two transactions: {units:?}");
        };
        (chain, usage)
    };
    let lone = cost(&keys[..1], 1).await;
    let of_one_key = cost(&keys[..1], 100).await;
    let of_ten_keys = cost(&keys, 100).await;
    for (what, (chain, usage)) in [
        ("a lone event", lone),
        ("a hundred of one key", of_one_key),
        ("a hundred of ten keys", of_ten_keys),
    ] {
        println!("{what}: {chain} WRU, and {usage} of usage");
    }
    // They are exact: what costs more is to be seen.
    assert_eq!(lone, (6.0, 6.0));
    assert_eq!(of_one_key, (20.0, 6.0));
    assert_eq!(of_ten_keys, (38.0, 42.0));
}

/// Lets these keys make so many requests, in turn; their records.
async fn requests(world: &mut World, keys: &[(usize, KeyId)], count: usize) -> Vec<EventRecord> {
    let after = |world: &World, last| {
        let records = world
            .engine
            .stream_records(&world.names.keys, last, usize::MAX);
        records.expect("a stream")
    };
    let last = after(world, None)
        .last()
        .map(|record| record.sequence_number);
    for key in keys.iter().cycle().take(count) {
        world.count(*key).await;
    }
    after(world, last).iter().map(event).collect()
}

async fn deliver(table: &Table, records: &[EventRecord], nonce: [u8; 16]) {
    let consumer = Consumer {
        table,
        quarantine: &LogOnly,
    };
    let mut batch = Event::default();
    batch.records = records.to_vec();
    let response = consume(&consumer, batch, nonce).await;
    assert!(response.batch_item_failures.is_empty());
}

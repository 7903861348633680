//! What the audit consumer writes for an event, alone and among a hundred of its owner.

use super::trail::world::{World, event};
use audit::{Consumer, LogOnly, consume};
use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use embedded::{StreamRecord, Weather};
use store::Table;

#[tokio::test]
async fn write_units_of_a_lone_event_and_of_a_hundred() {
    let mut world = World::new(35).await;
    let calm = Weather::calm();
    let table = Table::new(world.engine.client(calm.clone()), world.names.clone());
    // The owner's chain, and the hour's usage of the key, are there already.
    requests(&mut world, 1).await;
    let before: Vec<_> = world.records().iter().map(event).collect();
    for records in before.chunks(100) {
        deliver(&table, records, world.random.bytes()).await;
    }
    for (count, what) in [(1, "a lone event"), (100, "a hundred of one key")] {
        let records = requests(&mut world, count).await;
        calm.take_calls();
        deliver(&table, &records, world.random.bytes()).await;
        let calls = calm.take_calls();
        let units = calls.iter().map(|call| call.write_units);
        let units: Vec<_> = units.filter(|units| *units > 0.0).collect();
        println!("{what}: {} WRU = {units:?}", units.iter().sum::<f64>());
    }
}

/// Lets one key make so many requests more; its records of them.
async fn requests(world: &mut World, count: usize) -> Vec<EventRecord> {
    let pk = format!("KEY#{}", world.key().1);
    let of_key = |world: &World| -> Vec<StreamRecord> {
        let records = world.records().into_iter();
        let of_key = records.filter(|record| record.json["dynamodb"]["Keys"]["pk"]["S"] == *pk);
        of_key.collect()
    };
    let before = of_key(world).len();
    loop {
        // Of any key.
        world.count_key().await;
        let made = of_key(world);
        if made.len() == before + count {
            return made[before..].iter().map(event).collect();
        }
    }
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

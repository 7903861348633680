use super::*;
use crate::{
    functions::InvokeEndpoint,
    listener::Listener,
    message::{HttpRequest, HttpResponse},
    tables,
};
use api::Clock;
use aws_sdk_dynamodb::{Client, types::AttributeValue};
use embedded::{Place, Weather};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use store::TableDefinition;

const TABLE: &str = "things";

/// A pump whose consumer refuses what `refuses` says of a number and how often it came.
async fn pump(refuses: fn(u64, usize) -> bool) -> (Pump, Client, Arc<Mutex<Vec<u64>>>) {
    let clock = Clock::system();
    let engine =
        Engine::open(Place::Temporary, Arc::new(move || clock.instant())).expect("an engine");
    let client = engine.client(Weather::calm());
    let table = TableDefinition {
        name: TABLE.to_owned(),
        streamed: true,
        ttl: None,
        local_index: None,
        global_index: None,
    };
    tables::create_missing(&client, &[table])
        .await
        .expect("a table");
    let listener = Listener::bind(0).await.expect("a port");
    let url = listener.url().parse().expect("a URL");
    let consumed = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&consumed);
    let attempts = Mutex::new(Vec::new());
    let consumer = Arc::new(move |request: HttpRequest| {
        assert_eq!(request.path, "/2015-03-31/functions/audit/invocations");
        let event: Value = serde_json::from_slice(&request.body).expect("JSON");
        let records = event["Records"].as_array().expect("records");
        assert!(records.len() <= MAX_BATCH);
        let mut failures = Vec::new();
        for record in records {
            let change = &record["dynamodb"];
            let number = change["NewImage"]["number"]["N"]
                .as_str()
                .expect("a number")
                .parse()
                .expect("a number");
            let mut attempts = attempts.lock().expect("no panic");
            attempts.push(number);
            if refuses(
                number,
                attempts.iter().filter(|seen| **seen == number).count(),
            ) {
                failures.push(json!({ "itemIdentifier": change["SequenceNumber"] }));
                break;
            }
            seen.lock().expect("no panic").push(number);
        }
        HttpResponse::new(
            200,
            "application/json",
            json!({ "batchItemFailures": failures }).to_string(),
        )
    });
    let handler = move |request| std::future::ready(consumer(request));
    tokio::spawn(listener.serve(handler, std::future::pending()));
    let functions = Functions::Invoked(InvokeEndpoint::new(url).expect("on this machine"));
    (
        Pump::start(&engine, vec![TABLE.to_owned()], &functions),
        client,
        consumed,
    )
}

async fn put(client: &Client, partition: &str, number: u64) {
    let put = client
        .put_item()
        .table_name(TABLE)
        .item("pk", AttributeValue::S(partition.to_owned()))
        .item("sk", AttributeValue::S("row".to_owned()))
        .item("number", AttributeValue::N(number.to_string()));
    put.send().await.expect("written");
}

#[tokio::test]
async fn a_refused_record_comes_again_with_all_that_follow_it_and_none_before() {
    let (pump, client, consumed) = pump(|number, times| number % 7 == 3 && times <= 2).await;
    let numbers: Vec<u64> = (0..300).collect();
    for number in &numbers {
        put(&client, "one", *number).await;
    }
    pump.settle().await.expect("dry");
    assert_eq!(*consumed.lock().expect("no panic"), numbers);
    assert!(
        pump.engine.stored_stream_records().expect("counted") <= 1,
        "what was consumed is forgotten"
    );
}

#[tokio::test]
async fn each_partition_keeps_its_order() {
    let (pump, client, consumed) = pump(|number, times| number % 11 == 5 && times == 1).await;
    for number in 0..400 {
        put(&client, &format!("partition {}", number % 8), number).await;
    }
    pump.settle().await.expect("dry");
    let consumed = consumed.lock().expect("no panic").clone();
    assert_eq!(consumed.len(), 400);
    for partition in 0..8 {
        let of_partition: Vec<_> = consumed
            .iter()
            .filter(|number| **number % 8 == partition)
            .collect();
        assert!(of_partition.is_sorted(), "{of_partition:?}");
    }
}

#[tokio::test]
async fn who_waits_for_a_record_that_is_always_refused_is_told() {
    let (pump, client, _) = pump(|number, _| number == 1).await;
    for number in 0..3 {
        put(&client, "one", number).await;
    }
    assert!(pump.settle().await.is_err());
}

#[tokio::test]
async fn rows_that_only_serve_others_are_not_handed_over() {
    let (pump, client, consumed) = pump(|_, _| false).await;
    for (number, entity) in [(1, "alert"), (2, "job"), (3, "index"), (4, "task")] {
        let row = client
            .put_item()
            .table_name(TABLE)
            .item("pk", AttributeValue::S("one".to_owned()))
            .item("sk", AttributeValue::S(entity.to_owned()))
            .item("entity", AttributeValue::S(entity.to_owned()))
            .item("number", AttributeValue::N(number.to_string()));
        row.send().await.expect("written");
    }
    pump.settle().await.expect("dry");
    assert_eq!(*consumed.lock().expect("no panic"), [2]);
    assert!(pump.engine.stored_stream_records().expect("counted") <= 1);
}

//! A store that is down makes a 503, never a 401, and nothing of it has an effect later.

use super::{Process, dead_secret, process::row};
use embedded::{Call, Fault, Weather};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};
use tests::{Key, TestApp, job};

/// What the SDK gives one call, attempts and pauses together; the contract's own time for an answer is longer.
const DEADLINE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_store_that_is_down_is_503_and_has_no_effect() {
    for warm in [false, true] {
        for fault in Fault::TRIED_AGAIN
            .into_iter()
            .chain([Fault::ExpiredCredentials])
        {
            let (app, key) = start().await;
            let counted = u64::from(warm);
            if warm {
                assert_eq!(app.get(&key.caller, "/jobs").await.status, 200);
            }
            app.system.weather().set(&on_keys(fault));
            app.system.weather().take_calls();
            let began = Instant::now();
            let answer = app.post(&key.caller, "/jobs", &job()).await;
            let took = began.elapsed();
            let what = format!("{fault:?}, {}", if warm { "warm" } else { "cold" });
            assert_eq!(
                (answer.status, answer.code()),
                (503, "SERVICE_UNAVAILABLE"),
                "{what}"
            );
            let retry_after = answer
                .header("retry-after")
                .and_then(|text| text.parse().ok());
            assert!(retry_after > Some(0), "{what}");
            assert!(took < DEADLINE, "{what}: {took:?}");
            let calls = app.system.weather().take_calls();
            let attempts = calls
                .iter()
                .filter(|call| call.tables == ["instaview-keys"])
                .count();
            assert!((1..=3).contains(&attempts), "{what}: {attempts} attempts");

            app.system.weather().set(&Weather::calm());
            assert_eq!(row(&app, &key).await.total, counted, "{what}");
            let listed = app.get(&key.caller, "/jobs").await;
            assert_eq!(listed.data()["pagination"]["total"], 0, "{what}");
            assert_eq!(row(&app, &key).await.total, counted + 1, "{what}");
            assert_eq!(
                app.post(&key.caller, "/jobs", &job()).await.status,
                201,
                "{what}"
            );
            let listed = app.get(&key.caller, "/jobs").await;
            assert_eq!(listed.data()["pagination"]["total"], 1, "{what}");
        }
    }
}

/// Every 401 that a caller could get was said by a row that was read.
#[tokio::test]
async fn a_store_that_is_down_refuses_nobody_for_good() {
    let (app, key) = start().await;
    let dead = dead_secret(&app, &key);
    let process = Process::new(&app, on_keys(Fault::Throttle));
    for caller in [&key.caller, &dead] {
        for _ in 0..3 {
            assert_eq!(process.get_job(caller).await.status, 503);
        }
    }
    process.weather.set(&Weather::calm());
    assert_eq!(process.get_job(&key.caller).await.status, 200);
    assert_eq!(process.get_job(&dead).await.status, 401);
    // A hint is there now, and its word alone refuses nobody.
    app.advance(Duration::from_secs(2));
    process.weather.set(&on_keys(Fault::Throttle));
    assert_eq!(process.get_job(&dead).await.status, 503);
    assert_eq!(process.get_job(&key.caller).await.status, 503);
}

/// The write went through and nobody heard of it: the request is 503, counted once, and its repetition is another one.
#[tokio::test]
async fn a_write_that_nobody_hears_of_counts_once() {
    let (app, key) = start().await;
    assert_eq!(app.get(&key.caller, "/jobs").await.status, 200);
    app.system.weather().set(&on_keys(Fault::LoseAnswer));
    let answer = app.post(&key.caller, "/jobs", &job()).await;
    assert_eq!(answer.status, 503);
    app.system.weather().set(&Weather::calm());
    assert_eq!(row(&app, &key).await.total, 2);
    assert_eq!(app.post(&key.caller, "/jobs", &job()).await.status, 201);
    assert_eq!(row(&app, &key).await.total, 3);
    let listed = app.get(&key.caller, "/jobs").await;
    assert_eq!(listed.data()["pagination"]["total"], 1);
}

#[tokio::test]
async fn a_row_that_changes_under_every_try_is_503_and_counts_nothing() {
    let (app, key) = start().await;
    let tries = Arc::new(AtomicU32::new(0));
    let (engine, tried) = (app.system.engine().clone(), Arc::clone(&tries));
    app.system.weather().set(&Weather::script(move |call| {
        if call.operation == "UpdateItem" && call.tables() == ["instaview-keys"] {
            tried.fetch_add(1, Ordering::SeqCst);
            let body = call.json();
            let change = json!({
                "TableName": body["TableName"],
                "Key": body["Key"],
                "UpdateExpression": "ADD version :one, rev :one",
                "ExpressionAttributeValues": { ":one": { "N": "1" } },
            });
            let change = change.to_string();
            let (status, _) = engine.dispatch("DynamoDB_20120810.UpdateItem", change.as_bytes());
            assert_eq!(status, 200);
        }
        Fault::None
    }));
    let answer = app.post(&key.caller, "/jobs", &job()).await;
    assert_eq!((answer.status, answer.code()), (503, "SERVICE_UNAVAILABLE"));
    assert_eq!(tries.load(Ordering::SeqCst), 9);
    app.system.weather().set(&Weather::calm());
    assert_eq!(row(&app, &key).await.total, 0);
    assert_eq!(app.post(&key.caller, "/jobs", &job()).await.status, 201);
}

async fn start() -> (TestApp, Key) {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await;
    app.settle().await;
    (app, key)
}

/// Every call of the keys table fails so; the streams' consumer doesn't use it.
fn on_keys(fault: Fault) -> Weather {
    Weather::script(
        move |call: &Call<'_>| match call.tables() == ["instaview-keys"] {
            true => fault,
            false => Fault::None,
        },
    )
}

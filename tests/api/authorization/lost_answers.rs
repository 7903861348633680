//! The SDK sends a write again whose answer was lost: whoever finds its own stamp on the row has succeeded.

use super::{Process, process::row};
use embedded::{Call, Fault, Weather};
use model::{Plan, RateLimit};
use serde_json::{Value, json};
use std::time::Duration;
use tests::{Company, Key, TestApp};

const THREE: RateLimit = RateLimit {
    per_minute: 3,
    per_hour: 1_000,
    per_second: None,
};

/// Beyond the SDK's limit for one attempt.
const TOO_SLOW: Fault = Fault::SlowAnswer(Duration::from_millis(1_100));

const RETRIED: [Fault; 4] = [
    Fault::LoseAnswer,
    Fault::LoseRequest,
    Fault::HalfAnswer,
    TOO_SLOW,
];

#[tokio::test]
async fn a_lost_answer_counts_once_and_succeeds() {
    for fault in RETRIED {
        let (app, _, key) = start().await;
        let lossy = Process::new(&app, first_attempt(fault));
        assert_eq!(lossy.get_job(&key.caller).await.status, 200, "{fault:?}");
        assert_eq!(counted(&app, &key).await, (1, 1), "{fault:?}");
    }
}

#[tokio::test]
async fn a_lost_answer_in_the_last_slot_counts_once_and_succeeds() {
    for fault in RETRIED {
        let (app, _, key) = start().await;
        let calm = Process::new(&app, Weather::calm());
        let lossy = Process::new(&app, first_attempt(fault));
        for _ in 0..2 {
            assert_eq!(calm.get_job(&key.caller).await.status, 200);
        }
        assert_eq!(lossy.get_job(&key.caller).await.status, 200, "{fault:?}");
        assert_eq!(counted(&app, &key).await, (3, 3), "{fault:?}");
        for process in [&lossy, &calm] {
            assert_eq!(process.get_job(&key.caller).await.status, 429, "{fault:?}");
        }
        assert_eq!(counted(&app, &key).await, (3, 3), "{fault:?}");
    }
}

#[tokio::test]
async fn somebody_in_between_puts_the_count_ahead_by_one() {
    let (app, acme, key) = start().await;
    let process = Process::new(&app, interrupted(&app, |_| {}));
    assert_eq!(process.get_job(&key.caller).await.status, 200);
    // Two requests, three counts.
    assert_eq!(counted(&app, &key).await, (3, 3));
    assert_eq!(process.get_job(&key.caller).await.status, 429);
    // And each of the two has one event.
    app.settle().await;
    assert_eq!(successes(&app, &acme, &key).await.len(), 2);
}

/// The write can't be told from one that was never applied, so that nothing but a refusal is safe.
#[tokio::test]
async fn somebody_in_between_who_takes_the_last_slot_is_never_one_too_many() {
    let (app, _, key) = start().await;
    let calm = Process::new(&app, Weather::calm());
    assert_eq!(calm.get_job(&key.caller).await.status, 200);
    let process = Process::new(&app, interrupted(&app, |_| {}));
    assert_eq!(process.get_job(&key.caller).await.status, 429);
    assert_eq!(counted(&app, &key).await, (3, 3));
}

/// The re-sent write meets another version and is decided again, at a later time, with the same stamp.
#[tokio::test]
async fn a_request_decided_again_after_a_lost_answer_has_one_event() {
    let (app, acme, key) = start().await;
    let raise = {
        let engine = app.system.engine().clone();
        move |body: &Value| {
            let raised = json!({
                "TableName": body["TableName"],
                "Key": body["Key"],
                "UpdateExpression": "ADD version :one, rev :one",
                "ExpressionAttributeValues": { ":one": { "N": "1" } },
            });
            let (status, answer) = engine.dispatch(UPDATE_ITEM, raised.to_string().as_bytes());
            assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
        }
    };
    let process = Process::new(&app, interrupted(&app, raise));
    assert_eq!(process.get_job(&key.caller).await.status, 200);
    assert_eq!(counted(&app, &key).await, (3, 3));
    app.settle().await;
    let ids = successes(&app, &acme, &key).await;
    assert_eq!(ids.len(), 2, "{ids:?}");
}

#[tokio::test]
async fn answers_that_are_all_lost_are_503_and_counted_once() {
    for (fault, count) in [
        (Fault::LoseAnswer, 1),
        (Fault::HalfAnswer, 1),
        (Fault::LoseRequest, 0),
    ] {
        let (app, _, key) = start().await;
        let process = Process::new(&app, commits(move |_| fault));
        assert_eq!(process.get_job(&key.caller).await.status, 503, "{fault:?}");
        let attempts = process.weather.take_calls().len() - 1;
        assert_eq!(attempts, 3, "{fault:?}");
        assert_eq!(counted(&app, &key).await, (count, count), "{fault:?}");
        process.weather.set(&Weather::calm());
        assert_eq!(process.get_job(&key.caller).await.status, 200, "{fault:?}");
        assert_eq!(
            counted(&app, &key).await,
            (count + 1, count + 1),
            "{fault:?}"
        );
    }
}

async fn start() -> (TestApp, Company, Key) {
    let app = TestApp::calm().await;
    let acme = app.company_on("Acme", Plan::Enterprise, Some(THREE)).await;
    let key = app.key_with(&acme, json!({})).await;
    app.next_minute(Duration::ZERO);
    (app, acme, key)
}

/// What the newest minute holds, and what the row ever counted.
async fn counted(app: &TestApp, key: &Key) -> (u64, u64) {
    let row = row(app, key).await;
    let minute = auth::Window::at(auth::Unit::Minute, app.now());
    (row.facts.counted.used(minute), row.total)
}

/// The request ids of the key's successes in its company's chain.
async fn successes(app: &TestApp, company: &Company, key: &Key) -> Vec<String> {
    let target = format!(
        "/audit-events?limit=100&type=authentication.succeeded&keyId={}",
        key.id
    );
    let answer = app.get(&company.owner, &target).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let items = answer.data()["items"].as_array().expect("items");
    items
        .iter()
        .filter_map(|event| event["requestId"].as_str())
        .map(str::to_owned)
        .collect()
}

/// Faults of the write that counts, and of nothing else.
fn commits(fault: impl Fn(&Call<'_>) -> Fault + Send + Sync + 'static) -> Weather {
    Weather::script(move |call| match call.operation {
        "UpdateItem" if call.tables() == ["instaview-keys"] => fault(call),
        _ => Fault::None,
    })
}

fn first_attempt(fault: Fault) -> Weather {
    commits(move |call| {
        if call.attempt == 1 {
            fault
        } else {
            Fault::None
        }
    })
}

const UPDATE_ITEM: &str = "DynamoDB_20120810.UpdateItem";

/// The first answer is lost, and before the second attempt arrives, another process counts a request of its own, and `then` happens.
fn interrupted(app: &TestApp, then: impl Fn(&Value) + Send + Sync + 'static) -> Weather {
    let engine = app.system.engine().clone();
    commits(move |call| {
        if call.attempt == 1 && call.serial < 2 {
            return Fault::LoseAnswer;
        }
        if call.attempt == 2 {
            let mut body = call.json();
            let values = &mut body["ExpressionAttributeValues"];
            values[":nonce"] = json!({ "B": "AQEBAQEBAQEBAQEBAQEBAQ==" });
            values[":last"]["M"]["request"] = json!({ "S": "somebody-else" });
            let (status, answer) = engine.dispatch(UPDATE_ITEM, body.to_string().as_bytes());
            assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
            then(&body);
        }
        Fault::None
    })
}

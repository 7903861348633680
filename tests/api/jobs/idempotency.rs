//! `Idempotency-Key` on `POST /jobs`.

use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tests::{Answer, Caller, TestApp, job};
use tokio::task::JoinSet;

async fn post(app: &TestApp, caller: &Caller, key: &str, body: &Value) -> Answer {
    let request = caller.request("POST", "/jobs").json(body);
    app.send(request.header("Idempotency-Key", key)).await
}

async fn total(app: &TestApp, caller: &Caller) -> Value {
    app.get(caller, "/jobs").await.data()["pagination"]["total"].clone()
}

fn replayed(answer: &Answer) -> bool {
    answer.header("idempotency-replayed") == Some("true")
}

#[tokio::test]
async fn fifty_parallel_creates_with_one_idempotency_key_have_one_effect_and_one_answer() {
    let app = Arc::new(TestApp::start().await);
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    for round in 1..=3 {
        let mut writers = JoinSet::new();
        for _ in 0..50 {
            let (app, key) = (Arc::clone(&app), key.clone());
            writers.spawn(async move { post(&app, &key, &format!("round {round}"), &job()).await });
        }
        let answers = writers.join_all().await;
        for answer in &answers {
            assert_eq!(answer.status, 201, "{}", answer.body);
            assert!(
                answer.raw.body == answers[0].raw.body,
                "round {round}: another answer"
            );
            assert_eq!(answer.header("etag"), Some("\"1\""));
        }
        assert_eq!(
            answers.iter().filter(|one| !replayed(one)).count(),
            1,
            "round {round}"
        );
        assert_eq!(total(&app, &key).await, round);
    }
}

#[tokio::test]
async fn a_replay_repeats_the_first_answer_byte_for_byte_whatever_became_of_the_object() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let first = post(&app, &key, "one", &job()).await;
    assert!(!replayed(&first));
    let path = format!("/jobs/{}", first.data()["id"].as_str().expect("an id"));
    app.patch(&key, &path, &json!({ "title": "Another title" }))
        .await;
    app.advance(Duration::from_secs(5));
    let second = post(&app, &key, "one", &job()).await;
    assert!(replayed(&second) && second.raw.body == first.raw.body && second.status == 201);
    app.delete(&key, &path).await;
    let third = post(&app, &key, "one", &job()).await;
    assert!(replayed(&third) && third.raw.body == first.raw.body);
    assert_eq!(total(&app, &key).await, 0);
}

#[tokio::test]
async fn the_same_idempotency_key_with_another_body_is_422_and_changes_nothing() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    post(&app, &key, "one", &job()).await;
    let mut other = job();
    other["status"] = json!("CLOSED");
    let refused = post(&app, &key, "one", &other).await;
    assert_eq!(
        (refused.status, refused.code()),
        (422, "IDEMPOTENCY_CONFLICT")
    );
    assert_eq!(refused.details(), &json!({}));
    // The raw bytes count, not what they mean.
    let spaced = format!(" {}", job());
    let request = key
        .request("POST", "/jobs")
        .body("application/json", spaced);
    let refused = app.send(request.header("idempotency-key", "one")).await;
    assert_eq!(refused.status, 422);
    // A body that can't be read comes first.
    assert_eq!(post(&app, &key, "one", &json!({})).await.status, 400);
    assert_eq!(total(&app, &key).await, 1);
}

#[tokio::test]
async fn another_principal_and_another_company_have_effects_of_their_own() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let globex = app.company("Globex").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let colleague = app.key_with(&acme, json!({})).await.caller;
    let stranger = app.key_with(&globex, json!({})).await.caller;
    let first = post(&app, &key, "one", &job()).await;
    for other in [&colleague, &stranger] {
        let answer = post(&app, other, "one", &job()).await;
        assert_eq!(answer.status, 201);
        assert!(!replayed(&answer));
        assert_ne!(answer.data()["id"], first.data()["id"]);
    }
    assert_eq!(total(&app, &key).await, 2);
    assert_eq!(total(&app, &stranger).await, 1);
}

#[tokio::test]
async fn after_24_hours_by_the_clock_the_idempotency_key_is_new_again() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let first = post(&app, &key, "one", &job()).await;
    app.advance(Duration::from_secs(86_400 - 30));
    let second = post(&app, &key, "one", &job()).await;
    assert!(replayed(&second) && second.raw.body == first.raw.body);
    app.advance(Duration::from_secs(30));
    let mut other = job();
    other["status"] = json!("CLOSED");
    let third = post(&app, &key, "one", &other).await;
    assert_eq!(third.status, 201, "{}", third.body);
    assert!(!replayed(&third));
    let fourth = post(&app, &key, "one", &other).await;
    assert!(replayed(&fourth) && fourth.raw.body == third.raw.body);
    assert_eq!(total(&app, &key).await, 2);
}

#[tokio::test]
async fn only_successes_are_kept() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await;
    assert_eq!(
        post(&app, &key.caller, "one", &json!({ "title": "x" }))
            .await
            .status,
        400
    );
    let path = format!("/api-keys/{}", key.id);
    let suspended = app
        .post(&acme.owner, &format!("{path}/suspend"), &json!({}))
        .await;
    assert_eq!(suspended.status, 200);
    assert_eq!(post(&app, &key.caller, "one", &job()).await.status, 401);
    let resumed = app
        .post(&acme.owner, &format!("{path}/resume"), &json!({}))
        .await;
    assert_eq!(resumed.status, 200);
    // A refusal is remembered for a second.
    app.advance(Duration::from_secs(2));
    let made = post(&app, &key.caller, "one", &job()).await;
    assert_eq!(made.status, 201);
    assert!(!replayed(&made));
}

#[tokio::test]
async fn a_replay_is_looked_up_after_authorization() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await;
    assert_eq!(post(&app, &key.caller, "one", &job()).await.status, 201);
    let path = format!("/api-keys/{}", key.id);
    let cut = app
        .patch(&acme.owner, &path, &json!({ "scopes": ["read:jobs"] }))
        .await;
    assert_eq!(cut.status, 200);
    assert_eq!(post(&app, &key.caller, "one", &job()).await.status, 403);
    let revoked = app
        .post(&acme.owner, &format!("{path}/revoke"), &json!({}))
        .await;
    assert_eq!(revoked.status, 200);
    // A refusal is remembered for a second.
    app.advance(Duration::from_secs(2));
    assert_eq!(post(&app, &key.caller, "one", &job()).await.status, 401);
}

#[tokio::test]
async fn an_idempotency_key_is_1_to_255_printable_ascii_characters() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    for bad in ["", &"x".repeat(256), "tab\there", "é"] {
        let refused = post(&app, &key, bad, &job()).await;
        assert_eq!(
            (refused.status, refused.code()),
            (400, "VALIDATION_ERROR"),
            "{bad}"
        );
        assert_eq!(refused.faults(), ["Idempotency-Key format"], "{bad}");
    }
    // With the body's faults at once.
    let refused = post(&app, &key, "é", &json!({ "title": "x" })).await;
    assert_eq!(refused.faults().len(), 4);
    for good in ["x", &"x".repeat(255), " a ~ \" 'quoted' {}"] {
        assert_eq!(post(&app, &key, good, &job()).await.status, 201, "{good}");
    }
    assert_eq!(total(&app, &key).await, 3);
    // Only POST reads it.
    let request = key.request("GET", "/jobs").header("idempotency-key", "é");
    assert_eq!(app.send(request).await.status, 200);
}

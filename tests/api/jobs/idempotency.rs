//! `Idempotency-Key` on `POST /jobs`.

use embedded::{Call, Fault, Weather};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tests::{Answer, Caller, TestApp, job};
use tokio::{sync::Notify, task::JoinSet};

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
async fn a_hundred_parallel_creates_with_one_idempotency_key_have_one_effect_and_one_answer() {
    let app = Arc::new(TestApp::start().await);
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    for round in 1..=3 {
        let mut writers = JoinSet::new();
        for _ in 0..100 {
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

/// The process ends at each of a request's store calls in turn, before or after the store has done it.
#[tokio::test]
async fn a_create_whose_process_dies_anywhere_has_one_effect_when_it_is_repeated() {
    const NEVER: Duration = Duration::from_secs(600);
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let new_key = json!({ "name": "Import", "scopes": ["read:jobs"] });
    for (caller, target, body) in [(&key, "/jobs", job()), (&acme.owner, "/api-keys", new_key)] {
        let total = async || app.get(caller, target).await.data()["pagination"]["total"].clone();
        let before = total().await.as_u64().expect("a number");
        let (mut asked, mut replays) = (0, 0);
        for fault in [Fault::Slow(NEVER), Fault::SlowAnswer(NEVER)] {
            for last in 0.. {
                let reached = Arc::new(Notify::new());
                let notify = Arc::clone(&reached);
                let weather = Weather::script(move |call: &Call<'_>| {
                    if call.serial != last {
                        return Fault::None;
                    }
                    notify.notify_one();
                    fault
                });
                let process = app.system.another_app(app.app().clock.clone(), &weather);
                let gateway = app.system.another_gateway(process).expect("a gateway");
                let name = format!("{fault:?} {last}");
                let request = caller.request("POST", target).json(&body);
                let died = tokio::select! {
                    biased;
                    answer = tests::ask(&gateway, request.header("idempotency-key", &name)) => {
                        assert_eq!(answer.status, 201, "{target} {name}");
                        false
                    }
                    () = async {
                        reached.notified().await;
                        // Until the store has done it, or not.
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    } => true,
                };
                let request = caller.request("POST", target).json(&body);
                let second = app.send(request.clone().header("idempotency-key", &name));
                let second = second.await;
                let third = app.send(request.header("idempotency-key", &name)).await;
                assert_eq!((second.status, third.status), (201, 201), "{target} {name}");
                assert_eq!(second.data()["id"], third.data()["id"], "{target} {name}");
                assert!(replayed(&third), "{target} {name}");
                if replayed(&second) {
                    assert!(second.raw.body == third.raw.body, "{target} {name}");
                    replays += usize::from(died);
                }
                asked += 1;
                assert_eq!(total().await, before + asked, "{target} {name}");
                if !died {
                    // The request has no such call.
                    assert!(last > 2, "{target}");
                    break;
                }
            }
        }
        assert!(replays > 0, "{target}: no process died after its effect");
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

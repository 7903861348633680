//! `Idempotency-Key` where keys are made and changed.

use super::{act, shown};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tests::{Answer, Caller, TestApp};
use tokio::task::JoinSet;

async fn post(app: &TestApp, caller: &Caller, target: &str, key: &str, body: &Value) -> Answer {
    let request = caller.request("POST", target).json(body);
    app.send(request.header("idempotency-key", key)).await
}

fn body() -> Value {
    json!({ "name": "Import", "scopes": ["read:jobs"] })
}

fn replayed(answer: &Answer) -> bool {
    answer.header("idempotency-replayed") == Some("true")
}

#[tokio::test]
async fn creating_a_key_replays_the_object_without_the_key() {
    let app = Arc::new(TestApp::start().await);
    let acme = app.company("Acme").await;
    let mut writers = JoinSet::new();
    for _ in 0..100 {
        let (app, owner) = (Arc::clone(&app), acme.owner.clone());
        writers.spawn(async move { post(&app, &owner, "/api-keys", "one", &body()).await });
    }
    let answers = writers.join_all().await;
    let (replays, first): (Vec<_>, Vec<_>) = answers.iter().partition(|one| replayed(one));
    let [first] = first.as_slice() else {
        panic!("{} keys were shown", first.len());
    };
    let key = first.data()["key"].as_str().expect("a key");
    assert_eq!(app.get(&Caller::with(key), "/jobs").await.status, 200);
    let mut expected = first.data().clone();
    expected["key"] = Value::Null;
    expected["keyUnavailable"] = json!(true);
    for replay in &replays {
        assert_eq!((replay.status, replay.data()), (201, &expected));
        assert!(replay.raw.body == replays[0].raw.body);
        assert_eq!(replay.header("etag"), Some("\"1\""));
    }
    let list = app.get(&acme.owner, "/api-keys").await;
    assert_eq!(list.data()["pagination"]["total"], 1);
}

#[tokio::test]
async fn another_path_or_body_is_422_and_another_person_or_company_has_its_own_effect() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let globex = app.company("Globex").await;
    let (one, other) = (
        app.key_with(&acme, json!({})).await,
        app.key_with(&acme, json!({})).await,
    );
    let target = |key: &tests::Key| format!("/api-keys/{}/suspend", key.id);
    let first = post(&app, &acme.owner, &target(&one), "k", &json!({})).await;
    assert_eq!(first.status, 200);
    for (target, body) in [
        (target(&other), json!({})),
        (target(&one), json!({ "reason": "x" })),
    ] {
        let refused = post(&app, &acme.owner, &target, "k", &body).await;
        assert_eq!(
            (refused.status, refused.code()),
            (422, "IDEMPOTENCY_CONFLICT")
        );
    }
    // An operation of its own: no conflict, and no replay.
    let resume = format!("/api-keys/{}/resume", one.id);
    let resumed = post(&app, &acme.owner, &resume, "k", &json!({})).await;
    assert_eq!((resumed.status, replayed(&resumed)), (200, false));
    // The key's state of today doesn't matter to a replay.
    let again = post(&app, &acme.owner, &target(&one), "k", &json!({})).await;
    assert!(replayed(&again) && again.raw.body == first.raw.body);
    assert_eq!(shown(&app, &acme.owner, &one).await["status"], "ACTIVE");
    // Keys of people are their own.
    let weak = app
        .key_with(&acme, json!({ "scopes": ["read:jobs"] }))
        .await;
    let colleague = post(&app, &acme.admin, &target(&weak), "k", &json!({})).await;
    assert_eq!((colleague.status, replayed(&colleague)), (200, false));
    let stranger = post(&app, &globex.owner, &target(&one), "k", &json!({})).await;
    assert_eq!(stranger.status, 404);

    // A person of two companies: each company has its own effect, and none sees the other's answer.
    let email = "owner@acme.example";
    local::seed::member(&app.system, globex.id, email, routes::Role::Owner)
        .await
        .expect("a member");
    let person = app.person(email);
    let here = post(
        &app,
        &person.for_company(acme.id),
        "/api-keys",
        "new",
        &body(),
    )
    .await;
    let there = post(
        &app,
        &person.for_company(globex.id),
        "/api-keys",
        "new",
        &body(),
    )
    .await;
    assert_eq!((here.status, there.status), (201, 201));
    assert!(!replayed(&there));
    assert_eq!(there.data()["companyId"], json!(globex.id));
    assert_ne!(here.data()["id"], there.data()["id"]);
}

#[tokio::test]
async fn suspending_with_one_idempotency_key_has_one_effect_and_one_answer() {
    let app = Arc::new(TestApp::start().await);
    let acme = app.company("Acme").await;
    for round in 0..4 {
        app.next_minute(Duration::ZERO);
        let key = app.key_with(&acme, json!({})).await;
        let mut writers = JoinSet::new();
        for _ in 0..24 {
            let (app, owner) = (Arc::clone(&app), acme.owner.clone());
            let target = format!("/api-keys/{}/suspend", key.id);
            let name = format!("round {round}");
            writers.spawn(async move { post(&app, &owner, &target, &name, &json!({})).await });
        }
        let answers = writers.join_all().await;
        for answer in &answers {
            assert_eq!(answer.status, 200, "{}", answer.body);
            assert!(
                answer.raw.body == answers[0].raw.body,
                "round {round}: another answer"
            );
        }
        assert_eq!(
            answers.iter().filter(|one| !replayed(one)).count(),
            1,
            "round {round}"
        );
        assert_eq!(shown(&app, &acme.owner, &key).await["version"], 2);
        // Whatever happens later: the request was answered.
        act(&app, &acme.owner, &key, "resume").await;
        let target = format!("/api-keys/{}/suspend", key.id);
        let late = post(
            &app,
            &acme.owner,
            &target,
            &format!("round {round}"),
            &json!({}),
        )
        .await;
        assert!(replayed(&late) && late.raw.body == answers[0].raw.body);
        assert_eq!(shown(&app, &acme.owner, &key).await["status"], "ACTIVE");
    }
}

#[tokio::test]
async fn an_action_that_changed_nothing_is_remembered_too() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await;
    act(&app, &acme.owner, &key, "suspend").await;
    let target = format!("/api-keys/{}/suspend", key.id);
    let first = post(&app, &acme.owner, &target, "k", &json!({})).await;
    assert_eq!((first.status, replayed(&first)), (200, false));
    act(&app, &acme.owner, &key, "resume").await;
    let second = post(&app, &acme.owner, &target, "k", &json!({})).await;
    assert!(replayed(&second) && second.raw.body == first.raw.body);
    assert_eq!(shown(&app, &acme.owner, &key).await["status"], "ACTIVE");
}

#[tokio::test]
async fn the_last_free_place_is_taken_once_and_its_other_requests_are_replayed() {
    let app = Arc::new(TestApp::start().await);
    let acme = app.company_on("Acme", model::Plan::Trial, None).await;
    for number in 0..9 {
        let made = post(&app, &acme.owner, "/api-keys", &number.to_string(), &body()).await;
        assert_eq!(made.status, 201);
    }
    let mut writers = JoinSet::new();
    for _ in 0..12 {
        let (app, owner) = (Arc::clone(&app), acme.owner.clone());
        writers.spawn(async move { post(&app, &owner, "/api-keys", "last", &body()).await });
    }
    let answers = writers.join_all().await;
    for answer in &answers {
        assert_eq!(answer.status, 201, "{}", answer.body);
        assert_eq!(answer.data()["id"], answers[0].data()["id"]);
    }
    assert_eq!(answers.iter().filter(|one| !replayed(one)).count(), 1);
}

#[tokio::test]
async fn a_refused_creation_is_not_kept() {
    let app = TestApp::start().await;
    let acme = app.company_on("Acme", model::Plan::Trial, None).await;
    let first = post(&app, &acme.owner, "/api-keys", "0", &body()).await;
    for number in 1..10 {
        let made = post(&app, &acme.owner, "/api-keys", &number.to_string(), &body()).await;
        assert_eq!(made.status, 201);
    }
    assert_eq!(
        post(&app, &acme.owner, "/api-keys", "late", &body())
            .await
            .status,
        409
    );
    // A replay is no new key, so a full company is no reason to refuse it.
    assert!(replayed(
        &post(&app, &acme.owner, "/api-keys", "0", &body()).await
    ));
    let id = first.data()["id"].as_str().expect("an id");
    let revoke = format!("/api-keys/{id}/revoke");
    assert_eq!(app.post(&acme.owner, &revoke, &json!({})).await.status, 200);
    let made = post(&app, &acme.owner, "/api-keys", "late", &body()).await;
    assert_eq!((made.status, replayed(&made)), (201, false));
    assert!(made.data()["key"].is_string());
}

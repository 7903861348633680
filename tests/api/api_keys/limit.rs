//! How many live keys a company may have.

use super::{act, from_now};
use model::Plan;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tests::{Answer, Caller, Key, TestApp};
use tokio::task::JoinSet;

async fn create(app: &TestApp, caller: &Caller, extra: Value) -> Answer {
    let mut body = json!({ "name": "x", "scopes": ["read:jobs"] });
    for (name, value) in extra.as_object().expect("an object") {
        body[name] = value.clone();
    }
    app.post(caller, "/api-keys", &body).await
}

fn assert_full(answer: &Answer) {
    assert_eq!(
        (answer.status, answer.code()),
        (409, "RESOURCE_CONFLICT"),
        "{}",
        answer.body
    );
    assert_eq!(answer.details(), &json!({ "reason": "KEY_LIMIT" }));
}

fn key(answer: &Answer) -> Key {
    assert_eq!(answer.status, 201, "{}", answer.body);
    Key {
        id: answer.data()["id"]
            .as_str()
            .expect("an id")
            .parse()
            .expect("an id"),
        caller: Caller::with(answer.data()["key"].as_str().expect("a key")),
    }
}

#[tokio::test]
async fn a_trial_company_has_ten_live_keys_and_only_live_ones_count() {
    let app = TestApp::start().await;
    let mut acme = app.company_on("Acme", Plan::Trial, None).await;
    let hour = Duration::from_secs(3600);
    let mut keys = Vec::new();
    for number in 0..10 {
        let extra = match number {
            9 => json!({ "expiresAt": from_now(&app, hour) }),
            _ => json!({}),
        };
        keys.push(key(&create(&app, &acme.owner, extra).await));
    }
    assert_full(&create(&app, &acme.owner, json!({})).await);
    // A suspended key lives on.
    act(&app, &acme.owner, &keys[0], "suspend").await;
    assert_full(&create(&app, &acme.owner, json!({})).await);
    // A revoked one makes room for one.
    act(&app, &acme.owner, &keys[0], "revoke").await;
    key(&create(&app, &acme.owner, json!({})).await);
    assert_full(&create(&app, &acme.owner, json!({})).await);
    // So does an expired one.
    app.advance(hour);
    acme.owner = app.person("owner@acme.example");
    key(&create(&app, &acme.owner, json!({})).await);
    assert_full(&create(&app, &acme.owner, json!({})).await);
    let active = app.get(&acme.owner, "/api-keys?status=ACTIVE").await;
    assert_eq!(active.data()["pagination"]["total"], 10);
    let all = app.get(&acme.owner, "/api-keys?limit=100").await;
    assert_eq!(all.data()["pagination"]["total"], 12);
}

#[tokio::test]
async fn reviving_an_expired_key_can_not_pass_the_limit() {
    let app = TestApp::start().await;
    let mut acme = app.company_on("Acme", Plan::Trial, None).await;
    let hour = Duration::from_secs(3600);
    let expires = json!({ "expiresAt": from_now(&app, hour) });
    let expiring = key(&create(&app, &acme.owner, expires).await);
    for _ in 0..9 {
        key(&create(&app, &acme.owner, json!({})).await);
    }
    app.advance(hour);
    acme.owner = app.person("owner@acme.example");
    let tenth = key(&create(&app, &acme.owner, json!({})).await);
    let path = format!("/api-keys/{}", expiring.id);
    let later = json!({ "expiresAt": from_now(&app, hour) });
    for revival in [&later, &json!({ "expiresAt": null })] {
        assert_full(&app.patch(&acme.owner, &path, revival).await);
    }
    assert_eq!(app.get(&expiring.caller, "/jobs").await.status, 401);
    // What doesn't revive it is free.
    assert_eq!(
        app.patch(&acme.owner, &path, &json!({ "name": "y" }))
            .await
            .status,
        200
    );
    act(&app, &acme.owner, &tenth, "revoke").await;
    let revived = app.patch(&acme.owner, &path, &later).await;
    assert_eq!(
        (revived.status, &revived.data()["status"]),
        (200, &json!("ACTIVE"))
    );
    assert_full(&create(&app, &acme.owner, json!({})).await);
}

#[tokio::test]
async fn of_twenty_parallel_creations_of_a_trial_company_ten_succeed() {
    let app = Arc::new(TestApp::start().await);
    let acme = app.company_on("Acme", Plan::Trial, None).await;
    // Half of the room was used before, so the counter is wrong when the race begins.
    for _ in 0..5 {
        let made = key(&create(&app, &acme.owner, json!({})).await);
        act(&app, &acme.owner, &made, "revoke").await;
    }
    let mut writers = JoinSet::new();
    for _ in 0..20 {
        let (app, owner) = (Arc::clone(&app), acme.owner.clone());
        writers.spawn(async move { create(&app, &owner, json!({})).await });
    }
    let answers = writers.join_all().await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    answers
        .iter()
        .filter(|answer| answer.status != 201)
        .for_each(assert_full);
    let active = app.get(&acme.owner, "/api-keys?status=ACTIVE").await;
    assert_eq!(active.data()["pagination"]["total"], made);
    // Nobody who came while there was room is refused for good: what is left can be taken.
    for _ in made..10 {
        key(&create(&app, &acme.owner, json!({})).await);
    }
    assert_full(&create(&app, &acme.owner, json!({})).await);
    assert!(made <= 10, "{made} made");
}

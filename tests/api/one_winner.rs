//! Of many changes of one version exactly one wins.

use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tests::{Answer, Caller, Company, TestApp, job};
use tokio::task::JoinSet;

const WRITERS: usize = 64;
/// Of each test.
const ROUNDS: u64 = if cfg!(feature = "long") { 1_000 } else { 2 };

#[tokio::test]
async fn of_64_patches_of_one_version_of_a_job_exactly_one_wins_each_round() {
    let (app, acme) = start().await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let made = app.post(&key, "/jobs", &job()).await;
    let path = format!("/jobs/{}", made.data()["id"].as_str().expect("an id"));
    for round in 1..=ROUNDS {
        app.next_minute(Duration::ZERO);
        let won = one_winner(&app, round, round, |writer| {
            let title = json!({ "title": format!("Round {round}, writer {writer}") });
            (key.clone(), "PATCH", path.clone(), title)
        });
        let won = won.await;
        let left = app.get(&key, &path).await;
        assert_eq!(left.data(), won.data(), "round {round}");
    }
}

#[tokio::test]
async fn of_64_patches_of_one_version_of_a_key_exactly_one_wins_each_round() {
    let (app, acme) = start().await;
    let key = app.key_with(&acme, json!({})).await;
    let path = format!("/api-keys/{}", key.id);
    for round in 1..=ROUNDS {
        let owner = signed_in(&app);
        let won = one_winner(&app, round, round, |writer| {
            let name = json!({ "name": format!("Round {round}, writer {writer}") });
            (owner.clone(), "PATCH", path.clone(), name)
        });
        let won = won.await;
        let left = app.get(&owner, &path).await;
        assert_eq!(left.data(), won.data(), "round {round}");
    }
}

#[tokio::test]
async fn of_64_revocations_suspensions_and_patches_of_one_key_exactly_one_wins_each_round() {
    let (app, mut acme) = start().await;
    for round in 1..=ROUNDS {
        acme.owner = signed_in(&app);
        let key = app.key_with(&acme, json!({})).await;
        let path = format!("/api-keys/{}", key.id);
        let won = one_winner(&app, round, 1, |writer| {
            let (method, target, body) = match writer % 3 {
                0 => ("POST", format!("{path}/revoke"), json!({})),
                1 => ("POST", format!("{path}/suspend"), json!({})),
                _ => ("PATCH", path.clone(), json!({ "name": "Renamed" })),
            };
            (acme.owner.clone(), method, target, body)
        });
        let won = won.await;
        let left = app.get(&acme.owner, &path).await;
        assert_eq!(left.data(), won.data(), "round {round}");
        let passes = app.get(&key.caller, "/jobs").await.status == 200;
        assert_eq!(passes, won.data()["status"] == "ACTIVE", "round {round}");
        // So that the company never has too many.
        let revoke = acme.owner.request("POST", &format!("{path}/revoke"));
        assert_eq!(app.send(revoke).await.status, 200, "round {round}");
    }
}

async fn start() -> (Arc<TestApp>, Company) {
    let app = Arc::new(TestApp::start().await);
    let acme = app.company("Acme").await;
    (app, acme)
}

/// The owner in a new minute: a person has 600 requests in each, and their token ends after 10.
fn signed_in(app: &TestApp) -> Caller {
    app.next_minute(Duration::ZERO);
    app.person("owner@acme.example")
}

/// The one answer of success; all others say that the version has gone.
async fn one_winner(
    app: &Arc<TestApp>,
    round: u64,
    version: u64,
    change: impl Fn(usize) -> (Caller, &'static str, String, Value),
) -> Answer {
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (caller, method, target, body) = change(writer);
        let request = caller.request(method, &target).json(&body);
        let request = request.header("if-match", &format!("\"{version}\""));
        let app = Arc::clone(app);
        writers.spawn(async move { app.send(request).await });
    }
    let answers = writers.join_all().await;
    let (mut won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|one| one.status == 200);
    for one in lost {
        assert_eq!(
            (one.status, one.details()),
            (409, &json!({ "reason": "VERSION" })),
            "round {round}"
        );
    }
    assert_eq!(won.len(), 1, "round {round}");
    let won = won.remove(0);
    assert_eq!(won.data()["version"], version + 1, "round {round}");
    won
}

//! Whoever knows a key's id and not its secret can do nothing to it.

use super::{Process, dead_secret};
use embedded::Weather;
use model::{Plan, RateLimit};
use routes::Scope;
use serde_json::json;
use std::time::Duration;
use tests::{Caller, Company, Key, TestApp};

const LIMITS: RateLimit = RateLimit {
    per_minute: 500,
    per_hour: 10_000,
    per_second: None,
};

#[tokio::test]
async fn a_dead_secret_never_costs_the_good_one_a_refusal() {
    let (app, _, key, dead) = start().await;
    let process = Process::new(&app, Weather::calm());
    app.next_minute(Duration::ZERO);
    let mut good = 0;
    for round in 0..100 {
        // First of all, and in every rhythm.
        for _ in 0..=round % 3 {
            assert_eq!(process.get_job(&dead).await.status, 401);
        }
        assert_eq!(
            process.get_job(&key.caller).await.status,
            200,
            "round {round}"
        );
        good += 1;
        app.advance(Duration::from_millis(round * 7 % 400));
    }
    assert_eq!(super::process::row(&app, &key).await.total, good);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_secret_beside_the_good_one_changes_nothing() {
    let (app, _, key, dead) = start().await;
    let process = std::sync::Arc::new(Process::new(&app, Weather::seeded(0xdead)));
    let hammered = {
        let process = std::sync::Arc::clone(&process);
        tokio::spawn(async move {
            for _ in 0..400 {
                assert_eq!(process.get_job(&dead).await.status, 401);
            }
        })
    };
    for _ in 0..100 {
        assert_eq!(process.get_job(&key.caller).await.status, 200);
    }
    hammered.await.expect("no panic");
}

#[tokio::test]
async fn a_resumed_key_is_good_within_a_second_whoever_hammers() {
    let (app, acme, key, dead) = start().await;
    let process = Process::new(&app, Weather::calm());
    for before in [0, 400, 999] {
        act(&app, &acme, &key, "suspend").await;
        app.advance(Duration::from_secs(2));
        for caller in [&dead, &key.caller, &dead] {
            assert_eq!(process.get_job(caller).await.status, 401);
        }
        app.advance(Duration::from_millis(before));
        act(&app, &acme, &key, "resume").await;
        // Even what it remembers of a moment ago ends a second later.
        for _ in 0..10 {
            assert_eq!(process.get_job(&dead).await.status, 401);
            app.advance(Duration::from_millis(100));
        }
        assert_eq!(
            process.get_job(&key.caller).await.status,
            200,
            "{before} ms"
        );
    }
}

/// What is remembered of a refusal is remembered of that secret.
#[tokio::test]
async fn a_dead_secrets_refusal_is_not_remembered_against_the_good_one() {
    let (app, acme, key, dead) = start().await;
    let process = Process::new(&app, Weather::calm());
    for _ in 0..3 {
        act(&app, &acme, &key, "suspend").await;
        app.advance(Duration::from_secs(2));
        assert_eq!(process.get_job(&dead).await.status, 401);
        act(&app, &acme, &key, "resume").await;
        assert_eq!(process.get_job(&dead).await.status, 401);
        assert_eq!(process.get_job(&key.caller).await.status, 200);
    }
}

#[tokio::test]
async fn a_wider_scope_counts_within_a_second_whoever_hammers() {
    let (app, acme, key, dead) = start().await;
    let process = Process::new(&app, Weather::calm());
    let path = format!("/api-keys/{}", key.id);
    for _ in 0..3 {
        let fewer = app
            .patch(&acme.owner, &path, &json!({ "scopes": ["write:jobs"] }))
            .await;
        assert_eq!(fewer.status, 200, "{}", fewer.body);
        assert_eq!(process.get_job(&key.caller).await.status, 403);
        assert_eq!(process.get_job(&dead).await.status, 401);
        let wider = app
            .patch(&acme.owner, &path, &json!({ "scopes": ["read:jobs"] }))
            .await;
        assert_eq!(wider.status, 200, "{}", wider.body);
        for _ in 0..5 {
            assert_eq!(process.get_job(&dead).await.status, 401);
            app.advance(Duration::from_millis(200));
        }
        assert_eq!(process.get_job(&key.caller).await.status, 200);
    }
}

/// The other loosenings.
#[tokio::test]
async fn a_later_expiry_and_a_wider_list_count_within_a_second() {
    let (app, acme, key, _) = start().await;
    let process = Process::new(&app, Weather::calm());
    let path = format!("/api-keys/{}", key.id);
    let soon = model::Timestamp::from_millis(app.now().millis() + 5_000).expect("in range");
    for (tight, wide, wait) in [
        (
            json!({ "expiresAt": soon }),
            json!({ "expiresAt": null }),
            5,
        ),
        (
            json!({ "allowedIPs": ["203.0.113.1"] }),
            json!({ "allowedIPs": null }),
            0,
        ),
    ] {
        assert_eq!(process.get_job(&key.caller).await.status, 200);
        assert_eq!(app.patch(&acme.owner, &path, &tight).await.status, 200);
        app.advance(Duration::from_secs(wait));
        assert_eq!(process.get_job(&key.caller).await.status, 401, "{tight}");
        assert_eq!(app.patch(&acme.owner, &path, &wide).await.status, 200);
        app.advance(Duration::from_secs(1));
        assert_eq!(process.get_job(&key.caller).await.status, 200, "{wide}");
    }
}

async fn start() -> (TestApp, Company, Key, Caller) {
    let app = TestApp::calm().await;
    let acme = app.company_on("Acme", Plan::Enterprise, Some(LIMITS)).await;
    let key = app.key(&acme, [Scope::ReadJobs]).await;
    let dead = dead_secret(&app, &key);
    (app, acme, key, dead)
}

async fn act(app: &TestApp, company: &Company, key: &Key, action: &str) {
    let path = format!("/api-keys/{}/{action}", key.id);
    let answer = app.post(&company.owner, &path, &json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

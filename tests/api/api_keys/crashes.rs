//! A process that stops at any of its store calls leaves the old state or the new one; and of the kill switch, once the worker has run, nothing alive.

use super::shown;
use embedded::{Fault, Weather};
use routes::Scope;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};
use tests::{Answer, Caller, TestApp};

/// How a process stops.
#[derive(Debug, Clone, Copy)]
enum Stop {
    /// Before the call is applied.
    Before,
    /// After it is applied, and before the answer is heard.
    After,
}

/// From its call `at` on (from 0) the process hears nothing, and of that call nothing or all is applied; whether it got so far.
async fn stopping(
    app: &TestApp,
    stop: Stop,
    at: u32,
    request: impl AsyncFnOnce() -> Answer,
) -> (Answer, bool) {
    let seen = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&seen);
    app.system.weather().set(&Weather::script(move |_| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        match number.cmp(&at) {
            std::cmp::Ordering::Less => Fault::None,
            std::cmp::Ordering::Equal if matches!(stop, Stop::After) => Fault::LoseAnswer,
            _ => Fault::Unreachable,
        }
    }));
    let answer = request().await;
    app.system.weather().set(&Weather::calm());
    (answer, seen.load(Ordering::SeqCst) > at)
}

/// Tries the request with a stop at each of its calls, until it has no more calls.
async fn at_every_call(what: &str, mut each: impl AsyncFnMut(Stop, u32) -> bool) {
    let mut stops = 0;
    for stop in [Stop::Before, Stop::After] {
        let mut at = 0;
        while each(stop, at).await {
            at += 1;
            assert!(at < 200, "{what} has no end");
        }
        stops += at;
    }
    // Authorization and the write at least, in both ways.
    assert!(stops >= 6, "{what}: {stops}");
}

#[tokio::test]
async fn a_creation_that_stops_anywhere_made_a_whole_key_or_none() {
    let app = TestApp::calm().await;
    let body = json!({ "name": "Half", "scopes": ["read:jobs"] });
    let mut number = 0;
    at_every_call("create", async |stop, at| {
        number += 1;
        let acme = app.company(&format!("Create{number}")).await;
        let create = async || app.post(&acme.owner, "/api-keys", &body).await;
        let (answer, stopped) = stopping(&app, stop, at, create).await;
        assert!(matches!(answer.status, 201 | 503), "{}", answer.body);
        let listed = app.get(&acme.owner, "/api-keys").await;
        let items = listed.data()["items"].as_array().expect("a list");
        assert_eq!(listed.data()["pagination"]["total"], items.len());
        assert!(items.len() <= 1, "{stop:?} {at}");
        if answer.status == 201 {
            let key = Caller::with(answer.data()["key"].as_str().expect("a key"));
            assert_eq!(app.get(&key, "/jobs").await.status, 200);
        }
        stopped
    })
    .await;
}

#[tokio::test]
async fn a_rotation_that_stops_anywhere_leaves_the_old_secret_and_can_be_made_again() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    at_every_call("rotate", async |stop, at| {
        let key = app.key(&acme, [Scope::ReadJobs]).await;
        let path = format!("/api-keys/{}/rotate", key.id);
        let rotate = async |body: Value| app.post(&acme.owner, &path, &body).await;
        let (answer, stopped) = stopping(&app, stop, at, async || rotate(json!({})).await).await;
        let secrets = shown(&app, &acme.owner, &key).await["secrets"].clone();
        let secrets = secrets.as_array().expect("secrets").len();
        assert_eq!(
            app.get(&key.caller, "/jobs").await.status,
            200,
            "{stop:?} {at}"
        );
        if answer.status == 200 {
            assert_eq!(secrets, 2);
        } else {
            assert_eq!(answer.status, 503, "{}", answer.body);
            let again = rotate(json!({ "replaceUnused": true })).await;
            assert_eq!(again.status, 200, "{stop:?} {at}: {}", again.body);
            let new = Caller::with(again.data()["key"].as_str().expect("a key"));
            assert_eq!(app.get(&new, "/jobs").await.status, 200);
            assert_eq!(app.get(&key.caller, "/jobs").await.status, 200);
        }
        stopped
    })
    .await;
}

#[tokio::test]
async fn a_suspension_that_stops_anywhere_holds_or_never_was() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    at_every_call("suspend", async |stop, at| {
        let key = app.key(&acme, [Scope::ReadJobs]).await;
        // An Idempotency-Key makes it a transaction.
        let path = format!("/api-keys/{}/suspend", key.id);
        let suspend = async || {
            let request = acme.owner.request("POST", &path);
            let name = key.id.to_string();
            app.send(request.header("idempotency-key", &name)).await
        };
        let (answer, stopped) = stopping(&app, stop, at, suspend).await;
        let status = shown(&app, &acme.owner, &key).await["status"].clone();
        let passes = app.get(&key.caller, "/jobs").await.status == 200;
        assert_eq!(passes, status == "ACTIVE", "{stop:?} {at}: {status}");
        assert!(passes || status == "SUSPENDED", "{status}");
        assert!(answer.status == 503 || !passes, "{}", answer.body);
        // Whichever it was, the same request has one effect.
        let again = suspend().await;
        assert_eq!(again.status, 200, "{}", again.body);
        assert_eq!(app.get(&key.caller, "/jobs").await.status, 401);
        stopped
    })
    .await;
}

#[tokio::test]
async fn a_kill_switch_that_stops_anywhere_is_ended_by_the_worker_or_never_began() {
    let app = TestApp::calm().await;
    let partner = app.partner("Hirebridge").await;
    let mut number = 0;
    let mut began = 0;
    at_every_call("revoke-all", async |stop, at| {
        number += 1;
        let acme = app.company(&format!("Switch{number}")).await;
        app.grant(&acme, partner.id).await;
        let mut keys = Vec::new();
        for _ in 0..2 {
            keys.push(app.key(&acme, [Scope::ReadJobs]).await);
        }
        app.settle().await;
        app.put_worker_to_sleep();
        let path = "/api-keys/revoke-all";
        let switch = async || {
            app.post(&acme.owner, path, &json!({ "dryRun": false }))
                .await
        };
        let (answer, stopped) = stopping(&app, stop, at, switch).await;
        assert!(matches!(answer.status, 200 | 503), "{}", answer.body);
        app.wake_worker();
        app.settle().await;
        let tasks = app.app().table.list_tasks(None, 10).await.expect("read");
        assert_eq!(tasks, [], "{stop:?} {at}");
        let ats = partner.key.caller.for_company(acme.id);
        let mut alive = BTreeSet::from([app.get(&ats, "/jobs").await.status == 200]);
        for key in &keys {
            alive.insert(app.get(&key.caller, "/jobs").await.status == 200);
        }
        assert_eq!(alive.len(), 1, "{stop:?} {at}: all or none");
        let dead = alive.contains(&false);
        began += u32::from(dead);
        assert!(dead || answer.status == 503);
        // It is unlocked, and whatever was told to nobody is told now.
        let fresh = app.key(&acme, [Scope::ReadJobs]).await;
        let report = switch().await;
        let told = report.data()["keys"].as_array().map(Vec::len);
        let grants = report.data()["grants"].as_array().map(Vec::len);
        let first = usize::from(answer.status != 200);
        // A report may be lost after it was noted as given: its last write is all that is left to lose.
        let lost = dead && answer.status == 503 && told == Some(1);
        assert!(
            lost || (told, grants) == (Some(1 + 2 * first), Some(first)),
            "{stop:?} {at}: {}",
            report.body
        );
        assert_eq!(app.get(&fresh.caller, "/jobs").await.status, 401);
        stopped
    })
    .await;
    assert!(began > 4, "{began}");
}

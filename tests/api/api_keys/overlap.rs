//! The time in which a key has two secrets: recovering a lost rotation, ending and extending it, and what each secret's users are told.

use super::{act, from_now, shown};
use crate::authorization::{GET_JOB, Process};
use embedded::{Call, Weather};
use routes::Scope;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tests::{Answer, Caller, Held, Key, TestApp};

const DAY: Duration = Duration::from_secs(86_400);

async fn rotate(app: &TestApp, caller: &Caller, key: &Key, body: Value) -> Answer {
    let path = format!("/api-keys/{}/rotate", key.id);
    app.post(caller, &path, &body).await
}

fn new(answer: &Answer) -> Caller {
    assert_eq!(answer.status, 200, "{}", answer.body);
    Caller::with(answer.data()["key"].as_str().expect("a key"))
}

async fn until(app: &TestApp, caller: &Caller, key: &Key, instant: &str) -> Answer {
    let path = format!("/api-keys/{}/overlap", key.id);
    let body = json!({ "validUntil": instant });
    app.patch(caller, &path, &body).await
}

async fn status(app: &TestApp, caller: &Caller) -> u16 {
    app.get(caller, "/whoami").await.status
}

fn suffix(caller: &Caller) -> &str {
    &caller.credential.as_deref().expect("a key")[42..]
}

fn assert_overlap(answer: &Answer) {
    let reason = &answer.details()["reason"];
    assert_eq!(
        (answer.status, reason),
        (409, &json!("OVERLAP")),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn a_rotation_whose_answer_was_lost_is_made_again_while_its_secret_was_never_used() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key(&acme, [Scope::ReadJobs]).await;
    let replace = json!({ "replaceUnused": true });
    let lost = rotate(&app, &acme.admin, &key, json!({ "overlapSeconds": 3600 })).await;
    let end = lost.data()["secrets"][0]["validUntil"].clone();
    assert_overlap(&rotate(&app, &acme.admin, &key, json!({})).await);
    app.advance(Duration::from_secs(60));
    let recovered = rotate(&app, &acme.admin, &key, replace.clone()).await;
    let third = new(&recovered);
    let secrets = recovered.data()["secrets"].as_array().expect("secrets");
    assert_eq!(secrets.len(), 2);
    assert_eq!(secrets[0]["suffix"], suffix(&key.caller));
    assert_eq!(secrets[0]["validUntil"], end, "the overlap is what it was");
    assert_eq!(secrets[1]["suffix"], suffix(&third));
    assert_eq!(status(&app, &new(&lost)).await, 401);
    assert_eq!(status(&app, &key.caller).await, 200);
    // Whoever says how long begins the overlap anew.
    let longer = json!({ "replaceUnused": true, "overlapSeconds": 7200 });
    let fourth = rotate(&app, &acme.admin, &key, longer).await;
    assert!(fourth.data()["secrets"][0]["validUntil"].as_str() > end.as_str());
    let fourth = new(&fourth);
    assert_eq!(status(&app, &fourth).await, 200);
    // Now it was used.
    assert_overlap(&rotate(&app, &acme.admin, &key, replace).await);
    assert_eq!(status(&app, &fourth).await, 200);
    app.settle().await;
    let target = format!("/audit-events?type=api_key.rotated&keyId={}", key.id);
    let events = app.get(&acme.owner, &target).await;
    assert_eq!(events.data()["items"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn replacing_what_is_unused_says_nothing_without_an_overlap_and_nothing_can_contradict_it() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key(&acme, [Scope::ReadJobs]).await;
    for (body, fault) in [
        (
            json!({ "replaceUnused": true, "overlapSeconds": 0 }),
            "/replaceUnused conflict_with",
        ),
        (json!({ "replaceUnused": "yes" }), "/replaceUnused type"),
    ] {
        let refused = rotate(&app, &acme.owner, &key, body).await;
        assert_eq!(refused.faults(), [fault]);
    }
    let rotated = rotate(&app, &acme.owner, &key, json!({ "replaceUnused": true })).await;
    let secrets = &rotated.data()["secrets"];
    let instant = |value: &Value| -> model::Timestamp {
        value.as_str().expect("text").parse().expect("an instant")
    };
    let overlap = instant(&secrets[0]["validUntil"]).since(instant(&secrets[1]["createdAt"]));
    assert_eq!(overlap.num_seconds(), 86_400);
}

/// Using a secret raises no version, so the write that drops it must prove by itself that nobody did.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_secret_that_is_used_just_before_it_is_replaced_stays() {
    let app = Arc::new(TestApp::calm().await);
    let acme = app.company("Acme").await;
    let key = app.key(&acme, [Scope::ReadJobs]).await;
    let second = new(&rotate(&app, &acme.owner, &key, json!({})).await);
    let mut write = Held::first(app.system.weather(), |call: &Call<'_>| {
        call.operation == "UpdateItem" && call.json().to_string().contains("#secrets")
    });
    let rotation = tokio::spawn({
        let (app, owner, key) = (Arc::clone(&app), acme.owner.clone(), key.clone());
        async move { rotate(&app, &owner, &key, json!({ "replaceUnused": true })).await }
    });
    write.begun().await;
    let process = Process::new(&app, Weather::calm());
    assert_eq!(process.ask(&second, GET_JOB).await.status, 200);
    write.let_go();
    assert_overlap(&rotation.await.expect("no panic"));
    assert_eq!(process.ask(&second, GET_JOB).await.status, 200);
}

#[tokio::test]
async fn an_overlap_is_ended_early_or_goes_on_for_up_to_30_days() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key(&acme, [Scope::ReadJobs]).await;
    let soon = from_now(&app, Duration::from_secs(600));
    assert_overlap(&until(&app, &acme.admin, &key, &soon).await);
    let rotated = rotate(&app, &acme.admin, &key, json!({ "overlapSeconds": 60 })).await;
    let second = new(&rotated);
    let made = rotated.data()["secrets"][1]["createdAt"].as_str();
    let made: model::Timestamp = made.and_then(|at| at.parse().ok()).expect("an instant");
    let latest = made.plus(chrono::Duration::days(30));
    let beyond = latest.plus(chrono::Duration::milliseconds(1));
    let refused = until(&app, &acme.admin, &key, &beyond.to_string()).await;
    assert_eq!(refused.faults(), ["/validUntil range"]);
    let path = format!("/api-keys/{}/overlap", key.id);
    let old = acme.admin.request("PATCH", &path);
    let old = old.json(&json!({ "validUntil": soon }));
    let stale = app.send(old.header("if-match", "\"1\"")).await;
    assert_eq!(stale.details(), &json!({ "reason": "VERSION" }));
    assert_eq!(
        app.patch(&acme.admin, &path, &json!({})).await.faults(),
        ["/validUntil required"]
    );

    let longer = until(&app, &acme.admin, &key, &latest.to_string()).await;
    assert_eq!(
        (longer.status, longer.header("etag")),
        (200, Some("\"3\"")),
        "{}",
        longer.body
    );
    assert_eq!(
        longer.data()["secrets"][0]["validUntil"],
        latest.to_string()
    );
    let same = until(&app, &acme.admin, &key, &latest.to_string()).await;
    assert_eq!(same.header("etag"), Some("\"3\""), "nothing changes");
    app.advance(Duration::from_secs(61));
    assert_eq!(status(&app, &key.caller).await, 200);

    // It ends for everybody, whatever their clocks say.
    let late = Process::skewed(&app, Weather::calm(), -2_000);
    assert_eq!(late.get_job(&key.caller).await.status, 200);
    let ended = until(&app, &acme.admin, &key, "2026-01-01T00:00:00.000Z").await;
    assert_eq!(ended.header("etag"), Some("\"4\""), "{}", ended.body);
    let end = ended.data()["secrets"][0]["validUntil"].clone();
    // Whoever has not heard the answer asks again.
    let again = until(&app, &acme.admin, &key, "2026-01-01T00:00:00.000Z").await;
    assert_eq!((again.status, again.data()), (200, ended.data()));
    assert_eq!(status(&app, &key.caller).await, 401);
    assert_eq!(late.get_job(&key.caller).await.status, 401);
    assert_eq!(status(&app, &second).await, 200);
    assert_overlap(&until(&app, &acme.admin, &key, &latest.to_string()).await);

    app.settle().await;
    let target = format!(
        "/audit-events?type=api_key.overlap_changed&keyId={}",
        key.id
    );
    let events = app.get(&acme.owner, &target).await;
    let events = events.data()["items"].as_array().expect("a list").clone();
    assert_eq!(events.len(), 2);
    assert_eq!(events[0]["secretSuffix"], suffix(&key.caller));
    assert_eq!(
        events[0]["changes"],
        json!([{ "field": "validUntil", "before": latest.to_string(), "after": end }])
    );
    act(&app, &acme.owner, &key, "revoke").await;
    let revoked = until(&app, &acme.admin, &key, &soon).await;
    assert_eq!(revoked.code(), "INVALID_STATE_TRANSITION");
}

/// The names of the row's attributes, a line each: a row read as a key's shows nothing of a secret that went.
fn attributes(app: &TestApp, key: &Key) -> String {
    let query = json!({
        "TableName": app.app().table.names().keys,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": { ":pk": { "S": format!("KEY#{}", key.id) } },
    });
    let engine = app.system.engine();
    let (_, answer) = engine.dispatch("DynamoDB_20120810.Query", query.to_string().as_bytes());
    let answer: serde_json::Value = serde_json::from_slice(&answer).expect("JSON");
    let row = answer["Items"][0].as_object().expect("a row");
    row.keys().map(|name| format!("{name}\n")).collect()
}

#[tokio::test]
async fn each_secret_has_a_last_use_and_a_count_of_its_own() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let key = app.key(&acme, [Scope::ReadJobs]).await;
    let old = key.caller.from_address("2001:db8::7");
    let second = new(&rotate(&app, &acme.owner, &key, json!({})).await);
    for _ in 0..3 {
        assert_eq!(status(&app, &old).await, 200);
    }
    app.advance(Duration::from_secs(5));
    let second = second.from_address("192.0.2.9");
    assert_eq!(status(&app, &second).await, 200);
    let data = shown(&app, &acme.member, &key).await;
    let secrets = data["secrets"].as_array().expect("secrets");
    assert_eq!(secrets[0]["lastUsedIp"], "2001:db8::7");
    assert_eq!(secrets[1]["lastUsedIp"], "192.0.2.9");
    assert!(secrets[0]["lastUsedAt"].as_str() < secrets[1]["lastUsedAt"].as_str());
    assert_eq!(data["lastUsedIp"], "192.0.2.9");
    let counts = async || {
        let row = app.app().table.find_key(key.id).await.expect("read");
        let uses = row.expect("a row").uses.into_iter();
        let mut uses: Vec<_> = uses.map(|(suffix, used)| (suffix, used.count)).collect();
        uses.sort_by_key(|(_, count)| *count);
        uses
    };
    let own = |caller: &Caller, count: u64| (suffix(caller).to_owned(), count);
    assert_eq!(counts().await, [own(&second, 1), own(&old, 3)]);
    // What a secret leaves goes with it.
    assert!(attributes(&app, &key).contains(suffix(&old)));
    let last = rotate(&app, &acme.owner, &key, json!({ "overlapSeconds": 0 })).await;
    let left = attributes(&app, &key);
    for gone in [&old, &second] {
        assert!(!left.contains(suffix(gone)), "{left}");
    }
    assert_eq!(counts().await, []);
    assert_eq!(last.data()["secrets"][0].get("lastUsedAt"), None);
    assert_eq!(status(&app, &new(&last)).await, 200);
    assert_eq!(counts().await, [own(&new(&last), 1)]);
}

#[tokio::test]
async fn answers_say_when_a_replaced_secret_ends_and_when_a_key_expires() {
    const ROTATE_BY: &str = "x-api-key-rotate-by";
    const EXPIRES_AT: &str = "x-api-key-expires-at";
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let expiry = from_now(&app, DAY * 31);
    let fields = json!({ "expiresAt": expiry, "scopes": ["read:jobs"] });
    let key = app.key_with(&acme, fields).await;
    let fresh = app.get(&key.caller, "/jobs").await;
    assert_eq!(
        (fresh.header(ROTATE_BY), fresh.header(EXPIRES_AT)),
        (None, None)
    );
    let rotated = rotate(
        &app,
        &acme.owner,
        &key,
        json!({ "overlapSeconds": 2_592_000 }),
    )
    .await;
    let second = new(&rotated);
    let end = rotated.data()["secrets"][0]["validUntil"].as_str();
    assert!(end.is_some());
    // A 404 tells it, too.
    for target in ["/jobs", "/jobs/01900000-0000-7000-8000-000000000000"] {
        let old = app.get(&key.caller, target).await;
        assert_eq!((old.header(ROTATE_BY), old.header(EXPIRES_AT)), (end, None));
        assert_eq!(app.get(&second, target).await.header(ROTATE_BY), None);
    }
    assert_eq!(
        app.get(&acme.owner, "/api-keys").await.header(ROTATE_BY),
        None
    );
    app.advance(DAY);
    let soon = app.get(&second, "/jobs").await;
    assert_eq!(
        (soon.header(ROTATE_BY), soon.header(EXPIRES_AT)),
        (None, Some(expiry.as_str()))
    );
}

#[tokio::test]
async fn answers_that_no_handler_gives_say_it_too() {
    const ROTATE_BY: &str = "x-api-key-rotate-by";
    const EXPIRES_AT: &str = "x-api-key-expires-at";
    let app = TestApp::start().await;
    let two = model::RateLimit {
        per_second: None,
        per_minute: 2,
        per_hour: 50,
    };
    let acme = app
        .company_on("Acme", model::Plan::Enterprise, Some(two))
        .await;
    let expiry = from_now(&app, DAY * 3);
    let fields = json!({ "expiresAt": expiry, "scopes": ["read:jobs"] });
    let key = app.key_with(&acme, fields).await;
    let rotated = rotate(&app, &acme.owner, &key, json!({ "overlapSeconds": 7_200 })).await;
    let second = new(&rotated);
    let end = rotated.data()["secrets"][0]["validUntil"].as_str();
    assert!(end.is_some());
    let another = "/jobs?companyId=01900000-0000-7000-8000-000000000000";
    for (target, expected) in [
        (another, 403),
        ("/jobs", 200),
        ("/jobs", 200),
        ("/jobs", 429),
    ] {
        let old = app.get(&key.caller, target).await;
        assert_eq!(old.status, expected, "{target}: {}", old.body);
        assert_eq!(
            (old.header(ROTATE_BY), old.header(EXPIRES_AT)),
            (end, Some(expiry.as_str())),
            "{target} {expected}"
        );
    }
    let newer = app.get(&second, "/jobs").await;
    assert_eq!((newer.status, newer.header(ROTATE_BY)), (429, None));
    assert_eq!(newer.header(EXPIRES_AT), Some(expiry.as_str()));
}

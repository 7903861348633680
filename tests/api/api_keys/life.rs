//! ACTIVE, SUSPENDED, REVOKED, and what the clock makes of them.

use super::{act, from_now, shown};
use serde_json::{Value, json};
use std::time::Duration;
use tests::{Company, Key, TestApp};

const HOUR: Duration = Duration::from_secs(3600);

/// Status and version.
async fn now(app: &TestApp, company: &Company, key: &Key) -> (Value, Value) {
    let shown = shown(app, &company.owner, key).await;
    (shown["status"].clone(), shown["version"].clone())
}

fn at(status: &str, version: u64) -> (Value, Value) {
    (json!(status), json!(version))
}

/// A key that was good for an hour, which is over.
async fn expired(app: &TestApp) -> (Company, Key) {
    let mut acme = app.company("Acme").await;
    let expires = json!({ "expiresAt": from_now(app, HOUR) });
    let key = app.key_with(&acme, expires).await;
    assert_eq!(app.get(&key.caller, "/jobs").await.status, 200);
    pass_an_hour(app, &mut acme);
    (acme, key)
}

/// A token doesn't last so long.
fn pass_an_hour(app: &TestApp, company: &mut Company) {
    app.advance(HOUR);
    company.owner = app.person("owner@acme.example");
}

#[tokio::test]
async fn a_key_is_suspended_resumed_and_revoked_and_the_same_state_again_is_no_change() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await;
    for (action, status, version, answers) in [
        ("resume", "ACTIVE", 1, 200),
        ("suspend", "SUSPENDED", 2, 401),
        ("suspend", "SUSPENDED", 2, 401),
        ("resume", "ACTIVE", 3, 200),
        ("resume", "ACTIVE", 3, 200),
        ("suspend", "SUSPENDED", 4, 401),
        ("revoke", "REVOKED", 5, 401),
        ("revoke", "REVOKED", 5, 401),
    ] {
        let answer = act(&app, &acme.owner, &key, action).await;
        assert_eq!(answer.status, 200, "{action}: {}", answer.body);
        assert_eq!(answer.data()["status"], status, "{action}");
        assert_eq!(answer.data()["version"], version, "{action}");
        assert_eq!(
            answer.header("etag"),
            Some(format!("\"{version}\"").as_str())
        );
        assert_eq!(
            now(&app, &acme, &key).await,
            at(status, version),
            "{action}"
        );
        if answers == 200 {
            // A refusal is remembered for a second.
            app.advance(Duration::from_secs(2));
        }
        assert_eq!(
            app.get(&key.caller, "/jobs").await.status,
            answers,
            "after {action}"
        );
    }
}

#[tokio::test]
async fn nothing_leads_away_from_revoked() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await;
    assert_eq!(act(&app, &acme.owner, &key, "revoke").await.status, 200);
    let before = shown(&app, &acme.owner, &key).await;
    for (action, to) in [("resume", "ACTIVE"), ("suspend", "SUSPENDED")] {
        let refused = act(&app, &acme.owner, &key, action).await;
        assert_eq!(
            (refused.status, refused.code()),
            (409, "INVALID_STATE_TRANSITION"),
            "{action}"
        );
        assert_eq!(
            refused.details(),
            &json!({ "from": "REVOKED", "to": to }),
            "{action}"
        );
    }
    let expires = from_now(&app, HOUR);
    for body in [
        json!({ "name": "x" }),
        json!({ "expiresAt": expires }),
        json!({}),
    ] {
        let path = format!("/api-keys/{}", key.id);
        let refused = app.patch(&acme.owner, &path, &body).await;
        assert_eq!(
            (refused.status, refused.code()),
            (409, "INVALID_STATE_TRANSITION"),
            "{body}"
        );
        assert_eq!(refused.details()["from"], "REVOKED");
    }
    assert_eq!(shown(&app, &acme.owner, &key).await, before);
    assert_eq!(app.get(&key.caller, "/jobs").await.status, 401);
}

#[tokio::test]
async fn expiry_comes_by_the_clock_and_a_new_one_revives() {
    let app = TestApp::start().await;
    let (mut acme, key) = expired(&app).await;
    assert_eq!(app.get(&key.caller, "/jobs").await.status, 401);
    assert_eq!(now(&app, &acme, &key).await, at("EXPIRED", 1));

    let path = format!("/api-keys/{}", key.id);
    // Another change leaves it expired.
    let renamed = app
        .patch(&acme.owner, &path, &json!({ "name": "Old" }))
        .await;
    assert_eq!(
        (renamed.status, &renamed.data()["status"]),
        (200, &json!("EXPIRED"))
    );
    let expires = from_now(&app, HOUR);
    let revived = app
        .patch(&acme.owner, &path, &json!({ "expiresAt": expires }))
        .await;
    assert_eq!(
        (revived.status, &revived.data()["status"]),
        (200, &json!("ACTIVE"))
    );
    app.advance(Duration::from_secs(2));
    assert_eq!(app.get(&key.caller, "/jobs").await.status, 200);
    pass_an_hour(&app, &mut acme);
    assert_eq!(now(&app, &acme, &key).await.0, "EXPIRED");
    let revived = app
        .patch(&acme.owner, &path, &json!({ "expiresAt": null }))
        .await;
    assert_eq!(
        (revived.status, &revived.data()["status"]),
        (200, &json!("ACTIVE"))
    );
    assert_eq!(revived.data().get("expiresAt"), None);
    assert_eq!(app.get(&key.caller, "/jobs").await.status, 200);
}

#[tokio::test]
async fn revoked_is_shown_before_expired_before_suspended_and_actions_act_on_what_lies_beneath() {
    let app = TestApp::start().await;
    let (mut acme, key) = expired(&app).await;
    let path = format!("/api-keys/{}", key.id);
    let suspended = act(&app, &acme.owner, &key, "suspend").await;
    assert_eq!(
        (suspended.status, &suspended.data()["status"]),
        (200, &json!("EXPIRED"))
    );
    assert_eq!(now(&app, &acme, &key).await, at("EXPIRED", 2));
    let revived = app
        .patch(&acme.owner, &path, &json!({ "expiresAt": null }))
        .await;
    assert_eq!(revived.data()["status"], "SUSPENDED");
    assert_eq!(app.get(&key.caller, "/jobs").await.status, 401);

    let expires = from_now(&app, HOUR);
    app.patch(&acme.owner, &path, &json!({ "expiresAt": expires }))
        .await;
    pass_an_hour(&app, &mut acme);
    assert_eq!(now(&app, &acme, &key).await, at("EXPIRED", 4));
    let resumed = act(&app, &acme.owner, &key, "resume").await;
    assert_eq!(
        (resumed.status, &resumed.data()["status"]),
        (200, &json!("EXPIRED"))
    );
    let revived = app
        .patch(&acme.owner, &path, &json!({ "expiresAt": null }))
        .await;
    assert_eq!(revived.data()["status"], "ACTIVE");

    let expires = from_now(&app, HOUR);
    app.patch(&acme.owner, &path, &json!({ "expiresAt": expires }))
        .await;
    pass_an_hour(&app, &mut acme);
    let revoked = act(&app, &acme.owner, &key, "revoke").await;
    assert_eq!(
        (revoked.status, &revoked.data()["status"]),
        (200, &json!("REVOKED"))
    );
    let refused = act(&app, &acme.owner, &key, "resume").await;
    assert_eq!(
        refused.details(),
        &json!({ "from": "REVOKED", "to": "ACTIVE" })
    );
}

#[tokio::test]
async fn each_field_of_a_key_is_patched_by_itself() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app
        .key_with(&acme, json!({ "scopes": ["read:jobs", "write:jobs"] }))
        .await;
    let path = format!("/api-keys/{}", key.id);
    let mut expected = shown(&app, &acme.owner, &key).await;
    let expires = from_now(&app, HOUR);
    for (version, (field, value)) in [
        ("name", json!("Renamed")),
        ("scopes", json!(["read:jobs"])),
        ("expiresAt", json!(expires)),
        ("allowedIPs", json!(["198.51.100.0/24"])),
    ]
    .into_iter()
    .enumerate()
    {
        let changed = app
            .patch(&acme.admin, &path, &json!({ field: value }))
            .await;
        expected[field] = value;
        expected["version"] = json!(version + 2);
        assert_eq!(
            (changed.status, changed.data()),
            (200, &expected),
            "{field}"
        );
        assert_eq!(shown(&app, &acme.member, &key).await, expected, "{field}");
        // The same again is no change.
        let again = app
            .patch(&acme.admin, &path, &json!({ field: expected[field] }))
            .await;
        assert_eq!((again.status, again.data()), (200, &expected), "{field}");
    }
    let made = app.post(&key.caller, "/jobs", &tests::job()).await;
    assert_eq!(made.details(), &json!({ "requiredScope": "write:jobs" }));
    let stale = app.send(
        acme.owner
            .request("PATCH", &path)
            .header("if-match", "\"4\"")
            .json(&json!({ "name": "x" })),
    );
    let stale = stale.await;
    assert_eq!(
        (stale.status, stale.details()),
        (409, &json!({ "reason": "VERSION" }))
    );
    let stale = acme
        .owner
        .request("POST", &format!("{path}/suspend"))
        .header("if-match", "\"4\"");
    assert_eq!(
        app.send(stale).await.details(),
        &json!({ "reason": "VERSION" })
    );
    let right = acme
        .owner
        .request("POST", &format!("{path}/suspend"))
        .header("if-match", "\"5\"");
    assert_eq!(app.send(right).await.data()["status"], "SUSPENDED");
}

#[tokio::test]
async fn a_key_revokes_itself_and_is_dead_at_once() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    for body in [
        None,
        Some(json!({})),
        Some(json!({ "reason": "Leaked on a forum" })),
    ] {
        // Its scopes don't matter.
        let key = app
            .key_with(&acme, json!({ "scopes": ["read:billing"] }))
            .await;
        let mut request = key.caller.request("POST", "/api-keys/self/revoke");
        if let Some(body) = &body {
            request = request.json(body);
        }
        let revoked = app.send(request).await;
        assert_eq!(revoked.status, 200, "{}", revoked.body);
        assert_eq!(revoked.data()["status"], "REVOKED");
        assert_eq!(revoked.data()["id"], json!(key.id));
        assert_eq!(app.get(&key.caller, "/whoami").await.status, 401);
        let again = app
            .send(key.caller.request("POST", "/api-keys/self/revoke"))
            .await;
        assert_eq!(again.status, 401);
    }
    let person = app
        .send(acme.owner.request("POST", "/api-keys/self/revoke"))
        .await;
    assert_eq!(
        (person.status, person.code()),
        (403, "INSUFFICIENT_PERMISSIONS")
    );
    assert_eq!(
        person.details(),
        &json!({ "requiredCredential": "API_KEY" })
    );
}

#[tokio::test]
async fn a_reason_is_1_to_200_characters_of_one_line_and_a_body_may_be_absent() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await;
    let path = format!("/api-keys/{}/suspend", key.id);
    for (reason, rule) in [
        (json!(""), "length"),
        (json!("x".repeat(201)), "length"),
        (json!("two\nlines"), "format"),
        (json!("\u{1b}[31mred"), "format"),
        (json!("gnp.\u{202e}exe"), "format"),
        (json!("a\u{200f}b"), "format"),
        (json!(1), "type"),
    ] {
        let refused = app
            .post(&acme.owner, &path, &json!({ "reason": reason }))
            .await;
        assert_eq!(
            (refused.status, refused.faults()),
            (400, vec![format!("/reason {rule}")])
        );
    }
    let refused = app.post(&acme.owner, &path, &json!({ "why": "x" })).await;
    assert_eq!(refused.faults(), ["/why unknown_field"]);
    let refused = app
        .send(acme.owner.request("POST", &path).body("text/plain", "x"))
        .await;
    assert_eq!(refused.status, 415);
    let refused = app
        .send(
            acme.owner
                .request("POST", &path)
                .body("application/json", "x"),
        )
        .await;
    assert_eq!(refused.faults(), [" json"]);
    assert_eq!(now(&app, &acme, &key).await, at("ACTIVE", 1));
    for reason in [json!("🔒".repeat(200)), Value::Null] {
        let suspended = app
            .post(&acme.owner, &path, &json!({ "reason": reason }))
            .await;
        assert_eq!(suspended.status, 200, "{}", suspended.body);
    }
}

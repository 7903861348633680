//! Who may do what with which key.

use super::{act, shown};
use serde_json::json;
use std::time::Duration;
use tests::{Answer, TestApp};

fn assert_needs(answer: &Answer, role: &str, case: &str) {
    assert_eq!(
        (answer.status, answer.code()),
        (403, "INSUFFICIENT_PERMISSIONS"),
        "{case}"
    );
    assert_eq!(answer.details(), &json!({ "requiredRole": role }), "{case}");
}

#[tokio::test]
async fn only_an_owner_makes_and_changes_keys_that_may_write_companies() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let body = json!({ "name": "x", "scopes": ["read:companies", "write:companies"] });
    assert_needs(
        &app.post(&acme.admin, "/api-keys", &body).await,
        "OWNER",
        "create",
    );
    let strong = app
        .key_with(&acme, json!({ "scopes": ["write:companies"] }))
        .await;
    let weak = app
        .key_with(&acme, json!({ "scopes": ["read:jobs"] }))
        .await;
    let before = shown(&app, &acme.owner, &strong).await;
    let path = format!("/api-keys/{}", strong.id);
    for (case, patch) in [
        ("rename", json!({ "name": "y" })),
        ("take the scope away", json!({ "scopes": ["read:jobs"] })),
        ("nothing", json!({})),
    ] {
        assert_needs(&app.patch(&acme.admin, &path, &patch).await, "OWNER", case);
    }
    for action in ["suspend", "resume", "revoke"] {
        assert_needs(
            &act(&app, &acme.admin, &strong, action).await,
            "OWNER",
            action,
        );
    }
    let give = json!({ "scopes": ["read:jobs", "write:companies"] });
    let weak_path = format!("/api-keys/{}", weak.id);
    assert_needs(
        &app.patch(&acme.admin, &weak_path, &give).await,
        "OWNER",
        "give the scope",
    );
    assert_eq!(shown(&app, &acme.owner, &strong).await, before);
    assert_eq!(shown(&app, &acme.owner, &weak).await["version"], 1);

    // A missing object comes before the role that it would demand; the body before both.
    let gone = app.patch(&acme.admin, "/api-keys/AAAAAAAA", &give).await;
    assert_eq!(gone.status, 404);
    assert_eq!(
        app.patch(&acme.admin, &path, &json!({ "name": "" }))
            .await
            .status,
        400
    );

    for action in ["suspend", "resume"] {
        assert_eq!(act(&app, &acme.owner, &strong, action).await.status, 200);
    }
    let taken = app
        .patch(&acme.owner, &path, &json!({ "scopes": ["read:jobs"] }))
        .await;
    assert_eq!(taken.status, 200);
    assert_eq!(act(&app, &acme.admin, &strong, "revoke").await.status, 200);
    // Of a revoked key too the role is asked for first.
    let revoked = app
        .key_with(&acme, json!({ "scopes": ["write:companies"] }))
        .await;
    act(&app, &acme.owner, &revoked, "revoke").await;
    assert_needs(
        &act(&app, &acme.admin, &revoked, "resume").await,
        "OWNER",
        "revoked",
    );
}

#[tokio::test]
async fn a_member_reads_keys_and_changes_none() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app
        .key_with(&acme, json!({ "scopes": ["read:jobs"] }))
        .await;
    let before = shown(&app, &acme.member, &key).await;
    let list = app.get(&acme.member, "/api-keys").await;
    assert_eq!(list.data()["items"], json!([before]));
    let body = json!({ "name": "x", "scopes": ["read:jobs"] });
    assert_needs(
        &app.post(&acme.member, "/api-keys", &body).await,
        "ADMIN",
        "create",
    );
    let patch = app
        .patch(&acme.member, &format!("/api-keys/{}", key.id), &body)
        .await;
    assert_needs(&patch, "ADMIN", "patch");
    for action in ["suspend", "resume", "revoke"] {
        assert_needs(
            &act(&app, &acme.member, &key, action).await,
            "ADMIN",
            action,
        );
    }
    assert_eq!(
        app.get(&acme.member, "/api-keys").await.data()["items"],
        json!([before])
    );
}

#[tokio::test]
async fn a_key_can_never_manage_keys() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await;
    let path = format!("/api-keys/{}", key.id);
    let body = json!({ "name": "x", "scopes": ["read:jobs"] });
    let mut answers = vec![
        app.get(&key.caller, "/api-keys").await,
        app.get(&key.caller, &path).await,
        app.post(&key.caller, "/api-keys", &body).await,
        app.patch(&key.caller, &path, &json!({ "name": "y" })).await,
    ];
    for action in ["suspend", "resume", "revoke"] {
        answers.push(act(&app, &key.caller, &key, action).await);
    }
    for answer in answers {
        assert_eq!(
            (answer.status, answer.code()),
            (403, "INSUFFICIENT_PERMISSIONS")
        );
        assert_eq!(answer.details(), &json!({ "requiredCredential": "PERSON" }));
    }
    assert_eq!(shown(&app, &acme.owner, &key).await["version"], 1);
}

#[tokio::test]
async fn management_writes_need_a_sign_in_of_the_last_12_hours() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await;
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    let stale = app.person_signed_in("owner@acme.example", hours(12) + Duration::from_secs(30));
    let refused = act(&app, &stale, &key, "suspend").await;
    assert_eq!(
        (refused.status, refused.code()),
        (403, "INSUFFICIENT_PERMISSIONS")
    );
    assert_eq!(refused.details(), &json!({ "maxAuthAge": 43200 }));
    assert_eq!(app.get(&stale, "/api-keys").await.status, 200);
    let fresh = app.person_signed_in("owner@acme.example", hours(12) - Duration::from_secs(60));
    assert_eq!(act(&app, &fresh, &key, "suspend").await.status, 200);
}

//! Paths as clients spell them: a slash behind the last segment, and percent-encoded parameters.

use super::assert_error;
use serde_json::json;
use tests::{Caller, TestApp, job, made_id};

#[tokio::test]
async fn a_slash_at_the_end_changes_nothing() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({ "scopes": ["read:jobs", "write:jobs"] }));
    let key = key.await.caller;
    let made = app.post(&key, "/jobs/", &job()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let path = format!("/jobs/{}/", made_id(&made));
    let read = app.get(&key, &path).await;
    assert_eq!(read.data()["id"], made.data()["id"], "{}", read.body);
    assert_eq!(app.get(&acme.owner, "/api-keys/").await.status, 200);
    // Refusals are rendered as ever, those of the gateway too.
    let details = json!({ "requiredScope": "read:agents" });
    let refused = app.get(&key, "/agents/").await;
    assert_error(&refused, "INSUFFICIENT_PERMISSIONS", &details, "/agents/");
    let unknown = app.get(&Caller::nobody(), "/jobs/").await;
    assert_error(&unknown, "INVALID_API_KEY", &json!({}), "/jobs/");
}

#[tokio::test]
async fn path_parameters_may_be_percent_encoded() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let id = made_id(&app.post(&key, "/jobs", &job()).await);
    let encoded = |id: &str| id.replace('-', "%2D");
    let read = app.get(&key, &format!("/jobs/{}", encoded(&id))).await;
    assert_eq!(read.status, 200, "{}", read.body);
    // By the authorizer, too, where the path says whose it is.
    let path = format!("/companies/{}", encoded(&acme.id.to_string()));
    let read = app.get(&key, &path).await;
    assert_eq!(read.status, 200, "{}", read.body);
    // Decoded once.
    let path = format!("/jobs/{}", id.replace('-', "%252D"));
    assert_eq!(app.get(&key, &path).await.status, 400);
}

//! `/jobs`

mod change;
mod fields;
mod idempotency;
mod lists;
mod races;

use serde_json::json;
use tests::{TestApp, job};

#[tokio::test]
async fn a_job_is_created_read_listed_changed_and_deleted() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;

    let made = app.post(&key, "/jobs", &job()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.header("etag"), Some("\"1\""));
    let path = format!("/jobs/{}", made.data()["id"].as_str().expect("an id"));
    assert_eq!(app.get(&key, &path).await.data(), made.data());

    let listed = app.get(&key, "/jobs?status=OPEN").await;
    assert_eq!(listed.data()["items"], json!([made.data()]));
    assert_eq!(listed.data()["pagination"]["total"], 1);

    let changed = app
        .patch(
            &key,
            &path,
            &json!({ "title": "Staff Rust Engineer", "status": "CLOSED" }),
        )
        .await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(changed.data()["version"], 2);
    assert_eq!(
        app.get(&key, "/jobs?q=staf").await.data()["items"],
        json!([changed.data()])
    );
    assert_eq!(
        app.get(&key, "/jobs?status=OPEN").await.data()["pagination"]["total"],
        0
    );

    let deleted = app.delete(&key, &path).await;
    assert_eq!((deleted.status, deleted.data()), (200, &json!(true)));
    assert_eq!(app.delete(&key, &path).await.code(), "RESOURCE_NOT_FOUND");
    assert_eq!(
        app.get(&key, "/jobs").await.data()["pagination"]["total"],
        0
    );
}

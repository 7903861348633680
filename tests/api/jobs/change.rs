//! Changing and deleting one job.

use serde_json::{Value, json};
use tests::{Answer, Caller, TestApp, job};

async fn made(app: &TestApp, key: &Caller, extra: Value) -> (String, Answer) {
    let mut body = job();
    for (name, value) in extra.as_object().expect("an object") {
        body[name] = value.clone();
    }
    let made = app.post(key, "/jobs", &body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    (
        format!("/jobs/{}", made.data()["id"].as_str().expect("an id")),
        made,
    )
}

async fn patch_if(app: &TestApp, key: &Caller, path: &str, if_match: &str, body: &Value) -> Answer {
    app.send(
        key.request("PATCH", path)
            .header("if-match", if_match)
            .json(body),
    )
    .await
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_clears_what_it_nulls() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let extra = json!({
        "benefits": "Fruit.",
        "requiredSkills": ["Rust"],
        "salary": { "min": 1, "max": 2, "currency": "EUR", "period": "HOURLY" },
        "metadata": { "a": 1, "b": 2 },
    });
    let (path, first) = made(&app, &key, extra).await;

    let changed = app
        .patch(&key, &path, &json!({ "title": "Another title" }))
        .await;
    let mut expected = first.data().clone();
    expected["title"] = json!("Another title");
    expected["version"] = json!(2);
    expected["updatedAt"] = changed.data()["updatedAt"].clone();
    assert_eq!(changed.data(), &expected);
    assert_eq!(changed.header("etag"), Some("\"2\""));
    assert!(changed.data()["updatedAt"].as_str() >= first.data()["updatedAt"].as_str());

    let clear =
        json!({ "benefits": null, "salary": null, "metadata": null, "requiredSkills": null });
    let cleared = app.patch(&key, &path, &clear).await;
    assert_eq!(cleared.status, 200, "{}", cleared.body);
    for name in ["benefits", "salary", "metadata"] {
        assert!(cleared.data().get(name).is_none(), "{name}");
    }
    assert_eq!(cleared.data()["requiredSkills"], json!([]));
    assert_eq!(app.get(&key, &path).await.data(), cleared.data());

    for name in ["title", "description", "status"] {
        let refused = app.patch(&key, &path, &json!({ name: null })).await;
        assert_eq!(
            (refused.status, refused.faults()),
            (400, vec![format!("/{name} type")])
        );
    }
    assert_eq!(app.get(&key, &path).await.data(), cleared.data());
}

#[tokio::test]
async fn a_patched_object_or_list_is_replaced_as_a_whole_and_keeps_its_rules() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let extra = json!({
        "salary": { "min": 10, "max": 20, "currency": "EUR", "period": "HOURLY" },
        "metadata": { "a": 1, "b": 2 },
    });
    let (path, first) = made(&app, &key, extra).await;
    // Not merged with what is there.
    let refused = app
        .patch(&key, &path, &json!({ "salary": { "max": 5 } }))
        .await;
    assert_eq!(
        refused.faults(),
        ["/salary/currency required", "/salary/period required"]
    );
    let crossed = json!({ "salary": { "min": 6, "max": 5, "currency": "EUR", "period": "DAILY" } });
    let refused = app.patch(&key, &path, &crossed).await;
    assert_eq!(refused.faults(), ["/salary/min conflict_with"]);
    assert_eq!(app.get(&key, &path).await.data(), first.data());

    let replace = json!({
        "salary": { "max": 5, "currency": "USD", "period": "DAILY" },
        "metadata": { "c": 3 },
    });
    let changed = app.patch(&key, &path, &replace).await;
    assert_eq!(changed.data()["salary"], replace["salary"]);
    assert_eq!(changed.data()["metadata"], replace["metadata"]);
}

#[tokio::test]
async fn a_patch_that_changes_nothing_makes_no_new_version() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let (path, first) = made(&app, &key, json!({})).await;
    for body in [
        json!({}),
        json!({ "status": "OPEN" }),
        json!({ "benefits": null }),
    ] {
        let same = app.patch(&key, &path, &body).await;
        assert_eq!((same.status, same.data()), (200, first.data()));
        assert_eq!(same.header("etag"), Some("\"1\""));
    }
}

#[tokio::test]
async fn if_match_lets_only_its_own_version_be_changed_or_deleted() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let (path, first) = made(&app, &key, json!({})).await;
    let body = json!({ "title": "Another title" });
    for stale in ["\"0\"", "\"2\"", "\"x\"", "\"é\"", "\"\""] {
        let refused = patch_if(&app, &key, &path, stale, &body).await;
        assert_eq!(
            (refused.status, refused.code()),
            (409, "RESOURCE_CONFLICT"),
            "{stale}"
        );
        assert_eq!(
            refused.details(),
            &json!({ "reason": "VERSION" }),
            "{stale}"
        );
        let refused = app
            .send(key.request("DELETE", &path).header("if-match", stale))
            .await;
        assert_eq!(
            refused.details(),
            &json!({ "reason": "VERSION" }),
            "{stale}"
        );
    }
    // What is no ETag would be another version's for ever.
    for malformed in ["1", "W/\"1\"", "\"1\", \"2\"", "", "\""] {
        let refused = patch_if(&app, &key, &path, malformed, &body).await;
        assert_eq!(refused.faults(), ["If-Match format"], "{malformed}");
    }
    assert_eq!(app.get(&key, &path).await.data(), first.data());

    assert_eq!(
        patch_if(&app, &key, &path, "\"1\"", &body).await.status,
        200
    );
    assert_eq!(
        patch_if(&app, &key, &path, "\"1\"", &body).await.status,
        409
    );
    let body = json!({ "title": "A third title" });
    assert_eq!(patch_if(&app, &key, &path, "*", &body).await.status, 200);
    let deleted = app
        .send(key.request("DELETE", &path).header("if-match", "\"3\""))
        .await;
    assert_eq!(deleted.status, 200);
    // No object comes before no version.
    let gone = patch_if(&app, &key, &path, "\"1\"", &body).await;
    assert_eq!(gone.code(), "RESOURCE_NOT_FOUND");
}

#[tokio::test]
async fn a_deleted_job_is_404_everywhere_and_in_no_list() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let (path, first) = made(&app, &key, json!({})).await;
    let (_, kept) = made(&app, &key, json!({})).await;
    let deleted = app.delete(&key, &path).await;
    assert_eq!((deleted.status, deleted.data()), (200, &json!(true)));
    let expected = json!({
        "code": "RESOURCE_NOT_FOUND",
        "message": "There is no such object in the company.",
        "details": { "resourceType": "job", "resourceId": first.data()["id"] },
    });
    for gone in [
        app.get(&key, &path).await,
        app.patch(&key, &path, &json!({ "title": "Another title" }))
            .await,
        app.patch(&key, &path, &json!({})).await,
        app.delete(&key, &path).await,
    ] {
        assert_eq!((gone.status, &gone.body["error"]), (404, &expected));
        assert_eq!(
            (&gone.body["success"], gone.data()),
            (&json!(false), &Value::Null)
        );
    }
    for list in [
        "/jobs",
        "/jobs?status=OPEN",
        "/jobs?q=senior",
        "/jobs?q=senior&status=OPEN",
    ] {
        let list = app.get(&key, list).await;
        assert_eq!(list.data()["items"], json!([kept.data()]));
    }
    // A bad body is found before the missing object.
    let refused = app.patch(&key, &path, &json!({ "title": "" })).await;
    assert_eq!(refused.status, 400);
}

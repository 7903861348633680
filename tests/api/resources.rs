//! What every kind of object of a company has in common, generated from the route table.

use crate::requests::{body, parameter_beneath};
use routes::{Access, Method, Route, Tenant};
use serde_json::{Value, json};
use std::time::Duration;
use tests::{Caller, TestApp};

/// The operations that make objects for keys, each with the one that changes them.
fn kinds() -> Vec<(&'static Route, &'static Route)> {
    let creates = routes::all().filter(|route| {
        let by_key = matches!(route.access, Access::Scope(_));
        // Companies are made by partners alone: `companies/partners.rs`.
        let in_one = route.tenant == Tenant::Company;
        by_key && in_one && route.method == Method::Post && parameter_beneath(route).is_some()
    });
    let change = |create: &Route| {
        let path = format!(
            "{}/{{{}}}",
            create.path,
            parameter_beneath(create).expect("an id")
        );
        let mut all = routes::all();
        all.find(|route| route.method == Method::Patch && route.path == path)
            .expect("a change")
    };
    let kinds: Vec<_> = creates.map(|create| (create, change(create))).collect();
    assert!(kinds.len() >= 3);
    kinds
}

async fn made(app: &TestApp, key: &Caller, create: &Route, own: &str) -> Value {
    let new = body(create, own).expect("a body");
    let made = app.post(key, create.path, &new).await;
    assert_eq!(made.status, 201, "{}: {}", create.path, made.body);
    assert_eq!(made.header("etag"), Some("\"1\""));
    made.data().clone()
}

fn is_deleted(create: &Route) -> bool {
    let mut beneath = routes::all().filter(|route| route.path.starts_with(create.path));
    beneath.any(|route| route.method == Method::Delete)
}

#[tokio::test]
async fn one_idempotency_key_makes_one_object_and_answers_the_same_bytes() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    for (create, _) in kinds() {
        let send = async |own: &str| {
            let new = body(create, own).expect("a body");
            let request = key.request("POST", create.path).json(&new);
            app.send(request.header("idempotency-key", "one")).await
        };
        let first = send("First").await;
        assert_eq!(first.status, 201, "{}", first.body);
        app.advance(Duration::from_secs(60));
        let again = send("First").await;
        assert_eq!(again.raw.text(), first.raw.text(), "{}", create.path);
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        assert_eq!(again.header("etag"), first.header("etag"));
        assert_eq!(send("Second").await.code(), "IDEMPOTENCY_CONFLICT");
        let list = app.get(&key, create.path).await;
        assert_eq!(list.data()["pagination"]["total"], 1, "{}", create.path);
    }
}

#[tokio::test]
async fn if_match_lets_only_its_own_version_be_changed_or_deleted() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    for (create, change) in kinds() {
        let object = made(&app, &key, create, "First").await;
        let path = format!("{}/{}", create.path, object["id"].as_str().expect("an id"));
        let send = async |method: &str, etag: &str| {
            let request = key.request(method, &path).header("if-match", etag);
            app.send(match method {
                "PATCH" => request.json(&body(change, "Changed").expect("a body")),
                _ => request,
            })
            .await
        };
        let stale = json!({ "reason": "VERSION" });
        assert_eq!(send("PATCH", "\"2\"").await.details(), &stale, "{path}");
        let changed = send("PATCH", "\"1\"").await;
        assert_eq!(changed.status, 200, "{}", changed.body);
        assert_eq!(changed.header("etag"), Some("\"2\""));
        assert_eq!(app.get(&key, &path).await.data(), changed.data());
        if !is_deleted(create) {
            continue;
        }
        assert_eq!(send("DELETE", "\"1\"").await.details(), &stale, "{path}");
        let deleted = send("DELETE", "\"2\"").await;
        assert_eq!((deleted.status, deleted.data()), (200, &json!(true)));
        for method in ["DELETE", "PATCH"] {
            assert_eq!(send(method, "*").await.code(), "RESOURCE_NOT_FOUND");
        }
        assert_eq!(app.get(&key, &path).await.code(), "RESOURCE_NOT_FOUND");
        let list = app.get(&key, create.path).await;
        assert_eq!(list.data()["items"], json!([]), "{path}");
        assert_eq!(list.data()["pagination"]["total"], 0, "{path}");
    }
}

#[tokio::test]
async fn a_cursor_pages_through_its_own_list_alone() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let mut cursors = Vec::new();
    for (create, _) in kinds() {
        let mut newest_first = Vec::new();
        for _ in 0..5 {
            newest_first.insert(0, made(&app, &key, create, "Paged").await);
            app.advance(Duration::from_millis(2));
        }
        let mut seen = Vec::new();
        let mut next = String::new();
        loop {
            let page = app
                .get(&key, &format!("{}?limit=2{next}", create.path))
                .await;
            assert_eq!(page.status, 200, "{}", page.body);
            assert_eq!(page.data()["pagination"]["total"], 5);
            seen.extend(page.data()["items"].as_array().expect("items").clone());
            match page.data()["pagination"]["nextCursor"].as_str() {
                Some(cursor) => {
                    next = format!("&cursor={cursor}");
                    cursors.push((create.path, cursor.to_owned()));
                }
                None => break,
            }
        }
        assert_eq!(seen, newest_first, "{}", create.path);
    }
    for (path, cursor) in &cursors {
        for (other, _) in kinds().into_iter().filter(|(other, _)| other.path != *path) {
            let refused = app
                .get(&key, &format!("{}?cursor={cursor}", other.path))
                .await;
            assert_eq!(
                refused.faults(),
                ["?cursor cursor"],
                "{path} {}",
                other.path
            );
        }
    }
}

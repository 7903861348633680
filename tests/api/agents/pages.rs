//! Pages that would be longer than Lambda answers.

use serde_json::{Value, json};
use std::sync::Arc;
use tests::{Caller, TestApp, agent, job};
use tokio::task::JoinSet;

/// As many characters as asked for that take the most room in an answer: escaped as JSON, and once more with the body.
fn long(characters: usize) -> String {
    "\u{1}".repeat(characters)
}

/// As large as an agent can be.
fn largest_agent() -> Value {
    let mut body = agent();
    // None may stand twice.
    let questions: Vec<_> = (10..60)
        .map(|number| format!("{number}{}", long(498)))
        .collect();
    body["questions"] = json!(questions);
    body["instructions"] = json!(long(2_000));
    body["metadata"] = json!({ "a": "\"".repeat(5_000) });
    body
}

fn large_job() -> Value {
    let mut body = job();
    body["description"] = json!(long(5_000));
    body["benefits"] = json!(long(5_000));
    let skills: Vec<_> = (0..10)
        .map(|number| format!("{number}{}", "\"".repeat(127)))
        .collect();
    body["requiredSkills"] = json!(skills);
    body["metadata"] = json!({ "a": "\"".repeat(5_000) });
    body
}

/// Four times so many.
async fn make(app: &Arc<TestApp>, key: &Caller, path: &'static str, count: usize, body: &Value) {
    let mut makers = JoinSet::new();
    for _ in 0..4 {
        let (app, key, body) = (Arc::clone(app), key.clone(), body.clone());
        makers.spawn(async move {
            for _ in 0..count {
                let made = app.post(&key, path, &body).await;
                assert_eq!(made.status, 201, "{}", made.body);
            }
        });
    }
    makers.join_all().await;
}

#[tokio::test]
async fn a_page_ends_before_lambda_would_refuse_it_and_goes_on_with_a_cursor() {
    let app = Arc::new(TestApp::calm().await);
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    // Each would be more than 6 MB.
    make(&app, &key, "/agents", 8, &largest_agent()).await;
    check_chain(&app, &acme.owner).await;
    make(&app, &key, "/jobs", 17, &large_job()).await;
    for (path, count, total) in [
        ("/agents?limit=100", 32, json!(32)),
        // The search chooses the rows, and the status is looked up in the objects.
        ("/jobs?limit=100&status=OPEN&q=senior", 68, Value::Null),
    ] {
        let mut ids = Vec::new();
        let mut next = String::new();
        let mut answers = 0;
        loop {
            let listed = app.get(&key, &format!("{path}{next}")).await;
            assert_eq!(listed.status, 200, "{path}: {}", listed.body);
            answers += 1;
            let items = listed.data()["items"].as_array().expect("items");
            assert!(!items.is_empty(), "{path}");
            ids.extend(
                items
                    .iter()
                    .map(|item| item["id"].as_str().expect("an id").to_owned()),
            );
            let pagination = &listed.data()["pagination"];
            assert_eq!(pagination["total"], total, "{path}");
            assert_eq!(pagination["limit"], 100);
            assert_eq!(pagination["page"], Value::Null, "{path}");
            assert_eq!(pagination["hasPreviousPage"], Value::Null, "{path}");
            let cursor = pagination["nextCursor"].as_str();
            assert_eq!(pagination["hasNextPage"], cursor.is_some(), "{path}");
            let Some(cursor) = cursor else { break };
            assert_eq!(pagination["totalPages"], Value::Null, "{path}");
            next = format!("&cursor={cursor}");
        }
        assert!(answers > 1, "{path}");
        assert_eq!(ids.len(), count, "{path}");
        assert!(ids.is_sorted_by(|one, other| one > other), "{path}");
        // The next number's page would not begin where this one ends.
        let numbered = app.get(&key, &format!("{path}&page=1")).await;
        assert_eq!(numbered.status, 400, "{path}");
        assert_eq!(numbered.faults(), ["?limit size"]);
        let short = path.replace("100", "10");
        let numbered = app.get(&key, &format!("{short}&page=2")).await;
        assert_eq!(numbered.status, 200, "{path}: {}", numbered.body);
        assert_eq!(numbered.data()["items"].as_array().map(Vec::len), Some(10));
        assert_eq!(numbered.data()["pagination"]["page"], 2);
    }
}

/// Whose events hold what was made.
async fn check_chain(app: &TestApp, owner: &Caller) {
    app.settle().await;
    let path = "/audit-events?limit=100";
    let numbered = app.get(owner, &format!("{path}&page=1")).await;
    assert_eq!(numbered.faults(), ["?limit size"], "{}", numbered.status);
    let mut seqs = Vec::new();
    let mut next = String::new();
    loop {
        let listed = app.get(owner, &format!("{path}{next}")).await;
        assert_eq!(listed.status, 200, "{}", listed.body);
        let items = listed.data()["items"].as_array().expect("items");
        assert!(!items.is_empty());
        seqs.extend(
            items
                .iter()
                .map(|item| item["seq"].as_u64().expect("a number")),
        );
        match listed.data()["pagination"]["nextCursor"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    assert!(seqs.is_sorted_by(|one, other| *one == other + 1));
    assert_eq!(seqs.last(), Some(&1));
}

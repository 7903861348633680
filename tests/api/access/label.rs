//! The plain request id can be chosen by a client, so it is a label and no identity.

use serde_json::json;
use std::time::Duration;
use tests::{Answer, Caller, Company, Key, TestApp};

const CHOSEN: &str = "11111111-2222-3333-4444-555555555555";
/// Of each of two keys: fewer than the 60 that are kept for a key and minute.
const REFUSED: usize = 35;
const ACCEPTED: usize = 30;

#[tokio::test]
async fn a_request_id_that_a_client_chose_hides_no_refusal_and_loses_no_count() {
    let app = TestApp::start().await;
    let (acme, globex) = (app.company("Acme").await, app.company("Globex").await);
    let scopes = json!({ "scopes": ["read:jobs"] });
    let keys = [
        app.key_with(&acme, scopes.clone()).await,
        app.key_with(&acme, scopes.clone()).await,
    ];
    let theirs = app.key_with(&globex, scopes).await;
    app.next_minute(Duration::ZERO);

    let mut refused = Vec::new();
    for key in &keys {
        for _ in 0..REFUSED {
            refused.push((key, sent(&app, &key.caller, "DELETE", 403).await));
        }
        for _ in 0..ACCEPTED {
            sent(&app, &key.caller, "GET", 200).await;
        }
    }
    let foreign = sent(&app, &theirs.caller, "DELETE", 403).await;
    sent(&app, &theirs.caller, "GET", 200).await;

    let ids: std::collections::HashSet<_> = refused.iter().map(|(_, answer)| id(answer)).collect();
    assert_eq!(
        ids.len(),
        refused.len(),
        "each response has an id of its own"
    );
    let member = app.person("member@acme.example");
    for (key, answer) in &refused {
        let found = app.get(&member, &path(id(answer))).await;
        assert_eq!(found.status, 200, "{}", found.body);
        assert_eq!(found.data()["requestId"], id(answer));
        assert_eq!(found.data()["keyId"], json!(key.id));
        assert_eq!(found.data()["suppressed"], false);
        assert_eq!(found.data()["companyId"], json!(acme.id));
    }

    // What they chose finds a refusal of their own, never another company's.
    let by_label = app.get(&member, &path(CHOSEN)).await;
    assert_eq!(
        by_label.data()["companyId"],
        json!(acme.id),
        "{}",
        by_label.body
    );
    let their_member = app.person("member@globex.example");
    let by_label = app.get(&their_member, &path(CHOSEN)).await;
    assert_eq!(
        by_label.data()["companyId"],
        json!(globex.id),
        "{}",
        by_label.body
    );
    assert_eq!(by_label.data()["keyId"], json!(theirs.id));
    assert_eq!(
        app.get(&their_member, &path(id(&foreign))).await.status,
        200
    );
    assert_eq!(app.get(&member, &path(id(&foreign))).await.status, 404);
    for (_, answer) in &refused {
        assert_eq!(app.get(&their_member, &path(id(answer))).await.status, 404);
    }

    for key in &keys {
        assert_eq!(total(&app, key).await, ACCEPTED as u64);
    }
    assert_eq!(total(&app, &theirs).await, 1);
    app.settle().await;
    assert_eq!(denied(&app, &acme).await, 2 * REFUSED);
    assert_eq!(denied(&app, &globex).await, 1);
}

async fn sent(app: &TestApp, caller: &Caller, method: &str, status: u16) -> Answer {
    let path = if method == "GET" {
        "/jobs"
    } else {
        "/jobs/0190a1b2-c3d4-7000-8000-000000000000"
    };
    let answer = app
        .send(
            caller
                .request(method, path)
                .header("x-amzn-RequestId", CHOSEN),
        )
        .await;
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.header("x-amzn-requestid"), Some(CHOSEN));
    assert_ne!(id(&answer), CHOSEN);
    answer
}

fn id(answer: &Answer) -> &str {
    answer.header("x-request-id").expect("an id")
}

fn path(id: &str) -> String {
    format!("/denials/{}", id.replace('=', "%3D"))
}

async fn total(app: &TestApp, key: &Key) -> u64 {
    app.app()
        .table
        .find_key(key.id)
        .await
        .expect("a store")
        .expect("a key")
        .total
}

/// Refusals in the company's chain.
async fn denied(app: &TestApp, company: &Company) -> usize {
    let mut found = 0;
    let mut cursor = String::new();
    loop {
        let target = format!("/audit-events?limit=100&type=authorization.denied{cursor}");
        let page = app.get(&company.owner, &target).await;
        assert_eq!(page.status, 200, "{}", page.body);
        found += page.data()["items"].as_array().expect("items").len();
        match page.data()["pagination"]["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

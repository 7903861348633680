//! What a company may hold: each rule of the contract at its edge.

use crate::fields::{
    Case, assert_complete, check, email_cases, fault, metadata_cases, text_cases, with,
};
use serde_json::{Value, json};
use tests::TestApp;

/// A company with every field but the one that only a new one has.
fn whole() -> Value {
    json!({
        "name": "Acme",
        "description": "Anvils",
        "metadata": { "atsId": "C-1" },
    })
}

fn cases() -> Vec<Case> {
    let mut cases = metadata_cases();
    cases.extend(text_cases("/name", 2, 100));
    cases.extend(text_cases("/description", 0, 1000));
    cases.extend([
        ("/name", json!("two\nlines"), "/name format"),
        ("/name", json!("a\u{202e}b"), "/name format"),
        ("/name", Value::Null, "/name type"),
        ("/description", json!("two\nlines"), ""),
        ("/description", json!("NUL\0"), "/description format"),
        ("/description", Value::Null, ""),
        ("/plan", json!("SCALE"), "/plan unknown_field"),
        ("/id", json!("x"), "/id unknown_field"),
    ]);
    cases
}

#[test]
fn every_rule_of_the_document_has_its_cases() {
    let all = [cases(), email_cases("/ownerEmail")].concat();
    assert_complete("NewCompany", &whole(), &all, &[]);
}

#[tokio::test]
async fn every_field_keeps_its_rule_at_its_edge_on_create_and_on_patch() {
    let app = TestApp::start().await;
    let key = app.partner("Hirebridge").await.key.caller;
    check(&app, &key, "/companies", &whole(), &json!({}), cases()).await;
}

#[tokio::test]
async fn an_owners_address_is_one_mailbox_and_a_new_companys_alone() {
    let app = TestApp::start().await;
    let key = app.partner("Hirebridge").await.key.caller;
    let made = app.post(&key, "/companies", &whole()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let path = format!("/companies/{}", made.data()["id"].as_str().expect("an id"));
    for (at, value, refused) in email_cases("/ownerEmail") {
        let new = with(&whole(), at, &value);
        let answer = app.post(&key, "/companies", &new).await;
        match refused {
            "" => assert_eq!(answer.status, 201, "{value}: {}", answer.body),
            refused => assert_eq!(answer.faults(), [refused], "{value}"),
        }
        // Write-once, and shown to nobody.
        assert_eq!(answer.data()["ownerEmail"], Value::Null);
        let patch = json!({ "ownerEmail": value });
        let changed = app.patch(&key, &path, &patch).await;
        assert_eq!(changed.faults(), [fault(at, "unknown_field")], "{value}");
    }
    assert_eq!(app.get(&key, &path).await.data(), made.data());
}

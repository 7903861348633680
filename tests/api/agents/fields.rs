//! What an agent may hold: each rule of the contract at its edge.

use crate::fields::{Case, assert_complete, check, metadata_cases, text_cases, word_cases};
use serde_json::{Value, json};
use tests::{TestApp, agent};

const NUMBER: &str = "5a1f3c52-93a1-4c1e-9d0c-0c6f8f3b7a11";

/// An agent with every field.
fn whole() -> Value {
    json!({
        "name": "First conversation",
        "type": "ONLINE",
        "focus": "GENERIC",
        "language": "EN",
        "duration": 20,
        "companyPhoneNumberId": NUMBER,
        "cefrLevel": "B2",
        "instructions": "Be kind.",
        "voiceId": "ALEX",
        "metadata": { "atsId": "A-1" },
        "questions": ["Why?"],
        "backgroundSound": "OFF",
    })
}

fn questions(count: usize) -> Value {
    (0..count)
        .map(|number| format!("Question {number}?"))
        .collect()
}

fn cases() -> Vec<Case> {
    let mut cases = vec![
        ("/name", json!("a\u{202e}b"), "/name format"),
        ("/name", json!("two\nlines"), "/name format"),
        ("/name", Value::Null, "/name type"),
        ("/type", Value::Null, "/type type"),
        ("/language", Value::Null, "/language type"),
        ("/duration", json!(0), "/duration range"),
        ("/duration", json!(1), ""),
        ("/duration", json!(180), ""),
        ("/duration", json!(181), "/duration range"),
        ("/duration", json!(-1), "/duration range"),
        ("/duration", json!(1.5), "/duration type"),
        ("/duration", json!("20"), "/duration type"),
        ("/duration", Value::Null, "/duration type"),
        ("/questions", questions(0), ""),
        ("/questions", questions(50), ""),
        ("/questions", questions(51), "/questions length"),
        ("/questions", json!("Why?"), "/questions type"),
        (
            "/questions",
            json!(["Why?", "Why?"]),
            "/questions/1 duplicate",
        ),
        ("/questions", Value::Null, ""),
        ("/instructions", Value::Null, ""),
        ("/voiceId", Value::Null, ""),
        ("/backgroundSound", Value::Null, ""),
        ("/cefrLevel", Value::Null, ""),
        (
            "/companyPhoneNumberId",
            json!("+4930123"),
            "/companyPhoneNumberId format",
        ),
        (
            "/companyPhoneNumberId",
            json!("5a1f3c5293a14c1e9d0c0c6f8f3b7a11"),
            "/companyPhoneNumberId format",
        ),
        (
            "/companyPhoneNumberId",
            json!(1),
            "/companyPhoneNumberId type",
        ),
        ("/companyPhoneNumberId", Value::Null, ""),
        ("/jobIds", json!([]), "/jobIds unknown_field"),
    ];
    for (at, min, max) in [
        ("/name", 2, 100),
        ("/questions/0", 1, 500),
        ("/instructions", 0, 2000),
    ] {
        cases.extend(text_cases(at, min, max));
    }
    let languages = "EN JA ZH DE HI FR KO PT IT ES ID NL TR FIL PL SV BG RO AR CS EL FI HR MS SK DA TA UK RU HU NO VI";
    let voices = "ALEX PETER MIRIAM SUE VIERA CASANDRA SILVIA MICHAEL LUKE EMMA SARAH EVA";
    for (at, words) in [
        ("/type", "ONLINE PHONE"),
        ("/focus", "GENERIC SCREENING OUTREACH LANGUAGE_TEST"),
        ("/language", languages),
        ("/cefrLevel", "A1 A2 B1 B2 C1 C2"),
        ("/voiceId", voices),
        ("/backgroundSound", "OFFICE OFF"),
    ] {
        cases.extend(word_cases(at, words));
    }
    cases.extend(metadata_cases());
    cases
}

#[test]
fn every_rule_of_the_document_has_its_cases() {
    assert_complete("NewAgent", &whole(), &cases(), &[]);
}

#[tokio::test]
async fn every_field_keeps_its_rule_at_its_edge_on_create_and_on_patch() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let nulls = json!({ "questions": [], "backgroundSound": "OFFICE" });
    check(&app, &key, "/agents", &whole(), &nulls, cases()).await;
}

#[tokio::test]
async fn a_phone_agent_needs_a_number_and_a_language_test_a_level_also_after_a_patch() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    for (kind, field, value, fault) in [
        (
            json!({ "type": "PHONE" }),
            "companyPhoneNumberId",
            NUMBER,
            "/companyPhoneNumberId required",
        ),
        (
            json!({ "focus": "LANGUAGE_TEST" }),
            "cefrLevel",
            "A1",
            "/cefrLevel required",
        ),
    ] {
        let with = |more: &[&Value]| {
            let mut body = agent();
            for (name, value) in more
                .iter()
                .flat_map(|more| more.as_object().expect("fields"))
            {
                body[name] = value.clone();
            }
            body
        };
        let (given, none) = (json!({ field: value }), json!({ field: null }));
        for bad in [with(&[&kind]), with(&[&kind, &none])] {
            assert_eq!(app.post(&key, "/agents", &bad).await.faults(), [fault]);
        }
        // Beside another fault, too.
        let mut bad = with(&[&kind]);
        bad["duration"] = json!(0);
        let faults = app.post(&key, "/agents", &bad).await.faults();
        assert_eq!(faults, ["/duration range", fault]);

        let made = app.post(&key, "/agents", &with(&[])).await;
        let path = format!("/agents/{}", made.data()["id"].as_str().expect("an id"));
        assert_eq!(app.patch(&key, &path, &kind).await.faults(), [fault]);
        assert_eq!(app.get(&key, &path).await.data(), made.data());
        let mut both = kind.clone();
        both[field] = json!(value);
        assert_eq!(app.patch(&key, &path, &both).await.status, 200);
        assert_eq!(app.patch(&key, &path, &none).await.faults(), [fault]);
        assert_eq!(app.patch(&key, &path, &given).await.status, 200);
        let made = app.post(&key, "/agents", &with(&[&kind, &given])).await;
        assert_eq!(made.status, 201, "{}", made.body);
    }
}

#[tokio::test]
async fn a_new_agent_without_its_required_fields_is_refused_and_with_them_alone_accepted() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let none = app.post(&key, "/agents", &json!({})).await;
    let required = ["name", "type", "focus", "language", "duration"];
    assert_eq!(
        none.faults(),
        required.map(|name| format!("/{name} required"))
    );
    let made = app.post(&key, "/agents", &agent()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let mut expected = agent();
    expected["questions"] = json!([]);
    expected["backgroundSound"] = json!("OFFICE");
    let mut found = made.data().clone();
    let found = found.as_object_mut().expect("an object");
    for common in ["id", "companyId", "version", "createdAt", "updatedAt"] {
        assert!(found.remove(common).is_some(), "{common}");
    }
    assert_eq!(json!(found), expected);
}

//! What an agent may hold: each rule of contract §5 at its edge.

use crate::fields::{Case, check, emoji, metadata_cases, text};
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
        ("/name", text(1), "/name length"),
        ("/name", text(2), ""),
        ("/name", text(100), ""),
        ("/name", emoji(100), ""),
        ("/name", text(101), "/name length"),
        ("/name", json!("a\u{202e}b"), "/name format"),
        ("/name", json!("two\nlines"), "/name format"),
        ("/name", Value::Null, "/name type"),
        ("/type", json!("PHONE"), ""),
        ("/type", json!("online"), "/type enum"),
        ("/type", Value::Null, "/type type"),
        ("/focus", json!("LANGUAGE_TEST"), ""),
        ("/focus", json!("SCREENING"), ""),
        ("/focus", json!("OUTREACH"), ""),
        ("/focus", json!("SALES"), "/focus enum"),
        ("/language", json!("en"), "/language enum"),
        ("/language", json!("XX"), "/language enum"),
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
        ("/questions/0", text(0), "/questions/0 length"),
        ("/questions/0", text(1), ""),
        ("/questions/0", text(500), ""),
        ("/questions/0", emoji(500), ""),
        ("/questions/0", text(501), "/questions/0 length"),
        ("/questions/0", json!(1), "/questions/0 type"),
        ("/questions", json!("Why?"), "/questions type"),
        ("/questions", Value::Null, ""),
        ("/instructions", text(0), ""),
        ("/instructions", text(2000), ""),
        ("/instructions", text(2001), "/instructions length"),
        ("/instructions", Value::Null, ""),
        ("/voiceId", json!("alex"), "/voiceId enum"),
        ("/voiceId", Value::Null, ""),
        ("/backgroundSound", json!("OFFICE"), ""),
        ("/backgroundSound", json!("BEACH"), "/backgroundSound enum"),
        ("/backgroundSound", Value::Null, ""),
        ("/cefrLevel", json!("C2"), ""),
        ("/cefrLevel", json!("C3"), "/cefrLevel enum"),
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
    for language in "EN JA ZH DE HI FR KO PT IT ES ID NL TR FIL PL SV BG RO AR CS EL FI HR MS SK DA TA UK RU HU NO VI"
        .split(' ')
    {
        cases.push(("/language", json!(language), ""));
    }
    for voice in
        "ALEX PETER MIRIAM SUE VIERA CASANDRA SILVIA MICHAEL LUKE EMMA SARAH EVA".split(' ')
    {
        cases.push(("/voiceId", json!(voice), ""));
    }
    cases.extend(metadata_cases());
    cases
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

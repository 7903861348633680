//! Reading and setting what an owner wants to hear of.

use serde_json::{Value, json};
use tests::{Answer, Caller, TestApp};

const PATH: &str = "/alert-settings";

async fn put(app: &TestApp, caller: &Caller, body: &Value) -> Answer {
    app.send(caller.request("PUT", PATH).json(body)).await
}

#[tokio::test]
async fn settings_stand_until_they_are_set_as_a_whole() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let first = app.get(&acme.member, PATH).await;
    assert_eq!((first.status, first.header("etag")), (200, Some("\"0\"")));
    let expected = json!({
        "companyId": acme.id,
        "disabled": [],
        "volumeFactor": 5,
        "version": 0,
    });
    assert_eq!(*first.data(), expected);

    let body = json!({
        "disabled": ["ALERT_WOKE", "ALERT_VOLUME"],
        "recipients": ["Member@acme.example"],
        "volumeFactor": 12,
    });
    let set = put(&app, &acme.admin, &body).await;
    assert_eq!(
        (set.status, set.header("etag")),
        (200, Some("\"1\"")),
        "{}",
        set.body
    );
    let read = app.get(&acme.member, PATH).await;
    assert_eq!(read.data(), set.data());
    for (field, value) in body.as_object().expect("an object") {
        assert_eq!(read.data()[field], *value);
    }
    // The same again changes nothing; less is less.
    let again = put(&app, &acme.admin, &body).await;
    assert_eq!(again.header("etag"), Some("\"1\""));
    let empty = put(&app, &acme.owner, &json!({})).await;
    assert_eq!(empty.data()["disabled"], json!([]));
    assert_eq!(empty.data().get("recipients"), None);
    assert_eq!(empty.data()["volumeFactor"], 5);

    let stale = acme.admin.request("PUT", PATH).header("if-match", "\"1\"");
    let stale = app.send(stale.json(&body)).await;
    assert_eq!(stale.code(), "RESOURCE_CONFLICT");
    let fresh = acme.admin.request("PUT", PATH).header("if-match", "\"2\"");
    assert_eq!(app.send(fresh.json(&body)).await.status, 200);
}

#[tokio::test]
async fn every_bad_setting_is_named() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    app.company("Globex").await;
    let many: Vec<_> = (0..21).map(|one| format!("p{one}@acme.example")).collect();
    for (body, fault) in [
        (json!({ "volumeFactor": 1 }), "/volumeFactor range"),
        (json!({ "volumeFactor": 101 }), "/volumeFactor range"),
        (json!({ "recipients": many }), "/recipients length"),
        (json!({ "recipients": ["nobody"] }), "/recipients/0 format"),
        (
            json!({ "recipients": ["member@acme.example", "owner@globex.example"] }),
            "/recipients/1 not_found",
        ),
        (
            json!({ "disabled": ["API_KEY_EXPIRED"] }),
            "/disabled/0 enum",
        ),
        (
            json!({ "disabled": ["ALERT_WOKE", "ALERT_WOKE"] }),
            "/disabled/1 duplicate",
        ),
        (json!({ "enabled": [] }), "/enabled unknown_field"),
    ] {
        let answer = put(&app, &acme.admin, &body).await;
        assert_eq!(answer.faults(), [fault], "{body}");
    }
    let member = put(&app, &acme.member, &json!({})).await;
    assert_eq!(
        (member.status, member.code()),
        (403, "INSUFFICIENT_PERMISSIONS")
    );
}

#[tokio::test]
async fn a_change_of_settings_is_an_event_that_names_no_address() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let hirebridge = app.partner("Hirebridge").await;
    for owner in [&acme.owner, &hirebridge.owner] {
        let told = async || {
            app.settle().await;
            let path = "/audit-events?type=company.alert_settings_changed";
            let answer = app.get(owner, path).await;
            answer.data()["items"].as_array().expect("items").clone()
        };
        let first = json!({ "disabled": ["ALERT_WOKE"], "recipients": [] });
        assert_eq!(put(&app, owner, &first).await.status, 200);
        let events = told().await;
        let expected = json!([
            { "field": "disabled", "before": [], "after": ["ALERT_WOKE"] },
            { "field": "recipients" },
        ]);
        assert_eq!((events.len(), &events[0]["changes"]), (1, &expected));
        assert_eq!(events[0]["actor"]["kind"], "USER");
        assert_eq!(events[0]["operation"], "SetAlertSettings");

        let who = app.get(owner, "/members").await.data()["items"][0]["email"].clone();
        let second = json!({ "recipients": [who], "volumeFactor": 9 });
        assert_eq!(put(&app, owner, &second).await.status, 200);
        // The same again is no change.
        assert_eq!(put(&app, owner, &second).await.status, 200);
        let events = told().await;
        let expected = json!([
            { "field": "disabled", "before": ["ALERT_WOKE"], "after": [] },
            { "field": "recipients" },
            { "field": "volumeFactor", "before": 5, "after": 9 },
        ]);
        assert_eq!((events.len(), &events[0]["changes"]), (2, &expected));
        let address = who.as_str().expect("an address");
        assert!(!json!(events).to_string().contains(address), "{events:?}");
    }
}

//! What a candidate may hold: each rule of the contract at its edge.

use crate::fields::{
    Case, assert_complete, check, email_cases, fault, metadata_cases, text_cases, word_cases,
};
use serde_json::{Value, json};
use std::time::Duration;
use tests::{TestApp, candidate};

/// A candidate with every field.
fn whole() -> Value {
    json!({
        "firstName": "Ada",
        "lastName": "Lovelace",
        "email": "ada@candidates.example",
        "phoneNumber": "+4915112345678",
        "gdprExpiryDate": "2099-12-31",
        "jobIds": [],
        "status": "APPLIED",
        "metadata": { "atsId": "C-1" },
    })
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for name in ["/firstName", "/lastName"] {
        cases.extend(text_cases(name, 1, 100));
        cases.extend([
            (name, json!("Ada\u{0}"), fault(name, "format")),
            (name, json!("Ada\u{202e}"), fault(name, "format")),
            (name, Value::Null, fault(name, "type")),
        ]);
    }
    cases.extend(word_cases(
        "/status",
        "APPLIED IN_PROCESS REJECTED ACCEPTED",
    ));
    let jobs = |count: usize| -> Value {
        let id = |number| format!("01890a5d-ac96-774b-bcce-b302099a{number:04}");
        (0..count).map(id).collect()
    };
    cases.extend([
        ("/status", Value::Null, ""),
        ("/phoneNumber", json!("+12"), ""),
        ("/phoneNumber", json!("+1"), "/phoneNumber format"),
        ("/phoneNumber", json!("+123456789012345"), ""),
        (
            "/phoneNumber",
            json!("+1234567890123456"),
            "/phoneNumber format",
        ),
        ("/phoneNumber", json!("+0123456789"), "/phoneNumber format"),
        (
            "/phoneNumber",
            json!("4915112345678"),
            "/phoneNumber format",
        ),
        ("/phoneNumber", json!("+49 151 1234"), "/phoneNumber format"),
        (
            "/phoneNumber",
            json!("+49\u{661}1234"),
            "/phoneNumber format",
        ),
        ("/phoneNumber", json!(49), "/phoneNumber type"),
        ("/phoneNumber", Value::Null, ""),
        ("/gdprExpiryDate", json!("9999-12-31"), ""),
        ("/gdprExpiryDate", json!("2028-02-29"), ""),
        (
            "/gdprExpiryDate",
            json!("2027-02-29"),
            "/gdprExpiryDate format",
        ),
        ("/gdprExpiryDate", json!("2096-02-29"), ""),
        ("/gdprExpiryDate", json!("2097-02-28"), ""),
        (
            "/gdprExpiryDate",
            json!("2097-02-29"),
            "/gdprExpiryDate format",
        ),
        // No leap year, though 4 divides it.
        (
            "/gdprExpiryDate",
            json!("2100-02-29"),
            "/gdprExpiryDate format",
        ),
        (
            "/gdprExpiryDate",
            json!("2000-02-29"),
            "/gdprExpiryDate future",
        ),
        (
            "/gdprExpiryDate",
            json!("2099-13-01"),
            "/gdprExpiryDate format",
        ),
        (
            "/gdprExpiryDate",
            json!("2099-1-01"),
            "/gdprExpiryDate format",
        ),
        (
            "/gdprExpiryDate",
            json!("2099-12-31T00:00:00Z"),
            "/gdprExpiryDate format",
        ),
        ("/gdprExpiryDate", json!(20991231), "/gdprExpiryDate type"),
        ("/gdprExpiryDate", Value::Null, "/gdprExpiryDate type"),
        ("/jobIds", json!([]), ""),
        ("/jobIds", Value::Null, ""),
        ("/jobIds", json!("x"), "/jobIds type"),
        // Whether there are such jobs is another question, and so is 20 of them.
        ("/jobIds", jobs(21), "/jobIds length"),
        (
            "/jobIds",
            json!([jobs(1)[0], jobs(1)[0]]),
            "/jobIds/1 duplicate",
        ),
        ("/jobIds", json!(["x"]), "/jobIds/0 format"),
        ("/jobIds", json!([7]), "/jobIds/0 type"),
        ("/overallRating", json!(50), "/overallRating unknown_field"),
        ("/interviewCount", json!(1), "/interviewCount unknown_field"),
    ]);
    cases.extend(email_cases("/email"));
    cases.extend(metadata_cases());
    cases
}

#[test]
fn every_rule_of_the_document_has_its_cases() {
    // 20 jobs that there are: `relations`.
    let elsewhere = ["/jobIds: most elements: accepted"];
    assert_complete("NewCandidate", &whole(), &cases(), &elsewhere);
}

#[tokio::test]
async fn every_field_keeps_its_rule_at_its_edge_on_create_and_on_patch() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let nulls = json!({ "jobIds": [], "status": "APPLIED" });
    check(&app, &key, "/candidates", &whole(), &nulls, cases()).await;
}

#[tokio::test]
async fn one_way_to_reach_a_candidate_is_enough_and_the_last_one_cannot_be_cleared() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let mut none = candidate();
    none["email"] = Value::Null;
    assert_eq!(
        app.post(&key, "/candidates", &none).await.faults(),
        ["/email required"]
    );
    let mut phone = none.clone();
    phone["phoneNumber"] = json!("+4915112345678");
    let made = app.post(&key, "/candidates", &phone).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let path = format!("/candidates/{}", made.data()["id"].as_str().expect("an id"));
    let clear = json!({ "phoneNumber": null });
    assert_eq!(
        app.patch(&key, &path, &clear).await.faults(),
        ["/email required"]
    );
    assert_eq!(app.get(&key, &path).await.data(), made.data());
    let swap = json!({ "phoneNumber": null, "email": "ada@candidates.example" });
    let swapped = app.patch(&key, &path, &swap).await;
    assert_eq!(swapped.status, 200, "{}", swapped.body);
    assert_eq!(swapped.data()["phoneNumber"], Value::Null);
}

#[tokio::test]
async fn the_expiry_date_is_judged_by_the_day_in_utc_beside_all_other_faults() {
    let app = TestApp::start().await;
    // The last second of a 28 February of a leap year.
    let at: model::Timestamp = "2028-02-28T23:59:59.000Z".parse().expect("an instant");
    let ahead = at.since(app.now()).num_milliseconds();
    app.advance(Duration::from_millis(ahead.unsigned_abs()));
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let dated = |date: &str| {
        let mut body = candidate();
        body["gdprExpiryDate"] = json!(date);
        body
    };
    let faults = async |body: &Value| app.post(&key, "/candidates", body).await.faults();
    for past in ["2028-02-28", "2028-02-27", "1999-12-31"] {
        assert_eq!(
            faults(&dated(past)).await,
            ["/gdprExpiryDate future"],
            "{past}"
        );
    }
    let tomorrow = app.post(&key, "/candidates", &dated("2028-02-29")).await;
    assert_eq!(tomorrow.status, 201, "{}", tomorrow.body);

    let mut bad = dated("2028-02-28");
    bad["lastName"] = json!("");
    bad["nonsense"] = json!(1);
    let mut found = faults(&bad).await;
    found.sort();
    assert_eq!(
        found,
        [
            "/gdprExpiryDate future",
            "/lastName length",
            "/nonsense unknown_field"
        ]
    );
    let later = app.post(&key, "/candidates", &dated("2028-03-01")).await;
    let path = format!(
        "/candidates/{}",
        later.data()["id"].as_str().expect("an id")
    );
    let patch = json!({ "gdprExpiryDate": "2028-02-28", "firstName": 1 });
    let mut found = app.patch(&key, &path, &patch).await.faults();
    found.sort();
    assert_eq!(found, ["/firstName type", "/gdprExpiryDate future"]);

    // Midnight: what was tomorrow is no longer in the future, and who had it is gone.
    app.advance(Duration::from_secs(2));
    assert_eq!(
        faults(&dated("2028-02-29")).await,
        ["/gdprExpiryDate future"]
    );
    let gone = format!(
        "/candidates/{}",
        tomorrow.data()["id"].as_str().expect("an id")
    );
    assert_eq!(app.get(&key, &gone).await.code(), "RESOURCE_NOT_FOUND");
    // A change that says nothing of the date is not judged by it.
    let renamed = app
        .patch(&key, &path, &json!({ "firstName": "Augusta" }))
        .await;
    assert_eq!(renamed.status, 200, "{}", renamed.body);
}

#[tokio::test]
async fn a_new_candidate_without_its_required_fields_is_refused_and_with_them_alone_accepted() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let none = app.post(&key, "/candidates", &json!({})).await;
    let required = ["firstName", "lastName", "gdprExpiryDate", "email"];
    assert_eq!(
        none.faults(),
        required.map(|name| format!("/{name} required"))
    );
    let made = app.post(&key, "/candidates", &candidate()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let mut expected = candidate();
    expected["jobIds"] = json!([]);
    expected["status"] = json!("APPLIED");
    expected["interviewCount"] = json!(0);
    let mut found = made.data().clone();
    let found = found.as_object_mut().expect("an object");
    for common in ["id", "companyId", "version", "createdAt", "updatedAt"] {
        assert!(found.remove(common).is_some(), "{common}");
    }
    assert_eq!(json!(found), expected);
}

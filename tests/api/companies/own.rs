//! A STANDARD key: its own company, to read and to change.

use routes::Scope;
use serde_json::{Value, json};
use tests::{Caller, TestApp};

async fn events(app: &TestApp, owner: &Caller) -> Vec<Value> {
    app.settle().await;
    let answer = app
        .get(owner, "/audit-events?type=company.updated&limit=100")
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.data()["items"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn a_standard_key_lists_reads_and_changes_its_own_company() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    app.company("Globex").await;
    let key = app.key_with(&acme, json!({})).await;
    let path = format!("/companies/{}", acme.id);

    let read = app.get(&key.caller, &path).await;
    assert_eq!(read.status, 200, "{}", read.body);
    assert_eq!(read.header("etag"), Some("\"1\""));
    let company = read.data().clone();
    assert_eq!(company["id"], acme.id.to_string());
    assert_eq!(company["companyId"], company["id"]);
    assert_eq!(
        (&company["name"], &company["plan"], &company["version"]),
        (&json!("Acme"), &json!("ENTERPRISE"), &json!(1))
    );
    let listed = app.get(&key.caller, "/companies").await;
    assert_eq!(listed.data()["items"], json!([company]));
    let pagination = &listed.data()["pagination"];
    assert_eq!(
        (&pagination["total"], &pagination["hasNextPage"]),
        (&json!(1), &json!(false))
    );
    let beyond = app.get(&key.caller, "/companies?page=2").await;
    assert_eq!(beyond.data()["items"], json!([]));

    let patch = json!({ "description": "Anvils", "metadata": { "a": 1 } });
    let changed = app.patch(&key.caller, &path, &patch).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(changed.header("etag"), Some("\"2\""));
    assert_eq!(changed.data()["description"], "Anvils");
    assert_eq!(changed.data()["plan"], "ENTERPRISE");
    assert_eq!(app.get(&key.caller, &path).await.data(), changed.data());
    // What changes nothing writes nothing.
    let same = app.patch(&key.caller, &path, &patch).await;
    assert_eq!(same.data(), changed.data());
    let cleared = app
        .patch(&key.caller, &path, &json!({ "description": null }))
        .await;
    assert_eq!(cleared.data().get("description"), None);
    assert_eq!(cleared.data()["version"], 3);

    let old = key
        .caller
        .request("PATCH", &path)
        .header("if-match", "\"2\"")
        .json(&json!({ "name": "Other" }));
    let refused = app.send(old).await;
    assert_eq!(
        (refused.status, &refused.details()["reason"]),
        (409, &json!("VERSION"))
    );

    let events = events(&app, &acme.owner).await;
    assert_eq!(events.len(), 2);
    assert_eq!(events[1]["actor"]["id"], key.id.to_string());
    let fields: Vec<_> = events[1]["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .map(|change| change["field"].as_str().expect("a name"))
        .collect();
    assert_eq!(fields, ["description", "metadata"]);
}

#[tokio::test]
async fn what_is_not_the_clients_to_set_is_refused() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await;
    let path = format!("/companies/{}", acme.id);
    for (patch, fault) in [
        (json!({ "plan": "SCALE" }), "/plan unknown_field"),
        (
            json!({ "ownerEmail": "a@b.example" }),
            "/ownerEmail unknown_field",
        ),
        (json!({ "id": "x" }), "/id unknown_field"),
        (json!({ "name": "A" }), "/name length"),
        (json!({ "name": "A".repeat(101) }), "/name length"),
        (json!({ "name": null }), "/name type"),
        (
            json!({ "description": "d".repeat(1001) }),
            "/description length",
        ),
    ] {
        let answer = app.patch(&key.caller, &path, &patch).await;
        assert_eq!(
            (answer.status, answer.faults()),
            (400, vec![fault.to_owned()]),
            "{patch}"
        );
    }
    for patch in [
        json!({ "name": "Ab" }),
        json!({ "name": "é".repeat(100) }),
        json!({ "description": "d".repeat(1000) }),
    ] {
        let answer = app.patch(&key.caller, &path, &patch).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

#[tokio::test]
async fn a_standard_key_makes_no_company() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    for key in [
        app.key_with(&acme, json!({})).await,
        app.key(&acme, [Scope::ReadJobs]).await,
    ] {
        let answer = app
            .post(&key.caller, "/companies", &json!({ "name": "Mine" }))
            .await;
        assert_eq!(
            (answer.status, answer.code(), answer.details()),
            (
                403,
                "INSUFFICIENT_PERMISSIONS",
                &json!({ "requiredCredential": "ATS_KEY" })
            )
        );
    }
}

#[tokio::test]
async fn writers_at_once_lose_no_change() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let path = format!("/companies/{}", acme.id);
    let name = json!({ "name": "Acme Two" });
    let description = json!({ "description": "Anvils" });
    let (one, two) = tokio::join!(
        app.patch(&key, &path, &name),
        app.patch(&key, &path, &description),
    );
    assert_eq!((one.status, two.status), (200, 200));
    let company = app.get(&key, &path).await;
    assert_eq!(
        (&company.data()["name"], &company.data()["description"]),
        (&json!("Acme Two"), &json!("Anvils"))
    );
    assert_eq!(company.data()["version"], 3);
}

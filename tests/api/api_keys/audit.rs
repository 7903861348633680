//! What the company's chain says of keys, requests and jobs.

use super::{act, secret};
use serde_json::{Value, json};
use tests::{Answer, Caller, TestApp, job};

/// The company's whole chain, oldest first, with the raw answers.
async fn chain(app: &TestApp, caller: &Caller) -> (Vec<Value>, Vec<u8>) {
    app.settle().await;
    let (mut events, mut bytes) = (Vec::new(), Vec::new());
    let mut next = String::new();
    loop {
        let page = app
            .get(caller, &format!("/audit-events?limit=100{next}"))
            .await;
        assert_eq!(page.status, 200, "{}", page.body);
        bytes.extend(&page.raw.body);
        events.extend(page.data()["items"].as_array().expect("items").clone());
        match page.data()["pagination"]["nextCursor"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    events.reverse();
    (events, bytes)
}

fn of<'e>(events: &'e [Value], kind: &str) -> Vec<&'e Value> {
    events
        .iter()
        .filter(|event| event["type"] == kind)
        .collect()
}

/// Who, from where, in which request, by which operation.
fn assert_facts(event: &Value, answer: &Answer, actor: &Value, operation: &str) {
    assert_eq!(&event["actor"], actor, "{event}");
    assert_eq!(
        event["requestId"].as_str(),
        answer.header("x-request-id"),
        "{event}"
    );
    assert_eq!(event["operation"], operation, "{event}");
    assert_eq!(event["sourceIp"], "203.0.113.9", "{event}");
    assert_eq!(event["outcome"], "SUCCESS", "{event}");
}

#[tokio::test]
async fn every_change_of_a_key_is_an_event_with_its_facts_and_no_secret_in_any() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let owner = acme.owner.from_address("203.0.113.9");
    let person = app.get(&owner, "/whoami").await.data()["id"].clone();
    let actor = json!({ "kind": "USER", "id": person });
    let body = json!({ "name": "Import", "scopes": ["read:jobs", "write:jobs"] });
    let made = app.post(&owner, "/api-keys", &body).await;
    let plain = Caller::with(made.data()["key"].as_str().expect("a key"));
    let id: model::KeyId = made.data()["id"]
        .as_str()
        .expect("an id")
        .parse()
        .expect("an id");
    let key = tests::Key {
        id,
        caller: plain.clone(),
    };
    let path = format!("/api-keys/{id}");
    let cut = app
        .patch(&owner, &path, &json!({ "scopes": ["read:jobs"] }))
        .await;
    let two = json!({ "name": "Renamed", "allowedIPs": ["198.51.100.0/24"] });
    let two = app.patch(&owner, &path, &two).await;
    let expires = super::from_now(&app, std::time::Duration::from_secs(3600));
    let expiring = app
        .patch(&owner, &path, &json!({ "expiresAt": expires }))
        .await;
    let suspend = app
        .post(
            &owner,
            &format!("{path}/suspend"),
            &json!({ "reason": "A leak?" }),
        )
        .await;
    // Neither the same again nor what is refused is an event.
    act(&app, &owner, &key, "suspend").await;
    app.patch(&owner, &path, &json!({ "name": "Renamed" }))
        .await;
    app.patch(&owner, &path, &json!({ "name": "" })).await;
    let resume = act(&app, &owner, &key, "resume").await;
    let revoke = act(&app, &owner, &key, "revoke").await;
    assert_eq!(act(&app, &owner, &key, "resume").await.status, 409);

    let (events, bytes) = chain(&app, &acme.member).await;
    let keys: Vec<_> = events
        .iter()
        .filter(|event| {
            event["type"]
                .as_str()
                .is_some_and(|kind| kind.starts_with("api_key."))
        })
        .collect();
    let change = |field: &str, before: Value, after: Value| {
        let mut change = json!({ "field": field });
        for (name, value) in [("before", before), ("after", after)] {
            if !value.is_null() {
                change[name] = value;
            }
        }
        change
    };
    let none = Value::Null;
    let expected = [
        (
            "api_key.created",
            &made,
            "CreateApiKey",
            json!([
                change("name", none.clone(), json!("Import")),
                change("scopes", none.clone(), json!(["read:jobs", "write:jobs"])),
            ]),
        ),
        (
            "api_key.scopes_changed",
            &cut,
            "UpdateApiKey",
            json!([change(
                "scopes",
                json!(["read:jobs", "write:jobs"]),
                json!(["read:jobs"])
            )]),
        ),
        (
            "api_key.renamed",
            &two,
            "UpdateApiKey",
            json!([change("name", json!("Import"), json!("Renamed"))]),
        ),
        (
            "api_key.allowlist_changed",
            &two,
            "UpdateApiKey",
            json!([change(
                "allowedIPs",
                none.clone(),
                json!(["198.51.100.0/24"])
            )]),
        ),
        (
            "api_key.expiry_changed",
            &expiring,
            "UpdateApiKey",
            json!([change("expiresAt", none, json!(expires))]),
        ),
        (
            "api_key.suspended",
            &suspend,
            "SuspendApiKey",
            json!([change("state", json!("ACTIVE"), json!("SUSPENDED"))]),
        ),
        (
            "api_key.resumed",
            &resume,
            "ResumeApiKey",
            json!([change("state", json!("SUSPENDED"), json!("ACTIVE"))]),
        ),
        (
            "api_key.revoked",
            &revoke,
            "RevokeApiKey",
            json!([change("state", json!("ACTIVE"), json!("REVOKED"))]),
        ),
    ];
    assert_eq!(keys.len(), expected.len(), "{keys:#?}");
    for (event, (kind, answer, operation, changes)) in keys.into_iter().zip(expected) {
        assert_eq!(event["type"], kind);
        assert_eq!(event["keyId"], json!(id), "{kind}");
        assert_eq!(
            event["owner"],
            json!({ "kind": "COMPANY", "id": acme.id }),
            "{kind}"
        );
        assert_eq!(event["changes"], changes, "{kind}");
        let reason = (kind == "api_key.suspended").then_some("A leak?");
        assert_eq!(event["reason"].as_str(), reason, "{kind}");
        assert_facts(event, answer, &actor, operation);
    }
    let text = String::from_utf8(bytes).expect("UTF-8");
    let credential = plain.credential.as_deref().expect("a key");
    for part in [
        secret(&plain),
        &credential[13..24],
        &credential[24..35],
        &credential[35..40],
    ] {
        assert!(
            !text.contains(part),
            "a part of the secret stands in an event"
        );
    }
    for word in ["hmac", "nonce", "generation"] {
        assert!(!text.contains(word), "{word}");
    }
}

#[tokio::test]
async fn every_accepted_request_and_every_change_of_a_job_is_one_event() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await;
    let caller = key.caller.from_address("203.0.113.9");
    let mut accepted = Vec::new();
    let made = app.post(&caller, "/jobs", &job()).await;
    let path = format!("/jobs/{}", made.data()["id"].as_str().expect("an id"));
    let changed = app
        .patch(&caller, &path, &json!({ "title": "Another title" }))
        .await;
    accepted.extend([(&made, "CreateJob"), (&changed, "UpdateJob")]);
    let read = app.get(&caller, &path).await;
    let list = app.get(&caller, "/jobs").await;
    let same = app
        .patch(&caller, &path, &json!({ "title": "Another title" }))
        .await;
    let refused = app.post(&caller, "/jobs", &json!({})).await;
    let deleted = app.delete(&caller, &path).await;
    let gone = app.delete(&caller, &path).await;
    assert_eq!((refused.status, gone.status), (400, 404));
    accepted.extend([
        (&read, "GetJob"),
        (&list, "ListJobs"),
        (&same, "UpdateJob"),
        (&refused, "CreateJob"),
        (&deleted, "DeleteJob"),
        (&gone, "DeleteJob"),
    ]);
    // Refused by the authorizer: no accepted request.
    let wrong = format!(
        "/jobs?companyId={}",
        model::CompanyId::new(app.now(), [7; 10])
    );
    assert_eq!(app.get(&caller, &wrong).await.status, 403);

    let (events, bytes) = chain(&app, &acme.owner).await;
    let actor = json!({ "kind": "KEY", "id": key.id });
    let succeeded: Vec<_> = of(&events, "authentication.succeeded")
        .into_iter()
        .filter(|event| event["actor"] == actor)
        .collect();
    assert_eq!(succeeded.len(), accepted.len());
    for (answer, operation) in accepted {
        let id = answer.header("x-request-id");
        let event = succeeded
            .iter()
            .find(|event| event["requestId"].as_str() == id);
        let event = event.unwrap_or_else(|| panic!("no event of {operation}"));
        assert_facts(event, answer, &actor, operation);
        assert_eq!(event["keyId"], json!(key.id));
        let credential = key.caller.credential.as_deref().expect("a key");
        assert_eq!(event["secretSuffix"], credential[42..]);
        assert_eq!(event["companyId"], json!(acme.id));
    }
    let denied = of(&events, "authorization.denied");
    assert_eq!(denied.len(), 1);
    assert_eq!(
        (&denied[0]["reason"], &denied[0]["outcome"]),
        (&json!("COMPANY"), &json!("REFUSED"))
    );

    let jobs: Vec<_> = events
        .iter()
        .filter(|event| {
            event["type"]
                .as_str()
                .is_some_and(|kind| kind.starts_with("job."))
        })
        .collect();
    let expected = [
        ("job.created", &made, "CreateJob"),
        ("job.updated", &changed, "UpdateJob"),
        ("job.deleted", &deleted, "DeleteJob"),
    ];
    assert_eq!(jobs.len(), expected.len(), "{jobs:#?}");
    for (event, (kind, answer, operation)) in jobs.iter().zip(expected) {
        assert_eq!(event["type"], kind);
        assert_facts(event, answer, &actor, operation);
    }
    assert_eq!(
        jobs[1]["changes"],
        json!([{ "field": "title", "before": job()["title"], "after": "Another title" }])
    );
    let text = String::from_utf8(bytes).expect("UTF-8");
    assert!(!text.contains(secret(&key.caller)));
    // Numbered from 1 without a gap.
    let seqs: Vec<_> = events
        .iter()
        .filter_map(|event| event["seq"].as_u64())
        .collect();
    assert_eq!(seqs, (1..=events.len() as u64).collect::<Vec<_>>());
    assert_eq!(of(&events, "audit.gap").len(), 0);
}

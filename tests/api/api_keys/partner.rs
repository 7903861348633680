//! An ATS key: its owner is a partner, and it acts in no company of its own.

use base64::prelude::{BASE64_STANDARD, Engine};
use model::{KeyId, KeyKind, KeyState, Owner, PartnerId};
use serde_json::{Value, json};
use tests::{Caller, Key, TestApp};

#[tokio::test]
async fn an_ats_key_revokes_itself() {
    let app = TestApp::start().await;
    let (key, owner) = ats_key(&app).await;
    let who = app.get(&key.caller, "/whoami").await;
    assert_eq!(who.status, 200, "{}", who.body);
    let request = key.caller.request("POST", "/api-keys/self/revoke");
    let request = request
        .header("idempotency-key", "once")
        .json(&json!({ "reason": "Found in a log" }));
    let answer = app.send(request).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.data()["status"], "REVOKED");
    assert_eq!(app.get(&key.caller, "/whoami").await.status, 401);

    let row = app.app().table.find_key(key.id).await;
    let row = row.expect("a read").expect("a row");
    assert_eq!(
        (row.facts.state, row.facts.owner),
        (KeyState::Revoked, owner)
    );
    assert_eq!(row.changed.actor.id, key.id.to_string());
    assert_eq!(row.changed.reason.as_deref(), Some("Found in a log"));
    // The streams' consumer takes it for a partner's.
    app.settle().await;
}

/// Partners have no routes yet, so the row of a company's key is made a partner's.
async fn ats_key(app: &TestApp) -> (Key, Owner) {
    let acme = app.company("Acme").await;
    let model = app.key_with(&acme, json!({})).await;
    let table = &app.app().table.names().keys;
    let call = |operation: &str, body: Value| {
        let target = format!("DynamoDB_20120810.{operation}");
        let (status, answer) = app
            .system
            .engine()
            .dispatch(&target, body.to_string().as_bytes());
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
        serde_json::from_slice::<Value>(&answer).expect("JSON")
    };
    let name = |id: KeyId| format!("KEY#{id}");
    let found = call(
        "Query",
        json!({
            "TableName": table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": { ":pk": { "S": name(model.id) } },
        }),
    );
    let mut row = found["Items"][0].clone();

    let id = KeyId::new(app.app().entropy.bytes());
    let owner = Owner::Partner(PartnerId::new(app.now(), app.app().entropy.bytes()));
    let keyring = app.app().keyring.as_deref().expect("a keyring").latest();
    let (plain, stored) = keyring.mint(KeyKind::Ats, id, app.app().entropy.bytes());
    row["pk"]["S"] = name(id).into();
    if row["sk"]["S"] == name(model.id) {
        row["sk"]["S"] = name(id).into();
    }
    row["keyId"]["S"] = id.to_string().into();
    row["kind"]["S"] = KeyKind::Ats.to_string().into();
    row["owner"]["S"] = owner.to_string().into();
    let secret = &mut row["secrets"]["L"][0]["M"];
    secret["hmac"]["B"] = BASE64_STANDARD.encode(stored.hmac).into();
    secret["suffix"]["S"] = plain.suffix().into();
    call("PutItem", json!({ "TableName": table, "Item": row }));
    let caller = Caller::with(plain.expose());
    (Key { id, caller }, owner)
}

//! The system without a socket.

use embedded::Weather;
use local::{HttpRequest, System, seed};
use model::Plan;
use routes::Role;
use serde_json::json;

const OWNER: &str = "owner@hooli.example";

#[tokio::test]
async fn a_key_lists_what_it_created_and_reaches_nothing_else() {
    let system = System::builder()
        .weather(Weather::seeded(7))
        .start()
        .await
        .expect("a system");
    let company = seed::company(&system, "Hooli", Plan::Scale, None, &[(OWNER, Role::Owner)])
        .await
        .expect("a company");
    let fields = json!({ "name": "A key", "scopes": ["read:jobs", "write:jobs"] });
    let key = seed::key(&system, company, OWNER, &fields)
        .await
        .expect("a key");
    let call =
        async |request: HttpRequest| system.gateway().call(request.bearer(&key.plaintext)).await;

    let job = json!({ "title": "Senior Rust Engineer", "description": "Builds what recruiters use.", "status": "OPEN" });
    let created = call(HttpRequest::new("POST", "/jobs").json(&job)).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let listed = call(HttpRequest::new("GET", "/jobs?q=se%6Eior")).await;
    assert_eq!(listed.status, 200, "{}", listed.text());
    let listed = listed.json().expect("JSON");
    assert_eq!(listed["data"]["items"][0]["title"], job["title"]);

    let id = created.json().expect("JSON")["data"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let refused = call(HttpRequest::new("DELETE", &format!("/jobs/{id}"))).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    let body = refused.json().expect("the template gives JSON");
    assert_eq!(body["error"]["code"], "INSUFFICIENT_PERMISSIONS");
    assert_eq!(
        body["error"]["details"],
        json!({ "requiredScope": "delete:jobs" })
    );
    assert!(body["timestamp"].is_string());
    assert_eq!(
        refused.header("x-request-id"),
        refused.header("x-amz-apigw-id")
    );

    system.settle().await.expect("the streams run dry");
    let token = system
        .issuer()
        .token_for(OWNER, system.app().clock.now())
        .access_token;
    let events = system
        .gateway()
        .call(HttpRequest::new("GET", "/audit-events").bearer(&token))
        .await;
    assert_eq!(events.status, 200, "{}", events.text());
    let events = events.json().expect("JSON");
    let types: Vec<_> = events["data"]["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|event| event["type"].clone())
        .collect();
    for expected in [
        "job.created",
        "api_key.created",
        "authorization.denied",
        "authentication.succeeded",
    ] {
        assert!(
            types.contains(&json!(expected)),
            "{expected} is missing from {types:?}"
        );
    }
}

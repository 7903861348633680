//! AWS's own events, in the shape that its documentation shows, go through the real functions.

use lambda_http::{Body, RequestExt, request::RequestContext};
use routes::Scope;
use serde_json::{Value, json};
use tests::TestApp;

fn fixture(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// A REQUEST authorizer's event for `GET /v1/jobs/{jobId}`.
fn authorizer_event() -> Value {
    fixture(include_str!("fixtures/authorizer_request.json"))
}

/// A Lambda proxy integration's event for `POST /v1/jobs`.
fn proxy_event() -> Value {
    fixture(include_str!("fixtures/proxy_request.json"))
}

/// As `serde` hands it to API Gateway.
async fn authorize(app: &TestApp, event: Value) -> Result<Value, String> {
    let authorizer = app.system.authorizer(app.app().clone());
    let answer = authorizer
        .authorize(event)
        .await
        .map_err(|error| error.to_string())?;
    Ok(serde_json::to_value(answer).expect("JSON"))
}

fn with_bearer(mut event: Value, credential: &str) -> Value {
    let bearer = format!("Bearer {credential}");
    event["multiValueHeaders"]["Authorization"] = json!([bearer]);
    event["headers"]["Authorization"] = bearer.into();
    event
}

#[tokio::test]
async fn the_authorizer_answers_the_documented_event_in_the_documented_form() {
    let app = TestApp::start().await;
    let company = app.company("Initech").await;
    let key = app.key(&company, [Scope::ReadJobs, Scope::WriteJobs]).await;
    let credential = key.caller.credential.as_deref().expect("a key");

    let answer = authorize(&app, with_bearer(authorizer_event(), credential))
        .await
        .expect("allowed");
    assert_eq!(answer["principalId"], key.id.to_string());
    let policy = &answer["policyDocument"];
    assert_eq!(policy["Version"], "2012-10-17");
    let statement = &policy["Statement"][0];
    assert_eq!(statement["Effect"], "Allow");
    assert_eq!(statement["Action"], json!(["execute-api:Invoke"]));
    let resources = json!(statement["Resource"]);
    let stage = "arn:aws:execute-api:eu-central-1:123456789012:abcdef1234/v1";
    for reached in ["GET/jobs", "POST/jobs", "GET/jobs/*", "PATCH/jobs/*"] {
        assert!(
            resources
                .as_array()
                .expect("a list")
                .contains(&json!(format!("{stage}/{reached}"))),
            "{resources}"
        );
    }
    // API Gateway refuses an answer whose context nests, and hands numbers on as texts.
    for (name, value) in answer["context"].as_object().expect("an object") {
        assert!(value.is_string(), "{name}");
        let reserved = [
            "principalId",
            "integrationLatency",
            "error",
            "status",
            "requestId",
        ];
        assert!(
            !reserved.contains(&name.as_str()),
            "{name} is API Gateway's own"
        );
    }
}

#[tokio::test]
async fn whatever_is_missing_in_an_event_never_allows() {
    let app = TestApp::calm().await;
    let company = app.company("Initech").await;
    let key = app.key(&company, [Scope::ReadJobs]).await;
    let whole = with_bearer(
        authorizer_event(),
        key.caller.credential.as_deref().expect("a key"),
    );
    assert!(authorize(&app, whole.clone()).await.is_ok());
    // AWS's example shows no multi-value maps. A deployment without them would refuse everybody: loudly, and no one is let in.
    let mut single = whole.clone();
    single
        .as_object_mut()
        .expect("an object")
        .remove("multiValueHeaders");
    assert_eq!(
        authorize(&app, single).await,
        Err("Unauthorized".to_owned())
    );
    let mut twice = whole.clone();
    let bearer = twice["headers"]["Authorization"].clone();
    twice["multiValueHeaders"]["authorization"] = json!([bearer]);
    assert_eq!(authorize(&app, twice).await, Err("Unauthorized".to_owned()));
    for pointer in [
        "/methodArn",
        "/requestContext",
        "/requestContext/identity",
        "/requestContext/identity/sourceIp",
        "/requestContext/resourcePath",
        "/requestContext/httpMethod",
        "/requestContext/requestId",
    ] {
        let mut event = whole.clone();
        *event.pointer_mut(pointer).expect("is there") = Value::Null;
        let refused = authorize(&app, event).await.expect_err("never allowed");
        // Our fault, or AWS's, is no 401.
        assert_ne!(refused, "Unauthorized", "{pointer}");
    }
    for empty in [
        Value::Null,
        json!({}),
        json!([]),
        json!("REQUEST"),
        json!({ "type": "TOKEN", "authorizationToken": "x", "methodArn": "x" }),
    ] {
        let refused = authorize(&app, empty).await.expect_err("never allowed");
        assert_ne!(refused, "Unauthorized");
    }
    // What the documentation shows and we don't need may be absent or null.
    for pointer in [
        "/headers",
        "/queryStringParameters",
        "/multiValueQueryStringParameters",
        "/pathParameters",
        "/stageVariables",
        "/requestContext/extendedRequestId",
        "/requestContext/identity/userAgent",
        "/requestContext/identity/clientCert",
    ] {
        let mut event = whole.clone();
        *event
            .pointer_mut(pointer)
            .unwrap_or_else(|| panic!("{pointer}")) = Value::Null;
        assert!(authorize(&app, event).await.is_ok(), "{pointer}");
    }
}

#[test]
fn the_proxy_event_is_decoded_whole() {
    let request = lambda_http::request::from_str(&proxy_event().to_string()).expect("a request");
    assert_eq!(request.method(), "POST");
    assert_eq!(request.raw_http_path(), "/jobs");
    assert_eq!(request.headers()["content-type"], "application/json");
    let Body::Text(text) = request.body() else {
        panic!("a text body")
    };
    assert!(text.contains("Data Engineer"));
    let parameters = request.query_string_parameters();
    assert_eq!(parameters.all("tag"), Some(vec!["a", "b"]));
    let Some(RequestContext::ApiGatewayV1(context)) = request.request_context_ref() else {
        panic!("an event of a REST API")
    };
    assert_eq!(context.resource_path.as_deref(), Some("/jobs"));
    assert_eq!(
        context.other["extendedRequestId"].as_str(),
        Some("JKJaXmPLvHcESHA=")
    );
    assert_eq!(context.identity.source_ip.as_deref(), Some("192.0.2.44"));
    assert_eq!(context.authorizer.fields["verdict"], "ok");
}

#[tokio::test]
async fn a_function_answers_the_documented_event_for_the_one_whom_the_authorizer_let_in() {
    let app = TestApp::calm().await;
    let company = app.company("Initech").await;
    let key = app.key(&company, [Scope::WriteJobs]).await;
    let credential = key.caller.credential.as_deref().expect("a key");
    let mut asked = with_bearer(authorizer_event(), credential);
    asked["methodArn"] =
        "arn:aws:execute-api:eu-central-1:123456789012:abcdef1234/v1/POST/jobs".into();
    for place in ["/requestContext/httpMethod", "/httpMethod"] {
        *asked.pointer_mut(place).expect("is there") = "POST".into();
    }
    for place in ["/requestContext/resourcePath", "/resource", "/path"] {
        *asked.pointer_mut(place).expect("is there") = "/jobs".into();
    }
    let answer = authorize(&app, asked).await.expect("allowed");

    let mut event = proxy_event();
    event["requestContext"]["authorizer"] = answer["context"].clone();
    event["requestContext"]["authorizer"]["principalId"] = answer["principalId"].clone();
    event["requestContext"]["authorizer"]["integrationLatency"] = 17.into();
    let request = lambda_http::request::from_str(&event.to_string()).expect("a request");
    let response = jobs::handle(app.app(), request).await;
    assert_eq!(response.status(), 201, "{:?}", response.body());
    assert_eq!(response.headers()["x-request-id"], "JKJaXmPLvHcESHA=");

    // The same event without what the authorizer said reaches no handler.
    let request = lambda_http::request::from_str(&proxy_event().to_string()).expect("a request");
    assert_eq!(jobs::handle(app.app(), request).await.status(), 503);
}

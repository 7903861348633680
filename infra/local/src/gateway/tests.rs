use super::{event::Exchange, *};
use crate::{functions::InvokeEndpoint, listener::Listener};
use aws_lambda_events::apigw::{
    ApiGatewayCustomAuthorizerRequestTypeRequest, ApiGatewayProxyRequest,
};
use model::Timestamp;
use serde_json::json;
use std::sync::{Arc, Mutex};

fn exchange(request: HttpRequest) -> Exchange {
    let now = Timestamp::from_millis(1_790_000_000_123).expect("in range");
    Exchange::begin(request, now, Entropy)
}

#[test]
fn the_events_are_those_of_api_gateway() {
    let request = HttpRequest::new("PATCH", "/jobs/a%20b%2Fc?q=x+y%26&q=2&limit=")
        .header("x-amzn-RequestId", "chosen")
        .header("X-Twice", "1")
        .header("X-Twice", "2")
        .header("x-forwarded-for", "8.8.8.8")
        .header("user-agent", "curl")
        .header("connection", "close")
        .body("application/json", [b'{', 0xff, b'}'])
        .from_ip("203.0.113.7");
    let mut exchange = exchange(request);
    let event = exchange.proxy_event();
    assert_eq!(event["resource"], "/jobs/{jobId}");
    assert_eq!(event["path"], "/jobs/a%20b%2Fc");
    assert_eq!(event["pathParameters"], json!({ "jobId": "a%20b%2Fc" }));
    assert_eq!(
        event["queryStringParameters"],
        json!({ "q": "2", "limit": "" })
    );
    assert_eq!(
        event["multiValueQueryStringParameters"],
        json!({ "q": ["x y&", "2"], "limit": [""] })
    );
    assert_eq!(event["headers"]["X-Twice"], "2");
    assert_eq!(event["multiValueHeaders"]["X-Twice"], json!(["1", "2"]));
    assert_eq!(event["headers"]["x-forwarded-for"], "8.8.8.8, 203.0.113.7");
    assert!(event["headers"].get("connection").is_none());
    assert_eq!(event["body"], "{\u{fffd}}");
    assert_eq!(event["isBase64Encoded"], false);
    let context = &event["requestContext"];
    assert_eq!(context["requestId"], "chosen");
    assert_eq!(
        context["extendedRequestId"].as_str().map(str::len),
        Some(16)
    );
    assert_eq!(context["resourcePath"], "/jobs/{jobId}");
    assert_eq!(context["path"], "/v1/jobs/a%20b%2Fc");
    assert_eq!(context["identity"]["sourceIp"], "203.0.113.7");
    assert_eq!(context["identity"]["userAgent"], "curl");
    assert_eq!(context["requestTime"], "21/Sep/2026:14:13:20 +0000");
    assert_eq!(context["requestTimeEpoch"], 1_790_000_000_123_i64);
    assert!(context.get("authorizer").is_none());
    serde_json::from_value::<ApiGatewayProxyRequest>(event).expect("the library's own shape");

    let event = exchange.authorizer_event();
    assert_eq!(event["type"], "REQUEST");
    let arn = "arn:aws:execute-api:us-east-1:123456789012:local00000/v1/PATCH/jobs/a%20b%2Fc";
    assert_eq!(event["methodArn"], arn);
    auth::MethodArn::parse(arn).expect("what the authorizer expects");
    assert!(event.get("body").is_none());
    serde_json::from_value::<ApiGatewayCustomAuthorizerRequestTypeRequest>(event)
        .expect("the library's own shape");

    let context = json!({ "text": "a", "number": 7, "truth": true });
    exchange.authorized("someone", context.as_object().cloned().expect("an object"));
    let expected = json!({ "text": "a", "number": "7", "truth": "true", "principalId": "someone", "integrationLatency": 0 });
    assert_eq!(
        exchange.proxy_event()["requestContext"]["authorizer"],
        expected
    );
}

#[test]
fn what_is_absent_is_null_for_functions_and_empty_for_the_authorizer() {
    let exchange = exchange(HttpRequest::new("GET", "/jobs"));
    let event = exchange.proxy_event();
    for name in [
        "queryStringParameters",
        "multiValueQueryStringParameters",
        "pathParameters",
        "stageVariables",
        "body",
    ] {
        assert!(event[name].is_null(), "{name}");
    }
    let event = exchange.authorizer_event();
    for name in [
        "queryStringParameters",
        "multiValueQueryStringParameters",
        "pathParameters",
        "stageVariables",
    ] {
        assert_eq!(event[name], json!({}), "{name}");
    }
}

#[test]
fn a_literal_segment_wins_and_what_fits_nothing_has_no_route() {
    let operation = |method, path| Some(routing::find(method, path)?.0.operation);
    assert_eq!(
        operation("POST", "/api-keys/self/revoke"),
        Some("RevokeOwnApiKey")
    );
    assert_eq!(
        operation("POST", "/api-keys/abcdefgh/revoke"),
        Some("RevokeApiKey")
    );
    assert_eq!(operation("GET", "/api-keys/self"), Some("GetApiKey"));
    assert_eq!(operation("GET", "/jobs/"), Some("ListJobs"));
    for (method, path) in [
        ("GET", "/jobs//"),
        ("GET", "//jobs"),
        ("GET", "/"),
        ("GET", ""),
        ("GET", "/Jobs"),
        ("GET", "/job%73"),
        ("get", "/jobs"),
        ("HEAD", "/jobs"),
        ("OPTIONS", "/jobs"),
        ("PUT", "/jobs"),
        ("GET", "/jobs/1/2"),
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
    ] {
        assert_eq!(operation(method, path), None, "{method} {path}");
    }
}

#[test]
fn a_functions_answer_keeps_its_base64_and_loses_its_reserved_names() {
    let answer = json!({
        "statusCode": 201,
        "headers": { "Server": "x" },
        "multiValueHeaders": { "set-cookie": ["a", "b"] },
        "body": "/w==",
        "isBase64Encoded": true,
    });
    let response = integration_response(serde_json::from_value(answer).expect("an answer")).head;
    assert_eq!(response.body, b"/w==");
    assert_eq!(response.header("x-amzn-remapped-Server"), Some("x"));
    assert_eq!(
        response
            .headers
            .iter()
            .filter(|(name, _)| name == "set-cookie")
            .count(),
        2
    );
    assert_eq!(response.header("content-type"), Some("application/json"));
}

/// A Lambda Invoke endpoint that answers the authorizer and all other functions with these bodies.
async fn invoked(authorizer: Value, function: Value) -> (Gateway, Arc<Mutex<Vec<String>>>) {
    let listener = Listener::bind(0).await.expect("a port");
    let url = listener.url().parse().expect("a URL");
    let called = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&called);
    let handler = move |request: HttpRequest| {
        let body = if request.path.contains("/authorizer/") {
            &authorizer
        } else {
            &function
        };
        seen.lock().expect("no panic").push(request.path);
        std::future::ready(HttpResponse::new(200, "application/json", body.to_string()))
    };
    tokio::spawn(listener.serve(handler, std::future::pending()));
    let endpoint = InvokeEndpoint::new(url).expect("on this machine");
    (
        Gateway::new(Functions::Invoked(endpoint), Clock::system()).expect("a gateway"),
        called,
    )
}

fn decided(effect: &str, context: Value) -> Value {
    let statement =
        json!([{ "Action": ["execute-api:Invoke"], "Effect": effect, "Resource": ["*"] }]);
    json!({
        "principalId": "someone",
        "policyDocument": { "Version": "2012-10-17", "Statement": statement },
        "context": context,
    })
}

fn thrown(message: &str) -> Value {
    json!({ "errorType": "Error", "errorMessage": message })
}

#[tokio::test]
async fn functions_behind_an_invoke_endpoint_are_called_by_name() {
    let answer =
        json!({ "statusCode": 200, "multiValueHeaders": { "x-request-id": ["r"] }, "body": "{}" });
    let (gateway, called) = invoked(decided("Allow", json!({})), answer).await;
    let response = gateway.call(HttpRequest::new("GET", "/audit-events")).await;
    assert_eq!((response.status, response.text().as_str()), (200, "{}"));
    let called = called.lock().expect("no panic").clone();
    assert_eq!(
        called,
        ["authorizer", "audit-log"].map(|name| format!("/2015-03-31/functions/{name}/invocations"))
    );
}

#[tokio::test]
async fn each_failure_is_the_gateway_response_of_its_kind() {
    let good = || json!({ "statusCode": 200 });
    let detail = json!({ "detailName": "maxAuthAge", "detailValue": "43200", "at": "2026-01-01T00:00:00.000Z" });
    let allowed = || decided("Allow", json!({}));
    for (authorizer, function, invocations, status) in [
        (thrown("Unauthorized"), good(), 1, 401),
        (thrown("Unauthorized."), good(), 1, 503),
        (json!({}), good(), 1, 503),
        (decided("Allow", json!({ "a": {} })), good(), 1, 503),
        (decided("Deny", detail), good(), 1, 403),
        (allowed(), thrown("panicked"), 2, 503),
        (allowed(), json!("no answer"), 2, 503),
    ] {
        let (gateway, called) = invoked(authorizer, function).await;
        let response = gateway.call(HttpRequest::new("GET", "/jobs")).await;
        let body = response.json().expect("the envelope");
        let code = match status {
            401 => "INVALID_API_KEY",
            403 => "INSUFFICIENT_PERMISSIONS",
            _ => "SERVICE_UNAVAILABLE",
        };
        assert_eq!(
            (response.status, &body["error"]["code"]),
            (status, &json!(code))
        );
        assert_eq!(
            response.header("x-request-id"),
            response.header("x-amz-apigw-id")
        );
        assert_eq!(response.header("retry-after").is_some(), status == 503);
        assert_eq!(response.header("www-authenticate").is_some(), status == 401);
        assert_eq!(response.header("cache-control"), Some("no-store"));
        if status == 403 {
            assert_eq!(body["error"]["details"], json!({ "maxAuthAge": 43200 }));
        }
        assert_eq!(called.lock().expect("no panic").len(), invocations);
    }
}

#[tokio::test]
async fn limits_stand_before_the_route() {
    let (gateway, called) = invoked(thrown("Unauthorized"), json!({})).await;
    let long = "x".repeat(MAX_HEAD);
    let status = async |request: HttpRequest| gateway.call(request).await.status;
    assert_eq!(
        status(HttpRequest::new("GET", "/jobs").header("x", &long)).await,
        431
    );
    assert_eq!(
        status(HttpRequest::new("POST", "/jobs").body("text/plain", vec![b'x'; MAX_BODY + 1]))
            .await,
        413
    );
    assert_eq!(status(HttpRequest::new("GET", "/nothing")).await, 404);
    assert!(called.lock().expect("no panic").is_empty());
}

#[test]
fn events_go_to_no_other_machine() {
    for url in [
        "http://example.com",
        "https://127.0.0.1:9000",
        "http://127.0.0.1.example.com",
    ] {
        assert!(
            InvokeEndpoint::new(url.parse().expect("a URL")).is_err(),
            "{url}"
        );
    }
}

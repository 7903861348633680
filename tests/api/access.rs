//! Who may reach what: every route × every kind of caller, generated from the route table.
//!
//! A new route fails here until [`crate::requests`] says what a valid request for it looks like.

mod callers;
mod closed;
mod denials;
mod explained;
mod inner;
mod label;
mod matrix;
mod order;
mod paths;
mod unauthorized;

use serde_json::{Value, json};
use tests::Answer;

/// The one 401, byte for byte.
const UNAUTHORIZED: &str = r#"{"success":false,"data":null,"error":{"code":"INVALID_API_KEY","message":"The request carries no valid API key or access token.","details":{}},"timestamp":null}"#;

/// The contract's status of a code.
fn status(code: &str) -> u16 {
    match code {
        "VALIDATION_ERROR" | "COMPANY_ID_REQUIRED" => 400,
        "INVALID_API_KEY" => 401,
        "INSUFFICIENT_PERMISSIONS" | "RESOURCE_ACCESS_DENIED" => 403,
        "RESOURCE_NOT_FOUND" | "ROUTE_NOT_FOUND" => 404,
        "RESOURCE_CONFLICT" | "INVALID_STATE_TRANSITION" => 409,
        "PAYLOAD_TOO_LARGE" => 413,
        "UNSUPPORTED_MEDIA_TYPE" => 415,
        "IDEMPOTENCY_CONFLICT" => 422,
        "RATE_LIMIT_EXCEEDED" => 429,
        "SERVICE_UNAVAILABLE" => 503,
        other => panic!("{other} is no code of these tests"),
    }
}

/// The answer is this error in the contract's envelope, with the headers that every error has.
fn assert_error(answer: &Answer, code: &str, details: &Value, what: &str) {
    assert_eq!(answer.status, status(code), "{what}: {}", answer.body);
    let message = api::Code::ALL
        .into_iter()
        .find(|known| known.as_str() == code);
    let reason = details.get("reason");
    let reason = api::ConflictReason::ALL
        .into_iter()
        .find(|known| reason.is_some_and(|reason| json!(known) == *reason));
    let message = match reason {
        Some(reason) => api::ApiError::Conflict(reason).body().message,
        None => message.expect("a code").message(),
    };
    let timestamp = &answer.body["timestamp"];
    assert_eq!(
        answer.body,
        json!({
            "success": false,
            "data": null,
            "error": { "code": code, "message": message, "details": details },
            "timestamp": timestamp,
        }),
        "{what}"
    );
    let instant = timestamp.as_str().map(str::parse::<model::Timestamp>);
    assert!(
        timestamp.is_null() || matches!(instant, Some(Ok(_))),
        "{what}: {timestamp}"
    );
    assert_headers(answer, what);
    match code {
        "INVALID_API_KEY" => {
            assert_eq!(answer.raw.text(), UNAUTHORIZED, "{what}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{what}");
        }
        "SERVICE_UNAVAILABLE" => assert!(retry_after(answer) >= 1, "{what}"),
        "RATE_LIMIT_EXCEEDED" => {
            assert_eq!(details["retryAfter"], retry_after(answer), "{what}");
        }
        _ => assert_eq!(answer.header("retry-after"), None, "{what}"),
    }
}

/// What every response but the public ones' carries.
fn assert_headers(answer: &Answer, what: &str) {
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
    assert!(
        answer
            .header("x-request-id")
            .is_some_and(|id| !id.is_empty()),
        "{what}"
    );
    let cross_origin = |name: &str| name.to_ascii_lowercase().starts_with("access-control-");
    assert!(
        !answer
            .raw
            .headers
            .iter()
            .any(|(name, _)| cross_origin(name)),
        "{what}"
    );
}

fn retry_after(answer: &Answer) -> i64 {
    let seconds = answer
        .header("retry-after")
        .and_then(|seconds| seconds.parse().ok());
    seconds.expect("Retry-After in seconds")
}

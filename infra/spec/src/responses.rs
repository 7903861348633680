//! The bodies that API Gateway renders by itself.

use api::Code;

/// One of API Gateway's own answers.
#[derive(Debug)]
pub(crate) struct GatewayResponse {
    pub(crate) types: &'static [&'static str],
    /// `None` keeps each type's own status, as a default must: API Gateway gives a default's status to all types that have no answer of their own.
    pub(crate) status: Option<u16>,
    pub(crate) body: String,
    /// Beside those that all have.
    pub(crate) headers: &'static [(&'static str, &'static str)],
}

/// All of them.
pub(crate) fn gateway_responses() -> [GatewayResponse; 8] {
    let constant = |types, code: Code, details, headers| GatewayResponse {
        types,
        status: Some(code.status()),
        body: body(code, details, "null"),
        headers,
    };
    [
        constant(
            &["UNAUTHORIZED"],
            Code::InvalidApiKey,
            "{}",
            &[("WWW-Authenticate", "Bearer")],
        ),
        // The authorizer puts closed words, numbers and the time into the context: nothing here is escaped.
        GatewayResponse {
            types: &["ACCESS_DENIED"],
            status: Some(403),
            body: body(
                Code::InsufficientPermissions,
                r#"{"$context.authorizer.detailName":$context.authorizer.detailValue}"#,
                r#""$context.authorizer.at""#,
            ),
            headers: &[],
        },
        // An unknown route is called a missing token; one with an AWS signature, a bad signature.
        constant(
            &[
                "MISSING_AUTHENTICATION_TOKEN",
                "RESOURCE_NOT_FOUND",
                "INVALID_SIGNATURE",
                "EXPIRED_TOKEN",
            ],
            Code::RouteNotFound,
            "{}",
            &[],
        ),
        constant(
            &[
                "AUTHORIZER_FAILURE",
                "AUTHORIZER_CONFIGURATION_ERROR",
                "INTEGRATION_FAILURE",
                "INTEGRATION_TIMEOUT",
                "API_CONFIGURATION_ERROR",
                "DEFAULT_5XX",
            ],
            Code::ServiceUnavailable,
            "{}",
            &[("Retry-After", "1")],
        ),
        constant(
            &["THROTTLED", "QUOTA_EXCEEDED"],
            Code::RateLimitExceeded,
            r#"{"retryAfter":1}"#,
            &[("Retry-After", "1")],
        ),
        // The template's one rule for AWS WAF counts an address's requests of a minute.
        constant(
            &["WAF_FILTERED"],
            Code::RateLimitExceeded,
            r#"{"retryAfter":60}"#,
            &[("Retry-After", "60")],
        ),
        constant(
            &["UNSUPPORTED_MEDIA_TYPE"],
            Code::UnsupportedMediaType,
            "{}",
            &[],
        ),
        GatewayResponse {
            types: &["DEFAULT_4XX"],
            status: None,
            body: body(Code::ValidationError, r#"{"errors":[]}"#, "null"),
            headers: &[],
        },
    ]
}

/// `details` and `timestamp` are JSON already.
fn body(code: Code, details: &str, timestamp: &str) -> String {
    let (code, message) = (code.as_str(), code.message());
    format!(
        r#"{{"success":false,"data":null,"error":{{"code":"{code}","message":"{message}","details":{details}}},"timestamp":{timestamp}}}"#
    )
}

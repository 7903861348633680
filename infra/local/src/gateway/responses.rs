//! API Gateway's own answers, rendered from the document that it imports.

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

use crate::message::HttpResponse;

const DOCUMENT: &str = include_str!("../../../gateway.json");

/// Why API Gateway answers by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    AccessDenied,
    AuthorizerConfigurationError,
    AuthorizerFailure,
    HeaderTooLarge,
    IntegrationFailure,
    IntegrationTimeout,
    MissingAuthenticationToken,
    RequestTooLarge,
    Unauthorized,
}

impl Kind {
    /// Name, AWS's own status, AWS's own words.
    const fn facts(self) -> (&'static str, u16, &'static str) {
        match self {
            Kind::AccessDenied => (
                "ACCESS_DENIED",
                403,
                "User is not authorized to access this resource",
            ),
            Kind::AuthorizerConfigurationError => (
                "AUTHORIZER_CONFIGURATION_ERROR",
                500,
                "Internal server error",
            ),
            Kind::AuthorizerFailure => ("AUTHORIZER_FAILURE", 500, "Internal server error"),
            // Before a route is chosen: no document has a say.
            Kind::HeaderTooLarge => ("", 431, "Request Header Fields Too Large"),
            Kind::IntegrationFailure => ("INTEGRATION_FAILURE", 504, "Internal server error"),
            Kind::IntegrationTimeout => ("INTEGRATION_TIMEOUT", 504, "Endpoint request timed out"),
            Kind::MissingAuthenticationToken => (
                "MISSING_AUTHENTICATION_TOKEN",
                403,
                "Missing Authentication Token",
            ),
            Kind::RequestTooLarge => ("", 413, "Request Too Long"),
            Kind::Unauthorized => ("UNAUTHORIZED", 401, "Unauthorized"),
        }
    }
}

/// The document's gateway responses.
#[derive(Debug)]
pub(super) struct Responses(BTreeMap<String, GatewayResponse>);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct GatewayResponse {
    status_code: Option<String>,
    #[serde(default)]
    response_parameters: BTreeMap<String, String>,
    #[serde(default)]
    response_templates: BTreeMap<String, String>,
}

impl Responses {
    pub(super) fn read() -> anyhow::Result<Responses> {
        #[derive(Deserialize)]
        struct Document {
            #[serde(rename = "x-amazon-apigateway-gateway-responses")]
            responses: BTreeMap<String, GatewayResponse>,
        }
        let document: Document = serde_json::from_str(DOCUMENT).context("infra/gateway.json")?;
        Ok(Responses(document.responses))
    }

    /// `context`: what `$context` and `context` stand for.
    pub(super) fn render(&self, kind: Kind, context: &Value) -> HttpResponse {
        let (name, status, message) = kind.facts();
        let class = if status < 500 {
            "DEFAULT_4XX"
        } else {
            "DEFAULT_5XX"
        };
        let customized = (!name.is_empty())
            .then(|| self.0.get(name).or_else(|| self.0.get(class)))
            .flatten();
        let Some(customized) = customized else {
            return HttpResponse::new(
                status,
                "application/json",
                format!(r#"{{"message":"{message}"}}"#),
            );
        };
        let status = customized
            .status_code
            .as_deref()
            .and_then(|code| code.parse().ok())
            .unwrap_or(status);
        let template = customized.response_templates.get("application/json");
        let body = template.map_or_else(
            || format!(r#"{{"message":"{message}"}}"#),
            |template| filled(template, context),
        );
        let mut response = HttpResponse::new(status, "application/json", body);
        for (parameter, mapping) in &customized.response_parameters {
            let name = parameter.strip_prefix("gatewayresponse.header.");
            let value = match mapping
                .strip_prefix('\'')
                .and_then(|rest| rest.strip_suffix('\''))
            {
                Some(literal) => Some(literal.to_owned()),
                None => mapping
                    .strip_prefix("context.")
                    .map(|path| value(context, path)),
            };
            if let (Some(name), Some(value)) = (name, value) {
                response = response.with(name, &value);
            }
        }
        response
    }
}

/// Plain substitution of `$context.…`, without any escaping: what is missing is empty.
fn filled(template: &str, context: &Value) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("$context.") {
        filled.push_str(before);
        let end = after
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
            .unwrap_or(after.len());
        filled.push_str(&value(context, &after[..end]));
        rest = &after[end..];
    }
    filled + rest
}

fn value(context: &Value, path: &str) -> String {
    let found = path
        .split('.')
        .try_fold(context, |value, name| value.get(name));
    match found {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

//! API Gateway on this machine: a REST API with one REQUEST authorizer and Lambda proxy integrations.

mod event;
mod responses;
mod routing;

use api::{Clock, Entropy};
use auth::iam;
use serde_json::Value;
use std::time::Duration;

use crate::{
    functions::{Authorized, Functions, ProxyAnswer, Refused},
    message::{HttpRequest, HttpResponse, StreamedResponse},
};
use event::Exchange;
use responses::{Kind, Responses};

/// The gateway in front of one set of functions; needs no socket.
#[derive(Debug)]
pub struct Gateway {
    functions: Functions,
    responses: Responses,
    clock: Clock,
    entropy: Entropy,
}

/// Of the request line and all header values.
const MAX_HEAD: usize = 10_240;
/// What Lambda takes of an event, and so of a body.
pub(crate) const MAX_BODY: usize = 6 * 1024 * 1024;
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(29);

impl Gateway {
    pub(crate) fn new(functions: Functions, clock: Clock) -> anyhow::Result<Gateway> {
        Ok(Gateway {
            functions,
            responses: Responses::read()?,
            clock,
            entropy: Entropy,
        })
    }

    /// Answers a request as the deployed API would.
    pub async fn call(&self, request: HttpRequest) -> HttpResponse {
        self.call_streamed(request).await.collected().await
    }

    /// The same, with a streamed answer as it comes.
    pub async fn call_streamed(&self, request: HttpRequest) -> StreamedResponse {
        let mut exchange = Exchange::begin(request, self.clock.now(), self.entropy);
        let response = match self.answer(&mut exchange).await {
            Ok(answer) => integration_response(answer),
            Err(kind) => self.responses.render(kind, exchange.context()).into(),
        };
        // As API Gateway's access log: no path, no query.
        tracing::debug!(
            method = exchange.method(),
            resource = exchange.resource(),
            status = response.head.status,
            request_id = exchange.extended_request_id(),
            "passed"
        );
        let StreamedResponse { head, body } = response;
        let head = head
            .with("x-amzn-requestid", exchange.request_id())
            .with("x-amz-apigw-id", exchange.extended_request_id());
        StreamedResponse { head, body }
    }

    async fn answer(&self, exchange: &mut Exchange) -> Result<ProxyAnswer, Kind> {
        if exchange.head_length() > MAX_HEAD {
            return Err(Kind::HeaderTooLarge);
        }
        if exchange.body_length() > MAX_BODY {
            return Err(Kind::RequestTooLarge);
        }
        let route = exchange.route().ok_or(Kind::MissingAuthenticationToken)?;
        if route.access != routes::Access::Public {
            self.authorize(exchange).await?;
        }
        let answer = self.functions.answer(route, exchange.proxy_event());
        match tokio::time::timeout(INTEGRATION_TIMEOUT, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(failed)) => {
                tracing::error!(function = route.function, request_id = exchange.extended_request_id(), %failed, "function failed");
                Err(Kind::IntegrationFailure)
            }
            Err(_) => Err(Kind::IntegrationTimeout),
        }
    }

    async fn authorize(&self, exchange: &mut Exchange) -> Result<(), Kind> {
        let decided = self.functions.authorize(exchange.authorizer_event());
        let Authorized {
            principal_id,
            policy_document,
            context,
        } = match tokio::time::timeout(INTEGRATION_TIMEOUT, decided).await {
            Ok(Ok(authorized)) => authorized,
            Ok(Err(Refused::Unauthorized)) => return Err(Kind::Unauthorized),
            Ok(Err(Refused::Failed(failed))) => {
                // It has logged the fault itself.
                tracing::debug!(request_id = exchange.extended_request_id(), %failed, "authorizer failed");
                return Err(Kind::AuthorizerFailure);
            }
            Err(_) => return Err(Kind::AuthorizerFailure),
        };
        // A nested value makes the real authorizer's answer invalid.
        if context
            .values()
            .any(|value| value.is_object() || value.is_array())
        {
            return Err(Kind::AuthorizerConfigurationError);
        }
        exchange.authorized(&principal_id, context);
        if iam::allows(&policy_document, &exchange.method_arn()) {
            Ok(())
        } else {
            Err(Kind::AccessDenied)
        }
    }
}

/// Names that a function may not set: API Gateway renames them.
const REMAPPED: [&str; 14] = [
    "authorization",
    "connection",
    "content-length",
    "content-md5",
    "date",
    "expect",
    "host",
    "max-forwards",
    "proxy-authenticate",
    "server",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "www-authenticate",
];

/// The API has no binary media types, so a body that a function made Base64 stays Base64.
fn integration_response(answer: ProxyAnswer) -> StreamedResponse {
    let ProxyAnswer {
        status_code,
        headers,
        multi_value_headers,
        body,
        rest,
    } = answer;
    let mut response = HttpResponse {
        status: status_code,
        headers: Vec::new(),
        body: body.unwrap_or_default().into_bytes(),
    };
    let single = headers.into_iter().map(|(name, value)| (name, vec![value]));
    for (name, values) in single.chain(multi_value_headers) {
        let remapped = REMAPPED
            .iter()
            .any(|taken| name.eq_ignore_ascii_case(taken));
        let name = if remapped {
            format!("x-amzn-remapped-{name}")
        } else {
            name
        };
        for value in values {
            response = response.with(&name, &value);
        }
    }
    if response.header("content-type").is_none() {
        response = response.with("content-type", "application/json");
    }
    StreamedResponse {
        head: response,
        body: rest,
    }
}

/// A value of the authorizer's context as the functions get it.
fn stringified(value: Value) -> Value {
    match value {
        Value::String(_) | Value::Null => value,
        other => other.to_string().into(),
    }
}

#[cfg(test)]
mod tests;

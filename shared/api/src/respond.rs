//! From an event to a response: the one way through.

use auth::{Principal, Unit};
use lambda_http::{
    Body, Request, RequestExt, Response,
    aws_lambda_events::apigw::ApiGatewayProxyRequestContext,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    request::RequestContext,
};
use model::Timestamp;
use routes::{Access, Operation};
use std::error::Error;

use crate::{Accepted, ApiError, App, Call, Envelope, Reply, call::request_id};

/// Answers an event of API Gateway. Infallible: what goes wrong becomes an answer.
pub async fn respond<Op: Operation>(
    app: &App,
    request: Request,
    handler: impl AsyncFnOnce(Call<'_, Op>) -> Result<Reply, ApiError>,
) -> Response<Body> {
    let now = app.clock.now();
    let RequestContext::ApiGatewayV1(context) = request.request_context() else {
        return response(None, None, "", Err(ApiError::RouteNotFound), now);
    };
    let id = request_id(&context).to_owned();
    let path = context.resource_path.as_deref().unwrap_or_default();
    let Some(operation) = Op::find(context.http_method.as_str(), path) else {
        return response(None, None, &id, Err(ApiError::RouteNotFound), now);
    };
    let accepted = Accepted::check(operation, &request, &context);
    let principal = accepted
        .as_ref()
        .ok()
        .and_then(|accepted| accepted.principal.clone());
    let accepted = match accepted {
        Ok(accepted) => accepted.check_owner(app).await,
        Err(error) => Err(error),
    };
    let outcome =
        match accepted.and_then(|accepted| Call::accept(app, accepted, &request, &context, now)) {
            Ok(call) => handler(call).await,
            Err(error) => Err(error),
        };
    log(
        operation,
        &context,
        principal.as_ref(),
        &outcome,
        app.clock.now().since(now).num_milliseconds(),
    );
    response(
        Some(operation.route().access),
        principal.as_ref(),
        &id,
        outcome,
        now,
    )
}

/// One line a request. No path, no query, no body: they may hold what must not be logged.
fn log<Op: Operation>(
    operation: Op,
    context: &ApiGatewayProxyRequestContext,
    principal: Option<&Principal>,
    outcome: &Result<Reply, ApiError>,
    millis: i64,
) {
    let operation = operation.route().operation;
    let request_id = request_id(context);
    let caller = principal.map(Principal::id).unwrap_or_default();
    let company = principal
        .and_then(Principal::company)
        .map(|id| id.to_string())
        .unwrap_or_default();
    match outcome {
        Ok(reply) => {
            let status = reply.status;
            tracing::info!(
                operation, status, request_id, caller, company, millis, "answered"
            );
        }
        Err(error) => {
            let (status, code) = (error.status(), error.code().as_str());
            match error {
                ApiError::Internal(source) => {
                    let source = chain(source.as_ref());
                    tracing::error!(
                        operation, status, code, request_id, caller, company, millis, source,
                        "failed"
                    );
                }
                ApiError::Unavailable(source) => {
                    let source = chain(source.as_ref());
                    tracing::warn!(
                        operation,
                        status,
                        code,
                        request_id,
                        caller,
                        company,
                        millis,
                        source,
                        "unavailable"
                    );
                }
                _ => tracing::info!(
                    operation, status, code, request_id, caller, company, millis, "refused"
                ),
            }
        }
    }
}

/// What happened and what caused it, for a log.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

fn response(
    access: Option<Access>,
    principal: Option<&Principal>,
    request_id: &str,
    outcome: Result<Reply, ApiError>,
    now: Timestamp,
) -> Response<Body> {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    if access != Some(Access::Public) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    set(&mut headers, "x-request-id", request_id);
    for rate in principal.map(Principal::rate).unwrap_or_default() {
        let unit = match rate.unit {
            Unit::Minute => "minute",
            Unit::Hour => "hour",
            Unit::Second => continue,
        };
        set(
            &mut headers,
            &format!("x-ratelimit-limit-{unit}"),
            rate.limit,
        );
        set(
            &mut headers,
            &format!("x-ratelimit-remaining-{unit}"),
            rate.remaining,
        );
        set(
            &mut headers,
            &format!("x-ratelimit-reset-{unit}"),
            rate.reset,
        );
    }
    let warning = principal.map(Principal::warning).unwrap_or_default();
    if let Some(end) = warning.rotate_by {
        set(&mut headers, "x-api-key-rotate-by", end);
    }
    if let Some(expiry) = warning.expires_at {
        set(&mut headers, "x-api-key-expires-at", expiry);
    }
    let (status, body) = match outcome {
        Ok(reply) => {
            if let Some(etag) = &reply.etag {
                set(&mut headers, "etag", etag);
            }
            if reply.replayed {
                set(&mut headers, "idempotency-replayed", "true");
            }
            (reply.status, reply.body)
        }
        Err(error) => {
            if let Some(seconds) = error.retry_after() {
                set(&mut headers, "retry-after", seconds);
            }
            let body = error.body();
            let envelope = Envelope::<()> {
                success: false,
                data: None,
                error: Some(&body),
                timestamp: now,
            };
            // Strings, numbers and lists of them: always JSON.
            (
                error.status(),
                serde_json::to_string(&envelope).unwrap_or_default(),
            )
        }
    };
    let mut response = Response::new(Body::Text(body));
    // Every status in the crate is one of HTTP's.
    *response.status_mut() = status.try_into().unwrap_or_default();
    *response.headers_mut() = headers;
    response
}

fn set(headers: &mut HeaderMap, name: &str, value: impl ToString) {
    let name = HeaderName::from_bytes(name.as_bytes());
    if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&value.to_string())) {
        headers.insert(name, value);
    }
}

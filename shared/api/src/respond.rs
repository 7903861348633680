//! From an event to a response: the one way through.

use auth::{Principal, Unit, Warning};
use lambda_http::{
    Body, Request, RequestExt, Response,
    aws_lambda_events::apigw::ApiGatewayProxyRequestContext,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    request::RequestContext,
};
use model::Timestamp;
use routes::Operation;
use std::error::Error;

use crate::{
    Accepted, ApiError, App, Call, Envelope, Reply, Streamed, StreamedBody, accepted::Unaccepted,
    call::request_id, streamed,
};

/// Answers an event of API Gateway. Infallible: what goes wrong becomes an answer.
pub async fn respond<Op: Operation>(
    app: &App,
    request: Request,
    handler: impl AsyncFnOnce(Call<'_, Op>) -> Result<Reply, ApiError>,
) -> Response<Body> {
    let status = |reply: &Reply| reply.status;
    let (head, outcome) = handled(app, request, handler, status).await;
    response(&head, outcome)
}

/// The same for an operation whose answer is streamed. What goes wrong before its first byte becomes an answer as any other.
pub async fn respond_streamed<Op: Operation>(
    app: &App,
    request: Request,
    handler: impl AsyncFnOnce(Call<'_, Op>) -> Result<Streamed, ApiError>,
) -> Response<StreamedBody> {
    let (head, outcome) = handled(app, request, handler, |_| 200).await;
    let streamed = match outcome {
        Ok(streamed) => streamed,
        Err(error) => return response(&head, Err(error)).map(streamed::whole),
    };
    let mut headers = head.headers();
    for (name, value) in streamed.headers() {
        set(&mut headers, name.as_str(), value);
    }
    let mut response = Response::new(streamed.body);
    *response.headers_mut() = headers;
    response
}

/// What every answer to one request has.
struct Head {
    /// Whether an answer may be kept by whoever gets it.
    kept: bool,
    principal: Option<Principal>,
    warning: Warning,
    request_id: String,
    now: Timestamp,
}

async fn handled<Op: Operation, R>(
    app: &App,
    request: Request,
    handler: impl AsyncFnOnce(Call<'_, Op>) -> Result<R, ApiError>,
    status: impl Fn(&R) -> u16,
) -> (Head, Result<R, ApiError>) {
    let mut head = Head {
        kept: false,
        principal: None,
        warning: Warning::default(),
        request_id: String::new(),
        now: app.clock.now(),
    };
    let RequestContext::ApiGatewayV1(context) = request.request_context() else {
        return (head, Err(ApiError::RouteNotFound));
    };
    head.request_id = request_id(&context).to_owned();
    let path = context.resource_path.as_deref().unwrap_or_default();
    let Some(operation) = Op::find(context.http_method.as_str(), path) else {
        return (head, Err(ApiError::RouteNotFound));
    };
    // Nothing of anybody's is public, but the keys may change.
    head.kept = operation.route().operation == "GetHealth";
    let accepted = match Accepted::check(operation, &request, &context) {
        Ok(accepted) => {
            head.principal = accepted.principal.clone();
            let warning = head.principal.as_ref().map(Principal::warning);
            head.warning = warning.unwrap_or_default();
            accepted.check_owner(app).await
        }
        Err(Unaccepted { error, warning }) => {
            head.warning = warning;
            Err(error)
        }
    };
    let called =
        accepted.and_then(|accepted| Call::accept(app, accepted, &request, &context, head.now));
    let outcome = match called {
        Ok(call) => handler(call).await,
        Err(error) => Err(error),
    };
    log(
        operation,
        &context,
        head.principal.as_ref(),
        outcome.as_ref().map(status),
        app.clock.now().since(head.now).num_milliseconds(),
    );
    (head, outcome)
}

/// One line a request. No path, no query, no body: they may hold what must not be logged.
fn log<Op: Operation>(
    operation: Op,
    context: &ApiGatewayProxyRequestContext,
    principal: Option<&Principal>,
    outcome: Result<u16, &ApiError>,
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
        Ok(status) => {
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

impl Head {
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        if !self.kept {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        set(&mut headers, "x-request-id", &self.request_id);
        let rates = self.principal.as_ref().map(Principal::rate);
        for rate in rates.unwrap_or_default() {
            let unit = match rate.unit {
                Unit::Minute => "minute",
                Unit::Hour => "hour",
                Unit::Second => continue,
            };
            for (name, value) in [
                ("limit", rate.limit.to_string()),
                ("remaining", rate.remaining.to_string()),
                ("reset", rate.reset.to_string()),
            ] {
                set(&mut headers, &format!("x-ratelimit-{name}-{unit}"), value);
            }
        }
        let Warning {
            rotate_by,
            expires_at,
        } = self.warning;
        if let Some(end) = rotate_by {
            set(&mut headers, "x-api-key-rotate-by", end);
        }
        if let Some(expiry) = expires_at {
            set(&mut headers, "x-api-key-expires-at", expiry);
        }
        headers
    }
}

fn response(head: &Head, outcome: Result<Reply, ApiError>) -> Response<Body> {
    let mut headers = head.headers();
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
                timestamp: head.now,
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

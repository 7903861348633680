//! The Lambda functions, as API Gateway and the streams invoke them.

mod invoke;

use api::{App, StreamedBody};
use auth::PolicyDocument;
use authorizer::{Authorizer, AuthorizerError};
use aws_lambda_events::{event::dynamodb, streams::DynamoDbEventResponse};
use base64::{Engine, prelude::BASE64_STANDARD};
use dashboard::Dashboard;
use lambda_http::{Body, IntoResponse, Request, Response, http::HeaderMap};
use routes::Route;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc};

pub use invoke::InvokeEndpoint;

/// What Lambda takes of an answer.
const MAX_ANSWER: usize = 6 * 1024 * 1024;

/// Where the functions run.
#[derive(Debug, Clone)]
pub(crate) enum Functions {
    /// In this process, each invocation a task of its own, so that a panic or a client that leaves ends nothing else.
    InProcess {
        app: Box<App>,
        authorizer: Arc<Authorizer>,
        dashboard: Arc<Dashboard>,
        /// What the worker has.
        worker: Box<App>,
    },
    /// Behind a Lambda Invoke endpoint.
    Invoked(InvokeEndpoint),
}

/// What a Lambda authorizer answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Authorized {
    pub(crate) principal_id: String,
    pub(crate) policy_document: PolicyDocument,
    #[serde(default)]
    pub(crate) context: Map<String, Value>,
}

/// Why an authorizer gave no policy.
#[derive(Debug)]
pub(crate) enum Refused {
    Unauthorized,
    Failed(Failed),
}

/// What a function of a Lambda proxy integration answers; `isBase64Encoded` has no meaning without binary media types.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProxyAnswer {
    pub(crate) status_code: u16,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(crate) multi_value_headers: BTreeMap<String, Vec<String>>,
    pub(crate) body: Option<String>,
    /// What comes after it, made while it is sent.
    #[serde(skip)]
    pub(crate) rest: Option<StreamedBody>,
}

/// An invocation that brought no answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failed(String);

impl ProxyAnswer {
    /// Of the JSON that Lambda gets.
    fn length(&self) -> Result<usize, Failed> {
        Ok(serde_json::to_vec(self)?.len())
    }
}

impl Functions {
    pub(crate) async fn authorize(&self, event: Value) -> Result<Authorized, Refused> {
        let answer = match self {
            Functions::InProcess { authorizer, .. } => {
                let authorizer = Arc::clone(authorizer);
                let decided = tokio::spawn(async move { authorizer.authorize(event).await }).await;
                match decided.map_err(|fault| Refused::Failed(fault.into()))? {
                    Ok(answer) => serde_json::to_value(answer)
                        .map_err(|fault| Refused::Failed(fault.into()))?,
                    Err(AuthorizerError::Unauthorized) => return Err(Refused::Unauthorized),
                    Err(fault) => return Err(Refused::Failed(Failed(fault.to_string()))),
                }
            }
            Functions::Invoked(endpoint) => {
                endpoint
                    .invoke("authorizer", &event)
                    .await
                    .map_err(|failed| {
                        // API Gateway knows the 401 by this text alone.
                        if failed.0 == "Unauthorized" {
                            Refused::Unauthorized
                        } else {
                            Refused::Failed(failed)
                        }
                    })?
            }
        };
        serde_json::from_value(answer).map_err(|fault| Refused::Failed(fault.into()))
    }

    /// Answers a proxy event.
    pub(crate) async fn answer(
        &self,
        route: &'static Route,
        event: Value,
    ) -> Result<ProxyAnswer, Failed> {
        let function = route.function;
        match self {
            Functions::InProcess { dashboard, .. } if function == "dashboard" => {
                let dashboard = Arc::clone(dashboard);
                let request = lambda_http::request::from_str(&event.to_string())?;
                let answered = tokio::spawn(async move { dashboard.answer(request).await });
                Ok(streamed_answer(answered.await?))
            }
            Functions::InProcess { app, .. } if route.streamed => {
                let app = app.clone();
                let answered = tokio::spawn(async move { streamed(&app, function, &event).await });
                Ok(streamed_answer(answered.await??))
            }
            Functions::Invoked(endpoint) if route.streamed => {
                endpoint.invoke_streamed(function, &event).await
            }
            Functions::InProcess { app, .. } => {
                let app = app.clone();
                let answered = tokio::spawn(async move { handled(&app, function, &event).await });
                let answer = answered.await??;
                match answer.length()? <= MAX_ANSWER {
                    true => Ok(answer),
                    false => Err(Failed("the answer is too large".to_owned())),
                }
            }
            Functions::Invoked(endpoint) => Ok(serde_json::from_value(
                endpoint.invoke(function, &event).await?,
            )?),
        }
    }

    /// Hands an event of the bus to the function whose rule it matches.
    pub(crate) async fn report(&self, event: Value) -> Result<(), Failed> {
        match self {
            Functions::InProcess { app, .. } => {
                let app = app.clone();
                let taken =
                    tokio::spawn(async move { interview_events::handle(&app, event).await });
                match taken.await? {
                    Ok(_) => Ok(()),
                    Err(refused) => Err(Failed(refused.to_string())),
                }
            }
            Functions::Invoked(endpoint) => {
                endpoint.invoke("interview-events", &event).await.map(drop)
            }
        }
    }

    /// Hands a batch of one shard to the audit consumer; the sequence numbers from which on it wants them again.
    pub(crate) async fn consume(&self, batch: Value) -> Result<Vec<String>, Failed> {
        let response = match self {
            Functions::InProcess { app, .. } => {
                let app = app.clone();
                let batch: dynamodb::Event = serde_json::from_value(batch)?;
                let consumed = tokio::spawn(async move {
                    let held = app.quarantine.map(audit::Held);
                    let quarantine: &dyn audit::Quarantine = match &held {
                        Some(held) => held,
                        None => &audit::LogOnly,
                    };
                    let consumer = audit::Consumer {
                        table: &app.table,
                        quarantine,
                    };
                    audit::consume(&consumer, batch, app.entropy.bytes()).await
                });
                consumed.await?
            }
            Functions::Invoked(endpoint) => serde_json::from_value::<DynamoDbEventResponse>(
                endpoint.invoke("audit", &batch).await?,
            )?,
        };
        let failures = response.batch_item_failures.into_iter();
        // A failure without a number is the whole batch's.
        Ok(failures
            .map(|failure| failure.item_identifier.unwrap_or_default())
            .collect())
    }
}

impl Functions {
    /// The schedule's turn of the notary: the new checkpoint's counter, if this turn made it.
    pub(crate) async fn checkpoint(&self) -> Result<Option<u64>, Failed> {
        match self {
            Functions::InProcess { app, .. } => {
                let made = checkpoint::make(app).await;
                made.map_err(|error| Failed(error.to_string()))
            }
            Functions::Invoked(endpoint) => {
                let event = json!({ "source": "schedule" });
                let answer = endpoint.invoke("checkpoint", &event).await?;
                Ok(answer["counter"].as_u64())
            }
        }
    }

    /// The schedule's turn of the audit consumer; whether there is more to do.
    pub(crate) async fn catch_up_usage(&self) -> Result<bool, Failed> {
        match self {
            Functions::InProcess { app, .. } => {
                let nonce = || app.entropy.bytes();
                let left = audit::catch_up(&app.table, nonce, || false).await;
                left.map_err(|error| Failed(error.to_string()))
            }
            Functions::Invoked(endpoint) => {
                let answer = endpoint.invoke("audit", &audit::usage_turn()).await?;
                Ok(answer["left"] == true)
            }
        }
    }

    /// Hands the worker its tasks, or with any other event the schedule's turn; whether there is more to do.
    pub(crate) async fn work(&self, event: Value) -> Result<bool, Failed> {
        let answer = match self {
            Functions::InProcess { worker, .. } => {
                let app = worker.clone();
                tokio::spawn(async move { worker::handle(&app, event).await }).await?
            }
            Functions::Invoked(endpoint) => endpoint.invoke("worker", &event).await?,
        };
        Ok(answer["left"] == true)
    }
}

async fn handled(app: &App, function: &str, event: &Value) -> Result<ProxyAnswer, Failed> {
    let request = lambda_http::request::from_str(&event.to_string())?;
    let response = call(app, function, request).await;
    proxy_answer(response.ok_or_else(|| Failed(format!("no function {function}")))?).await
}

/// What the function of this name answers to a request of API Gateway; `None` where none of this name does.
pub async fn call(app: &App, function: &str, request: Request) -> Option<Response<Body>> {
    Some(match function {
        "agents" => agents::handle(app, request).await,
        "billing" => billing::handle(app, request).await,
        "candidates" => candidates::handle(app, request).await,
        "companies" => companies::handle(app, request).await,
        "interviews" => interviews::handle(app, request).await,
        "jobs" => jobs::handle(app, request).await,
        "keys" => keys::handle(app, request).await,
        "audit-log" => audit_log::handle(app, request).await,
        _ => return None,
    })
}

/// By lambda_http's rules: it decides which content types go as text.
async fn proxy_answer(response: Response<Body>) -> Result<ProxyAnswer, Failed> {
    let (parts, body) = response.into_response().await.into_parts();
    let body = match body {
        Body::Text(text) => Some(text),
        Body::Binary(bytes) => Some(BASE64_STANDARD.encode(bytes)),
        _ => None,
    };
    Ok(ProxyAnswer {
        status_code: parts.status.as_u16(),
        headers: BTreeMap::new(),
        multi_value_headers: multi_value(&parts.headers),
        body,
        rest: None,
    })
}

async fn streamed(
    app: &App,
    function: &str,
    event: &Value,
) -> Result<Response<StreamedBody>, Failed> {
    let request = lambda_http::request::from_str(&event.to_string())?;
    let response = call_streamed(app, function, request).await;
    response.ok_or_else(|| Failed(format!("no streaming function {function}")))
}

/// As [`call`], of the functions whose answers are streamed.
pub async fn call_streamed(
    app: &App,
    function: &str,
    request: Request,
) -> Option<Response<StreamedBody>> {
    Some(match function {
        "audit-export" => audit_export::handle(app, request).await,
        _ => return None,
    })
}

fn streamed_answer(response: Response<StreamedBody>) -> ProxyAnswer {
    let (parts, body) = response.into_parts();
    ProxyAnswer {
        status_code: parts.status.as_u16(),
        headers: BTreeMap::new(),
        multi_value_headers: multi_value(&parts.headers),
        body: None,
        rest: Some(body),
    }
}

fn multi_value(headers: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::<String, Vec<String>>::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        all.entry(name.to_string()).or_default().push(value);
    }
    all
}

fn null_as_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl From<tokio::task::JoinError> for Failed {
    fn from(error: tokio::task::JoinError) -> Failed {
        Failed(
            if error.is_panic() {
                "the function panicked"
            } else {
                "the function was stopped"
            }
            .to_owned(),
        )
    }
}

impl From<serde_json::Error> for Failed {
    /// Position and kind only: an event or an answer may hold a credential.
    fn from(error: serde_json::Error) -> Failed {
        Failed(format!(
            "{:?} error at line {} column {}",
            error.classify(),
            error.line(),
            error.column()
        ))
    }
}

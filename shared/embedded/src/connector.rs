//! The engine in the place of the SDK's HTTP layer.

use std::io;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use tokio::{task, time};

use crate::Engine;
use crate::dispatch::{self, Answer};
use crate::weather::{Call, CallSummary, Fault, Weather};

#[derive(Debug, Clone)]
pub(crate) struct Connector {
    engine: Engine,
    weather: Weather,
}

impl Connector {
    pub(crate) fn new(engine: Engine, weather: Weather) -> Self {
        Self { engine, weather }
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let (attempt, max_attempts) = attempt(&request);
        let call = Call {
            operation: dispatch::operation(target).unwrap_or(target),
            serial: self.weather.number_call(),
            attempt,
            max_attempts,
            body: request.body().bytes().unwrap_or_default(),
        };
        let mut fault = self.weather.fault(&call);
        // The engine runs right here: a call takes about a millisecond and one at a time gets through,
        // so another thread would only add two hand-overs. A network would let other tasks run, before
        // the request is applied and before the answer is read; so does this.
        task::yield_now().await;
        if let Fault::Slow(delay) = fault {
            time::sleep(delay).await;
        }
        let held = match self.weather.flight_time(&call) {
            Some(yields) if fault != Fault::LoseRequest => {
                let items = self.engine.items_of(call.operation, &call.json());
                // A retry of a transaction is known by its token and answered like the first attempt.
                let transacts = call.operation == "TransactWriteItems";
                let met = self.engine.meets_transaction(&items) && !(transacts && attempt > 1);
                if fault == Fault::None && self.weather.refuses_conflict(met) {
                    fault = Fault::TransactionConflict;
                }
                if transacts && fault != Fault::TransactionConflict {
                    let held = self.engine.hold(items);
                    for _ in 0..yields {
                        task::yield_now().await;
                    }
                    Some(held)
                } else {
                    None
                }
            }
            _ => None,
        };
        let answer = match refusal(fault, &call) {
            Some(refusal) => {
                self.weather.record(summary(&call, fault, None));
                refusal?
            }
            None => {
                let answer = self.engine.answer(target, call.body);
                self.weather.record(summary(&call, fault, Some(&answer)));
                answer
            }
        };
        drop(held);
        match fault {
            Fault::LoseAnswer => return Err(reset()),
            Fault::SlowAnswer(delay) => time::sleep(delay).await,
            _ => task::yield_now().await,
        }
        let body = match fault {
            // A body that was taken fails when it is read, as one does whose connection broke.
            Fault::HalfAnswer => SdkBody::taken(),
            _ => SdkBody::from(answer.body),
        };
        let status = StatusCode::try_from(answer.status)
            .map_err(|error| ConnectorError::other(error.into(), None))?;
        let mut response = HttpResponse::new(status, body);
        response
            .headers_mut()
            .insert("content-type", "application/x-amz-json-1.0");
        Ok(response)
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.clone();
        HttpConnectorFuture::new(async move { connector.send(request).await })
    }
}

impl HttpClient for Connector {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// The answer to a request that a fault keeps from being applied.
fn refusal(fault: Fault, call: &Call<'_>) -> Option<Result<Answer, ConnectorError>> {
    match fault {
        Fault::Unreachable => {
            let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
            Some(Err(ConnectorError::io(refused.into()).never_connected()))
        }
        Fault::LoseRequest => Some(Err(reset())),
        Fault::TransactionConflict if call.operation.starts_with("Transact") => {
            Some(Ok(cancelled(call)))
        }
        _ => {
            let refusal = fault.refusal()?;
            let body = json!({ "__type": refusal.kind, "message": refusal.message });
            Some(Ok(error(refusal.status, body)))
        }
    }
}

fn cancelled(call: &Call<'_>) -> Answer {
    let actions = call.json()["TransactItems"].as_array().map_or(1, Vec::len);
    let reasons: Vec<Value> = (0..actions)
        .map(|action| match action {
            0 => json!({ "Code": "TransactionConflict", "Message": "Transaction is ongoing for the item" }),
            _ => json!({ "Code": "None" }),
        })
        .collect();
    let codes: Vec<&str> = reasons
        .iter()
        .filter_map(|reason| reason["Code"].as_str())
        .collect();
    let message = format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes.join(", ")
    );
    error(
        400,
        json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": message,
            "CancellationReasons": reasons,
        }),
    )
}

fn error(status: u16, body: Value) -> Answer {
    Answer {
        status,
        body: body.to_string().into_bytes(),
        bill: Vec::new(),
    }
}

fn reset() -> ConnectorError {
    ConnectorError::io(io::Error::from(io::ErrorKind::ConnectionReset).into())
}

fn summary(call: &Call<'_>, fault: Fault, applied: Option<&Answer>) -> CallSummary {
    let units = applied.map(|answer| answer.units(call.operation));
    let (read_units, write_units) = units.unwrap_or_default();
    CallSummary {
        operation: call.operation.to_owned(),
        tables: call.tables(),
        attempt: call.attempt,
        write_units,
        read_units,
        status: applied.map(|answer| answer.status),
        fault,
    }
}

/// The SDK says in a header which attempt this is: `attempt=1; max=3`.
fn attempt(request: &HttpRequest) -> (u32, u32) {
    let header = request.headers().get("amz-sdk-request").unwrap_or_default();
    let number = |name: &str| {
        let mut pairs = header
            .split(';')
            .filter_map(|pair| pair.trim().split_once('='));
        pairs
            .find(|pair| pair.0 == name)
            .and_then(|pair| pair.1.parse().ok())
    };
    (number("attempt").unwrap_or(1), number("max").unwrap_or(1))
}

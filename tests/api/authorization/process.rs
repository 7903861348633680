//! A Lambda process of the authorizer, and the events that it is asked with.

use api::App;
use authorizer::{Authorizer, AuthorizerError};
use embedded::{CallSummary, Weather};
use local::System;
use model::KeyKind;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};
use store::KeyRow;
use tests::{Caller, Key, TestApp};

/// An authorizer with a memory, a clock and weather of its own.
#[derive(Debug)]
pub(crate) struct Process {
    authorizer: Authorizer,
    pub(crate) weather: Weather,
}

/// What it said, as the status that the client gets.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) status: u16,
    pub(crate) context: BTreeMap<String, String>,
}

/// The operation that most tests ask for.
pub(crate) const GET_JOB: (&str, &str) = ("GET", "/jobs/{jobId}");

impl Process {
    pub(crate) fn new(app: &TestApp, weather: Weather) -> Process {
        Process::skewed(app, weather, 0)
    }

    /// Its clock is `skew` milliseconds ahead of the test's.
    pub(crate) fn skewed(app: &TestApp, weather: Weather, skew: i64) -> Process {
        Process::of(&app.system, weather, skew)
    }

    pub(crate) fn of(system: &System, weather: Weather, skew: i64) -> Process {
        let clock = system.app().clock.skewed(skew);
        Process {
            authorizer: system.authorizer(system.another_app(clock, &weather)),
            weather,
        }
    }

    /// With what this process has, but for its memory.
    pub(crate) fn having(system: &System, app: App) -> Process {
        Process {
            authorizer: system.authorizer(app),
            weather: Weather::calm(),
        }
    }

    pub(crate) async fn get_job(&self, caller: &Caller) -> Decided {
        self.ask(caller, GET_JOB).await
    }

    pub(crate) async fn ask(&self, caller: &Caller, operation: (&str, &str)) -> Decided {
        static ASKED: AtomicU64 = AtomicU64::new(0);
        let id = format!("asked-{}", ASKED.fetch_add(1, Ordering::Relaxed));
        match self
            .authorizer
            .authorize(event(caller, operation, &id))
            .await
        {
            Ok(answer) => Decided {
                status: match answer.context["verdict"].as_str() {
                    "ok" => 200,
                    "company_required" => 400,
                    "company_denied" | "forbidden" => 403,
                    "rate_limited" => 429,
                    other => panic!("verdict {other}"),
                },
                context: answer.context,
            },
            Err(fault) => Decided {
                status: match fault {
                    AuthorizerError::Unauthorized => 401,
                    _ => 503,
                },
                context: BTreeMap::new(),
            },
        }
    }

    /// The store calls of one request, as `operation table`, each attempt by itself; and its status.
    pub(crate) async fn calls_of(
        &self,
        caller: &Caller,
        operation: (&str, &str),
    ) -> (u16, Vec<String>) {
        self.weather.take_calls();
        let status = self.ask(caller, operation).await.status;
        (status, named(&self.weather.take_calls()))
    }
}

impl Decided {
    /// A number of the context.
    pub(crate) fn number(&self, name: &str) -> u64 {
        let text = self.context.get(name).map(String::as_str);
        text.and_then(|text| text.parse().ok())
            .unwrap_or_else(|| panic!("no number {name}"))
    }
}

pub(crate) fn named(calls: &[CallSummary]) -> Vec<String> {
    let table = |call: &CallSummary| {
        let names: Vec<_> = call
            .tables
            .iter()
            .filter_map(|name| name.rsplit('-').next())
            .collect();
        names.join("+")
    };
    calls
        .iter()
        .map(|call| format!("{} {}", call.operation, table(call)))
        .collect()
}

/// API Gateway's REQUEST event, with what the authorizer reads of it.
fn event(caller: &Caller, (method, resource): (&str, &str), id: &str) -> Value {
    let headers = caller
        .credential
        .as_ref()
        .map(|credential| json!({ "Authorization": [format!("Bearer {credential}")] }));
    let query = caller
        .query
        .as_ref()
        .and_then(|query| query.split_once('='));
    json!({
        "type": "REQUEST",
        "methodArn": format!("arn:aws:execute-api:us-east-1:123456789012:local00000/v1/{method}{resource}"),
        "multiValueHeaders": headers.unwrap_or_default(),
        "multiValueQueryStringParameters": query.map(|(name, value)| json!({ name: [value] })),
        "requestContext": {
            "requestId": format!("plain-{id}"),
            "extendedRequestId": id,
            "resourcePath": resource,
            "httpMethod": method,
            "identity": { "sourceIp": caller.address, "userAgent": "tests" },
        },
    })
}

/// A key of ours for the same id with another secret: its tag is right, and no row knows it.
pub(crate) fn dead_secret(app: &TestApp, key: &Key) -> Caller {
    let keyring = app.app().keyring.as_deref().expect("a keyring");
    let (plain, _) = keyring
        .latest()
        .mint(KeyKind::Standard, key.id, app.app().entropy.bytes());
    Caller {
        credential: Some(plain.expose().to_owned()),
        ..key.caller.clone()
    }
}

/// The key's row as it stands.
pub(crate) async fn row(app: &TestApp, key: &Key) -> KeyRow {
    let calm = app
        .system
        .another_app(app.app().clock.clone(), &Weather::calm());
    calm.table
        .find_key(key.id)
        .await
        .expect("a read")
        .expect("a row")
}

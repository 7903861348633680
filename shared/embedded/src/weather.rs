//! The faults of a network and of AWS, between the SDK and an engine that has none.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::task;

use crate::dispatch;

/// What a client's calls go through, and the count of them. Clones share both.
#[derive(Clone)]
pub struct Weather(Arc<Inner>);

struct Inner {
    forecast: Mutex<Forecast>,
    serial: AtomicU64,
    calls: Mutex<VecDeque<CallSummary>>,
    /// How many conflicts each task has met in a row.
    conflicts: Mutex<HashMap<Option<task::Id>, u32>>,
}

#[derive(Clone)]
enum Forecast {
    Calm,
    Seeded(u64),
    Script(Arc<dyn Fn(&Call<'_>) -> Fault + Send + Sync>),
}

impl Weather {
    /// No faults.
    pub fn calm() -> Self {
        Self::new(Forecast::Calm)
    }

    /// Rare faults, the same for the same seed and order of calls, never so many that a caller who
    /// retries as one must could fail: the SDK's last attempt gets through, and no task meets
    /// more than two transaction conflicts in a row. Only operations on items are touched.
    pub fn seeded(seed: u64) -> Self {
        Self::new(Forecast::Seeded(seed))
    }

    /// Exactly these faults, each attempt asked for by itself.
    pub fn script(script: impl Fn(&Call<'_>) -> Fault + Send + Sync + 'static) -> Self {
        Self::new(Forecast::Script(Arc::new(script)))
    }

    /// Changes the weather of all who share this one into that of `other`; the count goes on.
    pub fn set(&self, other: &Self) {
        let forecast = lock(&other.0.forecast).clone();
        *lock(&self.0.forecast) = forecast;
    }

    /// The last 10,000 calls, oldest first.
    pub fn calls(&self) -> Vec<CallSummary> {
        lock(&self.0.calls).iter().cloned().collect()
    }

    /// As [`calls`](Weather::calls), and forgets them.
    pub fn take_calls(&self) -> Vec<CallSummary> {
        std::mem::take(&mut *lock(&self.0.calls)).into()
    }

    pub(crate) fn number_call(&self) -> u64 {
        self.0.serial.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn fault(&self, call: &Call<'_>) -> Fault {
        let forecast = lock(&self.0.forecast).clone();
        match forecast {
            Forecast::Calm => Fault::None,
            Forecast::Script(script) => script(call),
            Forecast::Seeded(_) if call.is_last_attempt() => Fault::None,
            Forecast::Seeded(_) if !dispatch::concerns_items(call.operation) => Fault::None,
            Forecast::Seeded(seed) => {
                let chance = mixed(seed, call.serial);
                match chance % 1000 {
                    0..10 => Fault::LoseAnswer,
                    10..15 => Fault::LoseRequest,
                    15..18 => Fault::HalfAnswer,
                    18..23 => Fault::Throttle,
                    23..28 => Fault::InternalError,
                    28..30 => Fault::Unavailable,
                    30..45 => Fault::Slow(Duration::from_millis(chance >> 32 & 3)),
                    45..60 => Fault::SlowAnswer(Duration::from_millis(chance >> 32 & 3)),
                    _ => Fault::None,
                }
            }
        }
    }

    /// How often a transaction lets others run while it holds its items; none in a calm.
    pub(crate) fn flight_time(&self, call: &Call<'_>) -> Option<u64> {
        match *lock(&self.0.forecast) {
            Forecast::Seeded(seed) => Some(1 + (mixed(seed, call.serial) >> 40) % 3),
            Forecast::Calm | Forecast::Script(_) => None,
        }
    }

    /// Whether a call that met a transaction is to be refused for it.
    pub(crate) fn refuses_conflict(&self, met: bool) -> bool {
        let mut conflicts = lock(&self.0.conflicts);
        // Retries after a conflict are new SDK calls; that they come from one task is all that joins them.
        let task = task::try_id();
        if !met {
            conflicts.remove(&task);
            return false;
        }
        let in_a_row = conflicts.entry(task).or_default();
        *in_a_row += 1;
        if *in_a_row > 2 {
            conflicts.remove(&task);
            return false;
        }
        true
    }

    pub(crate) fn record(&self, summary: CallSummary) {
        let mut calls = lock(&self.0.calls);
        // Bounded, because a local server never takes them.
        if calls.len() == 10_000 {
            calls.pop_front();
        }
        calls.push_back(summary);
    }

    fn new(forecast: Forecast) -> Self {
        Self(Arc::new(Inner {
            forecast: Mutex::new(forecast),
            serial: AtomicU64::new(0),
            calls: Mutex::default(),
            conflicts: Mutex::default(),
        }))
    }
}

impl fmt::Debug for Weather {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let forecast = match *lock(&self.0.forecast) {
            Forecast::Calm => "calm".to_owned(),
            Forecast::Seeded(seed) => format!("seeded({seed})"),
            Forecast::Script(_) => "script".to_owned(),
        };
        formatter.debug_tuple("Weather").field(&forecast).finish()
    }
}

/// One attempt of a call, as a script sees it.
#[non_exhaustive]
pub struct Call<'a> {
    /// Such as `PutItem`.
    pub operation: &'a str,
    /// How many attempts this weather has seen before, of all calls.
    pub serial: u64,
    /// From 1; the SDK's retries of one call count up.
    pub attempt: u32,
    /// The SDK's limit.
    pub max_attempts: u32,
    /// The request's JSON.
    pub body: &'a [u8],
}

impl Call<'_> {
    pub fn json(&self) -> Value {
        serde_json::from_slice(self.body).unwrap_or_default()
    }

    /// The tables that the request names, each once.
    pub fn tables(&self) -> Vec<String> {
        let body = self.json();
        let mut tables = Vec::new();
        if let Some(table) = body["TableName"].as_str() {
            tables.push(table.to_owned());
        }
        if let Some(requests) = body["RequestItems"].as_object() {
            tables.extend(requests.keys().cloned());
        }
        for action in body["TransactItems"].as_array().into_iter().flatten() {
            let kinds = action
                .as_object()
                .into_iter()
                .flat_map(|kinds| kinds.values());
            tables.extend(
                kinds
                    .filter_map(|kind| kind["TableName"].as_str())
                    .map(str::to_owned),
            );
        }
        tables.sort();
        tables.dedup();
        tables
    }

    pub fn is_last_attempt(&self) -> bool {
        self.attempt >= self.max_attempts
    }
}

impl fmt::Debug for Call<'_> {
    // Without the body: it may hold what is secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} ({}/{})",
            self.operation, self.attempt, self.max_attempts
        )
    }
}

/// What happens to one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    None,
    /// No connection.
    Unreachable,
    /// The connection breaks before the request is applied.
    LoseRequest,
    /// It is applied, and the connection breaks.
    LoseAnswer,
    /// It is applied, and the connection breaks within the answer's body.
    HalfAnswer,
    /// Applied after so long, or never, if the caller's timeout comes first.
    Slow(Duration),
    /// Applied, and answered after so long.
    SlowAnswer(Duration),
    /// 400 ProvisionedThroughputExceededException.
    Throttle,
    /// 400 ThrottlingException, as on-demand tables answer.
    ThrottleOnDemand,
    /// 500 InternalServerError.
    InternalError,
    /// 503.
    Unavailable,
    /// 400 ExpiredTokenException.
    ExpiredCredentials,
    /// 400 TransactionConflictException, or a cancelled transaction with that reason for its first item.
    TransactionConflict,
}

/// What DynamoDB answers instead of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// 400, 500 or 503.
    pub status: u16,
    /// The exception, with its namespace.
    pub kind: &'static str,
    pub message: &'static str,
}

impl Fault {
    /// Nothing is applied, and the SDK asks again.
    pub const TRIED_AGAIN: [Fault; 6] = [
        Fault::Throttle,
        Fault::ThrottleOnDemand,
        Fault::InternalError,
        Fault::Unavailable,
        Fault::Unreachable,
        Fault::LoseRequest,
    ];

    /// `None` for those that are no answer.
    pub fn refusal(self) -> Option<Refusal> {
        let (status, kind, message) = match self {
            Fault::Throttle => (
                400,
                "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
                "The level of configured provisioned throughput for the table was exceeded. \
                 Consider increasing your provisioning level with the UpdateTable API.",
            ),
            Fault::ThrottleOnDemand => (
                400,
                "com.amazon.coral.availability#ThrottlingException",
                "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically \
                 scaling your table or index so please try again shortly.",
            ),
            Fault::InternalError => (
                500,
                "com.amazonaws.dynamodb.v20120810#InternalServerError",
                "The request processing has failed because of an unknown error, exception or failure.",
            ),
            Fault::Unavailable => (
                503,
                "com.amazon.coral.availability#ServiceUnavailableException",
                "Service is unavailable. Please try again later.",
            ),
            Fault::ExpiredCredentials => (
                400,
                "com.amazon.coral.service#ExpiredTokenException",
                "The security token included in the request is expired",
            ),
            Fault::TransactionConflict => (
                400,
                "com.amazonaws.dynamodb.v20120810#TransactionConflictException",
                "Transaction is ongoing for the item",
            ),
            Fault::None
            | Fault::Unreachable
            | Fault::LoseRequest
            | Fault::LoseAnswer
            | Fault::HalfAnswer
            | Fault::Slow(_)
            | Fault::SlowAnswer(_) => return None,
        };
        Some(Refusal {
            status,
            kind,
            message,
        })
    }
}

/// One attempt of a call, as it went.
#[derive(Debug, Clone, PartialEq)]
pub struct CallSummary {
    /// Such as `PutItem`.
    pub operation: String,
    /// The tables that the request names, sorted.
    pub tables: Vec<String>,
    pub attempt: u32,
    /// Indexes included. Zero when refused: AWS charges for a failed condition, and does not say so.
    pub write_units: f64,
    /// Indexes included.
    pub read_units: f64,
    /// Of the engine's answer, which a fault may have kept from the caller; none if it was not reached.
    pub status: Option<u16>,
    pub fault: Fault,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// SplitMix64: a fault depends on nothing but the seed and the call's number.
fn mixed(seed: u64, serial: u64) -> u64 {
    let mut bits = seed.wrapping_add(serial.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

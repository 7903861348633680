//! DynamoDB inside the process: an HTTP client for the real SDK that answers from one SQLite file.
//!
//! Owns the file, the JSON protocol, the stream of changes, and the [`Weather`] that keeps the engine
//! from being kinder than AWS.
//! Invariant: what was acknowledged, rows and stream records alike, survives the process being killed.
//! Knows nothing of the product: no table name, no key, no entity.

mod connector;
mod dispatch;
mod flights;
mod place;
mod streams;
mod weather;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use dynoxide::Database;
use tokio::sync::watch;

pub use crate::place::Place;
pub use crate::streams::{InvalidSequenceNumber, SequenceNumber, StreamRecord};
pub use crate::weather::{Call, CallSummary, Fault, Refusal, Weather};

use crate::connector::Connector;
use crate::flights::Flights;
use crate::place::Home;
use crate::streams::StreamFile;

/// The process's clock; stream records carry its time, not the machine's.
pub type Now = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// A handle to the engine; clones share it, and the last one to go closes the file.
///
/// Each clone remembers by itself which writes its [`changed`](Engine::changed) has reported, so every
/// waiting task takes its own clone.
pub struct Engine {
    shared: Arc<Shared>,
    seen: AtomicU64,
}

/// An answer of the JSON protocol and what it cost, indexes included.
#[derive(Debug, Clone, PartialEq)]
pub struct Metered {
    pub status: u16,
    pub body: Vec<u8>,
    pub read_units: f64,
    /// Zero when refused: AWS charges for a failed condition, and does not say so.
    pub write_units: f64,
}

struct Shared {
    database: Database,
    /// Held around every call into `database` too: it is what keeps the two connections to the file
    /// from ever meeting, so neither sees SQLITE_BUSY. It costs nothing, the engine serializes anyway.
    streams: Mutex<StreamFile>,
    now: Now,
    writes: watch::Sender<u64>,
    key_names: Mutex<HashMap<String, Arc<[String]>>>,
    flights: Flights,
    // Last: a temporary directory may go only after both connections are closed.
    home: Home,
}

impl Engine {
    /// Opens or creates the file. One process at a time may have it open.
    pub fn open(place: Place, now: Now) -> Result<Self, EngineError> {
        let home = Home::prepare(place)?;
        let path = home
            .file()
            .to_str()
            .ok_or_else(|| EngineError::Path(home.file().to_owned()))?;
        let database = Database::new(path)?;
        // The only public doors to dynoxide's `PRAGMA synchronous`. Its default syncs the disk on every
        // commit; NORMAL loses nothing when the process is killed, and OFF suits a file that dies with it.
        if home.is_temporary() {
            database.enable_bulk_loading()?;
        } else {
            database.disable_bulk_loading()?;
        }
        let streams = StreamFile::open(home.file())?;
        Ok(Self {
            shared: Arc::new(Shared {
                database,
                streams: Mutex::new(streams),
                now,
                writes: watch::Sender::new(0),
                key_names: Mutex::default(),
                flights: Flights::default(),
                home,
            }),
            seen: AtomicU64::new(0),
        })
    }

    /// The files that hold the data, for whoever looks for what must not be in them.
    pub fn files(&self) -> Vec<PathBuf> {
        let file = self.shared.home.file();
        let wal = file.with_extension("sqlite-wal");
        [file.to_owned(), wal]
            .into_iter()
            .filter(|path| path.exists())
            .collect()
    }

    /// An SDK client that calls this engine through `weather`, without a socket.
    pub fn client(&self, weather: Weather) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::from_conf(self.config(weather).build())
    }

    /// The configuration behind [`client`](Engine::client), for a caller with other timeouts or retries.
    pub fn config(&self, weather: Weather) -> aws_sdk_dynamodb::config::Builder {
        static CLIENTS: AtomicU64 = AtomicU64::new(0);
        let client = CLIENTS.fetch_add(1, Ordering::Relaxed);
        aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(Credentials::new("local", "local", None, None, "embedded"))
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(3)
                    .with_initial_backoff(Duration::from_millis(25)),
            )
            // The SDK's retry budget is shared by all clients of a region: without a partition of its own,
            // one test that is throttled on purpose would use up the retries of every other.
            .retry_partition(RetryPartition::new(format!("embedded-{client}")))
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_attempt_timeout(Duration::from_secs(1))
                    .operation_timeout(Duration::from_secs(4))
                    .build(),
            )
            .http_client(Connector::new(self.clone(), weather))
    }

    /// The raw JSON protocol, for a listener: an `x-amz-target` and a body give a status and a body of
    /// `application/x-amz-json-1.0`. Signatures are the listener's business.
    pub fn dispatch(&self, target: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let answer = self.answer(target, body);
        (answer.status, answer.body)
    }

    /// As [`dispatch`](Engine::dispatch), with what it cost.
    pub fn metered(&self, target: &str, body: &[u8]) -> Metered {
        let operation = dispatch::operation(target).unwrap_or(target);
        let answer = self.answer(target, body);
        let (read_units, write_units) = answer.units(operation);
        Metered {
            status: answer.status,
            body: answer.body,
            read_units,
            write_units,
        }
    }

    /// The records of `table`'s stream that were not trimmed, oldest first, at most `limit`, from behind
    /// `after` if given. After a crash they start again at the oldest: delivery is at least once.
    pub fn stream_records(
        &self,
        table: &str,
        after: Option<SequenceNumber>,
        limit: usize,
    ) -> Result<Vec<StreamRecord>, EngineError> {
        let description = self.shared.database.get_table_metadata(table)?;
        let description = description.ok_or_else(|| EngineError::NoTable(table.to_owned()))?;
        self.streams().read(&description, after, limit)
    }

    /// Forgets records for good, in one transaction and in any order.
    pub fn trim_records(
        &self,
        table: &str,
        handed_over: &[SequenceNumber],
    ) -> Result<(), EngineError> {
        Ok(self.streams().trim(table, handed_over)?)
    }

    /// Rows in the stream store, of all tables: those not trimmed, and at most one marker a table.
    pub fn stored_stream_records(&self) -> Result<u64, EngineError> {
        Ok(self.streams().count()?)
    }

    /// Resolves once something was written since this handle's previous `changed` returned (the first
    /// time: since the engine was opened). A write between two waits is not missed.
    pub async fn changed(&self) {
        let seen = self.seen.load(Ordering::Acquire);
        let mut writes = self.shared.writes.subscribe();
        // An error would mean that the sender is gone, and `self` holds it.
        if let Ok(now) = writes.wait_for(|count| *count > seen).await {
            self.seen.store(*now, Ordering::Release);
        }
    }

    /// Deletes the rows whose TTL is over *by the machine's clock* (dynoxide offers no other), with the
    /// stream records that DynamoDB's own sweeper leaves. Returns how many went.
    pub fn sweep_expired(&self) -> Result<usize, EngineError> {
        let mut streams = self.streams();
        let swept = self.shared.database.sweep_ttl()?;
        streams.stamp((self.shared.now)())?;
        drop(streams);
        if swept > 0 {
            self.announce_write();
        }
        Ok(swept)
    }

    fn streams(&self) -> MutexGuard<'_, StreamFile> {
        // Every change to the file is one SQLite transaction, so a panic leaves nothing half done.
        self.shared
            .streams
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn announce_write(&self) {
        self.shared.writes.send_modify(|count| *count += 1);
    }
}

/// Also the region in the records' and streams' names.
const REGION: &str = "local";

impl Clone for Engine {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            seen: AtomicU64::new(self.seen.load(Ordering::Acquire)),
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Engine").finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("cannot use {path}")]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{0} is not UTF-8, as dynoxide wants a path to be")]
    Path(PathBuf),
    #[error("there is no table {0}")]
    NoTable(String),
    #[error("a stored stream record is not JSON")]
    Record(#[from] serde_json::Error),
    #[error("the stream store failed")]
    Streams(#[from] rusqlite::Error),
    #[error("the engine failed")]
    Database(#[from] dynoxide::DynoxideError),
}

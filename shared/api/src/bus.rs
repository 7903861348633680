//! What others may hear of, put on an event bus.

use serde_json::Value;
use std::{fmt, future::Future, pin::Pin, sync::Arc};

/// One event for whoever listens. Its detail holds an id of its own, the same each time that the same event is put.
#[derive(Debug, Clone, PartialEq)]
pub struct BusEvent {
    pub source: &'static str,
    pub detail_type: &'static str,
    pub detail: Value,
}

/// The bus did not take the event; it is to be put again.
#[derive(Debug, thiserror::Error)]
#[error("the event was not taken: {0}")]
pub struct NotPut(pub String);

/// Takes an event once and for all, or doesn't.
pub type Put =
    Arc<dyn Fn(BusEvent) -> Pin<Box<dyn Future<Output = Result<(), NotPut>> + Send>> + Send + Sync>;

/// A bus that others listen to.
#[derive(Clone)]
pub struct Bus(pub Put);

impl Bus {
    /// # Errors
    /// Where the event must be put again; it may have been taken all the same.
    pub async fn put(&self, event: BusEvent) -> Result<(), NotPut> {
        (self.0)(event).await
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bus")
    }
}

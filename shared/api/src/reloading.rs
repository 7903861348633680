//! Secrets that a process reads again while it lives, so that a rotation reaches it.

use chrono::Duration;
use model::Timestamp;
use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, PoisonError, RwLock},
};

/// Where the secret is read from; `None` when it can't be had now.
pub type Source<T> = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Option<T>> + Send>> + Send + Sync>;

/// A secret as it was last read.
pub struct Reloading<T> {
    state: RwLock<State<T>>,
    source: Option<Source<T>>,
}

struct State<T> {
    value: Arc<T>,
    /// When it was last tried to read it.
    tried: Timestamp,
}

impl<T> Reloading<T> {
    /// A rotation stages a generation for longer than this, so that everybody knows it before anybody uses it.
    const EVERY: Duration = Duration::minutes(5);
    /// What junk can cause at the most.
    const AT_MOST_EVERY: Duration = Duration::minutes(1);

    /// One that never changes.
    pub fn fixed(value: T) -> Reloading<T> {
        Reloading::of(value, Timestamp::LAST, None)
    }

    /// One that was read at `now`.
    pub fn new(value: T, now: Timestamp, source: Source<T>) -> Reloading<T> {
        Reloading::of(value, now, Some(source))
    }

    fn of(value: T, tried: Timestamp, source: Option<Source<T>>) -> Reloading<T> {
        let value = Arc::new(value);
        Reloading {
            state: RwLock::new(State { value, tried }),
            source,
        }
    }

    /// As it was last read, whenever that was.
    pub fn latest(&self) -> Arc<T> {
        Arc::clone(
            &self
                .state
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .value,
        )
    }

    /// As it is, give or take 5 minutes.
    pub async fn current(&self, now: Timestamp) -> Arc<T> {
        self.reread(now, Self::EVERY).await;
        self.latest()
    }

    /// For a caller that the latest didn't satisfy: read again, unless that was tried within the last minute.
    pub async fn newer(&self, now: Timestamp) -> Option<Arc<T>> {
        self.reread(now, Self::AT_MOST_EVERY)
            .await
            .then(|| self.latest())
    }

    async fn reread(&self, now: Timestamp, after: Duration) -> bool {
        let Some(source) = &self.source else {
            return false;
        };
        {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            if now.since(state.tried) < after {
                return false;
            }
            // Noted first, so that one reading is under way and a failing one isn't repeated at once.
            state.tried = now;
        }
        let Some(value) = source().await else {
            tracing::warn!("a secret was not read again; the last one is used");
            return false;
        };
        self.state
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .value = Arc::new(value);
        true
    }
}

impl<T> fmt::Debug for Reloading<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reloading")
    }
}

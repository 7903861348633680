//! Secrets that a process reads again while it lives, so that a rotation reaches it.

use chrono::Duration;
use model::Timestamp;
use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
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
    /// When the reading began that gave the value.
    read: Timestamp,
    /// When the last reading began: while that is later, it is under way or has failed.
    tried: Timestamp,
}

/// The secret may have changed since it was last read: what doesn't fit it may be good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the secret was not read again")]
pub struct NotReadAgain;

impl<T> Reloading<T> {
    /// A rotation stages a generation for longer than this, so that everybody knows it before anybody uses it.
    const EVERY: Duration = Duration::minutes(5);
    /// What was read within it may refuse; so this is what junk can cause at the most, while reading succeeds.
    const FRESH: Duration = Duration::minutes(1);
    /// Between a reading that failed and the next for somebody who can't do without.
    const PAUSE: Duration = Duration::seconds(1);

    /// One that never changes.
    pub fn fixed(value: T) -> Reloading<T> {
        Reloading::of(value, Timestamp::LAST, None)
    }

    /// One that was read at `now`.
    pub fn new(value: T, now: Timestamp, source: Source<T>) -> Reloading<T> {
        Reloading::of(value, now, Some(source))
    }

    fn of(value: T, read: Timestamp, source: Option<Source<T>>) -> Reloading<T> {
        let value = Arc::new(value);
        Reloading {
            state: RwLock::new(State {
                value,
                read,
                tried: read,
            }),
            source,
        }
    }

    /// As it was last read, whenever that was.
    pub fn latest(&self) -> Arc<T> {
        Arc::clone(&self.state().value)
    }

    /// As it is, give or take 5 minutes, or longer while it can't be read: for what will most likely fit.
    pub async fn current(&self, now: Timestamp) -> Arc<T> {
        // Most callers can do with what there is, so a source that is down holds one of them up a minute.
        self.reread(now, Self::EVERY, Self::FRESH).await;
        self.latest()
    }

    /// As it was within the last minute: what doesn't fit this is nothing of ours.
    ///
    /// # Errors
    /// It can't be read now, or somebody else is reading it; nobody waits for another's reading.
    pub async fn fresh(&self, now: Timestamp) -> Result<Arc<T>, NotReadAgain> {
        self.reread(now, Self::FRESH, Self::PAUSE).await;
        let state = self.state();
        match now.since(state.read) < Self::FRESH {
            true => Ok(Arc::clone(&state.value)),
            false => Err(NotReadAgain),
        }
    }

    /// Reads again what is as old as `age`, unless that was tried within the last `pause`.
    async fn reread(&self, now: Timestamp, age: Duration, pause: Duration) {
        let Some(source) = &self.source else {
            return;
        };
        {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            if now.since(state.read) < age || now.since(state.tried) < pause {
                return;
            }
            // Noted first, so that a reading that never ends, or fails, isn't repeated at once.
            state.tried = now;
        }
        let Some(value) = source().await else {
            tracing::warn!("a secret was not read again; the last one is used");
            return;
        };
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        // A slow reading must not undo a later one.
        if state.read < now {
            state.value = Arc::new(value);
            state.read = now;
        }
    }

    fn state(&self) -> RwLockReadGuard<'_, State<T>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for Reloading<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reloading")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    use tokio::sync::Semaphore;

    /// A secret store whose secret is the number of times that it was read.
    struct Place {
        readings: AtomicU32,
        down: AtomicBool,
        /// How many readings may end.
        answers: Semaphore,
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + seconds * 1000).expect("in range")
    }

    fn start(answers: usize) -> (Arc<Place>, Reloading<u32>) {
        let place = Arc::new(Place {
            readings: AtomicU32::new(0),
            down: AtomicBool::new(false),
            answers: Semaphore::new(answers),
        });
        let source = Arc::clone(&place);
        let source: Source<u32> = Arc::new(move || {
            let place = Arc::clone(&source);
            Box::pin(async move {
                let reading = place.readings.fetch_add(1, Ordering::SeqCst) + 1;
                place.answers.acquire().await.ok()?.forget();
                (!place.down.load(Ordering::SeqCst)).then_some(reading)
            })
        });
        (place, Reloading::new(0, at(0), source))
    }

    const MANY: usize = 1_000;

    #[tokio::test]
    async fn it_is_read_again_after_five_minutes() {
        let (_, secret) = start(MANY);
        for (second, reading) in [(0, 0), (299, 0), (300, 1), (599, 1), (600, 2)] {
            assert_eq!(*secret.current(at(second)).await, reading, "at {second} s");
        }
    }

    #[tokio::test]
    async fn junk_reads_once_a_minute() {
        let (place, secret) = start(MANY);
        for second in 0..600 {
            for _ in 0..3 {
                let fresh = secret.fresh(at(second)).await.map(|value| *value);
                assert_eq!(fresh, Ok((second / 60) as u32), "at {second} s");
            }
        }
        assert_eq!(place.readings.load(Ordering::SeqCst), 9);
    }

    #[tokio::test]
    async fn what_was_not_read_again_refuses_nobody_and_is_tried_once_a_second() {
        let (place, secret) = start(MANY);
        place.down.store(true, Ordering::SeqCst);
        assert_eq!(secret.fresh(at(59)).await.map(|value| *value), Ok(0));
        for second in 60..90 {
            for _ in 0..3 {
                assert_eq!(secret.fresh(at(second)).await, Err(NotReadAgain));
            }
        }
        assert_eq!(place.readings.load(Ordering::SeqCst), 30);
        // And it is used as it is.
        assert_eq!(*secret.current(at(90)).await, 0);
        place.down.store(false, Ordering::SeqCst);
        assert_eq!(secret.fresh(at(90)).await.map(|value| *value), Ok(31));
    }

    #[tokio::test]
    async fn a_source_that_is_down_holds_one_good_caller_up_a_minute() {
        let (place, secret) = start(MANY);
        place.down.store(true, Ordering::SeqCst);
        for second in 300..600 {
            assert_eq!(*secret.current(at(second)).await, 0);
        }
        assert_eq!(place.readings.load(Ordering::SeqCst), 5);
    }

    #[tokio::test]
    async fn nobody_waits_for_the_reading_of_another_nor_is_refused_meanwhile() {
        let (place, secret) = start(0);
        let secret = Arc::new(secret);
        let reader = Arc::clone(&secret);
        let reader = tokio::spawn(async move { reader.current(at(300)).await });
        tokio::task::yield_now().await;
        assert_eq!(place.readings.load(Ordering::SeqCst), 1);
        assert_eq!(secret.fresh(at(300)).await, Err(NotReadAgain));
        assert_eq!(*secret.current(at(300)).await, 0);
        place.answers.add_permits(1);
        assert_eq!(*reader.await.expect("no panic"), 1);
    }

    /// As when Lambda freezes the process for good in the middle.
    #[tokio::test]
    async fn a_reading_that_never_ended_is_begun_anew_and_a_slow_one_undoes_no_later_one() {
        let (place, secret) = start(0);
        let mut slow = Box::pin(secret.fresh(at(60)));
        tokio::select! {
            biased;
            _ = &mut slow => panic!("it can't end"),
            () = tokio::task::yield_now() => {}
        }
        place.answers.add_permits(2);
        drop(place.answers.try_acquire());
        let later = secret.fresh(at(61)).await.map(|value| *value);
        assert_eq!(later, Ok(2));
        assert_eq!(slow.await.map(|value| *value), Ok(2));
    }

    #[tokio::test]
    async fn one_that_never_changes_is_always_fresh() {
        let secret = Reloading::fixed(7);
        for second in [0, 60, 1_000_000] {
            assert_eq!(secret.fresh(at(second)).await.map(|value| *value), Ok(7));
        }
    }
}

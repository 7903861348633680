//! How many connections a listener has, and which of them goes where one more comes.
//!
//! Invariant: a request that has come whole keeps its place until it is answered, whatever its client does meanwhile; only who keeps us waiting loses it, the longest first, and nobody at once.
//! Knows nothing of HTTP or sockets.

use std::{
    collections::{BTreeMap, btree_map::OccupiedEntry},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::{self, Instant},
};

/// The places of one listener.
#[derive(Debug)]
pub(crate) struct Connections {
    places: Arc<Semaphore>,
    waiting: Arc<Mutex<Waiting>>,
}

/// Who waits for its client: to send a request, to send all of it, or to hang up.
#[derive(Debug, Default)]
struct Waiting {
    turns: u64,
    since: BTreeMap<u64, (Instant, Arc<Notify>)>,
}

/// One connection's; free when the last holder drops it.
#[derive(Debug)]
pub(crate) struct Place {
    waiting: Arc<Mutex<Waiting>>,
    /// In [`Waiting`].
    turn: AtomicU64,
    close: Arc<Notify>,
    _permit: OwnedSemaphorePermit,
}

/// While it lives, the place is nobody else's.
#[derive(Debug)]
pub(crate) struct Busy(Arc<Place>);

/// What a client has sent may still have to be read: on a busy machine by a task whose turn comes late.
const PATIENCE: Duration = Duration::from_millis(500);

impl Connections {
    pub(crate) fn new(most: usize) -> Connections {
        Connections {
            places: Arc::new(Semaphore::new(most)),
            waiting: Arc::default(),
        }
    }

    /// A place for one more. Where all are taken, who has kept us waiting longest goes; where nobody does, this one waits.
    pub(crate) async fn take(&self) -> Arc<Place> {
        const PAUSE: Duration = Duration::from_millis(10);
        loop {
            let places = Arc::clone(&self.places);
            // Whoever is told to go needs a moment; and somebody may have kept us waiting for too long meanwhile.
            let pause = match places.available_permits() == 0 && self.close_oldest() {
                true => PATIENCE,
                false => PAUSE,
            };
            if let Ok(Ok(permit)) = time::timeout(pause, places.acquire_owned()).await {
                return Arc::new(Place {
                    waiting: Arc::clone(&self.waiting),
                    turn: AtomicU64::new(0),
                    close: Arc::default(),
                    _permit: permit,
                });
            }
        }
    }

    /// Closes the connection that has kept us waiting longest, if that was long.
    pub(crate) fn close_oldest(&self) -> bool {
        let mut waiting = locked(&self.waiting);
        let oldest = waiting.since.first_entry();
        let oldest = oldest.filter(|oldest| oldest.get().0.elapsed() >= PATIENCE);
        let Some((_, close)) = oldest.map(OccupiedEntry::remove) else {
            return false;
        };
        close.notify_one();
        true
    }
}

impl Place {
    /// When its turn has come to go.
    pub(crate) async fn closed(&self) {
        self.close.notified().await;
    }

    /// A request has come whole. `None`: too late, it is closed.
    pub(crate) fn begin(self: &Arc<Place>) -> Option<Busy> {
        let turn = self.turn.load(Ordering::Relaxed);
        let was_waiting = locked(&self.waiting).since.remove(&turn);
        was_waiting.map(|_| Busy(Arc::clone(self)))
    }

    /// From now on its client keeps us waiting. What was sent before must not count, so its reader says so.
    pub(crate) fn wait(&self) {
        let mut waiting = locked(&self.waiting);
        waiting.turns += 1;
        let turn = waiting.turns;
        self.turn.store(turn, Ordering::Relaxed);
        let close = Arc::clone(&self.close);
        waiting.since.insert(turn, (Instant::now(), close));
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.wait();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let turn = self.turn.load(Ordering::Relaxed);
        locked(&self.waiting).since.remove(&turn);
    }
}

fn locked(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn is_closed(place: &Arc<Place>) -> bool {
        place.closed().now_or_never().is_some()
    }

    #[tokio::test]
    async fn who_has_kept_us_waiting_longest_goes_and_who_is_busy_stays() {
        let connections = Connections::new(3);
        let (first, second, third) = (
            connections.take().await,
            connections.take().await,
            connections.take().await,
        );
        for place in [&first, &second, &third] {
            place.wait();
        }
        // The first is answered, and waits anew; the second is asked for something.
        drop(first.begin().expect("open"));
        let busy = second.begin().expect("open");
        let fourth = connections.take();
        let mut fourth = std::pin::pin!(fourth);
        assert!((&mut fourth).now_or_never().is_none(), "no place");
        assert!(
            ![&first, &second, &third].into_iter().any(is_closed),
            "at once"
        );
        assert!(time::timeout(PATIENCE * 3 / 2, &mut fourth).await.is_err());
        assert!(is_closed(&third) && !is_closed(&first) && !is_closed(&second));
        assert!(third.begin().is_none(), "a request that comes too late");
        drop(third);
        let fourth = fourth.await;
        fourth.wait();
        let all = [fourth.begin(), first.begin()];
        assert!(all.iter().all(Option::is_some));
        // Nobody waits, so that the next one does, and nobody loses anything.
        let fifth = time::timeout(PATIENCE * 2, connections.take());
        assert!(fifth.await.is_err());
        assert!(!is_closed(&first) && !is_closed(&second) && !is_closed(&fourth));
        // Its client hangs up: what it asked for still has its place.
        drop(second);
        assert!(connections.take().now_or_never().is_none());
        drop(busy);
        connections.take().await;
        drop(all);
    }
}

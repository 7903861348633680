//! One call to the store that waits until a test lets it go, so that no clock decides who is first, or from which on a process is dead.

use embedded::{Call, Fault, Weather};
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
    mpsc,
};
use tokio::{sync::watch, task};

/// The first call of a kind, held at its beginning. Needs a runtime of several threads: the call keeps one.
#[derive(Debug)]
pub struct Held {
    begun: watch::Receiver<bool>,
    /// Dropped to let the call go.
    _let_go: mpsc::Sender<()>,
}

impl Held {
    /// Of all who share the weather, the first call that is such a one is held; everything else passes.
    pub fn first(
        weather: &Weather,
        is: impl Fn(&Call<'_>) -> bool + Send + Sync + 'static,
    ) -> Held {
        let (seen, begun) = watch::channel(false);
        let (let_go, gone) = mpsc::channel::<()>();
        let gone = Mutex::new(gone);
        weather.set(&Weather::script(move |call| {
            if is(call) && !seen.send_replace(true) {
                let gone = gone.lock().unwrap_or_else(PoisonError::into_inner);
                // Nothing is ever sent.
                let _ = task::block_in_place(|| gone.recv());
            }
            Fault::None
        }));
        Held {
            begun,
            _let_go: let_go,
        }
    }

    /// Waits for the call.
    pub async fn begun(&mut self) {
        let begun = self.begun.wait_for(|seen| *seen);
        begun
            .await
            .expect("the script lives as long as the weather");
    }

    /// What comes of it is up to the store: the client may have lost its patience and send it again.
    pub fn let_go(self) {}
}

/// A write of a company's objects. The audit consumer has transactions of its own, at any time.
pub fn is_transaction_of_records(call: &Call<'_>) -> bool {
    let mut tables = call.tables().into_iter();
    call.operation == "TransactWriteItems" && tables.any(|table| table.ends_with("-records"))
}

/// The weather of a process that dies: from the call with this number on, counted from 0, nothing but the fault. And how many calls there were.
pub fn dies_from(call: usize, fault: Fault) -> (Weather, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let weather = Weather::script(
        move |_| match counted.fetch_add(1, Ordering::SeqCst) >= call {
            true => fault,
            false => Fault::None,
        },
    );
    (weather, calls)
}

//! A process of the product whose tables don't exist: who reaches the store gets a fault of ours, and so can be told apart from who is turned away before.

use api::{App, Clock, Entropy, Reloading, SignIn};
use auth::{Keyring, SecretDocument, SessionKeys};
use embedded::{Engine, Place, Weather};
use std::sync::{Arc, LazyLock};
use store::{Table, TableNames};
use tokio::runtime::{Builder, Runtime};

/// Of all secrets.
pub(crate) fn document() -> SecretDocument {
    SecretDocument::generate([3; 32], 0)
}

pub(crate) struct Process {
    pub(crate) app: App,
    runtime: Runtime,
    /// Counts the store's calls.
    weather: Weather,
    // The client doesn't keep it open.
    _engine: Engine,
}

impl Process {
    pub(crate) fn new(sign_in: Option<SignIn>) -> Process {
        let clock = Clock::system();
        let now = clock.clone();
        let engine = Engine::open(Place::Temporary, Arc::new(move || now.instant()));
        let engine = engine.expect("a temporary file");
        let weather = Weather::calm();
        let names = TableNames::with_prefix("nowhere");
        let app = App {
            table: Table::new(engine.client(weather.clone()), names),
            clock,
            entropy: Entropy,
            cursors: None,
            keyring: Some(Arc::new(Reloading::fixed(Keyring::new(&document())))),
            invitations: None,
            sessions: Some(Arc::new(Reloading::fixed(SessionKeys::new(&document())))),
            issuer: Some(Arc::new(crate::issuer::trusted())),
            sign_in,
            mailer: None,
            bus: None,
            export_signer: None,
            checkpoint_signer: None,
            audit_keys: None,
            checkpoints: None,
            quarantine: None,
            failures: None,
        };
        let runtime = Builder::new_current_thread().enable_time().build();
        Process {
            app,
            runtime: runtime.expect("a runtime"),
            weather,
            _engine: engine,
        }
    }

    /// What becomes of it, and how often it asked the store.
    pub(crate) fn run<T>(&self, future: impl Future<Output = T>) -> (T, usize) {
        self.weather.take_calls();
        let made = self.runtime.block_on(future);
        (made, self.weather.take_calls().len())
    }
}

pub(crate) static PROCESS: LazyLock<Process> = LazyLock::new(|| Process::new(None));

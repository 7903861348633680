//! What a process has: the tables, the clock, randomness, the keys that seal cursors.

use auth::{InvitationKeys, Keyring, SessionKeys};
use model::Timestamp;
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::SystemTime,
};
use store::{CursorKeys, Table};
use trail::AuditKeys;

use crate::{Bus, Mailer, Objects, Reloading, SignIn, Signer, TrustedIssuer};

/// What every function gets.
#[derive(Debug, Clone)]
pub struct App {
    pub table: Table,
    pub clock: Clock,
    pub entropy: Entropy,
    /// `None` in functions that list nothing.
    pub cursors: Option<Arc<Reloading<CursorKeys>>>,
    /// `None` in functions that neither check nor make keys.
    pub keyring: Option<Arc<Reloading<Keyring>>>,
    /// `None` in functions that neither write nor read the links of invitations.
    pub invitations: Option<Arc<Reloading<InvitationKeys>>>,
    /// `None` everywhere but in the dashboard.
    pub sessions: Option<Arc<Reloading<SessionKeys>>>,
    /// `None` everywhere but in the dashboard.
    pub sign_in: Option<SignIn>,
    /// `None` in functions that read no people's tokens.
    pub issuer: Option<Arc<TrustedIssuer>>,
    /// `None` where nothing carries mail; what is to be sent waits.
    pub mailer: Option<Mailer>,
    /// `None` in functions that tell nobody else.
    pub bus: Option<Bus>,
    /// Signs the last lines of exports; `None` in functions that export nothing.
    pub export_signer: Option<Signer>,
    /// Signs checkpoints; `None` in all functions but that one.
    pub checkpoint_signer: Option<Signer>,
    /// `None` in functions that don't publish them.
    pub audit_keys: Option<Arc<AuditKeys>>,
    /// `None` in functions that neither write nor read checkpoints.
    pub checkpoints: Option<Objects>,
    /// Stream records that could not be read; `None` in all functions but the streams' consumer.
    pub quarantine: Option<Objects>,
    /// Batches that the consumer failed on to the end; `None` in all functions but that one, and where there are none.
    pub failures: Option<Objects>,
}

/// The only reader of time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    /// The machine's clock.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clock"
    )]
    pub fn system() -> Clock {
        Clock(Arc::new(SystemTime::now))
    }

    /// The machine's clock moved by what the dial says, in milliseconds: for tests and demonstrations.
    pub fn moved(dial: Arc<AtomicI64>) -> Clock {
        let system = Clock::system();
        Clock(Arc::new(move || {
            let moved = dial.load(Ordering::SeqCst);
            let by = std::time::Duration::from_millis(moved.unsigned_abs());
            if moved >= 0 {
                system.instant() + by
            } else {
                system.instant() - by
            }
        }))
    }

    /// This clock with a skew of its own.
    pub fn skewed(&self, millis: i64) -> Clock {
        let clock = self.clone();
        let by = std::time::Duration::from_millis(millis.unsigned_abs());
        Clock(Arc::new(move || {
            if millis >= 0 {
                clock.instant() + by
            } else {
                clock.instant() - by
            }
        }))
    }

    pub fn instant(&self) -> SystemTime {
        (self.0)()
    }

    pub fn now(&self) -> Timestamp {
        let since = self
            .instant()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let millis = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        // A clock that is out of range shows the end of time: nothing that could expire is valid then.
        Timestamp::from_millis(millis).unwrap_or(Timestamp::LAST)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// The only source of randomness: a cryptographic generator seeded by the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct Entropy;

impl Entropy {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads randomness"
    )]
    pub fn bytes<const N: usize>(self) -> [u8; N] {
        rand::random()
    }
}

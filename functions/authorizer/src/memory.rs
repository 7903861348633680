//! What one process remembers: hints, and refusals for one second. Bounded, and never believed to accept.

use auth::{Asked, NamedCompany, Refusal, Verdict};
use lru::LruCache;
use model::Timestamp;
use std::{
    hash::Hash,
    net::IpAddr,
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::decide::{Facts, Subject};

/// Entries of each kind; a row's facts are about 1 KB.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(4_096).expect("not zero");
/// How long the store's refusal is remembered.
const REFUSAL_MILLIS: i64 = 1_000;

pub(crate) struct Memory {
    hints: Mutex<LruCache<Subject, Hint>>,
    refusals: Mutex<LruCache<Remember, Refusing>>,
    kept: Mutex<LruCache<Subject, KeptDenials>>,
}

/// A row as it was last seen.
struct Hint {
    facts: Facts,
    seen: Timestamp,
}

/// What a refusal was about: nothing else may be refused by remembering it, least of all the same key's good secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Remember {
    subject: Subject,
    credential: [u8; 16],
    address: IpAddr,
    operation: &'static str,
    company: NamedCompany,
}

/// A remembered refusal.
struct Refusing {
    version: u64,
    at: Timestamp,
}

/// What was kept of a subject's refusals.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeptDenials {
    pub(crate) minute: i64,
    pub(crate) count: u32,
    /// The last full window that was told of.
    pub(crate) window: Option<auth::Window>,
}

impl Remember {
    pub(crate) fn new(subject: &Subject, credential: [u8; 16], asked: &Asked) -> Remember {
        Remember {
            subject: subject.clone(),
            credential,
            address: asked.address,
            operation: asked.route.operation,
            company: asked.company,
        }
    }
}

impl Memory {
    pub(crate) fn hint(&self, subject: &Subject) -> Option<Facts> {
        lock(&self.hints)
            .get(subject)
            .map(|hint| hint.facts.clone())
    }

    pub(crate) fn learn(&self, subject: &Subject, facts: Facts, now: Timestamp) {
        lock(&self.hints).put(subject.clone(), Hint { facts, seen: now });
    }

    pub(crate) fn forget(&self, subject: &Subject) {
        lock(&self.hints).pop(subject);
    }

    pub(crate) fn refused(&self, remember: Remember, facts: &Facts, now: Timestamp) {
        let version = facts.counted().version;
        lock(&self.refusals).put(remember, Refusing { version, at: now });
    }

    /// Whether the store itself refused this within the last second.
    pub(crate) fn confirms(
        &self,
        remember: &Remember,
        refusal: &Refusal,
        facts: &Facts,
        now: Timestamp,
    ) -> bool {
        let recent =
            |at: Timestamp| (0..REFUSAL_MILLIS).contains(&now.since(at).num_milliseconds());
        if let auth::Answer::Verdict(Verdict::RateLimited(_)) = refusal.answer {
            // A full window stays full; the row is read again once a second in case that the limit was raised.
            return lock(&self.hints)
                .peek(&remember.subject)
                .is_some_and(|hint| recent(hint.seen));
        }
        lock(&self.refusals).get(remember).is_some_and(|refusing| {
            refusing.version == facts.counted().version && recent(refusing.at)
        })
    }

    /// Changes what is noted of the subject's kept refusals.
    pub(crate) fn note<T>(
        &self,
        subject: &Subject,
        change: impl FnOnce(&mut KeptDenials) -> T,
    ) -> T {
        change(lock(&self.kept).get_or_insert_mut(subject.clone(), KeptDenials::default))
    }
}

impl Default for Memory {
    fn default() -> Memory {
        Memory {
            hints: Mutex::new(LruCache::new(CAPACITY)),
            refusals: Mutex::new(LruCache::new(CAPACITY)),
            kept: Mutex::new(LruCache::new(CAPACITY)),
        }
    }
}

/// A panic elsewhere leaves an entry at worst out of date, which hints may be.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

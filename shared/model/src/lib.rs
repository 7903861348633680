//! What the product is about: ids, entities, what a client may send, state machines, audit events.
//!
//! Invariant: a value of these types satisfies its rules; whoever holds a `NewJob` need not check it again.
//! Knows nothing of AWS, HTTP or the clock: time and randomness come in as arguments.

mod allowlist;
mod company;
mod denial;
mod event;
mod field;
mod id;
mod job;
mod key;
mod member;
mod text;
mod time;

pub use allowlist::AllowedIps;
pub use company::{Company, CompanyFields, CompanyPatch, Plan, RateLimit};
pub use denial::{Denial, Reason};
pub use event::{
    Actor, ActorKind, ChainHash, Change, Event, EventFacts, EventType, Outcome, Owner, OwnerKind,
};
pub use field::{Body, Fault, Faults, Field, Fields, Rule};
pub use id::{CompanyId, InvalidId, JobId, KeyId, PartnerId, PersonId, hex};
pub use job::{Job, JobFields, JobPatch, JobStatus, search_word};
pub use key::{ApiKey, ApiKeyFields, ApiKeyPatch, KeyKind, KeyState, KeyStatus, SecretView};
pub use member::RoleText;
pub use text::{CountryCode, CurrencyCode, HttpUrl, LanguageCode, List, Metadata, Name, Text};
pub use time::{Date, Timestamp};

/// A stored object as clients see it: the common fields, then its own.
#[derive(Debug, Clone, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct View<Id, Fields> {
    pub id: Id,
    pub company_id: CompanyId,
    /// Raised by every change; the `ETag` is this number in quotes.
    pub version: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    #[serde(flatten)]
    pub fields: Fields,
}

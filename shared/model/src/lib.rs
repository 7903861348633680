//! What the product is about: ids, entities, what a client may send, state machines, audit events.
//!
//! Invariant: a value of these types satisfies its rules; whoever holds a `NewJob` need not check it again.
//! Knows nothing of AWS, HTTP or the clock: time and randomness come in as arguments.

mod agent;
mod alert;
mod allowlist;
mod candidate;
mod company;
mod denial;
mod event;
mod field;
mod id;
mod interview;
mod job;
mod key;
mod key_report;
mod key_usage;
mod member;
mod network;
mod notice;
mod partner;
mod text;
mod time;
mod usage;
mod user_agent;

pub use agent::{
    Agent, AgentFields, AgentFocus, AgentLanguage, AgentPatch, AgentType, BackgroundSound, Voice,
};
pub use alert::{AlertKind, AlertSettings, AlertSettingsFields, AlertState, Finding, Grouped};
pub use allowlist::AllowedIps;
pub use candidate::{Candidate, CandidateFields, CandidatePatch, CandidateRecord, CandidateStatus};
pub use company::{
    AccountRequest, Company, CompanyAccount, CompanyFields, CompanyPatch, CompanyRecord,
    CompanyRequest, Limits, Plan, PlanRequest, RateLimit, RateLimitFields,
};
pub use denial::{Denial, Reason};
pub use event::{
    Actor, ActorKind, ChainHash, Change, Event, EventFacts, EventType, Outcome, Owner, OwnerKind,
};
pub use field::{Body, Fault, Faults, Field, Fields, Nothing, Rule};
pub use id::{
    AgentId, CandidateId, CompanyId, InterviewId, InvalidId, InvitationId, JobId, KeyId, NoticeId,
    ObjectId, PartnerId, PersonId, PhoneNumberId, hex,
};
pub use interview::{
    Analysis, Cancelled, EngineReport, EngineReportType, Interview, InterviewPatch,
    InterviewRecord, InterviewStatus, InvalidInterviewTransition, Minutes, NewInterview, Reference,
    ScheduledAt,
};
pub use job::{CefrLevel, Job, JobFields, JobPatch, JobStatus};
pub use key::{
    ApiKey, ApiKeyChange, ApiKeyFields, ApiKeyPatch, ApiKeyRequest, KeyKind, KeyState, KeyStatus,
    SecretView,
};
pub use key_report::{
    ClientCount, CompanyCount, Count, DRY_RUN_DAYS, DryRunReport, Granularity, KeySuggestions,
    KeyUsageReport, NetworkCount, OBSERVED_DAYS, OperationCount, Outcomes, ReasonCount,
    RefusedByAddress, RefusedByScope, RefusedNetwork, RefusedOperation, SecretCount, SecretReport,
    SuggestedIps, UnusedScopes, UsagePeriod, UsageTotals,
};
pub use key_usage::{Client, KeyUsage, SecretUsage, Seen, SeenNetworks, Tally};
pub use member::{
    Acceptance, AdminReason, InvitationRequest, InvitationState, Member, MemberId, MemberStatus,
    RoleChange, RoleText, TokenText,
};
pub use network::Network;
pub use notice::{KeyDates, KeyNotice, Notice, NoticeKind, NoticePatch};
pub use partner::{
    GrantRequest, GrantState, Partner, PartnerFields, PartnerGrant, PartnerPatch, PartnerRequest,
};
pub use text::{
    CountryCode, CurrencyCode, EmailAddress, HttpUrl, Integer, LanguageCode, List, Metadata, Name,
    PhoneNumber, Text, search_word,
};
pub use time::{Begins, Date, Future, Month, Timestamp};
pub use usage::{BillingSystem, CompanyUsage, CostKey, CostKeyUsage, UsageReport};
pub use user_agent::UserAgent;

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

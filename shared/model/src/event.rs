//! Audit events and the hash chain that binds an owner's events together.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

use crate::{CompanyId, InvalidId, KeyId, PartnerId, Timestamp, UserAgent, field::vocabulary};

/// One link of an owner's chain.
///
/// `hash = SHA-256(prevHash ‖ "instaview-audit-v1\n" ‖ RFC 8785 of the event without `hash`)`, and the first link's `prevHash` is SHA-256 of the owner's id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// From 1, without gaps in one chain.
    pub seq: u64,
    #[serde(flatten)]
    pub facts: EventFacts,
    pub prev_hash: ChainHash,
    pub hash: ChainHash,
}

/// What happened, before it has a place in a chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventFacts {
    /// Row and revision that the event was read from: unique, and the same however often it is delivered.
    pub id: String,
    pub at: Timestamp,
    pub owner: Owner,
    #[serde(rename = "type")]
    pub kind: EventType,
    pub outcome: Outcome,
    pub actor: Actor,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<KeyId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_suffix: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company_id: Option<CompanyId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ip: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<UserAgent>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<Change>>,
}

impl EventFacts {
    /// The event's link at `seq`, after the link with hash `prev`.
    pub fn chained(self, seq: u64, prev: ChainHash) -> Event {
        let mut event = Event {
            seq,
            facts: self,
            prev_hash: prev,
            hash: prev,
        };
        event.hash = event.computed_hash();
        event
    }
}

impl Event {
    /// The hash that the event should have.
    pub fn computed_hash(&self) -> ChainHash {
        let mut object = serde_json::to_value(self).unwrap_or_default();
        if let Value::Object(map) = &mut object {
            map.remove("hash");
        }
        // Strings and integers below 2^53 only, so that canonicalizing can't fail.
        let bytes = serde_json_canonicalizer::to_vec(&object).unwrap_or_default();
        let mut hash = Sha256::new();
        hash.update(self.prev_hash.0);
        hash.update(b"instaview-audit-v1\n");
        hash.update(bytes);
        ChainHash(hash.finalize().into())
    }

    /// Whether this link is whole and follows the one with this seq and hash.
    pub fn follows(&self, seq: u64, hash: ChainHash) -> bool {
        self.seq == seq + 1 && self.prev_hash == hash && self.hash == self.computed_hash()
    }
}

/// SHA-256, written as 64 hexadecimal characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainHash([u8; 32]);

impl ChainHash {
    /// What the first event of an owner's chain follows.
    pub fn genesis(owner: Owner) -> ChainHash {
        ChainHash(Sha256::digest(owner.to_string()).into())
    }

    pub const fn new(bytes: [u8; 32]) -> ChainHash {
        ChainHash(bytes)
    }

    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::hex(&self.0))
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ChainHash {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        // One spelling: `from_str_radix` also takes `+f` and capitals.
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 64 || !text.bytes().all(is_digit) {
            return Err(InvalidId);
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte =
                u8::from_str_radix(&text[2 * index..2 * index + 2], 16).map_err(|_| InvalidId)?;
        }
        Ok(ChainHash(bytes))
    }
}

impl Serialize for ChainHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ChainHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for ChainHash {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ChainHash".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9a-f]{64}$" })
    }
}

/// Whose chain an event stands in, and whose object a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    Company(CompanyId),
    Partner(PartnerId),
    System,
}

impl Owner {
    pub const fn company(self) -> Option<CompanyId> {
        match self {
            Owner::Company(id) => Some(id),
            _ => None,
        }
    }

    pub const fn partner(self) -> Option<PartnerId> {
        match self {
            Owner::Partner(id) => Some(id),
            _ => None,
        }
    }

    pub const fn kind(self) -> OwnerKind {
        match self {
            Owner::Company(_) => OwnerKind::Company,
            Owner::Partner(_) => OwnerKind::Partner,
            Owner::System => OwnerKind::System,
        }
    }
}

impl fmt::Display for Owner {
    /// `COMPANY#<id>`, as it stands in the tables' keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Company(id) => write!(f, "COMPANY#{id}"),
            Owner::Partner(id) => write!(f, "PARTNER#{id}"),
            Owner::System => f.write_str("SYSTEM#instaview"),
        }
    }
}

impl FromStr for Owner {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.split_once('#') {
            Some(("COMPANY", id)) => id.parse().map(Owner::Company),
            Some(("PARTNER", id)) => id.parse().map(Owner::Partner),
            Some(("SYSTEM", "instaview")) => Ok(Owner::System),
            _ => Err(InvalidId),
        }
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Owner")]
struct OwnerObject {
    kind: OwnerKind,
    id: String,
}

impl Serialize for Owner {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let id = match self {
            Owner::Company(id) => id.to_string(),
            Owner::Partner(id) => id.to_string(),
            Owner::System => "instaview".to_owned(),
        };
        OwnerObject {
            kind: self.kind(),
            id,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Owner {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let OwnerObject { kind, id } = OwnerObject::deserialize(deserializer)?;
        format!("{kind}#{id}")
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Owner {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Owner".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        OwnerObject::json_schema(generator)
    }
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Actor {
    pub kind: ActorKind,
    /// A key's id, a person's id, or the name of a part of the system.
    pub id: String,
}

impl Actor {
    pub fn key(id: KeyId) -> Actor {
        Actor {
            kind: ActorKind::Key,
            id: id.to_string(),
        }
    }

    pub fn system(part: &str) -> Actor {
        Actor {
            kind: ActorKind::System,
            id: part.to_owned(),
        }
    }
}

/// One changed field; only its name where the value is a person's data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    pub field: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

vocabulary! {
    pub enum OwnerKind { Company = "COMPANY", Partner = "PARTNER", System = "SYSTEM", }

    pub enum ActorKind { Key = "KEY", User = "USER", Admin = "ADMIN", System = "SYSTEM", }

    pub enum Outcome { Success = "SUCCESS", Refused = "REFUSED", }

    pub enum EventType {
        KeyCreated = "api_key.created",
        KeyRenamed = "api_key.renamed",
        KeyScopesChanged = "api_key.scopes_changed",
        KeyAllowlistChanged = "api_key.allowlist_changed",
        KeyExpiryChanged = "api_key.expiry_changed",
        KeyRotated = "api_key.rotated",
        KeyOverlapChanged = "api_key.overlap_changed",
        KeySuspended = "api_key.suspended",
        KeyResumed = "api_key.resumed",
        KeyRevoked = "api_key.revoked",
        KeyExpired = "api_key.expired",
        AuthenticationSucceeded = "authentication.succeeded",
        AuthenticationFailed = "authentication.failed",
        AuthorizationDenied = "authorization.denied",
        RateLimitExceeded = "rate_limit.exceeded",
        AdminAccessed = "admin.accessed",
        MemberAdded = "member.added",
        MemberRoleChanged = "member.role_changed",
        MemberRemoved = "member.removed",
        InvitationCreated = "invitation.created",
        InvitationRoleChanged = "invitation.role_changed",
        InvitationAccepted = "invitation.accepted",
        InvitationWithdrawn = "invitation.withdrawn",
        GrantCreated = "partner_grant.created",
        GrantSuspended = "partner_grant.suspended",
        GrantResumed = "partner_grant.resumed",
        GrantEnded = "partner_grant.ended",
        CompanyCreated = "company.created",
        CompanyUpdated = "company.updated",
        CompanyAlertSettingsChanged = "company.alert_settings_changed",
        JobCreated = "job.created",
        JobUpdated = "job.updated",
        JobDeleted = "job.deleted",
        CandidateCreated = "candidate.created",
        CandidateUpdated = "candidate.updated",
        CandidateDeleted = "candidate.deleted",
        CandidateErased = "candidate.erased",
        AgentCreated = "agent.created",
        AgentUpdated = "agent.updated",
        AgentDeleted = "agent.deleted",
        InterviewCreated = "interview.created",
        InterviewUpdated = "interview.updated",
        AuditGap = "audit.gap",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_has_one_spelling() {
        let hash = ChainHash::new([0xaf; 32]);
        let text = hash.to_string();
        assert_eq!(text.parse(), Ok(hash));
        for other in [
            text.to_uppercase(),
            text.replacen("af", "+f", 1),
            text.replacen("af", "ag", 1),
            text[1..].to_owned(),
            format!("{text}0"),
            format!("{}é", &text[2..]),
        ] {
            assert_eq!(other.parse::<ChainHash>(), Err(InvalidId), "{other}");
        }
    }

    fn chain(length: u64) -> Vec<Event> {
        let owner = Owner::System;
        let mut prev = ChainHash::genesis(owner);
        (1..=length)
            .map(|seq| {
                let facts = EventFacts {
                    id: format!("row@{seq}"),
                    at: Timestamp::from_millis(seq as i64).expect("in range"),
                    owner,
                    kind: EventType::JobCreated,
                    outcome: Outcome::Success,
                    actor: Actor::system("test"),
                    key_id: None,
                    secret_suffix: None,
                    company_id: None,
                    source_ip: None,
                    user_agent: None,
                    request_id: None,
                    operation: None,
                    reason: None,
                    count: None,
                    suppressed: None,
                    changes: None,
                };
                let event = facts.chained(seq, prev);
                prev = event.hash;
                event
            })
            .collect()
    }

    fn verifies(chain: &[Event]) -> bool {
        let mut last = (0, ChainHash::genesis(Owner::System));
        chain.iter().all(|event| {
            let follows = event.follows(last.0, last.1);
            last = (event.seq, event.hash);
            follows
        })
    }

    #[test]
    fn an_edited_dropped_or_swapped_event_breaks_the_chain() {
        let whole = chain(9);
        assert!(verifies(&whole));
        for at in 0..9 {
            let mut edited = whole.clone();
            edited[at].facts.actor.id.push('x');
            assert!(!verifies(&edited));
            let mut swapped = whole.clone();
            swapped.swap(at, (at + 1) % 9);
            assert!(!verifies(&swapped));
            if at < 8 {
                let mut dropped = whole.clone();
                dropped.remove(at);
                assert!(!verifies(&dropped));
            }
        }
    }

    #[test]
    fn an_event_survives_json() {
        let event = chain(1).remove(0);
        let text = serde_json::to_string(&event).expect("serializes");
        assert_eq!(serde_json::from_str::<Event>(&text).expect("parses"), event);
    }
}

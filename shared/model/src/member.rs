//! People of a company or partner: their roles, and those who are invited; and why an administrator of InstaView acts.

use routes::Role;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{borrow::Cow, fmt, str::FromStr};

use crate::{
    CompanyId, EmailAddress, Faults, Field, InvalidId, InvitationId, Name, PartnerId, PersonId,
    Rule, Timestamp,
    field::{fields, vocabulary},
};

/// Somebody who belongs to a company or partner, or is invited to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    pub id: MemberId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company_id: Option<CompanyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner_id: Option<PartnerId>,
    pub email: String,
    pub role: RoleText,
    pub status: MemberStatus,
    /// When the invitation ends; of INVITED ones alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Raised by every change; the `ETag` is this number in quotes.
    pub version: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

vocabulary! {
    pub enum MemberStatus { Active = "ACTIVE", Invited = "INVITED", }

    /// What became of an invitation. That it expired says the clock.
    pub enum InvitationState { Open = "OPEN", Accepted = "ACCEPTED", Withdrawn = "WITHDRAWN", }
}

/// Who has joined is named as events name people; who is invited is known by an address alone, and so by the invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberId {
    Person(PersonId),
    Invitation(InvitationId),
}

impl FromStr for MemberId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let person = text.parse().map(MemberId::Person);
        person.or_else(|_| text.parse().map(MemberId::Invitation))
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MemberId::Person(id) => id.fmt(f),
            MemberId::Invitation(id) => id.fmt(f),
        }
    }
}

impl Serialize for MemberId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for MemberId {
    fn schema_name() -> Cow<'static, str> {
        "MemberId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^([0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12})$",
        })
    }
}

fields! {
    /// An invitation to be made.
    pub struct InvitationRequest {
        required {
            /// Whose verified address it must be who accepts; case doesn't matter.
            email: EmailAddress,
            role: RoleText,
        }
        optional {}
        defaulted {}
    }
}

fields! {
    /// Another role.
    pub struct RoleChange {
        required { role: RoleText, }
        optional {}
        defaulted {}
    }
}

fields! {
    /// What an invitation is accepted with.
    pub struct Acceptance {
        required {
            /// An ID token of the bearer, at most 5 minutes old.
            id_token: TokenText,
        }
        optional {}
        defaulted {}
    }
}

/// Why an administrator acts (`X-Admin-Reason`): 10 to 200 characters of one line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AdminReason(Name<10, 200>);

impl FromStr for AdminReason {
    type Err = Rule;

    /// The rule that the text breaks.
    fn from_str(text: &str) -> Result<Self, Rule> {
        let mut faults = Faults::default();
        let parsed = Name::parse(text.into(), "", &mut faults);
        let broken = faults.iter().next().map(|fault| fault.rule);
        parsed
            .map(AdminReason)
            .ok_or(broken.unwrap_or(Rule::Format))
    }
}

impl fmt::Display for AdminReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A role in its one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoleText(pub Role);

impl Field for RoleText {
    fn parse(value: Value, at: &str, faults: &mut Faults) -> Option<Self> {
        match value.as_str().map(Role::parse) {
            Some(Some(role)) => Some(RoleText(role)),
            Some(None) => faults.refuse(at, Rule::Enum, "must be one of: OWNER ADMIN MEMBER"),
            None => faults.refuse(at, Rule::Type, "must be a string"),
        }
    }
}

impl Serialize for RoleText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for RoleText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Role::parse(&text)
            .map(RoleText)
            .ok_or_else(|| serde::de::Error::custom("no role"))
    }
}

impl JsonSchema for RoleText {
    fn schema_name() -> Cow<'static, str> {
        "Role".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Role::ALL.map(Role::as_str) })
    }
}

/// A token that was not verified yet. A credential: it is neither shown nor logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenText(String);

impl TokenText {
    pub const MAX_BYTES: usize = 4096;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Field for TokenText {
    fn parse(value: Value, at: &str, faults: &mut Faults) -> Option<Self> {
        let Value::String(text) = value else {
            return faults.refuse(at, Rule::Type, "must be a string");
        };
        if text.is_empty() || text.len() > Self::MAX_BYTES {
            return faults.refuse(at, Rule::Length, "must have 1 to 4096 characters");
        }
        Some(TokenText(text))
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenText")
    }
}

impl JsonSchema for TokenText {
    fn schema_name() -> Cow<'static, str> {
        "TokenText".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": Self::MAX_BYTES })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_which_rule_it_breaks() {
        let reason = |text: &str| text.parse::<AdminReason>().map(|reason| reason.to_string());
        assert_eq!(reason("Ticket 471").as_deref(), Ok("Ticket 471"));
        assert_eq!(reason("Ticket 47"), Err(Rule::Length));
        assert_eq!(reason(&"a".repeat(201)), Err(Rule::Length));
        for control in ['\0', '\n', '\u{7f}', '\u{9b}', '\u{2028}', '\u{202e}'] {
            let text = format!("Ticket 4711{control}");
            assert_eq!(reason(&text), Err(Rule::Format), "{control:?}");
        }
    }
}

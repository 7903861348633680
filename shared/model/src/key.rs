//! API keys as people see and change them. The secret itself is `auth`'s.

use routes::{Scope, ScopeSet};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    Actor, AllowedIps, Body, CompanyId, Faults, Field, Fields, Future, KeyId, Name, PartnerId,
    RateLimit, RateLimitFields, Rule, Timestamp,
    field::{fields, outcome, vocabulary},
};

fields! {
    /// What people set of a key.
    pub struct ApiKeyFields, patch ApiKeyPatch {
        required {
            name: Name<1, 100>,
            scopes: ScopeSet,
        }
        optional {
            /// In the future; absent means that the key doesn't expire.
            expires_at: Future<Timestamp>,
            /// Absent or null means no restriction.
            #[serde(rename = "allowedIPs")]
            allowed_ips: AllowedIps,
        }
        defaulted {}
    }
}

/// A key to be made: people ask for STANDARD ones, administrators for ATS ones.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyRequest {
    #[serde(flatten)]
    pub fields: ApiKeyFields,
    /// Absent means STANDARD.
    #[serde(rename = "type")]
    pub kind: Option<KeyKind>,
    /// Of ATS keys alone, which need it.
    pub partner_id: Option<PartnerId>,
    /// Of ATS keys alone; absent means as on SCALE.
    pub rate_limit: Option<RateLimitFields>,
}

impl Body for ApiKeyRequest {
    fn read(mut body: Value, now: Timestamp) -> Result<Self, Faults> {
        let mut faults = Faults::at(now);
        // What ATS keys alone have is unknown to all others.
        let standard = match body.get("type") {
            None | Some(Value::Null) => true,
            Some(kind) => kind == KeyKind::Standard.as_str(),
        };
        let own: &[&str] = match standard {
            true => &["type"],
            false => &["type", "partnerId", "rateLimit"],
        };
        let mut members = Map::new();
        if let Value::Object(all) = &mut body {
            let own = own.iter().filter_map(|name| all.remove_entry(*name));
            members.extend(own);
        }
        let fields = ApiKeyFields::parse(body, "", &mut faults);
        let read = Fields::of(members.into(), "", &mut faults).and_then(|mut own| {
            let kind = own.optional("type");
            let partner_id = match kind {
                Some(Some(KeyKind::Ats)) => own.required("partnerId").map(Some),
                _ => own.optional("partnerId"),
            };
            let rate_limit = own.optional("rateLimit");
            own.finish();
            Some((kind?, partner_id?, rate_limit?))
        });
        let request = fields.zip(read).map(|(fields, read)| {
            let (kind, partner_id, rate_limit) = read;
            ApiKeyRequest {
                fields,
                kind,
                partner_id,
                rate_limit,
            }
        });
        outcome(request, faults)
    }
}

/// A change of a key, made or only tried.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyChange {
    #[serde(flatten)]
    pub patch: ApiKeyPatch,
    /// True: nothing is changed; the answer says what the change would have refused in the last 7 days.
    pub dry_run: Option<bool>,
}

impl Body for ApiKeyChange {
    fn read(mut body: Value, now: Timestamp) -> Result<Self, Faults> {
        let mut faults = Faults::at(now);
        let mut own = Map::new();
        if let Value::Object(all) = &mut body {
            own.extend(all.remove_entry("dryRun"));
        }
        let dry_run =
            Fields::of(own.into(), "", &mut faults).and_then(|mut own| own.optional("dryRun"));
        let patch = match ApiKeyPatch::read(body, now) {
            Ok(patch) => Some(patch),
            Err(more) => {
                faults.extend(more);
                None
            }
        };
        let change = patch.zip(dry_run);
        let change = change.map(|(patch, dry_run)| ApiKeyChange { patch, dry_run });
        outcome(change, faults)
    }
}

vocabulary! {
    /// STANDARD keys act for their own company, ATS keys for the companies that granted their partner.
    pub enum KeyKind { Standard = "STANDARD", Ats = "ATS", }

    /// What a key's row says. REVOKED is final.
    pub enum KeyState { Active = "ACTIVE", Suspended = "SUSPENDED", Revoked = "REVOKED", }

    /// What people are shown: the state, and what the clock makes of it.
    pub enum KeyStatus { Active = "ACTIVE", Suspended = "SUSPENDED", Revoked = "REVOKED", Expired = "EXPIRED", }
}

impl KeyState {
    /// REVOKED stands before EXPIRED before SUSPENDED.
    pub fn shown(self, expires_at: Option<Timestamp>, now: Timestamp) -> KeyStatus {
        match self {
            KeyState::Revoked => KeyStatus::Revoked,
            _ if expires_at.is_some_and(|expiry| expiry <= now) => KeyStatus::Expired,
            KeyState::Suspended => KeyStatus::Suspended,
            KeyState::Active => KeyStatus::Active,
        }
    }

    /// The state machine: anything but a revoked key may become anything; a revoked one only stays.
    pub fn may_become(self, next: KeyState) -> bool {
        self != KeyState::Revoked || next == KeyState::Revoked
    }
}

/// A key as people see it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    pub id: KeyId,
    /// The first 13 characters of the key: safe to show and to search for.
    pub prefix: String,
    #[serde(rename = "type")]
    pub kind: KeyKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company_id: Option<CompanyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner_id: Option<PartnerId>,
    pub status: KeyStatus,
    #[serde(flatten)]
    pub fields: ApiKeyFields,
    pub rate_limit: RateLimit,
    pub created_at: Timestamp,
    pub created_by: Actor,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_ip: Option<String>,
    /// Whole days since the newest secret was made.
    pub secret_age_days: i64,
    pub secrets: Vec<SecretView>,
    pub version: u64,
}

/// One secret of a key: never the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretView {
    /// The last 4 characters of the key.
    pub suffix: String,
    pub created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_ip: Option<String>,
}

impl Field for ScopeSet {
    fn parse(value: Value, at: &str, faults: &mut Faults) -> Option<Self> {
        let Value::Array(values) = value else {
            return faults.refuse(at, Rule::Type, "must be an array");
        };
        if values.is_empty() {
            return faults.refuse(at, Rule::Length, "must name at least one scope");
        }
        let mut set = ScopeSet::EMPTY;
        let mut all = true;
        // More than there are would only repeat faults.
        for (index, value) in values.iter().enumerate().take(2 * Scope::ALL.len()) {
            let at = format!("{at}/{index}");
            let scope = match value.as_str().map(Scope::parse) {
                Some(Ok(scope)) if set.contains(scope) => {
                    faults.refuse(&at, Rule::Duplicate, "stands twice")
                }
                Some(Ok(scope)) => Some(scope),
                Some(Err(_)) => faults.refuse(&at, Rule::Enum, "is not a scope"),
                None => faults.refuse(&at, Rule::Type, "must be a string"),
            };
            all &= scope.is_some();
            set = set.iter().chain(scope).collect();
        }
        all.then_some(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn scopes_are_refused_one_by_one() {
        let now = Timestamp::from_millis(0).expect("in range");
        let body = json!({
            "name": "a\u{202e}b",
            "scopes": ["read:jobs", "read:jobs", 1, "x"],
            "expiresAt": "1970-01-01T00:00:00Z",
            "expires": 1,
        });
        let faults = ApiKeyFields::read(body, now).expect_err("faulty");
        let found: Vec<_> = faults.iter().map(|f| (f.path.as_str(), f.rule)).collect();
        assert_eq!(
            found,
            [
                ("/name", Rule::Format),
                ("/scopes/1", Rule::Duplicate),
                ("/scopes/2", Rule::Type),
                ("/scopes/3", Rule::Enum),
                ("/expiresAt", Rule::Future),
                ("/expires", Rule::UnknownField),
            ]
        );
    }

    #[test]
    fn revoked_is_shown_before_expired_before_suspended() {
        let now = Timestamp::from_millis(1_000).expect("in range");
        for (state, expired, shown) in [
            (KeyState::Revoked, true, KeyStatus::Revoked),
            (KeyState::Suspended, true, KeyStatus::Expired),
            (KeyState::Active, true, KeyStatus::Expired),
            (KeyState::Suspended, false, KeyStatus::Suspended),
            (KeyState::Active, false, KeyStatus::Active),
        ] {
            assert_eq!(state.shown(expired.then_some(now), now), shown);
        }
    }
}

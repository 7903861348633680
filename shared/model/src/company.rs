//! Companies, their plans and the limits that a plan sets.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    CompanyId, EmailAddress, Metadata, Name, Text, View,
    field::{fields, vocabulary},
};

/// A company as clients see it; its `companyId` is its `id`.
pub type Company = View<CompanyId, CompanyRecord>;

fields! {
    /// What a client sets of a company.
    pub struct CompanyFields, patch CompanyPatch {
        required { name: Name<2, 100>, }
        optional {
            description: Text<0, 1000>,
            metadata: Metadata,
        }
        defaulted {}
    }
}

fields! {
    /// A company to be made, as a partner's key asks for it.
    pub struct CompanyRequest {
        required { name: Name<2, 100>, }
        optional {
            description: Text<0, 1000>,
            metadata: Metadata,
            /// Who is invited to be its OWNER. Unknown to every other operation.
            owner_email: EmailAddress,
        }
        defaulted {}
    }
}

impl From<CompanyRequest> for CompanyFields {
    fn from(request: CompanyRequest) -> CompanyFields {
        let CompanyRequest {
            name,
            description,
            metadata,
            owner_email: _,
        } = request;
        CompanyFields {
            name,
            description,
            metadata,
        }
    }
}

/// What is shown of a company: what clients set, and its plan.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CompanyRecord {
    #[serde(flatten)]
    pub fields: CompanyFields,
    pub plan: Plan,
}

vocabulary! {
    pub enum Plan {
        Trial = "TRIAL",
        Starter = "STARTER",
        Business = "BUSINESS",
        Scale = "SCALE",
        Enterprise = "ENTERPRISE",
    }
}

/// Requests that the authorizer accepts, in fixed windows of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    pub per_minute: u32,
    pub per_hour: u32,
    /// Only where `perMinute` exceeds 600, from a sixtieth of it up to 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u32>,
}

impl RateLimit {
    /// A person's, in each membership (contract §2).
    pub const PERSON: RateLimit = RateLimit::slow(600, 30_000);

    const fn slow(per_minute: u32, per_hour: u32) -> RateLimit {
        RateLimit {
            per_minute,
            per_hour,
            per_second: None,
        }
    }

    /// Whether the numbers keep the contract's rule for `perSecond`.
    pub fn is_valid(self) -> bool {
        self.per_minute >= 1
            && self.per_hour >= 1
            && match self.per_second {
                Some(per_second) => {
                    self.per_minute > 600
                        && (self.per_minute.div_ceil(60)..=500).contains(&per_second)
                }
                None => self.per_minute <= 600,
            }
    }
}

impl Plan {
    /// ENTERPRISE has its own numbers; until they are set it is limited as SCALE.
    pub const fn rate_limit(self) -> RateLimit {
        match self {
            Plan::Trial => RateLimit::slow(30, 500),
            Plan::Starter => RateLimit::slow(120, 5_000),
            Plan::Business => RateLimit::slow(300, 15_000),
            Plan::Scale | Plan::Enterprise => RateLimit::slow(600, 30_000),
        }
    }

    /// Minutes of interviews that a company may use in a calendar month (UTC).
    pub const fn minutes_per_month(self) -> u32 {
        match self {
            Plan::Trial => 60,
            Plan::Starter => 500,
            Plan::Business => 2_000,
            Plan::Scale | Plan::Enterprise => 10_000,
        }
    }

    /// Live keys that a company may have.
    pub const fn key_limit(self) -> u32 {
        match self {
            Plan::Trial => 10,
            Plan::Starter => 50,
            Plan::Business => 200,
            Plan::Scale | Plan::Enterprise => 1_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Body, Timestamp};
    use serde_json::{Value, json};

    /// The faults of a new company, and of a change, with one value more; both have the same.
    fn faults(field: &str, value: &Value) -> Vec<String> {
        let now: Timestamp = "2026-01-31T12:00:00Z".parse().expect("an instant");
        let mut new = json!({ "name": "Acme" });
        new[field] = value.clone();
        let told = |faults: crate::Faults| -> Vec<_> {
            let all = faults.iter();
            all.map(|fault| format!("{} {:?}", fault.path, fault.rule))
                .collect()
        };
        let new = CompanyFields::read(new, now).map_or_else(told, |_| Vec::new());
        let patch = CompanyPatch::read(json!({ field: value }), now);
        assert_eq!(patch.map_or_else(told, |_| Vec::new()), new, "{field}");
        new
    }

    #[test]
    fn each_field_keeps_its_rule_at_its_edge() {
        let text = |letter: &str, length: usize| json!(letter.repeat(length));
        for letter in ["x", "\u{1F980}"] {
            for (field, min, max) in [("name", 2, 100), ("description", 0, 1000)] {
                let wrong = [format!("/{field} Length")];
                assert!(faults(field, &text(letter, min)).is_empty());
                assert!(faults(field, &text(letter, max)).is_empty());
                assert_eq!(faults(field, &text(letter, max + 1)), wrong);
                if min > 0 {
                    assert_eq!(faults(field, &text(letter, min - 1)), wrong);
                }
            }
        }
        for (field, value, fault) in [
            ("name", json!("two\nlines"), "/name Format"),
            ("name", json!("a\u{202e}b"), "/name Format"),
            ("name", json!(null), "/name Type"),
            ("name", json!(7), "/name Type"),
            ("description", json!("two\nlines"), ""),
            ("description", json!("NUL\0"), "/description Format"),
            ("description", json!(null), ""),
            ("description", json!(7), "/description Type"),
            (
                "metadata",
                json!({ "a": { "b": { "c": { "d": {} } } } }),
                "",
            ),
            (
                "metadata",
                json!({ "a": { "b": { "c": { "d": { "e": {} } } } } }),
                "/metadata Depth",
            ),
            ("metadata", json!({ "a": "x".repeat(10_232) }), ""),
            (
                "metadata",
                json!({ "a": "x".repeat(10_233) }),
                "/metadata Size",
            ),
            ("metadata", json!([]), "/metadata Type"),
            ("metadata", json!(null), ""),
            ("plan", json!("SCALE"), "/plan UnknownField"),
        ] {
            let found = faults(field, &value);
            assert_eq!(found.join(""), fault, "{field} = {value:.40}");
        }
    }
}

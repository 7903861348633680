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

impl CompanyRequest {
    /// What the company is to be, and who is invited to own it.
    pub fn into_parts(self) -> (CompanyFields, Option<EmailAddress>) {
        let CompanyRequest {
            name,
            description,
            metadata,
            owner_email,
        } = self;
        let fields = CompanyFields {
            name,
            description,
            metadata,
        };
        (fields, owner_email)
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

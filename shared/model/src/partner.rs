//! Partners, and what companies grant them.

use routes::ScopeSet;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    CompanyId, EmailAddress, Integer, Name, PartnerId, Plan, Timestamp,
    field::{fields, vocabulary},
};

vocabulary! {
    /// Whether a partner may act for a company. ENDED is final; what comes after is another grant.
    pub enum GrantState { Active = "ACTIVE", Suspended = "SUSPENDED", Ended = "ENDED", }
}

impl GrantState {
    /// The state machine: what hasn't ended may become anything.
    pub fn may_become(self, next: GrantState) -> bool {
        self != GrantState::Ended || next == GrantState::Ended
    }
}

fields! {
    /// What administrators set of a partner.
    pub struct PartnerFields, patch PartnerPatch {
        required { name: Name<2, 100>, }
        optional {
            /// What the companies that it makes begin with; those that are there keep theirs. Absent means SCALE.
            plan: Plan,
            /// How many companies it may make; absent means 100.
            company_limit: Integer<1, 2_000>,
            /// How many live keys it may have; absent means 50.
            key_limit: Integer<1, 1_000>,
        }
        defaulted {}
    }
}

fields! {
    /// A partner to be made.
    pub struct PartnerRequest {
        required {
            name: Name<2, 100>,
            /// Who is invited to be its OWNER: nobody else could obtain a secret. Unknown to every other operation.
            owner_email: EmailAddress,
        }
        optional {
            /// What the companies that it makes begin with; absent means SCALE.
            plan: Plan,
            /// How many companies it may make; absent means 100.
            company_limit: Integer<1, 2_000>,
            /// How many live keys it may have; absent means 50.
            key_limit: Integer<1, 1_000>,
        }
        defaulted {}
    }
}

impl PartnerRequest {
    /// What is kept of it, and who is to be invited.
    pub fn into_parts(self) -> (PartnerFields, EmailAddress) {
        let PartnerRequest {
            name,
            plan,
            company_limit,
            key_limit,
            owner_email,
        } = self;
        let fields = PartnerFields {
            name,
            plan,
            company_limit,
            key_limit,
        };
        (fields, owner_email)
    }
}

impl PartnerFields {
    pub fn plan(&self) -> Plan {
        self.plan.unwrap_or(Plan::Scale)
    }

    pub fn company_limit(&self) -> u32 {
        self.company_limit.map_or(100, Integer::get)
    }

    pub fn key_limit(&self) -> u32 {
        self.key_limit.map_or(50, Integer::get)
    }
}

/// A partner as administrators see it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Partner {
    pub id: PartnerId,
    pub name: Name<2, 100>,
    pub plan: Plan,
    pub company_limit: u32,
    pub key_limit: u32,
    /// Raised by every change; the `ETag` is this number in quotes.
    pub version: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

fields! {
    /// A grant to be made.
    pub struct GrantRequest {
        required { partner_id: PartnerId, }
        optional {
            /// The most that the partner's keys may do in the company; absent means all.
            scopes: ScopeSet,
        }
        defaulted {}
    }
}

/// A partner's right to act for a company, as the company's people see it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartnerGrant {
    pub partner_id: PartnerId,
    pub company_id: CompanyId,
    pub status: GrantState,
    pub scopes: ScopeSet,
    pub version: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

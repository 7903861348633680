//! Partners, and what companies grant them.

use routes::ScopeSet;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    CompanyId, PartnerId, Timestamp,
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

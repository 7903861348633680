//! Why a request was refused, as the members of its company may read it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CompanyId, KeyId, Timestamp, field::vocabulary};

vocabulary! {
    /// The contract's closed vocabulary of refusals.
    pub enum Reason {
        WrongSecret = "WRONG_SECRET",
        Suspended = "SUSPENDED",
        Revoked = "REVOKED",
        Expired = "EXPIRED",
        Address = "ADDRESS",
        Scope = "SCOPE",
        Role = "ROLE",
        CredentialKind = "CREDENTIAL_KIND",
        CompanyMissing = "COMPANY_MISSING",
        Company = "COMPANY",
        Grant = "GRANT",
        RateLimit = "RATE_LIMIT",
        StaleSignIn = "STALE_SIGN_IN",
    }
}

/// One refused request, explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Denial {
    pub request_id: String,
    pub at: Timestamp,
    /// The HTTP status that the client got.
    pub status: u16,
    pub reason: Reason,
    /// The reason in words, with the facts at that moment.
    pub message: String,
    pub operation: String,
    pub source_ip: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<KeyId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_suffix: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company_id: Option<CompanyId>,
    /// Whether that key and minute had more refusals than were kept.
    pub suppressed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

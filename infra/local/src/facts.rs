//! `local.json`: where a running local system is reached and how to get in. It is also what the next start remembers.

use serde::{Deserialize, Serialize};
use std::fmt;

use model::{CompanyId, PartnerId};

/// Holds credentials; only in files of the user (0600).
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    pub api_url: String,
    pub issuer_url: String,
    pub dynamodb_url: String,
    pub dynamodb_access_key_id: String,
    pub companies: Vec<NamedCompany>,
    /// None in a data directory from before there were partners.
    #[serde(default)]
    pub partners: Vec<NamedPartner>,
    pub users: Vec<User>,
    /// The plaintext stands nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub demo_key: Option<String>,
    /// As `demo_key`, of the partner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demo_ats_key: Option<String>,
    /// Until then a start goes on with the seed.
    pub seeded: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NamedCompany {
    pub id: CompanyId,
    pub name: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NamedPartner {
    pub id: PartnerId,
    pub name: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct User {
    pub email: String,
    pub password: String,
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Facts")
            .field("api_url", &self.api_url)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("email", &self.email)
            .finish_non_exhaustive()
    }
}

//! Who the bearer is.

use api::{ApiError, Call, Reply};
use auth::Who;
use model::{CompanyId, KeyKind, Owner, PartnerId, PersonId, RateLimit, RoleText, Timestamp};
use routes::{ScopeSet, keys::Operation};
use serde::Serialize;

/// The bearer, as it may know itself.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Whoami {
    pub kind: BearerKind,
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<WhichKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company_id: Option<CompanyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner_id: Option<PartnerId>,
    /// Of a person with one membership.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub role: Option<RoleText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memberships: Option<Vec<MembershipOf>>,
    pub rate_limit: RateLimit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BearerKind {
    ApiKey,
    Person,
    Administrator,
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WhichKey {
    pub prefix: String,
    pub name: String,
    #[serde(rename = "type")]
    pub kind: KeyKind,
    pub scopes: ScopeSet,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct MembershipOf {
    pub owner: Owner,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[schemars(with = "String")]
    pub role: RoleText,
}

pub(crate) async fn get(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let whoami = match call.principal()?.who() {
        Who::Key { .. } => key(&call).await?,
        Who::Person { id } => person(&call, id).await?,
        Who::Administrator { id, .. } => administrator(id),
        Who::System => return Err(ApiError::internal("no request is the system's")),
    };
    call.ok(&whoami)
}

/// In this capacity nobody is a member of anything.
fn administrator(id: &PersonId) -> Whoami {
    Whoami {
        kind: BearerKind::Administrator,
        id: id.to_string(),
        key: None,
        company_id: None,
        partner_id: None,
        role: None,
        memberships: None,
        rate_limit: RateLimit::PERSON,
    }
}

async fn person(call: &Call<'_, Operation>, id: &PersonId) -> Result<Whoami, ApiError> {
    let memberships = call.bearer()?.list_memberships().await?;
    let memberships: Vec<_> = memberships
        .into_iter()
        .map(|(row, name)| MembershipOf {
            owner: row.facts.owner,
            name,
            role: RoleText(row.facts.role),
        })
        .collect();
    let only = match memberships.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    };
    Ok(Whoami {
        kind: BearerKind::Person,
        id: id.to_string(),
        key: None,
        company_id: only.as_ref().and_then(|only| only.owner.company()),
        partner_id: only.as_ref().and_then(|only| only.owner.partner()),
        role: only.map(|only| only.role),
        memberships: Some(memberships),
        rate_limit: RateLimit::PERSON,
    })
}

async fn key(call: &Call<'_, Operation>) -> Result<Whoami, ApiError> {
    // It was there when the request was counted; a row that is gone now is our fault.
    let row = call.bearer()?.get_key().await?;
    let facts = &row.facts;
    Ok(Whoami {
        kind: BearerKind::ApiKey,
        id: facts.id.to_string(),
        key: Some(WhichKey {
            prefix: row.prefix(),
            name: row.name.to_string(),
            kind: facts.kind,
            scopes: facts.scopes,
            expires_at: facts.expires_at,
        }),
        company_id: facts.owner.company(),
        partner_id: facts.owner.partner(),
        role: None,
        memberships: None,
        rate_limit: facts.limits,
    })
}

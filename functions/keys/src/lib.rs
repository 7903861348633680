//! Managing keys, grants and members, by people; managing partners and plans, by administrators; explaining refusals; saying who somebody is.
//!
//! Invariant: a key can never manage keys; the one thing that it may do is to revoke itself.
//! Knows nothing of how a request is authorized.

mod alert;
mod api_key;
mod company;
mod denial;
mod grant;
mod invitation;
mod lockdown;
mod member;
mod notice;
mod partner;
mod secret;
mod usage;
mod whoami;

pub use api_key::{ReasonBody, ShownKey};
pub use invitation::join;
pub use lockdown::{CaughtGrant, CaughtKey, LockdownBody, LockdownReport};
pub use secret::{OverlapBody, RotateBody};
pub use whoami::Whoami;

use api::{ApiError, App, Call, Reply, respond};
use lambda_http::{Body, Request, Response};
use model::{GrantState, KeyState};
use routes::keys::Operation;
use serde::Serialize;

/// Answers an event of API Gateway.
pub async fn handle(app: &App, request: Request) -> Response<Body> {
    respond(app, request, async |call: Call<'_, Operation>| {
        match call.operation() {
            Operation::ListApiKeys => api_key::list(call).await,
            Operation::CreateApiKey => api_key::create(call).await,
            Operation::RevokeOwnApiKey => api_key::revoke_own(call).await,
            Operation::GetApiKey => api_key::get(call).await,
            Operation::UpdateApiKey => api_key::update(call).await,
            Operation::GetApiKeyUsage => usage::get(call).await,
            Operation::GetApiKeySuggestions => usage::suggest(call).await,
            Operation::SuspendApiKey => api_key::set_state(call, KeyState::Suspended).await,
            Operation::ResumeApiKey => api_key::set_state(call, KeyState::Active).await,
            Operation::RotateApiKey => secret::rotate(call).await,
            Operation::UpdateOverlap => secret::update_overlap(call).await,
            Operation::RevokeAllApiKeys => lockdown::revoke_all(call).await,
            Operation::RevokeApiKey => api_key::set_state(call, KeyState::Revoked).await,
            Operation::ListMembers => member::list(call).await,
            Operation::InviteMember => member::invite(call).await,
            Operation::UpdateMember => member::update(call).await,
            Operation::DeleteMember => member::delete(call).await,
            Operation::AcceptInvitation => invitation::accept(call).await,
            Operation::ListPartnerGrants => grant::list(call).await,
            Operation::CreatePartnerGrant => grant::create(call).await,
            Operation::SuspendPartnerGrant => grant::set_state(call, GrantState::Suspended).await,
            Operation::ResumePartnerGrant => grant::set_state(call, GrantState::Active).await,
            Operation::EndPartnerGrant => grant::set_state(call, GrantState::Ended).await,
            Operation::ListNotices => notice::list(call).await,
            Operation::UpdateNotice => notice::update(call).await,
            Operation::GetAlertSettings => alert::get(call).await,
            Operation::SetAlertSettings => alert::set(call).await,
            Operation::ListPartners => partner::list(call).await,
            Operation::CreatePartner => partner::create(call).await,
            Operation::UpdatePartner => partner::update(call).await,
            Operation::ListAllCompanies => company::list(call).await,
            Operation::SetPlan => company::set_plan(call).await,
            Operation::GetDenial => denial::get(call).await,
            Operation::GetWhoami => whoami::get(call).await,
            Operation::GetHealth => health(call),
        }
    })
    .await
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
}

/// Touches nothing: it says that requests reach us and answers leave us.
fn health(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    call.ok(&Health {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    })
}

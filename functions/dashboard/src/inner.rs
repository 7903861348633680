//! What pages show and no client can ask for: read by the same rules as the API's own operations.

mod account;
mod grant;
mod invitation;
mod names;
mod trail;

pub(crate) use account::{Account, Standing};
pub(crate) use invitation::{InvitationView, is_fresh};
pub(crate) use trail::LOOKED_AT;

use api::{ApiError, App, Call, Reply, respond};
use chrono::Duration;
use futures_util::future::try_join_all;
use lambda_http::{Body, Request, Response};
use model::{KeyId, Owner, RoleText, Rule};
use routes::{Role, inner::dashboard::Operation};
use serde::{Deserialize, Serialize};

/// What stands around every page of an owner.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Frame {
    pub(crate) name: String,
    /// Notices that nobody has read.
    pub(crate) unread: u64,
    /// By which the person was let through; nobody's where an administrator asks.
    pub(crate) role: Option<RoleText>,
}

impl Frame {
    pub(crate) fn role(&self) -> Option<Role> {
        self.role.map(|RoleText(role)| role)
    }
}

/// What one key did in the last 24 hours.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Activity {
    pub(crate) key_id: KeyId,
    /// Accepted requests hour by hour, the last one is the running one.
    pub(crate) accepted: Vec<u64>,
}

const HOURS: i64 = 24;
const MOST_KEYS: usize = 100;

pub(crate) async fn handle(app: &App, request: Request) -> Response<Body> {
    respond(app, request, async |call: Call<'_, Operation>| {
        match call.operation() {
            Operation::GetFrame => frame(&call).await,
            Operation::ListActivity => activity(&call).await,
            Operation::GetInvitation => invitation::get(&call).await,
            Operation::AcceptInvitationSignedIn => invitation::accept(&call).await,
            Operation::ListGrants => grant::list(&call).await,
            Operation::ListPartnerEvents => grant::events(&call).await,
            Operation::ListGrantors => grant::grantors(&call).await,
            Operation::GetAccount => account::get(&call).await,
            Operation::GetStanding => account::standing(&call).await,
            Operation::ListChanges => trail::changes(&call).await,
            Operation::ListLatest => trail::latest(&call).await,
            Operation::GetEvent => trail::event(&call).await,
            // On the API only keys reach these, by scopes that people don't have. Administrators reach none.
            Operation::BrowseJobs => jobs::list(&call).await,
            Operation::ShowJob => jobs::get(&call).await,
            Operation::BrowseCandidates => candidates::list(&call).await,
            Operation::ShowCandidate => candidates::get(&call).await,
            Operation::BrowseInterviews => interviews::list(&call).await,
            Operation::ShowInterview => interviews::get(&call).await,
            Operation::BrowseAgents => agents::list(&call).await,
            Operation::ShowAgent => agents::get(&call).await,
            Operation::ListNames => names::list(&call).await,
        }
    })
    .await
}

async fn frame(call: &Call<'_, Operation>) -> Result<Reply, ApiError> {
    let store = call.owner()?;
    let unread = async { Ok::<_, ApiError>(store.count_unread_notices(call.now).await?) };
    let name = async {
        Ok(match store.owner() {
            Owner::Company(_) => call
                .store()?
                .get_company()
                .await?
                .view()
                .fields
                .fields
                .name
                .to_string(),
            Owner::Partner(_) => call.partner()?.get_partner().await?.name.to_string(),
            Owner::System => "InstaView".to_owned(),
        })
    };
    let (name, unread) = futures_util::try_join!(name, unread)?;
    call.ok(&Frame {
        name,
        unread,
        role: call.principal()?.role().map(RoleText),
    })
}

async fn activity(call: &Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let ids = input.query("keyIds");
    let ids: Option<Vec<KeyId>> = ids.and_then(|ids| {
        let ids = ids
            .unwrap_or_default()
            .split(',')
            .filter(|id| !id.is_empty());
        let ids: Result<Vec<_>, _> = ids.map(str::parse).collect();
        match ids {
            Ok(ids) if ids.len() <= MOST_KEYS => Some(ids),
            _ => input.refuse("keyIds", Rule::Format, "must be ids of keys"),
        }
    });
    let ids = input.finish(ids)?;
    let store = call.owner()?;
    let last = call.now.hour();
    let first = last.minus(Duration::hours(HOURS - 1));
    let read = ids.into_iter().map(|key_id| {
        let store = &store;
        async move {
            let periods = store.key_hours(key_id, first, call.now).await?;
            let mut accepted = vec![0; usize::try_from(HOURS).unwrap_or_default()];
            for (at, usage) in &periods {
                let hour = at.since(first).num_hours();
                if let Some(hour) = usize::try_from(hour)
                    .ok()
                    .and_then(|at| accepted.get_mut(at))
                {
                    *hour += usage.all.accepted;
                }
            }
            Ok::<_, ApiError>(Activity { key_id, accepted })
        }
    });
    call.ok(&try_join_all(read).await?)
}

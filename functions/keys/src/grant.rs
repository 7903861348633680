//! What the company lets partners do, as its people run it.

use api::{ApiError, Call, ConflictReason, Reply, retried};
use model::{Fault, GrantRequest, GrantState, PartnerId, Rule};
use routes::{ScopeSet, keys::Operation};
use store::{CompanyStore, GrantRow};

use crate::ReasonBody;

pub(crate) async fn list(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let (page, ()) = call.finish_list(call.input(), Some(())).await?;
    let listed = call.store()?.list_grants(&page.start, page.limit).await?;
    let answer = call.page(&page, listed, |row| row.view()).await?;
    call.ok(&answer)
}

pub(crate) async fn create(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let request = input.body::<GrantRequest>();
    let GrantRequest { partner_id, scopes } = input.finish(request)?;
    let scopes = scopes.unwrap_or_else(ScopeSet::all);
    let store = call.store()?;
    call.once(&store, async |once| {
        if !store.is_partner(partner_id).await? {
            let message = "names no partner";
            return Err(Fault::new("/partnerId", Rule::NotFound, message).into());
        }
        retried(|| async {
            let old = store.find_grant(partner_id).await?;
            if old
                .as_ref()
                .is_some_and(|old| old.state != GrantState::Ended)
            {
                return Err(ApiError::Conflict(ConflictReason::Duplicate));
            }
            let company = store.company();
            let new = GrantRow::new(
                partner_id,
                company,
                scopes,
                old.as_ref(),
                &call.stamp(None)?,
            );
            let reply = call.created(&new.view())?.version(new.version);
            let remembered = once.remember(&reply);
            store
                .put_grant(old.as_ref(), &new, remembered.as_ref())
                .await?;
            Ok(reply)
        })
        .await
    })
    .await
}

/// Suspends, resumes or ends a grant.
pub(crate) async fn set_state(
    call: Call<'_, Operation>,
    state: GrantState,
) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let (id, body) = (input.id("partnerId"), input.optional_body::<ReasonBody>());
    let (id, ReasonBody { reason }) = input.finish(id.zip(body))?;
    let reason = reason.as_deref().map(str::to_owned);
    let store = call.store()?;
    call.once(&store, async |once| {
        retried(|| async {
            let old = found(&store, id).await?;
            call.if_match().check(old.version)?;
            if !old.state.may_become(state) {
                return Err(ApiError::InvalidTransition {
                    from: old.state.as_str(),
                    to: state.as_str(),
                });
            }
            if old.state == state {
                let reply = call.ok(&old.view())?.version(old.version);
                if let Some(remembered) = once.remember(&reply) {
                    let nonce = call.entropy().bytes();
                    store.remember_answer(&remembered, nonce).await?;
                }
                return Ok(reply);
            }
            let new = old.becoming(state, &call.stamp(reason.clone())?);
            let reply = call.ok(&new.view())?.version(new.version);
            let remembered = once.remember(&reply);
            store
                .put_grant(Some(&old), &new, remembered.as_ref())
                .await?;
            Ok(reply)
        })
        .await
    })
    .await
}

async fn found(store: &CompanyStore, id: PartnerId) -> Result<GrantRow, ApiError> {
    let grant = store.find_grant(id).await?;
    grant.ok_or_else(|| ApiError::NotFound {
        kind: "partner",
        id: id.to_string(),
    })
}

//! Companies: those that a key may act for, read and changed; and, for a partner's key or an administrator, made.
//!
//! Invariant: which company is meant was decided by the authorizer; no path is read here.
//! Knows nothing of keys, plans but to show a plan, or members but to invite a new company's first.

use api::{ApiError, App, Call, ConflictReason, Reply, respond, retried};
use lambda_http::{Body, Request, Response};
use model::{AccountRequest, CompanyPatch, CompanyRequest, Owner};
use routes::{Role, companies::Operation};
use store::{Listed, StoreError, StoredCompany};

/// Answers an event of API Gateway.
pub async fn handle(app: &App, request: Request) -> Response<Body> {
    respond(app, request, async |call: Call<'_, Operation>| {
        match call.operation() {
            Operation::ListCompanies => list(call).await,
            Operation::CreateCompany => create(call).await,
            Operation::GetCompany => get(call).await,
            Operation::UpdateCompany => update(call).await,
            Operation::FoundCompany => found(call).await,
        }
    })
    .await
}

async fn list(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let (page, ()) = call.finish_list(call.input(), Some(())).await?;
    let listed = if call.principal()?.company().is_some() {
        let company = call.store()?.get_company().await?;
        Listed::only(company, &page.start)
    } else {
        let partner = call.partner()?;
        partner.list_companies(&page.start, page.limit).await?
    };
    let answer = call.page(&page, listed, |company| company.view()).await?;
    call.ok(&answer)
}

async fn create(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let request = input.body::<CompanyRequest>();
    let request = input.finish(request)?;
    let store = call.partner()?;
    call.once(&store, async |once| {
        let partner = store.get_partner().await?;
        let (fields, owner_email) = request.into_parts();
        let new = partner.new_company(fields, call.now, call.entropy().bytes());
        let reply = call.created(&new.made(call.now).view())?.version(1);
        let (stamp, remembered) = (call.stamp(None)?, once.remember(&reply));
        let owner = Owner::Company(new.id);
        let invitation = owner_email
            .map(|email| call.invitation(owner, &email, Role::Owner, &*partner.name, &stamp));
        store
            .create_company(
                &new,
                partner.company_limit,
                invitation.as_ref(),
                &stamp,
                remembered.as_ref(),
            )
            .await
            .map_err(or_company_limit)?;
        Ok(reply)
    })
    .await
}

/// As an administrator: for no partner, and with the owner invited.
async fn found(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let request = input.body::<AccountRequest>();
    let AccountRequest {
        name,
        plan,
        owner_email,
    } = input.finish(request)?;
    let store = call.administration()?;
    call.once(&store, async |once| {
        let new = store.new_company(name, plan, call.now, call.entropy().bytes());
        let reply = call.created(&new.made(call.now).account())?.version(1);
        let (stamp, remembered) = (call.stamp(None)?, once.remember(&reply));
        let owner = Owner::Company(new.id);
        let invitation = call.invitation(owner, &owner_email, Role::Owner, "InstaView", &stamp);
        store
            .create_company(&new, &invitation, &stamp, remembered.as_ref())
            .await?;
        Ok(reply)
    })
    .await
}

fn or_company_limit(error: StoreError) -> ApiError {
    match error {
        StoreError::Full => ApiError::Conflict(ConflictReason::CompanyLimit),
        other => other.into(),
    }
}

async fn get(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    shown(&call, &call.store()?.get_company().await?)
}

async fn update(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let patch = input.body::<CompanyPatch>();
    let patch = input.finish(patch)?;
    let store = call.store()?;
    retried(|| async {
        let old = store.get_company().await?;
        let fields = old.fields.clone().patched(patch.clone())?;
        call.if_match().check(old.version)?;
        if fields == old.fields {
            return shown(&call, &old);
        }
        let stamp = call.stamp(None)?;
        shown(&call, &store.update_company(&old, fields, &stamp).await?)
    })
    .await
}

fn shown(call: &Call<'_, Operation>, company: &StoredCompany) -> Result<Reply, ApiError> {
    Ok(call.ok(&company.view())?.version(company.version))
}

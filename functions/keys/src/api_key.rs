//! The life of a key, as the people of its company run it.

use crate::{secret::refuse_revoked, usage};
use api::{ApiError, Call, ConflictReason, Reply, retried};
use auth::Forbidden;
use model::{
    ApiKey, ApiKeyChange, ApiKeyFields, ApiKeyRequest, Body, Fault, Faults, Fields, KeyId, KeyKind,
    KeyState, KeyStatus, Name, PartnerId, Plan, RateLimit, Rule, Timestamp,
};
use routes::{Role, Scope, ScopeSet, keys::Operation};
use serde::Serialize;
use store::{KeyFilter, KeyRow, NewKey, OwnerStore, StoreError};

/// A key as creation answers it: the one time that it is shown.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShownKey {
    #[serde(flatten)]
    pub object: ApiKey,
    /// The whole key; null when the answer is a replay.
    pub key: Option<String>,
    /// True when the answer is a replay: the key was shown once, to the first request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_unavailable: Option<bool>,
}

/// What an action on a key may be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonBody {
    pub reason: Option<Name<1, 200>>,
}

impl Body for ReasonBody {
    fn read(body: serde_json::Value, now: Timestamp) -> Result<Self, Faults> {
        let mut faults = Faults::at(now);
        let reason = Fields::of(body, "", &mut faults).and_then(|mut fields| {
            let reason = fields.optional("reason");
            fields.finish();
            reason
        });
        let reason = reason.flatten();
        faults.or(ReasonBody { reason })
    }
}

pub(crate) async fn list(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let status = input.parsed::<KeyStatus>(
        "status",
        Rule::Enum,
        "must be ACTIVE, SUSPENDED, REVOKED or EXPIRED",
    );
    let q = input.q(100);
    let (page, (status, q)) = call.finish_list(input, status.zip(q)).await?;

    let filter = KeyFilter {
        status,
        q: q.map(str::to_owned),
    };
    let listed = call
        .owner()?
        .list_keys(&filter, &page.start, page.limit, call.now)
        .await?;
    let answer = call.page(&page, listed, |row| row.view(call.now)).await?;
    call.ok(&answer)
}

pub(crate) async fn get(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let id = input.id("keyId");
    let id = input.finish(id)?;
    shown(&call, &found(&call.owner()?, id).await?)
}

pub(crate) async fn create(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let request = input.body::<ApiKeyRequest>();
    let request = input.finish(request)?;

    match (request.partner_id, call.by_administrator()?) {
        (Some(partner), true) => issue(&call, partner, &request).await,
        // A company's keys are its own people's business.
        (None, true) => Err(ApiError::needs_role(Role::Admin)),
        (None, false) if call.principal()?.company().is_some() => {
            create_standard(&call, request.fields.clone()).await
        }
        // What a partner's keys may begin with is InstaView's business.
        _ => Err(ApiError::Forbidden(Forbidden::Administrator)),
    }
}

async fn create_standard(
    call: &Call<'_, Operation>,
    fields: ApiKeyFields,
) -> Result<Reply, ApiError> {
    let store = call.store()?;
    call.once(&store, async |once| {
        may_give(call, fields.scopes)?;
        retried(|| async {
            let company = store.get_company().await?;
            let keyring = call.keyring().await?;
            let id = KeyId::new(call.entropy().bytes());
            let (plain, secret) = keyring.mint(KeyKind::Standard, id, call.entropy().bytes());
            let new = NewKey {
                id,
                kind: KeyKind::Standard,
                fields: fields.clone(),
                limits: company.rate_limit,
                secret: Some((secret, plain.suffix().to_owned())),
                stamp: call.stamp(None)?,
            };
            let object = new.view(store.owner(), call.now);
            let version = object.version;
            let replay = ShownKey {
                object: object.clone(),
                key: None,
                key_unavailable: Some(true),
            };
            let replay = call.created(&replay)?.version(version);
            store
                .create_key(&new, company.key_limit, once.remember(&replay).as_ref())
                .await
                .map_err(or_key_limit)?;
            let shown = ShownKey {
                object,
                key: Some(plain.expose().to_owned()),
                key_unavailable: None,
            };
            Ok(call.created(&shown)?.version(version))
        })
        .await
    })
    .await
}

/// Issues an ATS key without a secret: the partner's own people obtain one by rotating.
async fn issue(
    call: &Call<'_, Operation>,
    partner: PartnerId,
    request: &ApiKeyRequest,
) -> Result<Reply, ApiError> {
    let administration = call.administration()?;
    let store = administration.partner(partner);
    call.once(&store, async |once| {
        let partner = administration.get_partner(partner).await;
        let partner = partner.map_err(|error| match error {
            StoreError::NotFound => {
                Fault::new("/partnerId", Rule::NotFound, "names no partner").into()
            }
            other => ApiError::from(other),
        })?;
        let limits = request.rate_limit.clone().map(RateLimit::from);
        let new = NewKey {
            id: KeyId::new(call.entropy().bytes()),
            kind: KeyKind::Ats,
            fields: request.fields.clone(),
            limits: limits.unwrap_or(Plan::Scale.rate_limit()),
            secret: None,
            stamp: call.stamp(None)?,
        };
        let shown = ShownKey {
            object: new.view(store.owner(), call.now),
            key: None,
            key_unavailable: None,
        };
        let reply = call.created(&shown)?.version(1);
        administration
            .create_ats_key(&partner, &new, once.remember(&reply).as_ref())
            .await
            .map_err(or_key_limit)?;
        Ok(reply)
    })
    .await
}

pub(crate) async fn update(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let (id, patch) = (input.id("keyId"), input.body::<ApiKeyChange>());
    let (id, change) = input.finish(id.zip(patch))?;
    let (patch, dry_run) = (change.patch, change.dry_run.unwrap_or(false));

    let store = call.owner()?;
    retried(|| async {
        let row = found(&store, id).await?;
        let fields = row.fields().patched(patch.clone())?;
        may_change(&call, &row)?;
        may_give(&call, fields.scopes)?;
        call.if_match().check(row.facts.counted.version)?;
        refuse_revoked(&row)?;
        let expires_at = fields.expires_at.map(|at| *at);
        let revived = row.status(call.now) == KeyStatus::Expired
            && row.facts.state.shown(expires_at, call.now) != KeyStatus::Expired;
        if dry_run {
            return usage::dry_run(&call, &store, &row, &fields, revived).await;
        }
        if fields == row.fields() {
            return shown(&call, &row);
        }
        let change = row.becoming(fields, row.facts.state, call.now);
        let stamp = call.stamp(None)?;
        let changed = if revived {
            let limit = store.key_limit().await?;
            store.revive_key(id, &change, limit, &stamp).await
        } else {
            store.update_key(id, &change, &stamp, None).await
        };
        shown(&call, &changed.map_err(or_key_limit)?)
    })
    .await
}

/// Suspends, resumes or revokes a key.
pub(crate) async fn set_state(
    call: Call<'_, Operation>,
    state: KeyState,
) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let (id, body) = (input.id("keyId"), input.optional_body::<ReasonBody>());
    let (id, body) = input.finish(id.zip(body))?;

    change_state(&call, id, state, body).await
}

/// What a leaked key's finder, or its own user, may do with nothing but the key.
pub(crate) async fn revoke_own(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let body = input.optional_body::<ReasonBody>();
    let body = input.finish(body)?;

    let reason = body.reason.as_deref().map(str::to_owned);
    // Whoever's the key is; a partner's acts in no company here.
    let bearer = call.bearer()?;
    retried(|| async {
        let row = bearer.get_key().await?;
        if row.facts.state == KeyState::Revoked {
            return shown(&call, &row);
        }
        let stamp = call.stamp(reason.clone())?;
        shown(&call, &bearer.revoke_key(&row, &stamp).await?)
    })
    .await
}

async fn change_state(
    call: &Call<'_, Operation>,
    id: KeyId,
    state: KeyState,
    body: ReasonBody,
) -> Result<Reply, ApiError> {
    let store = call.owner()?;
    let reason = body.reason.as_deref().map(str::to_owned);
    call.once(&store, async |once| {
        retried(|| async {
            let row = found(&store, id).await?;
            may_change(call, &row)?;
            let from = row.facts.counted.version;
            call.if_match().check(from)?;
            if !row.facts.state.may_become(state) {
                let to = state.shown(None, call.now);
                return Err(ApiError::InvalidTransition {
                    from: row.status(call.now).as_str(),
                    to: to.as_str(),
                });
            }
            if row.facts.state == state {
                let reply = shown(call, &row)?;
                if let Some(remembered) = once.remember(&reply) {
                    let nonce = call.entropy().bytes();
                    store.remember_answer(&remembered, nonce).await?;
                }
                return Ok(reply);
            }
            // The answer is known before the write, so that it can be kept in the same transaction.
            let mut after = row.clone();
            after.facts.state = state;
            after.facts.counted.version = from + 1;
            let reply = shown(call, &after)?;
            let change = row.becoming(row.fields(), state, call.now);
            let (stamp, remembered) = (call.stamp(reason.clone())?, once.remember(&reply));
            store
                .update_key(id, &change, &stamp, remembered.as_ref())
                .await?;
            Ok(reply)
        })
        .await
    })
    .await
}

pub(crate) async fn found(store: &OwnerStore, id: KeyId) -> Result<KeyRow, ApiError> {
    store
        .get_key(id)
        .await
        .map_err(ApiError::or_not_found("api_key", id))
}

pub(crate) fn shown(call: &Call<'_, Operation>, row: &KeyRow) -> Result<Reply, ApiError> {
    Ok(call
        .ok(&row.view(call.now))?
        .version(row.facts.counted.version))
}

fn or_key_limit(error: StoreError) -> ApiError {
    match error {
        StoreError::Full => ApiError::Conflict(ConflictReason::KeyLimit),
        other => other.into(),
    }
}

/// Keys that can change companies are their owners' business, and administrators', who may end any.
pub(crate) fn may_change(call: &Call<'_, Operation>, row: &KeyRow) -> Result<(), ApiError> {
    may_give(call, row.facts.scopes)
}

fn may_give(call: &Call<'_, Operation>, scopes: ScopeSet) -> Result<(), ApiError> {
    let by_owner = call.principal()?.role() == Some(Role::Owner);
    if scopes.contains(Scope::WriteCompanies) && !by_owner && !call.by_administrator()? {
        return Err(ApiError::needs_role(Role::Owner));
    }
    Ok(())
}

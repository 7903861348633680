//! The company's kill switch: every key and every grant is dead before the answer.

use api::{ApiError, Call, Reply, retried};
use chrono::Duration;
use model::{Body, Faults, Fields, KeyId, Name, PartnerId, Timestamp};
use routes::keys::Operation;
use serde::Serialize;
use store::{Caught, KeyOutline};

/// How the kill switch is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockdownBody {
    /// Only tells what would be ended. Never left to a default: it is the one word that keeps everything alive.
    pub dry_run: bool,
    pub reason: Option<Name<1, 200>>,
    /// Whether grants are suspended, too; so it is where nothing is said.
    pub include_partners: bool,
}

impl Body for LockdownBody {
    fn read(body: serde_json::Value, now: Timestamp) -> Result<Self, Faults> {
        let mut faults = Faults::at(now);
        let read = Fields::of(body, "", &mut faults).and_then(|mut fields| {
            let dry_run = fields.required("dryRun");
            let reason = fields.optional("reason");
            let partners = fields.optional("includePartners");
            fields.finish();
            Some((dry_run?, reason?, partners?))
        });
        // Where something can't be read, there is a fault.
        let (dry_run, reason, partners) = read.unwrap_or((true, None, None));
        faults.or(LockdownBody {
            dry_run,
            reason,
            include_partners: partners.unwrap_or(true),
        })
    }
}

/// What the kill switch ended, or would end.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LockdownReport {
    pub dry_run: bool,
    /// Revoked; expired ones included, which could be given life again otherwise.
    pub keys: Vec<CaughtKey>,
    /// Suspended.
    pub grants: Vec<CaughtGrant>,
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct CaughtKey {
    pub id: KeyId,
    pub name: Name<1, 100>,
    /// The first 13 characters of the key.
    pub prefix: String,
}

#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaughtGrant {
    pub partner_id: PartnerId,
}

/// Keys and grants that are ended between two looks at what is left.
const CHUNK: usize = 200;
/// Well within what the function has.
const MOST: Duration = Duration::seconds(5);
/// A row holds 400 KB. A longer report is not kept, so it counts as not given, and the next one tells the same.
const MOST_KEPT: usize = 300_000;

/// Answers when all is dead. Where this is cut off, the worker goes on, and so does the same request sent again: its report is the whole one.
///
/// Keys that may change companies are included for an ADMIN, too, who may not touch them otherwise: whoever sees a theft must not have to wait for an owner.
pub(crate) async fn revoke_all(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let body = input.body::<LockdownBody>();
    let LockdownBody {
        dry_run,
        reason,
        include_partners,
    } = input.finish(body)?;
    let reason = reason.as_deref().map(str::to_owned);
    let store = call.store()?;
    call.once(&store, async |once| {
        let nonce = || call.entropy().bytes();
        if dry_run {
            let reply = call.ok(&report(true, store.would_catch(include_partners).await?))?;
            let remembered = once.remember(&reply);
            if let Some(remembered) = remembered.filter(|it| it.body.len() <= MOST_KEPT) {
                store.remember_answer(&remembered, nonce()).await?;
            }
            return Ok(reply);
        }
        loop {
            let lockdown = retried(|| async {
                let stamp = call.stamp(reason.clone())?;
                Ok(store.begin_lockdown(&stamp, include_partners).await?)
            })
            .await?;
            while !store.sweep(&lockdown, CHUNK, nonce).await? {
                in_time(&call)?;
            }
            // One that ran already may have been asked for less.
            if include_partners && !lockdown.includes_partners() {
                store.end_lockdown(&lockdown, None, nonce).await?;
                in_time(&call)?;
                continue;
            }
            let reply = call.ok(&report(false, store.caught(&lockdown).await?))?;
            let remembered = once.remember(&reply);
            let short = remembered
                .as_ref()
                .is_none_or(|it| it.body.len() <= MOST_KEPT);
            let reported = short.then_some(remembered.as_ref());
            store.end_lockdown(&lockdown, reported, nonce).await?;
            return Ok(reply);
        }
    })
    .await
}

fn in_time(call: &Call<'_, Operation>) -> Result<(), ApiError> {
    match call.lasts() > MOST {
        true => Err(ApiError::unavailable("not all keys are revoked yet")),
        false => Ok(()),
    }
}

fn report(dry_run: bool, caught: Caught) -> LockdownReport {
    let Caught { keys, partners } = caught;
    let key = |key: KeyOutline| CaughtKey {
        id: key.id,
        prefix: key.prefix(),
        name: key.name,
    };
    LockdownReport {
        dry_run,
        keys: keys.into_iter().map(key).collect(),
        grants: partners
            .into_iter()
            .map(|partner_id| CaughtGrant { partner_id })
            .collect(),
    }
}

//! The secrets of a key: rotated, and how long the one that was replaced goes on.

use api::{ApiError, Call, ConflictReason, Reply, retried};
use auth::SecretFacts;
use chrono::Duration;
use model::{Body, Fault, Faults, Fields, Integer, KeyState, KeyStatus, Rule, Timestamp};
use routes::keys::Operation;
use store::{KeyRow, NewSecrets};

use crate::{
    ShownKey,
    api_key::{found, may_change, shown},
};

/// How a rotation is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotateBody {
    /// How long the secret so far goes on; 0 ends whatever is live at once. Where nothing is said, a day; or what is left of the overlap that there is.
    pub overlap_seconds: Option<Integer<0, 2_592_000>>,
    /// During an overlap: replaces the newer secret, if it was never used. At other times it says nothing.
    pub replace_unused: bool,
}

impl Body for RotateBody {
    fn read(body: serde_json::Value, now: Timestamp) -> Result<Self, Faults> {
        let mut faults = Faults::at(now);
        let read = Fields::of(body, "", &mut faults).and_then(|mut fields| {
            let overlap = fields.optional("overlapSeconds");
            let replace = fields.optional("replaceUnused");
            fields.finish();
            Some((overlap?, replace?))
        });
        let (overlap_seconds, replace_unused) = read.unwrap_or_default();
        let replace_unused = replace_unused.unwrap_or_default();
        if replace_unused && overlap_seconds.map(Integer::get) == Some(0) {
            let message = "can't be combined with overlapSeconds 0, which ends used secrets, too";
            faults.push(Fault::new("/replaceUnused", Rule::ConflictWith, message));
        }
        faults.or(RotateBody {
            overlap_seconds,
            replace_unused,
        })
    }
}

const DEFAULT_OVERLAP: Duration = Duration::days(1);
/// From the rotation on.
const LONGEST_OVERLAP: Duration = Duration::days(30);

/// Gives the key a new secret, shown this once.
pub(crate) async fn rotate(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let (id, body) = (input.id("keyId"), input.optional_body::<RotateBody>());
    let (id, body) = input.finish(id.zip(body))?;

    let store = call.owner()?;
    call.once(&store, async |once| {
        retried(|| async {
            let row = found(&store, id).await?;
            may_change(&call, &row)?;
            call.if_match().check(row.facts.counted.version)?;
            refuse_revoked(&row)?;
            let mut new = kept(&row, body, call.now)?;
            let keyring = call.keyring().await?;
            let taken: Vec<_> = row
                .facts
                .secrets
                .iter()
                .map(|s| s.suffix.as_str())
                .collect();
            let (plain, stored) =
                keyring.mint_apart(row.facts.kind, id, &taken, || call.entropy().bytes());
            new.secrets.push(SecretFacts {
                stored,
                suffix: plain.suffix().to_owned(),
                created_at: call.now,
                valid_until: None,
                ended: false,
            });
            // The answer is known before the write, so that it can be kept in the same transaction.
            let mut after = row.clone();
            after.facts.secrets.clone_from(&new.secrets);
            after.facts.counted.version += 1;
            let version = after.facts.counted.version;
            let object = after.view(call.now);
            let replay = ShownKey {
                object: object.clone(),
                key: None,
                key_unavailable: Some(true),
            };
            let remembered = once.remember(&call.ok(&replay)?.version(version));
            store
                .set_secrets(&row, &new, &call.stamp(None)?, remembered.as_ref())
                .await?;
            let shown = ShownKey {
                object,
                key: Some(plain.expose().to_owned()),
                key_unavailable: None,
            };
            Ok(call.ok(&shown)?.version(version))
        })
        .await
    })
    .await
}

/// What a rotation leaves of the secrets so far.
///
/// # Errors
/// `OVERLAP` where two are live and the request doesn't say which one goes, or names one that was used.
fn kept(row: &KeyRow, body: RotateBody, now: Timestamp) -> Result<NewSecrets, ApiError> {
    let overlap = body
        .overlap_seconds
        .map(|it| Duration::seconds(it.get().into()));
    let live = row.facts.secrets.iter().filter(|it| it.is_live(now));
    let mut secrets: Vec<_> = live.cloned().collect();
    if overlap == Some(Duration::zero()) {
        secrets.clear();
    }
    let mut unused = None;
    match secrets.as_mut_slice() {
        [] => {}
        [only] => {
            let end = now.plus(overlap.unwrap_or(DEFAULT_OVERLAP));
            // One whose end was announced already, because the newer one is lost, goes on no longer.
            only.valid_until = Some(only.valid_until.map_or(end, |known| known.min(end)));
        }
        [old, newer] if body.replace_unused && !row.uses.contains_key(&newer.suffix) => {
            // The answer that showed it was lost, as like as not: what was said of the overlap then, stands.
            if let Some(overlap) = overlap {
                old.valid_until = Some(now.plus(overlap));
            }
            unused = Some(newer.suffix.clone());
            secrets.pop();
        }
        _ => return Err(ApiError::Conflict(ConflictReason::Overlap)),
    }
    Ok(NewSecrets { secrets, unused })
}

/// How an overlap is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverlapBody {
    /// A past or present instant ends the overlap at once.
    pub valid_until: Timestamp,
}

impl Body for OverlapBody {
    fn read(body: serde_json::Value, now: Timestamp) -> Result<Self, Faults> {
        let mut faults = Faults::at(now);
        let valid_until = Fields::of(body, "", &mut faults).and_then(|mut fields| {
            let valid_until = fields.required("validUntil");
            fields.finish();
            valid_until
        });
        // Without it there is a fault.
        let valid_until = valid_until.unwrap_or(now);
        faults.or(OverlapBody { valid_until })
    }
}

/// Ends an overlap early, or lets it go on for longer.
pub(crate) async fn update_overlap(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let (id, body) = (input.id("keyId"), input.body::<OverlapBody>());
    let (id, OverlapBody { valid_until }) = input.finish(id.zip(body))?;

    let store = call.owner()?;
    retried(|| async {
        let row = found(&store, id).await?;
        let moved = match moved(&row.facts.secrets, valid_until, call.now) {
            Err(fault @ ApiError::Validation(_)) => return Err(fault),
            moved => moved,
        };
        may_change(&call, &row)?;
        call.if_match().check(row.facts.counted.version)?;
        refuse_revoked(&row)?;
        let secrets = moved?;
        if secrets
            .iter()
            .map(end)
            .eq(row.facts.secrets.iter().map(end))
        {
            return shown(&call, &row);
        }
        let new = NewSecrets {
            secrets,
            unused: None,
        };
        let stamp = call.stamp(None)?;
        shown(&call, &store.set_secrets(&row, &new, &stamp, None).await?)
    })
    .await
}

fn end(secret: &SecretFacts) -> Option<Timestamp> {
    secret.valid_until
}

/// The secrets with another end of the overlap.
///
/// # Errors
/// 400 where that is too long after the rotation; `OVERLAP` where there is none.
fn moved(
    secrets: &[SecretFacts],
    until: Timestamp,
    now: Timestamp,
) -> Result<Vec<SecretFacts>, ApiError> {
    let mut secrets = secrets.to_vec();
    match secrets.as_mut_slice() {
        [old, newer] if old.is_live(now) => {
            let latest = newer.created_at.plus(LONGEST_OVERLAP);
            if until > latest {
                let message = format!("must be at most 30 days after the rotation: {latest}");
                return Err(Fault::new("/validUntil", Rule::Range, message).into());
            }
            old.ended = until <= now;
            old.valid_until = Some(until.max(now));
            Ok(secrets)
        }
        // It has ended already, as by the same request whose answer was lost.
        [_, _] if until <= now => Ok(secrets),
        _ => Err(ApiError::Conflict(ConflictReason::Overlap)),
    }
}

/// A revoked key changes no more.
pub(crate) fn refuse_revoked(row: &KeyRow) -> Result<(), ApiError> {
    match row.facts.state {
        KeyState::Revoked => Err(ApiError::InvalidTransition {
            from: KeyStatus::Revoked.as_str(),
            to: KeyStatus::Revoked.as_str(),
        }),
        KeyState::Active | KeyState::Suspended => Ok(()),
    }
}

//! Alerts: a look at what the keys that were used lately did, off the path of every request.
//!
//! A look reads a bounded number of rows a key and writes only where a rule finds something new.
//! What reaches usage more than an hour late is looked at no more; the stream's age wakes somebody by then.

mod rules;
#[cfg(test)]
mod tests;

use api::App;
use chrono::Duration;
use model::{Finding, Owner, Timestamp};
use std::ops::Deref;
use store::{ActiveKey, Silence, StoreError, StoredAlertSettings};

use crate::{End, tried};
use rules::{Days, Key};

/// How long after a request its hour is looked at.
const LOOK_BACK: Duration = Duration::hours(1);
/// Silences that one turn ends.
const MOST: usize = 1_000;

/// Whether anything is left.
#[expect(
    clippy::disallowed_methods,
    reason = "the worker looks at all keys, and tells each one's own people"
)]
pub(crate) async fn find_all(app: &App, end: End) -> Result<bool, StoreError> {
    let now = app.clock.now();
    let mut left = end_silences(app, end).await?;
    let mut keys = app.table.active_keys(now.minus(LOOK_BACK), now).await?;
    // Where a turn begins is left to chance, so that no owner is always the last when time runs out.
    if !keys.is_empty() {
        let first = u64::from_be_bytes(app.entropy.bytes()) % keys.len() as u64;
        keys.rotate_left(usize::try_from(first).unwrap_or_default());
    }
    let mut settings: Option<StoredAlertSettings> = None;
    // Those of one owner stand together.
    for key in &keys {
        if end.is_here(app) {
            return Ok(true);
        }
        let its_own = settings.take().filter(|known| known.owner == key.owner);
        let known = match its_own {
            Some(known) => Ok(known),
            None => app.table.alert_settings_of(key).await,
        };
        // One that fails keeps no other back.
        left |= match known {
            Ok(known) => {
                let known = settings.insert(known);
                tried("alert", find(app, key, known).await.map(|()| false))
            }
            Err(fault) => tried("alert", Err(fault)),
        };
    }
    Ok(left)
}

/// Tells what groups have kept to themselves for as long as they had to, also where nothing new comes. Whether any is left.
#[expect(
    clippy::disallowed_methods,
    reason = "the worker tells of all keys, each to its own people"
)]
async fn end_silences(app: &App, end: End) -> Result<bool, StoreError> {
    let silences = app.table.list_silences(app.clock.now(), MOST).await?;
    let mut left = silences.len() == MOST;
    for silence in &silences {
        if end.is_here(app) {
            return Ok(true);
        }
        // One that fails keeps no other back.
        left |= tried("alert", end_silence(app, silence).await.map(|()| false));
    }
    Ok(left)
}

#[expect(clippy::disallowed_methods, reason = "the silence is a row of our own")]
async fn end_silence(app: &App, silence: &Silence) -> Result<(), StoreError> {
    let settings = app.table.alert_settings_of(&silence.key).await?;
    let is_on = settings.fields.is_on(silence.kind);
    let told = is_on.then(|| recipients(&settings));
    let (now, nonce) = (app.clock.now(), app.entropy.bytes());
    app.table.end_silence(silence, told, now, nonce).await
}

/// Looks at one key.
#[expect(
    clippy::disallowed_methods,
    reason = "the worker looks at all keys, and tells each one's own people"
)]
async fn find(
    app: &App,
    active: &ActiveKey,
    settings: &StoredAlertSettings,
) -> Result<(), StoreError> {
    let (table, now) = (&app.table, app.clock.now());
    let Some(row) = table.find_key(active.key_id).await? else {
        return Ok(());
    };
    // An owner is told of its own keys alone.
    if row.facts.owner != active.owner || active.owner == Owner::System {
        return Ok(());
    }
    let key = Key {
        name: row.name.deref().to_owned(),
        prefix: row.prefix(),
        kind: row.facts.kind,
        per_hour: row.facts.limits.per_hour,
        made_at: row.created_at,
    };
    let from = now.minus(LOOK_BACK).hour();
    // One hour more than is looked at: what went before.
    let before = from.minus(Duration::hours(1));
    let hours = table.hours_of(active, before, now).await?;
    let mut findings: Vec<Finding> = Vec::new();
    let seen = table.networks_of(active).await?;
    for (at, (hour, usage)) in hours
        .iter()
        .enumerate()
        .filter(|(_, (hour, _))| *hour >= from)
    {
        findings.extend(key.new_network(&seen, *hour));
        findings.extend(key.refusal_burst(*hour, usage));
        findings.extend(key.dead_credential(*hour, usage));
        findings.extend(key.many_companies(*hour, usage));
        findings.extend(key.rate_limit(*hour, usage));
        let factor = settings.fields.volume_factor();
        if key.has_volume(*hour, usage) {
            let usual = table.hours_at(active, key.same_hours(*hour)).await?;
            findings.extend(key.volume(*hour, usage, &usual, factor));
        }
        if key.may_have_slept(&hours, at) {
            let days = Days {
                days: table.days_of(active, key.slept_since(*hour), *hour).await?,
            };
            findings.extend(key.woke(&hours, at, &days));
        }
    }
    let on = findings
        .iter()
        .filter(|finding| settings.fields.is_on(finding.kind));
    let mut outcome = Ok(());
    for finding in on {
        let nonce = app.entropy.bytes();
        let recipients = recipients(settings);
        let added = table.add_finding(active, finding, recipients, now, nonce);
        // A group that fails keeps no other back.
        outcome = outcome.and(added.await.map(|_| ()));
    }
    outcome
}

fn recipients(settings: &StoredAlertSettings) -> Option<Vec<String>> {
    let recipients = settings.fields.recipients.as_ref()?;
    let addresses = recipients.iter().map(|address| address.deref().to_owned());
    Some(addresses.collect())
}

/// The beginning of the hour that is so many days before this one.
fn days_before(hour: Timestamp, days: i64) -> Timestamp {
    hour.minus(Duration::days(days))
}

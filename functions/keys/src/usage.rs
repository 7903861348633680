//! What a key did, how it could be narrowed, and what a change of it would have refused.

use api::{ApiError, Call, ConflictReason, Input, Reply};
use chrono::Duration;
use model::{
    ApiKeyFields, DRY_RUN_DAYS, DryRunReport, Granularity, KeySuggestions, KeyUsage,
    KeyUsageReport, OBSERVED_DAYS, Rule, Timestamp,
};
use routes::keys::Operation;
use store::{KeyRow, OwnerStore};

use crate::api_key::found;

/// Counts from one hour or day to another.
pub(crate) async fn get(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let id = input.id("keyId");
    let range = range(&mut input, call.now);
    let (id, range) = input.finish(id.zip(range))?;

    let store = call.owner()?;
    let row = found(&store, id).await?;
    let Range {
        granularity,
        start,
        end,
    } = range;
    let periods = match granularity {
        Granularity::Hour => store.key_hours(id, start, end).await?,
        Granularity::Day => store.key_days(id, start, end).await?,
    };
    let secrets = row.view(call.now).secrets;
    let range = (start, end);
    let report = KeyUsageReport::new(id, granularity, range, &periods, &secrets, call.now);
    call.ok(&report)
}

/// Scopes that nobody needs, and the smallest allowlist.
pub(crate) async fn suggest(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let id = input.id("keyId");
    let id = input.finish(id)?;

    let store = call.owner()?;
    let row = found(&store, id).await?;
    let since = call.now.minus(Duration::days(OBSERVED_DAYS)).day();
    let last_used = row.last_use.as_ref().map(|last| last.at);
    // Large, as several reads are under way together.
    let usage = Box::pin(store.observed(id, since, last_used, call.now)).await?;
    let range = (since, call.now);
    call.ok(&KeySuggestions::new(
        id,
        row.created_at,
        row.facts.scopes,
        &usage,
        range,
    ))
}

/// The answer to a change that is only tried; every other fault of the change was found before. `revived`: whether it would give an expired key life again, for which there must be room and no lockdown.
pub(crate) async fn dry_run(
    call: &Call<'_, Operation>,
    store: &OwnerStore,
    row: &KeyRow,
    fields: &ApiKeyFields,
    revived: bool,
) -> Result<Reply, ApiError> {
    if revived {
        if store.live_keys(call.now).await? >= store.key_limit().await? as usize {
            return Err(ApiError::Conflict(ConflictReason::KeyLimit));
        }
        if store.is_locked().await? {
            return Err(ApiError::Conflict(ConflictReason::Locked));
        }
    }
    let since = call.now.minus(Duration::days(DRY_RUN_DAYS)).hour();
    let mut usage = KeyUsage::default();
    for (_, hour) in store.key_hours(row.facts.id, since, call.now).await? {
        usage.add(&hour);
    }
    let allowed = fields.allowed_ips.as_ref();
    let range = (since, call.now);
    let report = DryRunReport::new(row.facts.id, fields.scopes, allowed, &usage, range);
    Ok(call.ok(&report)?.version(row.facts.counted.version))
}

/// Whole periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    granularity: Granularity,
    start: Timestamp,
    end: Timestamp,
}

/// An answer must stay within Lambda's 6 MB: an hour's is at most some 5 KB.
const MAX_DAYS_BY_HOUR: i64 = 31;
const MAX_DAYS_BY_DAY: i64 = 366;

fn range(input: &mut Input<'_>, now: Timestamp) -> Option<Range> {
    let granularity = input.parsed("granularity", Rule::Enum, "must be hour or day");
    let (start, end) = (input.moment("start"), input.moment("end"));
    let ((granularity, start), end) = granularity.zip(start).zip(end)?;
    let granularity = granularity.unwrap_or(Granularity::Hour);
    let (usual, most, message) = match granularity {
        Granularity::Hour => (1, MAX_DAYS_BY_HOUR, "must be at most 31 days before end"),
        Granularity::Day => (30, MAX_DAYS_BY_DAY, "must be at most 366 days before end"),
    };
    let end = end.unwrap_or(now);
    let start = start.unwrap_or(end.minus(Duration::days(usual)));
    if start >= end {
        return input.refuse("start", Rule::Range, "must be before end");
    }
    if end.since(start) > Duration::days(most) {
        return input.refuse("start", Rule::Range, message);
    }
    // The periods that the range touches.
    let last = end.minus(Duration::milliseconds(1));
    let (start, end) = match granularity {
        Granularity::Hour => (start.hour(), last.hour().plus(Duration::hours(1))),
        Granularity::Day => (start.day(), last.day().plus(Duration::days(1))),
    };
    Some(Range {
        granularity,
        start,
        end,
    })
}

//! What a company may do and what of it is used; and whether somebody runs InstaView.

use api::{ApiError, Call, Reply};
use model::{Limits, Month, RateLimit, Timestamp};
use routes::inner::dashboard::Operation;
use serde::{Deserialize, Serialize};

/// A company's plan, and where it stands.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) plan: String,
    pub(crate) rate_limit: RateLimit,
    /// Active and suspended ones.
    pub(crate) live_keys: u64,
    pub(crate) key_limit: u32,
    /// Of interviews that were billed this month (UTC).
    pub(crate) minutes_billed: u64,
    /// Of the interviews that are scheduled for this month, done or to come: what the plan bounds.
    pub(crate) minutes_taken: u64,
    pub(crate) minutes_per_month: u32,
    /// When the month ends.
    pub(crate) resets_at: Timestamp,
    pub(crate) created_at: Timestamp,
    /// The company's.
    pub(crate) version: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Standing {
    pub(crate) administrator: bool,
}

pub(super) async fn get(call: &Call<'_, Operation>) -> Result<Reply, ApiError> {
    let store = call.store()?;
    let month = Month::of(call.now);
    let (company, live_keys, billed, taken) = futures_util::try_join!(
        store.get_company(),
        store.live_keys(call.now),
        store.usage(month.start(), month.end()),
        store.committed_minutes(month),
    )?;
    let Limits {
        plan,
        rate_limit,
        key_limit,
        minutes_per_month,
    } = company.limits();
    call.ok(&Account {
        name: company.fields.name.to_string(),
        description: company.fields.description.as_ref().map(|it| it.to_string()),
        plan: plan.to_string(),
        rate_limit,
        live_keys: live_keys as u64,
        key_limit,
        minutes_billed: billed.minutes,
        minutes_taken: taken,
        minutes_per_month,
        resets_at: month.end(),
        created_at: company.created_at,
        version: company.version,
    })
}

pub(super) async fn standing(call: &Call<'_, Operation>) -> Result<Reply, ApiError> {
    let administrator = call.bearer()?.is_administrator().await?;
    call.ok(&Standing { administrator })
}

//! Checkpoints as one owner sees them.

use api::{ApiError, App, Call, Objects, Reply};
use model::{Owner, Rule};
use routes::audit_log::Operation;
use store::{Listed, Start};
use trail::{OwnCheckpoint, StoredCheckpoint};

/// Newest first. `from` and `to` are counters, both included.
pub(crate) async fn list(call: &Call<'_, Operation>, app: &App) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let message = "must be the counter of a checkpoint";
    let from = input.parsed::<u64>("from", Rule::Range, message);
    let to = input.parsed::<u64>("to", Rule::Range, message);
    let (request, (from, to)) = call.finish_list(input, from.zip(to)).await?;
    let objects = app.checkpoints.as_ref();
    let objects = objects.ok_or_else(|| ApiError::internal("this function has no checkpoints"))?;
    let newest = objects.list(StoredCheckpoint::PREFIX, None, 1).await;
    let newest = newest.map_err(ApiError::unavailable)?;
    let newest = newest
        .first()
        .and_then(|name| StoredCheckpoint::counter(name));
    let newest = newest.unwrap_or(0);
    let range = Range {
        first: from.unwrap_or(1).max(1),
        last: to.unwrap_or(newest).min(newest),
    };
    let (counters, next) = range.page(&request.start, request.limit)?;
    let owner = call.owner()?.owner();
    let mut items = Vec::with_capacity(counters.len());
    for counter in counters {
        items.push(find(objects, counter, owner).await?);
    }
    let listed = Listed {
        items,
        total: Some(range.length()),
        total_is_lower_bound: false,
        next,
        cut: false,
    };
    let answer = call.page(&request, listed, |checkpoint| checkpoint).await?;
    call.ok(&answer)
}

/// Checkpoints have no gaps, so that counting is finding.
struct Range {
    first: u64,
    last: u64,
}

impl Range {
    fn length(&self) -> u64 {
        (self.last + 1).saturating_sub(self.first)
    }

    /// Counters in descending order, and the position to go on from.
    fn page(&self, start: &Start, limit: usize) -> Result<(Vec<u64>, Option<String>), ApiError> {
        let end = self.last + 1;
        let end = match start {
            Start::Skip(skipped) => end.saturating_sub(*skipped),
            Start::After(position) => {
                let shown: u64 = position.parse().map_err(ApiError::internal)?;
                end.min(shown)
            }
        };
        let counters: Vec<u64> = (self.first..end).rev().take(limit).collect();
        let next = counters.last().filter(|last| **last > self.first);
        let next = next.map(u64::to_string);
        Ok((counters, next))
    }
}

async fn find(objects: &Objects, counter: u64, owner: Owner) -> Result<OwnCheckpoint, ApiError> {
    let bytes = objects.get(&StoredCheckpoint::name(counter)).await;
    let bytes = bytes.map_err(ApiError::unavailable)?;
    let bytes = bytes.ok_or_else(|| ApiError::internal("a checkpoint is missing"))?;
    let stored: StoredCheckpoint = serde_json::from_slice(&bytes).map_err(ApiError::internal)?;
    Ok(stored.seen_by(owner))
}

//! What pages read of an owner's chain.

use api::{ApiError, Call, Reply};
use model::{KeyId, Rule};
use routes::inner::dashboard::Operation;
use store::{EventFilter, Start};

/// No index tells the events of one key or partner apart: a page looks back at so many of the owner's newest events, and no further.
pub(crate) const LOOKED_AT: usize = 500;

/// What a list reads that nobody has narrowed: a page's worth of reading, in a few calls of the store.
const A_LOOK: usize = 2_000;

pub(super) async fn changes(call: &Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let key_id = input.parsed("keyId", Rule::Format, "must be the id of a key");
    let outcome = input.parsed("outcome", Rule::Enum, "must be SUCCESS or REFUSED");
    let (start, end) = (input.instant("start"), input.instant("end"));
    let request_id = input.query("requestId");
    let filter = key_id.zip(outcome).zip(start.zip(end)).zip(request_id);
    let (request, (((key_id, outcome), (start, end)), request_id)) =
        call.finish_list(input, filter).await?;
    let narrowed = EventFilter {
        key_id,
        outcome,
        start,
        end,
        request_id: request_id.map(str::to_owned),
        ..EventFilter::default()
    };
    let filter = EventFilter {
        // One request's events are asked for whatever they tell.
        without_accepted: narrowed.request_id.is_none(),
        among: (narrowed == EventFilter::default()).then_some(A_LOOK),
        ..narrowed
    };
    let store = call.owner()?;
    let listed = store
        .list_events(&filter, &request.start, request.limit)
        .await?;
    call.ok(&call.page(&request, listed, |event| event).await?)
}

/// A key's newest events, of those that are looked at.
pub(super) async fn latest(call: &Call<'_, Operation>) -> Result<Reply, ApiError> {
    const SHOWN: usize = 10;
    let mut input = call.input();
    let key_id = input.id::<KeyId>("keyId");
    let key_id = input.finish(key_id)?;
    let filter = EventFilter {
        key_id: Some(key_id),
        among: Some(LOOKED_AT),
        ..EventFilter::default()
    };
    let store = call.owner()?;
    let listed = store.list_events(&filter, &Start::Skip(0), SHOWN).await?;
    call.ok(&listed.items)
}

pub(super) async fn event(call: &Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let seq = input.id::<u64>("seq");
    let seq = input.finish(seq)?;
    // A list goes on below its position; a chain has no gaps.
    let place = Start::After(seq.saturating_add(1).to_string());
    let all = EventFilter::default();
    let listed = call.owner()?.list_events(&all, &place, 1).await?;
    let event = listed.items.into_iter().find(|event| event.seq == seq);
    let event = event.ok_or_else(|| ApiError::NotFound {
        kind: "event",
        id: seq.to_string(),
    })?;
    call.ok(&event)
}

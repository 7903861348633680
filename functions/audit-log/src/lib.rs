//! The audit trail's reader: a company's people see the events of its chain, and the checkpoints that hold it.
//!
//! Invariant: it writes nothing.
//! Knows nothing of streams or of how events come to be.

mod checkpoints;

use api::{ApiError, App, Call, Input, Reply, respond};
use lambda_http::{Body, Request, Response};
use model::Rule;
use routes::audit_log::Operation;
use store::EventFilter;

/// Answers an event of API Gateway.
pub async fn handle(app: &App, request: Request) -> Response<Body> {
    respond(app, request, async |call: Call<'_, Operation>| {
        match call.operation() {
            Operation::ListAuditEvents => list_audit_events(&call).await,
            Operation::ListAuditCheckpoints => checkpoints::list(&call, app).await,
            Operation::GetAuditKeys => {
                let keys = app.audit_keys.as_deref();
                let keys = keys.ok_or_else(|| ApiError::internal("no audit keys are known"))?;
                call.ok(keys)
            }
        }
    })
    .await
}

async fn list_audit_events(call: &Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let filter = read(&mut input);
    let (mut request, filter) = call.finish_list(input, filter).await?;
    if filter != EventFilter::default() {
        request.page = None;
    }
    let listed = call
        .owner()?
        .list_events(&filter, &request.start, request.limit)
        .await?;
    let answer = call.page(&request, listed, |event| event).await?;
    call.ok(&answer)
}

fn read(input: &mut Input<'_>) -> Option<EventFilter> {
    let key_id = input.parsed("keyId", Rule::Format, "must be the id of a key");
    let kind = input.parsed("type", Rule::Enum, "is not a type of event");
    let outcome = input.parsed("outcome", Rule::Enum, "must be SUCCESS or REFUSED");
    let start = input.instant("start");
    let end = input.instant("end");
    let filter = EventFilter {
        key_id: key_id?,
        kind: kind?,
        outcome: outcome?,
        start: start?,
        end: end?,
        ..EventFilter::default()
    };
    // Nobody knows on which page of a filtered chain an event stands.
    if filter != EventFilter::default() && input.query("page")?.is_some() {
        return input.refuse(
            "page",
            Rule::ConflictWith,
            "can't be combined with a filter; use cursor",
        );
    }
    Some(filter)
}

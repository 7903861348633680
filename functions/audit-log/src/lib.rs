//! The audit trail's reader: a company's people see the events of its chain.
//!
//! Invariant: it writes nothing.
//! Knows nothing of streams or of how events come to be.

use api::{ApiError, App, Call, Input, PageRequest, Reply, respond};
use lambda_http::{Body, Request, Response};
use model::Rule;
use routes::audit_log::Operation;
use store::EventFilter;

/// Answers an event of API Gateway.
pub async fn handle(app: &App, request: Request) -> Response<Body> {
    respond(app, request, async |call: Call<'_, Operation>| {
        match call.operation() {
            Operation::ListAuditEvents => list_audit_events(&call).await,
        }
    })
    .await
}

async fn list_audit_events(call: &Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let parts = read(&mut input);
    let (request, filter) = input.finish(parts)?;
    let text = text(&filter);
    let start = call.start(&request, &text).await?;
    let listed = call
        .store()?
        .list_events(&filter, &start, request.limit)
        .await?;
    let answer = call.page(&request, &text, listed, |event| event).await?;
    call.ok(&answer)
}

fn read(input: &mut Input<'_>) -> Option<(PageRequest, EventFilter)> {
    let request = PageRequest::read(input);
    let page = input.query("page");
    let key_id = input.parsed("keyId", Rule::Format, "must be the id of a key");
    let kind = input.parsed("type", Rule::Enum, "is not a type of event");
    let outcome = input.parsed("outcome", Rule::Enum, "must be SUCCESS or REFUSED");
    let start = input.instant("start");
    let end = input.instant("end");
    let mut request = request?;
    let filter = EventFilter {
        key_id: key_id?,
        kind: kind?,
        outcome: outcome?,
        start: start?,
        end: end?,
    };
    if filter != EventFilter::default() {
        // Nobody knows on which page of a filtered chain an event stands.
        if page?.is_some() {
            return input.refuse(
                "page",
                Rule::ConflictWith,
                "can't be combined with a filter; use cursor",
            );
        }
        request.page = None;
    }
    Some((request, filter))
}

/// One text a filter: what its cursors belong to.
fn text(filter: &EventFilter) -> String {
    let EventFilter {
        key_id,
        kind,
        outcome,
        start,
        end,
    } = filter;
    let part = |value: Option<String>| value.unwrap_or_default();
    [
        part(key_id.map(|id| id.to_string())),
        part(kind.map(|kind| kind.to_string())),
        part(outcome.map(|outcome| outcome.to_string())),
        part(start.map(|start| start.to_string())),
        part(end.map(|end| end.to_string())),
    ]
    .join("&")
}

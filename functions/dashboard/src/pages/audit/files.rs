//! The audit log as files, for those who check it themselves.

use api::StreamedBody;
use lambda_http::{Body, Response, http::header};
use maud::{Markup, html};
use routes::{Operation as _, audit_export::Operation as Export, audit_log::Operation};
use serde_json::{Value, json};

use crate::{
    Page,
    answer::{Answer, Stop},
    ask::Ask,
    visit::Visit,
};

/// The events as lines with a signed last one, or as a table for people.
pub(crate) async fn export(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let format = visit.query("format");
    let ask = Ask::new(Export::ExportAuditEvents)
        .of(visit.owner()?)
        .query("format", &format)
        .query("fromSeq", &visit.query("fromSeq"))
        .query("toSeq", &visit.query("toSeq"));
    let response = visit.export(ask).await?;
    let content_type = match format.as_str() {
        "csv" => "text/csv; charset=utf-8",
        _ => "application/x-ndjson",
    };
    let name = file_name(&response).to_owned();
    Ok(Answer::streamed(content_type, &name, response.into_body()))
}

/// As the export itself is called.
fn file_name(response: &Response<StreamedBody>) -> &str {
    let named = response.headers().get(header::CONTENT_DISPOSITION);
    let named = named.and_then(|value| value.to_str().ok());
    let name = named.and_then(|value| value.split('"').nth(1));
    name.unwrap_or("audit-events.ndjson")
}

/// The newest checkpoints as the API answers them, for the offline check.
pub(crate) async fn checkpoints(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let answered = visit.ask(newest_checkpoints(visit)?).await?;
    let file = json!({
        "success": true,
        "data": answered.data,
        "error": Value::Null,
        "timestamp": visit.now,
    });
    let body = api::whole(Body::Text(file.to_string()));
    let name = "audit-checkpoints.json";
    Ok(Answer::streamed("application/json", name, body))
}

/// As many as one answer holds: some four days.
pub(super) fn newest_checkpoints(visit: &Visit<'_>) -> Result<Ask, Stop> {
    let ask = Ask::new(Operation::ListAuditCheckpoints).of(visit.owner()?);
    Ok(ask.query("limit", "100"))
}

/// What stands at the end of the list.
pub(super) fn card(visit: &Visit<'_>, may_export: bool) -> Markup {
    html! {
        section.card aria-labelledby="check" {
            h2 id="check" { "Export and verify" }
            @if may_export {
                p { "Take the log with you, or have its chain checked: whether an event was edited, dropped, inserted or moved." }
                div.actions {
                    form method="post" action=(visit.owned(Page::VerifyAudit, &[])) {
                        (visit.form_proof())
                        button.primary { "Verify" }
                    }
                    a.button href=(visit.owned(Page::ExportAudit, &[])) { "Export, signed (NDJSON)" }
                    a.button href=(visit.owned(Page::ExportAudit, &[("format", "csv")])) { "Table for people (CSV)" }
                }
            } @else {
                p { "Owners and administrators can export the log and have it verified." }
            }
        }
    }
}

/// How to check without believing us. `range`: the first and the last event, where not all are meant.
pub(super) fn offline(visit: &Visit<'_>, range: Option<(u64, u64)>) -> Markup {
    let (from, to) = match range {
        Some((from, to)) => (from.to_string(), to.to_string()),
        None => Default::default(),
    };
    let export = visit.owned(Page::ExportAudit, &[("fromSeq", &from), ("toSeq", &to)]);
    let events = match range {
        Some((from, to)) => format!("audit-events-{from}-{to}.ndjson"),
        None => "audit-events.ndjson".to_owned(),
    };
    let command = format!(
        "cargo run -q -- verify {events} \\\n  --checkpoints audit-checkpoints.json --keys audit-keys.json"
    );
    let keys = format!("{}{}", visit.base, Operation::GetAuditKeys.route().path);
    html! {
        section.card aria-labelledby="offline" {
            h2 id="offline" { "Check it yourself" }
            p { "Save these three. Keep the keys apart, once and for all: they tell who may sign." }
            ul {
                li { a href=(export) { "The events" } ", with a signed last line" }
                li { a href=(visit.owned(Page::Checkpoints, &[])) { "The checkpoints" } ", signed every hour and kept where nobody can change them" }
                li { a href=(keys) download="audit-keys.json" { "The public keys" } }
            }
            p { "Then, with the source of this system and no network:" }
            div.snippet {
                pre { code id="verify" { (command) } }
                button type="button" data-copy="verify" hidden { "Copy" }
            }
        }
    }
}

//! One event, with what it changed and what binds it.

use maud::{Markup, html};
use routes::keys::Operation;
use serde_json::Value;

use super::{
    Change, Event, company, known, one,
    words::{actor, capital, event_type, field_words, outcome},
};
use crate::{
    Page,
    answer::{Answer, Stop},
    ask::Ask,
    pages::keys::Key,
    parts::{heading, time},
    visit::Visit,
};

pub(crate) async fn show(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let owner = visit.owner()?;
    let seq: u64 = visit.param("seq").parse().map_err(|_| Stop::NotFound)?;
    let event = async {
        let event: Event = visit.get(one(owner, seq)).await?;
        let key = match &event.key_id {
            Some(id) => found_key(visit, id).await?,
            None => None,
        };
        Ok::<_, Stop>((event, key))
    };
    let (frame, known, (event, key)) =
        futures_util::try_join!(visit.frame(owner), known(visit, owner), event)?;
    let title = event_type(&event.kind);
    let by = actor(&event.actor.kind, &event.actor.id, &known);
    let sub = html! { (time(&event.at)) " " (outcome(&event.outcome)) };
    let around = html! {
        @if event.seq > 1 { (neighbour(visit, event.seq - 1, "Event before")) }
        (neighbour(visit, event.seq + 1, "Event after"))
    };
    let content = html! {
        (heading(&title, sub, around))
        section.card aria-labelledby="facts" {
            h2 id="facts" { "What happened" }
            dl.facts {
                div { dt { "Type" } dd { code { (event.kind) } } }
                div { dt { "Who" } dd { (by) } }
                @if let Some(id) = &event.key_id {
                    div { dt { "Key" } dd { (key_link(visit, id, key.as_ref())) } }
                }
                @if let Some(suffix) = &event.secret_suffix {
                    div { dt { "Secret" } dd { code { "…" (suffix) } } }
                }
                @if let Some(id) = &event.company_id {
                    div { dt { "For company" } dd { (company(visit, &frame, &known.companies, id)) } }
                }
                @if let Some(reason) = &event.reason {
                    div { dt { "Reason" } dd { bdi { (reason) } } }
                }
                @if let Some(count) = event.count {
                    div { dt { "How many" } dd { (count) @if event.suppressed == Some(true) { " at least; they were not kept one by one" } } }
                }
                @if let Some(operation) = &event.operation {
                    div { dt { "Operation" } dd { code { (operation) } } }
                }
                @if let Some(address) = &event.source_ip {
                    div { dt { "From" } dd { (address) } }
                }
                @if let Some(client) = &event.user_agent {
                    div { dt { "Client, as it says" } dd { bdi { (client) } } }
                }
                @if let Some(id) = &event.request_id {
                    div { dt { "Request" } dd { (request(visit, &event, id)) } }
                }
            }
        }
        @if let Some(changes) = event.changes.as_deref().filter(|changes| !changes.is_empty()) {
            section.card aria-labelledby="changes" {
                h2 id="changes" { "What changed" }
                (table(changes))
            }
        }
        section.card aria-labelledby="chain" {
            h2 id="chain" { "Its place in the chain" }
            p { "The hash covers this event and the hash before it: whoever edits, drops or moves one event changes all that follow." }
            dl.facts {
                div { dt { "Number" } dd { (event.seq) } }
                div { dt { "Hash" } dd { code { (event.hash) } } }
                div { dt { "Hash before it" } dd { code { (event.prev_hash) } } }
            }
        }
    };
    Ok(visit.framed(&frame, Page::Audit, &title, content))
}

/// The owner's key; a partner's, which is of no page here, is `None`.
pub(crate) async fn found_key(visit: &Visit<'_>, id: &str) -> Result<Option<Key>, Stop> {
    let ask = Ask::new(Operation::GetApiKey).of(visit.owner()?);
    match visit.get(ask.id("keyId", id)).await {
        Ok(key) => Ok(Some(key)),
        Err(Stop::Problem(problem)) if problem.status == 404 => Ok(None),
        Err(stop) => Err(stop),
    }
}

pub(crate) fn key_link(visit: &Visit<'_>, id: &str, key: Option<&Key>) -> Markup {
    html! {
        @match key {
            Some(key) => {
                a href=(visit.owned(Page::Key, &[("keyId", id)])) { bdi { (key.name) } }
                " " code { (key.prefix) "…" }
            },
            None => { code { (id) } ", a partner's" },
        }
    }
}

fn request(visit: &Visit<'_>, event: &Event, id: &str) -> Markup {
    html! {
        @match event.outcome.as_str() {
            "REFUSED" => { a href=(visit.owned(Page::Explain, &[("requestId", id)])) { code { (id) } } },
            _ => { code { (id) } },
        }
    }
}

fn neighbour(visit: &Visit<'_>, seq: u64, label: &str) -> Markup {
    let page = visit.owned(Page::AuditEvent, &[("seq", &seq.to_string())]);
    html! { a.button href=(page) { (label) } }
}

fn table(changes: &[Change]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Before and after" {
            table.changes {
                caption.quiet { "Each field, before and after" }
                thead { tr { th scope="col" { "Field" } th scope="col" { "Before" } th scope="col" { "After" } } }
                tbody {
                    @for Change { field, before, after } in changes {
                        tr {
                            th scope="row" { (field_name(field)) }
                            @if before.is_none() && after.is_none() {
                                td colspan="2" { span.hint { "Changed; what people said of themselves is not recorded." } }
                            } @else {
                                td { @if let Some(before) = before { del { (value(before)) } } @else { "–" } }
                                td { @if let Some(after) = after { ins { (value(after)) } } @else { "–" } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// In words, with the name by which it is searched for.
fn field_name(field: &str) -> Markup {
    html! {
        @match field_words(field) {
            Some(words) => { (capital(words)) " " span.hint { code { (field) } } },
            None => { code { (field) } },
        }
    }
}

/// A value as people write it: a list with commas, a text without quotes.
fn value(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) if values.is_empty() => "nothing".to_owned(),
        Value::Array(values) => {
            let values: Vec<_> = values.iter().map(self::value).collect();
            values.join(", ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn a_field_that_nobody_has_words_for_keeps_its_name() {
        let said = |field: &str| super::field_name(field).into_string();
        assert_eq!(
            said("allowedIPs"),
            "Allowed addresses <span class=\"hint\"><code>allowedIPs</code></span>"
        );
        assert_eq!(said("shoeSize"), "<code>shoeSize</code>");
    }

    #[test]
    fn values_are_told_without_json() {
        for (value, told) in [
            (json!(null), "nothing"),
            (json!([]), "nothing"),
            (json!(["read:jobs", "write:jobs"]), "read:jobs, write:jobs"),
            (json!("Job board"), "Job board"),
            (json!(7), "7"),
            (json!({ "a": 1 }), "{\"a\":1}"),
        ] {
            assert_eq!(super::value(&value), told);
        }
    }
}

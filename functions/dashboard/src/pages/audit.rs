//! The audit log: the list with its filters, one event, files of it, and the check.

mod check;
mod files;
mod filter;
mod show;
mod words;

pub(crate) use check::{sentence, verify};
pub(crate) use files::{checkpoints, export};
pub(crate) use show::{found_key, key_link, show};
pub(crate) use words::event_type;

use maud::{Markup, html};
use model::Owner;
use routes::{Role, inner::dashboard::Operation as Inner, keys::Operation as Keys};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

use super::{
    keys::Listed,
    partners::{Names, names},
};
use crate::{
    Page,
    answer::{Answer, Stop},
    ask::Ask,
    inner::Frame,
    parts::{heading, named, refusal, time},
    visit::Visit,
};
use filter::Filter;
use words::{actor, field_words, outcome};

/// An event, as the API shows it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    seq: u64,
    at: String,
    #[serde(rename = "type")]
    kind: String,
    outcome: String,
    actor: Actor,
    key_id: Option<String>,
    secret_suffix: Option<String>,
    company_id: Option<String>,
    source_ip: Option<String>,
    user_agent: Option<String>,
    request_id: Option<String>,
    operation: Option<String>,
    reason: Option<String>,
    count: Option<u64>,
    suppressed: Option<bool>,
    changes: Option<Vec<Change>>,
    prev_hash: String,
    hash: String,
}

#[derive(Deserialize)]
struct Actor {
    kind: String,
    id: String,
}

#[derive(Deserialize)]
struct Change {
    field: String,
    before: Option<Value>,
    after: Option<Value>,
}

/// What is known by another word than the id that events name it by: members by their addresses, companies by what they are called.
#[derive(Default)]
struct Known {
    people: BTreeMap<String, String>,
    companies: Names,
}

pub(crate) async fn list(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let owner = visit.owner()?;
    let filter = Filter::read(visit);
    let ask = filter.ask(owner).query("cursor", &visit.query("cursor"));
    let events = async {
        match visit.get::<Listed<Event>>(ask).await {
            Ok(listed) => Ok(Ok(listed)),
            Err(Stop::Problem(problem)) if problem.status == 400 => Ok(Err(problem)),
            Err(stop) => Err(stop),
        }
    };
    let (frame, known, events) =
        futures_util::try_join!(visit.frame(owner), known(visit, owner), events)?;
    let (listed, problem) = match events {
        Ok(listed) => (Some(listed), None),
        Err(problem) => (None, Some(problem)),
    };
    let total = listed.as_ref().and_then(|listed| listed.pagination.total);
    let sub = match total {
        Some(1) => html! { "1 event" },
        Some(total) => html! { (total) " events, each bound to the one before it" },
        None => html! { "Events that fit, newest first" },
    };
    let may_export = frame.role() >= Some(Role::Admin);
    let actions = html! {
        @if may_export { a.button href="#check" { "Export and verify" } }
    };
    let content = html! {
        (heading("Audit log", sub, actions))
        (refusal(problem.as_ref()))
        (filter.form(visit, problem.as_ref()))
        @if let Some(listed) = &listed {
            @let next = listed.pagination.next_cursor.as_deref();
            @if listed.items.is_empty() {
                (empty(visit, &filter, next.is_some()))
            } @else {
                (table(visit, &known, &listed.items))
            }
            (visit.pager(Page::Audit, &filter.pairs(), next))
        }
        (files::card(visit, may_export))
    };
    let status = problem.map_or(200, |problem| problem.status);
    Ok(visit.framed_as(status, &frame, Page::Audit, "Audit log", content))
}

/// The members of now, and the companies whose grants a partner has; who has left is known by an id alone, and so is a company that ended its grant.
async fn known(visit: &Visit<'_>, owner: Owner) -> Result<Known, Stop> {
    #[derive(Deserialize)]
    struct Member {
        id: String,
        email: String,
    }
    let members = visit.all::<Member>(Ask::new(Keys::ListMembers).of(owner));
    let (members, companies) = futures_util::try_join!(members, companies(visit, owner))?;
    let members = members.into_iter();
    Ok(Known {
        people: members.map(|member| (member.id, member.email)).collect(),
        companies,
    })
}

/// What companies are called besides the owner itself. A company knows of no other.
async fn companies(visit: &Visit<'_>, owner: Owner) -> Result<Names, Stop> {
    match owner {
        // Names never hold a page up.
        Owner::Partner(_) => Ok(names(visit, owner).await.unwrap_or_default()),
        Owner::Company(_) | Owner::System => Ok(Names::new()),
    }
}

/// A company that an event or a refusal names.
pub(crate) fn company(visit: &Visit<'_>, frame: &Frame, companies: &Names, id: &str) -> Markup {
    let is_own = visit.param("owner").strip_prefix("c-") == Some(id);
    let name = match is_own {
        true => Some(&frame.name),
        false => companies.get(id),
    };
    named(name.map(String::as_str), id)
}

fn empty(visit: &Visit<'_>, filter: &Filter, goes_on: bool) -> Markup {
    html! {
        div.empty {
            @if goes_on {
                h2 { "Nothing so far" }
                p { "None of the events that were looked at fits. Older ones may." }
            } @else if filter.is_empty() {
                h2 { "No events yet" }
                p { "Whatever is done with your keys, or to them, is recorded here a few moments later." }
                a.button.primary href=(visit.owned(Page::NewKey, &[])) { "Create a key" }
            } @else {
                h2 { "No such event" }
                p { "Nothing that fits has been recorded. Events follow a few moments after what they tell of." }
                @if !filter.request.is_empty() {
                    p { "Was it refused? " a href=(visit.owned(Page::Explain, &[("requestId", &filter.request)])) { "Explain the refusal" } }
                }
                p { a href=(visit.owned(Page::Audit, &[])) { "All events" } }
            }
        }
    }
}

fn table(visit: &Visit<'_>, known: &Known, events: &[Event]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Events" {
            table.list {
                caption.quiet { "Events, newest first" }
                thead {
                    tr {
                        th scope="col" { "What" }
                        th scope="col" { "When" }
                        th scope="col" { "Who" }
                        th scope="col" { "From" }
                        th scope="col" { "Outcome" }
                    }
                }
                tbody {
                    @for event in events {
                        @let page = visit.owned(Page::AuditEvent, &[("seq", &event.seq.to_string())]);
                        tr {
                            td data-label="What" {
                                a href=(page) { (event_type(&event.kind)) span.quiet { ", event " (event.seq) } }
                                @if let Some(told) = told(event) { " " span.hint { (told) } }
                            }
                            td data-label="When" { (time(&event.at)) }
                            td data-label="Who" { (actor(&event.actor.kind, &event.actor.id, known)) }
                            td data-label="From" { (event.source_ip.as_deref().unwrap_or("–")) }
                            td data-label="Outcome" { (outcome(&event.outcome)) }
                        }
                    }
                }
            }
        }
    }
}

/// What tells one event of a kind from another, in a few words.
fn told(event: &Event) -> Option<String> {
    let changed = event.changes.as_ref().filter(|changes| !changes.is_empty());
    let changed = changed.map(|changes| {
        const SHOWN: usize = 4;
        let fields = changes.iter().take(SHOWN);
        let fields: Vec<_> = fields
            .map(|Change { field, .. }| field_words(field).unwrap_or(field))
            .collect();
        match changes.len().saturating_sub(SHOWN) {
            0 => fields.join(", "),
            more => format!("{} and {more} more", fields.join(", ")),
        }
    });
    let operation = || event.operation.clone();
    match (&event.reason, event.count) {
        (Some(reason), Some(count)) => Some(format!("{reason}, {count} times at least")),
        (Some(reason), None) => Some(reason.clone()),
        (None, _) => changed.or_else(operation),
    }
}

/// One event, by its place in the owner's chain.
fn one(owner: Owner, seq: u64) -> Ask {
    Ask::new(Inner::GetEvent)
        .of(owner)
        .id("seq", seq.to_string())
}

//! One partner of a company: what it may do there, and what it did.

use maud::{Markup, html};
use model::Owner;
use routes::{Role, inner::dashboard::Operation};
use serde::Deserialize;

use super::{Grant, company, find, state};
use crate::{
    Page,
    answer::{Answer, Problem, Stop},
    ask::Ask,
    pages::keys::scopes,
    parts::{heading, refusal, time},
    visit::Visit,
};

/// An event of the company's chain.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    at: String,
    #[serde(rename = "type")]
    kind: String,
    outcome: String,
    key_id: Option<String>,
    operation: Option<String>,
    source_ip: Option<String>,
}

/// Events that are shown.
const SHOWN: usize = 50;

pub(crate) async fn show(visit: &Visit<'_>) -> Result<Answer, Stop> {
    page(visit, None).await
}

pub(super) async fn page(visit: &Visit<'_>, problem: Option<&Problem>) -> Result<Answer, Stop> {
    let owner = company(visit)?;
    let events = Ask::new(Operation::ListPartnerEvents)
        .of(owner)
        .id("partnerId", visit.param("partnerId"));
    let (frame, grant, events) = futures_util::try_join!(
        visit.frame(owner),
        find(visit, owner),
        visit.get::<Vec<Event>>(events)
    )?;
    let actions = actions(visit, &grant, frame.role());
    let sub = html! { (state(&grant.status)) " since " (time(&grant.updated_at)) };
    let content = html! {
        (heading(grant.partner(), sub, actions))
        (refusal(problem))
        section.card aria-labelledby="may" {
            h2 id="may" { "What it may do" }
            p { (may(&grant, &frame.name)) }
            dl.facts {
                div { dt { "At most" } dd { (scopes(&grant.scopes)) } }
                div { dt { "Let in" } dd { (time(&grant.created_at)) } }
                div { dt { "Partner's id" } dd { code { (grant.partner_id) } } }
            }
        }
        section.card aria-labelledby="did" {
            h2 id="did" { "What it changed" }
            @if events.is_empty() {
                p { "Nothing among the " (crate::inner::LOOKED_AT) " newest events of " bdi { (frame.name) } "." }
            } @else {
                (doings(&events))
            }
            p.hint { "From the " (crate::inner::LOOKED_AT) " newest events of the audit log, newest first, at most " (SHOWN) ". What the partner only read stands in its own trail." }
        }
    };
    let status = problem.map_or(200, |problem| problem.status);
    Ok(visit.framed_as(status, &frame, Page::Partners, grant.partner(), content))
}

fn actions(visit: &Visit<'_>, grant: &Grant, role: Option<Role>) -> Markup {
    let id = [("partnerId", grant.partner_id.as_str())];
    html! {
        // Taking away for a while is one click: whoever sees something wrong need not wait.
        @if grant.status == "ACTIVE" && role >= Some(Role::Admin) {
            form method="post" action=(visit.owned(Page::SuspendGrant, &id)) data-confirm="Suspend this partner? Its requests for this company are refused until it is resumed." {
                (visit.form_proof())
                input type="hidden" name="version" value=(grant.version);
                button { "Suspend" }
            }
        }
        @if grant.status == "SUSPENDED" && role == Some(Role::Owner) {
            a.button href=(visit.owned(Page::ConfirmResumption, &id)) { "Resume" }
        }
        @if grant.status != "ENDED" && role == Some(Role::Owner) {
            a.button.danger href=(visit.owned(Page::ConfirmEnd, &id)) { "End" }
        }
        @if grant.status == "ENDED" && role == Some(Role::Owner) {
            a.button href=(visit.owned(Page::NewGrant, &id)) { "Let it in again" }
        }
    }
}

fn may(grant: &Grant, company: &str) -> Markup {
    html! {
        @match grant.status.as_str() {
            "ACTIVE" => { "Its keys may act for " bdi { (company) } ", as far as they and this grant allow: what both have counts." }
            "SUSPENDED" => { "Its requests for " bdi { (company) } " are refused until an owner resumes the grant." }
            _ => { "The grant has ended for good: its requests for " bdi { (company) } " are refused." }
        }
    }
}

fn doings(events: &[Event]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Events of this partner" {
            table.list {
                thead {
                    tr {
                        th scope="col" { "When" }
                        th scope="col" { "What" }
                        th scope="col" { "Outcome" }
                        th scope="col" { "Key" }
                        th scope="col" { "From" }
                    }
                }
                tbody {
                    @for event in events.iter().take(SHOWN) {
                        tr {
                            td data-label="When" { (time(&event.at)) }
                            td data-label="What" {
                                code { (event.kind) }
                                @if let Some(operation) = &event.operation { " " span.hint { (operation) } }
                            }
                            td data-label="Outcome" {
                                @if event.outcome == "SUCCESS" { span.badge.ok { "Done" } } @else { span.badge.bad { "Refused" } }
                            }
                            td data-label="Key" { @if let Some(id) = &event.key_id { code { (id) } } }
                            td data-label="From" { @if let Some(address) = &event.source_ip { (address) } }
                        }
                    }
                }
            }
        }
    }
}

/// Where a grant's forms lead back to.
pub(super) fn href(visit: &Visit<'_>) -> String {
    visit.owned(
        Page::PartnerGrant,
        &[("partnerId", &visit.param("partnerId"))],
    )
}

/// Asks for a change of the grant of the path.
pub(super) fn asking(
    visit: &Visit<'_>,
    owner: Owner,
    operation: routes::keys::Operation,
    version: &str,
    reason: &str,
) -> Ask {
    let body = match reason {
        "" => serde_json::json!({}),
        reason => serde_json::json!({ "reason": reason }),
    };
    Ask::new(operation)
        .of(owner)
        .id("partnerId", visit.param("partnerId"))
        .if_match(version)
        .body(body)
}

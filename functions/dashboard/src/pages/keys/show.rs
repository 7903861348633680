//! One key: what it is, what it did, and what can be done about it.

use maud::{Markup, html};
use routes::{Role, inner::dashboard::Operation as Inner, keys::Operation};
use serde::Deserialize;

use super::{
    Key,
    form::in_words,
    usage::{Span, Usage, chart, client_table, counts},
};
use crate::{
    Page,
    answer::{Answer, Stop},
    ask::Ask,
    inner::LOOKED_AT,
    pages::audit::event_type,
    parts::{heading, status, time, time_or},
    visit::Visit,
};

/// How the key could be narrowed, as the API says it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Suggestions {
    observed_since: String,
    accepted: u64,
    unused_scopes: UnusedScopes,
    #[serde(rename = "allowedIPs")]
    allowed_ips: SuggestedIps,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UnusedScopes {
    known_from: String,
    scopes: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SuggestedIps {
    suggested: Option<Vec<String>>,
    other_requests: u64,
}

#[derive(Deserialize)]
struct Event {
    seq: u64,
    at: String,
    #[serde(rename = "type")]
    kind: String,
    operation: Option<String>,
    reason: Option<String>,
    #[serde(rename = "sourceIp")]
    source_ip: Option<String>,
}

pub(crate) async fn show(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let owner = visit.owner()?;
    let id = visit.param("keyId");
    let of = |ask: Ask| ask.of(owner).id("keyId", id.as_str());
    let span = Span::read(&visit.query("span"));
    let usage = span.of(of(Ask::new(Operation::GetApiKeyUsage)), visit.now);
    let (frame, key, usage, suggestions, events) = futures_util::try_join!(
        visit.frame(owner),
        visit.get::<Key>(of(Ask::new(Operation::GetApiKey))),
        visit.get::<Usage>(usage),
        visit.get::<Suggestions>(of(Ask::new(Operation::GetApiKeySuggestions))),
        visit.get::<Vec<Event>>(of(Ask::new(Inner::ListLatest))),
    )?;
    let sub = html! { code { (key.prefix) "…" } " " (status(&key.status)) };
    let may_change = key.status != "REVOKED" && frame.role() >= Some(Role::Admin);
    let content = html! {
        (heading(&key.name, sub, html! { @if may_change { (actions(visit, &key)) } }))
        div.columns {
            (facts(&key))
            (secrets(visit, &key, &usage, span, may_change))
        }
        section.card aria-labelledby="usage" {
            h2 id="usage" { "Usage" }
            p { (span.links(visit, &id)) }
            (chart(&usage, span))
        }
        div.columns {
            section.card aria-labelledby="operations" {
                h2 id="operations" { "Operations" }
                (counts("Operation", "Operations, table", usage.totals.operations.iter().map(|of| (of.operation.as_str(), &of.count)), None))
            }
            section.card aria-labelledby="networks" {
                h2 id="networks" { "Networks" }
                @if span == Span::Days {
                    p { "Addresses are shown for the last 48 hours only." }
                } @else {
                    (counts("Network", "Networks, table", usage.totals.networks.iter().map(|of| (of.network.as_str(), &of.count)), Some(&usage.totals.other_networks)))
                }
            }
        }
        (suggested(visit, &key, &suggestions, may_change))
        (latest(visit, &key, &events))
    };
    Ok(visit.framed(&frame, Page::Keys, &key.name, content))
}

fn latest(visit: &Visit<'_>, key: &Key, events: &[Event]) -> Markup {
    let all = [("key", key.prefix.as_str()), ("type", "everything")];
    html! {
        section.card aria-labelledby="events" {
            h2 id="events" { "Latest events" }
            @if events.is_empty() {
                p { "None among the " (LOOKED_AT) " newest of the audit log. Events follow a few seconds after what they tell of." }
            } @else {
                ul.events {
                    @for event in events {
                        li {
                            a href=(visit.owned(Page::AuditEvent, &[("seq", &event.seq.to_string())])) { (event_type(&event.kind)) }
                            " " (time(&event.at))
                            @if let Some(operation) = &event.operation { ", " (operation) }
                            @if let Some(reason) = &event.reason { ", " (reason) }
                            @if let Some(address) = &event.source_ip { ", from " (address) }
                        }
                    }
                }
            }
            p { a href=(visit.owned(Page::Audit, &all)) { "All of its events" } }
        }
    }
}

fn actions(visit: &Visit<'_>, key: &Key) -> Markup {
    let of_key = [("keyId", key.id.as_str())];
    let form = |page, label: &str, question: &str| {
        html! {
            form method="post" action=(visit.owned(page, &of_key)) data-confirm=(question) {
                (visit.form_proof())
                button { (label) }
            }
        }
    };
    html! {
        a.button href=(visit.owned(Page::EditKey, &of_key)) { "Edit" }
        a.button href=(visit.owned(Page::RotateKey, &of_key)) { "Rotate" }
        @if key.status == "SUSPENDED" {
            (form(Page::ResumeKey, "Resume", "Resume this key? Its requests are accepted again."))
        } @else {
            (form(Page::SuspendKey, "Suspend", "Suspend this key? Its requests are refused from this moment on."))
        }
        a.button.danger href=(visit.owned(Page::AskRevokeKey, &of_key)) { "Revoke" }
    }
}

fn facts(key: &Key) -> Markup {
    html! {
        section.card aria-labelledby="facts" {
            h2 id="facts" { "Facts" }
            p { (in_words(&key.scopes)) }
            dl.facts {
                div { dt { "Scopes" } dd { span.tags { @for scope in &key.scopes { span.tag { (scope) } " " } } } }
                div { dt { "Created" } dd { (time(&key.created_at)) } }
                div { dt { "Expires" } dd { (time_or(key.expires_at.as_deref(), "Never")) } }
                div {
                    dt { "Last used" }
                    dd {
                        (time_or(key.last_used_at.as_deref(), "Never"))
                        @if let Some(address) = &key.last_used_ip { ", from " (address) }
                    }
                }
                div {
                    dt { "Allowed addresses" }
                    dd {
                        @match &key.allowed_ips {
                            Some(networks) => { @for network in networks { code { (network) } " " } }
                            None => { "From anywhere" }
                        }
                    }
                }
            }
        }
    }
}

/// Who uses which secret: what is to be known before an old one ends.
fn secrets(visit: &Visit<'_>, key: &Key, usage: &Usage, span: Span, may_change: bool) -> Markup {
    let old = key.secrets.iter().find_map(|secret| secret.ends(visit.now));
    html! {
        section.card aria-labelledby="secrets" {
            h2 id="secrets" { "Secrets" }
            @if key.secrets.is_empty() { p { "None yet: rotate to get one." } }
            @for secret in key.secrets.iter().filter(|secret| !secret.has_ended(visit.now)) {
                @let used = usage.totals.secrets.iter().find(|of| of.suffix == secret.suffix);
                h3 { "Secret " code { "…" (secret.suffix) } }
                dl.facts {
                    div { dt { "Made" } dd { (time(&secret.created_at)) } }
                    @if let Some(end) = &secret.ends(visit.now) { div { dt { "Ends" } dd { (time(end)) } } }
                    div {
                        dt { "Last used" }
                        dd {
                            (time_or(secret.last_used_at.as_deref(), "Never"))
                            @if let Some(address) = &secret.last_used_ip { ", from " (address) }
                        }
                    }
                }
                @if let Some(used) = used { (client_table(used)) }
            }
            @if span == Span::Days { p { "Who uses them is shown for the last 48 hours only." } }
            @if let Some(end) = old.as_deref().filter(|_| may_change) {
                form.form method="post" action=(visit.owned(Page::MoveOverlap, &[("keyId", &key.id)])) {
                    (visit.form_proof())
                    p { "The old secret works until " (time(end)) "." }
                    div.actions {
                        button name="until" value="now" { "End it now" }
                        button name="until" value="day" { "End it in a day" }
                        button name="until" value="week" { "End it in a week" }
                    }
                }
            }
        }
    }
}

fn suggested(visit: &Visit<'_>, key: &Key, suggestions: &Suggestions, may_change: bool) -> Markup {
    let Suggestions {
        observed_since,
        accepted,
        unused_scopes,
        allowed_ips,
    } = suggestions;
    html! {
        section.card aria-labelledby="suggestions" {
            h2 id="suggestions" { "How it could be narrowed" }
            @if *accepted == 0 {
                p { "No request was accepted since " (time(observed_since)) ": use the key for a while, and come back." }
            } @else {
                p { (accepted) " requests were accepted since " (time(observed_since)) "." }
            }
            @match &unused_scopes.scopes {
                None => { p { "Unused scopes can be told from " (time(&unused_scopes.known_from)) " on." } }
                Some(unused) if unused.is_empty() => { p { "Every scope was needed." } }
                Some(unused) => {
                    p { "Nobody needed " span.tags { @for scope in unused { span.tag { (scope) } " " } } }
                }
            }
            @if let Some(networks) = &allowed_ips.suggested {
                p { "Everything came from " @for network in networks { code { (network) } " " } }
                @if allowed_ips.other_requests > 0 {
                    p.hint { (allowed_ips.other_requests) " requests came from networks that were not told apart." }
                }
            }
            @if may_change {
                p { a href=(visit.owned(Page::EditKey, &[("keyId", &key.id)])) { "Edit the key" } }
            }
        }
    }
}

//! The keys of a company or partner, as an administrator may see, suspend and revoke them.

use maud::{Markup, html};
use model::Owner;
use routes::{inner::dashboard::Operation as Inner, keys::Operation};
use serde_json::json;

use super::{asking, entry::Entry, framed};
use crate::{
    Page,
    answer::{Answer, Problem, Stop},
    form::Form,
    inner::Frame,
    pages::keys::{Key, Listed, Search, scopes},
    parts::{heading, refusal, status, time, time_or},
    visit::Visit,
};

const LIMIT: &str = "20";

pub(crate) async fn list(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let owner = visit.owner()?;
    let search = Search::read(visit);
    let ask = asking(visit, Operation::ListApiKeys)?
        .of(owner)
        .query("limit", LIMIT)
        .query("q", search.q())
        .query("cursor", &visit.query("cursor"));
    let (frame, keys) =
        futures_util::try_join!(named(visit, owner), visit.get::<Listed<Key>>(ask))?;
    let actions = html! {
        @if matches!(owner, Owner::Company(_)) {
            a.button.danger href=(visit.owned(Page::AdminKillSwitch, &[])) { "Kill switch" }
        }
    };
    let [q, key] = search.pairs();
    let first = visit.owned(Page::AdminKeys, &[q, key]);
    let next = keys.pagination.next_cursor.as_deref();
    let next = next.map(|cursor| visit.owned(Page::AdminKeys, &[q, key, ("cursor", cursor)]));
    let title = format!("Keys of {}", frame.name);
    let content = html! {
        (heading(&title, html! { "To look at, to suspend and to revoke." }, actions))
        form.filters method="get" action=(visit.owned(Page::AdminKeys, &[])) role="search" {
            (search.fields())
            button { "Show" }
        }
        @if keys.items.is_empty() {
            div.empty { h2 { "No such keys" } p { "None that is there now is called so." } }
        } @else {
            (table(visit, &keys.items))
            (visit.pages(&first, next.as_deref()))
        }
    };
    Ok(framed(visit, 200, section(owner), &title, content))
}

fn table(visit: &Visit<'_>, keys: &[Key]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="API keys" {
            table.list id="keys" {
                thead {
                    tr {
                        th scope="col" { "Name" }
                        th scope="col" { "Key" }
                        th scope="col" { "Scopes" }
                        th scope="col" { "Status" }
                        th scope="col" { "Last used" }
                    }
                }
                tbody {
                    @for key in keys {
                        tr {
                            td data-label="Name" {
                                a href=(visit.owned(Page::AdminKey, &[("keyId", &key.id)])) { bdi { (key.name) } }
                            }
                            td data-label="Key" { code { (key.prefix) "…" } }
                            td data-label="Scopes" { (scopes(&key.scopes)) }
                            td data-label="Status" { (status(&key.status)) }
                            td data-label="Last used" { (time_or(key.last_used_at.as_deref(), "Never")) }
                        }
                    }
                }
            }
        }
    }
}

pub(crate) async fn show(visit: &Visit<'_>) -> Result<Answer, Stop> {
    page(visit, None).await
}

async fn page(visit: &Visit<'_>, problem: Option<&Problem>) -> Result<Answer, Stop> {
    let owner = visit.owner()?;
    let (frame, key) = futures_util::try_join!(named(visit, owner), found(visit, owner))?;
    let id = [("keyId", key.id.as_str())];
    let actions = html! {
        @if key.status == "ACTIVE" {
            form method="post" action=(visit.owned(Page::AdminSuspendKey, &id)) data-confirm="Suspend this key? Its requests are refused until its own people resume it." {
                (visit.form_proof())
                button { "Suspend" }
            }
        }
        @if key.status != "REVOKED" {
            a.button.danger href=(visit.owned(Page::AdminConfirmRevocation, &id)) { "Revoke" }
        }
    };
    let sub =
        html! { code { (key.prefix) "…" } " " (status(&key.status)) " of " bdi { (frame.name) } };
    let addresses = key.allowed_ips.as_deref().unwrap_or_default();
    let content = html! {
        (heading(&key.name, sub, actions))
        (refusal(problem))
        section.card aria-labelledby="facts" {
            h2 id="facts" { "Facts" }
            dl.facts {
                div { dt { "Scopes" } dd { (scopes(&key.scopes)) } }
                div { dt { "Created" } dd { (time(&key.created_at)) } }
                div { dt { "Expires" } dd { (time_or(key.expires_at.as_deref(), "Never")) } }
                div {
                    dt { "Last used" }
                    dd {
                        (time_or(key.last_used_at.as_deref(), "Never"))
                        @if let Some(address) = &key.last_used_ip { " from " (address) }
                    }
                }
                div {
                    dt { "Allowed addresses" }
                    dd { @if addresses.is_empty() { "From anywhere" } @else { (addresses.join(", ")) } }
                }
            }
        }
        p { a href=(visit.owned(Page::AdminKeys, &[])) { "All keys of " bdi { (frame.name) } } }
    };
    let code = problem.map_or(200, |problem| problem.status);
    Ok(framed(visit, code, section(owner), &key.name, content))
}

/// Needs no fresh sign-in: it only takes away, and the key's own people can undo it.
pub(crate) async fn suspend(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let form = Form::read(visit)?;
    let ask = asking(visit, Operation::SuspendApiKey)?
        .of(visit.owner()?)
        .id("keyId", visit.param("keyId"))
        .body(json!({}))
        .once(&form.once);
    match visit.ask(ask).await {
        Ok(_) => Ok(Answer::see(&href(visit))),
        Err(Stop::Problem(problem)) if problem.status == 409 => page(visit, Some(&problem)).await,
        Err(stop) => Err(stop),
    }
}

pub(crate) async fn confirm_revocation(visit: &Visit<'_>) -> Result<Answer, Stop> {
    visit.fresh()?;
    question(visit, None).await
}

async fn question(visit: &Visit<'_>, problem: Option<&Problem>) -> Result<Answer, Stop> {
    let owner = visit.owner()?;
    let (frame, key) = futures_util::try_join!(named(visit, owner), found(visit, owner))?;
    let typed = Entry {
        name: "name",
        label: "Type the key's name",
        hint: "So that it is this key and no other.",
        ..Entry::TEXT
    };
    let sub =
        html! { bdi { (key.name) } ", " code { (key.prefix) "…" } ", of " bdi { (frame.name) } };
    let content = html! {
        (heading("Revoke this key?", sub, html! {}))
        (refusal(problem))
        div.note.warn { p { "Every request with it is refused from that moment, for good." } }
        form.form method="post" action=(visit.owned(Page::AdminRevokeKey, &[("keyId", &key.id)])) {
            (visit.form_proof())
            (typed.show(problem))
            div.actions {
                button.danger { "Revoke for good" }
                a.button href=(href(visit)) { "Cancel" }
            }
        }
    };
    let code = problem.map_or(200, |problem| problem.status);
    Ok(framed(
        visit,
        code,
        section(owner),
        "Revoke this key?",
        content,
    ))
}

pub(crate) async fn revoke(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let form = Form::read(visit)?;
    visit.fresh()?;
    let owner = visit.owner()?;
    if !form.says("name", &found(visit, owner).await?.name) {
        return question(visit, Some(&another_name())).await;
    }
    let ask = asking(visit, Operation::RevokeApiKey)?
        .of(owner)
        .id("keyId", visit.param("keyId"))
        .body(json!({}))
        .once(&form.once);
    match visit.ask(ask).await {
        Ok(_) => Ok(Answer::see(&href(visit))),
        Err(Stop::Problem(problem)) if problem.status == 409 => {
            question(visit, Some(&problem)).await
        }
        Err(stop) => Err(stop),
    }
}

/// What was typed is not what it is called.
pub(super) fn another_name() -> Problem {
    let message = "This is another name.";
    Problem {
        status: 400,
        code: "VALIDATION_ERROR".to_owned(),
        message: message.to_owned(),
        details: json!({ "errors": [{ "path": "/name", "message": message }] }),
    }
}

async fn found(visit: &Visit<'_>, owner: Owner) -> Result<Key, Stop> {
    let ask = asking(visit, Operation::GetApiKey)?
        .of(owner)
        .id("keyId", visit.param("keyId"));
    visit.get(ask).await
}

/// Whose keys these are.
pub(super) async fn named(visit: &Visit<'_>, owner: Owner) -> Result<Frame, Stop> {
    visit.get(asking(visit, Inner::GetFrame)?.of(owner)).await
}

/// The section that the owner is found in.
pub(super) fn section(owner: Owner) -> Page {
    match owner {
        Owner::Partner(_) => Page::AdminPartners,
        Owner::Company(_) | Owner::System => Page::AdminCompanies,
    }
}

fn href(visit: &Visit<'_>) -> String {
    visit.owned(Page::AdminKey, &[("keyId", &visit.param("keyId"))])
}

//! API keys: the list, the form, and the one page that shows a new one.

mod change;
mod form;
mod search;
mod secret;
mod show;
mod usage;

pub(crate) use change::{ask_revoke, edit, resume, revoke, save, suspend};
use form::in_words;
pub(crate) use form::{KeyForm, scope_table};
pub(crate) use search::{NO_KEY, Search};
pub(crate) use secret::{make_secret, move_overlap, rotate};
pub(crate) use show::show;

use maud::{Markup, html};
use model::{Owner, Timestamp};
use routes::{Role, Tenant, inner::dashboard::Operation as Inner, keys::Operation};
use serde::Deserialize;

use crate::{
    Page,
    answer::{Answer, Problem, Stop},
    ask::Ask,
    chart::sparkline,
    form::Form,
    inner::{Activity, Frame},
    parts::{heading, status, time, time_or},
    visit::Visit,
};

/// A page of a list, as the API answers it.
#[derive(Deserialize)]
pub(crate) struct Listed<T> {
    pub(crate) items: Vec<T>,
    pub(crate) pagination: Pagination,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pagination {
    pub(crate) total: Option<u64>,
    pub(crate) next_cursor: Option<String>,
}

/// A key, as the API shows it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) prefix: String,
    pub(crate) name: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) status: String,
    pub(crate) expires_at: Option<String>,
    #[serde(rename = "allowedIPs")]
    pub(crate) allowed_ips: Option<Vec<String>>,
    pub(crate) created_at: String,
    pub(crate) last_used_at: Option<String>,
    pub(crate) last_used_ip: Option<String>,
    pub(crate) secret_age_days: Option<u64>,
    pub(crate) secrets: Vec<Secret>,
    pub(crate) version: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Secret {
    pub(crate) suffix: String,
    pub(crate) created_at: String,
    pub(crate) valid_until: Option<Timestamp>,
    pub(crate) last_used_at: Option<String>,
    pub(crate) last_used_ip: Option<String>,
}

impl Secret {
    /// When it ends, of one that lives on beside a newer one.
    pub(crate) fn ends(&self, now: Timestamp) -> Option<String> {
        let end = self.valid_until.filter(|end| *end > now);
        end.map(|end| end.to_string())
    }

    pub(crate) fn has_ended(&self, now: Timestamp) -> bool {
        self.valid_until.is_some_and(|end| end <= now)
    }
}

const LIMIT: &str = "20";

pub(crate) async fn list(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let owner = visit.owner()?;
    let (search, wanted) = (Search::read(visit), visit.query("status"));
    let ask = Ask::new(Operation::ListApiKeys)
        .of(owner)
        .query("limit", LIMIT)
        .query("cursor", &visit.query("cursor"))
        .query("status", &wanted)
        .query("q", search.q());
    let keys = async {
        let keys: Listed<Key> = visit.get(ask).await?;
        let ids: Vec<_> = keys.items.iter().map(|key| key.id.as_str()).collect();
        let ask = Ask::new(Inner::ListActivity)
            .of(owner)
            .query("keyIds", &ids.join(","));
        let activity: Vec<Activity> = visit.get(ask).await?;
        Ok::<_, Stop>((keys, activity))
    };
    let (frame, (keys, activity)) = futures_util::try_join!(visit.frame(owner), keys)?;
    let filtered = !search.is_empty() || !wanted.is_empty();
    // A partner's keys are issued by InstaView.
    let may_make = matches!(owner, Owner::Company(_)) && frame.role() >= Some(Role::Admin);
    let actions = html! {
        @if may_make {
            a.button href=(visit.owned(Page::KillSwitch, &[])) { "Kill switch" }
            a.button.primary href=(visit.owned(Page::NewKey, &[])) { "Create key" }
        }
    };
    let sub = match keys.pagination.total {
        Some(1) => html! { "1 key" },
        Some(total) => html! { (total) " keys" },
        None => html! { "Those that were looked for" },
    };
    let content = html! {
        (heading("API keys", sub, actions))
        (filters(visit, &search, &wanted))
        @if keys.items.is_empty() {
            div.empty {
                @if filtered {
                    h2 { "No such key here" }
                    p { "No key of " bdi { (frame.name) } " has that name, beginning or status." }
                    p { a href=(visit.owned(Page::Keys, &[])) { "All keys" } }
                } @else {
                    h2 { "No keys yet" }
                    @if may_make {
                        p { "A key lets a program use the API for " (frame.name) ", with just the scopes that you give it." }
                        a.button.primary href=(visit.owned(Page::NewKey, &[])) { "Create the first key" }
                    } @else if matches!(owner, Owner::Partner(_)) {
                        p { "InstaView issues a partner's keys: ask us for one, and rotate it here to get its secret." }
                    } @else {
                        p { "A key lets a program use the API for " (frame.name) ". Owners and administrators make them." }
                    }
                }
            }
        } @else {
            (table(visit, &keys.items, &activity))
            @let [q, key] = search.pairs();
            (visit.pager(Page::Keys, &[q, key, ("status", &wanted)], keys.pagination.next_cursor.as_deref()))
        }
    };
    Ok(visit.framed(&frame, Page::Keys, "API keys", content))
}

fn filters(visit: &Visit<'_>, search: &Search, wanted: &str) -> Markup {
    let states = ["ACTIVE", "SUSPENDED", "EXPIRED", "REVOKED"];
    html! {
        form.filters method="get" action=(visit.owned(Page::Keys, &[])) role="search" {
            (search.fields())
            div.field {
                label for="status" { "Status" }
                select id="status" name="status" {
                    option value="" { "All" }
                    @for state in states {
                        option value=(state) selected[state == wanted] {
                            (state[..1]) (state[1..].to_lowercase())
                        }
                    }
                }
            }
            button { "Show" }
        }
    }
}

fn table(visit: &Visit<'_>, keys: &[Key], activity: &[Activity]) -> Markup {
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
                        th scope="col" { "24 hours" }
                        th scope="col" { "Expires" }
                        th scope="col" { "Secret's age" }
                    }
                }
                tbody {
                    @for key in keys {
                        @let accepted = activity.iter().find(|of| of.key_id.to_string() == key.id);
                        @let accepted = accepted.map(|of| of.accepted.as_slice()).unwrap_or_default();
                        @let requests: u64 = accepted.iter().sum();
                        tr {
                            td data-label="Name" {
                                a href=(visit.owned(Page::Key, &[("keyId", &key.id)])) { bdi { (key.name) } }
                                br; span.hint { "created " (time(&key.created_at)) }
                            }
                            td data-label="Key" {
                                code { (key.prefix) "…" }
                                @for secret in key.secrets.iter().filter(|secret| !secret.has_ended(visit.now)) { " " code { "…" (secret.suffix) } }
                            }
                            td data-label="Scopes" { (scopes(&key.scopes)) }
                            td data-label="Status" { (status(&key.status)) }
                            td data-label="Last used" {
                                (time_or(key.last_used_at.as_deref(), "Never"))
                                @if let Some(address) = &key.last_used_ip { br; span.hint { "from " (address) } }
                            }
                            td data-label="24 hours" {
                                (sparkline(accepted, &format!("{requests} accepted requests in the last 24 hours")))
                                " " (requests)
                            }
                            td data-label="Expires" { (time_or(key.expires_at.as_deref(), "Never")) }
                            td data-label="Secret's age" {
                                @match key.secret_age_days {
                                    Some(1) => { "1 day" }
                                    Some(days) => { (days) " days" }
                                    None => { "No secret yet" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The first few by name, the rest by number: a list stays a list.
pub(crate) fn scopes(scopes: &[String]) -> Markup {
    const SHOWN: usize = 4;
    html! {
        @if scopes.len() == routes::Scope::ALL.len() {
            span.tag { "all scopes" }
        } @else {
            span.tags {
                @for scope in scopes.iter().take(SHOWN) { span.tag { (scope) } " " }
                @if scopes.len() > SHOWN { span.hint { "and " (scopes.len() - SHOWN) " more" } }
            }
        }
    }
}

pub(crate) async fn new(visit: &Visit<'_>) -> Result<Answer, Stop> {
    visit.fresh()?;
    form_page(visit, &KeyForm::default(), None).await
}

async fn form_page(
    visit: &Visit<'_>,
    form: &KeyForm,
    problem: Option<&Problem>,
) -> Result<Answer, Stop> {
    let owner = visit.owner()?;
    let frame = visit.frame(owner).await?;
    let sub = html! { "For a program that uses the API for " (frame.name) "." };
    let content = html! {
        (heading("Create a key", sub, html! {}))
        (KeyForm::refusal(problem))
        form.form method="post" action=(visit.owned(Page::CreateKey, &[])) {
            (visit.form_proof())
            (form.fields(visit, problem))
            div.actions {
                button.primary { "Create key" }
                a.button href=(visit.owned(Page::Keys, &[])) { "Cancel" }
            }
        }
    };
    let status = problem.map_or(200, |problem| problem.status);
    Ok(visit.framed_as(status, &frame, Page::Keys, "Create a key", content))
}

/// The POST that makes a key answers with it itself: it stands in no URL, cookie or history.
pub(crate) async fn create(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let sent = Form::read(visit)?;
    visit.fresh()?;
    let owner = visit.owner()?;
    let form = KeyForm::read(visit, &sent);
    let frame = visit.frame(owner).await?;
    let ask = Ask::new(Operation::CreateApiKey)
        .of(owner)
        .body(form.body(visit.now))
        .once(&sent.once);
    match visit.ask(ask).await {
        Ok(answered) => Ok(shown_once(visit, &frame, answered.read()?)),
        Err(Stop::Problem(problem)) if matches!(problem.status, 400 | 409) => {
            form_page(visit, &form, Some(&problem)).await
        }
        Err(stop) => Err(stop),
    }
}

/// A key with its secret, as creation and rotation answer it.
#[derive(Deserialize)]
pub(crate) struct NewSecret {
    /// Absent in a repeated answer.
    pub(crate) key: Option<String>,
    #[serde(flatten)]
    pub(crate) object: Key,
}

/// The only page that ever shows a key. Its frame was asked for before the key was made: nothing may fail any more.
pub(crate) fn shown_once(visit: &Visit<'_>, frame: &Frame, new: NewSecret) -> Answer {
    let NewSecret { key, object } = new;
    let page = visit.owned(Page::Key, &[("keyId", &object.id)]);
    let (title, content) = match key {
        Some(key) => {
            let curl = format!(
                "curl {}{} -H \"Authorization: Bearer {key}\"",
                visit.origin,
                example(visit, &object.scopes)
            );
            let content = html! {
                (heading(&object.name, html! { "This is the only time that the key is shown." }, html! {}))
                div.note.warn role="status" {
                    p { "Copy it now, to where secrets are kept. Nobody, InstaView included, can show it again; a lost key is rotated." }
                }
                div.secret {
                    code id="key" { (key) }
                    button type="button" data-copy="key" aria-label="Copy the key" hidden { "Copy" }
                }
                p { (in_words(&object.scopes)) }
                section.card aria-labelledby="try" {
                    h2 id="try" { "Try it" }
                    div.snippet {
                        pre { code id="curl" { (curl) } }
                        button type="button" data-copy="curl" aria-label="Copy the command" hidden { "Copy" }
                    }
                }
                p { a.button.primary href=(page) { "I have saved it" } }
            };
            ("Your new key", content)
        }
        None => {
            let content = html! {
                (heading("Already done", html! { "This form was sent before." }, html! {}))
                div.note.info role="status" {
                    p { "The key was made then, and shown then; it can't be shown again. If it was lost, rotate it." }
                }
                p { a.button.primary href=(page) { "Look at " (object.name) } }
            };
            ("Already done", content)
        }
    };
    visit.framed(frame, Page::Keys, title, content)
}

/// A read that these scopes allow; a partner's key would have to name a company for most.
fn example(visit: &Visit<'_>, scopes: &[String]) -> String {
    let by_partner = matches!(visit.owner(), Ok(Owner::Partner(_)));
    let path = routes::all().find(|route| {
        route.method.is_read()
            && route.parameters().next().is_none()
            && (!by_partner || route.tenant == Tenant::AnyCompany)
            && matches!(route.access, routes::Access::Scope(scope) if scopes.iter().any(|held| held == scope.as_str()))
    });
    let path = path.map_or("/whoami", |route| route.path);
    format!("{}{path}", visit.base)
}

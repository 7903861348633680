//! One key.

use maud::html;
use routes::keys::Operation;

use super::{Key, form::in_words};
use crate::{
    Page,
    answer::{Answer, Stop},
    ask::Ask,
    parts::{heading, status, time, time_or},
    visit::Visit,
};

pub(crate) async fn show(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let owner = visit.owner()?;
    let id = visit.param("keyId");
    let key = Ask::new(Operation::GetApiKey).of(owner).id("keyId", &id);
    let (frame, key) = futures_util::try_join!(visit.frame(owner), visit.get::<Key>(key))?;
    let sub = html! { code { (key.prefix) "…" } " " (status(&key.status)) };
    let content = html! {
        (heading(&key.name, sub, html! {}))
        section.card aria-labelledby="facts" {
            h2 id="facts" { "Facts" }
            p { (in_words(&key.scopes)) }
            dl.facts {
                div { dt { "Created" } dd { (time(&key.created_at)) } }
                div { dt { "Expires" } dd { (time_or(key.expires_at.as_deref(), "Never")) } }
                div { dt { "Last used" } dd { (time_or(key.last_used_at.as_deref(), "Never")) } }
            }
        }
    };
    Ok(visit.framed(&frame, Page::Keys, &key.name, content))
}

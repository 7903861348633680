//! Notices: what people are told without asking, read or not.

use maud::{Markup, html};
use routes::keys::Operation;
use serde::Deserialize;
use serde_json::json;

use super::keys::Listed;
use crate::{
    Page,
    answer::{Answer, Stop},
    ask::Ask,
    form::Form,
    parts::{heading, time},
    visit::Visit,
};

/// A notice, as the API shows it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notice {
    id: String,
    kind: String,
    at: String,
    key_id: Option<String>,
    message: String,
    read: bool,
}

const LIMIT: &str = "20";

pub(crate) async fn list(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let owner = visit.owner()?;
    let unread = unread(&visit.query("unread"));
    let ask = Ask::new(Operation::ListNotices)
        .of(owner)
        .query("limit", LIMIT)
        .query("cursor", &visit.query("cursor"))
        .query("unread", unread);
    let (frame, notices) =
        futures_util::try_join!(visit.frame(owner), visit.get::<Listed<Notice>>(ask))?;
    let only_unread = !unread.is_empty();
    let sub = match frame.unread {
        0 if notices.items.is_empty() => html! { "What you are told without asking." },
        0 => html! { "All are read." },
        1 => html! { "1 is unread." },
        many => html! { (many) " are unread." },
    };
    let settings =
        html! { a.button href=(visit.owned(Page::Alerts, &[])) { "What to be told of" } };
    let content = html! {
        (heading("Notices", sub, settings))
        (filter(visit, only_unread))
        @if notices.items.is_empty() {
            (empty(visit, only_unread))
        } @else {
            (table(visit, unread, &notices.items))
        }
        (visit.pager(Page::Notices, &[("unread", unread)], notices.pagination.next_cursor.as_deref()))
    };
    Ok(visit.framed(&frame, Page::Notices, "Notices", content))
}

/// Marks one as read, or as unread, and goes back to the list.
pub(crate) async fn mark(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let form = Form::read(visit)?;
    let read = form.text("read") == "true";
    let ask = Ask::new(Operation::UpdateNotice)
        .of(visit.owner()?)
        .id("noticeId", visit.param("noticeId"))
        .body(json!({ "read": read }))
        .of_form(&form);
    visit.ask(ask).await?;
    let back = [("unread", unread(form.text("unread")))];
    Ok(Answer::see(&visit.owned(Page::Notices, &back)))
}

/// The filter as the API takes it: on, or not there.
fn unread(text: &str) -> &'static str {
    match text {
        "true" => "true",
        _ => "",
    }
}

fn filter(visit: &Visit<'_>, only_unread: bool) -> Markup {
    html! {
        form.filters method="get" action=(visit.owned(Page::Notices, &[])) {
            div.field {
                label for="unread" { "Show" }
                select id="unread" name="unread" {
                    option value="" { "All" }
                    option value="true" selected[only_unread] { "Unread" }
                }
            }
            button { "Show" }
        }
    }
}

fn empty(visit: &Visit<'_>, only_unread: bool) -> Markup {
    html! {
        div.empty {
            @if only_unread {
                h2 { "Nothing unread" }
                p { a href=(visit.owned(Page::Notices, &[])) { "All notices" } }
            } @else {
                h2 { "No notices yet" }
                p { "Before a key expires, when its secret is old, and when one is used in an unusual way, you are told here, and by mail." }
                a.button.primary href=(visit.owned(Page::Alerts, &[])) { "Choose what to be told of" }
            }
        }
    }
}

fn table(visit: &Visit<'_>, unread: &str, notices: &[Notice]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Notices" {
            table.list {
                caption.quiet { "Notices, newest first" }
                thead {
                    tr {
                        th scope="col" { "What" }
                        th scope="col" { "When" }
                        th scope="col" { "State" }
                        th scope="col" { "Key" }
                        th scope="col" { span.quiet { "Mark" } }
                    }
                }
                tbody {
                    @for notice in notices {
                        tr {
                            td data-label="What" {
                                strong { (kind(&notice.kind)) } " "
                                span.hint { (notice.message) }
                            }
                            td data-label="When" { (time(&notice.at)) }
                            td data-label="State" {
                                @match notice.read {
                                    true => span class="badge off" { "Read" },
                                    false => span class="badge info" { "Unread" },
                                }
                            }
                            td data-label="Key" {
                                @if let Some(id) = &notice.key_id {
                                    a href=(visit.owned(Page::Key, &[("keyId", id)])) { code { (id) } }
                                }
                            }
                            td { (mark_form(visit, unread, notice)) }
                        }
                    }
                }
            }
        }
    }
}

fn mark_form(visit: &Visit<'_>, unread: &str, notice: &Notice) -> Markup {
    let page = visit.owned(Page::ReadNotice, &[("noticeId", &notice.id)]);
    html! {
        form method="post" action=(page) {
            (visit.form_proof())
            input type="hidden" name="unread" value=(unread);
            input type="hidden" name="read" value=(!notice.read);
            button {
                @match notice.read { true => "Mark as unread", false => "Mark as read" }
                span.quiet { ": " (kind(&notice.kind)) @if let Some(id) = &notice.key_id { ", key " (id) } }
            }
        }
    }
}

/// What a notice is about, in a few words.
pub(super) fn kind(kind: &str) -> &str {
    match kind {
        "API_KEY_EXPIRES" => "A key expires soon",
        "API_KEY_EXPIRED" => "A key has expired",
        "API_KEY_SECRET_OLD" => "A secret is old",
        "ALERT_NEW_NETWORK" => "Used from a new network",
        "ALERT_WOKE" => "Used again after a long time",
        "ALERT_REFUSAL_BURST" => "Refused many times",
        "ALERT_VOLUME" => "Far more requests than usual",
        "ALERT_DEAD_CREDENTIAL" => "Still tried, though it is over",
        "ALERT_MANY_COMPANIES" => "Many companies within an hour",
        "ALERT_RATE_LIMIT" => "Near its limit, or over it",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use model::NoticeKind;

    #[test]
    fn every_kind_of_notice_has_words() {
        for kind in NoticeKind::ALL {
            assert_ne!(super::kind(kind.as_str()), kind.as_str());
        }
    }
}

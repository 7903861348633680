//! Administrators' pages: what they do for companies and partners, each time for the reason that their session holds.
//!
//! The API decides who is one, and records every request with its reason before it answers.

pub(super) mod ats_key;
pub(super) mod companies;
mod entry;
pub(super) mod keys;
pub(super) mod kill_switch;
pub(super) mod partners;

use maud::{DOCTYPE, Markup, html};
use model::{AdminReason, Rule};
use routes::{inner::dashboard::Operation as Inner, keys::Operation};
use serde_json::json;

use crate::{
    Page,
    answer::{Answer, Problem, Stop},
    ask::Ask,
    form::Form,
    inner::Standing,
    parts::{bare, brand, head, refusal},
    session::ended_or_fault,
    visit::Visit,
};
use entry::Entry;

/// Asks for the reason, or goes on with the one that was given.
pub(crate) async fn begin(visit: &Visit<'_>) -> Result<Answer, Stop> {
    if visit.session()?.row.reason.is_some() {
        return Ok(Answer::see(&visit.href(Page::AdminCompanies, &[])));
    }
    visit.fresh()?;
    let standing: Standing = visit.get(Ask::new(Inner::GetStanding)).await?;
    if !standing.administrator {
        // The API's own refusal, kept as every other is.
        visit.ask(Ask::new(Operation::ListAllCompanies)).await?;
    }
    Ok(reason_page(visit, "", None))
}

fn reason_page(visit: &Visit<'_>, reason: &str, problem: Option<&Problem>) -> Answer {
    let why = Entry {
        name: "reason",
        label: "Reason",
        hint: "10 to 200 characters, such as a ticket and what it asks for. The company or partner reads it in its audit log, with each page that you open.",
        value: reason,
        ..Entry::TEXT
    };
    let content = html! {
        (refusal(problem))
        form.form method="post" action=(visit.href(Page::BeginAdministration, &[])) {
            (visit.form_proof())
            (why.show(problem))
            div.actions {
                button.primary { "Go on" }
                a.button href=(visit.href(Page::Home, &[("choose", "1")])) { "Cancel" }
            }
        }
    };
    let status = problem.map_or(200, |problem| problem.status);
    Answer::page(
        status,
        bare(&visit.base, "Why do you act as an administrator?", content),
    )
}

pub(crate) async fn note_reason(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let form = Form::read(visit)?;
    visit.fresh()?;
    let text = form.text("reason");
    match text.parse::<AdminReason>() {
        Ok(reason) => {
            hold_reason(visit, Some(reason)).await?;
            Ok(Answer::see(&visit.href(Page::AdminCompanies, &[])))
        }
        Err(broken) => Ok(reason_page(visit, text, Some(&unusable(broken)))),
    }
}

/// Ends the capacity, not the session.
pub(crate) async fn end(visit: &Visit<'_>) -> Result<Answer, Stop> {
    Form::read(visit)?;
    hold_reason(visit, None).await?;
    Ok(Answer::see(&visit.href(Page::Home, &[("choose", "1")])))
}

async fn hold_reason(visit: &Visit<'_>, reason: Option<AdminReason>) -> Result<(), Stop> {
    let name = &visit.session()?.row.name;
    let (table, nonce) = (&visit.app().table, visit.app().entropy.bytes());
    let held = table.set_session_reason(name, reason.as_ref(), nonce);
    held.await.map_err(ended_or_fault)
}

/// As the API says it of the header.
fn unusable(broken: Rule) -> Problem {
    let message = match broken {
        Rule::Length => "must have 10 to 200 characters",
        _ => "must be one line without control characters",
    };
    Problem {
        status: 400,
        code: "VALIDATION_ERROR".to_owned(),
        message: message.to_owned(),
        details: json!({ "errors": [{ "path": "/reason", "rule": broken, "message": message }] }),
    }
}

/// A request as an administrator, for the session's reason.
///
/// # Errors
/// None was given.
fn asking(visit: &Visit<'_>, operation: impl routes::Operation) -> Result<Ask, Stop> {
    let reason = visit.session()?.row.reason.as_ref();
    let reason = reason.ok_or(Stop::NoReason)?;
    Ok(Ask::new(operation).because(&reason.to_string()))
}

const SECTIONS: [(Page, &str); 2] = [
    (Page::AdminCompanies, "Companies"),
    (Page::AdminPartners, "Partners"),
];

/// A page of administrators, under the reason for it.
fn framed(visit: &Visit<'_>, status: u16, section: Page, title: &str, content: Markup) -> Answer {
    let reason = visit.session.as_ref();
    let reason = reason.and_then(|session| session.row.reason.as_ref());
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(&visit.base, &format!("{title} · Administration")))
            body {
                a.skip href="#main" { "Skip to content" }
                header.top {
                    (brand(&visit.base, &visit.href(Page::Home, &[("choose", "1")])))
                    a.owner href=(visit.href(Page::Home, &[("choose", "1")])) {
                        "Administration " span.hint { "Change" }
                    }
                    (visit.person())
                }
                div.frame {
                    nav.side aria-label="Sections" {
                        ul {
                            @for (page, name) in SECTIONS {
                                li { a href=(visit.href(page, &[])) aria-current=[(page == section).then_some("page")] { (name) } }
                            }
                        }
                    }
                    main id="main" tabindex="-1" {
                        @if let Some(reason) = reason { (banner(visit, reason)) }
                        (content)
                    }
                }
            }
        }
    };
    Answer::page(status, page)
}

fn banner(visit: &Visit<'_>, reason: &AdminReason) -> Markup {
    html! {
        div.note.warn role="status" {
            p { "You act as an administrator. Each page is recorded with your reason: " strong { bdi { (reason) } } }
            form method="post" action=(visit.href(Page::EndAdministration, &[])) {
                (visit.form_proof())
                button.plain { "End" }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::unusable;
    use model::{AdminReason, Rule};

    #[test]
    fn an_unusable_reason_is_told_at_its_field() {
        let broken = "short".parse::<AdminReason>().expect_err("too short");
        assert_eq!(broken, Rule::Length);
        let said = unusable(broken).of_field("reason");
        assert_eq!(said.as_deref(), Some("must have 10 to 200 characters"));
    }
}

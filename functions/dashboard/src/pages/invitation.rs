//! An invitation, opened from its mail: what it says, and the one button that accepts it.

use maud::{Markup, html};
use routes::inner::dashboard::Operation;
use serde::Deserialize;

use super::members::role_name;
use crate::{
    Page,
    answer::{Answer, Problem, Stop},
    ask::Ask,
    form::Form,
    inner::{InvitationView, is_fresh},
    parts::{bare, refusal, time},
    session::Session,
    visit::Visit,
};

/// Who is signed out signs in first, and comes back.
pub(crate) async fn show(visit: &Visit<'_>) -> Result<Answer, Stop> {
    page(visit, None).await
}

async fn page(visit: &Visit<'_>, problem: Option<&Problem>) -> Result<Answer, Stop> {
    let session = visit.session()?;
    let said: InvitationView = match visit
        .get(asked(visit, session, Operation::GetInvitation))
        .await
    {
        Ok(said) => said,
        Err(Stop::Problem(problem)) if matches!(problem.status, 400 | 404) => {
            return Ok(closed(visit, session));
        }
        Err(stop) => return Err(stop),
    };
    let name = said.name.as_deref().unwrap_or("a company without a name");
    let kind = match said.is_partner {
        true => "partner",
        false => "company",
    };
    let content = html! {
        (refusal(problem))
        p {
            bdi { (said.inviter) } " invites " bdi { (said.email) } " to the " (kind) " "
            strong { bdi { (name) } } ", as " strong { (role_name(&said.role)) } "."
        }
        p.hint { "The invitation ends on " (time(&said.expires_at.to_string())) "." }
        @if is_fresh(session.row.auth_time, visit.now) {
            form.form method="post" action=(action(visit)) {
                (visit.form_proof())
                div.actions {
                    button.primary { "Accept" }
                    a.button href=(visit.href(Page::Home, &[])) { "Not now" }
                }
            }
        } @else {
            p { "Accepting needs a sign-in of the last five minutes, which shows that the address is yours." }
            p { a.button.primary href=(visit.sign_in_again()) { "Sign in again" } }
        }
    };
    let status = problem.map_or(200, |problem| problem.status);
    Ok(Answer::page(
        status,
        bare(&visit.base, "You are invited", content),
    ))
}

pub(crate) async fn join(visit: &Visit<'_>) -> Result<Answer, Stop> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Joined {
        company_id: Option<String>,
        partner_id: Option<String>,
    }
    let form = Form::read(visit)?;
    let session = visit.session()?;
    if !is_fresh(session.row.auth_time, visit.now) {
        return Err(Stop::SignInAnew);
    }
    let ask = asked(visit, session, Operation::AcceptInvitationSignedIn)
        .query("signedInAt", &session.row.auth_time.to_string())
        .once(&form.once);
    match visit.get::<Joined>(ask).await {
        Ok(Joined {
            company_id: Some(id),
            ..
        }) => Ok(to_keys(visit, &format!("c-{id}"))),
        Ok(Joined {
            partner_id: Some(id),
            ..
        }) => Ok(to_keys(visit, &format!("p-{id}"))),
        Ok(_) => Ok(Answer::see(&visit.href(Page::Home, &[]))),
        Err(Stop::Problem(problem)) if problem.status == 404 => Ok(closed(visit, session)),
        Err(Stop::Problem(problem)) if problem.status == 409 => {
            page(visit, Some(&said(problem))).await
        }
        Err(stop) => Err(stop),
    }
}

fn to_keys(visit: &Visit<'_>, owner: &str) -> Answer {
    Answer::see(&visit.href(Page::Keys, &[("owner", owner)]))
}

/// With the address that the issuer has verified, as the session knows it.
fn asked(visit: &Visit<'_>, session: &Session, operation: Operation) -> Ask {
    Ask::new(operation).id("token", visit.param("token")).query(
        "verifiedEmail",
        session.row.email.as_deref().unwrap_or_default(),
    )
}

fn action(visit: &Visit<'_>) -> String {
    visit.href(Page::JoinByInvitation, &[("token", &visit.param("token"))])
}

/// In words of this page.
fn said(problem: Problem) -> Problem {
    let reason = problem.details.get("reason");
    let words = match reason.and_then(|reason| reason.as_str()) {
        Some("DUPLICATE") => "You are a member there already.",
        Some("MEMBER_LIMIT") => {
            "There are as many members as there may be. Ask whoever invited you to make room."
        }
        _ => return problem,
    };
    Problem {
        message: words.to_owned(),
        ..problem
    }
}

/// One page for whatever is wrong: it says nothing of any invitation.
fn closed(visit: &Visit<'_>, session: &Session) -> Answer {
    let who: Markup = match &session.row.email {
        Some(email) => html! { p { "You are signed in as " bdi { (email) } "." } },
        None => html! { p { "Your sign-in shows no verified address." } },
    };
    let content = html! {
        p { "This link opens no invitation for you. It works once, for seven days, and only for whoever signs in with the invited address." }
        (who)
        p { "Is the mail for another address of yours? Sign out, and open its link again. Otherwise ask to be invited anew." }
        form method="post" action=(visit.href(Page::SignOut, &[])) {
            (visit.form_proof())
            div.actions {
                button { "Sign out" }
                a.button href=(visit.href(Page::Home, &[])) { "To the beginning" }
            }
        }
    };
    Answer::page(404, bare(&visit.base, "No invitation", content))
}

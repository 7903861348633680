//! The forms that invite somebody, and that give somebody another role.

use maud::{Markup, html};
use routes::{Role, keys::Operation};
use serde_json::{Value, json};

use super::{Member, ROLES, find, role_changed, role_name, roles};
use crate::{
    Page,
    answer::{Answer, Problem, Stop},
    ask::Ask,
    form::Form,
    parts::{Field, heading, refusal},
    visit::Visit,
};

pub(crate) async fn new(visit: &Visit<'_>) -> Result<Answer, Stop> {
    visit.fresh()?;
    invitation_page(visit, "", "MEMBER", None).await
}

async fn invitation_page(
    visit: &Visit<'_>,
    email: &str,
    role: &str,
    problem: Option<&Problem>,
) -> Result<Answer, Stop> {
    let frame = visit.frame(visit.owner()?).await?;
    // An administrator of the company invites members alone.
    let most = match frame.role() {
        Some(Role::Owner) => Role::Owner,
        _ => Role::Member,
    };
    let address = Field {
        name: "email",
        label: "E-mail address",
        hint: "Whoever accepts signs in with this very address, within 7 days.",
        member: "email",
        problem,
    };
    let invalid = problem.and_then(|problem| problem.of_field("email"));
    let sub =
        html! { "A mail brings them a link, which is worth nothing without their own sign-in." };
    let content = html! {
        (heading("Invite somebody", sub, html! {}))
        (refusal(problem))
        form.form method="post" action=(visit.owned(Page::SendInvitation, &[])) {
            (visit.form_proof())
            (address.with(|id, describes| html! {
                input id=(id) name="email" type="email" value=(email) required maxlength="254" autocomplete="off" aria-describedby=(describes) aria-invalid=[invalid.as_ref().map(|_| "true")];
            }))
            (role_choice(role, most))
            div.actions {
                button.primary { "Send the invitation" }
                a.button href=(visit.owned(Page::Members, &[])) { "Cancel" }
            }
        }
    };
    let status = problem.map_or(200, |problem| problem.status);
    Ok(visit.framed_as(status, &frame, Page::Members, "Invite somebody", content))
}

/// The roles up to `most`, each with what it may do.
fn role_choice(chosen: &str, most: Role) -> Markup {
    html! {
        fieldset.field {
            legend { "Role" }
            @for (role, may) in ROLES.iter().rev().filter(|(role, _)| *role <= most) {
                @let id = format!("role-{}", role.name().to_lowercase());
                @let about = format!("{id}-about");
                div.choice {
                    input type="radio" name="role" value=(role.as_str()) id=(id) checked[role.as_str() == chosen] required aria-describedby=(about);
                    label for=(id) { (role.name()) }
                    p.hint id=(about) { (may) }
                }
            }
        }
    }
}

pub(crate) async fn invite(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let form = Form::read(visit)?;
    visit.fresh()?;
    let (email, role) = (form.text("email"), form.text("role"));
    let ask = Ask::new(Operation::InviteMember)
        .of(visit.owner()?)
        .body(json!({ "email": email, "role": role }))
        .once(&form.once);
    match visit.ask(ask).await {
        Ok(_) => Ok(Answer::see(&visit.owned(Page::Members, &[]))),
        Err(Stop::Problem(problem)) if matches!(problem.status, 400 | 409) => {
            invitation_page(visit, email, role, Some(&said(problem))).await
        }
        Err(stop) => Err(stop),
    }
}

/// In words of this page.
fn said(problem: Problem) -> Problem {
    let words = match problem.details.get("reason").and_then(Value::as_str) {
        Some("DUPLICATE") => "This address is a member or invited already.",
        Some("MEMBER_LIMIT") => "There are as many members as there may be: 100.",
        Some("INVITATION_LIMIT") => "You have sent as many invitations as one may in a day: 20.",
        _ => return problem,
    };
    Problem {
        message: words.to_owned(),
        ..problem
    }
}

pub(crate) async fn show(visit: &Visit<'_>) -> Result<Answer, Stop> {
    visit.fresh()?;
    role_page(visit, None).await
}

async fn role_page(visit: &Visit<'_>, problem: Option<&Problem>) -> Result<Answer, Stop> {
    let owner = visit.owner()?;
    let (frame, member) = futures_util::try_join!(visit.frame(owner), find(visit, owner))?;
    let Member {
        id,
        email,
        role,
        version,
        ..
    } = &member;
    let title = format!("Role of {email}");
    let now = role_name(role);
    let sub =
        html! { @if member.is_invited() { "Invited as " (now) "." } @else { "Now " (now) "." } };
    let content = html! {
        (heading(&title, sub, html! {}))
        (refusal(problem))
        @if frame.role() == Some(Role::Owner) {
            form.form method="post" action=(visit.owned(Page::ChangeMember, &[("memberId", id)])) {
                (visit.form_proof())
                input type="hidden" name="version" value=(version);
                (role_choice(role, Role::Owner))
                p.hint { "A role that may do less counts from the moment it is given, and ends that person's sessions." }
                div.actions {
                    button.primary { "Give this role" }
                    a.button href=(visit.owned(Page::Members, &[])) { "Cancel" }
                }
            }
        } @else {
            p { "Only an owner gives roles." }
            (roles())
        }
    };
    let status = problem.map_or(200, |problem| problem.status);
    Ok(visit.framed_as(status, &frame, Page::Members, &title, content))
}

pub(crate) async fn change(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let form = Form::read(visit)?;
    visit.fresh()?;
    let ask = Ask::new(Operation::UpdateMember)
        .of(visit.owner()?)
        .id("memberId", visit.param("memberId"))
        .if_match(form.text("version"))
        .body(json!({ "role": form.text("role") }))
        .of_form(&form);
    match visit.get::<Member>(ask).await {
        // The same role again changes nothing, and so ends no session.
        Ok(member) if member.version.to_string() == form.text("version") => {
            Ok(Answer::see(&visit.owned(Page::Members, &[])))
        }
        Ok(_) => role_changed(visit).await,
        Err(Stop::Problem(problem)) if matches!(problem.status, 400 | 409) => {
            role_page(visit, Some(&problem)).await
        }
        Err(stop) => Err(stop),
    }
}

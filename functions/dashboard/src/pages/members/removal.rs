//! Ending a membership, or withdrawing an invitation.

use maud::html;
use routes::keys::Operation;

use super::{find, role_changed, role_name};
use crate::{
    Page,
    answer::{Answer, Problem, Stop},
    ask::Ask,
    form::Form,
    parts::{heading, refusal},
    visit::Visit,
};

pub(crate) async fn confirm(visit: &Visit<'_>) -> Result<Answer, Stop> {
    visit.fresh()?;
    page(visit, None).await
}

async fn page(visit: &Visit<'_>, problem: Option<&Problem>) -> Result<Answer, Stop> {
    let owner = visit.owner()?;
    let (frame, member) = futures_util::try_join!(visit.frame(owner), find(visit, owner))?;
    let (title, button, what) = match member.is_invited() {
        true => (
            "Withdraw this invitation?",
            "Withdraw",
            "The link in the mail is worth nothing from that moment.",
        ),
        false => (
            "Remove this member?",
            "Remove",
            "They can do and see nothing here any more, from that moment. Keys that they made stay as they are.",
        ),
    };
    let sub = html! { bdi { (member.email) } ", " (role_name(&member.role)) };
    let content = html! {
        (heading(title, sub, html! {}))
        (refusal(problem))
        div.note.warn { p { (what) } }
        form.form method="post" action=(visit.owned(Page::RemoveMember, &[("memberId", &member.id)])) {
            (visit.form_proof())
            input type="hidden" name="version" value=(member.version);
            div.actions {
                button.danger { (button) }
                a.button href=(visit.owned(Page::Members, &[])) { "Cancel" }
            }
        }
    };
    let status = problem.map_or(200, |problem| problem.status);
    Ok(visit.framed_as(status, &frame, Page::Members, title, content))
}

pub(crate) async fn remove(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let form = Form::read(visit)?;
    visit.fresh()?;
    let ask = Ask::new(Operation::DeleteMember)
        .of(visit.owner()?)
        .id("memberId", visit.param("memberId"))
        .if_match(form.text("version"))
        .of_form(&form);
    match visit.ask(ask).await {
        Ok(_) => role_changed(visit).await,
        Err(Stop::Problem(problem)) if problem.status == 409 => page(visit, Some(&problem)).await,
        Err(stop) => Err(stop),
    }
}

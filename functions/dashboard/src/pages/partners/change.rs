//! Suspending, resuming and ending a grant.

use maud::html;
use routes::keys::Operation;

use super::{
    company, find,
    show::{asking, href, page},
};
use crate::{
    Page,
    answer::{Answer, Problem, Stop},
    form::Form,
    parts::{Field, heading, refusal},
    visit::Visit,
};

/// Needs no fresh sign-in: it only takes away, and an owner can undo it.
pub(crate) async fn suspend(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let form = Form::read(visit)?;
    let ask = asking(
        visit,
        company(visit)?,
        Operation::SuspendPartnerGrant,
        form.text("version"),
        "",
    );
    match visit.ask(ask.once(&form.once)).await {
        Ok(_) => Ok(Answer::see(&href(visit))),
        Err(Stop::Problem(problem)) if problem.status == 409 => page(visit, Some(&problem)).await,
        Err(stop) => Err(stop),
    }
}

/// What is asked before a grant is resumed or ended.
struct Question {
    title: &'static str,
    about: &'static str,
    button: &'static str,
    class: &'static str,
    to: Page,
    operation: Operation,
}

const RESUMPTION: Question = Question {
    title: "Resume this partner?",
    about: "Its keys may act for the company again, as before.",
    button: "Resume",
    class: "primary",
    to: Page::ResumeGrant,
    operation: Operation::ResumePartnerGrant,
};

const END: Question = Question {
    title: "End this grant?",
    about: "The partner's requests for the company are refused from that moment, for good. Letting it in again makes a new grant. What it has made stays.",
    button: "End for good",
    class: "danger",
    to: Page::EndGrant,
    operation: Operation::EndPartnerGrant,
};

pub(crate) async fn confirm_resumption(visit: &Visit<'_>) -> Result<Answer, Stop> {
    visit.fresh()?;
    asked(visit, &RESUMPTION, "", None).await
}

pub(crate) async fn resume(visit: &Visit<'_>) -> Result<Answer, Stop> {
    done(visit, &RESUMPTION).await
}

pub(crate) async fn confirm_end(visit: &Visit<'_>) -> Result<Answer, Stop> {
    visit.fresh()?;
    asked(visit, &END, "", None).await
}

pub(crate) async fn end(visit: &Visit<'_>) -> Result<Answer, Stop> {
    done(visit, &END).await
}

async fn asked(
    visit: &Visit<'_>,
    question: &Question,
    reason: &str,
    problem: Option<&Problem>,
) -> Result<Answer, Stop> {
    let owner = company(visit)?;
    let (frame, grant) = futures_util::try_join!(visit.frame(owner), find(visit, owner))?;
    let why = Field {
        name: "reason",
        label: "Why (optional)",
        hint: "It stands in the audit log.",
        member: "reason",
        problem,
    };
    let invalid = problem.and_then(|problem| problem.of_field("reason"));
    let content = html! {
        (heading(question.title, html! { bdi { (grant.partner()) } }, html! {}))
        (refusal(problem))
        div.note.warn { p { (question.about) } }
        form.form method="post" action=(visit.owned(question.to, &[("partnerId", &grant.partner_id)])) {
            (visit.form_proof())
            input type="hidden" name="version" value=(grant.version);
            (why.with(|id, describes| html! {
                input id=(id) name="reason" value=(reason) maxlength="200" autocomplete="off" aria-describedby=(describes) aria-invalid=[invalid.as_ref().map(|_| "true")];
            }))
            div.actions {
                button class=(question.class) { (question.button) }
                a.button href=(href(visit)) { "Cancel" }
            }
        }
    };
    let status = problem.map_or(200, |problem| problem.status);
    Ok(visit.framed_as(status, &frame, Page::Partners, question.title, content))
}

async fn done(visit: &Visit<'_>, question: &Question) -> Result<Answer, Stop> {
    let form = Form::read(visit)?;
    visit.fresh()?;
    let reason = form.text("reason");
    let ask = asking(
        visit,
        company(visit)?,
        question.operation,
        form.text("version"),
        reason,
    );
    match visit.ask(ask.once(&form.once)).await {
        Ok(_) => Ok(Answer::see(&href(visit))),
        Err(Stop::Problem(problem)) if matches!(problem.status, 400 | 409) => {
            asked(visit, question, reason, Some(&problem)).await
        }
        Err(stop) => Err(stop),
    }
}

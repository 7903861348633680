//! Letting a partner in.

use maud::html;
use routes::keys::Operation;
use serde_json::json;

use super::company;
use crate::{
    Page,
    answer::{Answer, Problem, Stop},
    ask::Ask,
    form::Form,
    pages::keys::scope_table,
    parts::{Field, heading, refusal},
    visit::Visit,
};

/// The form as it was filled in, right or wrong.
#[derive(Default)]
struct GrantForm {
    partner: String,
    /// Whether the partner's keys alone say how much they may do.
    all: bool,
    scopes: Vec<String>,
}

pub(crate) async fn new(visit: &Visit<'_>) -> Result<Answer, Stop> {
    visit.fresh()?;
    let form = GrantForm {
        partner: visit.query("partnerId"),
        all: true,
        scopes: Vec::new(),
    };
    page(visit, &form, None).await
}

async fn page(
    visit: &Visit<'_>,
    form: &GrantForm,
    problem: Option<&Problem>,
) -> Result<Answer, Stop> {
    let frame = visit.frame(company(visit)?).await?;
    let partner = Field {
        name: "partner",
        label: "The partner's id",
        hint: "The partner tells you: it stands at the foot of its own page “Companies”.",
        member: "partnerId",
        problem,
    };
    let said = |name: &str| problem.and_then(|problem| problem.of_field(name));
    let chosen: Vec<_> = form.scopes.iter().map(String::as_str).collect();
    let sub = html! { "For " bdi { (frame.name) } " alone, until you suspend or end it." };
    let content = html! {
        (heading("Let a partner in", sub, html! {}))
        (refusal(problem))
        form.form method="post" action=(visit.owned(Page::MakeGrant, &[])) {
            (visit.form_proof())
            (partner.with(|id, describes| html! {
                input id=(id) name="partner" value=(form.partner) required maxlength="36" autocomplete="off" spellcheck="false" aria-describedby=(describes) aria-invalid=[said("partnerId").map(|_| "true")];
            }))
            fieldset.field {
                legend { "The most that its keys may do here" }
                div.choice {
                    input type="radio" name="most" value="all" id="most-all" checked[form.all];
                    label for="most-all" { "Whatever its keys may" }
                }
                div.choice {
                    input type="radio" name="most" value="these" id="most-these" data-custom checked[!form.all];
                    label for="most-these" { "Just these, where its keys may" }
                }
                (scope_table(&chosen))
                @if let Some(error) = said("scopes") { p.error { (error) } }
            }
            div.actions {
                button.primary { "Let it in" }
                a.button href=(visit.owned(Page::Partners, &[])) { "Cancel" }
            }
        }
    };
    let status = problem.map_or(200, |problem| problem.status);
    Ok(visit.framed_as(status, &frame, Page::Partners, "Let a partner in", content))
}

pub(crate) async fn make(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let sent = Form::read(visit)?;
    visit.fresh()?;
    let form = GrantForm {
        partner: sent.text("partner").to_owned(),
        // Whoever ticks boxes means them.
        all: sent.text("most") != "these" && sent.all("scope").next().is_none(),
        scopes: sent.all("scope").map(str::to_owned).collect(),
    };
    let mut body = json!({ "partnerId": form.partner });
    if !form.all {
        body["scopes"] = json!(form.scopes);
    }
    let ask = Ask::new(Operation::CreatePartnerGrant)
        .of(company(visit)?)
        .body(body)
        .once(&sent.once);
    match visit.ask(ask).await {
        Ok(_) => Ok(Answer::see(
            &visit.owned(Page::PartnerGrant, &[("partnerId", &form.partner)]),
        )),
        Err(Stop::Problem(problem)) if matches!(problem.status, 400 | 409) => {
            page(visit, &form, Some(&said(problem))).await
        }
        Err(stop) => Err(stop),
    }
}

/// In words of this page.
fn said(problem: Problem) -> Problem {
    match problem.details.get("reason").and_then(|it| it.as_str()) {
        Some("DUPLICATE") => Problem {
            message: "This partner is in already, or suspended.".to_owned(),
            ..problem
        },
        _ => problem,
    }
}

//! A company's kill switch, as an administrator pulls it.

use maud::{Markup, html};
use model::Owner;
use routes::keys::Operation;
use serde::Deserialize;
use serde_json::json;

use super::{
    asking,
    entry::Entry,
    framed,
    keys::{another_name, named, section},
};
use crate::{
    Page,
    answer::{Answer, Problem, Stop},
    form::Form,
    parts::{heading, refusal},
    visit::Visit,
};

/// What would end.
#[derive(Deserialize)]
struct Report {
    keys: Vec<Caught>,
    grants: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Caught {
    name: String,
    prefix: String,
}

/// Keys that are told by name.
const NAMED: usize = 20;

pub(crate) async fn confirm(visit: &Visit<'_>) -> Result<Answer, Stop> {
    visit.fresh()?;
    page(visit, true, None).await
}

/// A dry run changes nothing, so a GET may ask for it.
async fn page(
    visit: &Visit<'_>,
    with_partners: bool,
    problem: Option<&Problem>,
) -> Result<Answer, Stop> {
    let owner = company(visit)?;
    let dry = asking(visit, Operation::RevokeAllApiKeys)?
        .of(owner)
        .body(json!({ "dryRun": true, "includePartners": true }));
    let (frame, report) = futures_util::try_join!(named(visit, owner), visit.get::<Report>(dry))?;
    let typed = Entry {
        name: "name",
        label: "Type the company's name",
        hint: "So that it is this company and no other.",
        ..Entry::TEXT
    };
    let title = "Revoke every key?";
    let content = html! {
        (heading(title, html! { bdi { (frame.name) } }, html! {}))
        (refusal(problem))
        div.note.bad { p { "All of it is dead at once, and no key comes back to life." } }
        (told(&report))
        form.form method="post" action=(visit.owned(Page::AdminRevokeAll, &[])) {
            (visit.form_proof())
            div.choice {
                input type="checkbox" name="partners" value="1" id="partners" checked[with_partners];
                label for="partners" { "Suspend all grants to partners, too" }
            }
            (typed.show(problem))
            div.actions {
                button.danger { "Revoke every key" }
                a.button href=(visit.owned(Page::AdminKeys, &[])) { "Cancel" }
            }
        }
    };
    let status = problem.map_or(200, |problem| problem.status);
    Ok(framed(visit, status, section(owner), title, content))
}

fn told(report: &Report) -> Markup {
    html! {
        section.card aria-labelledby="caught" {
            h2 id="caught" { (report.keys.len()) " keys, " (report.grants.len()) " grants" }
            @if report.keys.is_empty() { p { "There is no key left to revoke." } }
            ul {
                @for key in report.keys.iter().take(NAMED) {
                    li { bdi { (key.name) } " " code { (key.prefix) "…" } }
                }
            }
            @if report.keys.len() > NAMED { p.hint { "and " (report.keys.len() - NAMED) " more" } }
        }
    }
}

pub(crate) async fn revoke_all(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let form = Form::read(visit)?;
    visit.fresh()?;
    let owner = company(visit)?;
    let partners = form.is_checked("partners");
    if !form.says("name", &named(visit, owner).await?.name) {
        return page(visit, partners, Some(&another_name())).await;
    }
    let ask = asking(visit, Operation::RevokeAllApiKeys)?
        .of(owner)
        .body(json!({ "dryRun": false, "includePartners": partners }))
        .once(&form.once);
    visit.ask(ask).await?;
    Ok(Answer::see(&visit.owned(Page::AdminKeys, &[])))
}

fn company(visit: &Visit<'_>) -> Result<Owner, Stop> {
    match visit.owner()? {
        owner @ Owner::Company(_) => Ok(owner),
        Owner::Partner(_) | Owner::System => Err(Stop::NotFound),
    }
}

//! The kill switch: what it would end, and then all of it at once.

use maud::{Markup, html};
use model::Owner;
use routes::keys::Operation;
use serde::Deserialize;
use serde_json::json;

use crate::{
    Page,
    answer::{Answer, Stop},
    ask::Ask,
    form::Form,
    inner::Frame,
    pages::partners::{Names, names},
    parts::{heading, named},
    visit::Visit,
};

/// What ends, or has ended, as the API says it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    keys: Vec<Ended>,
    grants: Vec<Grant>,
}

#[derive(Deserialize)]
struct Ended {
    prefix: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Grant {
    partner_id: String,
}

/// What has to be typed.
const WORDS: &str = "revoke all keys";

pub(crate) async fn show(visit: &Visit<'_>) -> Result<Answer, Stop> {
    visit.fresh()?;
    page(visit, "", false, "").await
}

async fn page(visit: &Visit<'_>, reason: &str, spare: bool, fault: &str) -> Result<Answer, Stop> {
    let owner = visit.owner()?;
    let tried = Ask::new(Operation::RevokeAllApiKeys)
        .of(owner)
        .body(json!({ "dryRun": true }));
    let (frame, partners, report) = futures_util::try_join!(
        visit.frame(owner),
        partners(visit, owner),
        visit.get::<Report>(tried)
    )?;
    let content = html! {
        (heading("Kill switch", html! { "For the day on which nobody knows what has leaked." }, html! {}))
        div.note.warn {
            p { "Every key of " bdi { (frame.name) } " is revoked for good, and every partner's grant suspended, at once. No key can be made while it runs." }
        }
        @if !fault.is_empty() { div.note.bad role="alert" { p { (fault) } } }
        (told("It would end", "suspend", &report, &partners))
        form.form method="post" action=(visit.owned(Page::RevokeAll, &[])) {
            (visit.form_proof())
            div.field {
                label for="reason" { "Reason, for the audit log" }
                input id="reason" name="reason" value=(reason) required maxlength="200" autocomplete="off";
            }
            div.choice {
                input type="checkbox" name="spare" value="1" id="spare" checked[spare];
                label for="spare" { "Spare the partners' grants" }
            }
            div.field {
                label for="words" { "Type: " code { (WORDS) } }
                input id="words" name="words" required autocomplete="off" aria-invalid=[(!fault.is_empty()).then_some("true")];
            }
            div.actions {
                button.danger { "Revoke all keys" }
                a.button href=(visit.owned(Page::Keys, &[])) { "Cancel" }
            }
        }
    };
    let status = if fault.is_empty() { 200 } else { 400 };
    Ok(visit.framed_as(status, &frame, Page::Keys, "Kill switch", content))
}

pub(crate) async fn revoke_all(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let sent = Form::read(visit)?;
    visit.fresh()?;
    let (reason, spare) = (sent.text("reason"), sent.is_checked("spare"));
    if !sent.text("words").eq_ignore_ascii_case(WORDS) {
        return page(
            visit,
            reason,
            spare,
            "Nothing was done: the words are others.",
        )
        .await;
    }
    let owner = visit.owner()?;
    let body = json!({
        "dryRun": false,
        "reason": reason,
        "includePartners": !spare,
    });
    let asked = Ask::new(Operation::RevokeAllApiKeys)
        .of(owner)
        .body(body)
        .once(&sent.once);
    let (frame, partners): (Frame, _) =
        futures_util::try_join!(visit.frame(owner), partners(visit, owner))?;
    match visit.get::<Report>(asked).await {
        Ok(report) => {
            let content = html! {
                (heading("All keys are dead", html! { "None of them is accepted any more, anywhere." }, html! {}))
                (told("It has ended", "suspended", &report, &partners))
                p { a.button.primary href=(visit.owned(Page::Keys, &[])) { "To the keys" } }
            };
            Ok(visit.framed(&frame, Page::Keys, "All keys are dead", content))
        }
        Err(Stop::Problem(problem)) if problem.status == 400 => {
            page(visit, reason, spare, &problem.said()).await
        }
        Err(stop) => Err(stop),
    }
}

/// What the partners are called. Where that can't be read, their ids do: names never hold this page up.
async fn partners(visit: &Visit<'_>, owner: Owner) -> Result<Names, Stop> {
    Ok(names(visit, owner).await.unwrap_or_default())
}

/// Keys, and grants, by name; of the rest it is enough how many they are.
const SHOWN: usize = 50;

fn told(ends: &str, suspends: &str, report: &Report, partners: &Names) -> Markup {
    html! {
        section.card aria-labelledby="ends" {
            h2 id="ends" { (ends) " " (counted(report.keys.len(), "key")) " and " (suspends) " " (counted(report.grants.len(), "grant")) }
            ul {
                @for key in report.keys.iter().take(SHOWN) { li { bdi { (key.name) } " " code { (key.prefix) "…" } } }
                @for grant in report.grants.iter().take(SHOWN) { li { "the grant to " (named(partners.get(&grant.partner_id).map(String::as_str), &grant.partner_id)) } }
            }
            @let rest = report.keys.len().saturating_sub(SHOWN) + report.grants.len().saturating_sub(SHOWN);
            @if rest > 0 { p { "… and " (rest) " more." } }
        }
    }
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        many => format!("{many} {what}s"),
    }
}

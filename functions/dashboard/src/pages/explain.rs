//! Why a request was refused, in words, and what to do now.

use maud::{Markup, html};
use routes::keys::Operation;
use serde::Deserialize;

use super::{
    audit::{company, found_key, key_link, sentence},
    keys::{Key, NO_KEY},
    partners::Names,
};
use crate::{
    Page,
    answer::{Answer, Problem, Stop},
    ask::Ask,
    parts::{Field, heading, time},
    visit::Visit,
};

/// A refusal, as the API explains it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Denial {
    request_id: String,
    at: String,
    status: u16,
    reason: String,
    message: String,
    operation: String,
    source_ip: String,
    key_id: Option<String>,
    secret_suffix: Option<String>,
    company_id: Option<String>,
    suppressed: bool,
    count: Option<u64>,
}

/// What became of the search.
enum Found {
    NotAsked,
    Denial(Box<Denial>, Option<Box<Key>>),
    Nothing,
    Refused(Problem),
}

pub(crate) async fn show(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let owner = visit.owner()?;
    let id = visit.query("requestId").trim().to_owned();
    let (frame, found) = futures_util::try_join!(visit.frame(owner), look(visit, &id))?;
    let problem = match &found {
        Found::Refused(problem) => Some(problem),
        _ => None,
    };
    let sub = html! { "A refused client hears little, so that a thief learns nothing. Here is the whole reason." };
    let content = html! {
        (heading("Explain a refusal", sub, html! {}))
        (form(visit, &id, problem))
        @match &found {
            Found::Denial(denial, key) => {
                // A refusal tells of no company but the owner itself.
                @let company = denial.company_id.as_ref().map(|id| company(visit, &frame, &Names::new(), id));
                (explained(visit, denial, key.as_deref(), company))
            },
            Found::Nothing => (nothing(visit, &frame.name, &id)),
            Found::NotAsked | Found::Refused(_) => {},
        }
    };
    let status = problem.map_or(200, |problem| problem.status);
    Ok(visit.framed_as(status, &frame, Page::Explain, "Explain a refusal", content))
}

async fn look(visit: &Visit<'_>, id: &str) -> Result<Found, Stop> {
    if id.is_empty() {
        return Ok(Found::NotAsked);
    }
    let ask = Ask::new(Operation::GetDenial).of(visit.owner()?);
    let denial: Denial = match visit.get(ask.id("requestId", id)).await {
        Ok(denial) => denial,
        Err(Stop::Problem(problem)) if problem.status == 404 => return Ok(Found::Nothing),
        Err(Stop::Problem(problem)) if problem.status == 400 => return Ok(Found::Refused(problem)),
        Err(stop) => return Err(stop),
    };
    let key = match &denial.key_id {
        Some(key) => found_key(visit, key).await?,
        None => None,
    };
    Ok(Found::Denial(Box::new(denial), key.map(Box::new)))
}

fn form(visit: &Visit<'_>, id: &str, problem: Option<&Problem>) -> Markup {
    let field = Field {
        name: "requestId",
        label: "Request id",
        hint: "Every answer has one, in the header X-Request-Id.",
        member: "requestId",
        problem: None,
    };
    html! {
        form.form method="get" action=(visit.owned(Page::Explain, &[])) role="search" {
            (field.with(|name, describes| html! {
                input id=(name) name="requestId" value=(id) maxlength="128" required
                    pattern=(NO_KEY) title="A request id, and no key: see the header X-Request-Id."
                    autocomplete="off" spellcheck="false" aria-invalid=[problem.map(|_| "true")]
                    aria-describedby=(match problem { Some(_) => format!("{describes} requestId-error"), None => describes.to_owned() });
                @if problem.is_some() {
                    p.error id="requestId-error" { "This is no request id: they have letters, digits and - _ = + /, 128 at the most." }
                }
            }))
            div.actions { button.primary { "Explain" } }
        }
    }
}

fn explained(
    visit: &Visit<'_>,
    denial: &Denial,
    key: Option<&Key>,
    company: Option<Markup>,
) -> Markup {
    html! {
        section.card aria-labelledby="why" {
            h2 id="why" { (headline(&denial.reason)) }
            p { (sentence(&denial.message)) }
            dl.facts {
                div { dt { "When" } dd { (time(&denial.at)) } }
                div { dt { "Answer" } dd { (denial.status) } }
                div { dt { "Operation" } dd { code { (denial.operation) } } }
                div { dt { "From" } dd { (denial.source_ip) } }
                @if let Some(id) = &denial.key_id {
                    div { dt { "Key" } dd { (key_link(visit, id, key)) } }
                }
                @if let Some(suffix) = &denial.secret_suffix {
                    div { dt { "Secret" } dd { code { "…" (suffix) } } }
                }
                @if let Some(company) = company {
                    div { dt { "For company" } dd { (company) } }
                }
                div { dt { "Request" } dd { code { (denial.request_id) } } }
            }
            @if denial.suppressed {
                p.hint {
                    "There were more such refusals in that minute"
                    @if let Some(count) = denial.count { ", " (count) " at least" }
                    "; they were not kept one by one."
                }
            }
        }
        section.card aria-labelledby="next" {
            h2 id="next" { "What to do" }
            p { (next_step(&denial.reason)) }
            @if let Some(key) = key {
                p {
                    a.button href=(visit.owned(Page::Key, &[("keyId", &key.id)])) { "To the key " bdi { (key.name) } }
                }
            }
        }
    }
}

/// The reason, of the contract's closed vocabulary, in a few words.
fn headline(reason: &str) -> &str {
    match reason {
        "WRONG_SECRET" => "The secret is not the key's",
        "SUSPENDED" => "The key is suspended",
        "REVOKED" => "The key is revoked",
        "EXPIRED" => "The key, or the secret, has expired",
        "ADDRESS" => "The address is not allowed",
        "SCOPE" => "The key lacks a scope",
        "ROLE" => "The person lacks a role",
        "CREDENTIAL_KIND" => "The wrong kind of credential",
        "COMPANY_MISSING" => "No company was named",
        "COMPANY" => "Not a company that it may act for",
        "GRANT" => "The partner's grant does not allow it",
        "RATE_LIMIT" => "Too many requests",
        "STALE_SIGN_IN" => "The sign-in was too old",
        other => other,
    }
}

fn next_step(reason: &str) -> &'static str {
    match reason {
        "WRONG_SECRET" => {
            "If the key was rotated, give the program the new secret. If nobody rotated it, somebody may be guessing: rotate it."
        }
        "SUSPENDED" => "If it should work again, an owner or administrator can resume it.",
        "REVOKED" => {
            "Revoked is for good. Create another key; if this one is still in use, find out by whom."
        }
        "EXPIRED" => {
            "Give the key a later expiry, or the program the newest secret if this one's time was over."
        }
        "ADDRESS" => {
            "If the request is one of yours, add the address to the key's allowed ones. If not, rotate the key: somebody else has it."
        }
        "SCOPE" => {
            "If the program needs this, add the scope to the key. If it doesn't, find out why it asks."
        }
        "ROLE" => "An owner can give the person another role, or do it instead.",
        "CREDENTIAL_KIND" => {
            "Some operations are for people, some for keys, some for partners' keys: use the kind that this one is for."
        }
        "COMPANY_MISSING" => "Name one of the companies, with companyId.",
        "COMPANY" => {
            "Check the companyId. A company's key acts for its own, a partner's for those that let it."
        }
        "GRANT" => {
            "The company's owner or administrator decides what its partner may do: they can resume the grant, or make another."
        }
        "RATE_LIMIT" => {
            "Wait as long as the header Retry-After says, and spread requests over the minute."
        }
        "STALE_SIGN_IN" => "Sign in again.",
        _ => "Look at the key, and at the audit log around this time.",
    }
}

fn nothing(visit: &Visit<'_>, name: &str, id: &str) -> Markup {
    html! {
        div.empty {
            h2 { "No refusal with this id" }
            p { "Nothing that " bdi { (name) } " may see was refused under it in the last 90 days. Is it the whole id, as the refused answer has it?" }
            p { "If the request was accepted, the audit log has it under the same id." }
            a.button href=(visit.owned(Page::Audit, &[("request", id)])) { "Look in the audit log" }
            p { "Not kept: requests with a text that is no key of ours, and what is refused to one key beyond the first 60 in a minute." }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::Reason;

    use super::{headline, next_step};

    #[test]
    fn every_reason_has_words_and_a_next_step_of_its_own() {
        let other = next_step("");
        for reason in Reason::ALL {
            let reason = reason.as_str();
            assert_ne!(headline(reason), reason);
            assert_ne!(next_step(reason), other, "{reason}");
        }
    }
}

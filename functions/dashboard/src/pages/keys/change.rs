//! Changing a key: its facts, after seeing what the change would have refused; its state; its end.

use maud::{Markup, html};
use routes::keys::Operation;
use serde::Deserialize;

use super::{Key, form::KeyForm};
use crate::{
    Page,
    answer::{Answer, Problem, Stop},
    ask::Ask,
    form::Form,
    inner::Frame,
    parts::{heading, time},
    visit::Visit,
};

/// What a change would have refused, as the API says it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tried {
    since: String,
    accepted: u64,
    by_scope: Vec<ByScope>,
    by_address: ByAddress,
}

#[derive(Deserialize)]
struct ByScope {
    scope: String,
    requests: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ByAddress {
    requests: u64,
    networks: Vec<OfNetwork>,
    unknown_up_to: u64,
}

#[derive(Deserialize)]
struct OfNetwork {
    network: String,
}

fn ask(visit: &Visit<'_>, operation: Operation) -> Result<Ask, Stop> {
    let owner = visit.owner()?;
    Ok(Ask::new(operation)
        .of(owner)
        .id("keyId", visit.param("keyId")))
}

async fn key(visit: &Visit<'_>) -> Result<Key, Stop> {
    visit.get(ask(visit, Operation::GetApiKey)?).await
}

fn back(visit: &Visit<'_>) -> String {
    visit.owned(Page::Key, &[("keyId", &visit.param("keyId"))])
}

pub(crate) async fn edit(visit: &Visit<'_>) -> Result<Answer, Stop> {
    visit.fresh()?;
    let frame = visit.frame(visit.owner()?);
    let (frame, key) = futures_util::try_join!(frame, key(visit))?;
    let form = KeyForm::of(&key);
    Ok(page(visit, &frame, &key, &form, None, None))
}

/// First tried, then saved: the form's two buttons say which.
pub(crate) async fn save(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let sent = Form::read(visit)?;
    visit.fresh()?;
    let mut key = key(visit).await?;
    let form = KeyForm::read(visit, &sent).on(&key);
    let mut body = form.body(visit.now);
    let saved = sent.text("do") == "save";
    if !saved {
        body["dryRun"] = true.into();
    }
    let mut change = ask(visit, Operation::UpdateApiKey)?
        .body(body)
        .if_match(sent.text("version"));
    if saved {
        change = change.of_form(&sent);
    }
    match visit.ask(change).await {
        Ok(_) if saved => Ok(Answer::see(&back(visit))),
        Ok(answered) => {
            let frame = visit.frame(visit.owner()?).await?;
            let tried = answered.read()?;
            Ok(page(visit, &frame, &key, &form, Some(tried), None))
        }
        Err(Stop::Problem(problem)) if matches!(problem.status, 400 | 409) => {
            let frame = visit.frame(visit.owner()?).await?;
            let form = if problem.is_stale() {
                // Somebody else was faster: what they made of it is what is to be changed now.
                KeyForm::of(&key)
            } else {
                // Whoever was faster is told of with the next try: what they changed is not in this form.
                key.version = sent.version(key.version);
                form
            };
            Ok(page(visit, &frame, &key, &form, None, Some(&problem)))
        }
        Err(stop) => Err(stop),
    }
}

fn page(
    visit: &Visit<'_>,
    frame: &Frame,
    key: &Key,
    form: &KeyForm,
    tried: Option<Tried>,
    problem: Option<&Problem>,
) -> Answer {
    let content = html! {
        (heading(&format!("Edit {}", key.name), html! { code { (key.prefix) "…" } }, html! {}))
        (KeyForm::refusal(problem))
        @if let Some(tried) = &tried { (would_refuse(tried)) }
        form.form method="post" action=(visit.owned(Page::SaveKey, &[("keyId", &key.id)])) {
            (visit.form_proof())
            input type="hidden" name="version" value=(key.version);
            (form.fields(visit, problem))
            div.actions {
                @if tried.is_some() {
                    button.primary name="do" value="save" { "Save" }
                    button name="do" value="try" { "Check again" }
                } @else {
                    button.primary name="do" value="try" { "Check what this would refuse" }
                }
                a.button href=(back(visit)) { "Cancel" }
            }
        }
    };
    let status = problem.map_or(200, |problem| problem.status);
    visit.framed_as(status, frame, Page::Keys, "Edit a key", content)
}

/// The answer of the shadow mode, before anything is changed.
fn would_refuse(tried: &Tried) -> Markup {
    let Tried {
        since,
        accepted,
        by_scope,
        by_address,
    } = tried;
    let nothing = by_scope.is_empty() && by_address.requests == 0;
    html! {
        div.note.(if nothing { "ok" } else { "warn" }) role="status" {
            p {
                "Nothing is changed yet. Of " (accepted) " requests since " (time(since)) ", "
                @if nothing { "this change would have refused none." } @else { "this change would have refused some:" }
            }
            @if !nothing {
                ul {
                    @for of in by_scope {
                        li { (of.requests) " for want of " code { (of.scope) } }
                    }
                    @if by_address.requests > 0 {
                        li {
                            (by_address.requests) " from other addresses: "
                            @for of in &by_address.networks { code { (of.network) } " " }
                        }
                    }
                }
            }
            @if by_address.unknown_up_to > 0 {
                p { "Of up to " (by_address.unknown_up_to) " nobody can say where they came from." }
            }
        }
    }
}

/// Needs no fresh sign-in: it only takes away, and can be undone.
pub(crate) async fn suspend(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let sent = Form::read(visit)?;
    set_state(visit, &sent, Operation::SuspendApiKey).await
}

pub(crate) async fn resume(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let sent = Form::read(visit)?;
    visit.fresh()?;
    set_state(visit, &sent, Operation::ResumeApiKey).await
}

async fn set_state(visit: &Visit<'_>, sent: &Form, operation: Operation) -> Result<Answer, Stop> {
    visit.ask(ask(visit, operation)?.once(&sent.once)).await?;
    Ok(Answer::see(&back(visit)))
}

pub(crate) async fn ask_revoke(visit: &Visit<'_>) -> Result<Answer, Stop> {
    visit.fresh()?;
    let frame = visit.frame(visit.owner()?);
    let (frame, key) = futures_util::try_join!(frame, key(visit))?;
    Ok(revocation(visit, &frame, &key, "", ""))
}

/// What is final wants the name typed.
pub(crate) async fn revoke(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let sent = Form::read(visit)?;
    visit.fresh()?;
    let key = key(visit).await?;
    let reason = sent.text("reason");
    if !sent.says("name", &key.name) {
        let frame = visit.frame(visit.owner()?).await?;
        let fault = "This is not the key's name.";
        return Ok(revocation(visit, &frame, &key, reason, fault));
    }
    let mut asked = ask(visit, Operation::RevokeApiKey)?.once(&sent.once);
    if !reason.is_empty() {
        asked = asked.body(serde_json::json!({ "reason": reason }));
    }
    match visit.ask(asked).await {
        Ok(_) => Ok(Answer::see(&back(visit))),
        Err(Stop::Problem(problem)) if problem.status == 400 => {
            let frame = visit.frame(visit.owner()?).await?;
            Ok(revocation(visit, &frame, &key, reason, &problem.said()))
        }
        Err(stop) => Err(stop),
    }
}

fn revocation(visit: &Visit<'_>, frame: &Frame, key: &Key, reason: &str, fault: &str) -> Answer {
    let content = html! {
        (heading(&format!("Revoke {}", key.name), html! { code { (key.prefix) "…" } }, html! {}))
        div.note.warn {
            p { "A revoked key never works again, from this moment on, everywhere. Suspend it instead if you are not sure." }
            @if let Some(last) = &key.last_used_at { p { "It was last used " (time(last)) "." } }
        }
        @if !fault.is_empty() { div.note.bad role="alert" { p { (fault) } } }
        form.form method="post" action=(visit.owned(Page::RevokeKey, &[("keyId", &key.id)])) {
            (visit.form_proof())
            div.field {
                label for="name" { "Type the key's name: " bdi { (key.name) } }
                input id="name" name="name" required autocomplete="off" aria-invalid=[(!fault.is_empty()).then_some("true")];
            }
            div.field {
                label for="reason" { "Reason, for the audit log (optional)" }
                input id="reason" name="reason" value=(reason) maxlength="200" autocomplete="off";
            }
            div.actions {
                button.danger { "Revoke for good" }
                a.button href=(back(visit)) { "Cancel" }
            }
        }
    };
    let status = if fault.is_empty() { 200 } else { 400 };
    visit.framed_as(status, frame, Page::Keys, "Revoke a key", content)
}

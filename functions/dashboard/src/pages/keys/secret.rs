//! A key's new secret, and how long the old one lives on.

use chrono::Duration;
use maud::html;
use routes::keys::Operation;
use serde_json::json;

use super::{Key, NewSecret, shown_once};
use crate::{
    Page,
    answer::{Answer, Problem, Stop},
    ask::Ask,
    form::Form,
    parts::{heading, refusal, time, time_or},
    visit::Visit,
};

/// Seconds, and what they are called.
const OVERLAPS: [(&str, &str); 5] = [
    ("3600", "An hour"),
    ("86400", "A day"),
    ("604800", "A week"),
    ("2592000", "30 days"),
    ("0", "Not at all: programs need the new one at once"),
];

fn ask(visit: &Visit<'_>, operation: Operation) -> Result<Ask, Stop> {
    let owner = visit.owner()?;
    Ok(Ask::new(operation)
        .of(owner)
        .id("keyId", visit.param("keyId")))
}

pub(crate) async fn rotate(visit: &Visit<'_>) -> Result<Answer, Stop> {
    visit.fresh()?;
    page(visit, None).await
}

async fn page(visit: &Visit<'_>, problem: Option<&Problem>) -> Result<Answer, Stop> {
    let (frame, key) = futures_util::try_join!(
        visit.frame(visit.owner()?),
        visit.get::<Key>(ask(visit, Operation::GetApiKey)?),
    )?;
    let overlapping = key
        .secrets
        .iter()
        .any(|secret| secret.ends(visit.now).is_some());
    let newest = key.secrets.last();
    let content = html! {
        (heading(&format!("Rotate {}", key.name), html! { code { (key.prefix) "…" } }, html! {}))
        (refusal(problem))
        p { "The key gets a new secret and stays what it is: its id, scopes, limits and history." }
        form.form method="post" action=(visit.owned(Page::MakeSecret, &[("keyId", &key.id)])) {
            (visit.form_proof())
            @if overlapping {
                div.note.info {
                    p { "There are two secrets already. If the newer one was lost, it can be replaced as long as nobody has used it." }
                    @if let Some(newest) = newest {
                        p { "The newer one ends in " code { (newest.suffix) } "; last used: " (time_or(newest.last_used_at.as_deref(), "never")) "." }
                    }
                }
                fieldset.field {
                    legend { "What becomes of them" }
                    div.choice {
                        input type="radio" name="overlap" value="unused" id="unused" aria-describedby="unused-hint" checked;
                        label for="unused" { "Replace the newer secret" }
                        p.hint id="unused-hint" { "The older one keeps working as long as it was to. Only while nobody has used the newer one." }
                    }
                    div.choice {
                        input type="radio" name="overlap" value="0" id="none" aria-describedby="none-hint";
                        label for="none" { "End both" }
                        p.hint id="none-hint" { "Requests with either are refused from this moment on." }
                    }
                }
            } @else if !key.secrets.is_empty() {
                fieldset.field {
                    legend { "The old secret keeps working for" }
                    @for (seconds, label) in OVERLAPS {
                        div.choice {
                            input type="radio" name="overlap" value=(seconds) id=(format!("overlap-{seconds}")) checked[seconds == "86400"];
                            label for=(format!("overlap-{seconds}")) { (label) }
                        }
                    }
                }
            }
            div.actions {
                button.primary { "Make a new secret" }
                a.button href=(visit.owned(Page::Key, &[("keyId", &key.id)])) { "Cancel" }
            }
        }
        @if let Some(made) = newest { p.hint { "The newest secret was made " (time(&made.created_at)) "." } }
    };
    let status = problem.map_or(200, |problem| problem.status);
    Ok(visit.framed_as(status, &frame, Page::Keys, "Rotate a key", content))
}

pub(crate) async fn make_secret(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let sent = Form::read(visit)?;
    visit.fresh()?;
    let body = match sent.text("overlap") {
        "unused" => json!({ "replaceUnused": true }),
        "" => json!({}),
        seconds => match seconds.parse::<u32>() {
            Ok(seconds) => json!({ "overlapSeconds": seconds }),
            Err(_) => json!({ "overlapSeconds": seconds }),
        },
    };
    let frame = visit.frame(visit.owner()?).await?;
    let asked = ask(visit, Operation::RotateApiKey)?
        .body(body)
        .once(&sent.once);
    match visit.ask(asked).await {
        Ok(answered) => {
            let new: NewSecret = answered.read()?;
            Ok(shown_once(visit, &frame, new))
        }
        Err(Stop::Problem(problem)) if matches!(problem.status, 400 | 409) => {
            page(visit, Some(&problem)).await
        }
        Err(stop) => Err(stop),
    }
}

pub(crate) async fn move_overlap(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let sent = Form::read(visit)?;
    visit.fresh()?;
    let until = match sent.text("until") {
        "day" => visit.now.plus(Duration::days(1)),
        "week" => visit.now.plus(Duration::days(7)),
        _ => visit.now,
    };
    let asked = ask(visit, Operation::UpdateOverlap)?
        .body(json!({ "validUntil": until.to_string() }))
        .of_form(&sent);
    visit.ask(asked).await?;
    let id = visit.param("keyId");
    Ok(Answer::see(&visit.owned(Page::Key, &[("keyId", &id)])))
}

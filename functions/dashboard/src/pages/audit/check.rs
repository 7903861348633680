//! The check of the chain, on the server: quick, and no more than the server's own word.

use api::ApiError;
use http_body_util::BodyExt;
use maud::{Markup, html};
use routes::{audit_export::Operation as Export, audit_log::Operation};
use serde_json::Value;
use std::io::Cursor;
use trail::{OwnCheckpoint, Unverified, Verified};

use super::files::{newest_checkpoints, offline};
use crate::{
    Page,
    answer::{Answer, Stop},
    ask::Ask,
    form::Form,
    pages::keys::Listed,
    parts::{heading, time},
    session::fault,
    visit::Visit,
};

/// Events that are checked in one go.
const MOST: u64 = 20_000;

/// Changes nothing, so that the answer is the page itself: sent again it is another check.
pub(crate) async fn verify(visit: &Visit<'_>) -> Result<Answer, Stop> {
    Form::read(visit)?;
    let owner = visit.owner()?;
    let newest = Ask::new(Operation::ListAuditEvents)
        .of(owner)
        .query("limit", "1");
    let (frame, newest) =
        futures_util::try_join!(visit.frame(owner), visit.get::<Listed<Value>>(newest))?;
    let last = newest.pagination.total.unwrap_or_default();
    let (title, content) = match last {
        0 => {
            let title = "Nothing to verify";
            let sub = html! { "No event has been recorded yet." };
            (title, heading(title, sub, html! {}))
        }
        _ => {
            let range = (last.saturating_sub(MOST) + 1, last);
            result(visit, range, checked(visit, range).await?)
        }
    };
    Ok(visit.framed(&frame, Page::Audit, title, content))
}

async fn checked(
    visit: &Visit<'_>,
    (from, to): (u64, u64),
) -> Result<Result<Verified, Unverified>, Stop> {
    let export = Ask::new(Export::ExportAuditEvents)
        .of(visit.owner()?)
        .query("fromSeq", &from.to_string())
        .query("toSeq", &to.to_string());
    // Checkpoints after the events: the newest may hold more than was read, and never less.
    let exported = visit.export(export).await?.into_body().collect().await;
    let exported = exported.map_err(|cut| fault(ApiError::unavailable(cut)))?;
    let checkpoints: Listed<OwnCheckpoint> = visit.get(newest_checkpoints(visit)?).await?;
    let keys = visit.app().audit_keys.as_deref();
    let keys = keys.ok_or_else(|| fault(ApiError::internal("no audit keys are known")))?;
    let events = Cursor::new(exported.to_bytes());
    Ok(trail::verify(events, &checkpoints.items, Some(keys)))
}

fn result(
    visit: &Visit<'_>,
    (from, to): (u64, u64),
    outcome: Result<Verified, Unverified>,
) -> (&'static str, Markup) {
    let (title, note) = match &outcome {
        Ok(verified) => ("The chain holds", holds(verified)),
        Err(broken) => ("The chain does not hold", broke(visit, broken)),
    };
    let sub = html! {
        "Checked just now: "
        @match (from, to) {
            (1, 1) => { "the only event." },
            (1, _) => { "all " (to) " events." },
            _ => { "the newest " (MOST) " events, " (from) " to " (to) "." },
        }
    };
    let content = html! {
        (heading(title, sub, html! { a.button href=(visit.owned(Page::Audit, &[])) { "To the audit log" } }))
        (note)
        div.note.info role="status" {
            p { "This is the server's own word: the same server keeps the log. To believe nobody, check it yourself." }
        }
        (offline(visit, Some((from, to))))
    };
    (title, content)
}

fn holds(verified: &Verified) -> Markup {
    html! {
        div.note.ok role="status" {
            p { "None of these events was edited, dropped, inserted or moved." }
            @match &verified.anchor {
                Some(anchor) => p {
                    "Checkpoint " (anchor.counter) " of " (time(&anchor.at.to_string()))
                    " holds the chain up to event " (anchor.seq)
                    @if anchor.seq < verified.head.to_seq { "; later ones will be in the next." } @else { "." }
                },
                None => p { "No checkpoint holds them yet; one is signed every hour." },
            }
        }
    }
}

fn broke(visit: &Visit<'_>, broken: &Unverified) -> Markup {
    let seq = match broken {
        Unverified::Fault(fault) => fault.seq(),
        Unverified::Io(_) => None,
    };
    html! {
        div.note.bad role="alert" {
            p { (sentence(&broken.to_string())) }
            @if let Some(seq) = seq {
                p {
                    "The first event that does not fit: "
                    a href=(visit.owned(Page::AuditEvent, &[("seq", &seq.to_string())])) { (seq) }
                }
            }
            p { "Export the log and the checkpoints now, and keep them: they are the evidence." }
        }
    }
}

/// A message that is no sentence by itself.
pub(crate) fn sentence(text: &str) -> String {
    format!("{}.", super::words::capital(text))
}

//! Notices: made when a key's dates say so, and sent at least once, each time as the same letter.

use api::{App, BusEvent, Mail};
use chrono::Duration;
use model::{KeyNotice, NoticeKind};
use sha2::{Digest, Sha256};
use store::{Addressed, KeyRow, NOTICE_SHARDS, NoticeTask, StoreError};

use crate::{End, in_turns, tried};

/// Of the events that others may listen to.
pub(crate) const SOURCE: &str = "instaview.api-keys";
pub(crate) const DETAIL_TYPE: &str = "Notice";
/// What one turn of the schedule reads of one shard.
const MOST: usize = 1_000;
/// The bus, among those that a notice went to.
const BUS: &str = "bus";
/// What can't be sent by then is given up: it stands in the list of notices all the same.
const GIVES_UP: Duration = Duration::days(3);
/// One key's notices that were missed in a row, such as those of a worker that stood still for months.
const MISSED: usize = 20;

/// Makes what is due until now; whether any is left.
#[expect(
    clippy::disallowed_methods,
    reason = "the worker tells of all keys, each to its own people"
)]
pub(crate) async fn make_due(app: &App, end: End) -> Result<bool, StoreError> {
    let mut left = false;
    for shard in 0..NOTICE_SHARDS {
        let keys = app
            .table
            .list_due_keys(shard, app.clock.now(), MOST)
            .await?;
        left |= keys.len() == MOST;
        for id in keys {
            for _ in 0..MISSED {
                if end.is_here(app) {
                    return Ok(true);
                }
                let (now, nonce) = (app.clock.now(), app.entropy.bytes());
                let told = app.table.tell_of_key(id, now, nonce, message).await;
                match told {
                    Ok(true) => {}
                    Ok(false) => break,
                    // One that fails keeps no other back.
                    fault @ Err(_) => {
                        left |= tried("notice", fault);
                        break;
                    }
                }
            }
        }
    }
    Ok(left)
}

/// Whether any is left.
#[expect(
    clippy::disallowed_methods,
    reason = "the worker sends for all, each to its own people"
)]
pub(crate) async fn send_all(app: &App, end: End) -> Result<bool, StoreError> {
    let mut left = false;
    let tasks = app.table.list_notice_tasks().await?;
    for task in &in_turns(app, tasks, NoticeTask::owner) {
        if end.is_here(app) {
            return Ok(true);
        }
        left |= tried("notice", send(app, task, end).await);
    }
    Ok(left)
}

/// Whether it is left. Where nothing carries mail, notices are for those who ask for them.
#[expect(clippy::disallowed_methods, reason = "the task is a row of our own")]
pub(crate) async fn send(app: &App, task: &NoticeTask, end: End) -> Result<bool, StoreError> {
    let nonce = app.entropy.bytes();
    let Some(addressed) = app.table.find_notice(task).await? else {
        app.table.end_notice_task(task, nonce).await?;
        return Ok(false);
    };
    let mut sent = task.sent().to_vec();
    let (mut refused, mut is_cut) = (None, false);
    if let Some(bus) = app
        .bus
        .as_ref()
        .filter(|_| !sent.iter().any(|to| to == BUS))
    {
        let event = BusEvent {
            source: SOURCE,
            detail_type: DETAIL_TYPE,
            detail: serde_json::json!(addressed.notice.view()),
        };
        match bus.put(event).await {
            Ok(()) => sent.push(BUS.to_owned()),
            Err(fault) => refused = Some(fault.to_string()),
        }
    }
    if let Some(mailer) = &app.mailer {
        let link = mailer.link("/dashboard/notices");
        for to in &addressed.recipients {
            let named = recipient(to);
            if sent.contains(&named) {
                continue;
            }
            // Lambda ends what goes on for longer, and nobody would know who has the letter.
            is_cut = end.is_here(app);
            if is_cut {
                break;
            }
            // One address that isn't taken doesn't keep the others' letters back.
            match mailer.send(letter(&addressed, to, &link)).await {
                Ok(()) => sent.push(named),
                Err(fault) => refused = Some(fault.to_string()),
            }
        }
    }
    let is_old = app.clock.now().since(addressed.notice.created_at) > GIVES_UP;
    let is_left = is_cut || refused.is_some();
    if is_left && is_old {
        let fault = refused.as_deref().unwrap_or("the turn was over");
        tracing::error!(fault, "a notice was not sent to all, and is given up");
    }
    if is_old || !is_left {
        app.table.end_notice_task(task, nonce).await?;
        return Ok(false);
    }
    if sent != task.sent() {
        app.table.note_sent(task, &sent, nonce).await?;
    }
    refused.map_or(Ok(true), |fault| Err(StoreError::Unreachable(fault)))
}

/// Names an address in a task's row and a letter's id.
fn recipient(to: &str) -> String {
    model::hex(&Sha256::digest(to)[..8])
}

fn letter(addressed: &Addressed, to: &str, link: &str) -> Mail {
    let Addressed {
        notice, owner_name, ..
    } = addressed;
    Mail {
        message_id: format!("notice-{}-{}@instaview", notice.id, recipient(to)),
        to: to.to_owned(),
        subject: format!("{owner_name}: {}", subject(notice.kind)),
        text: format!(
            "{}\n\nAll notices of {owner_name}:\n\n{link}\n",
            notice.message
        ),
    }
}

const fn subject(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::KeyExpires => "an API key is about to expire",
        NoticeKind::KeyExpired => "an API key has expired",
        NoticeKind::SecretOld => "an API key should be rotated",
        NoticeKind::AlertNewNetwork => "an API key is used from a new network",
        NoticeKind::AlertWoke => "an API key is used again after a long time",
        NoticeKind::AlertRefusals => "many requests of an API key are refused",
        NoticeKind::AlertVolume => "an API key makes many more requests than usual",
        NoticeKind::AlertDeadCredential => "a dead API key is still tried",
        NoticeKind::AlertManyCompanies => "an ATS key acts for many companies at once",
        NoticeKind::AlertRateLimit => "an API key comes near its rate limit",
    }
}

/// What happened and what can be done, in one sentence or two.
fn message(row: &KeyRow, notice: KeyNotice) -> String {
    let (name, prefix) = (&*row.name, row.prefix());
    let expiry = row.facts.expires_at.as_ref().map(|at| at.in_words());
    let expiry = expiry.unwrap_or_default();
    let days = match notice.days {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    match notice.kind {
        NoticeKind::KeyExpires => format!(
            "The API key \"{name}\" ({prefix}) expires in {days}, on {expiry}. Give it a later expiry, or replace it before then."
        ),
        NoticeKind::KeyExpired => format!(
            "The API key \"{name}\" ({prefix}) expired on {expiry}: requests with it are refused. A new expiry gives it life again."
        ),
        _ => format!(
            "The secret of the API key \"{name}\" ({prefix}) is {days} old. Rotate it: the old one goes on for as long as you say."
        ),
    }
}

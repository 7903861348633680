//! The mail of invitations: sent at least once, each time the same letter, and then its task is done.

use api::{App, Mail};
use model::Owner;
use routes::{Operation, pages::dashboard::Operation as Page};
use store::{InvitationRow, MailTask, StoreError};

use crate::{End, in_turns, tried};

/// Whether any is left.
#[expect(
    clippy::disallowed_methods,
    reason = "the worker mails for all, each in its own name"
)]
pub(crate) async fn send_all(app: &App, end: End) -> Result<bool, StoreError> {
    if app.mailer.is_none() {
        return Ok(false);
    }
    let mut left = false;
    let tasks = app.table.list_mail_tasks().await?;
    for task in &in_turns(app, tasks, MailTask::owner) {
        if end.is_here(app) {
            return Ok(true);
        }
        // One letter that isn't taken doesn't keep the others back.
        left |= tried("mail", send(app, task).await);
    }
    Ok(left)
}

/// Whether it is left. Where nothing carries mail, it waits without being counted as work.
#[expect(clippy::disallowed_methods, reason = "the task is a row of our own")]
pub(crate) async fn send(app: &App, task: &MailTask) -> Result<bool, StoreError> {
    let (Some(mailer), Some(keys)) = (&app.mailer, &app.invitations) else {
        return Ok(false);
    };
    let now = app.clock.now();
    // What was accepted, withdrawn or has expired meanwhile is told to nobody.
    if let Some((row, owner_name)) = app.table.find_mail(task, now).await? {
        let token = keys.current(now).await;
        let token = token.token(row.owner, row.id, &row.seed).expose();
        let page = Page::Invitation.route().path;
        let link = mailer.link(&page.replace("{token}", &token));
        let sent = mailer.send(letter(&row, &owner_name, &link)).await;
        sent.map_err(|refused| StoreError::Unreachable(refused.to_string()))?;
    }
    app.table.end_mail_task(task, app.entropy.bytes()).await?;
    Ok(false)
}

fn letter(row: &InvitationRow, owner_name: &str, link: &str) -> Mail {
    let InvitationRow {
        owner,
        id,
        email,
        role,
        inviter_name,
        expires_at,
        ..
    } = row;
    let kind = match owner {
        Owner::Partner(_) => "partner",
        Owner::Company(_) | Owner::System => "company",
    };
    let (role, end) = (role.name(), expires_at.in_words());
    Mail {
        message_id: format!("invitation-{id}@instaview"),
        to: email.clone(),
        subject: format!("Invitation to {owner_name} on InstaView"),
        text: format!(
            "{inviter_name} invites you to the {kind} {owner_name} on InstaView, with the role {role}.\n\n\
             Open this link, sign in as {email}, and accept, once, until {end}:\n\n\
             {link}\n\n\
             Whoever opens it needs your sign-in as well. If you don't know {inviter_name}, do nothing.\n"
        ),
    }
}

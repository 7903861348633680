//! The worker: it brings to an end what a change has begun and reads already show, such as taking a deleted job out of its candidates; it sends the mail that a change calls for, erases what is due, and looks over usage for what people should know.
//!
//! Invariant: every step is one transaction that finds out for itself what is left, so a worker may stop anywhere, and two may do the same work.
//! The stream of new tasks only wakes it; what is left over, for whatever reason, the schedule finds.
//! No company's work keeps another's waiting for more than its turn, and what fails keeps nothing back.
//! Knows nothing of HTTP, the environment, or who asked for the change.

mod alert;
mod mail;
mod notice;

use api::App;
use auth::Principal;
use aws_lambda_events::event::dynamodb;
use chrono::Duration;
use model::{Actor, ActorKind, CandidateRecord, CompanyId, Date, Timestamp};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use store::{CompanyStore, Due, MailTask, NoticeTask, Resource, Stamp, StoreError, Task};

/// How long an invocation goes on beginning things; the rest is the next one's.
pub const TURN: Duration = Duration::minutes(4);
/// What mail leaves of a turn to everything else in any case.
const FOR_WORK: Duration = Duration::minutes(3);
/// What notices leave of that to invitations.
const FOR_INVITATIONS: Duration = Duration::seconds(30);
/// What erasing leaves of a turn to tasks.
const FOR_TASKS: Duration = Duration::minutes(2);
/// Objects that a task takes before it is another company's turn: done well within what Lambda gives beyond [`TURN`].
const CHUNK: usize = 10;
/// Keys that a plan or a kill switch reaches before it is another company's turn: each time, all of the company's are read.
const KEYS: usize = 200;
/// Rows of one read.
const PAGE: usize = 1_000;
/// Where the first day isn't known: nothing is due before a new stack's first write, and the schedule comes by from its first minutes on.
const LOOK_BACK: Duration = Duration::days(40);
const MAX_DAYS: usize = 1_000;

/// Answers `{"left": …}`: whether there is more to do.
///
/// A batch of the records stream has its new tasks done; [`alerts_turn`] looks for what keys' owners should know; any other event is the schedule's, and has everything else done.
pub async fn handle(app: &App, event: Value) -> Value {
    let end = End(app.clock.now().plus(TURN));
    if event == alerts_turn() {
        let left = tried("alerts", alert::find_all(app, end).await);
        return json!({ "left": left, "batchItemFailures": [] });
    }
    let left = match serde_json::from_value::<dynamodb::Event>(event) {
        Ok(batch) => {
            let New {
                tasks,
                mails,
                notices,
            } = New::of(app, batch);
            // What is dead only when the worker comes by stands before all mail.
            let mut left = work_on(app, tasks, end).await;
            for task in &notices {
                left |= end.is_here(app) || tried("notice", notice::send(app, task, end).await);
            }
            for task in &mails {
                left |= end.is_here(app) || tried("mail", mail::send(app, task).await);
            }
            left
        }
        Err(_) => {
            let mails = End(end.0.minus(FOR_WORK));
            let first = End(mails.0.minus(FOR_INVITATIONS));
            let made = tried("notices", notice::make_due(app, first).await);
            let notices = tried("notices", notice::send_all(app, first).await);
            let mail = tried("mail", mail::send_all(app, mails).await);
            let first = End(end.0.minus(FOR_TASKS));
            let due = tried("due", erase_due(app, first).await);
            let tasks = tried("tasks", work_all(app, end).await);
            // What the tasks leave of the turn.
            let due = due && (end.is_here(app) || tried("due", erase_due(app, end).await));
            made || notices || mail || tasks || due
        }
    };
    // A stream's batch is done in any case.
    json!({ "left": left, "batchItemFailures": [] })
}

/// The event of the turn that comes each minute.
pub fn alerts_turn() -> Value {
    json!({ "turn": "alerts" })
}

/// From when on nothing more is begun, by the function's clock.
#[derive(Debug, Clone, Copy)]
struct End(Timestamp);

impl End {
    fn is_here(self, app: &App) -> bool {
        app.clock.now() >= self.0
    }
}

/// Whether anything is left. A failure is never the stream's to repeat: the schedule comes by again.
fn tried(what: &str, outcome: Result<bool, StoreError>) -> bool {
    outcome.unwrap_or_else(|fault| {
        tracing::warn!(what, error = %fault, "work left for the next time");
        true
    })
}

/// The new tasks of a batch.
#[derive(Default)]
struct New {
    tasks: Vec<Task>,
    mails: Vec<MailTask>,
    notices: Vec<NoticeTask>,
}

impl New {
    fn of(app: &App, batch: dynamodb::Event) -> New {
        let records = app.table.names().records.as_str();
        let ours = batch.records.into_iter().filter(|record| {
            // arn:aws:dynamodb:<region>:<account>:table/<name>/stream/<label>
            let arn = record.event_source_arn.as_deref().unwrap_or_default();
            arn.split('/').nth(1) == Some(records) && record.event_name == "INSERT"
        });
        let mut new = New::default();
        for record in ours {
            let image = record.change.new_image;
            new.tasks.extend(readable(Task::of_image(image.clone())));
            new.mails
                .extend(readable(MailTask::of_image(image.clone())));
            new.notices.extend(readable(NoticeTask::of_image(image)));
        }
        new
    }
}

/// What can't be read is told, and left to the schedule.
fn readable<T>(read: Result<Option<T>, StoreError>) -> Option<T> {
    read.map_err(|fault| tracing::error!(error = %fault, "unreadable task"))
        .ok()
        .flatten()
}

/// Each owner's work in its order. Which owner begins is left to chance, so that none is always the last when time runs out.
fn by_owner<T, O: Ord>(app: &App, all: Vec<T>, owner: impl Fn(&T) -> O) -> VecDeque<VecDeque<T>> {
    let mut owners = BTreeMap::<O, VecDeque<T>>::new();
    for one in all {
        owners.entry(owner(&one)).or_default().push_back(one);
    }
    let mut turns: VecDeque<_> = owners.into_values().collect();
    if !turns.is_empty() {
        let first = u64::from_be_bytes(app.entropy.bytes()) % turns.len() as u64;
        turns.rotate_left(usize::try_from(first).unwrap_or_default());
    }
    turns
}

/// One of an owner's after one of another's.
fn in_turns<T, O: Ord>(app: &App, all: Vec<T>, owner: impl Fn(&T) -> O) -> Vec<T> {
    let mut turns = by_owner(app, all, owner);
    let mut order = Vec::new();
    while let Some(mut own) = turns.pop_front() {
        if let Some(one) = own.pop_front() {
            order.push(one);
            turns.push_back(own);
        }
    }
    order
}

#[expect(
    clippy::disallowed_methods,
    reason = "the worker works for all companies, each in its own rows"
)]
async fn work_all(app: &App, end: End) -> Result<bool, StoreError> {
    let mut tasks = Vec::new();
    loop {
        let page = app.table.list_tasks(tasks.last(), PAGE).await?;
        let is_last = page.len() < PAGE;
        tasks.extend(page);
        if is_last {
            return Ok(work_on(app, tasks, end).await);
        }
    }
}

/// Works on the tasks, a chunk of one company's after one of another's. Whether anything is left.
async fn work_on(app: &App, tasks: Vec<Task>, end: End) -> bool {
    let mut turns = by_owner(app, tasks, Task::company);
    let mut failed = false;
    while let Some(mut tasks) = turns.pop_front() {
        if end.is_here(app) {
            return true;
        }
        if let Some(task) = tasks.front() {
            match work(app, task).await {
                Ok(false) => {}
                Ok(true) => {
                    tasks.pop_front();
                }
                outcome @ Err(_) => {
                    failed |= tried("task", outcome);
                    tasks.pop_front();
                }
            }
            turns.push_back(tasks);
        }
    }
    failed
}

/// Takes a deleted object out of some of those that name it, brings a plan to some of its company's keys, or goes on with its kill switch; whether it is done.
async fn work(app: &App, task: &Task) -> Result<bool, StoreError> {
    if task.entity() == Task::LIMITS {
        let store = company(app, task.company(), "SetPlan")?;
        return store.spread_limits(KEYS, || app.entropy.bytes()).await;
    }
    if task.entity() == Task::LOCKDOWN {
        let store = company(app, task.company(), "RevokeAllApiKeys")?;
        return store.continue_lockdown(KEYS, || app.entropy.bytes()).await;
    }
    let store = company(app, task.company(), "SeverRelation")?;
    // Candidates are all that jobs sever.
    store
        .sever::<CandidateRecord>(task, CHUNK, || app.entropy.bytes())
        .await
}

/// Erases what is due until now, day by day. Whether anything is left.
#[expect(
    clippy::disallowed_methods,
    reason = "the day of the next erasure is the worker's own"
)]
async fn erase_due(app: &App, end: End) -> Result<bool, StoreError> {
    let now = app.clock.now();
    let known = app.table.find_first_due_day().await?;
    let from = known.unwrap_or(Date::of(now.minus(LOOK_BACK)));
    let mut day = from;
    let mut first_left = None;
    for _ in 0..MAX_DAYS {
        if day.start() > now || end.is_here(app) {
            break;
        }
        if erase_day(app, day, now, end).await? {
            first_left.get_or_insert(day);
        }
        day = day.next();
    }
    let left = first_left.is_some() || day.start() <= now;
    // A write of the last moment before midnight, and clocks that differ, may still add to yesterday.
    let settled = Date::of(now.minus(Duration::days(2)));
    let first = first_left.unwrap_or(day).min(settled).max(from);
    if known.is_none_or(|known| first > known) {
        app.table
            .set_first_due_day(first, app.entropy.bytes())
            .await?;
    }
    Ok(left)
}

/// Whether something that is due is left.
#[expect(
    clippy::disallowed_methods,
    reason = "the worker works for all companies, each in its own rows"
)]
async fn erase_day(app: &App, day: Date, now: Timestamp, end: End) -> Result<bool, StoreError> {
    let mut all = Vec::new();
    loop {
        let page = app.table.list_due(day, now, all.last(), PAGE).await?;
        let is_last = page.len() < PAGE;
        all.extend(page);
        if is_last {
            break;
        }
    }
    let mut failed = false;
    for due in &in_turns(app, all, Due::company) {
        if end.is_here(app) {
            return Ok(true);
        }
        // One that always fails keeps no other one back.
        failed |= tried("due", erase(app, due, now).await.map(|()| false));
    }
    Ok(failed)
}

async fn erase(app: &App, due: &Due, now: Timestamp) -> Result<(), StoreError> {
    const TRIES: u32 = 5;
    let store = company(app, due.company(), OPERATION)?;
    if due.kind() != CandidateRecord::ENTITY {
        return Err(StoreError::Corrupt("kind"));
    }
    for _ in 0..TRIES {
        let stamp = Stamp {
            actor: Actor {
                kind: ActorKind::System,
                id: "worker".to_owned(),
            },
            at: now,
            source_ip: None,
            request_id: None,
            operation: OPERATION.to_owned(),
            reason: None,
            nonce: app.entropy.bytes(),
        };
        match store.erase_due::<CandidateRecord>(due, &stamp).await {
            Err(StoreError::Conflict) => {}
            outcome => return outcome,
        }
    }
    Err(StoreError::Conflict)
}

/// As the one does it that clients may ask for.
const OPERATION: &str = "EraseCandidate";

/// The rows of the company that a task or a note of ours names.
#[expect(
    clippy::disallowed_methods,
    reason = "the company comes from a row that only our own transactions write"
)]
fn company(
    app: &App,
    company: CompanyId,
    operation: &'static str,
) -> Result<CompanyStore, StoreError> {
    let principal = Principal::system(company, operation);
    app.table
        .company(&principal)
        .map_err(|_| StoreError::Corrupt("company"))
}

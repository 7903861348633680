//! The worker: it brings to an end what a change has begun and reads already show, such as taking a deleted job out of its candidates; it sends the mail that a change calls for, and erases what is due.
//!
//! Invariant: every step is one transaction that finds out for itself what is left, so a worker may stop anywhere, and two may do the same work.
//! The stream of new tasks only wakes it; what is left over, for whatever reason, the schedule finds.
//! Knows nothing of HTTP, the environment, or who asked for the change.

mod mail;

use api::App;
use auth::Principal;
use aws_lambda_events::event::dynamodb;
use chrono::Duration;
use model::{Actor, ActorKind, CandidateRecord, CompanyId, Timestamp};
use serde_json::{Value, json};
use store::{CompanyStore, Due, MailTask, Resource, Stamp, StoreError, Task};

/// What an invocation does at the most; the rest is the next one's.
const MAX_STEPS: usize = 2_000;
const CHUNK: usize = 100;
/// Where the first day isn't known: nothing is due before a new stack's first write, and the schedule comes by from its first minutes on.
const LOOK_BACK: Duration = Duration::days(40);
const MAX_DAYS: usize = 1_000;

/// Answers `{"left": …}`: whether there is more to do.
///
/// A batch of the records stream has its new tasks done; any other event is the schedule's, and has everything done.
pub async fn handle(app: &App, event: Value) -> Value {
    let mut steps = Steps(MAX_STEPS);
    let left = match serde_json::from_value::<dynamodb::Event>(event) {
        Ok(batch) => {
            let mut left = false;
            let (tasks, mails) = tasks(app, batch);
            for task in &tasks {
                left |= tried("task", work(app, task, &mut steps).await);
            }
            for task in &mails {
                left |= tried("mail", mail::send(app, task).await);
            }
            left
        }
        Err(_) => {
            let tasks = tried("tasks", work_all(app, &mut steps).await);
            let due = tried("due", erase_due(app, &mut steps).await);
            let mail = tried("mail", mail::send_all(app).await);
            tasks || mail || due
        }
    };
    // A stream's batch is done in any case.
    json!({ "left": left, "batchItemFailures": [] })
}

/// How many objects may still be changed.
#[derive(Debug)]
struct Steps(usize);

impl Steps {
    fn chunk(&self) -> usize {
        self.0.min(CHUNK)
    }

    fn took(&mut self, steps: usize) {
        self.0 = self.0.saturating_sub(steps);
    }
}

/// Whether anything is left. A failure is never the stream's to repeat: the schedule comes by again.
fn tried(what: &str, outcome: Result<bool, StoreError>) -> bool {
    outcome.unwrap_or_else(|fault| {
        tracing::warn!(what, error = %fault, "work left for the next time");
        true
    })
}

fn tasks(app: &App, batch: dynamodb::Event) -> (Vec<Task>, Vec<MailTask>) {
    let records = app.table.names().records.as_str();
    let ours = batch.records.into_iter().filter(|record| {
        // arn:aws:dynamodb:<region>:<account>:table/<name>/stream/<label>
        let arn = record.event_source_arn.as_deref().unwrap_or_default();
        arn.split('/').nth(1) == Some(records) && record.event_name == "INSERT"
    });
    let (mut tasks, mut mails) = (Vec::new(), Vec::new());
    for record in ours {
        let image = record.change.new_image;
        tasks.extend(readable(Task::of_image(image.clone())));
        mails.extend(readable(MailTask::of_image(image)));
    }
    (tasks, mails)
}

/// What can't be read is told, and left to the schedule.
fn readable<T>(read: Result<Option<T>, StoreError>) -> Option<T> {
    read.map_err(|fault| tracing::error!(error = %fault, "unreadable task"))
        .ok()
        .flatten()
}

async fn work_all(app: &App, steps: &mut Steps) -> Result<bool, StoreError> {
    let tasks = app.table.list_tasks(CHUNK).await?;
    let mut left = tasks.len() == CHUNK;
    for task in &tasks {
        // One company's trouble doesn't keep the others' work back.
        left |= tried("task", work(app, task, steps).await);
    }
    Ok(left)
}

/// Takes a deleted object out of those that name it, or brings a plan to its company's keys.
async fn work(app: &App, task: &Task, steps: &mut Steps) -> Result<bool, StoreError> {
    if task.entity() == Task::LIMITS {
        return spread_limits(app, task, steps).await;
    }
    let store = company(app, task.company(), "SeverRelation")?;
    while steps.chunk() > 0 {
        let chunk = steps.chunk();
        // Candidates are all that jobs sever.
        if store
            .sever::<CandidateRecord>(task, chunk, || app.entropy.bytes())
            .await?
        {
            return Ok(false);
        }
        steps.took(chunk);
    }
    Ok(true)
}

async fn spread_limits(app: &App, task: &Task, steps: &mut Steps) -> Result<bool, StoreError> {
    let store = company(app, task.company(), "SetPlan")?;
    while steps.chunk() > 0 {
        let chunk = steps.chunk();
        if store.spread_limits(chunk, || app.entropy.bytes()).await? {
            return Ok(false);
        }
        steps.took(chunk);
    }
    Ok(true)
}

/// Erases what is due until now, day by day.
async fn erase_due(app: &App, steps: &mut Steps) -> Result<bool, StoreError> {
    let now = app.clock.now();
    let known = app.table.find_first_due_day().await?;
    let from = known.unwrap_or(now.minus(LOOK_BACK));
    let mut day = from;
    for _ in 0..MAX_DAYS {
        if day > now {
            break;
        }
        if !erase_day(app, day, now, steps).await? {
            return Ok(true);
        }
        day = day.plus(Duration::days(1));
    }
    // A write of the last moment before midnight, and clocks that differ, may still add to yesterday.
    let first = day.min(now).minus(Duration::days(2)).max(from);
    if known.is_none_or(|known| first.since(known) >= Duration::days(1)) {
        app.table
            .set_first_due_day(first, app.entropy.bytes())
            .await?;
    }
    Ok(day <= now)
}

/// False where something that is due is left.
async fn erase_day(
    app: &App,
    day: Timestamp,
    now: Timestamp,
    steps: &mut Steps,
) -> Result<bool, StoreError> {
    let mut after = None;
    loop {
        let due = app.table.list_due(day, after.as_ref(), CHUNK).await?;
        for due in &due {
            if steps.chunk() == 0 {
                return Ok(false);
            }
            steps.took(1);
            erase(app, due, now).await?;
        }
        if due.len() < CHUNK {
            return Ok(true);
        }
        after = due.into_iter().next_back();
    }
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

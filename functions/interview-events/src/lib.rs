//! What the interview engine reports on the EventBridge bus: an interview has started, is completed, or has failed.
//!
//! Invariant: a report takes effect once and in whole (the interview, its candidate, its minutes, its bill), or not at all; and none moves an interview backwards.
//! Knows nothing of HTTP, keys or scopes: whose interview it is, the stored interview says.

use api::{ApiError, App, chain, retried};
use chrono::Duration;
use model::{
    Actor, Body, CandidateRecord, EngineReport, Fault, InterviewRecord, InterviewStatus, Minutes,
    Rule, Timestamp,
};
use serde_json::Value;
use store::{CompanyStore, Stamp, StoreError};

/// Of the events that are ours.
pub const SOURCE: &str = "instaview.interview-engine";
pub const DETAIL_TYPE: &str = "InterviewReport";
/// The engine's clock may differ from ours.
const CLOCK_SKEW: Duration = Duration::minutes(5);

/// What became of a report that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    Applied,
    /// It was known before, or came after what it would have led to.
    Nothing,
}

/// Why an event goes to the failure destination. Says nothing of its content but which rules it breaks.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("not an event of the interview engine")]
    Foreign,
    #[error("the report is malformed: {0}")]
    Malformed(String),
    #[error("the company has no such interview")]
    Unknown,
    #[error("the report was not taken")]
    Failed(#[source] ApiError),
}

/// Takes an event of EventBridge.
///
/// # Errors
/// Lambda tries again, and then hands the event to the failure destination; nothing has changed.
pub async fn handle(app: &App, event: Value) -> Result<Taken, Refused> {
    let taken = take(app, event).await;
    match &taken {
        Ok(taken) => tracing::info!(?taken, "report"),
        Err(why) => tracing::error!(why = chain(why), "report refused"),
    }
    taken
}

#[expect(
    clippy::disallowed_methods,
    reason = "the company is the stored interview's, and the event is the bus's"
)]
async fn take(app: &App, mut event: Value) -> Result<Taken, Refused> {
    if event["source"] != SOURCE || event["detail-type"] != DETAIL_TYPE {
        return Err(Refused::Foreign);
    }
    let now = app.clock.now();
    let report = EngineReport::read(event["detail"].take(), now).map_err(|faults| {
        let faults = faults.iter();
        let rules: Vec<_> = faults
            .map(|fault| format!("{} {:?}", fault.path, fault.rule))
            .collect();
        Refused::Malformed(rules.join(", "))
    })?;
    if report.at > now.plus(CLOCK_SKEW) {
        return Err(Refused::Malformed(format!("/at {:?}", Rule::Range)));
    }
    let principal = app
        .table
        .interview_engine(report.company_id, report.interview_id)
        .await
        .map_err(|error| Refused::Failed(error.into()))?;
    let principal = principal.ok_or(Refused::Unknown)?;
    let store = app
        .table
        .company(&principal)
        .map_err(|_| Refused::Unknown)?;
    let applied = retried(|| async {
        let stamp = Stamp {
            actor: Actor::system("interview-engine"),
            at: now,
            source_ip: None,
            request_id: None,
            operation: DETAIL_TYPE.to_owned(),
            reason: None,
            nonce: app.entropy.bytes(),
        };
        apply(&store, &report, &stamp, now).await
    });
    match applied.await {
        Ok(taken) => Ok(taken),
        Err(ApiError::AlreadyDone) => Ok(Taken::Nothing),
        Err(error) => Err(Refused::Failed(error)),
    }
}

async fn apply(
    store: &CompanyStore,
    report: &EngineReport,
    stamp: &Stamp,
    now: Timestamp,
) -> Result<Taken, ApiError> {
    let old = store
        .get::<InterviewRecord>(report.interview_id, now)
        .await?;
    if report.at < old.created_at.minus(CLOCK_SKEW) {
        return Err(Fault::new("/at", Rule::Range, "is before there was the interview").into());
    }
    let Some(mut fields) = old.fields.clone().reported(report) else {
        return Ok(Taken::Nothing);
    };
    let candidate = match store.get::<CandidateRecord>(fields.candidate_id, now).await {
        Ok(candidate) => Some(candidate),
        // Nobody would ever erase what is said here of somebody who is erased.
        Err(StoreError::NotFound) => {
            fields.analysis = None;
            None
        }
        Err(error) => return Err(error.into()),
    };
    let completed = fields.status == InterviewStatus::Completed;
    let over = completed || fields.status == InterviewStatus::Failed;
    let used = fields.duration_minutes.map_or(0, Minutes::get);
    let new = old.next(fields, now);
    let mut write = store
        .write(stamp)
        .report(&report.event_id)
        .update(&old, &new);
    if completed && let Some(candidate) = candidate {
        let mut record = candidate.fields.clone();
        record.interview_count += 1;
        // At most 100.
        let rating = report
            .rating
            .and_then(|rating| u8::try_from(rating.get()).ok());
        record.overall_rating = rating.or(record.overall_rating);
        write = write.update(&candidate, &candidate.next(record, now));
    }
    if over {
        let reservation = store.find_reservation(old.id).await?;
        write = write.release(&reservation.ok_or(StoreError::Conflict)?, used);
    }
    if completed {
        write = write.bill(old.id, report.at, used);
    }
    write.commit().await?;
    Ok(Taken::Applied)
}

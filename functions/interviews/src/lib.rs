//! Interviews: list, create, read, move and cancel, inside the caller's company.
//!
//! Invariant: an interview and everything that is made with it, its minutes included, are made together or not at all.
//! Knows nothing of keys, roles or other companies, nor of how an interview is held: its engine reports to `interview-events`.

mod create;

use api::{ApiError, App, Call, Reply, found, respond, retried};
use lambda_http::{Body, Request, Response};
use model::{
    AgentId, CandidateId, CandidateRecord, InterviewId, InterviewPatch, InterviewRecord,
    InterviewStatus, JobId, Month, Rule,
};
use routes::interviews::Operation;
use store::{CompanyStore, StoreError, Stored};

/// Answers an event of API Gateway.
pub async fn handle(app: &App, request: Request) -> Response<Body> {
    respond(app, request, async |call: Call<'_, Operation>| {
        match call.operation() {
            Operation::ListInterviews => list(&call).await,
            Operation::CreateInterview => create::create(call).await,
            Operation::GetInterview => get(&call).await,
            Operation::UpdateInterview => update(call).await,
        }
    })
    .await
}

/// Also for people, who read them in the dashboard.
pub async fn list<Op: routes::Operation>(call: &Call<'_, Op>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let candidate =
        input.filter::<CandidateId>("candidateId", Rule::Format, "must be a candidate's id");
    let agent = input.filter::<AgentId>("agentId", Rule::Format, "must be an agent's id");
    let job = input.filter::<JobId>("jobId", Rule::Format, "must be a job's id");
    let status = input.filter::<InterviewStatus>(
        "status",
        Rule::Enum,
        "must be SCHEDULED, IN_PROGRESS, COMPLETED, FAILED or CANCELLED",
    );
    let filters = candidate.zip(agent).zip(job.zip(status));
    let (page, ((candidate, agent), (job, status))) = call.finish_list(input, filters).await?;
    call.list::<InterviewRecord>(&page, [candidate, agent, job, status], None)
        .await
}

/// As [`list`].
pub async fn get<Op: routes::Operation>(call: &Call<'_, Op>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let id = input.id("interviewId");
    call.get::<InterviewRecord>(input.finish(id)?).await
}

async fn update(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let (id, patch) = (input.id("interviewId"), input.body::<InterviewPatch>());
    let (id, patch): (InterviewId, _) = input.finish(id.zip(patch))?;
    let store = call.store()?;
    retried(|| async {
        let old = found::<InterviewRecord>(&store, id, call.now).await?;
        // The version before the state.
        call.if_match().check(old.version)?;
        let fields = old.fields.clone().patched(patch.clone());
        let mut fields = fields.map_err(|refused| ApiError::InvalidTransition {
            from: refused.from.as_str(),
            to: refused.to.as_str(),
        })?;
        // Nobody would ever erase what is said here of somebody who is erased.
        if fields.says_something()
            && store
                .is_erased::<CandidateRecord>(fields.candidate_id)
                .await?
        {
            fields = fields.unsaid();
        }
        if fields == old.fields {
            return call.shown(&store, &old);
        }
        let new = old.next(fields, call.now);
        change(&call, &store, &old, &new).await?;
        call.shown(&store, &new)
    })
    .await
}

/// Writes the change, and what it means for the minutes that the interview holds.
async fn change(
    call: &Call<'_, Operation>,
    store: &CompanyStore,
    old: &Stored<InterviewRecord>,
    new: &Stored<InterviewRecord>,
) -> Result<(), ApiError> {
    let stamp = call.stamp(None)?;
    let write = store.write(&stamp).update(old, new);
    let month = Month::of(*new.fields.scheduled_at);
    let cancelled = new.fields.status == InterviewStatus::Cancelled;
    if !cancelled && month == Month::of(*old.fields.scheduled_at) {
        return Ok(write.commit().await?);
    }
    // Whoever is scheduled holds minutes.
    let reservation = store.find_reservation(old.id).await?;
    let reservation = reservation.ok_or(StoreError::Conflict)?;
    if cancelled {
        return Ok(write.release(&reservation, 0).commit().await?);
    }
    let limit = store.get_company().await?.minutes_per_month;
    match write.move_to(&reservation, month, limit).commit().await {
        Err(StoreError::Full) => Err(no_room(store, month, limit).await?),
        outcome => Ok(outcome?),
    }
}

/// The refusal of a month that is full.
async fn no_room(store: &CompanyStore, month: Month, limit: u32) -> Result<ApiError, ApiError> {
    Ok(ApiError::BillingLimit {
        limit,
        used: store.committed_minutes(month).await?,
        resets_at: month.end(),
    })
}

//! Candidates: list, create, read, change, delete and erase, inside the caller's company.
//!
//! Knows nothing of keys, roles or other companies: who may call is decided before a handler runs.

use api::{ApiError, App, Call, Reply, respond};
use lambda_http::{Body, Request, Response};
use model::{
    CandidateFields, CandidateId, CandidatePatch, CandidateRecord, CandidateStatus, Faults, JobId,
    Nothing, Rule,
};
use routes::candidates::Operation;

/// Answers an event of API Gateway.
pub async fn handle(app: &App, request: Request) -> Response<Body> {
    respond(app, request, async |call: Call<'_, Operation>| {
        match call.operation() {
            Operation::ListCandidates => list(&call).await,
            Operation::CreateCandidate => create(call).await,
            Operation::GetCandidate => get(&call).await,
            Operation::UpdateCandidate => update(call).await,
            Operation::DeleteCandidate => delete(call).await,
            Operation::EraseCandidate => erase(call).await,
        }
    })
    .await
}

/// Also for people, who read them in the dashboard.
pub async fn list<Op: routes::Operation>(call: &Call<'_, Op>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let job = input.filter::<JobId>("jobId", Rule::Format, "must be a job's id");
    let status = input.filter::<CandidateStatus>(
        "status",
        Rule::Enum,
        "must be APPLIED, IN_PROCESS, REJECTED or ACCEPTED",
    );
    let q = input.q(254);
    let filters = job.zip(status).zip(q);
    let (page, ((job, status), q)) = call.finish_list(input, filters).await?;
    call.list::<CandidateRecord>(&page, [job, status], q).await
}

async fn create(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let fields = input.body::<CandidateFields>();
    let fields = input.finish(fields)?;
    let id = CandidateId::new(call.now, call.entropy().bytes());
    call.create(id, CandidateRecord::from(fields)).await
}

/// As [`list`].
pub async fn get<Op: routes::Operation>(call: &Call<'_, Op>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let id = input.id("candidateId");
    call.get::<CandidateRecord>(input.finish(id)?).await
}

async fn update(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let (id, patch) = (input.id("candidateId"), input.body::<CandidatePatch>());
    let (id, patch) = input.finish(id.zip(patch))?;
    call.update(id, |record: CandidateRecord| {
        let fields = record.fields.patched(patch.clone())?;
        Ok::<_, Faults>(CandidateRecord { fields, ..record })
    })
    .await
}

async fn delete(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let id = input.id("candidateId");
    call.delete::<CandidateRecord>(input.finish(id)?).await
}

async fn erase(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let (id, nothing) = (input.id("candidateId"), input.optional_body::<Nothing>());
    let (id, _) = input.finish(id.zip(nothing))?;
    call.erase::<CandidateRecord>(id).await
}

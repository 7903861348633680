//! Jobs: list, create, read, change and delete, inside the caller's company.
//!
//! Knows nothing of keys, roles or other companies: who may call is decided before a handler runs.

use api::{ApiError, App, Call, Reply, respond};
use lambda_http::{Body, Request, Response};
use model::{JobFields, JobId, JobPatch, JobStatus, Rule};
use routes::jobs::Operation;

/// Answers an event of API Gateway.
pub async fn handle(app: &App, request: Request) -> Response<Body> {
    respond(app, request, async |call: Call<'_, Operation>| {
        match call.operation() {
            Operation::ListJobs => list(&call).await,
            Operation::CreateJob => create(call).await,
            Operation::GetJob => get(&call).await,
            Operation::UpdateJob => update(call).await,
            Operation::DeleteJob => delete(call).await,
        }
    })
    .await
}

/// Also for people, who read them in the dashboard.
pub async fn list<Op: routes::Operation>(call: &Call<'_, Op>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let status = input.filter::<JobStatus>("status", Rule::Enum, "must be OPEN or CLOSED");
    let q = input.q(200);
    let (page, (status, q)) = call.finish_list(input, status.zip(q)).await?;
    call.list::<JobFields>(&page, [status], q).await
}

async fn create(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let fields = input.body::<JobFields>();
    let fields = input.finish(fields)?;
    let id = JobId::new(call.now, call.entropy().bytes());
    call.create(id, fields).await
}

/// As [`list`].
pub async fn get<Op: routes::Operation>(call: &Call<'_, Op>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let id = input.id("jobId");
    call.get::<JobFields>(input.finish(id)?).await
}

async fn update(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let (id, patch) = (input.id("jobId"), input.body::<JobPatch>());
    let (id, patch) = input.finish(id.zip(patch))?;
    call.update(id, |job: JobFields| job.patched(patch.clone()))
        .await
}

async fn delete(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let id = input.id("jobId");
    call.delete::<JobFields>(input.finish(id)?).await
}

//! Jobs: list, create, read, change and delete, inside the caller's company.
//!
//! Knows nothing of keys, roles or other companies: who may call is decided before a handler runs.

use api::{ApiError, App, Call, ConflictReason, IfMatch, PageRequest, Reply, respond};
use lambda_http::{Body, Request, Response};
use model::{JobFields, JobId, JobPatch, JobStatus, Rule, Timestamp, search_word};
use routes::jobs::Operation;
use store::{CompanyStore, ListQuery, StoreError, Stored};

/// Answers an event of API Gateway.
pub async fn handle(app: &App, request: Request) -> Response<Body> {
    respond(app, request, async |call: Call<'_, Operation>| {
        match call.operation() {
            Operation::ListJobs => list(call).await,
            Operation::CreateJob => create(call).await,
            Operation::GetJob => get(call).await,
            Operation::UpdateJob => update(call).await,
            Operation::DeleteJob => delete(call).await,
        }
    })
    .await
}

async fn list(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let page = PageRequest::read(&mut input);
    let status = input.parsed::<JobStatus>("status", Rule::Enum, "must be OPEN or CLOSED");
    let q = match input.query("q") {
        Some(Some(q)) if q.is_empty() || q.chars().count() > 200 => {
            input.refuse("q", Rule::Length, "must have 1 to 200 characters")
        }
        q => q,
    };
    let (page, (status, q)) = input.finish(page.zip(status.zip(q)))?;

    let q = q.map(search_word);
    let filters: Vec<_> = status
        .map(|status| ("status", status.to_string()))
        .into_iter()
        .collect();
    let filter = format!("{filters:?} {q:?}");
    let query = ListQuery {
        filters,
        q,
        start: call.start(&page, &filter).await?,
        limit: page.limit,
        now: call.now,
    };
    let store = call.store()?;
    let listed = store.list::<JobFields>(&query).await?;
    let answer = call
        .page(&page, &filter, listed, |job| job.view(&store))
        .await?;
    call.ok(&answer)
}

async fn create(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let fields = input.body::<JobFields>();
    let fields = input.finish(fields)?;

    let store = call.store()?;
    call.once(&store, async |once| {
        let job = Stored {
            id: JobId::new(call.now, call.entropy().bytes()),
            fields,
            version: 1,
            created_at: call.now,
            updated_at: call.now,
        };
        let reply = call.created(&job.view(&store))?.version(job.version);
        store
            .create(&job, &call.stamp(None)?, once.remember(&reply))
            .await?;
        Ok(reply)
    })
    .await
}

async fn get(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let id = input.id("jobId");
    let id = input.finish(id)?;

    let store = call.store()?;
    let job = found(&store, id, call.now).await?;
    Ok(call.ok(&job.view(&store))?.version(job.version))
}

async fn update(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let (id, patch) = (input.id("jobId"), input.body::<JobPatch>());
    let if_match = input.if_match();
    let (id, patch) = input.finish(id.zip(patch))?;

    let store = call.store()?;
    for _ in 0..TRIES {
        let old = found(&store, id, call.now).await?;
        let fields = old.fields.clone().patched(patch.clone())?;
        check_version(&old, if_match)?;
        if fields == old.fields {
            return Ok(call.ok(&old.view(&store))?.version(old.version));
        }
        let new = Stored {
            fields,
            version: old.version + 1,
            updated_at: call.now,
            ..old.clone()
        };
        match store.update(&old, &new, &call.stamp(None)?).await {
            Ok(()) => return Ok(call.ok(&new.view(&store))?.version(new.version)),
            Err(StoreError::Conflict) => continue,
            Err(error) => return Err(error.into()),
        }
    }
    Err(ApiError::Conflict(ConflictReason::Busy))
}

async fn delete(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let id = input.id("jobId");
    let if_match = input.if_match();
    let id = input.finish(id)?;

    let store = call.store()?;
    for _ in 0..TRIES {
        let old = found(&store, id, call.now).await?;
        check_version(&old, if_match)?;
        match store.delete(&old, &call.stamp(None)?).await {
            Ok(()) => return call.ok(&true),
            Err(StoreError::Conflict) => continue,
            Err(error) => return Err(error.into()),
        }
    }
    Err(ApiError::Conflict(ConflictReason::Busy))
}

/// How often a change without `If-Match` is made again on what others made of the row.
const TRIES: u32 = 5;

async fn found(
    store: &CompanyStore,
    id: JobId,
    now: Timestamp,
) -> Result<Stored<JobFields>, ApiError> {
    store
        .get(id, now)
        .await
        .map_err(ApiError::or_not_found("job", id))
}

fn check_version(job: &Stored<JobFields>, if_match: IfMatch) -> Result<(), ApiError> {
    match if_match.allows(job.version) {
        true => Ok(()),
        false => Err(ApiError::Conflict(ConflictReason::Version)),
    }
}

//! The company's jobs, candidates, interviews and agents, as its people read them.
//!
//! On the API only keys reach them, by scopes that people don't have. Administrators reach none of them.

use api::{ApiError, Call, Input, Reply};
use model::{
    AgentFields, AgentId, CandidateId, CandidateRecord, CandidateStatus, InterviewRecord,
    InterviewStatus, JobFields, JobId, JobStatus, Rule,
};
use routes::inner::dashboard::Operation;
use std::{collections::BTreeMap, str::FromStr};
use store::{CompanyStore, Resource};

type Asked<'a> = Call<'a, Operation>;

pub(super) async fn jobs(call: &Asked<'_>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let status = input.filter::<JobStatus>("status", Rule::Enum, "must be OPEN or CLOSED");
    let q = input.q(200);
    let (page, (status, q)) = call.finish_list(input, status.zip(q)).await?;
    call.list::<JobFields>(&page, [status], q).await
}

pub(super) async fn job(call: &Asked<'_>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let id = input.id("jobId");
    call.get::<JobFields>(input.finish(id)?).await
}

pub(super) async fn candidates(call: &Asked<'_>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let job = input.filter::<JobId>("jobId", Rule::Format, "must be a job's id");
    let message = "must be APPLIED, IN_PROCESS, REJECTED or ACCEPTED";
    let status = input.filter::<CandidateStatus>("status", Rule::Enum, message);
    let q = input.q(254);
    let filters = job.zip(status).zip(q);
    let (page, ((job, status), q)) = call.finish_list(input, filters).await?;
    call.list::<CandidateRecord>(&page, [job, status], q).await
}

pub(super) async fn candidate(call: &Asked<'_>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let id = input.id("candidateId");
    call.get::<CandidateRecord>(input.finish(id)?).await
}

pub(super) async fn interviews(call: &Asked<'_>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let message = "must be a candidate's id";
    let candidate = input.filter::<CandidateId>("candidateId", Rule::Format, message);
    let agent = input.filter::<AgentId>("agentId", Rule::Format, "must be an agent's id");
    let job = input.filter::<JobId>("jobId", Rule::Format, "must be a job's id");
    let message = "must be SCHEDULED, IN_PROGRESS, COMPLETED, FAILED or CANCELLED";
    let status = input.filter::<InterviewStatus>("status", Rule::Enum, message);
    let filters = candidate.zip(agent).zip(job.zip(status));
    let (page, ((candidate, agent), (job, status))) = call.finish_list(input, filters).await?;
    call.list::<InterviewRecord>(&page, [candidate, agent, job, status], None)
        .await
}

pub(super) async fn interview(call: &Asked<'_>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let id = input.id("interviewId");
    call.get::<InterviewRecord>(input.finish(id)?).await
}

pub(super) async fn agents(call: &Asked<'_>) -> Result<Reply, ApiError> {
    let (page, ()) = call.finish_list(call.input(), Some(())).await?;
    call.list::<AgentFields>(&page, [], None).await
}

pub(super) async fn agent(call: &Asked<'_>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let id = input.id("agentId");
    call.get::<AgentFields>(input.finish(id)?).await
}

/// By id; what is gone has no name.
pub(super) async fn names(call: &Asked<'_>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let candidates = ids::<CandidateId>(&mut input, "candidates");
    let agents = ids::<AgentId>(&mut input, "agents");
    let jobs = ids::<JobId>(&mut input, "jobs");
    let (candidates, (agents, jobs)) = input.finish(candidates.zip(agents.zip(jobs)))?;
    let store = call.store()?;
    let candidates = named(call, &store, candidates, |candidate: &CandidateRecord| {
        let fields = &candidate.fields;
        format!("{} {}", &*fields.first_name, &*fields.last_name)
    });
    let agents = named(call, &store, agents, |agent: &AgentFields| {
        agent.name.to_string()
    });
    let jobs = named(call, &store, jobs, |job: &JobFields| job.title.to_string());
    let (candidates, agents, jobs) = futures_util::try_join!(candidates, agents, jobs)?;
    let all: BTreeMap<_, _> = candidates.into_iter().chain(agents).chain(jobs).collect();
    call.ok(&all)
}

/// Ids between commas, as many as a page has rows.
fn ids<T: FromStr>(input: &mut Input<'_>, name: &'static str) -> Option<Vec<T>> {
    const MOST: usize = 100;
    let text = input.query(name)?.unwrap_or_default();
    let ids = text.split(',').filter(|id| !id.is_empty());
    match ids.map(str::parse).collect::<Result<Vec<_>, _>>() {
        Ok(ids) if ids.len() <= MOST => Some(ids),
        _ => input.refuse(name, Rule::Format, "must be ids"),
    }
}

async fn named<R: Resource>(
    call: &Asked<'_>,
    store: &CompanyStore,
    ids: Vec<R::Id>,
    name: fn(&R) -> String,
) -> Result<Vec<(String, String)>, ApiError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let found = store.find_as_stored::<R>(&ids, call.now).await?;
    Ok(found
        .into_iter()
        .map(|object| (object.id.to_string(), name(&object.fields)))
        .collect())
}

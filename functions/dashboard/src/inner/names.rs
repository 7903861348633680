//! What the company's jobs, candidates and agents are called, as its people read them.

use api::{ApiError, Call, Input, Reply};
use model::{AgentFields, AgentId, CandidateId, CandidateRecord, JobFields, JobId, Rule};
use routes::inner::dashboard::Operation;
use std::{collections::BTreeMap, str::FromStr};
use store::{CompanyStore, Resource};

type Asked<'a> = Call<'a, Operation>;

/// By id; what is gone has no name.
pub(super) async fn list(call: &Asked<'_>) -> Result<Reply, ApiError> {
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

//! Making an interview: what it refers to is found or made, and all of it is written together.

use api::{ApiError, Call, ConflictReason, Reply, retried};
use model::{
    AgentFields, AgentFocus, AgentId, CandidateFields, CandidateId, CandidateRecord, Fault, Faults,
    InterviewId, InterviewRecord, InterviewStatus, JobFields, JobId, JobStatus, Minutes, Month,
    NewInterview, Reference, Rule,
};
use routes::interviews::Operation;
use store::{BrokenRelation, CompanyStore, Reservation, Resource, StoreError, Stored};

use crate::no_room;

pub(crate) async fn create(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let new = input.body::<NewInterview>();
    let new = input.finish(new)?;
    let store = call.store()?;
    let ids = Ids {
        interview: InterviewId::new(call.now, call.entropy().bytes()),
        candidate: CandidateId::new(call.now, call.entropy().bytes()),
        agent: AgentId::new(call.now, call.entropy().bytes()),
        job: JobId::new(call.now, call.entropy().bytes()),
    };
    call.once(&store, async |once| {
        retried(|| async {
            let plan = Plan::make(&call, &store, &new, ids).await?;
            let reply = call.created(&plan.interview.view(&store))?;
            let reply = reply.version(plan.interview.version);
            plan.carry_out(&call, &store, once.remember(&reply)).await?;
            Ok(reply)
        })
        .await
    })
    .await
}

/// Of everything that may have to be made.
#[derive(Clone, Copy)]
struct Ids {
    interview: InterviewId,
    candidate: CandidateId,
    agent: AgentId,
    job: JobId,
}

/// What is to be written.
struct Plan {
    interview: Stored<InterviewRecord>,
    candidate: Part<CandidateRecord>,
    /// An agent to be made, or the one that there is.
    agent: Part<AgentFields>,
    job: Option<Stored<JobFields>>,
}

/// Something that the interview refers to.
enum Part<R: Resource> {
    New(Stored<R>),
    There(Stored<R>),
    Changed { old: Stored<R>, new: Stored<R> },
}

impl<R: Resource> Part<R> {
    fn stored(&self) -> &Stored<R> {
        match self {
            Part::New(object) | Part::There(object) | Part::Changed { new: object, .. } => object,
        }
    }
}

impl Plan {
    /// Reads what the interview refers to.
    ///
    /// # Errors
    /// 400 with everything that isn't there, 409 for a job that takes no interviews.
    async fn make(
        call: &Call<'_, Operation>,
        store: &CompanyStore,
        new: &NewInterview,
        ids: Ids,
    ) -> Result<Plan, ApiError> {
        let mut missing = Faults::default();
        let mut closed = false;
        let candidate = match &new.candidate {
            Reference::Existing(id) => there::<CandidateRecord>(call, store, *id).await?,
            Reference::New(fields) => {
                let record = CandidateRecord::from(fields.clone());
                let broken = store.broken_relations(None, &record, call.now).await?;
                for relation in broken {
                    match relation {
                        BrokenRelation::Missing { pointer } => {
                            missing.push(not_there(format!("/candidate{pointer}")));
                        }
                        BrokenRelation::Closed => closed = true,
                    }
                }
                Some(Part::New(Stored::new(ids.candidate, record, call.now)))
            }
        };
        if candidate.is_none() {
            missing.push(not_there("/candidateId"));
        }
        let agent = match &new.agent {
            Reference::Existing(id) => there::<AgentFields>(call, store, *id).await?,
            Reference::New(fields) => {
                Some(Part::New(Stored::new(ids.agent, fields.clone(), call.now)))
            }
        };
        if agent.is_none() {
            missing.push(not_there("/agentId"));
        }
        let named = match &new.job {
            Some(Reference::Existing(id)) => {
                let job = there::<JobFields>(call, store, *id).await?;
                if job.is_none() {
                    missing.push(not_there("/jobId"));
                }
                job
            }
            _ => None,
        };
        let found = missing.or(candidate.zip(agent))?;
        let (candidate, agent) = found.ok_or_else(|| ApiError::internal("a part is missing"))?;

        let (about, job) = match &new.job {
            Some(Reference::Existing(id)) => (Some((*id, is_closed(named.as_ref()))), None),
            Some(Reference::New(fields)) => {
                (None, Some(Stored::new(ids.job, fields.clone(), call.now)))
            }
            None => {
                let generic = agent.stored().fields.focus == AgentFocus::Generic;
                let of_candidate = &candidate.stored().fields.fields;
                (implied(call, store, of_candidate, generic).await?, None)
            }
        };
        if let Some((id, takes_none)) = about {
            if !candidate.stored().fields.fields.job_ids.contains(&id) {
                let message = "is not one of the candidate's jobs";
                return Err(Fault::new("/jobId", Rule::ConflictWith, message).into());
            }
            closed |= takes_none;
        }
        if closed {
            return Err(ApiError::Conflict(ConflictReason::JobClosed));
        }
        let candidate = match &job {
            None => candidate,
            Some(job) => with_job(call, candidate, job.id)?,
        };
        let test = new.is_test;
        let fields = InterviewRecord {
            candidate_id: candidate.stored().id,
            agent_id: agent.stored().id,
            job_id: about.map(|(id, _)| id).or(job.as_ref().map(|job| job.id)),
            scheduled_at: new.scheduled_at.unwrap_or(call.now.into()),
            is_test: test,
            metadata: new.metadata.clone(),
            status: match test {
                true => InterviewStatus::Completed,
                false => InterviewStatus::Scheduled,
            },
            duration_minutes: test.then(Minutes::zero),
            finished_at: test.then_some(call.now),
            analysis: None,
        };
        Ok(Plan {
            interview: Stored::new(ids.interview, fields, call.now),
            candidate,
            agent,
            job,
        })
    }

    async fn carry_out(
        &self,
        call: &Call<'_, Operation>,
        store: &CompanyStore,
        remembered: Option<store::Remembered>,
    ) -> Result<(), ApiError> {
        let Plan {
            interview,
            candidate,
            agent,
            job,
        } = self;
        let stamp = call.stamp(None)?;
        let mut write = store.write(&stamp).create(interview).remember(remembered);
        write = match candidate {
            Part::New(new) => write.create(new),
            Part::Changed { old, new } => write.update(old, new),
            Part::There(_) => write,
        };
        if let Part::New(new) = agent {
            write = write.create(new);
        }
        if let Some(job) = job {
            write = write.create(job);
        }
        if interview.fields.is_test {
            return Ok(write.commit().await?);
        }
        let limit = store.get_company().await?.minutes_per_month;
        let reservation = Reservation {
            interview: interview.id,
            month: Month::of(*interview.fields.scheduled_at),
            minutes: agent.stored().fields.duration.get(),
        };
        match write.reserve(&reservation, limit).commit().await {
            Err(StoreError::Full) => Err(no_room(store, reservation.month, limit).await?),
            outcome => Ok(outcome?),
        }
    }
}

/// The candidate's only job, and whether it takes no interviews; with several it must be named. A generic agent needs none, so it takes the only one where that is open, and none of several.
async fn implied(
    call: &Call<'_, Operation>,
    store: &CompanyStore,
    candidate: &CandidateFields,
    generic: bool,
) -> Result<Option<(JobId, bool)>, ApiError> {
    match (&*candidate.job_ids, generic) {
        ([only], _) => {
            let job = there::<JobFields>(call, store, *only).await?;
            let closed = is_closed(job.as_ref());
            Ok((!(generic && closed)).then_some((*only, closed)))
        }
        (_, true) => Ok(None),
        ([], false) => {
            let message =
                "is required: the candidate has no job, and only GENERIC agents need none";
            Err(Fault::new("/jobId", Rule::Required, message).into())
        }
        (_, false) => {
            let message = "is required: the candidate has several jobs";
            Err(Fault::new("/jobId", Rule::Required, message).into())
        }
    }
}

/// Also a job that is gone takes no interviews.
fn is_closed(job: Option<&Part<JobFields>>) -> bool {
    job.is_none_or(|job| job.stored().fields.status == JobStatus::Closed)
}

/// The candidate with a job more.
fn with_job(
    call: &Call<'_, Operation>,
    candidate: Part<CandidateRecord>,
    job: JobId,
) -> Result<Part<CandidateRecord>, ApiError> {
    let assigned = |mut fields: CandidateRecord| match fields.fields.job_ids.push(job) {
        Ok(()) => Ok(fields),
        Err(_) => Err(Fault::new(
            "/job",
            Rule::Length,
            "the candidate has 20 jobs already",
        )),
    };
    Ok(match candidate {
        Part::New(mut new) => {
            new.fields = assigned(new.fields)?;
            Part::New(new)
        }
        Part::There(old) | Part::Changed { old, .. } => {
            let new = old.next(assigned(old.fields.clone())?, call.now);
            Part::Changed { old, new }
        }
    })
}

async fn there<R: Resource>(
    call: &Call<'_, Operation>,
    store: &CompanyStore,
    id: R::Id,
) -> Result<Option<Part<R>>, ApiError> {
    match store.get::<R>(id, call.now).await {
        Ok(object) => Ok(Some(Part::There(object))),
        Err(StoreError::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn not_there(pointer: impl Into<String>) -> Fault {
    let message = "names nothing that the company has";
    Fault::new(pointer, Rule::NotFound, message)
}

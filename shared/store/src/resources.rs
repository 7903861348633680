//! The kinds of objects that companies have.

use model::{
    AgentFields, AgentId, CandidateFields, CandidateId, CandidateRecord, InterviewId,
    InterviewRecord, JobFields, JobId, JobStatus, Timestamp,
};
use std::collections::HashSet;

use crate::{Relation, Resource};

impl Resource for JobFields {
    const ENTITY: &'static str = "job";
    const SEVERS: bool = true;
    const WORD_LENGTH: usize = JobFields::SEARCH_WORD_LENGTH;
    type Id = JobId;

    fn filters(&self) -> Vec<(&'static str, String)> {
        vec![("status", self.status.to_string())]
    }

    fn words(&self) -> Vec<String> {
        self.search_words()
    }

    fn closed(&self) -> bool {
        self.status == JobStatus::Closed
    }
}

impl Resource for AgentFields {
    const ENTITY: &'static str = "agent";
    type Id = AgentId;
}

impl Resource for InterviewRecord {
    const ENTITY: &'static str = "interview";
    const RELATIONS: &'static [Relation] = &[
        named("candidateId", CandidateRecord::ENTITY, "/candidateId"),
        named("agentId", AgentFields::ENTITY, "/agentId"),
        named("jobId", JobFields::ENTITY, "/jobId"),
    ];
    type Id = InterviewId;

    fn filters(&self) -> Vec<(&'static str, String)> {
        vec![("status", self.status.to_string())]
    }

    fn relations(&self) -> Vec<(&'static str, String)> {
        let job = self.job_id.map(|id| ("jobId", id.to_string()));
        [
            ("candidateId", self.candidate_id.to_string()),
            ("agentId", self.agent_id.to_string()),
        ]
        .into_iter()
        .chain(job)
        .collect()
    }
}

const fn named(filter: &'static str, entity: &'static str, pointer: &'static str) -> Relation {
    Relation {
        filter,
        entity,
        pointer,
        many: false,
    }
}

impl Resource for CandidateRecord {
    const ENTITY: &'static str = "candidate";
    const RELATIONS: &'static [Relation] = &[Relation {
        filter: "jobId",
        entity: JobFields::ENTITY,
        pointer: "/jobIds",
        many: true,
    }];
    const SEVERED: bool = true;
    const EXPIRES: bool = true;
    const WORD_LENGTH: usize = CandidateFields::SEARCH_WORD_LENGTH;
    type Id = CandidateId;

    fn filters(&self) -> Vec<(&'static str, String)> {
        vec![("status", self.fields.status.to_string())]
    }

    fn relations(&self) -> Vec<(&'static str, String)> {
        let ids = self.fields.job_ids.iter();
        ids.map(|id| ("jobId", id.to_string())).collect()
    }

    fn words(&self) -> Vec<String> {
        self.fields.search_words()
    }

    fn due(&self) -> Option<Timestamp> {
        Some(self.fields.gdpr_expiry_date.start())
    }

    fn sever(&mut self, gone: &HashSet<String>) {
        self.fields
            .job_ids
            .retain(|id| !gone.contains(&id.to_string()));
    }
}

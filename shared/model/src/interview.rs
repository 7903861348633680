//! Interviews: who speaks with whom about which job and when, and what came of it.

use chrono::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{borrow::Cow, ops::Deref};

use crate::{
    AgentFields, AgentId, Body, CandidateFields, CandidateId, CompanyId, Faults, Field, Fields,
    Integer, InterviewId, JobFields, JobId, JobStatus, Metadata, Name, Rule, Timestamp, View,
    field::{fields, not_null, outcome, vocabulary},
};

/// An interview as clients see it.
pub type Interview = View<InterviewId, InterviewRecord>;

/// An object of the company, or one to be made with what refers to it.
#[derive(Debug, Clone, PartialEq)]
pub enum Reference<Id, New> {
    Existing(Id),
    New(New),
}

/// What a client sends to have an interview.
#[derive(Debug, Clone, PartialEq)]
pub struct NewInterview {
    pub candidate: Reference<CandidateId, CandidateFields>,
    pub agent: Reference<AgentId, AgentFields>,
    /// Without one: the candidate's only one.
    pub job: Option<Reference<JobId, JobFields>>,
    /// Absent: now.
    pub scheduled_at: Option<ScheduledAt>,
    pub is_test: bool,
    pub metadata: Option<Metadata>,
}

/// An interview as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InterviewRecord {
    pub candidate_id: CandidateId,
    pub agent_id: AgentId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
    pub scheduled_at: ScheduledAt,
    /// A test is completed at once; it isn't billed and doesn't count for its candidate.
    pub is_test: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    pub status: InterviewStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_minutes: Option<Minutes>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis: Option<Analysis>,
}

/// What an interview may take, as the engine reports it.
pub type Minutes = Integer<0, 240>;

/// A client's change of an interview that is SCHEDULED.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InterviewPatch {
    /// At most 30 days ahead.
    #[serde(default)]
    #[schemars(transform = not_null)]
    pub scheduled_at: Option<ScheduledAt>,
    /// Cancels it.
    #[serde(default)]
    #[schemars(transform = not_null)]
    pub status: Option<Cancelled>,
    #[serde(default)]
    pub metadata: Option<Option<Metadata>>,
}

fields! {
    /// What the interview engine reports: the `detail` of its events.
    pub struct EngineReport {
        required {
            /// The report's own: whatever comes again under it changes nothing.
            event_id: Name<1, 128>,
            company_id: CompanyId,
            interview_id: InterviewId,
            r#type: EngineReportType,
            /// When it happened.
            at: Timestamp,
        }
        optional {
            /// Required of COMPLETED, and taken from it alone, as what follows.
            duration_minutes: Minutes,
            analysis: Analysis,
            /// The candidate's new `overallRating`.
            rating: Integer<0, 100>,
        }
        defaulted {}
        together { says_what_it_took(r#type, duration_minutes); }
    }
}

vocabulary! {
    pub enum InterviewStatus {
        Scheduled = "SCHEDULED",
        InProgress = "IN_PROGRESS",
        Completed = "COMPLETED",
        Failed = "FAILED",
        Cancelled = "CANCELLED",
    }

    /// The one status that a client can give.
    pub enum Cancelled { Cancelled = "CANCELLED", }

    pub enum EngineReportType { Started = "STARTED", Completed = "COMPLETED", Failed = "FAILED", }
}

/// The interview can't go from this state to that one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidInterviewTransition {
    pub from: InterviewStatus,
    pub to: InterviewStatus,
}

/// When an interview is to be: a client gives an instant of the next 30 days. One that was stored is never judged again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct ScheduledAt(Timestamp);

impl ScheduledAt {
    pub const DAYS_AHEAD: i64 = 30;
    /// Clients' clocks may be late.
    pub const MINUTES_BACK: i64 = 5;
}

impl From<Timestamp> for ScheduledAt {
    /// Of now, or of a stored value.
    fn from(at: Timestamp) -> ScheduledAt {
        ScheduledAt(at)
    }
}

impl Deref for ScheduledAt {
    type Target = Timestamp;

    fn deref(&self) -> &Timestamp {
        &self.0
    }
}

impl Field for ScheduledAt {
    fn parse(value: Value, at: &str, faults: &mut Faults) -> Option<Self> {
        let instant = Timestamp::parse(value, at, faults)?;
        let now = faults.now();
        if instant > now.plus(Duration::days(Self::DAYS_AHEAD)) {
            return faults.refuse(at, Rule::Range, "must be at most 30 days ahead");
        }
        if instant < now.minus(Duration::minutes(Self::MINUTES_BACK)) {
            return faults.refuse(at, Rule::Future, "must not be in the past");
        }
        Some(ScheduledAt(instant))
    }
}

impl InterviewRecord {
    /// The field that names of whom `analysis` and `metadata` tell.
    pub const OF: &str = "candidateId";

    /// Whether it holds anything that goes with its candidate's erasure.
    pub fn says_something(&self) -> bool {
        self.analysis.is_some() || self.metadata.is_some()
    }

    /// Without what goes with its candidate's erasure.
    #[must_use]
    pub fn unsaid(self) -> Self {
        InterviewRecord {
            analysis: None,
            metadata: None,
            ..self
        }
    }

    /// The interview after a client's change. What changes nothing is allowed in every state.
    pub fn patched(self, patch: InterviewPatch) -> Result<Self, InvalidInterviewTransition> {
        let InterviewPatch {
            scheduled_at,
            status,
            metadata,
        } = patch;
        let mut new = self.clone();
        if let Some(at) = scheduled_at {
            new.scheduled_at = at;
        }
        if let Some(metadata) = metadata {
            new.metadata = metadata;
        }
        if let Some(Cancelled::Cancelled) = status {
            new.status = InterviewStatus::Cancelled;
        }
        if new != self && self.status != InterviewStatus::Scheduled {
            return Err(InvalidInterviewTransition {
                from: self.status,
                to: new.status,
            });
        }
        Ok(new)
    }

    /// The interview after a report; `None` where it knows of that, or of something later, already.
    pub fn reported(self, report: &EngineReport) -> Option<Self> {
        let (from, to) = (self.status, report.r#type.leads_to());
        if !matches!(
            (from, to),
            (InterviewStatus::Scheduled, _)
                | (
                    InterviewStatus::InProgress,
                    InterviewStatus::Completed | InterviewStatus::Failed
                )
        ) {
            return None;
        }
        let new = InterviewRecord { status: to, ..self };
        Some(match to {
            InterviewStatus::InProgress => new,
            InterviewStatus::Completed => InterviewRecord {
                duration_minutes: report.duration_minutes,
                finished_at: Some(report.at),
                analysis: report.analysis.clone(),
                ..new
            },
            // What is over without an end has neither length nor analysis.
            _ => InterviewRecord {
                finished_at: Some(report.at),
                ..new
            },
        })
    }
}

impl EngineReportType {
    const fn leads_to(self) -> InterviewStatus {
        match self {
            EngineReportType::Started => InterviewStatus::InProgress,
            EngineReportType::Completed => InterviewStatus::Completed,
            EngineReportType::Failed => InterviewStatus::Failed,
        }
    }
}

impl EngineReport {
    fn says_what_it_took(
        kind: &EngineReportType,
        minutes: &Option<Minutes>,
        at: &str,
        faults: &mut Faults,
    ) {
        if *kind == EngineReportType::Completed && minutes.is_none() {
            let at = format!("{at}/durationMinutes");
            faults.refuse::<()>(&at, Rule::Required, "is required of COMPLETED");
        }
    }
}

impl Body for NewInterview {
    fn read(body: Value, now: Timestamp) -> Result<Self, Faults> {
        let mut faults = Faults::at(now);
        let new = Fields::of(body, "", &mut faults).and_then(|mut fields| {
            let candidate = fields.one_of("candidateId", "candidate");
            let agent = fields.one_of("agentId", "agent");
            let job = fields.at_most_one_of("jobId", "job");
            let scheduled_at = fields.optional("scheduledAt");
            let is_test = fields.optional("isTest");
            let metadata = fields.optional("metadata");
            fields.finish();
            Some(NewInterview {
                candidate: candidate?,
                agent: agent?,
                job: job?,
                scheduled_at: scheduled_at?,
                is_test: is_test?.unwrap_or_default(),
                metadata: metadata?,
            })
        });
        if let Some(NewInterview {
            job: Some(Reference::New(job)),
            ..
        }) = &new
            && job.status == JobStatus::Closed
        {
            let message = "must be OPEN: a CLOSED job takes no interviews";
            faults.refuse::<()>("/job/status", Rule::ConflictWith, message);
        }
        outcome(new, faults)
    }
}

impl Body for InterviewPatch {
    fn read(body: Value, now: Timestamp) -> Result<Self, Faults> {
        let mut faults = Faults::at(now);
        let patch = Fields::of(body, "", &mut faults).and_then(|mut fields| {
            let scheduled_at = fields.changed("scheduledAt");
            let status = fields.changed("status");
            let metadata = fields.cleared("metadata");
            fields.finish();
            Some(InterviewPatch {
                scheduled_at: scheduled_at?,
                status: status?,
                metadata: metadata?,
            })
        });
        outcome(patch, faults)
    }
}

/// As clients write it.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is used")]
struct NewInterviewBody {
    /// Either this or `candidate`.
    #[serde(default)]
    candidate_id: Option<CandidateId>,
    /// A candidate to be made with the interview.
    #[serde(default)]
    candidate: Option<CandidateFields>,
    /// Either this or `agent`.
    #[serde(default)]
    agent_id: Option<AgentId>,
    /// An agent to be made with the interview.
    #[serde(default)]
    agent: Option<AgentFields>,
    /// One of the candidate's jobs. Without it and `job`: the candidate's only one. With several it must be named, and without any one must be made, unless the agent's focus is GENERIC.
    #[serde(default)]
    job_id: Option<JobId>,
    /// A job to be made with the interview, and added to the candidate's.
    #[serde(default)]
    job: Option<JobFields>,
    /// At most 30 days ahead; absent: now.
    #[serde(default)]
    scheduled_at: Option<ScheduledAt>,
    /// Whether it is completed at once, not billed, and not counted for its candidate.
    #[serde(default)]
    is_test: bool,
    #[serde(default)]
    metadata: Option<Metadata>,
}

impl JsonSchema for NewInterview {
    fn schema_name() -> Cow<'static, str> {
        "NewInterview".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        NewInterviewBody::json_schema(generator)
    }
}

/// What the engine makes of a conversation: an object of its own, at most 32 KB as compact JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Analysis(Map<String, Value>);

impl Analysis {
    /// A page of 100 interviews stays within what Lambda may answer.
    pub const MAX_BYTES: usize = 32 * 1024;
}

impl Field for Analysis {
    fn parse(value: Value, at: &str, faults: &mut Faults) -> Option<Self> {
        if value.to_string().len() > Analysis::MAX_BYTES {
            return faults.refuse(at, Rule::Size, "must have at most 32 KB as compact JSON");
        }
        match value {
            Value::Object(map) => Some(Analysis(map)),
            _ => faults.refuse(at, Rule::Type, "must be an object"),
        }
    }
}

impl JsonSchema for Analysis {
    fn schema_name() -> Cow<'static, str> {
        "Analysis".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "object",
            "description": "What the interview engine makes of the conversation: at most 32 KB as compact JSON.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ID: &str = "019c13b0-3a80-7d41-a5c2-6e8f0b1d2c34";

    fn now() -> Timestamp {
        "2026-01-31T11:00:00Z".parse().expect("an instant")
    }

    #[test]
    fn an_interview_is_at_most_30_days_ahead_to_the_millisecond_in_any_offset() {
        let fault = |text: &str| {
            let mut faults = Faults::at(now());
            ScheduledAt::parse(json!(text), "/at", &mut faults);
            faults.iter().next().map(|fault| fault.rule)
        };
        assert_eq!(fault("2026-03-02T11:00:00.000Z"), None);
        assert_eq!(fault("2026-03-02T21:30:00.000+10:30"), None);
        assert_eq!(fault("2026-03-02T11:00:00.001Z"), Some(Rule::Range));
        assert_eq!(fault("2026-03-02T21:30:00.001+10:30"), Some(Rule::Range));
        assert_eq!(fault("2026-01-31T10:55:00.000Z"), None);
        assert_eq!(fault("2026-01-31T10:54:59.999Z"), Some(Rule::Future));
        assert_eq!(fault("2026-02-30T11:00:00Z"), Some(Rule::Format));
        assert_eq!(fault("2026-02-01"), Some(Rule::Format));
    }

    fn record(status: InterviewStatus) -> InterviewRecord {
        serde_json::from_value(json!({
            "candidateId": ID,
            "agentId": ID,
            "scheduledAt": "2026-01-31T12:00:00.000Z",
            "isTest": false,
            "status": status,
        }))
        .expect("a record")
    }

    fn report(kind: EngineReportType) -> EngineReport {
        EngineReport::read(
            json!({
                "eventId": "1",
                "companyId": ID,
                "interviewId": ID,
                "type": kind,
                "at": "2026-01-31T12:20:00.000Z",
                "durationMinutes": 19,
            }),
            now(),
        )
        .expect("a report")
    }

    #[test]
    fn no_report_moves_an_interview_backwards_or_out_of_an_end() {
        use EngineReportType::*;
        use InterviewStatus as S;
        for from in S::ALL {
            for kind in EngineReportType::ALL {
                let after = record(*from).reported(&report(*kind)).map(|new| new.status);
                let expected = match (from, kind) {
                    (S::Scheduled, Started) => Some(S::InProgress),
                    (S::Scheduled | S::InProgress, Completed) => Some(S::Completed),
                    (S::Scheduled | S::InProgress, Failed) => Some(S::Failed),
                    _ => None,
                };
                assert_eq!(after, expected, "{from} {kind}");
            }
        }
    }

    #[test]
    fn completion_alone_gives_length_and_analysis() {
        for kind in EngineReportType::ALL {
            let mut report = report(*kind);
            report.analysis = Analysis::parse(json!({ "a": 1 }), "", &mut Faults::default());
            let after = record(InterviewStatus::Scheduled).reported(&report);
            let after = after.expect("a change");
            let completed = *kind == EngineReportType::Completed;
            assert_eq!(after.duration_minutes.is_some(), completed, "{kind}");
            assert_eq!(after.analysis.is_some(), completed, "{kind}");
            let over = *kind != EngineReportType::Started;
            assert_eq!(after.finished_at, over.then_some(report.at), "{kind}");
        }
    }

    #[test]
    fn only_what_is_scheduled_can_be_changed() {
        for from in InterviewStatus::ALL {
            for (body, to) in [
                (json!({ "status": "CANCELLED" }), InterviewStatus::Cancelled),
                (json!({ "scheduledAt": "2026-02-01T12:00:00Z" }), *from),
                (json!({ "metadata": { "a": 1 } }), *from),
            ] {
                let patch = InterviewPatch::read(body, now()).expect("a patch");
                let after = record(*from).patched(patch);
                match from {
                    InterviewStatus::Scheduled => assert_eq!(after.expect("allowed").status, to),
                    _ if *from == to && to == InterviewStatus::Cancelled && after.is_ok() => {}
                    _ => assert_eq!(
                        after.expect_err("refused"),
                        InvalidInterviewTransition { from: *from, to }
                    ),
                }
            }
            let nothing = InterviewPatch::read(json!({}), now()).expect("a patch");
            assert_eq!(record(*from).patched(nothing), Ok(record(*from)));
        }
    }
}

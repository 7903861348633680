//! Interviews on their pages.

use maud::{Markup, html};
use routes::inner::dashboard::Operation;
use serde::Deserialize;
use serde_json::Value;

use super::{
    Kind, Named, Names, Shown,
    words::{badge, json, link, or_none},
};
use crate::{
    Page,
    parts::{time, time_or},
    visit::Visit,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Interview {
    candidate_id: String,
    agent_id: String,
    job_id: Option<String>,
    scheduled_at: String,
    is_test: bool,
    status: String,
    duration_minutes: Option<u32>,
    finished_at: Option<String>,
    analysis: Option<Value>,
}

impl Shown for Interview {
    const KIND: Kind = Kind {
        list: Page::Interviews,
        one: Page::Interview,
        browse: Operation::BrowseInterviews,
        show: Operation::ShowInterview,
        id: "interviewId",
        plural: "Interviews",
        singular: "interview",
        columns: &["With", "Status", "When", "Agent", "Job", "Minutes"],
        states: &[
            "SCHEDULED",
            "IN_PROGRESS",
            "COMPLETED",
            "FAILED",
            "CANCELLED",
        ],
        searched: None,
        of: &["candidateId", "agentId", "jobId"],
        first: "A program makes interviews with a key that has the scope write:interviews, by POST /interviews.",
    };

    fn title(&self, names: &Names) -> String {
        let with = names.get(&self.candidate_id);
        with.map_or("A deleted candidate", String::as_str)
            .to_owned()
    }

    fn state(&self) -> Option<&str> {
        Some(&self.status)
    }

    fn named(&self) -> Vec<Named<'_>> {
        let job = self.job_id.as_deref().map(Named::Job);
        let both = [
            Named::Candidate(&self.candidate_id),
            Named::Agent(&self.agent_id),
        ];
        both.into_iter().chain(job).collect()
    }

    fn cells(&self, visit: &Visit<'_>, names: &Names) -> Vec<Markup> {
        vec![
            html! { (badge(&self.status)) @if self.is_test { " " span.tag { "test" } } },
            time(&self.scheduled_at),
            link(visit, Page::Agent, "agentId", &self.agent_id, names),
            self.job(visit, names),
            or_none(self.minutes().as_deref()),
        ]
    }

    fn facts(&self, visit: &Visit<'_>, names: &Names) -> Vec<(&'static str, Markup)> {
        let candidate = link(
            visit,
            Page::Candidate,
            "candidateId",
            &self.candidate_id,
            names,
        );
        vec![
            ("Candidate", candidate),
            (
                "Agent",
                link(visit, Page::Agent, "agentId", &self.agent_id, names),
            ),
            ("Job", self.job(visit, names)),
            ("Scheduled", time(&self.scheduled_at)),
            ("Finished", time_or(self.finished_at.as_deref(), "Not yet")),
            ("Minutes", or_none(self.minutes().as_deref())),
            (
                "Test",
                html! { @if self.is_test { "Yes: not billed" } @else { "No" } },
            ),
        ]
    }

    fn more(&self) -> Vec<(&'static str, Markup)> {
        let analysis = self.analysis.as_ref();
        analysis
            .map(|analysis| ("Analysis", json(analysis)))
            .into_iter()
            .collect()
    }
}

impl Interview {
    fn job(&self, visit: &Visit<'_>, names: &Names) -> Markup {
        match &self.job_id {
            Some(id) => link(visit, Page::Job, "jobId", id, names),
            None => or_none(None),
        }
    }

    fn minutes(&self) -> Option<String> {
        self.duration_minutes.map(|minutes| minutes.to_string())
    }
}

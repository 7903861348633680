//! Candidates on their pages.

use maud::{Markup, html};
use routes::inner::dashboard::Operation;
use serde::Deserialize;

use super::{
    Kind, Named, Names, Shown,
    words::{badge, link, or_none},
};
use crate::{Page, visit::Visit};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Candidate {
    first_name: String,
    last_name: String,
    email: Option<String>,
    phone_number: Option<String>,
    gdpr_expiry_date: String,
    job_ids: Vec<String>,
    status: String,
    overall_rating: Option<u8>,
    interview_count: u64,
}

impl Shown for Candidate {
    const KIND: Kind = Kind {
        list: Page::Candidates,
        one: Page::Candidate,
        browse: Operation::BrowseCandidates,
        show: Operation::ShowCandidate,
        id: "candidateId",
        plural: "Candidates",
        singular: "candidate",
        columns: &["Name", "Status", "Reached at", "Rating", "Interviews"],
        states: &["APPLIED", "IN_PROCESS", "REJECTED", "ACCEPTED"],
        searched: Some("A name, or the address"),
        of: &["jobId"],
        first: "A program makes candidates with a key that has the scope write:candidates, by POST /candidates.",
    };

    fn title(&self, _: &Names) -> String {
        format!("{} {}", self.first_name, self.last_name)
    }

    fn state(&self) -> Option<&str> {
        Some(&self.status)
    }

    fn named(&self) -> Vec<Named<'_>> {
        self.job_ids.iter().map(|id| Named::Job(id)).collect()
    }

    /// It may be of twenty jobs, and its row says none.
    fn named_in_row(&self) -> Vec<Named<'_>> {
        Vec::new()
    }

    fn cells(&self, _: &Visit<'_>, _: &Names) -> Vec<Markup> {
        let reached = self.email.as_deref().or(self.phone_number.as_deref());
        vec![
            badge(&self.status),
            or_none(reached),
            or_none(self.rating().as_deref()),
            html! { (self.interview_count) },
        ]
    }

    fn facts(&self, visit: &Visit<'_>, names: &Names) -> Vec<(&'static str, Markup)> {
        vec![
            ("E-mail", or_none(self.email.as_deref())),
            ("Telephone", or_none(self.phone_number.as_deref())),
            ("Rating", or_none(self.rating().as_deref())),
            ("Interviews", html! { (self.interview_count) }),
            // A day as it is in UTC, wherever one looks from.
            (
                "Kept until",
                html! { (self.gdpr_expiry_date) ", then erased" },
            ),
            (
                "Jobs",
                html! {
                    @if self.job_ids.is_empty() { "–" }
                    @for (at, id) in self.job_ids.iter().enumerate() {
                        @if at > 0 { ", " }
                        (link(visit, Page::Job, "jobId", id, names))
                    }
                },
            ),
        ]
    }

    fn more(&self) -> Vec<(&'static str, Markup)> {
        Vec::new()
    }

    fn links(&self, visit: &Visit<'_>, id: &str) -> Markup {
        html! { a.button href=(visit.owned(Page::Interviews, &[("candidateId", id)])) { "Interviews" } }
    }
}

impl Candidate {
    fn rating(&self) -> Option<String> {
        self.overall_rating.map(|rating| format!("{rating} of 100"))
    }
}

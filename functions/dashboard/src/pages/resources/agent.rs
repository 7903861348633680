//! Agents on their pages.

use maud::{Markup, html};
use routes::inner::dashboard::Operation;
use serde::Deserialize;

use super::{
    Kind, Names, Shown,
    words::{or_none, text, words},
};
use crate::{Page, visit::Visit};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Agent {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    focus: String,
    language: String,
    duration: u32,
    company_phone_number_id: Option<String>,
    cefr_level: Option<String>,
    instructions: Option<String>,
    voice_id: Option<String>,
    questions: Vec<String>,
    background_sound: String,
}

impl Shown for Agent {
    const KIND: Kind = Kind {
        list: Page::Agents,
        one: Page::Agent,
        browse: Operation::BrowseAgents,
        show: Operation::ShowAgent,
        id: "agentId",
        plural: "Agents",
        singular: "agent",
        columns: &["Name", "Focus", "By", "Language", "Minutes"],
        states: &[],
        searched: None,
        of: &[],
        first: "A program makes agents with a key that has the scope write:agents, by POST /agents.",
    };

    fn title(&self, _: &Names) -> String {
        self.name.clone()
    }

    fn state(&self) -> Option<&str> {
        None
    }

    fn cells(&self, _: &Visit<'_>, _: &Names) -> Vec<Markup> {
        vec![
            self.focus(),
            html! { (words(&self.kind)) },
            html! { (self.language) },
            html! { (self.duration) },
        ]
    }

    fn facts(&self, _: &Visit<'_>, _: &Names) -> Vec<(&'static str, Markup)> {
        let voice = self.voice_id.as_deref().map(words);
        let mut facts = vec![
            ("Focus", self.focus()),
            ("Interviews by", html! { (words(&self.kind)) }),
            ("Language", html! { (self.language) }),
            ("Planned minutes", html! { (self.duration) }),
            ("Voice", or_none(voice.as_deref())),
            (
                "Background sound",
                html! { (words(&self.background_sound)) },
            ),
        ];
        if let Some(number) = &self.company_phone_number_id {
            facts.push(("Telephone number", html! { code { (number) } }));
        }
        facts
    }

    fn more(&self) -> Vec<(&'static str, Markup)> {
        let instructions = self.instructions.as_deref();
        let instructions = instructions.map(|said| ("Instructions", text(said)));
        let questions = (!self.questions.is_empty()).then(|| {
            let list = html! { ol { @for question in &self.questions { li { (question) } } } };
            ("Questions", list)
        });
        instructions.into_iter().chain(questions).collect()
    }

    fn links(&self, visit: &Visit<'_>, id: &str) -> Markup {
        html! { a.button href=(visit.owned(Page::Interviews, &[("agentId", id)])) { "Its interviews" } }
    }
}

impl Agent {
    fn focus(&self) -> Markup {
        html! { (words(&self.focus)) @if let Some(level) = &self.cefr_level { " " (level) } }
    }
}

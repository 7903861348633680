//! Jobs on their pages.

use maud::{Markup, html};
use routes::inner::dashboard::Operation;
use serde::Deserialize;
use serde_json::Number;

use super::{
    Kind, Names, Shown,
    words::{badge, or_none, tags, text, words},
};
use crate::{Page, visit::Visit};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Job {
    title: String,
    description: String,
    status: String,
    job_url: Option<String>,
    benefits: Option<String>,
    experience: Option<String>,
    contract_type: Option<String>,
    location: Option<Location>,
    salary: Option<Salary>,
    required_skills: Vec<String>,
    nice_to_have_skills: Vec<String>,
    language_requirements: Vec<Language>,
    education: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    work_mode: String,
    street: Option<String>,
    city: Option<String>,
    postal_code: Option<String>,
    country_code: Option<String>,
}

#[derive(Deserialize)]
struct Salary {
    min: Option<Number>,
    max: Option<Number>,
    currency: String,
    period: String,
}

#[derive(Deserialize)]
struct Language {
    language: String,
    proficiency: String,
}

impl Shown for Job {
    const KIND: Kind = Kind {
        list: Page::Jobs,
        one: Page::Job,
        browse: Operation::BrowseJobs,
        show: Operation::ShowJob,
        id: "jobId",
        plural: "Jobs",
        singular: "job",
        columns: &["Title", "Status", "Where", "Contract"],
        states: &["OPEN", "CLOSED"],
        searched: Some("A word of the title"),
        of: &[],
        first: "A program makes jobs with a key that has the scope write:jobs, by POST /jobs.",
    };

    fn title(&self, _: &Names) -> String {
        self.title.clone()
    }

    fn state(&self) -> Option<&str> {
        Some(&self.status)
    }

    fn cells(&self, _: &Visit<'_>, _: &Names) -> Vec<Markup> {
        let place = self.location.as_ref().map(Location::said);
        let contract = self.contract_type.as_deref().map(words);
        vec![
            badge(&self.status),
            or_none(place.as_deref()),
            or_none(contract.as_deref()),
        ]
    }

    fn facts(&self, _: &Visit<'_>, _: &Names) -> Vec<(&'static str, Markup)> {
        let experience = self.experience.as_deref().map(words);
        let contract = self.contract_type.as_deref().map(words);
        let place = self.location.as_ref().map(Location::in_full);
        let salary = self.salary.as_ref().map(Salary::said);
        let languages: Vec<_> = self
            .language_requirements
            .iter()
            .map(|of| format!("{} {}", of.language, of.proficiency))
            .collect();
        let education: Vec<_> = self.education.iter().map(|of| words(of)).collect();
        let listed = |all: Vec<String>| (!all.is_empty()).then(|| all.join(", "));
        let mut facts = vec![
            ("Where", or_none(place.as_deref())),
            ("Contract", or_none(contract.as_deref())),
            ("Experience", or_none(experience.as_deref())),
            ("Salary", or_none(salary.as_deref())),
            ("Languages", or_none(listed(languages).as_deref())),
            ("Education", or_none(listed(education).as_deref())),
        ];
        if let Some(url) = &self.job_url {
            // Only http and https are taken.
            facts.push((
                "Advertised at",
                html! { a href=(url) rel="noreferrer" { (url) } },
            ));
        }
        facts
    }

    fn more(&self) -> Vec<(&'static str, Markup)> {
        let mut more = vec![("Description", text(&self.description))];
        more.extend(
            self.benefits
                .as_deref()
                .map(|said| ("Benefits", text(said))),
        );
        for (heading, skills) in [
            ("Required skills", &self.required_skills),
            ("Nice to have", &self.nice_to_have_skills),
        ] {
            if !skills.is_empty() {
                more.push((heading, tags(skills.iter().map(String::as_str))));
            }
        }
        more
    }

    fn links(&self, visit: &Visit<'_>, id: &str) -> Markup {
        html! {
            a.button href=(visit.owned(Page::Candidates, &[("jobId", id)])) { "Its candidates" }
            a.button href=(visit.owned(Page::Interviews, &[("jobId", id)])) { "Its interviews" }
        }
    }
}

impl Location {
    fn said(&self) -> String {
        match &self.city {
            Some(city) => format!("{city}, {}", words(&self.work_mode).to_lowercase()),
            None => words(&self.work_mode),
        }
    }

    fn in_full(&self) -> String {
        let street = self.street.clone();
        let town = [&self.postal_code, &self.city];
        let town: Vec<_> = town.into_iter().flatten().map(String::as_str).collect();
        let town = (!town.is_empty()).then(|| town.join(" "));
        let parts = [
            Some(words(&self.work_mode)),
            street,
            town,
            self.country_code.clone(),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        parts.join(", ")
    }
}

impl Salary {
    fn said(&self) -> String {
        let period = words(&self.period).to_lowercase();
        let range = match (&self.min, &self.max) {
            (Some(min), Some(max)) => format!("{min} to {max} "),
            (Some(min), None) => format!("from {min} "),
            (None, Some(max)) => format!("up to {max} "),
            (None, None) => String::new(),
        };
        format!("{range}{}, {period}", self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::{Location, Salary};

    #[test]
    fn pay_and_place_are_told_in_words() {
        let salary = |min: Option<i32>, max: Option<i32>| Salary {
            min: min.map(Into::into),
            max: max.map(Into::into),
            currency: "EUR".to_owned(),
            period: "YEARLY".to_owned(),
        };
        assert_eq!(salary(Some(1), Some(2)).said(), "1 to 2 EUR, yearly");
        assert_eq!(salary(None, Some(2)).said(), "up to 2 EUR, yearly");
        assert_eq!(salary(None, None).said(), "EUR, yearly");
        let location = Location {
            work_mode: "HYBRID".to_owned(),
            street: None,
            city: Some("Prague".to_owned()),
            postal_code: Some("110 00".to_owned()),
            country_code: Some("CZ".to_owned()),
        };
        assert_eq!(location.said(), "Prague, hybrid");
        assert_eq!(location.in_full(), "Hybrid, 110 00 Prague, CZ");
    }
}

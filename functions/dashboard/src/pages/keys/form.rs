//! What a person chooses of a key: name, scopes, expiry, addresses.

use maud::{Markup, html};
use model::Timestamp;
use routes::Scope;
use serde_json::{Value, json};

use super::Key;
use crate::{
    answer::Problem,
    form::Form,
    parts::{Field, refusal},
    visit::Visit,
};

/// The form as it was filled in, right or wrong.
#[derive(Default)]
pub(crate) struct KeyForm {
    name: String,
    preset: String,
    scopes: Vec<String>,
    /// Days, `date`, `keep` or empty.
    expiry: String,
    /// `YYYY-MM-DD`.
    date: String,
    addresses: String,
    /// Of a key that is there already.
    expires_at: Option<String>,
}

/// A preset's value, its name, and the scopes it stands for.
type Preset = (&'static str, &'static str, fn(Scope) -> bool);

const PRESETS: [Preset; 3] = [
    ("read", "Read only", |scope| {
        scope.as_str().starts_with("read:")
    }),
    ("all", "Full access", |_| true),
    ("candidates", "Candidate management", |scope| {
        matches!(
            scope,
            Scope::ReadCandidates
                | Scope::WriteCandidates
                | Scope::DeleteCandidates
                | Scope::ReadJobs
                | Scope::ReadInterviews
                | Scope::WriteInterviews
                | Scope::ReadAgents
        )
    }),
];

const RESOURCES: [(&str, &str); 6] = [
    ("jobs", "Jobs"),
    ("candidates", "Candidates"),
    ("interviews", "Interviews"),
    ("agents", "Agents"),
    ("companies", "Company"),
    ("billing", "Billing"),
];

const ACTIONS: [(&str, &str); 3] = [("read", "Read"), ("write", "Write"), ("delete", "Delete")];

/// How long a key may be chosen to live, in days.
const LIVES: [(i64, &str); 3] = [(30, "In 30 days"), (90, "In 90 days"), (365, "In a year")];

impl KeyForm {
    pub(crate) fn read(visit: &Visit<'_>, form: &Form) -> KeyForm {
        let mut addresses = form.text("addresses").to_owned();
        let own = own_address(visit);
        if form.is_checked("own") && !entries(&addresses).any(|entry| entry == own) {
            if !addresses.is_empty() {
                addresses.push('\n');
            }
            addresses.push_str(own);
        }
        KeyForm {
            name: form.text("name").to_owned(),
            preset: form.text("preset").to_owned(),
            scopes: form.all("scope").map(str::to_owned).collect(),
            expiry: form.text("expiry").to_owned(),
            date: form.text("date").to_owned(),
            addresses,
            expires_at: None,
        }
    }

    /// A key as it is, to be changed.
    pub(super) fn of(key: &Key) -> KeyForm {
        KeyForm {
            name: key.name.clone(),
            preset: "custom".to_owned(),
            scopes: key.scopes.clone(),
            expiry: match key.expires_at {
                Some(_) => "keep".to_owned(),
                None => String::new(),
            },
            date: String::new(),
            addresses: key.allowed_ips.clone().unwrap_or_default().join("\n"),
            expires_at: key.expires_at.clone(),
        }
    }

    /// With what the key itself says that the form doesn't.
    pub(super) fn on(mut self, key: &Key) -> KeyForm {
        self.expires_at = key.expires_at.clone();
        self
    }

    /// The API's body.
    pub(crate) fn body(&self, now: Timestamp) -> Value {
        let mut body = json!({ "name": self.name, "scopes": self.chosen() });
        match self.expiry.as_str() {
            "" | "never" => body["expiresAt"] = Value::Null,
            "keep" => {}
            "date" => body["expiresAt"] = end_of(&self.date),
            other => {
                let life = LIVES.iter().find(|(days, _)| days.to_string() == other);
                let at = life.map(|(days, _)| now.plus(chrono::Duration::days(*days)).to_string());
                // What isn't offered is the API's to refuse.
                let day = at.as_deref().unwrap_or(other).split('T').next();
                body["expiresAt"] = end_of(day.unwrap_or_default());
            }
        }
        let mut addresses = entries(&self.addresses).peekable();
        body["allowedIPs"] = match addresses.peek() {
            None => Value::Null,
            Some(_) => addresses.collect::<Vec<_>>().into(),
        };
        body
    }

    /// A preset counts until `custom` is chosen: without a script nothing ticks the boxes.
    fn chosen(&self) -> Vec<&str> {
        let preset = PRESETS.iter().find(|(value, ..)| *value == self.preset);
        match preset {
            Some((_, _, holds)) => {
                let held = Scope::ALL.into_iter().filter(|scope| holds(*scope));
                held.map(Scope::as_str).collect()
            }
            None => self.scopes.iter().map(String::as_str).collect(),
        }
    }

    /// What went wrong, above the form: of its own fields each says it itself.
    pub(super) fn refusal(problem: Option<&Problem>) -> Markup {
        match problem {
            Some(problem) if problem.status == 400 => html! {
                div.note.bad role="alert" { p { "Some of this can't be taken. What is wrong stands beside it." } }
            },
            problem => refusal(problem),
        }
    }

    pub(crate) fn fields(&self, visit: &Visit<'_>, problem: Option<&Problem>) -> Markup {
        let name = Field {
            name: "name",
            label: "Name",
            hint: "What uses it, such as “Job board”. Only your people see it.",
            member: "name",
            problem,
        };
        let wrong_name = problem.and_then(|problem| problem.of_field("name"));
        html! {
            // The API counts characters, of which browsers count some as two.
            (name.with(|id, describes| html! {
                input id=(id) name="name" value=(self.name) maxlength="200" required autocomplete="off"
                    aria-describedby=(describes) aria-invalid=[wrong_name.as_ref().map(|_| "true")];
            }))
            (self.scope_fields(problem))
            (self.expiry_fields(problem))
            (self.address_fields(visit, problem))
        }
    }

    fn address_fields(&self, visit: &Visit<'_>, problem: Option<&Problem>) -> Markup {
        let wrong = self.wrong_addresses(problem);
        let describes = match wrong.is_empty() {
            true => "addresses-hint",
            false => "addresses-hint addresses-error",
        };
        let own = own_address(visit);
        html! {
            div.field {
                label for="addresses" { "Allowed addresses" }
                textarea id="addresses" name="addresses" rows="3" spellcheck="false" aria-describedby=(describes)
                    aria-invalid=[(!wrong.is_empty()).then_some("true")] { (self.addresses) }
                p.hint id="addresses-hint" { "One address or network (CIDR) a line, at most 50. Empty: from anywhere." }
                @if !wrong.is_empty() {
                    ul.error id="addresses-error" {
                        @for (entry, why) in &wrong { li { @if let Some(entry) = entry { code { (entry) } " " } (why) } }
                    }
                }
                // An administrator is nowhere near a partner's programs.
                @if !visit.param("owner").is_empty() && !entries(&self.addresses).any(|entry| entry == own) {
                    div.choice {
                        input type="checkbox" name="own" value="1" id="own";
                        label for="own" { "Add where you are now: " (own) }
                    }
                }
            }
        }
    }

    /// What is wrong with which of the entries, or with the list as a whole.
    fn wrong_addresses(&self, problem: Option<&Problem>) -> Vec<(Option<&str>, String)> {
        let errors = problem.and_then(|problem| problem.details["errors"].as_array());
        let wrong = errors.into_iter().flatten().filter_map(|error| {
            let rest = error["path"].as_str()?.strip_prefix("/allowedIPs")?;
            let place = rest.strip_prefix('/').and_then(|at| at.parse().ok());
            let entry = place.and_then(|at| entries(&self.addresses).nth(at));
            Some((entry, error["message"].as_str()?.to_owned()))
        });
        wrong.collect()
    }

    fn scope_fields(&self, problem: Option<&Problem>) -> Markup {
        let chosen = self.chosen();
        let error = problem.and_then(|problem| problem.of_field("scopes"));
        let custom = !PRESETS.iter().any(|(value, ..)| *value == self.preset);
        html! {
            fieldset.field aria-invalid=[error.as_ref().map(|_| "true")] aria-describedby=[error.as_ref().map(|_| "scopes-error")] {
                legend { "What it may do" }
                @for (value, label, holds) in PRESETS {
                    @let scopes: Vec<_> = Scope::ALL.into_iter().filter(|scope| holds(*scope)).map(Scope::as_str).collect();
                    @let id = format!("preset-{value}");
                    div.choice {
                        input type="radio" name="preset" value=(value) id=(id) aria-describedby=(format!("{id}-hint"))
                            data-preset=(scopes.join(" ")) checked[self.preset == value];
                        label for=(id) { (label) }
                        p.hint id=(format!("{id}-hint")) { (in_words(&scopes)) }
                    }
                }
                div.choice {
                    input type="radio" name="preset" value="custom" id="preset-custom" data-custom checked[custom];
                    label for="preset-custom" { "Just these" }
                }
                (scope_table(&chosen))
                p.hint { output id="summary" for="preset-custom" { @if custom { (in_words(&chosen)) } } " Writing includes neither reading nor deleting." }
                @if let Some(error) = error { p.error id="scopes-error" { (error) } }
            }
        }
    }

    fn expiry_fields(&self, problem: Option<&Problem>) -> Markup {
        let error = problem.and_then(|problem| problem.of_field("expiresAt"));
        let error = error.map(|said| match self.expiry == "date" && self.date.is_empty() {
            true => "Choose the day.".to_owned(),
            false => said,
        });
        let lives = LIVES.map(|(days, label)| (days.to_string(), label));
        let others = [("never", "Never"), ("date", "On a date")];
        let others = others.map(|(value, label)| (value.to_owned(), label));
        let choices = lives.into_iter().chain(others);
        let chosen = match self.expiry.as_str() {
            "" => "never",
            other => other,
        };
        let wrong = error.is_some();
        // What is wrong is the date where one is chosen, and else the choice.
        let wrong_date = wrong && chosen == "date";
        let wrong_choice = wrong && !wrong_date;
        html! {
            fieldset.field aria-invalid=[wrong_choice.then_some("true")] aria-describedby=[wrong_choice.then_some("expiry-error")] {
                legend { "When it expires" }
                @if let Some(at) = &self.expires_at {
                    div.choice {
                        input type="radio" name="expiry" value="keep" id="expiry-keep" checked[chosen == "keep"];
                        label for="expiry-keep" { "As it is: " (crate::parts::time(at)) }
                    }
                }
                @for (value, label) in choices {
                    div.choice {
                        input type="radio" name="expiry" value=(value) id=(format!("expiry-{value}")) checked[chosen == value];
                        label for=(format!("expiry-{value}")) { (label) }
                    }
                }
                div.field {
                    label for="date" { "Date, where one is chosen (UTC, inclusive)" }
                    input id="date" name="date" type="date" value=(self.date)
                        aria-invalid=[wrong_date.then_some("true")] aria-describedby=[wrong_date.then_some("expiry-error")];
                }
                @if let Some(error) = error { p.error id="expiry-error" { (error) } }
            }
        }
    }
}

/// A box for each scope: rows of resources, columns of actions.
pub(crate) fn scope_table(chosen: &[&str]) -> Markup {
    html! {
        table.scopes {
            caption.quiet { "Scopes" }
            thead {
                tr {
                    th scope="col" { "Resource" }
                    @for (_, action) in ACTIONS { th scope="col" { (action) } }
                }
            }
            tbody {
                @for (resource, name) in RESOURCES {
                    tr {
                        th scope="row" { (name) }
                        @for (action, label) in ACTIONS {
                            @let scope = format!("{action}:{resource}");
                            td {
                                @if Scope::parse(&scope).is_ok() {
                                    input type="checkbox" name="scope" value=(scope)
                                        aria-label=(format!("{label} {}", name.to_lowercase()))
                                        checked[chosen.contains(&scope.as_str())];
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// In plain words what a key with these scopes can do.
pub(super) fn in_words(scopes: &[impl AsRef<str>]) -> String {
    let of = |resource: &str| {
        let held = ACTIONS.iter().filter(|(action, _)| {
            let scope = format!("{action}:{resource}");
            scopes.iter().any(|held| held.as_ref() == scope)
        });
        held.map(|(_, label)| label.to_lowercase())
            .collect::<Vec<_>>()
    };
    let parts: Vec<_> = RESOURCES
        .iter()
        .filter_map(|(resource, name)| {
            let actions = of(resource);
            let name = name.to_lowercase();
            match actions.as_slice() {
                [] => None,
                [one] => Some(format!("{one} {name}")),
                [all @ .., last] => Some(format!("{} and {last} {name}", all.join(", "))),
            }
        })
        .collect();
    match parts.is_empty() {
        true => "It can do nothing.".to_owned(),
        false => format!("It can {}.", parts.join("; ")),
    }
}

/// The end of a day: the day itself still counts, and it is the same when a browser sends the form again.
fn end_of(day: &str) -> Value {
    format!("{day}T23:59:59.999Z").into()
}

/// Where the browser is, as the gateway says.
fn own_address<'v>(visit: &Visit<'v>) -> &'v str {
    let address = visit.context.identity.source_ip.as_deref();
    address.unwrap_or_default()
}

/// Addresses and networks as they were typed, by lines, spaces or commas.
fn entries(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(|letter: char| letter.is_whitespace() || letter == ',');
    parts.filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_told_in_plain_words() {
        assert_eq!(
            in_words(&["read:jobs", "write:candidates", "read:candidates"]),
            "It can read jobs; read and write candidates."
        );
        assert_eq!(in_words(&[""; 0]), "It can do nothing.");
    }

    #[test]
    fn a_wrong_address_is_named_with_what_is_wrong() {
        let form = KeyForm {
            addresses: "192.0.2.1, 10.0.0.1/8\nhome".to_owned(),
            ..KeyForm::default()
        };
        let error = |path: &str, message: &str| json!({ "path": path, "message": message });
        let problem = Problem {
            status: 400,
            code: "VALIDATION_ERROR".to_owned(),
            message: String::new(),
            details: json!({ "errors": [
                error("/name", "is missing"),
                error("/allowedIPs/1", "has host bits set"),
                error("/allowedIPs/2", "is no address"),
                error("/allowedIPs", "are too many"),
            ] }),
        };
        let told = [
            (Some("10.0.0.1/8"), "has host bits set".to_owned()),
            (Some("home"), "is no address".to_owned()),
            (None, "are too many".to_owned()),
        ];
        assert_eq!(form.wrong_addresses(Some(&problem)), told);
        assert!(form.wrong_addresses(None).is_empty());
    }
}

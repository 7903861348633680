//! What a person chooses of a key: name, scopes, expiry, addresses.

use maud::{Markup, html};
use model::Timestamp;
use routes::Scope;
use serde_json::{Value, json};

use super::Key;
use crate::{answer::Problem, form::Form, parts::Field, visit::Visit};

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

impl KeyForm {
    pub(crate) fn read(form: &Form) -> KeyForm {
        KeyForm {
            name: form.text("name").to_owned(),
            preset: form.text("preset").to_owned(),
            scopes: form.all("scope").map(str::to_owned).collect(),
            expiry: form.text("expiry").to_owned(),
            date: form.text("date").to_owned(),
            addresses: form.text("addresses").to_owned(),
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
            // The end of that day, so that the day itself still counts.
            "date" => body["expiresAt"] = format!("{}T23:59:59.999Z", self.date).into(),
            days => {
                let days = days.parse().unwrap_or_default();
                let at = now.plus(chrono::Duration::days(days)).to_string();
                // The end of a day, as above, and so the same when a browser sends the form again.
                let day = at.split('T').next().unwrap_or_default();
                body["expiresAt"] = format!("{day}T23:59:59.999Z").into();
            }
        }
        let mut addresses = self
            .addresses
            .split(|letter: char| letter.is_whitespace() || letter == ',')
            .filter(|part| !part.is_empty())
            .peekable();
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

    pub(crate) fn fields(&self, visit: &Visit<'_>, problem: Option<&Problem>) -> Markup {
        let name = Field {
            name: "name",
            label: "Name",
            hint: "What uses it, such as “Job board”. Only your people see it.",
            member: "name",
            problem,
        };
        let addresses = Field {
            name: "addresses",
            label: "Allowed addresses",
            hint: "One address or network (CIDR) a line, at most 50. Empty: from anywhere.",
            member: "allowedIPs",
            problem,
        };
        let own = visit
            .context
            .identity
            .source_ip
            .as_deref()
            .unwrap_or_default();
        html! {
            // The API counts characters, of which browsers count some as two.
            (name.with(|id, describes| html! {
                input id=(id) name="name" value=(self.name) maxlength="200" required autocomplete="off" aria-describedby=(describes);
            }))
            (self.scope_fields(problem))
            (self.expiry_fields(problem))
            (addresses.with(|id, describes| html! {
                textarea id=(id) name="addresses" rows="3" spellcheck="false" aria-describedby=(describes) { (self.addresses) }
            }))
            p.hint { "You are at " code id="own-address" { (own) } ". "
                button.plain type="button" data-copy="own-address" hidden { "Copy" }
            }
        }
    }

    fn scope_fields(&self, problem: Option<&Problem>) -> Markup {
        let chosen = self.chosen();
        let error = problem.and_then(|problem| problem.of_field("scopes"));
        let custom = !PRESETS.iter().any(|(value, ..)| *value == self.preset);
        html! {
            fieldset.field {
                legend { "What it may do" }
                @for (value, label, holds) in PRESETS {
                    @let scopes: Vec<_> = Scope::ALL.into_iter().filter(|scope| holds(*scope)).map(Scope::as_str).collect();
                    div.choice {
                        input type="radio" name="preset" value=(value) id=(format!("preset-{value}"))
                            data-preset=(scopes.join(" ")) checked[self.preset == value];
                        label for=(format!("preset-{value}")) { (label) }
                    }
                }
                div.choice {
                    input type="radio" name="preset" value="custom" id="preset-custom" checked[custom];
                    label for="preset-custom" { "Just these" }
                }
                (scope_table(&chosen))
                p.hint { "Writing includes neither reading nor deleting." }
                @if let Some(error) = error { p.error { (error) } }
            }
        }
    }

    fn expiry_fields(&self, problem: Option<&Problem>) -> Markup {
        let error = problem.and_then(|problem| problem.of_field("expiresAt"));
        let choices = [
            ("30", "In 30 days"),
            ("90", "In 90 days"),
            ("365", "In a year"),
            ("never", "Never"),
            ("date", "On a date"),
        ];
        let chosen = match self.expiry.as_str() {
            "" => "never",
            other => other,
        };
        html! {
            fieldset.field {
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
                    input id="date" name="date" type="date" value=(self.date);
                }
                @if let Some(error) = error { p.error { (error) } }
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
pub(super) fn in_words(scopes: &[String]) -> String {
    let of = |resource: &str| {
        let held = ACTIONS.iter().filter(|(action, _)| {
            let scope = format!("{action}:{resource}");
            scopes.contains(&scope)
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

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn scopes_are_told_in_plain_words() {
        let held = |scopes: &[&str]| -> Vec<String> {
            scopes.iter().map(|scope| (*scope).to_owned()).collect()
        };
        assert_eq!(
            in_words(&held(&["read:jobs", "write:candidates", "read:candidates"])),
            "It can read jobs; read and write candidates."
        );
        assert_eq!(in_words(&[]), "It can do nothing.");
    }
}

//! What people want to be alerted to, who is told, and from how much on.

use maud::{Markup, html};
use model::AlertKind;
use routes::{Role, keys::Operation};
use serde::Deserialize;
use serde_json::{Value, json};

use super::notices;
use crate::{
    Page,
    answer::{Answer, Problem, Stop},
    ask::Ask,
    form::Form,
    inner::Frame,
    parts::{Field, heading, refusal, time},
    visit::Visit,
};

/// The settings, as the API shows them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    disabled: Vec<String>,
    recipients: Option<Vec<String>>,
    volume_factor: u32,
    version: u64,
    updated_at: Option<String>,
}

/// The form as it was filled in, right or wrong.
struct AlertForm {
    disabled: Vec<String>,
    /// `owners`, `these` or `nobody`.
    to: String,
    recipients: String,
    volume_factor: String,
    version: String,
}

pub(crate) async fn show(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let owner = visit.owner()?;
    let (frame, settings) = futures_util::try_join!(visit.frame(owner), read(visit))?;
    let saved = !visit.query("saved").is_empty();
    let form = AlertForm::of(&settings);
    Ok(page(visit, &frame, &settings, form, saved, None))
}

pub(crate) async fn set(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let sent = Form::read(visit)?;
    visit.fresh()?;
    let form = AlertForm::read(&sent);
    let ask = Ask::new(Operation::SetAlertSettings)
        .of(visit.owner()?)
        .body(form.body())
        .if_match(&form.version)
        .of_form(&sent);
    match visit.ask(ask).await {
        Ok(_) => Ok(Answer::see(&visit.owned(Page::Alerts, &[("saved", "1")]))),
        Err(Stop::Problem(problem)) if matches!(problem.status, 400 | 409) => {
            let settings = read(visit).await?;
            let form = if problem.is_stale() {
                // Somebody else was faster: what they made of it is what is to be changed now.
                AlertForm::of(&settings)
            } else {
                form
            };
            let frame = visit.frame(visit.owner()?).await?;
            Ok(page(visit, &frame, &settings, form, false, Some(&problem)))
        }
        Err(stop) => Err(stop),
    }
}

async fn read(visit: &Visit<'_>) -> Result<Settings, Stop> {
    let ask = Ask::new(Operation::GetAlertSettings).of(visit.owner()?);
    visit.get(ask).await
}

fn page(
    visit: &Visit<'_>,
    frame: &Frame,
    settings: &Settings,
    form: AlertForm,
    saved: bool,
    problem: Option<&Problem>,
) -> Answer {
    let may_set = frame.role() >= Some(Role::Admin);
    let sub = html! {
        "Once a minute, what your keys did is looked at; what is unusual becomes a notice, and a mail."
        @if let Some(at) = &settings.updated_at { " Last changed " (time(at)) "." }
    };
    let content = html! {
        (heading("Alerts", sub, html! {}))
        @if saved { div.note.ok role="status" { p { "Saved. It counts from now on." } } }
        (refusal(problem))
        @if may_set {
            form.form method="post" action=(visit.owned(Page::SetAlerts, &[])) {
                (visit.form_proof())
                input type="hidden" name="version" value=(form.version);
                (form.fields(problem, false))
                div.actions { button.primary { "Save" } }
            }
        } @else {
            div.note.info role="status" { p { "Owners and administrators change these." } }
            div.form { (form.fields(None, true)) }
        }
    };
    let status = problem.map_or(200, |problem| problem.status);
    visit.framed_as(status, frame, Page::Alerts, "Alerts", content)
}

impl AlertForm {
    fn of(settings: &Settings) -> AlertForm {
        let to = match settings.recipients.as_deref() {
            None => "owners",
            Some([]) => "nobody",
            Some(_) => "these",
        };
        AlertForm {
            disabled: settings.disabled.clone(),
            to: to.to_owned(),
            recipients: settings.recipients.clone().unwrap_or_default().join("\n"),
            volume_factor: settings.volume_factor.to_string(),
            version: settings.version.to_string(),
        }
    }

    /// What is ticked is wanted; the API is told of what is not.
    fn read(form: &Form) -> AlertForm {
        let wanted: Vec<_> = form.all("kind").collect();
        let kinds = AlertKind::ALL.iter().map(|kind| kind.as_str());
        AlertForm {
            disabled: kinds
                .filter(|kind| !wanted.contains(kind))
                .map(str::to_owned)
                .collect(),
            to: form.text("to").to_owned(),
            recipients: form.text("recipients").to_owned(),
            volume_factor: form.text("volumeFactor").to_owned(),
            version: form.text("version").to_owned(),
        }
    }

    fn body(&self) -> Value {
        let mut body = json!({ "disabled": self.disabled });
        match self.to.as_str() {
            "nobody" => body["recipients"] = json!([]),
            "these" => {
                let addresses = self
                    .recipients
                    .split(|letter: char| letter.is_whitespace() || letter == ',');
                let addresses: Vec<_> = addresses.filter(|part| !part.is_empty()).collect();
                body["recipients"] = addresses.into();
            }
            _ => {}
        }
        if !self.volume_factor.is_empty() {
            // What is no number goes as it is, for the API to refuse.
            body["volumeFactor"] = match self.volume_factor.parse::<u32>() {
                Ok(factor) => factor.into(),
                Err(_) => self.volume_factor.as_str().into(),
            };
        }
        body
    }

    fn fields(&self, problem: Option<&Problem>, fixed: bool) -> Markup {
        html! {
            fieldset.field disabled[fixed] {
                legend { "What to tell of" }
                @for kind in AlertKind::ALL {
                    @let kind = kind.as_str();
                    @let id = kind.to_lowercase();
                    div.choice {
                        input type="checkbox" name="kind" value=(kind) id=(id) aria-describedby=(format!("{id}-hint"))
                            checked[!self.disabled.iter().any(|off| off == kind)];
                        label for=(id) { (notices::kind(kind)) }
                        p.hint id=(format!("{id}-hint")) { (sentence(kind)) }
                    }
                }
            }
            (self.recipient_fields(problem, fixed))
            (self.factor_field(problem, fixed))
        }
    }

    fn recipient_fields(&self, problem: Option<&Problem>, fixed: bool) -> Markup {
        let choices = [
            ("owners", "The owners, and whoever made the key"),
            ("these", "These addresses instead"),
            ("nobody", "Nobody: notices stand here alone"),
        ];
        let addresses = Field {
            name: "recipients",
            label: "Addresses, where they are chosen",
            hint: "One a line, at most 20. Of expiries and old secrets the owners are mailed in any case.",
            member: "recipients",
            problem,
        };
        let wrong = problem.and_then(|problem| problem.of_field("recipients"));
        html! {
            fieldset.field disabled[fixed] {
                legend { "Who is mailed" }
                @for (value, label) in choices {
                    div.choice {
                        input type="radio" name="to" value=(value) id=(format!("to-{value}")) checked[self.to == value];
                        label for=(format!("to-{value}")) { (label) }
                    }
                }
                (addresses.with(|id, describes| html! {
                    textarea id=(id) name="recipients" rows="3" spellcheck="false"
                        aria-describedby=(describes) aria-invalid=[wrong.as_ref().map(|_| "true")] { (self.recipients) }
                }))
            }
        }
    }

    fn factor_field(&self, problem: Option<&Problem>, fixed: bool) -> Markup {
        let field = Field {
            name: "volume-factor",
            label: "How many times the usual is too much",
            hint: "From 2 to 100; 5 if nothing is said. Usual is the median of the same hour on the last 14 days.",
            member: "volumeFactor",
            problem,
        };
        let wrong = problem.and_then(|problem| problem.of_field("volumeFactor"));
        field.with(|id, describes| html! {
            input id=(id) name="volumeFactor" type="number" min="2" max="100" value=(self.volume_factor) disabled[fixed]
                aria-describedby=(describes) aria-invalid=[wrong.as_ref().map(|_| "true")];
        })
    }
}

/// When a kind of alert is raised.
fn sentence(kind: &str) -> &'static str {
    match kind {
        "ALERT_NEW_NETWORK" => {
            "A key is used from a network where it was not used in 90 days. Not in its first 3 days of use, unless it is 90 days old."
        }
        "ALERT_WOKE" => "A key is used again after 30 days without a request.",
        "ALERT_REFUSAL_BURST" => {
            "A key is refused for its scopes, address, company or grant 50 times an hour, and in a tenth of its requests."
        }
        "ALERT_VOLUME" => {
            "A key makes many times as many requests as usual for that hour, and at least 500."
        }
        "ALERT_DEAD_CREDENTIAL" => {
            "A revoked, expired or suspended key, or a secret whose time is over, is still tried."
        }
        "ALERT_MANY_COMPANIES" => "A partner's key acts for 25 companies within an hour.",
        "ALERT_RATE_LIMIT" => {
            "A key has used 75 or 90 % of its hour's limit, or was refused for it."
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_alert_is_told_in_a_sentence() {
        for kind in AlertKind::ALL {
            assert!(sentence(kind.as_str()).ends_with('.'), "{kind}");
        }
    }

    #[test]
    fn what_is_not_ticked_is_disabled_and_nobody_is_an_empty_list() {
        let form = AlertForm {
            disabled: vec!["ALERT_WOKE".to_owned()],
            to: "nobody".to_owned(),
            recipients: "a@b.example".to_owned(),
            volume_factor: "7".to_owned(),
            version: "1".to_owned(),
        };
        let expected = json!({ "disabled": ["ALERT_WOKE"], "recipients": [], "volumeFactor": 7 });
        assert_eq!(form.body(), expected);
        let these = AlertForm {
            to: "these".to_owned(),
            recipients: "a@b.example,\nc@d.example ".to_owned(),
            volume_factor: "many".to_owned(),
            ..form
        };
        let expected = json!({
            "disabled": ["ALERT_WOKE"],
            "recipients": ["a@b.example", "c@d.example"],
            "volumeFactor": "many",
        });
        assert_eq!(these.body(), expected);
        let owners = AlertForm {
            to: "owners".to_owned(),
            volume_factor: String::new(),
            ..these
        };
        assert_eq!(owners.body(), json!({ "disabled": ["ALERT_WOKE"] }));
    }
}

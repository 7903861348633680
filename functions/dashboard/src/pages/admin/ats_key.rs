//! Issuing an ATS key: without a secret, which the partner's own people obtain by rotating.

use maud::html;
use routes::keys::Operation;
use serde::Deserialize;
use serde_json::json;

use super::{
    asking,
    entry::{Entry, numbers},
    framed,
    partners::find,
};
use crate::{
    Page,
    answer::{Answer, Problem, Stop},
    form::Form,
    pages::keys::KeyForm,
    parts::{heading, refusal},
    visit::Visit,
};

const LIMITS: [(&str, &str, &str); 3] = [
    (
        "perMinute",
        "Requests a minute",
        "Empty, and so for an hour: as on Scale.",
    ),
    ("perHour", "Requests an hour", ""),
    (
        "perSecond",
        "Requests a second",
        "Needed above 600 a minute, up to 500.",
    ),
];

pub(crate) async fn new(visit: &Visit<'_>) -> Result<Answer, Stop> {
    visit.fresh()?;
    page(visit, &KeyForm::default(), &Default::default(), None).await
}

async fn page(
    visit: &Visit<'_>,
    form: &KeyForm,
    limits: &[String; 3],
    problem: Option<&Problem>,
) -> Result<Answer, Stop> {
    let partner = find(visit).await?;
    let id = visit.param("partnerId");
    let id = [("partnerId", id.as_str())];
    // Faults of the limits stand at members of a member.
    let inner = problem.map(of_limits);
    let sub = html! { "To " bdi { (partner.name) } ". Its own people obtain the secret by rotating the key." };
    let content = html! {
        (heading("Issue an ATS key", sub, html! {}))
        (refusal(problem))
        form.form method="post" action=(visit.href(Page::AdminIssueKey, &id)) {
            (visit.form_proof())
            (form.fields(visit, problem))
            fieldset.field {
                legend { "Limits" }
                @for ((name, label, hint), value) in LIMITS.into_iter().zip(limits) {
                    (Entry { name, label, hint, value, ..Entry::NUMBER }.show(inner.as_ref()))
                }
            }
            div.actions {
                button.primary { "Issue the key" }
                a.button href=(visit.href(Page::AdminPartners, &[])) { "Cancel" }
            }
        }
    };
    let status = problem.map_or(200, |problem| problem.status);
    Ok(framed(
        visit,
        status,
        Page::AdminPartners,
        "Issue an ATS key",
        content,
    ))
}

/// What is said of `rateLimit`, as said of its members alone.
fn of_limits(problem: &Problem) -> Problem {
    let mut problem = problem.clone();
    if let Some(errors) = problem.details["errors"].as_array_mut() {
        errors.retain_mut(|error| {
            let path = error["path"].as_str();
            let within = path.and_then(|path| path.strip_prefix("/rateLimit"));
            let within = within.map(str::to_owned);
            let kept = within.is_some();
            if let Some(within) = within {
                error["path"] = within.into();
            }
            kept
        });
    }
    problem
}

pub(crate) async fn issue(visit: &Visit<'_>) -> Result<Answer, Stop> {
    #[derive(Deserialize)]
    struct Issued {
        id: String,
    }
    let sent = Form::read(visit)?;
    visit.fresh()?;
    let form = KeyForm::read(visit, &sent);
    let partner = visit.param("partnerId");
    let mut body = form.body(visit.now);
    body["type"] = "ATS".into();
    body["partnerId"] = partner.as_str().into();
    let names = LIMITS.map(|(name, ..)| name);
    let mut limits = json!({});
    numbers(&mut limits, &sent, &names);
    if limits.as_object().is_some_and(|limits| !limits.is_empty()) {
        body["rateLimit"] = limits;
    }
    let ask = asking(visit, Operation::CreateApiKey)?
        .body(body)
        .once(&sent.once);
    match visit.get::<Issued>(ask).await {
        Ok(Issued { id }) => {
            let owner = format!("p-{partner}");
            let key = visit.href(Page::AdminKey, &[("owner", &owner), ("keyId", &id)]);
            Ok(Answer::see(&key))
        }
        Err(Stop::Problem(problem)) if matches!(problem.status, 400 | 409) => {
            let typed = names.map(|name| sent.text(name).to_owned());
            page(visit, &form, &typed, Some(&problem)).await
        }
        Err(stop) => Err(stop),
    }
}

#[cfg(test)]
mod tests {
    use super::of_limits;
    use crate::answer::Problem;
    use serde_json::json;

    #[test]
    fn faults_of_limits_are_told_at_their_inputs() {
        let problem = Problem {
            status: 400,
            code: "VALIDATION_ERROR".to_owned(),
            message: String::new(),
            details: json!({ "errors": [
                { "path": "/name", "message": "is too short" },
                { "path": "/rateLimit/perHour", "message": "is required" },
            ] }),
        };
        let inner = of_limits(&problem);
        assert_eq!(inner.of_field("perHour").as_deref(), Some("is required"));
        assert_eq!(inner.of_field("name"), None);
    }
}

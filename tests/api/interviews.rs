//! `/interviews`, and what the interview engine reports of them.

mod create;
mod fields;
mod life;
mod minutes;
mod races;
mod reports;

use serde_json::{Value, json};
use tests::{Caller, TestApp, agent, candidate, job, made_id};

/// The answer's id.
async fn made(app: &TestApp, key: &Caller, path: &str, body: &Value) -> String {
    made_id(&app.post(key, path, body).await)
}

/// An interview of somebody new by somebody new, with these fields besides.
fn inline(fields: &Value) -> Value {
    let mut body = json!({ "candidate": candidate(), "agent": agent() });
    let fields = fields.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(fields);
    body
}

/// How many there are of each kind that an interview can bring along.
async fn totals(app: &TestApp, key: &Caller) -> [u64; 4] {
    let mut totals = [0; 4];
    for (total, path) in totals
        .iter_mut()
        .zip(["/jobs", "/candidates", "/agents", "/interviews"])
    {
        *total = total_of(app, key, path).await;
    }
    totals
}

/// So many seconds from now.
fn in_future(app: &TestApp, seconds: i64) -> String {
    let at = app.now().millis() + seconds * 1000;
    let at = model::Timestamp::from_millis(at).expect("in range");
    at.to_string()
}

async fn total_of(app: &TestApp, key: &Caller, path: &str) -> u64 {
    let listed = app.get(key, path).await;
    let total = &listed.data()["pagination"]["total"];
    total
        .as_u64()
        .unwrap_or_else(|| panic!("{path}: {}", listed.body))
}

/// A candidate with an agent of this focus, and so many jobs.
async fn parts(
    app: &TestApp,
    key: &Caller,
    focus: &str,
    jobs: usize,
) -> (String, String, Vec<String>) {
    let mut ids = Vec::new();
    for _ in 0..jobs {
        ids.push(made(app, key, "/jobs", &job()).await);
    }
    let mut person = candidate();
    person["jobIds"] = json!(ids);
    let mut leads = agent();
    leads["focus"] = json!(focus);
    (
        made(app, key, "/candidates", &person).await,
        made(app, key, "/agents", &leads).await,
        ids,
    )
}

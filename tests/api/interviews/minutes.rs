//! The plan's minutes of a month: held by what is scheduled, replaced by what was used, never passed by what is made.

use super::{in_future, inline, made};
use model::{Month, Plan};
use serde_json::{Value, json};
use std::sync::Arc;
use tests::{Answer, Caller, Company, TestApp, agent, candidate, made_id, report};
use tokio::task::JoinSet;

/// On TRIAL an agent of 20 minutes leads three interviews a month.
async fn trial(app: &TestApp) -> (Company, Caller, Value) {
    let company = app.company_on("Trial", Plan::Trial, None).await;
    let key = app.key_with(&company, json!({})).await.caller;
    let ids = json!({
        "candidateId": made(app, &key, "/candidates", &candidate()).await,
        "agentId": made(app, &key, "/agents", &agent()).await,
    });
    (company, key, ids)
}

async fn committed(app: &TestApp, company: &Company, month: Month) -> u64 {
    let store = app.store(company);
    store.committed_minutes(month).await.expect("a number")
}

fn is_full(answer: &Answer, used: u64, month: Month) {
    assert_eq!(
        (answer.status, answer.code()),
        (402, "BILLING_LIMIT_REACHED"),
        "{}",
        answer.body
    );
    let details = json!({ "limit": 60, "used": used, "resetsAt": month.end() });
    assert_eq!(answer.details(), &details);
}

#[tokio::test]
async fn what_is_scheduled_holds_its_agents_duration_until_it_is_over() {
    let app = TestApp::start().await;
    let (company, key, ids) = trial(&app).await;
    let month = Month::of(app.now());
    let mut interviews = Vec::new();
    for number in 1..=3 {
        interviews.push(made(&app, &key, "/interviews", &ids).await);
        assert_eq!(committed(&app, &company, month).await, 20 * number);
    }
    is_full(&app.post(&key, "/interviews", &ids).await, 60, month);
    // A test costs nothing, and one that is refused makes nothing.
    let mut test = ids.clone();
    test["isTest"] = json!(true);
    made(&app, &key, "/interviews", &test).await;
    assert_eq!(super::total_of(&app, &key, "/interviews").await, 4);
    is_full(
        &app.post(&key, "/interviews", &inline(&json!({}))).await,
        60,
        month,
    );
    assert_eq!(super::totals(&app, &key).await, [0, 1, 1, 4]);
    // 15 of 20 minutes were used: 5 are free again, which isn't enough.
    app.put(report(&company, &interviews[0], "COMPLETED", app.now()))
        .await
        .expect("taken");
    is_full(&app.post(&key, "/interviews", &ids).await, 55, month);
    // A failure gives all of them back.
    app.put(report(&company, &interviews[1], "FAILED", app.now()))
        .await
        .expect("taken");
    assert_eq!(committed(&app, &company, month).await, 35);
    interviews.push(made(&app, &key, "/interviews", &ids).await);
    // So does cancelling, whatever the agent's duration is by now.
    let agent = format!("/agents/{}", ids["agentId"].as_str().expect("an id"));
    app.patch(&key, &agent, &json!({ "duration": 45 })).await;
    let cancelled = format!("/interviews/{}", interviews[3]);
    app.patch(&key, &cancelled, &json!({ "status": "CANCELLED" }))
        .await;
    assert_eq!(committed(&app, &company, month).await, 35);
    is_full(&app.post(&key, "/interviews", &ids).await, 35, month);
    // What runs longer than it was planned to may pass the limit.
    let mut long = report(&company, &interviews[2], "COMPLETED", app.now());
    long["detail"]["durationMinutes"] = json!(240);
    app.put(long).await.expect("taken");
    assert_eq!(committed(&app, &company, month).await, 255);
}

#[tokio::test]
async fn moving_an_interview_into_another_month_moves_what_it_holds() {
    let app = TestApp::start().await;
    let (company, key, ids) = trial(&app).await;
    // Ten days before the month's end.
    let month = Month::of(app.now());
    let to_end = month.end().since(app.now()).num_seconds() - 10 * 24 * 3600;
    if to_end > 0 {
        app.advance(std::time::Duration::from_secs(to_end.unsigned_abs()));
    }
    let month = Month::of(app.now());
    let next = Month::of(month.end());
    let later = json!({ "scheduledAt": in_future(&app, 15 * 24 * 3600) });
    let mut path = String::new();
    for _ in 0..3 {
        path = format!(
            "/interviews/{}",
            made(&app, &key, "/interviews", &ids).await
        );
    }
    let moved = app.patch(&key, &path, &later).await;
    assert_eq!(moved.status, 200, "{}", moved.body);
    assert_eq!(
        (
            committed(&app, &company, month).await,
            committed(&app, &company, next).await
        ),
        (40, 20)
    );
    made(&app, &key, "/interviews", &ids).await;
    // There is no way back into a month that is full.
    let back = json!({ "scheduledAt": app.now() });
    is_full(&app.patch(&key, &path, &back).await, 60, month);
    assert_eq!(app.get(&key, &path).await.data(), moved.data());
    assert_eq!(
        (
            committed(&app, &company, month).await,
            committed(&app, &company, next).await
        ),
        (60, 20)
    );
    app.patch(&key, &path, &json!({ "status": "CANCELLED" }))
        .await;
    assert_eq!(committed(&app, &company, next).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_two_who_create_at_once_get_exactly_what_the_month_has() {
    let app = Arc::new(TestApp::start().await);
    let company = app.company_on("Racing", Plan::Business, None).await;
    let key = app.key_with(&company, json!({})).await.caller;
    // 2,000 minutes: 11 interviews of 180, and 20 minutes to spare.
    let mut agent = agent();
    agent["duration"] = json!(180);
    let agent = made(&app, &key, "/agents", &agent).await;
    let mut creators = JoinSet::new();
    for _ in 0..32 {
        let (app, key, agent) = (Arc::clone(&app), key.clone(), agent.clone());
        creators.spawn(async move {
            let body = json!({ "candidate": candidate(), "agentId": agent });
            loop {
                let answer = app.post(&key, "/interviews", &body).await;
                match answer.status {
                    201 => return Some(made_id(&answer)),
                    402 => return None,
                    // Others were in the way each time.
                    409 | 503 => {}
                    status => panic!("{status}: {}", answer.body),
                }
            }
        });
    }
    let outcomes = creators.join_all().await;
    let created = outcomes.iter().flatten().count();
    assert_eq!(created, 11);
    assert_eq!(committed(&app, &company, Month::of(app.now())).await, 1_980);
    assert_eq!(super::totals(&app, &key).await, [0, 11, 1, 11]);
    let path = format!("/interviews?agentId={agent}");
    assert_eq!(super::total_of(&app, &key, &path).await, 11);
}

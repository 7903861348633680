//! Many writers at once: what is counted is what there is.

use super::{id, in_future, made, total_of};
use model::{Month, Timestamp};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tests::{Seeded, TestApp, agent, candidate, job, report};
use tokio::task::JoinSet;

const DURATION: u64 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_totals_usage_and_minutes_never_drift_under_eight_writers() {
    let app = Arc::new(TestApp::start().await);
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let leads = made(&app, &key, "/agents", &agent()).await;
    let about = made(&app, &key, "/jobs", &job()).await;
    let mut people = Vec::new();
    for _ in 0..3 {
        let mut person = candidate();
        person["jobIds"] = json!([about]);
        people.push(made(&app, &key, "/candidates", &person).await);
    }
    let new = json!({ "candidateId": people[0], "agentId": leads });
    let mut shared = Vec::new();
    for _ in 0..4 {
        shared.push(made(&app, &key, "/interviews", &new).await);
    }
    let (people, shared) = (Arc::new(people), Arc::new(shared));
    let mut writers = JoinSet::new();
    for writer in 0..8u64 {
        let (app, acme, key) = (Arc::clone(&app), acme.clone(), key.clone());
        let (people, shared, leads) = (Arc::clone(&people), Arc::clone(&shared), leads.clone());
        writers.spawn(async move {
            let mut seeded = Seeded::new(writer);
            let mut known: Vec<String> = shared.to_vec();
            for _ in 0..16 {
                let interview = seeded.pick(&known).clone();
                let path = format!("/interviews/{interview}");
                let answer = match seeded.below(10) {
                    0..4 => {
                        let mut body = json!({
                            "agentId": leads,
                            "isTest": seeded.chance(20),
                            "scheduledAt": in_future(&app, *seeded.pick(&[0, 29 * 24 * 3600])),
                        });
                        match seeded.chance(70) {
                            true => body["candidateId"] = json!(seeded.pick(&people)),
                            false => body["candidate"] = candidate(),
                        }
                        let answer = app.post(&key, "/interviews", &body).await;
                        if answer.status == 201 {
                            known.push(id(&answer));
                        }
                        answer
                    }
                    4..6 => {
                        let at = in_future(&app, *seeded.pick(&[0, 29 * 24 * 3600]));
                        app.patch(&key, &path, &json!({ "scheduledAt": at })).await
                    }
                    6 => {
                        app.patch(&key, &path, &json!({ "status": "CANCELLED" }))
                            .await
                    }
                    _ => {
                        let kind = *seeded.pick(&["STARTED", "COMPLETED", "COMPLETED", "FAILED"]);
                        let mut event = report(&acme, &interview, kind, app.now());
                        if kind == "COMPLETED" {
                            event["detail"]["durationMinutes"] = json!(seeded.below(40));
                        }
                        // Delivered twice; what the store can't take now goes to the failures.
                        let _ = tokio::join!(app.put(event.clone()), app.put(event));
                        continue;
                    }
                };
                let expected = match answer.status {
                    409 => {
                        answer.details()["reason"] == "BUSY"
                            || answer.code() == "INVALID_STATE_TRANSITION"
                    }
                    status => [200, 201, 503].contains(&status),
                };
                assert!(expected, "{} {}", answer.status, answer.body);
            }
        });
    }
    writers.join_all().await;
    app.advance(Duration::from_millis(1));

    let mut all: Vec<Value> = Vec::new();
    let mut page = 1;
    loop {
        let listed = app
            .get(&key, &format!("/interviews?limit=100&page={page}"))
            .await;
        all.extend(listed.data()["items"].as_array().expect("a list").clone());
        if listed.data()["pagination"]["hasNextPage"] == false {
            break;
        }
        page += 1;
    }
    let is = |interview: &Value, field: &str, value: &str| interview[field] == value;
    assert_eq!(total_of(&app, &key, "/interviews").await, all.len() as u64);
    for (field, values) in [
        (
            "status",
            vec![
                "SCHEDULED",
                "IN_PROGRESS",
                "COMPLETED",
                "FAILED",
                "CANCELLED",
            ],
        ),
        ("agentId", vec![&leads]),
        ("jobId", vec![&about]),
        ("candidateId", people.iter().map(String::as_str).collect()),
    ] {
        for value in values {
            let expected = all
                .iter()
                .filter(|interview| is(interview, field, value))
                .count();
            let path = format!("/interviews?{field}={value}&limit=100");
            assert_eq!(
                total_of(&app, &key, &path).await,
                expected as u64,
                "{field} {value}"
            );
            let listed = app.get(&key, &path).await;
            let shown = listed.data()["items"].as_array().expect("a list").len();
            assert_eq!(shown, expected.min(100), "{field} {value}");
        }
    }
    // Who was interviewed how often.
    let billed =
        |interview: &&Value| interview["isTest"] == false && is(interview, "status", "COMPLETED");
    let mut interviews = BTreeMap::<String, u64>::new();
    for interview in &all {
        let person = interview["candidateId"].as_str().expect("an id").to_owned();
        *interviews.entry(person).or_default() += u64::from(billed(&interview));
    }
    for (person, count) in &interviews {
        let person = app.get(&key, &format!("/candidates/{person}")).await;
        assert_eq!(person.data()["interviewCount"], *count);
    }
    // What was billed.
    let minutes = |interview: &Value| interview["durationMinutes"].as_u64().expect("minutes");
    let usage = app.get(&key, "/billing/usage").await;
    let used: u64 = all.iter().filter(billed).map(minutes).sum();
    assert_eq!(usage.data()["totalMinutesUsed"], used);
    assert_eq!(
        usage.data()["totalInterviews"],
        interviews.values().sum::<u64>()
    );
    // What each month has left.
    let month_of = |interview: &Value| {
        let at = interview["scheduledAt"].as_str().expect("an instant");
        Month::of(at.parse::<Timestamp>().expect("an instant"))
    };
    let mut months = BTreeMap::<Month, u64>::new();
    months.insert(Month::of(app.now()), 0);
    for interview in all.iter().filter(|interview| interview["isTest"] == false) {
        let holds = match interview["status"].as_str().expect("a status") {
            "SCHEDULED" | "IN_PROGRESS" => DURATION,
            "COMPLETED" => minutes(interview),
            _ => 0,
        };
        *months.entry(month_of(interview)).or_default() += holds;
        let store = app.store(&acme);
        let interview_id = interview["id"]
            .as_str()
            .and_then(|id| id.parse().ok())
            .expect("an id");
        let reservation = store
            .find_reservation(interview_id)
            .await
            .expect("an answer");
        let open = ["SCHEDULED", "IN_PROGRESS"]
            .iter()
            .any(|status| is(interview, "status", status));
        assert_eq!(
            reservation.map(|held| held.month),
            open.then(|| month_of(interview))
        );
    }
    for (month, expected) in months {
        let committed = app
            .store(&acme)
            .committed_minutes(month)
            .await
            .expect("a number");
        assert_eq!(committed, expected, "{month}");
    }
}

//! From SCHEDULED to an end.

use super::{in_future, inline, made};
use serde_json::{Value, json};
use std::time::Duration;
use tests::{TestApp, made_id, report};

#[tokio::test]
async fn an_interview_is_started_completed_counted_rated_and_billed() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let first = app.post(&key, "/interviews", &inline(&json!({}))).await;
    let interview = made_id(&first);
    let path = format!("/interviews/{interview}");
    app.put(report(&acme, &interview, "STARTED", app.now()))
        .await
        .expect("taken");
    let running = app.get(&key, &path).await;
    assert_eq!(running.data()["status"], "IN_PROGRESS");
    assert_eq!(running.data()["version"], 2);
    assert_eq!(running.data()["finishedAt"], Value::Null);
    let at = app.now();
    app.put(report(&acme, &interview, "COMPLETED", at))
        .await
        .expect("taken");
    let done = app.get(&key, &path).await;
    assert_eq!(done.data()["status"], "COMPLETED");
    assert_eq!(done.data()["durationMinutes"], 15);
    assert_eq!(done.data()["finishedAt"], json!(at));
    assert_eq!(
        done.data()["analysis"]["summary"],
        "Knows what she talks about."
    );
    let person = format!(
        "/candidates/{}",
        done.data()["candidateId"].as_str().expect("an id")
    );
    let person = app.get(&key, &person).await;
    assert_eq!(person.data()["interviewCount"], 1);
    assert_eq!(person.data()["overallRating"], 80);
    app.advance(Duration::from_millis(1));
    let usage = app.get(&key, "/billing/usage").await;
    assert_eq!(usage.data()["totalMinutesUsed"], 15, "{}", usage.body);
    let month = model::Month::of(at);
    assert_eq!(
        app.store(&acme)
            .committed_minutes(month)
            .await
            .expect("a number"),
        15
    );
}

#[tokio::test]
async fn only_what_is_scheduled_can_be_moved_annotated_or_cancelled() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let new = async || {
        let made = app.post(&key, "/interviews", &inline(&json!({}))).await;
        format!("/interviews/{}", made_id(&made))
    };
    let path = new().await;
    let moved = app
        .patch(
            &key,
            &path,
            &json!({ "scheduledAt": in_future(&app, 3600) }),
        )
        .await;
    assert_eq!(
        (moved.status, &moved.data()["version"]),
        (200, &json!(2)),
        "{}",
        moved.body
    );
    let stale = key.request("PATCH", &path).header("if-match", "\"1\"");
    let stale = app
        .send(stale.json(&json!({ "status": "CANCELLED" })))
        .await;
    assert_eq!(stale.details()["reason"], "VERSION");
    let cancelled = app
        .patch(&key, &path, &json!({ "status": "CANCELLED" }))
        .await;
    assert_eq!(cancelled.data()["status"], "CANCELLED");
    let interview = path.trim_start_matches("/interviews/");
    // The engine hears of it too late, and nothing comes of it.
    for kind in ["STARTED", "COMPLETED", "FAILED"] {
        app.put(report(&acme, interview, kind, app.now()))
            .await
            .expect("taken");
    }
    assert_eq!(app.get(&key, &path).await.data(), cancelled.data());

    for (reports, from) in [
        (&["STARTED"][..], "IN_PROGRESS"),
        (&["STARTED", "COMPLETED"], "COMPLETED"),
        (&["FAILED"], "FAILED"),
    ] {
        let path = new().await;
        for kind in reports {
            let interview = path.trim_start_matches("/interviews/");
            app.put(report(&acme, interview, kind, app.now()))
                .await
                .expect("taken");
        }
        let before = app.get(&key, &path).await;
        for (body, to) in [
            (json!({ "status": "CANCELLED" }), "CANCELLED"),
            (json!({ "metadata": { "late": true } }), from),
            (json!({ "scheduledAt": in_future(&app, 60) }), from),
        ] {
            let refused = app.patch(&key, &path, &body).await;
            assert_eq!(
                (refused.status, refused.code()),
                (409, "INVALID_STATE_TRANSITION")
            );
            assert_eq!(refused.details(), &json!({ "from": from, "to": to }));
        }
        // What changes nothing is no change.
        assert_eq!(
            app.patch(&key, &path, &json!({})).await.data(),
            before.data()
        );
    }
}

#[tokio::test]
async fn a_test_is_completed_at_once_and_neither_billed_nor_counted() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let test = app
        .post(&key, "/interviews", &inline(&json!({ "isTest": true })))
        .await;
    let interview = made_id(&test);
    assert_eq!(test.data()["status"], "COMPLETED");
    assert_eq!(test.data()["durationMinutes"], 0);
    assert_eq!(test.data()["finishedAt"], test.data()["createdAt"]);
    app.put(report(&acme, &interview, "COMPLETED", app.now()))
        .await
        .expect("taken");
    app.advance(Duration::from_millis(1));
    let usage = app.get(&key, "/billing/usage").await;
    assert_eq!(usage.data()["totalInterviews"], 0);
    let store = app.store(&acme);
    let month = model::Month::of(app.now());
    assert_eq!(store.committed_minutes(month).await.expect("a number"), 0);
    let person = format!(
        "/candidates/{}",
        test.data()["candidateId"].as_str().expect("an id")
    );
    assert_eq!(app.get(&key, &person).await.data()["interviewCount"], 0);
}

#[tokio::test]
async fn events_of_interviews_and_candidates_name_fields_only() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let body = inline(&json!({ "metadata": { "note": "Canary in a note" } }));
    let interview = made(&app, &key, "/interviews", &body).await;
    app.put(report(&acme, &interview, "COMPLETED", app.now()))
        .await
        .expect("taken");
    app.settle().await;
    let mut found = Vec::new();
    for kind in [
        "interview.created",
        "interview.updated",
        "candidate.updated",
    ] {
        let events = app
            .get(&acme.owner, &format!("/audit-events?type={kind}"))
            .await;
        let [event] = events.data()["items"]
            .as_array()
            .expect("a list")
            .as_slice()
        else {
            panic!("one {kind}: {}", events.body);
        };
        for change in event["changes"].as_array().expect("changes") {
            assert_eq!(change.as_object().expect("an object").len(), 1, "{change}");
        }
        let fields = event["changes"].as_array().expect("changes");
        let fields: Vec<_> = fields
            .iter()
            .map(|change| change["field"].as_str().expect("a field").to_owned())
            .collect();
        found.push((
            event["actor"]["id"].as_str().expect("an actor").to_owned(),
            fields.join(" "),
        ));
    }
    assert_eq!(
        found[0].1,
        "agentId candidateId isTest metadata scheduledAt status"
    );
    assert_eq!(found[1].1, "analysis durationMinutes finishedAt status");
    assert_eq!(found[2].1, "interviewCount overallRating");
    assert_eq!(
        (found[1].0.as_str(), found[2].0.as_str()),
        ("interview-engine", "interview-engine")
    );
    let all = app.get(&acme.owner, "/audit-events?limit=100").await;
    for secret in ["Canary", "Knows what", "Lovelace"] {
        assert!(!all.raw.text().contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_stale_version_is_said_before_the_state() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let made = app.post(&key, "/interviews", &inline(&json!({}))).await;
    let path = format!("/interviews/{}", made_id(&made));
    let cancel = json!({ "status": "CANCELLED" });
    assert_eq!(app.patch(&key, &path, &cancel).await.status, 200);
    let moved = json!({ "scheduledAt": in_future(&app, 3600) });
    let request = || key.request("PATCH", &path).json(&moved);
    let stale = app.send(request().header("if-match", "\"1\"")).await;
    assert_eq!(stale.details(), &json!({ "reason": "VERSION" }));
    let fresh = app.send(request().header("if-match", "\"2\"")).await;
    assert_eq!(fresh.code(), "INVALID_STATE_TRANSITION");
}

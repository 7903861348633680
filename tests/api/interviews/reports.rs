//! What the interview engine reports: applied once, in any order, and refused where it can't be true.

use super::inline;
use crate::fields::bytes;
use embedded::{Fault, Weather};
use serde_json::{Value, json};
use std::{
    io,
    sync::{Arc, Mutex},
};
use tests::{TestApp, made_id, report};

#[tokio::test]
async fn a_report_that_comes_again_or_too_late_changes_nothing() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let made = app.post(&key, "/interviews", &inline(&json!({}))).await;
    let interview = made_id(&made);
    let path = format!("/interviews/{interview}");
    let completed = report(&acme, &interview, "COMPLETED", app.now());
    let both = tokio::join!(app.put(completed.clone()), app.put(completed.clone()));
    both.0.expect("taken");
    both.1.expect("taken");
    let after = app.get(&key, &path).await;
    assert_eq!(after.data()["status"], "COMPLETED");
    let mut renamed = completed.clone();
    renamed["detail"]["eventId"] = json!("another");
    renamed["detail"]["durationMinutes"] = json!(200);
    for late in [
        completed,
        renamed,
        report(&acme, &interview, "STARTED", app.now()),
        report(&acme, &interview, "FAILED", app.now()),
    ] {
        app.put(late).await.expect("taken");
    }
    assert_eq!(app.get(&key, &path).await.data(), after.data());
    let person = format!(
        "/candidates/{}",
        after.data()["candidateId"].as_str().expect("an id")
    );
    assert_eq!(app.get(&key, &person).await.data()["interviewCount"], 1);
    let month = model::Month::of(app.now());
    assert_eq!(
        app.store(&acme)
            .committed_minutes(month)
            .await
            .expect("a number"),
        15
    );
    assert!(app.system.bus().failures().is_empty());
}

#[tokio::test]
async fn an_event_id_has_one_effect_whatever_is_said_under_it() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let interview = made_id(&app.post(&key, "/interviews", &inline(&json!({}))).await);
    let with_id = |kind: &str| {
        let mut event = report(&acme, &interview, kind, app.now());
        event["detail"]["eventId"] = json!("one");
        event
    };
    app.put(with_id("STARTED")).await.expect("taken");
    app.put(with_id("COMPLETED")).await.expect("taken");
    let after = app.get(&key, &format!("/interviews/{interview}")).await;
    assert_eq!(after.data()["status"], "IN_PROGRESS");
}

#[tokio::test]
async fn a_report_that_can_not_be_true_goes_to_the_failures_and_changes_nothing() {
    let app = TestApp::start().await;
    let (acme, globex) = (app.company("Acme").await, app.company("Globex").await);
    let key = app.key_with(&acme, json!({})).await.caller;
    let interview = made_id(&app.post(&key, "/interviews", &inline(&json!({}))).await);
    let path = format!("/interviews/{interview}");
    let before = app.get(&key, &path).await;
    let good = report(&acme, &interview, "COMPLETED", app.now());
    let with = |field: &str, value: Value| {
        let mut event = good.clone();
        event["detail"][field] = value;
        event
    };
    let mut all = vec![
        with("companyId", json!(globex.id)),
        with("companyId", json!("01890a5d-ac96-774b-bcce-b302099a8057")),
        with("interviewId", json!("01890a5d-ac96-774b-bcce-b302099a8057")),
        with("interviewId", json!("x")),
        with("durationMinutes", json!(241)),
        with("durationMinutes", json!(-1)),
        with("durationMinutes", json!(1.5)),
        with("durationMinutes", Value::Null),
        with("rating", json!(101)),
        with("rating", json!(-1)),
        with("rating", json!(50.5)),
        with("type", json!("DONE")),
        with("eventId", json!("")),
        with("eventId", json!("x".repeat(129))),
        with("at", json!("yesterday")),
        // Clocks may differ by 5 minutes; a slow machine's minute is left.
        with("at", json!(super::in_future(&app, 360))),
        with("at", json!(super::in_future(&app, -420))),
        with("analysis", bytes(32 * 1024 + 1)),
        with("analysis", json!("good")),
        with("surely", json!(1)),
    ];
    let mut empty = good.clone();
    empty["detail"] = Value::Null;
    all.push(empty);
    let count = all.len();
    for event in all {
        let case = event["detail"].to_string();
        assert!(app.put(event).await.is_err(), "{case:.200}");
    }
    assert_eq!(app.system.bus().failures().len(), count);
    assert_eq!(app.get(&key, &path).await.data(), before.data());
    for (name, value) in [("source", "aws.s3"), ("detail-type", "Other")] {
        let mut foreign = good.clone();
        foreign[name] = json!(value);
        assert!(app.put(foreign).await.is_err());
    }
    assert_eq!(app.get(&key, &path).await.data(), before.data());
    // The longest that an interview may be, and everything else at its edge.
    let mut edge = with("durationMinutes", json!(240));
    edge["detail"]["eventId"] = json!("x".repeat(128));
    edge["detail"]["rating"] = json!(100);
    edge["detail"]["analysis"] = bytes(32 * 1024);
    edge["detail"]["at"] = json!(super::in_future(&app, 299));
    app.put(edge).await.expect("taken");
    let after = app.get(&key, &path).await;
    assert_eq!(after.data()["durationMinutes"], 240);
    assert_eq!(after.data()["analysis"], bytes(32 * 1024));
    let person = after.data()["candidateId"].as_str().expect("an id");
    let person = app.get(&key, &format!("/candidates/{person}")).await;
    assert_eq!(person.data()["overallRating"], 100);
    // And the least.
    let made = app.post(&key, "/interviews", &inline(&json!({}))).await;
    let mut least = report(&acme, &made_id(&made), "COMPLETED", app.now());
    for (field, value) in [
        ("eventId", json!("x")),
        ("durationMinutes", json!(0)),
        ("rating", json!(0)),
        ("analysis", json!({})),
        ("at", json!(super::in_future(&app, -240))),
    ] {
        least["detail"][field] = value;
    }
    app.put(least).await.expect("taken");
    let after = app
        .get(&key, &format!("/interviews/{}", made_id(&made)))
        .await;
    assert_eq!(after.data()["durationMinutes"], 0);
    let person = after.data()["candidateId"].as_str().expect("an id");
    let person = app.get(&key, &format!("/candidates/{person}")).await;
    assert_eq!(person.data()["overallRating"], 0);
}

#[tokio::test]
async fn what_is_said_of_somebody_who_is_gone_is_billed_and_not_kept() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let made = app.post(&key, "/interviews", &inline(&json!({}))).await;
    let interview = made_id(&made);
    let person = format!(
        "/candidates/{}",
        made.data()["candidateId"].as_str().expect("an id")
    );
    assert_eq!(app.delete(&key, &person).await.status, 200);
    app.put(report(&acme, &interview, "COMPLETED", app.now()))
        .await
        .expect("taken");
    let after = app.get(&key, &format!("/interviews/{interview}")).await;
    assert_eq!(after.data()["status"], "COMPLETED");
    assert_eq!(after.data()["durationMinutes"], 15);
    assert_eq!(after.data()["analysis"], Value::Null);
}

#[tokio::test]
async fn erasing_a_candidate_erases_what_was_said_in_its_interviews() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let body = inline(&json!({ "metadata": { "note": "Canary" } }));
    let first = app.post(&key, "/interviews", &body).await;
    let person = first.data()["candidateId"].clone();
    let again =
        json!({ "candidateId": person, "agentId": first.data()["agentId"], "metadata": {} });
    let second = app.post(&key, "/interviews", &again).await;
    let other = made_id(&app.post(&key, "/interviews", &body).await);
    app.put(report(&acme, &made_id(&first), "COMPLETED", app.now()))
        .await
        .expect("taken");
    let person = format!("/candidates/{}", person.as_str().expect("an id"));
    let erased = app.post(&key, &format!("{person}/erase"), &json!({})).await;
    assert_eq!(erased.status, 200, "{}", erased.body);
    assert_eq!(app.get(&key, &person).await.status, 404);
    for (interview, status) in [(&first, "COMPLETED"), (&second, "SCHEDULED")] {
        let left = app
            .get(&key, &format!("/interviews/{}", made_id(interview)))
            .await;
        assert_eq!(left.data()["status"], status);
        assert_eq!(left.data()["analysis"], Value::Null);
        assert_eq!(left.data()["metadata"], Value::Null);
    }
    let other = app.get(&key, &format!("/interviews/{other}")).await;
    assert_eq!(other.data()["metadata"]["note"], "Canary");
}

/// Keeps what is logged on this thread.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_says_what_kept_a_report_from_being_taken() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let away = Weather::script(|_| Fault::ExpiredCredentials);
    let function = app.system.another_app(app.app().clock.clone(), &away);
    let lines = Lines::default();
    let kept = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || kept.clone());
    let interview = "01890a5d-ac96-774b-bcce-b302099a8057";
    let event = report(&acme, interview, "COMPLETED", app.now());
    {
        let _guard = tracing::subscriber::set_default(subscriber.finish());
        let taken = interview_events::handle(&function, event).await;
        assert!(taken.is_err());
    }
    let lines = lines.0.lock().expect("not poisoned");
    let lines = String::from_utf8_lossy(&lines);
    assert!(lines.contains("the report was not taken"), "{lines}");
    assert!(lines.contains("ExpiredTokenException"), "{lines}");
}

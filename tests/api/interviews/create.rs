//! What an interview refers to: there already, or made with it, all or nothing.

use super::{in_future, inline, made, parts, total_of, totals};
use embedded::{Fault, Weather};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tests::{TestApp, agent, candidate, job, made_id};

#[tokio::test]
async fn everything_inline_is_made_together_and_refers_to_each_other() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let answer = app
        .post(
            &key,
            "/interviews",
            &inline(&json!({ "job": job(), "metadata": { "a": 1 } })),
        )
        .await;
    let interview = made_id(&answer);
    let data = answer.data();
    assert_eq!(answer.header("etag"), Some("\"1\""));
    assert_eq!(data["status"], "SCHEDULED");
    assert_eq!(data["isTest"], false);
    assert_eq!(data["scheduledAt"], data["createdAt"]);
    let of = |name: &str| data[name].as_str().expect("an id").to_owned();
    let person = app
        .get(&key, &format!("/candidates/{}", of("candidateId")))
        .await;
    assert_eq!(person.data()["jobIds"], json!([of("jobId")]));
    assert_eq!(person.data()["interviewCount"], 0);
    assert_eq!(
        app.get(&key, &format!("/agents/{}", of("agentId")))
            .await
            .status,
        200
    );
    assert_eq!(
        app.get(&key, &format!("/jobs/{}", of("jobId")))
            .await
            .status,
        200
    );
    assert_eq!(totals(&app, &key).await, [1, 1, 1, 1]);
    let got = app.get(&key, &format!("/interviews/{interview}")).await;
    assert_eq!(got.data(), data);
    for filter in ["candidateId", "agentId", "jobId", "status"] {
        let path = format!("/interviews?{filter}={}", of(filter));
        assert_eq!(
            app.get(&key, &path).await.data()["items"],
            json!([data]),
            "{filter}"
        );
        assert_eq!(total_of(&app, &key, &path).await, 1, "{filter}");
    }
    assert_eq!(total_of(&app, &key, "/interviews?status=FAILED").await, 0);
    let candidates = format!("/candidates?jobId={}", of("jobId"));
    assert_eq!(total_of(&app, &key, &candidates).await, 1);
}

#[tokio::test]
async fn one_fault_anywhere_and_nothing_is_made() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let globex = app.company("Globex").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let foreign = app.key_with(&globex, json!({})).await.caller;
    let (their_candidate, their_agent, their_jobs) = parts(&app, &foreign, "GENERIC", 1).await;
    let (person, leads, jobs) = parts(&app, &key, "SCREENING", 2).await;
    let closed = made(&app, &key, "/jobs", &job()).await;
    let mut busy = candidate();
    busy["jobIds"] = json!([closed]);
    let busy = made(&app, &key, "/candidates", &busy).await;
    let close = app
        .patch(
            &key,
            &format!("/jobs/{closed}"),
            &json!({ "status": "CLOSED" }),
        )
        .await;
    assert_eq!(close.status, 200);
    let gone = made(&app, &key, "/agents", &agent()).await;
    app.delete(&key, &format!("/agents/{gone}")).await;
    let mut full = candidate();
    let mut twenty = Vec::new();
    for _ in 0..20 {
        twenty.push(made(&app, &key, "/jobs", &job()).await);
    }
    full["jobIds"] = json!(twenty);
    let full_id = made(&app, &key, "/candidates", &full).await;
    let nowhere = "01890a5d-ac96-774b-bcce-b302099a8057";
    let with = |of: Value, name: &str, value: Value| {
        let mut of = of;
        of[name] = value;
        of
    };
    let ids = json!({ "candidateId": person, "agentId": leads, "jobId": jobs[0] });
    let before = totals(&app, &key).await;
    let invalid: Vec<(Value, &[&str])> = vec![
        (json!({}), &["/candidateId required", "/agentId required"]),
        (
            with(ids.clone(), "candidate", candidate()),
            &["/candidate conflict_with"],
        ),
        (
            with(ids.clone(), "agent", agent()),
            &["/agent conflict_with"],
        ),
        (with(ids.clone(), "job", job()), &["/job conflict_with"]),
        (
            with(ids.clone(), "candidateId", json!(null)),
            &["/candidateId required"],
        ),
        (
            with(ids.clone(), "candidateId", json!(nowhere)),
            &["/candidateId not_found"],
        ),
        (
            with(ids.clone(), "candidateId", json!(their_candidate)),
            &["/candidateId not_found"],
        ),
        (
            with(ids.clone(), "agentId", json!(their_agent)),
            &["/agentId not_found"],
        ),
        (
            with(ids.clone(), "agentId", json!(gone)),
            &["/agentId not_found"],
        ),
        (
            with(ids.clone(), "jobId", json!(their_jobs[0])),
            &["/jobId not_found"],
        ),
        (
            with(ids.clone(), "jobId", json!(twenty[0])),
            &["/jobId conflict_with"],
        ),
        (
            json!({ "candidateId": nowhere, "agentId": nowhere, "jobId": nowhere }),
            &[
                "/candidateId not_found",
                "/agentId not_found",
                "/jobId not_found",
            ],
        ),
        // Several jobs, none named.
        (
            with(ids.clone(), "jobId", json!(null)),
            &["/jobId required"],
        ),
        // None at all, and the agent isn't GENERIC.
        (
            json!({ "candidate": candidate(), "agentId": leads }),
            &["/jobId required"],
        ),
        (
            json!({ "candidateId": full_id, "agentId": leads, "job": job() }),
            &["/job length"],
        ),
        (
            inline(
                &json!({ "candidate": with(full.clone(), "firstName", json!("")), "job": job() }),
            ),
            &["/candidate/firstName length"],
        ),
        (
            inline(&json!({ "candidate": with(candidate(), "jobIds", json!([jobs[0], nowhere])) })),
            &["/candidate/jobIds/1 not_found"],
        ),
        (
            inline(
                &json!({ "candidate": with(candidate(), "gdprExpiryDate", json!("2020-01-01")) }),
            ),
            &["/candidate/gdprExpiryDate future"],
        ),
        (
            inline(&json!({ "candidate": with(candidate(), "email", json!(null)) })),
            &["/candidate/email required"],
        ),
        (
            inline(&json!({ "candidate": with(candidate(), "interviewCount", json!(7)) })),
            &["/candidate/interviewCount unknown_field"],
        ),
        (
            inline(&json!({ "agent": with(agent(), "duration", json!(181)) })),
            &["/agent/duration range"],
        ),
        (
            inline(&json!({ "agent": with(agent(), "type", json!("PHONE")) })),
            &["/agent/companyPhoneNumberId required"],
        ),
        (
            inline(&json!({ "job": with(job(), "title", json!("four")) })),
            &["/job/title length"],
        ),
        (
            inline(&json!({ "job": with(job(), "status", json!("CLOSED")) })),
            &["/job/status conflict_with"],
        ),
        // All at once.
        (
            json!({
                "candidate": with(candidate(), "lastName", json!(5)),
                "agent": with(agent(), "language", json!("XX")),
                "job": with(job(), "salary", json!({ "min": 2, "max": 1, "currency": "EUR", "period": "DAILY" })),
                "isTest": "no",
                "surely": 1,
            }),
            &[
                "/candidate/lastName type",
                "/agent/language enum",
                "/job/salary/min conflict_with",
                "/isTest type",
                "/surely unknown_field",
            ],
        ),
    ];
    for (body, faults) in invalid {
        let answer = app.post(&key, "/interviews", &body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.body);
        assert_eq!(answer.faults(), faults, "{body}");
    }
    // Closed jobs: named, implied, and of somebody new.
    for body in [
        json!({ "candidateId": busy, "agentId": leads, "jobId": closed }),
        json!({ "candidateId": busy, "agentId": leads }),
        inline(&json!({ "candidate": with(candidate(), "jobIds", json!([closed])) })),
    ] {
        let answer = app.post(&key, "/interviews", &body).await;
        assert_eq!(
            (answer.status, &answer.details()["reason"]),
            (409, &json!("JOB_CLOSED")),
            "{body}"
        );
    }
    assert_eq!(totals(&app, &key).await, before);
    let month = model::Month::of(app.now());
    let store = app.store(&acme);
    assert_eq!(store.committed_minutes(month).await.expect("a number"), 0);
    let person = app.get(&key, &format!("/candidates/{person}")).await;
    assert_eq!(person.data()["version"], 1);
}

#[tokio::test]
async fn the_job_is_the_one_named_or_the_only_one_and_generic_agents_need_none() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    for (focus, jobs, named, expected) in [
        ("SCREENING", 1, None, Some(0)),
        ("SCREENING", 3, Some(2), Some(2)),
        ("GENERIC", 0, None, None),
        ("GENERIC", 1, None, Some(0)),
        ("GENERIC", 3, None, None),
        ("GENERIC", 3, Some(1), Some(1)),
    ] {
        let (candidate, agent, ids) = parts(&app, &key, focus, jobs).await;
        let mut body = json!({ "candidateId": candidate, "agentId": agent });
        if let Some(named) = named {
            body["jobId"] = json!(ids[named]);
        }
        let made = app.post(&key, "/interviews", &body).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let expected = expected.map_or(Value::Null, |at: usize| json!(ids[at]));
        assert_eq!(made.data()["jobId"], expected, "{focus} {jobs} {named:?}");
    }
    // A generic agent doesn't need the one job that is closed by now.
    let (candidate, agent, ids) = parts(&app, &key, "GENERIC", 1).await;
    app.patch(
        &key,
        &format!("/jobs/{}", ids[0]),
        &json!({ "status": "CLOSED" }),
    )
    .await;
    let body = json!({ "candidateId": candidate, "agentId": agent });
    let made = app.post(&key, "/interviews", &body).await;
    assert_eq!(
        (made.status, &made.data()["jobId"]),
        (201, &Value::Null),
        "{}",
        made.body
    );
    // An inline job becomes one of the candidate's.
    let body = json!({ "candidateId": candidate, "agentId": agent, "job": job() });
    let made = app.post(&key, "/interviews", &body).await;
    let person = app.get(&key, &format!("/candidates/{candidate}")).await;
    assert_eq!(
        person.data()["jobIds"],
        json!([ids[0], made.data()["jobId"]])
    );
    assert_eq!(person.data()["version"], 2);
}

#[tokio::test]
async fn somebody_who_is_gone_gets_no_interview() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let leads = made(&app, &key, "/agents", &agent()).await;
    let deleted = made(&app, &key, "/candidates", &candidate()).await;
    app.delete(&key, &format!("/candidates/{deleted}")).await;
    let mut expiring = candidate();
    let tomorrow = in_future(&app, 2 * 24 * 3600);
    expiring["gdprExpiryDate"] = json!(tomorrow[..10]);
    let expired = made(&app, &key, "/candidates", &expiring).await;
    let body = |id: &str| json!({ "candidateId": id, "agentId": leads });
    made(&app, &key, "/interviews", &body(&expired)).await;
    app.advance(Duration::from_secs(2 * 24 * 3600));
    for id in [&deleted, &expired] {
        let answer = app.post(&key, "/interviews", &body(id)).await;
        assert_eq!(answer.faults(), ["/candidateId not_found"]);
    }
}

#[tokio::test]
async fn an_idempotency_key_makes_one_of_everything() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let send = async || {
        let request = key
            .request("POST", "/interviews")
            .header("idempotency-key", "once");
        app.send(request.json(&inline(&json!({ "job": job() }))))
            .await
    };
    let first = send().await;
    let again = send().await;
    assert_eq!((first.status, again.status), (201, 201), "{}", again.body);
    assert_eq!(first.raw.body, again.raw.body);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(totals(&app, &key).await, [1, 1, 1, 1]);
}

#[tokio::test]
async fn the_largest_interview_fits_into_one_transaction() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let mut jobs = Vec::new();
    for _ in 0..19 {
        jobs.push(made(&app, &key, "/jobs", &job()).await);
    }
    let mut person = candidate();
    person["firstName"] = json!("Ada Augusta Mary");
    person["lastName"] = json!("King Noel Byron");
    person["jobIds"] = json!(jobs);
    let mut about = job();
    about["title"] = json!("one two three four five six seven eight nine ten");
    let body = inline(&json!({ "candidate": person, "job": about }));
    let actions = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&actions);
    app.system.weather().set(&Weather::script(move |call| {
        if call.operation == "TransactWriteItems" && call.tables() == ["instaview-records"] {
            let body = call.json();
            let length = body["TransactItems"].as_array().expect("a list").len();
            seen.fetch_max(length, Ordering::SeqCst);
        }
        Fault::None
    }));
    let request = key
        .request("POST", "/interviews")
        .header("idempotency-key", "x");
    let answer = app.send(request.json(&body)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    // DynamoDB takes 100.
    assert_eq!(actions.load(Ordering::SeqCst), 79);
}

//! A candidate's jobs: which can be named, and what becomes of them.

use crate::lists::id;
use embedded::Weather;
use local::Gateway;
use serde_json::{Value, json};
use std::sync::Arc;
use tests::{Answer, Caller, Held, TestApp, candidate, is_transaction_of_records, job};

async fn made(app: &TestApp, key: &Caller, path: &str, body: &Value) -> String {
    let made = app.post(key, path, body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    id(made.data())
}

fn of_jobs(ids: &[String]) -> Value {
    let mut body = candidate();
    body["jobIds"] = json!(ids);
    body
}

fn assert_closed(answer: &Answer) {
    assert_eq!(
        (answer.status, answer.details()),
        (409, &json!({ "reason": "JOB_CLOSED" })),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn twenty_jobs_and_no_more_each_once_of_the_own_company_and_open() {
    let app = TestApp::start().await;
    let (acme, globex) = (app.company("Acme").await, app.company("Globex").await);
    let key = app.key_with(&acme, json!({})).await.caller;
    let other = app.key_with(&globex, json!({})).await.caller;
    let mut jobs = Vec::new();
    for _ in 0..21 {
        jobs.push(made(&app, &key, "/jobs", &job()).await);
    }
    let foreign = made(&app, &other, "/jobs", &job()).await;
    let never = "01890a5d-ac96-774b-bcce-b302099a8057".to_owned();
    let deleted = made(&app, &key, "/jobs", &job()).await;
    let gone = app.delete(&key, &format!("/jobs/{deleted}")).await;
    assert_eq!(gone.status, 200);
    let mut closed = job();
    closed["status"] = json!("CLOSED");
    let closed = made(&app, &key, "/jobs", &closed).await;

    let patched = made(&app, &key, "/candidates", &candidate()).await;
    let patched = format!("/candidates/{patched}");
    let both = async |ids: &[String]| {
        let patch = json!({ "jobIds": ids });
        [
            app.post(&key, "/candidates", &of_jobs(ids)).await,
            app.patch(&key, &patched, &patch).await,
        ]
    };
    let [created, changed] = both(&jobs[..20]).await;
    assert_eq!(
        (created.status, changed.status),
        (201, 200),
        "{}",
        changed.body
    );
    for answer in [created, changed] {
        assert_eq!(answer.data()["jobIds"], json!(jobs[..20]));
    }
    for answer in both(&jobs).await {
        assert_eq!(answer.faults(), ["/jobIds length"]);
    }
    let twice = [jobs[0].clone(), jobs[1].clone(), jobs[0].clone()];
    for answer in both(&twice).await {
        assert_eq!(answer.faults(), ["/jobIds/2 duplicate"]);
    }
    // All that aren't there are told of at once, each in its place.
    let missing = [foreign, jobs[0].clone(), never, deleted, closed.clone()];
    for answer in both(&missing).await {
        assert_eq!(
            answer.faults(),
            [
                "/jobIds/0 not_found",
                "/jobIds/2 not_found",
                "/jobIds/3 not_found"
            ]
        );
    }
    for answer in both(&[jobs[0].clone(), closed]).await {
        assert_closed(&answer);
    }
    // Nothing of it was half done.
    let kept = app.get(&key, &patched).await;
    assert_eq!(kept.data()["jobIds"], json!(jobs[..20]));
    let list = app.get(&key, "/candidates").await;
    assert_eq!(list.data()["pagination"]["total"], 2);
}

#[tokio::test]
async fn a_job_that_closes_keeps_its_candidates_and_takes_no_new_ones() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let job = made(&app, &key, "/jobs", &job()).await;
    let jobs = [job.clone()];
    let inside = made(&app, &key, "/candidates", &of_jobs(&jobs)).await;
    let inside = format!("/candidates/{inside}");
    let path = format!("/jobs/{job}");
    let close = json!({ "status": "CLOSED" });
    assert_eq!(app.patch(&key, &path, &close).await.status, 200);
    assert_closed(&app.post(&key, "/candidates", &of_jobs(&jobs)).await);
    // Who has it may keep it in a change, and lose it; then it can't come back.
    let kept = json!({ "jobIds": jobs, "status": "REJECTED" });
    let kept = app.patch(&key, &inside, &kept).await;
    assert_eq!((kept.status, &kept.data()["jobIds"]), (200, &json!(jobs)));
    let list = app.get(&key, &format!("/candidates?jobId={job}")).await;
    assert_eq!(list.data()["pagination"]["total"], 1);
    assert_eq!(
        app.patch(&key, &inside, &json!({ "jobIds": [] }))
            .await
            .status,
        200
    );
    assert_closed(&app.patch(&key, &inside, &json!({ "jobIds": jobs })).await);
    let open = json!({ "status": "OPEN" });
    assert_eq!(app.patch(&key, &path, &open).await.status, 200);
    let back = app.patch(&key, &inside, &json!({ "jobIds": jobs })).await;
    assert_eq!(back.status, 200, "{}", back.body);
}

/// The job was open when it was looked at, and isn't when the candidate is written: the write itself must find out.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_job_that_is_closed_or_deleted_between_look_and_write_takes_nobody() {
    let app = Arc::new(TestApp::calm().await);
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let another = app
        .system
        .another_app(app.app().clock.clone(), &Weather::calm());
    let another = app.system.another_gateway(another).expect("a gateway");
    for (deletes, patches) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut tries = 0;
        while !held(&app, &key, &another, deletes, patches).await {
            tries += 1;
            assert!(tries < 20, "nobody waits that long on this machine");
        }
    }
}

/// False where the client of the held write lost its patience, which says nothing.
async fn held(
    app: &Arc<TestApp>,
    key: &Caller,
    another: &Gateway,
    deletes: bool,
    patches: bool,
) -> bool {
    let job = made(app, key, "/jobs", &job()).await;
    let inside = made(app, key, "/candidates", &candidate()).await;
    let mut write = Held::first(app.system.weather(), is_transaction_of_records);
    let assigning = {
        let (app, key, job) = (Arc::clone(app), key.clone(), job.clone());
        tokio::spawn(async move {
            let jobs = [job];
            match patches {
                true => {
                    let path = format!("/candidates/{inside}");
                    app.patch(&key, &path, &json!({ "jobIds": jobs })).await
                }
                false => app.post(&key, "/candidates", &of_jobs(&jobs)).await,
            }
        })
    };
    write.begun().await;
    let path = format!("/jobs/{job}");
    let request = match deletes {
        true => key.request("DELETE", &path),
        false => key
            .request("PATCH", &path)
            .json(&json!({ "status": "CLOSED" })),
    };
    assert_eq!(tests::ask(another, request).await.status, 200);
    write.let_go();
    let answer = assigning.await.expect("an answer");
    app.system.weather().set(&Weather::calm());
    if answer.status == 503 {
        return false;
    }
    match deletes {
        true => assert_eq!(answer.faults(), ["/jobIds/0 not_found"]),
        false => assert_closed(&answer),
    }
    let list = app.get(key, &format!("/candidates?jobId={job}")).await;
    assert_eq!(list.data()["pagination"]["total"], 0);
    true
}

#[tokio::test]
async fn what_is_wrong_with_the_body_is_said_before_the_version_and_that_before_the_state() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let mut closed = job();
    closed["status"] = json!("CLOSED");
    let closed = made(&app, &key, "/jobs", &closed).await;
    let never = "01890a5d-ac96-774b-bcce-b302099a8057".to_owned();
    let person = made(&app, &key, "/candidates", &candidate()).await;
    let patch = async |ids: &[String], version: &str| {
        let request = key.request("PATCH", &format!("/candidates/{person}"));
        let request = request.json(&json!({ "jobIds": ids }));
        app.send(request.header("if-match", version)).await
    };
    let unknown = patch(&[closed.clone(), never], "\"9\"").await;
    assert_eq!(unknown.faults(), ["/jobIds/1 not_found"]);
    let stale = patch(std::slice::from_ref(&closed), "\"9\"").await;
    assert_eq!(stale.details(), &json!({ "reason": "VERSION" }));
    assert_closed(&patch(&[closed], "\"1\"").await);
}

#[tokio::test]
async fn reading_a_candidate_costs_the_same_however_many_jobs_were_deleted() {
    let app = TestApp::calm().await;
    app.put_worker_to_sleep();
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let stays = made(&app, &key, "/jobs", &job()).await;
    let mut operations = Vec::new();
    for _ in 0..2 {
        let mut jobs = vec![stays.clone()];
        for _ in 0..6 {
            jobs.push(made(&app, &key, "/jobs", &job()).await);
        }
        let person = made(&app, &key, "/candidates", &of_jobs(&jobs)).await;
        for job in &jobs[1..] {
            assert_eq!(app.delete(&key, &format!("/jobs/{job}")).await.status, 200);
        }
        app.system.weather().take_calls();
        let got = app.get(&key, &format!("/candidates/{person}")).await;
        assert_eq!(got.data()["jobIds"], json!([stays]));
        let records = &app.app().table.names().records;
        let mut calls = app.system.weather().take_calls();
        calls.retain(|call| call.tables.contains(records));
        let of_one: Vec<_> = calls
            .into_iter()
            .map(|call| (call.operation, call.read_units.to_string()))
            .collect();
        operations.push(of_one);
    }
    assert_eq!(operations[0], operations[1]);
    let names: Vec<_> = operations[0].iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["GetItem", "BatchGetItem", "GetItem"]);
}

/// What says that a job is gone goes with the last candidate that names it.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_deleted_job_is_not_shown_though_the_worker_ends_its_task_within_the_read() {
    let app = Arc::new(TestApp::calm().await);
    app.put_worker_to_sleep();
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let gone = made(&app, &key, "/jobs", &job()).await;
    let person = made(
        &app,
        &key,
        "/candidates",
        &of_jobs(std::slice::from_ref(&gone)),
    )
    .await;
    let deleted = app.delete(&key, &format!("/jobs/{gone}")).await;
    assert_eq!(deleted.status, 200);
    let mut read = Held::first(app.system.weather(), |call| {
        let mut tables = call.tables().into_iter();
        call.operation == "BatchGetItem" && tables.any(|table| table.ends_with("-records"))
    });
    let path = format!("/candidates/{person}");
    let got = {
        let (app, key) = (Arc::clone(&app), key.clone());
        tokio::spawn(async move { app.get(&key, &path).await })
    };
    read.begun().await;
    app.wake_worker();
    let calm = Weather::calm();
    let worker = app.system.another_app(app.app().clock.clone(), &calm);
    worker::handle(&worker, json!({})).await;
    read.let_go();
    let got = got.await.expect("an answer");
    assert_eq!(got.data()["jobIds"], json!([]), "{}", got.body);
}

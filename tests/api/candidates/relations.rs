//! A candidate's jobs: which can be named, and what becomes of them.

use crate::lists::id;
use embedded::{Fault, Weather};
use local::Gateway;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tests::{Answer, Caller, TestApp, candidate, job};
use tokio::{sync::watch, time::Instant};

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
#[tokio::test]
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
            assert!(tries < 20, "this machine is too slow to be between the two");
        }
    }
}

/// False where the write was over before the job had changed, which says nothing.
async fn held(
    app: &Arc<TestApp>,
    key: &Caller,
    another: &Gateway,
    deletes: bool,
    patches: bool,
) -> bool {
    const HELD: Duration = Duration::from_millis(600);
    let job = made(app, key, "/jobs", &job()).await;
    let inside = made(app, key, "/candidates", &candidate()).await;
    let (seen, mut looked) = watch::channel(false);
    let slow = Weather::script(move |call| {
        // The trail of what was made before is written through the same weather.
        let ours = call.tables().iter().all(|table| table.ends_with("records"));
        let held = call.operation == "TransactWriteItems" && ours && !seen.send_replace(true);
        match held {
            true => Fault::Slow(HELD),
            false => Fault::None,
        }
    });
    app.system.weather().set(&slow);
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
    looked.wait_for(|seen| *seen).await.expect("a write");
    let began = Instant::now();
    let path = format!("/jobs/{job}");
    let request = match deletes {
        true => key.request("DELETE", &path),
        false => key
            .request("PATCH", &path)
            .json(&json!({ "status": "CLOSED" })),
    };
    let status = another.call(request).await.status;
    let in_time = began.elapsed() < HELD - Duration::from_millis(50);
    let answer = assigning.await.expect("an answer");
    app.system.weather().set(&Weather::calm());
    if !in_time {
        return false;
    }
    assert_eq!(status, 200);
    match deletes {
        true => assert_eq!(answer.faults(), ["/jobIds/0 not_found"]),
        false => assert_closed(&answer),
    }
    let list = app.get(key, &format!("/candidates?jobId={job}")).await;
    assert_eq!(list.data()["pagination"]["total"], 0);
    true
}

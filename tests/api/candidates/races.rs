//! Many writers at once: candidates come, go and change their jobs, while jobs close, open and are deleted.

use super::lists::CANDIDATES;
use crate::lists::{Filter, Model, id, items, walk};
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};
use tests::{Answer, Caller, Seeded, TestApp, candidate, job};
use tokio::task::JoinSet;

/// What others may have made of it meanwhile, and nothing else.
fn assert_expected(answer: &Answer, what: &str) {
    let reason = answer.details()["reason"].as_str().unwrap_or_default();
    let expected = match answer.status {
        200 | 201 | 404 => true,
        409 => reason == "BUSY" || reason == "JOB_CLOSED",
        400 => answer
            .faults()
            .iter()
            .all(|fault| fault.ends_with("not_found")),
        _ => false,
    };
    assert!(expected, "{what}: {} {}", answer.status, answer.body);
}

async fn write(
    app: &TestApp,
    key: &Caller,
    seed: u64,
    jobs: &[String],
    shared: &[String],
) -> Vec<String> {
    let mut seeded = Seeded::new(seed);
    let mut own: Vec<String> = Vec::new();
    for step in 0..16 {
        let what = format!("writer {seed}, step {step}");
        let named: Vec<_> = jobs.iter().filter(|_| seeded.chance(35)).collect();
        let status = *seeded.pick(&["APPLIED", "REJECTED"]);
        let target = match seeded.chance(50) || own.is_empty() {
            true => seeded.pick(shared).clone(),
            false => seeded.pick(&own).clone(),
        };
        let target = format!("/candidates/{target}");
        let answer = match seeded.below(12) {
            0..4 => {
                let mut body = candidate();
                body["jobIds"] = json!(named);
                body["status"] = json!(status);
                let made = app.post(key, "/candidates", &body).await;
                if made.status == 201 {
                    own.push(id(made.data()));
                }
                made
            }
            4..8 => {
                let body = json!({ "jobIds": named, "status": status });
                app.patch(key, &target, &body).await
            }
            8 => app.delete(key, &target).await,
            9 if seeded.chance(60) => {
                let gone = seeded.pick(jobs);
                app.delete(key, &format!("/jobs/{gone}")).await
            }
            _ => {
                let body = json!({ "status": seeded.pick(&["OPEN", "OPEN", "CLOSED"]) });
                let changed = seeded.pick(jobs);
                app.patch(key, &format!("/jobs/{changed}"), &body).await
            }
        };
        assert_expected(&answer, &what);
    }
    own
}

/// Lists and totals are those of what can be got; `settled`: no worker raises versions meanwhile.
async fn check(app: &TestApp, key: &Caller, jobs: &[String], candidates: &[String], settled: bool) {
    let versions = |mut list: Vec<Value>| {
        if !settled {
            list.iter_mut().for_each(|one| one["version"] = Value::Null);
        }
        list
    };
    let mut model = Model::of(CANDIDATES);
    let mut live = BTreeSet::new();
    for job in jobs {
        if app.get(key, &format!("/jobs/{job}")).await.status == 200 {
            live.insert(job.clone());
        }
    }
    for id in candidates {
        let got = app.get(key, &format!("/candidates/{id}")).await;
        match got.status {
            200 => model.put(got.data()),
            status => assert_eq!(status, 404),
        }
    }
    for object in model.objects.values() {
        for job in object["jobIds"].as_array().expect("ids") {
            let job = job.as_str().expect("an id");
            assert!(live.contains(job), "a deleted job is named");
        }
    }
    let jobs = jobs.iter().map(|job| ("jobId", job.clone()));
    let statuses = ["APPLIED", "REJECTED"].map(|status| ("status", status.to_owned()));
    let single = jobs.chain(statuses).map(|filter| vec![filter]);
    for values in std::iter::once(Vec::new()).chain(single) {
        let filter = Filter { values, q: None };
        let expected = versions(model.list(&filter));
        let walked = walk(app, key, CANDIDATES, &filter, 7).await;
        assert_eq!(versions(walked), expected, "{filter:?}");
        let target = match filter.values.first() {
            Some((name, value)) => format!("/candidates?{name}={value}"),
            None => "/candidates".to_owned(),
        };
        let list = app.get(key, &target).await;
        assert_eq!(
            list.data()["pagination"]["total"],
            expected.len(),
            "{target}"
        );
        assert!(items(&list).len() <= expected.len());
    }
}

#[tokio::test]
async fn counts_totals_and_index_rows_never_drift_while_jobs_and_candidates_change_at_once() {
    let app = Arc::new(TestApp::start().await);
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    for round in 0..2u64 {
        let mut jobs = Vec::new();
        for _ in 0..5 {
            jobs.push(id(app.post(&key, "/jobs", &job()).await.data()));
        }
        let mut shared = Vec::new();
        for _ in 0..5 {
            let mut body = candidate();
            body["jobIds"] = json!(jobs[..3]);
            shared.push(id(app.post(&key, "/candidates", &body).await.data()));
        }
        let (jobs, shared) = (Arc::new(jobs), Arc::new(shared));
        let mut writers = JoinSet::new();
        for writer in 0..8u64 {
            let (app, key) = (Arc::clone(&app), key.clone());
            let (jobs, shared) = (Arc::clone(&jobs), Arc::clone(&shared));
            let seed = round * 100 + writer;
            writers.spawn(async move { write(&app, &key, seed, &jobs, &shared).await });
        }
        let made = writers.join_all().await.concat();
        let candidates: Vec<_> = shared.iter().chain(&made).cloned().collect();
        // At once, whatever a worker still has to do.
        check(&app, &key, &jobs, &candidates, false).await;
        app.settle().await;
        check(&app, &key, &jobs, &candidates, true).await;
        clear(&app, &key, &jobs, &candidates).await;
    }
}

/// When everything is gone, nothing is counted and nothing is listed.
async fn clear(app: &TestApp, key: &Caller, jobs: &[String], candidates: &[String]) {
    let mut all = BTreeSet::new();
    for (path, ids) in [("/jobs", jobs), ("/candidates", candidates)] {
        for id in ids {
            all.insert(app.delete(key, &format!("{path}/{id}")).await.status);
        }
        let list = app.get(key, path).await;
        let pagination = &list.data()["pagination"];
        assert_eq!(
            (items(&list), &pagination["total"]),
            (Vec::<Value>::new(), &json!(0))
        );
    }
    assert!(all.is_subset(&BTreeSet::from([200, 404])), "{all:?}");
}

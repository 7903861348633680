//! Many writers at once.

use super::lists::JOBS;
use crate::lists::{Filter, Model, id, walk};
use serde_json::json;
use std::sync::Arc;
use tests::{Seeded, TestApp, job};
use tokio::task::JoinSet;

#[tokio::test]
async fn totals_and_index_rows_never_drift_from_the_jobs_under_eight_writers() {
    let app = Arc::new(TestApp::start().await);
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    // Jobs that all writers change and delete.
    let mut shared = Vec::new();
    for _ in 0..6 {
        shared.push(id(app.post(&key, "/jobs", &job()).await.data()));
    }
    let shared = Arc::new(shared);
    let mut writers = JoinSet::new();
    for writer in 0..8u64 {
        let (app, key, shared) = (Arc::clone(&app), key.clone(), Arc::clone(&shared));
        writers.spawn(async move {
            let mut seeded = Seeded::new(writer);
            let mut own: Vec<String> = Vec::new();
            for _ in 0..14 {
                let target = match seeded.chance(50) || own.is_empty() {
                    true => seeded.pick(&shared).clone(),
                    false => seeded.pick(&own).clone(),
                };
                let target = format!("/jobs/{target}");
                let title = seeded.pick(&["Rust developer", "Senior Rust", "Sales lead"]);
                let status = seeded.pick(&["OPEN", "CLOSED"]);
                let answer = match seeded.below(10) {
                    0..4 => {
                        let mut body = job();
                        body["title"] = json!(title);
                        body["status"] = json!(status);
                        let made = app.post(&key, "/jobs", &body).await;
                        assert_eq!(made.status, 201, "{}", made.body);
                        own.push(id(made.data()));
                        continue;
                    }
                    4..9 => {
                        let body = json!({ "title": title, "status": status });
                        app.patch(&key, &target, &body).await
                    }
                    _ => app.delete(&key, &target).await,
                };
                // Deleted by another writer, or changed by others five times in a row.
                let expected = match answer.status {
                    409 => answer.details()["reason"] == "BUSY",
                    status => status == 200 || status == 404,
                };
                assert!(expected, "{} {}", answer.status, answer.body);
            }
            own
        });
    }
    let made = writers.join_all().await.concat();

    // What can be got is what there is.
    let mut model = Model::of(JOBS);
    for id in shared.iter().chain(&made) {
        let got = app.get(&key, &format!("/jobs/{id}")).await;
        match got.status {
            200 => model.put(got.data()),
            status => assert_eq!(status, 404),
        }
    }
    for status in [None, Some("OPEN"), Some("CLOSED")] {
        let filter = Filter::status(status, None);
        assert_eq!(
            walk(&app, &key, JOBS, &filter, 7).await,
            model.list(&filter),
            "{status:?}"
        );
        let query = status
            .map(|status| format!("?status={status}"))
            .unwrap_or_default();
        let list = app.get(&key, &format!("/jobs{query}")).await;
        assert_eq!(
            list.data()["pagination"]["total"],
            model.list(&filter).len(),
            "{status:?}"
        );
        for q in [
            "r",
            "rust",
            "senior",
            "sales",
            "lead",
            "developer",
            "engineer",
        ] {
            let filter = Filter::status(status, Some(q));
            assert_eq!(
                walk(&app, &key, JOBS, &filter, 7).await,
                model.list(&filter),
                "{status:?} {q}"
            );
        }
    }
}

#[tokio::test]
async fn of_sixteen_deletes_exactly_one_wins() {
    let app = Arc::new(TestApp::start().await);
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    for round in 0..4 {
        let path = format!("/jobs/{}", id(app.post(&key, "/jobs", &job()).await.data()));
        let mut writers = JoinSet::new();
        for _ in 0..16 {
            let (app, key, path) = (Arc::clone(&app), key.clone(), path.clone());
            writers.spawn(async move { app.delete(&key, &path).await.status });
        }
        let mut statuses = writers.join_all().await;
        statuses.sort_unstable();
        assert_eq!(
            (statuses[0], &statuses[1..]),
            (200, &[404; 15][..]),
            "round {round}"
        );
        assert_eq!(
            app.get(&key, "/jobs").await.data()["pagination"]["total"],
            0
        );
    }
}

//! Many writers at once: what is counted, listed, billed and held is what there is, and what was acknowledged is there.

use super::{in_future, made};
use crate::{
    candidates::CANDIDATES,
    lists::{Filter, Kind, Model, walk},
};
use model::{Month, Timestamp};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tests::{Answer, Caller, Company, Seeded, TestApp, agent, candidate, job, made_id, report};
use tokio::task::JoinSet;

const DURATION: u64 = 20;
const WRITERS: u64 = 8;
const STEPS: usize = 26;
const STATUSES: [&str; 5] = [
    "SCHEDULED",
    "IN_PROGRESS",
    "COMPLETED",
    "FAILED",
    "CANCELLED",
];
const INTERVIEWS: Kind = Kind {
    path: "/interviews",
    words: |_| Vec::new(),
    cut: str::to_owned,
};

/// What the writers share.
struct World {
    app: TestApp,
    acme: Company,
    key: Caller,
    agent: String,
    jobs: Vec<String>,
    people: Vec<String>,
    interviews: Vec<String>,
}

/// What one writer alone writes, as it was acknowledged.
#[derive(Default)]
struct Own {
    interviews: BTreeMap<String, Value>,
    /// `None` once it is gone.
    people: BTreeMap<String, Option<Value>>,
}

impl World {
    async fn new() -> World {
        let app = TestApp::start().await;
        let acme = app.company("Acme").await;
        let key = app.key_with(&acme, json!({})).await.caller;
        let agent = made(&app, &key, "/agents", &agent()).await;
        let mut jobs = Vec::new();
        for _ in 0..3 {
            jobs.push(made(&app, &key, "/jobs", &job()).await);
        }
        let mut people = Vec::new();
        for _ in 0..3 {
            let mut person = candidate();
            person["jobIds"] = json!(jobs);
            people.push(made(&app, &key, "/candidates", &person).await);
        }
        let new = json!({ "candidateId": people[0], "agentId": agent });
        let mut interviews = Vec::new();
        for _ in 0..4 {
            interviews.push(made(&app, &key, "/interviews", &new).await);
        }
        World {
            app,
            acme,
            key,
            agent,
            jobs,
            people,
            interviews,
        }
    }

    async fn write(&self, seed: u64) -> Own {
        let mut seeded = Seeded::new(seed);
        let mut own = Own::default();
        for step in 0..STEPS {
            let what = format!("writer {seed}, step {step}");
            match seeded.below(20) {
                0..7 => self.interview(&mut seeded, &mut own, &what).await,
                7..10 => self.move_or_cancel(&mut seeded, &mut own, &what).await,
                10..14 => self.report(&mut seeded, &mut own).await,
                14..18 => self.person(&mut seeded, &mut own, &what).await,
                _ => self.job(&mut seeded, &what).await,
            }
        }
        own
    }

    /// Of somebody who is there, or of somebody new.
    async fn interview(&self, seeded: &mut Seeded, own: &mut Own, what: &str) {
        let mut body = json!({
            "agentId": self.agent,
            "isTest": seeded.chance(20),
            "scheduledAt": in_future(&self.app, *seeded.pick(&[0, 29 * 24 * 3600])),
            "metadata": { "by": what },
        });
        let mine: Vec<_> = own.people.keys().collect();
        match seeded.below(10) {
            0..4 => body["candidateId"] = json!(seeded.pick(&self.people)),
            4..7 if !mine.is_empty() => body["candidateId"] = json!(seeded.pick(&mine)),
            _ => body["candidate"] = candidate(),
        }
        if seeded.chance(30) {
            body["jobId"] = json!(seeded.pick(&self.jobs));
        }
        let answer = self.app.post(&self.key, "/interviews", &body).await;
        if is_done(&answer, what) {
            own.interviews
                .insert(made_id(&answer), answer.data().clone());
        }
    }

    async fn move_or_cancel(&self, seeded: &mut Seeded, own: &mut Own, what: &str) {
        let body = match seeded.chance(70) {
            true => {
                json!({ "scheduledAt": in_future(&self.app, *seeded.pick(&[0, 29 * 24 * 3600])) })
            }
            false => json!({ "status": "CANCELLED" }),
        };
        let interview = self.some_interview(seeded, own);
        let path = format!("/interviews/{interview}");
        let answer = self.app.patch(&self.key, &path, &body).await;
        if is_done(&answer, what)
            && let Some(known) = own.interviews.get_mut(&interview)
        {
            *known = answer.data().clone();
        }
    }

    fn some_interview(&self, seeded: &mut Seeded, own: &Own) -> String {
        let mine: Vec<_> = own.interviews.keys().collect();
        match seeded.chance(60) && !mine.is_empty() {
            true => (*seeded.pick(&mine)).clone(),
            false => seeded.pick(&self.interviews).clone(),
        }
    }

    /// Delivered twice; what can't be taken now is delivered again, as the bus does it.
    async fn report(&self, seeded: &mut Seeded, own: &mut Own) {
        let kind = *seeded.pick(&["STARTED", "COMPLETED", "COMPLETED", "FAILED"]);
        let interview = self.some_interview(seeded, own);
        let mut event = report(&self.acme, &interview, kind, self.app.now());
        let minutes = seeded.below(40);
        if kind == "COMPLETED" {
            event["detail"]["durationMinutes"] = json!(minutes);
        }
        for tries in 0.. {
            assert!(tries < 50, "nobody takes {event}");
            let put = || self.app.put(event.clone());
            if let (Ok(()), Ok(())) = tokio::join!(put(), put()) {
                break;
            }
        }
        // None moves an interview backwards, and an end stands.
        if let Some(known) = own.interviews.get_mut(&interview) {
            let before = known["status"].as_str().expect("a status");
            let after = match (before, kind) {
                ("SCHEDULED", "STARTED") => "IN_PROGRESS",
                ("SCHEDULED" | "IN_PROGRESS", "FAILED") => "FAILED",
                ("SCHEDULED" | "IN_PROGRESS", "COMPLETED") => {
                    known["durationMinutes"] = json!(minutes);
                    "COMPLETED"
                }
                _ => return,
            };
            known["status"] = json!(after);
        }
    }

    /// Candidates come, change and go.
    async fn person(&self, seeded: &mut Seeded, own: &mut Own, what: &str) {
        let jobs: Vec<_> = self.jobs.iter().filter(|_| seeded.chance(35)).collect();
        let change = json!({
            "jobIds": jobs,
            "status": seeded.pick(&["APPLIED", "REJECTED"]),
        });
        let live = own.people.iter().filter(|(_, person)| person.is_some());
        let mine: Vec<String> = live.map(|(id, _)| id.clone()).collect();
        if mine.is_empty() || seeded.chance(40) {
            let mut new = candidate();
            let fields = change.as_object().expect("fields").clone();
            new.as_object_mut().expect("an object").extend(fields);
            let answer = self.app.post(&self.key, "/candidates", &new).await;
            if is_done(&answer, what) {
                own.people
                    .insert(made_id(&answer), Some(answer.data().clone()));
            }
            return;
        }
        let person = seeded.pick(&mine);
        let path = format!("/candidates/{person}");
        let (answer, gone) = match seeded.below(10) {
            0..2 => (self.app.delete(&self.key, &path).await, true),
            2..4 => {
                let path = format!("{path}/erase");
                (self.app.post(&self.key, &path, &json!({})).await, true)
            }
            _ => (self.app.patch(&self.key, &path, &change).await, false),
        };
        if is_done(&answer, what) {
            let known = (!gone).then(|| answer.data().clone());
            own.people.insert(person.clone(), known);
        }
    }

    /// The first job stays.
    async fn job(&self, seeded: &mut Seeded, what: &str) {
        let path = format!("/jobs/{}", seeded.pick(&self.jobs[1..]));
        let answer = match seeded.chance(15) {
            true => self.app.delete(&self.key, &path).await,
            false => {
                let body = json!({ "status": seeded.pick(&["OPEN", "OPEN", "CLOSED"]) });
                self.app.patch(&self.key, &path, &body).await
            }
        };
        is_done(&answer, what);
    }
}

/// Whether it took effect; else it must be for what others may have made of it meanwhile.
fn is_done(answer: &Answer, what: &str) -> bool {
    let reason = answer.details()["reason"].as_str().unwrap_or_default();
    let expected = match answer.status {
        200 | 201 => return true,
        404 => true,
        409 => {
            answer.code() == "INVALID_STATE_TRANSITION" || ["BUSY", "JOB_CLOSED"].contains(&reason)
        }
        400 => answer.faults().iter().all(|fault| {
            // The job that is named is gone, or not the candidate's any more.
            fault.ends_with(" not_found") || fault == "/jobId conflict_with"
        }),
        _ => false,
    };
    assert!(expected, "{what}: {} {}", answer.status, answer.body);
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_totals_usage_and_minutes_never_drift_under_eight_writers() {
    let world = Arc::new(World::new().await);
    let mut writers = JoinSet::new();
    for seed in 0..WRITERS {
        let world = Arc::clone(&world);
        writers.spawn(async move { world.write(seed).await });
    }
    let mut own = Own::default();
    for one in writers.join_all().await {
        own.interviews.extend(one.interviews);
        own.people.extend(one.people);
    }
    world.app.settle().await;
    world.app.advance(Duration::from_millis(1));
    let interviews = world.check_interviews(&own).await;
    world.check_people(&own, &interviews).await;
    world.check_usage(&interviews).await;
    world.check_minutes(&interviews).await;
}

impl World {
    /// What was acknowledged is there, as it was last, and what is listed and counted is what is there; all of them.
    async fn check_interviews(&self, own: &Own) -> Vec<Value> {
        let mut model = Model::of(INTERVIEWS);
        for interview in own.interviews.keys().chain(&self.interviews) {
            let path = format!("/interviews/{interview}");
            let got = self.app.get(&self.key, &path).await;
            assert_eq!(got.status, 200, "{}", got.body);
            model.put(got.data());
        }
        assert!(
            model.objects.len() > 30,
            "{} were made",
            model.objects.len()
        );
        for (id, known) in &own.interviews {
            for field in [
                "status",
                "scheduledAt",
                "durationMinutes",
                "isTest",
                "candidateId",
                "jobId",
            ] {
                assert_eq!(model.objects[id][field], known[field], "{id} {field}");
            }
        }
        let named = |field: &'static str| -> Vec<_> {
            let values = model.objects.values().filter_map(|one| one[field].as_str());
            let distinct: BTreeSet<_> = values.map(str::to_owned).collect();
            distinct.into_iter().map(|value| (field, value)).collect()
        };
        let statuses = STATUSES.map(|status| ("status", status.to_owned()));
        let filters = [named("candidateId"), named("agentId"), named("jobId")].concat();
        self.check_lists(&model, statuses.into_iter().chain(filters))
            .await;
        model.objects.into_values().collect()
    }

    /// Who was interviewed how often, beside the same of lists and totals.
    async fn check_people(&self, own: &Own, interviews: &[Value]) {
        let mut model = Model::of(CANDIDATES);
        // Those who were made with an interview are nobody's own.
        let inline = interviews
            .iter()
            .filter_map(|one| one["candidateId"].as_str());
        let ids: BTreeSet<_> = inline
            .map(str::to_owned)
            .chain(own.people.keys().cloned())
            .collect();
        for id in ids.iter().chain(&self.people) {
            let got = self.app.get(&self.key, &format!("/candidates/{id}")).await;
            match own.people.get(id) {
                Some(None) => {
                    assert_eq!(got.status, 404, "{}", got.body);
                    continue;
                }
                known => {
                    assert_eq!(got.status, 200, "{}", got.body);
                    let status = known.and_then(Option::as_ref).map(|one| &one["status"]);
                    assert_eq!(&got.data()["status"], status.unwrap_or(&json!("APPLIED")));
                }
            }
            let of_person = |one: &&Value| one["candidateId"] == json!(id) && is_billed(one);
            let count = interviews.iter().filter(of_person).count();
            assert_eq!(got.data()["interviewCount"], count, "{id}");
            model.put(got.data());
        }
        let statuses = ["APPLIED", "REJECTED"].map(|status| ("status", status.to_owned()));
        let jobs = self.jobs.iter().map(|job| ("jobId", job.clone()));
        self.check_lists(&model, statuses.into_iter().chain(jobs))
            .await;
    }

    async fn check_lists(
        &self,
        model: &Model,
        filters: impl IntoIterator<Item = (&'static str, String)>,
    ) {
        let single = filters.into_iter().map(|filter| vec![filter]);
        for values in std::iter::once(Vec::new()).chain(single) {
            let filter = Filter { values, q: None };
            let expected = model.list(&filter);
            let walked = walk(&self.app, &self.key, model.kind, &filter, 23).await;
            assert_eq!(walked, expected, "{filter:?}");
            let path = match filter.values.first() {
                Some((name, value)) => format!("{}?{name}={value}", model.kind.path),
                None => model.kind.path.to_owned(),
            };
            let total = super::total_of(&self.app, &self.key, &path).await;
            assert_eq!(total, expected.len() as u64, "{path}");
        }
    }

    async fn check_usage(&self, interviews: &[Value]) {
        let usage = self.app.get(&self.key, "/billing/usage").await;
        let billed = || interviews.iter().filter(|one| is_billed(one));
        let used: u64 = billed().map(minutes).sum();
        assert_eq!(usage.data()["totalMinutesUsed"], used);
        assert_eq!(usage.data()["totalInterviews"], billed().count());
    }

    /// What each month has left.
    async fn check_minutes(&self, interviews: &[Value]) {
        let store = self.app.store(&self.acme);
        let mut months = BTreeMap::<Month, u64>::new();
        months.insert(Month::of(self.app.now()), 0);
        for one in interviews.iter().filter(|one| one["isTest"] == false) {
            let at = one["scheduledAt"].as_str().expect("an instant");
            let month = Month::of(at.parse::<Timestamp>().expect("an instant"));
            let status = one["status"].as_str().expect("a status");
            let is_open = ["SCHEDULED", "IN_PROGRESS"].contains(&status);
            *months.entry(month).or_default() += match status {
                _ if is_open => DURATION,
                "COMPLETED" => minutes(one),
                _ => 0,
            };
            let id = one["id"].as_str().and_then(|id| id.parse().ok());
            let held = store.find_reservation(id.expect("an id")).await;
            let held = held.expect("an answer").map(|held| held.month);
            assert_eq!(held, is_open.then_some(month));
        }
        for (month, expected) in months {
            let committed = store.committed_minutes(month).await;
            assert_eq!(committed.expect("a number"), expected, "{month}");
        }
    }
}

fn is_billed(interview: &Value) -> bool {
    interview["isTest"] == false && interview["status"] == "COMPLETED"
}

fn minutes(interview: &Value) -> u64 {
    interview["durationMinutes"].as_u64().expect("minutes")
}

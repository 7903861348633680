//! A deleted job leaves its candidates, whatever happens to the worker on its way.

use super::rows::{of_partition, starting};
use embedded::{Fault, Weather};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};
use tests::{Caller, Company, Seeded, TestApp, candidate, job};
use tokio::task::JoinSet;

/// The long command has ten times as many.
const CANDIDATES: usize = if cfg!(feature = "long") {
    10_000
} else {
    1_000
};

struct World {
    app: Arc<TestApp>,
    acme: Company,
    key: Caller,
    /// The one that is deleted, and one that stays.
    gone: String,
    stays: String,
    /// Candidates' ids, with their versions and last changes.
    candidates: BTreeMap<String, (u64, String)>,
}

async fn made(app: &TestApp, key: &Caller, path: &str, body: &Value) -> Value {
    let made = app.post(key, path, body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.data().clone()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

impl World {
    /// With the worker asleep, until [`World::wake`].
    async fn new(app: TestApp, count: usize) -> World {
        app.put_worker_to_sleep();
        let app = Arc::new(app);
        let acme = app.company("Acme").await;
        let key = app.key_with(&acme, json!({})).await.caller;
        let gone = text(&made(&app, &key, "/jobs", &job()).await["id"]);
        let stays = text(&made(&app, &key, "/jobs", &job()).await["id"]);
        let mut makers = JoinSet::new();
        for maker in 0..8 {
            let (app, key) = (Arc::clone(&app), key.clone());
            let jobs = json!([gone, stays]);
            let share = count / 8 + usize::from(maker < count % 8);
            makers.spawn(async move {
                let mut all = Vec::new();
                for _ in 0..share {
                    let mut body = candidate();
                    body["jobIds"] = jobs.clone();
                    all.push(made(&app, &key, "/candidates", &body).await);
                }
                all
            });
        }
        let all = makers.join_all().await.concat();
        let candidates = all.iter().map(|one| {
            let version = one["version"].as_u64().expect("a version");
            (text(&one["id"]), (version, text(&one["updatedAt"])))
        });
        World {
            candidates: candidates.collect(),
            app,
            acme,
            key,
            gone,
            stays,
        }
    }

    async fn delete_job(&self) {
        let path = format!("/jobs/{}", self.gone);
        assert_eq!(self.app.delete(&self.key, &path).await.status, 200);
    }

    async fn total(&self, job: &str) -> Value {
        let list = format!("/candidates?limit=1&jobId={job}");
        let list = self.app.get(&self.key, &list).await;
        assert_eq!(list.status, 200, "{}", list.body);
        list.data()["pagination"]["total"].clone()
    }

    /// What clients see from the deletion on, whatever the worker has done yet.
    async fn check_shown(&self) {
        assert_eq!(self.total(&self.gone).await, 0);
        assert_eq!(self.total(&self.stays).await, self.candidates.len());
        let page = self.app.get(&self.key, "/candidates?limit=20").await;
        for one in page.data()["items"].as_array().expect("items") {
            assert_eq!(one["jobIds"], json!([self.stays]));
        }
        let id = self.candidates.keys().next().expect("a candidate");
        let one = self.app.get(&self.key, &format!("/candidates/{id}")).await;
        assert_eq!(one.data()["jobIds"], json!([self.stays]));
    }

    async fn wake(&self) {
        self.app.wake_worker();
        self.app.settle().await;
    }

    fn left(&self) -> usize {
        let run = format!("IX#candidate#jobId={}#", self.gone);
        starting(&self.app, &run).len()
    }

    /// What is left in the rows when all is done; `changed`: those that others changed meanwhile.
    async fn check_done(&self, changed: &[String]) {
        self.check_shown().await;
        assert_eq!(self.left(), 0);
        assert!(starting(&self.app, "SEVERED#").is_empty());
        assert!(of_partition(&self.app, "TASKS").is_empty());
        let jobs = starting(&self.app, &format!("JOB#{}", self.gone));
        assert_eq!(jobs[0]["candidates"]["N"], "0");
        let mut seen = 0;
        for row in starting(&self.app, "CANDIDATE#") {
            let id = row["id"]["S"].as_str().expect("an id");
            let data = row["data"]["S"].as_str().expect("data");
            assert!(!data.contains(&self.gone), "{data}");
            let (version, _) = &self.candidates[id];
            seen += 1;
            if !changed.iter().any(|other| other == id) {
                let expected = (version + 1).to_string();
                assert_eq!(row["version"]["N"], expected.as_str(), "{id}");
            }
        }
        assert_eq!(seen, self.candidates.len());
        for (id, (version, updated)) in self.candidates.iter().take(5) {
            let one = self.app.get(&self.key, &format!("/candidates/{id}")).await;
            if !changed.contains(id) {
                assert_eq!(one.data()["version"], version + 1);
                assert_eq!(one.data()["updatedAt"], updated.as_str());
            }
        }
    }

    async fn events(&self, kind: &str) -> usize {
        let target = format!("/audit-events?limit=100&type={kind}");
        let owner = self.app.person("owner@acme.example");
        let list = self.app.get(&owner, &target).await;
        assert_eq!(list.status, 200, "{}", list.body);
        list.data()["items"].as_array().expect("items").len()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_job_leaves_all_its_candidates_and_one_event_tells_of_it() {
    let world = World::new(TestApp::calm().await, CANDIDATES).await;
    world.delete_job().await;
    world.check_shown().await;
    assert_eq!(world.left(), CANDIDATES);
    world.wake().await;
    world.check_done(&[]).await;
    assert_eq!(world.acme.owner.address, world.key.address);
    assert_eq!(world.events("job.deleted").await, 1);
    assert_eq!(world.events("candidate.updated").await, 0);
}

/// Works, and is dead after so many calls.
async fn dies_after(world: &World, calls: usize) {
    let (weather, _) = tests::dies_from(calls, Fault::Unreachable);
    let clock = world.app.app().clock.clone();
    let app = world.app.system.another_app(clock, &weather);
    worker::handle(&app, json!({})).await;
}

#[tokio::test]
async fn a_worker_that_dies_anywhere_is_followed_by_one_that_goes_on() {
    let world = World::new(TestApp::calm().await, 12).await;
    // It has been here before, so that a few calls bring it to its tasks.
    dies_after(&world, usize::MAX).await;
    world.delete_job().await;
    let mut lefts = Vec::new();
    for calls in 0..30 {
        dies_after(&world, calls).await;
        world.check_shown().await;
        lefts.push(world.left());
    }
    // Each that got far enough has left something behind, and taken something.
    assert!(lefts.is_sorted_by(|one, next| one >= next), "{lefts:?}");
    assert!(lefts.iter().any(|left| (1..12).contains(left)), "{lefts:?}");
    world.wake().await;
    world.check_done(&[]).await;
    assert_eq!(world.events("candidate.updated").await, 0);
}

#[tokio::test]
async fn changes_meanwhile_neither_bring_the_job_back_nor_lose_anything() {
    let world = World::new(TestApp::start().await, 40).await;
    let mut seeded = Seeded::new(7);
    let ids: Vec<_> = world.candidates.keys().cloned().collect();
    let mut writers = JoinSet::new();
    let mut changed = Vec::new();
    for _ in 0..24 {
        let id = seeded.pick(&ids).clone();
        changed.push(id.clone());
        let (app, key) = (Arc::clone(&world.app), world.key.clone());
        let (gone, stays) = (world.gone.clone(), world.stays.clone());
        let both = seeded.chance(50);
        writers.spawn(async move {
            let body = match both {
                true => json!({ "jobIds": [stays, gone], "lastName": "Byron" }),
                false => json!({ "lastName": "Byron" }),
            };
            let answer = app.patch(&key, &format!("/candidates/{id}"), &body).await;
            let lost = answer.faults() == ["/jobIds/1 not_found"];
            let busy = answer.status == 409;
            assert!(answer.status == 200 || lost || busy, "{}", answer.body);
        });
    }
    world.delete_job().await;
    let calm = Weather::calm();
    let two = [1, 2].map(|_| {
        let clock = world.app.app().clock.clone();
        world.app.system.another_app(clock, &calm)
    });
    tokio::join!(
        worker::handle(&two[0], json!({})),
        worker::handle(&two[1], json!({}))
    );
    writers.join_all().await;
    world.wake().await;
    world.check_done(&changed).await;
}

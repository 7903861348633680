//! What a turn of the worker gets done, and for whom.

use super::rows::{of_partition, starting};
use api::{App, MailNotTaken, Mailer};
use embedded::{Fault, Weather};
use local::seed;
use model::Plan;
use routes::Role;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};
use tests::{Caller, Company, TestApp, candidate, job, made_id};

const HOUR: Duration = Duration::from_secs(3_600);

type Sent = std::pin::Pin<Box<dyn Future<Output = Result<(), MailNotTaken>> + Send>>;

/// Its worker works when a test says so, and not before.
struct World {
    app: Arc<TestApp>,
}

impl World {
    async fn new() -> World {
        let app = TestApp::calm().await;
        app.put_worker_to_sleep();
        World { app: Arc::new(app) }
    }

    async fn company(&self, name: &str) -> (Company, Caller) {
        let company = self.app.company(name).await;
        let key = self.app.key_with(&company, json!({})).await.caller;
        (company, key)
    }

    /// To this hour of the next day.
    fn tomorrow_at(&self, hour: u32) {
        let into = u64::try_from(self.app.now().millis().rem_euclid(86_400_000));
        let into = Duration::from_millis(into.expect("not negative"));
        self.app.advance(24 * HOUR - into + HOUR * hour);
    }

    fn date(&self, days: i64) -> String {
        let at = self.app.now().plus(chrono::Duration::days(days));
        at.to_string()[..10].to_owned()
    }

    async fn candidate(&self, key: &Caller, date: &str, jobs: &[String]) -> String {
        let mut body = candidate();
        body["gdprExpiryDate"] = json!(date);
        body["jobIds"] = json!(jobs);
        made_id(&self.app.post(key, "/candidates", &body).await)
    }

    async fn job(&self, key: &Caller) -> String {
        made_id(&self.app.post(key, "/jobs", &job()).await)
    }

    async fn delete_job(&self, key: &Caller, id: &str) {
        let deleted = self.app.delete(key, &format!("/jobs/{id}")).await;
        assert_eq!(deleted.status, 200);
    }

    /// The schedule's turn in this weather; whether anything is left.
    async fn turn(&self, weather: &Weather) -> bool {
        let clock = self.app.app().clock.clone();
        let worker = self.app.system.another_app(clock, weather);
        worker::handle(&worker, json!({})).await["left"] == true
    }

    /// A worker whose letters take this long, and are refused for addresses that end so; and to whom it has sent any.
    fn slow_to_mail(
        &self,
        each: Duration,
        refused: &'static str,
    ) -> (App, Arc<Mutex<Vec<String>>>) {
        let sent = Arc::<Mutex<Vec<String>>>::default();
        let (app, took) = (Arc::clone(&self.app), Arc::clone(&sent));
        let send = move |mail: api::Mail| -> Sent {
            app.advance(each);
            let taken = match mail.to.ends_with(refused) {
                true => Err(MailNotTaken("away".to_owned())),
                false => {
                    took.lock().expect("no panic").push(mail.to);
                    Ok(())
                }
            };
            Box::pin(async move { taken })
        };
        let clock = self.app.app().clock.clone();
        let worker = App {
            mailer: Some(Mailer::new("http://127.0.0.1:3000", Arc::new(send))),
            ..self.app.system.another_app(clock, &Weather::calm())
        };
        (worker, sent)
    }

    async fn invite(&self, company: &Company, count: usize, at: &str) {
        for number in 0..count {
            let body = json!({ "email": format!("new{number}@{at}"), "role": "MEMBER" });
            let invited = self.app.post(&company.owner, "/members", &body).await;
            assert_eq!(invited.status, 201, "{}", invited.body);
        }
    }

    fn is_erased(&self, candidate: &str) -> bool {
        self.erased_of(&[candidate.to_owned()]) == 1
    }

    fn erased_of(&self, candidates: &[String]) -> usize {
        let rows = starting(&self.app, "CANDIDATE#");
        let erased = rows.iter().filter(|row| row["erased"].is_object());
        let erased = erased.filter_map(|row| row["id"]["S"].as_str());
        erased
            .filter(|id| candidates.iter().any(|one| one == id))
            .count()
    }

    fn is_named(&self, job: &str) -> bool {
        !starting(&self.app, &format!("IX#candidate#jobId={job}#")).is_empty()
    }
}

#[tokio::test]
async fn a_day_is_visited_as_soon_as_it_has_begun_whenever_the_worker_came_before() {
    let world = World::new().await;
    let (_, key) = world.company("Acme").await;
    world.tomorrow_at(14);
    let due = world.candidate(&key, &world.date(1), &[]).await;
    assert!(!world.turn(&Weather::calm()).await);
    world.tomorrow_at(0);
    world.app.advance(Duration::from_secs(300));
    assert!(!world.is_erased(&due));
    assert!(!world.turn(&Weather::calm()).await);
    assert!(world.is_erased(&due));
}

#[tokio::test]
async fn what_is_due_later_on_a_day_is_not_looked_at_before() {
    let world = World::new().await;
    let (_, key) = world.company("Acme").await;
    world.tomorrow_at(14);
    let deleted = world.candidate(&key, "2099-12-31", &[]).await;
    let path = format!("/candidates/{deleted}");
    assert_eq!(world.app.delete(&key, &path).await.status, 200);
    // Its 30 days are over at 14 o'clock.
    for _ in 0..30 {
        world.tomorrow_at(13);
        world.turn(&Weather::calm()).await;
    }
    let calm = Weather::calm();
    world.turn(&calm).await;
    // The mark, and nothing of any candidate; the rest asks what there is to do.
    let mut calls = calm.calls();
    calls.retain(|call| call.operation != "Query");
    let reads: Vec<_> = calls.iter().map(|call| call.operation.as_str()).collect();
    assert_eq!(reads, ["GetItem"]);
    assert!(!world.is_erased(&deleted));
    world.app.advance(HOUR + Duration::from_secs(5));
    world.turn(&Weather::calm()).await;
    assert!(world.is_erased(&deleted));
}

#[tokio::test]
async fn a_candidate_who_can_not_be_erased_keeps_nobody_else_back() {
    let world = World::new().await;
    let (_, acme) = world.company("Acme").await;
    let (_, globex) = world.company("Globex").await;
    let [one, two] = [world.date(1), world.date(2)];
    let stuck = world.candidate(&acme, &one, &[]).await;
    let others = [
        world.candidate(&acme, &one, &[]).await,
        world.candidate(&globex, &one, &[]).await,
        world.candidate(&acme, &two, &[]).await,
    ];
    world.tomorrow_at(0);
    world.tomorrow_at(1);
    let bad = stuck.clone();
    let weather = Weather::script(move |call| {
        let wanted = call.operation == "GetItem" && call.json().to_string().contains(&bad);
        match wanted {
            true => Fault::InternalError,
            false => Fault::None,
        }
    });
    for _ in 0..2 {
        assert!(world.turn(&weather).await, "something is left");
        assert!(others.iter().all(|other| world.is_erased(other)));
        assert!(!world.is_erased(&stuck));
    }
    // Many days later its day is still looked at.
    world.app.advance(24 * HOUR * 9);
    assert!(world.turn(&weather).await);
    assert!(!world.turn(&Weather::calm()).await);
    assert!(world.is_erased(&stuck));
}

/// Each call of the store takes 1.5 seconds, so that a turn gets through some 160.
#[tokio::test]
async fn companies_with_much_to_do_keep_no_other_ones_waiting_and_no_turn_is_too_long() {
    let world = World::new().await;
    let today = world.date(1);
    let (mut due, mut jobs) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    let mut keys = Vec::new();
    // Whichever is first, one with much comes before one with little.
    for (name, much) in [("Acme", 1), ("Globex", 0), ("Hooli", 1), ("Initech", 0)] {
        let (_, key) = world.company(name).await;
        let job = world.job(&key).await;
        for _ in 0..[1, 20][much] {
            due[much].push(world.candidate(&key, &today, &[]).await);
        }
        for _ in 0..[1, 40][much] {
            let named = [job.clone()];
            world.candidate(&key, "2099-12-31", &named).await;
        }
        keys.push((key, job.clone()));
        jobs[much].push(job);
    }
    world.tomorrow_at(1);
    for (key, job) in &keys {
        world.delete_job(key, job).await;
    }
    let app = Arc::clone(&world.app);
    let slow = Weather::script(move |_| {
        app.advance(Duration::from_millis(1_500));
        Fault::None
    });
    let before = world.app.now();
    assert!(world.turn(&slow).await, "much is left");
    let took = world.app.now().since(before);
    assert!(took >= worker::TURN, "{took}");
    // What the template gives it.
    assert!(took < chrono::Duration::seconds(300), "{took}");
    let [little, much] = &due;
    assert_eq!(world.erased_of(little), little.len());
    let erased = world.erased_of(much);
    assert!((1..much.len()).contains(&erased), "{erased}");
    let [little, much] = &jobs;
    assert!(little.iter().all(|job| !world.is_named(job)));
    assert!(much.iter().any(|job| world.is_named(job)));
    let mut turns = 1;
    while world.turn(&slow).await {
        turns += 1;
        assert!(turns < 10, "the worker gets nowhere");
    }
    assert_eq!(world.erased_of(&due.concat()), due.concat().len());
    assert!(jobs.concat().iter().all(|job| !world.is_named(job)));
    assert_eq!(of_partition(&world.app, "TASKS"), Vec::<Value>::new());
}

#[tokio::test]
async fn what_the_stream_brings_is_not_begun_after_the_end_of_a_turn() {
    let world = World::new().await;
    let (acme, _) = world.company("Acme").await;
    world.invite(&acme, 12, "acme.example").await;
    let table = &world.app.app().table.names().records;
    let record = |image: Value| {
        json!({
            "awsRegion": "local",
            "eventID": "1",
            "eventName": "INSERT",
            "eventSourceARN": format!("arn:aws:dynamodb:local:000000000000:table/{table}/stream/1"),
            "dynamodb": { "NewImage": image, "SizeBytes": 1 },
        })
    };
    let tasks = of_partition(&world.app, "MAILS").into_iter();
    let batch = json!({ "Records": tasks.map(record).collect::<Vec<_>>() });
    // All together would take 6 minutes.
    let (worker, sent) = world.slow_to_mail(Duration::from_secs(30), "nobody");
    assert_eq!(worker::handle(&worker, batch).await["left"], true);
    assert_eq!(sent.lock().expect("no panic").len(), 8);
}

#[tokio::test]
async fn a_notice_that_is_cut_off_goes_on_with_those_who_were_not_told() {
    let world = World::new().await;
    let owners: Vec<_> = (0..8).map(|n| format!("owner{n}@acme.example")).collect();
    let people: Vec<_> = owners.iter().map(|to| (to.as_str(), Role::Owner)).collect();
    let made = seed::company(&world.app.system, "Acme", Plan::Trial, None, &people).await;
    made.expect("a company");
    let expiry = world.app.now().plus(chrono::Duration::hours(1));
    let body = json!({ "name": "CI", "scopes": ["read:jobs"], "expiresAt": expiry });
    let owner = world.app.person(&owners[0]);
    made_id(&world.app.post(&owner, "/api-keys", &body).await);
    world.app.advance(2 * HOUR);
    // All together would take 6 minutes, and Lambda gives 5.
    let (worker, sent) = world.slow_to_mail(Duration::from_secs(45), "nobody");
    let mut turns = 0;
    loop {
        let before = world.app.now();
        let left = worker::handle(&worker, json!({})).await["left"] == true;
        let took = world.app.now().since(before);
        assert!(took < chrono::Duration::seconds(300), "{took}");
        turns += 1;
        assert!(turns < 20, "the worker gets nowhere");
        if !left {
            break;
        }
    }
    let sent = sent.lock().expect("no panic").clone();
    assert_eq!(sent.len(), owners.len(), "{sent:?}");
    assert_eq!(BTreeSet::from_iter(sent), BTreeSet::from_iter(owners));
}

#[tokio::test]
async fn letters_that_nobody_takes_keep_no_other_owners_back() {
    let world = World::new().await;
    // By its id, the first one is Acme.
    let (acme, _) = world.company("Acme").await;
    let (globex, _) = world.company("Globex").await;
    world.invite(&acme, 8, "acme.example").await;
    world.invite(&globex, 1, "globex.example").await;
    let expiry = world.app.now().plus(chrono::Duration::hours(1));
    for (company, count) in [(&acme, 8), (&globex, 1)] {
        for _ in 0..count {
            let fields = json!({ "expiresAt": expiry });
            world.app.key_with(company, fields).await;
        }
    }
    world.app.advance(2 * HOUR);
    // A turn has a minute for letters.
    let (worker, sent) = world.slow_to_mail(Duration::from_secs(10), "@acme.example");
    assert_eq!(worker::handle(&worker, json!({})).await["left"], true);
    let sent = sent.lock().expect("no panic").clone();
    assert_eq!(sent, ["owner@globex.example", "new0@globex.example"]);
}

//! Erasure: gone by the clock first, and then from every row.

use super::rows::{of_partition, records, starting};
use serde_json::{Value, json};
use std::time::Duration;
use tests::{Caller, Company, TestApp, candidate, job, made_id};

const DAY: Duration = Duration::from_secs(86_400);
/// Everything that is the candidate's own.
const CANARIES: [&str; 5] = [
    "Canaryfirst",
    "Canarylast",
    "canary@mail",
    "+4915198765",
    "CanaryMeta",
];

struct World {
    app: TestApp,
    acme: Company,
    key: Caller,
    job: String,
}

impl World {
    async fn new() -> World {
        let app = TestApp::start().await;
        let acme = app.company("Acme").await;
        let key = app.key_with(&acme, json!({})).await.caller;
        let job = made_id(&app.post(&key, "/jobs", &job()).await);
        World {
            app,
            acme,
            key,
            job,
        }
    }

    /// A day that begins in so many days.
    fn date(&self, days: u32) -> String {
        let at = self.app.now().plus(chrono_days(days));
        at.to_string()[..10].to_owned()
    }

    fn body(&self, date: &str) -> Value {
        let mut body = candidate();
        body["firstName"] = json!("Canaryfirst");
        body["lastName"] = json!("Canarylast");
        body["email"] = json!("canary@mail.example");
        body["phoneNumber"] = json!("+4915198765");
        body["metadata"] = json!({ "a": "CanaryMeta" });
        body["jobIds"] = json!([self.job]);
        body["gdprExpiryDate"] = json!(date);
        body
    }

    /// Made under an idempotency key, whose answer holds everything.
    async fn canary(&self, date: &str) -> String {
        let request = self
            .key
            .request("POST", "/candidates")
            .json(&self.body(date));
        made_id(&self.app.send(request.header("idempotency-key", date)).await)
    }

    async fn total(&self, query: &str) -> Value {
        let list = self
            .app
            .get(&self.key, &format!("/candidates{query}"))
            .await;
        assert_eq!(list.status, 200, "{}", list.body);
        let items = list.data()["items"].as_array().expect("items").len();
        let total = &list.data()["pagination"]["total"];
        assert!(total.is_null() || *total == items, "{}", list.body);
        items.into()
    }

    /// In no answer.
    async fn assert_gone(&self, id: &str, others: usize) {
        let path = format!("/candidates/{id}");
        let calls = [
            self.app.get(&self.key, &path).await,
            self.app
                .patch(&self.key, &path, &json!({ "lastName": "X" }))
                .await,
            self.app.delete(&self.key, &path).await,
        ];
        for answer in calls {
            assert_eq!(answer.code(), "RESOURCE_NOT_FOUND", "{}", answer.body);
        }
        let queries = [
            String::new(),
            "?status=APPLIED".to_owned(),
            format!("?jobId={}", self.job),
        ];
        for query in queries {
            assert_eq!(self.total(&query).await, others, "{query}");
        }
        assert_eq!(self.total("?q=canary").await, 0);
        assert_eq!(
            self.total(&format!("?jobId={}&status=APPLIED", self.job))
                .await,
            others
        );
    }

    /// In no row, but as a tombstone.
    fn assert_erased(&self, id: &str) {
        let all = json!(records(&self.app)).to_string();
        for canary in CANARIES {
            assert!(!all.contains(canary), "{canary} is left");
        }
        let tombstones = starting(&self.app, &format!("CANDIDATE#{id}"));
        let [tombstone] = tombstones.as_slice() else {
            panic!("{} tombstones", tombstones.len());
        };
        assert_eq!(tombstone["data"]["S"], "{}");
        assert!(tombstone["erased"]["N"].is_string() && tombstone["deleted"]["N"].is_string());
        for row in records(&self.app) {
            let sk = row["sk"]["S"].as_str().expect("a key");
            let is_index = sk.starts_with("IX#candidate#") || sk.contains("#candidate#");
            assert!(!(is_index && sk.contains(id)), "{sk}");
        }
    }

    async fn events(&self, kind: &str) -> Vec<Value> {
        let owner = self.app.person("owner@acme.example");
        let list = self
            .app
            .get(&owner, &format!("/audit-events?limit=100&type={kind}"))
            .await;
        assert_eq!(list.status, 200, "{}", list.body);
        list.data()["items"].as_array().expect("items").clone()
    }

    async fn other(&self) -> String {
        let mut body = candidate();
        body["jobIds"] = json!([self.job]);
        made_id(&self.app.post(&self.key, "/candidates", &body).await)
    }

    async fn counted(&self) -> Value {
        let jobs = starting(&self.app, &format!("JOB#{}", self.job));
        jobs[0]["candidates"]["N"].clone()
    }
}

fn chrono_days(days: u32) -> chrono::Duration {
    chrono::Duration::days(days.into())
}

#[tokio::test]
async fn at_the_expiry_date_a_candidate_is_404_by_the_clock_and_then_erased() {
    let mut world = World::new().await;
    world.other().await;
    let canary = world.canary(&world.date(3)).await;
    assert_eq!(world.total(&format!("?jobId={}", world.job)).await, 2);
    world.app.settle().await;
    world.app.advance(2 * DAY);
    world.app.settle().await;
    // Not a moment before.
    let path = format!("/candidates/{canary}");
    assert_eq!(world.app.get(&world.key, &path).await.status, 200);
    world.app.advance(DAY);
    world.assert_gone(&canary, 1).await;
    assert_eq!(world.counted().await, "2", "no worker was here");
    world.app.settle().await;
    world.assert_gone(&canary, 1).await;
    world.assert_erased(&canary);
    assert_eq!(world.counted().await, "1");
    let events = world.events("candidate.erased").await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["actor"]["kind"], "SYSTEM");
    assert_eq!(events[0]["companyId"], world.acme.id.to_string());
    for change in events[0]["changes"].as_array().expect("names") {
        assert!(
            change["before"].is_null() && change["after"].is_null(),
            "{change}"
        );
    }
    // A second turn finds nothing.
    world.app.advance(DAY);
    world.app.settle().await;
    assert_eq!(world.events("candidate.erased").await.len(), 1);
    world.acme.owner = world.app.person("owner@acme.example");
}

#[tokio::test]
async fn thirty_days_after_its_deletion_or_at_its_date_a_candidate_is_erased_whichever_is_first() {
    let world = World::new().await;
    let [early, late] = [
        world.canary(&world.date(10)).await,
        world.canary(&world.date(300)).await,
    ];
    world.app.settle().await;
    for id in [&early, &late] {
        let deleted = world
            .app
            .delete(&world.key, &format!("/candidates/{id}"))
            .await;
        assert_eq!(deleted.status, 200);
    }
    world.assert_gone(&early, 0).await;
    let erased = |id: &str| {
        let rows = starting(&world.app, &format!("CANDIDATE#{id}"));
        rows[0]["erased"].is_object()
    };
    for (days, expected) in [
        (9, [false, false]),
        (1, [true, false]),
        (19, [true, false]),
        (1, [true, true]),
    ] {
        world.app.advance(DAY * days);
        world.app.settle().await;
        assert_eq!(
            [erased(&early), erased(&late)],
            expected,
            "{days} days later"
        );
    }
    world.assert_erased(&early);
    world.assert_erased(&late);
    assert_eq!(world.events("candidate.deleted").await.len(), 2);
    assert_eq!(world.events("candidate.erased").await.len(), 2);
    assert_eq!(world.counted().await, "0");
    let notes = records(&world.app);
    let is_due = |row: &&Value| {
        row["pk"]["S"]
            .as_str()
            .is_some_and(|pk| pk.starts_with("DUE#"))
    };
    assert_eq!(notes.iter().filter(is_due).count(), 0);
}

#[tokio::test]
async fn a_moved_date_is_the_one_that_counts() {
    let world = World::new().await;
    let canary = world.canary(&world.date(2)).await;
    let path = format!("/candidates/{canary}");
    let moved = json!({ "gdprExpiryDate": world.date(6) });
    assert_eq!(world.app.patch(&world.key, &path, &moved).await.status, 200);
    world.app.advance(4 * DAY);
    world.app.settle().await;
    assert_eq!(world.app.get(&world.key, &path).await.status, 200);
    world.app.advance(2 * DAY);
    world.assert_gone(&canary, 0).await;
    world.app.settle().await;
    world.assert_erased(&canary);
}

#[tokio::test]
async fn whoever_asks_has_a_candidate_erased_at_once_also_a_deleted_one() {
    let world = World::new().await;
    for deleted in [false, true] {
        let date = world.date(if deleted { 400 } else { 401 });
        let canary = world.canary(&date).await;
        let path = format!("/candidates/{canary}");
        if deleted {
            assert_eq!(world.app.delete(&world.key, &path).await.status, 200);
        }
        let erase = format!("{path}/erase");
        let bad = world
            .app
            .post(&world.key, &erase, &json!({ "reason": "x" }))
            .await;
        assert_eq!(bad.faults(), ["/reason unknown_field"]);
        let once = || {
            let request = world.key.request("POST", &erase);
            request.header("idempotency-key", &canary)
        };
        let erased = world.app.send(once()).await;
        assert_eq!(
            (erased.status, erased.data()),
            (200, &json!(true)),
            "{}",
            erased.body
        );
        world.assert_erased(&canary);
        world.assert_gone(&canary, 0).await;
        let replayed = world.app.send(once()).await;
        assert_eq!(replayed.header("idempotency-replayed"), Some("true"));
        assert_eq!(replayed.raw.text(), erased.raw.text());
        let again = world.app.post(&world.key, &erase, &json!({})).await;
        assert_eq!(again.code(), "RESOURCE_NOT_FOUND");
        // The answer under which it was made is forgotten, so the same request makes another one.
        let body = world.body(&date);
        let request = world.key.request("POST", "/candidates").json(&body);
        let anew = made_id(
            &world
                .app
                .send(request.header("idempotency-key", &date))
                .await,
        );
        assert_ne!(anew, canary);
        let path = format!("/candidates/{anew}/erase");
        assert_eq!(
            world.app.post(&world.key, &path, &json!({})).await.status,
            200
        );
    }
    world.app.settle().await;
    let events = world.events("candidate.erased").await;
    assert_eq!(events.len(), 4);
    assert_eq!(events[0]["actor"]["kind"], "KEY");
    assert_eq!(world.counted().await, "0");
    let partition = format!("COMPANY#{}", world.acme.id);
    assert!(!of_partition(&world.app, &partition).is_empty());
}

#[tokio::test]
async fn a_kept_answer_of_another_candidate_under_the_same_idempotency_key_stays() {
    let world = World::new().await;
    let date = world.date(400);
    let first = world.canary(&date).await;
    world.app.advance(DAY + Duration::from_secs(1));
    // The key is new again, and its answer another one.
    let second = world.canary(&date).await;
    assert_ne!(first, second);
    let erase = format!("/candidates/{first}/erase");
    assert_eq!(
        world.app.post(&world.key, &erase, &json!({})).await.status,
        200
    );
    assert_eq!(world.canary(&date).await, second);
}

#[tokio::test]
async fn what_is_gone_by_the_clock_is_404_to_whoever_wants_it_erased() {
    let world = World::new().await;
    let canary = world.canary(&world.date(1)).await;
    world.app.advance(DAY);
    let erase = format!("/candidates/{canary}/erase");
    let late = world.app.post(&world.key, &erase, &json!({})).await;
    assert_eq!(late.code(), "RESOURCE_NOT_FOUND");
    world.app.settle().await;
    world.assert_erased(&canary);
}

#[tokio::test]
async fn a_candidate_who_can_not_be_erased_keeps_nobody_else_and_is_not_forgotten() {
    let world = World::new().await;
    let app = &world.app;
    let date = world.date(2);
    let [first, second, later] = [
        world.canary(&date).await,
        made_id(
            &app.post(&world.key, "/candidates", &world.body(&date))
                .await,
        ),
        world.canary(&world.date(4)).await,
    ];
    let erased = |id: &str| {
        let rows = starting(app, &format!("CANDIDATE#{id}"));
        rows[0]["erased"].is_object()
    };
    // The note that comes first is that of the first one.
    let unreadable = |data: &str| {
        let update = json!({
            "TableName": app.app().table.names().records,
            "Key": {
                "pk": { "S": format!("COMPANY#{}", world.acme.id) },
                "sk": { "S": format!("CANDIDATE#{first}") },
            },
            "UpdateExpression": "SET #data = :data",
            "ExpressionAttributeNames": { "#data": "data" },
            "ExpressionAttributeValues": { ":data": { "S": data } },
        });
        let update = update.to_string();
        let engine = app.system.engine();
        let (status, _) = engine.dispatch("DynamoDB_20120810.UpdateItem", update.as_bytes());
        assert_eq!(status, 200);
    };
    let rows = starting(app, &format!("CANDIDATE#{first}"));
    let readable = rows[0]["data"]["S"].as_str().expect("data").to_owned();
    unreadable("{");
    for (days, expected) in [(2, [false, true, false]), (2, [false, true, true])] {
        app.advance(DAY * days);
        assert!(app.system.settle().await.is_err(), "something is left");
        assert_eq!([&first, &second, &later].map(|id| erased(id)), expected);
    }
    app.advance(DAY * 9);
    unreadable(&readable);
    app.settle().await;
    for id in [&first, &second, &later] {
        world.assert_erased(id);
    }
}

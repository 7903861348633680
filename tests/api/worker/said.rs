//! What was said of an erased candidate: in no item of any table, whoever kept it, and whoever was faster.

use super::rows::rows;
use embedded::Weather;
use local::{Gateway, HttpRequest};
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tests::{
    Answer, Caller, Company, Held, TestApp, agent, candidate, is_transaction_of_records, job,
    made_id, report,
};
use tokio::task::JoinHandle;

const DAY: Duration = Duration::from_secs(86_400);
/// What every text starts with that must be gone.
const CANARY: &str = "Canary";
/// In every personal field, in what clients say of interviews, and in what the engine does.
const CANARIES: [&str; 9] = [
    "CanaryFirst",
    "CanaryLast",
    "canary@mail.example",
    "+4915198765432",
    "CanaryMeta",
    "CanaryKept",
    "CanaryCleared",
    "CanaryLater",
    "CanaryAnalysis",
];

struct World {
    app: Arc<TestApp>,
    acme: Company,
    key: Caller,
    job: String,
    agent: String,
}

fn says(text: &str) -> Value {
    json!({ "note": text })
}

impl World {
    async fn new(app: TestApp) -> World {
        let app = Arc::new(app);
        let acme = app.company("Acme").await;
        let key = app.key_with(&acme, json!({})).await.caller;
        let job = made_id(&app.post(&key, "/jobs", &job()).await);
        let agent = made_id(&app.post(&key, "/agents", &agent()).await);
        World {
            app,
            acme,
            key,
            job,
            agent,
        }
    }

    fn person(&self, date: &str) -> Value {
        let mut body = candidate();
        for (field, value) in [
            ("firstName", json!("CanaryFirst")),
            ("lastName", json!("CanaryLast")),
            ("email", json!("canary@mail.example")),
            ("phoneNumber", json!("+4915198765432")),
            ("metadata", says("CanaryMeta")),
            ("jobIds", json!([self.job])),
            ("gdprExpiryDate", json!(date)),
        ] {
            body[field] = value;
        }
        body
    }

    /// Under an idempotency key that is as new as the body.
    async fn once(&self, path: &str, body: &Value) -> Answer {
        let key = format!("{path} {body}").replace(|c: char| !c.is_ascii_graphic(), "_");
        let key: String = key.chars().take(255).collect();
        let request = self.key.request("POST", path).json(body);
        self.app.send(request.header("idempotency-key", &key)).await
    }

    fn interview(&self, candidate: &str, text: &str) -> Value {
        json!({ "metadata": says(text), "candidateId": candidate, "agentId": self.agent })
    }

    async fn patch(&self, interview: &str, body: &Value) {
        let path = format!("/interviews/{interview}");
        let changed = self.app.patch(&self.key, &path, body).await;
        assert_eq!(changed.status, 200, "{}", changed.body);
    }

    async fn report(&self, interview: &str, kind: &str, text: &str) {
        let mut event = report(&self.acme, interview, kind, self.app.now());
        event["detail"]["analysis"] = says(text);
        self.app.put(event).await.expect("taken");
    }

    async fn erase(&self, candidate: &str) {
        let path = format!("/candidates/{candidate}/erase");
        let erased = self.app.post(&self.key, &path, &json!({})).await;
        assert_eq!(erased.status, 200, "{}", erased.body);
    }

    /// Sends a request beside the test.
    fn spawn(&self, request: HttpRequest) -> JoinHandle<Answer> {
        let app = Arc::clone(&self.app);
        tokio::spawn(async move { app.send(request).await })
    }

    /// Which canaries stand in any item of any table.
    fn found(&self) -> BTreeSet<&'static str> {
        let names = self.app.app().table.names();
        let tables = [&names.keys, &names.denials, &names.records, &names.audit];
        let all = tables.map(|table| json!(rows(&self.app, table)).to_string());
        let stands = |canary: &&str| all.iter().any(|rows| rows.contains(canary));
        CANARIES.into_iter().filter(stands).collect()
    }

    /// Nor a new one that nobody has counted.
    fn assert_nothing_is_left(&self, case: &str) {
        assert_eq!(self.found(), BTreeSet::new(), "{case}");
        let names = self.app.app().table.names();
        let all = json!(rows(&self.app, &names.records)).to_string();
        assert!(!all.contains(CANARY), "{case}");
    }
}

/// A candidate's fields are these, so that a new one is thought of here.
fn assert_known(view: &Value) {
    let known = [
        "companyId",
        "createdAt",
        "email",
        "firstName",
        "gdprExpiryDate",
        "id",
        "interviewCount",
        "jobIds",
        "lastName",
        "metadata",
        "overallRating",
        "phoneNumber",
        "status",
        "updatedAt",
        "version",
    ];
    let fields = view.as_object().expect("an object").keys();
    for field in fields {
        assert!(known.contains(&field.as_str()), "{field}");
    }
}

#[tokio::test]
async fn nothing_of_an_erased_candidate_is_left_in_any_table() {
    let world = World::new(TestApp::start().await).await;
    let app = &world.app;
    // One is erased by its date, made so late before it that answers are still kept.
    let into = u64::try_from(app.now().millis().rem_euclid(86_400_000)).expect("positive");
    app.advance(Duration::from_millis(86_400_000 - into) + 20 * DAY / 24);
    let tomorrow = app.now().plus(chrono::Duration::days(1)).to_string();
    let now = [(false, "2099-12-31"), (true, &tomorrow[..10])];
    for (by_date, date) in now {
        let body = world.person(date);
        let made = world.once("/candidates", &body).await;
        assert_known(made.data());
        let person = made_id(&made);
        let kept = world.interview(&person, "CanaryKept");
        let scheduled = made_id(&world.once("/interviews", &kept).await);
        let cleared = world.interview(&person, "CanaryCleared");
        let cleared = made_id(&world.once("/interviews", &cleared).await);
        world.patch(&cleared, &json!({ "metadata": null })).await;
        let plain = json!({ "candidateId": person, "agentId": world.agent });
        let moved = made_id(&app.post(&world.key, "/interviews", &plain).await);
        let later = json!({ "metadata": says("CanaryLater") });
        world.patch(&moved, &later).await;
        let done = made_id(&app.post(&world.key, "/interviews", &plain).await);
        world.report(&done, "COMPLETED", "CanaryAnalysis").await;
        let failed = made_id(&app.post(&world.key, "/interviews", &plain).await);
        world.report(&failed, "FAILED", "CanaryFailure").await;
        let path = format!("/interviews/{failed}");
        let of_failed = app.get(&world.key, &path).await;
        assert_eq!(of_failed.data()["analysis"], Value::Null);
        assert_eq!(of_failed.data()["durationMinutes"], Value::Null);
        // Somebody who was made with an interview, whose answer both rows name.
        let mut inline = json!({ "candidate": body, "agentId": world.agent });
        inline["metadata"] = says("CanaryKept");
        let with_interview = world.once("/interviews", &inline).await;
        let other = with_interview.data()["candidateId"]
            .as_str()
            .expect("an id");
        app.settle().await;
        assert_eq!(world.found(), CANARIES.into(), "all of it was there");
        if by_date {
            app.advance(4 * DAY / 24);
            app.settle().await;
        } else {
            world.erase(&person).await;
            world.erase(other).await;
            app.settle().await;
        }
        world.assert_nothing_is_left(date);
        // What came of it stays.
        for (interview, status) in [
            (&scheduled, "SCHEDULED"),
            (&done, "COMPLETED"),
            (&failed, "FAILED"),
        ] {
            let path = format!("/interviews/{interview}");
            let left = app.get(&world.key, &path).await;
            assert_eq!(left.data()["status"], status);
            assert_eq!(left.data()["candidateId"], json!(person));
        }
        // The answers are forgotten: the same requests are new ones.
        let again = world.once("/interviews", &kept).await;
        assert_eq!(again.faults(), ["/candidateId not_found"]);
        if !by_date {
            let again = world.once("/interviews", &inline).await;
            assert_eq!(again.header("idempotency-replayed"), None);
            assert_ne!(made_id(&again), made_id(&with_interview));
            world
                .erase(again.data()["candidateId"].as_str().expect("an id"))
                .await;
        }
        // Nothing can be said of the one who is gone.
        world.patch(&scheduled, &later).await;
        world.assert_nothing_is_left(date);
    }
}

#[tokio::test]
async fn a_kept_answer_of_another_interview_under_the_same_idempotency_key_stays() {
    let world = World::new(TestApp::start().await).await;
    let [first, second] = [
        made_id(
            &world
                .app
                .post(&world.key, "/candidates", &candidate())
                .await,
        ),
        made_id(
            &world
                .app
                .post(&world.key, "/candidates", &candidate())
                .await,
        ),
    ];
    let once = async |of: &str| {
        let body = world.interview(of, "other");
        let request = world.key.request("POST", "/interviews").json(&body);
        world.app.send(request.header("idempotency-key", "x")).await
    };
    once(&first).await;
    world.app.advance(DAY + Duration::from_secs(1));
    let made = once(&second).await;
    world.erase(&first).await;
    let replayed = once(&second).await;
    assert_eq!(replayed.raw.text(), made.raw.text());
    assert_eq!(replayed.header("idempotency-replayed"), Some("true"));
}

fn another_gateway(world: &World) -> Gateway {
    let clock = world.app.app().clock.clone();
    let another = world.app.system.another_app(clock, &Weather::calm());
    world
        .app
        .system
        .another_gateway(another)
        .expect("a gateway")
}

/// Whether it leaves a tombstone.
fn erases(body: &Value) -> bool {
    body.to_string().contains("#erased = :at")
}

/// What comes between an erasure's look at the interviews and its tombstone.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_is_said_while_a_candidate_is_erased_is_erased_too() {
    let world = World::new(TestApp::calm().await).await;
    let another = another_gateway(&world);
    for case in ["create", "patch", "complete"] {
        let person = world.person("2099-12-31");
        let person = made_id(&world.app.post(&world.key, "/candidates", &person).await);
        let plain = json!({ "candidateId": person, "agentId": world.agent });
        let interview = made_id(&world.app.post(&world.key, "/interviews", &plain).await);
        let mut tombstone = Held::first(world.app.system.weather(), |call| {
            is_transaction_of_records(call) && erases(&call.json())
        });
        let path = format!("/candidates/{person}/erase");
        let erased = world.spawn(world.key.request("POST", &path).json(&json!({})));
        tombstone.begun().await;
        let path = format!("/interviews/{interview}");
        match case {
            "create" => {
                let body = world.interview(&person, "CanaryKept");
                let request = world.key.request("POST", "/interviews").json(&body);
                let request = request.header("idempotency-key", "racing");
                assert_eq!(tests::ask(&another, request).await.status, 201);
            }
            "patch" => {
                let body = json!({ "metadata": says("CanaryLater") });
                let request = world.key.request("PATCH", &path).json(&body);
                assert_eq!(tests::ask(&another, request).await.status, 200);
            }
            _ => {
                let text = "CanaryAnalysis";
                world.report(&interview, "COMPLETED", text).await;
            }
        }
        tombstone.let_go();
        // Whoever lost their patience asks again.
        if erased.await.expect("an answer").status != 200 {
            let path = format!("/candidates/{person}/erase");
            let again = world.app.post(&world.key, &path, &json!({})).await;
            assert!([200, 404].contains(&again.status), "{}", again.body);
        }
        world.assert_nothing_is_left(case);
    }
}

/// What was begun before the erasure, and is written after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_is_written_of_a_candidate_who_was_just_erased_is_not_kept() {
    let world = World::new(TestApp::calm().await).await;
    let another = another_gateway(&world);
    for reported in [false, true] {
        let person = world.person("2099-12-31");
        let person = made_id(&world.app.post(&world.key, "/candidates", &person).await);
        let plain = json!({ "candidateId": person, "agentId": world.agent });
        let interview = made_id(&world.app.post(&world.key, "/interviews", &plain).await);
        let path = format!("/interviews/{interview}");
        let mut write = Held::first(world.app.system.weather(), is_transaction_of_records);
        let written = match reported {
            true => {
                let mut event = report(&world.acme, &interview, "COMPLETED", world.app.now());
                event["detail"]["analysis"] = says("CanaryAnalysis");
                let app = Arc::clone(&world.app);
                tokio::spawn(async move { app.put(event).await.is_ok() })
            }
            false => {
                let body = json!({ "metadata": says("CanaryLater") });
                let patch = world.spawn(world.key.request("PATCH", &path).json(&body));
                tokio::spawn(async move { patch.await.expect("an answer").status == 200 })
            }
        };
        write.begun().await;
        let erase = format!("/candidates/{person}/erase");
        let erase = world.key.request("POST", &erase).json(&json!({}));
        assert_eq!(tests::ask(&another, erase).await.status, 200);
        write.let_go();
        let is_written = written.await.expect("an outcome");
        world.assert_nothing_is_left(&path);
        let left = world.app.get(&world.key, &path).await;
        assert_eq!(left.data()["metadata"], Value::Null);
        if is_written && reported {
            assert_eq!(left.data()["status"], "COMPLETED");
        }
    }
}

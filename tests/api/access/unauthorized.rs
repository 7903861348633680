//! One 401 for every dead credential: the same bytes, and the same work for all that are known.

use super::{
    UNAUTHORIZED,
    callers::{Kind, World},
};
use embedded::CallSummary;
use std::time::Duration;
use tests::{Answer, TestApp};

/// Rounds of one minute; each asks twice, so that what is kept, suppressed and silent all come up.
const ROUNDS: usize = 40;
const MINUTES: usize = 13;

#[tokio::test]
async fn all_dead_keys_get_the_same_bytes_for_the_same_work() {
    let world = World::make(TestApp::calm().await).await;
    let app = &world.app;
    let route = routes::by_operation("ListJobs").expect("a route");
    let mut callers = Vec::new();
    for kind in Kind::DEAD {
        callers.push((kind, world.caller(kind, route).await));
    }
    let first = app.send(callers[0].1.request("GET", "/jobs")).await;
    assert_eq!(
        (first.status, first.raw.text().as_str()),
        (401, UNAUTHORIZED)
    );
    app.settle().await;

    let (mut asked, mut stored) = (0, 0);
    for _ in 0..MINUTES {
        app.next_minute(Duration::from_millis(100));
        for round in 0..ROUNDS {
            // What this process remembers of a refusal is over.
            app.advance(Duration::from_secs(1));
            let mut known: Option<(Vec<Work>, Vec<Work>)> = None;
            for (kind, caller) in &callers {
                app.system.weather().take_calls();
                let again = |answer: Answer| {
                    assert_same(&answer, &first, *kind);
                    work(app)
                };
                let once = again(app.get(caller, "/jobs").await);
                let twice = again(app.get(caller, "/jobs").await);
                asked += 2;
                stored += once.len() + twice.len();
                match kind {
                    Kind::NoKey | Kind::Junk | Kind::Forged => {
                        assert!(once.is_empty() && twice.is_empty(), "{kind:?} costs no I/O");
                    }
                    Kind::Unknown => {
                        assert_eq!(once.len(), 1, "one read says that there is no such key");
                        assert_eq!(once, twice);
                    }
                    _ => {
                        let same = known.get_or_insert_with(|| (once.clone(), twice.clone()));
                        assert_eq!(*same, (once, twice), "{kind:?} in round {round}");
                    }
                }
            }
        }
    }
    assert_eq!(asked, 2 * ROUNDS * MINUTES * Kind::DEAD.len());
    assert!(
        stored > 5 * ROUNDS * MINUTES,
        "the known ones were looked up"
    );
}

#[tokio::test]
async fn a_suspended_key_is_the_one_401_and_a_resumed_one_is_served_at_once() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key(&acme, [routes::Scope::ReadJobs]).await;
    assert_eq!(app.get(&key.caller, "/jobs").await.status, 200);
    for _ in 0..3 {
        for (action, status) in [("suspend", 401), ("resume", 200)] {
            let path = format!("/api-keys/{}/{action}", key.id);
            assert_eq!(
                app.send(acme.admin.request("POST", &path)).await.status,
                200
            );
            if action == "resume" {
                // Loosening is honoured within one second; the remembered refusal is of another version anyhow.
                app.advance(Duration::from_secs(1));
            }
            let answer = app.get(&key.caller, "/jobs").await;
            assert_eq!(answer.status, status, "after {action}");
            assert!(status == 200 || answer.raw.text() == UNAUTHORIZED);
        }
    }
}

#[tokio::test]
async fn a_wrong_secret_never_harms_the_right_one() {
    let world = World::make(TestApp::start().await).await;
    let route = routes::by_operation("ListJobs").expect("a route");
    let (right, wrong) = (
        world.caller(Kind::GoodKey, route).await,
        world.caller(Kind::WrongSecret, route).await,
    );
    for _ in 0..40 {
        assert_eq!(world.app.get(&wrong, "/jobs").await.status, 401);
        assert_eq!(world.app.get(&right, "/jobs").await.status, 200);
    }
}

/// What one call to the store was.
#[derive(Debug, Clone, PartialEq)]
struct Work {
    operation: String,
    tables: Vec<String>,
    read_units: f64,
    write_units: f64,
}

/// The functions' calls since the last look; the audit consumer's are its own business.
fn work(app: &TestApp) -> Vec<Work> {
    let audit = &app.app().table.names().audit;
    let calls = app.system.weather().take_calls().into_iter();
    let ours = calls.filter(|call: &CallSummary| !call.tables.contains(audit));
    let work = ours.map(|call| Work {
        operation: call.operation,
        tables: call.tables,
        read_units: call.read_units,
        write_units: call.write_units,
    });
    work.collect()
}

/// The same bytes and headers, but for the ids of the request.
fn assert_same(answer: &Answer, first: &Answer, kind: Kind) {
    assert_eq!(
        (answer.status, &answer.raw.body),
        (401, &first.raw.body),
        "{kind:?}"
    );
    let without_ids = |answer: &Answer| -> Vec<(String, String)> {
        let ids = ["x-request-id", "x-amzn-requestid", "x-amz-apigw-id"];
        let mut headers = answer.raw.headers.clone();
        headers.retain(|(name, _)| !ids.contains(&name.to_ascii_lowercase().as_str()));
        headers
    };
    assert_eq!(without_ids(answer), without_ids(first), "{kind:?}");
    assert_eq!(
        answer.header("www-authenticate"),
        Some("Bearer"),
        "{kind:?}"
    );
}

//! What was accepted, what was counted and what the chain tells are one and the same.

use super::process::row;
use embedded::{Call, Fault, Weather};
use routes::Scope;
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tests::{Company, Key, TestApp};
use tokio::task::JoinSet;

const SEED: u64 = 0xc0_0417;
const GATEWAYS: u64 = 4;
const REQUESTS: u64 = 150;
const JOB: &str = "/jobs/01900000-0000-7000-8000-000000000000";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_accepted_request_has_one_event_and_the_counter_is_ahead_by_lost_answers_at_most() {
    let app = TestApp::in_weather(Weather::seeded(SEED)).await;
    let acme = app.company("Acme").await;
    let key = app.key(&acme, [Scope::ReadJobs]).await;
    let lost = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for number in 0..GATEWAYS {
        let weather = stormy(SEED + number, Arc::clone(&lost));
        let another = app.system.another_app(app.app().clock.clone(), &weather);
        let gateway = app.system.another_gateway(another).expect("a gateway");
        let caller = key.caller.clone();
        tasks.spawn(async move {
            let mut accepted = Vec::new();
            for request in 0..REQUESTS {
                // One in five is refused, in two ways.
                let (method, stranger) = match request % 10 {
                    3 => ("DELETE", false),
                    8 => ("GET", true),
                    _ => ("GET", false),
                };
                let mut caller = caller.clone();
                if stranger {
                    caller.query =
                        Some("companyId=01900000-0000-7000-8000-00000000000a".to_owned());
                }
                let answer = tests::ask(&gateway, caller.request(method, JOB)).await;
                let id = answer.header("x-request-id").expect("an id").to_owned();
                match answer.status {
                    404 => accepted.push(id),
                    403 => {}
                    other => panic!("{method} {JOB}: {other} {}", answer.text()),
                }
            }
            accepted
        });
    }
    let accepted: Vec<String> = tasks.join_all().await.concat();
    app.settle().await;

    let told = successes(&app, &acme, &key).await;
    let total = row(&app, &key).await.total;
    let lost = lost.load(Ordering::SeqCst);
    let events = u64::try_from(told.values().sum::<usize>()).expect("in range");
    println!(
        "seed {SEED:#x}: {} accepted, {events} events, {total} counted, {lost} answers lost",
        accepted.len()
    );
    assert_eq!(
        accepted.len(),
        usize::try_from(GATEWAYS * REQUESTS * 8 / 10).expect("in range")
    );
    for id in &accepted {
        assert_eq!(told.get(id), Some(&1), "events of {id}");
    }
    assert_eq!(
        told.len(),
        accepted.len(),
        "an event of a request that wasn't accepted"
    );
    assert!(lost > 0, "nothing was lost");
    assert!(
        (events..=events + lost).contains(&total),
        "{events} events, {total} counted"
    );
}

/// Every tenth first attempt fails, and half of those were applied.
fn stormy(seed: u64, lost: Arc<AtomicU64>) -> Weather {
    Weather::script(move |call: &Call<'_>| {
        if call.attempt > 1 {
            return Fault::None;
        }
        let chance = (seed ^ call.serial.wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> 7;
        let fault = match chance % 40 {
            0 => Fault::LoseAnswer,
            1 => Fault::HalfAnswer,
            2 => Fault::LoseRequest,
            3 => Fault::Throttle,
            _ => return Fault::None,
        };
        let counts = call.operation == "UpdateItem" && call.tables() == ["instaview-keys"];
        if counts && matches!(fault, Fault::LoseAnswer | Fault::HalfAnswer) {
            lost.fetch_add(1, Ordering::SeqCst);
        }
        fault
    })
}

/// How many successes the key's company's chain has of each request id.
async fn successes(app: &TestApp, company: &Company, key: &Key) -> BTreeMap<String, usize> {
    let filter = format!(
        "/audit-events?limit=100&type=authentication.succeeded&keyId={}",
        key.id
    );
    let mut told = BTreeMap::new();
    let mut target = filter.clone();
    loop {
        let page = app.get(&company.owner, &target).await;
        assert_eq!(page.status, 200, "{}", page.body);
        for event in page.data()["items"].as_array().expect("items") {
            assert_eq!(event["keyId"], json!(key.id));
            let id = event["requestId"].as_str().expect("an id").to_owned();
            *told.entry(id).or_default() += 1;
        }
        match page.data()["pagination"]["nextCursor"].as_str() {
            Some(cursor) => target = format!("{filter}&cursor={cursor}"),
            None => return told,
        }
    }
}

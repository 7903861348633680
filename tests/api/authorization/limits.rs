//! No window ever holds more than its limit, and whoever waits `Retry-After` gets through.

use super::{Process, process::row};
use auth::{Unit, Window};
use embedded::{Fault, Weather};
use model::{Plan, RateLimit};
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc, thread, time::Duration};
use tests::{Key, TestApp};
use tokio::task::JoinSet;

const SEED: u64 = 0x11_3175;
/// Milliseconds: within the 2 s that the contract allows.
const SKEWS: [i64; 8] = [-2_000, -1_400, -800, -200, 200, 800, 1_400, 2_000];
const TASKS: usize = 64;
/// Edges of minutes that are met.
const EDGES: u64 = if cfg!(feature = "long") { 300 } else { 3 };

const SIXTY: RateLimit = RateLimit {
    per_minute: 60,
    per_hour: 10_000,
    per_second: None,
};
const FAST: RateLimit = RateLimit {
    per_minute: 601,
    per_hour: 30_000,
    per_second: Some(11),
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_a_minute_are_exactly_sixty() {
    let (app, key) = start(SIXTY).await;
    // All clocks are within one minute.
    app.next_minute(Duration::from_secs(10));
    let accepted = rush(&processes(&app, |_| Weather::calm()), &key, 4).await;
    let row = row(&app, &key).await;
    println!(
        "mid-window: {} of {} accepted, {:?}",
        accepted.len(),
        TASKS * 4,
        row.facts.counted.windows
    );
    assert_eq!(accepted.len(), 60);
    assert_eq!(used(&row, Unit::Minute), [60]);
    assert_eq!(used(&row, Unit::Hour), [60]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn skewed_clocks_around_an_edge_never_admit_more() {
    for number in 0..EDGES {
        let before_the_edge = [1_900, 600, 100][number as usize % 3];
        let (app, key) = start(SIXTY).await;
        let lossy = |process| Weather::seeded(SEED + 100 * number + process);
        let processes = processes(&app, lossy);
        app.next_minute(Duration::from_millis(60_000 - before_the_edge));
        let accepted = rush(&processes, &key, 6).await;
        let row = row(&app, &key).await;
        let mut windows = BTreeMap::<u64, usize>::new();
        for reset in &accepted {
            *windows.entry(*reset).or_default() += 1;
        }
        println!(
            "{before_the_edge} ms before the edge, seed {SEED:#x}: accepted {windows:?}, counted {:?}",
            row.facts.counted.windows
        );
        assert!(windows.len() > 1, "the edge wasn't met");
        for (reset, accepted) in windows {
            let reset = i64::try_from(reset).expect("in range");
            let window = Window {
                unit: Unit::Minute,
                index: reset / 60 - 1,
            };
            assert!(accepted <= 60, "{accepted} in {window}");
            // Where the rush took long, the first window is forgotten.
            if let Some(counted) = row.facts.counted.windows.get(&window) {
                let accepted = u64::try_from(accepted).expect("in range");
                assert!(*counted >= accepted, "{window}: {counted}");
            }
        }
        assert!(used(&row, Unit::Minute).iter().all(|count| *count <= 60));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_holds_no_more_than_its_limit() {
    let (app, key) = start(FAST).await;
    app.next_minute(Duration::from_secs(10));
    let begun = app.now();
    let accepted = rush(&processes(&app, |_| Weather::calm()), &key, 8).await;
    let took = app.now().since(begun).num_seconds();
    let row = row(&app, &key).await;
    let seconds = used(&row, Unit::Second);
    println!("seconds: {} accepted, {seconds:?}", accepted.len());
    assert!(seconds.len() > 1 && seconds.iter().all(|count| *count <= 11));
    let accepted = u64::try_from(accepted.len()).expect("in range");
    assert_eq!(row.total, accepted);
    // Seven seconds after its end, by the fastest clock, one that began by the slowest is forgotten.
    if took < 4 {
        assert_eq!(seconds.iter().sum::<u64>(), accepted);
    }
}

/// Later than it might, it could count in a window that others have forgotten.
#[tokio::test]
async fn a_write_that_transactions_hold_up_is_given_up_in_time() {
    let (app, key) = start(SIXTY).await;
    let held = Weather::script(|call| {
        if call.operation != "UpdateItem" {
            return Fault::None;
        }
        thread::sleep(Duration::from_millis(800));
        Fault::TransactionConflict
    });
    let process = Process::new(&app, held);
    assert_eq!(process.get_job(&key.caller).await.status, 503);
    let mut calls = process.weather.take_calls();
    calls.retain(|call| call.operation == "UpdateItem");
    assert!((2..5).contains(&calls.len()), "{}", calls.len());
    assert_eq!(row(&app, &key).await.total, 0);
}

/// Whichever process refuses, and whichever one gets the next request.
#[tokio::test]
async fn whoever_waits_retry_after_gets_through_on_every_process() {
    let two = RateLimit {
        per_minute: 2,
        ..SIXTY
    };
    // Around the edges too; a second's window has hardly anything but edges, and takes longer to fill.
    for (limits, places, step) in [
        (two, [2_000, 29_500, 57_400], 1),
        (FAST, [2_000, 10_300, 10_900], 7),
    ] {
        let (app, key) = start(limits).await;
        let processes = processes(&app, |_| Weather::calm());
        let mut longest = 0;
        for (number, refusing) in processes.iter().enumerate().step_by(step) {
            for (at, accepting) in processes.iter().enumerate().step_by(step) {
                app.next_minute(Duration::from_millis(places[(number + at) % places.len()]));
                let mut refused = refusing.get_job(&key.caller).await;
                while refused.status == 200 {
                    refused = refusing.get_job(&key.caller).await;
                }
                assert_eq!(refused.status, 429);
                let wait = refused.number("retryAfter");
                longest = longest.max(wait);
                app.advance(Duration::from_secs(wait));
                let (refusing, accepting_at) = (SKEWS[number], SKEWS[at]);
                let status = accepting.get_job(&key.caller).await.status;
                assert_eq!(
                    status, 200,
                    "{refusing} ms refused for {wait} s, {accepting_at} ms"
                );
            }
        }
        let longest_needed = if limits.per_second.is_some() { 5 } else { 66 };
        assert!(
            longest <= longest_needed,
            "{longest} s is longer than needed"
        );
    }
}

async fn start(limits: RateLimit) -> (TestApp, Key) {
    let app = TestApp::calm().await;
    let acme = app.company_on("Acme", Plan::Enterprise, Some(limits)).await;
    let key = app.key_with(&acme, json!({})).await;
    (app, key)
}

fn processes(app: &TestApp, weather: impl Fn(u64) -> Weather) -> Vec<Arc<Process>> {
    let process = |(number, skew)| Arc::new(Process::skewed(app, weather(number), skew));
    (0..).zip(SKEWS).map(process).collect()
}

/// `each` requests from each of the tasks at once; the ends of the minutes that the accepted ones were counted in.
async fn rush(processes: &[Arc<Process>], key: &Key, each: usize) -> Vec<u64> {
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let process = Arc::clone(&processes[task % processes.len()]);
        let caller = key.caller.clone();
        tasks.spawn(async move {
            let mut accepted = Vec::new();
            for _ in 0..each {
                let decided = process.get_job(&caller).await;
                match decided.status {
                    200 => accepted.push(decided.number("resetMinute")),
                    429 => {}
                    other => panic!("{other}"),
                }
            }
            accepted
        });
    }
    tasks.join_all().await.concat()
}

/// What the windows of this unit hold.
fn used(row: &store::KeyRow, unit: Unit) -> Vec<u64> {
    let windows = row.facts.counted.windows.iter();
    windows
        .filter(|(window, _)| window.unit == unit)
        .map(|(_, count)| *count)
        .collect()
}

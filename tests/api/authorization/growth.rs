//! A data directory that has seen many requests serves the next one as fast as a fresh one.

use super::Process;
use api::{Clock, Entropy};
use embedded::Weather;
use local::{DataDir, HttpRequest, System, seed};
use model::Plan;
use routes::{Role, ScopeSet};
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};
use tests::{Caller, WIDE};

const BEFORE: usize = if cfg!(feature = "long") {
    100_000
} else {
    20_000
};
const COMPARED: usize = 1_000;
const MOST: f64 = if cfg!(feature = "long") { 1.2 } else { 1.5 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_make_the_next_one_no_slower() {
    let began = Instant::now();
    let (old, fresh) = (Stack::start().await, Stack::start().await);
    let mut most_stored = 0;
    for number in 1..=BEFORE {
        old.authorize().await;
        if number % 250 == 0 {
            old.system.settle().await.expect("the streams run dry");
            most_stored = most_stored.max(old.stored());
        }
    }
    let filled = began.elapsed();
    for _ in 0..20 {
        old.get_job().await;
        fresh.get_job().await;
    }
    old.system.settle().await.expect("the streams run dry");
    fresh.system.settle().await.expect("the streams run dry");
    let (mut slow, mut fast) = (Vec::new(), Vec::new());
    for _ in 0..COMPARED {
        slow.push(old.get_job().await);
        fast.push(fresh.get_job().await);
    }
    let (slow, fast) = (median(slow), median(fast));
    let ratio = slow.as_secs_f64() / fast.as_secs_f64();
    println!(
        "after {BEFORE} requests ({filled:.1?}): {slow:.2?}, fresh {fast:.2?}, ratio {ratio:.2}; \
         at most {most_stored} stream records stored"
    );
    assert!(ratio <= MOST, "{slow:?} against {fast:?}");
    // A marker for each streamed table.
    assert!(most_stored <= 3, "{most_stored} stream records are stored");
}

/// A system on the disk, with one key.
struct Stack {
    system: System,
    process: Process,
    caller: Caller,
    dial: Arc<AtomicI64>,
    _home: Home,
}

impl Stack {
    async fn start() -> Stack {
        tests::watch_logs();
        let home = Home::new();
        let dial = Arc::new(AtomicI64::new(0));
        let system = System::builder()
            .data_dir(DataDir::open(&home.0).expect("a data directory"))
            .clock(Clock::moved(Arc::clone(&dial)))
            .start()
            .await
            .expect("the system starts");
        let owner = "owner@acme.example";
        let people = [(owner, Role::Owner)];
        let made = seed::company(&system, "Acme", Plan::Enterprise, Some(WIDE), &people).await;
        let company = made.expect("a company");
        let fields = json!({ "name": "Test key", "scopes": ScopeSet::all() });
        let made = seed::key(&system, company, owner, &fields).await;
        let caller = Caller::with(&made.expect("a key").plaintext);
        Stack {
            process: Process::of(&system, Weather::calm(), 0),
            system,
            caller,
            dial,
            _home: home,
        }
    }

    /// The authorizer alone: it writes what grows.
    async fn authorize(&self) {
        // So that no second is ever full.
        self.dial.fetch_add(5, Ordering::SeqCst);
        assert_eq!(self.process.get_job(&self.caller).await.status, 200);
    }

    /// A whole request, and how long it took.
    async fn get_job(&self) -> Duration {
        self.dial.fetch_add(5, Ordering::SeqCst);
        let request: HttpRequest = self
            .caller
            .request("GET", "/jobs/01900000-0000-7000-8000-000000000000");
        let began = Instant::now();
        let answer = tests::ask(self.system.gateway(), request).await;
        let took = began.elapsed();
        assert_eq!(answer.status, 404, "{}", answer.text());
        took
    }

    fn stored(&self) -> u64 {
        self.system
            .engine()
            .stored_stream_records()
            .expect("a count")
    }
}

/// A directory that goes with the test, and never held a credential.
struct Home(PathBuf);

impl Home {
    fn new() -> Home {
        let name = format!("growth-{:016x}", u64::from_be_bytes(Entropy.bytes()));
        Home(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let entries = fs::read_dir(&self.0).expect("the directory stands");
            tests::assert_not_stored(entries.map(|entry| entry.expect("an entry").path()));
        }
        // What is left lies in the target directory.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

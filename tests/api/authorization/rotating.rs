//! A key whose secret is rotated while sixteen clients use it.

use super::{Process, process::row};
use embedded::Weather;
use model::{Plan, RateLimit};
use routes::Scope;
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};
use tests::{Caller, TestApp};
use tokio::task::JoinSet;

const CLIENTS: usize = 8;
const LIMIT: u32 = 150;
/// Each client's, before the end: more than the limit lets through.
const REQUESTS: usize = 15;

/// Where the end of the overlap is.
const AHEAD: u8 = 0;
const HAPPENING: u8 = 1;
const OVER: u8 = 2;

/// What one client saw: which secret, when the request was sent and answered, and its status.
type Seen = (bool, u8, u8, u16);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_secrets_pass_until_the_end_none_after_and_together_never_more_than_the_limit() {
    let app = Arc::new(TestApp::calm().await);
    let limits = RateLimit {
        per_minute: LIMIT,
        per_hour: 100_000,
        per_second: None,
    };
    let acme = app.company_on("Acme", Plan::Enterprise, Some(limits)).await;
    let key = app.key(&acme, [Scope::ReadJobs]).await;
    let path = format!("/api-keys/{}", key.id);
    let hour = json!({ "overlapSeconds": 3600 });
    let rotated = app
        .post(&acme.owner, &format!("{path}/rotate"), &hour)
        .await;
    let new = Caller::with(rotated.data()["key"].as_str().expect("a key"));
    let phase = Arc::new(AtomicU8::new(AHEAD));
    app.next_minute(Duration::from_secs(1));

    // Before the end: 240 ask, and 150 pass.
    let first = clients(&app, &key.caller, &new, &phase, REQUESTS).await;
    assert!(
        first.iter().all(|(.., status)| matches!(status, 200 | 429)),
        "{first:?}"
    );
    let passed = |seen: &[Seen], old: bool| {
        let passed = seen.iter().filter(|seen| seen.0 == old && seen.3 == 200);
        u64::try_from(passed.count()).expect("in range")
    };
    let (old_passed, new_passed) = (passed(&first, true), passed(&first, false));
    println!("{old_passed} with the old secret, {new_passed} with the new one");
    assert_eq!(old_passed + new_passed, u64::from(LIMIT));

    // It ends under load.
    app.next_minute(Duration::from_secs(1));
    let clients_go_on = {
        let (app, phase) = (Arc::clone(&app), Arc::clone(&phase));
        let (old, new) = (key.caller.clone(), new.clone());
        tokio::spawn(async move { clients(&app, &old, &new, &phase, 8).await })
    };
    tokio::task::yield_now().await;
    phase.store(HAPPENING, Ordering::SeqCst);
    let end = json!({ "validUntil": "2026-01-01T00:00:00.000Z" });
    let ended = app
        .patch(&acme.owner, &format!("{path}/overlap"), &end)
        .await;
    assert_eq!(ended.status, 200, "{}", ended.body);
    phase.store(OVER, Ordering::SeqCst);
    let second = clients_go_on.await.expect("no panic");
    for (old, sent, answered, status) in &second {
        let right = match (old, sent, answered) {
            (false, ..) | (true, _, &AHEAD) => *status == 200,
            (true, &OVER, _) => *status == 401,
            (true, ..) => matches!(status, 200 | 401),
        };
        assert!(right, "old: {old}, {sent} to {answered}: {status}");
    }
    assert!(
        second
            .iter()
            .any(|(old, .., status)| *old && *status == 401)
    );

    let row = row(&app, &key).await;
    let counted = |caller: &Caller| {
        let suffix = &caller.credential.as_deref().expect("a key")[42..];
        row.uses[suffix].count
    };
    assert_eq!(counted(&key.caller), old_passed + passed(&second, true));
    assert_eq!(counted(&new), new_passed + passed(&second, false));
    assert_eq!(
        row.uses.values().map(|used| used.count).sum::<u64>(),
        row.total
    );
}

/// Eight with the old secret and eight with the new one, each a process of its own whose clock is its own.
async fn clients(
    app: &Arc<TestApp>,
    old: &Caller,
    new: &Caller,
    phase: &Arc<AtomicU8>,
    requests: usize,
) -> Vec<Seen> {
    let mut clients = JoinSet::new();
    for number in 0..2 * CLIENTS {
        let is_old = number % 2 == 0;
        let caller = if is_old { old.clone() } else { new.clone() };
        let skew = [-900, 0, 900][number % 3];
        let process = Process::skewed(app, Weather::calm(), skew);
        let phase = Arc::clone(phase);
        clients.spawn(async move {
            let mut seen = Vec::new();
            for _ in 0..requests {
                let sent = phase.load(Ordering::SeqCst);
                let status = process.get_job(&caller).await.status;
                seen.push((is_old, sent, phase.load(Ordering::SeqCst), status));
            }
            seen
        });
    }
    clients.join_all().await.concat()
}

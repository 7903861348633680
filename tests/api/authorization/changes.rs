//! A change that was acknowledged holds for every request that starts afterwards, in every process.

use super::{
    Process,
    process::{GET_JOB, row},
};
use embedded::Weather;
use local::Gateway;
use model::{Owner, Timestamp};
use routes::{Scope, ScopeSet};
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use store::Stamp;
use tests::{Caller, Company, Key, TestApp};
use tokio::{sync::watch, task::JoinSet};

const SEED: u64 = 0x5e11_0a7e;
/// Each a process of its own.
const TASKS: u64 = if cfg!(feature = "long") { 32 } else { 8 };
/// The embedded client's limit for one attempt; whatever takes longer may have got no answer from the store.
const PATIENCE: Duration = Duration::from_secs(1);
/// Requests that come before a change: a person has 600 a minute.
const BEFORE: usize = 300;
/// Requests for each kind of change.
const REQUESTS: usize = if cfg!(feature = "long") {
    100_000
} else {
    10_000
};

const UNKNOWN_JOB: &str = "/jobs/01900000-0000-7000-8000-000000000000";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suspended_key_is_401_at_once() {
    let (app, acme, key) = start().await;
    let hammer = Hammer::new(&app, &key.caller, JOB, REQUESTS);
    let tally = hammer.during(change(&app, &acme, &key, "/suspend")).await;
    tally.says("suspension", &[401]);
    // What was accepted was counted, and nothing else.
    let total = row(&app, &key).await.total;
    let accepted = u64::try_from(tally.accepted).expect("in range");
    assert!(total >= accepted, "{total} counted, {accepted} accepted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revoked_key_is_401_at_once() {
    let (app, acme, key) = start().await;
    let hammer = Hammer::new(&app, &key.caller, JOB, REQUESTS);
    let tally = hammer.during(change(&app, &acme, &key, "/revoke")).await;
    tally.says("revocation", &[401]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_scope_is_403_at_once() {
    let (app, acme, key) = start().await;
    let hammer = Hammer::new(&app, &key.caller, JOB, REQUESTS);
    let fewer = ScopeSet::from_iter([Scope::WriteJobs]);
    let tally = hammer
        .during(patch(&app, &acme, &key, json!({ "scopes": fewer })))
        .await;
    tally.says("scope cut", &[403]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn address_outside_the_new_list_is_401_at_once() {
    let (app, acme, key) = start().await;
    let hammer = Hammer::new(&app, &key.caller, JOB, REQUESTS);
    let list = json!({ "allowedIPs": ["203.0.113.0/24"] });
    let tally = hammer.during(patch(&app, &acme, &key, list)).await;
    tally.says("narrower allowlist", &[401]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn earlier_expiry_holds_from_its_very_moment() {
    let (app, acme, key) = start().await;
    let hammer = Hammer::new(&app, &key.caller, JOB, REQUESTS);
    let minute = Timestamp::from_millis(app.now().millis() + 60_000).expect("in range");
    let tally = hammer
        .during(async {
            patch(&app, &acme, &key, json!({ "expiresAt": minute })).await;
            app.advance(Duration::from_secs(60));
        })
        .await;
    tally.says("earlier expiry", &[401]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removed_member_is_403_at_once() {
    let (app, acme, key) = start().await;
    let member = acme.member.for_company(acme.id);
    let path = format!("/api-keys/{}", key.id);
    let asked = Asked {
        operation: ("GET", "/api-keys/{keyId}"),
        target: &path,
    };
    // People have 600 requests a minute, and the change comes long before.
    let hammer = Hammer::new(&app, &member, asked, REQUESTS);
    let tally = hammer
        .during(async {
            let person = app.system.issuer().person("member@acme.example");
            let table = &app.app().table;
            let found = table.find_member(&person, Owner::Company(acme.id)).await;
            let row = found.expect("a read").expect("a row");
            let stamp = Stamp {
                nonce: app.app().entropy.bytes(),
                ..row.changed.clone()
            };
            table.end_member(&row, &stamp).await.expect("ended");
        })
        .await;
    tally.says("removed membership", &[403]);
}

async fn start() -> (TestApp, Company, Key) {
    let app = TestApp::in_weather(Weather::seeded(SEED)).await;
    let acme = app.company("Acme").await;
    let key = app.key(&acme, [Scope::ReadJobs, Scope::WriteJobs]).await;
    (app, acme, key)
}

async fn change(app: &TestApp, company: &Company, key: &Key, action: &str) {
    let path = format!("/api-keys/{}{action}", key.id);
    let answer = app.post(&company.owner, &path, &json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

async fn patch(app: &TestApp, company: &Company, key: &Key, fields: serde_json::Value) {
    let answer = app
        .patch(&company.owner, &format!("/api-keys/{}", key.id), &fields)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// One request, for the authorizer and for the gateway.
#[derive(Clone, Copy)]
struct Asked<'a> {
    operation: (&'static str, &'static str),
    target: &'a str,
}

const JOB: Asked<'_> = Asked {
    operation: GET_JOB,
    target: UNKNOWN_JOB,
};

/// What one task knocks at: every one has a memory of its own.
enum Door {
    Authorizer(Box<Process>),
    Gateway(Box<Gateway>),
}

impl Door {
    async fn knock(&self, caller: &Caller, operation: (&str, &str), target: &str) -> u16 {
        match self {
            Door::Authorizer(process) => process.ask(caller, operation).await.status,
            Door::Gateway(gateway) => {
                let request = caller.request("GET", target);
                tests::ask(gateway, request).await.status
            }
        }
    }
}

/// The same request again and again, from some tasks and as many processes.
struct Hammer {
    doors: Vec<Door>,
    caller: Caller,
    operation: (&'static str, &'static str),
    target: String,
    requests: usize,
}

#[derive(Debug, Default)]
struct Tally {
    accepted: usize,
    /// Of those that started after the acknowledgement.
    after: BTreeMap<u16, usize>,
    /// Times that a busy machine gave the store no chance to answer in time; the 503 is right, and says nothing of the change.
    starved: usize,
    took: Duration,
}

impl Hammer {
    fn new(app: &TestApp, caller: &Caller, asked: Asked<'_>, requests: usize) -> Hammer {
        let door = |number| {
            let weather = Weather::seeded(SEED + number);
            if number % 4 == 3 {
                let another = app.system.another_app(app.app().clock.clone(), &weather);
                let gateway = app.system.another_gateway(another).expect("a gateway");
                return Door::Gateway(Box::new(gateway));
            }
            Door::Authorizer(Box::new(Process::new(app, weather)))
        };
        Hammer {
            doors: (1..=TASKS).map(door).collect(),
            caller: caller.clone(),
            operation: asked.operation,
            target: asked.target.to_owned(),
            requests,
        }
    }

    /// The change begins early, after a tenth of the requests at the most; its end is the acknowledgement.
    async fn during(self, change: impl Future<Output = ()>) -> Tally {
        let Hammer {
            doors,
            caller,
            operation,
            target,
            requests,
        } = self;
        let began = Instant::now();
        let acknowledged = Arc::new(AtomicBool::new(false));
        let tickets = Arc::new(AtomicUsize::new(0));
        let tally = Arc::new(Mutex::new(Tally::default()));
        let (progress, mut progressed) = watch::channel(0);
        let mut tasks = JoinSet::new();
        for door in doors {
            let (caller, target, progress) = (caller.clone(), target.clone(), progress.clone());
            let (acknowledged, tickets) = (Arc::clone(&acknowledged), Arc::clone(&tickets));
            let tally = Arc::clone(&tally);
            tasks.spawn(async move {
                while tickets.fetch_add(1, Ordering::SeqCst) < requests {
                    let mut starved = 0;
                    let (late, status) = loop {
                        let late = acknowledged.load(Ordering::SeqCst);
                        let asked = Instant::now();
                        let status = door.knock(&caller, operation, &target).await;
                        if status != 503 || asked.elapsed() < PATIENCE {
                            break (late, status);
                        }
                        starved += 1;
                    };
                    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
                    tally.starved += starved;
                    tally.accepted += usize::from(is_accepted(status));
                    if late {
                        *tally.after.entry(status).or_default() += 1;
                    }
                    progress.send_modify(|done| *done += 1);
                }
            });
        }
        progressed
            .wait_for(|done| *done >= (requests / 10).min(BEFORE))
            .await
            .expect("the tasks live");
        change.await;
        acknowledged.store(true, Ordering::SeqCst);
        while let Some(task) = tasks.join_next().await {
            task.expect("no panic");
        }
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.took = began.elapsed();
        std::mem::take(&mut *tally)
    }
}

/// Past the authorizer: the job that is asked for doesn't exist.
fn is_accepted(status: u16) -> bool {
    matches!(status, 200 | 404)
}

impl Tally {
    /// Everything that started afterwards was refused with one of these.
    fn says(&self, what: &str, statuses: &[u16]) {
        let Tally {
            accepted,
            after,
            starved,
            took,
        } = self;
        let late = after.iter().filter(|(status, _)| is_accepted(**status));
        let late: usize = late.map(|(_, count)| count).sum();
        let asked: usize = after.values().sum();
        println!(
            "{what}: {late} of {asked} accepted afterwards, {TASKS} processes; \
             seed {SEED:#x}, {accepted} accepted in all, afterwards {after:?}, \
             {starved} asked again, {took:.1?}"
        );
        assert!(*accepted > 0, "nothing to take away");
        // A store that never answers proves nothing.
        assert!(*starved < REQUESTS / 100, "{what}: {starved} starved");
        assert!(
            after.values().sum::<usize>() > *accepted,
            "too few came afterwards"
        );
        assert!(
            after.keys().all(|status| statuses.contains(status)),
            "{what}: {after:?}"
        );
    }
}

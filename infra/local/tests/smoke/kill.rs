//! What was acknowledged is kept, and nothing is half done, however often the process is killed.

use model::{ChainHash, Event, EventType, Owner};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    io,
    net::{Ipv4Addr, TcpListener},
    sync::Mutex,
    thread,
    time::Duration,
};

use crate::{
    client::{Caller, Response},
    process::{Place, Server, eventually},
};

const KILLS: u32 = if cfg!(feature = "long") { 300 } else { 20 };
const WRITERS: u32 = 4;

/// What the writers know of the stored jobs.
#[derive(Default)]
struct Known {
    /// By id, as last acknowledged.
    jobs: BTreeMap<String, Job>,
    /// Titles of jobs whose creation was not answered: there whole, or not at all.
    unanswered: BTreeSet<String>,
    /// Of every acknowledged write.
    requests: BTreeSet<String>,
}

struct Job {
    version: u64,
    title: String,
    /// The title of a change that was not answered.
    unanswered: Option<String>,
}

#[test]
fn nothing_acknowledged_is_lost_by_kill_9_under_load() {
    let place = Place::new("kill");
    // Restarts keep their ports, as people's do: another issuer has other people, and a company has room for a hundred.
    let port = three_free_ports().to_string();
    let limits = ["--demo-rate-limit", "29000/1000000", "--port", &port];
    let known = Mutex::new(Known::default());
    let mut server = Server::start(&place, &limits);
    let mut starts = vec![server.startup];
    for round in 0..KILLS {
        let checked: BTreeSet<String> = lock(&known).jobs.keys().cloned().collect();
        let (api, key) = ["apiUrl", "demoKey"]
            .map(|name| server.fact(name).to_owned())
            .into();
        let caller = Caller {
            api: &api,
            credential: &key,
        };
        let acknowledged_before = lock(&known).requests.len();
        thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (caller, known) = (&caller, &known);
                scope.spawn(move || write(caller, known, &format!("r{round}w{writer}")));
            }
            // By what was written and not by time, so that a slow machine proves as much; never twice at the same point.
            let enough =
                acknowledged_before + 8 + usize::try_from(round * 7 % KILLS).expect("small");
            eventually("the writers write", || {
                (lock(&known).requests.len() >= enough).then_some(())
            });
            thread::sleep(Duration::from_millis(u64::from(round * 13 % KILLS)));
            server.kill();
        });
        server = Server::start(&place, &limits[2..]);
        starts.push(server.startup);
        compare(&server.demo(), &mut lock(&known), &checked);
    }
    let known = known.into_inner().expect("no writer panicked");
    complete(&server.demo(), &known);
    let events = audited(&server, &known);
    report(&known, events, &starts);
}

/// The first of three in a row that nobody uses now, below those that systems give to connections.
fn three_free_ports() -> u16 {
    let is_free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let mut candidates = (20_000..30_000).step_by(3);
    let first = usize::try_from(std::process::id() % 3_000).unwrap_or_default();
    let found = candidates.nth(first).into_iter().chain(candidates);
    let mut found = found.filter(|first| (*first..first + 3).all(is_free));
    found.next().expect("three free ports")
}

fn lock(known: &Mutex<Known>) -> std::sync::MutexGuard<'_, Known> {
    known.lock().expect("no writer panicked")
}

/// Creates jobs and changes every third of them, until the connection breaks.
fn write(caller: &Caller<'_>, known: &Mutex<Known>, name: &str) {
    for number in 0.. {
        // The first word is its own, so that the search finds this job alone.
        let title = format!("{name}n{number} is a job");
        let body =
            json!({ "title": title, "description": "Written under load.", "status": "OPEN" });
        let created = caller.try_call("POST", "/jobs", &body.to_string());
        let Some(job) = acknowledged(created, 201, known) else {
            lock(known).unanswered.insert(title);
            return;
        };
        let id = job["id"].as_str().expect("an id").to_owned();
        let first = Job {
            version: 1,
            title,
            unanswered: None,
        };
        lock(known).jobs.insert(id.clone(), first);
        if number % 3 != 0 {
            continue;
        }
        let title = format!("{name}n{number} was changed");
        let body = json!({ "title": title, "status": "CLOSED" }).to_string();
        let changed = caller.try_call("PATCH", &format!("/jobs/{id}"), &body);
        let changed = acknowledged(changed, 200, known);
        let mut known = lock(known);
        let job = known.jobs.get_mut(&id).expect("just inserted");
        if changed.is_none() {
            job.unanswered = Some(title);
            return;
        }
        (job.version, job.title) = (2, title);
    }
}

/// `data` of an acknowledged write; `None` when the process died meanwhile.
fn acknowledged(sent: io::Result<Response>, status: u16, known: &Mutex<Known>) -> Option<Value> {
    let answer = sent.ok()?;
    assert_eq!(answer.status, status, "{}", answer.text());
    let request = answer.header("x-request-id").expect("a request id");
    lock(known).requests.insert(request.to_owned());
    Some(answer.json()["data"].take())
}

/// What is stored is what was acknowledged, or that and the one thing that was under way.
fn compare(caller: &Caller<'_>, known: &mut Known, checked: &BTreeSet<String>) {
    let mut missing: HashSet<String> = known.jobs.keys().cloned().collect();
    missing.retain(|id| !checked.contains(id));
    let mut cursor = None;
    let mut unsure = Vec::new();
    loop {
        let (items, next) = page(caller, "/jobs", cursor.as_deref());
        let mut is_old = false;
        for item in items {
            let id = item["id"].as_str().expect("an id").to_owned();
            let title = item["title"].as_str().expect("a title").to_owned();
            let version = item["version"].as_u64().expect("a version");
            missing.remove(&id);
            is_old |= checked.contains(&id);
            match known.jobs.get_mut(&id) {
                Some(job) if (version, &title) == (job.version, &job.title) => {
                    if job.unanswered.take().is_some() {
                        unsure.push(item);
                    }
                }
                Some(job) => {
                    let under_way = job.unanswered.take();
                    assert_eq!((version, Some(&title)), (2, under_way.as_ref()), "{id}");
                    (job.version, job.title) = (version, title);
                    unsure.push(item);
                }
                None if known.unanswered.remove(&title) => {
                    let job = Job {
                        version: 1,
                        title,
                        unanswered: None,
                    };
                    known.jobs.insert(id, job);
                    unsure.push(item);
                }
                // The seed's twelve.are older than everything.
                None => assert!(version == 1 && !title.contains(" is a job"), "{title}"),
            }
        }
        cursor = next;
        if cursor.is_none() || (is_old && missing.is_empty()) {
            break;
        }
    }
    assert!(missing.is_empty(), "acknowledged and lost: {missing:?}");
    // Rows, lists and the search say the same of what was being written.
    for item in unsure {
        let id = item["id"].as_str().expect("an id");
        assert_eq!(caller.data(200, "GET", &format!("/jobs/{id}"), ""), item);
        let word = item["title"]
            .as_str()
            .and_then(|title| title.split(' ').next());
        let found = format!("/jobs?q={}", word.expect("a word"));
        assert_eq!(caller.data(200, "GET", &found, "")["items"], json!([item]));
    }
    for title in std::mem::take(&mut known.unanswered) {
        let found = format!("/jobs?q={}", title.split(' ').next().expect("a word"));
        assert_eq!(caller.data(200, "GET", &found, "")["items"], json!([]));
    }
}

/// Every list has exactly the known jobs (the seed's twelve: ten OPEN, two CLOSED), and its total counts them.
fn complete(caller: &Caller<'_>, known: &Known) {
    let closed = known.jobs.values().filter(|job| job.version == 2).count();
    for (list, count) in [
        ("/jobs", known.jobs.len() + 12),
        ("/jobs?status=CLOSED", closed + 2),
        ("/jobs?status=OPEN", known.jobs.len() - closed + 10),
    ] {
        let total = caller.data(200, "GET", list, "")["pagination"]["total"].as_u64();
        assert_eq!(total, u64::try_from(count).ok(), "{list}");
        let mut ids = HashSet::new();
        let mut cursor = None;
        loop {
            let (items, next) = page(caller, list, cursor.as_deref());
            for item in items {
                let id = item["id"].as_str().expect("an id").to_owned();
                if let Some(job) = known.jobs.get(&id) {
                    assert_eq!(item["version"], job.version);
                    assert_eq!(item["title"], job.title.as_str());
                }
                assert!(ids.insert(id), "listed twice");
            }
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(ids.len(), count, "{list}");
    }
}

/// The chain verifies, and tells each job's every revision and each acknowledged request once. How many events it has.
fn audited(server: &Server, known: &Known) -> usize {
    let tokens = server.sign_in("owner@acme.example");
    let owner = server.caller(tokens["access_token"].as_str().expect("a token"));
    let revisions: u64 = known.jobs.values().map(|job| job.version).sum();
    let tells = |event: &Event| {
        matches!(
            event.facts.kind,
            EventType::JobCreated | EventType::JobUpdated
        )
    };
    eventually("job events are missing", || {
        let told: u64 = ["job.created", "job.updated"]
            .into_iter()
            .map(|kind| events(&owner, &format!("/audit-events?type={kind}")).len() as u64)
            .sum();
        // The seed's twelve.
        (told == revisions + 12).then_some(())
    });
    let mut chain = events(&owner, "/audit-events");
    chain.reverse();
    let company = server.facts()["companies"][0]["id"]
        .as_str()
        .expect("an id");
    let company = Owner::Company(company.parse().expect("a company's id"));
    let mut last = (0, ChainHash::genesis(company));
    let mut told = BTreeMap::<&str, u64>::new();
    let mut requests = HashSet::new();
    for event in &chain {
        assert!(
            event.follows(last.0, last.1),
            "the chain breaks at {}",
            event.seq
        );
        last = (event.seq, event.hash);
        assert_ne!(event.facts.kind, EventType::AuditGap);
        if tells(event) {
            let job = known
                .jobs
                .keys()
                .find(|id| event.facts.id.contains(id.as_str()));
            *told.entry(job.map_or("", String::as_str)).or_default() += 1;
        }
        if event.facts.kind == EventType::AuthenticationSucceeded {
            let request = event.facts.request_id.as_deref().expect("a request id");
            assert!(requests.insert(request), "{request} is counted twice");
        }
    }
    for (id, job) in &known.jobs {
        assert_eq!(
            told.get(id.as_str()),
            Some(&job.version),
            "events of job {id}"
        );
    }
    for request in &known.requests {
        assert!(
            requests.contains(request.as_str()),
            "{request} left no event"
        );
    }
    chain.len()
}

fn events(owner: &Caller<'_>, list: &str) -> Vec<Event> {
    let mut events = Vec::new();
    let mut cursor = None;
    loop {
        let (items, next) = page(owner, list, cursor.as_deref());
        let items = items.into_iter().map(serde_json::from_value);
        events.extend(items.map(|event| event.expect("an event")));
        cursor = next;
        if cursor.is_none() {
            return events;
        }
    }
}

fn page(caller: &Caller<'_>, list: &str, cursor: Option<&str>) -> (Vec<Value>, Option<String>) {
    let next = if list.contains('?') { '&' } else { '?' };
    let cursor = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
    let mut data = caller.data(200, "GET", &format!("{list}{next}limit=100{cursor}"), "");
    let next = data["pagination"]["nextCursor"].as_str().map(str::to_owned);
    match data["items"].take() {
        Value::Array(items) => (items, next),
        other => panic!("no list: {other}"),
    }
}

#[expect(
    clippy::print_stderr,
    reason = "figures of the run, shown with --nocapture"
)]
fn report(known: &Known, events: usize, starts: &[Duration]) {
    let longest = starts.iter().max().expect("a start");
    eprintln!(
        "{KILLS} kills, {} acknowledged writes, {} jobs, {events} events; first start {:?}, longest {longest:?}",
        known.requests.len(),
        known.jobs.len(),
        starts[0],
    );
}

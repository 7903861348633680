//! What a page costs: bytes on the wire, round trips to the store one after the other, time of a core.

#![expect(clippy::print_stdout, reason = "figures, for whoever asks")]

use embedded::{Engine, Fault, Weather};
use local::{Gateway, HttpRequest, HttpResponse};
use routes::{Operation, Role, pages::dashboard::Operation as Page};
use std::{
    fs,
    sync::{Arc, LazyLock, Mutex},
    time::{Duration, Instant},
};
use tests::{ADMINISTRATOR, TestApp, browser::Browser};

use super::busy::Busy;

/// What a page was seen to cost.
#[derive(Debug)]
struct Cost {
    /// Its own, and of what it needs to be shown.
    bytes: usize,
    /// The store's calls, by their turn: those of one turn are under way together.
    turns: Vec<Vec<String>>,
    /// The function's own, by the fastest of some rounds: what the store's reads take of it is elsewhere, once the store is.
    core: Duration,
}

/// In the test command; the long one has a thousand keys and 100,000 events.
#[tokio::test]
async fn no_page_is_heavy_or_waits_often() {
    every_page_is_cheap(60, 2_000).await;
}

/// What a browser asks for with its first page, and then keeps.
const ASSETS: [&str; 3] = ["style", "script", "icon"];
const MOST_BYTES: usize = 60_000;
/// In a release build; without optimization time says nothing.
const MOST_OF_A_CORE: Duration = Duration::from_millis(20);
/// The session's row.
const OF_THE_SESSION: usize = 1;
/// The sections of a page are asked for side by side: each is the write that lets the person in, and two reads that wait for each other.
const OF_A_SECTION: usize = 3;

/// What a page takes beyond that, and why.
fn more(page: Page) -> usize {
    match page {
        // Which keys there are, and then what they did.
        Page::Keys => 2,
        // An event or an object, and then what those are called that it names.
        Page::AuditEvent | Page::Interview => 1,
        Page::Interviews => 2,
        // What was deleted or has expired is known before rows that may still tell of it.
        Page::Candidates | Page::Candidate => 1 + 2,
        // Which keys the partner has, where these grew with time.
        Page::PartnerGrant => 1,
        // Whether there is such an owner is asked before what is its.
        Page::AdminPlan | Page::AdminKeys | Page::AdminKillSwitch => 1,
        _ => 0,
    }
}

/// Opens every page of a company that has so much.
pub(crate) async fn every_page_is_cheap(keys: usize, events: usize) {
    let app = TestApp::calm().await;
    // No day begins while pages are measured, nor between the busiest key's last request and its page.
    let noon = app.now().day().plus(chrono::Duration::hours(36)).millis();
    let until = u64::try_from(noon - app.now().millis()).expect("later");
    app.advance(Duration::from_millis(until));
    let busy = Busy::new(&app, keys, events).await;
    app.administrator().await;
    // Where else somebody is a member costs no page a turn.
    for name in ["Acme", "Globex"] {
        let company = app.company(name).await;
        let email = "owner@initech.example";
        let token = app.invite(&company.owner, email, Role::Member).await;
        assert_eq!(app.accept(email, &token).await.status, 200);
    }
    let weather = Weather::calm();
    let dashboard = app.system.another_app(app.app().clock.clone(), &weather);
    let dashboard = app.system.another_gateway(dashboard).expect("a gateway");
    let process = Process {
        engine: app.system.engine().clone(),
        weather,
        dashboard,
    };
    let mut heavy = Vec::new();
    let mut seen = 0;
    for page in Page::ALL.iter().map(|(page, _)| *page) {
        let is_file = matches!(page, Page::Asset | Page::ExportAudit | Page::Checkpoints);
        let leaves = matches!(page, Page::SignIn | Page::SignInCallback);
        // A partner's alone.
        if !page.route().method.is_read() || is_file || leaves || page == Page::Companies {
            continue;
        }
        let route = page.route();
        let target = route
            .parameters()
            .fold(route.path.to_owned(), |path, name| {
                path.replace(&format!("{{{name}}}"), &busy.ids[name])
            });
        // Everybody comes anew, because what is dangerous wants a fresh sign-in.
        app.next_minute(Duration::ZERO);
        let browser = match target.contains("/admin") {
            true => administrator(&app).await,
            false => Browser::signed_in(&app, "owner@initech.example").await,
        };
        let cookie = format!("instaview={}", browser.session().expect("a session"));
        let most_turns = OF_THE_SESSION + OF_A_SECTION + more(page);
        let cost = process.cost(&target, &cookie, most_turns).await;
        let is_cheap = cost.bytes <= MOST_BYTES
            && cost.turns.len() <= most_turns
            && (cfg!(debug_assertions) || cost.core <= MOST_OF_A_CORE);
        println!(
            "{:6} bytes, {:2} turns, {:5.1} ms: {page:?}",
            cost.bytes,
            cost.turns.len(),
            cost.core.as_secs_f64() * 1e3
        );
        if !is_cheap {
            heavy.push(format!("{page:?} may take {most_turns} turns: {cost:#?}"));
        }
        seen += 1;
    }
    assert!(heavy.is_empty(), "{}", heavy.join("\n"));
    assert!(seen > 40, "{seen}");
}

async fn administrator(app: &TestApp) -> Browser<'_> {
    let mut browser = Browser::signed_in(app, ADMINISTRATOR).await;
    let begin = browser.get("/dashboard/admin").await;
    let reason = [("reason", "Ticket 4711: a slow page")];
    browser.submit(&begin, "/dashboard/admin", &reason).await;
    browser
}

/// A dashboard whose calls of the store are its own, because the streams' consumer has others.
struct Process {
    engine: Engine,
    weather: Weather,
    dashboard: Gateway,
}

impl Process {
    async fn cost(&self, target: &str, cookie: &str, most_turns: usize) -> Cost {
        const TIMES: u32 = if cfg!(debug_assertions) { 1 } else { 8 };
        // Whoever else is on the machine makes a core slower for a while, and never faster.
        const ROUNDS: usize = if cfg!(debug_assertions) { 1 } else { 5 };
        // As for whoever was here before.
        let page = self.get(target, cookie).await;
        let html = page.text();
        let mut bytes = page.body.len();
        for stem in ASSETS {
            let start = format!("/dashboard/assets/{stem}-");
            if let Some((_, rest)) = html.split_once(&start) {
                let name = rest.split('"').next().unwrap_or_default();
                bytes += self.get(&format!("{start}{name}"), "").await.body.len();
            }
        }
        let (mut all, mut reads) = (Duration::MAX, Duration::MAX);
        for _ in 0..ROUNDS {
            let before = core_time();
            for _ in 0..TIMES {
                self.get(target, cookie).await;
            }
            all = all.min(core_time() - before);
            reads = reads.min(self.reads(target, cookie, TIMES).await);
        }
        let core = all.saturating_sub(reads) / TIMES;
        let turns = self.turns(target, cookie, most_turns).await;
        Cost { bytes, turns, core }
    }

    /// What the page's reads take so often of the store, which runs in this process and on this thread.
    async fn reads(&self, target: &str, cookie: &str, times: u32) -> Duration {
        type Reads = Vec<(String, Vec<u8>)>;
        let seen: Arc<Mutex<Reads>> = Arc::default();
        let calls = Arc::clone(&seen);
        self.weather.set(&Weather::script(move |call| {
            if ["GetItem", "BatchGetItem", "Query"].contains(&call.operation) {
                let target = format!("DynamoDB_20120810.{}", call.operation);
                let mut calls = calls.lock().expect("no panic");
                calls.push((target, call.body.to_vec()));
            }
            Fault::None
        }));
        self.get(target, cookie).await;
        self.weather.set(&Weather::calm());
        let calls = std::mem::take(&mut *seen.lock().expect("no panic"));
        let before = core_time();
        for _ in 0..times {
            for (target, body) in &calls {
                let (status, _) = self.engine.dispatch(target, body);
                assert_eq!(status, 200, "{target}");
            }
        }
        core_time() - before
    }

    async fn get(&self, target: &str, cookie: &str) -> HttpResponse {
        let request = HttpRequest::new("GET", target).header("cookie", cookie);
        let page = tests::ask(&self.dashboard, request).await;
        assert!(
            [200, 303, 404].contains(&page.status),
            "{target}: {}",
            page.status
        );
        // Not to the sign-in.
        let to = page.header("location").unwrap_or_default();
        assert!(!to.contains("sign-in"), "{target} leads to {to}");
        page
    }

    /// Every call takes as long as every other: so those that wait for one another are seen to.
    async fn turns(&self, target: &str, cookie: &str, most: usize) -> Vec<Vec<String>> {
        const TRIP: Duration = Duration::from_millis(20);
        // On a busy machine a call may begin so late that it seems to have waited for others.
        const TRIES: usize = 3;
        let mut fewest: Vec<Vec<String>> = Vec::new();
        for _ in 0..TRIES {
            self.weather.take_calls();
            let answered = self.weather.clone();
            let seen: Arc<Mutex<Vec<(usize, String)>>> = Arc::default();
            let calls = Arc::clone(&seen);
            self.weather.set(&Weather::script(move |call| {
                let mut calls = calls.lock().expect("no panic");
                // They are answered in the order in which they were begun.
                let before = calls.iter().take(answered.calls().len());
                let turn = before.map(|(turn, _)| turn + 1).max().unwrap_or_default();
                let tables = call.tables();
                let tables = tables.iter().filter_map(|name| name.rsplit('-').next());
                let tables: Vec<_> = tables.collect();
                calls.push((turn, format!("{} {}", call.operation, tables.join("+"))));
                Fault::Slow(TRIP)
            }));
            self.get(target, cookie).await;
            self.weather.set(&Weather::calm());
            let calls = std::mem::take(&mut *seen.lock().expect("no panic"));
            let last = calls.iter().map(|(turn, _)| turn + 1).max();
            let of = |turn| {
                let of_turn = calls.iter().filter(|(at, _)| *at == turn);
                of_turn.map(|(_, call)| call.clone()).collect()
            };
            let turns: Vec<_> = (0..last.unwrap_or_default()).map(of).collect();
            if fewest.is_empty() || turns.len() < fewest.len() {
                fewest = turns;
            }
            if fewest.len() <= most {
                break;
            }
        }
        fewest
    }
}

/// How long this thread has had a core, to a few milliseconds; where the system doesn't tell, the time.
fn core_time() -> Duration {
    static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let told = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|told| told.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| BEGUN.elapsed(), Duration::from_nanos)
}

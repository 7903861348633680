//! What a request costs a company with very many jobs: as much as one with a hundred.
//!
//! The jobs are written as the API writes them, many in one transaction; the rest of the test is the API itself.

use embedded::{Call, Fault, Weather};
use local::{Gateway, HttpRequest};
use model::{Actor, Body, JobFields, JobId, JobStatus, Timestamp};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use store::{CompanyStore, Stamp, Stored};
use tests::{Caller, Seeded, TestApp};

const FEW: usize = 100;
/// The long command has ten times as many.
const MANY: usize = if cfg!(feature = "long") {
    100_000
} else {
    10_000
};
/// How much more a request may cost.
const MOST: f64 = 1.2;
/// Of 100 actions: a job's row, its index rows for `all` and its status, and those of at most three words; and one row of totals.
const IN_ONE_TRANSACTION: usize = 16;

const LEVELS: [&str; 4] = ["Junior", "Senior", "Leading", "Principal"];
const TRADES: [&str; 10] = [
    "baker", "driver", "engineer", "gardener", "nurse", "painter", "plumber", "teacher", "tester",
    "writer",
];

/// A company whose jobs were loaded.
struct Loaded {
    key: Caller,
    /// The oldest first.
    jobs: Vec<Stored<JobFields>>,
    /// Of a process of its own, so that nobody else's calls are counted.
    gateway: Gateway,
    weather: Weather,
    rows: Arc<AtomicUsize>,
}

/// What one request took.
#[derive(Debug, Clone, Copy)]
struct Cost {
    calls: usize,
    /// Read and write units together.
    units: f64,
    /// Rows that were asked for, there or not.
    rows: usize,
}

impl Loaded {
    async fn new(app: &TestApp, name: &str, count: usize) -> Loaded {
        let company = app.company(name).await;
        let key = app.key_with(&company, json!({})).await.caller;
        let store = app.store(&company);
        let mut seeded = Seeded::new(count as u64);
        // What is made later is newer.
        let now = app.now().millis();
        let first = now - i64::try_from(count).expect("in range");
        let jobs: Vec<_> = (first..now).map(|at| job(&mut seeded, at)).collect();
        for some in jobs.chunks(IN_ONE_TRANSACTION) {
            load(&store, some, &mut seeded).await;
        }
        let rows = Arc::new(AtomicUsize::new(0));
        let asked = Arc::clone(&rows);
        let weather = Weather::script(move |call| {
            asked.fetch_add(rows_asked_for(call), Ordering::SeqCst);
            Fault::None
        });
        let another = app.system.another_app(app.app().clock.clone(), &weather);
        let gateway = app.system.another_gateway(another).expect("a gateway");
        let loaded = Loaded {
            key,
            jobs,
            gateway,
            weather,
            rows,
        };
        // A process that knows the key.
        loaded.get("/jobs?limit=1").await;
        loaded
    }

    async fn send(&self, request: HttpRequest) -> (Value, Cost) {
        self.weather.take_calls();
        self.rows.store(0, Ordering::SeqCst);
        let answer = self.gateway.call(request).await;
        let calls = self.weather.take_calls();
        let body: Value = answer.json().expect("JSON");
        assert!((200..300).contains(&answer.status), "{body}");
        let units = calls.iter().map(|call| call.read_units + call.write_units);
        let cost = Cost {
            calls: calls.len(),
            units: units.sum(),
            rows: self.rows.load(Ordering::SeqCst),
        };
        (body["data"].clone(), cost)
    }

    async fn get(&self, target: &str) -> (Value, Cost) {
        self.send(self.key.request("GET", target)).await
    }

    /// Where the page after this one begins.
    async fn cursor(&self, target: &str) -> String {
        let (page, _) = self.get(target).await;
        let cursor = page["pagination"]["nextCursor"].as_str();
        cursor.expect("there is more").to_owned()
    }

    /// The ids of those that satisfy the condition, the newest first.
    fn ids(&self, fits: impl Fn(&JobFields) -> bool) -> Vec<String> {
        let newest_first = self.jobs.iter().rev();
        let found = newest_first.filter(|job| fits(&job.fields));
        found.map(|job| job.id.to_string()).collect()
    }

    async fn total(&self, query: &str) -> Value {
        let (page, _) = self.get(&format!("/jobs?limit=1{query}")).await;
        page["pagination"]["total"].clone()
    }
}

/// At the most; a query must say how many it wants.
fn rows_asked_for(call: &Call<'_>) -> usize {
    let body = call.json();
    match call.operation {
        "GetItem" => 1,
        "Query" => body["Limit"].as_u64().expect("a limit") as usize,
        "BatchGetItem" => {
            let tables = body["RequestItems"].as_object().into_iter().flatten();
            let keys = tables.filter_map(|(_, table)| table["Keys"].as_array());
            keys.map(Vec::len).sum()
        }
        _ => 0,
    }
}

fn job(seeded: &mut Seeded, millis: i64) -> Stored<JobFields> {
    let at = Timestamp::from_millis(millis).expect("in range");
    let body = json!({
        "title": format!("{} {} {}", seeded.pick(&LEVELS), seeded.pick(&TRADES), millis % 1_000),
        "description": "You build the services that our recruiters rely on.",
        "status": seeded.pick(&["OPEN", "OPEN", "CLOSED"]),
    });
    let mut random = [0; 10];
    random[..8].copy_from_slice(&seeded.bits().to_be_bytes());
    Stored {
        id: JobId::new(at, random),
        fields: JobFields::read(body, at).expect("a job"),
        version: 1,
        created_at: at,
        updated_at: at,
    }
}

async fn load(store: &CompanyStore, jobs: &[Stored<JobFields>], seeded: &mut Seeded) {
    let mut nonce = [0; 16];
    nonce[..8].copy_from_slice(&seeded.bits().to_be_bytes());
    let stamp = Stamp {
        actor: Actor::system("test"),
        at: jobs[0].created_at,
        source_ip: None,
        request_id: None,
        operation: "CreateJob".to_owned(),
        reason: None,
        nonce,
    };
    let write = jobs
        .iter()
        .fold(store.write(&stamp), |write, job| write.create(job));
    write.commit().await.expect("written");
}

fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().expect("items").iter();
    items
        .map(|item| item["id"].as_str().expect("an id").to_owned())
        .collect()
}

fn is_open(job: &JobFields) -> bool {
    job.status == JobStatus::Open
}

/// Rows of lists beside the two that each shown object has: the one that tells whether there is more, the totals' and the caller's own.
const BESIDE: usize = 16;

/// Every kind of page, each full in both companies: how it is asked for, and its limit.
async fn pages(of: &Loaded) -> Vec<(String, usize)> {
    let mut pages = Vec::new();
    for (query, limit) in [
        ("", 20),
        ("&status=OPEN", 20),
        ("&status=CLOSED", 10),
        ("&q=senior", 10),
        ("&q=SEN", 10),
        ("&q=nurse", 2),
    ] {
        let first = format!("/jobs?limit={limit}{query}");
        let second = format!("{first}&cursor={}", of.cursor(&first).await);
        pages.extend([(first, limit), (second, limit)]);
    }
    // As far in as page mode leads, which skips and so reads on.
    let last = of.jobs.len().min(10_000) / 5 - 2;
    let deep = of.cursor(&format!("/jobs?limit=5&page={last}")).await;
    pages.push((format!("/jobs?limit=5&cursor={deep}"), 5));
    pages.push(("/jobs?limit=100".to_owned(), 100));
    pages
}

fn assert_no_dearer(what: &str, few: Cost, many: Cost) {
    let dearer = |few: f64, many: f64| many > few * MOST;
    let costs = format!("{what}: {many:?} with {MANY} jobs, {few:?} with {FEW}");
    assert!(!dearer(few.calls as f64, many.calls as f64), "{costs}");
    assert!(!dearer(few.units, many.units), "{costs}");
    assert!(few.calls > 1 && few.units > 1.0, "{costs}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_with_many_jobs_pays_for_a_request_what_one_with_a_hundred_does() {
    let app = TestApp::calm().await;
    let few = Loaded::new(&app, "Few", FEW).await;
    let many = Loaded::new(&app, "Many", MANY).await;

    // What the lists show is what was loaded.
    for of in [&few, &many] {
        let (all, open) = (of.ids(|_| true), of.ids(is_open));
        let closed = of.ids(|job| !is_open(job));
        let senior = of.ids(|job| job.title.starts_with("Senior"));
        let counts = [
            ("", &all),
            ("&status=OPEN", &open),
            ("&status=CLOSED", &closed),
        ];
        for (query, expected) in counts {
            assert_eq!(of.total(query).await, expected.len(), "{query}");
        }
        assert_eq!(of.total("&q=senior").await, Value::Null);
        for (query, expected) in [
            ("", &all),
            ("&status=OPEN", &open),
            ("&status=CLOSED", &closed),
            ("&q=senior", &senior),
        ] {
            let target = format!("/jobs?limit=10{query}");
            let (page, _) = of.get(&target).await;
            assert_eq!(ids(&page), expected[..10], "{target}");
            let target = format!("{target}&cursor={}", of.cursor(&target).await);
            let (page, _) = of.get(&target).await;
            assert_eq!(ids(&page), expected[10..20], "{target}");
        }
        let last = all.len().min(10_000) / 20;
        let (page, _) = of.get(&format!("/jobs?page={last}")).await;
        assert_eq!(ids(&page), all[last * 20 - 20..last * 20]);
    }

    // Reading costs the same, and no more is read than shown.
    let both = pages(&few).await.into_iter().zip(pages(&many).await);
    for ((of_few, limit), (of_many, _)) in both {
        let ((page, cheap), (_, dear)) = (few.get(&of_few).await, many.get(&of_many).await);
        assert_eq!(ids(&page).len(), limit, "{of_few}");
        assert_no_dearer(&of_few, cheap, dear);
        assert!(dear.rows <= 2 * limit + BESIDE, "{of_many}: {dear:?}");
    }
    // A search that only an object's own row can decide stops at 1,000 of them.
    let (page, cost) = many.get("/jobs?limit=100&status=OPEN&q=e").await;
    assert_eq!(page["pagination"]["total"], Value::Null);
    assert!(cost.rows <= 2 * 1_000 + BESIDE, "{cost:?}");

    // So does writing, and the totals go on from what was loaded.
    for name in ["get", "create", "change", "delete"] {
        let mut costs = Vec::new();
        for of in [&few, &many] {
            let (oldest, middle) = (&of.jobs[0], &of.jobs[FEW / 2]);
            let path = |job: &Stored<JobFields>| format!("/jobs/{}", job.id);
            let request = match name {
                "get" => of.key.request("GET", &path(oldest)),
                "create" => of.key.request("POST", "/jobs").json(&tests::job()),
                "change" => of.key.request("PATCH", &path(middle)).json(&json!({
                    "title": "Unheard of",
                    "status": if is_open(&middle.fields) { "CLOSED" } else { "OPEN" },
                })),
                _ => of.key.request("DELETE", &path(oldest)),
            };
            costs.push(of.send(request).await.1);
        }
        assert_no_dearer(name, costs[0], costs[1]);
        assert!(costs[1].rows <= BESIDE, "{name}: {:?}", costs[1]);
    }
    for of in [&few, &many] {
        let open = |job: &Stored<JobFields>| usize::from(is_open(&job.fields));
        let was_open = open(&of.jobs[FEW / 2]);
        let expected = of.ids(is_open).len() + 1 - open(&of.jobs[0]) + 1 - 2 * was_open;
        assert_eq!(of.total("").await, of.jobs.len());
        assert_eq!(of.total("&status=OPEN").await, expected);
        assert_eq!(of.total("&status=CLOSED").await, of.jobs.len() - expected);
        let (found, _) = of.get("/jobs?q=unheard").await;
        assert_eq!(ids(&found), [of.jobs[FEW / 2].id.to_string()]);
    }
}

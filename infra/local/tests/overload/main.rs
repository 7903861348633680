//! Overload with the promise's own numbers, of the release build; README says how.

#![expect(
    clippy::print_stdout,
    reason = "figures, for whoever has to repeat a run"
)]

#[path = "../smoke/client.rs"]
#[cfg_attr(
    not(feature = "long"),
    expect(dead_code, reason = "the long test needs the rest")
)]
mod client;
#[path = "../smoke/process.rs"]
#[expect(dead_code, reason = "the other tests need the rest")]
mod process;

use serde_json::json;
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time,
};

use process::{Place, Server};

/// Each has its own limit of 500 a second.
const KEYS: usize = 8;
const PHASE: Duration = Duration::from_secs(8);
/// What comes later is of no use to anybody.
const DEADLINE: Duration = Duration::from_secs(5);
/// Beyond what it needs without any load.
const MOST_MORE: u64 = 160 << 20;

/// Who asks, and of whom.
struct Clients {
    host: String,
    requests: Vec<String>,
    next: AtomicUsize,
}

/// What came of one phase.
#[derive(Default)]
struct Count {
    good: AtomicU64,
    refused: AtomicU64,
    lost: AtomicU64,
}

impl Clients {
    fn of(server: &Server) -> Arc<Clients> {
        let owner = server.sign_in("owner@acme.example");
        let owner = owner["access_token"].as_str().expect("a token");
        let key = |number: usize| {
            let body = json!({ "name": format!("Key {number}"), "scopes": ["read:jobs"] });
            let made = server
                .caller(owner)
                .data(201, "POST", "/api-keys", &body.to_string());
            made["key"].as_str().expect("a key").to_owned()
        };
        let host = server
            .fact("apiUrl")
            .trim_start_matches("http://")
            .to_owned();
        let request = |key: String| {
            format!(
                "GET /jobs?limit=1 HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n"
            )
        };
        let requests = (0..KEYS).map(key).map(request).collect();
        Arc::new(Clients {
            requests,
            host,
            next: AtomicUsize::new(0),
        })
    }

    /// The status, if there is one in time.
    async fn ask(&self) -> Option<u16> {
        let request = &self.requests[self.next.fetch_add(1, Ordering::Relaxed) % KEYS];
        let answer = async {
            let mut stream = TcpStream::connect(&self.host).await.ok()?;
            stream.write_all(request.as_bytes()).await.ok()?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.ok()?;
            std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()
        };
        time::timeout(DEADLINE, answer).await.ok()?
    }

    async fn counted(&self, count: &Count) {
        let counted = match self.ask().await {
            Some(200) => &count.good,
            Some(_) => &count.refused,
            None => &count.lost,
        };
        counted.fetch_add(1, Ordering::Relaxed);
    }

    /// So many at a time, each as soon as the one before was answered: good answers a second.
    async fn closed_loop(self: &Arc<Clients>, at_once: usize) -> f64 {
        let count = Arc::new(Count::default());
        let began = Instant::now();
        let mut workers = JoinSet::new();
        for _ in 0..at_once {
            let (clients, count) = (Arc::clone(self), Arc::clone(&count));
            workers.spawn(async move {
                while began.elapsed() < PHASE {
                    clients.counted(&count).await;
                }
            });
        }
        workers.join_all().await;
        count.rate("closed loop", began.elapsed())
    }

    /// So many a second, whatever becomes of them: good answers a second.
    async fn open_loop(self: &Arc<Clients>, rate: f64) -> f64 {
        let count = Arc::new(Count::default());
        let began = Instant::now();
        let mut asked = 0u32;
        let mut requests = JoinSet::new();
        while began.elapsed() < PHASE {
            while f64::from(asked) < began.elapsed().as_secs_f64() * rate {
                let (clients, count) = (Arc::clone(self), Arc::clone(&count));
                requests.spawn(async move { clients.counted(&count).await });
                asked += 1;
            }
            time::sleep(Duration::from_millis(1)).await;
        }
        // What is answered later is not of this phase.
        let rate = count.rate("open loop", began.elapsed());
        requests.join_all().await;
        rate
    }

    /// How long until twenty requests in a row are answered as if nothing had been.
    async fn calm_again(&self) -> Duration {
        let began = Instant::now();
        let mut in_a_row = 0;
        while in_a_row < 20 {
            let asked = Instant::now();
            let is_good =
                self.ask().await == Some(200) && asked.elapsed() < Duration::from_millis(100);
            in_a_row = if is_good { in_a_row + 1 } else { 0 };
        }
        began.elapsed()
    }
}

impl Count {
    fn rate(&self, what: &str, took: Duration) -> f64 {
        let [good, refused, lost] =
            [&self.good, &self.refused, &self.lost].map(|count| count.load(Ordering::Relaxed));
        let rate = good as f64 / took.as_secs_f64();
        println!("{what}: {rate:.0} good answers/s; {good} good, {refused} refused, {lost} lost");
        rate
    }
}

/// The most resident bytes of the process until told to stop.
fn watch(pid: u32, is_over: Arc<AtomicBool>) -> std::thread::JoinHandle<u64> {
    std::thread::spawn(move || {
        let mut most = 0;
        while !is_over.load(Ordering::Relaxed) {
            most = most.max(resident(pid));
            std::thread::sleep(Duration::from_millis(50));
        }
        most
    })
}

fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    kib.and_then(|kib| kib.parse::<u64>().ok())
        .expect("a number")
        << 10
}

/// How many files this process may open.
fn descriptors() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").expect("limits");
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().nth(3));
    soft.and_then(|soft| soft.parse().ok()).unwrap_or(1024)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overload_is_survivable() {
    let place = Place::new("overload-long");
    let server = Server::start(
        &place,
        &["--demo-rate-limit", "30000/10000000", "--log-level", "warn"],
    );
    let clients = Clients::of(&server);
    let before = resident(server.id());
    let is_over = Arc::new(AtomicBool::new(false));
    let memory = watch(server.id(), Arc::clone(&is_over));

    let peak = clients
        .closed_loop(32)
        .await
        .max(clients.closed_loop(64).await);
    let mut shares = Vec::new();
    let mut report = |what: &'static str, rate: f64| {
        println!("{what}: {:.0} % of the peak", 100.0 * rate / peak);
        shares.push((what, rate / peak));
    };
    report("200 %, open loop", clients.open_loop(2.0 * peak).await);
    let calm = clients.calm_again().await;
    println!("calm again after {calm:.2?}");
    assert!(calm <= DEADLINE);

    let idle = 10_000;
    assert!(
        descriptors() >= idle + 2_000,
        "{idle} idle sockets need more descriptors: ulimit -n {}",
        idle + 2_000
    );
    let mut held = Vec::new();
    let mut slow = JoinSet::new();
    for number in 0..idle {
        if let Ok(Ok(mut stream)) = time::timeout(DEADLINE, TcpStream::connect(&clients.host)).await
        {
            if number % 50 == 0 {
                // A byte a second of a head, or of a body that was announced.
                let (host, body) = (clients.host.clone(), number % 100 == 0);
                slow.spawn(async move {
                    let head = match body {
                        true => format!(
                            "POST /jobs HTTP/1.1\r\nhost: {host}\r\ncontent-length: 100000\r\n\r\n"
                        ),
                        false => format!("GET /jobs HTTP/1.1\r\nhost: {host}\r\nx: "),
                    };
                    let _ = stream.write_all(head.as_bytes()).await;
                    while stream.write_all(b"x").await.is_ok() {
                        time::sleep(Duration::from_secs(1)).await;
                    }
                });
            } else {
                held.push(stream);
            }
        }
    }
    report(
        "beside idle sockets and slow clients",
        clients.closed_loop(32).await,
    );
    slow.abort_all();
    drop(held);

    let junk = format!(
        "GET /jobs HTTP/1.1\r\nhost: {}\r\nx: {}",
        clients.host,
        "x".repeat(1 << 20)
    );
    let junk: Arc<str> = junk.into();
    let mut heads = JoinSet::new();
    for _ in 0..8 {
        let (junk, host) = (Arc::clone(&junk), clients.host.clone());
        heads.spawn(async move {
            let mut answered = [0; 3];
            for _ in 0..50 {
                let mut stream = TcpStream::connect(&host).await.expect("a connection");
                let _ = stream.write_all(junk.as_bytes()).await;
                let mut answer = Vec::new();
                let read = time::timeout(DEADLINE, stream.read_to_end(&mut answer)).await;
                read.expect("it is closed").ok();
                assert!(answer.get(9..12).is_none_or(|status| status == b"431"));
                answered[usize::from(answer.is_empty())] += 1;
            }
            answered
        });
    }
    let answered = heads.join_all().await;
    println!("1 MiB heads, [431, closed before it was read]: {answered:?}");
    let calm = clients.calm_again().await;
    println!("calm again after {calm:.2?}");
    assert!(calm <= DEADLINE);

    is_over.store(true, Ordering::Relaxed);
    let most = memory.join().expect("no panic");
    println!(
        "resident: {} MiB before, {} MiB at most",
        before >> 20,
        most >> 20
    );
    assert!(most < before + MOST_MORE);
    // Without optimization it says nothing.
    if !cfg!(debug_assertions) {
        for (what, share) in shares {
            assert!(share >= 0.9, "{what}: {share:.2}");
        }
    }
}

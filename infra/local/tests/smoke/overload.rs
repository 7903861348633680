//! Whoever keeps the listener waiting, and whatever is asked at once, the others are answered, and memory has a bound.

use std::{
    fs,
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{
    client::raw,
    process::{Place, Server, eventually},
};

/// What a listener holds at once.
const CONNECTIONS: usize = 256;
/// One is accepted and has no place yet; the rest is the tables' and the seed's.
const MORE_FILES: usize = CONNECTIONS + 16;
/// Beyond what it needs without any load.
const MOST_MORE: u64 = 160 << 20;
/// As long as nobody has to wait for the rest.
const SOON: Duration = Duration::from_secs(5);

fn connect(server: &Server) -> TcpStream {
    let host = server.fact("apiUrl").trim_start_matches("http://");
    let stream = TcpStream::connect(host).expect("a connection");
    stream.set_read_timeout(Some(SOON)).expect("a timeout");
    stream
}

/// Sends what it can: the listener may have had enough.
fn begun(server: &Server, text: &str) -> TcpStream {
    let mut stream = connect(server);
    let host = server.fact("apiUrl").trim_start_matches("http://");
    let _ = stream.write_all(text.replace("{host}", host).as_bytes());
    stream
}

/// A request of the demo key's on a connection of its own.
fn is_served(server: &Server) -> bool {
    let began = Instant::now();
    let status = status(server.fact("apiUrl"), server.fact("demoKey"));
    status.is_ok_and(|status| status == 200) && began.elapsed() < SOON
}

fn status(url: &str, key: &str) -> io::Result<u16> {
    let head = "GET /jobs?limit=1 HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n";
    let answer = raw(url, &format!("{head}authorization: Bearer {key}\r\n\r\n"))?;
    Ok(answer.status)
}

/// Resident bytes of the process, and its open files.
fn size(server: &Server) -> (u64, usize) {
    let process = format!("/proc/{}", server.id());
    let status = fs::read_to_string(format!("{process}/status")).expect("a process");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    let kib: u64 = kib.and_then(|kib| kib.parse().ok()).expect("a number");
    let files = fs::read_dir(format!("{process}/fd")).expect("its files");
    (kib << 10, files.count())
}

#[test]
fn who_sends_nothing_or_slowly_keeps_nobody_out() {
    let place = Place::new("slow-clients");
    let server = Server::ephemeral(&place, &["--demo-rate-limit", "3000/100000"]);
    assert!(is_served(&server));
    let (before, files) = size(&server);
    let key = server.fact("demoKey");
    let head = format!("POST /jobs HTTP/1.1\r\nhost: {{host}}\r\nauthorization: Bearer {key}\r\n");
    let body = format!("{head}content-type: application/json\r\ncontent-length: 250000\r\n\r\n{{");
    let mut held = Vec::new();
    // Each kind alone would fill the listener.
    for text in ["", "GET /jobs HTTP/1.1\r\nhost: ", &head, &body] {
        for _ in 0..CONNECTIONS + 40 {
            held.push(begun(&server, text));
        }
        assert!(is_served(&server), "beside clients that have sent {text:?}");
    }
    let (after, open) = size(&server);
    assert!(open <= files + MORE_FILES, "{open} files");
    assert!(after < before + MOST_MORE, "{before} to {after} bytes");
    // The first to come were the first to go; the last are waited for.
    let is_gone = |stream: &mut TcpStream| {
        stream.set_nonblocking(true).expect("a mode");
        match stream.read(&mut [0; 1]) {
            Ok(0) => true,
            Ok(_) => panic!("an answer to half a request"),
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        }
    };
    let gone: Vec<bool> = held.iter_mut().map(is_gone).collect();
    assert!(gone[..CONNECTIONS * 3].iter().all(|gone| *gone));
    assert!(
        gone[gone.len() - CONNECTIONS / 2..]
            .iter()
            .all(|gone| !gone)
    );
}

#[test]
fn a_head_or_bodies_without_end_are_cut_off() {
    let place = Place::new("large-heads");
    let server = Server::ephemeral(&place, &["--demo-rate-limit", "3000/100000"]);
    let (before, _) = size(&server);
    let junk = "x".repeat(1 << 20);
    let heads = [
        format!("GET /jobs HTTP/1.1\r\nhost: {{host}}\r\nx-junk: {junk}\r\n\r\n"),
        format!("GET /jobs HTTP/1.1\r\nhost: {{host}}\r\nx-junk: {junk}"),
        format!("GET /{junk} HTTP/1.1\r\nhost: {{host}}\r\n\r\n"),
        "x-junk: 1\r\n".repeat(100_000),
        junk,
    ];
    for head in &heads {
        for _ in 0..8 {
            let mut stream = begun(&server, head);
            let mut answer = Vec::new();
            // It is closed at once: where much was still on its way, even before the answer has come.
            if stream.read_to_end(&mut answer).is_ok() && !answer.is_empty() {
                let status = String::from_utf8_lossy(&answer[9..12]).into_owned();
                assert!(["400", "414", "431"].contains(&status.as_str()), "{status}");
            }
        }
    }
    assert!(is_served(&server));
    // Together more than there is room for: the last get a 503, or wait for nothing.
    let part = "x".repeat(5 << 20);
    let head = "POST /jobs HTTP/1.1\r\nhost: {host}\r\ncontent-length: 6000000\r\n\r\n";
    let held: Vec<_> = (0..40)
        .map(|_| {
            let stream = begun(&server, head);
            let _ = stream.set_write_timeout(Some(Duration::from_millis(300)));
            let _ = (&stream).write_all(part.as_bytes());
            stream
        })
        .collect();
    let (after, _) = size(&server);
    assert!(after < before + MOST_MORE, "{before} to {after} bytes");
    drop(held);
    assert!(is_served(&server));
}

#[test]
fn more_than_it_can_at_once_waits_its_turn_and_nothing_stays_behind() {
    let place = Place::new("overload");
    let server = Server::ephemeral(&place, &["--demo-rate-limit", "30000/1000000"]);
    assert!(is_served(&server));
    let (before, files) = size(&server);
    let is_over = AtomicBool::new(false);
    let (url, key) = (server.fact("apiUrl"), server.fact("demoKey"));
    thread::scope(|scope| {
        // More at once than there are places; each comes again as soon as it has its answer.
        for _ in 0..CONNECTIONS + 64 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    // The key's own second may be full; nobody is turned away, and nothing breaks off.
                    let status = status(url, key).expect("an answer");
                    assert!([200, 429].contains(&status), "{status}");
                }
            });
        }
        thread::sleep(Duration::from_secs(3));
        let (during, open) = size(&server);
        is_over.store(true, Ordering::Relaxed);
        assert!(open <= files + MORE_FILES, "{open} files");
        assert!(during < before + MOST_MORE, "{before} to {during} bytes");
    });
    let began = Instant::now();
    eventually("an answer", || is_served(&server).then_some(()));
    assert!(began.elapsed() < SOON);
    eventually("no connection", || {
        (size(&server).1 <= files + 16).then_some(())
    });
}

/// What was begun for them goes on; the rest is never begun.
#[test]
fn who_asks_and_hangs_up_is_in_nobodys_way() {
    let place = Place::new("hanging-up");
    let server = Server::ephemeral(&place, &["--demo-rate-limit", "30000/1000000"]);
    assert!(is_served(&server));
    let (before, _) = size(&server);
    let key = server.fact("demoKey");
    let request =
        format!("GET /jobs HTTP/1.1\r\nhost: {{host}}\r\nauthorization: Bearer {key}\r\n\r\n");
    for _ in 0..4 * CONNECTIONS {
        drop(begun(&server, &request));
    }
    let began = Instant::now();
    eventually("an answer", || is_served(&server).then_some(()));
    let (after, _) = size(&server);
    assert!(after < before + MOST_MORE, "{before} to {after} bytes");
    assert!(began.elapsed() < 2 * SOON);
}

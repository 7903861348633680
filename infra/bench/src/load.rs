//! Load on one address: closed loops, and open ones that measure from when a request was meant to be sent.
//!
//! A thread for each connection: an asynchronous client would take more of the machine from what it measures.

use anyhow::{Context, bail, ensure};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

/// One kept HTTP/1.1 connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// Slower is broken.
const TIMEOUT: Duration = Duration::from_secs(60);

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> anyhow::Result<Connection> {
        let stream = TcpStream::connect(address).with_context(|| address.to_string())?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Connection {
            stream,
            received: Vec::new(),
        })
    }

    /// Sends these bytes; the answer's status, and its body until the next call.
    pub(crate) fn ask(&mut self, request: &[u8]) -> anyhow::Result<(u16, &[u8])> {
        self.received.clear();
        self.stream.write_all(request)?;
        let head = loop {
            if let Some(end) = find(&self.received, b"\r\n\r\n") {
                break end + 4;
            }
            self.more()?;
        };
        let text = std::str::from_utf8(&self.received[..head])?;
        let status = text.get(9..12).context("no status")?.parse()?;
        let mut fields = text.lines().filter_map(|line| line.split_once(':'));
        let length = fields
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .context("an answer of no known length")?;
        let whole = head + length.1.trim().parse::<usize>()?;
        while self.received.len() < whole {
            self.more()?;
        }
        Ok((status, &self.received[head..whole]))
    }

    fn more(&mut self) -> anyhow::Result<()> {
        let mut some = [0; 16 * 1024];
        let count = self.stream.read(&mut some)?;
        ensure!(count > 0, "the connection was closed");
        self.received.extend_from_slice(&some[..count]);
        Ok(())
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// What is asked, again and again: the requests in turn.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Vec<Vec<u8>>,
}

impl Target {
    /// `url`: scheme, host and port. One request for each bearer.
    pub(crate) fn get(url: &str, path: &str, bearers: &[String]) -> anyhow::Result<Target> {
        let requests = bearers.iter().map(|bearer| {
            let authorization = format!("authorization: Bearer {bearer}\r\n");
            request(url, "GET", path, &authorization, "")
        });
        Ok(Target {
            address: address(url)?,
            requests: requests.collect(),
        })
    }
}

/// `headers`: each with its line's end.
pub(crate) fn request(url: &str, method: &str, path: &str, headers: &str, body: &str) -> Vec<u8> {
    let host = url.trim_start_matches("http://");
    let length = match method {
        "GET" => String::new(),
        _ => format!("content-length: {}\r\n", body.len()),
    };
    format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n{headers}{length}\r\n{body}").into_bytes()
}

/// On this machine, whatever its name there.
pub(crate) fn address(url: &str) -> anyhow::Result<SocketAddr> {
    let (_, port) = url.rsplit_once(':').context("no port")?;
    Ok(SocketAddr::from(([127, 0, 0, 1], port.parse()?)))
}

/// What became of the requests.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Of the answered ones with 200, shortest first.
    latencies: Vec<Duration>,
    /// Answered otherwise.
    pub(crate) refused: usize,
    elapsed: Duration,
}

impl Outcome {
    fn new(answers: Vec<(u16, Duration)>, elapsed: Duration) -> Outcome {
        let all = answers.len();
        let accepted = answers.into_iter().filter(|(status, _)| *status == 200);
        let mut latencies: Vec<_> = accepted.map(|(_, latency)| latency).collect();
        latencies.sort_unstable();
        Outcome {
            refused: all - latencies.len(),
            latencies,
            elapsed,
        }
    }

    pub(crate) fn accepted(&self) -> usize {
        self.latencies.len()
    }

    /// Accepted requests a second.
    pub(crate) fn rate(&self) -> f64 {
        self.accepted() as f64 / self.elapsed.as_secs_f64()
    }

    /// In milliseconds.
    pub(crate) fn quantile(&self, share: f64) -> anyhow::Result<f64> {
        let last = self.latencies.len().checked_sub(1);
        let last = last.context("nothing was accepted")?;
        let latency = self.latencies[(last as f64 * share) as usize];
        Ok(latency.as_secs_f64() * 1_000.0)
    }

    /// # Errors
    /// A request was refused: what was measured is something else, then.
    pub(crate) fn all_accepted(self) -> anyhow::Result<Outcome> {
        if self.refused > 0 {
            bail!("{} requests were refused", self.refused);
        }
        Ok(self)
    }
}

/// Each connection asks anew as soon as it is answered.
pub(crate) fn closed(
    target: &Target,
    connections: usize,
    time: Duration,
) -> anyhow::Result<Outcome> {
    let start = Instant::now();
    on_each(target, connections, |connection, asked| {
        let sent = Instant::now();
        if sent - start > time {
            return Ok(None);
        }
        let (status, _) = connection.ask(asked)?;
        Ok(Some((status, sent.elapsed())))
    })
}

/// So many requests on one connection, one after the other.
pub(crate) fn in_turn(target: &Target, count: u32) -> anyhow::Result<Outcome> {
    let done = AtomicU32::new(0);
    on_each(target, 1, |connection, asked| {
        if done.fetch_add(1, Ordering::Relaxed) == count {
            return Ok(None);
        }
        let sent = Instant::now();
        let (status, _) = connection.ask(asked)?;
        Ok(Some((status, sent.elapsed())))
    })
}

/// So many requests a second, whether or not the ones before are answered, as long as a connection is free; a latency begins when its request was due.
pub(crate) fn open(
    target: &Target,
    connections: usize,
    rate: f64,
    time: Duration,
) -> anyhow::Result<Outcome> {
    let count = (rate * time.as_secs_f64()) as u32;
    let pause = time / count.max(1);
    let next = AtomicU32::new(0);
    let start = Instant::now();
    on_each(target, connections, |connection, asked| {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return Ok(None);
        }
        let due = start + pause * number;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let (status, _) = connection.ask(asked)?;
        Ok(Some((status, due.elapsed())))
    })
}

/// Runs a turn on each connection until it says `None`.
fn on_each(
    target: &Target,
    connections: usize,
    turn: impl Fn(&mut Connection, &[u8]) -> anyhow::Result<Option<(u16, Duration)>> + Sync,
) -> anyhow::Result<Outcome> {
    let start = Instant::now();
    let answers = thread::scope(|scope| {
        let workers: Vec<_> = (0..connections)
            .map(|worker| {
                let turn = &turn;
                scope.spawn(move || -> anyhow::Result<Vec<_>> {
                    let mut connection = Connection::open(target.address)?;
                    let mut answers = Vec::new();
                    // The connections begin at different places.
                    let requests = target.requests.iter().cycle();
                    for request in requests.skip(worker % target.requests.len()) {
                        match turn(&mut connection, request)? {
                            Some(answer) => answers.push(answer),
                            None => break,
                        }
                    }
                    Ok(answers)
                })
            })
            .collect();
        let joined = workers
            .into_iter()
            .map(|worker| worker.join().map_err(|_| anyhow::anyhow!("a panic"))?);
        joined.collect::<anyhow::Result<Vec<_>>>()
    })?;
    Ok(Outcome::new(
        answers.into_iter().flatten().collect(),
        start.elapsed(),
    ))
}

#[cfg(test)]
mod tests {
    use super::{Target, closed, open};
    use std::{
        io::{Read, Write},
        net::TcpListener,
        thread,
        time::Duration,
    };

    /// Answers one connection, each request after a pause; every second one is refused.
    fn server(pause: Duration) -> Target {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut refuse = false;
            while stream.read(&mut [0; 4096]).expect("a request") > 0 {
                thread::sleep(pause);
                let status = if refuse { "429 No" } else { "200 OK" };
                refuse = !refuse;
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\n{{}}");
                stream.write_all(answer.as_bytes()).expect("sent");
            }
        });
        Target::get(&url, "/", &["x".to_owned()]).expect("a target")
    }

    #[test]
    fn an_open_loop_counts_the_waiting_and_a_closed_one_does_not() {
        let pause = Duration::from_millis(10);
        let time = Duration::from_millis(300);
        // 30 requests that take 10 ms each are meant to be sent within 100 ms' worth of answers.
        let late = open(&server(pause), 1, 300.0, time).expect("an outcome");
        assert!(late.quantile(0.9).expect("some") > 300.0, "{late:?}");
        let asked = late.accepted() + late.refused;
        assert_eq!(asked, 90);
        let calm = closed(&server(pause), 1, time).expect("an outcome");
        assert!(calm.quantile(0.5).expect("some") < 200.0, "{calm:?}");
    }

    #[test]
    fn refusals_are_counted_apart() {
        let outcome = closed(&server(Duration::ZERO), 1, Duration::from_millis(50));
        let outcome = outcome.expect("an outcome");
        assert!(outcome.accepted().abs_diff(outcome.refused) <= 1);
        assert!(outcome.all_accepted().is_err());
    }
}

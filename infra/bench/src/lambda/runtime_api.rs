//! The Runtime API and the extensions' one, with real headers: one thread a connection, as one connection alone would deadlock clients with a pool.

use api::Clock;
use rustix::process::Pid;
use std::{
    collections::VecDeque,
    fmt, io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::Sender,
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    http1::{Connection, Request},
    processor::{self, pin},
};

/// What the bootstrap did, as it happens.
#[derive(Debug)]
pub(crate) enum Event {
    /// It asks for its first event.
    Ready(Instant),
    InitError(String),
    Done(Done),
}

/// An invocation's end.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) id: String,
    pub(crate) is_error: bool,
    pub(crate) body: Vec<u8>,
    pub(crate) dispatched: Instant,
    pub(crate) received: Instant,
}

pub(crate) struct RuntimeApi {
    pub(crate) address: SocketAddr,
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    connections: AtomicU64,
    is_ready: AtomicBool,
    events: Sender<Event>,
    /// Whether the process is stopped while there is nothing to do.
    freezes: bool,
    timeout: Duration,
    arn: String,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<(String, Vec<u8>)>,
    dispatched: Option<(String, Instant)>,
    process: Option<Pid>,
    is_closed: bool,
}

const RUNTIME: &str = "/2018-06-01/runtime/";
const EXTENSION: &str = "/2020-01-01/extension/";
const JSON: &str = "Content-Type: application/json\r\n";

impl RuntimeApi {
    /// Listens on loopback; on `core` if one is given.
    pub(crate) fn start(
        core: Option<usize>,
        freezes: bool,
        timeout: Duration,
        function: &str,
        events: Sender<Event>,
    ) -> anyhow::Result<RuntimeApi> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            changed: Condvar::new(),
            connections: AtomicU64::new(0),
            is_ready: AtomicBool::new(false),
            events,
            freezes,
            timeout,
            arn: format!("arn:aws:lambda:eu-central-1:123456789012:function:{function}"),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            if let Some(core) = core {
                let _ = pin(core);
            }
            for stream in listener.incoming() {
                if serving.queue().is_closed {
                    break;
                }
                let Ok(stream) = stream else { continue };
                serving.connections.fetch_add(1, Ordering::Relaxed);
                let serving = Arc::clone(&serving);
                thread::spawn(move || serving.serve(stream));
            }
        });
        Ok(RuntimeApi { address, shared })
    }
}

impl fmt::Debug for RuntimeApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeApi")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// Its threads end: the listener's by a last connection, the others when the process has gone.
impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.shared.queue().is_closed = true;
        self.shared.changed.notify_all();
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    /// TCP connections that were opened.
    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    pub(crate) fn belongs_to(&self, process: Pid) {
        self.queue().process = Some(process);
    }

    pub(crate) fn invoke(&self, id: String, event: Vec<u8>) {
        self.queue().waiting.push_back((id, event));
        self.changed.notify_all();
    }

    fn serve(&self, stream: TcpStream) {
        let Ok(mut connection) = Connection::new(stream) else {
            return;
        };
        // A connection that breaks is the bootstrap's business.
        while let Ok(Some(request)) = connection.receive() {
            if self.answer(&mut connection, request).is_err() {
                break;
            }
        }
    }

    fn answer(&self, connection: &mut Connection, request: Request) -> io::Result<()> {
        let received = Instant::now();
        let Request { method, path, body } = request;
        if let Some(path) = path.strip_prefix(EXTENSION) {
            return self.extension(connection, path);
        }
        let Some(path) = path.strip_prefix(RUNTIME) else {
            return connection.send("404 Not Found", "", b"");
        };
        match (
            method.as_str(),
            path.split('/').collect::<Vec<_>>().as_slice(),
        ) {
            ("GET", ["invocation", "next"]) => {
                if !self.is_ready.swap(true, Ordering::SeqCst) {
                    self.say(Event::Ready(received));
                }
                self.next(connection)
            }
            ("POST", ["invocation", id, kind @ ("response" | "error")]) => {
                let mut queue = self.queue();
                // The id of the one invocation that runs, and only once, as Lambda has it.
                let Some((_, dispatched)) = queue.dispatched.take_if(|(running, _)| running == id)
                else {
                    drop(queue);
                    return connection.send("400 Bad Request", JSON, b"{}");
                };
                drop(queue);
                connection.send("202 Accepted", JSON, br#"{"status":"OK"}"#)?;
                self.say(Event::Done(Done {
                    id: (*id).to_owned(),
                    is_error: *kind == "error",
                    body,
                    dispatched,
                    received,
                }));
                Ok(())
            }
            ("POST", ["init", "error"]) => {
                self.say(Event::InitError(
                    String::from_utf8_lossy(&body).into_owned(),
                ));
                connection.send("202 Accepted", JSON, br#"{"status":"OK"}"#)
            }
            _ => connection.send("404 Not Found", "", b""),
        }
    }

    fn next(&self, connection: &mut Connection) -> io::Result<()> {
        let mut queue = self.queue();
        let mut is_frozen = false;
        let (id, event) = loop {
            if let Some(next) = queue.waiting.pop_front() {
                break next;
            }
            if queue.is_closed {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            if let (true, Some(process)) = (self.freezes && !is_frozen, queue.process) {
                processor::freeze(process);
                is_frozen = true;
            }
            queue = self
                .changed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        };
        if let (true, Some(process)) = (is_frozen, queue.process) {
            processor::thaw(process);
        }
        let timeout = i64::try_from(self.timeout.as_millis()).unwrap_or(i64::MAX);
        let deadline = Clock::system().now().millis() + timeout;
        let headers = format!(
            "{JSON}Lambda-Runtime-Aws-Request-Id: {id}\r\n\
             Lambda-Runtime-Deadline-Ms: {deadline}\r\n\
             Lambda-Runtime-Invoked-Function-Arn: {}\r\n\
             Lambda-Runtime-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0\r\n",
            self.arn
        );
        queue.dispatched = Some((id, Instant::now()));
        drop(queue);
        connection.send("200 OK", &headers, &event)
    }

    fn extension(&self, connection: &mut Connection, path: &str) -> io::Result<()> {
        if path == "register" {
            let id = format!("{JSON}Lambda-Extension-Identifier: an-extension\r\n");
            let about =
                br#"{"functionName":"bench","functionVersion":"$LATEST","handler":"bootstrap"}"#;
            return connection.send("200 OK", &id, about);
        }
        // `event/next`: nothing happens until the environment ends.
        let mut queue = self.queue();
        while !queue.is_closed {
            queue = self
                .changed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
        Err(io::ErrorKind::ConnectionAborted.into())
    }

    fn say(&self, event: Event) {
        // Nobody listens any more once the environment has gone.
        let _ = self.events.send(event);
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

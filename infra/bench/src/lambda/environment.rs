//! One execution environment: a bootstrap's process, its Runtime API, and what both cost.

use anyhow::{Context, bail, ensure};
use rustix::process::Pid;
use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use super::{
    processor::{self, CpuShare, pin},
    runtime_api::{Done, Event, RuntimeApi},
};
use crate::machine::value;

/// What to run, and how.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Beside what Lambda itself sets.
    pub environment: Vec<(String, String)>,
    /// Where it starts, and where its output goes to `bootstrap.log`.
    pub folder: PathBuf,
    /// The core of the process and of its Runtime API.
    pub core: Option<usize>,
    /// Whether it is stopped while there is nothing to do.
    pub freezes: bool,
    /// What the deadline tells.
    pub timeout: Duration,
    pub memory_mib: u32,
}

/// A bootstrap that was started; it ends when this is dropped.
#[derive(Debug)]
pub struct Environment {
    child: Child,
    process: Pid,
    api: RuntimeApi,
    events: Receiver<Event>,
    started: Instant,
    ready: Option<Instant>,
    invoked: u64,
    log: PathBuf,
}

#[derive(Debug, Clone)]
pub struct Invocation {
    pub outcome: Outcome,
    /// From the event on the wire to the answer off it.
    pub took: Duration,
    /// From the spawn of the process to the answer.
    pub since_spawn: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Response(Vec<u8>),
    Error(Vec<u8>),
}

#[derive(Debug, Clone, Copy)]
pub struct Usage {
    pub peak_rss_kib: u64,
    /// Of all threads that live.
    pub cpu: Duration,
}

/// Longer than any bootstrap takes, valgrind's and loaded machines' included.
const PATIENCE: Duration = Duration::from_secs(120);

impl Bootstrap {
    /// On the first core, with the authorizer's timeout and the smallest memory.
    pub fn new(command: impl IntoIterator<Item = String>, folder: PathBuf) -> Bootstrap {
        Bootstrap {
            command: command.into_iter().collect(),
            environment: Vec::new(),
            folder,
            core: Some(0),
            freezes: false,
            timeout: Duration::from_secs(3),
            memory_mib: 128,
        }
    }

    pub fn env(mut self, name: &str, value: &str) -> Bootstrap {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts the process and comes back at once.
    pub fn start(&self) -> anyhow::Result<Environment> {
        let (sender, events) = channel();
        let api = RuntimeApi::start(self.core, self.freezes, self.timeout, "bench", sender)?;
        let (program, arguments) = self.command.split_first().context("no command")?;
        let log = self.folder.join("bootstrap.log");
        let output = File::create(&log)?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "bench")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env(
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
                self.memory_mib.to_string(),
            )
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "bench")
            .env("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023")
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_DEFAULT_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "bench")
            .env("AWS_SECRET_ACCESS_KEY", "bench")
            .env("AWS_SESSION_TOKEN", "bench")
            .env("LAMBDA_TASK_ROOT", &self.folder)
            .env("_HANDLER", "bootstrap")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let core = self.core;
        // A process runs where the thread does that starts it; `taskset` would be one more program to load.
        let spawning = thread::spawn(move || {
            if let Some(core) = core {
                pin(core)?;
            }
            let started = Instant::now();
            let child = command.spawn();
            anyhow::Ok((started, child.with_context(|| format!("{command:?}"))?))
        });
        let (started, child) = spawning.join().ok().context("the spawn panicked")??;
        let process = Pid::from_raw(child.id().cast_signed()).context("a process without id")?;
        api.shared.belongs_to(process);
        Ok(Environment {
            child,
            process,
            api,
            events,
            started,
            ready: None,
            invoked: 0,
            log,
        })
    }
}

impl Environment {
    /// From the spawn to the request for the first event.
    pub fn init(&mut self) -> anyhow::Result<Duration> {
        while self.ready.is_none() {
            let event = self.event()?;
            self.saw(event)?;
        }
        let ready = self.ready.context("never ready")?;
        Ok(ready - self.started)
    }

    /// Puts it under a share of the CPU from now on.
    pub fn throttle(&self, share: &CpuShare) -> anyhow::Result<()> {
        share.take(self.process)
    }

    /// One event, and what becomes of it.
    pub fn invoke(&mut self, event: &[u8]) -> anyhow::Result<Invocation> {
        self.invoked += 1;
        let id = format!("00000000-0000-4000-8000-{:012}", self.invoked);
        self.api.shared.invoke(id.clone(), event.to_vec());
        loop {
            let event = self.event()?;
            if let Some(done) = self.saw(event)? {
                ensure!(done.id == id, "an answer to another invocation");
                return Ok(Invocation {
                    took: done.received - done.dispatched,
                    since_spawn: done.received - self.started,
                    outcome: match done.is_error {
                        true => Outcome::Error(done.body),
                        false => Outcome::Response(done.body),
                    },
                });
            }
        }
    }

    /// When the process was started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Waits until it is stopped, which it is once it asks for the next event and there is none.
    pub fn frozen(&self) -> anyhow::Result<()> {
        let path = format!("/proc/{}/status", self.process.as_raw_nonzero());
        let began = Instant::now();
        loop {
            let status = fs::read_to_string(&path)?;
            if value(&status, "State").is_some_and(|state| state.starts_with('T')) {
                return Ok(());
            }
            ensure!(began.elapsed() < PATIENCE, "it is not frozen");
            thread::sleep(Duration::from_micros(200));
        }
    }

    /// Connections to the Runtime API so far.
    pub fn connections(&self) -> u64 {
        self.api.shared.connections()
    }

    pub fn usage(&self) -> anyhow::Result<Usage> {
        let folder = PathBuf::from(format!("/proc/{}", self.process.as_raw_nonzero()));
        let status = fs::read_to_string(folder.join("status"))?;
        let peak = value(&status, "VmHWM").context("no VmHWM")?;
        let mut cpu = 0;
        for task in fs::read_dir(folder.join("task"))? {
            let times = fs::read_to_string(task?.path().join("schedstat"))?;
            let running = times.split(' ').next().context("no schedstat")?;
            cpu += running.parse::<u64>()?;
        }
        Ok(Usage {
            peak_rss_kib: peak.trim_end_matches(" kB").parse()?,
            cpu: Duration::from_nanos(cpu),
        })
    }

    /// What it has written on its outputs.
    pub fn log(&self) -> anyhow::Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(&self.log)?).into_owned())
    }

    /// Ends it by SIGTERM, as Lambda ends one with extensions, and waits: valgrind writes nothing otherwise.
    pub fn stop(mut self) -> anyhow::Result<()> {
        self.end()
    }

    fn end(&mut self) -> anyhow::Result<()> {
        processor::terminate(self.process);
        processor::thaw(self.process);
        let waiting = Instant::now();
        while self.child.try_wait()?.is_none() {
            if waiting.elapsed() > PATIENCE {
                self.child.kill()?;
                self.child.wait()?;
                bail!("it doesn't end by SIGTERM");
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    fn event(&mut self) -> anyhow::Result<Event> {
        let began = Instant::now();
        loop {
            match self.events.recv_timeout(Duration::from_millis(200)) {
                Ok(event) => return Ok(event),
                Err(RecvTimeoutError::Disconnected) => bail!("the Runtime API has ended"),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the bootstrap has ended ({status}):\n{}", self.log()?);
            }
            if began.elapsed() > PATIENCE {
                bail!("the bootstrap doesn't answer:\n{}", self.log()?);
            }
        }
    }

    fn saw(&mut self, event: Event) -> anyhow::Result<Option<Done>> {
        match event {
            Event::Ready(at) => self.ready = Some(at),
            Event::InitError(why) => bail!("the bootstrap can't start: {why}\n{}", self.log()?),
            Event::Done(done) => return Ok(Some(done)),
        }
        Ok(None)
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

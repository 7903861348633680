//! The binary as a process, and the directory that it is given.

use serde_json::Value;
use std::{
    cell::RefCell,
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output},
    thread,
    time::{Duration, Instant},
};

use crate::client::{Caller, send};

/// A directory of one test; it goes with the test, unless that failed.
pub(crate) struct Place(PathBuf);

impl Place {
    pub(crate) fn new(name: &str) -> Place {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("smoke-{name}"));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a directory");
        Place(path)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    /// What all processes of this test wrote to standard output, and to standard error.
    pub(crate) fn outputs(&self) -> [PathBuf; 2] {
        ["stdout", "stderr"].map(|name| self.0.join(name))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !thread::panicking() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// A running process; killed when dropped.
pub(crate) struct Server {
    child: Child,
    facts: Value,
    /// Every token that was given to anybody.
    tokens: RefCell<Vec<String>>,
    pub(crate) startup: Duration,
}

const PATIENCE: Duration = Duration::from_secs(60);

impl Server {
    /// Starts on free ports with the place's data directory, and waits until it answers.
    pub(crate) fn start(place: &Place, arguments: &[&str]) -> Server {
        let data = place.data();
        let data = data.to_str().expect("a UTF-8 path");
        Server::spawn(place, &[&["--data-dir", data], arguments].concat())
    }

    pub(crate) fn ephemeral(place: &Place, arguments: &[&str]) -> Server {
        Server::spawn(place, &[&["--ephemeral"], arguments].concat())
    }

    fn spawn(place: &Place, arguments: &[&str]) -> Server {
        let info = place.0.join("info.json");
        let _ = fs::remove_file(&info);
        let [stdout, stderr] = place.outputs().map(|path| appended(&path));
        let any_port = (!arguments.contains(&"--port")).then_some(["--port", "0"]);
        let started = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_local"))
            .args(any_port.iter().flatten())
            .arg("--info-file")
            .arg(&info)
            .args(arguments)
            .current_dir(&place.0)
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .expect("the binary starts");
        let facts = loop {
            if let Ok(text) = fs::read_to_string(&info) {
                break serde_json::from_str(&text).expect("the facts are whole");
            }
            let ended = child.try_wait().expect("a child");
            if ended.is_some() || started.elapsed() > PATIENCE {
                let _ = child.kill();
                let said = fs::read_to_string(&place.outputs()[1]).unwrap_or_default();
                panic!("no start: {ended:?}\n{said}");
            }
            thread::sleep(Duration::from_millis(5));
        };
        let mut server = Server {
            child,
            facts,
            tokens: RefCell::default(),
            startup: Duration::ZERO,
        };
        let health = send(server.fact("apiUrl"), "GET", "/health", &[], "");
        let health = health.unwrap_or_else(|error| {
            // It may be about to end, and to say why.
            thread::sleep(Duration::from_secs(1));
            let ended = server.child.try_wait();
            let said = fs::read_to_string(&place.outputs()[1]).unwrap_or_default();
            panic!("no answer: {error}; {ended:?}\n{said}");
        });
        assert_eq!(health.status, 200);
        server.startup = started.elapsed();
        server
    }

    /// The process's.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// A member of `local.json` that is a text.
    pub(crate) fn fact(&self, name: &str) -> &str {
        self.facts[name].as_str().unwrap_or_default()
    }

    pub(crate) fn facts(&self) -> &Value {
        &self.facts
    }

    pub(crate) fn caller<'c>(&'c self, credential: &'c str) -> Caller<'c> {
        let api = self.fact("apiUrl");
        Caller { api, credential }
    }

    /// The demo key's.
    pub(crate) fn demo(&self) -> Caller<'_> {
        self.caller(self.fact("demoKey"))
    }

    /// Both tokens of a person, by password.
    pub(crate) fn sign_in(&self, email: &str) -> Value {
        let form = format!(
            "grant_type=password&username={email}&password=instaview&client_id=instaview-local"
        );
        let answer = self.token(&form);
        assert_eq!(answer.0, 200, "{}", answer.1);
        for name in ["access_token", "id_token"] {
            let token = answer.1[name].as_str().expect("a token");
            self.tokens.borrow_mut().push(token.to_owned());
        }
        answer.1
    }

    pub(crate) fn tokens(&self) -> Vec<String> {
        self.tokens.borrow().clone()
    }

    pub(crate) fn token(&self, form: &str) -> (u16, Value) {
        let media = ("content-type", "application/x-www-form-urlencoded");
        let issuer = self.fact("issuerUrl");
        let answer = send(issuer, "POST", "/token", &[media], form).expect("an answer");
        (answer.status, answer.json())
    }

    /// As `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    /// As Ctrl-C does.
    pub(crate) fn interrupt(mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status();
        assert!(sent.expect("a signal").success());
        self.child.wait().expect("gone")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the binary to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_local"))
        .args(arguments)
        .output();
    output.expect("the binary starts")
}

fn appended(path: &Path) -> File {
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.expect("an output file")
}

/// Asks again until there is an answer that will do; the streams follow by themselves.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

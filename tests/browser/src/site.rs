//! The product, running on this machine, for one test.

use serde_json::{Value, json};
use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use crate::{
    http::{Answer, ask_store, call},
    waiting::{FOR_A_START, eventually},
};

/// A running `local`, seeded, that keeps nothing; killed when dropped.
#[derive(Debug)]
pub struct Site {
    process: Child,
    facts: Value,
    _place: Place,
}

impl Site {
    /// Starts the built binary on free ports.
    ///
    /// # Panics
    /// Where there is none, or it doesn't start.
    pub fn start() -> Site {
        let place = Place::new("site");
        let (info, log) = (place.path("info.json"), place.path("local.log"));
        let mut process = Command::new(binary())
            .args(["--ephemeral", "--port", "0", "--info-file"])
            .arg(&info)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).expect("a log"))
            .spawn()
            .expect("the built binary starts");
        let facts = eventually(FOR_A_START, || match fs::read_to_string(&info) {
            // Written in one step, when everything is there.
            Ok(text) => Ok(serde_json::from_str(&text).expect("the facts are whole")),
            Err(_) => Err(fs::read_to_string(&log).unwrap_or_default()),
        });
        let facts = facts.unwrap_or_else(|log| {
            end(&mut process);
            panic!("`local` did not start:\n{log}")
        });
        Site {
            process,
            facts,
            _place: place,
        }
    }

    /// A text of `local.json`: `apiUrl`, `issuerUrl`, `demoKey` …
    ///
    /// # Panics
    /// Where there is none of that name.
    pub fn fact(&self, name: &str) -> &str {
        let fact = self.facts[name].as_str();
        fact.unwrap_or_else(|| panic!("no fact {name}"))
    }

    /// The id of a seeded company.
    ///
    /// # Panics
    /// Where there is none of that name.
    pub fn company(&self, name: &str) -> &str {
        let companies = self.facts["companies"].as_array().expect("a list");
        let found = companies.iter().find(|company| company["name"] == name);
        let id = found.and_then(|company| company["id"].as_str());
        id.unwrap_or_else(|| panic!("no company {name}"))
    }

    /// Calls the API as a program does.
    pub fn call(&self, method: &str, path: &str, key: &str, body: &str) -> Answer {
        call(&format!("{}{path}", self.fact("apiUrl")), method, key, body)
    }

    /// Makes every sign-in that the dashboard knows older by so many minutes, in its own table: nobody waits for that long.
    ///
    /// # Panics
    /// Where nobody is signed in.
    pub fn age_sign_ins(&self, minutes: i64) {
        let ask = |operation: &str, body: &Value| {
            let (url, id) = (self.fact("dynamodbUrl"), self.fact("dynamodbAccessKeyId"));
            ask_store(url, id, operation, body)
        };
        let table = "instaview-sessions";
        let all = ask("Scan", &json!({ "TableName": table }));
        let rows = all["Items"].as_array().expect("rows").iter();
        let sessions: Vec<_> = rows.filter(|row| row["authTime"].is_object()).collect();
        assert!(!sessions.is_empty(), "nobody is signed in");
        for row in sessions {
            let update = json!({
                "TableName": table,
                "Key": { "pk": row["pk"], "sk": row["sk"] },
                "UpdateExpression": "ADD authTime :later",
                "ExpressionAttributeValues": { ":later": { "N": (-minutes * 60_000).to_string() } },
            });
            ask("UpdateItem", &update);
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// `local`, where cargo has put it: beside the folder of this test's own binary.
fn binary() -> PathBuf {
    let test = env::current_exe().expect("a path");
    let profile = test.parent().and_then(Path::parent).expect("a profile");
    let binary = profile.join("local");
    assert!(
        binary.is_file(),
        "{} is missing: `tests/browser.sh` builds it and runs these tests",
        binary.display()
    );
    binary
}

/// Kills, and waits until it is gone.
pub(crate) fn end(process: &mut Child) {
    let _ = process.kill();
    let _ = process.wait();
}

/// A folder for one process; it goes with the test, unless that failed: then the system's log is left to be read.
#[derive(Debug)]
pub(crate) struct Place(PathBuf);

impl Place {
    pub(crate) fn new(name: &str) -> Place {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("instaview-{name}-{}-{number}", process::id());
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).expect("a new folder");
        Place(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if thread::panicking() && self.path("local.log").exists() {
            // Addresses and credentials say nothing any more, and a profile holds a session.
            let _ = fs::remove_file(self.path("info.json"));
        } else {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

//! The release binary of the local system, on a data directory of its own.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    load::{Connection, address, request},
    machine::target_dir,
    product,
};

/// Ends when dropped; its data directory goes with it.
#[derive(Debug)]
pub(crate) struct Local {
    child: Child,
    pub(crate) facts: local::Facts,
    folder: PathBuf,
}

/// Busy machines included.
const START: Duration = Duration::from_secs(180);
const OWNER: &str = "owner@acme.example";

impl Local {
    /// Builds it, and starts it on an empty data directory; `limits`: those of each key, as in `--demo-rate-limit`.
    pub(crate) fn start(name: &str, limits: &str) -> anyhow::Result<Local> {
        let folder = empty_folder(name)?;
        Local::start_on(folder, &["--demo-rate-limit", limits])
    }

    /// The same on a data directory that may be there.
    pub(crate) fn start_on(folder: PathBuf, arguments: &[&str]) -> anyhow::Result<Local> {
        let program = product::local()?;
        let info = folder.join("bench-info.json");
        // It is written once everything answers.
        let _ = fs::remove_file(&info);
        let child = Command::new(program)
            .args(["--port", "0", "--data-dir"])
            .arg(&folder)
            .arg("--info-file")
            .arg(&info)
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut child = Guard(Some(child));
        let begun = Instant::now();
        let facts = loop {
            if let Ok(text) = fs::read_to_string(&info) {
                break serde_json::from_str(&text)?;
            }
            let ended = child.0.as_mut().context("a process")?.try_wait()?;
            ensure!(ended.is_none(), "the local system ended: {ended:?}");
            ensure!(begun.elapsed() < START, "the local system does not start");
            thread::sleep(Duration::from_millis(20));
        };
        Ok(Local {
            child: child.0.take().context("a process")?,
            facts,
            folder,
        })
    }

    /// Makes keys of Acme.
    pub(crate) fn keys(&self, count: usize, scopes: &[&str]) -> anyhow::Result<Vec<String>> {
        let form = format!(
            "grant_type=password&client_id={}&username={OWNER}&password={}",
            local::CLIENT_ID,
            local::PASSWORD
        );
        let token = self.post(
            &self.facts.issuer_url,
            "/token",
            "content-type: application/x-www-form-urlencoded\r\n",
            &form,
        )?;
        let token = token["access_token"].as_str().context("no token")?;
        let headers =
            format!("content-type: application/json\r\nauthorization: Bearer {token}\r\n");
        (0..count)
            .map(|number| {
                let new = json!({ "name": format!("Bench {number}"), "scopes": scopes });
                let made =
                    self.post(&self.facts.api_url, "/api-keys", &headers, &new.to_string())?;
                Ok(made["data"]["key"].as_str().context("no key")?.to_owned())
            })
            .collect()
    }

    /// The path of one of Acme's jobs.
    pub(crate) fn a_job(&self) -> anyhow::Result<String> {
        let key = self.facts.demo_key.as_deref().context("no demo key")?;
        let headers = format!("authorization: Bearer {key}\r\n");
        let page = self.exchange(&self.facts.api_url, "GET", "/jobs?limit=1", &headers, "")?;
        let id = page["data"]["items"][0]["id"].as_str().context("no job")?;
        Ok(format!("/jobs/{id}"))
    }

    fn post(&self, url: &str, path: &str, headers: &str, body: &str) -> anyhow::Result<Value> {
        self.exchange(url, "POST", path, headers, body)
    }

    pub(crate) fn exchange(
        &self,
        url: &str,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> anyhow::Result<Value> {
        let mut connection = Connection::open(address(url)?)?;
        let (status, answer) = connection.ask(&request(url, method, path, headers, body))?;
        ensure!(
            (200..300).contains(&status),
            "{method} {path}: {status} {}",
            String::from_utf8_lossy(answer)
        );
        Ok(serde_json::from_slice(answer)?)
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        end(&mut self.child);
        // The machine's temporary files are nobody's loss.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Of a process that doesn't come up.
struct Guard(Option<Child>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            end(child);
        }
    }
}

pub(crate) fn end(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

/// Beside the results, so on a disk and not in memory.
pub(crate) fn empty_folder(name: &str) -> anyhow::Result<PathBuf> {
    let folder = target_dir()?.join("bench-data").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

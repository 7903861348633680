//! Where a figure was measured, and of what.

use anyhow::{Context, ensure};
use api::Clock;
use serde::{Deserialize, Serialize};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    pub processor: String,
    pub cores: usize,
    pub memory_mib: u64,
    pub kernel: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Versions {
    /// Of the run, in UTC.
    pub date: String,
    /// What was measured and what with, as `git rev-parse HEAD:shared` names it: such names outlive a commit that is squashed.
    pub sources: String,
    pub rustc: String,
}

impl Machine {
    pub(crate) fn here() -> anyhow::Result<Machine> {
        let processors = fs::read_to_string("/proc/cpuinfo")?;
        let memory = fs::read_to_string("/proc/meminfo")?;
        let memory = value(&memory, "MemTotal").context("no MemTotal")?;
        let kib: u64 = memory.trim_end_matches(" kB").parse()?;
        Ok(Machine {
            processor: value(&processors, "model name")
                .unwrap_or("unknown")
                .to_owned(),
            cores: thread::available_parallelism()?.get(),
            memory_mib: kib / 1024,
            kernel: said(Command::new("uname").arg("-r"))?,
        })
    }
}

impl Versions {
    pub(crate) fn here() -> anyhow::Result<Versions> {
        let git =
            |arguments: &[&str]| said(Command::new("git").current_dir(root()).args(arguments));
        let sources = [
            "functions",
            "shared",
            "infra/bench/examples",
            "infra/bench/peers",
            "infra/bench/src",
            "infra/local",
            "Cargo.toml",
            "Cargo.lock",
        ]
        .map(|folder| {
            let tree = git(&["rev-parse", "--short=12", &format!("HEAD:{folder}")])?;
            anyhow::Ok(format!("{folder} {tree}"))
        });
        let sources = sources.into_iter().collect::<Result<Vec<_>, _>>()?;
        // The results themselves are written by the run.
        let changed = git(&[
            "status",
            "--porcelain",
            "--",
            ".",
            ":!infra/bench/results.*",
            ":!infra/bench/chart.svg",
        ])?;
        let changed = if changed.is_empty() { "" } else { ", changed" };
        Ok(Versions {
            date: Clock::system().now().to_string(),
            sources: format!("{}{changed}", sources.join(", ")),
            rustc: said_of_rustc()?,
        })
    }
}

pub(crate) fn said_of_rustc() -> anyhow::Result<String> {
    said(Command::new("rustc").current_dir(root()).arg("--version"))
}

/// The value of `name : value` in one of /proc's files.
pub(crate) fn value<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    lines
        .find(|(found, _)| found.trim() == name)
        .map(|(_, value)| value.trim())
}

/// What a command says on standard output.
pub(crate) fn said(command: &mut Command) -> anyhow::Result<String> {
    let output = command
        .output()
        .with_context(|| format!("{command:?} can't be run"))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// The workspace.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Where Cargo has put this program, under `<target>/<profile>`.
pub fn target_dir() -> anyhow::Result<PathBuf> {
    let program = env::current_exe()?;
    let folder = program
        .ancestors()
        .find(|folder| folder.join(".rustc_info.json").exists());
    Ok(folder
        .context("not run from a target directory")?
        .to_owned())
}

#[expect(clippy::print_stdout, reason = "a command's progress and results")]
pub fn say(text: impl AsRef<str>) {
    println!("{}", text.as_ref());
}

//! What one subcommand has measured, kept until the report.

use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::{fmt::Display, fs, path::PathBuf};

use crate::{
    figure::{Figure, Rival},
    machine::{Machine, Versions, say, target_dir},
};

/// The figures of one run of one part, with where and of what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    pub name: String,
    pub machine: Machine,
    pub versions: Versions,
    pub figures: Vec<Figure>,
    #[serde(default)]
    pub rivals: Vec<Rival>,
    /// What and why: peers that are missing, figures that this machine doesn't allow, or all of a part that failed.
    #[serde(default)]
    pub not_measured: Vec<String>,
}

impl Part {
    pub fn new(name: &str) -> anyhow::Result<Part> {
        Ok(Part {
            name: name.to_owned(),
            machine: Machine::here()?,
            versions: Versions::here()?,
            figures: Vec::new(),
            rivals: Vec::new(),
            not_measured: Vec::new(),
        })
    }

    /// One without a figure, in place of what an earlier run has left.
    pub fn failed(name: &str, error: &anyhow::Error) -> anyhow::Result<Part> {
        let mut part = Part::new(name)?;
        part.skip(format!("the part `{name}`"), format!("{error:#}"));
        Ok(part)
    }

    pub(crate) fn skip(&mut self, what: impl Display, why: impl Display) {
        let skipped = format!("{what}: {why}");
        say(&skipped);
        self.not_measured.push(skipped);
    }

    /// A peer that isn't there.
    pub(crate) fn skip_peer(&mut self, name: &str) {
        self.skip(name, "not installed; infra/bench/peers/install.sh says how");
    }

    /// Writes it where the report looks for it.
    pub fn write(&self) -> anyhow::Result<PathBuf> {
        let folder = folder()?;
        fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{}.json", self.name));
        fs::write(&path, serde_json::to_string_pretty(self)? + "\n")
            .with_context(|| path.display().to_string())?;
        Ok(path)
    }

    /// Every part that was measured, by name.
    pub(crate) fn read_all() -> anyhow::Result<Vec<Part>> {
        let folder = folder()?;
        let mut parts = Vec::new();
        let entries = fs::read_dir(&folder);
        for entry in entries.with_context(|| format!("nothing in {}", folder.display()))? {
            let path = entry?.path();
            if path.extension().is_some_and(|kind| kind == "json") {
                let text = fs::read_to_string(&path)?;
                let part = serde_json::from_str(&text);
                parts.push(part.with_context(|| path.display().to_string())?);
            }
        }
        parts.sort_by(|one: &Part, other| one.name.cmp(&other.name));
        Ok(parts)
    }
}

fn folder() -> anyhow::Result<PathBuf> {
    Ok(target_dir()?.join("bench"))
}

//! Others that do the same job, where they are installed: `infra/bench/peers/install.sh` says how.

mod admission;
mod decision;
mod lambda;
pub(crate) mod store;

use anyhow::Context;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    machine::{root, said},
    part::Part,
};

pub use admission::admission;

/// Measures the part `peers`: others beside the authorizer.
pub fn peers() -> anyhow::Result<Part> {
    let mut part = Part::new("peers")?;
    let peers = Peers::installed()?;
    decision::measure(&peers, &mut part)?;
    lambda::measure(&peers, &mut part)?;
    Ok(part)
}

/// Those that are there.
#[derive(Debug)]
pub(crate) struct Peers {
    folders: BTreeMap<String, PathBuf>,
}

impl Peers {
    pub(crate) fn installed() -> anyhow::Result<Peers> {
        let list = said(
            Command::new("bash")
                .arg(root().join("infra/bench/peers/install.sh"))
                .arg("list"),
        )?;
        let lines = list.lines().filter_map(|line| line.split_once('\t'));
        Ok(Peers {
            folders: lines
                .map(|(name, folder)| (name.to_owned(), PathBuf::from(folder)))
                .collect(),
        })
    }

    pub(crate) fn folder(&self, name: &str) -> Option<&Path> {
        self.folders.get(name).map(PathBuf::as_path)
    }

    /// A command of the installed Node.
    pub(crate) fn node(&self) -> Option<Command> {
        Some(Command::new(self.folder("runtime")?.join("bin/node")))
    }

    /// What a Node script of a peer prints, as JSON; `None` where it is missing.
    pub(crate) fn script(&self, peer: &str, script: &str) -> anyhow::Result<Option<Value>> {
        let (Some(folder), Some(mut node)) = (self.folder(peer), self.node()) else {
            return Ok(None);
        };
        let text = said(node.current_dir(folder).arg(script))?;
        Ok(Some(serde_json::from_str(&text).context(text)?))
    }

    /// Of an npm package that the peer has.
    pub(crate) fn version(&self, peer: &str, package: &str) -> anyhow::Result<String> {
        let folder = self.folder(peer).context("not installed")?;
        let manifest = folder
            .join("node_modules")
            .join(package)
            .join("package.json");
        let text = fs::read_to_string(&manifest).with_context(|| manifest.display().to_string())?;
        let manifest: Value = serde_json::from_str(&text)?;
        Ok(manifest["version"]
            .as_str()
            .context("no version")?
            .to_owned())
    }
}

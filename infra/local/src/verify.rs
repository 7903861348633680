//! `verify`: checks a saved export, offline.

use anyhow::{Context, bail};
use clap::Args;
use serde::Deserialize;
use std::{
    fs::{self, File},
    io::BufReader,
    path::{Path, PathBuf},
};
use trail::{AuditKeys, OwnCheckpoint, read_checkpoints};

/// What is to be checked, and against what.
#[derive(Debug, Args)]
pub struct Verify {
    /// The export, as `/audit-events/export` answered
    file: PathBuf,
    /// Answers of `/audit-checkpoints`, saved one after another; may be given again
    #[arg(long, value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// Whether it is a fault that a checkpoint doesn't hold every event
    #[arg(long)]
    require_anchor: bool,
    /// The answer of `/.well-known/audit-keys`; without it, signatures are checked by the keys that they name
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

impl Verify {
    /// What holds, in a plain sentence.
    ///
    /// # Errors
    /// What doesn't, with the first bad seq.
    pub fn run(&self) -> anyhow::Result<String> {
        let keys = self.keys.as_deref().map(keys).transpose()?;
        let mut checkpoints = Vec::new();
        for path in &self.checkpoints {
            checkpoints.extend(saved(path)?);
        }
        let named = || self.file.display().to_string();
        let file = File::open(&self.file).with_context(named)?;
        let file = BufReader::with_capacity(1 << 20, file);
        let verified = trail::verify(file, &checkpoints, keys.as_ref())?;
        if self.require_anchor && !verified.is_anchored() {
            let anchored = verified.anchor.as_ref().map(|anchor| anchor.seq + 1);
            let seq = anchored.unwrap_or(verified.head.from_seq);
            bail!("not anchored from event {seq} on: {verified}");
        }
        let unknown = match keys {
            Some(_) => "",
            None => " Whether these are the published keys was not checked: --keys.",
        };
        Ok(format!("{verified}{unknown}"))
    }
}

fn keys(path: &Path) -> anyhow::Result<AuditKeys> {
    #[derive(Deserialize)]
    struct Answer {
        data: AuditKeys,
    }
    let named = || path.display().to_string();
    let text = fs::read_to_string(path).with_context(named)?;
    let answer: Answer = serde_json::from_str(&text).with_context(named)?;
    Ok(answer.data)
}

fn saved(path: &Path) -> anyhow::Result<Vec<OwnCheckpoint>> {
    let named = || path.display().to_string();
    let text = fs::read_to_string(path).with_context(named)?;
    read_checkpoints(&text).with_context(named)
}

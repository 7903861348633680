//! Writes both documents, or says which committed one is stale.

use anyhow::{Context, bail};
use clap::Parser;
use std::fs;

/// Generates infra/openapi.json and infra/gateway.json from the route table and the model.
#[derive(Parser)]
struct Arguments {
    /// Write nothing; fail if a committed file differs from what would be written.
    #[arg(long)]
    check: bool,
}

fn main() -> anyhow::Result<()> {
    let Arguments { check } = Arguments::parse();
    for (path, text) in spec::documents() {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !check {
            fs::write(&path, text).with_context(|| format!("infra/{name} can't be written"))?;
        } else if fs::read_to_string(&path).ok().as_deref() != Some(text.as_str()) {
            bail!("infra/{name} is stale: run `cargo run -p spec` and commit the result");
        }
    }
    Ok(())
}

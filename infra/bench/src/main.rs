//! `cargo run --release -p bench`: measures, and writes the table.

use bench::{report, say};
use clap::{Parser, Subcommand};

/// Measures the product beside floors and peers, on this machine.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Merge what the parts have measured into infra/bench/results.md and results.json
    Report,
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Report => say(report()?),
    }
    Ok(())
}

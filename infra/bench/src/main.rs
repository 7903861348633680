//! `cargo run --release -p bench -- all`: measures, and writes the table.

use bench::{Part, authorizer, faults, freeze, gate, report, say};
use clap::{Parser, Subcommand};
use std::time::Duration;

/// Measures the product beside floors and peers, on this machine.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The authorizer beside the floors: start, warm calls, instructions, store calls, memory, size
    Authorizer,
    /// Processes that are frozen between invocations, and lose their connections meanwhile
    Freeze {
        #[arg(long, default_value_t = 1_000)]
        thaws: u64,
        /// Of the longest freeze
        #[arg(long, default_value_t = 120)]
        seconds: u64,
    },
    /// Faults at every store call of the authorizer, through TLS
    Faults,
    /// Compare what is exact with infra/bench/gate.json
    Gate {
        /// Write that file instead
        #[arg(long)]
        bless: bool,
    },
    /// Merge what the parts have measured into infra/bench/results.md and results.json
    Report,
    /// Every part, and the report
    All,
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Authorizer => keep(authorizer()?),
        Command::Freeze { thaws, seconds } => keep(freeze(thaws, Duration::from_secs(seconds))?),
        Command::Faults => keep(faults()?),
        Command::Gate { bless } => gate(bless),
        Command::Report => {
            say(report()?);
            Ok(())
        }
        Command::All => all(),
    }
}

fn all() -> anyhow::Result<()> {
    keep(authorizer()?)?;
    keep(freeze(1_000, Duration::from_secs(120))?)?;
    keep(faults()?)?;
    say(report()?);
    Ok(())
}

fn keep(part: Part) -> anyhow::Result<()> {
    let path = part.write()?;
    say(format!("{}: {}", part.name, path.display()));
    Ok(())
}

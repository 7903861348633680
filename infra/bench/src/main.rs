//! `cargo run --release -p bench -- all`: measures, and writes the table.

use anyhow::ensure;
use bench::{
    PARTS, Part, admission, authorizer, changes, faults, freeze, gate, gateway, growth, lists,
    peers, report, say, trail,
};
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
    /// Others beside the authorizer: Better Auth, Cedar, boto3, the Node SDK; infra/bench/peers/install.sh installs them
    Peers,
    /// The local system over a socket, beside the bare store, nginx and serverless-offline
    Gateway,
    /// Its hundred-thousandth request against its thousandth
    Growth,
    /// Its lists of a company with 100,000 jobs against one with 100
    Lists,
    /// What passes a limit that many meet at once, beside nginx and Better Auth
    Admission,
    /// The audit consumer and `verify`
    Trail,
    /// What is accepted after a change was acknowledged
    Changes,
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
        Command::Peers => keep(peers()?),
        Command::Gateway => keep(gateway()?),
        Command::Growth => keep(growth()?),
        Command::Lists => keep(lists()?),
        Command::Admission => keep(admission()?),
        Command::Trail => keep(trail()?),
        Command::Changes => keep(changes()?),
        Command::Gate { bless } => gate(bless),
        Command::Report => {
            say(report()?);
            Ok(())
        }
        Command::All => all(),
    }
}

/// # Errors
/// A part has failed; the report says so, and has all the others.
fn all() -> anyhow::Result<()> {
    let mut failed = Vec::new();
    for (name, measure) in PARTS {
        let part = measure().or_else(|error| {
            failed.push(name);
            Part::failed(name, &error)
        });
        keep(part?)?;
    }
    say(report()?);
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

fn keep(part: Part) -> anyhow::Result<()> {
    let path = part.write()?;
    say(format!("{}: {}", part.name, path.display()));
    Ok(())
}

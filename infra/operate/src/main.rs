//! `operate`: what whoever runs a stack does to it by hand. It finds the stack as the functions do, by their environment.

use anyhow::Context;
use clap::{Parser, Subcommand, ValueEnum};
use operate::{Secret, Step};
use runtime::{Needs, SecretPlace};

/// Operates the stack whose tables and secrets the environment names, as it does for the functions.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fills or rotates a master secret
    Secret {
        secret: SecretName,
        #[command(subcommand)]
        step: SecretStep,
    },
    /// Brings a restored table of keys up to the audit chains
    Replay,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SecretName {
    /// What mints and verifies API keys
    Keys,
    /// What seals cursors and makes the tokens of invitations
    Cursors,
    /// What names the dashboard's sessions and proves its forms
    Sessions,
}

#[derive(Debug, Subcommand)]
enum SecretStep {
    /// Gives a new stack its first generation
    Fill,
    /// Adds a generation that all verify and none uses yet
    Stage,
    /// Uses a staged generation for what is new
    Activate { generation: u32 },
    /// Forgets a generation that nothing live was made under
    Retire { generation: u32 },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let app = runtime::start(Needs::default()).await?;
    let said = match Arguments::parse().command {
        Command::Replay => operate::replay(&app).await?,
        Command::Secret { secret, step } => {
            let (secret, variable) = match secret {
                SecretName::Keys => (Secret::Keys, "KEYS_SECRET"),
                SecretName::Cursors => (Secret::Cursors, "CURSOR_SECRET"),
                SecretName::Sessions => (Secret::Sessions, "SESSION_SECRET"),
            };
            let step = match step {
                SecretStep::Fill => None,
                SecretStep::Stage => Some(Step::Stage),
                SecretStep::Activate { generation } => Some(Step::Activate(generation)),
                SecretStep::Retire { generation } => Some(Step::Retire(generation)),
            };
            let place = SecretPlace::find(variable)?;
            match step {
                None => {
                    place.fill(&operate::first(&app)).await?;
                    "generation 1 is active".to_owned()
                }
                Some(step) => {
                    let mut read = place.read().await?;
                    let said = operate::take(&app, secret, &mut read.document, step).await?;
                    let replaced = place.replace(read).await;
                    replaced.context("nothing was changed")?;
                    said
                }
            }
        }
    };
    say(&said);
    Ok(())
}

#[expect(
    clippy::print_stdout,
    reason = "what the user is told goes to standard output"
)]
fn say(said: &str) {
    println!("{}", said.trim_end());
}

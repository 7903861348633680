//! `operate`: what whoever runs a stack does to it by hand. It finds the stack as the functions do, by their environment.

use anyhow::Context;
use clap::{Args, Parser, Subcommand, ValueEnum};
use operate::{Person, Secret, Step};
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
    /// Says who administers InstaView
    Administrator {
        #[command(subcommand)]
        step: AdministratorStep,
    },
    /// Brings a restored table of keys up to the audit chains
    Replay,
}

#[derive(Debug, Subcommand)]
enum AdministratorStep {
    /// Makes a person an administrator, or a former one again
    Create {
        #[command(flatten)]
        person: PersonArguments,
        /// What the person is called in lists
        #[arg(long)]
        email: String,
    },
    /// Ends it: the next request is refused
    End {
        #[command(flatten)]
        person: PersonArguments,
    },
}

#[derive(Debug, Args)]
struct PersonArguments {
    /// The `iss` of the person's tokens, such as the stack's output Issuer
    #[arg(long)]
    issuer: String,
    /// Their `sub`
    #[arg(long)]
    subject: String,
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
    // Before the environment: `--help` and a typing error need no stack.
    let arguments = Arguments::parse();
    let needs = Needs {
        patience: true,
        ..Needs::default()
    };
    let app = runtime::start(needs).await?;
    let said = match arguments.command {
        Command::Replay => return operate::replay(&app, say).await,
        Command::Administrator { step } => match step {
            AdministratorStep::Create { person, email } => {
                operate::create_administrator(&app, &person.into(), &email).await?
            }
            AdministratorStep::End { person } => {
                operate::end_administrator(&app, &person.into()).await?
            }
        },
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
                None if place.read().await.is_ok() => "it is filled already".to_owned(),
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

impl From<PersonArguments> for Person {
    fn from(arguments: PersonArguments) -> Person {
        let PersonArguments { issuer, subject } = arguments;
        Person { issuer, subject }
    }
}

#[expect(
    clippy::print_stdout,
    reason = "what the user is told goes to standard output"
)]
fn say(said: &str) {
    println!("{}", said.trim_end());
}

//! `cargo run`: the product on this machine, from an empty directory to a working key.

use anyhow::{Context, bail};
use audit::Redriven;
use clap::{Parser, Subcommand};
use local::seed::FEWEST_REQUESTS;
use local::{DataDir, Facts, InvokeEndpoint, Options, Site, System, Verify};
use model::RateLimit;
use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    process::ExitCode,
};
use tokio::{signal::unix, sync::watch};
use tracing::{Level, level_filters::LevelFilter};
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};
use url::Url;

/// The embedded tables are JSON in and out, on all cores: under load half of the time went into the C library's locks on its heap.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs the whole InstaView API on this machine.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Port of the API; sign-in and DynamoDB listen on the next two. 0 takes any that are free
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Where everything is kept, secrets included
    #[arg(long, default_value = ".instaview", global = true)]
    data_dir: PathBuf,
    /// Keep nothing
    #[arg(long, conflicts_with_all = ["data_dir", "invoke_url"])]
    ephemeral: bool,
    /// Write addresses and credentials there as well, as JSON that only you can read
    #[arg(long)]
    info_file: Option<PathBuf>,
    /// At a first start: put Acme on ENTERPRISE with these limits; below 100 it gets a few jobs and nothing else
    #[arg(long, value_name = "PER_MINUTE/PER_HOUR", value_parser = rate_limit)]
    demo_rate_limit: Option<RateLimit>,
    /// Send the functions' events to this Lambda Invoke endpoint, as `cargo lambda watch` offers one
    #[arg(long, value_name = "URL")]
    invoke_url: Option<Url>,
    /// How much the product's own crates log: error, warn, info, debug, trace
    #[arg(long, default_value_t = Level::INFO)]
    log_level: Level,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check a saved export of audit events, offline
    Verify(Verify),
    /// Compare each key's counter with its events and its usage; exit 1 where they differ
    Reconcile,
    /// Append stream records that could not be read when they came, and can be now; the local system must not be running
    Redrive,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    log(arguments.log_level);
    match &arguments.command {
        Some(Command::Verify(verify)) => {
            say(&verify.run()?);
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Reconcile) => local::reconcile(&arguments.data_dir).await,
        Some(Command::Redrive) => {
            redrive(&arguments.data_dir).await?;
            Ok(ExitCode::SUCCESS)
        }
        None => serve(arguments).await.map(|()| ExitCode::SUCCESS),
    }
}

async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    // Before the first socket: a signal during the start must stop it too.
    let (stop, stopped) = watch::channel(false);
    let mut interrupt = unix::signal(unix::SignalKind::interrupt())?;
    let mut terminate = unix::signal(unix::SignalKind::terminate())?;
    let signalled = async {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    };
    let site = Site::start(Options {
        port: arguments.port,
        data_dir: (!arguments.ephemeral).then_some(arguments.data_dir),
        info_file: arguments.info_file,
        demo_rate_limit: arguments.demo_rate_limit,
        invoke: arguments.invoke_url.map(InvokeEndpoint::new).transpose()?,
    })
    .await?;
    banner(site.facts());
    let serving = tokio::spawn(site.serve(stopped));
    signalled.await;
    tracing::info!("stopping");
    stop.send_replace(true);
    serving.await.context("the listeners failed")?
}

async fn redrive(data_dir: &Path) -> anyhow::Result<()> {
    let system = System::builder().data_dir(DataDir::existing(data_dir)?);
    let system = system.start().await?;
    let Redriven {
        taken,
        unreadable,
        failed,
        next: _,
    } = system.redrive().await?;
    say(&format!(
        "{taken} records stand in the chains, {unreadable} can't be read yet."
    ));
    if failed > 0 {
        bail!("{failed} records were not taken: run it again");
    }
    Ok(())
}

#[expect(
    clippy::print_stdout,
    reason = "what the user is told goes to standard output, and logs don't"
)]
fn say(text: &str) {
    println!("{text}");
}

fn banner(facts: &Facts) {
    let Facts {
        api_url,
        issuer_url,
        dynamodb_url,
        ..
    } = facts;
    let key = facts.demo_key.as_deref().unwrap_or_default();
    say(&format!(
        "InstaView API   {api_url}
documentation   {api_url}/docs
sign-in         {issuer_url}
DynamoDB        {dynamodb_url}
demo key        {key}

  curl {api_url}/jobs -H 'Authorization: Bearer {key}'
"
    ));
}

/// Our crates at the level, everything else at WARN: at TRACE the others print bodies and credentials.
fn log(level: Level) {
    const OURS: [&str; 23] = [
        "agents",
        "api",
        "audit",
        "audit_export",
        "audit_log",
        "auth",
        "authorizer",
        "billing",
        "candidates",
        "checkpoint",
        "companies",
        "dashboard",
        "embedded",
        "interview_events",
        "interviews",
        "jobs",
        "keys",
        "local",
        "model",
        "routes",
        "store",
        "trail",
        "worker",
    ];
    let level = LevelFilter::from_level(level);
    let targets = Targets::new().with_default(LevelFilter::WARN.min(level));
    let targets = targets.with_targets(OURS.map(|name| (name, level)));
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    tracing_subscriber::registry()
        .with(lines)
        .with(targets)
        .init();
}

fn rate_limit(text: &str) -> anyhow::Result<RateLimit> {
    let (per_minute, per_hour) = text
        .split_once('/')
        .context("write it as PER_MINUTE/PER_HOUR")?;
    let per_minute: u32 = per_minute.parse()?;
    let limit = RateLimit {
        per_minute,
        per_hour: per_hour.parse()?,
        // As high as may be: the minute is what was asked for.
        per_second: (per_minute > 600).then_some(500),
    };
    if !limit.is_valid() || per_minute.min(limit.per_hour) < FEWEST_REQUESTS {
        bail!("5 to 30000 a minute, and at least 5 an hour");
    }
    Ok(limit)
}

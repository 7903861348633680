//! JSON lines on standard output. The level moves our crates only.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

/// Whether the runtime's own line for a failed invocation is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuntimeErrors {
    Kept,
    /// For the authorizer, whose every 401 is a failed invocation; it logs its faults itself.
    Dropped,
}

/// `LOG_LEVEL` is a level's name; absent or unknown is INFO.
pub fn start_log(errors: RuntimeErrors) {
    let level = super::optional("LOG_LEVEL")
        .and_then(|text| text.parse().ok())
        .unwrap_or(LevelFilter::INFO);
    let ours = [
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
        "interview_events",
        "interviews",
        "jobs",
        "keys",
        "model",
        "routes",
        "runtime",
        "store",
        "trail",
        "worker",
    ];
    // Others print credentials and bodies at TRACE, so that they are capped here and not by a parameter.
    let runtime = match errors {
        RuntimeErrors::Kept => LevelFilter::INFO,
        RuntimeErrors::Dropped => LevelFilter::OFF,
    };
    let targets = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("lambda_runtime", runtime)
        .with_targets(ours.map(|target| (target, level)));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false);
    // A second subscriber in the same process would be our mistake, and no reason not to serve.
    let _ = tracing_subscriber::registry()
        .with(targets)
        .with(lines)
        .try_init();
}

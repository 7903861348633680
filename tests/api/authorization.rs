//! Whether a request may pass: changes that take effect at once, exact limits, lost answers, what it all costs.
//!
//! Most of it drives the authorizer alone, because what happens behind it is other tests' business.

#![expect(
    clippy::print_stdout,
    reason = "seeds and figures, for whoever has to repeat a run"
)]

mod changes;
mod costs;
mod counters;
mod dead_secrets;
mod denials;
mod fairness;
mod growth;
mod limits;
mod lost_answers;
mod memberships;
mod outage;
mod process;
mod restored;
mod rotating;
mod rotation;

use process::dead_secret;
pub(crate) use process::{GET_JOB, Process};

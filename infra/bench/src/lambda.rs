//! Lambda as a bootstrap meets it: an execution environment with a Runtime API of its own.
//!
//! Any command that speaks the Runtime API can be run; several environments are several values.

mod environment;
mod http1;
mod processor;
mod runtime_api;

pub use environment::{Bootstrap, Environment, Invocation, Outcome, Usage};
pub use processor::{CpuShare, pin};

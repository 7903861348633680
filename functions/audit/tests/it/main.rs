//! The consumer on real tables and their streams.

#![expect(
    clippy::disallowed_methods,
    reason = "the world makes what requests can't, and sees what they don't; speed is measured"
)]

#[expect(clippy::print_stdout, reason = "the bench takes its figures from here")]
mod capacity;
mod delivery;
mod redriven;
mod simulated;
mod told;
mod world;

//! The consumer on real tables and their streams.

mod delivery;
mod redriven;
#[expect(
    clippy::disallowed_methods,
    reason = "speed is measured, and an operator's command is asked"
)]
mod simulated;
mod told;
#[expect(
    clippy::disallowed_methods,
    reason = "the world makes what requests can't"
)]
mod world;

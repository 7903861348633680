//! The consumer on real tables and their streams.

mod delivery;
mod redriven;
mod simulated;
mod told;
mod world;

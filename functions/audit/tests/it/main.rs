//! The consumer on real tables and their streams.

mod delivery;
mod simulated;
mod told;
mod world;

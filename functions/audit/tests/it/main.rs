//! The consumer on real tables and their streams.

mod delivery;
mod redriven;
mod told;
mod world;

//! The consumer on real tables and their streams.

mod delivery;
mod told;
mod world;

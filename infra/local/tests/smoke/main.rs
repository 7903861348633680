//! The real binary over its sockets: what a user starts, and what else on the machine can reach it.

mod client;
mod kill;
mod loopback;
mod overload;
mod process;
mod readme;
mod reconcile;
mod secrets;
mod story;
mod upgrade;

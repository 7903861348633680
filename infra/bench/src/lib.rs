//! The benchmark harness: what the product costs, beside floors and peers, on the machine that it runs on.
//!
//! Owns the likenesses of Lambda's Runtime API and of DynamoDB's endpoint, and the table of results.
//! Invariant: a figure is measured when it is printed, and compared only with what the same run has measured; the product runs as it is deployed, in processes of its own.
//! Knows nothing of what a function decides: it asks the release binaries.

mod authorizer;
pub mod callgrind;
mod chart;
mod decision;
mod exact;
mod faults;
mod figure;
mod freeze;
pub mod front;
mod gate;
mod gateway;
pub mod lambda;
mod load;
mod long;
mod machine;
mod part;
mod peers;
pub mod product;
mod report;
mod sample;
mod stage;
mod world;

pub use authorizer::authorizer;
pub use faults::faults;
pub use figure::{Better, Figure, Limit, Rival};
pub use freeze::freeze;
pub use gate::gate;
pub use gateway::{gateway, growth, lists};
pub use long::{changes, trail};
pub use machine::{Machine, Versions, root, say, target_dir};
pub use part::Part;
pub use peers::{admission, peers};
pub use report::{PARTS, report};
pub use sample::Sample;
pub use stage::Stage;
pub use world::{Decided, Events, Keys, World};

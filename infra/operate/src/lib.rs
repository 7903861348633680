//! What whoever runs a stack does to it by hand: rotating its master secrets, and bringing a restored table up to its chains.
//!
//! Invariant: every command may be given twice.
//! Knows nothing of HTTP, or of where the stack runs.

mod restored;
mod secret;

pub use restored::replay;
pub use secret::{Secret, Step, first, take};

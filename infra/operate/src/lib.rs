//! What whoever runs a stack does to it by hand: naming its administrators, rotating its master secrets, and bringing a restored table up to its chains.
//!
//! Invariant: every command may be given twice.
//! Knows nothing of HTTP, or of where the stack runs.

mod administrator;
mod restored;
mod secret;

pub use administrator::{Person, create_administrator, end_administrator};
pub use restored::replay;
pub use secret::{Secret, Step, first, take};

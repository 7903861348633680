//! The trail as its owner checks it: export, checkpoints, keys.

mod checkpoints;
pub(crate) mod export;

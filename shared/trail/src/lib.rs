//! What lets an owner check its audit trail by itself: signed exports, checkpoints, inclusion proofs, and the check of them.
//!
//! Invariant: everything that is signed is signed as a prefix of its own and RFC 8785, so that no signature fits two things.
//! Knows nothing of tables, HTTP, the clock or where keys are kept: whoever signs hands in a signature.

mod checkpoint;
mod export;
mod line;
mod seal;
mod verify;

pub use checkpoint::{
    Checkpoint, Heads, Inclusion, OwnCheckpoint, OwnedHead, SignedCheckpoint, StoredCheckpoint,
};
pub use export::{ExportHead, SignedHead};
pub use line::{Line, Malformed};
pub use seal::{
    Algorithm, AuditKey, AuditKeys, BadSeal, KeyUse, PublicKey, Seal, Signature, SigningKey,
};
pub use verify::{Anchor, Fault, Unverified, Verified, read_checkpoints, verify};

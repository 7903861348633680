//! The check of exports, as an auditor meets it.

mod lines;
mod made;
#[cfg(feature = "long")]
mod speed;
mod tampering;
mod verified;

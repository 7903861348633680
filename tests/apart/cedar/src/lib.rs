//! A second opinion on scopes: the `cedar-policy` crate, a policy engine that knows nothing of ours.
//!
//! Knows nothing of addresses, limits or states; those are the naive model's.

#[cfg(test)]
mod tests;

//! `/companies`

mod fields;
mod own;
mod partners;

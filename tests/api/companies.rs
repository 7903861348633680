//! `/companies`

mod own;
mod partners;

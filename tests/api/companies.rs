//! `/companies`

mod own;

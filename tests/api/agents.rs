//! `/agents`

mod fields;
mod pages;

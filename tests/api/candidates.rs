//! `/candidates`

mod fields;
mod lists;
mod races;
mod relations;

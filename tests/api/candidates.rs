//! `/candidates`

mod fields;
mod lists;
mod races;
mod relations;

pub(crate) use lists::CANDIDATES;

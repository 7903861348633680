//! `/agents`

mod fields;

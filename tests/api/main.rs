//! The product's rules, each as a person or a key meets it. Folders mirror URLs; matrices are generated from the route table.

mod access;
mod agents;
mod api_keys;
mod architecture;
mod authorization;
mod candidates;
mod companies;
mod fields;
mod isolation;
mod jobs;
mod lists;
mod requests;
mod resources;
mod worker;

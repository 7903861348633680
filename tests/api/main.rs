//! The product's rules, each as a person or a key meets it. Folders mirror URLs; matrices are generated from the route table.

mod access;
mod api_keys;
mod architecture;
mod authorization;
mod companies;
mod isolation;
mod jobs;
mod requests;

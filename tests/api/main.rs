//! The product's rules, each as a person or a key meets it. Folders mirror URLs; matrices are generated from the route table.

mod access;
mod administrators;
mod agents;
mod alerts;
mod api_keys;
mod architecture;
mod authorization;
mod bad_input;
mod billing;
mod candidates;
mod companies;
mod dashboard;
mod faults;
mod fields;
mod interviews;
mod isolation;
mod jobs;
mod lists;
mod members;
mod notices;
mod one_winner;
mod requests;
mod resources;
mod trail;
mod upgrade;
mod worker;

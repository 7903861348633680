//! Stories of people at the dashboard, and the proof that those who tell them would notice.

mod dashboard;
mod harness;
mod pages;

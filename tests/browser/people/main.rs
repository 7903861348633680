//! Stories of people at the dashboard, and the proof that those who tell them would notice.

mod dashboard;
mod fences;
mod harness;
mod pages;
mod taking;

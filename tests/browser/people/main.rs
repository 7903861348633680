//! Stories of people at the dashboard, and the proof that those who tell them would notice.

mod fences;
mod harness;
mod looks;
mod pages;
mod roles;
mod story;
mod taking;

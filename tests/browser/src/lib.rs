//! People at a browser: real Chromium, driven over WebDriver, on the real `local` binary.
//!
//! A [`Browser`] does what a person can do: it sees text, and finds what it clicks and fills by the name that assistive technology tells (`computedlabel`), never by a class or an id.
//! It knows nothing of the product's crates: what it knows are addresses, and what is written on pages.
//! Everything is behind the feature `browser`, so that `cargo test` needs no Chromium; `tests/browser.sh` runs it.
#![cfg(feature = "browser")]

mod axe;
mod driver;
mod finding;
mod hands;
mod http;
mod inspection;
mod keyboard;
mod person;
mod site;
mod waiting;

pub use http::Answer;
pub use person::Browser;
pub use site::Site;
pub use thirtyfour::Key;

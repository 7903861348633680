//! The wire: how an event becomes a call, and an outcome becomes a response.
//!
//! Invariant: a handler is a function of [`Call`], which holds an [`Accepted`], which only [`respond`] makes, after scope, role and verdict are checked; every response leaves through it, with its envelope, headers and one log line.
//! Time is read by [`Clock`] alone, randomness by [`Entropy`] alone.
//! Knows nothing of what an operation does, of AWS clients or of the environment.

mod accepted;
mod app;
mod body;
mod bus;
mod call;
mod change;
mod code;
mod error;
mod input;
mod issuer;
mod mail;
mod objects;
mod once;
mod page;
mod reloading;
mod reply;
mod resource;
mod respond;
mod sign_in;
mod signer;
mod streamed;

pub use accepted::Accepted;
pub use app::{App, Clock, Entropy};
pub use bus::{Bus, BusEvent, NotPut, Put};
pub use call::{Call, request_id};
pub use change::{IfMatch, retried};
pub use code::Code;
pub use error::{ApiError, ConflictReason, ErrorBody};
pub use input::{Input, path_parameter};
pub use issuer::{TrustedIssuer, Unbelieved};
pub use mail::{Mail, MailNotTaken, Mailer, Send};
pub use objects::{Get, List, NotReached, Objects, PutNew};
pub use once::Once;
pub use page::{Page, PageRequest, Pagination};
pub use reloading::{NotReadAgain, Reloading, Source};
pub use reply::{Envelope, Reply};
pub use resource::found;
pub use respond::{chain, respond, respond_streamed};
pub use sign_in::{DashboardUrl, HttpAnswer, HttpCall, HttpFailed, InvalidDashboardUrl, SignIn};
pub use signer::{NotSigned, Sign, Signer};
pub use streamed::{Bytes, Cut, Streamed, StreamedBody, whole};

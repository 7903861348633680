//! The whole product on one machine: what AWS is to the deployed stack.
//!
//! Owns API Gateway's, Lambda's, the streams' and the sign-in's local likenesses, and the routes that exist here alone (`/docs`, `/openapi.json`, `/dev/…`).
//! Invariant: nothing is kinder than AWS, and loopback is not trusted.
//! Knows nothing of what a function decides or does: it hands over the events that AWS would.

mod bus;
mod connections;
mod data_dir;
mod docs;
mod dynamodb;
mod facts;
mod functions;
mod gateway;
mod html;
mod issuer;
mod listener;
mod loopback;
mod message;
mod notary;
mod outbox;
mod pump;
mod reconcile;
mod secrets;
pub mod seed;
mod site;
mod system;
mod tables;
mod verify;

pub use bus::{Bus, Failure, Published};
pub use data_dir::DataDir;
pub use dynamodb::DynamoDb;
pub use facts::{Facts, NamedCompany, NamedPartner, User};
pub use functions::{InvokeEndpoint, call, call_streamed};
pub use gateway::Gateway;
pub use issuer::{CLIENT_ID, Issuer, PASSWORD, Tokens};
pub use listener::Listener;
pub use loopback::guard;
pub use message::{HttpRequest, HttpResponse, StreamedResponse};
pub use outbox::{Letter, Outbox};
pub use reconcile::reconcile;
pub use site::{Options, Site};
pub use system::{System, SystemBuilder};
pub use verify::Verify;

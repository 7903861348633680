//! The dashboard's pages, as somebody at a browser meets them.

mod administrators;
mod invitations;
mod members;
mod partners;
mod visitor;

//! stub
#[derive(Debug)]
pub struct Appended;
#[derive(Debug)]
pub struct AuditChain;
#[derive(Debug)]
pub struct EventFilter;
#[derive(Debug)]
pub struct EventPage;
#[derive(Debug)]
pub struct Head;

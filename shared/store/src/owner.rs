//! What companies and partners have alike: keys, denials, a chain, kept answers.

use model::Owner;
use std::fmt::Display;

use crate::{
    Table,
    item::{Item, key},
};

/// Access to the rows of one owner and of no other.
#[derive(Debug, Clone)]
pub struct OwnerStore {
    pub(crate) table: Table,
    owner: Owner,
}

/// The principal acts for no company and no partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the principal acts for nobody")]
pub struct NoOwner;

impl OwnerStore {
    pub(crate) fn new(table: Table, owner: Owner) -> OwnerStore {
        OwnerStore { table, owner }
    }

    pub fn owner(&self) -> Owner {
        self.owner
    }

    /// The key of one of the owner's rows in `records`.
    pub(crate) fn key(&self, sk: impl Display) -> Item {
        key(self.owner, sk)
    }
}

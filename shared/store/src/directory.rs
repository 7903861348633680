//! Lists of all companies and of all partners, for administrators: rows in the system's own partition, written with what they list.

use aws_sdk_dynamodb::types::{Delete, Update};
use model::{CompanyId, ObjectId, Owner, PartnerId, search_word};
use std::fmt::Display;

use crate::{
    StoreError, Table,
    item::{Item, item, key, n, s},
    transact::{Transaction, built, put_new},
};

/// One of the two lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Directory {
    Companies,
    Partners,
}

impl Directory {
    const fn entity(self) -> &'static str {
        match self {
            Directory::Companies => "company",
            Directory::Partners => "partner",
        }
    }

    /// What the sort keys of the whole list start with, newest first.
    pub(crate) fn all(self) -> String {
        format!("IX#{}#all#", self.entity())
    }

    /// What the sort keys of companies start with whose names start so.
    pub(crate) fn named(self, q: &str) -> String {
        format!("{}{}", self.names(), search_word(q, usize::MAX))
    }

    /// What no position among the names repeats.
    pub(crate) fn names(self) -> String {
        format!("IX#{}#q#", self.entity())
    }

    /// The row that counts the list.
    pub(crate) fn count(self) -> String {
        format!("COUNT#{}", self.entity())
    }

    /// No name holds a control character, so that where it ends is no part of what is searched for.
    fn name_row(self, name: &str, id: impl ObjectId) -> Item {
        listed(
            format_args!("{}\u{1}{}", self.named(name), id.newest_first()),
            id,
        )
    }
}

/// A row of a list; it names what it lists.
fn listed(sk: impl Display, id: impl Display) -> Item {
    let mut row = key(Owner::System, sk);
    row.extend(item([("entity", s("index")), ("id", s(id)), ("rev", n(1))]));
    row
}

impl Table {
    /// Adds a new company to the list.
    pub(crate) fn enter_company(
        &self,
        transaction: &mut Transaction,
        id: CompanyId,
        name: &str,
    ) -> Result<(), StoreError> {
        let list = Directory::Companies;
        self.enter(transaction, list, id)?;
        let named = list.name_row(name, id);
        transaction.put(put_new(&self.names.records, named)?);
        Ok(())
    }

    /// Adds a new partner to the list.
    pub(crate) fn enter_partner(
        &self,
        transaction: &mut Transaction,
        id: PartnerId,
    ) -> Result<(), StoreError> {
        self.enter(transaction, Directory::Partners, id)
    }

    fn enter(
        &self,
        transaction: &mut Transaction,
        list: Directory,
        id: impl ObjectId,
    ) -> Result<(), StoreError> {
        let row = listed(format_args!("{}{}", list.all(), id.newest_first()), id);
        transaction.put(put_new(&self.names.records, row)?);
        // Nothing leaves the lists: neither companies nor partners are ever deleted.
        let count = Update::builder()
            .table_name(&self.names.records)
            .set_key(Some(key(Owner::System, list.count())))
            .update_expression("ADD #all :one, #rev :one")
            .expression_attribute_names("#all", "every")
            .expression_attribute_names("#rev", "rev")
            .expression_attribute_values(":one", n(1))
            .build()
            .map_err(built)?;
        transaction.update(count);
        Ok(())
    }

    /// Lists a company under its new name, where it is another one to the search.
    pub(crate) fn rename_company(
        &self,
        transaction: &mut Transaction,
        id: CompanyId,
        old: &str,
        new: &str,
    ) -> Result<(), StoreError> {
        let list = Directory::Companies;
        if list.named(old) == list.named(new) {
            return Ok(());
        }
        let mut gone = list.name_row(old, id);
        gone.retain(|name, _| matches!(name.as_str(), "pk" | "sk"));
        let gone = Delete::builder()
            .table_name(&self.names.records)
            .set_key(Some(gone))
            .build()
            .map_err(built)?;
        transaction.delete(gone);
        let named = list.name_row(new, id);
        transaction.put(put_new(&self.names.records, named)?);
        Ok(())
    }
}

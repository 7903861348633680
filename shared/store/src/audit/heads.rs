//! Where all chains end, for checkpoints.
//!
//! A chain's first append puts a row into one partition, `CHAINS`: it is read strongly and page by page, holds one small row an owner however long the chains are, and is written once a chain, so that it is never hot. An index would be read late, and heads in one partition would make every append write there.

use aws_sdk_dynamodb::types::Update;
use model::Owner;

use super::{Head, head_key};
use crate::{
    StoreError, Table,
    item::{Item, Read, key, s},
    transact::built,
};

const CHAINS: &str = "CHAINS";

impl Table {
    /// Where every owner's chain ends: each one strongly, though not all at one instant.
    pub async fn list_heads(&self) -> Result<Vec<(Owner, Head)>, StoreError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.names.audit)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", s(CHAINS))
            .consistent_read(true)
            .into_paginator()
            .send();
        let mut heads = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(StoreError::from_sdk)?;
            let owners = page.items().iter().map(|row| row.parsed::<Owner>("sk"));
            let owners: Vec<Owner> = owners.collect::<Result<_, _>>()?;
            let keys: Vec<Item> = owners.into_iter().map(head_key).collect();
            for row in self.get_many(&self.names.audit, keys).await? {
                let owner = row.text("pk")?.strip_prefix("HEAD#");
                let owner = owner.and_then(|owner| owner.parse().ok());
                heads.push((owner.ok_or(StoreError::Corrupt("pk"))?, Head::read(&row)?));
            }
        }
        Ok(heads)
    }

    /// Puts the owner's chain into the list, where it may stand already.
    pub(super) fn listing(&self, owner: Owner) -> Result<Update, StoreError> {
        Update::builder()
            .table_name(&self.names.audit)
            .set_key(Some(key(CHAINS, owner)))
            .update_expression("SET #owner = :owner")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", s(owner))
            .build()
            .map_err(built)
    }
}

//! What a bearer may read of itself, whatever company it acts in.

use auth::{InvitationKeys, InvitationToken, KeyFacts, Principal, Who};
use model::{KeyState, Owner, PersonId};

use crate::{Invited, KeyRow, MemberRow, Stamp, StoreError, Table};

/// A bearer's own rows and no others.
#[derive(Debug, Clone)]
pub struct BearerStore {
    table: Table,
    who: Who,
}

impl Table {
    pub fn bearer(&self, principal: &Principal) -> BearerStore {
        BearerStore {
            table: self.clone(),
            who: principal.who().clone(),
        }
    }
}

impl BearerStore {
    /// The bearer's own row, strongly.
    ///
    /// # Errors
    /// `NotFound` for a person.
    pub async fn get_key(&self) -> Result<KeyRow, StoreError> {
        match &self.who {
            Who::Key { id, .. } => self.table.find_key(*id).await?.ok_or(StoreError::NotFound),
            Who::Person { .. } | Who::Administrator { .. } | Who::System => {
                Err(StoreError::NotFound)
            }
        }
    }

    /// Revokes the bearer, whoever's key it is.
    ///
    /// # Errors
    /// `Conflict` when it is no longer `row`.
    pub async fn revoke_key(&self, row: &KeyRow, stamp: &Stamp) -> Result<KeyRow, StoreError> {
        let change = row.becoming(row.fields(), KeyState::Revoked, stamp.at);
        let KeyFacts { owner, id, .. } = row.facts;
        let update = self.table.key_update(owner, id, &change, stamp)?;
        KeyRow::read(self.table.update_alone(update, stamp).await?)
    }

    /// The person who bears it; `None` for a key, and for whoever acts as an administrator.
    pub fn person(&self) -> Option<&PersonId> {
        match &self.who {
            Who::Person { id } => Some(id),
            Who::Key { .. } | Who::Administrator { .. } | Who::System => None,
        }
    }

    /// The invitation that the token opens, strongly, whatever became of it; `None` where it opens none.
    pub async fn find_invitation(
        &self,
        keys: &InvitationKeys,
        token: &InvitationToken,
    ) -> Result<Option<Invited>, StoreError> {
        Invited::find(&self.table, keys, token).await
    }

    /// The bearer's membership there, strongly; one that ended, too.
    pub async fn find_membership(&self, owner: Owner) -> Result<Option<MemberRow>, StoreError> {
        match self.person() {
            Some(person) => self.table.find_member(person, owner).await,
            None => Ok(None),
        }
    }

    /// Whether the person who bears it may act as an administrator now, strongly.
    pub async fn is_administrator(&self) -> Result<bool, StoreError> {
        let Some(person) = self.person() else {
            return Ok(false);
        };
        let row = self.table.find_administrator(person).await?;
        Ok(row.is_some_and(|row| !row.facts.ended))
    }

    /// The bearer's memberships, strongly, each with what its owner is called; none for a key.
    pub async fn list_memberships(&self) -> Result<Vec<(MemberRow, Option<String>)>, StoreError> {
        let Who::Person { id } = &self.who else {
            return Ok(Vec::new());
        };
        let rows = self.table.list_memberships(id).await?;
        let owners = rows.iter().map(|row| row.facts.owner);
        let names = self.table.find_owner_names(owners).await?;
        let named = rows.into_iter().map(|row| {
            let name = names.get(&row.facts.owner).cloned();
            (row, name)
        });
        Ok(named.collect())
    }
}

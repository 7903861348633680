//! What whoever runs the stack asks of all its owners.

use model::{KeyId, KeyState, Owner, Timestamp};

use crate::{OwnerStore, StoreError, Table, directory::Directory, item::Read};

impl Table {
    /// Every owner that may have a chain.
    pub async fn list_owners(&self) -> Result<Vec<Owner>, StoreError> {
        let system = OwnerStore::new(self.clone(), Owner::System);
        let mut owners = vec![Owner::System];
        let companies = Directory::Companies.all();
        for row in system.run(&companies, None, usize::MAX).await? {
            owners.push(Owner::Company(row.parsed("id")?));
        }
        let partners = Directory::Partners.all();
        for row in system.run(&partners, None, usize::MAX).await? {
            owners.push(Owner::Partner(row.parsed("id")?));
        }
        Ok(owners)
    }

    /// The keys that die with this generation of the keys' secret: those that have a secret of it, unless they are revoked. An expired one may live again.
    pub async fn list_keys_under(
        &self,
        generation: u32,
        now: Timestamp,
    ) -> Result<Vec<KeyId>, StoreError> {
        let mut found = Vec::new();
        for owner in self.list_owners().await? {
            let keys = OwnerStore::new(self.clone(), owner).all_keys().await?;
            let under = keys.into_iter().filter(|row| {
                row.facts.state != KeyState::Revoked
                    && row.facts.secrets.iter().any(|secret| {
                        secret.stored.generation == generation
                            && secret.valid_until.is_none_or(|end| end > now)
                    })
            });
            found.extend(under.map(|row| row.facts.id));
        }
        Ok(found)
    }
}

//! What administrators manage beyond any one company or partner.

use auth::{Principal, Who};
use model::{CompanyFields, CompanyId, Name, Owner, PartnerFields, PartnerId, Plan, Timestamp};
use std::ops::Deref;

use crate::{
    InvitationRow, Listed, NewCompany, NewKey, NewPartner, OwnerStore, Remembered, Stamp, Start,
    StoreError, StoredCompany, StoredPartner, Table,
    directory::Directory,
    item::{Item, Read, key, n, s},
    limits::setting,
    transact::{NEXT, Refused, Transaction, built, next_version, put_new},
};

/// Access to the lists of all companies and partners, to partners, and to what the system has as its own.
#[derive(Debug, Clone)]
pub struct AdministrationStore {
    own: OwnerStore,
}

/// What every owner has, the system has: kept answers, a chain.
impl Deref for AdministrationStore {
    type Target = OwnerStore;

    fn deref(&self) -> &OwnerStore {
        &self.own
    }
}

/// The principal acts as no administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the principal acts as no administrator")]
pub struct NoAdministrator;

impl Table {
    /// The one way to what administrators manage.
    ///
    /// # Errors
    /// Whoever acts as no administrator.
    pub fn administration(
        &self,
        principal: &Principal,
    ) -> Result<AdministrationStore, NoAdministrator> {
        match principal.who() {
            Who::Administrator { .. } => Ok(AdministrationStore {
                own: OwnerStore::new(self.clone(), Owner::System),
            }),
            Who::Key { .. } | Who::Person { .. } | Who::System => Err(NoAdministrator),
        }
    }
}

impl AdministrationStore {
    /// A company as administrators ask for it: numbers of its own come with a plan.
    pub fn new_company(
        &self,
        name: Name<2, 100>,
        plan: Plan,
        now: Timestamp,
        random: [u8; 10],
    ) -> NewCompany {
        NewCompany {
            id: CompanyId::new(now, random),
            fields: CompanyFields {
                name,
                description: None,
                metadata: None,
            },
            plan,
            rate_limit: None,
            key_limit: None,
            minutes_per_month: None,
        }
    }

    /// Makes a company and the invitation of its owner, all or nothing.
    ///
    /// # Errors
    /// `InvitationLimit` where the inviter has sent as many as one may.
    pub async fn create_company(
        &self,
        new: &NewCompany,
        invitation: &InvitationRow,
        stamp: &Stamp,
        remembered: Option<&Remembered>,
    ) -> Result<(), StoreError> {
        let table = &self.own.table;
        self.make(new.item(stamp)?, invitation, stamp, remembered, |made| {
            table.enter_company(made, new.id, &new.fields.name)
        })
        .await
    }

    /// Makes a partner and the invitation of its owner, all or nothing.
    ///
    /// # Errors
    /// As [`Self::create_company`].
    pub async fn create_partner(
        &self,
        new: &NewPartner,
        invitation: &InvitationRow,
        stamp: &Stamp,
        remembered: Option<&Remembered>,
    ) -> Result<(), StoreError> {
        let table = &self.own.table;
        self.make(new.item(stamp), invitation, stamp, remembered, |made| {
            table.enter_partner(made, new.id)
        })
        .await
    }

    /// Makes what the row says, lists it, and invites its owner.
    async fn make(
        &self,
        row: Item,
        invitation: &InvitationRow,
        stamp: &Stamp,
        remembered: Option<&Remembered>,
        enter: impl FnOnce(&mut Transaction) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let table = &self.own.table;
        let mut made = Transaction::default();
        let remember = self.remember(&mut made, remembered)?;
        made.put(put_new(&table.names.records, row)?);
        enter(&mut made)?;
        let invited = table.invite(&mut made, invitation)?;
        match made.commit(table, stamp.nonce).await? {
            Ok(()) => Ok(()),
            Err(Refused { action, .. }) if Some(action) == remember => Err(StoreError::AlreadyDone),
            Err(Refused { action, .. }) if action == invited => Err(StoreError::InvitationLimit),
            Err(_) => Err(StoreError::Conflict),
        }
    }

    /// A partner, strongly.
    pub async fn get_partner(&self, id: PartnerId) -> Result<StoredPartner, StoreError> {
        let found = self.own.table.find_partner(id).await?;
        found.ok_or(StoreError::NotFound)
    }

    /// The rows of one partner: of its keys above all.
    pub fn partner(&self, id: PartnerId) -> OwnerStore {
        OwnerStore::new(self.own.table.clone(), Owner::Partner(id))
    }

    /// As [`Table::create_ats_key`].
    pub async fn create_ats_key(
        &self,
        partner: &StoredPartner,
        new: &NewKey,
        remembered: Option<&Remembered>,
    ) -> Result<(), StoreError> {
        let table = &self.own.table;
        table.create_ats_key(partner, new, remembered).await
    }

    /// Replaces what administrators set of `old`, which gets the next version. Limits of its own end with its plan.
    ///
    /// # Errors
    /// `Conflict` when the row is no longer `old`.
    pub async fn update_partner(
        &self,
        old: &StoredPartner,
        fields: &PartnerFields,
        stamp: &Stamp,
    ) -> Result<StoredPartner, StoreError> {
        let plan = fields.plan();
        let table = &self.own.table;
        let key = key(Owner::Partner(old.id), StoredPartner::SK);
        let next = next_version(&table.names.records, key, old.version, stamp)
            .expression_attribute_names("#data", "data")
            .expression_attribute_names("#plan", "plan")
            .expression_attribute_names("#companies", "companyLimit")
            .expression_attribute_names("#keys", "keyLimit")
            .expression_attribute_names("#updated", "updated")
            .expression_attribute_values(":data", s(StoredPartner::data(&fields.name)))
            .expression_attribute_values(":plan", s(plan))
            .expression_attribute_values(":companies", n(fields.company_limit()))
            .expression_attribute_values(":keys", n(fields.key_limit()))
            .expression_attribute_values(":at", n(stamp.at.millis()));
        let set = format!(
            "{NEXT}, #data = :data, #plan = :plan, #companies = :companies, #keys = :keys, #updated = :at"
        );
        let update = match plan == old.plan {
            true => next.update_expression(format!("{set} ADD #rev :one")),
            false => setting(next, &set, plan.rate_limit()),
        };
        let row = table.update_alone(update.build().map_err(built)?, stamp);
        StoredPartner::read(&row.await?)
    }

    /// All partners, newest first.
    pub async fn list_partners(
        &self,
        start: &Start,
        limit: usize,
    ) -> Result<Listed<StoredPartner>, StoreError> {
        let prefix = Directory::Partners.all();
        let page = self.directory(Directory::Partners, &prefix, &prefix, start, limit);
        let key = |row: &Item| Ok(key(Owner::Partner(row.parsed("id")?), StoredPartner::SK));
        let table = &self.own.table;
        table.shown(page.await?, key, StoredPartner::read).await
    }

    /// All companies, newest first; with `q` those whose names start so, in the order of the names, in any case.
    pub async fn list_companies(
        &self,
        q: Option<&str>,
        start: &Start,
        limit: usize,
    ) -> Result<Listed<StoredCompany>, StoreError> {
        let list = Directory::Companies;
        let (prefix, constant) = match q {
            None => (list.all(), list.all()),
            Some(q) => (list.named(q), list.names()),
        };
        let mut page = self
            .directory(list, &prefix, &constant, start, limit)
            .await?;
        page.total = page.total.filter(|_| q.is_none());
        let key = |row: &Item| Ok(key(Owner::Company(row.parsed("id")?), "COMPANY"));
        self.own.table.shown(page, key, StoredCompany::read).await
    }

    /// A page of a run of index rows. `constant`: what no position repeats.
    async fn directory(
        &self,
        list: Directory,
        prefix: &str,
        constant: &str,
        start: &Start,
        limit: usize,
    ) -> Result<Listed<Item>, StoreError> {
        let count = list.count();
        let page = self.page(prefix, constant, start, limit);
        let ((rows, more), total) = tokio::try_join!(page, self.ever_made(&count))?;
        let position = |row: &Item| {
            let position = row.text("sk")?.strip_prefix(constant);
            position.map(str::to_owned).ok_or(StoreError::Corrupt("sk"))
        };
        let next = rows.last().filter(|_| more).map(position).transpose()?;
        Ok(Listed {
            items: rows,
            total: Some(total),
            total_is_lower_bound: false,
            next,
            cut: false,
        })
    }
}

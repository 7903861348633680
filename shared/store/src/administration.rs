//! What administrators manage beyond any one company or partner.

use auth::{Principal, Who};
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use model::{CompanyFields, CompanyId, Name, Owner, PartnerFields, PartnerId, Plan, Timestamp};
use std::{fmt::Display, ops::Deref, str::FromStr};

use crate::{
    InvitationRow, Listed, NewCompany, NewPartner, OwnerStore, Remembered, Stamp, Start,
    StoreError, StoredCompany, StoredPartner, Table,
    directory::Directory,
    gate::refused_row,
    item::{Item, Read, key, n, s},
    transact::{Refused, Transaction, put_new, send_past_transactions},
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

/// What a refused creation means.
fn told(refused: &Refused, remember: Option<usize>, invited: Option<usize>) -> StoreError {
    match Some(refused.action) {
        action if action == remember => StoreError::AlreadyDone,
        action if action == invited => StoreError::InvitationLimit,
        _ => StoreError::Conflict,
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
        let mut made = Transaction::default();
        let remember = self.remember(&mut made, remembered)?;
        made.put(put_new(&table.names.records, new.item(stamp)?)?);
        table.enter_company(&mut made, new.id, &new.fields.name)?;
        let invited = table.invite(&mut made, invitation)?;
        let outcome = made.commit(table, stamp.nonce).await?;
        outcome.map_err(|refused| told(&refused, remember, Some(invited)))
    }

    /// Makes a partner, and the invitation of its owner if there is one, all or nothing.
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
        let mut made = Transaction::default();
        let remember = self.remember(&mut made, remembered)?;
        made.put(put_new(&table.names.records, new.item(stamp))?);
        table.enter_partner(&mut made, new.id)?;
        let invited = table.invite(&mut made, invitation)?;
        let outcome = made.commit(table, stamp.nonce).await?;
        outcome.map_err(|refused| told(&refused, remember, Some(invited)))
    }

    /// The action that keeps the answer: the first, because of several refusals the first is told.
    fn remember(
        &self,
        transaction: &mut Transaction,
        remembered: Option<&Remembered>,
    ) -> Result<Option<usize>, StoreError> {
        let put = remembered.map(|remembered| remembered.put(self));
        Ok(put.transpose()?.map(|put| transaction.put(put)))
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
        let mut set = String::from(
            "SET #version = :next, #changed = :changed, #data = :data, #plan = :plan, #companies = :companies, #keys = :keys, #updated = :at",
        );
        let mut remove = "";
        let table = &self.own.table;
        let mut update = table
            .client
            .update_item()
            .table_name(&table.names.records)
            .set_key(Some(key(Owner::Partner(old.id), StoredPartner::SK)))
            .condition_expression("#version = :from")
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#changed", Stamp::ATTRIBUTE)
            .expression_attribute_names("#data", "data")
            .expression_attribute_names("#plan", "plan")
            .expression_attribute_names("#companies", "companyLimit")
            .expression_attribute_names("#keys", "keyLimit")
            .expression_attribute_names("#updated", "updated")
            .expression_attribute_names("#rev", "rev")
            .expression_attribute_values(":from", n(old.version))
            .expression_attribute_values(":next", n(old.version + 1))
            .expression_attribute_values(":changed", stamp.value())
            .expression_attribute_values(":data", s(StoredPartner::data(&fields.name)))
            .expression_attribute_values(":plan", s(plan))
            .expression_attribute_values(":companies", n(fields.company_limit()))
            .expression_attribute_values(":keys", n(fields.key_limit()))
            .expression_attribute_values(":at", n(stamp.at.millis()))
            .expression_attribute_values(":one", n(1));
        if plan != old.plan {
            set.push_str(", #minute = :minute, #hour = :hour");
            remove = " REMOVE #second";
            update = update
                .expression_attribute_names("#minute", "perMinute")
                .expression_attribute_names("#hour", "perHour")
                .expression_attribute_names("#second", "perSecond")
                .expression_attribute_values(":minute", n(plan.rate_limit().per_minute))
                .expression_attribute_values(":hour", n(plan.rate_limit().per_hour));
        }
        let update = update
            .update_expression(format!("{set} ADD #rev :one{remove}"))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match send_past_transactions(update, stamp.nonce).await {
            Ok(output) => {
                StoredPartner::read(&output.attributes.ok_or(StoreError::Corrupt("ALL_NEW"))?)
            }
            Err(error) => match refused_row(error)? {
                // Our own write, re-sent after its answer was lost.
                Some(row) if stamp.stands_on(&row) => StoredPartner::read(&row),
                _ => Err(StoreError::Conflict),
            },
        }
    }

    /// All partners, newest first.
    pub async fn list_partners(
        &self,
        start: &Start,
        limit: usize,
    ) -> Result<Listed<StoredPartner>, StoreError> {
        let prefix = Directory::Partners.all();
        let page = self.directory(Directory::Partners, &prefix, &prefix, start, limit);
        let key = |id: PartnerId| key(Owner::Partner(id), StoredPartner::SK);
        self.shown(page.await?, key, StoredPartner::read).await
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
        let key = |id: CompanyId| key(Owner::Company(id), "COMPANY");
        self.shown(page, key, StoredCompany::read).await
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
        let (after, skip) = match start {
            Start::Skip(rows) => (None, usize::try_from(*rows).unwrap_or(usize::MAX)),
            Start::After(position) => (Some(format!("{constant}{position}")), 0),
        };
        let wanted = skip.saturating_add(limit).saturating_add(1);
        let mut rows = self.run(prefix, after.as_deref(), wanted).await?;
        rows.drain(..skip.min(rows.len()));
        let more = rows.len() > limit;
        rows.truncate(limit);
        let position = |row: &Item| {
            let position = row.text("sk")?.strip_prefix(constant);
            position.map(str::to_owned).ok_or(StoreError::Corrupt("sk"))
        };
        let next = rows.last().filter(|_| more).map(position).transpose()?;
        let table = &self.own.table;
        let count = table
            .find(&table.names.records, self.key(list.count()))
            .await?;
        Ok(Listed {
            items: rows,
            total: Some(count.map_or(Ok(0), |row| row.parsed("every"))?),
            total_is_lower_bound: false,
            next,
            cut: false,
        })
    }

    /// The objects of a page of index rows.
    async fn shown<Id: FromStr + Display, T>(
        &self,
        page: Listed<Item>,
        key: impl Fn(Id) -> Item,
        read: impl Fn(&Item) -> Result<T, StoreError>,
    ) -> Result<Listed<T>, StoreError> {
        let Listed {
            items,
            total,
            total_is_lower_bound,
            next,
            cut,
        } = page;
        let keys = items.iter().map(|row| row.parsed("id").map(&key));
        let keys = keys.collect::<Result<_, _>>()?;
        let table = &self.own.table;
        let rows = table.get_many(&table.names.records, keys).await?;
        Ok(Listed {
            items: rows.iter().map(read).collect::<Result<_, _>>()?,
            total,
            total_is_lower_bound,
            next,
            cut,
        })
    }
}

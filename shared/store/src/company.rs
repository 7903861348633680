//! One company's rows, and how companies come to be.

use model::{
    Company, CompanyAccount, CompanyFields, CompanyId, CompanyRecord, Limits, Owner, Plan,
    RateLimit, Timestamp,
};
use std::{collections::BTreeMap, ops::Deref};

use crate::{
    Membership, OwnerStore, Stamp, StoreError, StoredPartner, Table,
    item::{Item, Read, item, key, n, s},
    limits::{hold_limits, read_limits},
    transact::{NEXT, Transaction, built, next_version, put_new},
};

/// Access to the rows of one company and to no other's.
#[derive(Debug, Clone)]
pub struct CompanyStore {
    own: OwnerStore,
    company: CompanyId,
}

/// What companies and partners are called.
pub type OwnerNames = BTreeMap<Owner, String>;

/// What every owner has, a company has.
impl Deref for CompanyStore {
    type Target = OwnerStore;

    fn deref(&self) -> &OwnerStore {
        &self.own
    }
}

/// The principal acts in no company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the principal acts in no company")]
pub struct NoCompany;

/// A company to be made.
#[derive(Debug, Clone)]
pub struct NewCompany {
    pub id: CompanyId,
    pub fields: CompanyFields,
    pub plan: Plan,
    /// ENTERPRISE only; other plans have their own.
    pub rate_limit: Option<RateLimit>,
    /// ENTERPRISE only.
    pub key_limit: Option<u32>,
    /// ENTERPRISE only.
    pub minutes_per_month: Option<u32>,
}

/// A company's own row.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredCompany {
    pub id: CompanyId,
    pub fields: CompanyFields,
    pub plan: Plan,
    pub rate_limit: RateLimit,
    pub key_limit: u32,
    pub minutes_per_month: u32,
    pub version: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl CompanyStore {
    pub(crate) fn new(table: Table, company: CompanyId) -> CompanyStore {
        let own = OwnerStore::new(table, Owner::Company(company));
        CompanyStore { own, company }
    }

    pub fn company(&self) -> CompanyId {
        self.company
    }

    /// Replaces what clients set of `old`, which gets the next version.
    ///
    /// # Errors
    /// `Conflict` when the row is no longer `old`.
    pub async fn update_company(
        &self,
        old: &StoredCompany,
        fields: CompanyFields,
        stamp: &Stamp,
    ) -> Result<StoredCompany, StoreError> {
        let data = serde_json::to_string(&fields).map_err(|_| StoreError::Corrupt("data"))?;
        let records = &self.table.names.records;
        let update = next_version(records, self.key("COMPANY"), old.version, stamp)
            .update_expression(format!(
                "{NEXT}, #data = :data, #updated = :at ADD #rev :one"
            ))
            .expression_attribute_names("#data", "data")
            .expression_attribute_names("#updated", "updated")
            .expression_attribute_values(":data", s(data))
            .expression_attribute_values(":at", n(stamp.at.millis()))
            .build()
            .map_err(built)?;
        let mut transaction = Transaction::default();
        transaction.update(update);
        self.table.rename_company(
            &mut transaction,
            self.company,
            &old.fields.name,
            &fields.name,
        )?;
        match transaction.commit(&self.table, stamp.nonce).await? {
            Ok(()) => Ok(StoredCompany {
                fields,
                version: old.version + 1,
                updated_at: stamp.at,
                ..old.clone()
            }),
            Err(_) => Err(StoreError::Conflict),
        }
    }

    /// The company itself, strongly.
    pub async fn get_company(&self) -> Result<StoredCompany, StoreError> {
        let row = self
            .table
            .find(&self.table.names.records, self.key("COMPANY"))
            .await?;
        StoredCompany::read(&row.ok_or(StoreError::NotFound)?)
    }
}

impl Table {
    /// Makes a company and its first members, all or nothing: for a seed.
    pub async fn create_company(
        &self,
        new: &NewCompany,
        members: &[Membership],
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::default();
        transaction.put(put_new(&self.names.records, new.item(stamp)?)?);
        self.enter_company(&mut transaction, new.id, &new.fields.name)?;
        self.found(&mut transaction, Owner::Company(new.id), members, stamp)?;
        transaction
            .commit(self, stamp.nonce)
            .await?
            .map_err(|_| StoreError::Conflict)
    }

    pub(crate) async fn find_owner_name(&self, owner: Owner) -> Result<Option<String>, StoreError> {
        if let Owner::Partner(partner) = owner {
            let partner = self.find_partner(partner).await?;
            return Ok(partner.map(|partner| partner.name.to_string()));
        }
        let row = self
            .find(&self.names.records, key(owner, "COMPANY"))
            .await?;
        Ok(row
            .map(|row| StoredCompany::read(&row))
            .transpose()?
            .map(|company| company.fields.name.to_string()))
    }

    /// What companies and partners are called, in one call; who isn't there has no name.
    pub(crate) async fn find_owner_names(
        &self,
        owners: impl Iterator<Item = Owner>,
    ) -> Result<OwnerNames, StoreError> {
        let keys = owners.map(|owner| match owner {
            Owner::Partner(_) => key(owner, StoredPartner::SK),
            Owner::Company(_) | Owner::System => key(owner, "COMPANY"),
        });
        let rows = self.get_many(&self.names.records, keys.collect()).await?;
        let named = rows.iter().map(|row| {
            let owner: Owner = row.parsed("pk")?;
            let name = match owner {
                Owner::Partner(_) => StoredPartner::read(row)?.name,
                Owner::Company(_) | Owner::System => StoredCompany::read(row)?.fields.name,
            };
            Ok((owner, name.to_string()))
        });
        named.collect()
    }
}

impl NewCompany {
    /// What it is once it is made.
    pub fn made(&self, now: Timestamp) -> StoredCompany {
        let plan = self.plan;
        let own = self.rate_limit.filter(|_| plan == Plan::Enterprise);
        StoredCompany {
            id: self.id,
            fields: self.fields.clone(),
            plan,
            rate_limit: own.unwrap_or(plan.rate_limit()),
            key_limit: self.key_limit.unwrap_or(plan.key_limit()),
            minutes_per_month: self.minutes_per_month.unwrap_or(plan.minutes_per_month()),
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    pub(crate) fn item(&self, stamp: &Stamp) -> Result<Item, StoreError> {
        let StoredCompany {
            id,
            fields,
            plan,
            rate_limit,
            key_limit,
            minutes_per_month,
            version,
            created_at,
            updated_at,
        } = self.made(stamp.at);
        let mut row = key(Owner::Company(id), "COMPANY");
        let data = serde_json::to_string(&fields).map_err(|_| StoreError::Corrupt("data"))?;
        row.extend(item([
            ("entity", s("company")),
            ("companyId", s(id)),
            ("data", s(data)),
            ("plan", s(plan)),
            ("keyLimit", n(key_limit)),
            ("minutesPerMonth", n(minutes_per_month)),
            ("created", n(created_at.millis())),
            ("updated", n(updated_at.millis())),
            ("version", n(version)),
            ("rev", n(1)),
            (Stamp::ATTRIBUTE, stamp.value()),
        ]));
        hold_limits(&mut row, rate_limit);
        Ok(row)
    }
}

impl StoredCompany {
    /// What the company may do.
    pub fn limits(&self) -> Limits {
        Limits {
            plan: self.plan,
            rate_limit: self.rate_limit,
            key_limit: self.key_limit,
            minutes_per_month: self.minutes_per_month,
        }
    }

    /// As administrators see it.
    pub fn account(&self) -> CompanyAccount {
        CompanyAccount {
            id: self.id,
            company_id: self.id,
            name: self.fields.name.clone(),
            plan: self.plan,
            rate_limit: self.rate_limit,
            key_limit: self.key_limit,
            minutes_per_month: self.minutes_per_month,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    /// As clients see it.
    pub fn view(&self) -> Company {
        Company {
            id: self.id,
            company_id: self.id,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
            fields: CompanyRecord {
                fields: self.fields.clone(),
                plan: self.plan,
            },
        }
    }

    pub(crate) fn read(row: &Item) -> Result<StoredCompany, StoreError> {
        let plan: Plan = row.parsed("plan")?;
        Ok(StoredCompany {
            id: row.parsed("companyId")?,
            fields: serde_json::from_str(row.text("data")?)
                .map_err(|_| StoreError::Corrupt("data"))?,
            plan,
            rate_limit: read_limits(row)?,
            key_limit: row.parsed("keyLimit")?,
            // Rows that are older than the attribute have their plan's.
            minutes_per_month: row
                .parsed_if("minutesPerMonth")?
                .unwrap_or(plan.minutes_per_month()),
            version: row.parsed("version")?,
            created_at: row.instant("created")?,
            updated_at: row.instant("updated")?,
        })
    }
}

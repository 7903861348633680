//! One company's rows, and how companies and memberships come to be.

use aws_sdk_dynamodb::types::Put;
use model::{CompanyFields, CompanyId, Owner, Plan, RateLimit, Timestamp};
use std::fmt::Display;

use crate::{
    MemberRow, Membership, Stamp, StoreError, Table,
    item::{Item, Read, item, key, n, s, set},
    transact::{Transaction, put_new},
};

/// Access to the rows of one company and to no other's.
#[derive(Debug, Clone)]
pub struct CompanyStore {
    pub(crate) table: Table,
    company: CompanyId,
}

/// The principal acts in no company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the principal acts in no company")]
pub struct NoCompany;

/// A company to be made.
#[derive(Debug, Clone)]
pub struct FoundCompany {
    pub id: CompanyId,
    pub fields: CompanyFields,
    pub plan: Plan,
    /// ENTERPRISE only; other plans have their own.
    pub rate_limit: Option<RateLimit>,
    /// ENTERPRISE only.
    pub key_limit: Option<u32>,
}

/// A company's own row.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredCompany {
    pub id: CompanyId,
    pub fields: CompanyFields,
    pub plan: Plan,
    pub rate_limit: RateLimit,
    pub key_limit: u32,
    pub version: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl CompanyStore {
    pub(crate) fn new(table: Table, company: CompanyId) -> CompanyStore {
        CompanyStore { table, company }
    }

    pub fn company(&self) -> CompanyId {
        self.company
    }

    pub fn owner(&self) -> Owner {
        Owner::Company(self.company)
    }

    /// The key of one of the company's rows in `records`.
    pub(crate) fn key(&self, sk: impl Display) -> Item {
        key(self.owner(), sk)
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
    /// Makes a company and its first members, all or nothing. For the seed now, for administrators and partners later.
    pub async fn found_company(
        &self,
        new: &FoundCompany,
        members: &[Membership],
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::default();
        transaction.put(put_new(&self.names.records, new.item(stamp)?)?);
        for member in members {
            transaction.put(self.member_put(member, stamp)?);
        }
        transaction
            .commit(self, stamp.nonce)
            .await?
            .map_err(|_| StoreError::Conflict)
    }

    /// Gives a person a role; there must be no membership yet.
    pub async fn create_member(
        &self,
        member: &Membership,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::default();
        transaction.put(self.member_put(member, stamp)?);
        transaction
            .commit(self, stamp.nonce)
            .await?
            .map_err(|_| StoreError::Conflict)
    }

    /// Ends a membership: the person's next request is refused.
    pub async fn delete_member(&self, member: &MemberRow) -> Result<(), StoreError> {
        let key = MemberRow::key(&member.facts.person, member.facts.owner);
        let delete = self
            .client
            .delete_item()
            .table_name(&self.names.keys)
            .set_key(Some(key));
        delete
            .send()
            .await
            .map(|_| ())
            .map_err(StoreError::from_sdk)
    }

    /// What an owner is called, for a person who is a member of it.
    pub async fn find_owner_name(&self, owner: Owner) -> Result<Option<String>, StoreError> {
        let row = self
            .find(&self.names.records, key(owner, "COMPANY"))
            .await?;
        Ok(row
            .map(|row| StoredCompany::read(&row))
            .transpose()?
            .map(|company| company.fields.name.to_string()))
    }

    fn member_put(&self, member: &Membership, stamp: &Stamp) -> Result<Put, StoreError> {
        put_new(&self.names.keys, MemberRow::item(member, stamp))
    }
}

impl FoundCompany {
    fn item(&self, stamp: &Stamp) -> Result<Item, StoreError> {
        let FoundCompany {
            id,
            fields,
            plan,
            rate_limit,
            key_limit,
        } = self;
        let limits = rate_limit
            .filter(|_| *plan == Plan::Enterprise)
            .unwrap_or(plan.rate_limit());
        let mut row = key(Owner::Company(*id), "COMPANY");
        let data = serde_json::to_string(fields).map_err(|_| StoreError::Corrupt("data"))?;
        row.extend(item([
            ("entity", s("company")),
            ("companyId", s(id)),
            ("data", s(data)),
            ("plan", s(plan)),
            ("perMinute", n(limits.per_minute)),
            ("perHour", n(limits.per_hour)),
            ("keyLimit", n(key_limit.unwrap_or(plan.key_limit()))),
            ("created", n(stamp.at.millis())),
            ("updated", n(stamp.at.millis())),
            ("version", n(1)),
            ("rev", n(1)),
            (Stamp::ATTRIBUTE, stamp.value()),
        ]));
        set(&mut row, "perSecond", limits.per_second.map(n));
        Ok(row)
    }
}

impl StoredCompany {
    fn read(row: &Item) -> Result<StoredCompany, StoreError> {
        Ok(StoredCompany {
            id: row.parsed("companyId")?,
            fields: serde_json::from_str(row.text("data")?)
                .map_err(|_| StoreError::Corrupt("data"))?,
            plan: row.parsed("plan")?,
            rate_limit: RateLimit {
                per_minute: row.parsed("perMinute")?,
                per_hour: row.parsed("perHour")?,
                per_second: row.parsed_if("perSecond")?,
            },
            key_limit: row.parsed("keyLimit")?,
            version: row.parsed("version")?,
            created_at: row.instant("created")?,
            updated_at: row.instant("updated")?,
        })
    }
}

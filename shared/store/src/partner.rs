//! One partner's rows, and what it may see and make of companies.

use aws_sdk_dynamodb::types::Update;
use model::{
    CompanyFields, CompanyId, GrantState, KeyKind, Name, Owner, Partner, PartnerFields, PartnerId,
    Plan, RateLimit, Timestamp,
};
use routes::{Scope, ScopeSet};
use std::ops::Deref;

use crate::{
    CompanyStore, GrantRow, InvitationRow, Listed, Membership, NewCompany, NewKey, OwnerStore,
    Remembered, Stamp, Start, StoreError, StoredCompany, Table,
    item::{Item, Read, item, key, n, s},
    limits::{hold_limits, read_limits},
    transact::{Refused, Transaction, built, one_more, put_new},
};

/// Access to the rows of one partner, and to companies that granted it.
#[derive(Debug, Clone)]
pub struct PartnerStore {
    own: OwnerStore,
    partner: PartnerId,
}

/// What every owner has, a partner has.
impl Deref for PartnerStore {
    type Target = OwnerStore;

    fn deref(&self) -> &OwnerStore {
        &self.own
    }
}

/// The principal acts for no partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the principal acts for no partner")]
pub struct NoPartner;

/// A partner to be made.
#[derive(Debug, Clone)]
pub struct NewPartner {
    pub id: PartnerId,
    pub name: Name<2, 100>,
    /// What the companies that it makes begin with.
    pub plan: Plan,
    /// ENTERPRISE only; other plans have their own.
    pub rate_limit: Option<RateLimit>,
    /// Companies that it may make.
    pub company_limit: u32,
    /// Live keys that it may have.
    pub key_limit: u32,
}

impl NewPartner {
    /// As administrators make one.
    pub fn new(id: PartnerId, fields: &PartnerFields) -> NewPartner {
        NewPartner {
            id,
            name: fields.name.clone(),
            plan: fields.plan(),
            rate_limit: None,
            company_limit: fields.company_limit(),
            key_limit: fields.key_limit(),
        }
    }

    /// What it is once it is made.
    pub fn made(&self, now: Timestamp) -> StoredPartner {
        let own = self.rate_limit.filter(|_| self.plan == Plan::Enterprise);
        StoredPartner {
            id: self.id,
            name: self.name.clone(),
            plan: self.plan,
            rate_limit: own.unwrap_or(self.plan.rate_limit()),
            company_limit: self.company_limit,
            key_limit: self.key_limit,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }
}

/// A partner's own row.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredPartner {
    pub id: PartnerId,
    pub name: Name<2, 100>,
    pub plan: Plan,
    pub rate_limit: RateLimit,
    pub company_limit: u32,
    pub key_limit: u32,
    pub version: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl PartnerStore {
    pub(crate) fn new(table: Table, partner: PartnerId) -> PartnerStore {
        let own = OwnerStore::new(table, Owner::Partner(partner));
        PartnerStore { own, partner }
    }

    pub fn partner(&self) -> PartnerId {
        self.partner
    }

    /// The partner itself, strongly.
    pub async fn get_partner(&self) -> Result<StoredPartner, StoreError> {
        let found = self.table.find_partner(self.partner).await?;
        found.ok_or(StoreError::NotFound)
    }

    /// The rows of the companies in which the partner's keys may use the scope, the youngest first: the grants are the proof.
    pub async fn managed_companies(&self, scope: Scope) -> Result<Vec<CompanyStore>, StoreError> {
        let managed = self.managed(scope).await?.into_iter();
        let store = |company| CompanyStore::new(self.table.clone(), company);
        Ok(managed.map(store).collect())
    }

    async fn managed(&self, scope: Scope) -> Result<Vec<CompanyId>, StoreError> {
        let grants = self.grants().await?;
        let active = grants
            .into_iter()
            .filter(|row| row.state == GrantState::Active && row.scopes.contains(scope));
        Ok(active.map(|row| row.company).collect())
    }

    /// The companies that the partner's keys may read, the youngest first.
    pub async fn list_companies(
        &self,
        start: &Start,
        limit: usize,
    ) -> Result<Listed<StoredCompany>, StoreError> {
        let managed = self.managed(Scope::ReadCompanies).await?;
        let page = Listed::of_all(managed, start, limit, CompanyId::to_string);
        self.table
            .shown(
                page,
                |company| Ok(key(Owner::Company(*company), "COMPANY")),
                StoredCompany::read,
            )
            .await
    }

    /// Makes a company, the partner's grant for it and the invitation of its owner, all or nothing.
    ///
    /// # Errors
    /// `Full` where the partner has made as many as it may; `InvitationLimit` where the inviter has.
    pub async fn create_company(
        &self,
        new: &NewCompany,
        company_limit: u32,
        invitation: Option<&InvitationRow>,
        stamp: &Stamp,
        remembered: Option<&Remembered>,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::default();
        let remember = self.remember(&mut transaction, remembered)?;
        let count = transaction.update(self.one_more_company(company_limit)?);
        let records = &self.table.names.records;
        transaction.put(put_new(records, new.item(stamp)?)?);
        self.table
            .enter_company(&mut transaction, new.id, &new.fields.name)?;
        let grant = GrantRow::new(self.partner, new.id, ScopeSet::all(), None, stamp);
        for put in grant.puts(&self.table, None)? {
            transaction.put(put);
        }
        let invited = invitation
            .map(|invitation| self.table.invite(&mut transaction, invitation))
            .transpose()?;
        match transaction.commit(&self.table, stamp.nonce).await? {
            Ok(()) => Ok(()),
            Err(Refused { action, .. }) if Some(action) == remember => Err(StoreError::AlreadyDone),
            Err(Refused { action, .. }) if action == count => Err(StoreError::Full),
            Err(Refused { action, .. }) if Some(action) == invited => {
                Err(StoreError::InvitationLimit)
            }
            Err(_) => Err(StoreError::Conflict),
        }
    }

    /// Counts one more company, where there is room. Companies are never deleted.
    fn one_more_company(&self, limit: u32) -> Result<Update, StoreError> {
        one_more(&self.table.names.records, self.key("COUNT#company"), limit)
            .build()
            .map_err(built)
    }
}

impl Table {
    /// A partner, strongly.
    pub async fn find_partner(&self, id: PartnerId) -> Result<Option<StoredPartner>, StoreError> {
        let key = key(Owner::Partner(id), StoredPartner::SK);
        let row = self.find(&self.names.records, key).await?;
        row.map(|row| StoredPartner::read(&row)).transpose()
    }

    /// Makes a partner and its first members, all or nothing.
    ///
    /// # Errors
    /// `Conflict` where it is there.
    pub async fn create_partner(
        &self,
        new: &NewPartner,
        members: &[Membership],
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::default();
        transaction.put(put_new(&self.names.records, new.item(stamp))?);
        self.enter_partner(&mut transaction, new.id)?;
        self.found(&mut transaction, Owner::Partner(new.id), members, stamp)?;
        transaction
            .commit(self, stamp.nonce)
            .await?
            .map_err(|_| StoreError::Conflict)
    }

    /// Makes an ATS key of the partner: nobody who acts for the partner can, and administrators do by [`crate::AdministrationStore::create_ats_key`].
    ///
    /// # Errors
    /// As [`OwnerStore::create_key`]; `Corrupt` for a key of another kind.
    pub async fn create_ats_key(
        &self,
        partner: &StoredPartner,
        new: &NewKey,
        remembered: Option<&Remembered>,
    ) -> Result<(), StoreError> {
        if new.kind != KeyKind::Ats {
            return Err(StoreError::Corrupt("kind"));
        }
        PartnerStore::new(self.clone(), partner.id)
            .create_key(new, partner.key_limit, remembered)
            .await
    }
}

impl NewPartner {
    pub(crate) fn item(&self, stamp: &Stamp) -> Item {
        let StoredPartner {
            id,
            name,
            plan,
            rate_limit,
            company_limit,
            key_limit,
            version,
            created_at,
            updated_at,
        } = self.made(stamp.at);
        let mut row = key(Owner::Partner(id), StoredPartner::SK);
        row.extend(item([
            ("entity", s("partner")),
            ("partnerId", s(id)),
            ("data", s(StoredPartner::data(&name))),
            ("plan", s(plan)),
            ("companyLimit", n(company_limit)),
            ("keyLimit", n(key_limit)),
            ("created", n(created_at.millis())),
            ("updated", n(updated_at.millis())),
            ("version", n(version)),
            ("rev", n(1)),
            (Stamp::ATTRIBUTE, stamp.value()),
        ]));
        hold_limits(&mut row, rate_limit);
        row
    }
}

impl StoredPartner {
    pub(crate) const SK: &str = "PARTNER";

    /// What its row holds as JSON.
    pub(crate) fn data(name: &Name<2, 100>) -> String {
        serde_json::json!({ "name": name }).to_string()
    }

    /// As administrators see it.
    pub fn view(&self) -> Partner {
        Partner {
            id: self.id,
            name: self.name.clone(),
            plan: self.plan,
            company_limit: self.company_limit,
            key_limit: self.key_limit,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    /// What administrators have set.
    ///
    /// # Errors
    /// `Corrupt` for numbers that nobody can set.
    pub fn fields(&self) -> Result<PartnerFields, StoreError> {
        let fields = serde_json::json!({
            "name": self.name,
            "plan": self.plan,
            "companyLimit": self.company_limit,
            "keyLimit": self.key_limit,
        });
        serde_json::from_value(fields).map_err(|_| StoreError::Corrupt("partner"))
    }

    /// A company as the partner's begin: on the partner's plan.
    pub fn new_company(
        &self,
        fields: CompanyFields,
        now: Timestamp,
        random: [u8; 10],
    ) -> NewCompany {
        NewCompany {
            id: CompanyId::new(now, random),
            fields,
            plan: self.plan,
            rate_limit: Some(self.rate_limit),
            key_limit: None,
            minutes_per_month: None,
        }
    }

    pub(crate) fn read(row: &Item) -> Result<StoredPartner, StoreError> {
        #[derive(serde::Deserialize)]
        struct Data {
            name: Name<2, 100>,
        }
        let Data { name } =
            serde_json::from_str(row.text("data")?).map_err(|_| StoreError::Corrupt("data"))?;
        Ok(StoredPartner {
            id: row.parsed("partnerId")?,
            name,
            plan: row.parsed("plan")?,
            rate_limit: read_limits(row)?,
            company_limit: row.parsed("companyLimit")?,
            key_limit: row.parsed("keyLimit")?,
            version: row.parsed("version")?,
            created_at: row.instant("created")?,
            updated_at: row.instant("updated")?,
        })
    }
}

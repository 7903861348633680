//! Grants: a company lets a partner act for it.
//!
//! A grant is two rows that are always written together: the partner's, which the authorizer reads, and the company's. Each tells in its own owner's chain.

use aws_sdk_dynamodb::types::Put;
use model::{
    Actor, ActorKind, CompanyId, GrantState, KeyId, Owner, PartnerGrant, PartnerId, Timestamp,
};
use routes::ScopeSet;

use crate::{
    CompanyStore, Listed, OwnerNames, OwnerStore, PartnerStore, Remembered, Stamp, Start,
    StoreError, Table,
    item::{Item, Read, item, key, list, n, s},
    transact::{Transaction, put_new, put_over},
};

/// A grant as either side has it.
#[derive(Debug, Clone, PartialEq)]
pub struct GrantRow {
    pub partner: PartnerId,
    pub company: CompanyId,
    pub state: GrantState,
    /// The most that the partner's keys may do in the company.
    pub scopes: ScopeSet,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Goes on when an ended grant is made anew.
    pub version: u64,
    pub rev: u64,
    pub changed: Stamp,
}

const PREFIX: &str = "GRANT#";

impl GrantRow {
    pub(crate) const ENTITY: &str = "grant";

    /// The first, or after one that ended the next.
    pub fn new(
        partner: PartnerId,
        company: CompanyId,
        scopes: ScopeSet,
        ended: Option<&GrantRow>,
        stamp: &Stamp,
    ) -> GrantRow {
        GrantRow {
            partner,
            company,
            state: GrantState::Active,
            scopes,
            created_at: stamp.at,
            updated_at: stamp.at,
            version: ended.map_or(1, |row| row.version + 1),
            rev: ended.map_or(1, |row| row.rev + 1),
            changed: stamp.clone(),
        }
    }

    /// The next version, in this state.
    pub fn becoming(&self, state: GrantState, stamp: &Stamp) -> GrantRow {
        GrantRow {
            state,
            updated_at: stamp.at,
            version: self.version + 1,
            rev: self.rev + 1,
            changed: stamp.clone(),
            ..self.clone()
        }
    }

    pub fn view(&self) -> PartnerGrant {
        PartnerGrant {
            partner_id: self.partner,
            company_id: self.company,
            status: self.state,
            scopes: self.scopes,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    pub(crate) fn key_of_partner(partner: PartnerId, company: CompanyId) -> Item {
        key(Owner::Partner(partner), format_args!("{PREFIX}{company}"))
    }

    fn key_of_company(company: CompanyId, partner: PartnerId) -> Item {
        key(Owner::Company(company), format_args!("{PREFIX}{partner}"))
    }

    /// Both rows, to be put where `old` is; `None`: where nothing is.
    pub(crate) fn puts(&self, table: &Table, old: Option<u64>) -> Result<[Put; 2], StoreError> {
        let (partner, company) = (self.partner, self.company);
        let records = &table.names.records;
        let put = |key: Item, stamp: &Stamp| {
            let mut row = key;
            row.extend(item([
                ("entity", s(GrantRow::ENTITY)),
                ("partnerId", s(partner)),
                ("companyId", s(company)),
                ("state", s(self.state)),
                (
                    "scopes",
                    list(self.scopes.iter().map(routes::Scope::as_str)),
                ),
                ("created", n(self.created_at.millis())),
                ("updated", n(self.updated_at.millis())),
                ("version", n(self.version)),
                ("rev", n(self.rev)),
                (Stamp::ATTRIBUTE, stamp.value()),
            ]));
            match old {
                None => put_new(records, row),
                Some(from) => put_over(records, row, from),
            }
        };
        Ok([
            put(
                GrantRow::key_of_partner(partner, company),
                &self.told_to_partner(),
            )?,
            put(GrantRow::key_of_company(company, partner), &self.changed)?,
        ])
    }

    /// What the partner may know of who changed the grant: where the company's people sit, what they think, and what InstaView does for them is theirs.
    fn told_to_partner(&self) -> Stamp {
        match self.changed.actor.kind {
            kind @ (ActorKind::User | ActorKind::Admin) => Stamp {
                actor: Actor {
                    kind,
                    id: self.company.to_string(),
                },
                source_ip: None,
                request_id: None,
                reason: None,
                ..self.changed.clone()
            },
            _ => self.changed.clone(),
        }
    }

    /// From a row of the table, or an image of its stream.
    pub fn read(row: &Item) -> Result<GrantRow, StoreError> {
        Ok(GrantRow {
            partner: row.parsed("partnerId")?,
            company: row.parsed("companyId")?,
            state: row.parsed("state")?,
            scopes: ScopeSet::from_stored(row.texts("scopes")?),
            created_at: row.instant("created")?,
            updated_at: row.instant("updated")?,
            version: row.parsed("version")?,
            rev: row.parsed("rev")?,
            changed: Stamp::read(row)?,
        })
    }
}

impl OwnerStore {
    /// All grants that the owner gave or got, those of the youngest other side first.
    pub(crate) async fn grants(&self) -> Result<Vec<GrantRow>, StoreError> {
        let rows = self.run(PREFIX, None, usize::MAX).await?;
        rows.iter().rev().map(GrantRow::read).collect()
    }
}

impl CompanyStore {
    /// The company's grant to this partner, strongly; one that ended, too.
    pub async fn find_grant(&self, partner: PartnerId) -> Result<Option<GrantRow>, StoreError> {
        let key = GrantRow::key_of_company(self.company(), partner);
        let row = self.table.find(&self.table.names.records, key).await?;
        row.map(|row| GrantRow::read(&row)).transpose()
    }

    /// What the partners of the company's grants are called.
    pub async fn partner_names(&self, grants: &[GrantRow]) -> Result<OwnerNames, StoreError> {
        let partners = grants.iter().map(|row| Owner::Partner(row.partner));
        self.table.find_owner_names(partners).await
    }

    /// The keys of a partner that the company granted something: whose doings they are in the company's chain.
    pub async fn partner_keys(&self, grant: &GrantRow) -> Result<Vec<KeyId>, StoreError> {
        let partner = OwnerStore::new(self.table.clone(), Owner::Partner(grant.partner));
        partner.key_ids().await
    }

    /// Whether there is such a partner: a company may name any.
    pub async fn is_partner(&self, id: PartnerId) -> Result<bool, StoreError> {
        Ok(self.table.find_partner(id).await?.is_some())
    }

    /// Puts the grant in the place of `old`: the partner's next request meets it.
    ///
    /// # Errors
    /// `Conflict` when `old` is no longer what is there; `Locked` for one that becomes active during a lockdown.
    pub async fn put_grant(
        &self,
        old: Option<&GrantRow>,
        new: &GrantRow,
        remembered: Option<&Remembered>,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::default();
        let remember = self.remember(&mut transaction, remembered)?;
        let lock = match new.state {
            GrantState::Active => self.prove_unlocked(&mut transaction)?,
            GrantState::Suspended | GrantState::Ended => None,
        };
        for put in new.puts(&self.table, old.map(|old| old.version))? {
            transaction.put(put);
        }
        match transaction.commit(&self.table, new.changed.nonce).await? {
            Ok(()) => Ok(()),
            Err(refused) if Some(refused.action) == remember => Err(StoreError::AlreadyDone),
            Err(refused) if Some(refused.action) == lock => Err(StoreError::Locked),
            Err(_) => Err(StoreError::Conflict),
        }
    }

    /// The company's grants, the youngest partner's first.
    pub async fn list_grants(
        &self,
        start: &Start,
        limit: usize,
    ) -> Result<Listed<GrantRow>, StoreError> {
        let rows = self.grants().await?;
        Ok(Listed::of_all(rows, start, limit, |row| {
            row.partner.to_string()
        }))
    }
}

impl PartnerStore {
    /// The partner's grants, whatever became of them, the youngest company's first.
    pub async fn list_grants(
        &self,
        start: &Start,
        limit: usize,
    ) -> Result<Listed<GrantRow>, StoreError> {
        let rows = self.grants().await?;
        Ok(Listed::of_all(rows, start, limit, |row| {
            row.company.to_string()
        }))
    }

    /// What the companies of the partner's grants are called; of one that has ended its grant, that is no longer the partner's to know.
    pub async fn company_names(&self, grants: &[GrantRow]) -> Result<OwnerNames, StoreError> {
        let known = grants.iter().filter(|row| match row.state {
            GrantState::Active | GrantState::Suspended => true,
            GrantState::Ended => false,
        });
        let companies = known.map(|row| Owner::Company(row.company));
        self.table.find_owner_names(companies).await
    }
}

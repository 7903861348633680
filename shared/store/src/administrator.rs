//! Administrators of InstaView: a row each, on which each of their requests is counted and told.
//!
//! No route makes or ends them; whoever runs the stack does.

use auth::{AdministratorFacts, Commit, Nonce};
use aws_sdk_dynamodb::types::{ConditionCheck, builders::UpdateBuilder};
use model::{PersonId, Timestamp};

use crate::{
    Committed, LastUse, Stamp, StoreError, Table,
    gate::counted,
    item::{Item, Read, b, item, key, n, s},
    transact::{NEXT, Refused, Transaction, built, next_version, put_new},
};

/// An administrator's row.
#[derive(Debug, Clone)]
pub struct AdministratorRow {
    pub facts: AdministratorFacts,
    pub email: String,
    pub created_at: Timestamp,
    pub rev: u64,
    /// Of the requests counted on it.
    pub total: u64,
    pub last_use: Option<LastUse>,
    pub changed: Stamp,
}

/// A person who is to be an administrator.
#[derive(Debug, Clone)]
pub struct NewAdministrator {
    pub person: PersonId,
    /// The one word by which people know who it is: events name the person by a hash.
    pub email: String,
}

const ENDED: &str = "ended";

impl Table {
    /// An administrator's row, strongly; a former one's too.
    pub async fn find_administrator(
        &self,
        person: &PersonId,
    ) -> Result<Option<AdministratorRow>, StoreError> {
        let row = self
            .find(&self.names.keys, AdministratorRow::key(person))
            .await?;
        row.map(AdministratorRow::read).transpose()
    }

    /// Counts a request of an administrator: the one record of it, with company or partner, operation and reason.
    pub async fn commit_administrator(
        &self,
        person: &PersonId,
        commit: &Commit,
        nonce: Nonce,
        last: &LastUse,
    ) -> Result<Committed<AdministratorRow>, StoreError> {
        let key = AdministratorRow::key(person);
        self.commit(key, commit, nonce, last, AdministratorRow::read)
            .await
    }

    /// Makes a person an administrator; a former one is one again on the same row.
    ///
    /// # Errors
    /// `Conflict` where the person is one.
    pub async fn create_administrator(
        &self,
        new: &NewAdministrator,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::default();
        transaction.put(put_new(&self.names.keys, new.item(stamp))?);
        let met = match transaction.commit(self, stamp.nonce).await? {
            Ok(()) => return Ok(()),
            Err(Refused { row, .. }) => AdministratorRow::read(row.ok_or(StoreError::Conflict)?)?,
        };
        if !met.facts.ended {
            return Err(StoreError::Conflict);
        }
        self.administrator_update(&met, stamp, |next| {
            next.update_expression(format!("{NEXT} ADD #rev :one REMOVE #ended"))
        })
        .await
    }

    /// The person is no administrator any more: the next request is refused. The row stays, because its version must go on.
    ///
    /// # Errors
    /// `Conflict` where the row is no longer `row`, or ended.
    pub async fn end_administrator(
        &self,
        row: &AdministratorRow,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        if row.facts.ended {
            return Err(StoreError::Conflict);
        }
        self.administrator_update(row, stamp, |next| {
            next.update_expression(format!("{NEXT}, #ended = :at ADD #rev :one"))
                .expression_attribute_values(":at", n(stamp.at.millis()))
        })
        .await
    }

    /// What begins and ends, and that it is the next version.
    async fn administrator_update(
        &self,
        row: &AdministratorRow,
        stamp: &Stamp,
        update: impl FnOnce(UpdateBuilder) -> UpdateBuilder,
    ) -> Result<(), StoreError> {
        let key = AdministratorRow::key(&row.facts.person);
        let next = next_version(&self.names.keys, key, row.facts.counted.version, stamp)
            .expression_attribute_names("#ended", ENDED);
        let update = update(next).build().map_err(built)?;
        self.update_alone(update, stamp).await?;
        Ok(())
    }
}

impl NewAdministrator {
    fn item(&self, stamp: &Stamp) -> Item {
        let NewAdministrator { person, email } = self;
        let mut row = AdministratorRow::key(person);
        row.extend(item([
            ("entity", s("administrator")),
            ("person", s(person)),
            ("email", s(email)),
            ("created", n(stamp.at.millis())),
            ("version", n(1)),
            ("rev", n(1)),
            ("total", n(0)),
            ("nonce", b([0; 16])),
            (Stamp::ATTRIBUTE, stamp.value()),
        ]));
        row
    }
}

impl Table {
    /// That the person still is an administrator.
    pub(crate) fn still_administrator(
        &self,
        person: &PersonId,
    ) -> Result<ConditionCheck, StoreError> {
        ConditionCheck::builder()
            .table_name(&self.names.keys)
            .set_key(Some(AdministratorRow::key(person)))
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(#ended)")
            .expression_attribute_names("#ended", ENDED)
            .build()
            .map_err(built)
    }
}

impl AdministratorRow {
    fn key(person: &PersonId) -> Item {
        key(format_args!("ADMIN#{person}"), "ADMIN")
    }

    /// From a row of the table, or an image of its stream.
    pub fn read(row: Item) -> Result<AdministratorRow, StoreError> {
        Ok(AdministratorRow {
            facts: AdministratorFacts {
                person: row.parsed("person")?,
                ended: row.contains_key(ENDED),
                counted: counted(&row)?,
            },
            email: row.text("email")?.to_owned(),
            created_at: row.instant("created")?,
            rev: row.parsed("rev")?,
            total: row.parsed("total")?,
            last_use: LastUse::read(&row)?,
            changed: Stamp::read(&row)?,
        })
    }
}

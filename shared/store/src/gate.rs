//! What the authorizer reads, and the one write that counts a request and proves its facts.

use auth::{Commit, Counted, Grant, MemberFacts, Nonce, Window};
use aws_sdk_dynamodb::{
    error::SdkError,
    operation::update_item::UpdateItemError,
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use model::{CompanyId, KeyId, Owner, PartnerId, PersonId, Timestamp, UserAgent};
use routes::Role;
use std::{fmt::Display, time::Duration};
use tokio::time::timeout;

use crate::{
    GrantRow, KeyRow, SecretUse, Stamp, StoreError, Table,
    item::{Item, Read, b, item, key, n, s, set},
    secret_use::{packed_address, unpacked_address},
    transact::send_past_transactions,
};

/// How the commit ended.
#[derive(Debug)]
pub enum Committed<Row> {
    /// Counted; the row as the write left it.
    Applied(Row),
    /// The row is not as it was thought to be; this is how it is.
    Refused(Row),
    /// There is no such row.
    Missing,
}

impl<Row> Committed<Row> {
    pub fn map<T>(self, change: impl FnOnce(Row) -> T) -> Committed<T> {
        match self {
            Committed::Applied(row) => Committed::Applied(change(row)),
            Committed::Refused(row) => Committed::Refused(change(row)),
            Committed::Missing => Committed::Missing,
        }
    }
}

/// The request that was counted last, as the row remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUse {
    pub at: Timestamp,
    pub source_ip: String,
    pub operation: String,
    pub request_id: String,
    pub company: Option<CompanyId>,
    /// The partner that an administrator acted for.
    pub partner: Option<PartnerId>,
    /// Why an administrator acted.
    pub reason: Option<String>,
    pub secret_suffix: Option<String>,
    pub user_agent: Option<UserAgent>,
}

/// A membership's row.
#[derive(Debug, Clone)]
pub struct MemberRow {
    pub facts: MemberFacts,
    pub email: String,
    pub created_at: Timestamp,
    pub rev: u64,
    /// Of the requests counted on it.
    pub total: u64,
    pub last_use: Option<LastUse>,
    pub changed: Stamp,
}

/// The row of a person's requests outside any company.
#[derive(Debug, Clone)]
pub struct PersonRow {
    pub person: PersonId,
    pub counted: Counted,
    pub rev: u64,
    pub total: u64,
    pub last_use: Option<LastUse>,
}

/// A membership to be written.
#[derive(Debug, Clone)]
pub struct Membership {
    pub person: PersonId,
    pub owner: Owner,
    pub role: Role,
    pub email: String,
}

impl Table {
    /// A key's row, strongly.
    pub async fn find_key(&self, id: KeyId) -> Result<Option<KeyRow>, StoreError> {
        self.find(&self.names.keys, KeyRow::key(id))
            .await?
            .map(KeyRow::read)
            .transpose()
    }

    /// A membership, strongly; one that ended too.
    pub async fn find_member(
        &self,
        person: &PersonId,
        owner: Owner,
    ) -> Result<Option<MemberRow>, StoreError> {
        let row = self
            .find(&self.names.keys, MemberRow::key(person, owner))
            .await?;
        row.map(MemberRow::read).transpose()
    }

    /// The row that counts a person's requests outside any company, strongly.
    pub async fn find_person(&self, person: &PersonId) -> Result<Option<PersonRow>, StoreError> {
        let row = self.find(&self.names.keys, PersonRow::key(person)).await?;
        row.map(PersonRow::read).transpose()
    }

    /// A person's memberships that haven't ended, strongly: the first 100 of them, however many have ended.
    pub async fn list_memberships(&self, person: &PersonId) -> Result<Vec<MemberRow>, StoreError> {
        const MOST: usize = 100;
        let mut pages = self
            .client
            .query()
            .table_name(&self.names.keys)
            .key_condition_expression("pk = :pk")
            .filter_expression("attribute_not_exists(#ended)")
            .expression_attribute_names("#ended", MemberRow::ENDED)
            .expression_attribute_values(":pk", s(MemberRow::pk(person)))
            .consistent_read(true)
            .into_paginator()
            .send();
        let mut rows = Vec::new();
        while let Some(page) = pages.next().await {
            let found = page
                .map_err(StoreError::from_sdk)?
                .items
                .unwrap_or_default();
            for row in found.into_iter().take(MOST - rows.len()) {
                rows.push(MemberRow::read(row)?);
            }
            if rows.len() == MOST {
                break;
            }
        }
        Ok(rows)
    }

    /// The company's side of a partner's right to act for it, strongly.
    pub async fn find_grant(
        &self,
        partner: PartnerId,
        company: CompanyId,
    ) -> Result<Option<Grant>, StoreError> {
        let key = GrantRow::key_of_partner(partner, company);
        let Some(row) = self.find(&self.names.records, key).await? else {
            return Ok(None);
        };
        let row = GrantRow::read(&row)?;
        Ok(Some(Grant {
            state: row.state,
            // Nothing but its state ever changes.
            since: row.updated_at,
            scopes: row.scopes,
        }))
    }

    pub async fn commit_key(
        &self,
        id: KeyId,
        commit: &Commit,
        nonce: Nonce,
        last: &LastUse,
    ) -> Result<Committed<KeyRow>, StoreError> {
        self.commit(KeyRow::key(id), commit, nonce, last, KeyRow::read)
            .await
    }

    pub async fn commit_member(
        &self,
        person: &PersonId,
        owner: Owner,
        commit: &Commit,
        nonce: Nonce,
        last: &LastUse,
    ) -> Result<Committed<MemberRow>, StoreError> {
        self.commit(
            MemberRow::key(person, owner),
            commit,
            nonce,
            last,
            MemberRow::read,
        )
        .await
    }

    /// Makes the row where there is none.
    pub async fn commit_person(
        &self,
        person: &PersonId,
        commit: &Commit,
        nonce: Nonce,
        last: &LastUse,
    ) -> Result<Committed<PersonRow>, StoreError> {
        self.commit(PersonRow::key(person), commit, nonce, last, PersonRow::read)
            .await
    }

    /// The conditional write. A window is an attribute named after itself; nothing is ever reset.
    pub(crate) async fn commit<Row>(
        &self,
        key: Item,
        commit: &Commit,
        nonce: Nonce,
        last: &LastUse,
        read: fn(Item) -> Result<Row, StoreError>,
    ) -> Result<Committed<Row>, StoreError> {
        let mut add = String::from("ADD #total :one, #rev :one");
        let mut condition = String::from("#nonce <> :nonce");
        let mut update = self
            .client
            .update_item()
            .table_name(&self.names.keys)
            .set_key(Some(key))
            .expression_attribute_names("#total", "total")
            .expression_attribute_names("#rev", "rev")
            .expression_attribute_names("#nonce", "nonce")
            .expression_attribute_names("#last", LastUse::ATTRIBUTE)
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":nonce", b(nonce.0))
            .expression_attribute_values(":last", last.value());
        match commit.version {
            Some(version) => {
                condition.push_str(" AND #version = :version");
                update = update
                    .expression_attribute_names("#version", "version")
                    .expression_attribute_values(":version", n(version));
            }
            // A row without facts is made by its first request.
            None => condition = format!("(attribute_not_exists(pk) OR {condition})"),
        }
        for (index, (window, limit)) in commit.count.iter().enumerate() {
            add.push_str(&format!(", #w{index} :one"));
            condition.push_str(&format!(
                " AND (attribute_not_exists(#w{index}) OR #w{index} < :l{index})"
            ));
            update = update
                .expression_attribute_names(format!("#w{index}"), window.to_string())
                .expression_attribute_values(format!(":l{index}"), n(limit));
        }
        let mut set = String::from("SET #nonce = :nonce, #last = :last");
        if let Some(suffix) = &commit.secret_suffix {
            add.push_str(", #uses :one");
            set.push_str(", #used = :used");
            update = update
                .expression_attribute_names("#uses", SecretUse::count_of(suffix))
                .expression_attribute_names("#used", SecretUse::last_of(suffix))
                .expression_attribute_values(":used", SecretUse::packed(last));
        }
        let mut expression = format!("{set} {add}");
        for (index, window) in commit.forget.iter().enumerate() {
            expression.push_str(if index == 0 { " REMOVE " } else { ", " });
            expression.push_str(&format!("#o{index}"));
            update = update.expression_attribute_names(format!("#o{index}"), window.to_string());
        }
        let update = update
            .update_expression(expression)
            .condition_expression(condition)
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let sent = send_past_transactions(update, nonce.0);
        // Any later it might count in a window that others have forgotten.
        let Ok(sent) = timeout(WRITE, sent).await else {
            let why = format!("no answer in {} s", WRITE.as_secs());
            return Err(StoreError::Throttled(why));
        };
        match sent {
            Ok(output) => {
                let row = output.attributes.ok_or(StoreError::Corrupt("ALL_NEW"))?;
                Ok(Committed::Applied(read(row)?))
            }
            Err(error) => match refused_row(error)? {
                // The SDK re-sent a write whose answer was lost: the stamp on the row is ours.
                Some(row) if row.bytes("nonce").is_ok_and(|found| found == nonce.0) => {
                    Ok(Committed::Applied(read(row)?))
                }
                Some(row) => Ok(Committed::Refused(read(row)?)),
                None => Ok(Committed::Missing),
            },
        }
    }

    /// Opens a connection by reading a row that isn't there.
    pub async fn warm_up(&self) -> Result<(), StoreError> {
        self.find(&self.names.keys, key("WARM", "WARM"))
            .await
            .map(|_| ())
    }

    pub(crate) async fn find(&self, table: &str, key: Item) -> Result<Option<Item>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(table)
            .set_key(Some(key))
            .consistent_read(true)
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        Ok(found.item)
    }
}

/// The row that a condition met; an error that is no failed condition stays one.
pub(crate) fn refused_row(error: SdkError<UpdateItemError>) -> Result<Option<Item>, StoreError> {
    match error {
        SdkError::ServiceError(service)
            if service.err().is_conditional_check_failed_exception() =>
        {
            match service.into_err() {
                UpdateItemError::ConditionalCheckFailedException(failed) => Ok(failed.item),
                other => Err(StoreError::Dynamo(other.to_string())),
            }
        }
        other => Err(StoreError::from_sdk(other)),
    }
}

/// The counting part of a row.
pub(crate) fn counted(row: &Item) -> Result<Counted, StoreError> {
    let mut counted = Counted {
        version: row.parsed_if("version")?.unwrap_or_default(),
        nonce: Nonce(row.bytes("nonce")?),
        ..Counted::default()
    };
    for (name, value) in row {
        if let (Some(window), AttributeValue::N(count)) = (Window::parse(name), value) {
            let count = count.parse().map_err(|_| StoreError::Corrupt("window"))?;
            counted.windows.insert(window, count);
        }
    }
    Ok(counted)
}

const WRITE: Duration = Duration::from_secs(auth::WRITE_SECONDS.unsigned_abs());

impl LastUse {
    pub(crate) const ATTRIBUTE: &str = "last";

    fn value(&self) -> AttributeValue {
        let LastUse {
            at,
            source_ip,
            operation,
            request_id,
            company,
            partner,
            reason,
            secret_suffix,
            user_agent,
        } = self;
        // Short, because each authorized request writes the whole row, and 1 KB is one unit.
        let ip = match source_ip.parse() {
            Ok(address) => b(packed_address(address)),
            Err(_) => s(source_ip),
        };
        let mut map = item([
            ("at", n(at.millis())),
            ("ip", ip),
            ("op", s(operation)),
            ("rq", s(request_id)),
        ]);
        set(&mut map, "co", company.map(|id| b(id.to_bytes())));
        set(&mut map, "partner", partner.map(s));
        set(&mut map, "reason", reason.as_ref().map(s));
        set(&mut map, "sx", secret_suffix.as_ref().map(s));
        set(&mut map, "agent", user_agent.as_ref().map(s));
        AttributeValue::M(map)
    }

    pub(crate) fn read(row: &Item) -> Result<Option<LastUse>, StoreError> {
        if !row.contains_key(LastUse::ATTRIBUTE) {
            return Ok(None);
        }
        let map = row.map(LastUse::ATTRIBUTE)?;
        Ok(Some(LastUse {
            at: map.instant("at")?,
            source_ip: match map.get("ip") {
                Some(AttributeValue::B(bytes)) => unpacked_address(bytes.as_ref())
                    .ok_or(StoreError::Corrupt("ip"))?
                    .to_string(),
                _ => map.text("ip")?.to_owned(),
            },
            operation: map.text("op")?.to_owned(),
            request_id: map.text("rq")?.to_owned(),
            company: match map.contains_key("co") {
                true => Some(
                    CompanyId::from_bytes(map.bytes("co")?)
                        .map_err(|_| StoreError::Corrupt("co"))?,
                ),
                false => None,
            },
            partner: map.parsed_if("partner")?,
            reason: map.parsed_if("reason")?,
            secret_suffix: map.parsed_if("sx")?,
            user_agent: map.parsed_if("agent")?,
        }))
    }
}

impl MemberRow {
    pub(crate) const ENTITY: &str = "member";
    pub(crate) const ENDED: &str = "ended";

    fn pk(person: &PersonId) -> impl Display {
        format!("MEMBER#{person}")
    }

    pub(crate) fn key(person: &PersonId, owner: Owner) -> Item {
        key(Self::pk(person), owner)
    }

    pub(crate) fn item(membership: &Membership, stamp: &Stamp) -> Item {
        let Membership {
            person,
            owner,
            role,
            email,
        } = membership;
        let mut row = MemberRow::key(person, *owner);
        row.extend(item([
            ("entity", s(MemberRow::ENTITY)),
            ("person", s(person)),
            ("owner", s(owner)),
            ("role", s(role.as_str())),
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

    /// The row with all that it says but its last use, which no chain knows.
    pub(crate) fn whole(&self) -> Item {
        let MemberRow {
            facts,
            email,
            created_at,
            rev,
            total,
            last_use: _,
            changed,
        } = self;
        let membership = Membership {
            person: facts.person.clone(),
            owner: facts.owner,
            role: facts.role,
            email: email.clone(),
        };
        let mut row = MemberRow::item(&membership, changed);
        row.extend(item([
            ("created", n(created_at.millis())),
            ("version", n(facts.counted.version)),
            ("rev", n(rev)),
            ("total", n(total)),
        ]));
        set(
            &mut row,
            MemberRow::ENDED,
            facts.ended.then(|| n(changed.at.millis())),
        );
        row
    }

    /// From a row of the table, or an image of its stream.
    pub fn read(row: Item) -> Result<MemberRow, StoreError> {
        Ok(MemberRow {
            facts: MemberFacts {
                person: row.parsed("person")?,
                owner: row.parsed("owner")?,
                role: Role::parse(row.text("role")?).ok_or(StoreError::Corrupt("role"))?,
                ended: row.contains_key(MemberRow::ENDED),
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

impl PersonRow {
    fn key(person: &PersonId) -> Item {
        key(format_args!("PERSON#{person}"), "PERSON")
    }

    /// The row with its counters, but without windows and last use, which no chain knows.
    pub(crate) fn item(&self) -> Item {
        let PersonRow {
            person,
            counted,
            rev,
            total,
            last_use: _,
        } = self;
        let mut row = PersonRow::key(person);
        row.extend(item([
            ("rev", n(rev)),
            ("total", n(total)),
            ("nonce", b(counted.nonce.0)),
        ]));
        row
    }

    /// From a row of the table, or an image of its stream.
    pub fn read(row: Item) -> Result<PersonRow, StoreError> {
        let person = row
            .text("pk")?
            .strip_prefix("PERSON#")
            .ok_or(StoreError::Corrupt("pk"))?;
        Ok(PersonRow {
            person: person.parse().map_err(|_| StoreError::Corrupt("pk"))?,
            counted: counted(&row)?,
            rev: row.parsed("rev")?,
            total: row.parsed("total")?,
            last_use: LastUse::read(&row)?,
        })
    }
}

//! Sessions of the dashboard: a table of its own, because nobody's trail tells of them and nobody else reads them.
//!
//! A person's sessions are listed by name on a row of the person, changed in the same transaction, so that all of them can be ended without asking an index that may be late.

use auth::SessionName;
use aws_sdk_dynamodb::types::{AttributeValue, Delete};
use chrono::Duration;
use model::{AdminReason, Owner, PersonId, Timestamp};
use routes::Role;

use crate::{
    StoreError, Table,
    item::{Item, Read, item, key, list, n, s, set},
    transact::{Refused, Transaction, built, put_at_rev, put_new},
};

/// One browser that somebody signed in with.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionRow {
    pub name: SessionName,
    /// The two that name a person.
    pub issuer: String,
    pub subject: String,
    /// The verified address, to show and to accept invitations with.
    pub email: Option<String>,
    /// When the person last proved who they are.
    pub auth_time: Timestamp,
    pub created_at: Timestamp,
    pub seen_at: Timestamp,
    /// The roles that were seen: another one ends the session.
    pub roles: Vec<(Owner, Role)>,
    /// Why the person acts as an administrator just now.
    pub reason: Option<AdminReason>,
}

impl SessionRow {
    const IDLE: Duration = Duration::minutes(30);
    const ABSOLUTE: Duration = Duration::hours(12);
    /// A request moves the idle end on at most this often, so that most need no write.
    const TOUCHED_AFTER: Duration = Duration::minutes(1);

    pub fn person(&self) -> PersonId {
        PersonId::new(&self.issuer, &self.subject)
    }

    pub fn is_live(&self, now: Timestamp) -> bool {
        now.since(self.seen_at) < Self::IDLE && now.since(self.created_at) < Self::ABSOLUTE
    }

    pub fn wants_touch(&self, now: Timestamp) -> bool {
        now.since(self.seen_at) >= Self::TOUCHED_AFTER
    }

    fn ends(&self) -> Timestamp {
        self.created_at.plus(Self::ABSOLUTE)
    }
}

/// A person's sessions beyond these end, the oldest first.
const MOST: usize = 10;

impl Table {
    /// # Errors
    /// `Conflict` where the person began or ended another one meanwhile.
    pub async fn create_session(
        &self,
        row: &SessionRow,
        nonce: [u8; 16],
    ) -> Result<(), StoreError> {
        let person = row.person();
        let (mut names, rev) = self.session_names(&person).await?;
        let mut step = Transaction::default();
        step.put(put_new(&self.names.sessions, session_item(row))?);
        names.push(model::hex(&row.name));
        while names.len() > MOST {
            step.delete(self.session_deletion(&names.remove(0))?);
        }
        self.put_names(&mut step, &person, &names, rev, row.ends())?;
        committed(step.commit(self, nonce).await?)
    }

    pub async fn find_session(&self, name: &SessionName) -> Result<Option<SessionRow>, StoreError> {
        let key = session_key(&model::hex(name));
        let row = self.find(&self.names.sessions, key).await?;
        row.map(|row| read_session(*name, &row)).transpose()
    }

    /// Notes that the session was used, and what was learnt of it; one that has ended stays so.
    ///
    /// # Errors
    /// `Conflict` where it has ended.
    pub async fn update_session(&self, row: &SessionRow) -> Result<(), StoreError> {
        let sent = self
            .client
            .put_item()
            .table_name(&self.names.sessions)
            .set_item(Some(session_item(row)))
            .condition_expression("attribute_exists(pk)")
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Err(StoreError::Conflict)
            }
            Err(error) => Err(StoreError::from_sdk(error)),
        }
    }

    /// Ends it, whether or not it has ended already.
    pub async fn end_session(&self, name: &SessionName) -> Result<(), StoreError> {
        let deleted = self
            .client
            .delete_item()
            .table_name(&self.names.sessions)
            .set_key(Some(session_key(&model::hex(name))))
            .send()
            .await;
        deleted.map(drop).map_err(StoreError::from_sdk)
    }

    /// Ends all sessions of a person.
    ///
    /// # Errors
    /// `Conflict` where one began or ended meanwhile: none has been ended then.
    pub async fn end_sessions_of(
        &self,
        person: &PersonId,
        now: Timestamp,
        nonce: [u8; 16],
    ) -> Result<(), StoreError> {
        let (names, rev) = self.session_names(person).await?;
        let mut step = Transaction::default();
        for name in &names {
            step.delete(self.session_deletion(name)?);
        }
        self.put_names(&mut step, person, &[], rev, now.plus(SessionRow::ABSOLUTE))?;
        committed(step.commit(self, nonce).await?)
    }

    async fn session_names(&self, person: &PersonId) -> Result<(Vec<String>, u64), StoreError> {
        let row = self.find(&self.names.sessions, person_key(person)).await?;
        let Some(row) = row else {
            return Ok((Vec::new(), 0));
        };
        let names = row.texts("names")?.into_iter().map(str::to_owned);
        Ok((names.collect(), row.parsed("rev")?))
    }

    fn session_deletion(&self, name: &str) -> Result<Delete, StoreError> {
        Delete::builder()
            .table_name(&self.names.sessions)
            .set_key(Some(session_key(name)))
            .build()
            .map_err(built)
    }

    fn put_names(
        &self,
        step: &mut Transaction,
        person: &PersonId,
        names: &[String],
        rev: u64,
        ends: Timestamp,
    ) -> Result<(), StoreError> {
        let mut row = person_key(person);
        row.extend(item([
            ("entity", s("sessions")),
            ("names", list(names)),
            ("rev", n(rev + 1)),
            ("ttl", n(ends.seconds())),
        ]));
        step.put(match rev {
            0 => put_new(&self.names.sessions, row)?,
            rev => put_at_rev(&self.names.sessions, row, rev)?,
        });
        Ok(())
    }
}

fn committed(outcome: Result<(), Refused>) -> Result<(), StoreError> {
    outcome.map_err(|_| StoreError::Conflict)
}

fn session_key(name: &str) -> Item {
    key(format!("SESSION#{name}"), "SESSION")
}

fn person_key(person: &PersonId) -> Item {
    key(format!("PERSON#{person}"), "SESSIONS")
}

fn session_item(row: &SessionRow) -> Item {
    let SessionRow {
        name,
        issuer,
        subject,
        email,
        auth_time,
        created_at,
        seen_at,
        roles,
        reason,
    } = row;
    let mut stored = session_key(&model::hex(name));
    stored.extend(item([
        ("entity", s("session")),
        ("issuer", s(issuer)),
        ("subject", s(subject)),
        ("authTime", n(auth_time.millis())),
        ("created", n(created_at.millis())),
        ("seen", n(seen_at.millis())),
        (
            "roles",
            AttributeValue::M(
                roles
                    .iter()
                    .map(|(owner, role)| (owner.to_string(), s(role.as_str())))
                    .collect(),
            ),
        ),
        ("ttl", n(row.ends().seconds())),
    ]));
    set(&mut stored, "email", email.as_ref().map(s));
    set(&mut stored, "reason", reason.as_ref().map(s));
    stored
}

fn read_session(name: SessionName, row: &Item) -> Result<SessionRow, StoreError> {
    let roles = row.map("roles")?.iter().map(|(owner, role)| {
        let owner = owner.parse().map_err(|_| StoreError::Corrupt("roles"))?;
        let role = role.as_s().ok().and_then(|role| Role::parse(role));
        Ok((owner, role.ok_or(StoreError::Corrupt("roles"))?))
    });
    Ok(SessionRow {
        name,
        issuer: row.text("issuer")?.to_owned(),
        subject: row.text("subject")?.to_owned(),
        email: row.parsed_if("email")?,
        auth_time: row.instant("authTime")?,
        created_at: row.instant("created")?,
        seen_at: row.instant("seen")?,
        roles: roles.collect::<Result<_, StoreError>>()?,
        reason: row.parsed_if("reason")?,
    })
}

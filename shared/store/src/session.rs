//! Sessions of the dashboard: a table of its own, because nobody's trail tells of them and nobody else reads them.
//!
//! A person's sessions are listed by name on a row of the person, changed in the same transaction, so that all of them can be ended without asking an index that may be late.

use auth::SessionName;
use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, Delete},
};
use chrono::Duration;
use model::{AdminReason, Owner, PersonId, Timestamp};
use routes::Role;

#[cfg(test)]
mod tests;

use crate::{
    StoreError, Table,
    item::{Item, Read, item, key, list, n, s, set},
    transact::{Transaction, built, put_at_rev, put_new, send_past_transactions},
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
    /// No session lasts longer, however much it is used.
    pub const LIFETIME: Duration = Duration::hours(12);
    /// A request moves the idle end on at most this often, so that most need no write.
    const TOUCHED_AFTER: Duration = Duration::minutes(1);

    pub fn person(&self) -> PersonId {
        PersonId::new(&self.issuer, &self.subject)
    }

    pub fn is_live(&self, now: Timestamp) -> bool {
        now.since(self.seen_at) < Self::IDLE && now.since(self.created_at) < Self::LIFETIME
    }

    pub fn wants_touch(&self, now: Timestamp) -> bool {
        now.since(self.seen_at) >= Self::TOUCHED_AFTER
    }

    fn ends(&self) -> Timestamp {
        self.created_at.plus(Self::LIFETIME)
    }
}

/// What a form said, and the one id that it was sent with.
pub type FormDigest = [u8; 32];

/// A person's sessions beyond these end, the oldest first.
const MOST: usize = 10;
/// How often a list that keeps changing is read anew.
const TRIES: usize = 5;

impl Table {
    /// `nonce`: random, new for each call.
    ///
    /// # Errors
    /// `Conflict` where the person kept beginning and ending others meanwhile.
    pub async fn create_session(
        &self,
        row: &SessionRow,
        nonce: impl Fn() -> [u8; 16],
    ) -> Result<(), StoreError> {
        self.change_sessions(&row.person(), row.ends(), nonce, |names, step| {
            step.put(put_new(&self.names.sessions, session_item(row))?);
            names.push(model::hex(&row.name));
            while names.len() > MOST {
                step.delete(self.session_deletion(&names.remove(0))?);
            }
            Ok(())
        })
        .await
    }

    pub async fn find_session(&self, name: &SessionName) -> Result<Option<SessionRow>, StoreError> {
        let key = session_key(&model::hex(name));
        let row = self.find(&self.names.sessions, key).await?;
        row.map(|row| read_session(*name, &row)).transpose()
    }

    /// Notes that the session was used.
    ///
    /// # Errors
    /// `Conflict` where it has ended.
    pub async fn touch_session(
        &self,
        name: &SessionName,
        at: Timestamp,
        nonce: [u8; 16],
    ) -> Result<(), StoreError> {
        self.update_session(name, nonce, |update| {
            update
                .update_expression("SET #seen = :at")
                .expression_attribute_names("#seen", "seen")
                .expression_attribute_values(":at", n(at.millis()))
        })
        .await
    }

    /// Notes a role that was seen; of two that were seen at once the first stands, and the other ends the session when it is met again.
    ///
    /// # Errors
    /// `Conflict` where it has ended.
    pub async fn note_session_role(
        &self,
        name: &SessionName,
        owner: Owner,
        role: Role,
        nonce: [u8; 16],
    ) -> Result<(), StoreError> {
        self.update_session(name, nonce, |update| {
            update
                .update_expression("SET #roles.#owner = if_not_exists(#roles.#owner, :role)")
                .expression_attribute_names("#roles", "roles")
                .expression_attribute_names("#owner", owner.to_string())
                .expression_attribute_values(":role", s(role.as_str()))
        })
        .await
    }

    /// Holds why the person acts as an administrator, or that they no longer do.
    ///
    /// # Errors
    /// `Conflict` where it has ended.
    pub async fn set_session_reason(
        &self,
        name: &SessionName,
        reason: Option<&AdminReason>,
        nonce: [u8; 16],
    ) -> Result<(), StoreError> {
        self.update_session(name, nonce, |update| {
            let update = update.expression_attribute_names("#reason", "reason");
            match reason {
                None => update.update_expression("REMOVE #reason"),
                Some(reason) => update
                    .update_expression("SET #reason = :reason")
                    .expression_attribute_values(":reason", s(reason)),
            }
        })
        .await
    }

    /// Changes what the update names and nothing else, because other tabs change the rest meanwhile; what has ended stays so.
    async fn update_session(
        &self,
        name: &SessionName,
        nonce: [u8; 16],
        update: impl FnOnce(UpdateItemFluentBuilder) -> UpdateItemFluentBuilder,
    ) -> Result<(), StoreError> {
        let begun = self
            .client
            .update_item()
            .table_name(&self.names.sessions)
            .set_key(Some(session_key(&model::hex(name))))
            .condition_expression("attribute_exists(pk)");
        match send_past_transactions(update(begun), nonce).await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Err(StoreError::Conflict)
            }
            Err(error) => Err(StoreError::from_sdk(error)),
        }
    }

    /// Ends it, whether or not it has ended already, and makes room for another.
    ///
    /// # Errors
    /// As of [`Table::create_session`].
    pub async fn end_session(
        &self,
        row: &SessionRow,
        now: Timestamp,
        nonce: impl Fn() -> [u8; 16],
    ) -> Result<(), StoreError> {
        let ends = now.plus(SessionRow::LIFETIME);
        self.change_sessions(&row.person(), ends, nonce, |names, step| {
            let name = model::hex(&row.name);
            step.delete(self.session_deletion(&name)?);
            names.retain(|other| *other != name);
            Ok(())
        })
        .await
    }

    /// Ends all sessions of a person.
    ///
    /// # Errors
    /// As of [`Table::create_session`]: none has been ended then.
    pub async fn end_sessions_of(
        &self,
        person: &PersonId,
        now: Timestamp,
        nonce: impl Fn() -> [u8; 16],
    ) -> Result<(), StoreError> {
        let ends = now.plus(SessionRow::LIFETIME);
        self.change_sessions(person, ends, nonce, |names, step| {
            for name in names.drain(..) {
                step.delete(self.session_deletion(&name)?);
            }
            Ok(())
        })
        .await
    }

    /// Changes the list of a person's sessions together with what it lists; another browser may do so at once.
    async fn change_sessions(
        &self,
        person: &PersonId,
        ends: Timestamp,
        nonce: impl Fn() -> [u8; 16],
        change: impl Fn(&mut Vec<String>, &mut Transaction) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            let (mut names, rev) = self.session_names(person).await?;
            let mut step = Transaction::default();
            change(&mut names, &mut step)?;
            self.put_names(&mut step, person, &names, rev, ends)?;
            if step.commit(self, nonce()).await?.is_ok() {
                return Ok(());
            }
        }
        Err(StoreError::Conflict)
    }

    /// Whether such a form was sent in the session, and has counted.
    pub async fn is_form_done(
        &self,
        session: &SessionName,
        form: &FormDigest,
    ) -> Result<bool, StoreError> {
        let found = self.find(&self.names.sessions, form_key(session, form));
        Ok(found.await?.is_some())
    }

    /// Notes that it has counted, for as long as the session may last.
    pub async fn note_form_done(
        &self,
        session: &SessionRow,
        form: &FormDigest,
    ) -> Result<(), StoreError> {
        let mut row = form_key(&session.name, form);
        row.extend(item([
            ("entity", s("form")),
            ("ttl", n(session.ends().seconds())),
        ]));
        let put = self
            .client
            .put_item()
            .table_name(&self.names.sessions)
            .set_item(Some(row))
            .send()
            .await;
        put.map(drop).map_err(StoreError::from_sdk)
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

fn session_key(name: &str) -> Item {
    key(format!("SESSION#{name}"), "SESSION")
}

fn form_key(session: &SessionName, form: &FormDigest) -> Item {
    let session = format!("SESSION#{}", model::hex(session));
    key(session, format!("FORM#{}", model::hex(form)))
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

//! Who is at the browser: the session that its cookie names.

use api::NotReadAgain;
use auth::{AccessToken, SessionCookie};
use chrono::Duration;
use model::{Owner, PersonId, Timestamp};
use routes::Role;
use store::{SessionRow, StoreError};

use crate::{answer::Stop, visit::Visit};

/// A live session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) cookie: SessionCookie,
    pub(crate) row: SessionRow,
}

/// Why it can't be said who asks.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoPage {
    #[error("the dashboard has no secret of sessions")]
    NoKeys,
    #[error("sessions: {0}")]
    Keys(#[from] NotReadAgain),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Session {
    /// A sign-in that is at most this old opens what is dangerous, and sends it.
    const FRESH: Duration = Duration::minutes(15);

    /// The session that the browser's cookie names, if it lives.
    pub(crate) async fn find(
        visit: &Visit<'_>,
        cookie: SessionCookie,
    ) -> Result<Option<Session>, NoPage> {
        let Some(name) = visit.keys.name(&cookie) else {
            return Ok(None);
        };
        let table = &visit.app().table;
        let Some(mut row) = table.find_session(&name).await? else {
            return Ok(None);
        };
        if !row.is_live(visit.now) {
            return Ok(None);
        }
        if row.wants_touch(visit.now) {
            row.seen_at = visit.now;
            let nonce = visit.app().entropy.bytes();
            match table.touch_session(&name, visit.now, nonce).await {
                Ok(()) => {}
                // It was ended a moment ago.
                Err(StoreError::Conflict) => return Ok(None),
                Err(fault) => return Err(fault.into()),
            }
        }
        Ok(Some(Session { cookie, row }))
    }

    /// Who asks, as the authorizer knows people.
    pub(crate) fn person(&self) -> AccessToken {
        AccessToken {
            issuer: self.row.issuer.clone(),
            subject: self.row.subject.clone(),
            auth_time: self.row.auth_time.millis(),
            email: self.row.email.clone(),
        }
    }

    /// Whether the sign-in is young enough for a form that does something dangerous, or for showing that form.
    fn is_fresh(&self, now: Timestamp) -> bool {
        now.since(self.row.auth_time) <= Self::FRESH
    }
}

impl Visit<'_> {
    /// Wanted by whatever gives more than there was, or can't be undone.
    ///
    /// # Errors
    /// The person has to sign in anew first.
    pub(crate) fn fresh(&self) -> Result<(), Stop> {
        match self.session()?.is_fresh(self.now) {
            true => Ok(()),
            false => Err(Stop::SignInAnew),
        }
    }

    /// Compares what the decision says of the person's role with what the session has seen: another one, or none any more, ends it, before anything is done in it.
    pub(crate) async fn compare_role(&self, owner: Owner, said: Said) -> Result<(), Stop> {
        let row = &self.session()?.row;
        let known = row.roles.iter().find(|(known, _)| *known == owner);
        match (known.map(|(_, role)| *role), said) {
            (Some(known), Said::Role(role)) if known != role => {}
            // It was enough before.
            (Some(known), Said::Needs(role)) if known >= role => {}
            (Some(_), Said::NoMember) => {}
            (None, Said::Role(role)) => {
                let nonce = self.app().entropy.bytes();
                let table = &self.app().table;
                let noted = table.note_session_role(&row.name, owner, role, nonce);
                return noted.await.map_err(ended_or_fault);
            }
            _ => return Ok(()),
        }
        self.end_session().await?;
        Err(Stop::RoleChanged)
    }

    /// Ends this session.
    pub(crate) async fn end_session(&self) -> Result<(), Stop> {
        let row = &self.session()?.row;
        let ended = self.app().table.end_session(row, self.now, self.nonces());
        ended.await.map_err(fault)
    }

    /// Ends all sessions of somebody.
    pub(crate) async fn end_sessions_of(&self, person: &PersonId) -> Result<(), Stop> {
        let table = &self.app().table;
        let ended = table.end_sessions_of(person, self.now, self.nonces());
        ended.await.map_err(fault)
    }

    pub(crate) fn nonces(&self) -> impl Fn() -> [u8; 16] + use<> {
        let entropy = self.app().entropy;
        move || entropy.bytes()
    }
}

/// What a decision says of the person's role.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Said {
    Role(Role),
    /// It has refused for want of this one.
    Needs(Role),
    NoMember,
}

/// Of a session that is changed: it may have ended a moment ago.
pub(crate) fn ended_or_fault(error: StoreError) -> Stop {
    match error {
        StoreError::Conflict => Stop::SignIn,
        error => fault(error),
    }
}

/// Our own fault, as the API says it.
pub(crate) fn fault(error: impl Into<api::ApiError>) -> Stop {
    crate::ask::problem(&error.into()).into()
}

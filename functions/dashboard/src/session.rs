//! Who is at the browser: the session that its cookie names.

use auth::{AccessToken, SessionCookie};
use chrono::Duration;
use model::{Owner, Timestamp};
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
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Session {
    /// A sign-in that is at most this old opens what is dangerous, and sends it.
    const FRESH: Duration = Duration::minutes(15);

    /// The session that the browser's cookie names, if it lives.
    pub(crate) async fn find(visit: &Visit<'_>) -> Result<Option<Session>, NoPage> {
        let sent = visit.cookie(visit.cookies().session_name());
        let Some(cookie) = sent.and_then(SessionCookie::parse) else {
            return Ok(None);
        };
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
            match table.update_session(&row).await {
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

    /// Compares the role with the one that the session knows: another one ends it.
    pub(crate) async fn note_role(&self, owner: Owner, role: Role) -> Result<(), Stop> {
        let row = &self.session()?.row;
        let table = &self.app().table;
        let known = row.roles.iter().find(|(known, _)| *known == owner);
        match known {
            Some((_, known)) if *known == role => Ok(()),
            Some(_) => {
                table.end_session(&row.name).await.map_err(fault)?;
                Err(Stop::RoleChanged)
            }
            None => {
                let mut row = row.clone();
                row.roles.push((owner, role));
                match table.update_session(&row).await {
                    Ok(()) => Ok(()),
                    Err(StoreError::Conflict) => Err(Stop::SignIn),
                    Err(error) => Err(fault(error)),
                }
            }
        }
    }
}

/// Our own fault, as the API says it.
pub(crate) fn fault(error: impl Into<api::ApiError>) -> Stop {
    crate::ask::problem(&error.into()).into()
}

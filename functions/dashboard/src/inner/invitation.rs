//! An invitation, as whoever it was sent to sees and accepts it in a browser.
//!
//! What the session knows of the person comes in the query, and only the dashboard asks: there is no route to here from outside.

use api::{ApiError, Call, Reply};
use auth::InvitationToken;
use chrono::Duration;
use model::{Owner, Timestamp};
use routes::inner::dashboard::Operation;
use serde::{Deserialize, Serialize};

/// Who invites whom to what.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InvitationView {
    /// What the company or partner is called.
    pub(crate) name: Option<String>,
    pub(crate) is_partner: bool,
    pub(crate) inviter: String,
    pub(crate) email: String,
    pub(crate) role: String,
    pub(crate) expires_at: Timestamp,
}

/// How old a sign-in may be that shows whose address it is: as old as the token that shows it to the API.
pub(crate) const FRESH: Duration = Duration::seconds(auth::MAX_ID_TOKEN_AGE_SECONDS);

/// # Errors
/// The one 404 of accepting it, also for whoever has not shown that the invited address is theirs.
pub(super) async fn get(call: &Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let (token, email) = (
        input.id::<InvitationToken>("token"),
        input.query("verifiedEmail"),
    );
    let (token, email) = input.finish(token.zip(email))?;
    let bearer = call.bearer()?;
    let keys = call.invitation_keys(&token).await?;
    let invited = bearer.find_invitation(&keys, &token).await?;
    let invited = invited.filter(|invited| {
        invited.row.is_open(call.now) && email.is_some_and(|email| invited.row.is_for(email))
    });
    let invited = invited.ok_or_else(|| ApiError::NotFound {
        kind: "member",
        id: bearer.person().map(ToString::to_string).unwrap_or_default(),
    })?;
    let row = &invited.row;
    call.ok(&InvitationView {
        name: invited.owner_name().await?,
        is_partner: matches!(row.owner, Owner::Partner(_)),
        inviter: row.inviter_name.clone(),
        email: row.email.clone(),
        role: row.role.as_str().to_owned(),
        expires_at: row.expires_at,
    })
}

pub(super) async fn accept(call: &Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let token = input.id::<InvitationToken>("token");
    let (email, signed_in) = (input.query("verifiedEmail"), input.instant("signedInAt"));
    let parts = token.zip(email).zip(signed_in);
    let ((token, email), signed_in) = input.finish(parts)?;
    let email = email.filter(|_| signed_in.is_some_and(|at| is_fresh(at, call.now)));
    keys::join(call, &token, email).await
}

/// Whether a sign-in of that instant shows enough now.
pub(crate) fn is_fresh(signed_in: Timestamp, now: Timestamp) -> bool {
    now.since(signed_in) <= FRESH
}

#[cfg(test)]
mod tests {
    use super::{FRESH, is_fresh};
    use chrono::Duration;
    use model::Timestamp;

    #[test]
    fn a_sign_in_shows_an_address_for_five_minutes() {
        let at = Timestamp::from_millis(1_800_000_000_000).expect("an instant");
        assert!(is_fresh(at, at));
        assert!(is_fresh(at, at.plus(FRESH)));
        assert!(!is_fresh(at, at.plus(FRESH + Duration::milliseconds(1))));
        assert_eq!(FRESH, Duration::minutes(5));
    }
}

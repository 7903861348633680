//! Accepting an invitation: the one way in which a person becomes a member.

use api::{ApiError, Call, ConflictReason, Reply, Unbelieved, retried};
use auth::{IdToken, InvitationToken};
use model::{
    Acceptance, Fault, Member, MemberId, MemberStatus, PersonId, RoleText, Rule, TokenText,
};
use routes::{Operation, keys};
use store::{Membership, StoreError};

/// The bearer, who shows by a fresh ID token that the invited address is theirs, becomes a member.
///
/// # Errors
/// One 404, byte for byte, whatever is wrong with the invitation or the address: it says nothing of any invitation.
pub(crate) async fn accept(call: Call<'_, keys::Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let (token, body) = (
        input.id::<InvitationToken>("token"),
        input.body::<Acceptance>(),
    );
    let (token, Acceptance { id_token }) = input.finish(token.zip(body))?;
    let bearer = call.bearer()?;
    let person = bearer
        .person()
        .ok_or_else(|| ApiError::internal("a key accepts an invitation"))?;
    let shown = shown(&call, &id_token, person).await?;
    join(&call, &token, shown.verified_email.as_deref()).await
}

/// The bearer becomes a member, if the invitation stands and is for this address: the one that the bearer has shown to be theirs, at most 5 minutes ago.
///
/// # Errors
/// As [`accept`].
pub async fn join<Op: Operation>(
    call: &Call<'_, Op>,
    token: &InvitationToken,
    verified_email: Option<&str>,
) -> Result<Reply, ApiError> {
    let bearer = call.bearer()?;
    let person = bearer
        .person()
        .ok_or_else(|| ApiError::internal("a key accepts an invitation"))?;
    // The token is a credential: the answer names the membership that isn't to be.
    let refused = || ApiError::NotFound {
        kind: "member",
        id: person.to_string(),
    };
    let keys = call.invitation_keys(token).await?;
    let invited = bearer.find_invitation(&keys, token).await?;
    let store = invited.as_ref().ok_or_else(refused)?.store().clone();
    call.once(&store, async |once| {
        retried(|| async {
            // Before the invitation: whoever is a member by this very invitation finds it used.
            let met = bearer.find_membership(store.owner()).await?;
            let invited = bearer.find_invitation(&keys, token).await?;
            let invited = invited.filter(|invited| invited.row.is_open(call.now));
            let invited = invited.ok_or_else(refused)?;
            let address = verified_email.filter(|address| invited.row.is_for(address));
            let member = Membership {
                person: person.clone(),
                owner: invited.row.owner,
                role: invited.row.role,
                email: address.ok_or_else(refused)?.to_owned(),
            };
            if met.as_ref().is_some_and(|met| !met.facts.ended) {
                return Err(ApiError::Conflict(ConflictReason::Duplicate));
            }
            let version = met.as_ref().map_or(1, |met| met.facts.counted.version + 1);
            let view = Member {
                id: MemberId::Person(person.clone()),
                company_id: member.owner.company(),
                partner_id: member.owner.partner(),
                email: member.email.clone(),
                role: RoleText(member.role),
                status: MemberStatus::Active,
                expires_at: None,
                version,
                created_at: call.now,
                updated_at: call.now,
            };
            let reply = call.ok(&view)?.version(version);
            let remembered = once.remember(&reply);
            let stamp = call.stamp(None)?;
            let accepted = invited
                .accept(&member, met.as_ref(), &stamp, remembered.as_ref())
                .await;
            accepted.map_err(|error| match error {
                StoreError::NotFound => refused(),
                StoreError::Full => ApiError::Conflict(ConflictReason::MemberLimit),
                other => other.into(),
            })?;
            Ok(reply)
        })
        .await
    })
    .await
}

/// What the ID token says, which must be the bearer's own.
async fn shown(
    call: &Call<'_, keys::Operation>,
    text: &TokenText,
    bearer: &PersonId,
) -> Result<IdToken, ApiError> {
    let read = call.issuer()?.id_token(text.as_str(), call.now).await;
    match read {
        Ok(token) if PersonId::new(&token.issuer, &token.subject) == *bearer => Ok(token),
        Err(Unbelieved::Unavailable(away)) => Err(ApiError::unavailable(away)),
        Ok(_) | Err(Unbelieved::Refused(_)) => {
            let message = "is no ID token of the bearer that is at most 5 minutes old";
            Err(Fault::new("/idToken", Rule::Format, message).into())
        }
    }
}

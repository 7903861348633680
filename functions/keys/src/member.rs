//! The people of a company or partner: listed, invited, given other roles, removed.

use api::{ApiError, Call, ConflictReason, Reply, retried};
use model::{
    InvitationRequest, InvitationState, MemberId, MemberStatus, PersonId, RoleChange, RoleText,
};
use routes::{Role, keys::Operation};
use store::{InvitationRow, MEMBER_LIMIT, MemberRow, OwnerStore};

pub(crate) async fn list(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let (page, ()) = call.finish_list(call.input(), Some(())).await?;
    let store = call.owner()?;
    let listed = store
        .list_members(&page.start, page.limit, call.now)
        .await?;
    let answer = call.page(&page, listed, |member| member).await?;
    call.ok(&answer)
}

pub(crate) async fn invite(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let request = input.body::<InvitationRequest>();
    let InvitationRequest { email, role } = input.finish(request)?;
    let RoleText(role) = role;
    let store = call.owner()?;
    call.once(&store, async |once| {
        if role != Role::Member && call.principal()?.role() < Some(Role::Owner) {
            return Err(ApiError::needs_role(Role::Owner));
        }
        // Two who ask at one instant may both be heard: then there are two mails, and the second is of no use once the first is accepted.
        let all = store.all_members(call.now).await?;
        let same = |other: &str| other.eq_ignore_ascii_case(&email);
        if all.iter().any(|member| same(&member.email)) {
            return Err(ApiError::Conflict(ConflictReason::Duplicate));
        }
        // Whoever accepts meets the limit itself; here it only spares a mail that would be in vain.
        let active = all
            .iter()
            .filter(|member| member.status == MemberStatus::Active);
        if active.count() >= MEMBER_LIMIT as usize {
            return Err(ApiError::Conflict(ConflictReason::MemberLimit));
        }
        let inviter = call.bearer()?.find_membership(store.owner()).await?;
        let inviter = inviter.filter(|row| !row.facts.ended);
        let inviter = inviter.ok_or(ApiError::CompanyDenied)?;
        let stamp = call.stamp(None)?;
        let new = call.invitation(store.owner(), &email, role, inviter.email, &stamp);
        let reply = call.created(&new.view())?.version(new.version);
        store
            .create_invitation(&new, once.remember(&reply).as_ref())
            .await?;
        Ok(reply)
    })
    .await
}

pub(crate) async fn update(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let (id, body) = (input.id::<MemberId>("memberId"), input.body::<RoleChange>());
    let (id, RoleChange { role }) = input.finish(id.zip(body))?;
    let RoleText(role) = role;
    let store = call.owner()?;
    retried(|| async {
        let (view, version) = match found(&call, &store, &id).await? {
            Found::Member(member) => {
                let after = match member.facts.role == role {
                    true => *member,
                    false => store.change_role(&member, role, &call.stamp(None)?).await?,
                };
                (after.view(), after.facts.counted.version)
            }
            Found::Invitation(invitation) => {
                let mut after = *invitation;
                if after.role != role {
                    let old = after;
                    after = old.becoming(InvitationState::Open, role, &call.stamp(None)?);
                    store.update_invitation(&old, &after).await?;
                }
                (after.view(), after.version)
            }
        };
        Ok(call.ok(&view)?.version(version))
    })
    .await
}

pub(crate) async fn delete(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let id = input.id::<MemberId>("memberId");
    let id = input.finish(id)?;
    let store = call.owner()?;
    retried(|| async {
        let stamp = call.stamp(None)?;
        match found(&call, &store, &id).await? {
            Found::Member(member) => store.end_member(&member, &stamp).await?,
            Found::Invitation(old) => {
                let new = old.becoming(InvitationState::Withdrawn, old.role, &stamp);
                store.update_invitation(&old, &new).await?;
            }
        }
        call.ok(&true)
    })
    .await
}

enum Found {
    Member(Box<MemberRow>),
    Invitation(Box<InvitationRow>),
}

/// Who is a member or invited now, in the version that the client wants changed.
async fn found(
    call: &Call<'_, Operation>,
    store: &OwnerStore,
    id: &MemberId,
) -> Result<Found, ApiError> {
    let missing = || ApiError::NotFound {
        kind: "member",
        id: id.to_string(),
    };
    match id {
        MemberId::Person(person) => {
            let member = member(store, person).await?.ok_or_else(missing)?;
            call.if_match().check(member.facts.counted.version)?;
            Ok(Found::Member(Box::new(member)))
        }
        MemberId::Invitation(id) => {
            let invitation = store.find_invitation(*id).await?;
            let open = invitation.filter(|row| row.is_open(call.now));
            let invitation = open.ok_or_else(missing)?;
            call.if_match().check(invitation.version)?;
            Ok(Found::Invitation(Box::new(invitation)))
        }
    }
}

async fn member(store: &OwnerStore, person: &PersonId) -> Result<Option<MemberRow>, ApiError> {
    let row = store.find_member(person).await?;
    Ok(row.filter(|row| !row.facts.ended))
}

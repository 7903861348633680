//! Partners, as administrators manage them.

use api::{ApiError, Call, Reply, retried};
use model::{Owner, PartnerId, PartnerPatch, PartnerRequest};
use routes::{Role, keys::Operation};
use store::{NewPartner, StoredPartner};

pub(crate) async fn list(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let (page, ()) = call.finish_list(call.input(), Some(())).await?;
    let partners = call.administration()?;
    let listed = partners.list_partners(&page.start, page.limit).await?;
    let answer = call.page(&page, listed, |row| row.view()).await?;
    call.ok(&answer)
}

pub(crate) async fn create(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let request = input.body::<PartnerRequest>();
    let (fields, owner_email) = input.finish(request)?.into_parts();
    let store = call.administration()?;
    call.once(&store, async |once| {
        let id = PartnerId::new(call.now, call.entropy().bytes());
        let new = NewPartner::new(id, &fields);
        let reply = call.created(&new.made(call.now).view())?.version(1);
        let (stamp, remembered) = (call.stamp(None)?, once.remember(&reply));
        let owner = Owner::Partner(id);
        let invitation = call.invitation(owner, &owner_email, Role::Owner, "InstaView", &stamp);
        store
            .create_partner(&new, &invitation, &stamp, remembered.as_ref())
            .await?;
        Ok(reply)
    })
    .await
}

pub(crate) async fn update(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let (id, patch) = (input.id("partnerId"), input.body::<PartnerPatch>());
    let (id, patch) = input.finish(id.zip(patch))?;
    let store = call.administration()?;
    retried(|| async {
        let old = store
            .get_partner(id)
            .await
            .map_err(ApiError::or_not_found("partner", id))?;
        let before = old.fields()?;
        let fields = before.clone().patched(patch.clone())?;
        call.if_match().check(old.version)?;
        let same = fields.name == before.name
            && fields.plan() == before.plan()
            && fields.company_limit() == before.company_limit()
            && fields.key_limit() == before.key_limit();
        if same {
            return shown(&call, &old);
        }
        let stamp = call.stamp(None)?;
        shown(&call, &store.update_partner(&old, &fields, &stamp).await?)
    })
    .await
}

fn shown(call: &Call<'_, Operation>, partner: &StoredPartner) -> Result<Reply, ApiError> {
    Ok(call.ok(&partner.view())?.version(partner.version))
}

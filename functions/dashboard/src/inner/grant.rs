//! Grants with names, from either side, and what a partner did by one.

use api::{ApiError, Call, Reply};
use model::{Owner, PartnerGrant, PartnerId};
use routes::inner::dashboard::Operation;
use serde::Serialize;
use store::{EventFilter, Start};

use super::LOOKED_AT;

/// A grant, and what its other side is called, as far as whoever asks may know.
#[derive(Debug, Serialize)]
struct NamedGrant {
    #[serde(flatten)]
    grant: PartnerGrant,
    name: Option<String>,
}

pub(super) async fn list(call: &Call<'_, Operation>) -> Result<Reply, ApiError> {
    let (page, ()) = call.finish_list(call.input(), Some(())).await?;
    let store = call.store()?;
    let listed = store.list_grants(&page.start, page.limit).await?;
    let names = store.partner_names(&listed.items).await?;
    let answer = call.page(&page, listed, |row| NamedGrant {
        grant: row.view(),
        name: names.get(&Owner::Partner(row.partner)).cloned(),
    });
    call.ok(&answer.await?)
}

pub(super) async fn grantors(call: &Call<'_, Operation>) -> Result<Reply, ApiError> {
    let (page, ()) = call.finish_list(call.input(), Some(())).await?;
    let store = call.partner()?;
    let listed = store.list_grants(&page.start, page.limit).await?;
    let names = store.company_names(&listed.items).await?;
    let answer = call.page(&page, listed, |row| NamedGrant {
        grant: row.view(),
        name: names.get(&Owner::Company(row.company)).cloned(),
    });
    call.ok(&answer.await?)
}

/// Of the company's newest events those of this partner's keys. No index tells a partner's events apart, so this is a look back and no search.
pub(super) async fn events(call: &Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let id = input.id::<PartnerId>("partnerId");
    let id = input.finish(id)?;
    let store = call.store()?;
    let grant = store.find_grant(id).await?;
    let grant = grant.ok_or_else(|| ApiError::NotFound {
        kind: "partner",
        id: id.to_string(),
    })?;
    let (all, start) = (EventFilter::default(), Start::Skip(0));
    let newest = async { Ok::<_, ApiError>(store.list_events(&all, &start, LOOKED_AT).await?) };
    let keys = async { Ok::<_, ApiError>(store.partner_keys(&grant).await?) };
    let (newest, keys) = futures_util::try_join!(newest, keys)?;
    let its = newest.items.into_iter().filter(|event| {
        let key = event.facts.key_id;
        key.is_some_and(|key| keys.contains(&key))
    });
    call.ok(&its.collect::<Vec<_>>())
}

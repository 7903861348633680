//! What the owner's people want to be alerted to.

use api::{ApiError, Call, Reply, retried};
use model::{AlertSettingsFields, Fault, Faults, Rule};
use routes::keys::Operation;
use std::ops::Deref;
use store::OwnerStore;

pub(crate) async fn get(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let stored = call.owner()?.get_alert_settings().await?;
    Ok(call.ok(&stored.view())?.version(stored.version))
}

pub(crate) async fn set(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let fields = input.body::<AlertSettingsFields>();
    let fields = input.finish(fields)?;
    let store = call.owner()?;
    check_recipients(&store, &fields).await?;
    retried(|| async {
        let old = store.get_alert_settings().await?;
        call.if_match().check(old.version)?;
        let stored = match old.version > 0 && old.fields == fields {
            true => old,
            false => {
                let stamp = call.stamp(None)?;
                store
                    .set_alert_settings(&old, fields.clone(), &stamp)
                    .await?
            }
        };
        Ok(call.ok(&stored.view())?.version(stored.version))
    })
    .await
}

/// Nobody is mailed who never proved an address to the owner; each that is no member's is named.
async fn check_recipients(
    store: &OwnerStore,
    fields: &AlertSettingsFields,
) -> Result<(), ApiError> {
    let Some(recipients) = fields.recipients.as_deref().filter(|to| !to.is_empty()) else {
        return Ok(());
    };
    let members = store.member_addresses().await?;
    let mut faults = Faults::default();
    for (place, to) in recipients.iter().enumerate() {
        if !members
            .iter()
            .any(|member| member.eq_ignore_ascii_case(to.deref()))
        {
            let path = format!("/recipients/{place}");
            faults.push(Fault::new(path, Rule::NotFound, "is no member's address"));
        }
    }
    faults.or(()).map_err(ApiError::from)
}

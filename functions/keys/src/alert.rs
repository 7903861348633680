//! What the owner's people want to be alerted to.

use api::{ApiError, Call, Reply, retried};
use model::AlertSettingsFields;
use routes::keys::Operation;

pub(crate) async fn get(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let stored = call.owner()?.get_alert_settings().await?;
    Ok(call.ok(&stored.view())?.version(stored.version))
}

pub(crate) async fn set(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let fields = input.body::<AlertSettingsFields>();
    let fields = input.finish(fields)?;
    let store = call.owner()?;
    retried(|| async {
        let old = store.get_alert_settings().await?;
        call.if_match().check(old.version)?;
        let stored = match old.version > 0 && old.fields == fields {
            true => old,
            false => {
                let nonce = call.entropy().bytes();
                let fields = fields.clone();
                store
                    .set_alert_settings(&old, fields, call.now, nonce)
                    .await?
            }
        };
        Ok(call.ok(&stored.view())?.version(stored.version))
    })
    .await
}

//! After the table of keys was restored.

use anyhow::Context;
use api::App;
use std::fmt::Write;

/// Brings the rows of all owners up to their chains; what was done, in words, a line each.
///
/// # Errors
/// Somebody else uses the table, or it can't be read. The command can be given again.
pub async fn replay(app: &App) -> anyhow::Result<String> {
    let mut report = String::new();
    let (mut keys, mut people) = (0, 0);
    for owner in app.table.list_owners().await? {
        let replayed = app
            .table
            .replay(owner, app.clock.now(), || app.entropy.bytes())
            .await
            .with_context(|| format!("the rows of {owner}"))?;
        keys += replayed.keys.len();
        people += replayed.people.len();
        for key in replayed.keys.iter().filter(|key| key.lost_secret) {
            writeln!(
                report,
                "{owner}: key {} must be rotated, its newest secret is lost",
                key.id
            )?;
        }
        for id in replayed.lost {
            writeln!(
                report,
                "{owner}: key {id} is lost, no event says how it was made"
            )?;
        }
    }
    writeln!(report, "brought up: {keys} keys, {people} people")?;
    Ok(report)
}

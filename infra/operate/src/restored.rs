//! After the table of keys was restored.

use anyhow::Context;
use api::App;

/// Brings the rows of all owners up to their chains. Each owner's lines are said before the next one's turn, so that none is lost where one fails.
///
/// # Errors
/// Somebody else uses the table, or it can't be read. The command can be given again.
pub async fn replay(app: &App, mut say: impl FnMut(&str)) -> anyhow::Result<()> {
    let (mut keys, mut people) = (0, 0);
    for owner in app.table.list_owners().await? {
        let replayed = app
            .table
            .replay(owner, app.clock.now(), || app.entropy.bytes())
            .await
            .with_context(|| format!("the rows of {owner}"))?;
        keys += replayed.keys.len();
        people += replayed.people.len();
        for id in replayed.to_rotate {
            say(&format!(
                "{owner}: key {id} must be rotated, its newest secret is lost"
            ));
        }
        for id in replayed.lost {
            say(&format!(
                "{owner}: key {id} is lost, no event says how it was made"
            ));
        }
    }
    say(&format!("brought up: {keys} keys, {people} people"));
    Ok(())
}

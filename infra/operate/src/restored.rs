//! After the table of keys was restored.

use anyhow::bail;
use api::App;
use store::NamedRow;

/// Brings the rows of all owners up to their chains. Each owner's lines are said before the next one's turn; where an owner or a row fails, the others go on.
///
/// # Errors
/// Somebody else uses the table, or some of it can't be read: the lines say whose. The command can be given again.
pub async fn replay(app: &App, mut say: impl FnMut(&str)) -> anyhow::Result<()> {
    let (mut keys, mut people, mut failed) = (0, 0, 0);
    for owner in app.table.list_owners().await? {
        let replayed = app
            .table
            .replay(owner, app.clock.now(), || app.entropy.bytes())
            .await;
        let replayed = match replayed {
            Ok(replayed) => replayed,
            Err(error) => {
                failed += 1;
                say(&format!("{owner}: not brought up, {error}"));
                continue;
            }
        };
        failed += replayed.failed.len();
        for NamedRow { row, why } in replayed.failed {
            say(&format!("{owner}: {row} is not brought up, {why}"));
        }
        for NamedRow { row, why } in replayed.doubtful {
            say(&format!("{owner}: {row} must be looked at, {why}"));
        }
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
        for person in replayed.unreachable {
            say(&format!(
                "{owner}: member {person} has no address any more, no mail reaches them until they are removed and invited again"
            ));
        }
    }
    say(&format!("brought up: {keys} keys, {people} people"));
    if failed > 0 {
        bail!("{failed} rows or owners are not brought up, what was revoked may be alive there");
    }
    Ok(())
}

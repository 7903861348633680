//! The steps of a rotation of a master secret: stage, activate, retire; each is refused where it would refuse somebody else.

use anyhow::{Context, bail};
use api::App;
use auth::{RotationRefused, SecretDocument};
use chrono::Duration;
use model::Timestamp;
use store::{CursorKeys, InvitationRow, SessionRow};

/// What is to be done to a secret of numbered generations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Adds a generation that all verify and none uses yet.
    Stage,
    /// Uses the generation for what is new.
    Activate(u32),
    /// Forgets the generation.
    Retire(u32),
}

/// Which secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secret {
    Keys,
    Cursors,
    Sessions,
}

/// What a new stack begins with.
pub fn first(app: &App) -> SecretDocument {
    SecretDocument::generate(app.entropy.bytes(), app.clock.now().millis())
}

/// Takes the step on the document, which the caller writes back; what it did, in words.
///
/// # Errors
/// The step can't be taken now, and when or after what it can.
pub async fn take(
    app: &App,
    secret: Secret,
    document: &mut SecretDocument,
    step: Step,
) -> anyhow::Result<String> {
    let now = app.clock.now();
    match step {
        Step::Stage => {
            let number = document.stage(app.entropy.bytes(), now.millis());
            let number = number.map_err(explained)?;
            Ok(format!(
                "generation {number} is staged; activate it in 15 minutes or later, when every process has read it"
            ))
        }
        Step::Activate(number) => {
            document.activate(number, now.millis()).map_err(explained)?;
            Ok(format!("generation {number} is active"))
        }
        Step::Retire(number) => {
            let live = match secret {
                Secret::Keys => {
                    let keys = app.table.list_keys_under(number, now).await;
                    keys.context("the keys can't be read")?
                        .into_iter()
                        .map(|id| id.to_string())
                        .collect()
                }
                Secret::Sessions => {
                    superseded_for(SessionRow::LIFETIME, "sessions", document, number, now)?;
                    Vec::new()
                }
                Secret::Cursors => {
                    let longest = CursorKeys::LIFETIME.max(InvitationRow::LIFETIME);
                    superseded_for(longest, "cursors and invitations", document, number, now)?;
                    Vec::new()
                }
            };
            let retired = document.retire(number, now.millis(), live);
            retired.map_err(explained)?;
            Ok(format!("generation {number} is retired"))
        }
    }
}

/// Refuses while something of the generation may still be good.
fn superseded_for(
    lifetime: Duration,
    what: &str,
    document: &SecretDocument,
    number: u32,
    now: Timestamp,
) -> anyhow::Result<()> {
    let since = document.superseded_at(number);
    if since.is_some_and(|since| now.millis() - since < lifetime.num_milliseconds()) {
        bail!(
            "{what} of generation {number} may be good for {} hours after it was superseded",
            lifetime.num_hours()
        );
    }
    Ok(())
}

fn explained(refused: RotationRefused) -> anyhow::Error {
    match refused {
        RotationRefused::StillUsed(keys) => {
            anyhow::anyhow!(
                "{} keys were made under it; rotate or revoke them first: {}",
                keys.len(),
                keys.join(" ")
            )
        }
        RotationRefused::TooEarly { wait_millis } => {
            let minutes = (wait_millis + 59_999) / 60_000;
            anyhow::anyhow!(
                "too early: not every process has read the last step yet; try again in {minutes} minutes"
            )
        }
        other => other.into(),
    }
}

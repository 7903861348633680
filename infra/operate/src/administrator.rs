//! Who administers InstaView. No route says so, so that whoever runs the stack does.

use anyhow::{Context, bail};
use api::App;
use model::{Actor, PersonId};
use store::{NewAdministrator, Stamp, StoreError};

/// A person, as the tokens of the sign-in name one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// `iss`, byte for byte.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
}

/// Makes the person an administrator, a former one again; what it did, in words.
///
/// # Errors
/// What is given names nobody, or the table can't be written.
pub async fn create_administrator(
    app: &App,
    person: &Person,
    email: &str,
) -> anyhow::Result<String> {
    let id = person.id()?;
    // Events and lists name an administrator by it alone.
    if !email.contains('@') || email.chars().any(char::is_whitespace) {
        bail!("{email:?} is no e-mail address");
    }
    let new = NewAdministrator {
        person: id.clone(),
        email: email.to_owned(),
    };
    let made = app
        .table
        .create_administrator(&new, &stamp(app, "CreateAdministrator"))
        .await;
    match made {
        Ok(()) => Ok(format!("{email} ({id}) is an administrator from now on")),
        Err(StoreError::Conflict) => Ok(format!("{id} is an administrator already")),
        Err(error) => Err(error).context("the table of keys can't be written"),
    }
}

/// Takes the person's power away, from the next request on; what it did, in words.
///
/// # Errors
/// There was never such an administrator, or somebody else has changed the row meanwhile.
pub async fn end_administrator(app: &App, person: &Person) -> anyhow::Result<String> {
    let id = person.id()?;
    let found = app.table.find_administrator(&id).await;
    let row = found
        .context("the table of keys can't be read")?
        .with_context(|| {
            format!("{id} was never an administrator; check the issuer and the subject")
        })?;
    let email = &row.email;
    if row.facts.ended {
        return Ok(format!("{email} ({id}) is none any more already"));
    }
    let ended = app
        .table
        .end_administrator(&row, &stamp(app, "EndAdministrator"))
        .await;
    ended.context("nothing was changed; try again")?;
    Ok(format!("{email} ({id}) is no administrator any more"))
}

impl Person {
    /// A row of somebody whom no token names would do nothing, and say nothing.
    fn id(&self) -> anyhow::Result<PersonId> {
        let Person { issuer, subject } = self;
        if !issuer.starts_with("https://") && !issuer.starts_with("http://") {
            bail!(
                "{issuer:?} is no issuer: give the `iss` of its tokens, such as the stack's output Issuer"
            );
        }
        if subject.is_empty() || subject.contains('@') || subject.chars().any(char::is_whitespace) {
            bail!(
                "{subject:?} is no subject: give the `sub` of the person's tokens, not the address"
            );
        }
        Ok(PersonId::new(issuer, subject))
    }
}

fn stamp(app: &App, operation: &str) -> Stamp {
    Stamp {
        actor: Actor::system("operator"),
        at: app.clock.now(),
        source_ip: None,
        request_id: None,
        operation: operation.to_owned(),
        reason: None,
        nonce: app.entropy.bytes(),
    }
}

//! Where everybody begins.

use maud::{Markup, html};
use routes::{inner::dashboard::Operation as Inner, keys::Operation};
use serde::Deserialize;

use crate::{
    Page,
    answer::{Answer, Stop},
    ask::Ask,
    inner::Standing,
    parts::bare,
    visit::Visit,
};

#[derive(Deserialize)]
struct Whoami {
    memberships: Vec<Membership>,
}

#[derive(Deserialize)]
struct Membership {
    owner: Named,
    name: Option<String>,
    role: String,
}

#[derive(Deserialize)]
struct Named {
    kind: String,
    id: String,
}

/// The sign-in, the only company, or the choice.
pub(crate) async fn show(visit: &Visit<'_>) -> Result<Answer, Stop> {
    if visit.session.is_none() {
        return Ok(Answer::page(
            200,
            bare(&visit.base, "API keys for hiring", landing(visit)),
        ));
    }
    let whoami = visit.get::<Whoami>(Ask::new(Operation::GetWhoami));
    let standing = visit.get::<Standing>(Ask::new(Inner::GetStanding));
    let (whoami, standing) = futures_util::try_join!(whoami, standing)?;
    let link = |membership: &Membership| {
        let kind = match membership.owner.kind.as_str() {
            "PARTNER" => "p",
            _ => "c",
        };
        let owner = format!("{kind}-{}", membership.owner.id);
        visit.href(Page::Keys, &[("owner", &owner)])
    };
    if let [only] = whoami.memberships.as_slice()
        && !standing.administrator
        && visit.query("choose").is_empty()
    {
        return Ok(Answer::see(&link(only)));
    }
    let content = html! {
        @if whoami.memberships.is_empty() && standing.administrator {
            p { "You are signed in, and a member of no company." }
        } @else if whoami.memberships.is_empty() {
            p { "You are signed in, and a member of no company yet." }
            p { "An owner or administrator of yours can invite you; the mail has a link." }
        } @else {
            ul.choices {
                @for membership in &whoami.memberships {
                    li {
                        a href=(link(membership)) {
                            strong { (membership.name.as_deref().unwrap_or("Without a name")) }
                            " " span.hint { (membership.owner.kind.to_lowercase()) ", " (membership.role.to_lowercase()) }
                        }
                    }
                }
            }
        }
        @if standing.administrator {
            p { a href=(visit.href(Page::Admin, &[])) { "Administration" } }
        }
        form method="post" action=(visit.href(Page::SignOut, &[])) {
            (visit.form_proof())
            button.plain { "Sign out" }
        }
    };
    Ok(Answer::page(
        200,
        bare(&visit.base, "Whom do you act for?", content),
    ))
}

fn landing(visit: &Visit<'_>) -> Markup {
    html! {
        p { "Make keys with just the scopes that they need, see when each was last used, and end one at once when something looks wrong." }
        p { a.button.primary href=(visit.href(Page::SignIn, &[])) { "Sign in" } }
    }
}

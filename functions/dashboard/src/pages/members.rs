//! Members: who belongs to a company or partner, who is invited, and what their roles are.

mod form;
mod removal;

pub(crate) use form::{change, invite, new, show};
pub(crate) use removal::{confirm as confirm_removal, remove};

use lambda_http::http::header;
use maud::{Markup, html};
use model::Owner;
use routes::{Role, keys::Operation};
use serde::Deserialize;

use super::keys::Listed;
use crate::{
    Page,
    answer::{Answer, Stop},
    ask::Ask,
    inner::Frame,
    parts::{heading, time, time_or},
    visit::Visit,
};

/// A member, or who is invited to be one, as the API shows them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Member {
    id: String,
    email: String,
    role: String,
    status: String,
    /// Of an invitation.
    expires_at: Option<String>,
    version: u64,
    created_at: String,
}

impl Member {
    fn is_invited(&self) -> bool {
        self.status == "INVITED"
    }
}

const LIMIT: &str = "50";

pub(crate) async fn list(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let owner = visit.owner()?;
    let ask = Ask::new(Operation::ListMembers)
        .of(owner)
        .query("limit", LIMIT)
        .query("cursor", &visit.query("cursor"));
    let (frame, members) =
        futures_util::try_join!(visit.frame(owner), visit.get::<Listed<Member>>(ask))?;
    let actions = html! {
        @if frame.role() >= Some(Role::Admin) {
            a.button.primary href=(visit.owned(Page::NewMember, &[])) { "Invite somebody" }
        }
    };
    let sub = html! { "Who may act for " bdi { (frame.name) } " here, and who is invited to." };
    let content = html! {
        (heading("Members", sub, actions))
        (table(visit, &frame, &members.items))
        (visit.pager(Page::Members, &[], members.pagination.next_cursor.as_deref()))
        section.card aria-labelledby="roles" {
            h2 id="roles" { "What the roles may do" }
            (roles())
        }
        section.card aria-labelledby="sessions" {
            h2 id="sessions" { "Your own sessions" }
            p { "Did you sign in somewhere that you can't reach any more? This ends all your sessions, this one too." }
            form method="post" action=(visit.href(Page::SignOutEverywhere, &[])) {
                (visit.form_proof())
                button { "Sign out everywhere" }
            }
        }
    };
    Ok(visit.framed(&frame, Page::Members, "Members", content))
}

fn table(visit: &Visit<'_>, frame: &Frame, members: &[Member]) -> Markup {
    let changes = frame.role() == Some(Role::Owner);
    let own = visit.session.as_ref();
    let own = own.map(|session| session.row.person().to_string());
    html! {
        div.scroll tabindex="0" role="region" aria-label="Members and invitations" {
            table.list id="members" {
                thead {
                    tr {
                        th scope="col" { "Address" }
                        th scope="col" { "Role" }
                        th scope="col" { "Status" }
                        th scope="col" { "Since" }
                        @if changes { th scope="col" { "Change" } }
                    }
                }
                tbody {
                    @for member in members {
                        tr {
                            td data-label="Address" {
                                bdi { (member.email) }
                                @if own.as_ref() == Some(&member.id) { " " span.hint { "you" } }
                            }
                            td data-label="Role" { (role_name(&member.role)) }
                            td data-label="Status" {
                                @if member.is_invited() {
                                    span.badge.off { "Invited" }
                                    span.hint { "until " (time_or(member.expires_at.as_deref(), "it is accepted")) }
                                } @else {
                                    span.badge.ok { "Joined" }
                                }
                            }
                            td data-label="Since" { (time(&member.created_at)) }
                            @if changes {
                                td data-label="Change" {
                                    @let id = [("memberId", member.id.as_str())];
                                    a href=(visit.owned(Page::Member, &id)) aria-label=(format!("Role of {}", member.email)) { "Role" }
                                    " "
                                    @let word = if member.is_invited() { "Withdraw" } else { "Remove" };
                                    a href=(visit.owned(Page::ConfirmRemoval, &id)) aria-label=(format!("{word} {}", member.email)) { (word) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A role, and what it may do.
const ROLES: [(Role, &str); 3] = [
    (
        Role::Owner,
        "Everything: also other people's roles, partners, and keys that may change the company.",
    ),
    (
        Role::Admin,
        "Makes, changes, suspends, rotates and revokes keys, pulls the kill switch, suspends partners, exports the audit log, and invites members.",
    ),
    (
        Role::Member,
        "Sees keys, their use, refusals and the audit log; changes nothing, but for marking notices as read.",
    ),
];

fn roles() -> Markup {
    html! {
        dl.facts {
            @for (role, may) in ROLES {
                div { dt { (role.name()) } dd { (may) } }
            }
        }
    }
}

pub(crate) fn role_name(role: &str) -> &str {
    Role::parse(role).map_or(role, |known| known.name())
}

/// The member of the path.
async fn find(visit: &Visit<'_>, owner: Owner) -> Result<Member, Stop> {
    let id = visit.param("memberId");
    let all = Ask::new(Operation::ListMembers).of(owner);
    let missing = "There is no such member or invitation any more.";
    visit
        .look_up(all, |member: &Member| member.id == id, missing)
        .await
}

/// Ends the sessions of the path's member, and goes on: to the members, or for whoever did it to themselves to the beginning, signed out.
async fn role_changed(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let id = visit.param("memberId");
    // An invitation's id is no person's. The change counts already: a fault here leaves the end to the next page that they ask for.
    if let Ok(person) = id.parse() {
        let _ = visit.end_sessions_of(&person).await;
    }
    Ok(match visit.session()?.row.person().to_string() == id {
        true => Answer::see(&visit.href(Page::Home, &[]))
            .with(header::SET_COOKIE, visit.cookies().ended()),
        false => Answer::see(&visit.owned(Page::Members, &[])),
    })
}

#[cfg(test)]
mod tests {
    use super::{ROLES, role_name};
    use routes::Role;

    #[test]
    fn every_role_is_explained() {
        for role in Role::ALL {
            assert!(ROLES.iter().any(|(known, _)| *known == role), "{role:?}");
        }
        assert_eq!(role_name("OWNER"), "Owner");
        assert_eq!(role_name("JANITOR"), "JANITOR");
    }
}

//! Partners: which of them may act for a company, and for which companies a partner may.

mod change;
mod grantors;
mod new;
mod show;

pub(crate) use change::{confirm_end, confirm_resumption, end, resume, suspend};
pub(crate) use grantors::companies;
pub(crate) use new::{make, new};
pub(crate) use show::show;

use maud::{Markup, html};
use model::Owner;
use routes::{Role, inner::dashboard::Operation};
use serde::Deserialize;
use std::collections::BTreeMap;

use super::keys::{Listed, scopes};
use crate::{
    Page,
    answer::{Answer, Stop},
    ask::Ask,
    parts::{heading, status, time},
    visit::Visit,
};

/// What companies or partners are called, by their ids.
pub(crate) type Names = BTreeMap<String, String>;

/// A grant with the name of its other side.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Grant {
    partner_id: String,
    company_id: String,
    /// Where whoever asks may know it.
    name: Option<String>,
    status: String,
    scopes: Vec<String>,
    version: u64,
    created_at: String,
    updated_at: String,
}

impl Grant {
    fn partner(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.partner_id)
    }
}

const LIMIT: &str = "20";

/// What the other sides of the owner's grants are called, by their ids, as far as whoever asks may know. Of the youngest 100 of them: beyond, an id has to do.
pub(crate) async fn names(visit: &Visit<'_>, owner: Owner) -> Result<Names, Stop> {
    let (operation, other): (_, fn(&Grant) -> &String) = match owner {
        Owner::Company(_) => (Operation::ListGrants, |grant| &grant.partner_id),
        Owner::Partner(_) => (Operation::ListGrantors, |grant| &grant.company_id),
        Owner::System => return Ok(Names::new()),
    };
    let ask = Ask::new(operation).of(owner).query("limit", "100");
    let grants: Listed<Grant> = visit.get(ask).await?;
    let named = grants.items.iter();
    let named = named.filter_map(|grant| Some((other(grant).clone(), grant.name.clone()?)));
    Ok(named.collect())
}

pub(crate) async fn list(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let owner = company(visit)?;
    let ask = Ask::new(Operation::ListGrants)
        .of(owner)
        .query("limit", LIMIT)
        .query("cursor", &visit.query("cursor"));
    let (frame, grants) =
        futures_util::try_join!(visit.frame(owner), visit.get::<Listed<Grant>>(ask))?;
    let may_make = frame.role() == Some(Role::Owner);
    let new = visit.owned(Page::NewGrant, &[]);
    let actions = html! { @if may_make { a.button.primary href=(new) { "Let a partner in" } } };
    let sub =
        html! { "Which ATS partners may act for " bdi { (frame.name) } " with keys of their own." };
    let content = html! {
        (heading("Partners", sub, actions))
        @if grants.items.is_empty() {
            div.empty {
                h2 { "No partners" }
                p { "A partner, such as an applicant tracking system, uses the API for you with its own keys, as far as you allow and for as long as you like." }
                @if may_make {
                    a.button.primary href=(new) { "Let a partner in" }
                } @else {
                    p { "An owner can let one in." }
                }
            }
        } @else {
            (table(visit, &grants.items))
            (visit.pager(Page::Partners, &[], grants.pagination.next_cursor.as_deref()))
        }
    };
    Ok(visit.framed(&frame, Page::Partners, "Partners", content))
}

fn table(visit: &Visit<'_>, grants: &[Grant]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Partners" {
            table.list id="partners" {
                thead {
                    tr {
                        th scope="col" { "Partner" }
                        th scope="col" { "Status" }
                        th scope="col" { "At most" }
                        th scope="col" { "Since" }
                        th scope="col" { "Changed" }
                    }
                }
                tbody {
                    @for grant in grants {
                        tr {
                            td data-label="Partner" {
                                a href=(visit.owned(Page::PartnerGrant, &[("partnerId", &grant.partner_id)])) { bdi { (grant.partner()) } }
                            }
                            td data-label="Status" { (state(&grant.status)) }
                            td data-label="At most" { (scopes(&grant.scopes)) }
                            td data-label="Since" { (time(&grant.created_at)) }
                            td data-label="Changed" { (time(&grant.updated_at)) }
                        }
                    }
                }
            }
        }
    }
}

/// A grant's state in words.
fn state(word: &str) -> Markup {
    match word {
        "ENDED" => html! { span.badge.bad { "Ended" } },
        other => status(other),
    }
}

/// Only companies have partners.
fn company(visit: &Visit<'_>) -> Result<Owner, Stop> {
    match visit.owner()? {
        owner @ Owner::Company(_) => Ok(owner),
        Owner::Partner(_) | Owner::System => Err(Stop::NotFound),
    }
}

/// The grant to the partner of the path.
async fn find(visit: &Visit<'_>, owner: Owner) -> Result<Grant, Stop> {
    let id = visit.param("partnerId");
    let all = Ask::new(Operation::ListGrants).of(owner);
    let missing = "This company has granted that partner nothing.";
    visit
        .look_up(all, |grant: &Grant| grant.partner_id == id, missing)
        .await
}

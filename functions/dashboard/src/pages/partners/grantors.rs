//! The partner's side: for which companies it may act.

use maud::{Markup, html};
use model::Owner;
use routes::inner::dashboard::Operation;

use super::{Grant, LIMIT, state};
use crate::{
    Page,
    answer::{Answer, Stop},
    ask::Ask,
    pages::keys::{Listed, scopes},
    parts::{heading, named, time},
    visit::Visit,
};

pub(crate) async fn companies(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let owner = visit.owner()?;
    let Owner::Partner(id) = owner else {
        return Err(Stop::NotFound);
    };
    let ask = Ask::new(Operation::ListGrantors)
        .of(owner)
        .query("limit", LIMIT)
        .query("cursor", &visit.query("cursor"));
    let (frame, grants) =
        futures_util::try_join!(visit.frame(owner), visit.get::<Listed<Grant>>(ask))?;
    let sub = html! { "For which companies keys of " bdi { (frame.name) } " may act. They pass " code { "companyId" } " with each request." };
    let content = html! {
        (heading("Companies", sub, html! {}))
        @if grants.items.is_empty() {
            div.empty {
                h2 { "No companies yet" }
                p { "A company's owner lets you in by your id, or one of your keys makes a company with " code { "POST /companies" } "." }
            }
        } @else {
            (table(&grants.items))
            (visit.pager(Page::Companies, &[], grants.pagination.next_cursor.as_deref()))
        }
        section.card aria-labelledby="own-id" {
            h2 id="own-id" { "Your id" }
            p { "A company's owner who wants to let you in needs it." }
            div.snippet {
                pre { code id="partner-id" { (id) } }
                button type="button" data-copy="partner-id" hidden { "Copy" }
            }
        }
    };
    Ok(visit.framed(&frame, Page::Companies, "Companies", content))
}

fn table(grants: &[Grant]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Companies" {
            table.list id="companies" {
                thead {
                    tr {
                        th scope="col" { "Company" }
                        th scope="col" { "Status" }
                        th scope="col" { "At most" }
                        th scope="col" { "Since" }
                        th scope="col" { "Changed" }
                    }
                }
                tbody {
                    @for grant in grants {
                        tr {
                            td data-label="Company" {
                                (named(grant.name.as_deref(), &grant.company_id))
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

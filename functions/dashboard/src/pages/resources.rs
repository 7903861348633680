//! Jobs, candidates, interviews and agents, to read: what an integrator's calls did.
//!
//! A page of a kind is what [`Shown`] says of it; lists and single objects are made here, once.

mod agent;
mod candidate;
mod filter;
mod interview;
mod job;
mod words;

pub(crate) use agent::Agent;
pub(crate) use candidate::Candidate;
pub(crate) use interview::Interview;
pub(crate) use job::Job;

use maud::{Markup, PreEscaped, html};
use routes::inner::dashboard::Operation;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

use super::keys::Listed;
use crate::{
    Page,
    answer::{Answer, Problem, Stop},
    ask::Ask,
    parts::{heading, refusal, time},
    visit::Visit,
};
use filter::{filter_form, filters};
use words::{badge, json};

/// A kind of object on its pages.
pub(crate) trait Shown: DeserializeOwned + Send + Sync {
    const KIND: Kind;

    /// What the object is called there.
    fn title(&self, names: &Names) -> String;

    /// The cells of its row after the title, as many as there are columns.
    fn cells(&self, visit: &Visit<'_>, names: &Names) -> Vec<Markup>;

    /// The facts of its page, each a term and what is said of it.
    fn facts(&self, visit: &Visit<'_>, names: &Names) -> Vec<(&'static str, Markup)>;

    /// Longer things, below the facts: a heading and a text each.
    fn more(&self) -> Vec<(&'static str, Markup)>;

    /// Its state, where it has one.
    fn state(&self) -> Option<&str>;

    /// The objects that its page names.
    fn named(&self) -> Vec<Named<'_>> {
        Vec::new()
    }

    /// Those of them that its row names, of so many at the most that a page of rows can be asked for at once.
    fn named_in_row(&self) -> Vec<Named<'_>> {
        self.named()
    }

    /// Links to what belongs to it.
    fn links(&self, _visit: &Visit<'_>, _id: &str) -> Markup {
        PreEscaped(String::new())
    }
}

/// What is the same for all objects of a kind.
pub(crate) struct Kind {
    list: Page,
    one: Page,
    browse: Operation,
    show: Operation,
    /// The parameter that names one.
    id: &'static str,
    plural: &'static str,
    /// For `1 …`.
    singular: &'static str,
    /// The heads of the columns; the first is the title's.
    columns: &'static [&'static str],
    states: &'static [&'static str],
    /// What `q` finds them by.
    searched: Option<&'static str>,
    /// The objects that the list can be narrowed to.
    of: &'static [&'static str],
    /// What makes the first one.
    first: &'static str,
}

/// An object that another one names.
pub(crate) enum Named<'o> {
    Candidate(&'o str),
    Agent(&'o str),
    Job(&'o str),
}

/// What objects are called, by their ids.
pub(crate) type Names = BTreeMap<String, String>;

/// What all kinds have.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Common<T> {
    id: String,
    version: u64,
    created_at: String,
    updated_at: String,
    metadata: Option<Value>,
    #[serde(flatten)]
    object: T,
}

const LIMIT: &str = "20";

pub(crate) async fn list<T: Shown>(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let owner = visit.owner()?;
    let kind = T::KIND;
    let mut ask = Ask::new(kind.browse)
        .of(owner)
        .query("limit", LIMIT)
        .query("cursor", &visit.query("cursor"));
    let filters = filters(visit, &kind);
    for (name, value) in &filters {
        ask = ask.query(name, value);
    }
    let listed = async {
        let listed: Listed<Common<T>> = match visit.get(ask).await {
            Ok(listed) => listed,
            Err(Stop::Problem(problem)) if problem.status == 400 => return Ok(Err(problem)),
            Err(stop) => return Err(stop),
        };
        let objects = listed.items.iter().map(|item| item.object.named_in_row());
        let names = names(visit, objects.flatten().collect()).await?;
        Ok(Ok((listed, names)))
    };
    let (frame, listed) = futures_util::try_join!(visit.frame(owner), listed)?;
    let (listed, problem) = match listed {
        Ok(listed) => (Some(listed), None),
        Err(problem) => (None, Some(problem)),
    };
    let total = listed
        .as_ref()
        .and_then(|(listed, _)| listed.pagination.total);
    let sub = match total {
        Some(1) => html! { "1 " (kind.singular) },
        Some(total) => html! { (total) " " (kind.plural.to_lowercase()) },
        None => html! { "Those that fit" },
    };
    let given: Vec<_> = filters
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let filtered = given.iter().any(|(_, value)| !value.is_empty());
    let content = html! {
        (heading(kind.plural, sub, html! {}))
        (refusal(problem.as_ref()))
        (filter_form(visit, &kind, &given))
        @if let Some((listed, names)) = &listed {
            @if listed.items.is_empty() {
                (empty(visit, &kind, filtered))
            } @else {
                (table(visit, &kind, &listed.items, names))
            }
            (visit.pager(kind.list, &given, listed.pagination.next_cursor.as_deref()))
        }
    };
    let status = problem
        .as_ref()
        .map_or(200, |problem: &Problem| problem.status);
    Ok(visit.framed_as(status, &frame, kind.list, kind.plural, content))
}

pub(crate) async fn show<T: Shown>(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let owner = visit.owner()?;
    let kind = T::KIND;
    let ask = Ask::new(kind.show)
        .of(owner)
        .id(kind.id, visit.param(kind.id));
    let shown = async {
        let shown: Common<T> = visit.get(ask).await?;
        let names = names(visit, shown.object.named()).await?;
        Ok::<_, Stop>((shown, names))
    };
    let (frame, (shown, names)) = futures_util::try_join!(visit.frame(owner), shown)?;
    let object = &shown.object;
    let title = object.title(&names);
    let sub = html! {
        @if let Some(state) = object.state() { (badge(state)) " " }
        "created " (time(&shown.created_at))
    };
    let content = html! {
        (heading(&title, sub, object.links(visit, &shown.id)))
        section.card aria-labelledby="facts" {
            h2 id="facts" { "Facts" }
            dl.facts {
                @for (term, said) in object.facts(visit, &names) {
                    div { dt { (term) } dd { (said) } }
                }
                div { dt { "Changed" } dd { (time(&shown.updated_at)) } }
                div { dt { "Version" } dd { (shown.version) } }
                div { dt { "Id" } dd { code { (shown.id) } } }
            }
        }
        @for (at, (heading, text)) in object.more().into_iter().enumerate() {
            @let id = format!("more-{at}");
            section.card aria-labelledby=(id) { h2 id=(id) { (heading) } (text) }
        }
        @if let Some(metadata) = &shown.metadata {
            section.card aria-labelledby="metadata" {
                h2 id="metadata" { "Metadata" }
                p.hint { "What the integration keeps with it." }
                (json(metadata))
            }
        }
    };
    Ok(visit.framed(&frame, kind.list, &title, content))
}

/// The names of these objects; one that is gone has none.
async fn names(visit: &Visit<'_>, named: Vec<Named<'_>>) -> Result<Names, Stop> {
    let (mut candidates, mut agents, mut jobs) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for object in named {
        let (ids, id) = match object {
            Named::Candidate(id) => (&mut candidates, id),
            Named::Agent(id) => (&mut agents, id),
            Named::Job(id) => (&mut jobs, id),
        };
        ids.insert(id);
    }
    if candidates.is_empty() && agents.is_empty() && jobs.is_empty() {
        return Ok(Names::new());
    }
    let text = |ids: BTreeSet<&str>| ids.into_iter().collect::<Vec<_>>().join(",");
    let ask = Ask::new(Operation::ListNames)
        .of(visit.owner()?)
        .query("candidates", &text(candidates))
        .query("agents", &text(agents))
        .query("jobs", &text(jobs));
    visit.get(ask).await
}

fn empty(visit: &Visit<'_>, kind: &Kind, filtered: bool) -> Markup {
    html! {
        div.empty {
            @if filtered {
                h2 { "None of them fits" }
                p { a href=(visit.owned(kind.list, &[])) { "All " (kind.plural.to_lowercase()) } }
            } @else {
                h2 { "No " (kind.plural.to_lowercase()) " yet" }
                p { (kind.first) }
                a.button.primary href=(visit.owned(Page::Keys, &[])) { "API keys" }
            }
        }
    }
}

fn table<T: Shown>(visit: &Visit<'_>, kind: &Kind, items: &[Common<T>], names: &Names) -> Markup {
    let heads = &kind.columns[1..];
    html! {
        div.scroll tabindex="0" role="region" aria-label=(kind.plural) {
            table.list {
                caption.quiet { (kind.plural) ", newest first" }
                thead {
                    tr {
                        @for head in kind.columns { th scope="col" { (head) } }
                        th scope="col" { "Created" }
                    }
                }
                tbody {
                    @for item in items {
                        tr {
                            td data-label=(kind.columns[0]) {
                                a href=(visit.owned(kind.one, &[(kind.id, &item.id)])) { bdi { (item.object.title(names)) } }
                            }
                            @for (head, cell) in heads.iter().zip(item.object.cells(visit, names)) {
                                td data-label=(head) { (cell) }
                            }
                            td data-label="Created" { (time(&item.created_at)) }
                        }
                    }
                }
            }
        }
    }
}

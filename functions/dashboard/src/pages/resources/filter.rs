//! What a list of objects is narrowed to.

use maud::{Markup, html};

use super::{Kind, words::words};
use crate::visit::Visit;

/// Each filter of the kind, with what was asked for.
pub(super) fn filters(visit: &Visit<'_>, kind: &Kind) -> Vec<(&'static str, String)> {
    let status = (!kind.states.is_empty()).then_some("status");
    let q = kind.searched.map(|_| "q");
    let names = kind.of.iter().copied().chain(status).chain(q);
    names
        .map(|name| (name, visit.query(name).trim().to_owned()))
        .collect()
}

pub(super) fn filter_form(visit: &Visit<'_>, kind: &Kind, given: &[(&str, &str)]) -> Markup {
    let value = |name: &str| {
        let found = given.iter().find(|(given, _)| *given == name);
        found.map(|(_, value)| *value).unwrap_or_default()
    };
    let narrowed: Vec<_> = kind
        .of
        .iter()
        .filter(|name| !value(name).is_empty())
        .collect();
    html! {
        @if kind.searched.is_some() || !kind.states.is_empty() {
            form.filters method="get" action=(visit.owned(kind.list, &[])) role="search" {
                @for name in &narrowed { input type="hidden" name=(name) value=(value(name)); }
                @if let Some(searched) = kind.searched {
                    div.field {
                        label for="q" { (searched) }
                        input id="q" name="q" type="search" value=(value("q")) maxlength="200" autocomplete="off";
                    }
                }
                @if !kind.states.is_empty() {
                    div.field {
                        label for="status" { "Status" }
                        select id="status" name="status" {
                            option value="" { "All" }
                            @for state in kind.states {
                                option value=(state) selected[*state == value("status")] { (words(state)) }
                            }
                        }
                    }
                }
                button { "Show" }
            }
        }
        @for name in &narrowed {
            p {
                "Only those of one " (name.trim_end_matches("Id")) ". "
                a href=(visit.owned(kind.list, &[])) { "Show all" }
            }
        }
    }
}

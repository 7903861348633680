//! What a key did: as the API tells it, in a chart and in tables.

use chrono::Duration;
use maud::{Markup, html};
use model::Timestamp;
use serde::Deserialize;

use crate::{
    Page,
    ask::Ask,
    chart::{Bar, bars as bars_of},
    parts::{time, time_or},
    visit::Visit,
};

#[derive(Deserialize)]
pub(super) struct Usage {
    start: Timestamp,
    periods: Vec<Period>,
    pub(super) totals: Totals,
}

#[derive(Deserialize)]
struct Period {
    start: Timestamp,
    accepted: u64,
    refused: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Totals {
    accepted: u64,
    refused: u64,
    refused_is_lower_bound: bool,
    pub(super) operations: Vec<OfOperation>,
    pub(super) networks: Vec<OfNetwork>,
    pub(super) other_networks: Count,
    pub(super) secrets: Vec<OfSecret>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Count {
    accepted: u64,
    refused: u64,
    last_accepted_at: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct OfOperation {
    pub(super) operation: String,
    #[serde(flatten)]
    pub(super) count: Count,
}

#[derive(Deserialize)]
pub(super) struct OfNetwork {
    pub(super) network: String,
    #[serde(flatten)]
    pub(super) count: Count,
}

#[derive(Deserialize)]
pub(super) struct OfSecret {
    pub(super) suffix: String,
    clients: Vec<Client>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Client {
    network: String,
    user_agent: Option<String>,
    #[serde(flatten)]
    count: Count,
}

/// How far back the chart goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    /// 48 hours, hour by hour.
    Hours,
    /// 30 days, day by day.
    Days,
}

impl Span {
    pub(super) fn read(text: &str) -> Span {
        match text {
            "days" => Span::Days,
            _ => Span::Hours,
        }
    }

    fn periods(self) -> i64 {
        match self {
            Span::Hours => 48,
            Span::Days => 30,
        }
    }

    fn period(self) -> Duration {
        match self {
            Span::Hours => Duration::hours(1),
            Span::Days => Duration::days(1),
        }
    }

    pub(super) fn of(self, ask: Ask, now: Timestamp) -> Ask {
        let start = now.minus(self.period() * (i32::try_from(self.periods()).unwrap_or(1) - 1));
        let granularity = match self {
            Span::Hours => "hour",
            Span::Days => "day",
        };
        ask.query("granularity", granularity)
            .query("start", &start.to_string())
    }

    pub(super) fn links(self, visit: &Visit<'_>, id: &str) -> Markup {
        let link = |span: Span, value: &str, label: &str| {
            let href = visit.owned(Page::Key, &[("keyId", id), ("span", value)]);
            html! { a href=(href) aria-current=[(span == self).then_some("true")] { (label) } }
        };
        html! { (link(Span::Hours, "", "48 hours")) " · " (link(Span::Days, "days", "30 days")) }
    }
}

/// Accepted and refused requests over time: drawn, summed up in words, and as a table.
pub(super) fn chart(usage: &Usage, span: Span) -> Markup {
    let Totals {
        accepted, refused, ..
    } = usage.totals;
    let ago = |of: &Period| {
        let at = of.start.since(usage.start).num_minutes() / span.period().num_minutes();
        u32::try_from(span.periods() - 1 - at).ok()
    };
    let bars: Vec<_> = usage
        .periods
        .iter()
        .filter_map(|of| {
            Some(Bar {
                ago: ago(of)?,
                accepted: of.accepted,
                refused: of.refused,
            })
        })
        .collect();
    let most = bars.iter().map(|bar| bar.accepted + bar.refused).max();
    let (word, unit) = match span {
        Span::Hours => ("hour", "h"),
        Span::Days => ("day", "d"),
    };
    let at_least = match usage.totals.refused_is_lower_bound {
        true => "at least ",
        false => "",
    };
    let label = format!(
        "{accepted} accepted and {at_least}{refused} refused requests; at most {} in one {word}",
        most.unwrap_or_default()
    );
    let periods = u32::try_from(span.periods()).unwrap_or_default();
    html! {
        figure.chart {
            (bars_of(&bars, periods, unit, &label))
            figcaption {
                span.accepted { "Accepted " (accepted) } " "
                span.refused { "Refused " (at_least) (refused) }
            }
        }
        @if !usage.periods.is_empty() {
            details.more {
                summary { "The same as a table" }
                div.scroll tabindex="0" role="region" aria-label="Usage, table" {
                    table.list {
                        thead { tr {
                            th scope="col" { "From" }
                            th scope="col" { "Accepted" }
                            th scope="col" { "Refused" }
                        } }
                        tbody {
                            @for of in usage.periods.iter().rev() {
                                tr {
                                    td data-label="From" { (time(&of.start.to_string())) }
                                    td data-label="Accepted" { (of.accepted) }
                                    td data-label="Refused" { (of.refused) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Things with their counts, busiest first.
pub(super) fn counts<'c>(
    heading: &str,
    label: &str,
    counted: impl Iterator<Item = (&'c str, &'c Count)>,
    others: Option<&Count>,
) -> Markup {
    const MOST: usize = 10;
    let counted: Vec<_> = counted.take(MOST).collect();
    html! {
        @if counted.is_empty() {
            p { "Nothing in this time." }
        } @else {
            div.scroll tabindex="0" role="region" aria-label=(label) {
                table.list {
                    thead { tr {
                        th scope="col" { (heading) }
                        th scope="col" { "Accepted" }
                        th scope="col" { "Refused" }
                        th scope="col" { "Last accepted" }
                    } }
                    tbody {
                        @for (name, count) in counted { (row(heading, name, count)) }
                        @if let Some(others) = others.filter(|others| others.accepted + others.refused > 0) {
                            (row(heading, "others", others))
                        }
                    }
                }
            }
        }
    }
}

fn row(heading: &str, name: &str, count: &Count) -> Markup {
    html! {
        tr {
            td data-label=(heading) { (name) }
            td data-label="Accepted" { (count.accepted) }
            td data-label="Refused" { (count.refused) }
            td data-label="Last accepted" { (time_or(count.last_accepted_at.as_deref(), "Never")) }
        }
    }
}

/// Who still uses a secret.
pub(super) fn client_table(secret: &OfSecret) -> Markup {
    html! {
        @if !secret.clients.is_empty() {
            ul.clients {
                @for client in &secret.clients {
                    li {
                        (client.network) " as " (client.user_agent.as_deref().unwrap_or("an unnamed client"))
                        ": " (client.count.accepted) " accepted"
                        @if let Some(last) = &client.count.last_accepted_at { ", last " (time(last)) }
                    }
                }
            }
        }
    }
}

//! What a key did: as the API tells it, in a chart and in tables.

use chrono::Duration;
use maud::{Markup, html};
use model::Timestamp;
use serde::Deserialize;

use crate::{
    Page,
    ask::Ask,
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

/// Accepted and refused requests over time. What it shows stands in words beside it.
pub(super) fn chart(usage: &Usage, span: Span) -> Markup {
    const LEFT: u64 = 34;
    const WIDTH: u64 = 440;
    const HEIGHT: u64 = 120;
    let Totals {
        accepted, refused, ..
    } = usage.totals;
    let most = usage.periods.iter().map(|of| of.accepted + of.refused);
    let most = most.max().unwrap_or_default().max(1);
    let step = WIDTH / span.periods().unsigned_abs();
    let bars = usage.periods.iter().filter_map(|of| {
        let at = of.start.since(usage.start).num_minutes() / span.period().num_minutes();
        let x = LEFT + u64::try_from(at).ok()? * step;
        let (good, bad) = (of.accepted * HEIGHT / most, of.refused * HEIGHT / most);
        Some(html! {
            rect.accepted x=(x) y=(8 + HEIGHT - good) width=(step - 1) height=(good) {}
            rect.refused x=(x) y=(8 + HEIGHT - good - bad) width=(step - 1) height=(bad) {}
        })
    });
    let unit = match span {
        Span::Hours => "hour",
        Span::Days => "day",
    };
    let label =
        format!("{accepted} accepted and {refused} refused requests; at most {most} in one {unit}");
    html! {
        figure.chart {
            svg viewBox="0 0 480 156" role="img" aria-label=(label) {
                @for bar in bars { (bar) }
                line.axis x1=(LEFT) y1=(8 + HEIGHT) x2=(LEFT + WIDTH) y2=(8 + HEIGHT) {}
                text x=(LEFT - 4) y="18" text-anchor="end" { (most) }
                text x=(LEFT - 4) y=(8 + HEIGHT) text-anchor="end" { "0" }
                text x=(LEFT) y="150" { (span.periods()) " " (unit) "s ago" }
                text x=(LEFT + WIDTH) y="150" text-anchor="end" { "now" }
            }
            figcaption {
                span.accepted { "Accepted " (accepted) } " "
                span.refused { "Refused " @if usage.totals.refused_is_lower_bound { "at least " } (refused) }
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

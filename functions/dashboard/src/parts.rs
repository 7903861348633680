//! What pages are made of.

use maud::{DOCTYPE, Markup, html};
use model::Owner;
use routes::inner::dashboard::Operation as Inner;

use crate::{
    Page,
    answer::{Answer, Problem, Stop},
    ask::Ask,
    inner::Frame,
    pages::assets,
    visit::Visit,
};

/// A page for whoever is not signed in, or of nobody in particular.
pub(crate) fn bare(base: &str, title: &str, content: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(base, title))
            body.plain {
                main.narrow id="main" {
                    p { (brand(base, &format!("{base}/dashboard"))) }
                    h1 { (title) }
                    (content)
                }
            }
        }
    }
}

/// Who this is, and the way back to the beginning.
pub(crate) fn brand(base: &str, href: &str) -> Markup {
    html! {
        a.brand href=(href) {
            img src=(assets::href(base, assets::ICON)) alt="" width="20" height="20";
            "InstaView"
        }
    }
}

pub(crate) fn head(base: &str, title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            title { (title) " · InstaView" }
            link rel="stylesheet" href=(assets::href(base, assets::STYLE));
            link rel="icon" href=(assets::href(base, assets::ICON)) type="image/svg+xml";
            script src=(assets::href(base, assets::SCRIPT)) defer {}
        }
    }
}

/// The sections of an owner's pages, in groups.
type Sections = &'static [&'static [(Page, &'static str)]];

const OF_COMPANIES: Sections = &[
    &[
        (Page::Keys, "API keys"),
        (Page::Audit, "Audit log"),
        (Page::Explain, "Explain a refusal"),
        (Page::Notices, "Notices"),
        (Page::Alerts, "Alerts"),
    ],
    &[
        (Page::Jobs, "Jobs"),
        (Page::Candidates, "Candidates"),
        (Page::Interviews, "Interviews"),
        (Page::Agents, "Agents"),
    ],
    &[
        (Page::Partners, "Partners"),
        (Page::Members, "Members"),
        (Page::Company, "Company"),
    ],
];
const OF_PARTNERS: Sections = &[
    &[
        (Page::Keys, "API keys"),
        (Page::Audit, "Audit log"),
        (Page::Explain, "Explain a refusal"),
        (Page::Notices, "Notices"),
        (Page::Alerts, "Alerts"),
    ],
    &[(Page::Companies, "Companies"), (Page::Members, "Members")],
];

impl Visit<'_> {
    /// Whose pages these are, read once for each.
    pub(crate) async fn frame(&self, owner: Owner) -> Result<Frame, Stop> {
        self.get(Ask::new(Inner::GetFrame).of(owner)).await
    }

    /// A page of an owner. `section`: which of the links leads to it.
    pub(crate) fn framed(
        &self,
        frame: &Frame,
        section: Page,
        title: &str,
        content: Markup,
    ) -> Answer {
        self.framed_as(200, frame, section, title, content)
    }

    pub(crate) fn framed_as(
        &self,
        status: u16,
        frame: &Frame,
        section: Page,
        title: &str,
        content: Markup,
    ) -> Answer {
        let sections = match self.param("owner").starts_with("p-") {
            true => OF_PARTNERS,
            false => OF_COMPANIES,
        };
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                (head(&self.base, &format!("{title} · {}", frame.name)))
                body {
                    a.skip href="#main" { "Skip to content" }
                    header.top {
                        (brand(&self.base, &self.href(Page::Home, &[])))
                        a.owner href=(self.href(Page::Home, &[("choose", "1")])) {
                            (frame.name) " " span.hint { "Change" }
                        }
                        a.bell href=(self.owned(Page::Notices, &[])) {
                            "Notices"
                            @if frame.unread > 0 {
                                " " span.count { (frame.unread) span.quiet { " unread" } }
                            }
                        }
                        (self.person())
                    }
                    div.frame {
                        nav.side aria-label="Sections" {
                            @for group in sections {
                                ul {
                                    @for (page, name) in *group {
                                        li {
                                            a href=(self.owned(*page, &[]))
                                              aria-current=[(*page == section).then_some("page")] { (name) }
                                        }
                                    }
                                }
                            }
                        }
                        main id="main" tabindex="-1" { (content) }
                    }
                }
            }
        };
        Answer::page(status, page)
    }

    /// The way through a list: back to its newest, and on by its cursor, under the same filters.
    pub(crate) fn pager(
        &self,
        page: Page,
        filters: &[(&str, &str)],
        next_cursor: Option<&str>,
    ) -> Markup {
        let next = next_cursor.map(|cursor| {
            let mut on = filters.to_vec();
            on.push(("cursor", cursor));
            self.owned(page, &on)
        });
        self.pages(&self.owned(page, filters), next.as_deref())
    }

    /// The same, by where its two links lead.
    pub(crate) fn pages(&self, first: &str, next: Option<&str>) -> Markup {
        let later = !self.query("cursor").is_empty();
        html! {
            @if later || next.is_some() {
                nav.pager aria-label="Pages" {
                    @if later { a rel="prev" href=(first) { "Newest" } }
                    @if let Some(next) = next { a rel="next" href=(next) { "Older" } }
                }
            }
        }
    }

    /// The menu of whoever is signed in.
    pub(crate) fn person(&self) -> Markup {
        let Some(session) = &self.session else {
            return html! {};
        };
        let name = session.row.email.as_deref().unwrap_or("Signed in");
        html! {
            details.menu {
                summary { (name) }
                form method="post" action=(self.href(Page::SignOut, &[])) {
                    (self.form_proof())
                    button.plain { "Sign out" }
                }
                form method="post" action=(self.href(Page::SignOutEverywhere, &[])) {
                    (self.form_proof())
                    button.plain { "Sign out everywhere" }
                }
            }
        }
    }
}

/// A page's heading, with what can be done there.
pub(crate) fn heading(title: &str, sub: Markup, actions: Markup) -> Markup {
    html! {
        div.head {
            div { h1 { bdi { (title) } } p.sub { (sub) } }
            div.actions { (actions) }
        }
    }
}

/// An instant as the API writes it, for people: in UTC, and by the script in the viewer's zone.
pub(crate) fn time(instant: &str) -> Markup {
    html! { time datetime=(instant) { (in_words(instant)) } }
}

pub(crate) fn time_or(instant: Option<&str>, otherwise: &str) -> Markup {
    match instant {
        Some(instant) => time(instant),
        None => html! { (otherwise) },
    }
}

/// `24 Nov 2026, 20:00 UTC`, of an RFC 3339 text in UTC.
fn in_words(instant: &str) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let part = |from: usize, to: usize| instant.get(from..to);
    let month = part(5, 7).and_then(|month| MONTHS.get(month.parse::<usize>().ok()? - 1));
    match (part(0, 4), month, part(8, 10), part(11, 16)) {
        (Some(year), Some(month), Some(day), Some(time)) => {
            let day = day.trim_start_matches('0');
            format!("{day} {month} {year}, {time} UTC")
        }
        _ => instant.to_owned(),
    }
}

/// What has an id, by its name where whoever looks may know it.
pub(crate) fn named(name: Option<&str>, id: &str) -> Markup {
    html! {
        @if let Some(name) = name {
            bdi { (name) } " " span.hint { code { (id) } }
        } @else {
            code { (id) }
        }
    }
}

/// A key's state in words, not by colour alone.
pub(crate) fn status(status: &str) -> Markup {
    let (class, word) = match status {
        "ACTIVE" => ("badge ok", "Active"),
        "SUSPENDED" => ("badge warn", "Suspended"),
        "EXPIRED" => ("badge off", "Expired"),
        "REVOKED" => ("badge bad", "Revoked"),
        other => ("badge", other),
    };
    html! { span class=(class) { (word) } }
}

/// What went wrong, above the form that it concerns.
pub(crate) fn refusal(problem: Option<&Problem>) -> Markup {
    html! {
        @if let Some(problem) = problem {
            div.note.bad role="alert" { p { (problem.said()) } }
        }
    }
}

/// One labelled input with its hint, and what the API says of it.
pub(crate) struct Field<'f> {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) hint: &'static str,
    /// The member of the body that it becomes.
    pub(crate) member: &'static str,
    pub(crate) problem: Option<&'f Problem>,
}

impl Field<'_> {
    /// `input`: gets the id, and the ids of what describes it.
    pub(crate) fn with(&self, input: impl FnOnce(&str, &str) -> Markup) -> Markup {
        let error = self
            .problem
            .and_then(|problem| problem.of_field(self.member));
        let hint_id = format!("{}-hint", self.name);
        let error_id = format!("{}-error", self.name);
        let mut describes = Vec::new();
        if !self.hint.is_empty() {
            describes.push(hint_id.as_str());
        }
        if error.is_some() {
            describes.push(error_id.as_str());
        }
        html! {
            div.field {
                label for=(self.name) { (self.label) }
                (input(self.name, &describes.join(" ")))
                @if !self.hint.is_empty() { p.hint id=(hint_id) { (self.hint) } }
                @if let Some(error) = &error { p.error id=(error_id) { (error) } }
            }
        }
    }
}

//! Fields of objects in words.

use maud::{Markup, html};
use serde_json::Value;

use super::Names;
use crate::{Page, visit::Visit};

/// A link to another object by what it is called.
pub(super) fn link(
    visit: &Visit<'_>,
    page: Page,
    parameter: &str,
    id: &str,
    names: &Names,
) -> Markup {
    html! {
        @match names.get(id) {
            Some(name) => a href=(visit.owned(page, &[(parameter, id)])) { bdi { (name) } },
            None => span.hint { "deleted" },
        }
    }
}

/// `IN_PROCESS` → `In process`.
pub(super) fn words(value: &str) -> String {
    let mut words = value.replace('_', " ").to_lowercase();
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

pub(super) fn badge(state: &str) -> Markup {
    let class = match state {
        "OPEN" | "ACCEPTED" | "COMPLETED" => "badge ok",
        "IN_PROCESS" | "IN_PROGRESS" | "SCHEDULED" | "APPLIED" => "badge info",
        "FAILED" | "REJECTED" => "badge bad",
        _ => "badge off",
    };
    html! { span class=(class) { (words(state)) } }
}

pub(super) fn or_none(value: Option<&str>) -> Markup {
    html! { @match value { Some(value) => bdi { (value) }, None => "–" } }
}

/// A long text with its lines as they were written.
pub(super) fn text(text: &str) -> Markup {
    html! {
        @for paragraph in text.split("\n\n") {
            p {
                @for (at, line) in paragraph.lines().enumerate() {
                    @if at > 0 { br; }
                    (line)
                }
            }
        }
    }
}

pub(super) fn json(value: &Value) -> Markup {
    let pretty = serde_json::to_string_pretty(value).unwrap_or_default();
    html! { div.snippet { pre { code { (pretty) } } } }
}

pub(super) fn tags<'t>(words: impl IntoIterator<Item = &'t str>) -> Markup {
    html! { span.tags { @for word in words { span.tag { (word) } " " } } }
}

#[cfg(test)]
mod tests {
    use super::{text, words};

    #[test]
    fn vocabularies_are_told_in_words() {
        assert_eq!(words("IN_PROCESS"), "In process");
        assert_eq!(words("A1"), "A1");
        assert_eq!(words(""), "");
    }

    #[test]
    fn a_text_keeps_its_lines_and_is_never_markup() {
        let shown = text("One\nand <script>two\n\nThree").into_string();
        assert_eq!(shown, "<p>One<br>and &lt;script&gt;two</p><p>Three</p>");
    }
}

//! What is looked for in the audit log.

use maud::{Markup, html};
use model::{Date, EventType, Owner};
use routes::{audit_log::Operation, inner::dashboard::Operation as Inner};
use serde_json::Value;

use super::words::event_type;
use crate::{Page, answer::Problem, ask::Ask, pages::keys::NO_KEY, visit::Visit};

/// What is looked for, as it was filled in.
pub(super) struct Filter {
    key: String,
    kind: String,
    outcome: String,
    from: String,
    to: String,
    pub(super) request: String,
}

const LIMIT: &str = "50";
/// No type of event, but most of them: what is shown at first, because each page that somebody looks at is some accepted requests.
const CHANGES: &str = "changes";
const EVERYTHING: &str = "everything";

impl Filter {
    pub(super) fn read(visit: &Visit<'_>) -> Filter {
        Filter {
            key: key_id(&visit.query("key")).to_owned(),
            kind: match visit.query("type") {
                kind if kind.is_empty() => CHANGES.to_owned(),
                kind => kind,
            },
            outcome: visit.query("outcome"),
            from: visit.query("from"),
            to: visit.query("to"),
            request: visit.query("request").trim().to_owned(),
        }
    }

    pub(super) fn pairs(&self) -> [(&str, &str); 6] {
        [
            ("key", &self.key),
            ("type", &self.kind),
            ("outcome", &self.outcome),
            ("from", &self.from),
            ("to", &self.to),
            ("request", &self.request),
        ]
    }

    pub(super) fn is_empty(&self) -> bool {
        let mut pairs = self.pairs().into_iter();
        pairs.all(|(_, value)| value.is_empty() || value == CHANGES)
    }

    pub(super) fn ask(&self, owner: Owner) -> Ask {
        let ask = match self.kind.as_str() {
            // Whatever it was, the request says it.
            _ if !self.request.is_empty() => {
                Ask::new(Inner::ListChanges).query("requestId", &self.request)
            }
            CHANGES => Ask::new(Inner::ListChanges),
            EVERYTHING => Ask::new(Operation::ListAuditEvents),
            kind => Ask::new(Operation::ListAuditEvents).query("type", kind),
        };
        ask.of(owner)
            .query("limit", LIMIT)
            .query("keyId", &self.key)
            .query("outcome", &self.outcome)
            .query("start", &begins(&self.from, 0))
            .query("end", &begins(&self.to, 1))
    }

    pub(super) fn form(&self, visit: &Visit<'_>, problem: Option<&Problem>) -> Markup {
        let wrong = |name: &str| {
            let errors = problem.and_then(|problem| problem.details["errors"].as_array());
            let named = |error: &Value| error["path"].as_str() == Some(name);
            errors
                .is_some_and(|errors| errors.iter().any(named))
                .then_some("true")
        };
        html! {
            form.filters method="get" action=(visit.owned(Page::Audit, &[])) role="search" aria-label="Events" {
                div.field {
                    label for="key" { "Key" }
                    // Of a whole key that is pasted, no browser sends more than is safe to show.
                    input id="key" name="key" value=(self.key) placeholder="sk_iv…" maxlength="13"
                        autocomplete="off" spellcheck="false" aria-invalid=[wrong("?keyId")];
                }
                div.field {
                    label for="type" { "What" }
                    select id="type" name="type" aria-invalid=[wrong("?type")] {
                        option value=(CHANGES) selected[self.kind == CHANGES] { "All but accepted requests" }
                        option value=(EVERYTHING) selected[self.kind == EVERYTHING] { "Everything" }
                        @for kind in EventType::ALL {
                            option value=(kind) selected[kind.as_str() == self.kind] { (event_type(kind.as_str())) }
                        }
                    }
                }
                div.field {
                    label for="outcome" { "Outcome" }
                    select id="outcome" name="outcome" aria-invalid=[wrong("?outcome")] {
                        option value="" { "All" }
                        option value="SUCCESS" selected[self.outcome == "SUCCESS"] { "Done" }
                        option value="REFUSED" selected[self.outcome == "REFUSED"] { "Refused" }
                    }
                }
                div.field {
                    label for="from" { "From (UTC)" }
                    input id="from" name="from" type="date" value=(self.from) aria-invalid=[wrong("?start")];
                }
                div.field {
                    label for="to" { "To, inclusive" }
                    input id="to" name="to" type="date" value=(self.to) aria-invalid=[wrong("?end")];
                }
                div.field {
                    label for="request" { "Request id" }
                    input id="request" name="request" value=(self.request) maxlength="128" pattern=(NO_KEY) title="A request id, and no key." autocomplete="off" spellcheck="false";
                }
                button { "Show" }
            }
        }
    }
}

/// Of a key, or of what is shown of one, the id in it; anything else as it is.
fn key_id(text: &str) -> &str {
    let text = text.trim().trim_end_matches('…');
    match text.starts_with("sk_") {
        true => text.get(5..13).unwrap_or(text),
        false => text,
    }
}

/// The instant at which a day begins, or one so many days later; what is no day, as it is, for the API to refuse.
fn begins(day: &str, days: i64) -> String {
    match day.parse::<Date>() {
        Ok(date) => date.start().plus(chrono::Duration::days(days)).to_string(),
        Err(_) => day.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{begins, key_id};

    #[test]
    fn a_key_is_looked_for_by_the_id_in_it() {
        let key = "sk_ivAbCdEfGhSECRETSECRETSECRETSECRETSECRETSEC";
        assert_eq!(key_id(key), "AbCdEfGh");
        assert_eq!(key_id(" sk_ivAbCdEfGh… "), "AbCdEfGh");
        assert_eq!(key_id("AbCdEfGh"), "AbCdEfGh");
        assert_eq!(key_id("sk_é"), "sk_é");
    }

    #[test]
    fn the_last_day_counts_to_its_end() {
        assert_eq!(begins("2026-02-28", 0), "2026-02-28T00:00:00.000Z");
        assert_eq!(begins("2026-02-28", 1), "2026-03-01T00:00:00.000Z");
        assert_eq!(begins("28.2.2026", 1), "28.2.2026");
        assert_eq!(begins("", 1), "");
    }
}

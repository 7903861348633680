//! Events in words.

use maud::{Markup, html};
use model::CompanyId;

use super::People;

/// `api_key.scopes_changed` → `Key: scopes changed`; what happens all the time, in a word of its own.
pub(crate) fn event_type(kind: &str) -> String {
    let (of, what) = kind.split_once('.').unwrap_or(("", kind));
    let of = match (of, what) {
        ("authentication", "succeeded") => return "Request accepted".to_owned(),
        ("authentication", "failed") => return "Request refused: not let in".to_owned(),
        ("authorization", "denied") => return "Request refused: not allowed".to_owned(),
        ("rate_limit", "exceeded") => return "Request refused: too many".to_owned(),
        ("admin", "accessed") => return "InstaView looked at this".to_owned(),
        ("audit", "gap") => return "Gap in the records".to_owned(),
        ("api_key", _) => "Key".to_owned(),
        ("partner_grant", _) => "Partner's grant".to_owned(),
        (other, _) => capital(other),
    };
    format!("{of}: {}", what.replace('_', " "))
}

pub(super) fn outcome(outcome: &str) -> Markup {
    let (class, word) = match outcome {
        "SUCCESS" => ("badge ok", "Done"),
        "REFUSED" => ("badge bad", "Refused"),
        other => ("badge", other),
    };
    html! { span class=(class) { (word) } }
}

/// Who did it.
pub(super) fn actor(kind: &str, id: &str, people: &People) -> Markup {
    html! {
        @match (kind, people.get(id)) {
            ("USER", Some(email)) => { bdi { (email) } },
            // What a company does to its grant is told to the partner without the person's id.
            ("USER", None) if id.parse::<CompanyId>().is_ok() => { "Somebody of the company " code { (id) } },
            ("USER", None) => { "Somebody who is no member now" },
            ("KEY", _) => { "Key " code { (id) } },
            ("ADMIN", _) => { "An InstaView administrator" },
            ("SYSTEM", _) => { "InstaView itself (" (id) ")" },
            (other, _) => { (other) " " code { (id) } },
        }
    }
}

pub(super) fn capital(word: &str) -> String {
    let mut letters = word.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{actor, event_type};
    use std::collections::BTreeMap;

    #[test]
    fn whoever_is_no_member_is_told_from_a_company_that_is_named_for_its_people() {
        let person = "00112233445566778899aabbccddeeff";
        let company = "01890a5d-ac96-774b-bcce-b302099a8057";
        let said = |id: &str| actor("USER", id, &BTreeMap::new()).into_string();
        assert_eq!(said(person), "Somebody who is no member now");
        assert!(said(company).starts_with("Somebody of the company <code>0189"));
    }

    #[test]
    fn every_type_of_event_has_words_of_its_own() {
        let mut words: Vec<_> = model::EventType::ALL
            .iter()
            .map(|kind| event_type(kind.as_str()))
            .collect();
        assert!(words.contains(&"Key: scopes changed".to_owned()));
        assert!(words.iter().all(|words| !words.contains(['.', '_'])));
        words.sort();
        words.dedup();
        assert_eq!(words.len(), model::EventType::ALL.len());
    }
}

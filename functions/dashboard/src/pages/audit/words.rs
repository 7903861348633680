//! Events in words.

use maud::{Markup, html};
use model::CompanyId;

use super::Known;
use crate::parts::named;

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

/// What the fields of events are about. Integrators know them by their own names, which stand beside these wherever there is room.
const FIELDS: &[(&str, &str)] = &[
    ("allowedIPs", "allowed addresses"),
    ("expiresAt", "expiry"),
    ("name", "name"),
    ("scopes", "scopes"),
    ("secrets", "secrets"),
    ("state", "status"),
    ("status", "status"),
    ("validUntil", "end of the old secret"),
    ("email", "e-mail address"),
    ("invitationId", "invitation"),
    ("person", "person"),
    ("role", "role"),
    ("companyId", "company"),
    ("partnerId", "partner"),
    ("disabled", "alerts switched off"),
    ("recipients", "who is mailed"),
    ("volumeFactor", "how many times the usual is too much"),
    ("companyLimit", "companies at most"),
    ("description", "description"),
    ("keyLimit", "live keys at most"),
    ("metadata", "metadata"),
    ("minutesPerMonth", "interview minutes a month"),
    ("perHour", "requests an hour"),
    ("perMinute", "requests a minute"),
    ("perSecond", "requests a second"),
    ("plan", "plan"),
    ("benefits", "benefits"),
    ("contractType", "contract"),
    ("education", "education"),
    ("experience", "experience"),
    ("jobUrl", "advertised at"),
    ("languageRequirements", "languages"),
    ("location", "place"),
    ("niceToHaveSkills", "nice to have"),
    ("requiredSkills", "required skills"),
    ("salary", "salary"),
    ("title", "title"),
    ("firstName", "first name"),
    ("gdprExpiryDate", "kept until"),
    ("interviewCount", "interviews"),
    ("jobIds", "jobs"),
    ("lastName", "last name"),
    ("overallRating", "rating"),
    ("phoneNumber", "telephone"),
    ("backgroundSound", "background sound"),
    ("cefrLevel", "language level"),
    ("companyPhoneNumberId", "telephone number"),
    ("duration", "planned minutes"),
    ("focus", "focus"),
    ("instructions", "instructions"),
    ("language", "language"),
    ("questions", "questions"),
    ("type", "interviews by"),
    ("voiceId", "voice"),
    ("agentId", "agent"),
    ("analysis", "analysis"),
    ("candidateId", "candidate"),
    ("durationMinutes", "minutes"),
    ("finishedAt", "finished"),
    ("isTest", "test"),
    ("jobId", "job"),
    ("scheduledAt", "scheduled"),
];

/// A field in words; `None` for one that has none yet.
pub(super) fn field_words(field: &str) -> Option<&'static str> {
    let known = FIELDS.iter().find(|(name, _)| *name == field);
    known.map(|(_, words)| *words)
}

/// Who did it.
pub(super) fn actor(kind: &str, id: &str, known: &Known) -> Markup {
    html! {
        @match (kind, known.people.get(id)) {
            ("USER", Some(email)) => { bdi { (email) } },
            // What a company does to its grant is told to the partner without the person's id.
            ("USER", None) if id.parse::<CompanyId>().is_ok() => { "Somebody of " (named(known.companies.get(id).map(String::as_str), id)) },
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
    use super::{actor, event_type, field_words};
    use crate::pages::audit::Known;
    use serde_json::Value;

    #[test]
    fn whoever_is_no_member_is_told_from_a_company_that_is_named_for_its_people() {
        let person = "00112233445566778899aabbccddeeff";
        let company = "01890a5d-ac96-774b-bcce-b302099a8057";
        let said = |id: &str, known: &Known| actor("USER", id, known).into_string();
        let mut known = Known::default();
        assert_eq!(said(person, &known), "Somebody who is no member now");
        assert!(said(company, &known).starts_with("Somebody of <code>0189"));
        known
            .companies
            .insert(company.to_owned(), "Acme".to_owned());
        assert!(said(company, &known).starts_with("Somebody of <bdi>Acme</bdi>"));
    }

    #[test]
    fn whatever_the_api_lets_anybody_change_has_words() {
        let document = include_str!("../../../../../infra/openapi.json");
        let document: Value = serde_json::from_str(document).expect("JSON");
        let nobodys = [
            "id",
            "companyId",
            "version",
            "createdAt",
            "updatedAt",
            "dryRun",
        ];
        let kinds = [
            "Job",
            "Candidate",
            "Interview",
            "Agent",
            "Company",
            "Partner",
        ];
        for kind in kinds
            .into_iter()
            .chain(["ApiKeyPatch", "PlanRequest", "AlertSettings"])
        {
            let properties = &document["components"]["schemas"][kind]["properties"];
            let properties = properties.as_object().expect(kind);
            for field in properties
                .keys()
                .filter(|name| !nobodys.contains(&name.as_str()))
            {
                assert!(field_words(field).is_some(), "{kind}: {field}");
            }
        }
        assert_eq!(field_words("shoeSize"), None);
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

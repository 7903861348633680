//! What may be kept of a row outside of the tables, where nobody can take it out again: what the audit trail reads, and neither what people are called, nor what they said, nor anything that opens a door.

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use model::{AgentFields, CandidateRecord, InterviewRecord, JobFields};
use serde_json::{Map, Value, json};

use crate::{
    GrantRow, InvitationRow, KeyRow, LastUse, MemberRow, Resource, Stamp, StoredAlertSettings,
    item::{Item, Read, s},
};

/// Of a row about a candidate; the rest is only its data.
const OF_PEOPLE: [&str; 10] = [
    "pk", "sk", "entity", "id", "rev", "version", "deleted", "erased", "changed", DATA,
];
/// Of a key's row; the rest only counts its requests.
const OF_KEYS: [&str; 25] = [
    "pk",
    "sk",
    "entity",
    "keyId",
    "kind",
    "owner",
    "state",
    "name",
    "scopes",
    "secrets",
    "expires",
    "ips",
    "created",
    "creatorKind",
    "creator",
    "version",
    "rev",
    "total",
    "nonce",
    "perMinute",
    "perHour",
    "perSecond",
    KeyRow::EXPIRY_TOLD,
    LastUse::ATTRIBUTE,
    Stamp::ATTRIBUTE,
];
/// Of a secret in it.
const OF_SECRETS: [&str; 6] = ["hmac", "generation", "suffix", "created", "until", "ended"];
/// Of a row of which nobody knows what it holds. An index row's sort key may be a word of somebody's name.
const OF_UNKNOWN: [&str; 3] = ["pk", "entity", "rev"];
const DATA: &str = "data";
const NOBODY: &str = "-";

/// A stream record's keys and images before and after, without what is anybody's.
///
/// What the audit trail tells of the record stays the same to the byte. Only of rows that it doesn't know nothing can be told.
pub fn without_people(
    keys: serde_dynamo::Item,
    old: serde_dynamo::Item,
    new: serde_dynamo::Item,
) -> [serde_dynamo::Item; 3] {
    let [mut keys, mut old, mut new] = [keys, old, new].map(Item::from);
    match kind(&old, &new) {
        Some(
            "company"
            | "partner"
            | "person"
            | "denial"
            | "rate_limit"
            | "suppressed"
            | JobFields::ENTITY
            | AgentFields::ENTITY
            | GrantRow::ENTITY,
        ) => {}
        Some(CandidateRecord::ENTITY | InterviewRecord::ENTITY) => {
            for row in [&mut old, &mut new] {
                row.retain(|name, _| OF_PEOPLE.contains(&name.as_str()));
            }
            let (before, after) = (fields(&old), fields(&new));
            hold(&mut old, before.clone().map(|all| same(all, |_, _| true)));
            let unchanged = |name: &str, value: &Value| {
                before
                    .as_ref()
                    .is_some_and(|all| all.get(name) == Some(value))
            };
            hold(&mut new, after.map(|all| same(all, unchanged)));
        }
        Some(StoredAlertSettings::ENTITY) => {
            let mut known = Vec::new();
            for row in [&mut old, &mut new] {
                let all = fields(row).map(|all| numbered(all, &mut known));
                hold(row, all);
            }
        }
        Some(InvitationRow::ENTITY) => {
            for row in [&mut old, &mut new] {
                replace(row, "email", s(NOBODY));
                replace(row, "inviterName", s(NOBODY));
                blank(row.get_mut("seed"));
            }
        }
        Some(MemberRow::ENTITY | "administrator") => {
            for row in [&mut old, &mut new] {
                replace(row, "email", s(NOBODY));
            }
        }
        Some(KeyRow::ENTITY) => {
            for row in [&mut old, &mut new] {
                row.retain(|name, _| OF_KEYS.contains(&name.as_str()));
                if let Some(secrets) = row.get_mut("secrets") {
                    hide_secrets(secrets);
                }
            }
        }
        _ => {
            keys.retain(|name, _| name == "pk");
            for row in [&mut old, &mut new] {
                row.retain(|name, _| OF_UNKNOWN.contains(&name.as_str()));
            }
        }
    }
    [keys, old, new].map(serde_dynamo::Item::from)
}

/// A key's secrets, without what proves them.
fn hide_secrets(secrets: &mut AttributeValue) {
    let AttributeValue::L(secrets) = secrets else {
        *secrets = s(NOBODY);
        return;
    };
    for secret in secrets {
        match secret {
            AttributeValue::M(secret) => {
                secret.retain(|name, _| OF_SECRETS.contains(&name.as_str()));
                blank(secret.get_mut("hmac"));
            }
            other => *other = s(NOBODY),
        }
    }
}

/// The rows' entity, where both have the same.
fn kind<'a>(old: &'a Item, new: &'a Item) -> Option<&'a str> {
    let of = |row: &'a Item| match row.text("entity") {
        // A person's own row holds nothing but counts and a hash.
        Err(_) if row.text("pk").is_ok_and(|pk| pk.starts_with("PERSON#")) => Some("person"),
        entity => entity.ok(),
    };
    match (old.is_empty(), new.is_empty()) {
        (true, _) => of(new),
        (_, true) => of(old),
        (false, false) => of(new).filter(|entity| of(old) == Some(entity)),
    }
}

fn fields(row: &Item) -> Option<Map<String, Value>> {
    serde_json::from_str(row.text(DATA).ok()?).ok()
}

/// Puts these in the place of the row's data; what can't be read is left out.
fn hold(row: &mut Item, fields: Option<Map<String, Value>>) {
    if row.remove(DATA).is_some()
        && let Some(fields) = fields
    {
        row.insert(DATA.to_owned(), s(Value::Object(fields)));
    }
}

/// Each field as whether it is another than before.
fn same(
    fields: Map<String, Value>,
    unchanged: impl Fn(&str, &Value) -> bool,
) -> Map<String, Value> {
    let fields = fields.into_iter().map(|(name, value)| {
        let is_other = !unchanged(&name, &value);
        (name, json!(is_other))
    });
    fields.collect()
}

/// Each recipient as a number, the same one for the same address.
fn numbered(mut fields: Map<String, Value>, known: &mut Vec<Value>) -> Map<String, Value> {
    if let Some(Value::Array(recipients)) = fields.get_mut("recipients") {
        for recipient in recipients {
            let place = known.iter().position(|one| one == recipient);
            let place = place.unwrap_or_else(|| {
                known.push(recipient.clone());
                known.len() - 1
            });
            *recipient = json!(format!("recipient {place}"));
        }
    }
    fields
}

fn replace(row: &mut Item, name: &str, value: AttributeValue) {
    if let Some(old) = row.get_mut(name) {
        *old = value;
    }
}

/// As many zeros as there were bytes.
fn blank(value: Option<&mut AttributeValue>) {
    if let Some(value) = value {
        *value = match value {
            AttributeValue::B(bytes) => AttributeValue::B(Blob::new(vec![0; bytes.as_ref().len()])),
            _ => s(NOBODY),
        };
    }
}

//! Stream records, as Lambda hands them to the audit trail's consumer.

use aws_lambda_events::event::dynamodb::EventRecord;
use base64::{Engine, prelude::BASE64_STANDARD};
use model::{ChainHash, EventFacts};
use serde_json::Value;
use std::sync::LazyLock;
use store::TableNames;
use trail::Line;

static NAMES: LazyLock<TableNames> = LazyLock::new(|| TableNames::with_prefix("instaview"));

pub fn record(data: &[u8]) {
    let Ok(record) = serde_json::from_slice::<EventRecord>(data) else {
        return;
    };
    let told = match audit::revision(&NAMES, &record) {
        Ok(Some(told)) => told,
        Ok(None) => return,
        Err(why) => {
            // It goes to a log: no content of the row.
            assert!(why.to_string().len() < 100, "{why}");
            return;
        }
    };
    let mut secrets = Vec::new();
    binaries(
        &serde_json::from_slice(data).unwrap_or_default(),
        &mut secrets,
    );
    assert!(!told.row.is_empty() && told.rev > 0, "{told:?}");
    let name = format!("{}@{}", told.row, told.rev);
    let mut ids: Vec<_> = told.events.iter().map(|event| &event.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), told.events.len(), "one id for two events");
    let mut prev = ChainHash::genesis(told.owner);
    for (seq, facts) in (1..).zip(told.events) {
        assert_eq!(facts.owner, told.owner);
        let id = facts.id.strip_prefix(&name).expect("the row's name");
        assert!(id.is_empty() || id == format!(":{}", facts.kind), "{id}");
        // What is stored is what is read, and the check of an export sees the hash that the writer made.
        let event = facts.clone().chained(seq, prev);
        let text = serde_json::to_string(&event).expect("JSON");
        let line = Line::parse(&text, &mut Vec::new()).expect("a line");
        assert!(line.is_whole(), "{text}");
        assert_eq!(
            (line.seq, line.owner, line.hash),
            (seq, told.owner, event.hash)
        );
        let read: EventFacts = serde_json::from_str(&text).expect("an event");
        assert_eq!(read, facts, "{text}");
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{text}");
        }
        prev = event.hash;
    }
}

/// Every binary attribute that is long enough to be told apart: stamps, and HMACs of secrets.
fn binaries(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match (name.as_str(), value.as_str()) {
                    ("B", Some(text)) => {
                        let bytes = BASE64_STANDARD.decode(text).unwrap_or_default();
                        if bytes.len() >= 32 {
                            found.extend([text.to_owned(), model::hex(&bytes)]);
                        }
                    }
                    _ => binaries(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| binaries(value, found)),
        _ => {}
    }
}

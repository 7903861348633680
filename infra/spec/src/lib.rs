//! The two documents: what people read of the API, and what API Gateway imports.
//!
//! Invariant: both are pure functions of the route table and the model's types; the committed files are compared with them, never edited.
//! Knows nothing of AWS accounts, of the handlers, or of the local system.

mod describe;
mod examples;
mod gateway;
mod openapi;
mod responses;
mod schemas;

pub use gateway::{function_resource, gateway};
pub use openapi::openapi;

use serde_json::{Map, Value};
use std::path::PathBuf;

/// Every generated file, with the text that it must have.
pub fn documents() -> [(PathBuf, String); 2] {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    [
        (folder.join("openapi.json"), render(&openapi())),
        (folder.join("gateway.json"), render(&gateway())),
    ]
}

/// Indented JSON with sorted members and a final newline.
pub fn render(document: &Value) -> String {
    let mut text =
        serde_json::to_string_pretty(&sorted(document)).expect("a JSON value always serializes");
    text.push('\n');
    text
}

/// Whether serde_json keeps members sorted or as inserted depends on what else is built with it; the files must not.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| name.as_str());
            let members = members
                .into_iter()
                .map(|(name, value)| (name.clone(), sorted(value)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests;

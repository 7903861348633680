//! What people are told of their keys without asking.

mod crashes;
mod expiry;
mod list;

use serde_json::Value;
use std::time::Duration;
use tests::{Caller, TestApp};

const DAY: Duration = Duration::from_secs(86_400);

/// The owner's notices, oldest first: kind and text.
async fn notices(app: &TestApp, caller: &Caller) -> Vec<(String, String)> {
    let answer = app.get(caller, "/notices?limit=100").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let items = answer.data()["items"].as_array().expect("items").clone();
    let text = |item: &Value, name: &str| item[name].as_str().expect("a text").to_owned();
    let told = items.iter().rev();
    told.map(|item| (text(item, "kind"), text(item, "message")))
        .collect()
}

fn kinds(notices: &[(String, String)]) -> Vec<&str> {
    notices.iter().map(|(kind, _)| kind.as_str()).collect()
}

/// Mails about keys to the address, oldest first: their texts.
fn mails(app: &TestApp, to: &str) -> Vec<String> {
    let letters = app.system.outbox().letters().into_iter();
    let notices =
        letters.filter(|letter| letter.to == to && letter.message_id.starts_with("notice-"));
    notices.map(|letter| letter.text).collect()
}

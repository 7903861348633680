//! What the rules over usage tell a key's people, and the settings of it.

mod ninety_days;
mod rules;
mod settings;

use serde_json::Value;
use std::time::Duration;
use tests::{Caller, Company, TestApp};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// A token lives shorter than the tests' days.
fn owner(app: &TestApp, company: &Company) -> Caller {
    app.person("owner@acme.example").for_company(company.id)
}

/// The company's alerts, oldest first: kind and text.
async fn alerts(app: &TestApp, company: &Company) -> Vec<(String, String)> {
    let answer = app.get(&owner(app, company), "/notices?limit=100").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let items = answer.data()["items"].as_array().expect("items").clone();
    let text = |item: &Value, name: &str| item[name].as_str().expect("a text").to_owned();
    let told = items.iter().rev();
    told.map(|item| (text(item, "kind"), text(item, "message")))
        .filter(|(kind, _)| kind.starts_with("ALERT_"))
        .collect()
}

fn kinds(alerts: &[(String, String)]) -> Vec<&str> {
    alerts.iter().map(|(kind, _)| kind.as_str()).collect()
}

/// Alerts mailed to the address.
fn mails(app: &TestApp, to: &str) -> usize {
    let letters = app.system.outbox().letters().into_iter();
    let to_them =
        letters.filter(|letter| letter.to == to && letter.message_id.starts_with("notice-"));
    to_them.count()
}

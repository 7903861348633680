//! Administrators of InstaView: what they may do, and that nothing of it is answered before it is told.

mod companies;
mod operated;
mod partners;
mod plans;
mod records;

use auth::{Administering, Commit, Counted, Principal, Who};
use model::{Event, EventType, Owner, RateLimit};
use routes::ScopeSet;
use tests::{ADMINISTRATOR, Answer, Caller, REASON, TestApp};

/// The events of this type in the system's own chain, oldest first.
pub(crate) async fn system_events(app: &TestApp, kind: EventType) -> Vec<Event> {
    app.settle().await;
    let commit = Commit {
        version: Some(1),
        count: Vec::new(),
        forget: Vec::new(),
        company: None,
        administering: Some(Administering {
            owner: Owner::System,
            reason: REASON.parse().expect("a reason"),
        }),
        scopes: ScopeSet::EMPTY,
        role: None,
        secret_suffix: None,
        warning: auth::Warning::default(),
    };
    let who = Who::Administrator {
        id: app.system.issuer().person(ADMINISTRATOR),
        reason: REASON.parse().expect("a reason"),
    };
    let limits = RateLimit::PERSON;
    let counted = Counted::default();
    let test = Principal::committed(
        who,
        Some(Owner::System),
        &commit,
        "test",
        limits,
        &counted,
        app.now(),
    );
    let store = app.app().table.administration(&test);
    let chain = store.expect("an administrator").get_chain().await;
    let mut events = chain.expect("a chain").events;
    events.retain(|event| event.facts.kind == kind);
    events
}

/// The events of this type that the owner's people see, newest first.
async fn events(app: &TestApp, person: &Caller, kind: &str) -> Vec<serde_json::Value> {
    app.settle().await;
    let listed = app
        .get(person, &format!("/audit-events?limit=100&type={kind}"))
        .await;
    assert_eq!(listed.status, 200, "{}", listed.body);
    listed.data()["items"].as_array().expect("a list").clone()
}

fn id(answer: &Answer) -> String {
    answer.data()["id"].as_str().expect("an id").to_owned()
}

fn names(answer: &Answer) -> Vec<String> {
    let items = answer.data()["items"].as_array().expect("a list");
    let name = |item: &serde_json::Value| item["name"].as_str().expect("a name").to_owned();
    items.iter().map(name).collect()
}

//! After the table of keys was restored to an earlier time, and its chains were replayed.

use crate::administrators::system_events;
use embedded::{Fault, Weather};
use model::{EventType, KeyState, Owner, Plan};
use routes::Role;
use serde_json::{Value, json};
use store::Replayed;
use tests::{Answer, Caller, Company, TestApp};

/// What a backup holds: every row of the table of keys.
struct Backup(Vec<Value>);

fn dispatch(app: &TestApp, operation: &str, body: &Value) -> Value {
    let target = format!("DynamoDB_20120810.{operation}");
    let (status, answer) = app
        .system
        .engine()
        .dispatch(&target, body.to_string().as_bytes());
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    assert_eq!(status, 200, "{operation}: {answer}");
    answer
}

impl Backup {
    fn of(app: &TestApp) -> Backup {
        let table = &app.app().table.names().keys;
        let all = dispatch(app, "Scan", &json!({ "TableName": table }));
        Backup(all["Items"].as_array().expect("items").clone())
    }

    fn restore(&self, app: &TestApp) {
        let table = &app.app().table.names().keys;
        for item in Backup::of(app).0 {
            let key = json!({ "pk": item["pk"], "sk": item["sk"] });
            dispatch(
                app,
                "DeleteItem",
                &json!({ "TableName": table, "Key": key }),
            );
        }
        for item in &self.0 {
            dispatch(app, "PutItem", &json!({ "TableName": table, "Item": item }));
        }
    }
}

async fn replay(app: &TestApp) -> Vec<(Owner, Replayed)> {
    let table = &app.app().table;
    let mut all = Vec::new();
    for owner in table.list_owners().await.expect("owners") {
        let replayed = table
            .replay(owner, app.now(), || app.app().entropy.bytes())
            .await
            .expect("replayed");
        all.push((owner, replayed));
    }
    all
}

fn of<'a>(replayed: &'a [(Owner, Replayed)], company: &Company) -> &'a Replayed {
    let mut all = replayed.iter();
    let found = all.find(|(owner, _)| *owner == Owner::Company(company.id));
    &found.expect("replayed").1
}

fn id(made: &Answer) -> String {
    tests::made_id(made)
}

async fn jobs(app: &TestApp, caller: &Caller) -> u16 {
    app.get(caller, "/jobs").await.status
}

async fn act(app: &TestApp, acme: &Company, key: &str, action: &str, body: Value) -> Answer {
    let path = format!("/api-keys/{key}/{action}");
    let answer = app.post(&acme.owner, &path, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer
}

#[tokio::test]
async fn what_the_chains_tell_is_done_again() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let key = async |name: &str| {
        let body = json!({ "name": name, "scopes": ["read:jobs", "write:jobs"] });
        let made = app.post(&acme.owner, "/api-keys", &body).await;
        let caller = Caller::with(made.data()["key"].as_str().expect("a key"));
        assert_eq!(jobs(&app, &caller).await, 200);
        (id(&made), caller)
    };
    let (revoked, suspended, narrowed) = (
        key("revoked").await,
        key("suspended").await,
        key("narrowed").await,
    );
    let (rotated, untouched) = (key("rotated").await, key("untouched").await);
    let (ended, early) = (
        key("ended early").await,
        json!({ "overlapSeconds": 86_400 }),
    );
    act(&app, &acme, &ended.0, "rotate", early).await;
    assert_eq!(jobs(&app, &ended.1).await, 200);
    let boss = app.administrator().await;
    let boss = boss.for_company(acme.id);
    assert_eq!(app.get(&boss, "/api-keys").await.status, 200);
    let visitor = app.person("visitor@nowhere.example");
    let visit = async || assert_eq!(app.get(&visitor, "/whoami").await.status, 200);
    visit().await;
    app.settle().await;
    let backup = Backup::of(&app);

    app.advance(std::time::Duration::from_secs(60));
    act(&app, &acme, &revoked.0, "revoke", json!({})).await;
    act(&app, &acme, &suspended.0, "suspend", json!({})).await;
    let path = format!("/api-keys/{}", narrowed.0);
    let patch = json!({ "scopes": ["write:jobs"], "allowedIPs": ["203.0.113.0/24"], "name": "narrow", "expiresAt": "2099-01-01T00:00:00Z" });
    assert_eq!(app.patch(&acme.owner, &path, &patch).await.status, 200);
    let path = format!("/api-keys/{}/overlap", ended.0);
    let patch = json!({ "validUntil": app.now() });
    assert_eq!(app.patch(&acme.owner, &path, &patch).await.status, 200);
    let new = act(
        &app,
        &acme,
        &rotated.0,
        "rotate",
        json!({ "overlapSeconds": 3600 }),
    )
    .await;
    let new = Caller::with(new.data()["key"].as_str().expect("a key"));
    assert_eq!(jobs(&app, &new).await, 200);
    let late = key("late").await;
    for _ in 0..5 {
        assert_eq!(jobs(&app, &untouched.1).await, 200);
    }
    let member = app.get(&acme.owner, "/members").await;
    let members = member.data()["items"].as_array().expect("items").clone();
    let removed = members.iter().find(|member| member["role"] == "MEMBER");
    let removed = removed.expect("a member")["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let path = format!("/members/{removed}");
    assert_eq!(app.delete(&acme.owner, &path).await.status, 200);
    let joined = "newcomer@acme.example";
    let token = app.invite(&acme.owner, joined, Role::Admin).await;
    assert_eq!(app.accept(joined, &token).await.status, 200);
    app.end_administrator(tests::ADMINISTRATOR).await;
    visit().await;
    visit().await;
    app.settle().await;

    backup.restore(&app);
    // As if nothing of it had happened: this is what a restored table does without its chains.
    assert_eq!(jobs(&app, &revoked.1).await, 200);
    assert_eq!(app.get(&acme.member, "/api-keys").await.status, 200);
    backup.restore(&app);
    let replayed = replay(&app).await;
    let of_acme = of(&replayed, &acme);
    let again = replay(&app).await;
    let mut to_rotate = vec![rotated.0.clone(), late.0.clone()];
    to_rotate.sort();
    // Whoever has lost the list of them has it again.
    for replayed in [of_acme, of(&again, &acme)] {
        let mut told: Vec<_> = replayed.to_rotate.iter().map(ToString::to_string).collect();
        told.sort();
        assert_eq!(told, to_rotate);
    }

    // Whoever had been refused is.
    assert_eq!(jobs(&app, &revoked.1).await, 401);
    assert_eq!(jobs(&app, &suspended.1).await, 401);
    assert_eq!(jobs(&app, &ended.1).await, 401);
    let narrowed_at = narrowed.1.from_address("203.0.113.9");
    assert_eq!(jobs(&app, &narrowed.1).await, 401);
    assert_eq!(jobs(&app, &narrowed_at).await, 403);
    assert_eq!(
        app.post(&narrowed_at, "/jobs", &tests::job()).await.status,
        201
    );
    assert_eq!(app.get(&acme.member, "/api-keys").await.status, 403);
    assert_eq!(app.get(&boss, "/api-keys").await.status, 403);
    // Whoever had been let in is.
    assert_eq!(jobs(&app, &untouched.1).await, 200);
    assert_eq!(jobs(&app, &rotated.1).await, 200);
    assert_eq!(app.get(&app.person(joined), "/api-keys").await.status, 200);
    let list = app.get(&acme.owner, "/members").await;
    assert!(list.body.to_string().contains(joined), "{}", list.body);
    act(&app, &acme, &suspended.0, "resume", json!({})).await;
    // Loosening counts within a second.
    app.advance(std::time::Duration::from_secs(2));
    assert_eq!(jobs(&app, &suspended.1).await, 200);
    // What nobody has any more is named, and mended by a rotation.
    for (lost, name) in [(&new, &rotated.0), (&late.1, &late.0)] {
        assert_eq!(jobs(&app, lost).await, 401);
        let told = of_acme.keys.iter().find(|key| key.id.to_string() == *name);
        assert_eq!(told.expect("told").state, KeyState::Active);
        let again = act(&app, &acme, name, "rotate", json!({ "overlapSeconds": 0 })).await;
        let again = Caller::with(again.data()["key"].as_str().expect("a key"));
        assert_eq!(jobs(&app, &again).await, 200);
    }

    // The trail goes on where it was, and every request stands in it.
    visit().await;
    let accepted = system_events(&app, EventType::AuthenticationSucceeded).await;
    let of_visitor = app.system.issuer().person("visitor@nowhere.example");
    let visits = accepted
        .iter()
        .filter(|event| event.facts.actor.id == of_visitor.to_string());
    assert_eq!(visits.count(), 4);
    let path = format!(
        "/audit-events?type=authentication.succeeded&limit=100&keyId={}",
        untouched.0
    );
    let events = app.get(&acme.owner, &path).await;
    assert_eq!(events.data()["items"].as_array().expect("items").len(), 7);
    let chain = app.store(&acme).get_chain().await.expect("a chain");
    chain.verify().expect("whole");
    assert!(
        !chain
            .events
            .iter()
            .any(|event| event.facts.kind == model::EventType::AuditGap)
    );
    let row = app
        .store(&acme)
        .get_key(untouched.0.parse().expect("an id"))
        .await;
    assert_eq!(row.expect("a row").total, 7);

    // Twice is once.
    for (_, replayed) in replay(&app).await {
        assert_eq!(replayed, Replayed::default());
    }
}

#[tokio::test]
async fn a_key_has_the_limits_of_the_plan_that_its_company_is_on() {
    let app = TestApp::calm().await;
    let acme = app.company_on("Acme", Plan::Business, None).await;
    let key = app.key_with(&acme, json!({})).await;
    app.settle().await;
    let backup = Backup::of(&app);

    let boss = app.administrator().await;
    let path = format!("/admin/companies/{}/plan", acme.id);
    let request = boss.request("PUT", &path).json(&json!({ "plan": "TRIAL" }));
    assert_eq!(app.send(request).await.status, 200);
    app.settle().await;

    backup.restore(&app);
    replay(&app).await;
    let shown = app.get(&acme.owner, &format!("/api-keys/{}", key.id)).await;
    assert_eq!(shown.data()["rateLimit"]["perMinute"], 30, "{}", shown.body);
}

#[tokio::test]
async fn a_secret_that_was_used_since_is_not_taken_for_unused() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await;
    let id = key.id.to_string();
    let overlap = json!({ "overlapSeconds": 86_400 });
    let new = act(&app, &acme, &id, "rotate", overlap).await;
    let new = Caller::with(new.data()["key"].as_str().expect("a key"));
    assert_eq!(jobs(&app, &key.caller).await, 200);
    app.settle().await;
    let backup = Backup::of(&app);
    for caller in [&key.caller, &new, &new] {
        app.advance(std::time::Duration::from_secs(60));
        assert_eq!(jobs(&app, caller).await, 200);
    }
    app.settle().await;
    let path = format!("/api-keys/{id}");
    let secrets = async || app.get(&acme.owner, &path).await.data()["secrets"].clone();
    let before = secrets().await;
    assert!(before[1]["lastUsedAt"].is_string(), "{before}");

    backup.restore(&app);
    assert!(secrets().await[1]["lastUsedAt"].is_null());
    replay(&app).await;
    assert_eq!(secrets().await, before);
    let path = format!("{path}/rotate");
    let replace = json!({ "replaceUnused": true });
    let refused = app.post(&acme.owner, &path, &replace).await;
    assert_eq!(refused.details()["reason"], "OVERLAP", "{}", refused.body);
    let row = app.store(&acme).get_key(key.id).await.expect("a row");
    let counts: Vec<u64> = row.uses.values().map(|used| used.count).collect();
    assert_eq!(counts.iter().sum::<u64>(), 4, "{counts:?}");
}

#[tokio::test]
async fn one_rows_failure_keeps_no_other_of_its_owner_back() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let keys = [
        app.key_with(&acme, json!({})).await,
        app.key_with(&acme, json!({})).await,
    ];
    app.settle().await;
    let backup = Backup::of(&app);
    for key in &keys {
        act(&app, &acme, &key.id.to_string(), "revoke", json!({})).await;
    }
    // One who joined without an invitation that could tell the address.
    local::seed::member(&app.system, acme.id, "new@acme.example", Role::Member)
        .await
        .expect("a membership");
    app.settle().await;
    backup.restore(&app);

    let failing = failing("TransactWriteItems", format!("KEY#{}", keys[0].id));
    let (failed, said) = operate(&app, &failing).await;
    let failed = failed.expect_err("one row was not written");
    assert!(failed.starts_with("1 rows or owners"), "{failed}");
    let says = |said: &[String], what: &str| said.iter().filter(|line| line.contains(what)).count();
    let not_done = format!("key {} is not brought up", keys[0].id);
    assert_eq!(says(&said, &not_done), 1, "{said:?}");
    // Nobody asks for the first one yet: a request would be counted on the old row.
    assert_eq!(jobs(&app, &keys[1].caller).await, 401);
    assert_eq!(says(&said, "has no address any more"), 1, "{said:?}");

    // Again: what was not done is, and who must be invited anew is named anew.
    let (done, said) = operate(&app, &Weather::calm()).await;
    done.expect("replayed");
    assert_eq!(jobs(&app, &keys[0].caller).await, 401);
    assert_eq!(says(&said, "has no address any more"), 1, "{said:?}");
}

#[tokio::test]
async fn a_key_of_whose_changes_not_all_is_known_is_suspended_and_named() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await;
    app.settle().await;
    let backup = Backup::of(&app);
    let id = key.id.to_string();
    let path = format!("/api-keys/{id}");
    let narrow = json!({ "scopes": ["read:agents"] });
    assert_eq!(app.patch(&acme.owner, &path, &narrow).await.status, 200);
    app.settle().await;
    // As if that record were still quarantined.
    let mark = json!({ "pk": { "S": format!("MARK#KEY#{id}") }, "sk": { "S": "MARK" } });
    dispatch(
        &app,
        "UpdateItem",
        &json!({
            "TableName": app.app().table.names().audit,
            "Key": mark,
            "UpdateExpression": "SET #missing = :missing",
            "ExpressionAttributeNames": { "#missing": "missing" },
            "ExpressionAttributeValues": { ":missing": { "S": "1-1,2-2" } },
        }),
    );
    backup.restore(&app);
    let (done, said) = operate(&app, &Weather::calm()).await;
    done.expect("replayed");
    let named = format!("key {id} must be looked at, no record has told of its revisions 2-2");
    assert!(said.iter().any(|line| line.contains(&named)), "{said:?}");
    assert_eq!(jobs(&app, &key.caller).await, 401);
    act(&app, &acme, &id, "resume", json!({})).await;
}

/// A store whose calls of this operation fail where they name this row, however often they are tried.
fn failing(operation: &'static str, row: String) -> Weather {
    Weather::script(move |call| {
        match call.operation == operation && call.json().to_string().contains(&row) {
            true => Fault::InternalError,
            false => Fault::None,
        }
    })
}

/// How the command ends, and its lines.
async fn operate(app: &TestApp, weather: &Weather) -> (Result<(), String>, Vec<String>) {
    let operator = app.system.another_app(app.app().clock.clone(), weather);
    let mut said = Vec::new();
    let done = operate::replay(&operator, |line| said.push(line.to_owned())).await;
    (done.map_err(|error| error.to_string()), said)
}

#[tokio::test]
async fn one_owners_failure_keeps_nobody_else_back() {
    let app = TestApp::calm().await;
    let companies = [app.company("Acme").await, app.company("Globex").await];
    app.settle().await;
    let backup = Backup::of(&app);
    for company in &companies {
        app.key_with(company, json!({})).await;
    }
    app.settle().await;
    backup.restore(&app);

    let failing = failing("Query", format!("CHAIN#COMPANY#{}", companies[0].id));
    let (failed, said) = operate(&app, &failing).await;
    let failed = failed.expect_err("one owner's chain was not read");
    assert!(failed.starts_with("1 rows or owners"), "{failed}");
    let says = |company: &Company, what: &str| {
        let start = format!("COMPANY#{}: ", company.id);
        said.iter()
            .any(|line| line.starts_with(&start) && line.contains(what))
    };
    assert!(says(&companies[0], "not brought up"), "{said:?}");
    assert!(says(&companies[1], "must be rotated"), "{said:?}");

    // Both keys, and how much was done.
    let (done, said) = operate(&app, &Weather::calm()).await;
    done.expect("replayed");
    assert_eq!(said.len(), 3, "{said:?}");
}

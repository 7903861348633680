use embedded::{Engine, Fault, Place, Weather};
use model::CompanyId;
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use super::*;
use crate::TableNames;

fn at(minutes: i64) -> Timestamp {
    let begin = Timestamp::from_millis(1_790_000_000_000).expect("in range");
    begin.plus(Duration::minutes(minutes))
}

fn table(weather: Weather) -> (Engine, Table) {
    let engine =
        Engine::open(Place::Temporary, Arc::new(|| SystemTime::UNIX_EPOCH)).expect("opens");
    let names = TableNames::with_prefix("test");
    let attribute = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
    let body = json!({
        "TableName": names.sessions,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [attribute("pk"), attribute("sk")],
        "KeySchema": [
            { "AttributeName": "pk", "KeyType": "HASH" },
            { "AttributeName": "sk", "KeyType": "RANGE" },
        ],
    });
    let target = "DynamoDB_20120810.CreateTable";
    let (status, answer) = engine.dispatch(target, body.to_string().as_bytes());
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    let table = Table::new(engine.client(weather), names);
    (engine, table)
}

fn session(number: u8) -> SessionRow {
    SessionRow {
        name: [number; 32],
        issuer: "https://issuer.example".to_owned(),
        subject: "somebody".to_owned(),
        email: None,
        auth_time: at(0),
        created_at: at(0),
        seen_at: at(0),
        roles: Vec::new(),
        reason: "Ticket 4711: a test".parse().ok(),
    }
}

fn nonce(number: u8) -> [u8; 16] {
    [number; 16]
}

/// Nonces that nobody has used.
fn nonces() -> impl Fn() -> [u8; 16] {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    || {
        let number = NEXT.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        std::array::from_fn(|at| number[at % 8])
    }
}

async fn create(table: &Table, number: u8) {
    let made = table.create_session(&session(number), nonces()).await;
    made.expect("made");
}

async fn end(table: &Table, number: u8) {
    let ended = table.end_session(&session(number), at(1), nonces()).await;
    ended.expect("ended");
}

async fn found(table: &Table, number: u8) -> Option<SessionRow> {
    table.find_session(&[number; 32]).await.expect("an answer")
}

#[tokio::test]
async fn each_tab_changes_what_it_changes_and_takes_nothing_back() {
    let (_engine, table) = table(Weather::calm());
    create(&table, 1).await;
    // One tab has read the row with its reason; another ends the administration.
    let read = found(&table, 1).await.expect("a session");
    let name = read.name;
    table
        .set_session_reason(&name, None, nonce(2))
        .await
        .expect("ended");
    table
        .touch_session(&name, at(5), nonce(3))
        .await
        .expect("touched");
    let owners = [1, 2].map(|number| Owner::Company(CompanyId::new(at(0), [number; 10])));
    for owner in owners {
        let noted = table
            .note_session_role(&name, owner, Role::Admin, nonce(4))
            .await;
        noted.expect("noted");
    }
    // The first one that was seen stands.
    let noted = table
        .note_session_role(&name, owners[0], Role::Owner, nonce(5))
        .await;
    noted.expect("noted");
    let mut row = found(&table, 1).await.expect("a session");
    row.roles.sort_by_key(|(owner, _)| owner.to_string());
    let mut roles = owners.map(|owner| (owner, Role::Admin)).to_vec();
    roles.sort_by_key(|(owner, _)| owner.to_string());
    let expected = SessionRow {
        seen_at: at(5),
        roles,
        reason: None,
        ..session(1)
    };
    assert_eq!(row, expected);
}

#[tokio::test]
async fn what_has_ended_is_not_begun_again_by_a_tab_that_comes_late() {
    let (_engine, table) = table(Weather::calm());
    create(&table, 1).await;
    end(&table, 1).await;
    // Twice is no fault.
    end(&table, 1).await;
    let touched = table.touch_session(&[1; 32], at(2), nonce(4)).await;
    assert!(matches!(touched, Err(StoreError::Conflict)), "{touched:?}");
    assert_eq!(found(&table, 1).await, None);
}

#[tokio::test]
async fn who_signs_in_anew_again_and_again_ends_no_other_browsers_session() {
    let (_engine, table) = table(Weather::calm());
    create(&table, 0).await;
    for number in 1..=20 {
        create(&table, number).await;
        end(&table, number).await;
    }
    assert!(found(&table, 0).await.is_some());
    // Eleven that live are one too many.
    for number in 21..=30 {
        create(&table, number).await;
    }
    assert_eq!(found(&table, 0).await, None);
    assert!(found(&table, 21).await.is_some());
}

#[tokio::test]
async fn an_update_waits_for_a_transaction_that_holds_the_row() {
    let weather = Weather::calm();
    let (_engine, table) = table(weather.clone());
    create(&table, 1).await;
    let tries = Arc::new(AtomicUsize::new(0));
    let met = Arc::clone(&tries);
    weather.set(&Weather::script(move |call| {
        let updates = call.operation == "UpdateItem";
        match updates && met.fetch_add(1, Ordering::SeqCst) < 2 {
            true => Fault::TransactionConflict,
            false => Fault::None,
        }
    }));
    table
        .touch_session(&[1; 32], at(3), nonce(2))
        .await
        .expect("touched");
    let row = found(&table, 1).await.expect("a session");
    assert_eq!(row.seen_at, at(3));
}

#[tokio::test]
async fn a_form_is_done_in_its_session_and_as_it_was_sent_alone() {
    let (_engine, table) = table(Weather::calm());
    table
        .note_form_done(&session(1), &[7; 32])
        .await
        .expect("noted");
    for (name, form, done) in [
        ([1; 32], [7; 32], true),
        ([1; 32], [8; 32], false),
        ([2; 32], [7; 32], false),
    ] {
        let said = table.is_form_done(&name, &form).await.expect("an answer");
        assert_eq!(said, done);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ending_all_ends_also_what_begins_meanwhile() {
    let weather = Weather::calm();
    let (engine, table) = table(weather.clone());
    create(&table, 1).await;
    // Between the reading of the list and its writing, somebody else signs the same person in.
    let other = Table::new(
        engine.client(Weather::calm()),
        TableNames::with_prefix("test"),
    );
    let begun = Arc::new(AtomicUsize::new(0));
    let met = Arc::clone(&begun);
    let runtime = tokio::runtime::Handle::current();
    weather.set(&Weather::script(move |call| {
        if call.operation == "TransactWriteItems" && met.fetch_add(1, Ordering::SeqCst) == 0 {
            tokio::task::block_in_place(|| runtime.block_on(create(&other, 2)));
        }
        Fault::None
    }));
    let person = session(1).person();
    let ended = table.end_sessions_of(&person, at(1), nonces()).await;
    ended.expect("ended");
    assert_eq!(begun.load(Ordering::SeqCst), 2, "the list was read anew");
    assert_eq!(found(&table, 1).await, None);
    assert_eq!(found(&table, 2).await, None);
}

//! The engine through the real SDK.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, Put, ReturnValue,
    ReturnValuesOnConditionCheckFailure, ScalarAttributeType, StreamSpecification, StreamViewType,
    TimeToLiveSpecification, TransactWriteItem, Update,
};
use embedded::{Engine, Fault, Place, SequenceNumber, Weather};

const TABLE: &str = "things";

#[tokio::test]
async fn a_failed_condition_returns_the_item() {
    let client = client(Weather::calm()).await;
    add(&client, "a").send().await.expect("a new row");
    let failure = add(&client, "a")
        .condition_expression("n < :one")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await
        .expect_err("n is 1");
    let failure = failure.into_service_error();
    assert!(
        failure.is_conditional_check_failed_exception(),
        "{failure:?}"
    );
    let item = match failure {
        aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(
            failure,
        ) => failure.item.expect("asked for"),
        other => panic!("{other:?}"),
    };
    assert_eq!(item["n"], number(1));
}

#[tokio::test]
async fn an_inequality_holds_for_an_absent_attribute() {
    let client = client(Weather::calm()).await;
    // As in AWS, `<>` is true for an attribute that isn't there, on a row that isn't there too.
    for _ in 0..2 {
        add(&client, "a")
            .condition_expression("nonce <> :nonce")
            .expression_attribute_values(":nonce", text("x"))
            .send()
            .await
            .expect("nonce is absent");
    }
    let reserved = client
        .update_item()
        .table_name(TABLE)
        .key("pk", text("a"))
        .key("sk", text("s"))
        .update_expression("SET name = :name")
        .expression_attribute_values(":name", text("x"))
        .send()
        .await
        .expect_err("a reserved word");
    assert_eq!(reserved.code(), Some("ValidationException"));
}

#[tokio::test]
async fn queries_and_transactions_go_round() {
    let client = client(Weather::calm()).await;
    let put = |sk: &str| {
        let put = Put::builder()
            .table_name(TABLE)
            .item("pk", text("a"))
            .item("sk", text(sk));
        let put = put
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .expect("complete");
        TransactWriteItem::builder().put(put).build()
    };
    let transact = |token: &str| {
        let items = vec![put("1"), put("2")];
        client
            .transact_write_items()
            .client_request_token(token)
            .set_transact_items(Some(items))
    };
    transact("one").send().await.expect("new rows");
    transact("one")
        .send()
        .await
        .expect("the same token is the same effect");
    let again = transact("two")
        .send()
        .await
        .expect_err("rows exist")
        .into_service_error();
    assert!(again.is_transaction_canceled_exception(), "{again:?}");
    let page = client
        .query()
        .table_name(TABLE)
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", text("a"))
        .limit(1)
        .send()
        .await
        .expect("a page");
    assert_eq!(page.count, 1);
    assert!(page.last_evaluated_key.is_some());
    assert!(page.consumed_capacity.is_none(), "nobody asked");
}

#[tokio::test]
async fn time_to_live_is_set_once() {
    let engine = engine();
    let client = engine.client(Weather::calm());
    create_table(&client).await;
    let on = TimeToLiveSpecification::builder()
        .enabled(true)
        .attribute_name("expires");
    let on = on.build().expect("complete");
    client
        .update_time_to_live()
        .table_name(TABLE)
        .time_to_live_specification(on)
        .send()
        .await
        .expect("on");
    let update = "SET expires = :past";
    let past = AttributeValue::N("1700000000".to_owned());
    update_item(&client, "a", update)
        .expression_attribute_values(":past", past)
        .send()
        .await
        .expect("a row");
    assert!(
        get(&client, "a").await.is_some(),
        "expired rows are there until they are swept"
    );
    assert_eq!(engine.sweep_expired().expect("a sweep"), 1);
    assert!(get(&client, "a").await.is_none());
    let records = engine.stream_records(TABLE, None, 10).expect("records");
    let removal = records[1].event().expect("a record");
    assert_eq!(removal.event_name, "REMOVE");
    assert_eq!(
        removal.user_identity.expect("the sweeper's").principal_id,
        "dynamodb.amazonaws.com"
    );
}

#[tokio::test]
async fn a_lost_answer_is_applied_twice() {
    let weather = Weather::calm();
    let client = client(weather.clone()).await;
    weather.take_calls();
    for fault in [
        Fault::LoseAnswer,
        Fault::HalfAnswer,
        Fault::SlowAnswer(Duration::from_secs(2)),
    ] {
        weather.set(&Weather::script(move |call| match call.attempt {
            1 if call.operation == "UpdateItem" => fault,
            _ => Fault::None,
        }));
        let before = get(&client, "a").await.unwrap_or_else(|| number(0));
        weather.take_calls();
        add(&client, "a")
            .send()
            .await
            .expect("the second attempt gets through");
        let calls = weather.take_calls();
        assert_eq!(calls.len(), 2, "{calls:?}");
        assert_eq!(calls[1].attempt, 2);
        assert_eq!((calls[1].write_units, calls[1].read_units), (1.0, 0.0));
        assert_eq!(calls[1].tables, [TABLE]);
        let after = get(&client, "a").await.expect("a row");
        assert_eq!(as_number(&after), as_number(&before) + 2, "{fault:?}");
    }
}

#[tokio::test]
async fn what_never_ends_fails_after_three_attempts() {
    let weather = Weather::calm();
    let client = client(weather.clone()).await;
    for fault in Fault::TRIED_AGAIN {
        weather.take_calls();
        weather.set(&Weather::script(move |_| fault));
        add(&client, "a")
            .send()
            .await
            .expect_err("there is no end to it");
        assert_eq!(weather.take_calls().len(), 3, "{fault:?}");
    }
    for (fault, code) in [
        (Fault::TransactionConflict, "TransactionConflictException"),
        (Fault::ExpiredCredentials, "ExpiredTokenException"),
    ] {
        weather.take_calls();
        weather.set(&Weather::script(move |_| fault));
        let error = add(&client, "a").send().await.expect_err("refused");
        assert_eq!(error.code(), Some(code));
        assert_eq!(
            weather.take_calls().len(),
            1,
            "the SDK does not retry {code}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seeded_caller_always_gets_through() {
    let weather = Weather::seeded(7);
    let client = client(weather.clone()).await;
    let tasks: Vec<_> = (0..64)
        .map(|task| {
            let client = client.clone();
            tokio::spawn(async move {
                let mut conflicts = 0;
                for _ in 0..20 {
                    let update = Update::builder()
                        .table_name(TABLE)
                        .key("pk", text(&format!("{}", task % 8)))
                        .key("sk", text("s"))
                        .update_expression("ADD n :one")
                        .expression_attribute_values(":one", number(1))
                        .build()
                        .expect("complete");
                    let item = TransactWriteItem::builder().update(update).build();
                    let mut attempts = 0;
                    while let Err(error) = client
                        .transact_write_items()
                        .transact_items(item.clone())
                        .send()
                        .await
                    {
                        assert!(
                            error
                                .into_service_error()
                                .is_transaction_canceled_exception()
                        );
                        attempts += 1;
                        assert!(attempts <= 2, "never more than two in a row");
                        conflicts += 1;
                    }
                    get(&client, "0").await;
                }
                conflicts
            })
        })
        .collect();
    let mut conflicts = 0;
    for task in tasks {
        conflicts += task.await.expect("no panic");
    }
    assert!(conflicts > 0);
    let faults: Vec<Fault> = weather.calls().into_iter().map(|call| call.fault).collect();
    for fault in [
        Fault::LoseAnswer,
        Fault::Throttle,
        Fault::InternalError,
        Fault::TransactionConflict,
    ] {
        assert!(faults.contains(&fault), "{fault:?}");
    }
    let mut total = 0;
    for key in 0..8 {
        total += as_number(&get(&client, &key.to_string()).await.expect("a row"));
    }
    // Exactly once in spite of lost answers: the SDK sends a token with every transaction.
    assert_eq!(total, 64 * 20);
}

#[tokio::test]
async fn the_stream_survives_and_never_restarts() {
    let directory = Directory::make();
    let place = || Place::File(directory.0.join("db"));
    let engine = Engine::open(place(), clock()).expect("a new file");
    let client = engine.client(Weather::calm());
    create_table(&client).await;
    for key in ["a", "b", "a"] {
        add(&client, key).send().await.expect("written");
    }
    let records = engine.stream_records(TABLE, None, 10).expect("records");
    let names: Vec<String> = records
        .iter()
        .map(|record| record.event().expect("a record").event_name)
        .collect();
    assert_eq!(names, ["INSERT", "INSERT", "MODIFY"]);
    assert_eq!(records[0].partition_key, records[2].partition_key);
    assert_ne!(records[0].partition_key, records[1].partition_key);
    let last = &records[2].json;
    assert_eq!(last["dynamodb"]["OldImage"]["n"]["N"], "1");
    assert_eq!(last["dynamodb"]["NewImage"]["n"]["N"], "2");
    assert_eq!(last["dynamodb"]["Keys"]["pk"]["S"], "a");
    assert_eq!(
        last["dynamodb"]["ApproximateCreationDateTime"],
        4_000_000_000_u64
    );
    let numbers: Vec<SequenceNumber> = records
        .iter()
        .map(|record| record.sequence_number)
        .collect();
    assert!(numbers.is_sorted_by(|one, next| one < next));
    assert_eq!(numbers[2].to_string().parse(), Ok(numbers[2]));
    assert_eq!(last["dynamodb"]["SequenceNumber"], numbers[2].to_string());

    // Out of order; what is left is delivered again after a restart.
    engine
        .trim_records(TABLE, &[numbers[2], numbers[0]])
        .expect("trimmed");
    assert_eq!(numbers_of(&engine), [numbers[1]]);

    // The files as they are while the engine is open are what a killed process leaves behind.
    let crash = Directory::make();
    for name in ["db", "db-wal"] {
        std::fs::copy(directory.0.join(name), crash.0.join(name)).expect("a copy");
    }
    let survivor = Engine::open(Place::File(crash.0.join("db")), clock()).expect("a recovery");
    assert_eq!(numbers_of(&survivor), [numbers[1]]);
    let item = get(&survivor.client(Weather::calm()), "a").await;
    assert_eq!(item, Some(number(2)));

    drop(client);
    drop(engine);
    let engine = Engine::open(place(), clock()).expect("the same file");
    let client = engine.client(Weather::calm());
    assert_eq!(numbers_of(&engine), [numbers[1]]);
    engine.trim_records(TABLE, &[numbers[1]]).expect("trimmed");
    assert_eq!(
        engine.stored_stream_records().expect("a count"),
        1,
        "the marker"
    );

    // A clock set back is played by a marker from the future.
    drop(client);
    drop(engine);
    let future: SequenceNumber = "109000000000000000000".parse().expect("a number");
    let file = rusqlite::Connection::open(directory.0.join("db")).expect("the file");
    let moved = "UPDATE _stream_records SET sequence_number = '9000000000000000000'";
    assert_eq!(file.execute(moved, []).expect("moved"), 1);
    drop(file);
    let engine = Engine::open(place(), clock()).expect("the same file");
    let client = engine.client(Weather::calm());
    add(&client, "a").send().await.expect("written");
    let next = numbers_of(&engine);
    assert!(next[0] > future);
    engine.trim_records(TABLE, &next).expect("trimmed");
    add(&client, "a").send().await.expect("written");
    assert!(numbers_of(&engine)[0] > next[0]);
    assert_eq!(
        engine.stored_stream_records().expect("a count"),
        2,
        "a record and the marker"
    );
    for name in ["db", "db-wal", "db-shm"] {
        assert_eq!(mode(&directory.0.join(name)), 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_waiter_misses_no_write() {
    let engine = engine();
    let client = engine.client(Weather::calm());
    create_table(&client).await;
    add(&client, "a").send().await.expect("written");
    engine.changed().await;
    let waiter = engine.clone();
    let waiting = tokio::spawn(async move { waiter.changed().await });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    get(&client, "a").await;
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished(), "reads change nothing");
    add(&client, "a").send().await.expect("written");
    waiting.await.expect("woken");
    engine.changed().await;
}

#[tokio::test]
async fn writes_stay_fast_and_the_store_bounded() {
    let directory = Directory::make();
    let engine = Engine::open(Place::File(directory.0.join("db")), clock()).expect("a new file");
    let client = engine.client(Weather::calm());
    create_table(&client).await;
    let mut hundreds = Vec::new();
    let mut began = Instant::now();
    for update in 1..=5_000 {
        add(&client, "a").send().await.expect("written");
        if update % 100 == 0 {
            hundreds.push(began.elapsed() / 100);
            let numbers = numbers_of(&engine);
            engine.trim_records(TABLE, &numbers).expect("trimmed");
            assert!(engine.stored_stream_records().expect("a count") <= 1);
            began = Instant::now();
        }
    }
    // The best of ten, because other tests run meanwhile.
    let first = hundreds.iter().take(10).min().expect("ten");
    let last = hundreds.iter().rev().take(10).min().expect("ten");
    assert!(
        *last < *first * 2,
        "{first:?} an update at first, {last:?} at last"
    );
}

#[tokio::test]
async fn a_temporary_place_goes_with_its_last_handle() {
    let before = temporary_directories();
    let engine = engine();
    let client = engine.client(Weather::calm());
    create_table(&client).await;
    let made: Vec<PathBuf> = temporary_directories()
        .into_iter()
        .filter(|path| !before.contains(path))
        .collect();
    assert!(!made.is_empty());
    drop(engine);
    add(&client, "a")
        .send()
        .await
        .expect("the client is a handle too");
    drop(client);
    // Other tests make theirs at the same time; at least one of these is gone.
    assert!(made.iter().any(|path| !path.exists()));
}

#[tokio::test]
async fn the_raw_protocol_answers_as_dynamodb_does() {
    let engine = engine();
    let (status, body) = engine.dispatch("DynamoDB_20120810.ListTables", b"{}");
    assert_eq!(
        (status, body.as_slice()),
        (200, br#"{"TableNames":[]}"#.as_slice())
    );
    let (status, body) = engine.dispatch(
        "DynamoDB_20120810.GetItem",
        br#"{"TableName":"none","Key":{"pk":{"S":"a"}}}"#,
    );
    let body = String::from_utf8(body).expect("text");
    assert_eq!(status, 400);
    assert!(body.contains("#ResourceNotFoundException"), "{body}");
    let (status, body) = engine.dispatch("DynamoDB_20120810.GetItem", b"not JSON");
    let body = String::from_utf8(body).expect("text");
    assert_eq!(status, 400);
    assert!(body.contains("#SerializationException"), "{body}");
    let (status, _) = engine.dispatch("DynamoDB_20120810.Nothing", b"{}");
    assert_eq!(status, 501);
}

// Arrangements

async fn client(weather: Weather) -> Client {
    let client = engine().client(weather);
    create_table(&client).await;
    client
}

fn engine() -> Engine {
    Engine::open(Place::Temporary, clock()).expect("a new file")
}

fn clock() -> embedded::Now {
    Arc::new(|| SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000))
}

async fn create_table(client: &Client) {
    let mut request = client
        .create_table()
        .table_name(TABLE)
        .billing_mode(BillingMode::PayPerRequest);
    for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        let attribute = AttributeDefinition::builder().attribute_name(name);
        let attribute = attribute
            .attribute_type(ScalarAttributeType::S)
            .build()
            .expect("complete");
        let key = KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(kind);
        request = request
            .attribute_definitions(attribute)
            .key_schema(key.build().expect("complete"));
    }
    let stream = StreamSpecification::builder().stream_enabled(true);
    let stream = stream
        .stream_view_type(StreamViewType::NewAndOldImages)
        .build()
        .expect("complete");
    request
        .stream_specification(stream)
        .send()
        .await
        .expect("a table");
}

fn add(client: &Client, key: &str) -> UpdateItemFluentBuilder {
    update_item(client, key, "ADD n :one")
        .expression_attribute_values(":one", number(1))
        .return_values(ReturnValue::AllNew)
}

fn update_item(client: &Client, key: &str, expression: &str) -> UpdateItemFluentBuilder {
    let request = client
        .update_item()
        .table_name(TABLE)
        .key("pk", text(key))
        .key("sk", text("s"));
    request.update_expression(expression)
}

async fn get(client: &Client, key: &str) -> Option<AttributeValue> {
    let request = client
        .get_item()
        .table_name(TABLE)
        .key("pk", text(key))
        .key("sk", text("s"));
    let item = request
        .consistent_read(true)
        .send()
        .await
        .expect("read")
        .item?;
    Some(item.get("n").cloned().unwrap_or_else(|| number(0)))
}

fn numbers_of(engine: &Engine) -> Vec<SequenceNumber> {
    let records = engine.stream_records(TABLE, None, 1_000).expect("records");
    records
        .into_iter()
        .map(|record| record.sequence_number)
        .collect()
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: u32) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn as_number(value: &AttributeValue) -> u32 {
    value
        .as_n()
        .ok()
        .and_then(|number| number.parse().ok())
        .expect("a number")
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path)
        .expect("a file")
        .permissions()
        .mode()
        & 0o777
}

fn temporary_directories() -> Vec<PathBuf> {
    let ours = format!("embedded-{}-", std::process::id());
    let entries = std::fs::read_dir(std::env::temp_dir()).expect("a directory");
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(&ours))
        })
        .collect()
}

struct Directory(PathBuf);

impl Directory {
    fn make() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("embedded-test-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("a new directory");
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

//! `reconcile`: counters, events and usage of a data directory that was used.

use embedded::{Engine, Place as At};
use serde_json::json;
use std::{process::Output, sync::Arc, time::SystemTime};

use crate::{
    process::{Place, Server, run},
    story,
};

#[test]
fn what_was_counted_is_told_and_a_false_counter_is_found() {
    let place = Place::new("reconcile");
    let server = Server::start(&place, &[]);
    let key = story::tell(&server);
    assert!(server.interrupt().success());
    let agreed = reconcile(&place);
    assert!(agreed.status.success(), "{}", said(&agreed));
    assert!(said(&agreed).ends_with(": 0 differ\n"), "{}", said(&agreed));

    let id = &key[5..13];
    let file = At::File(place.data().join("dynamodb.sqlite"));
    let engine = Engine::open(file, Arc::new(|| SystemTime::UNIX_EPOCH)).expect("opens");
    let change = json!({
        "TableName": "instaview-keys",
        "Key": { "pk": { "S": format!("KEY#{id}") }, "sk": { "S": "KEY" } },
        "UpdateExpression": "ADD #total :one",
        "ExpressionAttributeNames": { "#total": "total" },
        "ExpressionAttributeValues": { ":one": { "N": "1" } },
    });
    let target = "DynamoDB_20120810.UpdateItem";
    let (status, answer) = engine.dispatch(target, change.to_string().as_bytes());
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    drop(engine);
    let differing = reconcile(&place);
    assert_eq!(differing.status.code(), Some(1), "{}", said(&differing));
    assert!(said(&differing).contains(id), "{}", said(&differing));
    assert!(said(&differing).ends_with(": 1 differ\n"));
}

#[test]
fn a_directory_that_is_not_there_is_not_made() {
    let place = Place::new("reconcile-nowhere");
    let data = place.data();
    for command in ["reconcile", "redrive"] {
        let ended = run(&[command, "--data-dir", data.to_str().expect("UTF-8")]);
        assert!(!ended.status.success(), "{command}");
        assert!(!data.exists(), "{command}");
    }
}

fn reconcile(place: &Place) -> Output {
    let data = place.data();
    run(&["reconcile", "--data-dir", data.to_str().expect("UTF-8")])
}

/// Logs go to standard error.
fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

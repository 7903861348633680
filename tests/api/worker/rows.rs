//! The rows themselves, which no client sees.

use serde_json::{Value, json};
use tests::TestApp;

/// Every row of the `records` table.
pub(crate) fn records(app: &TestApp) -> Vec<Value> {
    rows(app, &app.app().table.names().records)
}

/// Every row of a table.
pub(crate) fn rows(app: &TestApp, table: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut after = Value::Null;
    loop {
        let mut scan = json!({ "TableName": table });
        if !after.is_null() {
            scan["ExclusiveStartKey"] = after;
        }
        let scan = scan.to_string();
        let engine = app.system.engine();
        let (status, body) = engine.dispatch("DynamoDB_20120810.Scan", scan.as_bytes());
        assert_eq!(status, 200);
        let mut page: Value = serde_json::from_slice(&body).expect("JSON");
        let items = page["Items"].as_array().expect("items");
        rows.extend(items.iter().cloned());
        after = page["LastEvaluatedKey"].take();
        if after.is_null() {
            return rows;
        }
    }
}

/// Those whose sort key starts so.
pub(super) fn starting(app: &TestApp, prefix: &str) -> Vec<Value> {
    let mut rows = records(app);
    rows.retain(|row| {
        let sk = row["sk"]["S"].as_str();
        sk.is_some_and(|sk| sk.starts_with(prefix))
    });
    rows
}

/// A partition's.
pub(super) fn of_partition(app: &TestApp, pk: &str) -> Vec<Value> {
    let mut rows = records(app);
    rows.retain(|row| row["pk"]["S"] == pk);
    rows
}

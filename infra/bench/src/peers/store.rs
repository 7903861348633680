//! The peers' table: a key's facts under the key's SHA-256.

use anyhow::ensure;
use embedded::Engine;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub(crate) const TABLE: &str = "peer-keys";

/// As long as one of ours.
pub(crate) const KEY: &str = "pk_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";

/// Makes the table, with one key that may read jobs from this machine and from where the event comes.
pub(crate) fn seed(engine: &Engine) -> anyhow::Result<()> {
    ask(
        engine,
        "CreateTable",
        &json!({
            "TableName": TABLE,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{ "AttributeName": "pk", "AttributeType": "S" }],
            "KeySchema": [{ "AttributeName": "pk", "KeyType": "HASH" }],
        }),
    )?;
    let digest = Sha256::digest(KEY);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    ask(
        engine,
        "PutItem",
        &json!({
            "TableName": TABLE,
            "Item": {
                "pk": { "S": digest },
                "keyId": { "S": "Ab3dEf7h" },
                "companyId": { "S": "01890a5d-ac96-774b-bcce-b302099a8057" },
                "state": { "S": "ACTIVE" },
                // In the year 2100.
                "expiresAt": { "N": "4102444800" },
                "scopes": { "SS": ["read:jobs", "read:candidates"] },
                "allowedIps": { "SS": ["127.0.0.0/8", "192.0.2.0/24"] },
            },
        }),
    )
}

fn ask(engine: &Engine, operation: &str, body: &Value) -> anyhow::Result<()> {
    let target = format!("DynamoDB_20120810.{operation}");
    let (status, answer) = engine.dispatch(&target, body.to_string().as_bytes());
    ensure!(
        status == 200,
        "{operation}: {}",
        String::from_utf8_lossy(&answer)
    );
    Ok(())
}

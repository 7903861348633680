//! DynamoDB's JSON protocol over dynoxide's library calls: its own dispatch comes only with its HTTP server.

use dynoxide::types::ConsumedCapacity;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Engine;

/// A response, and what it cost whether or not the caller asked for that.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) bill: Vec<ConsumedCapacity>,
}

impl Answer {
    /// What it cost to read, and to write.
    pub(crate) fn units(&self, operation: &str) -> (f64, f64) {
        let (mut read, mut written) = (0.0, 0.0);
        for line in &self.bill {
            // A repeated transaction is answered from memory, and costs a read.
            match line.read_capacity_units {
                Some(again) if writes(operation) => {
                    read += again;
                    written += line.write_capacity_units.unwrap_or_default();
                }
                _ if writes(operation) => written += line.capacity_units,
                _ => read += line.capacity_units,
            }
        }
        (read, written)
    }
}

impl Engine {
    pub(crate) fn answer(&self, target: &str, body: &[u8]) -> Answer {
        let operation = operation(target).unwrap_or(target);
        let mut streams = self.streams();
        let result = run(&self.shared.database, operation, body).and_then(|answer| {
            if writes(operation) {
                streams.stamp((self.shared.now)())?;
            }
            Ok(answer)
        });
        drop(streams);
        match result {
            Ok(answer) => {
                if writes(operation) {
                    self.announce_write();
                }
                answer
            }
            Err(error) => Answer {
                status: error.status_code(),
                body: error.to_json().into_bytes(),
                bill: Vec::new(),
            },
        }
    }
}

/// `GetItem` of `DynamoDB_20120810.GetItem`.
pub(crate) fn operation(target: &str) -> Option<&str> {
    target
        .strip_prefix("DynamoDB_20120810.")
        .or_else(|| target.strip_prefix("DynamoDBStreams_20120810."))
}

/// Whether an operation changes items, and so may leave stream records.
pub(crate) fn writes(operation: &str) -> bool {
    matches!(
        operation,
        "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems"
    )
}

/// Whether an operation concerns items, read or written.
pub(crate) fn concerns_items(operation: &str) -> bool {
    writes(operation)
        || matches!(
            operation,
            "GetItem" | "Query" | "Scan" | "BatchGetItem" | "TransactGetItems"
        )
}

fn run(db: &Database, operation: &str, body: &[u8]) -> Result<Answer, DynoxideError> {
    match operation {
        "GetItem" => metered(
            db,
            operation,
            body,
            Database::get_item,
            |q| &mut q.return_consumed_capacity,
            |a| &mut a.consumed_capacity,
        ),
        "PutItem" => metered(
            db,
            operation,
            body,
            Database::put_item,
            |q| &mut q.return_consumed_capacity,
            |a| &mut a.consumed_capacity,
        ),
        "UpdateItem" => metered(
            db,
            operation,
            body,
            Database::update_item,
            |q| &mut q.return_consumed_capacity,
            |a| &mut a.consumed_capacity,
        ),
        "DeleteItem" => metered(
            db,
            operation,
            body,
            Database::delete_item,
            |q| &mut q.return_consumed_capacity,
            |a| &mut a.consumed_capacity,
        ),
        "Query" => metered(
            db,
            operation,
            body,
            Database::query,
            |q| &mut q.return_consumed_capacity,
            |a| &mut a.consumed_capacity,
        ),
        "Scan" => metered(
            db,
            operation,
            body,
            Database::scan,
            |q| &mut q.return_consumed_capacity,
            |a| &mut a.consumed_capacity,
        ),
        "BatchGetItem" => metered(
            db,
            operation,
            body,
            Database::batch_get_item,
            |q| &mut q.return_consumed_capacity,
            |a| &mut a.consumed_capacity,
        ),
        "BatchWriteItem" => metered(
            db,
            operation,
            body,
            Database::batch_write_item,
            |q| &mut q.return_consumed_capacity,
            |a| &mut a.consumed_capacity,
        ),
        "TransactGetItems" => metered(
            db,
            operation,
            body,
            Database::transact_get_items,
            |q| &mut q.return_consumed_capacity,
            |a| &mut a.consumed_capacity,
        ),
        "TransactWriteItems" => metered(
            db,
            operation,
            body,
            Database::transact_write_items,
            |q| &mut q.return_consumed_capacity,
            |a| &mut a.consumed_capacity,
        ),
        "CreateTable" => free(&db.create_table(decode(operation, body)?)?),
        "DeleteTable" => free(&db.delete_table(decode(operation, body)?)?),
        "DescribeTable" => free(&db.describe_table(decode(operation, body)?)?),
        "ListTables" => free(&db.list_tables(decode(operation, body)?)?),
        "UpdateTimeToLive" => free(&db.update_time_to_live(decode(operation, body)?)?),
        "DescribeTimeToLive" => free(&db.describe_time_to_live(decode(operation, body)?)?),
        "ListStreams" => free(&db.list_streams(decode(operation, body)?)?),
        "DescribeStream" => free(&db.describe_stream(decode(operation, body)?)?),
        "GetShardIterator" => free(&db.get_shard_iterator(decode(operation, body)?)?),
        "GetRecords" => free(&db.get_records(decode(operation, body)?)?),
        _ => Err(DynoxideError::UnsupportedCapability(operation.to_owned())),
    }
}

/// Runs an operation that is paid for. The cost is always counted and told only to who asked for it, so
/// that nobody here sees what AWS would not have sent.
fn metered<Q: DeserializeOwned, A: Serialize, B: Bill>(
    db: &Database,
    operation: &str,
    body: &[u8],
    method: fn(&Database, Q) -> Result<A, DynoxideError>,
    mode: fn(&mut Q) -> &mut Option<String>,
    bill: fn(&mut A) -> &mut Option<B>,
) -> Result<Answer, DynoxideError> {
    let mut request = decode(operation, body)?;
    let mode = mode(&mut request);
    let asked = mode.as_deref().is_some_and(|mode| mode != "NONE");
    if !asked {
        *mode = Some("TOTAL".to_owned());
    }
    let mut response = method(db, request)?;
    let bill = bill(&mut response);
    let lines = bill.as_ref().map(Bill::lines).unwrap_or_default();
    if !asked {
        *bill = None;
    }
    Ok(Answer {
        bill: lines,
        ..free(&response)?
    })
}

fn free(response: &impl Serialize) -> Result<Answer, DynoxideError> {
    let body = serde_json::to_vec(response)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))?;
    Ok(Answer {
        status: 200,
        body,
        bill: Vec::new(),
    })
}

/// One table's cost, or several tables'.
trait Bill {
    fn lines(&self) -> Vec<ConsumedCapacity>;
}

impl Bill for ConsumedCapacity {
    fn lines(&self) -> Vec<ConsumedCapacity> {
        vec![self.clone()]
    }
}

impl Bill for Vec<ConsumedCapacity> {
    fn lines(&self) -> Vec<ConsumedCapacity> {
        self.clone()
    }
}

/// dynoxide's requests name the error they want in the text of the decoding error; its own reader of
/// those marks is private.
fn decode<Q: DeserializeOwned>(operation: &str, body: &[u8]) -> Result<Q, DynoxideError> {
    serde_json::from_slice(body).map_err(|error| {
        let text = error.to_string();
        let unplaced = text
            .rsplit_once(" at line ")
            .map_or(text.as_str(), |(message, _)| message);
        if let Some(message) = text.strip_prefix("SERIALIZATION_AS_READ:") {
            DynoxideError::SerializationException(message.to_owned())
        } else if let Some(message) = text.strip_prefix("VALIDATION_AS_READ:") {
            DynoxideError::ValidationException(message.to_owned())
        } else if let Some(message) = unplaced.strip_prefix("SERIALIZATION:") {
            DynoxideError::SerializationException(message.to_owned())
        } else if let Some(message) = unplaced.strip_prefix("VALIDATION:") {
            DynoxideError::ValidationException(message.to_owned())
        } else if let Some(message) = unplaced.strip_prefix("VALIDATION_REQUEST:") {
            let enveloped = matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem");
            let envelope = if enveloped {
                "1 validation error detected: "
            } else {
                ""
            };
            DynoxideError::ValidationException(format!("{envelope}{message}"))
        } else if [
            "missing field",
            "unknown variant",
            "invalid type: null",
            "Supplied AttributeValue",
        ]
        .iter()
        .any(|mark| unplaced.contains(mark))
        {
            DynoxideError::ValidationException(unplaced.to_owned())
        } else {
            DynoxideError::SerializationException(unplaced.to_owned())
        }
    })
}

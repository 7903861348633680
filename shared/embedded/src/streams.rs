//! The stream records in dynoxide's file, through a connection of our own.
//!
//! dynoxide 3.2 finds a stream's next sequence number by `MAX` over all its stored records, which no
//! index serves, and never deletes one: each write is slower than the one before. So this module adds
//! the index that query wants, and deletes what was handed over.
//!
//! The next number is the larger of that `MAX` + 1 and the clock's microseconds. With the newest record
//! gone, a clock that was set back would hand out numbers again; so the newest is not deleted but
//! emptied into a *marker*, which stays in the `MAX` and is in no shard. The next trim that finds
//! something newer deletes it.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lambda_events::dynamodb::EventRecord;
use dynoxide::TableMetadata;
use rusqlite::{Connection, Row, TransactionBehavior, params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{EngineError, REGION};

pub(crate) struct StreamFile {
    connection: Connection,
    /// Row id of the newest record that carries the process's time.
    stamped: i64,
}

/// `shard_id = ''` is how a marker is told from a record; dynoxide's own GetRecords asks for a shard.
const INDEXES: &str = "
    CREATE INDEX IF NOT EXISTS _embedded_sequence
        ON _stream_records (table_name, CAST(sequence_number AS INTEGER));
    CREATE INDEX IF NOT EXISTS _embedded_markers
        ON _stream_records (table_name) WHERE shard_id = '';";

impl StreamFile {
    /// The file must have been opened by dynoxide, which makes the table.
    pub(crate) fn open(file: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(file)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.execute_batch(INDEXES)?;
        let stamped = newest_row(&connection)?;
        Ok(Self {
            connection,
            stamped,
        })
    }

    pub(crate) fn read(
        &self,
        table: &TableMetadata,
        after: Option<SequenceNumber>,
        limit: usize,
    ) -> Result<Vec<StreamRecord>, EngineError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT CAST(sequence_number AS INTEGER), event_name, keys_json, new_image, old_image,
                    created_at, user_identity, event_id
             FROM _stream_records
             WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) > ?2 AND shard_id <> ''
             ORDER BY CAST(sequence_number AS INTEGER) LIMIT ?3",
        )?;
        let after = after.map_or(0, |number| number.0);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows =
            statement.query_map(params![table.table_name, after, limit], StoredRecord::read)?;
        rows.map(|row| row?.into_event(table)).collect()
    }

    pub(crate) fn trim(&mut self, table: &str, numbers: &[SequenceNumber]) -> rusqlite::Result<()> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let newest: Option<i64> = transaction
                .prepare_cached(
                    "SELECT MAX(CAST(sequence_number AS INTEGER)) FROM _stream_records WHERE table_name = ?1",
                )?
                .query_row([table], |row| row.get(0))?;
            let mut delete = transaction.prepare_cached(
                "DELETE FROM _stream_records
                 WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) = ?2",
            )?;
            let mut empty = transaction.prepare_cached(
                "UPDATE _stream_records
                 SET shard_id = '', keys_json = '{}', new_image = NULL, old_image = NULL
                 WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) = ?2",
            )?;
            for number in numbers {
                let statement = if Some(number.0) == newest {
                    &mut empty
                } else {
                    &mut delete
                };
                statement.execute(params![table, number.0])?;
            }
            transaction
                .prepare_cached(
                    "DELETE FROM _stream_records INDEXED BY _embedded_markers
                     WHERE table_name = ?1 AND shard_id = ''
                       AND CAST(sequence_number AS INTEGER) < ?2",
                )?
                .execute(params![table, newest])?;
        }
        transaction.commit()
    }

    pub(crate) fn count(&self) -> rusqlite::Result<u64> {
        self.connection
            .query_row("SELECT COUNT(*) FROM _stream_records", [], |row| row.get(0))
    }

    /// Gives the records written since the last call the process's time: dynoxide lets nobody set the
    /// clock of a file. Where the two clocks agree, nothing is written.
    pub(crate) fn stamp(&mut self, now: SystemTime) -> rusqlite::Result<()> {
        let newest = newest_row(&self.connection)?;
        if newest > self.stamped {
            self.connection
                .prepare_cached(
                    "UPDATE _stream_records SET created_at = ?1
                     WHERE id > ?2 AND created_at NOT BETWEEN ?1 - 1 AND ?1 + 1",
                )?
                .execute(params![epoch_seconds(now), self.stamped])?;
            self.stamped = newest;
        }
        Ok(())
    }
}

fn newest_row(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("SELECT COALESCE(MAX(id), 0) FROM _stream_records")?
        .query_row([], |row| row.get(0))
}

fn epoch_seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A change to one item, as Lambda would be told of it.
#[derive(Debug, Clone)]
pub struct StreamRecord {
    pub sequence_number: SequenceNumber,
    /// The item's partition key in DynamoDB's JSON: records of one partition key must stay in order.
    pub partition_key: String,
    /// One element of `Records` in Lambda's event.
    pub json: Value,
}

impl StreamRecord {
    /// The record through the decoder that a real function uses.
    pub fn event(&self) -> Result<EventRecord, serde_json::Error> {
        EventRecord::deserialize(&self.json)
    }
}

/// A place in a stream; written as DynamoDB does, in 21 digits. Never issued twice for a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SequenceNumber(i64);

/// What dynoxide adds to a stored number to make it as long as AWS's.
const OFFSET: u128 = 100_000_000_000_000_000_000;

impl fmt::Display for SequenceNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", OFFSET + u128::from(self.0.unsigned_abs()))
    }
}

impl FromStr for SequenceNumber {
    type Err = InvalidSequenceNumber;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text
            .parse::<u128>()
            .ok()
            .and_then(|number| number.checked_sub(OFFSET));
        let stored = number.and_then(|stored| i64::try_from(stored).ok());
        stored.map(Self).ok_or(InvalidSequenceNumber)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a sequence number of this engine")]
pub struct InvalidSequenceNumber;

struct StoredRecord {
    sequence_number: SequenceNumber,
    event_name: String,
    keys: String,
    new_image: Option<String>,
    old_image: Option<String>,
    created_at: i64,
    user_identity: Option<String>,
    event_id: Option<String>,
}

impl StoredRecord {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sequence_number: SequenceNumber(row.get(0)?),
            event_name: row.get(1)?,
            keys: row.get(2)?,
            new_image: row.get(3)?,
            old_image: row.get(4)?,
            created_at: row.get(5)?,
            user_identity: row.get(6)?,
            event_id: row.get(7)?,
        })
    }

    fn into_event(self, table: &TableMetadata) -> Result<StreamRecord, EngineError> {
        let image_length = |image: &Option<String>| image.as_ref().map_or(0, String::len);
        let size = self.keys.len() + image_length(&self.new_image) + image_length(&self.old_image);
        let keys: Value = serde_json::from_str(&self.keys)?;
        let partition_key = partition_key(table, &keys)?;
        let sequence_number = self.sequence_number.to_string();
        let mut change = json!({
            "ApproximateCreationDateTime": self.created_at,
            "Keys": keys,
            "SequenceNumber": sequence_number,
            "SizeBytes": size,
            "StreamViewType": table.stream_view_type.as_deref().unwrap_or("NEW_AND_OLD_IMAGES"),
        });
        if let Some(image) = &self.new_image {
            change["NewImage"] = serde_json::from_str(image)?;
        }
        if let Some(image) = &self.old_image {
            change["OldImage"] = serde_json::from_str(image)?;
        }
        let label = table.stream_label.as_deref().unwrap_or_default();
        let mut event = json!({
            "eventID": self.event_id.unwrap_or(sequence_number),
            "eventName": self.event_name,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": REGION,
            "dynamodb": change,
            "eventSourceARN": dynoxide::streams::stream_arn(&table.table_name, label),
        });
        if let Some(identity) = &self.user_identity {
            event["userIdentity"] = serde_json::from_str(identity)?;
        }
        Ok(StreamRecord {
            sequence_number: self.sequence_number,
            partition_key,
            json: event,
        })
    }
}

fn partition_key(table: &TableMetadata, keys: &Value) -> Result<String, serde_json::Error> {
    let names = key_names(table)?;
    let value = names.first().map_or(&Value::Null, |name| &keys[name]);
    Ok(value.to_string())
}

/// The names of a table's key attributes, the partition key's first.
pub(crate) fn key_names(table: &TableMetadata) -> Result<Vec<String>, serde_json::Error> {
    #[derive(Deserialize, Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Element {
        attribute_name: String,
        key_type: String,
    }
    let mut elements: Vec<Element> = serde_json::from_str(&table.key_schema)?;
    elements.sort_by(|one, other| one.key_type.cmp(&other.key_type));
    Ok(elements
        .into_iter()
        .map(|element| element.attribute_name)
        .collect())
}

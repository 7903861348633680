//! What a pack holds: its events as one JSON array, in zlib's format.
//!
//! An event is some 500 bytes of JSON, of which two hashes and a few ids are all that isn't in its neighbours, too; every kilobyte costs two units to write in a transaction.
//! Knows nothing of chains and of which events belong together.

use aws_sdk_dynamodb::types::AttributeValue;
use miniz_oxide::{deflate::compress_to_vec_zlib, inflate::decompress_to_vec_zlib_with_limit};
use model::Event;
use serde_json::value::RawValue;
use std::borrow::Cow;

use crate::{
    StoreError,
    item::{Item, Read, b},
};

/// Higher ones take more time and little less room.
const LEVEL: u8 = 6;
/// Beyond what any row can tell: both its images are at most 400 KB, and JSON makes at most six bytes of one.
const MAX_JSON: usize = 8 << 20;

/// The attribute with these events, each as JSON.
///
/// # Errors
/// They are more than can be read again.
pub(super) fn packed(events: &[String]) -> Result<AttributeValue, StoreError> {
    let json = format!("[{}]", events.join(","));
    if json.len() > MAX_JSON {
        return Err(StoreError::Corrupt("events"));
    }
    Ok(b(compress_to_vec_zlib(json.as_bytes(), LEVEL)))
}

/// The pack's events, oldest first.
pub(crate) fn events_of(pack: &Item) -> Result<Vec<Event>, StoreError> {
    serde_json::from_str(&json_of(pack)?).map_err(|_| CORRUPT)
}

/// The same, each as it was stored.
pub(super) fn texts_of(pack: &Item) -> Result<Vec<Box<RawValue>>, StoreError> {
    serde_json::from_str(&json_of(pack)?).map_err(|_| CORRUPT)
}

fn json_of(pack: &Item) -> Result<Cow<'_, str>, StoreError> {
    // Packs were plain text at first, and a trail is never rewritten.
    let Some(AttributeValue::B(packed)) = pack.get("events") else {
        return pack.text("events").map(Cow::Borrowed);
    };
    let json = decompress_to_vec_zlib_with_limit(packed.as_ref(), MAX_JSON);
    let json = json.map_err(|_| CORRUPT)?;
    String::from_utf8(json).map(Cow::Owned).map_err(|_| CORRUPT)
}

const CORRUPT: StoreError = StoreError::Corrupt("events");

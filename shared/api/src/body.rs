//! The body's JSON, read once, with every duplicate name refused.

use model::{Fault, Rule};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// At most 256 KiB.
pub(crate) const MAX_BYTES: usize = 256 * 1024;

/// The JSON of a body.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Fault> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Fault::new("", Rule::Json, "the body is not UTF-8"))?;
    match serde_json::from_str::<Strict>(text) {
        Ok(Strict(value)) => Ok(value),
        // Position only: the parser's own words may repeat the body.
        Err(error) => {
            let message = format!(
                "is not valid JSON at line {} column {}",
                error.line(),
                error.column()
            );
            Err(Fault::new("", Rule::Json, message))
        }
    }
}

/// A value in which no object names a member twice: readers disagree about which one counts.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = seq.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((name, Strict(value))) = members.next_entry::<String, Strict>()? {
            if map.insert(name, value).is_some() {
                return Err(A::Error::custom("a name stands twice"));
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_json_is_refused_without_repeating_it() {
        let deep = "[".repeat(100_000);
        let bad: [&[u8]; 8] = [
            b"",
            b"{\"a\":",
            b"{\"a\":1,\"a\":2}",
            b"{\"secret\":tru}",
            b"\"\\ud800\"",
            b"\xff\xfe",
            b"\"a\0b\"",
            deep.as_bytes(),
        ];
        for bytes in bad {
            let fault = parse(bytes).expect_err("not JSON");
            assert_eq!(fault.rule, Rule::Json);
            assert!(!fault.message.contains("secret"));
        }
    }

    #[test]
    fn what_is_json_is_read() {
        let value = parse(br#"{"a":[1,-1,1.5,true,null,"x\u00e9"],"b":{}}"#).expect("JSON");
        assert_eq!(
            value,
            serde_json::json!({ "a": [1, -1, 1.5, true, null, "x\u{e9}"], "b": {} })
        );
    }
}

//! One event as a line of JSON, and the hash that it should have.
//!
//! The hash is computed from the line as it stands, so that a field that the model doesn't know counts too, and in one pass, because an export has millions of lines. A test holds it equal to `model::Event::computed_hash`.

use model::{ChainHash, Owner};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use sha2::{Digest, Sha256};
use std::{borrow::Cow, cmp::Ordering, fmt, io::Write};

/// What the check needs of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    pub seq: u64,
    pub owner: Owner,
    pub prev_hash: ChainHash,
    /// As the line says.
    pub hash: ChainHash,
    /// As it should be.
    pub computed: ChainHash,
}

/// It is no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it can't be read")]
pub struct Malformed;

impl Line {
    /// `bytes`: room that is used again for each line.
    pub fn parse(text: &str, bytes: &mut Vec<u8>) -> Result<Line, Malformed> {
        let Ok(Json::Object(mut fields)) = serde_json::from_str(text) else {
            return Err(Malformed);
        };
        let at = fields.iter().position(|(name, _)| name == "hash");
        let (_, hash) = fields.swap_remove(at.ok_or(Malformed)?);
        let hash = as_hash(&hash)?;
        let event = Json::Object(fields);
        let prev_hash = as_hash(event.get("prevHash")?)?;
        let owner = event.get("owner")?;
        let line = Line {
            seq: match event.get("seq")? {
                Json::Number(seq) => seq.as_u64().filter(|seq| *seq < EXACT).ok_or(Malformed)?,
                _ => return Err(Malformed),
            },
            owner: as_owner(owner.get("kind")?, owner.get("id")?)?,
            prev_hash,
            hash,
            computed: hash,
        };
        bytes.clear();
        event.canonical(bytes)?;
        let mut digest = Sha256::new();
        digest.update(prev_hash.bytes());
        digest.update(b"instaview-audit-v1\n");
        digest.update(bytes);
        Ok(Line {
            computed: ChainHash::new(digest.finalize().into()),
            ..line
        })
    }

    pub fn is_whole(&self) -> bool {
        self.hash == self.computed
    }
}

/// JSON that borrows from its text what needs no unescaping.
enum Json<'t> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'t, str>),
    List(Vec<Json<'t>>),
    Object(Vec<(Cow<'t, str>, Json<'t>)>),
}

impl<'t> Json<'t> {
    fn get(&self, name: &str) -> Result<&Json<'t>, Malformed> {
        let Json::Object(fields) = self else {
            return Err(Malformed);
        };
        let found = fields.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| value).ok_or(Malformed)
    }

    /// RFC 8785; sorts its objects on the way.
    fn canonical(mut self, out: &mut Vec<u8>) -> Result<(), Malformed> {
        self.write(out)
    }

    fn write(&mut self, out: &mut Vec<u8>) -> Result<(), Malformed> {
        match self {
            Json::Null => out.extend_from_slice(b"null"),
            Json::Bool(true) => out.extend_from_slice(b"true"),
            Json::Bool(false) => out.extend_from_slice(b"false"),
            Json::Number(number) => write_number(number, out)?,
            Json::Text(text) => write_text(text, out),
            Json::List(values) => {
                out.push(b'[');
                for (at, value) in values.iter_mut().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    value.write(out)?;
                }
                out.push(b']');
            }
            Json::Object(fields) => {
                fields.sort_unstable_by(|(a, _), (b, _)| in_utf_16(a, b));
                // Of two fields of one name, readers may take either.
                if fields.windows(2).any(|pair| pair[0].0 == pair[1].0) {
                    return Err(Malformed);
                }
                out.push(b'{');
                for (at, (name, value)) in fields.iter_mut().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    write_text(name, out);
                    out.push(b':');
                    value.write(out)?;
                }
                out.push(b'}');
            }
        }
        Ok(())
    }
}

fn in_utf_16(a: &str, b: &str) -> Ordering {
    match a.is_ascii() && b.is_ascii() {
        true => a.cmp(b),
        false => a.encode_utf16().cmp(b.encode_utf16()),
    }
}

/// Below it, a number is written as it is meant; from there on RFC 8785 writes several as one, and no chain is so long.
pub(crate) const EXACT: u64 = 1 << 53;

fn write_number(number: &Number, out: &mut Vec<u8>) -> Result<(), Malformed> {
    match number.as_u64() {
        // A `Vec` takes all that it is given.
        Some(small) if small < EXACT => write!(out, "{small}").map_err(|_| Malformed),
        _ => {
            let bytes = serde_json_canonicalizer::to_vec(number).map_err(|_| Malformed)?;
            out.extend(bytes);
            Ok(())
        }
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut written = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            0x08 => b"\\b",
            0x09 => b"\\t",
            0x0a => b"\\n",
            0x0c => b"\\f",
            0x0d => b"\\r",
            0x00..=0x1f => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                let high = DIGITS[usize::from(byte >> 4)];
                let low = DIGITS[usize::from(byte & 15)];
                &[b'\\', b'u', b'0', b'0', high, low]
            }
            _ => continue,
        };
        out.extend_from_slice(&bytes[written..at]);
        out.extend_from_slice(escape);
        written = at + 1;
    }
    out.extend_from_slice(&bytes[written..]);
    out.push(b'"');
}

/// In its one spelling: 64 hexadecimal digits in lower case.
fn as_hash(value: &Json<'_>) -> Result<ChainHash, Malformed> {
    let Json::Text(text) = value else {
        return Err(Malformed);
    };
    let digits = text.as_bytes();
    let mut hash = [0; 32];
    if digits.len() != 64 {
        return Err(Malformed);
    }
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Ok(ChainHash::new(hash))
}

fn digit(digit: u8) -> Result<u8, Malformed> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(Malformed),
    }
}

fn as_owner(kind: &Json<'_>, id: &Json<'_>) -> Result<Owner, Malformed> {
    let (Json::Text(kind), Json::Text(id)) = (kind, id) else {
        return Err(Malformed);
    };
    let owner = match &**kind {
        "COMPANY" => id.parse().map(Owner::Company),
        "PARTNER" => id.parse().map(Owner::Partner),
        "SYSTEM" if id == "instaview" => Ok(Owner::System),
        _ => return Err(Malformed),
    };
    owner.map_err(|_| Malformed)
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Json<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_unit<E: Error>(self) -> Result<Json<'de>, E> {
                Ok(Json::Null)
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Json<'de>, E> {
                Ok(Json::Bool(value))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Json<'de>, E> {
                Ok(Json::Number(value.into()))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Json<'de>, E> {
                Ok(Json::Number(value.into()))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Json<'de>, E> {
                let number = Number::from_f64(value);
                number
                    .map(Json::Number)
                    .ok_or_else(|| E::custom("a number"))
            }

            fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Json<'de>, E> {
                Ok(Json::Text(Cow::Borrowed(value)))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Json<'de>, E> {
                Ok(Json::Text(Cow::Owned(value.to_owned())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json<'de>, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    values.push(value);
                }
                Ok(Json::List(values))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<'de>, A::Error> {
                let mut fields = Vec::with_capacity(16);
                while let Some(field) = map.next_entry::<Name<'de>, Json<'de>>()? {
                    fields.push((field.0.0, field.1));
                }
                Ok(Json::Object(fields))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

/// A field's name, borrowed where that can be.
struct Name<'t>(Cow<'t, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(value)))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(value.to_owned())))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

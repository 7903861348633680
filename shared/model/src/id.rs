//! Ids, each its own type, so that one kind can't stand where another belongs.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{borrow::Cow, fmt, str::FromStr};
use uuid::Uuid;

use crate::Timestamp;

/// The text is not an id of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this kind")]
pub struct InvalidId;

/// An id that tells when its object was made.
pub trait ObjectId: Copy + fmt::Display + FromStr + Serialize + Send + Sync {
    /// Ascending where the ids descend: the sort key of lists that show the newest first.
    fn newest_first(self) -> String;

    /// Undoes [`Self::newest_first`].
    fn from_newest_first(text: &str) -> Result<Self, InvalidId>;
}

/// RFC 9562 §5.7, in lower case.
const UUID_V7: &str = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$";

macro_rules! uuid_ids {
    ($( $(#[doc = $doc:literal])* $name:ident; )*) => { $(
        $(#[doc = $doc])*
        ///
        /// A UUIDv7 in lower case with hyphens; any other spelling is no id.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// `random` fills the bits that the time leaves.
            pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
                let millis = u64::try_from(now.millis()).unwrap_or_default();
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
            }

            pub fn to_bytes(self) -> [u8; 16] {
                self.0.into_bytes()
            }

            pub fn from_bytes(bytes: [u8; 16]) -> Result<Self, InvalidId> {
                let id = Uuid::from_bytes(bytes);
                (id.get_version_num() == 7).then_some(Self(id)).ok_or(InvalidId)
            }
        }

        impl ObjectId for $name {
            fn newest_first(self) -> String {
                format!("{:032x}", !self.0.as_u128())
            }

            fn from_newest_first(text: &str) -> Result<Self, InvalidId> {
                let bits = u128::from_str_radix(text, 16).map_err(|_| InvalidId)?;
                Ok(Self(Uuid::from_u128(!bits)))
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let id = Uuid::try_parse(text).map_err(|_| InvalidId)?;
                // One spelling an id, so that equal ids are equal strings in keys and logs.
                if id.get_version_num() != 7 || id.hyphenated().to_string() != text {
                    return Err(InvalidId);
                }
                Ok(Self(id))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": "uuid", "pattern": UUID_V7 })
            }
        }

        parsed_strings!($name);
    )* };
}

macro_rules! parsed_strings {
    ($name:ident) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }

        impl crate::Field for $name {
            fn parse(
                value: serde_json::Value,
                at: &str,
                faults: &mut crate::Faults,
            ) -> Option<Self> {
                let parsed = value.as_str().map(str::parse);
                match parsed {
                    Some(Ok(id)) => Some(id),
                    Some(Err(_)) => {
                        faults.refuse(at, crate::Rule::Format, "must be an id of this kind")
                    }
                    None => faults.refuse(at, crate::Rule::Type, "must be a string"),
                }
            }
        }
    };
}

uuid_ids! {
    /// A company: the tenant.
    CompanyId;
    /// An ATS partner.
    PartnerId;
    /// A job.
    JobId;
    /// A candidate.
    CandidateId;
    /// An agent: who leads interviews, and how.
    AgentId;
    /// An interview.
    InterviewId;
    /// An invitation to become a member.
    InvitationId;
    /// A notice of an owner's.
    NoticeId;
}

/// A company's telephone number, as the telephone system knows it: a UUID of any version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct PhoneNumberId(Uuid);

impl FromStr for PhoneNumberId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        // The parser also takes braces, URNs and texts without hyphens.
        if text.len() != 36 {
            return Err(InvalidId);
        }
        Uuid::try_parse(text)
            .map(PhoneNumberId)
            .map_err(|_| InvalidId)
    }
}

impl JsonSchema for PhoneNumberId {
    fn schema_name() -> Cow<'static, str> {
        "PhoneNumberId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "uuid" })
    }
}

parsed_strings!(PhoneNumberId);

/// An API key's id: the 8 Base62 characters inside the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; 8]);

impl KeyId {
    pub fn as_str(&self) -> &str {
        // Only Base62 characters get in.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Uniform over all ids; `random` is read as one number, whose bias is below 2^-16.
    pub fn new(random: [u8; 8]) -> KeyId {
        const ALPHABET: &[u8; 62] =
            b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut rest = u64::from_be_bytes(random);
        KeyId(std::array::from_fn(|_| {
            let digit = ALPHABET[(rest % 62) as usize];
            rest /= 62;
            digit
        }))
    }
}

impl FromStr for KeyId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let bytes: [u8; 8] = text.as_bytes().try_into().map_err(|_| InvalidId)?;
        if !bytes.iter().all(u8::is_ascii_alphanumeric) {
            return Err(InvalidId);
        }
        Ok(KeyId(bytes))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for KeyId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl JsonSchema for KeyId {
    fn schema_name() -> Cow<'static, str> {
        "KeyId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9A-Za-z]{8}$" })
    }
}

parsed_strings!(KeyId);

/// A person: a digest of the issuer and subject of their tokens, 32 hexadecimal characters.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct PersonId(String);

impl PersonId {
    pub fn new(issuer: &str, subject: &str) -> PersonId {
        let mut hash = Sha256::new();
        // The length keeps (`ab`, `c`) and (`a`, `bc`) apart.
        hash.update((issuer.len() as u64).to_be_bytes());
        hash.update(issuer);
        hash.update(subject);
        let digest: [u8; 32] = hash.finalize().into();
        PersonId(hex(&digest[..16]))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PersonId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let fits = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        fits.then(|| PersonId(text.to_owned())).ok_or(InvalidId)
    }
}

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

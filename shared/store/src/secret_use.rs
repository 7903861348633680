//! How often and when each of a key's secrets was used: counted by the write that counts the request, and gone with the secret.
//!
//! Two attributes a secret, named after its suffix behind a mark that no other attribute's name has. They are short, because each authorized request writes the whole row.

use aws_sdk_dynamodb::types::AttributeValue;
use model::Timestamp;
use std::net::IpAddr;

use crate::{
    LastUse, StoreError,
    item::{Item, b, n},
};

/// Of one secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretUse {
    /// Requests ever counted.
    pub count: u64,
    pub at: Timestamp,
    pub source_ip: Option<IpAddr>,
}

impl SecretUse {
    /// The attribute that counts.
    pub(crate) fn count_of(suffix: &str) -> String {
        format!("#{suffix}")
    }

    /// The attribute that holds the last use.
    pub(crate) fn last_of(suffix: &str) -> String {
        format!("@{suffix}")
    }

    /// Both together.
    pub(crate) fn and(self, other: SecretUse) -> SecretUse {
        let last = if other.at < self.at { self } else { other };
        SecretUse {
            count: self.count + other.count,
            ..last
        }
    }

    /// The last use's value.
    pub(crate) fn packed(last: &LastUse) -> AttributeValue {
        packed_use(last.at, last.source_ip.parse().ok())
    }

    pub(crate) fn attributes(&self, suffix: &str) -> [(String, AttributeValue); 2] {
        let last = packed_use(self.at, self.source_ip);
        [
            (SecretUse::count_of(suffix), n(self.count)),
            (SecretUse::last_of(suffix), last),
        ]
    }

    /// `None` for a secret that was never used.
    pub(crate) fn read(row: &Item, suffix: &str) -> Result<Option<SecretUse>, StoreError> {
        let corrupt = || StoreError::Corrupt("used");
        let count = match row.get(&SecretUse::count_of(suffix)) {
            None => return Ok(None),
            Some(AttributeValue::N(count)) => count.parse().map_err(|_| corrupt())?,
            Some(_) => return Err(corrupt()),
        };
        let last = row
            .get(&SecretUse::last_of(suffix))
            .and_then(|value| value.as_b().ok())
            .ok_or_else(corrupt)?;
        let (millis, address) = last.as_ref().split_first_chunk().ok_or_else(corrupt)?;
        Ok(Some(SecretUse {
            count,
            at: Timestamp::from_millis(i64::from_be_bytes(*millis)).ok_or_else(corrupt)?,
            source_ip: unpacked_address(address),
        }))
    }
}

/// The instant in milliseconds (8 bytes), then the address.
fn packed_use(at: Timestamp, source_ip: Option<IpAddr>) -> AttributeValue {
    let mut bytes = at.millis().to_be_bytes().to_vec();
    bytes.extend(source_ip.map(packed_address).into_iter().flatten());
    b(bytes)
}

/// 4 bytes or 16.
pub(crate) fn packed_address(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

pub(crate) fn unpacked_address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

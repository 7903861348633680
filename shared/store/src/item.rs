//! Attribute values, in and out.

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use std::{collections::HashMap, fmt::Display, str::FromStr};

use crate::StoreError;

/// One row.
pub type Item = HashMap<String, AttributeValue>;

pub(crate) fn s(text: impl Display) -> AttributeValue {
    AttributeValue::S(text.to_string())
}

pub(crate) fn n(number: impl Display) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(crate) fn b(bytes: impl Into<Vec<u8>>) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

pub(crate) fn list(texts: impl IntoIterator<Item = impl Display>) -> AttributeValue {
    AttributeValue::L(texts.into_iter().map(s).collect())
}

/// A row from its attributes.
pub(crate) fn item<const N: usize>(attributes: [(&str, AttributeValue); N]) -> Item {
    attributes
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

/// Sets an attribute only where there is a value: DynamoDB has no absent ones otherwise.
pub(crate) fn set(item: &mut Item, name: &str, value: Option<AttributeValue>) {
    item.extend(value.map(|value| (name.to_owned(), value)));
}

/// A row's primary key in every table but its own words.
pub(crate) fn key(pk: impl Display, sk: impl Display) -> Item {
    item([("pk", s(pk)), ("sk", s(sk))])
}

/// Reading a row that only we can have written; anything else is corrupt.
pub(crate) trait Read {
    fn text(&self, name: &'static str) -> Result<&str, StoreError>;
    fn parsed<T: FromStr>(&self, name: &'static str) -> Result<T, StoreError>;
    fn parsed_if<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, StoreError>;
    fn bytes<const N: usize>(&self, name: &'static str) -> Result<[u8; N], StoreError>;
    fn texts(&self, name: &'static str) -> Result<Vec<&str>, StoreError>;
    fn map(&self, name: &'static str) -> Result<&Item, StoreError>;
    fn instant(&self, name: &'static str) -> Result<model::Timestamp, StoreError>;
    fn instant_if(&self, name: &'static str) -> Result<Option<model::Timestamp>, StoreError>;
}

impl Read for Item {
    fn text(&self, name: &'static str) -> Result<&str, StoreError> {
        match self.get(name) {
            Some(AttributeValue::S(text) | AttributeValue::N(text)) => Ok(text),
            _ => Err(StoreError::Corrupt(name)),
        }
    }

    fn parsed<T: FromStr>(&self, name: &'static str) -> Result<T, StoreError> {
        self.text(name)?
            .parse()
            .map_err(|_| StoreError::Corrupt(name))
    }

    fn parsed_if<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, StoreError> {
        self.contains_key(name)
            .then(|| self.parsed(name))
            .transpose()
    }

    fn bytes<const N: usize>(&self, name: &'static str) -> Result<[u8; N], StoreError> {
        match self.get(name) {
            Some(AttributeValue::B(blob)) => blob
                .as_ref()
                .try_into()
                .map_err(|_| StoreError::Corrupt(name)),
            _ => Err(StoreError::Corrupt(name)),
        }
    }

    fn texts(&self, name: &'static str) -> Result<Vec<&str>, StoreError> {
        let Some(AttributeValue::L(values)) = self.get(name) else {
            return Err(StoreError::Corrupt(name));
        };
        let texts = values.iter().map(|value| value.as_s().map(String::as_str));
        texts
            .collect::<Result<_, _>>()
            .map_err(|_| StoreError::Corrupt(name))
    }

    fn map(&self, name: &'static str) -> Result<&Item, StoreError> {
        self.get(name)
            .and_then(|value| value.as_m().ok())
            .ok_or(StoreError::Corrupt(name))
    }

    fn instant(&self, name: &'static str) -> Result<model::Timestamp, StoreError> {
        model::Timestamp::from_millis(self.parsed(name)?).ok_or(StoreError::Corrupt(name))
    }

    fn instant_if(&self, name: &'static str) -> Result<Option<model::Timestamp>, StoreError> {
        self.contains_key(name)
            .then(|| self.instant(name))
            .transpose()
    }
}

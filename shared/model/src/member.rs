//! A person's role in a company or partner.

use serde::{Deserialize, Serialize};

/// A role in its one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoleText(pub routes::Role);

impl Serialize for RoleText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for RoleText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        routes::Role::parse(&text)
            .map(RoleText)
            .ok_or_else(|| serde::de::Error::custom("no role"))
    }
}

//! A person's role in a company or partner, and why an administrator of InstaView acts.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

use crate::{Faults, Field, Name, Rule};

/// Why an administrator acts (`X-Admin-Reason`): 10 to 200 characters of one line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AdminReason(Name<10, 200>);

impl FromStr for AdminReason {
    type Err = Rule;

    /// The rule that the text breaks.
    fn from_str(text: &str) -> Result<Self, Rule> {
        let mut faults = Faults::default();
        let parsed = Name::parse(text.into(), "", &mut faults);
        let broken = faults.iter().next().map(|fault| fault.rule);
        parsed
            .map(AdminReason)
            .ok_or(broken.unwrap_or(Rule::Format))
    }
}

impl fmt::Display for AdminReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

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

//! What a client says that it is.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt, str::FromStr};

use crate::InvalidId;

/// The first product of a `User-Agent` header, such as `python-requests/2.32.3`: 1 to 40 visible ASCII characters.
///
/// It is the client's own word, worth as much as that.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UserAgent(String);

impl UserAgent {
    const MAX: usize = 40;

    /// `None` where the header says nothing that could be shown, or holds what looks like a key of ours.
    pub fn of_header(header: &str) -> Option<UserAgent> {
        let first = header.trim_start().split([' ', '\t']).next()?;
        // Nobody's key may stand in an event, not even in part.
        if first.contains("sk_i") {
            return None;
        }
        let visible: String = first
            .chars()
            .take_while(char::is_ascii_graphic)
            .take(UserAgent::MAX)
            .collect();
        visible.parse().ok()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for UserAgent {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let visible = text.chars().all(|c| c.is_ascii_graphic());
        if !visible || !(1..=UserAgent::MAX).contains(&text.len()) {
            return Err(InvalidId);
        }
        Ok(UserAgent(text.to_owned()))
    }
}

impl Serialize for UserAgent {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for UserAgent {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for UserAgent {
    fn schema_name() -> Cow<'static, str> {
        "UserAgent".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[!-~]{1,40}$",
            "description": "The first product of the User-Agent header, as the client sent it",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_product_is_taken_and_nothing_that_can_not_be_shown() {
        let long = "x".repeat(60);
        for (header, agent) in [
            ("python-requests/2.32.3", Some("python-requests/2.32.3")),
            (" curl/8.5.0 (linux) more/1", Some("curl/8.5.0")),
            ("Mozilla/5.0\t(X11)", Some("Mozilla/5.0")),
            ("caf\u{e9}/1", Some("caf")),
            ("\u{e9}/1", None),
            ("", None),
            ("   ", None),
            ("app/sk_iv12345678", None),
            (&long, Some(&long[..40])),
        ] {
            let found = UserAgent::of_header(header);
            assert_eq!(found.as_ref().map(UserAgent::as_str), agent, "{header:?}");
        }
    }

    #[test]
    fn what_has_no_such_form_is_refused() {
        for text in ["", "a b", "\u{e9}", &"x".repeat(41)] {
            assert!(text.parse::<UserAgent>().is_err(), "{text:?}");
        }
    }
}

//! Texts, codes and lists whose type is their rule.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{borrow::Cow, collections::HashSet, hash::Hash, ops::Deref};

use crate::{Faults, Field, Rule};

/// A text of `MIN` to `MAX` Unicode scalar values, several lines allowed, without NUL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text<const MIN: usize, const MAX: usize>(String);

/// A text of one line: no control and no bidirectional-override characters, so that it can't disguise itself in a list or a log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Name<const MIN: usize, const MAX: usize>(String);

fn text(value: Value, range: (usize, usize), at: &str, faults: &mut Faults) -> Option<String> {
    let Value::String(text) = value else {
        return faults.refuse(at, Rule::Type, "must be a string");
    };
    let (min, max) = range;
    let length = text.chars().count();
    if !(min..=max).contains(&length) {
        let message = format!("must have {min} to {max} characters, and has {length}");
        return faults.refuse(at, Rule::Length, &message);
    }
    Some(text)
}

/// Controls (C0, DEL, C1), line and paragraph separators, and the characters that reorder text (UAX #9).
fn disguises(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

impl<const MIN: usize, const MAX: usize> Field for Text<MIN, MAX> {
    fn parse(value: Value, at: &str, faults: &mut Faults) -> Option<Self> {
        let text = text(value, (MIN, MAX), at, faults)?;
        if text.contains('\0') {
            return faults.refuse(at, Rule::Format, "must not contain NUL");
        }
        Some(Text(text))
    }
}

impl<const MIN: usize, const MAX: usize> Field for Name<MIN, MAX> {
    fn parse(value: Value, at: &str, faults: &mut Faults) -> Option<Self> {
        let text = text(value, (MIN, MAX), at, faults)?;
        if text.chars().any(disguises) {
            return faults.refuse(
                at,
                Rule::Format,
                "must not contain control or bidirectional-override characters",
            );
        }
        Some(Name(text))
    }
}

impl<const MIN: usize, const MAX: usize> JsonSchema for Text<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Text{MIN}to{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": MIN, "maxLength": MAX, "pattern": "^[^\\u0000]*$" })
    }
}

impl<const MIN: usize, const MAX: usize> JsonSchema for Name<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Name{MIN}to{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "minLength": MIN,
            "maxLength": MAX,
            "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]*$",
        })
    }
}

macro_rules! derefs_to_str {
    ($($T:ident),*) => { $(
        impl<const MIN: usize, const MAX: usize> Deref for $T<MIN, MAX> {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }
    )* };
}
derefs_to_str!(Text, Name);

// Not a doc comment: it would stand in the document of the API, which says `maxItems`.
// At most `MAX` values, none of them twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("maxItems" = MAX, "uniqueItems" = true))]
pub struct List<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        List(Vec::new())
    }
}

impl<T, const MAX: usize> List<T, MAX> {
    /// Fewer are within the rule too.
    pub fn retain(&mut self, keep: impl FnMut(&T) -> bool) {
        self.0.retain(keep);
    }
}

impl<T: PartialEq, const MAX: usize> List<T, MAX> {
    /// # Errors
    /// The value, where the list is full or has it already.
    pub fn push(&mut self, value: T) -> Result<(), T> {
        if self.0.len() == MAX || self.0.contains(&value) {
            return Err(value);
        }
        self.0.push(value);
        Ok(())
    }
}

impl<T, const MAX: usize> Deref for List<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Field + Hash + Eq, const MAX: usize> Field for List<T, MAX> {
    /// Every bad element is a fault of its own; an element that stands twice too.
    fn parse(value: Value, at: &str, faults: &mut Faults) -> Option<Self> {
        let Value::Array(values) = value else {
            return faults.refuse(at, Rule::Type, "must be an array");
        };
        if values.len() > MAX {
            let message = format!("must have at most {MAX} elements, and has {}", values.len());
            return faults.refuse(at, Rule::Length, &message);
        }
        let elements: Vec<Option<T>> = values
            .into_iter()
            .enumerate()
            .map(|(index, value)| T::parse(value, &format!("{at}/{index}"), faults))
            .collect();
        let mut seen = HashSet::new();
        let mut all = true;
        for (index, element) in elements.iter().enumerate() {
            let Some(element) = element else {
                all = false;
                continue;
            };
            if !seen.insert(element) {
                all = false;
                faults.refuse::<()>(&format!("{at}/{index}"), Rule::Duplicate, "stands twice");
            }
        }
        all.then(|| List(elements.into_iter().flatten().collect()))
    }
}

macro_rules! codes {
    ($( $(#[$doc:meta])* $Name:ident, $rule:ident, $known:expr, $pattern:literal, $message:literal; )*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $Name(String);

        impl Field for $Name {
            fn parse(value: Value, at: &str, faults: &mut Faults) -> Option<Self> {
                let known: fn(&str) -> bool = $known;
                match value {
                    Value::String(code) if known(&code) => Some($Name(code)),
                    Value::String(_) => faults.refuse(at, Rule::$rule, $message),
                    _ => faults.refuse(at, Rule::Type, "must be a string"),
                }
            }
        }

        impl JsonSchema for $Name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($Name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "description": $message })
            }
        }
    )* };
}

codes! {
    /// ISO 639-1, upper case.
    LanguageCode, Enum, |code| code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase())
        && isolang::Language::from_639_1(&code.to_ascii_lowercase()).is_some(),
        "^[A-Z]{2}$", "must be an ISO 639-1 code in upper case, such as EN";
    /// ISO 3166-1 alpha-2, upper case.
    CountryCode, Enum, |code| code.bytes().all(|b| b.is_ascii_uppercase()) && rust_iso3166::from_alpha2(code).is_some(),
        "^[A-Z]{2}$", "must be an ISO 3166-1 alpha-2 code, such as DE";
    /// ISO 4217, upper case.
    CurrencyCode, Enum, |code| code.bytes().all(|b| b.is_ascii_uppercase()) && iso_currency::Currency::from_code(code).is_some(),
        "^[A-Z]{3}$", "must be an ISO 4217 code, such as EUR";
    /// E.164: a plus sign and up to 15 digits.
    PhoneNumber, Format, |number| number.strip_prefix('+').is_some_and(|digits| {
            (2..=15).contains(&digits.len())
                && digits.bytes().all(|digit| digit.is_ascii_digit())
                && !digits.starts_with('0')
        }),
        "^\\+[1-9][0-9]{1,14}$", "must be an E.164 number, such as +4915112345678";
}

/// An absolute `http` or `https` URL of at most 2,048 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HttpUrl(String);

impl Field for HttpUrl {
    fn parse(value: Value, at: &str, faults: &mut Faults) -> Option<Self> {
        let text = text(value, (1, 2048), at, faults)?;
        let fits = url::Url::parse(&text)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
            // The parser drops these silently, and what is stored must be what was checked.
            && !text.chars().any(|c| c.is_whitespace() || c.is_control())
            // The parser also reads `https:host` and `https:\\host` as absolute.
            && text.split_once("://").is_some_and(|(scheme, _)| {
                scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
            });
        if !fits {
            return faults.refuse(at, Rule::Format, "must be an absolute http or https URL");
        }
        Some(HttpUrl(text))
    }
}

impl JsonSchema for HttpUrl {
    fn schema_name() -> Cow<'static, str> {
        "HttpUrl".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "uri", "maxLength": 2048, "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://" })
    }
}

/// A word as it stands in the search index, and as `q` is compared with it: lower-cased, cut at `max` characters.
pub fn search_word(word: &str, max: usize) -> String {
    word.chars()
        .flat_map(char::to_lowercase)
        .take(max)
        .collect()
}

/// The distinct ones of the words, each as [`search_word`] makes it, in their order.
pub(crate) fn search_words<'a>(words: impl Iterator<Item = &'a str>, max: usize) -> Vec<String> {
    let mut distinct = Vec::new();
    for word in words.map(|word| search_word(word, max)) {
        if !distinct.contains(&word) {
            distinct.push(word);
        }
    }
    distinct
}

/// An e-mail address: one mailbox, without a display name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// RFC 5321's limit of a path, less its angle brackets.
    pub const MAX_BYTES: usize = 254;
}

impl Field for EmailAddress {
    fn parse(value: Value, at: &str, faults: &mut Faults) -> Option<Self> {
        let text = text(value, (1, Self::MAX_BYTES), at, faults)?;
        let options = email_address::Options::default()
            .with_required_tld()
            .without_display_text()
            .without_domain_literal();
        let fits = email_address::EmailAddress::parse_with_options(&text, options).is_ok()
            && text.len() <= Self::MAX_BYTES
            // A quoted mailbox may hold them, and a search word can't.
            && !text.chars().any(|c| c.is_whitespace() || disguises(c));
        if !fits {
            return faults.refuse(at, Rule::Format, "must be an e-mail address");
        }
        Some(EmailAddress(text))
    }
}

impl Deref for EmailAddress {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl JsonSchema for EmailAddress {
    fn schema_name() -> Cow<'static, str> {
        "EmailAddress".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "email",
            "maxLength": Self::MAX_BYTES,
            "pattern": "^\\S+@[^\\s@]+\\.[^\\s@]+$",
        })
    }
}

/// An integer from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Integer<const MIN: u32, const MAX: u32>(u32);

impl<const MIN: u32, const MAX: u32> Integer<MIN, MAX> {
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl<const MAX: u32> Integer<0, MAX> {
    pub const fn zero() -> Self {
        Integer(0)
    }
}

impl<const MIN: u32, const MAX: u32> Field for Integer<MIN, MAX> {
    fn parse(value: Value, at: &str, faults: &mut Faults) -> Option<Self> {
        let Value::Number(number) = value else {
            return faults.refuse(at, Rule::Type, "must be an integer");
        };
        // JSON has one kind of number: 5.0 is an integer (JSON Schema, 6.1.1).
        let whole = number.as_f64().filter(|number| number.fract() == 0.0);
        let Some(whole) = whole else {
            return faults.refuse(at, Rule::Type, "must be an integer");
        };
        if !(f64::from(MIN)..=f64::from(MAX)).contains(&whole) {
            let message = format!("must be from {MIN} to {MAX}");
            return faults.refuse(at, Rule::Range, &message);
        }
        // In range, so that nothing is cut.
        Some(Integer(whole as u32))
    }
}

impl<const MIN: u32, const MAX: u32> JsonSchema for Integer<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Integer{MIN}to{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

/// The client's own object: at most 10 KB as compact JSON, 5 levels, 50 keys in all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(Map<String, Value>);

impl Metadata {
    const MAX_BYTES: usize = 10 * 1024;
    const MAX_DEPTH: usize = 5;
    const MAX_KEYS: usize = 50;
}

impl Field for Metadata {
    fn parse(value: Value, at: &str, faults: &mut Faults) -> Option<Self> {
        if !value.is_object() {
            return faults.refuse(at, Rule::Type, "must be an object");
        }
        if depth(&value) > Metadata::MAX_DEPTH {
            return faults.refuse(at, Rule::Depth, "must have at most 5 levels");
        }
        if keys(&value) > Metadata::MAX_KEYS {
            return faults.refuse(at, Rule::Length, "must have at most 50 keys in all");
        }
        if value.to_string().len() > Metadata::MAX_BYTES {
            return faults.refuse(at, Rule::Size, "must have at most 10 KB as compact JSON");
        }
        match value {
            Value::Object(map) => Some(Metadata(map)),
            _ => None,
        }
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or_default(),
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

fn keys(value: &Value) -> usize {
    match value {
        Value::Object(map) => map.len() + map.values().map(keys).sum::<usize>(),
        Value::Array(values) => values.iter().map(keys).sum(),
        _ => 0,
    }
}

impl JsonSchema for Metadata {
    fn schema_name() -> Cow<'static, str> {
        "Metadata".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "maxProperties": Metadata::MAX_KEYS,
            "description": "The client's own object: at most 10 KB as compact JSON, 5 levels, 50 keys in all.",
        })
    }
}

//! Parsing a body into a type that satisfies its rules, with every fault at once.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{Reference, Timestamp};

/// What a client may send as a whole: `NewJob`, `JobPatch` …
pub trait Body: Sized {
    /// Reads every field and rule; all faults come back at once. `now`: when the request came.
    fn read(body: Value, now: Timestamp) -> Result<Self, Faults>;
}

/// The body of an action that takes none: an empty object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

impl Body for Nothing {
    fn read(body: Value, now: Timestamp) -> Result<Nothing, Faults> {
        let mut faults = Faults::at(now);
        let read = Fields::of(body, "", &mut faults).map(Fields::finish);
        outcome(read.map(|()| Nothing {}), faults)
    }
}

/// One value inside a body.
pub trait Field: Sized {
    /// `at` is the JSON Pointer of the value. `None` means that a fault was recorded.
    fn parse(value: Value, at: &str, faults: &mut Faults) -> Option<Self>;
}

impl Field for bool {
    fn parse(value: Value, at: &str, faults: &mut Faults) -> Option<Self> {
        match value {
            Value::Bool(value) => Some(value),
            _ => faults.refuse(at, Rule::Type, "must be true or false"),
        }
    }
}

crate::field::vocabulary! {
    /// The contract's closed vocabulary of broken rules.
    pub enum Rule {
        Json = "json",
        Type = "type",
        Required = "required",
        UnknownField = "unknown_field",
        Length = "length",
        Range = "range",
        Format = "format",
        Enum = "enum",
        Future = "future",
        Duplicate = "duplicate",
        ConflictWith = "conflict_with",
        Depth = "depth",
        Size = "size",
        Cursor = "cursor",
        Repeated = "repeated",
        NotFound = "not_found",
    }
}

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Fault {
    /// JSON Pointer into the body (`/salary/min`), or `?name` of a query parameter, or a header's name.
    pub path: String,
    pub rule: Rule,
    pub message: String,
}

impl Fault {
    pub fn new(path: impl Into<String>, rule: Rule, message: impl Into<String>) -> Fault {
        Fault {
            path: path.into(),
            rule,
            message: message.into(),
        }
    }
}

/// All faults of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Faults {
    list: Vec<Fault>,
    /// What the rules about time are judged by.
    #[serde(skip)]
    now: Option<Timestamp>,
}

impl Faults {
    /// A body of unknown fields must not be answered with a larger one.
    const MAX: usize = 100;

    /// None yet, of something that is read at this instant.
    pub fn at(now: Timestamp) -> Faults {
        Faults {
            list: Vec::new(),
            now: Some(now),
        }
    }

    /// When what is read was sent. Nothing is in the future of an instant that nobody gave.
    pub fn now(&self) -> Timestamp {
        self.now.unwrap_or(Timestamp::LAST)
    }

    /// Records a fault; always `None`, so that a parser can return it.
    pub fn refuse<T>(&mut self, at: &str, rule: Rule, message: &str) -> Option<T> {
        self.push(Fault::new(at, rule, message));
        None
    }

    pub fn push(&mut self, fault: Fault) {
        if self.list.len() < Self::MAX {
            self.list.push(fault);
        }
    }

    pub fn extend(&mut self, faults: Faults) {
        faults.list.into_iter().for_each(|fault| self.push(fault));
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.list.iter()
    }

    pub fn or<T>(self, value: T) -> Result<T, Faults> {
        if self.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Faults {
        Faults {
            list: vec![fault],
            now: None,
        }
    }
}

/// An object being read field by field; what is left at the end is unknown.
#[derive(Debug)]
pub struct Fields<'f> {
    left: Map<String, Value>,
    at: String,
    faults: &'f mut Faults,
}

impl<'f> Fields<'f> {
    pub fn of(value: Value, at: &str, faults: &'f mut Faults) -> Option<Fields<'f>> {
        match value {
            Value::Object(left) => Some(Fields {
                left,
                at: at.to_owned(),
                faults,
            }),
            _ => faults.refuse(at, Rule::Type, "must be an object"),
        }
    }

    /// An object's id, or the object itself to be made; exactly one of the two.
    pub fn one_of<Id: Field, New: Field>(
        &mut self,
        id: &str,
        new: &str,
    ) -> Option<Reference<Id, New>> {
        let both = self.at_most_one_of(id, new)?;
        let at = self.pointer(id);
        let message = format!("is required where there is no {new}");
        both.or_else(|| self.faults.refuse(&at, Rule::Required, &message))
    }

    /// An object's id, or the object itself to be made, or neither.
    pub fn at_most_one_of<Id: Field, New: Field>(
        &mut self,
        id: &str,
        new: &str,
    ) -> Option<Option<Reference<Id, New>>> {
        let at = self.pointer(new);
        let read = (self.optional(id), self.optional(new));
        match (read.0?, read.1?) {
            (Some(_), Some(_)) => {
                let message = format!("can't be combined with {id}");
                self.faults.refuse(&at, Rule::ConflictWith, &message)
            }
            (Some(id), None) => Some(Some(Reference::Existing(id))),
            (None, Some(new)) => Some(Some(Reference::New(new))),
            (None, None) => Some(None),
        }
    }

    /// Must be there and not null.
    pub fn required<T: Field>(&mut self, name: &str) -> Option<T> {
        let at = self.pointer(name);
        match self.left.remove(name) {
            Some(value) => T::parse(value, &at, self.faults),
            None => self.faults.refuse(&at, Rule::Required, "is required"),
        }
    }

    /// Absent or null is `Some(None)`; `None` means that a fault was recorded.
    pub fn optional<T: Field>(&mut self, name: &str) -> Option<Option<T>> {
        let at = self.pointer(name);
        match self.left.remove(name) {
            None | Some(Value::Null) => Some(None),
            Some(value) => T::parse(value, &at, self.faults).map(Some),
        }
    }

    /// Absent is `Some(None)` (unchanged), null is a fault.
    pub fn changed<T: Field>(&mut self, name: &str) -> Option<Option<T>> {
        let at = self.pointer(name);
        match self.left.remove(name) {
            None => Some(None),
            Some(value) => T::parse(value, &at, self.faults).map(Some),
        }
    }

    /// Absent is `Some(None)` (unchanged), null is `Some(Some(None))` (cleared).
    pub fn cleared<T: Field>(&mut self, name: &str) -> Option<Option<Option<T>>> {
        let at = self.pointer(name);
        match self.left.remove(name) {
            None => Some(None),
            Some(Value::Null) => Some(Some(None)),
            Some(value) => T::parse(value, &at, self.faults).map(|value| Some(Some(value))),
        }
    }

    /// Refuses what was not asked for.
    pub fn finish(self) {
        for name in self.left.keys() {
            let at = self.pointer(name);
            self.faults.push(Fault::new(
                at,
                Rule::UnknownField,
                "is not a field of this object",
            ));
        }
    }

    fn pointer(&self, name: &str) -> String {
        // RFC 6901 §3.
        format!("{}/{}", self.at, name.replace('~', "~0").replace('/', "~1"))
    }
}

/// `job_url` as clients write it: `jobUrl`; `r#type` is `type`; `allowed_ips` is the contract's one acronym, `allowedIPs`.
pub(crate) fn camel(snake: &str) -> String {
    let mut upper = false;
    snake
        .trim_start_matches("r#")
        .replace("_ips", "_iPs")
        .chars()
        .filter_map(|c| {
            if c == '_' {
                upper = true;
                return None;
            }
            Some(if std::mem::take(&mut upper) {
                c.to_ascii_uppercase()
            } else {
                c
            })
        })
        .collect()
}

/// Defines an object that clients send, how it is read, and (with `patch`) how it is changed.
///
/// `required` fields must be there and can't be cleared; `optional` ones may be absent, and null clears them; `defaulted` ones are their type's default when absent or null.
/// `together` names the type's own rules about several fields: each runs where all of its fields were read, whatever is wrong elsewhere, and again after a patch.
macro_rules! fields {
    (
        $(#[$doc:meta])*
        pub struct $Fields:ident, patch $Patch:ident {
            required { $( $(#[$rdoc:meta])* $r:ident: $R:ty, )* }
            optional { $( $(#[$odoc:meta])* $o:ident: $O:ty, )* }
            defaulted { $( $(#[$ddoc:meta])* $d:ident: $D:ty, )* }
            $( together { $( $rule:ident($($part:ident),*); )* } )?
        }
    ) => {
        $crate::field::fields! {
            $(#[$doc])*
            pub struct $Fields {
                required { $( $(#[$rdoc])* $r: $R, )* }
                optional { $( $(#[$odoc])* $o: $O, )* }
                defaulted { $( $(#[$ddoc])* $d: $D, )* }
                $( together { $( $rule($($part),*); )* } )?
            }
        }

        /// A partial change: absent fields stay as they are, null clears what is optional.
        #[derive(Debug, Clone, PartialEq, serde::Serialize, schemars::JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $Patch {
            $( $(#[$rdoc])* #[serde(default)] #[schemars(transform = $crate::field::not_null)] pub $r: Option<$R>, )*
            $( $(#[$odoc])* #[serde(default)] pub $o: Option<Option<$O>>, )*
            $( $(#[$ddoc])* #[serde(default)] pub $d: Option<Option<$D>>, )*
        }

        impl $crate::Body for $Patch {
            fn read(body: serde_json::Value, now: $crate::Timestamp) -> Result<Self, $crate::Faults> {
                let mut faults = $crate::Faults::at(now);
                let patch = $crate::Fields::of(body, "", &mut faults).and_then(|mut fields| {
                    $( let $r = fields.changed::<$R>(&$crate::field::camel(stringify!($r))); )*
                    $( let $o = fields.cleared::<$O>(&$crate::field::camel(stringify!($o))); )*
                    $( let $d = fields.cleared::<$D>(&$crate::field::camel(stringify!($d))); )*
                    fields.finish();
                    Some($Patch { $( $r: $r?, )* $( $o: $o?, )* $( $d: $d?, )* })
                });
                $crate::field::outcome(patch, faults)
            }
        }

        impl $Fields {
            /// The object after the change, with the rules that concern several fields checked again.
            pub fn patched(mut self, patch: $Patch) -> Result<Self, $crate::Faults> {
                let $Patch { $( $r, )* $( $o, )* $( $d, )* } = patch;
                $( if let Some(value) = $r { self.$r = value; } )*
                $( if let Some(value) = $o { self.$o = value; } )*
                $( if let Some(value) = $d { self.$d = value.unwrap_or_default(); } )*
                let faults = &mut $crate::Faults::default();
                $( $( Self::$rule($( &self.$part, )* "", faults); )* )?
                std::mem::take(faults).or(self)
            }
        }
    };
    (
        $(#[$doc:meta])*
        pub struct $Fields:ident {
            required { $( $(#[$rdoc:meta])* $r:ident: $R:ty, )* }
            optional { $( $(#[$odoc:meta])* $o:ident: $O:ty, )* }
            defaulted { $( $(#[$ddoc:meta])* $d:ident: $D:ty, )* }
            $( together { $( $rule:ident($($part:ident),*); )* } )?
        }
    ) => {
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "camelCase")]
        $(#[$doc])*
        pub struct $Fields {
            $( $(#[$rdoc])* pub $r: $R, )*
            $( $(#[$odoc])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $o: Option<$O>, )*
            $( $(#[$ddoc])* #[serde(default)] pub $d: $D, )*
        }

        impl $crate::Field for $Fields {
            fn parse(value: serde_json::Value, at: &str, faults: &mut $crate::Faults) -> Option<Self> {
                let mut fields = $crate::Fields::of(value, at, faults)?;
                $( let $r = fields.required::<$R>(&$crate::field::camel(stringify!($r))); )*
                $( let $o = fields.optional::<$O>(&$crate::field::camel(stringify!($o))); )*
                $( let $d = fields.optional::<$D>(&$crate::field::camel(stringify!($d))).map(Option::unwrap_or_default); )*
                fields.finish();
                $( $( if let ($( Some($part), )*) = ($( &$part, )*) {
                    Self::$rule($( $part, )* at, faults);
                } )* )?
                Some($Fields { $( $r: $r?, )* $( $o: $o?, )* $( $d: $d?, )* })
            }
        }

        impl $crate::Body for $Fields {
            fn read(body: serde_json::Value, now: $crate::Timestamp) -> Result<Self, $crate::Faults> {
                let mut faults = $crate::Faults::at(now);
                let object = <Self as $crate::Field>::parse(body, "", &mut faults);
                $crate::field::outcome(object, faults)
            }
        }
    };
}
pub(crate) use fields;

/// The schema of an object in which an optional member is there and not null.
pub(crate) fn given(member: &str) -> Value {
    serde_json::json!({
        "properties": { member: { "not": { "type": "null" } } },
        "required": [member],
    })
}

/// The schema of an object in which one member's word makes another member necessary.
pub(crate) fn where_given((member, word): (&str, &str), needed: &str) -> Value {
    serde_json::json!({
        "if": { "properties": { member: { "const": word } }, "required": [member] },
        "then": given(needed),
    })
}

/// The schema of an `Option` that may be absent and not null.
pub(crate) fn not_null(schema: &mut schemars::Schema) {
    let Some(map) = schema.as_object_mut() else {
        return;
    };
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            map.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = map.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
        if let [Value::Object(only)] = choices.as_slice() {
            let only = only.clone();
            map.remove("anyOf");
            map.extend(only);
        }
    }
    if let Some(Value::Array(words)) = map.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
}

/// What parsing amounts to: a parser that returns nothing has recorded a fault.
pub(crate) fn outcome<T>(parsed: Option<T>, faults: Faults) -> Result<T, Faults> {
    match parsed {
        Some(value) if faults.is_empty() => Ok(value),
        _ => Err(faults),
    }
}

/// Defines an enum whose texts stand once: for the wire, the store and the documents.
macro_rules! vocabulary {
    ($( $(#[$doc:meta])* pub enum $Name:ident { $( $(#[$vdoc:meta])* $Variant:ident = $text:literal, )* } )*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $Name { $( $(#[$vdoc])* $Variant, )* }

        impl $Name {
            pub const ALL: &'static [$Name] = &[$( $Name::$Variant, )*];

            pub const fn as_str(self) -> &'static str {
                match self { $( $Name::$Variant => $text, )* }
            }
        }

        impl std::str::FromStr for $Name {
            type Err = $crate::InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text { $( $text => Ok($Name::$Variant), )* _ => Err($crate::InvalidId) }
            }
        }

        impl std::fmt::Display for $Name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $Name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $Name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(|_| serde::de::Error::custom("not a word of this vocabulary"))
            }
        }

        impl schemars::JsonSchema for $Name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($Name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "enum": [$( $text, )*] })
            }
        }

        impl $crate::Field for $Name {
            fn parse(value: serde_json::Value, at: &str, faults: &mut $crate::Faults) -> Option<Self> {
                match value.as_str().map(str::parse) {
                    Some(Ok(word)) => Some(word),
                    Some(Err(_)) => faults.refuse(at, $crate::Rule::Enum, concat!("must be one of:" $(, " ", $text)*)),
                    None => faults.refuse(at, $crate::Rule::Type, "must be a string"),
                }
            }
        }
    )* };
}
pub(crate) use vocabulary;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_camel_case_and_pointers_are_escaped() {
        assert_eq!(camel("nice_to_have_skills"), "niceToHaveSkills");
        assert_eq!(camel("allowed_ips"), "allowedIPs");
        let mut faults = Faults::default();
        let fields = Fields::of(serde_json::json!({ "a/b~c": 1 }), "/x", &mut faults);
        fields.expect("an object").finish();
        assert_eq!(
            faults.iter().next().map(|f| f.path.as_str()),
            Some("/x/a~1b~0c")
        );
    }
}

//! Whether a table of cases meets every rule of the document at its edge, from both sides: a rule that is new is missed here.

use super::{Case, with};
use serde_json::Value;

/// A table of cases beside the schema that they are about.
struct Table<'t> {
    document: Value,
    /// Each body, and the fault that it meets.
    bodies: Vec<(Value, &'t str)>,
    /// What no case proves.
    missing: Vec<String>,
}

/// Fails with every rule of the schema that no case accepts or refuses at its edge.
///
/// `elsewhere`: what other tests prove, as it would be missed here, or a member whose rules they all prove.
pub(crate) fn assert_complete(schema: &str, whole: &Value, cases: &[Case], elsewhere: &[&str]) {
    let document = crate::architecture::read("infra/openapi.json");
    let document: Value = serde_json::from_str(&document).expect("JSON");
    let bodies = cases
        .iter()
        .map(|(pointer, value, fault)| (with(whole, pointer, value), *fault));
    let mut table = Table {
        bodies: std::iter::once((whole.clone(), "")).chain(bodies).collect(),
        missing: Vec::new(),
        document,
    };
    let schema = table.document["components"]["schemas"][schema].clone();
    table.members(&schema, "", elsewhere);
    let mut missing = table.missing;
    missing.retain(|rule| !elsewhere.contains(&rule.as_str()));
    assert!(missing.is_empty(), "no case for {missing:#?}");
}

impl Table<'_> {
    /// The schema itself, for a reference or for one that may be null; and whether it may.
    fn resolved(&self, schema: &Value) -> (Value, bool) {
        if let Some(name) = schema["$ref"].as_str() {
            let path = name.strip_prefix('#').expect("within the document");
            return self.resolved(self.document.pointer(path).expect("a schema"));
        }
        let is_null = |choice: &Value| choice["type"] == "null";
        let choices = schema["anyOf"].as_array().cloned().unwrap_or_default();
        if choices.iter().any(is_null) {
            let other = choices.iter().find(|choice| !is_null(choice));
            return (self.resolved(other.expect("another choice")).0, true);
        }
        let types = schema["type"].as_array().cloned().unwrap_or_default();
        (schema.clone(), types.contains(&"null".into()))
    }

    /// Some accepted body has such a value there.
    fn accepts(&mut self, at: &str, edge: &str, fits: impl Fn(&Value) -> bool) {
        self.wants(at, edge, "", fits);
    }

    /// Some body with such a value there is refused for it, and for nothing else.
    fn refuses(&mut self, at: &str, rule: &str, edge: &str, fits: impl Fn(&Value) -> bool) {
        self.wants(at, edge, &format!("{at} {rule}"), fits);
    }

    fn wants(&mut self, at: &str, edge: &str, fault: &str, fits: impl Fn(&Value) -> bool) {
        let mut of_fault = self.bodies.iter().filter(|(_, met)| *met == fault);
        if !of_fault.any(|(body, _)| body.pointer(at).is_some_and(&fits)) {
            let outcome = match fault {
                "" => "accepted",
                fault => fault,
            };
            self.missing.push(format!("{at}: {edge}: {outcome}"));
        }
    }

    fn members(&mut self, schema: &Value, at: &str, elsewhere: &[&str]) {
        for (name, member) in schema["properties"].as_object().expect("members") {
            let pointer = format!("{at}/{name}");
            if !elsewhere.contains(&pointer.as_str()) {
                self.value(member, &pointer, elsewhere);
            }
        }
    }

    fn value(&mut self, schema: &Value, at: &str, elsewhere: &[&str]) {
        let (schema, nullable) = self.resolved(schema);
        self.refuses(at, "type", "another type", |value| !value.is_null());
        if nullable {
            self.accepts(at, "null", Value::is_null);
        }
        let number = |name: &str| schema[name].as_f64();
        let length = |value: &Value| value.as_str().map(|text| text.chars().count());
        let count = |name: &str| schema[name].as_u64().map(|count| count as usize);
        if let Some(max) = count("maxLength") {
            self.accepts(at, "longest", |value| length(value) == Some(max));
            self.refuses(at, "length", "longer", |v| length(v) == Some(max + 1));
        }
        if let Some(min) = count("minLength") {
            self.accepts(at, "shortest", |value| length(value) == Some(min));
            if min > 0 {
                self.refuses(at, "length", "shorter", |v| length(v) == Some(min - 1));
            }
            // Not bytes, and not UTF-16 units.
            let max = count("maxLength").expect("both ends");
            let wide = |value: &Value, characters: usize| {
                let bytes = value.as_str().map_or(0, str::len);
                length(value) == Some(characters) && bytes > 2 * characters
            };
            self.accepts(at, "longest in scalar values", |value| wide(value, max));
            self.refuses(at, "length", "longer in scalar values", |value| {
                wide(value, max + 1)
            });
        }
        if let Some(words) = schema["enum"].as_array() {
            for word in words {
                self.accepts(at, &word.to_string(), |value| value == word);
            }
            self.refuses(at, "enum", "another word", Value::is_string);
        }
        if (schema["pattern"].is_string() || schema["format"].is_string())
            && count("minLength").is_none()
        {
            let of_another_form = ["format", "enum"].map(|rule| format!("{at} {rule}"));
            let met =
                |(_, fault): &(Value, &str)| of_another_form.iter().any(|other| other == fault);
            if !self.bodies.iter().any(met) {
                self.missing.push(format!("{at}: another form"));
            }
        }
        for (name, step) in [("minimum", -1.0), ("maximum", 1.0)] {
            if let Some(edge) = number(name) {
                self.accepts(at, name, |value| value.as_f64() == Some(edge));
                self.refuses(at, "range", name, |v| v.as_f64() == Some(edge + step));
            }
        }
        if schema["items"].is_object() {
            self.elements(&schema, at, elsewhere);
        }
        match schema["properties"].is_object() {
            true => self.object(&schema, at, elsewhere),
            // The client's own object.
            false if schema["type"] == "object" => {
                for rule in ["depth", "length", "size"] {
                    self.refuses(at, rule, "too much", Value::is_object);
                }
            }
            false => {}
        }
    }

    fn elements(&mut self, schema: &Value, at: &str, elsewhere: &[&str]) {
        let length = |value: &Value| value.as_array().map(Vec::len);
        let max = schema["maxItems"].as_u64().expect("a bound") as usize;
        self.accepts(at, "most elements", |value| length(value) == Some(max));
        self.accepts(at, "no element", |value| length(value) == Some(0));
        self.refuses(at, "length", "more elements", |value| {
            length(value) == Some(max + 1)
        });
        let twice = format!("{at}/1 duplicate");
        if !self.bodies.iter().any(|(_, fault)| *fault == twice) {
            self.missing.push(twice);
        }
        self.value(&schema["items"], &format!("{at}/0"), elsewhere);
    }

    fn object(&mut self, schema: &Value, at: &str, elsewhere: &[&str]) {
        let required = schema["required"].as_array().into_iter().flatten();
        for name in required.filter_map(Value::as_str) {
            let fault = format!("{at}/{name} required");
            if !self.bodies.iter().any(|(_, met)| *met == fault) {
                self.missing.push(fault);
            }
        }
        let unknown = |fault: &str| fault.starts_with(at) && fault.ends_with(" unknown_field");
        if !self.bodies.iter().any(|(_, fault)| unknown(fault)) {
            self.missing.push(format!("{at}: an unknown member"));
        }
        self.members(schema, at, elsewhere);
    }
}

//! JSON Schemas of the model's types, under the names that readers of the document meet.

use schemars::{
    JsonSchema, SchemaGenerator, generate::SchemaSettings, transform::ReplaceBoolSchemas,
};
use serde_json::{Map, Value, json};

/// The document's `components/schemas`, filled while operations are described.
pub(crate) struct Schemas {
    /// What we read and what we write differ: a field with a default is optional in a body and always in an answer.
    bodies: SchemaGenerator,
    answers: SchemaGenerator,
    named: Map<String, Value>,
}

impl Schemas {
    pub(crate) fn new() -> Schemas {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
                // `true` and `{}` allow the same, but not all makers of clients know the first.
                let mut replace = ReplaceBoolSchemas::default();
                replace.skip_additional_properties = true;
                settings.transforms.push(Box::new(replace));
            })
        };
        Schemas {
            bodies: settings().for_deserialize().into_generator(),
            answers: settings().for_serialize().into_generator(),
            named: Map::new(),
        }
    }

    /// An object to be made. Null stands for absent wherever the field may be absent.
    pub(crate) fn new_object<T: JsonSchema>(&mut self, name: &str) -> Value {
        let mut schema = T::json_schema(&mut self.bodies).to_value();
        let required = schema["required"].clone();
        for (field, property) in properties(&mut schema) {
            let is_required = required
                .as_array()
                .is_some_and(|names| names.iter().any(|name| name == field));
            if !is_required && !allows_null(property) {
                let description = property
                    .as_object_mut()
                    .and_then(|members| members.remove("description"));
                *property = json!({ "anyOf": [property.take(), { "type": "null" }] });
                if let Some(description) = description {
                    property["description"] = description;
                }
            }
        }
        close(&mut schema);
        self.name(name, schema)
    }

    /// A change. What can't be cleared refuses null; the model says so.
    pub(crate) fn patch<T: JsonSchema>(&mut self, name: &str) -> Value {
        let mut schema = T::json_schema(&mut self.bodies).to_value();
        // Absent is not null here.
        for (_, property) in properties(&mut schema) {
            if let Some(members) = property.as_object_mut() {
                members.remove("default");
            }
        }
        close(&mut schema);
        self.name(name, schema)
    }

    /// Something that is answered. What isn't there is left out, so that null never stands for it.
    pub(crate) fn answer<T: JsonSchema>(&mut self, name: &str) -> Value {
        let mut schema = T::json_schema(&mut self.answers).to_value();
        for (_, property) in properties(&mut schema) {
            forbid_null(property);
        }
        self.name(name, schema)
    }

    /// A part of an answer, under the model's own name.
    pub(crate) fn part<T: JsonSchema>(&mut self) -> Value {
        self.answers.subschema_for::<T>().to_value()
    }

    /// A schema made by hand.
    pub(crate) fn name(&mut self, name: &str, schema: Value) -> Value {
        self.named.insert(name.to_owned(), schema);
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    /// The schema that was named, to be built upon.
    pub(crate) fn named(&self, name: &str) -> Value {
        self.named.get(name).cloned().unwrap_or_default()
    }

    pub(crate) fn into_components(mut self) -> Map<String, Value> {
        let mut components: Map<String, Value> = self.answers.take_definitions(true);
        for (name, mut schema) in self.bodies.take_definitions(true) {
            if schema.get("properties").is_some() {
                close(&mut schema);
            }
            components.insert(name, schema);
        }
        components.extend(self.named);
        components
    }
}

/// Unknown fields are refused.
fn close(schema: &mut Value) {
    schema["additionalProperties"] = false.into();
}

fn properties(schema: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    schema
        .get_mut("properties")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
}

fn is_null(schema: &Value) -> bool {
    schema["type"] == "null"
}

fn allows_null(schema: &Value) -> bool {
    let in_types = schema["type"]
        .as_array()
        .is_some_and(|types| types.iter().any(|kind| kind == "null"));
    let in_choices = schema["anyOf"]
        .as_array()
        .is_some_and(|choices| choices.iter().any(is_null));
    in_types || in_choices
}

fn forbid_null(schema: &mut Value) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_mut_slice() {
            schema["type"] = only.take();
        }
    }
    if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.retain(|choice| !is_null(choice));
        if let [Value::Object(only)] = choices.as_mut_slice() {
            let only = std::mem::take(only);
            if let Value::Object(members) = schema {
                members.remove("anyOf");
                members.extend(only);
            }
        }
    }
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
}

use super::*;
use model::{
    AgentFields, ApiKeyFields, ApiKeyPatch, Body, CandidateFields, JobFields, JobPatch, Timestamp,
};
use routes::{Access, Route};
use serde_json::json;
use std::{collections::HashSet, fs};

/// Every operation of a document with its path and method.
fn operations(document: &Value) -> Vec<(&String, &String, &Value)> {
    let paths = document["paths"].as_object().expect("an object");
    paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().expect("an object");
            methods
                .iter()
                .map(move |(method, operation)| (path, method, operation))
        })
        .collect()
}

#[test]
fn committed_files_are_fresh() {
    for (path, text) in documents() {
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == text,
            "{} is stale: run `cargo run -p spec`",
            path.display()
        );
    }
}

#[test]
fn both_documents_have_exactly_the_routes_of_the_table_and_pages_are_the_gateways_alone() {
    let lines = |route: &'static Route| {
        let method = route.method.as_str().to_ascii_lowercase();
        (route.path.to_owned(), method, route.operation.into())
    };
    let documents = [
        (openapi(), routes::all().map(lines).collect()),
        (
            gateway(),
            routes::routed().map(lines).collect::<HashSet<_>>(),
        ),
    ];
    for (document, table) in documents {
        let found: HashSet<(String, String, Value)> = operations(&document)
            .into_iter()
            .map(|(path, method, operation)| {
                let id = operation["operationId"].clone();
                (path.clone(), method.clone(), id)
            })
            .collect();
        assert_eq!(found, table);
    }
}

#[test]
fn every_operation_says_its_security_and_only_public_ones_say_none() {
    for document in [openapi(), gateway()] {
        assert!(document.get("security").is_none());
        for (path, method, operation) in operations(&document) {
            let route = routes::routed()
                .find(|route| {
                    route.path == path && route.method.as_str() == method.to_ascii_uppercase()
                })
                .expect("in the table");
            let security = operation["security"].as_array().expect("is written");
            let is_public = route.access == Access::Public;
            assert_eq!(security.is_empty(), is_public, "{method} {path}");
        }
    }
}

#[test]
fn the_gateway_asks_the_authorizer_each_time_whatever_the_request_carries() {
    let document = gateway();
    let scheme = &document["components"]["securitySchemes"]["authorizer"];
    let authorizer = &scheme["x-amazon-apigateway-authorizer"];
    assert_eq!(authorizer["authorizerResultTtlInSeconds"], 0);
    assert_eq!(authorizer["type"], "request");
    assert!(authorizer.get("identitySource").is_none());
}

#[test]
fn the_gateways_first_address_is_off_where_there_is_a_domain() {
    let document = gateway();
    let [server] = document["servers"].as_array().expect("a list").as_slice() else {
        panic!("one server");
    };
    assert_eq!(
        server["x-amazon-apigateway-endpoint-configuration"]["disableExecuteApiEndpoint"],
        json!({ "Fn::If": ["HasDomain", true, false] })
    );
}

#[test]
fn the_gateways_answers_are_envelopes_and_echo_nothing_of_the_request() {
    let (document, public) = (gateway(), openapi());
    let answers = document["x-amazon-apigateway-gateway-responses"]
        .as_object()
        .expect("an object");
    for (kind, answer) in answers {
        let template = answer["responseTemplates"]["application/json"]
            .as_str()
            .expect("a text");
        let rendered = template
            .replace("$context.authorizer.detailName", "maxAuthAge")
            .replace("$context.authorizer.detailValue", "43200")
            .replace("$context.authorizer.at", examples::AT);
        assert!(!rendered.contains('$'), "{kind}: {template}");
        let body: Value = serde_json::from_str(&rendered).expect("JSON");
        let code = api::Code::ALL
            .into_iter()
            .find(|code| body["error"]["code"] == code.as_str())
            .expect("a code of the contract");
        let status = answer.get("statusCode").and_then(Value::as_str);
        if kind != "DEFAULT_4XX" {
            assert_eq!(status, Some(code.status().to_string().as_str()), "{kind}");
        }
        conforms(
            &public,
            &named_schema(&pascal_name(code.as_str())),
            &body,
            kind,
        );
        let headers = &answer["responseParameters"];
        for (header, value) in [
            ("X-Request-Id", "context.extendedRequestId"),
            ("Cache-Control", "'no-store'"),
        ] {
            assert_eq!(headers[format!("gatewayresponse.header.{header}")], value);
        }
    }
    let unauthorized = &answers["UNAUTHORIZED"]["responseParameters"];
    assert_eq!(
        unauthorized["gatewayresponse.header.WWW-Authenticate"],
        "'Bearer'"
    );
}

#[test]
fn examples_of_bodies_keep_the_models_rules() {
    let now = Timestamp::from_millis(0).expect("in range");
    JobFields::read(examples::new_job(), now).expect("a job");
    JobPatch::read(examples::job_patch(), now).expect("a change of a job");
    ApiKeyFields::read(examples::new_api_key(), now).expect("a key");
    ApiKeyPatch::read(examples::api_key_patch(), now).expect("a change of a key");
}

#[test]
fn every_example_conforms_to_the_schema_beside_it() {
    let document = openapi();
    let mut seen = 0;
    let mut check = |content: &Value, place: &str| {
        let Some(media) = content.get("application/json") else {
            return;
        };
        let several = media["examples"].as_object();
        let examples = several
            .into_iter()
            .flat_map(|examples| examples.values().map(|example| &example["value"]));
        for example in media.get("example").into_iter().chain(examples) {
            conforms(&document, &media["schema"], example, place);
            seen += 1;
        }
    };
    for (path, method, operation) in operations(&document) {
        check(
            &operation["requestBody"]["content"],
            &format!("{method} {path}"),
        );
        let responses = operation["responses"].as_object().expect("an object");
        for (status, response) in responses {
            let place = format!("{method} {path} {status}");
            check(&resolve(&document, response)["content"], &place);
        }
    }
    assert!(seen > 8 * routes::all().count());
}

#[test]
fn members_that_need_each_other_are_refused_by_schema_and_model_alike() {
    let document = openapi();
    let now = Timestamp::from_millis(0).expect("in range");
    let with = |mut body: Value, changes: Value| {
        for (name, value) in changes.as_object().expect("an object") {
            body[name] = value.clone();
        }
        body
    };
    let agent = |changes| with(examples::new_agent(), changes);
    let candidate = |changes| with(examples::new_candidate(), changes);
    let id = "5a1f3c52-93a1-4c1e-9d0c-0c6f8f3b7a11";
    for (body, fits) in [
        (
            agent(json!({ "type": "ONLINE", "companyPhoneNumberId": null })),
            true,
        ),
        (
            agent(json!({ "type": "PHONE", "companyPhoneNumberId": null })),
            false,
        ),
        (
            agent(json!({ "type": "PHONE", "companyPhoneNumberId": id })),
            true,
        ),
        (
            agent(json!({ "focus": "LANGUAGE_TEST", "cefrLevel": null })),
            false,
        ),
        (
            agent(json!({ "focus": "LANGUAGE_TEST", "cefrLevel": "B1" })),
            true,
        ),
    ] {
        let schema = shape(&document, &named_schema("NewAgent"), &body);
        assert_eq!(schema.is_ok(), fits, "{body}: {schema:?}");
        assert_eq!(AgentFields::read(body.clone(), now).is_ok(), fits, "{body}");
    }
    for (body, fits) in [
        (
            candidate(json!({ "email": null, "phoneNumber": null })),
            false,
        ),
        (
            candidate(json!({ "email": null, "phoneNumber": "+12" })),
            true,
        ),
        (
            candidate(json!({ "email": "a@b.example", "phoneNumber": null })),
            true,
        ),
    ] {
        let schema = shape(&document, &named_schema("NewCandidate"), &body);
        assert_eq!(schema.is_ok(), fits, "{body}: {schema:?}");
        let parsed = CandidateFields::read(body.clone(), now);
        assert_eq!(parsed.is_ok(), fits, "{body}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(document: &Value, value: &Value) {
        match value {
            Value::Object(members) => {
                resolve(document, value);
                members.values().for_each(|value| walk(document, value));
            }
            Value::Array(items) => items.iter().for_each(|value| walk(document, value)),
            _ => {}
        }
    }
    let document = openapi();
    walk(&document, &document);
}

#[test]
fn rendering_sorts_members_at_every_depth() {
    let value = serde_json::json!({ "b": [{ "d": 1, "c": 2 }], "a": null });
    let text = render(&value);
    let at = |name: &str| text.find(&format!("\"{name}\"")).expect("is there");
    assert!(at("a") < at("b") && at("c") < at("d"));
    assert!(text.ends_with("}\n"));
}

/// What a `$ref` stands for; the value itself where it is none.
fn resolve<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
        return value;
    };
    document
        .pointer(reference.trim_start_matches('#'))
        .unwrap_or_else(|| panic!("{reference} leads nowhere"))
}

fn named_schema(name: &str) -> Value {
    serde_json::json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn pascal_name(code: &str) -> String {
    code.split('_')
        .map(|word| word[..1].to_owned() + &word[1..].to_ascii_lowercase())
        .collect()
}

/// Whether the value has the shape of the schema: types, names, words and constants. Formats, patterns and bounds are the model's to keep, and its own tests'.
fn conforms(document: &Value, schema: &Value, value: &Value, place: &str) {
    if let Err(fault) = shape(document, schema, value) {
        panic!("{place}: {fault} in {value}");
    }
}

fn shape(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let schema = resolve(document, schema);
    for choices in ["anyOf", "oneOf"] {
        if let Some(choices) = schema.get(choices).and_then(Value::as_array) {
            let fitting = choices
                .iter()
                .filter(|choice| shape(document, choice, value).is_ok())
                .count();
            if fitting == 0 {
                return Err("no choice fits".to_owned());
            }
        }
    }
    for all in schema["allOf"].as_array().into_iter().flatten() {
        shape(document, all, value)?;
    }
    if let (Some(condition), Some(then)) = (schema.get("if"), schema.get("then"))
        && shape(document, condition, value).is_ok()
    {
        shape(document, then, value)?;
    }
    if let Some(not) = schema.get("not")
        && shape(document, not, value).is_ok()
    {
        return Err(format!("{value} is what it must not be"));
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let fits = |kind: &&str| match *kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    };
    if !kinds.is_empty() && !kinds.iter().any(fits) {
        return Err(format!("{value} is none of {kinds:?}"));
    }
    if let Some(constant) = schema.get("const")
        && constant != value
    {
        return Err(format!("{value} is not {constant}"));
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array)
        && !words.contains(value)
    {
        return Err(format!("{value} is none of {words:?}"));
    }
    if let Value::Array(items) = value
        && let Some(schema) = schema.get("items")
    {
        for item in items {
            shape(document, schema, item)?;
        }
    }
    let Value::Object(members) = value else {
        return Ok(());
    };
    for name in schema["required"].as_array().into_iter().flatten() {
        if value.get(name.as_str().unwrap_or_default()).is_none() {
            return Err(format!("{name} is missing"));
        }
    }
    let Some(properties) = schema.get("properties") else {
        return Ok(());
    };
    for (name, value) in members {
        let Some(member) = properties.get(name) else {
            // A condition speaks of some members only.
            match schema.get("type") {
                Some(_) => return Err(format!("{name} is not in the schema")),
                None => continue,
            }
        };
        shape(document, member, value).map_err(|fault| format!("{name}: {fault}"))?;
    }
    Ok(())
}

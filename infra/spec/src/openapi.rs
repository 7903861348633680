//! The public document, OpenAPI 3.1: for people and for tools that make clients and tests.

use api::{ApiError, Code, ConflictReason};
use routes::{Access, Method, Role, Route, Scope, Tenant};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

use crate::{
    describe::{Described, Group, RequestBody, groups, path_parameter},
    examples::{self, AT, JOB},
    schemas::Schemas,
};

/// The whole public document.
pub fn openapi() -> Value {
    let mut document = Document {
        schemas: Schemas::new(),
        responses: Map::new(),
    };
    let groups = groups(&mut document.schemas);
    let mut paths = Map::new();
    for group in &groups {
        for (route, described) in &group.operations {
            let item = paths.entry(route.path).or_insert_with(|| Map::new().into());
            item[route.method.as_str().to_ascii_lowercase()] =
                document.operation(group, route, described);
        }
    }
    document.name_errors();
    let tags: Vec<_> = groups
        .iter()
        .map(|group| json!({ "name": group.function, "description": group.about }))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "InstaView API",
            "version": "1",
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths,
        "components": {
            "securitySchemes": security_schemes(),
            "parameters": parameters(),
            "headers": headers(),
            "responses": document.responses,
            "schemas": document.schemas.into_components(),
        },
    })
}

const ABOUT: &str = "\
Recruiting by API, guarded by API keys.

Every answer is the envelope `{success, data, error, timestamp}`; `error` has a `code`, a `message` and an object `details`. \
`timestamp` is null where the gateway answers without us. \
`X-Request-Id` names the request: quote it when you ask about one. \
A route or method that doesn't exist is 404 `ROUTE_NOT_FOUND`. \
Bodies are JSON of at most 256 KiB; unknown fields are refused, unknown query parameters are ignored, and a parameter given twice is refused.

Faults are found in this order, and the first one is answered: route, credential, scope or role, company, rate limit, size and type of the body, rules of header, body and query, idempotency, object, the role that it demands, version and state, the plan's minutes.";

struct Document {
    schemas: Schemas,
    /// Errors of one status that can occur together, under their codes' names.
    responses: Map<String, Value>,
}

impl Document {
    fn operation(&mut self, group: &Group, route: &Route, described: &Described) -> Value {
        let Described {
            query,
            body,
            status,
            data,
            example,
            versioned,
            transition: _,
            billed: _,
            note,
        } = described;
        let mut parameters: Vec<Value> = route
            .parameters()
            .map(|name| path_parameter(name, &mut self.schemas))
            .collect();
        if route.reads_company_id() && route.tenant != Tenant::PathCompany {
            parameters.push(reference("parameters", "CompanyId"));
            if route.tenant == Tenant::Owner {
                parameters.push(reference("parameters", "PartnerId"));
            }
        }
        parameters.extend(query.iter().cloned());
        if route.for_administrators().is_some() {
            let name = match route.access {
                Access::Administrator => "AdminReason",
                _ => "OptionalAdminReason",
            };
            parameters.push(reference("parameters", name));
        }
        if route.takes_idempotency_key() {
            parameters.push(reference("parameters", "IdempotencyKey"));
        }
        if matches!(route.method, Method::Patch | Method::Delete) {
            parameters.push(reference("parameters", "IfMatch"));
        }

        let mut success = json!({
            "description": route.summary,
            "headers": success_headers(route, *versioned),
            "content": content(route, data, example),
        });
        if *status == 201 {
            success["links"] = links(route, example);
        }
        let mut responses = Map::new();
        responses.insert(status.to_string(), success);
        for (status, codes) in errors(route, described) {
            responses.insert(status.to_string(), self.error_response(status, &codes));
        }

        let mut operation = json!({
            "operationId": route.operation,
            "tags": [group.function],
            "summary": route.summary,
            "description": format!("{}{} {note}", who_may(route.access), also_administrators(route)).trim_end(),
            "parameters": parameters,
            // Also for tools that, like API Gateway, look at operations only.
            "security": security(route.access),
            "responses": responses,
        });
        if let Some(RequestBody {
            schema,
            required,
            example,
        }) = body
        {
            operation["requestBody"] = json!({
                "required": required,
                "content": { "application/json": { "schema": schema, "example": example } },
            });
        }
        operation
    }

    /// The response of one status, shared by all operations that can fail in the same ways.
    fn error_response(&mut self, status: u16, codes: &BTreeSet<Code>) -> Value {
        let name = codes.iter().map(|code| pascal(*code)).collect::<Vec<_>>();
        let name = name.join("Or");
        let described = codes.iter().map(|code| format!("`{}`", code.as_str()));
        let schemas: Vec<_> = codes
            .iter()
            .map(|code| reference("schemas", &pascal(*code)))
            .collect();
        let schema = match schemas.as_slice() {
            [only] => only.clone(),
            several => json!({ "oneOf": several }),
        };
        let examples: Map<_, _> = codes
            .iter()
            .map(|code| (code.as_str().to_owned(), json!({ "value": error(*code) })))
            .collect();
        let mut headers = vec!["X-Request-Id", "Cache-Control"];
        match status {
            401 => headers.push("WWW-Authenticate"),
            429 | 503 => headers.push("Retry-After"),
            // The request was counted before these were found.
            400 | 404 | 409 | 413 | 415 | 422 => headers.extend(RATE_LIMIT),
            _ => {}
        }
        self.responses.insert(
            name.clone(),
            json!({
                "description": described.collect::<Vec<_>>().join(" or "),
                "headers": header_references(headers),
                "content": { "application/json": { "schema": schema, "examples": examples } },
            }),
        );
        reference("responses", &name)
    }

    /// One schema a code.
    fn name_errors(&mut self) {
        let timestamp = self.schemas.part::<Option<model::Timestamp>>();
        for code in Code::ALL {
            let details = details(code, &mut self.schemas);
            self.schemas.name(
                &pascal(code),
                json!({
                    "type": "object",
                    "required": ["success", "data", "error", "timestamp"],
                    "properties": {
                        "success": { "type": "boolean", "const": false },
                        "data": { "type": "null" },
                        "error": {
                            "type": "object",
                            "required": ["code", "message", "details"],
                            "properties": {
                                "code": { "type": "string", "const": code.as_str() },
                                "message": { "type": "string" },
                                "details": details,
                            },
                        },
                        "timestamp": timestamp,
                    },
                }),
            );
        }
    }
}

/// What can be done next with the object that was made: everything whose path goes on with its id alone.
fn links(made: &Route, object: &Value) -> Value {
    let next = routes::all().filter_map(|route| {
        let mut parameters = route.parameters();
        let (name, None) = (parameters.next()?, parameters.next()) else {
            return None;
        };
        let beneath = format!("{}/{{{name}}}", made.path);
        route.path.starts_with(&beneath).then(|| {
            let id = if object[name].is_null() { "id" } else { name };
            let id = json!({ name: format!("$response.body#/data/{id}") });
            let link = json!({ "operationId": route.operation, "parameters": id });
            (route.operation.to_owned(), link)
        })
    });
    Value::Object(next.collect())
}

/// Which faults an operation can answer with, by status.
/// Of a success. What is streamed has no envelope, but lines; its schema is the last one's.
fn content(route: &Route, data: &Value, example: &Value) -> Value {
    match route.streamed {
        false => json!({ "application/json": {
            "schema": envelope(data),
            "example": { "success": true, "data": example, "error": null, "timestamp": AT },
        } }),
        true => json!({
            "application/x-ndjson": { "schema": data, "example": example },
            "text/csv": { "schema": { "type": "string" } },
        }),
    }
}

fn errors(route: &Route, described: &Described) -> BTreeMap<u16, BTreeSet<Code>> {
    let mut codes = vec![
        Code::RateLimitExceeded,
        Code::InternalError,
        Code::ServiceUnavailable,
    ];
    if route.access != Access::Public {
        codes.push(Code::InvalidApiKey);
    }
    if matches!(
        route.access,
        Access::Scope(_) | Access::Role(_) | Access::Person | Access::SelfKey
    ) {
        codes.push(Code::InsufficientPermissions);
    }
    if route.for_administrators().is_some() {
        // Who gives a reason must be an administrator, and give a good one.
        codes.extend([Code::InsufficientPermissions, Code::ValidationError]);
    }
    // On what people do as themselves, whoever comes as an administrator has no part.
    if route.reads_company_id() || route.access == Access::Person {
        codes.push(Code::ResourceAccessDenied);
    }
    if matches!(route.tenant, Tenant::Company | Tenant::Owner) && route.needs_tenant() {
        codes.push(Code::CompanyIdRequired);
    }
    // A company that isn't the caller's is denied, not missing.
    let names_an_object =
        route.parameters().next().is_some() && route.tenant != Tenant::PathCompany;
    if names_an_object {
        codes.push(Code::ResourceNotFound);
    }
    let names_an_owner = route.tenant == Tenant::Owner && route.needs_tenant();
    if names_an_object || names_an_owner || !described.query.is_empty() || !route.method.is_read() {
        codes.push(Code::ValidationError);
    }
    if described.body.is_some() {
        codes.extend([Code::PayloadTooLarge, Code::UnsupportedMediaType]);
    }
    if !route.method.is_read() {
        codes.push(Code::ResourceConflict);
    }
    if described.billed {
        codes.push(Code::BillingLimitReached);
    }
    if described.transition {
        codes.push(Code::InvalidStateTransition);
    }
    if route.takes_idempotency_key() {
        codes.push(Code::IdempotencyConflict);
    }
    let mut by_status = BTreeMap::<_, BTreeSet<_>>::new();
    for code in codes {
        by_status.entry(code.status()).or_default().insert(code);
    }
    by_status
}

/// The schema of an error's `details`.
fn details(code: Code, schemas: &mut Schemas) -> Value {
    let word = json!({ "type": "string" });
    match code {
        Code::ValidationError => json!({
            "type": "object",
            "required": ["errors"],
            "properties": { "errors": { "type": "array", "items": schemas.part::<model::Fault>() } },
        }),
        Code::InsufficientPermissions => json!({
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": false,
            "properties": {
                "requiredScope": { "type": "string", "enum": Scope::ALL.map(Scope::as_str) },
                "requiredRole": { "type": "string", "enum": ["OWNER", "ADMIN", "MEMBER", "ADMINISTRATOR"] },
                "requiredCredential": { "type": "string", "enum": ["API_KEY", "ATS_KEY", "PERSON"] },
                "maxAuthAge": { "type": "integer", "const": auth::MAX_AUTH_AGE_SECONDS },
            },
        }),
        Code::ResourceNotFound => json!({
            "type": "object",
            "required": ["resourceType", "resourceId"],
            "properties": {
                "resourceType": { "type": "string", "enum": ["job", "candidate", "agent", "interview", "company", "api_key", "member", "partner", "denial", "notice"] },
                "resourceId": word,
            },
        }),
        Code::ResourceConflict => json!({
            "type": "object",
            "required": ["reason"],
            "properties": { "reason": { "type": "string", "enum": ConflictReason::ALL } },
        }),
        Code::InvalidStateTransition => json!({
            "type": "object",
            "required": ["from", "to"],
            "properties": { "from": word, "to": word },
        }),
        Code::BillingLimitReached => json!({
            "type": "object",
            "required": ["limit", "used", "resetsAt"],
            "properties": {
                "limit": { "type": "integer", "minimum": 0, "description": "Minutes a month." },
                "used": { "type": "integer", "minimum": 0, "description": "Minutes, those of scheduled interviews included." },
                "resetsAt": { "type": "string", "format": "date-time" },
            },
        }),
        Code::RateLimitExceeded => json!({
            "type": "object",
            "description": "The gateway's own limit, which is the whole API's, says `retryAfter` alone.",
            "required": ["retryAfter"],
            "properties": {
                "retryAfter": { "type": "integer", "minimum": 1, "description": "Seconds." },
                "limit": { "type": "integer", "minimum": 1 },
                "remaining": { "type": "integer", "const": 0 },
                "reset": { "type": "integer", "description": "Unix seconds." },
            },
        }),
        Code::CompanyIdRequired
        | Code::InvalidApiKey
        | Code::ResourceAccessDenied
        | Code::RouteNotFound
        | Code::PayloadTooLarge
        | Code::UnsupportedMediaType
        | Code::IdempotencyConflict
        | Code::InternalError
        | Code::ServiceUnavailable => json!({ "type": "object" }),
    }
}

/// An example of an error's whole body.
fn error(code: Code) -> Value {
    let details = match code {
        Code::ValidationError => json!({ "errors": [
            { "path": "/salary/min", "rule": "conflict_with", "message": "must not exceed max" },
        ] }),
        Code::InsufficientPermissions => json!({ "requiredScope": "write:jobs" }),
        Code::ResourceNotFound => json!({ "resourceType": "job", "resourceId": JOB }),
        Code::ResourceConflict => json!({ "reason": "VERSION" }),
        Code::InvalidStateTransition => json!({ "from": "REVOKED", "to": "ACTIVE" }),
        Code::BillingLimitReached => {
            json!({ "limit": 500, "used": 490, "resetsAt": "2026-02-01T00:00:00.000Z" })
        }
        Code::RateLimitExceeded => {
            json!({ "retryAfter": 21, "limit": 300, "remaining": 0, "reset": 1_769_860_860 })
        }
        Code::CompanyIdRequired
        | Code::InvalidApiKey
        | Code::ResourceAccessDenied
        | Code::RouteNotFound
        | Code::PayloadTooLarge
        | Code::UnsupportedMediaType
        | Code::IdempotencyConflict
        | Code::InternalError
        | Code::ServiceUnavailable => json!({}),
    };
    let message = match code {
        Code::ResourceConflict => ApiError::Conflict(ConflictReason::Version).body().message,
        other => other.message(),
    };
    // The gateway answers these without our context, and can't write the time.
    let by_gateway = matches!(code, Code::InvalidApiKey | Code::RouteNotFound);
    json!({
        "success": false,
        "data": null,
        "error": { "code": code.as_str(), "message": message, "details": details },
        "timestamp": if by_gateway { Value::Null } else { AT.into() },
    })
}

fn envelope(data: &Value) -> Value {
    json!({
        "type": "object",
        "required": ["success", "data", "error", "timestamp"],
        "properties": {
            "success": { "type": "boolean", "const": true },
            "data": data,
            "error": { "type": "null" },
            "timestamp": { "type": "string", "format": "date-time" },
        },
    })
}

fn who_may(access: Access) -> String {
    match access {
        Access::Scope(scope) => format!("For API keys with the scope `{}`.", scope.as_str()),
        Access::Role(Role::Member) => {
            "For signed-in people with any role in the company.".to_owned()
        }
        Access::Role(role) => format!(
            "For signed-in people with at least the role `{}` in the company, whose sign-in is at most 12 hours old.",
            role.as_str()
        ),
        Access::Person => "For every signed-in person, a member of something or not.".to_owned(),
        Access::AnyPrincipal => "For every API key and every signed-in person.".to_owned(),
        Access::SelfKey => "For every API key, whatever its scopes.".to_owned(),
        Access::Administrator => {
            "For administrators of InstaView, who say why in `X-Admin-Reason`.".to_owned()
        }
        Access::Public => "For everybody, without a credential.".to_owned(),
    }
}

/// What the table says of administrators on other people's routes.
fn also_administrators(route: &Route) -> &'static str {
    match route.administrators {
        None => "",
        Some(Tenant::System) => {
            " Administrators of InstaView, who say why in `X-Admin-Reason`, issue ATS keys here and nothing else."
        }
        Some(_) => {
            " Also for administrators of InstaView, who say why in `X-Admin-Reason` and name the company or partner; the request is told in its chain."
        }
    }
}

/// OpenAPI 3.1 lets a scheme that is not OAuth name the roles that are needed.
fn security(access: Access) -> Value {
    match access {
        Access::Scope(scope) => json!([{ "apiKey": [scope.as_str()] }]),
        Access::Role(role) => json!([{ "person": [role.as_str()] }]),
        Access::Person => json!([{ "person": [] }]),
        Access::AnyPrincipal => json!([{ "apiKey": [] }, { "person": [] }]),
        Access::SelfKey => json!([{ "apiKey": [] }]),
        Access::Administrator => json!([{ "person": ["ADMINISTRATOR"] }]),
        Access::Public => json!([]),
    }
}

fn security_schemes() -> Value {
    json!({
        "apiKey": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key: `sk_iv…` or `sk_ia…`, 46 characters.",
        },
        "person": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The OpenID Connect access token of a signed-in person.",
        },
    })
}

fn parameters() -> Value {
    let query = |name: &str, description: &str, schema: Value| json!({ "name": name, "in": "query", "required": false, "description": description, "schema": schema });
    let header = |name: &str, description: &str, schema: Value, example: &str| json!({ "name": name, "in": "header", "required": false, "description": description, "schema": schema, "example": example });
    let reason = |required: bool| {
        let mut reason = header(
            "X-Admin-Reason",
            "Why an administrator of InstaView acts. Whoever sends it acts as an administrator and as nothing else.",
            json!({ "type": "string", "minLength": 10, "maxLength": 200 }),
            "Ticket 4711: the key was leaked",
        );
        reason["required"] = required.into();
        reason
    };
    json!({
        "AdminReason": reason(true),
        "OptionalAdminReason": reason(false),
        "CompanyId": query(
            "companyId",
            "The company to act for. ATS keys must name it, people only if they have several; a company's own key may leave it out, and may name no other.",
            json!({ "type": "string", "format": "uuid" }),
        ),
        "PartnerId": query(
            "partnerId",
            "The partner to act for, not together with `companyId`. Needed of people only if they have several companies or partners.",
            json!({ "type": "string", "format": "uuid" }),
        ),
        "Limit": query(
            "limit",
            "Objects on a page.",
            json!({ "type": "integer", "minimum": 1, "maximum": 100, "default": 20 }),
        ),
        "Page": query(
            "page",
            "Page number from 1, not together with `cursor`. At most 10,000 objects can be skipped; go on with `cursor` from there.",
            json!({ "type": "integer", "minimum": 1 }),
        ),
        "Cursor": query(
            "cursor",
            "The `nextCursor` of the page before: same company, operation and filters, at most 7 days old.",
            json!({ "type": "string", "minLength": 1 }),
        ),
        "IdempotencyKey": header(
            "Idempotency-Key",
            "For 24 hours the same request under the same key gets the same answer, without being done again; another request under it is 422.",
            json!({ "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]*$" }),
            "create-rust-engineer-1",
        ),
        "IfMatch": header(
            "If-Match",
            "The `ETag` of the object as you know it; if it was changed meanwhile, 409 with the reason `VERSION`.",
            json!({ "type": "string", "pattern": "^\"[0-9]+\"$" }),
            "\"3\"",
        ),
    })
}

const RATE_LIMIT: [&str; 6] = [
    "X-RateLimit-Limit-Minute",
    "X-RateLimit-Remaining-Minute",
    "X-RateLimit-Reset-Minute",
    "X-RateLimit-Limit-Hour",
    "X-RateLimit-Remaining-Hour",
    "X-RateLimit-Reset-Hour",
];

/// Of answers to keys.
const WARNINGS: [&str; 2] = ["X-Api-Key-Rotate-By", "X-Api-Key-Expires-At"];

fn headers() -> Value {
    let header = |description: &str, schema: Value, example: Value| json!({ "description": description, "schema": schema, "example": example });
    let text = || json!({ "type": "string" });
    let number = || json!({ "type": "integer", "minimum": 0 });
    let mut headers = json!({
        "X-Request-Id": header(
            "A label of this request, to show and to search for.",
            text(),
            examples::REQUEST.into(),
        ),
        "Cache-Control": header("Answers are never to be stored.", text(), "no-store".into()),
        "ETag": header("The object's version in quotes.", text(), "\"3\"".into()),
        "Idempotency-Replayed": header(
            "The answer is that of an earlier request under the same `Idempotency-Key`.",
            json!({ "type": "string", "const": "true" }),
            "true".into(),
        ),
        "Retry-After": header("Seconds to wait.", json!({ "type": "integer", "minimum": 1 }), 1.into()),
        "WWW-Authenticate": header(
            "How to authenticate.",
            json!({ "type": "string", "const": "Bearer" }),
            "Bearer".into(),
        ),
    });
    let facts = [
        ("Requests that the window allows.", 300),
        ("Requests left in the window.", 299),
        ("Unix seconds at which the window ends.", 1_769_860_860),
        ("Requests that the window allows.", 15_000),
        ("Requests left in the window.", 14_999),
        ("Unix seconds at which the window ends.", 1_769_864_400),
    ];
    for (name, (description, example)) in RATE_LIMIT.into_iter().zip(facts) {
        headers[name] = header(description, number(), example.into());
    }
    let facts = [
        "The key was rotated, and the secret that was used ends then: rotate to the new one.",
        "The key expires then; told from 30 days before.",
    ];
    for (name, description) in WARNINGS.into_iter().zip(facts) {
        let instant = json!({ "type": "string", "format": "date-time" });
        headers[name] = header(description, instant, examples::OVERLAP_END.into());
    }
    headers
}

fn success_headers(route: &Route, versioned: bool) -> Value {
    let mut headers = vec!["X-Request-Id"];
    // The health check is the one answer that may be cached.
    if route.access != Access::Public {
        headers.push("Cache-Control");
        headers.extend(RATE_LIMIT);
    }
    if matches!(
        route.access,
        Access::Scope(_) | Access::AnyPrincipal | Access::SelfKey
    ) {
        headers.extend(WARNINGS);
    }
    if versioned {
        headers.push("ETag");
    }
    if route.takes_idempotency_key() {
        headers.push("Idempotency-Replayed");
    }
    header_references(headers)
}

fn header_references(names: Vec<&str>) -> Value {
    let references = names
        .into_iter()
        .map(|name| (name.to_owned(), reference("headers", name)));
    Value::Object(references.collect())
}

fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

/// `VALIDATION_ERROR` is `ValidationError`.
fn pascal(code: Code) -> String {
    let words = code.as_str().split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_owned() + &rest.to_ascii_lowercase()
    });
    words.collect()
}

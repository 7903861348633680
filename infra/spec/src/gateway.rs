//! What API Gateway imports: paths, methods, security, integrations, the authorizer, and the answers that it gives by itself.

use routes::{Access, Route};
use serde_json::{Map, Value, json};

use crate::responses::{GatewayResponse, gateway_responses};

/// The document for the template's `AWS::Include`; functions are named by the template's resources.
pub fn gateway() -> Value {
    let mut paths = Map::new();
    for route in routes::routed() {
        let item = paths.entry(route.path).or_insert_with(|| Map::new().into());
        item[route.method.as_str().to_ascii_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.0.1",
        // An import may name the API by it, and alarms and the monitor find it by that name.
        "info": { "title": { "Fn::Sub": "${AWS::StackName}-api" }, "version": "1" },
        // With a domain of its own the API's first address is off. SAM's property for it can't be used with a document that is included.
        "servers": [{
            "url": "/",
            "x-amazon-apigateway-endpoint-configuration": {
                "disableExecuteApiEndpoint": { "Fn::If": ["HasDomain", true, false] },
            },
        }],
        "paths": paths,
        "components": { "securitySchemes": { AUTHORIZER: authorizer() } },
        "x-amazon-apigateway-gateway-responses": responses(),
    })
}

const AUTHORIZER: &str = "authorizer";
/// As long as a streaming function may run, up to 15 minutes; without it API Gateway ends any answer after 29 s.
const STREAM_MILLIS: i64 = 300_000;

/// The template's resource of a function: `audit-log` is `AuditLogFunction`.
pub fn function_resource(function: &str) -> String {
    let words = function.split('-').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_ascii_uppercase() + rest
    });
    words.collect::<String>() + "Function"
}

fn operation(route: &Route) -> Value {
    // API Gateway ignores a security that stands at the root only, so each operation has its own.
    let security = match route.access {
        Access::Public => json!([]),
        Access::Scope(_)
        | Access::Role(_)
        | Access::Person
        | Access::AnyPrincipal
        | Access::SelfKey
        | Access::Administrator => {
            json!([{ AUTHORIZER: [] }])
        }
    };
    let parameters: Vec<_> = route
        .parameters()
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    let mut integration = json!({
        "type": "aws_proxy",
        "httpMethod": "POST",
        "uri": invocation(route.function, Invocation::of(route)),
    });
    if route.streamed {
        integration["responseTransferMode"] = "STREAM".into();
        integration["timeoutInMillis"] = STREAM_MILLIS.into();
    }
    json!({
        "operationId": route.operation,
        "summary": route.summary,
        "parameters": parameters,
        "security": security,
        // A proxied function answers with what status it likes; OpenAPI wants one named.
        "responses": { "200": { "description": "The function's answer" } },
        "x-amazon-apigateway-integration": integration,
    })
}

fn authorizer() -> Value {
    json!({
        "type": "apiKey",
        "in": "header",
        // As AWS wants it where the identity is not one header: a header named here might become an identity source, and a request without it would be answered without asking us.
        "name": "Unused",
        "x-amazon-apigateway-authtype": "custom",
        "x-amazon-apigateway-authorizer": {
            "type": "request",
            "authorizerResultTtlInSeconds": 0,
            "authorizerUri": invocation("authorizer", Invocation::Whole),
        },
    })
}

/// How a function's answer comes.
enum Invocation {
    Whole,
    Streamed,
}

impl Invocation {
    fn of(route: &Route) -> Invocation {
        match route.streamed {
            true => Invocation::Streamed,
            false => Invocation::Whole,
        }
    }
}

fn invocation(function: &str, how: Invocation) -> Value {
    let resource = function_resource(function);
    let (version, action) = match how {
        Invocation::Whole => ("2015-03-31", "invocations"),
        Invocation::Streamed => ("2021-11-15", "response-streaming-invocations"),
    };
    json!({ "Fn::Sub": format!(
        "arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:lambda:path/{version}/functions/${{{resource}.Arn}}/{action}"
    ) })
}

fn responses() -> Value {
    let mut responses = Map::new();
    for GatewayResponse {
        types,
        status,
        body,
        headers,
    } in gateway_responses()
    {
        let mut parameters = Map::new();
        let mut set = |name: &str, value: String| {
            parameters.insert(format!("gatewayresponse.header.{name}"), value.into());
        };
        set("X-Request-Id", "context.extendedRequestId".to_owned());
        set("Cache-Control", "'no-store'".to_owned());
        for (name, value) in headers {
            set(name, format!("'{value}'"));
        }
        let mut response = json!({
            "responseParameters": parameters,
            "responseTemplates": { "application/json": body },
        });
        if let Some(status) = status {
            response["statusCode"] = status.to_string().into();
        }
        for kind in types {
            responses.insert((*kind).to_owned(), response.clone());
        }
    }
    responses.into()
}

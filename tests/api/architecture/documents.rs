//! The two generated documents.

use serde_json::Value;
use std::fs;

use super::read;

fn documents() -> [Value; 2] {
    ["infra/openapi.json", "infra/gateway.json"]
        .map(|path| serde_json::from_str(&read(path)).expect("JSON"))
}

fn operations(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    let paths = document["paths"].as_object().expect("an object").iter();
    paths.flat_map(|(path, item)| {
        let methods = item.as_object().expect("an object").iter();
        methods.map(move |(method, operation)| (path, method, operation))
    })
}

#[test]
fn committed_documents_are_fresh() {
    for (path, text) in spec::documents() {
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == text,
            "{} is stale: run `cargo run -p spec`",
            path.display()
        );
    }
}

#[test]
fn every_route_is_in_both_documents_with_a_security_of_its_own() {
    for document in documents() {
        assert!(
            document.get("security").is_none(),
            "API Gateway ignores it at the root"
        );
        let (all, pages) = (routes::all().count(), routes::pages::all().count());
        // Pages are the gateway's alone, and guard themselves.
        let found = operations(&document).count();
        assert!([all, all + pages].contains(&found), "{found}");
        for route in routes::all() {
            let method = route.method.as_str().to_ascii_lowercase();
            let operation = &document["paths"][route.path][method];
            assert_eq!(operation["operationId"], route.operation);
            let security = operation["security"].as_array().expect("is written");
            let is_public = route.access == routes::Access::Public;
            assert_eq!(security.is_empty(), is_public, "{}", route.operation);
        }
    }
}

#[test]
fn only_health_and_the_audit_keys_are_public() {
    let public = routes::all().filter(|route| route.access == routes::Access::Public);
    let mut public: Vec<_> = public.map(|route| route.operation).collect();
    public.sort_unstable();
    assert_eq!(public, ["GetAuditKeys", "GetHealth"]);
}

#[test]
fn no_document_has_a_route_of_the_local_system() {
    let local = [
        "/docs",
        "/openapi.json",
        "/dev",
        "/token",
        "/authorize",
        "/.well-known/jwks.json",
        "/.well-known/openid-configuration",
    ];
    for document in documents() {
        for (path, method, _) in operations(&document) {
            let is_local = local
                .iter()
                .any(|own| path == own || path.starts_with(&format!("{own}/")));
            assert!(!is_local, "{method} {path}");
        }
    }
}

#[test]
fn the_gateway_asks_the_authorizer_about_each_request_anew() {
    let [_, gateway] = documents();
    let schemes = gateway["components"]["securitySchemes"]
        .as_object()
        .expect("an object");
    assert_eq!(schemes.len(), 1);
    for scheme in schemes.values() {
        let authorizer = &scheme["x-amazon-apigateway-authorizer"];
        assert_eq!(authorizer["authorizerResultTtlInSeconds"], 0);
        assert_eq!(authorizer["type"], "request");
        // With one, a request without it would be answered without asking us.
        assert!(authorizer.get("identitySource").is_none());
        assert!(
            authorizer["authorizerUri"]["Fn::Sub"]
                .as_str()
                .is_some_and(|uri| uri.contains("${AuthorizerFunction.Arn}"))
        );
    }
}

#[test]
fn the_public_document_has_nothing_of_aws_and_no_key_that_works() {
    let text = read("infra/openapi.json");
    for word in ["x-amazon-", "arn:aws", "AWS::", "Fn::"] {
        assert!(!text.contains(word), "{word}");
    }
    let keys = text.match_indices("sk_i").map(|(at, _)| &text[at..]);
    let keys = keys.filter_map(|rest| rest.get(..46)).filter(|key| {
        key.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    });
    for key in keys {
        // An example in the right form must not be taken for a leak by secret scanners, so its checksum is wrong.
        assert!(auth::PresentedKey::parse(key).is_none(), "{key}");
    }
}

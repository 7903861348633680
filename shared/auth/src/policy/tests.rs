use std::collections::HashMap;

use super::{iam::tests::naive_matches, *};

const PREFIX: &str = "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/v1";

fn arn() -> MethodArn<'static> {
    MethodArn::parse("arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/v1/GET/jobs")
        .expect("good")
}

/// The `methodArn` of a real request to the route.
fn request(route: &Route) -> String {
    let path: Vec<&str> = route
        .path
        .split('/')
        .map(|part| match part {
            "{keyId}" => "0aB3dE6f",
            part if part.starts_with('{') => "0193e5c0-7d6b-7c3a-9d5e-2f1a0b9c8d7e",
            part => part,
        })
        .collect();
    format!("{PREFIX}/{}{}", route.method.as_str(), path.join("/"))
}

/// The second evaluator; remembers what it once worked out, because the 16,384 policies hold few different resources.
#[derive(Default)]
struct Naive(HashMap<(String, String), bool>);

impl Naive {
    fn allows(&mut self, policy: &PolicyDocument, arn: &str) -> bool {
        let mut effects = Vec::new();
        for statement in &policy.statement {
            assert_eq!(statement.action, ["execute-api:Invoke"]);
            for resource in &statement.resource {
                let fits = self
                    .0
                    .entry((resource.clone(), arn.to_owned()))
                    .or_insert_with(|| naive_matches(resource.as_bytes(), arn.as_bytes()));
                if *fits {
                    effects.push(statement.effect);
                }
            }
        }
        effects.contains(&Effect::Allow) && !effects.contains(&Effect::Deny)
    }
}

#[test]
fn an_administrator_reaches_their_own_routes_and_those_that_let_them_in() {
    for route in routes::all() {
        let lets_in = match route.access {
            Access::Administrator | Access::AnyPrincipal => true,
            _ => route.administrators.is_some(),
        };
        let mut reached = reach_of_administrator();
        let reached = reached.any(|one| one.operation == route.operation);
        assert_eq!(reached, lets_in, "{}", route.operation);
    }
}

/// Of every set of scopes, at every route.
#[test]
fn the_policy_of_a_key_grants_what_its_scopes_grant() {
    let routes: Vec<(&Route, String)> =
        routes::all().map(|route| (route, request(route))).collect();
    let mut naive = Naive::default();
    let mut sets = 0;
    for (number, scopes) in ScopeSet::every().enumerate() {
        let policy = policy(&arn(), reach_of_key(scopes));
        for (route, request) in &routes {
            let granted = match route.access {
                Access::Scope(scope) => scopes.iter().any(|held| held == scope),
                Access::AnyPrincipal | Access::SelfKey => true,
                Access::Role(_) | Access::Person | Access::Administrator | Access::Public => false,
            };
            assert_eq!(
                naive.allows(&policy, request),
                granted,
                "{scopes:?} {}",
                route.operation
            );
            // Small sets, large sets and a share of the rest; both evaluators agree on single globs anyway.
            if number.count_ones() <= 2 || number % 31 == 0 {
                assert_eq!(
                    iam::allows(&policy, request),
                    granted,
                    "{scopes:?} {}",
                    route.operation
                );
            }
        }
        sets += 1;
    }
    assert_eq!(sets, 16_384);
}

#[test]
fn the_policy_of_a_person_grants_what_the_role_grants_and_the_stars_overlap_in_known_places() {
    let mut naive = Naive::default();
    let mut overlaps = Vec::new();
    for role in [None].into_iter().chain(Role::ALL.map(Some)) {
        let policy = policy(&arn(), reach_of_person(role));
        for route in routes::all() {
            let granted = match (route.access, role) {
                (Access::Role(Role::Member), Some(_)) => true,
                (Access::Role(Role::Admin), Some(role)) => role != Role::Member,
                (Access::Role(Role::Owner), Some(role)) => role == Role::Owner,
                (Access::Person | Access::AnyPrincipal, _) => true,
                _ => false,
            };
            let allowed = naive.allows(&policy, &request(route));
            assert_eq!(iam::allows(&policy, &request(route)), allowed);
            if allowed != granted {
                overlaps.push((role.map(Role::as_str), route.operation, allowed));
            }
        }
    }
    assert_eq!(
        overlaps,
        [
            (Some("ADMIN"), "RevokeOwnApiKey", true),
            (Some("OWNER"), "RevokeOwnApiKey", true),
        ]
    );
}

#[test]
fn another_stage_api_account_or_region_is_not_granted() {
    let policy = policy(&arn(), reach_of_key(ScopeSet::all()));
    let good = format!("{PREFIX}/GET/jobs");
    assert!(iam::allows(&policy, &good));
    for (from, to) in [
        ("/v1/", "/v2/"),
        ("/v1/", "/v1x/"),
        ("a1b2c3d4e5", "a1b2c3d4e6"),
        ("123456789012", "123456789013"),
        ("eu-central-1", "eu-central-2"),
        ("GET", "PUT"),
        ("/jobs", "/job"),
    ] {
        assert!(!iam::allows(&policy, &good.replace(from, to)), "{to}");
    }
}

#[test]
fn a_path_that_ends_in_a_slash_is_granted_what_it_is_granted_without_and_no_more() {
    let jobs = || routes::all().filter(|route| route.path == "/jobs");
    for (asked, other) in [("GET/jobs", "GET/jobs/"), ("GET/jobs/", "GET/jobs")] {
        let [asked, other] = [asked, other].map(|path| format!("{PREFIX}/{path}"));
        let arn = MethodArn::parse(&asked).expect("good");
        let narrow = policy(&arn, jobs());
        assert!(iam::allows(&narrow, &asked), "{asked}");
        assert!(!iam::allows(&narrow, &other), "{other}");
    }
    for route in routes::all() {
        let asked = format!("{}/", request(route));
        let arn = MethodArn::parse(&asked).expect("good");
        assert!(iam::allows(&policy(&arn, [route]), &asked), "{asked}");
    }
}

#[test]
fn a_denied_caller_reaches_nothing() {
    for policy in [deny(&arn()), policy(&arn(), [])] {
        assert_eq!(policy.statement.len(), 1);
        assert_eq!(policy.statement[0].effect, Effect::Deny);
        assert_eq!(policy.statement[0].resource, [format!("{PREFIX}/*")]);
        assert!(routes::all().all(|route| !iam::allows(&policy, &request(route))));
    }
}

#[test]
fn the_document_is_spelled_as_iam_spells_it() {
    let jobs =
        routes::all().filter(|route| route.path == "/jobs/{jobId}" && route.method.is_read());
    let policy = policy(&arn(), jobs);
    let json = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Action": ["execute-api:Invoke"],
            "Effect": "Allow",
            "Resource": [format!("{PREFIX}/GET/jobs/*")],
        }],
    });
    assert_eq!(serde_json::to_value(&policy).expect("serializes"), json);
    assert_eq!(
        serde_json::from_value::<PolicyDocument>(json).expect("deserializes"),
        policy
    );
    let conditional = r#"{"Version":"2012-10-17","Statement":[{"Action":[],"Effect":"Allow","Resource":[],"Condition":{}}]}"#;
    assert!(serde_json::from_str::<PolicyDocument>(conditional).is_err());
}

#[test]
fn the_arn_is_cut_after_the_stage_whatever_the_path_holds() {
    for (text, stage) in [
        (format!("{PREFIX}/GET/"), PREFIX),
        (format!("{PREFIX}/GET"), PREFIX),
        (format!("{PREFIX}/GET/a:b/../*/?"), PREFIX),
        (
            "arn:aws-cn:execute-api:cn-north-1:1:a/test-invoke-stage/POST/x".into(),
            "arn:aws-cn:execute-api:cn-north-1:1:a/test-invoke-stage",
        ),
        (
            "arn:aws:execute-api:r:1:a/my_stage/POST/x".into(),
            "arn:aws:execute-api:r:1:a/my_stage",
        ),
    ] {
        assert_eq!(MethodArn::parse(&text).map(|arn| arn.stage), Ok(stage));
    }
}

#[test]
fn a_malformed_arn_is_an_error() {
    for text in [
        "",
        "*",
        "arn:aws:execute-api:r:1",
        "arn:aws:execute-api:r:1:a",
        "arn:aws:execute-api:r:1:a/v1",
        "arn:aws:execute-api:r:1:a/v1/",
        "arn:aws:execute-api:r:1:a//GET/x",
        "arn:aws:execute-api:r:1:/v1/GET/x",
        "arn:aws:execute-api::1:a/v1/GET/x",
        "arn:aws:execute-api:r::a/v1/GET/x",
        "arn:aws:execute-api:r:1:*/v1/GET/x",
        "arn:aws:execute-api:r:1:a/*/GET/x",
        "arn:aws:execute-api:r:1:a/v?/GET/x",
        "arn:aws:execute-api:r:1:a/v1/*/x",
        "arn:aws:execute-api:*:1:a/v1/GET/x",
        "arn:aws:execute-api:r:*:a/v1/GET/x",
        "arn:*:execute-api:r:1:a/v1/GET/x",
        "arn:aws-*:execute-api:r:1:a/v1/GET/x",
        "arn:awsome:execute-api:r:1:a/v1/GET/x",
        "arn:aws:execute-*:r:1:a/v1/GET/x",
        "arn:aws:lambda:r:1:a/v1/GET/x",
        "urn:aws:execute-api:r:1:a/v1/GET/x",
        "arn:aws:execute-api:r:1:a/vé/GET/x",
    ] {
        assert_eq!(MethodArn::parse(text), Err(InvalidMethodArn), "{text}");
    }
}

//! Every route × every kind of caller: exactly the contract's status and body.

use std::collections::HashSet;

use super::{
    UNAUTHORIZED, assert_error, assert_headers,
    callers::{Expected, Kind, World},
};
use crate::requests::{Objects, facts, path, request};
use routes::{Access, Tenant};
use serde_json::json;
use tests::{Answer, Caller, TestApp};

#[tokio::test]
async fn every_route_gives_every_kind_of_caller_the_contracts_answer() {
    let world = World::make(TestApp::start().await).await;
    let mut nowhere = Objects::nowhere();
    // A company that isn't the caller's is no missing object.
    nowhere.set("companyId", &world.acme.id.to_string());
    for route in routes::all() {
        for kind in Kind::all() {
            let caller = world.caller(kind, route).await;
            let sent = world.unusual(kind, request(route, &caller, &nowhere));
            let answer = world.app.send(sent).await;
            let what = format!("{} by {kind:?}", route.operation);
            match kind.expected(route) {
                Expected::Refused(code, details) => assert_error(&answer, code, &details, &what),
                Expected::Passes => assert_passes(&answer, route, &what),
            }
        }
    }
}

fn assert_passes(answer: &Answer, route: &routes::Route, what: &str) {
    let missing = answer.status == 404
        && answer.code() == "RESOURCE_NOT_FOUND"
        && route.parameters().next().is_some()
        || answer.faults() == ["/partnerId not_found"]
        || answer.faults() == ["/idToken format"];
    assert!(
        matches!(answer.status, 200 | 201) || missing,
        "{what}: {} {}",
        answer.status,
        answer.body
    );
    if route.streamed && answer.status == 200 {
        // Lines, and no envelope.
        assert!(answer.raw.text().ends_with("}\n"), "{what}");
    } else {
        assert_eq!(answer.body["success"], answer.status < 400, "{what}");
    }
    if route.access != Access::Public {
        assert_headers(answer, what);
        for header in ["limit", "remaining", "reset"] {
            for unit in ["minute", "hour"] {
                let name = format!("x-ratelimit-{header}-{unit}");
                let number = answer
                    .header(&name)
                    .and_then(|text| text.parse::<u64>().ok());
                assert!(number.is_some(), "{what}: {name}");
            }
        }
    }
}

#[tokio::test]
async fn a_caller_with_exactly_what_a_route_demands_is_served_by_it() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    // A partner's key alone makes companies: `companies/partners.rs`. Who is invited alone accepts: `members/invitations.rs`.
    let elsewhere = |route: &&routes::Route| {
        route.tenant == Tenant::NewCompany || route.access == Access::Person
    };
    for route in routes::all().filter(|route| !elsewhere(route)) {
        let caller = match route.access {
            Access::Scope(scope) => app.key(&acme, [scope]).await.caller,
            Access::Role(role) => match role {
                routes::Role::Member => acme.member.clone(),
                routes::Role::Admin => acme.admin.clone(),
                routes::Role::Owner => acme.owner.clone(),
            },
            Access::AnyPrincipal | Access::SelfKey => {
                app.key(&acme, [routes::Scope::ReadBilling]).await.caller
            }
            Access::Administrator => app.administrator().await,
            Access::Person | Access::Public => Caller::nobody(),
        };
        let objects = Objects::nowhere().renewed(&app, &acme, route).await;
        let mut sent = request(route, &caller, &objects);
        if let Some(body) = Objects::fit(&app, route, facts(route).body).await {
            sent = sent.json(&body);
        }
        let answer = app.send(sent).await;
        assert!(
            matches!(answer.status, 200 | 201),
            "{}: {}",
            route.operation,
            answer.body
        );
        assert!(
            route.streamed || !answer.data().is_null(),
            "{}",
            route.operation
        );
    }
}

#[tokio::test]
async fn what_is_no_route_is_404_for_everybody() {
    let world = World::make(TestApp::calm().await).await;
    let nowhere = Objects::nowhere();
    let known: HashSet<_> = routes::all()
        .map(|route| (route.method.as_str(), route.path))
        .collect();
    let good = routes::all().next().expect("a route");
    for kind in [
        Kind::NoKey,
        Kind::Forged,
        Kind::Suspended,
        Kind::GoodKey,
        Kind::Owner,
    ] {
        let caller = world.caller(kind, good).await;
        for route in routes::all() {
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] {
                if known.contains(&(method, route.path)) {
                    continue;
                }
                let answer = world
                    .app
                    .send(caller.request(method, &path(route, &nowhere)))
                    .await;
                let what = format!("{method} {} by {kind:?}", route.path);
                // `/api-keys/self` is a key's path with an id that none has.
                assert_error(&answer, "ROUTE_NOT_FOUND", &json!({}), &what);
            }
            let beneath = format!("{}/nothing/at/all", path(route, &nowhere));
            let answer = world.app.send(caller.request("GET", &beneath)).await;
            assert_error(&answer, "ROUTE_NOT_FOUND", &json!({}), &beneath);
        }
    }
}

#[tokio::test]
async fn no_other_carrier_of_a_key_is_read() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app
        .key_with(&acme, json!({}))
        .await
        .caller
        .credential
        .expect("a key");
    let get = |target: &str| Caller::nobody().request("GET", target);
    let sent = [
        get("/jobs").header("x-api-key", &key),
        get("/jobs").header("api-key", &key),
        get("/jobs").header("cookie", &format!("authorization=Bearer {key}")),
        get("/jobs").header("proxy-authorization", &format!("Bearer {key}")),
        get("/jobs").header("authorization", &key),
        get("/jobs").header("authorization", &format!("Bearer  {key}")),
        get("/jobs").header("authorization", &format!("Bearer {key} ")),
        get("/jobs").header("authorization", &format!("Bearer {key}, Bearer {key}")),
        get("/jobs").header("authorization", &format!("Token {key}")),
        get(&format!("/jobs?access_token={key}")),
        get(&format!("/jobs?api_key={key}")),
    ];
    for (number, request) in sent.into_iter().enumerate() {
        let answer = app.send(request).await;
        assert_eq!(
            (answer.status, answer.raw.text().as_str()),
            (401, UNAUTHORIZED),
            "{number}"
        );
    }
    let shouted = get("/jobs").header("AUTHORIZATION", &format!("bEARER {key}"));
    assert_eq!(app.send(shouted).await.status, 200);
}

#[tokio::test]
async fn the_address_is_the_gateways_word_and_no_headers() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let listed = app
        .key_with(&acme, json!({ "allowedIPs": ["203.0.113.0/24"] }))
        .await
        .caller;
    let claims = [
        "x-forwarded-for",
        "forwarded",
        "x-real-ip",
        "true-client-ip",
        "cf-connecting-ip",
        "x-client-ip",
    ];
    for header in claims {
        let claimed = listed.request("GET", "/jobs").header(header, "203.0.113.9");
        assert_eq!(app.send(claimed).await.status, 401, "{header}");
    }
    let inside = listed
        .from_address("203.0.113.9")
        .request("GET", "/jobs")
        .header("x-forwarded-for", "192.0.2.1");
    assert_eq!(app.send(inside).await.status, 200);
    let mapped = listed.from_address("::ffff:203.0.113.9");
    assert_eq!(app.get(&mapped, "/jobs").await.status, 200);
}

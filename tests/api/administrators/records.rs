//! The record of an administrator's request: durable before any answer, with its reason, in the chain of whom it is about.

use super::{events, system_events};
use crate::requests::{Objects, request};
use embedded::{Fault, Weather};
use model::EventType;
use routes::Access;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tests::{ADMINISTRATOR, REASON, TestApp};

#[tokio::test]
async fn every_route_of_administrators_leaves_its_record_with_reason_and_actor() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let partner = app.partner("Hirebridge").await;
    let administrator = app.administrator().await;
    let mut objects = Objects::of(&app, &acme, "Own").await;
    objects.set("partnerId", &partner.id.to_string());
    let mut asked = Vec::new();
    for route in routes::all().filter(|route| route.for_administrators().is_some()) {
        let caller = administrator.for_company(acme.id);
        let answer = app.send(request(route, &caller, &objects)).await;
        assert!(answer.status < 500, "{}: {}", route.operation, answer.body);
        asked.push((
            route.operation,
            answer.header("x-request-id").map(str::to_owned),
        ));
    }
    assert!(asked.len() >= 10, "{asked:?}");
    let person = app.system.issuer().person(ADMINISTRATOR).to_string();
    let mut told = Vec::new();
    for owner in [&acme.owner, &partner.owner] {
        told.extend(events(&app, owner, "admin.accessed").await);
    }
    let system = system_events(&app, EventType::AdminAccessed).await;
    told.extend(system.iter().map(|event| json!(event)));
    for (operation, request) in &asked {
        let of_request = |event: &&Value| event["requestId"] == json!(request);
        let found: Vec<_> = told.iter().filter(of_request).collect();
        assert_eq!(found.len(), 1, "{operation}: {found:?}");
        let event = found[0];
        assert_eq!(event["operation"], json!(operation));
        assert_eq!(event["reason"], REASON, "{operation}");
        assert_eq!(event["outcome"], "SUCCESS");
        assert_eq!(event["actor"], json!({ "kind": "ADMIN", "id": person }));
        let owner = match routes::by_operation(operation)
            .expect("a route")
            .for_administrators()
        {
            Some(routes::Tenant::Owner | routes::Tenant::Company | routes::Tenant::PathCompany) => {
                json!({ "kind": "COMPANY", "id": acme.id })
            }
            Some(routes::Tenant::PathPartner) => json!({ "kind": "PARTNER", "id": partner.id }),
            _ => json!({ "kind": "SYSTEM", "id": "instaview" }),
        };
        assert_eq!(event["owner"], owner, "{operation}");
    }
    assert_eq!(told.len(), asked.len());
}

#[tokio::test]
async fn without_its_record_no_request_is_answered_and_no_handler_runs() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let administrator = app.administrator().await.for_company(acme.id);
    let objects = Objects::of(&app, &acme, "Own").await;
    let names = app.app().table.names().clone();
    for warm in [false, true] {
        if warm {
            assert_eq!(app.get(&administrator, "/whoami").await.status, 200);
        }
        // The streams' consumer has the same client.
        app.settle().await;
        for route in routes::all().filter(|route| route.for_administrators().is_some()) {
            let keys = names.keys.clone();
            // Rows can be read, and the record can't be written.
            app.system.weather().set(&Weather::script(move |call| {
                match call.operation == "UpdateItem" && call.tables().contains(&keys) {
                    true => Fault::Unreachable,
                    false => Fault::None,
                }
            }));
            app.system.weather().take_calls();
            let answer = app.send(request(route, &administrator, &objects)).await;
            let calls = app.system.weather().take_calls();
            app.system.weather().set(&Weather::calm());
            assert_eq!(
                (answer.status, answer.code()),
                (503, "SERVICE_UNAVAILABLE"),
                "{}: {}",
                route.operation,
                answer.body
            );
            let handlers = [&names.records, &names.audit];
            let touched = calls
                .iter()
                .any(|call| handlers.iter().any(|table| call.tables.contains(*table)));
            assert!(!touched, "{}: a handler ran", route.operation);
        }
    }
}

#[tokio::test]
async fn a_warm_request_costs_one_write_of_the_authorizer() {
    let app = TestApp::calm().await;
    let administrator = app.administrator().await;
    assert_eq!(app.get(&administrator, "/whoami").await.status, 200);
    app.settle().await;
    app.system.weather().take_calls();
    assert_eq!(app.get(&administrator, "/whoami").await.status, 200);
    let calls = app.system.weather().take_calls();
    let keys = &app.app().table.names().keys;
    let of_authorizer = calls.iter().filter(|call| call.tables.contains(keys));
    assert_eq!(of_authorizer.count(), 1, "{calls:?}");
}

#[tokio::test]
async fn a_removed_administrator_is_refused_at_once_in_every_warm_process() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let administrator = app.administrator().await;
    let mut processes = Vec::new();
    for _ in 0..3 {
        let process = app
            .system
            .another_app(app.app().clock.clone(), &Weather::calm());
        processes.push(app.system.another_gateway(process).expect("a gateway"));
    }
    let keys = || {
        administrator
            .for_company(acme.id)
            .request("GET", "/api-keys")
    };
    for process in &processes {
        assert_eq!(process.call(keys()).await.status, 200);
    }
    app.end_administrator(ADMINISTRATOR).await;
    for process in &processes {
        for request in [keys(), administrator.request("GET", "/partners")] {
            let answer = process.call(request).await;
            let body = answer.json().expect("JSON");
            assert_eq!(answer.status, 403, "{body}");
            let details = &body["error"]["details"];
            assert_eq!(*details, json!({ "requiredRole": "ADMINISTRATOR" }));
        }
    }
    // Made one again, the person is on the same row.
    assert_eq!(
        app.get(&app.administrator().await, "/partners")
            .await
            .status,
        200
    );
    let added = system_events(&app, EventType::MemberAdded).await;
    let removed = system_events(&app, EventType::MemberRemoved).await;
    assert_eq!((added.len(), removed.len()), (2, 1));
}

#[tokio::test]
async fn a_reason_has_10_to_200_characters_of_one_line_and_is_given_once() {
    let app = TestApp::start().await;
    let administrator = app.administrator().await;
    let get = |reason: &str| administrator.because(reason).request("GET", "/partners");
    let cases = [
        ("a".repeat(9), Some("length")),
        ("a".repeat(10), None),
        ("a".repeat(200), None),
        ("a".repeat(201), Some("length")),
        (format!("  {}\t", "a".repeat(9)), Some("length")),
        (format!("  {}\t", "a".repeat(10)), None),
        (String::new(), Some("length")),
        ("Ticket\t4711 is it".to_owned(), Some("format")),
        ("Ticket 4711 \u{202e}x".to_owned(), Some("format")),
        ("Ticket 4711 \u{85}x".to_owned(), Some("format")),
        // Ten letters, however many bytes.
        ("ßßßßßßßßßß".to_owned(), None),
        ("ßßßßßßßßß".to_owned(), Some("length")),
    ];
    for (reason, broken) in cases {
        let answer = app.send(get(&reason)).await;
        match broken {
            None => assert_eq!(answer.status, 200, "{reason:?}: {}", answer.body),
            Some(rule) => {
                assert_eq!(
                    answer.code(),
                    "VALIDATION_ERROR",
                    "{reason:?}: {}",
                    answer.body
                );
                assert_eq!(
                    answer.faults(),
                    [format!("X-Admin-Reason {rule}")],
                    "{reason:?}"
                );
            }
        }
    }
    let twice = get(REASON).header("X-ADMIN-REASON", REASON);
    assert_eq!(app.send(twice).await.faults(), ["X-Admin-Reason repeated"]);
    let told = system_events(&app, EventType::AdminAccessed).await;
    assert_eq!(told.len(), 4);
}

#[tokio::test]
async fn the_reason_says_in_what_capacity_an_administrator_who_is_a_member_acts() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let globex = app.company("Globex").await;
    let administrator = app.administrator().await.for_company(acme.id);
    let made = local::seed::member(&app.system, acme.id, ADMINISTRATOR, routes::Role::Owner).await;
    made.expect("a membership");
    let plain = tests::Caller {
        reason: None,
        ..administrator.clone()
    };
    let key = json!({ "name": "By a member", "scopes": ["read:jobs"] });
    let by_member = app.post(&plain, "/api-keys", &key).await;
    assert_eq!(by_member.status, 201, "{}", by_member.body);
    let path = format!("/api-keys/{}", super::id(&by_member));
    // As an administrator neither makes, changes, resumes nor rotates a company's key.
    let made = app.post(&administrator, "/api-keys", &key).await;
    assert_eq!(
        made.details(),
        &json!({ "requiredRole": "ADMIN" }),
        "{}",
        made.body
    );
    let changed = app
        .patch(&administrator, &path, &json!({ "name": "Mine" }))
        .await;
    assert_eq!(changed.code(), "RESOURCE_ACCESS_DENIED", "{}", changed.body);
    for action in ["resume", "rotate"] {
        let answer = app
            .send(administrator.request("POST", &format!("{path}/{action}")))
            .await;
        assert_eq!(
            answer.code(),
            "RESOURCE_ACCESS_DENIED",
            "{action}: {}",
            answer.body
        );
    }
    for action in ["suspend", "revoke"] {
        let answer = app
            .send(administrator.request("POST", &format!("{path}/{action}")))
            .await;
        assert_eq!(answer.status, 200, "{action}: {}", answer.body);
    }
    // And for a company that the person is no member of, only as one.
    let whoami = app
        .get(&administrator.for_company(globex.id), "/whoami")
        .await;
    assert_eq!(whoami.data()["kind"], "ADMINISTRATOR");
    assert_eq!(app.get(&plain, "/whoami").await.data()["kind"], "PERSON");
    let elsewhere = app.get(&plain.for_company(globex.id), "/api-keys").await;
    assert_eq!(elsewhere.code(), "RESOURCE_ACCESS_DENIED");
    let elsewhere = administrator.for_company(globex.id);
    assert_eq!(app.get(&elsewhere, "/api-keys").await.status, 200);
    let suspended = events(&app, &acme.owner, "api_key.suspended").await;
    assert_eq!(suspended[0]["actor"]["kind"], "ADMIN");
    assert_eq!(suspended[0]["reason"], REASON);
}

#[tokio::test]
async fn an_administrator_ends_a_key_that_only_owners_may_touch() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await;
    let administrator = app.administrator().await.for_company(acme.id);
    let path = format!("/api-keys/{}/revoke", key.id);
    let answer = app
        .post(&administrator, &path, &json!({ "reason": "It was leaked" }))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(app.get(&key.caller, "/jobs").await.status, 401);
    let revoked = events(&app, &acme.owner, "api_key.revoked").await;
    assert_eq!(revoked[0]["reason"], "It was leaked");
    let accessed = events(&app, &acme.owner, "admin.accessed").await;
    assert_eq!(accessed[0]["reason"], REASON);
}

#[tokio::test]
async fn a_group_in_the_token_makes_nobody_an_administrator() {
    let app = TestApp::start().await;
    let now = app.now().seconds();
    let claims = json!({
        "sub": "somebody",
        "iss": app.system.issuer().url(),
        "client_id": local::CLIENT_ID,
        "token_use": "access",
        "cognito:groups": ["administrators", "ADMINISTRATOR", "admin"],
        "auth_time": now,
        "iat": now,
        "exp": now + 600,
    });
    let token = app.system.issuer().sign(&claims);
    let caller = tests::Caller::with(&token);
    // The token itself is good.
    assert_eq!(app.get(&caller, "/whoami").await.status, 200);
    let answer = app.get(&caller.because(REASON), "/partners").await;
    assert_eq!(
        answer.details(),
        &json!({ "requiredRole": "ADMINISTRATOR" }),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn candidates_and_interviews_stay_closed_to_administrators() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let administrator = app.administrator().await.for_company(acme.id);
    let mut codes = BTreeSet::new();
    for route in routes::all().filter(|route| matches!(route.access, Access::Scope(_))) {
        let mut objects = Objects::nowhere();
        objects.set("companyId", &acme.id.to_string());
        let answer = app.send(request(route, &administrator, &objects)).await;
        codes.insert((
            answer.status,
            answer.details()["requiredCredential"].to_string(),
        ));
    }
    assert_eq!(codes, BTreeSet::from([(403, "\"API_KEY\"".to_owned())]));
}

//! Failing closed: a verdict is the function's answer, an unreadable context is 503, and a store that is away is never a 401.

use super::{
    assert_error,
    callers::{Expected, Kind, World},
};
use crate::requests::{Objects, facts, path, request};
use api::Call;
use auth::{
    Answer as Decided, Commit, Context, Counted, Principal, RateLimited, Unit, Verdict, Who, Window,
};
use embedded::{Fault, Weather};
use http_body_util::BodyExt;
use lambda_http::Body;
use local::{Gateway, HttpRequest, HttpResponse};
use model::{KeyKind, Owner, PartnerId, RateLimit, Rule};
use routes::{Access, Role, Route, ScopeSet, Tenant, inner::dashboard::Operation as Inner};
use serde_json::{Map, Value, json};
use std::{sync::Arc, time::Duration};
use tests::{Answer, Company, Key, TestApp};
use tokio::task::JoinSet;

#[tokio::test]
async fn every_verdict_is_every_functions_answer_and_no_handler_hears_of_it() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await;
    app.settle().await;
    let limited = RateLimited {
        retry_after: 17,
        limit: 30,
        reset: 1_795_503_600,
        window: Window {
            unit: Unit::Minute,
            index: 1,
        },
    };
    let verdicts = [
        (Verdict::CompanyRequired, "COMPANY_ID_REQUIRED", json!({})),
        (Verdict::CompanyDenied, "RESOURCE_ACCESS_DENIED", json!({})),
        (
            Verdict::TwoOwners,
            "VALIDATION_ERROR",
            json!({ "errors": [{
                "path": "?partnerId",
                "rule": "conflict_with",
                "message": "can't be combined with companyId",
            }] }),
        ),
        (
            Verdict::Reason(Rule::Length),
            "VALIDATION_ERROR",
            json!({ "errors": [{
                "path": "X-Admin-Reason",
                "rule": "length",
                "message": "an administrator says why: once, in 10 to 200 characters of one line",
            }] }),
        ),
        (
            Verdict::RateLimited(limited),
            "RATE_LIMIT_EXCEEDED",
            json!({ "retryAfter": 17, "limit": 30, "remaining": 0, "reset": 1_795_503_600 }),
        ),
    ];
    for route in decided_on() {
        for (verdict, code, details) in &verdicts {
            let end = app.now();
            let refusal = auth::Refusal {
                reason: model::Reason::Company,
                answer: Decided::Verdict(*verdict),
                message: String::new(),
                secret_suffix: Some("mQ4z".to_owned()),
                warning: Box::new(auth::Warning {
                    rotate_by: Some(end),
                    expires_at: Some(end),
                }),
            };
            let mut context = refusal.context(app.now()).expect("a context");
            let what = format!("{} with {verdict:?}", route.operation);
            assert!(!context.keys().any(|name| {
                good_context(&app, &acme, &key, route).contains_key(name) && name != "verdict"
            }));
            let answer = invoked(&app, route, Some(fields(&context))).await;
            assert_error(&answer.0, code, details, &what);
            let warned = answer.0.header("x-api-key-rotate-by");
            // No administrator has a key to be warned of.
            let expected = match verdict {
                Verdict::Reason(_) => None,
                _ => Some(end.to_string()),
            };
            assert_eq!(warned, expected.as_deref(), "{what}");
            assert_eq!(answer.0.header("x-api-key-expires-at"), warned, "{what}");
            assert_eq!(answer.1, 0, "{what}: store calls");
            // Facts beside a verdict make no principal of it.
            let verdict = context.remove("verdict").expect("a verdict");
            context.extend(good_context(&app, &acme, &key, route));
            context.insert("verdict".to_owned(), verdict);
            let numbers = [
                ("rule", "length"),
                ("retryAfter", "17"),
                ("limit", "30"),
                ("reset", "1795503600"),
            ];
            context.extend(numbers.map(|(name, value)| (name.to_owned(), value.to_owned())));
            let answer = invoked(&app, route, Some(fields(&context))).await;
            assert_error(&answer.0, code, details, &what);
            assert_eq!(answer.1, 0, "{what}: store calls");
        }
    }
}

#[tokio::test]
async fn a_context_that_is_not_plainly_an_acceptance_of_this_operation_is_503() {
    let app = TestApp::calm().await;
    let partner = app.partner("Hirebridge").await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await;
    app.settle().await;
    for route in decided_on() {
        let mut good = good_context(&app, &acme, &key, route);
        if route.tenant == Tenant::NewCompany {
            good.insert("owner".to_owned(), format!("PARTNER#{}", partner.id));
        }
        let served = invoked(&app, route, Some(fields(&good))).await;
        assert!(
            served.0.status < 500,
            "{}: {}",
            route.operation,
            served.0.body
        );
        app.settle().await;
        for (how, context) in unusable(route, &good) {
            let (answer, calls) = invoked(&app, route, context).await;
            let what = format!("{} with {how}", route.operation);
            assert_error(&answer, "SERVICE_UNAVAILABLE", &json!({}), &what);
            assert_eq!(calls, 0, "{what}: store calls");
        }
    }
}

#[tokio::test]
async fn a_public_operation_needs_no_context_and_believes_none() {
    let app = TestApp::calm().await;
    app.settle().await;
    for route in routes::all().filter(|route| route.access == Access::Public) {
        for context in [
            None,
            Some(json!({})),
            Some(json!({ "verdict": "company_denied" })),
        ] {
            let (answer, calls) = invoked(&app, route, context).await;
            assert_eq!((answer.status, calls), (200, 0), "{}", route.operation);
        }
    }
}

#[tokio::test]
async fn an_event_of_no_operation_of_the_function_reaches_no_handler() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await;
    app.settle().await;
    for route in routes::all().filter(|route| route.access != Access::Public) {
        let context = good_context(&app, &acme, &key, route);
        for (method, resource) in [
            (
                match has_put(route.path) {
                    true => "DELETE",
                    false => "PUT",
                },
                route.path,
            ),
            (route.method.as_str(), "/nothing"),
            ("", ""),
        ] {
            let mut event = event(&app, route, Some(fields(&context)));
            event["requestContext"]["httpMethod"] =
                if method.is_empty() { "GET" } else { method }.into();
            event["requestContext"]["resourcePath"] = resource.into();
            app.system.weather().take_calls();
            let answer = handled(&app, route, &event).await;
            assert_error(&answer, "ROUTE_NOT_FOUND", &json!({}), route.operation);
            assert_eq!(
                app.system.weather().take_calls().len(),
                0,
                "{}",
                route.operation
            );
        }
    }
}

/// Every operation that somebody's request is decided on for, the dashboard's own ones included, which no route reaches.
fn decided_on() -> impl Iterator<Item = &'static Route> {
    let all = routes::all().chain(routes::inner::all());
    all.filter(|route| route.access != Access::Public)
}

/// Whether some operation puts what stands there; none that does is deleted.
fn has_put(path: &str) -> bool {
    routes::all().any(|route| route.path == path && route.method == routes::Method::Put)
}

/// Everything that isn't what the authorizer writes when it lets this operation pass.
fn unusable(route: &Route, good: &Context) -> Vec<(String, Option<Value>)> {
    let mut all = vec![
        ("no context".to_owned(), None),
        ("null".to_owned(), Some(Value::Null)),
        ("an empty context".to_owned(), Some(json!({}))),
        (
            "the principal's id alone".to_owned(),
            Some(json!({ "principalId": "x" })),
        ),
        (
            "the verdict alone".to_owned(),
            Some(json!({ "verdict": "ok" })),
        ),
    ];
    let with = |name: &str, value: Value| {
        let mut context = fields(good);
        context[name] = value;
        Some(context)
    };
    // Truncated anywhere. Who the owner is proves nothing by itself.
    for name in good.keys().filter(|name| *name != "owner") {
        let in_none = !route.needs_tenant() || route.tenant == Tenant::NewCompany;
        if name == "company" && in_none {
            continue;
        }
        let mut context = good.clone();
        context.remove(name);
        all.push((format!("{name} cut"), Some(fields(&context))));
        all.push((format!("{name} null"), with(name, Value::Null)));
        if ["verdict", "operation", "scopes", "company", "role"].contains(&name.as_str()) {
            all.push((format!("{name} a number"), with(name, json!(1))));
            all.push((format!("{name} nested"), with(name, json!({ "a": 1 }))));
        }
    }
    for verdict in ["", "OK", "ok ", "forbidden", "unauthorized", "true"] {
        all.push((
            format!("verdict {verdict:?}"),
            with("verdict", verdict.into()),
        ));
    }
    all.push((
        "a limit without its facts".to_owned(),
        Some(json!({ "verdict": "rate_limited" })),
    ));
    for name in ["retryAfter", "limit", "reset"] {
        let mut context =
            json!({ "verdict": "rate_limited", "retryAfter": "1", "limit": "1", "reset": "1" });
        context[name] = "soon".into();
        all.push((format!("a limit with garbage in {name}"), Some(context)));
    }
    let numbers = good.keys().filter(|name| {
        ["limit", "remaining", "reset"]
            .iter()
            .any(|part| name.starts_with(part))
    });
    for name in numbers {
        for garbage in ["", "1e3", "99999999999999999999"] {
            all.push((format!("{name} = {garbage:?}"), with(name, garbage.into())));
        }
    }
    for name in [
        "kind", "keyId", "keyKind", "personId", "owner", "company", "role",
    ] {
        if good.contains_key(name) {
            all.push((format!("{name} garbled"), with(name, "garbage".into())));
        }
    }
    for other in decided_on().filter(|other| other.operation != route.operation) {
        all.push((
            format!("the word for {}", other.operation),
            with("operation", other.operation.into()),
        ));
    }
    all.push((
        "the operation in another case".to_owned(),
        with("operation", route.operation.to_lowercase().into()),
    ));
    match route.access {
        Access::Scope(scope) => {
            let others: Vec<_> = ScopeSet::all()
                .iter()
                .filter(|other| *other != scope)
                .map(|other| other.as_str())
                .collect();
            all.push((
                "every scope but the one".to_owned(),
                with("scopes", others.join(" ").into()),
            ));
            all.push(("no scope".to_owned(), with("scopes", "".into())));
            all.push((
                "scopes joined by commas".to_owned(),
                with("scopes", format!("{0},{0}", scope.as_str()).into()),
            ));
            all.push(("a person with scopes".to_owned(), as_person(good)));
        }
        Access::Role(least) => {
            for lower in Role::ALL.into_iter().filter(|role| *role < least) {
                all.push((
                    format!("the role {}", lower.as_str()),
                    with("role", lower.as_str().into()),
                ));
            }
            all.push(("a key with a role".to_owned(), as_key(good)));
        }
        Access::Administrator => {
            all.push(("a person".to_owned(), as_person(good)));
            all.push(("a key".to_owned(), as_key(good)));
        }
        Access::Person => all.push(("a key".to_owned(), as_key(good))),
        Access::SelfKey => all.push(("a person".to_owned(), as_person(good))),
        Access::AnyPrincipal | Access::Public => {}
    }
    all
}

fn as_person(good: &Context) -> Option<Value> {
    let mut context = fields(good);
    context["kind"] = "PERSON".into();
    context["personId"] = "00112233445566778899aabbccddeeff".into();
    Some(context)
}

fn as_key(good: &Context) -> Option<Value> {
    let mut context = fields(good);
    context["kind"] = "KEY".into();
    context["keyId"] = "AbCdEf12".into();
    context["keyKind"] = "STANDARD".into();
    context["secretSuffix"] = "abcd".into();
    Some(context)
}

/// What the authorizer tells of an accepted request of this operation.
fn good_context(app: &TestApp, company: &Company, key: &Key, route: &Route) -> Context {
    let by_person = matches!(route.access, Access::Role(_) | Access::Person);
    let by_administrator = route.access == Access::Administrator;
    let who = if by_administrator {
        Who::Administrator {
            id: app.system.issuer().person(tests::ADMINISTRATOR),
            reason: tests::REASON.parse().expect("a reason"),
        }
    } else if by_person {
        Who::Person {
            id: app.system.issuer().person("owner@acme.example"),
        }
    } else {
        Who::Key {
            id: key.id,
            kind: match route.tenant {
                Tenant::NewCompany => KeyKind::Ats,
                _ => KeyKind::Standard,
            },
            secret_suffix: "abcd".to_owned(),
        }
    };
    let commit = Commit {
        version: Some(1),
        count: Vec::new(),
        forget: Vec::new(),
        company: Some(company.id)
            .filter(|_| !by_administrator || route.tenant == Tenant::PathCompany),
        administering: None,
        scopes: if by_person || by_administrator {
            ScopeSet::EMPTY
        } else {
            ScopeSet::all()
        },
        role: matches!(route.access, Access::Role(_)).then_some(Role::Owner),
        secret_suffix: None,
        warning: auth::Warning::default(),
    };
    let owner = Some(match route.tenant {
        Tenant::NewCompany => Owner::Partner(PartnerId::new(app.now(), [0; 10])),
        _ => Owner::Company(company.id),
    });
    let counted = Counted::default();
    let principal = Principal::committed(
        who,
        owner,
        &commit,
        route.operation,
        RateLimit::PERSON,
        &counted,
        app.now(),
    );
    (&principal).into()
}

fn fields(context: &Context) -> Value {
    let fields: Map<_, _> = context
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()))
        .collect();
    fields.into()
}

/// The function's answer to an event with this authorizer context, and how often it asked the store.
async fn invoked(
    app: &TestApp,
    route: &'static Route,
    authorizer: Option<Value>,
) -> (Answer, usize) {
    let event = event(app, route, authorizer);
    app.system.weather().take_calls();
    let answer = handled(app, route, &event).await;
    (answer, app.system.weather().take_calls().len())
}

/// An event of a Lambda proxy integration, as the gateway would send it with a valid request.
fn event(app: &TestApp, route: &Route, authorizer: Option<Value>) -> Value {
    let mut nowhere = Objects::nowhere();
    nowhere.set("seq", "1");
    let path = path(route, &nowhere);
    let parameters: Map<_, _> = route
        .parameters()
        .map(|name| (name.to_owned(), nowhere.id(name).into()))
        .collect();
    let headers = json!({ "content-type": "application/json", "host": "api.example" });
    let mut context = json!({
        "accountId": "000000000000",
        "apiId": "api",
        "extendedRequestId": "ZXh0ZW5kZWQ=",
        "httpMethod": route.method.as_str(),
        "identity": { "sourceIp": "198.51.100.7", "userAgent": null },
        "path": format!("/v1{path}"),
        "protocol": "HTTP/1.1",
        "requestId": "plain",
        "requestTimeEpoch": app.now().millis(),
        "resourceId": "r",
        "resourcePath": route.path,
        "stage": "v1",
    });
    if let Some(authorizer) = authorizer {
        context["authorizer"] = authorizer;
    }
    json!({
        "resource": route.path,
        "path": path,
        "httpMethod": route.method.as_str(),
        "headers": headers,
        "multiValueHeaders": { "content-type": ["application/json"], "host": ["api.example"] },
        "queryStringParameters": null,
        "multiValueQueryStringParameters": null,
        "pathParameters": parameters,
        "stageVariables": null,
        "requestContext": context,
        "body": facts(route).body.map(|body| body.to_string()),
        "isBase64Encoded": false,
    })
}

async fn handled(app: &TestApp, route: &Route, event: &Value) -> Answer {
    let request = lambda_http::request::from_str(&event.to_string()).expect("an event");
    let (parts, body) = if route.streamed {
        let response = local::call_streamed(app.app(), route.function, request).await;
        let (parts, body) = response.expect("a function").into_parts();
        let bytes = body.collect().await.expect("whole").to_bytes();
        (parts, String::from_utf8(bytes.to_vec()).expect("text"))
    } else {
        let response = match route.function {
            // Its handlers stand behind a session; what lets a request through to them is everybody's.
            "dashboard" => {
                let handler = async |call: Call<'_, Inner>| call.ok(&json!({}));
                api::respond(app.app(), request, handler).await
            }
            function => {
                let response = local::call(app.app(), function, request).await;
                response.expect("a function")
            }
        };
        match response.into_parts() {
            (parts, Body::Text(text)) => (parts, text),
            _ => panic!("every answer is text"),
        }
    };
    let headers = parts.headers.iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), value.to_str().expect("ASCII").to_owned()));
    read(HttpResponse {
        status: parts.status.as_u16(),
        headers: headers.collect(),
        body: body.into_bytes(),
    })
}

fn read(raw: HttpResponse) -> Answer {
    Answer {
        status: raw.status,
        body: raw.json().unwrap_or(Value::Null),
        raw,
    }
}

/// Whose requests meet a store that is away.
const CALLERS: [Kind; 11] = [
    Kind::Junk,
    Kind::Unknown,
    Kind::WrongSecret,
    Kind::Suspended,
    Kind::GoodKey,
    Kind::MissingScope,
    Kind::IdToken,
    Kind::Owner,
    Kind::SeveralUnnamed,
    Kind::WithoutMembership,
    Kind::Administrator,
];

#[tokio::test]
async fn a_store_that_is_away_while_a_request_is_authorized_is_503_and_never_401() {
    away(&[Fault::Unreachable, Fault::Throttle]).await;
}

#[tokio::test]
async fn a_store_that_answers_too_late_or_never_is_503_and_never_401() {
    away(&[Fault::Slow(Duration::from_secs(60)), Fault::LoseAnswer]).await;
}

async fn away(faults: &[Fault]) {
    let world = World::make(TestApp::calm().await).await;
    let app = &world.app;
    let mut objects = Objects::nowhere();
    // A company that isn't the caller's is refused before the store is asked to count.
    objects.set("companyId", &world.acme.id.to_string());
    let protected = || routes::all().filter(|route| route.access != Access::Public);
    for (number, fault) in faults.iter().enumerate() {
        // A cold process asks before it decides; a warm one has decided and asks all the same.
        for warm in [false, true].into_iter().skip(number) {
            // A process of its own: no hint, and nothing else in its weather.
            let weather = Weather::calm();
            let process = app.system.another_app(app.app().clock.clone(), &weather);
            let gateway = Arc::new(app.system.another_gateway(process).expect("a gateway"));
            let mut requests = Vec::new();
            for route in protected() {
                for kind in CALLERS {
                    let caller = world.caller(kind, route).await;
                    requests.push((route, kind, request(route, &caller, &objects)));
                }
            }
            if warm {
                // `/whoami` teaches the process every key; the lists, every membership.
                for kind in CALLERS {
                    for operation in ["GetWhoami", "ListApiKeys", "ListJobs"] {
                        let route = routes::by_operation(operation).expect("a route");
                        let caller = world.caller(kind, route).await;
                        tests::ask(&gateway, request(route, &caller, &objects)).await;
                    }
                }
                // What was refused is no longer remembered.
                app.advance(Duration::from_secs(2));
            }
            let fault = *fault;
            weather.set(&Weather::script(move |_| fault));
            weather.take_calls();
            let away = all(&gateway, &requests).await;
            let names = app.app().table.names();
            let handlers = [&names.records, &names.audit];
            let asked = weather
                .take_calls()
                .into_iter()
                .filter(|call| handlers.iter().any(|table| call.tables.contains(table)));
            assert_eq!(asked.count(), 0, "a handler asked the store");
            for ((route, kind, _), answer) in requests.iter().zip(&away) {
                let what = format!("{} by {kind:?}, warm: {warm}, {fault:?}", route.operation);
                match found_without_the_store(*kind, route) {
                    Some((code, details)) => assert_error(answer, code, &details, &what),
                    None => {
                        assert_error(answer, "SERVICE_UNAVAILABLE", &json!({}), &what);
                        assert!(
                            answer.body["timestamp"].is_null(),
                            "{what}: a function answered"
                        );
                    }
                }
            }
            weather.set(&Weather::calm());
            for (route, kind, request) in requests {
                if !matches!(kind, Kind::GoodKey | Kind::Suspended | Kind::Owner) {
                    continue;
                }
                let answer = read(tests::ask(&gateway, request).await);
                let what = format!(
                    "{} by {kind:?} after {fault:?}, warm: {warm}",
                    route.operation
                );
                match kind.expected(route) {
                    Expected::Refused(code, details) => {
                        assert_error(&answer, code, &details, &what)
                    }
                    Expected::Passes => assert!(
                        matches!(answer.status, 200 | 201 | 404)
                            || answer.faults() == ["/partnerId not_found"]
                            || answer.faults() == ["/idToken format"],
                        "{what}: {}",
                        answer.body
                    ),
                }
            }
        }
    }
}

/// Faults that are seen without the store come first.
fn found_without_the_store(kind: Kind, route: &Route) -> Option<(&'static str, Value)> {
    let Expected::Refused(code, details) = kind.expected(route) else {
        return None;
    };
    match kind {
        Kind::Junk | Kind::Forged | Kind::IdToken => Some((code, details)),
        // A good token and the table are enough to know that no person may.
        Kind::Owner | Kind::SeveralUnnamed | Kind::WithoutMembership
            if !matches!(route.access, Access::Role(_) | Access::Administrator) =>
        {
            Some((code, details))
        }
        // Nor what could let an administrator in where none goes.
        Kind::Administrator
            if route.access != Access::Administrator && route.administrators.is_none() =>
        {
            Some((code, details))
        }
        _ => None,
    }
}

async fn all(
    gateway: &Arc<Gateway>,
    requests: &[(&'static Route, Kind, HttpRequest)],
) -> Vec<Answer> {
    let mut sent = JoinSet::new();
    for (number, (_, _, request)) in requests.iter().enumerate() {
        let (gateway, request) = (Arc::clone(gateway), request.clone());
        sent.spawn(async move { (number, read(tests::ask(&gateway, request).await)) });
    }
    let mut answers = sent.join_all().await;
    answers.sort_by_key(|(number, _)| *number);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

#[tokio::test]
async fn a_refusal_that_cannot_be_kept_stays_what_it_is() {
    let world = World::make(TestApp::calm().await).await;
    let weather = world.app.system.weather();
    let denials = world.app.app().table.names().denials.clone();
    let table = denials.clone();
    weather.set(&Weather::script(move |call| {
        if call.tables().contains(&table) {
            Fault::Unreachable
        } else {
            Fault::None
        }
    }));
    weather.take_calls();
    let mut objects = Objects::nowhere();
    objects.set("companyId", &world.acme.id.to_string());
    for route in routes::all().filter(|route| route.access != Access::Public) {
        for kind in [
            Kind::Suspended,
            Kind::WrongSecret,
            Kind::MissingScope,
            Kind::OtherCompany,
            Kind::Member,
        ] {
            if let Expected::Refused(code, details) = kind.expected(route) {
                let caller = world.caller(kind, route).await;
                let answer = world.app.send(request(route, &caller, &objects)).await;
                assert_error(
                    &answer,
                    code,
                    &details,
                    &format!("{} by {kind:?}", route.operation),
                );
            }
        }
    }
    let tried = weather
        .take_calls()
        .iter()
        .filter(|call| call.tables.contains(&denials))
        .count();
    assert!(tried > 0, "the denials table was tried");
}

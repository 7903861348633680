//! What the functions do to the tables is what their roles in the template allow, no less and no more.

use api::App;
use authorizer::Authorizer;
use embedded::{Call, Fault, Weather};
use http_body_util::BodyExt;
use model::{Plan, RateLimit};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};
use tests::{Company, Partner, TestApp};

use crate::requests::{body, parameter_beneath};

use super::{
    folders,
    template::{Template, actions, listed},
};

/// A call, or what a transaction does by one action to one table: whether IAM judges its parts one by one or together, documentation leaves open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    action: String,
    table: String,
    index: Option<String>,
    leading_keys: BTreeSet<String>,
}

type Log = Arc<Mutex<BTreeSet<Asked>>>;

/// Those that functions/dashboard/src/ask.rs names, for people.
const HANDLERS_OF_DASHBOARD: [&str; 5] = [
    "authorizer",
    "keys",
    "audit-log",
    "audit-export",
    "companies",
];

/// The functions, each with a client of its own whose calls are kept.
struct Deployed {
    app: TestApp,
    authorizer: Authorizer,
    functions: BTreeMap<&'static str, App>,
    logs: BTreeMap<&'static str, Log>,
}

fn recorder(log: &Log) -> Weather {
    let log = Arc::clone(log);
    Weather::script(move |call| {
        log.lock().expect("not poisoned").extend(asked(call));
        Fault::None
    })
}

fn asked(call: &Call<'_>) -> Vec<Asked> {
    let body = call.json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let one = |action: &str, table: &str, item: &Value| Asked {
        action: format!("dynamodb:{action}"),
        table: table.to_owned(),
        index: None,
        leading_keys: BTreeSet::from([text(&item["pk"]["S"])]),
    };
    let together = |parts: Vec<Asked>| {
        let mut all: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
        for part in parts {
            let keys = all.entry((part.action, part.table)).or_default();
            keys.extend(part.leading_keys);
        }
        let all = all.into_iter();
        all.map(|((action, table), leading_keys)| Asked {
            action,
            table,
            index: None,
            leading_keys,
        })
        .collect()
    };
    match call.operation {
        "GetItem" | "DeleteItem" | "UpdateItem" => {
            vec![one(call.operation, &text(&body["TableName"]), &body["Key"])]
        }
        "PutItem" => vec![one("PutItem", &text(&body["TableName"]), &body["Item"])],
        "BatchGetItem" => {
            let tables = body["RequestItems"].as_object().into_iter().flatten();
            let keys = tables.flat_map(|(table, request)| {
                let keys = request["Keys"].as_array().into_iter().flatten();
                keys.map(move |key| one("BatchGetItem", table, key))
            });
            together(keys.collect())
        }
        "TransactWriteItems" => {
            let parts = body["TransactItems"].as_array().into_iter().flatten();
            let parts = parts.flat_map(|part| part.as_object().into_iter().flatten());
            let parts = parts.map(|(kind, part)| {
                let key = part.get("Key").unwrap_or(&part["Item"]);
                let action = match kind.as_str() {
                    "ConditionCheck" => "ConditionCheckItem".to_owned(),
                    other => format!("{other}Item"),
                };
                one(&action, &text(&part["TableName"]), key)
            });
            together(parts.collect())
        }
        "Query" => {
            let condition = text(&body["KeyConditionExpression"]);
            let (_, value) = condition
                .split_once(" = ")
                .expect("the partition comes first");
            let value = value.split(' ').next().unwrap_or_default();
            vec![Asked {
                action: "dynamodb:Query".to_owned(),
                table: text(&body["TableName"]),
                index: body["IndexName"].as_str().map(str::to_owned),
                leading_keys: BTreeSet::from([text(
                    &body["ExpressionAttributeValues"][value]["S"],
                )]),
            }]
        }
        other => panic!("{other} has no rule here"),
    }
}

impl Deployed {
    async fn start() -> (Deployed, Company, Company, Partner) {
        let app = TestApp::calm().await;
        let company = app.company("Initech").await;
        let limits = RateLimit {
            per_minute: 2,
            per_hour: 100,
            per_second: None,
        };
        let narrow = app
            .company_on("Narrow", Plan::Enterprise, Some(limits))
            .await;
        let partner = app.partner("Hooli").await;
        app.administrator().await;
        app.settle().await;
        let mut logs = BTreeMap::new();
        let mut process = |name| {
            let log = logs.entry(name).or_insert_with(Log::default);
            app.system
                .another_app(app.app().clock.clone(), &recorder(log))
        };
        let authorizer = app.system.authorizer(process("authorizer"));
        let functions = [
            "agents",
            "billing",
            "candidates",
            "companies",
            "interview-events",
            "interviews",
            "jobs",
            "keys",
            "audit-export",
            "audit-log",
            "checkpoint",
            "worker",
        ]
        .map(|name| (name, process(name)));
        let functions = BTreeMap::from(functions);
        // The system's own worker is no part of it.
        app.wake_worker();
        // From here on nothing but the stream's consumer uses the system's own client.
        app.system
            .weather()
            .set(&recorder(logs.entry("audit").or_default()));
        let deployed = Deployed {
            authorizer,
            functions,
            logs,
            app,
        };
        (deployed, company, narrow, partner)
    }

    /// Leaves what there is to do to the deployed worker.
    async fn put_own_worker_to_sleep(&self) {
        // What it has begun, it ends.
        self.app.settle().await;
        self.app.put_worker_to_sleep();
    }

    /// Authorizes and answers one request: its status, its body and its request id.
    async fn call(
        &self,
        operation: &str,
        parameters: &[(&str, &str)],
        more: &Request<'_>,
    ) -> (u16, Value, String) {
        let route = routes::by_operation(operation).expect("in the table");
        let path = parameters
            .iter()
            .fold(route.path.to_owned(), |path, (name, value)| {
                path.replace(&format!("{{{name}}}"), value)
            });
        let id: String = (0..12)
            .map(|_| char::from(b'a' + rand_digit(&self.app)))
            .collect();
        let id = format!("{id}=");
        let headers = [
            ("authorization", format!("Bearer {}", more.credential)),
            ("content-type", "application/json".to_owned()),
        ];
        let headers = headers.into_iter().chain(
            more.headers
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        let headers: BTreeMap<_, _> = headers
            .map(|(name, value)| (name, json!([value])))
            .collect();
        let query: BTreeMap<_, _> = more
            .query
            .iter()
            .map(|(name, value)| (*name, json!([value])))
            .collect();
        let mut event = json!({
            "methodArn": format!("arn:aws:execute-api:eu-central-1:123456789012:abcdef1234/v1/{}{path}", route.method.as_str()),
            "resource": route.path,
            "path": path,
            "httpMethod": route.method.as_str(),
            "headers": {},
            "multiValueHeaders": headers,
            "queryStringParameters": {},
            "multiValueQueryStringParameters": query,
            "pathParameters": parameters.iter().copied().collect::<BTreeMap<_, _>>(),
            "requestContext": {
                "requestId": format!("plain-{id}"),
                "extendedRequestId": id,
                "resourcePath": route.path,
                "httpMethod": route.method.as_str(),
                "path": format!("/v1{path}"),
                "stage": "v1",
                "identity": { "sourceIp": "198.51.100.7" },
            },
            "body": more.body.as_ref().map(Value::to_string),
            "isBase64Encoded": false,
        });
        if route.access != routes::Access::Public {
            let Ok(answer) = self.authorizer.authorize(event.clone()).await else {
                return (401, Value::Null, id);
            };
            let answer = json!(answer);
            if answer["policyDocument"]["Statement"][0]["Effect"] == "Deny" {
                return (403, answer["context"].clone(), id);
            }
            event["requestContext"]["authorizer"] = answer["context"].clone();
        }
        let app = self.functions[route.function].clone();
        let request = lambda_http::request::from_str(&event.to_string()).expect("a request");
        if route.streamed {
            let response = local::call_streamed(&app, route.function, request).await;
            let (parts, body) = response.expect("a function").into_parts();
            let lines = body.collect().await.expect("whole").to_bytes();
            let last = lines.trim_ascii_end().rsplit(|byte| *byte == b'\n').next();
            let last: Value = serde_json::from_slice(last.unwrap_or_default()).expect("JSON");
            return (parts.status.as_u16(), json!({ "data": last }), id);
        }
        // A task of its own: all functions' futures together are more than a test's stack holds.
        let answered =
            tokio::spawn(async move { local::call(&app, route.function, request).await }).await;
        let response = answered.expect("an answer").expect("a function");
        let body = match response.body() {
            lambda_http::Body::Text(text) => serde_json::from_str(text).expect("JSON"),
            _ => Value::Null,
        };
        (response.status().as_u16(), body, id)
    }

    /// What the function was seen to ask. The dashboard asks the handlers of others, so it asks what they ask, and keeps sessions.
    fn log(&self, function: &str) -> BTreeSet<Asked> {
        let seen = |name: &str| self.logs[name].lock().expect("not poisoned").clone();
        if function != "dashboard" {
            return seen(function);
        }
        let mut all: BTreeSet<_> = HANDLERS_OF_DASHBOARD.into_iter().flat_map(seen).collect();
        let table = &self.app.app().table.names().sessions;
        for action in ["DeleteItem", "GetItem", "PutItem", "UpdateItem"] {
            let keys = ["PERSON#", "SESSION#"].into_iter();
            let both = ["GetItem", "PutItem"].contains(&action);
            all.extend(
                keys.filter(|key| both || *key == "SESSION#")
                    .map(|key| Asked {
                        action: format!("dynamodb:{action}"),
                        table: table.clone(),
                        index: None,
                        leading_keys: BTreeSet::from([key.to_owned()]),
                    }),
            );
        }
        all
    }

    async fn data(
        &self,
        status: u16,
        operation: &str,
        parameters: &[(&str, &str)],
        more: &Request<'_>,
    ) -> Value {
        let (found, mut body, _) = self.call(operation, parameters, more).await;
        assert_eq!(found, status, "{operation}: {body}");
        body["data"].take()
    }
}

fn rand_digit(app: &TestApp) -> u8 {
    let [byte] = app.app().entropy.bytes::<1>();
    byte % 26
}

#[derive(Clone, Default)]
struct Request<'r> {
    credential: &'r str,
    query: &'r [(&'r str, &'r str)],
    headers: &'r [(&'r str, &'r str)],
    body: Option<Value>,
}

/// Every operation, and the ways through each that touch other rows.
async fn everything(deployed: &Deployed, company: &Company, narrow: &Company, partner: &Partner) {
    let owner = Request {
        credential: company.owner.credential.as_deref().expect("a token"),
        ..Request::default()
    };
    let with = |body: Value| Request {
        body: Some(body),
        ..owner.clone()
    };
    let scopes = json!({ "name": "All", "scopes": routes::ScopeSet::all() });
    let id = |data: &Value| data["id"].as_str().expect("an id").to_owned();
    let made = deployed
        .data(201, "CreateApiKey", &[], &with(scopes.clone()))
        .await;
    let key_id = id(&made);
    let of_key = [("keyId", key_id.as_str())];
    let key = made["key"].as_str().expect("a key");
    let key = Request {
        credential: key,
        ..Request::default()
    };
    let once = Request {
        headers: &[("idempotency-key", "1")],
        ..with(scopes.clone())
    };
    for _ in 0..2 {
        deployed.data(201, "CreateApiKey", &[], &once).await;
    }
    for query in [
        &[][..],
        &[("limit", "1"), ("page", "2")],
        &[("status", "ACTIVE")],
    ] {
        deployed
            .data(
                200,
                "ListApiKeys",
                &[],
                &Request {
                    query,
                    ..owner.clone()
                },
            )
            .await;
    }
    deployed.data(200, "GetApiKey", &of_key, &owner).await;
    deployed.data(200, "RotateApiKey", &of_key, &owner).await;
    for query in [&[][..], &[("granularity", "day")]] {
        let asked = Request {
            query,
            ..owner.clone()
        };
        deployed.data(200, "GetApiKeyUsage", &of_key, &asked).await;
    }
    deployed
        .data(200, "GetApiKeySuggestions", &of_key, &owner)
        .await;
    deployed
        .data(
            200,
            "UpdateApiKey",
            &of_key,
            &with(json!({ "name": "Renamed", "dryRun": true })),
        )
        .await;
    let hour = deployed.app.now().plus(chrono::Duration::hours(1));
    let end = with(json!({ "validUntil": hour }));
    deployed.data(200, "UpdateOverlap", &of_key, &end).await;
    deployed
        .data(
            200,
            "UpdateApiKey",
            &of_key,
            &with(json!({ "name": "Renamed" })),
        )
        .await;
    deployed.data(200, "GetWhoami", &[], &owner).await;
    deployed.data(200, "GetWhoami", &[], &key).await;
    deployed
        .data(200, "GetHealth", &[], &Request::default())
        .await;

    for create in routes::all().filter(|route| {
        route.method == routes::Method::Post && matches!(route.access, routes::Access::Scope(_))
    }) {
        if create.parameters().next().is_none() && create.tenant == routes::Tenant::Company {
            resource(deployed, &key, create).await;
        }
    }
    work(deployed, &key).await;

    interviews(deployed, &key, company).await;
    let company_id = company.id.to_string();
    let of_company = [("companyId", company_id.as_str())];
    deployed.data(200, "ListCompanies", &[], &key).await;
    deployed.data(200, "GetCompany", &of_company, &key).await;
    let changed = Request {
        // A name is listed elsewhere as well.
        body: Some(json!({ "name": "Changed", "description": "Changed" })),
        ..key.clone()
    };
    deployed
        .data(200, "UpdateCompany", &of_company, &changed)
        .await;

    grants(deployed, &owner, &company_id, partner).await;
    members(deployed, &owner).await;
    of_a_partner(deployed, partner).await;
    // On the heap: a test's stack doesn't hold them all.
    Box::pin(administrators(deployed, company)).await;

    deployed
        .data(
            200,
            "SuspendApiKey",
            &of_key,
            &with(json!({ "reason": "A test" })),
        )
        .await;
    let mut refused = String::new();
    // More than are kept one by one.
    for _ in 0..64 {
        let (status, _, request) = deployed.call("ListJobs", &[], &key).await;
        assert_eq!(status, 401);
        if refused.is_empty() {
            refused = request;
        }
    }
    for name in [refused.clone(), format!("plain-{refused}")] {
        deployed
            .data(200, "GetDenial", &[("requestId", &name)], &owner)
            .await;
    }
    let resume = Request {
        headers: &[("idempotency-key", "2")],
        ..owner.clone()
    };
    deployed.data(200, "ResumeApiKey", &of_key, &resume).await;
    assert_eq!(deployed.call("ListApiKeys", &[], &key).await.0, 403);
    let other = Request {
        query: &[("companyId", "01a20bf8-c54d-7cc3-9fb8-b882e161ad7e")],
        ..key.clone()
    };
    assert_eq!(deployed.call("ListJobs", &[], &other).await.0, 403);
    deployed.data(200, "RevokeOwnApiKey", &[], &key).await;
    assert_eq!(deployed.call("RevokeApiKey", &of_key, &owner).await.0, 200);

    let boss = Request {
        credential: narrow.owner.credential.as_deref().expect("a token"),
        ..Request::default()
    };
    let made = deployed
        .data(
            201,
            "CreateApiKey",
            &[],
            &Request {
                body: Some(scopes),
                ..boss.clone()
            },
        )
        .await;
    let key = Request {
        credential: made["key"].as_str().expect("a key"),
        ..Request::default()
    };
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(deployed.call("ListJobs", &[], &key).await.0);
    }
    assert!(statuses.contains(&429), "{statuses:?}");

    deployed.app.settle().await;
    for query in [
        &[][..],
        &[("limit", "1"), ("page", "2")],
        &[("type", "job.created"), ("outcome", "SUCCESS")],
    ] {
        let events = deployed
            .data(
                200,
                "ListAuditEvents",
                &[],
                &Request {
                    query,
                    ..owner.clone()
                },
            )
            .await;
        assert_ne!(events["items"], json!([]));
    }
    for query in [&[][..], &[("fromSeq", "3"), ("toSeq", "4")]] {
        let query = Request {
            query,
            ..owner.clone()
        };
        let head = deployed.data(200, "ExportAuditEvents", &[], &query).await;
        assert_ne!(head["head"], Value::Null);
    }
    let consumer = deployed.app.app();
    let nonce = || consumer.entropy.bytes();
    let left = audit::catch_up(&consumer.table, nonce, || false).await;
    assert!(!left.expect("caught up"));
    let made = checkpoint::make(&deployed.functions["checkpoint"]).await;
    assert_eq!(made.expect("made"), Some(1));
    let listed = deployed
        .data(200, "ListAuditCheckpoints", &[], &owner)
        .await;
    assert_ne!(listed["items"][0]["inclusion"], Value::Null);
    let nobody = Request::default();
    let keys = deployed.data(200, "GetAuditKeys", &[], &nobody).await;
    assert_ne!(keys["keys"], Value::Null);
    kill_switch(deployed, &owner, company, partner).await;
}

/// The people of a company or a partner, all the ways that touch other rows.
async fn members(deployed: &Deployed, owner: &Request<'_>) {
    let with = |body: Value| Request {
        body: Some(body),
        ..owner.clone()
    };
    for again in ["the first time", "after an end"] {
        let invited = with(json!({ "email": "new@members.example", "role": "MEMBER" }));
        let invited = Request {
            headers: &[("idempotency-key", again)],
            ..invited
        };
        deployed.data(201, "InviteMember", &[], &invited).await;
        let member = accept(deployed, "new@members.example", again).await;
        let member = [("memberId", member["id"].as_str().expect("an id"))];
        deployed.data(200, "ListMembers", &[], owner).await;
        let change = with(json!({ "role": "OWNER" }));
        deployed.data(200, "UpdateMember", &member, &change).await;
        deployed.data(200, "DeleteMember", &member, owner).await;
    }
    let invited = with(json!({ "email": "gone@members.example", "role": "ADMIN" }));
    let invited = deployed.data(201, "InviteMember", &[], &invited).await;
    let invited = [("memberId", invited["id"].as_str().expect("an id"))];
    deployed.data(200, "DeleteMember", &invited, owner).await;
}

/// Whoever was invited accepts.
async fn accept(deployed: &Deployed, email: &str, idempotency_key: &str) -> Value {
    let app = &deployed.app;
    let token = app.mailed_token(email).await;
    let tokens = app.system.issuer().token_for(email, app.now());
    let accept = Request {
        credential: &tokens.access_token,
        headers: &[("idempotency-key", idempotency_key)],
        body: Some(json!({ "idToken": tokens.id_token })),
        ..Request::default()
    };
    let token = [("token", token.as_str())];
    deployed
        .data(200, "AcceptInvitation", &token, &accept)
        .await
}

/// What a partner's people do with what is theirs.
async fn of_a_partner(deployed: &Deployed, partner: &Partner) {
    let owner = Request {
        credential: partner.owner.credential.as_deref().expect("a token"),
        ..Request::default()
    };
    members(deployed, &owner).await;
    deployed.data(200, "ListApiKeys", &[], &owner).await;
    let id = partner.key.id.to_string();
    let of_key = [("keyId", id.as_str())];
    let once = Request {
        headers: &[("idempotency-key", "1")],
        ..owner
    };
    deployed.data(200, "RotateApiKey", &of_key, &once).await;
    deployed.data(200, "RevokeApiKey", &of_key, &once).await;
}

/// Partners, companies and plans, and a plan that the worker brings to its end.
async fn administrators(deployed: &Deployed, company: &Company) {
    let token = deployed.app.person(tests::ADMINISTRATOR);
    let administrator = Request {
        credential: token.credential.as_deref().expect("a token"),
        headers: &[("x-admin-reason", tests::REASON), ("idempotency-key", "1")],
        ..Request::default()
    };
    let with = |operation: &str| {
        let route = routes::by_operation(operation).expect("in the table");
        Request {
            body: body(route, "Administered"),
            ..administrator.clone()
        }
    };
    let made = with("CreatePartner");
    let made = Request {
        body: Some(json!({ "name": "Made", "ownerEmail": "owner@made.example" })),
        ..made
    };
    let mut partner = Value::Null;
    for _ in 0..2 {
        partner = deployed.data(201, "CreatePartner", &[], &made).await;
    }
    accept(deployed, "owner@made.example", "1").await;
    let partner = partner["id"].as_str().expect("an id");
    let of_partner = [("partnerId", partner)];
    deployed
        .data(200, "UpdatePartner", &of_partner, &with("UpdatePartner"))
        .await;
    deployed
        .data(200, "ListPartners", &[], &administrator)
        .await;
    let founded = with("FoundCompany");
    for _ in 0..2 {
        deployed.data(201, "FoundCompany", &[], &founded).await;
    }
    for query in [&[][..], &[("q", "a")]] {
        let listed = Request {
            query,
            ..administrator.clone()
        };
        deployed.data(200, "ListAllCompanies", &[], &listed).await;
    }
    let issued = Request {
        body: Some(json!({
            "type": "ATS", "partnerId": partner, "name": "Issued", "scopes": ["read:jobs"],
        })),
        ..administrator.clone()
    };
    deployed.data(201, "CreateApiKey", &[], &issued).await;
    let id = company.id.to_string();
    let of_company = [("companyId", id.as_str())];
    let named = Request {
        query: &of_company,
        ..administrator.clone()
    };
    deployed.data(200, "ListApiKeys", &[], &named).await;
    let plan = |plan: &str| Request {
        body: Some(json!({ "plan": plan })),
        ..administrator.clone()
    };
    for name in ["SCALE", "ENTERPRISE"] {
        deployed
            .data(200, "SetPlan", &of_company, &plan(name))
            .await;
    }
    deployed.put_own_worker_to_sleep().await;
    cut_off(deployed, company).await;
    let worker = &deployed.functions["worker"];
    assert_eq!(worker::handle(worker, json!({})).await["left"], false);
    deployed.app.wake_worker();
    deployed
        .data(200, "SetPlan", &of_company, &with("SetPlan"))
        .await;
}

/// What a process leaves that ends between the company's part of a plan and the keys'.
#[expect(
    clippy::disallowed_methods,
    reason = "a test leaves what no handler does"
)]
async fn cut_off(deployed: &Deployed, company: &Company) {
    let keys = &deployed.functions["keys"];
    let test = auth::Principal::system(company.id, "SetPlan");
    let store = keys.table.company(&test).expect("a company");
    let stamp = deployed.app.stamp("SetPlan");
    let old = store.get_company().await.expect("a company");
    let limits = model::Limits {
        rate_limit: Plan::Starter.rate_limit(),
        ..old.limits()
    };
    let set = store.set_limits(&old, &limits, &stamp).await;
    set.expect("set");
}

/// Pulled by the company's people, and brought to its end by the worker.
#[expect(
    clippy::disallowed_methods,
    reason = "a test leaves what no handler does"
)]
async fn kill_switch(
    deployed: &Deployed,
    owner: &Request<'_>,
    company: &Company,
    partner: &Partner,
) {
    let with = |body: Value, key: &'static [(&'static str, &'static str)]| Request {
        body: Some(body),
        headers: key,
        ..owner.clone()
    };
    const ONCE: &[(&str, &str)] = &[("idempotency-key", "kill-1")];
    const AGAIN: &[(&str, &str)] = &[("idempotency-key", "kill-2")];
    let grant = json!({ "partnerId": partner.id });
    deployed
        .data(201, "CreatePartnerGrant", &[], &with(grant, ONCE))
        .await;
    let dry = with(json!({ "dryRun": true }), ONCE);
    deployed.data(200, "RevokeAllApiKeys", &[], &dry).await;
    let real = with(json!({ "dryRun": false }), AGAIN);
    for _ in 0..2 {
        let report = deployed.data(200, "RevokeAllApiKeys", &[], &real).await;
        assert_eq!(report["grants"].as_array().map(Vec::len), Some(1));
    }
    let id = partner.id.to_string();
    let of_partner = [("partnerId", id.as_str())];
    deployed
        .data(200, "ResumePartnerGrant", &of_partner, owner)
        .await;
    let new = with(json!({ "name": "Late", "scopes": ["read:jobs"] }), &[]);
    let made = deployed.data(201, "CreateApiKey", &[], &new).await;

    deployed.put_own_worker_to_sleep().await;
    let keys = &deployed.functions["keys"];
    let test = auth::Principal::system(company.id, "RevokeAllApiKeys");
    let store = keys.table.company(&test).expect("a company");
    let stamp = deployed.app.stamp("RevokeAllApiKeys");
    store.begin_lockdown(&stamp, true).await.expect("begun");
    let invited = Request {
        body: Some(json!({ "email": "mailed@members.example", "role": "MEMBER" })),
        ..owner.clone()
    };
    deployed.data(201, "InviteMember", &[], &invited).await;
    let worker = &deployed.functions["worker"];
    assert_eq!(worker::handle(worker, json!({})).await["left"], false);
    deployed.app.wake_worker();
    let of_key = [("keyId", made["id"].as_str().expect("an id"))];
    let dead = deployed.data(200, "GetApiKey", &of_key, owner).await;
    assert_eq!(dead["status"], "REVOKED");
}

/// What partners do, and what companies let them.
async fn grants(deployed: &Deployed, owner: &Request<'_>, company: &str, partner: &Partner) {
    let key = Request {
        credential: partner.key.caller.credential.as_deref().expect("a key"),
        ..Request::default()
    };
    let made = Request {
        body: Some(json!({ "name": "Made", "ownerEmail": "owner@made.example" })),
        headers: &[("idempotency-key", "1")],
        ..key.clone()
    };
    for _ in 0..2 {
        deployed.data(201, "CreateCompany", &[], &made).await;
    }
    deployed.data(200, "ListCompanies", &[], &key).await;
    deployed.data(200, "GetUsage", &[], &key).await;
    let grant = Request {
        body: Some(json!({ "partnerId": partner.id })),
        headers: &[("idempotency-key", "3")],
        ..owner.clone()
    };
    for _ in 0..2 {
        deployed.data(201, "CreatePartnerGrant", &[], &grant).await;
    }
    deployed.data(200, "ListPartnerGrants", &[], owner).await;
    let of_company = [("companyId", company)];
    deployed.data(200, "GetCompany", &of_company, &key).await;
    let id = partner.id.to_string();
    for operation in [
        "SuspendPartnerGrant",
        "ResumePartnerGrant",
        "EndPartnerGrant",
    ] {
        let of_partner = [("partnerId", id.as_str())];
        deployed.data(200, operation, &of_partner, owner).await;
    }
    assert_eq!(deployed.call("GetCompany", &of_company, &key).await.0, 403);
}

/// The worker's turns: the task of a deleted job, a look at usage, and a candidate who is due.
async fn work(deployed: &Deployed, key: &Request<'_>) {
    let with = |body: Value| Request {
        body: Some(body),
        headers: &[("idempotency-key", "due")],
        ..key.clone()
    };
    let job = deployed
        .data(201, "CreateJob", &[], &with(tests::job()))
        .await;
    let job = job["id"].as_str().expect("an id");
    let mut candidate = tests::candidate();
    candidate["jobIds"] = json!([job]);
    candidate["gdprExpiryDate"] = json!("2031-01-01");
    deployed
        .data(201, "CreateCandidate", &[], &with(candidate))
        .await;
    deployed.put_own_worker_to_sleep().await;
    deployed
        .data(200, "DeleteJob", &[("jobId", job)], key)
        .await;
    let worker = &deployed.functions["worker"];
    worker::handle(worker, json!({})).await;
    worker::handle(worker, worker::alerts_turn()).await;
    deployed.app.wake_worker();
    let due: model::Timestamp = "2031-01-01T12:00:00Z".parse().expect("an instant");
    let ahead = due.since(deployed.app.now()).num_milliseconds();
    let later = App {
        clock: worker.clock.skewed(ahead),
        ..worker.clone()
    };
    let mut turns = 0;
    while worker::handle(&later, json!({})).await["left"] == true {
        turns += 1;
        assert!(turns < 10, "the worker gets nowhere");
    }
}

/// Every operation of one kind of object.
async fn resource(deployed: &Deployed, key: &Request<'_>, create: &'static routes::Route) {
    let with = |route: &routes::Route, own: &str| {
        let mut body = body(route, own);
        // A relation to a job is another row.
        if let (Some(body), "CreateCandidate") = (&mut body, route.operation) {
            body["jobIds"] = json!([own]);
        }
        Request {
            body,
            ..key.clone()
        }
    };
    let job = routes::by_operation("CreateJob").expect("in the table");
    let job = deployed
        .data(201, "CreateJob", &[], &with(job, "Related"))
        .await;
    let job = job["id"].as_str().expect("an id");
    let parameter = parameter_beneath(create).expect("objects have ids");
    let beneath = routes::all()
        .filter(|route| route.path.starts_with(create.path) && route.parameters().eq([parameter]));
    for route in beneath {
        let once = Request {
            headers: &[("idempotency-key", "1")],
            ..with(create, job)
        };
        let kept = deployed.data(201, create.operation, &[], &once).await;
        let again = deployed.data(201, create.operation, &[], &once).await;
        assert_eq!(kept, again);
        let made = deployed
            .data(201, create.operation, &[], &with(create, job))
            .await;
        let id = made["id"].as_str().expect("an id");
        let changed = with(route, "Changed");
        deployed
            .data(200, route.operation, &[(parameter, id)], &changed)
            .await;
    }
    let list = routes::all()
        .find(|route| route.path == create.path && route.method.is_read())
        .expect("a list");
    for query in [
        &[][..],
        &[("limit", "1"), ("page", "2")],
        &[("status", "OPEN")],
        &[("status", "APPLIED")],
        &[("jobId", job)],
        &[("q", "rust")],
    ] {
        let listed = Request {
            query,
            ..key.clone()
        };
        // Some have other words for it, which is a 400.
        deployed.call(list.operation, &[], &listed).await;
    }
}

/// The ends that interviews come to, and what is billed.
async fn interviews(deployed: &Deployed, key: &Request<'_>, company: &Company) {
    let with = |body| Request {
        body: Some(body),
        ..key.clone()
    };
    let create = routes::by_operation("CreateInterview").expect("in the table");
    let new = || with(body(create, "Interview").expect("a body"));
    let cancelled = deployed.data(201, "CreateInterview", &[], &new()).await;
    let id = cancelled["id"].as_str().expect("an id");
    let cancel = with(json!({ "status": "CANCELLED" }));
    deployed
        .data(200, "UpdateInterview", &[("interviewId", id)], &cancel)
        .await;
    let mut job = with(body(create, "Interview").expect("a body"));
    let body = job.body.as_mut().expect("a body");
    body["job"] = tests::job();
    body["candidateId"] = cancelled["candidateId"].clone();
    body["candidate"] = Value::Null;
    let completed = deployed.data(201, "CreateInterview", &[], &job).await;
    let id = completed["id"].as_str().expect("an id");
    let report = tests::report(company, id, "COMPLETED", deployed.app.now());
    interview_events::handle(&deployed.functions["interview-events"], report)
        .await
        .expect("taken");
    let query = &[("start", "2026-01-01T00:00:00Z")][..];
    for query in [query, &[]] {
        let usage = Request {
            query,
            ..key.clone()
        };
        deployed.call("GetUsage", &[], &usage).await;
    }
}

/// `PutItem` on `KeysTable`, as statements have it.
fn covers(statement: &Value, asked: &Asked, names: &BTreeMap<String, &str>) -> bool {
    let resource = listed(&statement["Resource"]).into_iter().any(|resource| {
        let table = names[&asked.table];
        match &asked.index {
            None => resource["Fn::GetAtt"] == format!("{table}.Arn"),
            Some(index) => resource["Fn::Sub"] == format!("${{{table}.Arn}}/index/{index}"),
        }
    });
    let patterns: Vec<_> = leading_keys(statement).collect();
    let mut keys = asked.leading_keys.iter();
    let key =
        patterns.is_empty() || keys.all(|key| patterns.iter().any(|pattern| is_like(key, pattern)));
    actions(statement).contains(&asked.action.as_str()) && resource && key
}

fn leading_keys(statement: &Value) -> impl Iterator<Item = &str> {
    let keys = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
    let keys = keys.as_array().into_iter().flatten();
    keys.filter_map(Value::as_str)
}

/// Writes are of known rows; what is read side by side for companies and partners, one list grants.
fn is_write(action: &str) -> bool {
    !["dynamodb:Get", "dynamodb:BatchGet", "dynamodb:Query"]
        .iter()
        .any(|read| action.starts_with(read))
}

/// Writes that nothing here leads to: what a dead credential that is still tried leaves (`tests/api/alerts`), and a notice of a partner's key.
const ELSEWHERE: [&str; 3] = [
    "worker dynamodb:DeleteItem SILENCES",
    "worker dynamodb:PutItem SILENCES",
    "worker dynamodb:UpdateItem PARTNER#*",
];

fn is_like(key: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => key.starts_with(start),
        None => key == pattern,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_function_may_do_what_it_does_and_nothing_else() {
    let (deployed, company, narrow, partner) = Deployed::start().await;
    everything(&deployed, &company, &narrow, &partner).await;
    let template = Template::read();
    let names = deployed.app.app().table.names();
    let names = BTreeMap::from([
        (names.keys.clone(), "KeysTable"),
        (names.denials.clone(), "DenialsTable"),
        (names.records.clone(), "RecordsTable"),
        (names.audit.clone(), "AuditTable"),
        (names.sessions.clone(), "SessionsTable"),
    ]);
    let mut idle = Vec::new();
    for function in folders("functions") {
        let log = deployed.log(&function);
        assert!(!log.is_empty(), "{function} was not called");
        let statements = template.statements(&function);
        for asked in log.iter() {
            let may = statements
                .iter()
                .any(|statement| covers(statement, asked, &names));
            assert!(may, "{function} does what its role refuses: {asked:?}");
        }
        for statement in statements {
            let granted = actions(statement)
                .into_iter()
                .filter(|action| action.starts_with("dynamodb:"));
            for action in granted.filter(|action| {
                !action.contains("Stream")
                    && !action.contains("Shard")
                    && *action != "dynamodb:GetRecords"
            }) {
                let mut used = log
                    .iter()
                    .filter(|asked| asked.action == action && covers(statement, asked, &names))
                    .flat_map(|asked| &asked.leading_keys)
                    .peekable();
                if used.peek().is_none() {
                    idle.push(format!("{function} {action} by {}", statement["Sid"]));
                }
                let used: Vec<_> = used.collect();
                let is_used = |pattern: &str| used.iter().any(|key| is_like(key, pattern));
                idle.extend(
                    leading_keys(statement)
                        .filter(|pattern| is_write(action) && !is_used(pattern))
                        .map(|pattern| format!("{function} {action} {pattern}"))
                        .filter(|idle| !ELSEWHERE.contains(&idle.as_str())),
                );
            }
        }
    }
    assert!(idle.is_empty(), "granted for nothing: {idle:#?}");
}

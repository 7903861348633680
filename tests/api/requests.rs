//! What the tests know of each operation, once: a valid body, the objects that its path names, and what is special about it.
//!
//! A new operation that takes a body fails every matrix until [`body`] has a line for it; everything else follows from the route table.

use local::HttpRequest;
use routes::{Access, Method, Route, Scope};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
};
use tests::{Caller, Company, TestApp, WIDE};

/// A valid body that holds the text `own`, at most 40 letters; `None` where the operation takes none.
pub(crate) fn body(route: &Route, own: &str) -> Option<Value> {
    let with = |mut body: Value, field: &str, text: String| {
        body[field] = json!(text);
        body["metadata"] = json!({ "canary": own });
        body
    };
    Some(match route.operation {
        "CreateJob" => with(tests::job(), "title", format!("{own} engineer")),
        "UpdateJob" => json!({ "title": format!("{own} changed"), "benefits": own }),
        "CreateCandidate" => with(tests::candidate(), "firstName", own.to_owned()),
        "UpdateCandidate" => json!({ "lastName": format!("{own} changed") }),
        "CreateAgent" => with(tests::agent(), "name", format!("{own} agent")),
        "UpdateAgent" => json!({ "instructions": format!("{own} asks") }),
        "CreateInterview" => json!({
            "candidate": with(tests::candidate(), "firstName", own.to_owned()),
            "agent": with(tests::agent(), "name", format!("{own} agent")),
            "metadata": { "canary": own },
        }),
        "UpdateInterview" => json!({ "metadata": { "canary": own } }),
        // Names nobody; [`Objects::fit`] puts a partner there.
        "CreatePartnerGrant" => json!({ "partnerId": "01890a5d-ac96-774b-bcce-b302099a8057" }),
        "SuspendPartnerGrant" | "ResumePartnerGrant" | "EndPartnerGrant" => {
            json!({ "reason": own })
        }
        "CreateCompany" => json!({ "name": own, "metadata": { "canary": own } }),
        "UpdateCompany" => json!({ "description": format!("{own} changed") }),
        "CreatePartner" => json!({ "name": own, "ownerEmail": address(own) }),
        "UpdatePartner" => json!({ "name": format!("{own} changed") }),
        "FoundCompany" => json!({ "name": own, "plan": "TRIAL", "ownerEmail": address(own) }),
        // What the tests' companies have, so that it changes nothing.
        "SetPlan" => json!({
            "plan": "ENTERPRISE",
            "perMinute": WIDE.per_minute,
            "perHour": WIDE.per_hour,
            "perSecond": WIDE.per_second,
        }),
        "InviteMember" => json!({ "email": address(own), "role": "MEMBER" }),
        "UpdateMember" => json!({ "role": "ADMIN" }),
        "UpdateNotice" => json!({ "read": true }),
        "SetAlertSettings" => json!({ "recipients": [], "volumeFactor": 9 }),
        // Nobody's; [`Objects::fit`] puts the caller's there.
        "AcceptInvitation" => json!({ "idToken": "none" }),
        "CreateApiKey" => json!({ "name": own, "scopes": Scope::ALL.map(Scope::as_str) }),
        "UpdateApiKey" => json!({ "name": format!("{own} renamed"), "scopes": ["read:jobs"] }),
        "RotateApiKey" => json!({ "overlapSeconds": 2_592_000 }),
        // Long over: it ends an overlap, where there is one.
        "UpdateOverlap" => json!({ "validUntil": "2026-01-01T00:00:00.000Z" }),
        // So that whatever a matrix has made lives on.
        "RevokeAllApiKeys" => json!({ "dryRun": true, "reason": own }),
        "SuspendApiKey" | "ResumeApiKey" | "RevokeApiKey" | "RevokeOwnApiKey" => {
            json!({ "reason": own })
        }
        "EraseCandidate" => json!({}),
        "AcceptInvitationSignedIn" => return None,
        _ if route.method.is_read() || route.method == Method::Delete => return None,
        new => panic!("say here what a valid body of {new} is"),
    })
}

/// An address that nobody has been invited by.
fn address(own: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let own = own.to_lowercase().replace(' ', "-");
    format!("{own}-{number}@members.example")
}

/// What is special about one operation.
pub(crate) struct Facts {
    pub(crate) body: Option<Value>,
    /// Where an admin meets a key that only owners may touch.
    pub(crate) owners_only: OwnersOnly,
    /// Whether `If-Match` counts.
    pub(crate) versioned: bool,
    /// What a revoked key's refusal says: from, to.
    pub(crate) refused_when_revoked: Option<(&'static str, &'static str)>,
    /// Whether it changes nothing but a suspended key.
    pub(crate) resumes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnersOnly {
    Nowhere,
    /// In the scopes that the body gives.
    Body,
    /// In the scopes that the object has.
    Object,
}

pub(crate) fn facts(route: &Route) -> Facts {
    let changes = matches!(route.method, Method::Patch | Method::Delete);
    let mut facts = Facts {
        body: body(route, "Another"),
        owners_only: OwnersOnly::Nowhere,
        versioned: changes && route.parameters().next().is_some(),
        refused_when_revoked: None,
        resumes: false,
    };
    match route.operation {
        "CreateApiKey" => {
            facts.body = Some(json!({ "name": "Another", "scopes": ["read:jobs"] }));
            facts.owners_only = OwnersOnly::Body;
        }
        "UpdateApiKey" => {
            facts.owners_only = OwnersOnly::Body;
            facts.refused_when_revoked = Some(("REVOKED", "REVOKED"));
        }
        "RotateApiKey" => {
            facts.owners_only = OwnersOnly::Object;
            facts.versioned = true;
            facts.refused_when_revoked = Some(("REVOKED", "REVOKED"));
        }
        "UpdateOverlap" => {
            facts.owners_only = OwnersOnly::Object;
            facts.refused_when_revoked = Some(("REVOKED", "REVOKED"));
        }
        "SuspendApiKey" | "ResumeApiKey" | "RevokeApiKey" => {
            facts.owners_only = OwnersOnly::Object;
            facts.versioned = true;
            facts.resumes = route.operation == "ResumeApiKey";
            facts.refused_when_revoked = match route.operation {
                "SuspendApiKey" => Some(("REVOKED", "SUSPENDED")),
                "ResumeApiKey" => Some(("REVOKED", "ACTIVE")),
                _ => None,
            };
        }
        _ => {}
    }
    facts
}

/// `resourceType` of what a path's parameter names.
pub(crate) fn resource(parameter: &str) -> String {
    match parameter {
        "keyId" => "api_key".to_owned(),
        "requestId" => "denial".to_owned(),
        other => other.trim_end_matches("Id").to_owned(),
    }
}

/// The parameter that names the objects of a collection: `jobId` for `/jobs`.
pub(crate) fn parameter_beneath(route: &Route) -> Option<&'static str> {
    routes::all().find_map(|other| {
        let rest = other.path.strip_prefix(route.path)?.strip_prefix("/{")?;
        rest.strip_suffix('}')
    })
}

/// Well formed, and of no invitation.
const NO_TOKEN: &str =
    "AAAAAUMBiQpdrJZ3S7zOswIJmoBXAYkKXayWd0u8zrMCCZqAVwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// An id for each parameter that paths have.
#[derive(Debug, Clone)]
pub(crate) struct Objects(BTreeMap<&'static str, String>);

impl Objects {
    fn each(id: impl Fn(&'static str) -> String) -> Objects {
        let parameters = routes::all().flat_map(Route::parameters);
        Objects(parameters.map(|name| (name, id(name))).collect())
    }

    /// The same text in every place, such as what is no id.
    pub(crate) fn all(id: &str) -> Objects {
        Objects::each(|_| id.to_owned())
    }

    /// Ids of the right form that name nothing and never did.
    pub(crate) fn nowhere() -> Objects {
        Objects::each(|parameter| {
            let id = match parameter {
                "keyId" => "Zz9Zz9Zz",
                "requestId" => "bm93aGVyZSBhdCBhbGw=",
                "token" => NO_TOKEN,
                _ => "01890a5d-ac96-774b-bcce-b302099a8057",
            };
            id.to_owned()
        })
    }

    /// New objects of the company, each made through the API.
    pub(crate) async fn of(app: &TestApp, company: &Company, own: &str) -> Objects {
        let mut made = BTreeMap::new();
        let key = app.key_with(company, json!({})).await.caller;
        for parameter in routes::all().flat_map(Route::parameters) {
            if !made.contains_key(parameter) {
                let id = Objects::made(app, company, &key, parameter, own).await;
                made.insert(parameter, id);
            }
        }
        Objects(made)
    }

    /// These, with a new object at each parameter of the route.
    pub(crate) async fn renewed(&self, app: &TestApp, company: &Company, route: &Route) -> Objects {
        let key = app.key_with(company, json!({})).await.caller;
        let mut renewed = self.clone();
        for parameter in route.parameters() {
            let id = Objects::made(app, company, &key, parameter, "Renewed").await;
            renewed.set(parameter, &id);
        }
        if route.operation == "UpdateOverlap" {
            let rotate = format!("/api-keys/{}/rotate", renewed.id("keyId"));
            let rotated = app.post(&company.owner, &rotate, &json!({})).await;
            assert_eq!(rotated.status, 200, "{}", rotated.body);
        }
        renewed
    }

    async fn made(
        app: &TestApp,
        company: &Company,
        key: &Caller,
        parameter: &str,
        own: &str,
    ) -> String {
        if parameter == "companyId" {
            return company.id.to_string();
        }
        if parameter == "partnerId" {
            let partner = app.partner(&format!("{own} ATS")).await.id;
            app.grant(company, partner).await;
            return partner.to_string();
        }
        if parameter == "requestId" {
            let refused = app.get(key, "/api-keys").await;
            assert_eq!(refused.status, 403, "{}", refused.body);
            return refused.header("x-request-id").expect("an id").to_owned();
        }
        if parameter == "noticeId" {
            return expired(app, company).await;
        }
        if parameter == "token" {
            let email = address(own);
            let role = routes::Role::Member;
            return app.invite(&company.owner, &email, role).await;
        }
        let makes = |route: &&Route| {
            route.method == Method::Post && parameter_beneath(route) == Some(parameter)
        };
        let create = routes::all().find(makes);
        let create = create.unwrap_or_else(|| panic!("say here how {parameter} comes to be"));
        let caller = match create.access {
            Access::Scope(_) => key,
            _ => &company.owner,
        };
        let mut body = body(create, own).expect("a body");
        if parameter == "keyId" {
            body["scopes"] = json!(["read:jobs"]);
        }
        let made = app.post(caller, create.path, &body).await;
        assert_eq!(made.status, 201, "{}: {}", create.operation, made.body);
        made.data()["id"].as_str().expect("an id").to_owned()
    }

    /// The body with the ids that must name something which isn't the company's yet.
    pub(crate) async fn fit(app: &TestApp, route: &Route, body: Option<Value>) -> Option<Value> {
        let mut body = body?;
        if route.operation == "CreatePartnerGrant" {
            body["partnerId"] = json!(app.partner("Fresh").await.id);
        }
        Some(body)
    }

    pub(crate) fn id(&self, parameter: &str) -> &str {
        &self.0[parameter]
    }

    pub(crate) fn set(&mut self, parameter: &'static str, id: &str) {
        self.0.insert(parameter, id.to_owned());
    }
}

/// The notice of a key that has just expired.
pub(crate) async fn expired(app: &TestApp, company: &Company) -> String {
    let expiry = app.now().plus(chrono::Duration::seconds(1));
    let key = app.key_with(company, json!({ "expiresAt": expiry })).await;
    app.advance(std::time::Duration::from_secs(2));
    app.settle().await;
    let notices = app.get(&company.owner, "/notices").await;
    let items = notices.data()["items"].as_array().expect("items").clone();
    let of_key = items.iter().find(|item| item["keyId"] == json!(key.id));
    let notice = of_key.unwrap_or_else(|| panic!("{}", notices.body));
    notice["id"].as_str().expect("an id").to_owned()
}

/// The path with these objects' ids, percent-encoded where Base64 needs it.
pub(crate) fn path(route: &Route, objects: &Objects) -> String {
    route
        .parameters()
        .fold(route.path.to_owned(), |path, name| {
            path.replace(
                &format!("{{{name}}}"),
                &objects.id(name).replace('=', "%3D"),
            )
        })
}

/// A valid request.
pub(crate) fn request(route: &Route, caller: &Caller, objects: &Objects) -> HttpRequest {
    let request = caller.request(route.method.as_str(), &path(route, objects));
    match facts(route).body {
        Some(body) => request.json(&body),
        None => request,
    }
}

/// Whether a list answers, with its `limit`.
pub(crate) fn is_list(route: &Route) -> bool {
    route.method == Method::Get && route.operation.starts_with("List")
}

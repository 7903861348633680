//! A valid request for each operation. What the table can't say stands here, and an operation that is missing fails every matrix.

use local::HttpRequest;
use model::{AgentId, CandidateId, JobId, KeyId};
use routes::{Method, Route};
use serde_json::{Value, json};
use tests::{Caller, Company, TestApp, agent, candidate, job};

/// Ids for the path's parameters.
#[derive(Debug, Clone)]
pub(super) struct Objects {
    pub(super) job: String,
    pub(super) candidate: String,
    pub(super) agent: String,
    pub(super) key: String,
    pub(super) denial: String,
}

/// What the tests need to know of one operation.
pub(super) struct Facts {
    /// A valid body; `None` where the operation takes none.
    pub(super) body: Option<Value>,
    /// Where an admin meets a key that only owners may touch.
    pub(super) owners_only: OwnersOnly,
    /// Whether `If-Match` counts.
    pub(super) versioned: bool,
    /// What a revoked key's refusal says: from, to.
    pub(super) refused_when_revoked: Option<(&'static str, &'static str)>,
    /// Whether it changes nothing but a suspended key.
    pub(super) resumes: bool,
    /// `resourceType` of the 404.
    pub(super) resource: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OwnersOnly {
    Nowhere,
    /// In the scopes that the body gives.
    Body,
    /// In the scopes that the object has.
    Object,
}

pub(super) fn facts(route: &Route) -> Facts {
    let plain = |body, resource| Facts {
        body,
        owners_only: OwnersOnly::Nowhere,
        versioned: false,
        refused_when_revoked: None,
        resumes: false,
        resource,
    };
    let action = |refused_when_revoked| Facts {
        body: Some(json!({ "reason": "a test" })),
        owners_only: OwnersOnly::Object,
        versioned: true,
        refused_when_revoked,
        resumes: false,
        resource: "api_key",
    };
    match route.operation {
        "ListJobs" | "ListCandidates" | "ListAgents" | "ListApiKeys" | "ListAuditEvents"
        | "GetWhoami" | "GetHealth" => plain(None, ""),
        "GetJob" => plain(None, "job"),
        "CreateJob" => plain(Some(job()), ""),
        "UpdateJob" => Facts {
            versioned: true,
            ..plain(Some(json!({ "title": "Staff Rust Engineer" })), "job")
        },
        "DeleteJob" => Facts {
            versioned: true,
            ..plain(None, "job")
        },
        "GetCandidate" => plain(None, "candidate"),
        "CreateCandidate" => plain(Some(candidate()), ""),
        "UpdateCandidate" => Facts {
            versioned: true,
            ..plain(Some(json!({ "status": "IN_PROCESS" })), "candidate")
        },
        "DeleteCandidate" => Facts {
            versioned: true,
            ..plain(None, "candidate")
        },
        "GetAgent" => plain(None, "agent"),
        "CreateAgent" => plain(Some(agent()), ""),
        "UpdateAgent" => Facts {
            versioned: true,
            ..plain(Some(json!({ "duration": 30 })), "agent")
        },
        "DeleteAgent" => Facts {
            versioned: true,
            ..plain(None, "agent")
        },
        "GetApiKey" => plain(None, "api_key"),
        "CreateApiKey" => Facts {
            owners_only: OwnersOnly::Body,
            ..plain(
                Some(json!({ "name": "Another", "scopes": ["read:jobs"] })),
                "",
            )
        },
        "UpdateApiKey" => Facts {
            owners_only: OwnersOnly::Body,
            versioned: true,
            refused_when_revoked: Some(("REVOKED", "REVOKED")),
            ..plain(
                Some(json!({ "name": "Renamed", "scopes": ["read:jobs"] })),
                "api_key",
            )
        },
        "SuspendApiKey" => action(Some(("REVOKED", "SUSPENDED"))),
        "ResumeApiKey" => Facts {
            resumes: true,
            ..action(Some(("REVOKED", "ACTIVE")))
        },
        "RevokeApiKey" => action(None),
        "RevokeOwnApiKey" => plain(Some(json!({ "reason": "a test" })), ""),
        "GetDenial" => plain(None, "denial"),
        new => panic!("say here what a valid {new} request is"),
    }
}

impl Objects {
    pub(super) fn all(id: &str) -> Objects {
        Objects {
            job: id.to_owned(),
            candidate: id.to_owned(),
            agent: id.to_owned(),
            key: id.to_owned(),
            denial: id.to_owned(),
        }
    }

    /// Ids of the right form that name nothing.
    pub(super) fn nowhere(app: &TestApp) -> Objects {
        let entropy = app.app().entropy;
        Objects {
            job: JobId::new(app.now(), entropy.bytes()).to_string(),
            candidate: CandidateId::new(app.now(), entropy.bytes()).to_string(),
            agent: AgentId::new(app.now(), entropy.bytes()).to_string(),
            key: KeyId::new(entropy.bytes()).to_string(),
            denial: "bm93aGVyZSBhdCBhbGw=".to_owned(),
        }
    }

    /// New objects of the company.
    pub(super) async fn of(app: &TestApp, company: &Company) -> Objects {
        let key = app.key_with(company, json!({})).await;
        let made = async |path, body: Value| {
            let made = app.post(&key.caller, path, &body).await;
            assert_eq!(made.status, 201, "{}", made.body);
            made.data()["id"].as_str().expect("an id").to_owned()
        };
        let refused = app.get(&key.caller, "/api-keys").await;
        assert_eq!(refused.status, 403, "{}", refused.body);
        let plain = app
            .key_with(company, json!({ "scopes": ["read:jobs"] }))
            .await;
        Objects {
            job: made("/jobs", job()).await,
            candidate: made("/candidates", candidate()).await,
            agent: made("/agents", agent()).await,
            key: plain.id.to_string(),
            denial: refused.header("x-request-id").expect("an id").to_owned(),
        }
    }

    pub(super) fn id(&self, parameter: &str) -> &str {
        match parameter {
            "jobId" => &self.job,
            "candidateId" => &self.candidate,
            "agentId" => &self.agent,
            "keyId" => &self.key,
            "requestId" => &self.denial,
            new => panic!("say here what a valid {new} is"),
        }
    }
}

/// The path with these objects' ids, percent-encoded where Base64 needs it.
pub(super) fn path(route: &Route, objects: &Objects) -> String {
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
pub(super) fn request(route: &Route, caller: &Caller, objects: &Objects) -> HttpRequest {
    let request = caller.request(route.method.as_str(), &path(route, objects));
    match facts(route).body {
        Some(body) => request.json(&body),
        None => request,
    }
}

/// Whether a list answers, with its `limit`.
pub(super) fn is_list(route: &Route) -> bool {
    route.method == Method::Get && route.operation.starts_with("List")
}

//! Asking the API, as whoever is signed in: the same event, decision and handler as a request from outside.

use api::{ApiError, StreamedBody};
use auth::Context;
use http_body_util::BodyExt;
use lambda_http::{Body, Request, Response, request::from_str};
use model::Owner;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use routes::{Operation, Role, Route, Tenant};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, pin::Pin};
use store::FormDigest;

use crate::{
    answer::{Problem, Stop},
    form::Form,
    inner,
    session::{Said, fault},
    visit::Visit,
};

/// All but what may stand in a path as it is (RFC 3986, unreserved characters).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// One request of the API, yet to be made.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    route: &'static Route,
    path: BTreeMap<&'static str, String>,
    query: BTreeMap<&'static str, String>,
    headers: BTreeMap<&'static str, String>,
    body: Option<Value>,
    owner: Option<Owner>,
    /// What a form said that counts once.
    form: Option<String>,
}

/// What is waited for, on the heap.
pub(crate) type Pending<'v, T> = Pin<Box<dyn Future<Output = T> + Send + 'v>>;

/// What the API answered.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) data: Value,
}

impl Ask {
    pub(crate) fn new(operation: impl Operation) -> Ask {
        Ask {
            route: operation.route(),
            path: BTreeMap::new(),
            query: BTreeMap::new(),
            headers: BTreeMap::new(),
            body: None,
            owner: None,
            form: None,
        }
    }

    /// Of whom.
    pub(crate) fn of(mut self, owner: Owner) -> Ask {
        self.owner = Some(owner);
        match (owner, self.route.tenant) {
            (Owner::Company(id), Tenant::PathCompany) => self.id("companyId", id.to_string()),
            (Owner::Company(id), _) => self.query("companyId", &id.to_string()),
            (Owner::Partner(id), Tenant::PathPartner) => self.id("partnerId", id.to_string()),
            (Owner::Partner(id), _) => self.query("partnerId", &id.to_string()),
            (Owner::System, _) => self,
        }
    }

    /// An id in the path.
    pub(crate) fn id(mut self, name: &'static str, id: impl Into<String>) -> Ask {
        self.path.insert(name, id.into());
        self
    }

    /// A parameter of the query; an empty one isn't sent.
    pub(crate) fn query(mut self, name: &'static str, value: &str) -> Ask {
        if !value.is_empty() {
            self.query.insert(name, value.to_owned());
        }
        self
    }

    pub(crate) fn body(mut self, body: Value) -> Ask {
        self.headers
            .insert("content-type", "application/json".to_owned());
        self.body = Some(body);
        self
    }

    /// Only while the object has this version.
    pub(crate) fn if_match(mut self, version: &str) -> Ask {
        if !version.is_empty() {
            self.headers.insert("if-match", format!("\"{version}\""));
        }
        self
    }

    /// Once, however often the form is sent.
    pub(crate) fn once(mut self, once: &str) -> Ask {
        self.headers.insert("idempotency-key", once.to_owned());
        self
    }

    /// The same for whatever is no POST, of which the API keeps no answers.
    pub(crate) fn of_form(mut self, form: &Form) -> Ask {
        self.form = Some(form.said());
        self
    }

    fn form_digest(&self) -> Option<FormDigest> {
        let Ask {
            route, path, query, ..
        } = self;
        let said = json!([route.operation, path, query, self.form.as_ref()?]);
        Some(Sha256::digest(said.to_string()).into())
    }

    /// As an administrator, for this reason.
    pub(crate) fn because(mut self, reason: &str) -> Ask {
        self.headers.insert("x-admin-reason", reason.to_owned());
        self
    }

    /// What the decision says of the person's role; nothing of an administrator's.
    fn said(&self, context: &Context) -> Option<Said> {
        if self.headers.contains_key("x-admin-reason") {
            return None;
        }
        let field = |name: &str| context.get(name).map(String::as_str);
        match field("verdict")? {
            "ok" => field("role").and_then(Role::parse).map(Said::Role),
            "company_denied" => Some(Said::NoMember),
            "forbidden" if field("detailName") == Some("requiredRole") => {
                let role = field("detailValue")?.trim_matches('"');
                Role::parse(role).map(Said::Needs)
            }
            _ => None,
        }
    }

    /// The event that the gateway would make of it.
    pub(crate) fn event(&self, visit: &Visit<'_>) -> Value {
        let route = self.route;
        let mut path = route.path.to_owned();
        // Percent-encoded, as a gateway hands them on.
        let parameters = self.path.iter().map(|(name, value)| {
            let value = utf8_percent_encode(value, RESERVED).to_string();
            (*name, value)
        });
        let parameters: BTreeMap<_, _> = parameters.collect();
        for (name, value) in &parameters {
            path = path.replace(&format!("{{{name}}}"), value);
        }
        // What the gateway knows of the browser's own request: its ids, its address, what it calls itself.
        let mut context = serde_json::to_value(visit.context).unwrap_or_default();
        context["httpMethod"] = route.method.as_str().into();
        context["resourcePath"] = route.path.into();
        context["path"] = path.as_str().into();
        json!({
            "resource": route.path,
            "path": path,
            "httpMethod": route.method.as_str(),
            "headers": self.headers,
            "multiValueHeaders": multi(&self.headers),
            "queryStringParameters": self.query,
            "multiValueQueryStringParameters": multi(&self.query),
            "pathParameters": parameters,
            "stageVariables": null,
            "requestContext": context,
            "body": self.body.as_ref().map(Value::to_string),
            "isBase64Encoded": false,
        })
    }
}

fn multi(map: &BTreeMap<&'static str, String>) -> Map<String, Value> {
    map.iter()
        .map(|(name, value)| ((*name).to_owned(), json!([value])))
        .collect()
}

impl Visit<'_> {
    /// Decides and has it done.
    ///
    /// # Errors
    /// The API's own refusal, as the person would get it.
    pub(crate) fn ask(&self, ask: Ask) -> Pending<'_, Result<Answered, Stop>> {
        Box::pin(self.asked(ask))
    }

    async fn asked(&self, ask: Ask) -> Result<Answered, Stop> {
        let form = ask.form_digest();
        if let Some(form) = &form {
            self.not_done_yet(form).await?;
        }
        let request = self.admitted(&ask).await?;
        let app = self.app();
        // Boxed: together their futures are more than a thread's stack holds.
        let answered: Pending<'_, Response<Body>> = match ask.route.function {
            "keys" => Box::pin(keys::handle(app, request)),
            "audit-log" => Box::pin(audit_log::handle(app, request)),
            "companies" => Box::pin(companies::handle(app, request)),
            "dashboard" => Box::pin(inner::handle(app, request)),
            _ => return Err(Stop::NotFound),
        };
        let data = read(answered.await)?;
        if let Some(form) = &form {
            self.note_done(form).await;
        }
        Ok(Answered { data })
    }

    async fn not_done_yet(&self, form: &FormDigest) -> Result<(), Stop> {
        let name = &self.session()?.row.name;
        match self.app().table.is_form_done(name, form).await {
            Ok(false) => Ok(()),
            Ok(true) => Err(Stop::AlreadyDone),
            Err(error) => Err(fault(error)),
        }
    }

    /// It has counted: that this can't be noted is nobody's refusal.
    async fn note_done(&self, form: &FormDigest) {
        if let Some(session) = &self.session
            && let Err(error) = self.app().table.note_form_done(&session.row, form).await
        {
            tracing::warn!(source = api::chain(&error), "a form may count again");
        }
    }

    /// As [`Visit::ask`], read as a `T`.
    pub(crate) async fn get<T: DeserializeOwned>(&self, ask: Ask) -> Result<T, Stop> {
        self.ask(ask).await?.read()
    }

    /// An export, as it is made.
    ///
    /// # Errors
    /// As of [`Visit::ask`].
    pub(crate) async fn export(&self, ask: Ask) -> Result<Response<StreamedBody>, Stop> {
        let request = self.admitted(&ask).await?;
        let response = audit_export::handle(self.app(), request).await;
        if response.status().as_u16() >= 400 {
            let status = response.status().as_u16();
            // A refusal is made whole.
            let body = response.into_body().collect().await;
            let body = body.map_err(|cut| problem(&ApiError::internal(cut)))?;
            let envelope = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
            return Err(refused(status, envelope));
        }
        Ok(response)
    }

    /// The request as a handler takes it, let through, in a session that knows the person's role: what another role lets through is not done in it.
    async fn admitted(&self, ask: &Ask) -> Result<Request, Stop> {
        let session = self.session()?;
        let mut event = ask.event(self);
        let admitted = self
            .dashboard
            .authorizer
            .admit(ask.route, event.clone(), &session.person())
            .await;
        let context = admitted.map_err(|fault| problem(&ApiError::unavailable(fault)))?;
        if let (Some(owner), Some(said)) = (ask.owner, ask.said(&context)) {
            self.compare_role(owner, said).await?;
        }
        if context.get("verdict").map(String::as_str) == Some("forbidden") {
            return Err(forbidden(&context).into());
        }
        event["requestContext"]["authorizer"] = json!(context);
        from_str(&event.to_string()).map_err(|fault| problem(&ApiError::internal(fault)).into())
    }
}

impl Answered {
    pub(crate) fn read<T: DeserializeOwned>(self) -> Result<T, Stop> {
        serde_json::from_value(self.data)
            .map_err(|fault| problem(&ApiError::internal(fault)).into())
    }
}

fn read(response: Response<Body>) -> Result<Value, Stop> {
    let status = response.status().as_u16();
    let text = match response.into_body() {
        Body::Text(text) => text,
        _ => String::new(),
    };
    let mut envelope: Value = serde_json::from_str(&text).unwrap_or_default();
    match status < 400 {
        true => Ok(envelope["data"].take()),
        false => Err(refused(status, envelope)),
    }
}

fn refused(status: u16, envelope: Value) -> Stop {
    let error = &envelope["error"];
    Stop::Problem(Problem {
        status,
        code: error["code"].as_str().unwrap_or_default().to_owned(),
        message: error["message"].as_str().unwrap_or_default().to_owned(),
        details: error["details"].clone(),
    })
}

/// As the gateway renders a Deny.
fn forbidden(context: &Context) -> Problem {
    let field = |name: &str| context.get(name).cloned().unwrap_or_default();
    let value: Value = serde_json::from_str(&field("detailValue")).unwrap_or_default();
    Problem {
        status: 403,
        code: "INSUFFICIENT_PERMISSIONS".to_owned(),
        message: "This needs other permissions than you have.".to_owned(),
        details: json!({ field("detailName"): value }),
    }
}

/// An error of ours as its client would get it; what happened goes to the log.
pub(crate) fn problem(error: &ApiError) -> Problem {
    if let ApiError::Internal(_) | ApiError::Unavailable(_) = error {
        tracing::error!(source = api::chain(error), "a page failed");
    }
    let body = serde_json::to_value(error.body()).unwrap_or_default();
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    Problem {
        status: error.status(),
        code: text("code"),
        message: text("message"),
        details: body["details"].clone(),
    }
}

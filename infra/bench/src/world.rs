//! What is measured against: a small stack with keys, and the events that API Gateway would send.

use anyhow::{Context, ensure};
use api::App;
use auth::{Keyring, SecretDocument};
use embedded::Engine;
use local::{DataDir, HttpRequest, Issuer, System, seed};
use model::{KeyKind, Plan, RateLimit};
use routes::{Role, ScopeSet};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};
use tokio::runtime::Runtime;

use crate::{
    front::Front,
    lambda::{Bootstrap, Outcome},
    machine::{root, target_dir},
};

/// Tables, secrets and keys, made anew; the engine is this process's.
#[derive(Debug)]
pub struct World {
    pub folder: PathBuf,
    pub engine: Engine,
    /// Of the app in whose name everything was made.
    pub app: App,
    pub keys: Keys,
    pub issuer: Arc<Issuer>,
    environment: Vec<(String, String)>,
}

/// Credentials; so they are never shown.
pub struct Keys {
    /// As many as a company's load wants: no limit of one is reached by a closed loop.
    pub accepted: Vec<String>,
    /// On a plan without a limit per second.
    pub plain: String,
    /// 5 a minute.
    pub limited: String,
    /// Of a partner that the company has granted access.
    pub ats: String,
    pub company: String,
    /// Right in form, made with another secret than ours.
    pub forged: String,
}

const KEYS: usize = 32;
/// Of one key; several in turn reach none of them.
pub(crate) const MOST: RateLimit = RateLimit {
    per_minute: 30_000,
    per_hour: 1_800_000,
    per_second: Some(500),
};
const FEW: RateLimit = RateLimit {
    per_minute: 5,
    per_hour: 1_000,
    per_second: None,
};
const PLAIN: RateLimit = RateLimit {
    per_minute: 600,
    per_hour: 30_000,
    per_second: None,
};
pub(crate) const OWNER: &str = "owner@bench.example";
pub(crate) const ADMINISTRATOR: &str = "administrator@bench.example";
/// Of one partner, and of nobody else.
pub(crate) const SOLE: &str = "owner@partner.example";
/// Of no company.
pub(crate) const VISITOR: &str = "visitor@bench.example";

impl World {
    /// In a folder of the target directory, without what an earlier run has left there.
    pub fn new(name: &str) -> anyhow::Result<World> {
        let folder = target_dir()?.join("bench").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let runtime = Runtime::new()?;
        runtime.block_on(World::make(folder))
    }

    async fn make(folder: PathBuf) -> anyhow::Result<World> {
        let data = DataDir::open(&folder.join("data"))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let issuer_url = format!("http://{}", listener.local_addr()?);
        let system = System::builder().data_dir(data).issuer_url(&issuer_url);
        let system = system.start().await?;
        serve_keys(listener, system.issuer().jwks().to_string());
        seed::administrator(&system, ADMINISTRATOR).await?;
        let owner = [(OWNER, Role::Owner)];
        let company = seed::company(&system, "Bench", Plan::Enterprise, Some(MOST), &owner).await?;
        let mut accepted = Vec::new();
        // The peers' keys are bound to these networks, too.
        let networks = ["127.0.0.0/8", "192.0.2.0/24"];
        let fields = json!({ "name": "Bench", "scopes": ScopeSet::all(), "allowedIPs": networks });
        for _ in 0..KEYS {
            let key = seed::key(&system, company, OWNER, &fields).await?;
            accepted.push(key.plaintext);
        }
        let plain = seed::company(&system, "Plain", Plan::Enterprise, Some(PLAIN), &owner).await?;
        let plain = seed::key(&system, plain, OWNER, &fields).await?;
        let few = seed::company(&system, "Few", Plan::Enterprise, Some(FEW), &owner).await?;
        let limited = seed::key(&system, few, OWNER, &fields).await?;
        let partner = seed::partner(&system, "Partner", &[(SOLE, Role::Owner)]).await?;
        let ats = seed::ats_key(&system, partner, ScopeSet::all(), MOST).await?;
        let token = system.issuer().token_for(OWNER, system.app().clock.now());
        let target = format!("/partner-grants?companyId={company}");
        let grant = HttpRequest::new("POST", &target)
            .bearer(&token.access_token)
            .json(&json!({ "partnerId": partner }));
        let granted = system.gateway().call(grant).await;
        ensure!(granted.status == 201, "a grant: {}", granted.text());
        system.settle().await?;

        let app = system.app().clone();
        let foreign = SecretDocument::generate(app.entropy.bytes(), app.clock.now().millis());
        let (forged, _) =
            Keyring::new(&foreign).mint(KeyKind::Standard, ats.id, app.entropy.bytes());
        Ok(World {
            environment: environment(&system)?,
            issuer: Arc::clone(system.issuer()),
            engine: system.engine().clone(),
            app,
            keys: Keys {
                accepted,
                plain: plain.plaintext,
                limited: limited.plaintext,
                ats: ats.plaintext,
                company: company.to_string(),
                forged: forged.expose().to_owned(),
            },
            folder,
        })
    }

    /// A process of a function, whose store is behind the front.
    pub fn function(&self, program: &Path, front: &Front) -> Bootstrap {
        let mut bootstrap = Bootstrap::new([program.display().to_string()], self.folder.clone())
            .env("DYNAMODB_ENDPOINT", &front.url())
            .env("DYNAMODB_CA_FILE", &front.ca_file().display().to_string());
        bootstrap.environment.extend(self.environment.clone());
        bootstrap
    }
}

/// The issuer's public keys, to whoever asks, for as long as this process lives.
fn serve_keys(listener: TcpListener, keys: String) {
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // Its one request is small, and comes in one piece.
            let _ = stream.read(&mut [0; 4_096]);
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json";
            let _ = write!(
                stream,
                "{head}\r\ncontent-length: {}\r\n\r\n{keys}",
                keys.len()
            );
        }
    });
}

/// What the template gives the authorizer, with secrets in files.
fn environment(system: &System) -> anyhow::Result<Vec<(String, String)>> {
    let names = system.app().table.names();
    let issuer = system.issuer().config();
    let folder = system.data_dir().context("no data directory")?;
    let secret = folder.file("keys-secret.json");
    ensure!(secret.exists(), "no {}", secret.display());
    let variables = [
        ("KEYS_TABLE", names.keys.clone()),
        ("DENIALS_TABLE", names.denials.clone()),
        ("RECORDS_TABLE", names.records.clone()),
        ("AUDIT_TABLE", names.audit.clone()),
        ("SESSIONS_TABLE", names.sessions.clone()),
        ("KEYS_SECRET", format!("file:{}", secret.display())),
        ("ISSUER_URL", issuer.issuer),
        ("JWKS_URL", issuer.jwks_url),
        ("ISSUER_CLIENT_IDS", issuer.client_ids.join(",")),
        ("ISSUER_ALGORITHM", issuer.algorithm.as_str().to_owned()),
        ("LOG_LEVEL", "INFO".to_owned()),
    ];
    Ok(variables
        .map(|(name, value)| (name.to_owned(), value))
        .into())
}

/// API Gateway's REQUEST events, as the documented one, which is of `GET /jobs/{jobId}`.
#[derive(Debug)]
pub struct Events {
    event: Value,
    made: u64,
}

/// A route without parameters, as [`Events::of`] asks for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// Why an administrator asks.
    pub(crate) reason: Option<&'a str>,
}

impl Events {
    pub fn new() -> anyhow::Result<Events> {
        let path = root().join("tests/api/architecture/fixtures/authorizer_request.json");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(Events {
            event: serde_json::from_str(&text)?,
            made: 0,
        })
    }

    /// The next event: with this credential, and about a company if one is named.
    pub fn next(&mut self, credential: &str, company: Option<&str>) -> Vec<u8> {
        self.made += 1;
        let event = &mut self.event;
        let bearer = format!("Bearer {credential}");
        event["headers"]["Authorization"] = json!(bearer);
        event["multiValueHeaders"]["Authorization"] = json!([bearer]);
        event["queryStringParameters"] = json!({});
        event["multiValueQueryStringParameters"] = json!({});
        if let Some(company) = company {
            event["queryStringParameters"]["companyId"] = json!(company);
            event["multiValueQueryStringParameters"]["companyId"] = json!([company]);
        }
        event["requestContext"]["extendedRequestId"] = json!(format!("JKJ{:012}=", self.made));
        event.to_string().into_bytes()
    }

    /// The next event about another route.
    pub(crate) fn of(
        &mut self,
        asked: Asked<'_>,
        credential: &str,
        company: Option<&str>,
    ) -> anyhow::Result<Vec<u8>> {
        let Asked {
            method,
            path,
            reason,
        } = asked;
        let mut event: Value = serde_json::from_slice(&self.next(credential, company))?;
        let arn = event["methodArn"].as_str().context("no methodArn")?;
        let (stage, _) = arn.split_once("/GET/").context("another methodArn")?;
        event["methodArn"] = json!(format!("{stage}/{method}{path}"));
        event["pathParameters"] = json!({});
        for (name, value) in [("resource", path), ("path", path), ("httpMethod", method)] {
            event[name] = json!(value);
        }
        let context = &mut event["requestContext"];
        context["resourcePath"] = json!(path);
        context["path"] = json!(format!("/v1{path}"));
        context["httpMethod"] = json!(method);
        if let Some(reason) = reason {
            event["headers"]["X-Admin-Reason"] = json!(reason);
            event["multiValueHeaders"]["X-Admin-Reason"] = json!([reason]);
        }
        Ok(event.to_string().into_bytes())
    }
}

/// What an authorizer has decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    Accepted,
    Limited,
    /// The one 401.
    Unauthorized,
    /// API Gateway makes a 503 of it.
    Failed,
    Other,
}

impl Decided {
    pub fn read(outcome: &Outcome) -> Decided {
        match outcome {
            Outcome::Error(body) => {
                let error: Value = serde_json::from_slice(body).unwrap_or_default();
                match error["errorMessage"].as_str() {
                    Some("Unauthorized") => Decided::Unauthorized,
                    _ => Decided::Failed,
                }
            }
            Outcome::Response(body) => {
                let answer: Value = serde_json::from_slice(body).unwrap_or_default();
                match answer["context"]["verdict"].as_str() {
                    Some("ok") => Decided::Accepted,
                    Some("rate_limited") => Decided::Limited,
                    _ => Decided::Other,
                }
            }
        }
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

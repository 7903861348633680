//! The local system behind its three sockets, seeded.

use anyhow::{Context, ensure};
use api::{Entropy, SignIn};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use embedded::Engine;
use model::RateLimit;
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::watch;

use crate::{
    data_dir::{DataDir, write_private},
    docs::Docs,
    dynamodb::DynamoDb,
    facts::{Facts, NamedCompany, NamedPartner, User},
    functions::InvokeEndpoint,
    issuer::{CLIENT_ID, PASSWORD},
    listener::Listener,
    notary,
    secrets::{CHECKPOINT_KEY_FILE, CURSOR_FILE, EXPORT_KEY_FILE, KEYS_FILE, SESSION_FILE},
    seed::{self, Companies, DemoPartner},
    system::{CHECKPOINTS, QUARANTINE, System},
};

/// How the system is to be started.
#[derive(Debug, Default)]
pub struct Options {
    /// Of the API; the issuer and DynamoDB have the next two. 0: any three.
    pub port: u16,
    /// `None`: nothing is kept.
    pub data_dir: Option<PathBuf>,
    /// Where the facts go besides the data directory.
    pub info_file: Option<PathBuf>,
    /// Acme's limits at a first start, on ENTERPRISE.
    pub demo_rate_limit: Option<RateLimit>,
    pub invoke: Option<InvokeEndpoint>,
}

/// Bound and seeded; [`Site::serve`] answers.
#[derive(Debug)]
pub struct Site {
    system: Arc<System>,
    facts: Facts,
    api: Listener,
    issuer: Listener,
    dynamodb: Listener,
}

/// Of the worker; the template's is the same.
const SCHEDULE_INTERVAL: Duration = Duration::from_secs(5 * 60);
/// Of the worker's look at usage; the template's is the same.
const ALERT_INTERVAL: Duration = Duration::from_secs(60);
const USAGE_INTERVAL: Duration = Duration::from_secs(60 * 60);
const SCHEDULE_PAUSE: Duration = Duration::from_secs(1);
const SWEEP_INTERVAL: Duration = Duration::from_secs(10 * 60);
const FACTS_FILE: &str = "local.json";
const LAMBDA_ENV_FILE: &str = "lambda.env";

impl Site {
    pub async fn start(options: Options) -> anyhow::Result<Site> {
        let Options {
            port,
            data_dir,
            info_file,
            demo_rate_limit,
            invoke,
        } = options;
        // The lock comes first: a second process must not take the ports, or learn that they are taken.
        let dir = data_dir.map(|path| DataDir::open(&path)).transpose()?;
        let before: Option<Facts> = match dir
            .as_ref()
            .map(|dir| dir.read(FACTS_FILE))
            .transpose()?
            .flatten()
        {
            Some(text) => Some(serde_json::from_str(&text).context(FACTS_FILE)?),
            None => None,
        };
        ensure!(port <= u16::MAX - 2, "--port must leave room for two more");
        let next = |by| if port == 0 { 0 } else { port + by };
        let (api, issuer, dynamodb) = (
            Listener::bind(port).await?,
            Listener::bind(next(1)).await?,
            Listener::bind(next(2)).await?,
        );
        let mut builder = System::builder()
            .api_url(&api.url())
            .issuer_url(&sign_in_url(&issuer))
            .invoke(invoke);
        if let Some(dir) = dir {
            builder = builder.data_dir(dir);
        }
        let system = builder.start().await?;
        let mut site = Site {
            facts: facts(&system, before.as_ref(), &api, &issuer, &dynamodb),
            system: Arc::new(system),
            api,
            issuer,
            dynamodb,
        };
        site.write(info_file.as_ref())?;
        site.seed(before.as_ref(), demo_rate_limit)
            .await
            .context("the seed")?;
        site.write(info_file.as_ref())?;
        Ok(site)
    }

    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    pub fn system(&self) -> &System {
        &self.system
    }

    /// Answers until `stop` is true or its sender is gone, then finishes what was begun.
    pub async fn serve(self, stop: watch::Receiver<bool>) -> anyhow::Result<()> {
        let Site {
            system,
            facts,
            api,
            issuer,
            dynamodb,
        } = self;
        let stopped = || {
            let mut stop = stop.clone();
            async move {
                let _ = stop.wait_for(|stop| *stop).await;
            }
        };
        let sweeper = tokio::spawn(sweep(system.engine().clone()));
        let scheduler = tokio::spawn(schedule(Arc::clone(&system)));
        let watch = tokio::spawn(find_alerts(Arc::clone(&system)));
        let usage = tokio::spawn(catch_up_usage(Arc::clone(&system)));
        let notary = tokio::spawn(notary::every_hour(Arc::clone(&system)));
        let docs = Arc::new(Docs::read()?);
        let database = Arc::new(DynamoDb::new(
            system.engine().clone(),
            facts.dynamodb_access_key_id,
        ));
        let sign_in = Arc::clone(system.issuer());
        tokio::join!(
            api.serve(
                move |request| {
                    let (docs, system) = (Arc::clone(&docs), Arc::clone(&system));
                    async move {
                        if let Some(response) = docs.handle(&request) {
                            return response.into();
                        }
                        if let Some(response) = system.outbox().handle(&request) {
                            return response.into();
                        }
                        if let Some(response) = system.published().handle(&request) {
                            return response.into();
                        }
                        if let Some(response) = notary::handle(&system, &request).await {
                            return response.into();
                        }
                        match system.bus().handle(&request).await {
                            Some(response) => response.into(),
                            None => system.gateway().call_streamed(request).await,
                        }
                    }
                },
                stopped(),
            ),
            issuer.serve(
                move |request| std::future::ready(sign_in.handle(&request)),
                stopped()
            ),
            dynamodb.serve(
                move |request| std::future::ready(database.handle(&request)),
                stopped()
            ),
        );
        sweeper.abort();
        scheduler.abort();
        watch.abort();
        usage.abort();
        notary.abort();
        Ok(())
    }

    async fn seed(
        &mut self,
        before: Option<&Facts>,
        demo: Option<RateLimit>,
    ) -> anyhow::Result<()> {
        let companies = self.companies()?;
        if !self.facts.seeded {
            companies.make(&self.system, demo).await?;
            companies.welcome(&self.system).await?;
            seed::welcome_administrator(&self.system).await?;
            let key = match self.facts.demo_key.clone() {
                Some(key) => key,
                None => {
                    let key = companies.demo_key(&self.system).await?.plaintext;
                    self.facts.demo_key = Some(key.clone());
                    self.write(None)?;
                    key
                }
            };
            let may = demo.map_or(u32::MAX, |limit| limit.per_minute.min(limit.per_hour));
            seed::demo_data(&self.system, &key, may).await?;
            self.seed_partner().await?;
            self.facts.seeded = true;
            return Ok(());
        }
        if demo.is_some() {
            tracing::warn!("--demo-rate-limit has no effect: the data directory is seeded already");
        }
        if before.is_some_and(|before| before.issuer_url != self.facts.issuer_url) {
            companies.welcome(&self.system).await?;
            seed::welcome_administrator(&self.system).await?;
            if let Some(partner) = self.partner() {
                partner.welcome(&self.system).await?;
            }
        }
        Ok(())
    }

    async fn seed_partner(&mut self) -> anyhow::Result<()> {
        let Some(partner) = self.partner() else {
            return Ok(());
        };
        partner.make(&self.system).await?;
        if self.facts.demo_ats_key.is_none() {
            let key = partner.key(&self.system).await?.plaintext;
            self.facts.demo_ats_key = Some(key);
            self.write(None)?;
        }
        partner.grants(&self.system).await
    }

    fn partner(&self) -> Option<DemoPartner> {
        self.facts
            .partners
            .first()
            .map(|named| DemoPartner(named.id))
    }

    fn companies(&self) -> anyhow::Result<Companies> {
        let [acme, globex] = self.facts.companies.as_slice() else {
            anyhow::bail!("{FACTS_FILE} must name two companies");
        };
        Ok(Companies {
            acme: acme.id,
            globex: globex.id,
        })
    }

    fn write(&self, info_file: Option<&PathBuf>) -> anyhow::Result<()> {
        let facts = format!("{:#}\n", serde_json::to_value(&self.facts)?);
        if let Some(dir) = self.system.data_dir() {
            dir.write(FACTS_FILE, &facts)?;
            dir.write(LAMBDA_ENV_FILE, &self.lambda_env(dir))?;
        }
        if let Some(path) = info_file.filter(|_| self.facts.seeded) {
            // Whoever waits for this file finds it complete.
            write_private(path, &facts)?;
        }
        Ok(())
    }

    /// The environment of the deployed functions, for `cargo lambda watch --env-file`.
    fn lambda_env(&self, dir: &DataDir) -> String {
        let names = self.system.app().table.names();
        let issuer = self.system.issuer().config();
        let sign_in = self.system.app().sign_in.as_ref();
        let of_sign_in =
            |part: fn(&SignIn) -> &String| sign_in.map(part).cloned().unwrap_or_default();
        let file = |name| format!("file:{}", dir.file(name).display());
        let variables = [
            ("KEYS_TABLE", names.keys.clone()),
            ("DENIALS_TABLE", names.denials.clone()),
            ("RECORDS_TABLE", names.records.clone()),
            ("AUDIT_TABLE", names.audit.clone()),
            ("SESSIONS_TABLE", names.sessions.clone()),
            (
                "AWS_ACCESS_KEY_ID",
                self.facts.dynamodb_access_key_id.clone(),
            ),
            // The local listener looks at the id alone.
            ("AWS_SECRET_ACCESS_KEY", "unchecked".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("DYNAMODB_ENDPOINT", self.facts.dynamodb_url.clone()),
            ("KEYS_SECRET", file(KEYS_FILE)),
            ("CURSOR_SECRET", file(CURSOR_FILE)),
            ("SESSION_SECRET", file(SESSION_FILE)),
            ("EXPORT_KEY", file(EXPORT_KEY_FILE)),
            ("CHECKPOINT_KEY", file(CHECKPOINT_KEY_FILE)),
            ("CHECKPOINT_BUCKET", file(CHECKPOINTS)),
            ("QUARANTINE_BUCKET", file(QUARANTINE)),
            // Nothing puts anything there.
            ("FAILURE_BUCKET", file("failures")),
            ("ISSUER_URL", issuer.issuer),
            ("JWKS_URL", issuer.jwks_url),
            (
                "AUTHORIZE_URL",
                of_sign_in(|sign_in| &sign_in.authorize_url),
            ),
            ("TOKEN_URL", of_sign_in(|sign_in| &sign_in.token_url)),
            ("DASHBOARD_URL", self.facts.api_url.clone()),
            ("ISSUER_CLIENT_IDS", CLIENT_ID.to_owned()),
            ("ISSUER_ALGORITHM", issuer.algorithm.as_str().to_owned()),
            ("LOG_LEVEL", "INFO".to_owned()),
        ];
        variables
            .iter()
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect()
    }
}

/// As the template's schedule does it, and again at once where something is left.
async fn schedule(system: Arc<System>) {
    let mut interval = tokio::time::interval(SCHEDULE_INTERVAL);
    loop {
        interval.tick().await;
        match system.work().await {
            Ok(false) => {}
            Ok(true) => interval.reset_after(SCHEDULE_PAUSE),
            Err(error) => tracing::warn!(%error, "the worker failed"),
        }
    }
}

/// As the template's schedule does it.
async fn find_alerts(system: Arc<System>) {
    let mut interval = tokio::time::interval(ALERT_INTERVAL);
    loop {
        interval.tick().await;
        if let Err(error) = system.find_alerts().await {
            tracing::warn!(%error, "the worker failed");
        }
    }
}

/// As the template's schedule does it.
async fn catch_up_usage(system: Arc<System>) {
    let mut interval = tokio::time::interval(USAGE_INTERVAL);
    loop {
        interval.tick().await;
        if let Err(error) = system.catch_up_usage().await {
            tracing::warn!(%error, "usage not caught up");
        }
    }
}

/// As DynamoDB does it: some time after a row's time is over.
async fn sweep(engine: Engine) {
    let mut interval = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        interval.tick().await;
        if let Err(error) = engine.sweep_expired() {
            tracing::warn!(%error, "expired rows not deleted");
        }
    }
}

fn facts(
    system: &System,
    before: Option<&Facts>,
    api: &Listener,
    issuer: &Listener,
    dynamodb: &Listener,
) -> Facts {
    let users = seed::addresses().into_iter().map(|email| User {
        email,
        password: PASSWORD.to_owned(),
    });
    let new_partners = || {
        vec![NamedPartner {
            id: DemoPartner::new(system.app()).0,
            name: DemoPartner::NAME.to_owned(),
        }]
    };
    let new_companies = || {
        let named = Companies::new(system.app()).named().into_iter();
        named
            .map(|(id, name)| NamedCompany {
                id,
                name: name.to_owned(),
            })
            .collect()
    };
    Facts {
        api_url: api.url(),
        issuer_url: sign_in_url(issuer),
        dynamodb_url: dynamodb.url(),
        dynamodb_access_key_id: before.map_or_else(access_key_id, |before| {
            before.dynamodb_access_key_id.clone()
        }),
        companies: before.map_or_else(new_companies, |before| before.companies.clone()),
        users: users.collect(),
        demo_key: before.and_then(|before| before.demo_key.clone()),
        demo_ats_key: before.and_then(|before| before.demo_ats_key.clone()),
        partners: before.map_or_else(new_partners, |before| before.partners.clone()),
        seeded: before.is_some_and(|before| before.seeded),
    }
}

/// By another name than the API's, so that signing in crosses a site as it does when deployed, cookies included.
fn sign_in_url(issuer: &Listener) -> String {
    issuer.url().replace("127.0.0.1", "localhost")
}

/// 128 random bits, in characters that a signature's credential may have.
fn access_key_id() -> String {
    let random = BASE64_URL_SAFE_NO_PAD.encode(Entropy.bytes::<16>());
    format!("LOCAL{}", random.replace(['-', '_'], "0"))
}

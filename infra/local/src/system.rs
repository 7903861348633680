//! Everything of the product in one process, without a socket.

use anyhow::Context;
use api::{App, Clock, Entropy, HttpCall, HttpFailed, Objects, TrustedIssuer};
use audit::{Consumer, Held, Redriven};
use auth::FetchKeys;
use authorizer::Authorizer;
use dashboard::Dashboard;
use embedded::{Engine, Place, Weather};
use serde_json::json;
use std::sync::Arc;
use store::{Table, TableNames};
use trail::{AuditKey, AuditKeys, KeyUse};

use crate::{
    bus::{Bus, Published},
    data_dir::DataDir,
    functions::{Functions, InvokeEndpoint},
    gateway::Gateway,
    issuer::Issuer,
    message::HttpRequest,
    outbox::Outbox,
    pump::Pump,
    secrets::Secrets,
    seed, tables,
};

/// One stack: tables, secrets, functions, gateway, streams and sign-in. It stops when dropped.
#[derive(Debug)]
pub struct System {
    app: App,
    gateway: Gateway,
    bus: Bus,
    outbox: Outbox,
    published: Published,
    /// In front of the functions in this process, wherever `gateway` sends its events.
    in_process: Gateway,
    in_process_functions: Functions,
    engine: Engine,
    weather: Weather,
    worker_weather: Weather,
    issuer: Arc<Issuer>,
    functions: Functions,
    pump: Pump,
    data_dir: Option<DataDir>,
}

/// What a system may be told before it starts; without a word it keeps nothing, in calm weather, by the machine's clock.
#[derive(Debug)]
pub struct SystemBuilder {
    data_dir: Option<DataDir>,
    weather: Weather,
    clock: Clock,
    api_url: String,
    issuer_url: String,
    users: Vec<String>,
    invoke: Option<InvokeEndpoint>,
}

const TABLE_PREFIX: &str = "instaview";
pub(crate) const DATABASE: &str = "dynamodb.sqlite";
pub(crate) const CHECKPOINTS: &str = "checkpoints";
pub(crate) const QUARANTINE: &str = "quarantine";

impl System {
    pub fn builder() -> SystemBuilder {
        SystemBuilder {
            data_dir: None,
            weather: Weather::calm(),
            clock: Clock::system(),
            api_url: "http://127.0.0.1:3000".to_owned(),
            issuer_url: "http://127.0.0.1:3001".to_owned(),
            users: seed::addresses(),
            invoke: None,
        }
    }

    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// What the interview engine reports to.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// What mail has reached.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// What others could have heard.
    pub fn published(&self) -> &Published {
        &self.published
    }

    pub(crate) fn in_process_bus(&self) -> Bus {
        Bus::new(self.in_process_functions.clone())
    }

    pub(crate) fn in_process_gateway(&self) -> &Gateway {
        &self.in_process
    }

    /// What the functions behind [`System::gateway`] have.
    pub fn app(&self) -> &App {
        &self.app
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Of the functions behind [`System::gateway`].
    pub fn weather(&self) -> &Weather {
        &self.weather
    }

    /// Of the worker alone, which goes about its business while others count their calls.
    pub fn worker_weather(&self) -> &Weather {
        &self.worker_weather
    }

    pub fn issuer(&self) -> &Arc<Issuer> {
        &self.issuer
    }

    pub fn data_dir(&self) -> Option<&DataDir> {
        self.data_dir.as_ref()
    }

    /// Waits until the streams are consumed and the worker has nothing left to do: audit events and usage are up to date.
    ///
    /// # Errors
    /// The consumer keeps refusing a record, or the worker gets nowhere.
    pub async fn settle(&self) -> anyhow::Result<()> {
        const TURNS: usize = 50;
        self.pump.settle().await?;
        for _ in 0..TURNS {
            let found = self.find_alerts().await?;
            if !(self.work().await? || found) {
                return self.pump.settle().await;
            }
        }
        anyhow::bail!("the worker gets nowhere")
    }

    /// Waits until the streams are consumed; the worker has its new tasks, and nothing else.
    ///
    /// # Errors
    /// The consumer keeps refusing a record.
    pub async fn consume(&self) -> anyhow::Result<()> {
        self.pump.settle().await
    }

    /// The schedule's turn of the worker; whether there is more to do.
    pub(crate) async fn work(&self) -> anyhow::Result<bool> {
        Ok(self.functions.work(json!({ "source": "schedule" })).await?)
    }

    /// The minute's turn of the worker; whether there is more to do.
    pub(crate) async fn find_alerts(&self) -> anyhow::Result<bool> {
        Ok(self.functions.work(worker::alerts_turn()).await?)
    }

    /// The hour's turn of the audit consumer.
    pub(crate) async fn catch_up_usage(&self) -> anyhow::Result<bool> {
        Ok(self.functions.catch_up_usage().await?)
    }

    /// The schedule's turn of the notary: the new checkpoint's counter.
    ///
    /// # Errors
    /// There is no new one.
    pub async fn checkpoint(&self) -> anyhow::Result<u64> {
        let made = self.functions.checkpoint().await?;
        made.context("another turn made it meanwhile")
    }

    /// Appends what was quarantined and can be read now.
    ///
    /// # Errors
    /// The quarantine can't be read.
    pub async fn redrive(&self) -> anyhow::Result<Redriven> {
        let kept = self.app.quarantine.clone();
        let kept = kept.context("there is no quarantine")?;
        let held = Held(kept);
        let consumer = Consumer {
            table: &self.app.table,
            quarantine: &held,
        };
        let nonce = || self.app.entropy.bytes();
        Ok(audit::redrive(&consumer, &held.0, Held::PREFIX, None, nonce, || false).await?)
    }

    /// What another process of the same stack has: a client in weather of its own, and a clock of its own.
    pub fn another_app(&self, clock: Clock, weather: &Weather) -> App {
        App {
            table: Table::new(
                self.engine.client(weather.clone()),
                self.app.table.names().clone(),
            ),
            clock,
            issuer: Some(trusted(&self.issuer)),
            ..self.app.clone()
        }
    }

    /// Another process's authorizer, with a memory of its own.
    pub fn authorizer(&self, app: App) -> Authorizer {
        Authorizer::new(app)
    }

    /// A gateway in front of another process's functions.
    pub fn another_gateway(&self, app: App) -> anyhow::Result<Gateway> {
        let clock = app.clock.clone();
        Gateway::new(in_process(app.clone(), app), clock)
    }
}

impl SystemBuilder {
    /// Keeps everything there.
    pub fn data_dir(mut self, data_dir: DataDir) -> Self {
        self.data_dir = Some(data_dir);
        self
    }

    /// What the functions' store calls go through; setting up is always calm.
    pub fn weather(mut self, weather: Weather) -> Self {
        self.weather = weather;
        self
    }

    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Where the links in mails lead.
    pub fn api_url(mut self, url: &str) -> Self {
        self.api_url = url.to_owned();
        self
    }

    /// Who may sign in by the issuer's form besides the seeded ones, with the same password.
    pub fn users(mut self, users: impl IntoIterator<Item = String>) -> Self {
        self.users.extend(users);
        self
    }

    pub fn issuer_url(mut self, url: &str) -> Self {
        self.issuer_url = url.to_owned();
        self
    }

    /// Sends the gateway's and the streams' events there instead of calling the functions in this process.
    pub fn invoke(mut self, endpoint: Option<InvokeEndpoint>) -> Self {
        self.invoke = endpoint;
        self
    }

    pub async fn start(self) -> anyhow::Result<System> {
        let SystemBuilder {
            data_dir,
            weather,
            clock,
            api_url,
            issuer_url,
            users,
            invoke,
        } = self;
        let place = match &data_dir {
            Some(dir) => Place::File(dir.file(DATABASE)),
            None => Place::Temporary,
        };
        let now = clock.clone();
        let engine = Engine::open(place, Arc::new(move || now.instant()))
            .context("the embedded DynamoDB")?;
        let names = TableNames::with_prefix(TABLE_PREFIX);
        let definitions = store::definitions(&names);
        tables::create_missing(&engine.client(Weather::calm()), &definitions).await?;
        let secrets = Secrets::read(data_dir.as_ref(), &clock, Entropy)?;
        let issuer = Issuer::new(&issuer_url, secrets.signing, users, clock.clone());
        let issuer = Arc::new(issuer);
        let published = Published::default();
        let outbox = Outbox::open(data_dir.as_ref(), &clock)?;
        let app = App {
            table: Table::new(engine.client(weather.clone()), names),
            clock: clock.clone(),
            entropy: Entropy,
            cursors: Some(secrets.cursors),
            keyring: Some(secrets.keyring),
            invitations: Some(secrets.invitations),
            sessions: Some(secrets.sessions),
            sign_in: Some(issuer.sign_in(api_url.parse()?, call_issuer(&issuer))),
            issuer: Some(trusted(&issuer)),
            mailer: Some(outbox.mailer(&api_url)),
            bus: Some(published.bus()),
            audit_keys: Some(Arc::new(AuditKeys {
                keys: vec![
                    AuditKey::new(KeyUse::Export, secrets.export_signer.public()),
                    AuditKey::new(KeyUse::Checkpoint, secrets.checkpoint_signer.public()),
                ],
            })),
            export_signer: Some(secrets.export_signer),
            checkpoint_signer: Some(secrets.checkpoint_signer),
            checkpoints: Some(objects(data_dir.as_ref(), CHECKPOINTS)?),
            quarantine: Some(objects(data_dir.as_ref(), QUARANTINE)?),
            // A batch that fails is delivered again, for as long as it takes.
            failures: None,
        };
        let worker_weather = Weather::calm();
        worker_weather.set(&weather);
        let worker = App {
            table: Table::new(
                engine.client(worker_weather.clone()),
                app.table.names().clone(),
            ),
            ..app.clone()
        };
        let in_process = in_process(app.clone(), worker);
        let functions = invoke.map_or_else(|| in_process.clone(), Functions::Invoked);
        let streamed = definitions
            .into_iter()
            .filter(|table| table.streamed)
            .map(|table| table.name);
        Ok(System {
            pump: Pump::start(&engine, streamed.collect(), &functions),
            bus: Bus::new(functions.clone()),
            outbox,
            published,
            gateway: Gateway::new(functions.clone(), clock.clone())?,
            functions,
            in_process: Gateway::new(in_process.clone(), clock)?,
            in_process_functions: in_process,
            app,
            engine,
            weather,
            worker_weather,
            issuer,
            data_dir,
        })
    }
}

/// `None` keeps them in memory alone.
fn objects(dir: Option<&DataDir>, name: &str) -> anyhow::Result<Objects> {
    match dir {
        None => Ok(Objects::in_memory()),
        Some(dir) => Objects::in_directory(&dir.file(name)).context(name.to_owned()),
    }
}

fn in_process(app: App, worker: App) -> Functions {
    Functions::InProcess {
        worker: Box::new(worker),
        authorizer: Arc::new(Authorizer::new(app.clone())),
        dashboard: Arc::new(Dashboard::new(app.clone())),
        app: Box::new(app),
    }
}

/// The issuer as one process knows it, with keys that it remembers by itself.
fn trusted(issuer: &Arc<Issuer>) -> Arc<TrustedIssuer> {
    let (config, fetch) = (issuer.config(), fetch_keys(issuer));
    Arc::new(TrustedIssuer::new(config, fetch))
}

/// The issuer's endpoints without its socket.
fn call_issuer(issuer: &Arc<Issuer>) -> HttpCall {
    let issuer = Arc::clone(issuer);
    Arc::new(move |request: http::Request<Vec<u8>>| {
        let (parts, body) = request.into_parts();
        let target = parts
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str());
        let asked = HttpRequest::new(parts.method.as_str(), target);
        let media = parts.headers.get(http::header::CONTENT_TYPE);
        let media = media
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let answer = issuer.handle(&asked.body(media, body));
        Box::pin(async move {
            let mut response = http::Response::builder().status(answer.status);
            for (name, value) in &answer.headers {
                response = response.header(name, value);
            }
            response.body(answer.body).map_err(|_| HttpFailed)
        })
    })
}

/// The issuer's keys without its socket.
fn fetch_keys(issuer: &Arc<Issuer>) -> FetchKeys {
    let issuer = Arc::clone(issuer);
    Arc::new(move |_| {
        let jwks = issuer.jwks().to_string();
        Box::pin(async { Some(jwks) })
    })
}

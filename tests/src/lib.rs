//! A whole system for a test, and the people and keys that make requests of it.
//!
//! Every test has a system of its own: embedded tables in seeded weather, a clock that it moves itself, the real gateway's events.
//! Knows nothing of any single rule; those stand in `api/`.

pub mod browser;
mod held;
mod leaks;
mod seeded;

pub use held::{Held, dies_from, is_transaction_of_records};
pub use leaks::{ask, assert_not_stored, watch_logs};
pub use seeded::Seeded;

use api::{App, Clock};
use auth::Principal;
use embedded::{Fault, Weather};
use local::{DataDir, HttpRequest, HttpResponse, System, seed};
use model::{Actor, CompanyId, KeyId, PartnerId, Plan, RateLimit, Timestamp};
use routes::{Role, Scope, ScopeSet};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use store::{CompanyStore, Stamp};

/// A system under test.
#[derive(Debug)]
pub struct TestApp {
    pub system: System,
    dial: Arc<AtomicI64>,
}

/// A company with a person of each role.
#[derive(Debug, Clone)]
pub struct Company {
    pub id: CompanyId,
    pub owner: Caller,
    pub admin: Caller,
    pub member: Caller,
}

/// A partner with a person of each role, and a key with every scope.
#[derive(Debug, Clone)]
pub struct Partner {
    pub id: PartnerId,
    pub owner: Caller,
    pub admin: Caller,
    pub member: Caller,
    pub key: Key,
}

/// Whoever makes requests: a credential, and the address that it comes from.
#[derive(Clone)]
pub struct Caller {
    /// `None` sends no Authorization header.
    pub credential: Option<String>,
    pub address: String,
    /// Appended to every target, such as `companyId=…`.
    pub query: Option<String>,
    /// Why an administrator acts.
    pub reason: Option<String>,
}

/// A key that was made for a test.
#[derive(Debug, Clone)]
pub struct Key {
    pub id: KeyId,
    pub caller: Caller,
}

/// A response, read.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    pub raw: HttpResponse,
}

/// Who administers in tests, and why.
pub const ADMINISTRATOR: &str = "admin@instaview.example";
pub const REASON: &str = "Ticket 4711: a test";

/// The companies and partners whose people may use the issuer's form, as browsers do; everybody else has tokens all the same.
const IN_BROWSERS: [&str; 3] = ["initech", "globex", "hooli"];

fn users() -> impl Iterator<Item = String> {
    let roles = ["owner", "admin", "member", "newcomer"];
    let of = move |name: &str| roles.map(|role| format!("{role}@{name}.example"));
    IN_BROWSERS.into_iter().flat_map(of)
}

/// Limits that no test reaches by accident.
pub const WIDE: RateLimit = RateLimit {
    per_minute: 29_000,
    per_hour: 1_000_000,
    per_second: Some(500),
};

impl TestApp {
    /// In seeded weather: answers get lost, calls are throttled, items conflict, and nothing of it may show.
    pub async fn start() -> TestApp {
        TestApp::in_weather(Weather::seeded(0x1157_a71e)).await
    }

    /// In calm weather, for tests that count store calls or set faults themselves.
    pub async fn calm() -> TestApp {
        TestApp::in_weather(Weather::calm()).await
    }

    pub async fn in_weather(weather: Weather) -> TestApp {
        watch_logs();
        let dial = Arc::new(AtomicI64::new(0));
        let clock = Clock::moved(Arc::clone(&dial));
        let system = System::builder()
            .weather(weather)
            .clock(clock)
            .users(users())
            .start()
            .await
            .expect("the system starts");
        TestApp { system, dial }
    }

    /// On a data directory that was left at this time, behind the sign-in of then.
    pub async fn on(dir: DataDir, at: Timestamp, issuer_url: &str) -> TestApp {
        watch_logs();
        let since = Clock::system().now().millis() - at.millis();
        let dial = Arc::new(AtomicI64::new(-since));
        let system = System::builder()
            .data_dir(dir)
            .clock(Clock::moved(Arc::clone(&dial)))
            .issuer_url(issuer_url)
            .start()
            .await
            .expect("the system starts");
        TestApp { system, dial }
    }

    /// An ENTERPRISE company with wide limits, made by the code that seeds the demo data.
    pub async fn company(&self, name: &str) -> Company {
        self.company_on(name, Plan::Enterprise, Some(WIDE)).await
    }

    pub async fn company_on(&self, name: &str, plan: Plan, limits: Option<RateLimit>) -> Company {
        let email = |who: &str| format!("{who}@{}.example", name.to_lowercase());
        let (owner, admin, member) = (email("owner"), email("admin"), email("member"));
        let people = [
            (owner.as_str(), Role::Owner),
            (admin.as_str(), Role::Admin),
            (member.as_str(), Role::Member),
        ];
        let id = seed::company(&self.system, name, plan, limits, &people)
            .await
            .expect("a company");
        Company {
            id,
            owner: self.person(&owner),
            admin: self.person(&admin),
            member: self.person(&member),
        }
    }

    /// A partner without any grant.
    pub async fn partner(&self, name: &str) -> Partner {
        let email = |who: &str| format!("{who}@{}.example", name.to_lowercase());
        let (owner, admin, member) = (email("owner"), email("admin"), email("member"));
        let people = [
            (owner.as_str(), Role::Owner),
            (admin.as_str(), Role::Admin),
            (member.as_str(), Role::Member),
        ];
        let id = seed::partner(&self.system, name, &people).await;
        let id = id.expect("a partner");
        Partner {
            id,
            owner: self.person(&owner),
            admin: self.person(&admin),
            member: self.person(&member),
            key: self.ats_key(id, ScopeSet::all()).await,
        }
    }

    /// A key of the partner.
    pub async fn ats_key(&self, partner: PartnerId, scopes: ScopeSet) -> Key {
        let key = seed::ats_key(&self.system, partner, scopes, WIDE).await;
        let key = key.expect("an ATS key");
        Key {
            id: key.id,
            caller: Caller::with(&key.plaintext),
        }
    }

    /// Lets the partner act for the company, with every scope.
    pub async fn grant(&self, company: &Company, partner: PartnerId) {
        let body = json!({ "partnerId": partner });
        let answer = self.post(&company.owner, "/partner-grants", &body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    /// Invites somebody, and opens the mail: the token.
    pub async fn invite(&self, inviter: &Caller, email: &str, role: Role) -> String {
        let body = json!({ "email": email, "role": role.as_str() });
        let invited = self.post(inviter, "/members", &body).await;
        assert_eq!(invited.status, 201, "{}", invited.body);
        self.mailed_token(email).await
    }

    /// The token in the newest invitation to the address.
    pub async fn mailed_token(&self, email: &str) -> String {
        self.settle().await;
        let letters = self.system.outbox().letters();
        let mut theirs = letters.iter().rev().filter(|letter| letter.to == email);
        let link = theirs.find_map(|letter| letter.text.split_once("/invitations/"));
        let (_, rest) = link.unwrap_or_else(|| panic!("no invitation of {email}"));
        rest.lines().next().expect("a token").to_owned()
    }

    /// What says who somebody is, said now.
    pub fn id_token(&self, email: &str) -> String {
        self.system.issuer().token_for(email, self.now()).id_token
    }

    /// Accepts an invitation as the person of this address.
    pub async fn accept(&self, email: &str, token: &str) -> Answer {
        let body = json!({ "idToken": self.id_token(email) });
        let path = format!("/invitations/{token}/accept");
        self.post(&self.person(email), &path, &body).await
    }

    /// An administrator who has just signed in, and says why.
    pub async fn administrator(&self) -> Caller {
        seed::administrator(&self.system, ADMINISTRATOR)
            .await
            .expect("an administrator");
        self.person(ADMINISTRATOR).because(REASON)
    }

    /// Makes a person an administrator, and ends it again.
    pub async fn former_administrator(&self, email: &str) {
        let made = seed::administrator(&self.system, email).await;
        made.expect("an administrator");
        self.end_administrator(email).await;
    }

    /// Whoever runs the stack takes an administrator's power away.
    pub async fn end_administrator(&self, email: &str) {
        let table = &self.app().table;
        let person = self.system.issuer().person(email);
        let row = table.find_administrator(&person).await.expect("read");
        let stamp = self.stamp("EndAdministrator");
        let ended = table.end_administrator(&row.expect("a row"), &stamp).await;
        ended.expect("ended");
    }

    /// A person who has just signed in.
    pub fn person(&self, email: &str) -> Caller {
        self.person_signed_in(email, Duration::ZERO)
    }

    /// A person whose token is new, and whose sign-in is this long ago.
    pub fn person_signed_in(&self, email: &str, ago: Duration) -> Caller {
        let at = self.now().millis() - i64::try_from(ago.as_millis()).expect("in range");
        let at = model::Timestamp::from_millis(at).expect("in range");
        Caller::with(&self.system.issuer().token_for(email, at).access_token)
    }

    pub fn now(&self) -> model::Timestamp {
        self.system.app().clock.now()
    }

    /// Moves the clock of everything.
    pub fn advance(&self, by: Duration) {
        self.dial.fetch_add(
            i64::try_from(by.as_millis()).expect("in range"),
            Ordering::SeqCst,
        );
    }

    /// Moves the clock to the beginning of the next minute (and `offset` further), so that a test has a whole window before it.
    pub fn next_minute(&self, offset: Duration) {
        let into = u64::try_from(self.now().millis().rem_euclid(60_000)).expect("not negative");
        self.advance(Duration::from_millis(60_000 - into) + offset);
    }

    /// Waits until the streams are consumed.
    pub async fn settle(&self) {
        self.system.settle().await.expect("the streams run dry");
    }

    pub fn app(&self) -> &App {
        self.system.app()
    }

    /// The company's rows, past the API: for what no answer shows.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test looks at what the system has written"
    )]
    pub fn store(&self, company: &Company) -> CompanyStore {
        let test = Principal::system(company.id, "test");
        self.app().table.company(&test).expect("a company")
    }

    /// Of something that a test does in the system's stead.
    pub fn stamp(&self, operation: &str) -> Stamp {
        Stamp {
            actor: Actor::system("test"),
            at: self.now(),
            source_ip: None,
            request_id: None,
            operation: operation.to_owned(),
            reason: None,
            nonce: self.app().entropy.bytes(),
        }
    }

    /// Puts an event on the bus.
    ///
    /// # Errors
    /// Why it went to the failure destination.
    pub async fn put(&self, event: Value) -> Result<(), String> {
        self.system.bus().put(event).await
    }

    /// The system's own worker reaches nothing, until it is woken.
    pub fn put_worker_to_sleep(&self) {
        let asleep = Weather::script(|_| Fault::Unreachable);
        self.system.worker_weather().set(&asleep);
    }

    pub fn wake_worker(&self) {
        self.system.worker_weather().set(&Weather::calm());
    }

    pub async fn send(&self, request: HttpRequest) -> Answer {
        Answer::read(ask(self.system.gateway(), request).await)
    }

    pub async fn get(&self, caller: &Caller, target: &str) -> Answer {
        self.send(caller.request("GET", target)).await
    }

    pub async fn post(&self, caller: &Caller, target: &str, body: &Value) -> Answer {
        self.send(caller.request("POST", target).json(body)).await
    }

    pub async fn patch(&self, caller: &Caller, target: &str, body: &Value) -> Answer {
        self.send(caller.request("PATCH", target).json(body)).await
    }

    pub async fn delete(&self, caller: &Caller, target: &str) -> Answer {
        self.send(caller.request("DELETE", target)).await
    }

    /// A key with these scopes, made by the company's owner.
    pub async fn key(&self, company: &Company, scopes: impl IntoIterator<Item = Scope>) -> Key {
        self.key_with(company, json!({ "scopes": ScopeSet::from_iter(scopes) }))
            .await
    }

    /// A key with these fields; the name is made up, and without scopes it has them all.
    pub async fn key_with(&self, company: &Company, mut fields: Value) -> Key {
        let all = fields.as_object_mut().expect("an object");
        all.entry("name").or_insert_with(|| json!("Test key"));
        all.entry("scopes")
            .or_insert_with(|| json!(ScopeSet::all()));
        let answer = self.post(&company.owner, "/api-keys", &fields).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        Key {
            id: answer.body["data"]["id"]
                .as_str()
                .and_then(|id| id.parse().ok())
                .expect("an id"),
            caller: Caller::with(answer.body["data"]["key"].as_str().expect("a key")),
        }
    }
}

/// No credential may stand in any item of any table, in any stream record, or in what is left of deleted ones.
impl Drop for TestApp {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        assert_not_stored(self.system.engine().files());
    }
}

impl Caller {
    pub fn with(credential: &str) -> Caller {
        Caller {
            credential: Some(credential.to_owned()),
            address: "198.51.100.7".to_owned(),
            query: None,
            reason: None,
        }
    }

    /// Nobody: no Authorization header at all.
    pub fn nobody() -> Caller {
        Caller {
            credential: None,
            ..Caller::with("")
        }
    }

    pub fn from_address(&self, address: &str) -> Caller {
        Caller {
            address: address.to_owned(),
            ..self.clone()
        }
    }

    /// As an administrator, if the person is one.
    pub fn because(&self, reason: &str) -> Caller {
        Caller {
            reason: Some(reason.to_owned()),
            ..self.clone()
        }
    }

    pub fn for_partner(&self, id: impl std::fmt::Display) -> Caller {
        Caller {
            query: Some(format!("partnerId={id}")),
            ..self.clone()
        }
    }

    pub fn for_company(&self, id: impl std::fmt::Display) -> Caller {
        Caller {
            query: Some(format!("companyId={id}")),
            ..self.clone()
        }
    }

    pub fn request(&self, method: &str, target: &str) -> HttpRequest {
        let target = match &self.query {
            None => target.to_owned(),
            Some(query) if target.contains('?') => format!("{target}&{query}"),
            Some(query) => format!("{target}?{query}"),
        };
        let mut request = HttpRequest::new(method, &target).from_ip(&self.address);
        if let Some(reason) = &self.reason {
            request = request.header("x-admin-reason", reason);
        }
        match &self.credential {
            None => request,
            Some(credential) => request.bearer(credential),
        }
    }
}

/// The credential stays out of a failed test's output.
impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller")
            .field("address", &self.address)
            .field("query", &self.query)
            .finish_non_exhaustive()
    }
}

impl Answer {
    pub fn read(raw: HttpResponse) -> Answer {
        Answer {
            status: raw.status,
            body: raw.json().unwrap_or(Value::Null),
            raw,
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.raw.header(name)
    }

    pub fn data(&self) -> &Value {
        &self.body["data"]
    }

    /// `code` of the error, empty on success.
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    pub fn details(&self) -> &Value {
        &self.body["error"]["details"]
    }

    /// The faults of a 400, as `path rule`.
    pub fn faults(&self) -> Vec<String> {
        let errors = self.details()["errors"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let text = |fault: &Value, name: &str| fault[name].as_str().unwrap_or_default().to_owned();
        errors
            .iter()
            .map(|fault| format!("{} {}", text(fault, "path"), text(fault, "rule")))
            .collect()
    }
}

/// A job that satisfies every rule.
pub fn job() -> Value {
    json!({
        "title": "Senior Rust Engineer",
        "description": "You build the services that our recruiters rely on.",
        "status": "OPEN",
    })
}

/// A valid new candidate.
pub fn candidate() -> Value {
    json!({
        "firstName": "Ada",
        "lastName": "Lovelace",
        "email": "ada@candidates.example",
        "gdprExpiryDate": "2099-12-31",
    })
}

/// The id of what was made.
pub fn made_id(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.data()["id"].as_str().expect("an id").to_owned()
}

/// What the interview engine puts on the bus, under an id of its own; a COMPLETED one took 15 minutes.
pub fn report(company: &Company, interview: &str, kind: &str, at: model::Timestamp) -> Value {
    let mut detail = json!({
        "eventId": format!("{kind}-{interview}"),
        "companyId": company.id,
        "interviewId": interview,
        "type": kind,
        "at": at,
    });
    if kind == "COMPLETED" {
        detail["durationMinutes"] = 15.into();
        detail["analysis"] = json!({ "summary": "Knows what she talks about." });
        detail["rating"] = 80.into();
    }
    json!({
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "InterviewReport",
        "source": "instaview.interview-engine",
        "account": "123456789012",
        "time": at,
        "region": "eu-central-1",
        "resources": [],
        "detail": detail,
    })
}

/// A valid new agent.
pub fn agent() -> Value {
    json!({
        "name": "First conversation",
        "type": "ONLINE",
        "focus": "GENERIC",
        "language": "EN",
        "duration": 20,
    })
}

//! Rotating the master secrets, as processes see it that only read them again.

use super::Process;
use api::{App, Reloading, Source};
use auth::{Keyring, STAGING_MILLIS, SecretDocument, SessionKeys};
use local::{Gateway, HttpRequest};
use model::{KeyId, KeyKind};
use operate::{Secret, Step};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};
use store::CursorKeys;
use tests::{Caller, Company, TestApp, job};

const MINUTE: Duration = Duration::from_secs(60);
const STAGING: Duration = Duration::from_millis(STAGING_MILLIS.unsigned_abs());

/// A secret store with one document, which may be down.
#[derive(Clone)]
struct Vault {
    document: Arc<Mutex<SecretDocument>>,
    down: Arc<AtomicBool>,
    readings: Arc<AtomicU32>,
}

impl Vault {
    fn new(app: &TestApp) -> Vault {
        let random = app.app().entropy.bytes();
        let document = SecretDocument::generate(random, app.now().millis());
        Vault {
            document: Arc::new(Mutex::new(document)),
            down: Arc::default(),
            readings: Arc::default(),
        }
    }

    /// As a process has it that has just started.
    fn reloading<T: Send + Sync + 'static>(
        &self,
        app: &TestApp,
        make: fn(&SecretDocument) -> T,
    ) -> Arc<Reloading<T>> {
        let vault = self.clone();
        let source: Source<T> = Arc::new(move || {
            vault.readings.fetch_add(1, Ordering::SeqCst);
            let down = vault.down.load(Ordering::SeqCst);
            let value = (!down).then(|| make(&vault.document.lock().expect("no panic")));
            Box::pin(async { value })
        });
        let first = make(&self.document.lock().expect("no panic"));
        Arc::new(Reloading::new(first, app.now(), source))
    }

    fn stage(&self, app: &TestApp) -> u32 {
        let mut document = self.document.lock().expect("no panic");
        let staged = document.stage(app.app().entropy.bytes(), app.now().millis());
        staged.expect("staged")
    }

    fn activate(&self, app: &TestApp, generation: u32) {
        let mut document = self.document.lock().expect("no panic");
        let active = document.activate(generation, app.now().millis());
        active.expect("active");
    }

    fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    fn readings(&self) -> u32 {
        self.readings.swap(0, Ordering::SeqCst)
    }
}

/// What a process has that starts now.
fn starting(app: &TestApp, vault: &Vault) -> App {
    App {
        keyring: Some(vault.reloading(app, Keyring::new)),
        ..app.app().clone()
    }
}

/// A key that a process mints which starts now.
async fn mint(app: &TestApp, vault: &Vault, company: &Company) -> Caller {
    let gateway = gateway(app, starting(app, vault));
    let body = json!({ "name": "Test key", "scopes": ["read:jobs"] });
    let owner = fresh_owner(app, company);
    let request = owner.request("POST", "/api-keys").json(&body);
    let data = send(&gateway, request, 201).await;
    Caller::with(data["key"].as_str().expect("a key"))
}

/// Rotations take longer than a token lives.
fn fresh_owner(app: &TestApp, company: &Company) -> Caller {
    app.person("owner@acme.example").for_company(company.id)
}

fn gateway(app: &TestApp, having: App) -> Gateway {
    app.system.another_gateway(having).expect("a gateway")
}

async fn send(gateway: &Gateway, request: HttpRequest, status: u16) -> Value {
    let response = tests::ask(gateway, request).await;
    let mut body = response.json().expect("JSON");
    assert_eq!(response.status, status, "{body}");
    body["data"].take()
}

/// The process lives through it all and is told nothing.
#[tokio::test]
async fn three_rotations_refuse_no_key_in_a_process_that_only_reads_again() {
    let (app, acme, vault) = start().await;
    let warm = Process::having(&app.system, starting(&app, &vault));
    let mut keys = vec![mint(&app, &vault, &acme).await];
    for _ in 0..3 {
        let generation = vault.stage(&app);
        // Minted by one who knows the staged one already, and by one who doesn't use it yet.
        keys.push(mint(&app, &vault, &acme).await);
        for key in &keys {
            assert_eq!(warm.get_job(key).await.status, 200);
        }
        app.advance(STAGING);
        vault.activate(&app, generation);
        // At once, and before the warm one has read it again.
        keys.push(mint(&app, &vault, &acme).await);
        for key in keys.iter().rev() {
            assert_eq!(warm.get_job(key).await.status, 200);
        }
    }
    assert_eq!(keys.len(), 7);
}

/// Clients of the first generation's key never stop.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_rotations_under_load_refuse_nobody() {
    let (app, acme, vault) = start().await;
    let first = mint(&app, &vault, &acme).await;
    let over = Arc::new(AtomicBool::new(false));
    let served = Arc::new(AtomicU32::new(0));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let process = Process::having(&app.system, starting(&app, &vault));
        let (over, served, key) = (Arc::clone(&over), Arc::clone(&served), first.clone());
        clients.spawn(async move {
            while !over.load(Ordering::SeqCst) {
                assert_eq!(process.get_job(&key).await.status, 200);
                served.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    // Some requests meet each state of the document.
    let meet = async || {
        let enough = served.load(Ordering::SeqCst) + 20;
        while served.load(Ordering::SeqCst) < enough && !clients.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    for _ in 0..3 {
        meet().await;
        let generation = vault.stage(&app);
        meet().await;
        app.advance(STAGING);
        vault.activate(&app, generation);
        let young = mint(&app, &vault, &acme).await;
        meet().await;
        let another = Process::having(&app.system, starting(&app, &vault));
        assert_eq!(another.get_job(&young).await.status, 200);
    }
    over.store(true, Ordering::SeqCst);
    clients.join_all().await;
    assert!(served.load(Ordering::SeqCst) >= 180);
}

/// A good key of a generation that only others know is our fault, for as long as the document can't be read.
#[tokio::test]
async fn a_key_that_fits_no_generation_is_503_until_the_document_is_read() {
    let (app, acme, vault) = start().await;
    let warm = Process::having(&app.system, starting(&app, &vault));
    let old = mint(&app, &vault, &acme).await;
    let generation = vault.stage(&app);
    vault.set_down(true);
    app.advance(STAGING);
    vault.activate(&app, generation);
    let new = mint(&app, &vault, &acme).await;
    let forged = forged(&app);
    vault.readings();
    for _ in 0..10 {
        assert_eq!(warm.get_job(&new).await.status, 503);
        assert_eq!(warm.get_job(&forged).await.status, 503);
        assert_eq!(warm.get_job(&old).await.status, 200);
        app.advance(Duration::from_millis(500));
    }
    let readings = vault.readings();
    assert!((1..=6).contains(&readings), "{readings}");
    vault.set_down(false);
    app.advance(Duration::from_secs(1));
    assert_eq!(warm.get_job(&new).await.status, 200);
    assert_eq!(warm.get_job(&forged).await.status, 401);
}

#[tokio::test]
async fn forgeries_have_the_document_read_once_a_minute_and_junk_never() {
    let (app, acme, vault) = start().await;
    let good = mint(&app, &vault, &acme).await;
    let warm = Process::having(&app.system, starting(&app, &vault));
    let forged = forged(&app);
    let credential = good.credential.clone().expect("a credential");
    vault.readings();
    for _ in 0..3 {
        app.advance(MINUTE);
        // Length, alphabet, checksum.
        for junk in ["sk_iv", &credential[..45], &credential.replace('_', "-")] {
            assert_eq!(warm.get_job(&Caller::with(junk)).await.status, 401);
        }
        assert_eq!(vault.readings(), 0);
        for _ in 0..10 {
            assert_eq!(warm.get_job(&forged).await.status, 401);
            assert_eq!(warm.get_job(&good).await.status, 200);
        }
        assert_eq!(vault.readings(), 1);
    }
    // Junk stays junk when nothing can be read.
    vault.set_down(true);
    app.advance(MINUTE);
    assert_eq!(warm.get_job(&Caller::with("sk_iv")).await.status, 401);
}

#[tokio::test]
async fn a_cursor_of_an_unknown_generation_is_503_until_the_document_is_read() {
    let (app, acme, vault) = start().await;
    let key = app.key_with(&acme, json!({})).await.caller;
    for _ in 0..2 {
        assert_eq!(app.post(&key, "/jobs", &job()).await.status, 201);
    }
    let process = || {
        let cursors = Some(vault.reloading(&app, CursorKeys::new));
        let having = App {
            cursors,
            ..app.app().clone()
        };
        gateway(&app, having)
    };
    let warm = process();
    let first = async |gateway: &Gateway| {
        let page = send(gateway, key.request("GET", "/jobs?limit=1"), 200).await;
        let cursor = page["pagination"]["nextCursor"].as_str();
        let cursor = cursor.expect("a cursor");
        key.request("GET", &format!("/jobs?limit=1&cursor={cursor}"))
    };
    let old = first(&warm).await;
    let generation = vault.stage(&app);
    vault.set_down(true);
    app.advance(STAGING);
    vault.activate(&app, generation);
    let new = first(&process()).await;
    send(&warm, new.clone(), 503).await;
    send(&warm, old.clone(), 200).await;
    send(&warm, key.request("GET", "/jobs?cursor=junk"), 400).await;
    vault.set_down(false);
    app.advance(Duration::from_secs(1));
    send(&warm, new, 200).await;
    send(&warm, old, 200).await;
    // A number that no document has.
    send(&warm, key.request("GET", "/jobs?cursor=_____w"), 400).await;
}

/// Its checksum is right, and its tag is another mint's.
fn forged(app: &TestApp) -> Caller {
    let document = SecretDocument::generate(app.app().entropy.bytes(), app.now().millis());
    let id = KeyId::new(app.app().entropy.bytes());
    let random = app.app().entropy.bytes();
    let (forged, _) = Keyring::new(&document).mint(KeyKind::Standard, id, random);
    Caller::with(forged.expose())
}

/// Whoever has a newer session than a process can know is not signed out by it.
#[tokio::test]
async fn a_session_of_a_generation_that_cannot_be_read_is_our_fault() {
    let (app, acme, vault) = start().await;
    let sessions = Some(vault.reloading(&app, SessionKeys::new));
    let warm = App {
        sessions,
        ..app.app().clone()
    };
    let warm = gateway(&app, warm);
    let generation = vault.stage(&app);
    app.advance(STAGING);
    vault.activate(&app, generation);
    let newest = SessionKeys::new(&vault.document.lock().expect("no panic"));
    let cookie = newest.cookie([1; 32], [2; 32]).expose();
    let ask = || {
        let cookie = format!("instaview={}", cookie.as_str());
        let request = HttpRequest::new("GET", &format!("/dashboard/o/c-{}/keys", acme.id));
        tests::ask(&warm, request.header("cookie", &cookie))
    };
    vault.set_down(true);
    assert_eq!(ask().await.status, 503);
    vault.set_down(false);
    app.advance(MINUTE);
    // It is known now, and no session.
    let known = ask().await;
    assert_eq!(known.status, 303, "{:?}", known.json());
    let location = known.header("location").expect("an address");
    assert!(location.contains("/dashboard/sign-in"), "{location}");
}

async fn start() -> (TestApp, Company, Vault) {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let vault = Vault::new(&app);
    (app, acme, vault)
}

/// As whoever runs the stack takes it: read, changed, written back.
async fn take(app: &TestApp, vault: &Vault, secret: Secret, step: Step) -> Result<String, String> {
    let json = vault.document.lock().expect("no panic").to_json();
    let mut document = SecretDocument::from_json(&json).expect("a document");
    let taken = operate::take(app.app(), secret, &mut document, step).await;
    let said = taken.map_err(|refused| refused.to_string())?;
    *vault.document.lock().expect("no panic") = document;
    Ok(said)
}

#[tokio::test]
async fn a_generation_is_retired_when_no_live_key_was_made_under_it() {
    let (app, acme, vault) = start().await;
    let (old, revoked) = (
        mint(&app, &vault, &acme).await,
        mint(&app, &vault, &acme).await,
    );
    let step = async |step| take(&app, &vault, Secret::Keys, step).await;
    let refused = step(Step::Retire(1)).await.expect_err("it mints");
    assert!(refused.contains("newest active generation"), "{refused}");
    step(Step::Stage).await.expect("staged");
    let refused = step(Step::Activate(2)).await.expect_err("too early");
    assert!(refused.contains("try again in 15 minutes"), "{refused}");
    app.advance(STAGING);
    step(Step::Activate(2)).await.expect("active");
    let new = mint(&app, &vault, &acme).await;
    app.advance(STAGING);

    let id = |caller: &Caller| caller.credential.as_deref().unwrap_or_default()[5..13].to_owned();
    let revoke = async |caller: &Caller, action: &str, body: &Value| {
        let path = format!("/api-keys/{}/{action}", id(caller));
        let gateway = gateway(&app, starting(&app, &vault));
        let owner = fresh_owner(&app, &acme);
        send(&gateway, owner.request("POST", &path).json(body), 200).await
    };
    revoke(&revoked, "revoke", &json!({})).await;
    let refused = step(Step::Retire(1)).await.expect_err("a key lives");
    assert!(refused.contains(&id(&old)), "{refused}");
    assert!(
        !refused.contains(&id(&revoked)) && !refused.contains(&id(&new)),
        "{refused}"
    );
    // Its old secret lives on for the overlap, and so does the generation.
    let rotated = revoke(&old, "rotate", &json!({ "overlapSeconds": 3600 })).await;
    step(Step::Retire(1)).await.expect_err("the overlap lasts");
    app.advance(Duration::from_secs(3600));
    step(Step::Retire(1)).await.expect("retired");
    let process = Process::having(&app.system, starting(&app, &vault));
    let rotated = Caller::with(rotated["key"].as_str().expect("a key"));
    for good in [&new, &rotated] {
        assert_eq!(process.get_job(good).await.status, 200);
    }
}

#[tokio::test]
async fn a_generation_of_cursors_is_retired_when_the_last_cursor_is_over() {
    let (app, _, vault) = start().await;
    let step = async |step| take(&app, &vault, Secret::Cursors, step).await;
    step(Step::Stage).await.expect("staged");
    app.advance(STAGING);
    step(Step::Activate(2)).await.expect("active");
    const DAY: Duration = Duration::from_secs(86_400);
    app.advance(7 * DAY - MINUTE);
    step(Step::Retire(1)).await.expect_err("cursors stand");
    app.advance(MINUTE);
    step(Step::Retire(1)).await.expect("retired");
}

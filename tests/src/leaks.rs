//! Looks for credentials where none may be: in every log line, answer and stored byte of every test.
//!
//! A credential is known by its form, so that none has to be registered: a whole API key, a signed token, a session's cookie, or what a sign-in begins with.

use local::{Gateway, HttpRequest, HttpResponse};
use std::{
    fmt,
    io::{self, Write},
    path::PathBuf,
    sync::Once,
};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt::MakeWriter,
    layer::SubscriberExt,
};

/// Characters of a key after `sk_i`: far fewer would already give it away, and its prefix alone has 9.
const KEY_REST: usize = 20;

/// `{"state"` as a sign-in's cookie has it.
const SIGN_IN: &[u8] = b"eyJzdGF0ZSI6";

/// Whether the bytes hold a whole API key, a JSON Web Token with its signature, or a cookie of the dashboard.
fn holds_credential(bytes: &[u8]) -> bool {
    let run = |rest: &[u8]| {
        rest.iter()
            .take_while(|byte| byte.is_ascii_alphanumeric())
            .count()
    };
    let key = places(bytes, b"sk_i").any(|at| run(&bytes[at + 3..]) >= KEY_REST);
    let encoded = |rest: &[u8]| {
        let letters = rest.iter();
        let kept = |byte: &&u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
        letters.take_while(kept).count()
    };
    let session = places(bytes, b"ivs_").any(|at| encoded(&bytes[at + 4..]) >= KEY_REST);
    let begun = places(bytes, SIGN_IN).any(|at| encoded(&bytes[at..]) >= KEY_REST);
    let token = |at: usize| {
        let rest = &bytes[at..];
        let length = rest
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
            .count();
        let parts: Vec<_> = rest[..length].split(|byte| *byte == b'.').collect();
        // More may follow, such as the end of a sentence.
        let mut triples = parts.windows(3);
        triples.any(|triple| triple.iter().all(|part| part.len() >= KEY_REST))
    };
    key || session || begun || places(bytes, b"eyJ").any(token)
}

/// By a crate that is optimized in tests too: some databases have hundreds of megabytes.
fn places<'b>(bytes: &'b [u8], start: &'b [u8]) -> impl Iterator<Item = usize> + 'b {
    memchr::memmem::find_iter(bytes, start)
}

/// The operations whose success shows a new key.
const SHOW_A_KEY: [(&str, u16); 4] = [
    ("CreateApiKey", 201),
    ("RotateApiKey", 200),
    ("CreateKey", 200),
    ("MakeSecret", 200),
];

/// The gateway's answer, which may hold no credential except where a key or its new secret is made.
pub async fn ask(gateway: &Gateway, request: HttpRequest) -> HttpResponse {
    let (method, path) = (request.method.clone(), request.path.clone());
    let answer = gateway.call(request).await;
    assert_not_answered(&method, &path, &answer);
    answer
}

fn assert_not_answered(method: &str, path: &str, answer: &HttpResponse) {
    let asked: Vec<_> = path.split('/').collect();
    let shows = |(operation, status): &(&str, u16)| {
        let mut routed = routes::routed();
        let route = routed.find(|route| route.operation == *operation);
        let route = route.expect("an operation");
        let parts: Vec<_> = route.path.split('/').collect();
        let mut both = parts.iter().zip(&asked);
        answer.status == *status
            && route.method.as_str() == method
            && parts.len() == asked.len()
            && both.all(|(part, asked)| part == asked || part.starts_with('{'))
    };
    if SHOW_A_KEY.iter().any(shows) {
        return;
    }
    // A cookie is the browser's own, and stands nowhere else.
    let shown = answer.headers.iter();
    let shown = shown.filter(|(name, _)| !name.eq_ignore_ascii_case("set-cookie"));
    let headers = shown.map(|(_, value)| value.as_bytes());
    for bytes in headers.chain([answer.body.as_slice()]) {
        let leaks = holds_credential(bytes);
        assert!(!leaks, "{method} {path} is answered with a credential");
    }
}

/// No file may hold a credential; one that has gone holds none.
pub fn assert_not_stored(files: impl IntoIterator<Item = PathBuf>) {
    for path in files {
        let bytes = std::fs::read(&path).unwrap_or_default();
        let name = path.display();
        assert!(!holds_credential(&bytes), "{name} holds a credential");
    }
}

/// From now on a log line with a credential fails the process, at the most verbose level of our own crates.
///
/// Others are capped as they are in a Lambda process (`runtime::start_log`).
pub fn watch_logs() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        let ours = [
            "agents",
            "api",
            "audit",
            "audit_export",
            "audit_log",
            "auth",
            "authorizer",
            "billing",
            "candidates",
            "checkpoint",
            "companies",
            "dashboard",
            "embedded",
            "interview_events",
            "interviews",
            "jobs",
            "keys",
            "local",
            "model",
            "routes",
            "store",
            "trail",
            "worker",
        ];
        let targets = Targets::new()
            .with_default(LevelFilter::WARN)
            .with_targets(ours.map(|target| (target, LevelFilter::TRACE)));
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_ansi(false)
            .with_writer(Watch)
            .finish();
        let subscriber = subscriber.with(targets);
        // Somebody else's subscriber would mean that nothing is watched.
        tracing::subscriber::set_global_default(subscriber).expect("no other subscriber");
    });
}

/// Reads what is logged, and keeps nothing.
struct Watch;

impl Write for Watch {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if holds_credential(line) {
            // A panic here might be caught with the task that logs, and the test would pass.
            let _ = io::stderr().write_all(b"a credential is logged\n");
            std::process::abort();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Watch {
    type Writer = Watch;

    fn make_writer(&'w self) -> Watch {
        Watch
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

#[cfg(test)]
mod tests {
    use super::holds_credential;
    use crate::{TestApp, browser::Browser};

    #[tokio::test]
    async fn the_cookies_that_browsers_are_given_are_seen() {
        let app = TestApp::calm().await;
        let mut browser = Browser::new(&app);
        let form = browser.get("/dashboard/sign-in").await;
        let sign_in = browser.cookies.values().cloned().collect::<Vec<_>>();
        let members = [
            ("email", "owner@initech.example"),
            ("password", "instaview"),
        ];
        browser.submit(&form, "/authorize", &members).await;
        let session = browser.session().expect("a session").to_owned();
        assert_eq!(sign_in.len(), 1);
        for cookie in [&sign_in[0], &session] {
            assert!(holds_credential(cookie.as_bytes()));
            let text = format!("a: [{cookie}], b");
            assert!(holds_credential(text.as_bytes()));
        }
    }

    #[test]
    fn keys_and_tokens_are_seen_and_prefixes_are_not() {
        let key = b"x sk_iv0aB3dE6fABCDEFGHIJKLMNOPQRSTUV000001URqVm y";
        let token =
            b"eyJhbGciOiJFUzI1NiIsImtpZCI6.eyJzdWIiOiJhYmNkZWZnaGlq.c2lnbmF0dXJlc2lnbmF0dXJl";
        assert!(holds_credential(key) && holds_credential(token));
        // However it stands in a text.
        for (before, after) in [("Bearer ", ". Next"), ("a.", ".b")] {
            let text = [before.as_bytes(), token, after.as_bytes()].concat();
            assert!(holds_credential(&text));
        }
        for harmless in [
            &b"sk_iv0aB3dE6f"[..],
            b"prefix sk_iv0aB3dE6f\xe2\x80\xa6",
            b"eyJhbGciOiJFUzI1NiJ9",
            b"",
        ] {
            assert!(!holds_credential(harmless));
        }
    }
}

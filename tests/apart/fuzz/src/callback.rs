//! Signing in: the page that begins it, and the one that the issuer sends the browser back to.
//!
//! The first byte: even for the way back, odd for the beginning. Then lines: the query; the Cookie header; what the sign-in began with, as JSON, sealed by us, where `at` counts from now; the token endpoint's answer, in which `{token}` stands for a good ID token whose nonce is `n`.

use api::SignIn;
use auth::SessionKeys;
use dashboard::Dashboard;
use lambda_http::{
    RequestExt,
    http::{self, header},
};
use serde_json::{Map, Value, json};
use std::{
    collections::HashMap,
    sync::{
        Arc, LazyLock, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};
use url::form_urlencoded;

use crate::{
    issuer::{self, CLIENT, ISSUER},
    lines,
    process::{Process, document},
};

const ORIGIN: &str = "https://app.example";
const SIGN_IN: &str = "__Host-instaview-sign-in";
const SESSION: &str = "__Host-instaview";
/// Ten minutes.
const LASTS: i64 = 600_000;

/// What the token endpoint answers next, and how often it was asked.
static ANSWER: Mutex<String> = Mutex::new(String::new());
static ASKED: AtomicUsize = AtomicUsize::new(0);

struct Place {
    process: Process,
    dashboard: Dashboard,
    keys: SessionKeys,
}

static PLACE: LazyLock<Place> = LazyLock::new(|| {
    let sign_in = SignIn {
        issuer: ISSUER.to_owned(),
        client_id: CLIENT.to_owned(),
        authorize_url: format!("{ISSUER}/authorize"),
        token_url: format!("{ISSUER}/token"),
        dashboard_url: Some(ORIGIN.parse().expect("an address")),
        call: Arc::new(|_| {
            ASKED.fetch_add(1, Ordering::SeqCst);
            let body = ANSWER.lock().unwrap_or_else(PoisonError::into_inner);
            let answer = http::Response::builder()
                .header("content-type", "application/json")
                .body(body.clone().into_bytes());
            Box::pin(async { Ok(answer.expect("an answer")) })
        }),
    };
    let process = Process::new(Some(sign_in));
    Place {
        dashboard: Dashboard::new(process.app.clone()),
        process,
        keys: SessionKeys::new(&document()),
    }
});

pub fn callback(data: &[u8]) {
    let (choice, rest) = crate::take::<1>(data);
    let lines = lines(rest);
    let line = |at: usize| lines.get(at).cloned().unwrap_or_default();
    let back = choice[0] % 2 == 0;
    let now = PLACE.process.app.clock.now();
    let begun = serde_json::from_str::<Map<String, Value>>(&line(2)).ok();
    let begun = begun.map(|mut begun| {
        let at = begun.get("at").and_then(Value::as_i64).unwrap_or_default();
        begun.insert("at".to_owned(), now.millis().saturating_add(at).into());
        begun
    });
    *ANSWER.lock().unwrap_or_else(PoisonError::into_inner) =
        line(3).replace("{token}", &id_token(now.seconds()));
    ASKED.store(0, Ordering::SeqCst);

    let mut cookie = line(1);
    // A header's value, of letters that a browser sends; a header with others is read as none.
    cookie.retain(|c| c == ' ' || c.is_ascii_graphic());
    let foreign = cookie.clone();
    if let Some(begun) = &begun {
        let sealed = PLACE.keys.seal(&Value::from(begun.clone()).to_string());
        cookie = format!("{cookie}; {SIGN_IN}={sealed}");
    }
    let query: Vec<(String, String)> = form_urlencoded::parse(line(0).as_bytes())
        .into_owned()
        .collect();
    let asked = request(back, &query, &cookie);
    let (response, calls) = PLACE.process.run(PLACE.dashboard.answer(asked));

    let status = response.status().as_u16();
    let header = |name: &str| {
        let values = response.headers().get_all(name).iter();
        let values = values.map(|value| value.to_str().expect("ASCII").to_owned());
        values.collect::<Vec<_>>()
    };
    assert!(header("cache-control") == ["no-store"], "{status}");
    let cookies = header("set-cookie");
    // Nobody is let in: the tables are away.
    let session = format!("{SESSION}=");
    assert!(!cookies.iter().any(|set| set.starts_with(&session)));
    let asked = ASKED.load(Ordering::SeqCst);
    let first = |name: &str| {
        let mut found = query.iter().filter(|(given, _)| given == name);
        found.next().map(|(_, value)| value.clone())
    };
    if status == 503 {
        // A cookie that may be a session's was looked for in tables that are away.
        assert!(asked == 0 && calls > 0 && foreign.contains(&session));
        return;
    }
    if !back {
        assert_eq!((status, asked, calls), (303, 0, 0));
        let location = header("location");
        let start = format!("{ISSUER}/authorize?response_type=code&client_id={CLIENT}&");
        assert!(location[0].starts_with(&start), "{location:?}");
        let (_, sealed) = cookies[0].split_once('=').expect("a cookie");
        let sealed = sealed.split(';').next().unwrap_or_default();
        let begun = PLACE.keys.open(sealed).expect("sealed by us");
        let begun: Value = serde_json::from_str(&begun).expect("JSON");
        assert_eq!(
            begun["to"].as_str(),
            Some(first("to").unwrap_or_default().as_str())
        );
        // Nobody is signed in, so nobody signs in anew.
        assert_eq!(begun["again"], Value::Null);
        return;
    }
    // The issuer is asked only for a browser that began here, within ten minutes, and was sent back with what it left with.
    let text = |name: &str| begun.as_ref()?.get(name)?.as_str();
    let in_time = begun.as_ref().is_some_and(|begun| {
        let at = begun["at"].as_i64().unwrap_or_default();
        now.millis().saturating_sub(at) < LASTS
    });
    let complete = ["state", "nonce", "verifier", "to"]
        .iter()
        .all(|name| text(name).is_some());
    let alone = !foreign.contains(SIGN_IN);
    let same = first("state").unwrap_or_default() == text("state").unwrap_or_default();
    let code = !first("code").unwrap_or_default().is_empty();
    assert!(asked <= 1);
    if asked == 1 {
        assert!(complete && in_time && same && code, "{query:?} {begun:?}");
    }
    if complete && in_time && same && code && alone && text("again").is_none() {
        let again = begun.as_ref().and_then(|begun| begun.get("again"));
        let well = again.is_none_or(Value::is_null);
        assert!(!well || asked == 1, "{query:?} {begun:?}");
    }
    match status {
        400 => assert_eq!(calls, 0),
        // A session was to be made, after the issuer's good word on this very sign-in; a table that doesn't exist is our fault.
        500 => {
            assert!(asked == 1 && text("nonce") == Some("n"), "{begun:?}");
            assert!(line(3).contains("{token}"));
        }
        other => panic!("{other}"),
    }
}

/// One a minute: a signature takes as long as half of all the rest.
fn id_token(now: i64) -> String {
    static TOKEN: Mutex<(i64, String)> = Mutex::new((0, String::new()));
    let mut token = TOKEN.lock().unwrap_or_else(PoisonError::into_inner);
    if now - token.0 >= 60 {
        let claims = json!({
            "iss": ISSUER, "sub": "somebody", "token_use": "id", "aud": CLIENT, "nonce": "n",
            "exp": now + 120, "iat": now, "auth_time": now,
        });
        *token = (now, issuer::signed(&claims));
    }
    token.1.clone()
}

fn request(back: bool, query: &[(String, String)], cookie: &str) -> lambda_http::Request {
    static BLANK: LazyLock<[lambda_http::Request; 2]> =
        LazyLock::new(|| ["/dashboard/sign-in", "/dashboard/callback"].map(blank));

    let mut request = BLANK[usize::from(back)].clone();
    let cookie = cookie.parse().expect("a header's value");
    request.headers_mut().insert(header::COOKIE, cookie);
    let mut parameters: HashMap<String, Vec<String>> = HashMap::new();
    for (name, value) in query {
        let values = parameters.entry(name.clone()).or_default();
        values.push(value.clone());
    }
    request.with_query_string_parameters(parameters)
}

/// Without cookie and query. Its event is read once: that is the library's part, and takes longer than ours.
fn blank(path: &str) -> lambda_http::Request {
    let event = json!({
        "resource": path, "path": path, "httpMethod": "GET",
        "headers": { "host": "app.example" },
        "multiValueHeaders": { "host": ["app.example"] },
        "queryStringParameters": null, "multiValueQueryStringParameters": null,
        "pathParameters": null, "stageVariables": null,
        "requestContext": {
            "accountId": "123456789012", "apiId": "api", "domainName": "app.example",
            "extendedRequestId": "x", "httpMethod": "GET", "requestId": "r",
            "identity": { "sourceIp": "198.51.100.7" },
            "path": path, "protocol": "HTTP/1.1", "resourceId": "r", "resourcePath": path,
            "stage": "v1",
        },
        "body": null, "isBase64Encoded": false,
    });
    lambda_http::request::from_str(&event.to_string()).expect("a request")
}

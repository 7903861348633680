use super::*;
use crate::message::{HttpRequest, HttpResponse};
use auth::{Jwks, verify_access_token, verify_id_token};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use std::collections::BTreeSet;

const EMAIL: &str = "owner@acme.example";
const FORM: &str = "application/x-www-form-urlencoded";
const REDIRECT: &str = "http://127.0.0.1:3000/callback";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn issuer() -> Issuer {
    let key = SigningKey::from_slice(&[7; 32]).expect("a key");
    Issuer::new(
        "http://127.0.0.1:3001",
        key,
        vec![EMAIL.to_owned()],
        Clock::system(),
    )
}

fn post(issuer: &Issuer, path: &str, fields: &[(&str, &str)]) -> HttpResponse {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    issuer.handle(&HttpRequest::new("POST", path).body(FORM, body))
}

fn sign_in<'f>(redirect: &'f str, password: &'f str) -> Vec<(&'f str, &'f str)> {
    vec![
        ("response_type", "code"),
        ("client_id", CLIENT_ID),
        ("redirect_uri", redirect),
        ("scope", "openid email"),
        ("state", "s&t"),
        ("nonce", "n-1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("email", EMAIL),
        ("password", password),
    ]
}

fn exchange(issuer: &Issuer, code: &str, verifier: &str) -> HttpResponse {
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT_ID),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", verifier),
    ];
    post(issuer, "/token", &fields)
}

fn code(response: &HttpResponse) -> String {
    let target =
        url::Url::parse(response.header("location").expect("a redirection")).expect("a URL");
    let pairs: std::collections::HashMap<_, _> = target.query_pairs().into_owned().collect();
    assert_eq!(pairs["state"], "s&t");
    pairs["code"].clone()
}

fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).expect("claims");
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).expect("Base64")).expect("JSON")
}

fn names(claims: &Value) -> BTreeSet<&str> {
    claims
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn the_password_grant_gives_tokens_with_cognitos_claims_that_auth_accepts() {
    let issuer = issuer();
    let fields = [
        ("grant_type", "password"),
        ("username", EMAIL),
        ("password", PASSWORD),
        ("client_id", CLIENT_ID),
    ];
    let response = post(&issuer, "/token", &fields);
    assert_eq!(response.status, 200);
    let body = response.json().expect("JSON");
    assert_eq!(
        (&body["token_type"], &body["expires_in"]),
        (&json!("Bearer"), &json!(600))
    );
    let (access, id) = (
        body["access_token"].as_str().expect("text"),
        body["id_token"].as_str().expect("text"),
    );
    let jwks = issuer.handle(&HttpRequest::new("GET", "/.well-known/jwks.json"));
    let jwks = Jwks::from_json(&jwks.text()).expect("a key set");
    let now = Clock::system().now().millis();
    let person = verify_access_token(access, &issuer.config(), &jwks, now).expect("accepted");
    assert_eq!(
        PersonId::new(&person.issuer, &person.subject),
        issuer.person(EMAIL)
    );
    let verified = verify_id_token(id, &issuer.config(), &jwks, now).expect("accepted");
    assert_eq!(verified.verified_email.as_deref(), Some(EMAIL));
    assert!(verify_access_token(id, &issuer.config(), &jwks, now).is_err());

    let common = [
        "sub",
        "iss",
        "origin_jti",
        "event_id",
        "token_use",
        "auth_time",
        "exp",
        "iat",
        "jti",
    ];
    let with = |more: &[&'static str]| common.iter().chain(more).copied().collect::<BTreeSet<_>>();
    assert_eq!(
        names(&claims(access)),
        with(&["client_id", "scope", "username"])
    );
    assert_eq!(
        names(&claims(id)),
        with(&["email", "email_verified", "cognito:username", "aud"])
    );
}

#[test]
fn a_code_is_good_once_for_who_began() {
    let issuer = issuer();
    let begin = || code(&post(&issuer, "/authorize", &sign_in(REDIRECT, PASSWORD)));
    let first = begin();
    let tokens = exchange(&issuer, &first, VERIFIER);
    assert_eq!(tokens.status, 200);
    let id = claims(
        tokens.json().expect("JSON")["id_token"]
            .as_str()
            .expect("text"),
    );
    assert_eq!(id["nonce"], "n-1");
    assert_eq!(exchange(&issuer, &first, VERIFIER).status, 400);
    let second = begin();
    assert_eq!(exchange(&issuer, &second, "another verifier").status, 400);
    assert_eq!(
        exchange(&issuer, &second, VERIFIER).status,
        400,
        "used up by the wrong verifier"
    );
}

#[test]
fn nobody_signs_in_without_the_password_or_to_another_machine() {
    let issuer = issuer();
    assert_eq!(
        post(&issuer, "/authorize", &sign_in(REDIRECT, "wrong")).status,
        401
    );
    for elsewhere in [
        "https://evil.example/",
        "http://evil.example/",
        "http://127.0.0.1@evil.example/",
        "javascript:0",
        "",
    ] {
        let response = post(&issuer, "/authorize", &sign_in(elsewhere, PASSWORD));
        assert_eq!(
            (response.status, response.header("location")),
            (400, None),
            "{elsewhere}"
        );
    }
    for here in ["http://localhost:9/x", "http://[::1]:9/x"] {
        assert_eq!(
            post(&issuer, "/authorize", &sign_in(here, PASSWORD)).status,
            303,
            "{here}"
        );
    }
    let wrong = [
        ("grant_type", "password"),
        ("username", EMAIL),
        ("password", "x"),
        ("client_id", CLIENT_ID),
    ];
    assert_eq!(post(&issuer, "/token", &wrong).status, 400);
}

#[test]
fn what_the_client_sends_is_escaped_in_the_form() {
    let target = format!(
        "/authorize?response_type=code&client_id={CLIENT_ID}&redirect_uri={REDIRECT}&scope=openid\
         &state=%22%3E%3Cscript%3E&code_challenge={CHALLENGE}&code_challenge_method=S256"
    );
    let page = issuer().handle(&HttpRequest::new("GET", &target));
    assert_eq!(page.status, 200);
    assert!(!page.text().contains("<script>") && page.text().contains("&quot;&gt;&lt;script&gt;"));
    let silent = issuer().handle(&HttpRequest::new("GET", &format!("{target}&prompt=none")));
    assert!(
        silent
            .header("location")
            .is_some_and(|target| target.contains("error=login_required"))
    );
}

use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use serde_json::{Value, json};

use super::{fixture, *};

const NOW: i64 = 1_767_225_600;
const ISSUER: &str = "http://127.0.0.1:3000/issuer";
const CLIENT: &str = "instaview-dashboard";

/// A development issuer with one key.
struct Issuer {
    key: SigningKey,
    kid: &'static str,
}

impl Issuer {
    fn new(byte: u8, kid: &'static str) -> Self {
        let key = SigningKey::from_slice(&[byte; 32]).expect("a scalar of P-256");
        Issuer { key, kid }
    }

    fn jwk(&self) -> Value {
        let point = self.key.verifying_key().to_sec1_point(false);
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({
            "kty": "EC", "crv": "P-256", "kid": self.kid, "use": "sig", "alg": "ES256",
            "x": text(&point.as_bytes()[1..33]), "y": text(&point.as_bytes()[33..]),
        })
    }

    fn jwks(&self) -> Jwks {
        Jwks::from_json(&json!({ "keys": [self.jwk()] }).to_string()).expect("a good set")
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    fn sign_text(&self, header: &str, claims: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", part(header), part(claims));
        let signature: Signature = self.key.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    fn header(&self) -> Value {
        json!({ "alg": "ES256", "kid": self.kid })
    }
}

fn issuer() -> Issuer {
    Issuer::new(7, "k1")
}

fn config() -> IssuerConfig {
    IssuerConfig {
        issuer: ISSUER.to_owned(),
        jwks_url: format!("{ISSUER}/jwks.json"),
        client_ids: vec!["other".to_owned(), CLIENT.to_owned()],
        algorithm: TokenAlgorithm::Es256,
    }
}

fn access_claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "5d1f8a3e", "token_use": "access", "client_id": CLIENT,
        "exp": NOW + 3600, "iat": NOW, "auth_time": NOW - 60, "scope": "openid", "jti": "j",
    })
}

fn id_claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "5d1f8a3e", "token_use": "id", "aud": CLIENT,
        "exp": NOW + 3600, "iat": NOW, "auth_time": NOW - 60,
        "email": "ada@example.com", "email_verified": true,
    })
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().expect("an object").remove(name);
    claims
}

fn check(token: &str) -> Result<AccessToken, TokenRefused> {
    verify_access_token(token, &config(), &issuer().jwks(), NOW * 1000)
}

fn check_claims(claims: &Value, now_millis: i64) -> Result<AccessToken, TokenRefused> {
    let token = issuer().sign(&issuer().header(), claims);
    verify_access_token(&token, &config(), &issuer().jwks(), now_millis)
}

fn check_header(header: &Value) -> Result<AccessToken, TokenRefused> {
    check(&issuer().sign(header, &access_claims()))
}

fn check_id(claims: &Value, now_millis: i64) -> Result<IdToken, TokenRefused> {
    let token = issuer().sign(&issuer().header(), claims);
    verify_id_token(&token, &config(), &issuer().jwks(), now_millis)
}

fn cognito() -> IssuerConfig {
    IssuerConfig {
        issuer: "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_FixturePool"
            .to_owned(),
        jwks_url: String::new(),
        client_ids: vec!["4fixtureclient0000000000000".to_owned()],
        algorithm: TokenAlgorithm::Rs256,
    }
}

fn cognito_keys() -> Jwks {
    Jwks::from_json(fixture::JWKS).expect("a good set")
}

const UNUSABLE: Result<AccessToken, TokenRefused> = Err(TokenRefused::Unusable);

#[test]
fn a_good_access_token_says_who_it_is() {
    let said = AccessToken {
        issuer: ISSUER.to_owned(),
        subject: "5d1f8a3e".to_owned(),
        auth_time: (NOW - 60) * 1000,
        email: None,
    };
    assert_eq!(check_claims(&access_claims(), NOW * 1000), Ok(said.clone()));
    let email = Some("ada@example.com".to_owned());
    assert_eq!(
        check_claims(&with(access_claims(), "email", json!(email)), NOW * 1000),
        Ok(AccessToken { email, ..said })
    );
}

#[test]
fn cognitos_tokens_are_accepted() {
    let said = verify_access_token(
        fixture::ACCESS_TOKEN,
        &cognito(),
        &cognito_keys(),
        NOW * 1000,
    )
    .expect("good");
    assert_eq!(said.subject, "5d1f8a3e-30b1-70c2-9a44-2f6d5e9b1c07");
    assert_eq!(said.auth_time, NOW * 1000);
    let (signed, signature) = fixture::ACCESS_TOKEN.rsplit_once('.').expect("three parts");
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).expect("Base64");
    bytes[100] ^= 1;
    let forged = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(&bytes));
    assert_eq!(
        verify_access_token(&forged, &cognito(), &cognito_keys(), NOW * 1000),
        UNUSABLE
    );
}

#[test]
fn the_public_key_is_no_hmac_secret() {
    for algorithm in [TokenAlgorithm::Rs256, TokenAlgorithm::Es256] {
        let config = IssuerConfig {
            algorithm,
            ..cognito()
        };
        let said = verify_access_token(
            fixture::CONFUSED_TOKEN,
            &config,
            &cognito_keys(),
            NOW * 1000,
        );
        assert_eq!(said, UNUSABLE);
    }
}

#[test]
fn any_alg_but_the_configured_one_is_refused() {
    for alg in [
        "none", "None", "", "es256", "ES384", "RS256", "PS256", "HS256", "EdDSA",
    ] {
        assert_eq!(
            check_header(&with(issuer().header(), "alg", json!(alg))),
            UNUSABLE,
            "{alg}"
        );
    }
    assert_eq!(check_header(&without(issuer().header(), "alg")), UNUSABLE);
    let unsigned = issuer().sign(&json!({ "alg": "none", "kid": "k1" }), &access_claims());
    let (signed, _) = unsigned.rsplit_once('.').expect("three parts");
    assert_eq!(check(&format!("{signed}.")), UNUSABLE);
    // A good token whose key is of another algorithm than the configured one.
    let config = IssuerConfig {
        algorithm: TokenAlgorithm::Es256,
        ..cognito()
    };
    let said = verify_access_token(fixture::ACCESS_TOKEN, &config, &cognito_keys(), NOW * 1000);
    assert_eq!(said, UNUSABLE);
    // The kid of an RSA key under ES256.
    let rsa_kid = issuer().sign(
        &json!({ "alg": "ES256", "kid": "fixture-rs256" }),
        &access_claims(),
    );
    let said = verify_access_token(&rsa_kid, &config, &cognito_keys(), NOW * 1000);
    assert_eq!(said, UNUSABLE);
}

#[test]
fn a_kid_is_needed_and_an_unknown_one_is_named() {
    assert_eq!(check_header(&without(issuer().header(), "kid")), UNUSABLE);
    assert_eq!(
        check_header(&with(issuer().header(), "kid", json!(null))),
        UNUSABLE
    );
    assert_eq!(
        check_header(&with(issuer().header(), "kid", json!(1))),
        UNUSABLE
    );
    for kid in ["k2", "", "K1", "k1 "] {
        assert_eq!(
            check_header(&with(issuer().header(), "kid", json!(kid))),
            Err(TokenRefused::UnknownKid(kid.to_owned()))
        );
    }
    let good = issuer().sign(&issuer().header(), &access_claims());
    assert_eq!(key_id(&good, &config()), Ok("k1".to_owned()));
    assert_eq!(
        key_id(fixture::ACCESS_TOKEN, &config()),
        Err(TokenRefused::Unusable)
    );
}

#[test]
fn keys_that_a_token_brings_along_are_ignored() {
    let thief = Issuer::new(9, "k1");
    for (name, value) in [
        ("jwk", thief.jwk()),
        ("jwk", json!("nonsense")),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/cert.pem")),
        ("x5c", json!([1])),
        ("typ", json!("anything")),
    ] {
        let header = with(issuer().header(), name, value);
        assert!(check_header(&header).is_ok(), "{name}");
        assert_eq!(
            check(&thief.sign(&header, &access_claims())),
            UNUSABLE,
            "{name}"
        );
    }
    assert_eq!(
        check(&thief.sign(&issuer().header(), &access_claims())),
        UNUSABLE
    );
    assert_eq!(
        check_header(&with(issuer().header(), "crit", json!(["exp"]))),
        UNUSABLE
    );
}

#[test]
fn an_id_token_is_no_bearer_and_an_access_token_no_id_token() {
    assert_eq!(check_claims(&id_claims(), NOW * 1000), UNUSABLE);
    let mixed = with(
        with(id_claims(), "client_id", json!(CLIENT)),
        "email",
        json!("a@b.c"),
    );
    assert_eq!(check_claims(&mixed, NOW * 1000), UNUSABLE);
    let mixed = with(access_claims(), "aud", json!(CLIENT));
    assert!(check_claims(&mixed, NOW * 1000).is_ok());
    assert_eq!(check_id(&mixed, NOW * 1000), Err(TokenRefused::Unusable));
}

#[test]
fn the_issuer_is_compared_byte_for_byte() {
    for iss in [
        &format!("{ISSUER}/"),
        &ISSUER.to_uppercase(),
        &ISSUER.replace("http", "https"),
        &ISSUER[1..],
        &format!(" {ISSUER}"),
        "",
    ] {
        assert_eq!(
            check_claims(&with(access_claims(), "iss", json!(iss)), NOW * 1000),
            UNUSABLE
        );
    }
    assert_eq!(
        check_claims(&with(access_claims(), "iss", json!([ISSUER])), NOW * 1000),
        UNUSABLE
    );
}

#[test]
fn only_configured_clients_are_accepted() {
    assert!(
        check_claims(
            &with(access_claims(), "client_id", json!("other")),
            NOW * 1000
        )
        .is_ok()
    );
    for client in [json!("another"), json!(""), json!([CLIENT]), json!(null)] {
        assert_eq!(
            check_claims(&with(access_claims(), "client_id", client), NOW * 1000),
            UNUSABLE
        );
    }
}

#[test]
fn every_claim_is_needed() {
    for name in [
        "iss",
        "sub",
        "token_use",
        "client_id",
        "exp",
        "iat",
        "auth_time",
    ] {
        assert_eq!(
            check_claims(&without(access_claims(), name), NOW * 1000),
            UNUSABLE,
            "{name}"
        );
    }
    assert_eq!(
        check_claims(&with(access_claims(), "sub", json!("")), NOW * 1000),
        UNUSABLE
    );
    for name in ["exp", "iat", "auth_time", "nbf"] {
        for odd in [
            json!("1767225600"),
            json!(-1),
            json!(1767225600.5),
            json!([]),
            json!(u64::MAX),
        ] {
            assert_eq!(
                check_claims(&with(access_claims(), name, odd), NOW * 1000),
                UNUSABLE,
                "{name}"
            );
        }
    }
}

#[test]
fn expiry_has_five_seconds_of_leeway() {
    let expires =
        |exp: i64, now_millis| check_claims(&with(access_claims(), "exp", json!(exp)), now_millis);
    assert!(expires(NOW, NOW * 1000 + 4_999).is_ok());
    assert_eq!(expires(NOW, NOW * 1000 + 5_000), UNUSABLE);
    let last = 253_402_300_799;
    assert!(expires(last, NOW * 1000).is_ok());
    assert_eq!(expires(last + 1, NOW * 1000), UNUSABLE);
}

#[test]
fn nothing_may_begin_more_than_five_seconds_ahead() {
    for name in ["iat", "auth_time", "nbf"] {
        let begins =
            |at: i64, now_millis| check_claims(&with(access_claims(), name, json!(at)), now_millis);
        assert!(begins(NOW + 5, NOW * 1000).is_ok(), "{name}");
        assert_eq!(begins(NOW + 6, NOW * 1000), UNUSABLE, "{name}");
        assert_eq!(begins(NOW + 6, NOW * 1000 + 999), UNUSABLE, "{name}");
        assert!(begins(NOW + 6, NOW * 1000 + 1_000).is_ok(), "{name}");
    }
}

#[test]
fn four_kibibytes_are_the_most() {
    // Base64 skips every fourth length, so both parts grow.
    let sized = |length: usize| {
        let grown = |header: usize, claims: usize| {
            let padded = |value, size| with(value, "padding", json!("x".repeat(size)));
            let header = padded(issuer().header(), header);
            issuer().sign(&header, &padded(access_claims(), claims))
        };
        let short = grown(0, 0).len();
        let room = (length - short) / 4 * 3;
        (0..4)
            .flat_map(|header| (room - 6..room + 6).map(move |claims| (header, claims)))
            .map(|(header, claims)| grown(header, claims))
            .find(|token| token.len() == length)
            .expect("every length occurs")
    };
    assert!(check(&sized(4096)).is_ok());
    assert_eq!(check(&sized(4097)), UNUSABLE);
}

#[test]
fn a_field_given_twice_is_refused() {
    let header = issuer().header().to_string();
    let claims = access_claims().to_string();
    assert!(check(&issuer().sign_text(&header, &claims)).is_ok());
    for (name, value) in [("alg", "ES256"), ("kid", "k1")] {
        let twice = header.replacen('{', &format!(r#"{{"{name}":"{value}","#), 1);
        assert_eq!(
            check(&issuer().sign_text(&twice, &claims)),
            UNUSABLE,
            "{name}"
        );
    }
    for (name, value) in [
        ("token_use", "access"),
        ("iss", ISSUER),
        ("client_id", CLIENT),
        ("sub", "x"),
    ] {
        let twice = claims.replacen('{', &format!(r#"{{"{name}":"{value}","#), 1);
        assert_eq!(
            check(&issuer().sign_text(&header, &twice)),
            UNUSABLE,
            "{name}"
        );
    }
}

#[test]
fn changed_or_malformed_tokens_are_refused_without_a_panic() {
    let good = issuer().sign(&issuer().header(), &access_claims());
    assert!(check(&good).is_ok());
    let mut random = crate::seeded::Seeded::new(40);
    for at in 0..good.len() {
        let mut bytes = good.as_bytes().to_vec();
        while bytes[at] == good.as_bytes()[at] {
            bytes[at] = b"ABCDwxyz0189-_.="[random.below(16) as usize];
        }
        let text = String::from_utf8(bytes).expect("ASCII");
        assert!(check(&text).is_err(), "{at}");
        assert!(check(&good[..at]).is_err(), "{at}");
    }
    let dotted = format!("{good}.");
    for text in [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "é.é.é",
        &dotted,
        &format!(".{good}"),
        &format!("{good} "),
    ] {
        assert_eq!(check(text), UNUSABLE, "{text}");
    }
}

#[test]
fn an_id_token_says_a_verified_address_only() {
    let said = check_id(&id_claims(), NOW * 1000).expect("good");
    assert_eq!(
        said,
        IdToken {
            issuer: ISSUER.to_owned(),
            subject: "5d1f8a3e".to_owned(),
            auth_time: (NOW - 60) * 1000,
            verified_email: Some("ada@example.com".to_owned()),
            nonce: None,
        }
    );
    for claims in [
        with(id_claims(), "email_verified", json!(false)),
        without(id_claims(), "email_verified"),
        without(id_claims(), "email"),
    ] {
        let said = check_id(&claims, NOW * 1000).expect("good");
        assert_eq!(said.verified_email, None);
    }
    for claims in [
        with(id_claims(), "email_verified", json!("true")),
        with(id_claims(), "aud", json!("another")),
        with(id_claims(), "aud", json!([CLIENT])),
        with(id_claims(), "iss", json!("x")),
        without(id_claims(), "aud"),
    ] {
        assert_eq!(check_id(&claims, NOW * 1000), Err(TokenRefused::Unusable));
    }
}

#[test]
fn an_id_token_is_five_minutes_old_at_most() {
    let edge = (NOW + 305) * 1000;
    assert!(check_id(&id_claims(), edge).is_ok());
    assert!(check_id(&id_claims(), edge + 1).is_err());
}

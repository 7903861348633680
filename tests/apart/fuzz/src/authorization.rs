//! The Authorization header, as often as it is sent, through the authorizer.
//!
//! Each line is a header: its name, a colon, its value. `{key}` stands for a key that we minted, `{token}` for a token that the issuer signed.

use auth::{Effect, Keyring};
use authorizer::{Authorizer, AuthorizerError};
use model::{KeyId, KeyKind};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

use crate::{
    issuer::{self, CLIENT, ISSUER},
    lines,
    process::{PROCESS, document},
};

static KEY: LazyLock<String> = LazyLock::new(|| {
    let keyring = Keyring::new(&document());
    let (key, _) = keyring.mint(KeyKind::Standard, KeyId::new([1; 8]), [2; 32]);
    key.expose().to_owned()
});

/// Good for as long as a long run may take.
static TOKEN: LazyLock<String> = LazyLock::new(|| {
    let now = PROCESS.app.clock.now().seconds();
    issuer::signed(&json!({
        "iss": ISSUER, "sub": "somebody", "token_use": "access", "client_id": CLIENT,
        "exp": now + 86_400, "iat": now, "auth_time": now,
    }))
});

static AUTHORIZER: LazyLock<Authorizer> = LazyLock::new(|| Authorizer::new(PROCESS.app.clone()));

pub fn authorization(data: &[u8]) {
    let mut headers: Map<String, Value> = Map::new();
    let mut credentials = Vec::new();
    for line in lines(data) {
        let (name, value) = line.split_once(':').unwrap_or(("Authorization", &line));
        let value = value.replace("{key}", &KEY).replace("{token}", &TOKEN);
        if name.eq_ignore_ascii_case("authorization") {
            credentials.push(value.clone());
        }
        let values = headers.entry(name).or_insert_with(|| json!([]));
        values.as_array_mut().expect("a list").push(value.into());
    }
    let event = json!({
        "type": "REQUEST",
        "methodArn": "arn:aws:execute-api:eu-central-1:123456789012:api/v1/GET/jobs",
        "multiValueHeaders": headers,
        "requestContext": {
            "requestId": "r", "resourcePath": "/jobs", "httpMethod": "GET",
            "identity": { "sourceIp": "198.51.100.7" },
        },
    });
    let (answer, calls) = PROCESS.run(AUTHORIZER.authorize(event));
    // Only who brings exactly one good key is worth a look at the tables, which are away.
    let good = match credentials.as_slice() {
        [only] => only
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, text)| text)
            .filter(|text| *text == *KEY || *text == *TOKEN),
        _ => None,
    };
    match answer {
        // A person on a route for keys: turned away without a look at any row, and kept as that where there are tables.
        Ok(answer) => {
            let statements = &answer.policy_document.statement;
            assert!(
                statements.iter().all(|one| one.effect == Effect::Deny),
                "allowed without a row"
            );
            assert_eq!(good, Some(TOKEN.as_str()), "{credentials:?}");
        }
        Err(AuthorizerError::Unauthorized) => {
            assert_eq!(good, None, "{credentials:?}");
            assert_eq!(calls, 0, "{credentials:?}");
        }
        Err(AuthorizerError::Store(_)) => {
            assert_eq!(good, Some(KEY.as_str()), "{credentials:?}");
            assert!(calls > 0, "{credentials:?}");
        }
        Err(fault) => panic!("{fault} of {credentials:?}"),
    }
}

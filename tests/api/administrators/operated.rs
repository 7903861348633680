//! `operate administrator`: whoever runs the stack makes and ends them.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use operate::{Person, create_administrator, end_administrator};
use serde_json::Value;
use std::time::Duration;
use tests::{Caller, REASON, TestApp};

const BOSS: &str = "boss@instaview.example";

/// As the person's own tokens say it.
fn person(caller: &Caller) -> Person {
    let token = caller.credential.as_deref().expect("a token");
    let claims = token.split('.').nth(1).expect("claims");
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).expect("base64");
    let claims: Value = serde_json::from_slice(&claims).expect("JSON");
    let text = |name: &str| claims[name].as_str().expect("a text").to_owned();
    Person {
        issuer: text("iss"),
        subject: text("sub"),
    }
}

#[tokio::test]
async fn the_first_administrator_is_made_and_ended_by_hand() {
    let app = TestApp::start().await;
    let boss = app.person(BOSS).because(REASON);
    let who = person(&boss);
    // What loosens counts within a second.
    let asked = || async {
        app.advance(Duration::from_secs(1));
        app.get(&boss, "/partners").await.status
    };
    assert_eq!(asked().await, 403);
    let missing = end_administrator(app.app(), &who).await;
    let missing = missing.expect_err("nobody to end").to_string();
    assert!(missing.contains("was never an administrator"), "{missing}");

    for told in [
        "is an administrator from now on",
        "is an administrator already",
    ] {
        let said = create_administrator(app.app(), &who, BOSS).await;
        let said = said.expect("made");
        assert!(said.contains(told), "{said}");
        assert_eq!(asked().await, 200);
    }
    for told in ["is no administrator any more", "is none any more already"] {
        let said = end_administrator(app.app(), &who).await.expect("ended");
        assert!(said.contains(told) && said.contains(BOSS), "{said}");
        assert_eq!(asked().await, 403);
    }
    let said = create_administrator(app.app(), &who, BOSS).await;
    assert!(said.expect("again").contains("from now on"));
    assert_eq!(asked().await, 200);
}

#[tokio::test]
async fn what_names_nobody_is_refused_before_a_row_is_made() {
    let app = TestApp::start().await;
    let good = person(&app.person(BOSS));
    let of = |issuer: &str, subject: &str| Person {
        issuer: issuer.to_owned(),
        subject: subject.to_owned(),
    };
    for (who, email, told) in [
        (
            of("eu-central-1_AbCdEfGhI", &good.subject),
            BOSS,
            "is no issuer",
        ),
        (of("", &good.subject), BOSS, "is no issuer"),
        (of(&good.issuer, BOSS), BOSS, "is no subject"),
        (of(&good.issuer, ""), BOSS, "is no subject"),
        (good.clone(), "boss", "is no e-mail address"),
    ] {
        let refused = create_administrator(app.app(), &who, email).await;
        let refused = refused.expect_err(told).to_string();
        assert!(refused.contains(told), "{refused}");
    }
    let row = app.system.issuer().person(BOSS);
    let row = app.app().table.find_administrator(&row).await;
    assert!(row.expect("read").is_none());
}

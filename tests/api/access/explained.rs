//! What an explanation says: the reason in words, with the facts of that moment.

use super::callers::{in_seconds, minted};
use model::{Plan, RateLimit};
use routes::Scope;
use serde_json::json;
use std::time::Duration;
use tests::{Answer, Caller, TestApp};

/// The message of a refusal, as a member reads it.
async fn message(app: &TestApp, member: &Caller, refused: &Answer) -> String {
    let id = refused.header("x-request-id").expect("an id");
    let path = format!("/denials/{}", id.replace('=', "%3D"));
    let denial = app.get(member, &path).await;
    assert_eq!(denial.status, 200, "{}: {}", refused.body, denial.body);
    denial.data()["message"].as_str().expect("text").to_owned()
}

fn suffix(caller: &Caller) -> &str {
    &caller.credential.as_deref().expect("a key")[42..]
}

#[tokio::test]
async fn a_keys_refusals_name_the_facts() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let why = async |caller: &Caller, target: &str| {
        // A refusal is remembered for a second, with what the row said then.
        app.advance(Duration::from_secs(1));
        let refused = app.get(caller, target).await;
        message(&app, &acme.member, &refused).await
    };
    let whoami = app.get(&acme.owner, "/whoami").await;
    let person = whoami.data()["id"].as_str().expect("an id");
    let change = async |id: &str, action: &str| {
        let path = format!("/api-keys/{id}/{action}");
        let body = json!({ "reason": "Seen in a public repository" });
        app.post(&acme.owner, &path, &body).await
    };

    // Times are those of the row's last change: within the answer's.
    let key = app.key(&acme, [Scope::ReadJobs]).await;
    let id = key.id.to_string();
    let suspended = change(&id, "suspend").await;
    let at = suspended.body["timestamp"].as_str().expect("an instant");
    let by = format!("by USER {person}: Seen in a public repository");
    assert_eq!(
        why(&key.caller, "/jobs").await,
        format!("the key was suspended at {at} {by}")
    );
    // A later change has covered who it was.
    let renamed = json!({ "name": "Renamed" });
    app.patch(&acme.owner, &format!("/api-keys/{id}"), &renamed)
        .await;
    assert_eq!(why(&key.caller, "/jobs").await, "the key is suspended");
    let revoked = change(&id, "revoke").await;
    let at = revoked.body["timestamp"].as_str().expect("an instant");
    assert_eq!(
        why(&key.caller, "/jobs").await,
        format!("the key was revoked at {at} {by}")
    );

    let ips = json!(["10.0.0.0/8", "198.51.100.7"]);
    let fields = json!({ "scopes": ["read:jobs", "read:agents"], "allowedIPs": ips });
    let key = app.key_with(&acme, fields).await;
    assert_eq!(
        why(&key.caller.from_address("203.0.113.9"), "/jobs").await,
        "address 203.0.113.9 is not in 10.0.0.0/8, 198.51.100.7"
    );
    let refused = app.post(&key.caller, "/jobs", &tests::job()).await;
    assert_eq!(
        message(&app, &acme.member, &refused).await,
        "needs write:jobs; the key has read:jobs, read:agents"
    );
    let foreign = "01900000-0000-7000-8000-00000000000a";
    assert_eq!(
        why(&key.caller, &format!("/jobs?companyId={foreign}")).await,
        format!(
            "the key belongs to the company {}, and the request names another",
            acme.id
        )
    );
    let wrong = minted(&app, key.id);
    assert_eq!(
        why(&wrong, "/jobs").await,
        format!(
            "the key's id is right and the secret …{} is not; it has …{}",
            suffix(&wrong),
            suffix(&key.caller)
        )
    );
    // Fifty networks are told by the first ten.
    let many: Vec<_> = (0..50).map(|third| format!("10.0.{third}.0/24")).collect();
    let wide = app.key_with(&acme, json!({ "allowedIPs": many })).await;
    assert_eq!(
        why(&wide.caller, "/jobs").await,
        format!(
            "address 198.51.100.7 is not in {} and 40 more",
            many[..10].join(", ")
        )
    );

    let path = format!("/api-keys/{}/rotate", key.id);
    app.post(&acme.owner, &path, &json!({})).await;
    let path = format!("/api-keys/{}/overlap", key.id);
    let end = json!({ "validUntil": "2026-01-01T00:00:00Z" });
    let ended = app.patch(&acme.owner, &path, &end).await;
    let until = ended.data()["secrets"][0]["validUntil"]
        .as_str()
        .expect("an instant");
    assert_eq!(
        why(&key.caller, "/jobs").await,
        format!(
            "the secret …{} was replaced, and its overlap ended at {until}",
            suffix(&key.caller)
        )
    );
    let expiry = in_seconds(app.now(), 30).to_string();
    let fields = json!({ "expiresAt": expiry, "scopes": ["read:jobs"] });
    let key = app.key_with(&acme, fields).await;
    app.advance(Duration::from_secs(31));
    assert_eq!(
        why(&key.caller, "/jobs").await,
        format!("the key expired at {expiry}")
    );
}

#[tokio::test]
async fn the_wrong_kind_of_credential_and_a_company_that_cant_be_are_named() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await;
    let partner = app.partner("Hirebridge").await;
    let people = "the route is for people, and a key can never manage keys";
    let no_company = "companyId names no company, was given more than once, or is not the path's";
    for (caller, member, target, told) in [
        (&key.caller, &acme.member, "/api-keys", people),
        (
            &key.caller,
            &acme.member,
            "/jobs?companyId=junk",
            no_company,
        ),
        (
            &partner.key.caller,
            &partner.member,
            "/jobs",
            "an ATS key names the company in companyId",
        ),
        (
            &partner.key.caller,
            &partner.member,
            "/jobs?companyId=junk",
            no_company,
        ),
    ] {
        let refused = app.get(caller, target).await;
        assert_eq!(message(&app, member, &refused).await, told, "{target}");
    }
    let company = json!({ "name": "Newcomer" });
    let refused = app.post(&key.caller, "/companies", &company).await;
    assert_eq!(
        message(&app, &acme.member, &refused).await,
        "only a partner's key makes companies"
    );
}

#[tokio::test]
async fn a_full_window_is_named_with_its_limit_and_its_end() {
    let app = TestApp::calm().await;
    let limits = RateLimit {
        per_minute: 2,
        per_hour: 100,
        per_second: None,
    };
    let acme = app.company_on("Acme", Plan::Enterprise, Some(limits)).await;
    let key = app.key(&acme, [Scope::ReadJobs]).await;
    app.next_minute(Duration::from_secs(1));
    let mut answer = app.get(&key.caller, "/jobs").await;
    while answer.status == 200 {
        answer = app.get(&key.caller, "/jobs").await;
    }
    let reset = answer.details()["reset"].as_i64().expect("a number");
    let until = model::Timestamp::from_millis(reset * 1000).expect("in range");
    assert_eq!(
        message(&app, &acme.member, &answer).await,
        format!("all 2 requests of the minute until {until} were accepted")
    );
}

#[tokio::test]
async fn a_persons_refusals_name_the_role_and_the_sign_in() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let refused = app.post(&acme.member, "/api-keys", &json!({})).await;
    assert_eq!(
        message(&app, &acme.owner, &refused).await,
        "the route needs the role ADMIN; the person is MEMBER"
    );
    let stale = app.person_signed_in("owner@acme.example", Duration::from_secs(13 * 3600));
    let refused = app.post(&stale, "/api-keys", &json!({})).await;
    let told = message(&app, &acme.owner, &refused).await;
    assert!(told.starts_with("the person signed in at 20"), "{told}");
    assert!(told.ends_with("Z, more than 12 hours ago"), "{told}");
}

#[tokio::test]
async fn a_partner_reads_what_became_of_its_grant() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let partner = app.partner("Hirebridge").await;
    let key = partner.key.caller.for_company(acme.id);
    let why = async || {
        let refused = app.get(&key, "/jobs").await;
        assert_eq!(refused.status, 403, "{}", refused.body);
        message(&app, &partner.member, &refused).await
    };
    let none = "no grant links the partner and the company that the request names";
    assert_eq!(why().await, none);
    let few = json!({ "partnerId": partner.id, "scopes": ["read:agents"] });
    app.post(&acme.owner, "/partner-grants", &few).await;
    assert_eq!(why().await, "needs read:jobs; the grant has read:agents");
    for (action, how) in [("suspend", "was suspended"), ("end", "ended")] {
        let path = format!("/partner-grants/{}/{action}", partner.id);
        let changed = app.post(&acme.owner, &path, &json!({})).await;
        let at = changed.data()["updatedAt"].as_str().expect("an instant");
        app.advance(Duration::from_secs(2));
        let told = format!("the grant of the company {} {how} at {at}", acme.id);
        assert_eq!(why().await, told);
    }
}

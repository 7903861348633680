//! Invitations: made, mailed, accepted once by the right person, and in no other way.

use super::{all, invited, join, of, owners, reason, remove, roles::events};
use model::Actor;
use routes::Role;
use serde_json::{Value, json};
use std::time::Duration;
use store::{InvitationRow, NewInvitation, Stamp};
use tests::{Answer, Caller, TestApp};

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn an_invitation_is_made_mailed_and_accepted_and_each_step_is_told() {
    let app = TestApp::start().await;
    for at in owners(&app).await {
        let email = format!("Grace.Hopper@{}.example", at.name);
        let open = invited(&app, &at.owner, &email, Role::Admin).await;
        assert_eq!((open.status, open.header("etag")), (201, Some("\"1\"")));
        let view = open.data();
        assert_eq!(
            [&view["email"], &view["role"], &view["status"]],
            [email.as_str(), "ADMIN", "INVITED"]
        );
        let token = app.mailed_token(&email).await;
        // The person's own spelling of the address is another one.
        let own = email.to_lowercase();
        let joined = app.accept(&own, &token).await;
        assert_eq!(joined.status, 200, "{}", joined.body);
        assert_eq!(
            [
                &joined.data()["email"],
                &joined.data()["role"],
                &joined.data()["status"]
            ],
            [own.as_str(), "ADMIN", "ACTIVE"]
        );
        assert_eq!(of(&app, &at.owner, &own).await, *joined.data());
        assert_eq!(
            all(&app, &at.owner).await.len(),
            4,
            "the invitation is used"
        );
        let whoami = app.get(&app.person(&own), "/whoami").await;
        assert_eq!(whoami.data()["memberships"][0]["role"], "ADMIN");

        app.settle().await;
        let told = events(&app, &at.owner).await;
        let invitation = |event: &&Value| event["changes"][0]["field"] == "invitationId";
        let told: Vec<_> = told.iter().filter(invitation).collect();
        let [accepted, created] = told[..] else {
            panic!("{told:#?}");
        };
        assert_eq!(accepted["type"], "invitation.accepted");
        assert_eq!(accepted["actor"]["id"], joined.data()["id"]);
        assert_eq!(created["type"], "invitation.created");
        assert_eq!(
            created["changes"],
            json!([
                { "field": "invitationId", "after": view["id"] },
                { "field": "email" },
                { "field": "role", "after": "ADMIN" },
            ])
        );
        let chain = app.get(&at.owner, "/audit-events?limit=100").await;
        assert!(
            !chain.raw.text().to_lowercase().contains("hopper"),
            "an address is told"
        );
    }
}

/// What of an answer doesn't differ from one moment to the next.
fn comparable(answer: &Answer) -> (u16, String) {
    let timestamp = answer.body["timestamp"].as_str().expect("a timestamp");
    (answer.status, answer.raw.text().replace(timestamp, "TIME"))
}

#[tokio::test]
async fn whatever_is_wrong_with_an_invitation_it_is_one_404() {
    let app = TestApp::start().await;
    let at = app.company("Acme").await;
    let grace = "grace@acme.example";
    let mut tokens = Vec::new();
    // Never made.
    let nothing = crate::requests::Objects::nowhere();
    tokens.push(("unknown", nothing.id("token").to_owned()));
    // Somebody else's.
    let foreign = app
        .invite(&at.owner, "ada@acme.example", Role::Member)
        .await;
    tokens.push(("for another address", foreign.clone()));
    // Withdrawn.
    let withdrawn = app.invite(&at.owner, grace, Role::Member).await;
    let open = of(&app, &at.owner, grace).await;
    assert_eq!(remove(&app, &at.owner, &open).await.status, 200);
    tokens.push(("withdrawn", withdrawn));
    // Nearly the right one.
    let right = app.invite(&at.owner, grace, Role::Member).await;
    let end = if right.ends_with('A') { "B" } else { "A" };
    tokens.push(("forged", format!("{}{end}", &right[..91])));
    tokens.push(("of another generation", format!("AAAAB{}", &right[5..])));

    let first = app.accept(grace, &tokens[0].1).await;
    assert_eq!((first.status, first.code()), (404, "RESOURCE_NOT_FOUND"));
    for (what, token) in &tokens {
        let answer = app.accept(grace, token).await;
        assert_eq!(comparable(&answer), comparable(&first), "{what}");
    }
    // An address that isn't verified is as good as another one.
    let claims = |verified: Value| claims(&app, grace, "id", json!({ "email_verified": verified }));
    for verified in [json!(false), Value::Null] {
        let answer = accept_with(&app, grace, &right, &claims(verified)).await;
        assert_eq!(comparable(&answer), comparable(&first));
    }
    // Used.
    assert_eq!(app.accept(grace, &right).await.status, 200);
    let again = app.accept(grace, &right).await;
    assert_eq!(comparable(&again), comparable(&first));
    // What is malformed is no token at all.
    for token in ["x", &right[..91], &format!("{right}A")] {
        let answer = app.accept(grace, token).await;
        assert_eq!(answer.faults(), ["token format"], "{}", answer.body);
    }
}

#[tokio::test]
async fn an_invitation_falls_with_its_inviters_right_to_make_it() {
    let app = TestApp::start().await;
    for at in owners(&app).await {
        let email = |who: &str| format!("{who}@{}.example", at.name);
        let boss = join(&app, &at.owner, &email("boss"), Role::Owner).await;
        let by = app.person(&email("boss"));
        let (admin, member) = (email("new-admin"), email("new-member"));
        let for_admin = app.invite(&by, &admin, Role::Admin).await;
        let for_member = app.invite(&by, &member, Role::Member).await;
        let give = async |role| {
            let given = super::give(&app, &at.owner, &boss, role).await;
            assert_eq!(given.status, 200, "{}", given.body);
        };
        give(Role::Member).await;
        assert_eq!(app.accept(&member, &for_member).await.status, 404);
        give(Role::Admin).await;
        assert_eq!(app.accept(&admin, &for_admin).await.status, 404);
        assert_eq!(app.accept(&member, &for_member).await.status, 200);
        give(Role::Owner).await;
        assert_eq!(remove(&app, &at.owner, &boss).await.status, 200);
        let answer = app.accept(&admin, &for_admin).await;
        assert_eq!((answer.status, answer.code()), (404, "RESOURCE_NOT_FOUND"));
        let never = crate::requests::Objects::nowhere();
        let unknown = app.accept(&admin, never.id("token")).await;
        assert_eq!(comparable(&answer), comparable(&unknown));
        // Who comes back may stand by it again.
        join(&app, &at.owner, &email("boss"), Role::Owner).await;
        assert_eq!(app.accept(&admin, &for_admin).await.status, 200);
    }
}

#[tokio::test]
async fn an_invitation_ends_after_seven_days_by_the_clock() {
    let app = TestApp::start().await;
    let at = app.company("Acme").await;
    let just = app
        .invite(&at.owner, "just@acme.example", Role::Member)
        .await;
    app.advance(Duration::from_secs(30));
    let late = app
        .invite(&at.owner, "late@acme.example", Role::Member)
        .await;
    app.advance(7 * DAY - Duration::from_secs(40));
    let owner = app.person("owner@acme.example");
    assert_eq!(all(&app, &owner).await.len(), 5);
    assert_eq!(app.accept("just@acme.example", &just).await.status, 200);
    app.advance(Duration::from_secs(41));
    assert_eq!(app.accept("late@acme.example", &late).await.status, 404);
    let owner = app.person("owner@acme.example");
    assert_eq!(all(&app, &owner).await.len(), 4, "it is listed no more");
    // And may be made anew.
    let again = app.invite(&owner, "late@acme.example", Role::Member).await;
    assert_ne!(again, late);
    assert_eq!(app.accept("late@acme.example", &late).await.status, 404);
    assert_eq!(app.accept("late@acme.example", &again).await.status, 200);
}

#[tokio::test]
async fn what_is_left_of_an_invitation_goes_with_time_and_the_chain_stays_whole() {
    let app = TestApp::start().await;
    let at = app.company("Acme").await;
    let store = app.store(&at);
    // DynamoDB deletes by the machine's clock, so it is an old invitation.
    let long_ago = app.now().minus(chrono::Duration::days(9));
    let new = NewInvitation {
        email: "grace@acme.example".to_owned(),
        role: Role::Member,
        inviter_name: "owner@acme.example".to_owned(),
        random: [1; 10],
        seed: [2; 32],
    };
    let stamp = Stamp {
        actor: Actor::system("test"),
        at: long_ago,
        source_ip: None,
        request_id: None,
        operation: "InviteMember".to_owned(),
        reason: None,
        nonce: app.app().entropy.bytes(),
    };
    let old = InvitationRow::new(store.owner(), new, &stamp);
    store.create_invitation(&old, None).await.expect("made");
    app.settle().await;
    assert!(store.find_invitation(old.id).await.expect("read").is_some());
    assert_eq!(app.system.outbox().letters(), [], "nobody is told of it");
    app.system.engine().sweep_expired().expect("swept");
    app.settle().await;
    assert_eq!(store.find_invitation(old.id).await.expect("read"), None);
    let told = events(&app, &at.owner).await;
    let told: Vec<_> = told
        .iter()
        .filter_map(|event| event["type"].as_str())
        .filter(|kind| kind.starts_with("invitation.") || *kind == "audit.gap")
        .collect();
    assert_eq!(told, ["invitation.created"]);
}

async fn accept_with(app: &TestApp, email: &str, token: &str, id_token: &str) -> Answer {
    let body = json!({ "idToken": id_token });
    let path = format!("/invitations/{token}/accept");
    app.post(&app.person(email), &path, &body).await
}

/// A token under the issuer's key, right but for what is said.
fn claims(app: &TestApp, email: &str, token_use: &str, but: Value) -> String {
    let subject = subject(app, email);
    let issuer = app.system.issuer();
    let now = app.now().seconds();
    let mut claims = json!({
        "sub": subject,
        "iss": issuer.url(),
        "aud": local::CLIENT_ID,
        "client_id": local::CLIENT_ID,
        "token_use": token_use,
        "auth_time": now,
        "iat": now,
        "exp": now + 3600,
        "email": email,
        "email_verified": true,
    });
    for (name, value) in but.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    issuer.sign(&claims)
}

fn subject(app: &TestApp, email: &str) -> Value {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let token = app.id_token(email);
    let claims = token.split('.').nth(1).expect("claims");
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).expect("Base64");
    let claims: Value = serde_json::from_slice(&claims).expect("JSON");
    claims["sub"].clone()
}

#[tokio::test]
async fn only_a_fresh_id_token_of_the_bearer_will_do() {
    let app = TestApp::start().await;
    let at = app.company("Acme").await;
    let grace = "grace@acme.example";
    let token = app.invite(&at.owner, grace, Role::Member).await;
    let now = app.now().seconds();
    let of = |but: Value| claims(&app, grace, "id", but);
    let bad = [
        ("no token", "none".to_owned()),
        ("an access token", claims(&app, grace, "access", json!({}))),
        ("another person's", app.id_token("ada@acme.example")),
        // The right address in it doesn't make it the bearer's.
        ("another subject", of(json!({ "sub": "somebody" }))),
        ("another issuer", of(json!({ "iss": "http://127.0.0.1:1" }))),
        ("for another client", of(json!({ "aud": "another" }))),
        (
            "for several clients",
            of(json!({ "aud": [local::CLIENT_ID] })),
        ),
        (
            "older than 5 minutes",
            of(json!({ "iat": now - 306, "auth_time": now - 306 })),
        ),
        ("expired", of(json!({ "exp": now - 6 }))),
        ("from the future", of(json!({ "iat": now + 60 }))),
        (
            "the signature cut",
            app.id_token(grace)
                .rsplit_once('.')
                .expect("a token")
                .0
                .to_owned()
                + ".AAAA",
        ),
    ];
    for (what, id_token) in &bad {
        let answer = accept_with(&app, grace, &token, id_token).await;
        assert_eq!(
            answer.faults(),
            ["/idToken format"],
            "{what}: {}",
            answer.body
        );
    }
    for (body, fault) in [
        (json!({}), "/idToken required"),
        (json!({ "idToken": 1 }), "/idToken type"),
        (json!({ "idToken": "" }), "/idToken length"),
        (json!({ "idToken": "x".repeat(4097) }), "/idToken length"),
        (
            json!({ "idToken": "x", "role": "OWNER" }),
            "/role unknown_field",
        ),
    ] {
        let path = format!("/invitations/{token}/accept");
        let answer = app.post(&app.person(grace), &path, &body).await;
        assert_eq!(answer.faults(), [fault]);
    }
    // Nothing of it has used the invitation up, and the edge of five minutes is still good.
    let edge = of(json!({ "iat": now - 290, "auth_time": now - 3600 }));
    assert_eq!(accept_with(&app, grace, &token, &edge).await.status, 200);
}

#[tokio::test]
async fn whoever_gives_an_invitation_another_role_answers_for_it() {
    let app = TestApp::start().await;
    let at = app.company("Acme").await;
    let grace = "grace@acme.example";
    // Her inviter could not make her an OWNER.
    let token = app.invite(&at.admin, grace, Role::Member).await;
    let open = of(&app, &at.owner, grace).await;
    let changed = super::give(&app, &at.owner, &open, Role::Owner).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    let joined = app.accept(grace, &token).await;
    assert_eq!(joined.status, 200, "{}", joined.body);
    assert_eq!(joined.data()["role"], "OWNER");
}

#[tokio::test]
async fn an_invitation_gives_the_role_that_it_has_when_it_is_accepted() {
    let app = TestApp::start().await;
    let at = app.company("Acme").await;
    let token = app
        .invite(&at.owner, "grace@acme.example", Role::Member)
        .await;
    let open = of(&app, &at.owner, "grace@acme.example").await;
    let changed = super::give(&app, &at.owner, &open, Role::Owner).await;
    assert_eq!(
        (
            changed.status,
            changed.header("etag"),
            &changed.data()["role"]
        ),
        (200, Some("\"2\""), &json!("OWNER"))
    );
    let joined = app.accept("grace@acme.example", &token).await;
    assert_eq!(joined.data()["role"], "OWNER");
    app.settle().await;
    let told = events(&app, &at.owner).await;
    let kinds: Vec<_> = told
        .iter()
        .filter_map(|event| event["type"].as_str()?.strip_prefix("invitation."))
        .collect();
    assert_eq!(kinds, ["accepted", "role_changed", "created"]);
}

#[tokio::test]
async fn who_has_left_comes_back_by_invitation_alone_and_the_version_goes_on() {
    let app = TestApp::start().await;
    for at in owners(&app).await {
        let email = format!("grace@{}.example", at.name);
        let first = join(&app, &at.owner, &email, Role::Admin).await;
        // An invitation of one's own, for another address of one's own, is no way back.
        let other = format!("other@{}.example", at.name);
        let token = app.invite(&app.person(&email), &other, Role::Member).await;
        assert_eq!(remove(&app, &at.owner, &first).await.status, 200);
        let id_token = claims(&app, &email, "id", json!({ "email": other }));
        let back = accept_with(&app, &email, &token, &id_token).await;
        assert_eq!((back.status, back.code()), (404, "RESOURCE_NOT_FOUND"));
        let gone = app.get(&app.person(&email), "/members").await;
        assert_eq!(gone.status, 403);
        app.advance(Duration::from_secs(60));
        let again = join(&app, &at.owner, &email, Role::Member).await;
        assert_eq!(
            [&again["id"], &again["role"]],
            [&first["id"], &json!("MEMBER")]
        );
        assert_eq!(again["version"], 3);
        assert_ne!(again["createdAt"], first["createdAt"]);
        assert_eq!(of(&app, &at.owner, &email).await, again);
        assert_eq!(app.get(&app.person(&email), "/members").await.status, 200);
    }
}

#[tokio::test]
async fn who_is_a_member_already_keeps_the_role() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let token = app
        .invite(&acme.owner, "grace@acme.example", Role::Owner)
        .await;
    let joined = local::seed::member(&app.system, acme.id, "grace@acme.example", Role::Member);
    joined.await.expect("a membership");
    let answer = app.accept("grace@acme.example", &token).await;
    assert_eq!(reason(&answer), (409, "DUPLICATE"));
    assert_eq!(
        of_role(&app, &acme.owner, "grace@acme.example", "ACTIVE").await,
        "MEMBER"
    );
}

async fn of_role(app: &TestApp, by: &Caller, email: &str, status: &str) -> String {
    let all = all(app, by).await;
    let mut found = all
        .iter()
        .filter(|member| member["email"] == email && member["status"] == status);
    let found = found.next().expect("a member");
    found["role"].as_str().expect("a role").to_owned()
}

#[tokio::test]
async fn accepting_again_under_one_idempotency_key_is_answered_again() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let grace = "grace@acme.example";
    let token = app.invite(&acme.owner, grace, Role::Member).await;
    let body = json!({ "idToken": app.id_token(grace) });
    let send = |key: &str, body: &Value| {
        let request = app
            .person(grace)
            .request("POST", &format!("/invitations/{token}/accept"));
        app.send(request.header("idempotency-key", key).json(body))
    };
    let first = send("one", &body).await;
    let again = send("one", &body).await;
    assert_eq!((first.status, first.raw.text()), (200, again.raw.text()));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(send("two", &body).await.status, 404);
    app.advance(Duration::from_secs(1));
    let other = json!({ "idToken": app.id_token(grace) });
    assert_eq!(send("one", &other).await.status, 422);
}

#[tokio::test]
async fn a_partners_key_invites_the_owner_of_a_company_that_it_makes() {
    let app = TestApp::start().await;
    let hirebridge = app.partner("Hirebridge").await;
    let key = &hirebridge.key.caller;
    let body = json!({ "name": "Initech", "ownerEmail": "Owner@initech.example" });
    let make = || {
        let request = key.request("POST", "/companies").json(&body);
        app.send(request.header("idempotency-key", "one"))
    };
    let made = make().await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert!(made.data().get("ownerEmail").is_none());
    assert_eq!(make().await.raw.text(), made.raw.text());
    let token = app.mailed_token("Owner@initech.example").await;
    assert_eq!(app.system.outbox().letters().len(), 1);
    let letter = app.system.outbox().letters().remove(0);
    for said in ["Hirebridge", "Initech", "with the role Owner", " UTC:"] {
        assert!(letter.text.contains(said), "{}", letter.text);
    }
    let joined = app.accept("owner@initech.example", &token).await;
    assert_eq!(
        [&joined.data()["role"], &joined.data()["companyId"]],
        [&json!("OWNER"), &made.data()["id"]]
    );
    let owner = app.person("owner@initech.example");
    assert_eq!(all(&app, &owner).await.len(), 1);
    app.settle().await;
    let told = events(&app, &owner).await;
    let created = told
        .iter()
        .find(|event| event["type"] == "invitation.created");
    let created = created.expect("an event");
    assert_eq!(
        created["actor"],
        json!({ "kind": "KEY", "id": hirebridge.key.id })
    );
    // What is refused invites nobody.
    for (email, fault) in [("nobody", "/ownerEmail format"), ("", "/ownerEmail length")] {
        let body = json!({ "name": "Initech", "ownerEmail": email });
        assert_eq!(app.post(key, "/companies", &body).await.faults(), [fault]);
    }
    let path = format!("/companies/{}", made.data()["id"].as_str().expect("an id"));
    let patched = app
        .patch(key, &path, &json!({ "ownerEmail": "x@initech.example" }))
        .await;
    assert_eq!(patched.faults(), ["/ownerEmail unknown_field"]);
    app.settle().await;
    assert_eq!(app.system.outbox().letters().len(), 1);
}

#[tokio::test]
async fn a_keys_invitation_is_void_where_the_company_has_an_owner() {
    let app = TestApp::start().await;
    let hirebridge = app.partner("Hirebridge").await;
    let body = json!({ "name": "Initech", "ownerEmail": "friend@initech.example" });
    let made = app.post(&hirebridge.key.caller, "/companies", &body).await;
    let company = made.data()["id"]
        .as_str()
        .expect("an id")
        .parse()
        .expect("an id");
    let token = app.mailed_token("friend@initech.example").await;
    let joined = local::seed::member(&app.system, company, "owner@initech.example", Role::Owner);
    joined.await.expect("a membership");
    let answer = app.accept("friend@initech.example", &token).await;
    assert_eq!((answer.status, answer.code()), (404, "RESOURCE_NOT_FOUND"));
    let owner = app.person("owner@initech.example");
    let members = all(&app, &owner).await;
    let active: Vec<_> = members
        .iter()
        .filter(|one| one["status"] == "ACTIVE")
        .collect();
    assert_eq!(active.len(), 1);
}

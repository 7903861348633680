//! `/api-keys`, `/whoami`, `/health`, and what the audit trail says of them.

mod audit;
mod crashes;
mod idempotency;
mod kill_switch;
mod life;
mod limit;
mod list;
mod overlap;
mod partner;
mod races;
mod roles;
mod rotate;
mod usage;

use routes::Scope;
use serde_json::{Value, json};
use std::time::Duration;
use tests::{Answer, Caller, Key, TestApp};

/// `POST /api-keys/{id}/{action}` without a body.
async fn act(app: &TestApp, caller: &Caller, key: &Key, action: &str) -> Answer {
    app.send(caller.request("POST", &format!("/api-keys/{}/{action}", key.id)))
        .await
}

async fn shown(app: &TestApp, caller: &Caller, key: &Key) -> Value {
    let answer = app.get(caller, &format!("/api-keys/{}", key.id)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.data().clone()
}

/// An instant so long from now, as clients write it.
fn from_now(app: &TestApp, by: Duration) -> String {
    let millis = app.now().millis() + i64::try_from(by.as_millis()).expect("in range");
    model::Timestamp::from_millis(millis)
        .expect("in range")
        .to_string()
}

/// The 22 characters that nobody but the key's holder may know.
fn secret(key: &Caller) -> &str {
    &key.credential.as_deref().expect("a key")[13..35]
}

#[tokio::test]
async fn a_new_key_is_shown_once_with_the_contracts_format() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let expires = from_now(&app, Duration::from_secs(3600));
    let body = json!({
        "name": "Import",
        "scopes": ["write:jobs", "read:jobs"],
        "expiresAt": expires,
        "allowedIPs": ["198.51.100.7"],
    });
    let made = app.post(&acme.admin, "/api-keys", &body).await;
    assert_eq!(
        (made.status, made.header("etag")),
        (201, Some("\"1\"")),
        "{}",
        made.body
    );
    let mut data = made.data().clone();
    let key = data["key"].take();
    let key = key.as_str().expect("a key");
    let id = data["id"].as_str().expect("an id").to_owned();
    assert_eq!(key.len(), 46);
    assert!(
        key.bytes().skip(3).all(|byte| byte.is_ascii_alphanumeric()),
        "Base62"
    );
    assert_eq!((&key[..5], &key[5..13]), ("sk_iv", id.as_str()));
    data.as_object_mut().expect("an object").remove("key");

    let person = app.get(&acme.admin, "/whoami").await.data()["id"].clone();
    let created = data["createdAt"].clone();
    assert_eq!(
        data,
        json!({
            "id": id,
            "prefix": key[..13],
            "type": "STANDARD",
            "companyId": acme.id,
            "status": "ACTIVE",
            "name": "Import",
            "scopes": ["read:jobs", "write:jobs"],
            "expiresAt": expires,
            "allowedIPs": ["198.51.100.7"],
            "rateLimit": { "perMinute": 29000, "perHour": 1_000_000, "perSecond": 500 },
            "createdAt": created,
            "createdBy": { "kind": "USER", "id": person },
            "secretAgeDays": 0,
            "secrets": [{ "suffix": key[42..], "createdAt": created }],
            "version": 1,
        })
    );
    assert_eq!(app.get(&Caller::with(key), "/jobs").await.status, 200);
    // Neither whole nor in part does anything show it again.
    let used = app.get(&acme.member, &format!("/api-keys/{id}")).await;
    assert_eq!(used.data()["lastUsedIp"], "198.51.100.7");
    assert_eq!(used.data()["secrets"][0]["lastUsedIp"], "198.51.100.7");
    assert_eq!(used.data()["version"], 1);
    let list = app.get(&acme.owner, "/api-keys").await;
    assert_eq!(list.data()["items"], json!([used.data()]));
    for answer in [used, list] {
        assert!(answer.data().get("key").is_none());
        for part in [&key[13..35], &key[13..21], &key[35..40]] {
            assert!(!answer.raw.text().contains(part), "a part of the secret");
        }
    }
}

#[tokio::test]
async fn two_keys_share_neither_id_nor_secret() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let one = app.key(&acme, [Scope::ReadJobs]).await;
    let other = app.key(&acme, [Scope::ReadJobs]).await;
    assert_ne!(one.id, other.id);
    assert_ne!(secret(&one.caller), secret(&other.caller));
}

#[tokio::test]
async fn fields_of_a_key_keep_their_rules_on_create_and_on_patch() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let patched = app.key(&acme, [Scope::ReadJobs]).await;
    let path = format!("/api-keys/{}", patched.id);
    let past = from_now(&app, Duration::ZERO);
    let future = from_now(&app, Duration::from_secs(60));
    let addresses = |count: usize| -> Value {
        (0..count)
            .map(|n| format!("198.51.{}.{}", n / 200, n % 200))
            .collect()
    };
    let all: Vec<_> = Scope::ALL.into_iter().map(Scope::as_str).collect();
    let twice: Vec<_> = all.iter().chain(&all[..1]).collect();
    for (field, value, fault) in [
        ("name", json!(""), "/name length"),
        ("name", json!("x"), ""),
        ("name", json!("🗝".repeat(100)), ""),
        ("name", json!("x".repeat(101)), "/name length"),
        ("name", json!("a\tb"), "/name format"),
        ("name", json!("a\u{202e}b"), "/name format"),
        ("name", json!("a\u{2066}b"), "/name format"),
        ("name", json!("a\u{7f}b"), "/name format"),
        ("name", json!("a\u{85}b"), "/name format"),
        ("name", json!("a\0b"), "/name format"),
        ("name", json!(1), "/name type"),
        ("name", Value::Null, "/name type"),
        ("scopes", json!([]), "/scopes length"),
        ("scopes", Value::Null, "/scopes type"),
        ("scopes", json!("read:jobs"), "/scopes type"),
        ("scopes", json!(["read:jobs"]), ""),
        ("scopes", json!(all), ""),
        ("scopes", json!(twice), "/scopes/14 duplicate"),
        (
            "scopes",
            json!(["read:jobs", "READ:JOBS"]),
            "/scopes/1 enum",
        ),
        ("scopes", json!(["read:jobs", "*"]), "/scopes/1 enum"),
        ("scopes", json!([null]), "/scopes/0 type"),
        ("expiresAt", json!(past), "/expiresAt future"),
        ("expiresAt", json!(future), ""),
        ("expiresAt", json!("2999-12-31T23:59:59+01:00"), ""),
        ("expiresAt", json!("2999-12-31"), "/expiresAt format"),
        (
            "expiresAt",
            json!("2999-02-30T00:00:00Z"),
            "/expiresAt format",
        ),
        ("expiresAt", json!("tomorrow"), "/expiresAt format"),
        ("expiresAt", json!(32_503_680_000u64), "/expiresAt type"),
        ("expiresAt", Value::Null, ""),
        ("allowedIPs", json!([]), "/allowedIPs length"),
        ("allowedIPs", addresses(50), ""),
        ("allowedIPs", addresses(51), "/allowedIPs length"),
        ("allowedIPs", json!(["10.0.0.0/8", "2000::/16"]), ""),
        ("allowedIPs", json!(["10.0.0.0/7"]), "/allowedIPs/0 format"),
        ("allowedIPs", json!(["0.0.0.0/0"]), "/allowedIPs/0 format"),
        ("allowedIPs", json!(["::/0"]), "/allowedIPs/0 format"),
        (
            "allowedIPs",
            json!(["::ffff:0:0/96"]),
            "/allowedIPs/0 format",
        ),
        ("allowedIPs", json!(["2000::/15"]), "/allowedIPs/0 format"),
        (
            "allowedIPs",
            json!(["198.51.100.7/33"]),
            "/allowedIPs/0 format",
        ),
        (
            "allowedIPs",
            json!(["198.51.100.007"]),
            "/allowedIPs/0 format",
        ),
        ("allowedIPs", json!(["198.51.100"]), "/allowedIPs/0 format"),
        (
            "allowedIPs",
            json!(["acme.example"]),
            "/allowedIPs/0 format",
        ),
        (
            "allowedIPs",
            json!(["198.51.100.7 "]),
            "/allowedIPs/0 format",
        ),
        ("allowedIPs", json!([7]), "/allowedIPs/0 type"),
        ("allowedIPs", json!("198.51.100.7"), "/allowedIPs type"),
        (
            "allowedIPs",
            json!(["10.0.0.1", "::ffff:10.0.0.1"]),
            "/allowedIPs/1 duplicate",
        ),
        ("allowedIPs", Value::Null, ""),
        ("key", json!("sk_iv"), "/key unknown_field"),
        ("status", json!("ACTIVE"), "/status unknown_field"),
        ("companyId", json!(acme.id), "/companyId unknown_field"),
        (
            "rateLimit",
            json!({ "perMinute": 1 }),
            "/rateLimit unknown_field",
        ),
    ] {
        let case = format!("{field} = {value:.70}");
        let mut body = json!({ "name": "Import", "scopes": ["read:jobs"] });
        body[field] = value.clone();
        let made = app.post(&acme.owner, "/api-keys", &body).await;
        let before = shown(&app, &acme.owner, &patched).await;
        let changed = app
            .patch(&acme.owner, &path, &json!({ field: value }))
            .await;
        if fault.is_empty() {
            assert_eq!(
                (made.status, changed.status),
                (201, 200),
                "{case}: {}",
                changed.body
            );
            assert_eq!(made.data()[field], changed.data()[field], "{case}");
        } else {
            for refused in [made, changed] {
                assert_eq!(
                    (refused.status, refused.faults()),
                    (400, vec![fault.to_owned()]),
                    "{case}"
                );
            }
            assert_eq!(shown(&app, &acme.owner, &patched).await, before, "{case}");
        }
    }
    let none = app
        .post(
            &acme.owner,
            "/api-keys",
            &json!({ "expiresAt": past, "x": 1 }),
        )
        .await;
    assert_eq!(
        none.faults(),
        [
            "/name required",
            "/scopes required",
            "/expiresAt future",
            "/x unknown_field"
        ],
    );
}

#[tokio::test]
async fn an_allowlist_is_canonical_and_host_bits_are_refused_naming_the_network() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    for (wrong, network) in [
        ("10.0.0.1/8", "10.0.0.0/8"),
        ("198.51.100.7/24", "198.51.100.0/24"),
        ("2001:db8::1/64", "2001:db8::/64"),
        ("::ffff:10.0.0.1/104", "10.0.0.0/8"),
    ] {
        let body =
            json!({ "name": "x", "scopes": ["read:jobs"], "allowedIPs": ["192.0.2.1", wrong] });
        let refused = app.post(&acme.owner, "/api-keys", &body).await;
        assert_eq!(refused.faults(), ["/allowedIPs/1 format"], "{wrong}");
        let message = refused.details()["errors"][0]["message"]
            .as_str()
            .expect("a message");
        assert!(message.ends_with(network), "{wrong}: {message}");
    }
    let written = [
        "::ffff:10.1.2.3",
        "::ffff:192.0.2.0/120",
        "2001:DB8:0:0::1/128",
        "198.51.100.7/32",
        "10.0.0.0/8",
    ];
    let key = app.key_with(&acme, json!({ "allowedIPs": written })).await;
    let expected = [
        "10.1.2.3",
        "192.0.2.0/24",
        "2001:db8::1",
        "198.51.100.7",
        "10.0.0.0/8",
    ];
    assert_eq!(
        shown(&app, &acme.owner, &key).await["allowedIPs"],
        json!(expected)
    );
    for (address, status) in [
        ("198.51.100.7", 200),
        ("192.0.2.255", 200),
        ("::ffff:192.0.2.9", 200),
        ("2001:db8::1", 200),
        ("198.51.100.8", 401),
        ("2001:db8::2", 401),
        ("192.0.3.0", 401),
    ] {
        let answer = app.get(&key.caller.from_address(address), "/jobs").await;
        assert_eq!(answer.status, status, "{address}");
    }
    let path = format!("/api-keys/{}", key.id);
    let cleared = app
        .patch(&acme.owner, &path, &json!({ "allowedIPs": null }))
        .await;
    assert!(cleared.data().get("allowedIPs").is_none());
    app.advance(Duration::from_secs(2));
    assert_eq!(
        app.get(&key.caller.from_address("198.51.100.8"), "/jobs")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn whoami_says_who_the_bearer_is() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let globex = app.company("Globex").await;
    let expires = from_now(&app, Duration::from_secs(3600));
    let key = app
        .key_with(
            &acme,
            json!({ "scopes": ["read:jobs"], "expiresAt": expires }),
        )
        .await;
    let credential = key.caller.credential.as_deref().expect("a key");
    let answer = app.get(&key.caller, "/whoami").await;
    assert_eq!(
        answer.data(),
        &json!({
            "kind": "API_KEY",
            "id": key.id,
            "key": {
                "prefix": credential[..13],
                "name": "Test key",
                "type": "STANDARD",
                "scopes": ["read:jobs"],
                "expiresAt": expires,
            },
            "companyId": acme.id,
            "rateLimit": { "perMinute": 29000, "perHour": 1_000_000, "perSecond": 500 },
        })
    );
    let people = json!({ "perMinute": 600, "perHour": 30000 });
    let member = app.get(&acme.member, "/whoami").await;
    assert_eq!(
        member.data(),
        &json!({
            "kind": "PERSON",
            "id": member.data()["id"],
            "companyId": acme.id,
            "role": "MEMBER",
            "memberships": [
                { "owner": { "kind": "COMPANY", "id": acme.id }, "name": "Acme", "role": "MEMBER" },
            ],
            "rateLimit": people,
        })
    );
    let nobody = app
        .get(&app.person("nobody@elsewhere.example"), "/whoami")
        .await;
    assert_eq!(nobody.data()["memberships"], json!([]));
    assert_eq!(nobody.data().get("companyId"), None);
    assert_eq!(nobody.data().get("role"), None);

    // A person of both companies.
    let email = "admin@acme.example";
    local::seed::member(&app.system, globex.id, email, routes::Role::Owner)
        .await
        .expect("a member");
    let both = app.get(&app.person(email), "/whoami").await;
    let mut memberships = both.data()["memberships"]
        .as_array()
        .expect("memberships")
        .clone();
    memberships.sort_by_key(|one| one["name"].as_str().map(str::to_owned));
    let role = |company: &tests::Company, name: &str, role: &str| json!({ "owner": { "kind": "COMPANY", "id": company.id }, "name": name, "role": role });
    assert_eq!(
        memberships,
        [
            role(&acme, "Acme", "ADMIN"),
            role(&globex, "Globex", "OWNER")
        ]
    );
    assert_eq!(both.data().get("companyId"), None);
    assert_eq!(both.data().get("role"), None);
    // Such a person says which company is meant.
    let which = app.get(&app.person(email), "/api-keys").await;
    assert_eq!((which.status, which.code()), (400, "COMPANY_ID_REQUIRED"));
    assert_eq!(app.get(&Caller::nobody(), "/whoami").await.status, 401);
}

#[tokio::test]
async fn health_is_public_and_asks_for_nothing() {
    let app = TestApp::calm().await;
    app.system.weather().take_calls();
    for caller in [
        Caller::nobody(),
        Caller::with("sk_ivnonsense"),
        Caller::with("x.y.z"),
    ] {
        let health = app.get(&caller, "/health?companyId=x&companyId=y").await;
        assert_eq!(
            (health.status, &health.data()["status"]),
            (200, &json!("ok"))
        );
        assert!(health.data()["version"].is_string());
        assert_eq!(health.header("cache-control"), None);
        assert!(health.header("x-request-id").is_some());
    }
    assert_eq!(app.system.weather().take_calls(), []);
    assert_eq!(
        app.post(&Caller::nobody(), "/health", &json!({}))
            .await
            .code(),
        "ROUTE_NOT_FOUND"
    );
}

//! `POST /api-keys/{keyId}/rotate`, for companies' keys and partners'.

use super::{act, from_now};
use routes::ScopeSet;
use serde_json::{Value, json};
use std::time::Duration;
use tests::{Answer, Caller, Key, TestApp};

async fn rotate(app: &TestApp, caller: &Caller, key: &Key, body: Value) -> Answer {
    let path = format!("/api-keys/{}/rotate", key.id);
    app.post(caller, &path, &body).await
}

fn new(answer: &Answer) -> Caller {
    assert_eq!(answer.status, 200, "{}", answer.body);
    Caller::with(answer.data()["key"].as_str().expect("a key"))
}

async fn status(app: &TestApp, caller: &Caller) -> u16 {
    app.get(caller, "/whoami").await.status
}

#[tokio::test]
async fn a_rotated_key_has_two_secrets_until_the_overlap_ends() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await;
    let answer = rotate(&app, &acme.admin, &key, json!({ "overlapSeconds": 60 })).await;
    assert_eq!(
        answer.details(),
        &json!({ "requiredRole": "OWNER" }),
        "the key has write:companies"
    );
    let answer = rotate(&app, &acme.owner, &key, json!({ "overlapSeconds": 60 })).await;
    let second = new(&answer);
    assert_eq!(answer.header("etag"), Some("\"2\""));
    let data = answer.data();
    assert_eq!(data["id"], key.id.to_string());
    let secrets = data["secrets"].as_array().expect("secrets");
    assert_eq!(secrets.len(), 2);
    assert!(secrets[0]["validUntil"].is_string() && secrets[1]["validUntil"].is_null());
    let suffix = |caller: &Caller| {
        let text = caller.credential.as_deref().expect("a key");
        text[text.len() - 4..].to_owned()
    };
    assert_eq!(secrets[0]["suffix"], suffix(&key.caller));
    assert_eq!(secrets[1]["suffix"], suffix(&second));
    assert_eq!(status(&app, &key.caller).await, 200);
    assert_eq!(status(&app, &second).await, 200);
    // No third secret before the first is gone.
    for body in [json!({}), json!({ "overlapSeconds": 1 })] {
        let refused = rotate(&app, &acme.owner, &key, body).await;
        assert_eq!(
            (refused.status, &refused.details()["reason"]),
            (409, &json!("OVERLAP"))
        );
    }
    app.advance(Duration::from_secs(60));
    assert_eq!(status(&app, &key.caller).await, 401);
    assert_eq!(status(&app, &second).await, 200);
    let third = new(&rotate(&app, &acme.owner, &key, json!({})).await);
    assert_eq!(status(&app, &second).await, 200);
    // Both die at once.
    let fourth = new(&rotate(&app, &acme.owner, &key, json!({ "overlapSeconds": 0 })).await);
    for dead in [&key.caller, &second, &third] {
        assert_eq!(status(&app, dead).await, 401);
    }
    assert_eq!(status(&app, &fourth).await, 200);
    let shown = app.get(&acme.owner, &format!("/api-keys/{}", key.id)).await;
    assert_eq!(shown.data()["secrets"].as_array().map(Vec::len), Some(1));

    app.settle().await;
    let target = format!("/audit-events?type=api_key.rotated&keyId={}", key.id);
    let events = app.get(&acme.owner, &target).await;
    let events = events.data()["items"].as_array().expect("a list").clone();
    assert_eq!(events.len(), 3);
    let change = &events[2]["changes"][0];
    assert_eq!(change["field"], "secrets");
    assert_eq!(change["before"], json!([{ "suffix": suffix(&key.caller) }]));
    assert_eq!(change["after"][1], json!({ "suffix": suffix(&second) }));
}

#[tokio::test]
async fn a_rotation_is_answered_once_and_its_key_shown_once() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key(&acme, [routes::Scope::ReadJobs]).await;
    let path = format!("/api-keys/{}/rotate", key.id);
    let request = || {
        let request = acme.admin.request("POST", &path);
        request.header("idempotency-key", "once")
    };
    let first = app.send(request()).await;
    let second = new(&first);
    let replay = app.send(request()).await;
    assert_eq!(replay.status, 200);
    assert_eq!(replay.header("idempotency-replayed"), Some("true"));
    assert_eq!(
        (&replay.data()["key"], &replay.data()["keyUnavailable"]),
        (&Value::Null, &json!(true))
    );
    assert_eq!(replay.data()["secrets"], first.data()["secrets"]);
    assert_eq!(status(&app, &second).await, 200);
    let other = request().json(&json!({ "overlapSeconds": 5 }));
    assert_eq!(app.send(other).await.status, 422);
}

#[tokio::test]
async fn what_can_be_rotated_and_how_long_it_overlaps() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key(&acme, [routes::Scope::ReadJobs]).await;
    for (body, fault) in [
        (json!({ "overlapSeconds": -1 }), "/overlapSeconds range"),
        (
            json!({ "overlapSeconds": 2_592_001 }),
            "/overlapSeconds range",
        ),
        (json!({ "overlapSeconds": "1" }), "/overlapSeconds type"),
        (json!({ "overlap": 1 }), "/overlap unknown_field"),
    ] {
        let answer = rotate(&app, &acme.owner, &key, body).await;
        assert_eq!(answer.faults(), [fault]);
    }
    let longest = json!({ "overlapSeconds": 2_592_000 });
    new(&rotate(&app, &acme.owner, &key, longest).await);

    act(&app, &acme.owner, &key, "suspend").await;
    let rotated = new(&rotate(&app, &acme.owner, &key, json!({ "overlapSeconds": 0 })).await);
    assert_eq!(
        status(&app, &rotated).await,
        401,
        "it is suspended all the same"
    );
    act(&app, &acme.owner, &key, "revoke").await;
    let refused = rotate(&app, &acme.owner, &key, json!({})).await;
    assert_eq!(
        (refused.status, refused.code()),
        (409, "INVALID_STATE_TRANSITION")
    );

    let soon = from_now(&app, Duration::from_secs(60));
    let fields = json!({ "expiresAt": soon, "scopes": ["read:jobs"] });
    let expiring = app.key_with(&acme, fields).await;
    app.advance(Duration::from_secs(61));
    let rotated = new(&rotate(&app, &acme.owner, &expiring, json!({})).await);
    assert_eq!(
        status(&app, &rotated).await,
        401,
        "it is expired all the same"
    );
}

#[tokio::test]
async fn racing_rotations_leave_one_new_secret_that_somebody_knows() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key(&acme, [routes::Scope::ReadJobs]).await;
    let (one, two, three) = tokio::join!(
        rotate(&app, &acme.owner, &key, json!({})),
        rotate(&app, &acme.owner, &key, json!({})),
        rotate(&app, &acme.owner, &key, json!({})),
    );
    let answers = [one, two, three];
    let won: Vec<_> = answers.iter().filter(|a| a.status == 200).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    assert_eq!(status(&app, &new(won[0])).await, 200);
    for lost in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(lost.details()["reason"], "OVERLAP", "{}", lost.body);
    }
}

#[tokio::test]
async fn a_partners_people_run_its_keys_and_make_none() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let hirebridge = app.partner("Hirebridge").await;
    let other = app.partner("Otherbridge").await;
    let scopes = ScopeSet::from_iter([routes::Scope::ReadJobs]);
    let key = app.ats_key(hirebridge.id, scopes).await;

    let listed = app.get(&hirebridge.member, "/api-keys").await;
    assert_eq!(listed.data()["pagination"]["total"], 2, "{}", listed.body);
    let shown = app
        .get(&hirebridge.member, &format!("/api-keys/{}", key.id))
        .await;
    assert_eq!(shown.data()["type"], "ATS");
    assert_eq!(shown.data()["partnerId"], hirebridge.id.to_string());
    let refused = rotate(&app, &hirebridge.member, &key, json!({})).await;
    assert_eq!(refused.details(), &json!({ "requiredRole": "ADMIN" }));
    let rotated = new(&rotate(
        &app,
        &hirebridge.admin,
        &key,
        json!({ "overlapSeconds": 0 }),
    )
    .await);
    assert!(
        rotated
            .credential
            .as_deref()
            .is_some_and(|key| key.starts_with("sk_ia"))
    );
    assert_eq!(status(&app, &key.caller).await, 401);
    app.grant(&acme, hirebridge.id).await;
    let jobs = app.get(&rotated.for_company(acme.id), "/jobs").await;
    assert_eq!(jobs.status, 200, "{}", jobs.body);

    let body = json!({ "name": "Mine", "scopes": ["read:jobs"] });
    let refused = app.post(&hirebridge.owner, "/api-keys", &body).await;
    assert_eq!(
        (refused.status, refused.details()),
        (403, &json!({ "requiredRole": "ADMINISTRATOR" }))
    );
    // Another partner's key, and a company's, are no keys.
    let theirs = app.key(&acme, [routes::Scope::ReadJobs]).await;
    for caller in [&other.owner, &acme.owner] {
        let foreign = rotate(&app, caller, &key, json!({})).await;
        assert_eq!(
            (foreign.status, foreign.code()),
            (404, "RESOURCE_NOT_FOUND")
        );
    }
    let foreign = rotate(&app, &hirebridge.owner, &theirs, json!({})).await;
    assert_eq!(foreign.status, 404, "{}", foreign.body);
    for action in ["suspend", "resume", "revoke"] {
        act(&app, &hirebridge.admin, &key, action).await;
    }
    assert_eq!(status(&app, &rotated).await, 401);
}

#[tokio::test]
async fn whoever_has_several_owners_names_one_company_or_one_partner() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let hirebridge = app.partner("Hirebridge").await;
    let email = "owner@hirebridge.example";
    local::seed::member(&app.system, acme.id, email, routes::Role::Member)
        .await
        .expect("a membership");
    let both = &hirebridge.owner;
    let (company, partner) = (acme.id, hirebridge.id);
    let get = async |query: String| app.get(both, &format!("/api-keys{query}")).await;
    let unnamed = get(String::new()).await;
    assert_eq!(
        (unnamed.status, unnamed.code()),
        (400, "COMPANY_ID_REQUIRED")
    );
    let as_partner = get(format!("?partnerId={partner}")).await;
    assert_eq!(as_partner.data()["pagination"]["total"], 1);
    let as_member = get(format!("?companyId={company}")).await;
    assert_eq!(as_member.data()["pagination"]["total"], 0);
    let named_both = get(format!("?companyId={company}&partnerId={partner}")).await;
    assert_eq!(
        (named_both.status, named_both.faults()),
        (400, vec!["?partnerId conflict_with".to_owned()])
    );
    for query in [
        format!("?partnerId={company}"),
        "?partnerId=x".to_owned(),
        format!("?partnerId={partner}&partnerId={partner}"),
        format!("?companyId={partner}"),
    ] {
        let denied = get(query.clone()).await;
        assert_eq!(
            (denied.status, denied.code()),
            (403, "RESOURCE_ACCESS_DENIED"),
            "{query}"
        );
    }
}

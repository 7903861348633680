//! Expiry and age, over simulated time.

use super::{DAY, kinds, mails, notices};
use routes::Role;
use serde_json::json;
use tests::{Caller, Company, Partner, TestApp};

const OWNER: &str = "owner@acme.example";
const ADMIN: &str = "admin@acme.example";

/// A token lives shorter than the tests' days.
fn owner(app: &TestApp, company: &Company) -> Caller {
    app.person(OWNER).for_company(company.id)
}

/// Ninety days and some, day by day: what is told, to whom, and what isn't.
#[tokio::test]
async fn each_notice_comes_on_its_day_and_none_that_was_cancelled() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let expiry = |days: i64| app.now().plus(chrono::Duration::days(days));
    let key = async |name: &str, days: Option<i64>| {
        let mut body = json!({ "name": name, "scopes": ["read:jobs"] });
        if let Some(days) = days {
            body["expiresAt"] = json!(expiry(days));
        }
        let made = app.post(&acme.admin, "/api-keys", &body).await;
        tests::made_id(&made)
    };
    let (kept, moved) = (key("kept", Some(40)).await, key("moved", Some(40)).await);
    let (revoked, rotated) = (key("revoked", Some(40)).await, key("rotated", None).await);
    let old = key("old", None).await;
    let (mut day, mut seen) = (0.0, Vec::new());
    let mut moves = async |until: f64| {
        while day < until {
            app.advance(DAY);
            day += 1.0;
            app.settle().await;
            let all = notices(&app, &owner(&app, &acme)).await;
            for (kind, text) in all.iter().skip(seen.len()) {
                let name = text.split('"').nth(1).expect("a name").to_owned();
                seen.push((day, name, kind.clone()));
            }
        }
        seen.clone()
    };
    let path = |id: &str| format!("/api-keys/{id}");
    // Ten days on, each of the three has been told of once.
    let told = moves(10.0).await;
    assert_eq!(told.len(), 3, "{told:?}");
    let patch = json!({ "expiresAt": expiry(79) });
    let moved = app.patch(&owner(&app, &acme), &path(&moved), &patch).await;
    assert_eq!(moved.status, 200, "{}", moved.body);
    let revoked = format!("{}/revoke", path(&revoked));
    assert_eq!(
        app.post(&owner(&app, &acme), &revoked, &json!({}))
            .await
            .status,
        200
    );
    moves(60.0).await;
    let rotate = format!("{}/rotate", path(&rotated));
    assert_eq!(
        app.post(&owner(&app, &acme), &rotate, &json!({}))
            .await
            .status,
        200
    );
    let mut told = moves(121.0).await;
    told.sort_by(|a, b| (&a.1, a.0).partial_cmp(&(&b.1, b.0)).expect("ordered"));
    let (expires, expired, age) = ("API_KEY_EXPIRES", "API_KEY_EXPIRED", "API_KEY_SECRET_OLD");
    let expected = [
        (10.0, "kept", expires),
        (26.0, "kept", expires),
        (33.0, "kept", expires),
        (39.0, "kept", expires),
        (40.0, "kept", expired),
        // Moved to day 89 on day 10: it has no age any more.
        (10.0, "moved", expires),
        (59.0, "moved", expires),
        (75.0, "moved", expires),
        (82.0, "moved", expires),
        (88.0, "moved", expires),
        (89.0, "moved", expired),
        (90.0, "old", age),
        (120.0, "old", age),
        (10.0, "revoked", expires),
    ];
    let told: Vec<_> = told
        .iter()
        .map(|(day, name, kind)| (*day, name.as_str(), kind.as_str()))
        .collect();
    assert_eq!(told, expected);
    // The owner, and the admin who made the keys; nobody else.
    assert_eq!(mails(&app, OWNER).len(), expected.len());
    assert_eq!(mails(&app, ADMIN).len(), expected.len());
    assert_eq!(mails(&app, "member@acme.example").len(), 0);
    let _ = (kept, old);

    // The expiry itself is an event, at the instant that it is.
    let path = "/audit-events?type=api_key.expired";
    let events = app.get(&owner(&app, &acme), path).await;
    let items = events.data()["items"].as_array().expect("items").clone();
    assert_eq!(items.len(), 2, "{}", events.body);
    for event in items {
        let key = format!("/api-keys/{}", event["keyId"].as_str().expect("an id"));
        let key = app.get(&owner(&app, &acme), &key).await;
        assert_eq!(event["at"], key.data()["expiresAt"]);
        assert_eq!(event["actor"]["kind"], "SYSTEM");
    }
}

#[tokio::test]
async fn who_left_is_told_nothing_and_a_partners_key_is_its_own_peoples_business() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let Partner {
        owner: ats_owner,
        key: ats,
        ..
    } = app.partner("Hirebridge").await;
    let body = json!({ "name": "leaver's", "scopes": ["read:jobs"], "expiresAt": app.now().plus(chrono::Duration::days(2)) });
    assert_eq!(app.post(&acme.admin, "/api-keys", &body).await.status, 201);
    let members = app.get(&acme.owner, "/members").await;
    let members = members.data()["items"].as_array().expect("items").clone();
    let admin = members
        .iter()
        .find(|member| member["role"] == Role::Admin.as_str());
    let admin = format!(
        "/members/{}",
        admin.expect("an admin")["id"].as_str().expect("an id")
    );
    assert_eq!(app.delete(&acme.owner, &admin).await.status, 200);
    let patch = json!({ "expiresAt": app.now().plus(chrono::Duration::days(3)) });
    let patched = app
        .patch(&ats_owner, &format!("/api-keys/{}", ats.id), &patch)
        .await;
    assert_eq!(patched.status, 200, "{}", patched.body);
    app.advance(DAY * 4);
    app.settle().await;
    assert_eq!(mails(&app, ADMIN).len(), 0);
    assert_eq!(mails(&app, OWNER).len(), 2);
    assert_eq!(mails(&app, "owner@hirebridge.example").len(), 2);
    let partners = notices(&app, &app.person("owner@hirebridge.example")).await;
    assert_eq!(kinds(&partners), ["API_KEY_EXPIRES", "API_KEY_EXPIRED"]);
}

/// Whoever changes a key that has just expired, before the worker came by, leaves the expiry told.
#[tokio::test]
async fn an_expiry_that_is_revived_at_once_has_its_event() {
    let app = TestApp::calm().await;
    app.put_worker_to_sleep();
    let acme = app.company("Acme").await;
    let expiry = app.now().plus(chrono::Duration::seconds(1));
    let key = app.key_with(&acme, json!({ "expiresAt": expiry })).await;
    app.advance(std::time::Duration::from_secs(2));
    let path = format!("/api-keys/{}", key.id);
    let patch = json!({ "expiresAt": null });
    assert_eq!(app.patch(&acme.owner, &path, &patch).await.status, 200);
    app.wake_worker();
    app.settle().await;
    let events = app
        .get(&acme.owner, "/audit-events?type=api_key.expired")
        .await;
    let items = events.data()["items"].as_array().expect("items").clone();
    assert_eq!(items.len(), 1, "{}", events.body);
    assert_eq!(items[0]["at"], json!(expiry));
    assert_eq!(kinds(&notices(&app, &acme.owner).await), Vec::<&str>::new());
}

/// 30 days before the expiry, the secret is 90 days old.
#[tokio::test]
async fn two_notices_of_one_instant_are_both_told() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await;
    let path = format!("/api-keys/{}", key.id);
    let made = app.get(&acme.owner, &path).await.data()["createdAt"].clone();
    let made: model::Timestamp = serde_json::from_value(made).expect("an instant");
    let patch = json!({ "expiresAt": made.plus(chrono::Duration::days(120)) });
    assert_eq!(app.patch(&acme.owner, &path, &patch).await.status, 200);
    app.advance(DAY * 121);
    app.settle().await;
    let told = notices(&app, &owner(&app, &acme)).await;
    let mut kinds = kinds(&told);
    kinds.sort_unstable();
    let (age, expires) = ("API_KEY_SECRET_OLD", "API_KEY_EXPIRES");
    assert_eq!(
        kinds,
        ["API_KEY_EXPIRED", expires, expires, expires, expires, age]
    );
}

/// What is due is told, whoever renames the key before the worker comes by.
#[tokio::test]
async fn a_change_of_other_facts_leaves_what_is_due_to_be_told() {
    let app = TestApp::calm().await;
    app.put_worker_to_sleep();
    let acme = app.company("Acme").await;
    let expiry = app.now().plus(chrono::Duration::seconds(1));
    let key = app.key_with(&acme, json!({ "expiresAt": expiry })).await;
    app.advance(std::time::Duration::from_secs(2));
    let path = format!("/api-keys/{}", key.id);
    let patch = json!({ "name": "Renamed" });
    assert_eq!(app.patch(&acme.owner, &path, &patch).await.status, 200);
    app.wake_worker();
    app.settle().await;
    assert_eq!(
        kinds(&notices(&app, &acme.owner).await),
        ["API_KEY_EXPIRED"]
    );
    let events = app
        .get(&acme.owner, "/audit-events?type=api_key.expired")
        .await;
    assert_eq!(events.data()["items"].as_array().expect("items").len(), 1);
}

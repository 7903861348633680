//! `POST /api-keys/revoke-all`: everything is dead before it answers, and it says exactly what.

use super::{act, from_now, shown};
use embedded::{Call, Fault, Weather};
use routes::Scope;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};
use tests::{Answer, Caller, Company, Held, Key, TestApp, is_transaction_of_records};
use tokio::task::JoinSet;

const ALL: &str = "/api-keys/revoke-all";

async fn revoke_all(app: &TestApp, caller: &Caller) -> Answer {
    let body = json!({ "dryRun": false, "reason": "A laptop was stolen" });
    app.post(caller, ALL, &body).await
}

/// The ids of the report's keys.
fn keys(report: &Answer) -> BTreeSet<String> {
    assert_eq!(report.status, 200, "{}", report.body);
    let keys = report.data()["keys"].as_array().expect("a list").iter();
    let ids: Vec<_> = keys
        .map(|key| key["id"].as_str().expect("an id").to_owned())
        .collect();
    let distinct: BTreeSet<_> = ids.iter().cloned().collect();
    assert_eq!(distinct.len(), ids.len(), "each once");
    distinct
}

fn ids<'k>(keys: impl IntoIterator<Item = &'k Key>) -> BTreeSet<String> {
    keys.into_iter().map(|key| key.id.to_string()).collect()
}

fn assert_locked(answer: &Answer) {
    assert_eq!(
        (answer.status, answer.details()),
        (409, &json!({ "reason": "LOCKED" })),
        "{}",
        answer.body
    );
}

async fn events(app: &TestApp, caller: &Caller, kind: &str) -> Vec<Value> {
    app.settle().await;
    let target = format!("/audit-events?limit=100&type={kind}");
    let listed = app.get(caller, &target).await;
    listed.data()["items"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn every_key_and_every_grant_is_dead_before_the_answer_and_none_of_another_company() {
    let app = TestApp::start().await;
    let (acme, globex) = (app.company("Acme").await, app.company("Globex").await);
    let hirebridge = app.partner("Hirebridge").await;
    for company in [&acme, &globex] {
        app.grant(company, hirebridge.id).await;
    }
    let plain = app.key(&acme, [Scope::ReadJobs]).await;
    // An ADMIN may touch it here, and nowhere else.
    let owners = app.key(&acme, [Scope::ReadJobs, Scope::WriteCompanies]).await;
    let suspended = app.key(&acme, [Scope::ReadJobs]).await;
    act(&app, &acme.owner, &suspended, "suspend").await;
    let soon = from_now(&app, Duration::from_secs(30));
    let expired = json!({ "expiresAt": soon, "scopes": ["read:jobs"] });
    let expired = app.key_with(&acme, expired).await;
    let revoked = app.key(&acme, [Scope::ReadJobs]).await;
    act(&app, &acme.owner, &revoked, "revoke").await;
    app.advance(Duration::from_secs(31));
    let theirs = app.key(&globex, [Scope::ReadJobs]).await;
    let everything = ids([&plain, &owners, &suspended, &expired]);
    let partners = json!([{ "partnerId": hirebridge.id }]);
    let ats = |company: &Company| hirebridge.key.caller.for_company(company.id);

    let dry = json!({ "dryRun": true });
    let told = app.post(&acme.admin, ALL, &dry).await;
    assert_eq!((keys(&told), &told.data()["grants"]), (everything.clone(), &partners));
    assert_eq!(told.data()["dryRun"], true);
    assert_eq!(app.get(&plain.caller, "/jobs").await.status, 200);
    assert_eq!(app.get(&ats(&acme), "/jobs").await.status, 200);

    let report = revoke_all(&app, &acme.admin).await;
    assert_eq!((keys(&report), &report.data()["grants"]), (everything, &partners));
    let told = report.data()["keys"].as_array().expect("a list");
    let first = told.iter().find(|key| key["id"] == plain.id.to_string());
    assert_eq!(
        first,
        Some(&json!({ "id": plain.id, "name": "Test key", "prefix": format!("sk_iv{}", plain.id) }))
    );
    for key in [&plain, &owners, &suspended, &expired] {
        assert_eq!(app.get(&key.caller, "/jobs").await.status, 401);
        assert_eq!(shown(&app, &acme.owner, key).await["status"], "REVOKED");
    }
    let refused = app.get(&ats(&acme), "/jobs").await;
    assert_eq!(refused.code(), "RESOURCE_ACCESS_DENIED");
    assert_eq!(app.get(&theirs.caller, "/jobs").await.status, 200);
    assert_eq!(app.get(&ats(&globex), "/jobs").await.status, 200);

    // Nothing is locked any more.
    let fresh = app.key(&acme, [Scope::ReadJobs]).await;
    assert_eq!(app.get(&fresh.caller, "/jobs").await.status, 200);
    let resume = format!("/partner-grants/{}/resume", hirebridge.id);
    let resumed = app.post(&acme.owner, &resume, &json!({})).await;
    assert_eq!(resumed.status, 200, "{}", resumed.body);
    let told = events(&app, &acme.member, "api_key.revoked").await;
    let reasons = told.iter().filter(|event| event["reason"] == "A laptop was stolen");
    assert_eq!((told.len(), reasons.count()), (5, 4));
    for caller in [&acme.member, &hirebridge.member] {
        let told = events(&app, caller, "partner_grant.suspended").await;
        assert_eq!(told.len(), 1);
    }

    // Grants may be spared.
    let spare = json!({ "dryRun": false, "includePartners": false });
    let report = app.post(&acme.owner, ALL, &spare).await;
    assert_eq!((keys(&report), &report.data()["grants"]), (ids([&fresh]), &json!([])));
    assert_eq!(app.get(&ats(&acme), "/jobs").await.status, 200);
}

#[tokio::test]
async fn who_may_pull_the_switch_and_what_they_must_say() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let hirebridge = app.partner("Hirebridge").await;
    let key = app.key(&acme, [Scope::ReadJobs]).await;
    let refused = revoke_all(&app, &acme.member).await;
    assert_eq!(refused.details(), &json!({ "requiredRole": "ADMIN" }));
    let refused = revoke_all(&app, &hirebridge.owner).await;
    assert_eq!(refused.code(), "RESOURCE_ACCESS_DENIED", "{}", refused.body);
    for (body, fault) in [
        (json!({}), "/dryRun required"),
        (json!({ "dryRun": "no" }), "/dryRun type"),
        (json!({ "dryRun": false, "all": true }), "/all unknown_field"),
        (json!({ "dryRun": false, "includePartners": 1 }), "/includePartners type"),
    ] {
        let answer = app.post(&acme.owner, ALL, &body).await;
        assert_eq!(answer.faults(), [fault]);
    }
    assert_eq!(app.get(&key.caller, "/jobs").await.status, 200);

    let administrator = app.administrator().await;
    let nobody = administrator.for_company("01900000-0000-7000-8000-000000000000");
    let refused = revoke_all(&app, &nobody).await;
    assert_eq!(refused.code(), "RESOURCE_ACCESS_DENIED", "{}", refused.body);
    let report = revoke_all(&app, &administrator.for_company(acme.id)).await;
    assert_eq!(keys(&report), ids([&key]));
    let told = events(&app, &acme.member, "api_key.revoked").await;
    assert_eq!(told[0]["actor"]["kind"], "ADMIN");
}

#[tokio::test]
async fn the_same_request_again_has_the_same_answer() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key(&acme, [Scope::ReadJobs]).await;
    let request = || {
        let request = acme.owner.request("POST", ALL).json(&json!({ "dryRun": false }));
        request.header("idempotency-key", "theft")
    };
    let first = app.send(request()).await;
    assert_eq!(keys(&first), ids([&key]));
    let spared = app.key(&acme, [Scope::ReadJobs]).await;
    let again = app.send(request()).await;
    assert_eq!(again.raw.text(), first.raw.text());
    assert_eq!(app.get(&spared.caller, "/jobs").await.status, 200);
}

/// Stopped between the lock and the first revocation, while everything else goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn meanwhile_nothing_comes_to_be_and_whatever_is_changed_dies_all_the_same() {
    let app = Arc::new(TestApp::calm().await);
    let acme = app.company("Acme").await;
    let one = app.partner("Hirebridge").await;
    let other = app.partner("Otherbridge").await;
    app.grant(&acme, one.id).await;
    let suspend = format!("/partner-grants/{}/suspend", one.id);
    app.post(&acme.owner, &suspend, &json!({})).await;
    let rotated = app.key(&acme, [Scope::ReadJobs]).await;
    let resumed = app.key(&acme, [Scope::ReadJobs]).await;
    act(&app, &acme.owner, &resumed, "suspend").await;
    let soon = from_now(&app, Duration::from_secs(30));
    let expired = json!({ "expiresAt": soon, "scopes": ["read:jobs"] });
    let expired = app.key_with(&acme, expired).await;
    app.advance(Duration::from_secs(31));
    app.settle().await;
    app.put_worker_to_sleep();
    // The lock is there, and all keys wait for the first one's write.
    let stop = Arc::new(AtomicBool::new(true));
    let seen = Arc::new(AtomicBool::new(false));
    let (held, began) = (Arc::clone(&stop), Arc::clone(&seen));
    app.system.weather().set(&Weather::script(move |call| {
        if is_revocation(call) && held.load(Ordering::SeqCst) {
            began.store(true, Ordering::SeqCst);
            return Fault::Slow(Duration::from_millis(50));
        }
        Fault::None
    }));
    let switch = tokio::spawn({
        let (app, owner) = (Arc::clone(&app), acme.owner.clone());
        async move { revoke_all(&app, &owner).await }
    });
    let _ = (switch, seen, stop, rotated, resumed, expired, other);
}

fn is_revocation(call: &Call<'_>) -> bool {
    call.operation == "UpdateItem" && call.json().to_string().contains(":revoked")
}

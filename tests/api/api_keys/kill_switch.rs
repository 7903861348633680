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
use tests::{Answer, Caller, Company, Key, TestApp};
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
    let owners = app
        .key(&acme, [Scope::ReadJobs, Scope::WriteCompanies])
        .await;
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
    assert_eq!(
        (keys(&told), &told.data()["grants"]),
        (everything.clone(), &partners)
    );
    assert_eq!(told.data()["dryRun"], true);
    assert_eq!(app.get(&plain.caller, "/jobs").await.status, 200);
    assert_eq!(app.get(&ats(&acme), "/jobs").await.status, 200);

    let report = revoke_all(&app, &acme.admin).await;
    assert_eq!(
        (keys(&report), &report.data()["grants"]),
        (everything, &partners)
    );
    let told = report.data()["keys"].as_array().expect("a list");
    let first = told.iter().find(|key| key["id"] == plain.id.to_string());
    assert_eq!(
        first,
        Some(
            &json!({ "id": plain.id, "name": "Test key", "prefix": format!("sk_iv{}", plain.id) })
        )
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
    let reasons = told
        .iter()
        .filter(|event| event["reason"] == "A laptop was stolen");
    assert_eq!((told.len(), reasons.count()), (5, 4));
    for caller in [&acme.member, &hirebridge.member] {
        let told = events(&app, caller, "partner_grant.suspended").await;
        assert_eq!(told.len(), 1);
    }

    // Grants may be spared.
    let spare = json!({ "dryRun": false, "includePartners": false });
    let report = app.post(&acme.owner, ALL, &spare).await;
    assert_eq!(
        (keys(&report), &report.data()["grants"]),
        (ids([&fresh]), &json!([]))
    );
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
        (
            json!({ "dryRun": false, "all": true }),
            "/all unknown_field",
        ),
        (
            json!({ "dryRun": false, "includePartners": 1 }),
            "/includePartners type",
        ),
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
async fn what_an_administrator_does_for_a_company_is_told_its_partners_without_the_why_and_where() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let hirebridge = app.partner("Hirebridge").await;
    app.grant(&acme, hirebridge.id).await;
    let boss = app.administrator().await.for_company(acme.id);
    let boss = boss.because("Ticket 4711: a mailbox of Acme's was taken over");
    let boss = boss.from_address("198.51.100.77");
    keys(&revoke_all(&app, &boss).await);
    let told = events(&app, &hirebridge.member, "partner_grant.suspended").await;
    let [event] = told.as_slice() else {
        panic!("{told:?}");
    };
    let by_acme = json!({ "kind": "ADMIN", "id": acme.id });
    assert_eq!(event["actor"], by_acme, "{event}");
    for private in ["sourceIp", "requestId", "reason"] {
        assert!(event.get(private).is_none_or(Value::is_null), "{event}");
    }
    // Acme reads it all.
    let told = events(&app, &acme.member, "partner_grant.suspended").await;
    assert_eq!(told[0]["sourceIp"], "198.51.100.77", "{told:?}");
}

#[tokio::test]
async fn the_same_request_again_has_the_same_answer() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key(&acme, [Scope::ReadJobs]).await;
    let request = || {
        let request = acme
            .owner
            .request("POST", ALL)
            .json(&json!({ "dryRun": false }));
        request.header("idempotency-key", "theft")
    };
    let first = app.send(request()).await;
    assert_eq!(keys(&first), ids([&key]));
    let spared = app.key(&acme, [Scope::ReadJobs]).await;
    let again = app.send(request()).await;
    assert_eq!(again.raw.text(), first.raw.text());
    assert_eq!(app.get(&spared.caller, "/jobs").await.status, 200);
}

/// Stopped behind the lock: nothing is revoked yet, and the one who asked was told to come again.
async fn lock(app: &TestApp, company: &Company) {
    app.settle().await;
    app.put_worker_to_sleep();
    app.system
        .weather()
        .set(&Weather::script(|call| match is_revocation(call) {
            true => Fault::Unreachable,
            false => Fault::None,
        }));
    let cut_off = revoke_all(app, &company.admin).await;
    assert_eq!(cut_off.status, 503, "{}", cut_off.body);
    assert_eq!(cut_off.header("retry-after"), Some("1"));
    app.system.weather().set(&Weather::calm());
}

fn is_revocation(call: &Call<'_>) -> bool {
    call.operation == "UpdateItem" && call.json().to_string().contains(":revoked")
}

#[tokio::test]
async fn meanwhile_nothing_comes_to_be_and_whatever_is_changed_dies_all_the_same() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let one = app.partner("Hirebridge").await;
    let other = app.partner("Otherbridge").await;
    app.grant(&acme, one.id).await;
    let grant = format!("/partner-grants/{}", one.id);
    let suspend = format!("{grant}/suspend");
    app.post(&acme.owner, &suspend, &json!({})).await;
    let rotated = app.key(&acme, [Scope::ReadJobs]).await;
    let resumed = app.key(&acme, [Scope::ReadJobs]).await;
    act(&app, &acme.owner, &resumed, "suspend").await;
    let soon = from_now(&app, Duration::from_secs(30));
    let expired = json!({ "expiresAt": soon, "scopes": ["read:jobs"] });
    let expired = app.key_with(&acme, expired).await;
    app.advance(Duration::from_secs(31));
    lock(&app, &acme).await;

    let new = json!({ "name": "New", "scopes": ["read:jobs"] });
    assert_locked(&app.post(&acme.owner, "/api-keys", &new).await);
    let partner = json!({ "partnerId": other.id });
    assert_locked(&app.post(&acme.owner, "/partner-grants", &partner).await);
    let resume = format!("{grant}/resume");
    assert_locked(&app.post(&acme.owner, &resume, &json!({})).await);
    let later = json!({ "expiresAt": null });
    let path = format!("/api-keys/{}", expired.id);
    assert_locked(&app.patch(&acme.owner, &path, &later).await);
    assert_eq!(act(&app, &acme.owner, &resumed, "resume").await.status, 200);
    let path = format!("/api-keys/{}/rotate", rotated.id);
    let second = app.post(&acme.owner, &path, &json!({})).await;
    assert_eq!(second.status, 200, "{}", second.body);
    let second = Caller::with(second.data()["key"].as_str().expect("a key"));
    assert_eq!(app.get(&second, "/jobs").await.status, 200);

    let report = revoke_all(&app, &acme.owner).await;
    assert_eq!(keys(&report), ids([&rotated, &resumed, &expired]));
    for caller in [&second, &rotated.caller, &resumed.caller, &expired.caller] {
        assert_eq!(app.get(caller, "/jobs").await.status, 401);
    }
    app.key(&acme, [Scope::ReadJobs]).await;
    // The events are of whoever began.
    app.wake_worker();
    let told = events(&app, &acme.member, "api_key.revoked").await;
    let admin = app.get(&acme.admin, "/whoami").await.data()["id"].clone();
    assert_eq!(told.len(), 3);
    assert!(
        told.iter().all(|event| event["actor"]["id"] == admin),
        "{told:?}"
    );
}

#[tokio::test]
async fn what_the_worker_ended_is_told_by_the_next_report_and_by_no_other() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let hirebridge = app.partner("Hirebridge").await;
    app.grant(&acme, hirebridge.id).await;
    let first = app.key(&acme, [Scope::ReadJobs]).await;
    lock(&app, &acme).await;
    app.wake_worker();
    app.settle().await;
    assert_eq!(app.get(&first.caller, "/jobs").await.status, 401);
    let tasks = app.app().table.list_tasks(None, 10).await.expect("read");
    assert_eq!(tasks, []);
    // It is unlocked: a key that is made now, and a grant that is resumed, are no business of that one.
    let second = app.key(&acme, [Scope::ReadJobs]).await;
    let resume = format!("/partner-grants/{}/resume", hirebridge.id);
    app.post(&acme.owner, &resume, &json!({})).await;
    app.settle().await;
    assert_eq!(app.get(&second.caller, "/jobs").await.status, 200);
    let report = revoke_all(&app, &acme.owner).await;
    assert_eq!(keys(&report), ids([&first, &second]));
    let partners = json!([{ "partnerId": hirebridge.id }]);
    assert_eq!(report.data()["grants"], partners);
    let report = revoke_all(&app, &acme.owner).await;
    assert_eq!(
        (keys(&report), &report.data()["grants"]),
        (BTreeSet::new(), &json!([]))
    );
}

#[tokio::test]
async fn a_second_call_joins_in_and_asks_for_more() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let hirebridge = app.partner("Hirebridge").await;
    app.grant(&acme, hirebridge.id).await;
    let key = app.key(&acme, [Scope::ReadJobs]).await;
    app.settle().await;
    app.put_worker_to_sleep();
    app.system
        .weather()
        .set(&Weather::script(|call| match is_revocation(call) {
            true => Fault::Unreachable,
            false => Fault::None,
        }));
    let spare = json!({ "dryRun": false, "includePartners": false });
    assert_eq!(app.post(&acme.owner, ALL, &spare).await.status, 503);
    app.system.weather().set(&Weather::calm());
    let report = revoke_all(&app, &acme.owner).await;
    let partners = json!([{ "partnerId": hirebridge.id }]);
    assert_eq!(
        (keys(&report), &report.data()["grants"]),
        (ids([&key]), &partners)
    );
}

/// People make, rotate and resume keys, and make and resume grants, all the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_everybody_busy_no_key_is_lost_and_none_is_told_twice() {
    let app = Arc::new(TestApp::start().await);
    let acme = app.company("Acme").await;
    let partner = app.partner("Hirebridge").await;
    app.grant(&acme, partner.id).await;
    let old = app.key(&acme, [Scope::ReadJobs]).await;
    let over = Arc::new(AtomicBool::new(false));
    let made = Arc::new(AtomicU32::new(0));
    let mut people = JoinSet::new();
    for person in 0..5 {
        let (app, over, made) = (Arc::clone(&app), Arc::clone(&over), Arc::clone(&made));
        let (owner, old, partner) = (acme.owner.clone(), old.clone(), partner.id);
        people.spawn(async move {
            let mut keys = Vec::new();
            for round in 0.. {
                if over.load(Ordering::SeqCst) && round > 3 {
                    break;
                }
                let (target, body) = match (person, round % 2) {
                    (0 | 1, _) => {
                        let body = json!({ "name": "Busy", "scopes": ["read:jobs"] });
                        ("/api-keys".to_owned(), body)
                    }
                    (2, _) => (
                        format!("/api-keys/{}/rotate", old.id),
                        json!({ "overlapSeconds": 0 }),
                    ),
                    (3, 0) => (format!("/api-keys/{}/suspend", old.id), json!({})),
                    (3, _) => (format!("/api-keys/{}/resume", old.id), json!({})),
                    (_, 0) => (format!("/partner-grants/{partner}/suspend"), json!({})),
                    (_, _) => (format!("/partner-grants/{partner}/resume"), json!({})),
                };
                let answer = app.post(&owner, &target, &body).await;
                assert!(
                    matches!(answer.status, 200 | 201 | 409),
                    "{target}: {}",
                    answer.body
                );
                if answer.status == 201 {
                    made.fetch_add(1, Ordering::SeqCst);
                    let text = |name: &str| answer.data()[name].as_str().expect("text").to_owned();
                    keys.push((text("id"), Caller::with(&text("key"))));
                }
            }
            keys
        });
    }
    while made.load(Ordering::SeqCst) < 4 {
        tokio::task::yield_now().await;
    }
    let before = app.get(&acme.admin, "/api-keys?limit=100").await;
    let report = revoke_all(&app, &acme.admin).await;
    over.store(true, Ordering::SeqCst);
    let caught = keys(&report);
    assert!(caught.contains(&old.id.to_string()));
    for key in before.data()["items"].as_array().expect("a list") {
        let id = key["id"].as_str().expect("an id");
        assert!(caught.contains(id), "{id} was there before");
    }
    let keys_made = people.join_all().await.concat();
    for (id, key) in &keys_made {
        let alive = app.get(key, "/jobs").await.status == 200;
        assert_eq!(alive, !caught.contains(id), "{id}");
    }
    app.settle().await;
    let rest = keys(&revoke_all(&app, &acme.owner).await);
    assert!(rest.is_disjoint(&caught));
    let all = keys_made.iter().map(|(id, _)| id.clone());
    let all: BTreeSet<_> = all.chain([old.id.to_string()]).collect();
    assert_eq!(rest.union(&caught).cloned().collect::<BTreeSet<_>>(), all);
}

/// Two at once, and the worker as well: each tells what there was.
#[tokio::test]
async fn of_two_switches_at_once_neither_tells_less() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let mut all = Vec::new();
    for _ in 0..12 {
        all.push(app.key(&acme, [Scope::ReadJobs]).await);
    }
    let (one, two) = tokio::join!(revoke_all(&app, &acme.owner), revoke_all(&app, &acme.admin));
    let told: BTreeSet<_> = keys(&one).union(&keys(&two)).cloned().collect();
    assert_eq!(told, ids(&all));
    for key in &all {
        assert_eq!(app.get(&key.caller, "/jobs").await.status, 401);
    }
}

//! `GET /api-keys/{keyId}/usage` and `/suggestions`, and the dry run of a change.

use super::{from_now, shown};
use model::{Actor, EventFacts, EventType, Outcome, Owner, Timestamp};
use routes::Scope;
use serde_json::{Value, json};
use std::time::Duration;
use store::Revision;
use tests::{Answer, Caller, Company, Key, TestApp, job};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

async fn get_as(app: &TestApp, caller: &Caller, agent: &str, target: &str) -> u16 {
    let request = caller.request("GET", target).header("user-agent", agent);
    app.send(request).await.status
}

async fn usage(app: &TestApp, caller: &Caller, key: &Key, query: &str) -> Answer {
    app.settle().await;
    app.get(caller, &format!("/api-keys/{}/usage{query}", key.id))
        .await
}

async fn suggestions(app: &TestApp, caller: &Caller, key: &Key) -> Value {
    app.settle().await;
    let target = format!("/api-keys/{}/suggestions", key.id);
    let answer = app.get(caller, &target).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.data().clone()
}

async fn dry_run(app: &TestApp, company: &Company, key: &Key, mut change: Value) -> Answer {
    app.settle().await;
    change["dryRun"] = true.into();
    let target = format!("/api-keys/{}", key.id);
    app.patch(&company.owner, &target, &change).await
}

fn suffix(caller: &Caller) -> &str {
    let text = caller.credential.as_deref().expect("a key");
    &text[text.len() - 4..]
}

async fn start() -> (TestApp, Company) {
    let app = TestApp::start().await;
    // So that no hour ends in the middle of a test.
    let into = app.now().millis().rem_euclid(3_600_000);
    app.advance(HOUR - Duration::from_millis(into.unsigned_abs()));
    let acme = app.company("Acme").await;
    (app, acme)
}

#[tokio::test]
async fn counts_are_exact_by_outcome_operation_network_and_secret() {
    let (app, acme) = start().await;
    let key = app.key(&acme, [Scope::ReadJobs, Scope::WriteJobs]).await;
    let elsewhere = key.caller.from_address("203.0.113.9");
    for _ in 0..3 {
        assert_eq!(get_as(&app, &key.caller, "curl/8.5.0", "/jobs").await, 200);
    }
    assert_eq!(get_as(&app, &elsewhere, "ci/1 (x)", "/jobs").await, 200);
    let made = app.post(&elsewhere, "/jobs", &job()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(app.get(&key.caller, "/agents").await.status, 403);

    let answer = usage(&app, &acme.member, &key, "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let data = answer.data();
    assert_eq!(data["granularity"], "hour");
    let periods = data["periods"].as_array().expect("periods");
    assert_eq!(periods.len(), 1);
    let hour = &periods[0];
    assert_eq!(
        (&hour["accepted"], &hour["refused"]),
        (&json!(5), &json!(1))
    );
    assert_eq!(hour["refusedIsLowerBound"], false);
    assert_eq!(
        hour["reasons"],
        json!([{ "reason": "SCOPE", "refused": 1 }])
    );
    assert_eq!(
        hour["operations"],
        json!([
            { "operation": "ListJobs", "accepted": 4, "refused": 0 },
            { "operation": "CreateJob", "accepted": 1, "refused": 0 },
            { "operation": "ListAgents", "accepted": 0, "refused": 1 },
        ])
    );
    assert_eq!(
        hour["networks"],
        json!([
            { "network": "198.51.100.7", "accepted": 3, "refused": 1 },
            { "network": "203.0.113.9", "accepted": 2, "refused": 0 },
        ])
    );
    assert_eq!(
        hour["secrets"],
        json!([{ "suffix": suffix(&key.caller), "accepted": 5, "refused": 1 }])
    );
    // By day the same, without addresses.
    let days = usage(&app, &acme.member, &key, "?granularity=day").await;
    let day = &days.data()["periods"][0];
    assert_eq!((&day["accepted"], &day["refused"]), (&json!(5), &json!(1)));
    assert_eq!(day["operations"], hour["operations"]);
    for address in ["198.51.100.7", "203.0.113.9"] {
        assert!(!days.raw.text().contains(address));
    }
    // What the chain says is what usage says.
    let target = format!(
        "/audit-events?keyId={}&type=authentication.succeeded",
        key.id
    );
    let events = app.get(&acme.owner, &target).await;
    let events = events.data()["items"].as_array().expect("events").clone();
    assert_eq!(events.len(), 5);
    let agents: Vec<_> = events
        .iter()
        .filter_map(|e| e["userAgent"].as_str())
        .collect();
    assert_eq!(agents, ["ci/1", "curl/8.5.0", "curl/8.5.0", "curl/8.5.0"]);
    let found = app
        .app()
        .table
        .reconcile(app.now())
        .await
        .expect("reconciled");
    assert_eq!((found.differences, found.behind), (vec![], vec![]));
    assert_eq!(found.out_of_reach, 0);
    // Years later the chain is all that has them.
    app.advance(DAY * 800);
    forget(&app, "D#");
    let found = app.app().table.reconcile(app.now()).await;
    let found = found.expect("reconciled");
    assert_eq!((found.differences, found.behind), (vec![], vec![]));
    assert_eq!((found.events, found.out_of_reach), (5, 5));
}

#[tokio::test]
async fn usage_shows_who_still_uses_the_old_secret() {
    let (app, acme) = start().await;
    let key = app
        .key_with(&acme, json!({ "scopes": ["read:jobs"] }))
        .await;
    let path = format!("/api-keys/{}/rotate", key.id);
    let body = json!({ "overlapSeconds": 600 });
    let rotated = app.post(&acme.owner, &path, &body).await;
    let new = Caller::with(rotated.data()["key"].as_str().expect("a key"));
    let old = key.caller.from_address("2001:db8:1:2:3::4");
    assert_eq!(
        get_as(&app, &old, "python-requests/2.32.3 x", "/jobs").await,
        200
    );
    for _ in 0..2 {
        assert_eq!(get_as(&app, &new, "curl/8.5.0", "/jobs").await, 200);
    }
    let answer = usage(&app, &acme.member, &key, "").await;
    let secrets = answer.data()["totals"]["secrets"].as_array();
    let secrets = secrets.expect("secrets").clone();
    let of = |caller: &Caller| {
        let suffix = suffix(caller);
        let found = secrets.iter().find(|secret| secret["suffix"] == suffix);
        found.expect("is shown").clone()
    };
    let (before, after) = (of(&key.caller), of(&new));
    assert_eq!(
        (&before["accepted"], &after["accepted"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(before["live"], true);
    assert!(before["validUntil"].is_string() && after["validUntil"].is_null());
    let client = &before["clients"][0];
    assert_eq!(client["network"], "2001:db8:1:2::/64");
    assert_eq!(client["userAgent"], "python-requests/2.32.3");
    assert!(client["lastAcceptedAt"].is_string());
    // When it has ended, its tries are refusals of it.
    app.advance(Duration::from_secs(601));
    assert_eq!(
        get_as(&app, &old, "python-requests/2.32.3", "/jobs").await,
        401
    );
    let answer = usage(&app, &acme.member, &key, "").await;
    let reasons = &answer.data()["totals"]["reasons"];
    assert_eq!(reasons, &json!([{ "reason": "EXPIRED", "refused": 1 }]));
}

#[tokio::test]
async fn ranges_are_whole_periods_and_bounded() {
    let (app, acme) = start().await;
    let key = app
        .key_with(&acme, json!({ "scopes": ["read:jobs"] }))
        .await;
    for _ in 0..3 {
        assert_eq!(app.get(&key.caller, "/jobs").await.status, 200);
        app.advance(HOUR);
    }
    let member = app.person("member@acme.example");
    let three = usage(&app, &member, &key, "").await;
    assert_eq!(three.data()["periods"].as_array().map(Vec::len), Some(3));
    let first = &three.data()["periods"][0]["start"];
    let second = three.data()["periods"][1]["start"]
        .as_str()
        .expect("an hour");
    // A minute of an hour is the hour; the end isn't in it.
    let inside = second.replace(":00:00.000Z", ":59:00.000Z");
    for (query, periods) in [
        (format!("?end={second}"), 1),
        (format!("?start={second}&end={inside}"), 1),
        (format!("?start={inside}"), 2),
        (format!("?start={}", from_now(&app, HOUR * 24)), 0),
    ] {
        let answer = usage(&app, &member, &key, &query).await;
        if periods == 0 {
            assert_eq!(answer.faults(), ["?start range"], "{query}");
            continue;
        }
        let found = answer.data()["periods"].as_array().map(Vec::len);
        assert_eq!(found, Some(periods), "{query}");
    }
    let early = usage(&app, &member, &key, &format!("?end={second}")).await;
    assert_eq!(&early.data()["periods"][0]["start"], first);
    for (query, faults) in [
        ("?granularity=week", vec!["?granularity enum"]),
        ("?start=2026-01-01&end=2026-02-02", vec!["?start range"]),
        (
            "?granularity=day&start=2025-01-01&end=2026-01-03",
            vec!["?start range"],
        ),
        ("?start=2026-01-02&end=2026-01-02", vec!["?start range"]),
        (
            "?start=yesterday&end=x",
            vec!["?start format", "?end format"],
        ),
    ] {
        let answer = usage(&app, &member, &key, query).await;
        assert_eq!(
            (answer.status, answer.faults()),
            (400, faults.into_iter().map(str::to_owned).collect()),
            "{query}"
        );
    }
    for query in [
        "?start=2026-01-01&end=2026-02-01",
        "?start=1969-12-01&end=1969-12-15",
        "?start=1969-12-20&end=1970-01-02",
        "?granularity=day&start=2026-01-01&end=2027-01-02",
    ] {
        assert_eq!(
            usage(&app, &member, &key, query).await.status,
            200,
            "{query}"
        );
    }
}

#[tokio::test]
async fn another_companys_key_has_no_usage() {
    let (app, acme) = start().await;
    let globex = app.company("Globex").await;
    let key = app.key_with(&acme, json!({})).await;
    assert_eq!(app.get(&key.caller, "/jobs").await.status, 200);
    app.settle().await;
    for part in ["usage", "suggestions"] {
        let target = format!("/api-keys/{}/{part}", key.id);
        assert_eq!(app.get(&acme.member, &target).await.status, 200);
        let foreign = app.get(&globex.owner, &target).await;
        let nowhere = app
            .get(&globex.owner, &format!("/api-keys/Zz9Zz9Zz/{part}"))
            .await;
        assert_eq!(
            (foreign.status, foreign.code()),
            (404, "RESOURCE_NOT_FOUND")
        );
        let details = json!({ "resourceType": "api_key", "resourceId": "Zz9Zz9Zz" });
        assert_eq!(nowhere.details(), &details);
    }
}

#[tokio::test]
async fn an_ats_key_is_counted_by_company_for_its_partner() {
    let (app, acme) = start().await;
    let partner = app.partner("Hirebridge").await;
    app.grant(&acme, partner.id).await;
    let caller = partner.key.caller.for_company(acme.id);
    for _ in 0..2 {
        assert_eq!(app.get(&caller, "/jobs").await.status, 200);
    }
    let answer = usage(&app, &partner.member, &partner.key, "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let companies = &answer.data()["totals"]["companies"];
    assert_eq!(companies[0]["companyId"], json!(acme.id));
    assert_eq!(companies[0]["accepted"], 2);
}

#[tokio::test]
async fn suggestions_name_unused_scopes_after_30_days_and_the_smallest_list() {
    let (app, acme) = start().await;
    let scopes = json!({ "scopes": ["read:jobs", "write:jobs", "read:agents"] });
    let key = app.key_with(&acme, scopes).await;
    let none = suggestions(&app, &acme.member, &key).await;
    assert_eq!(none["allowedIPs"]["suggested"], Value::Null);
    assert_eq!(app.get(&key.caller, "/agents").await.status, 200);
    app.advance(DAY * 15);
    for address in ["203.0.113.8", "203.0.113.9", "2001:db8:1:2:3::4"] {
        let caller = key.caller.from_address(address);
        assert_eq!(app.get(&caller, "/jobs").await.status, 200);
    }
    let person = app.person("member@acme.example");
    let early = suggestions(&app, &person, &key).await;
    assert_eq!(early["unusedScopes"]["scopes"], Value::Null);
    assert_eq!(early["accepted"], 4);
    assert_eq!(
        early["allowedIPs"]["suggested"],
        json!(["198.51.100.7", "203.0.113.8/31", "2001:db8:1:2::/64"])
    );
    assert_eq!(
        early["observedSince"],
        shown(&app, &person, &key).await["createdAt"]
    );
    // 30 whole days after it was made, the first request is out of sight.
    app.advance(DAY * 16);
    let person = app.person("member@acme.example");
    let late = suggestions(&app, &person, &key).await;
    assert_eq!(
        late["unusedScopes"]["scopes"],
        json!(["write:jobs", "read:agents"])
    );
    assert_eq!(
        late["allowedIPs"]["suggested"],
        json!(["203.0.113.8/31", "2001:db8:1:2::/64"])
    );
    assert_eq!(late["allowedIPs"]["networks"], 3);
}

/// What a key was used from is added up once a day; it must not be seen whether it was.
#[tokio::test]
async fn suggestions_are_the_same_with_days_rolled_up_and_without() {
    let (app, acme) = start().await;
    let key = app.key_with(&acme, json!({})).await;
    // Whenever it is: six hours into a day.
    let into = app.now().millis().rem_euclid(86_400_000).unsigned_abs();
    app.advance(DAY + HOUR * 6 - Duration::from_millis(into));
    // Two days with two hours each, one without any, and today.
    for (number, hours) in [1, 23, 1, 47, 0].into_iter().enumerate() {
        let caller = key
            .caller
            .from_address(&format!("203.0.113.{}", 8 * number));
        assert_eq!(app.get(&caller, "/jobs").await.status, 200);
        app.settle().await;
        app.advance(HOUR * hours);
    }
    let person = app.person("member@acme.example");
    let usual = suggestions(&app, &person, &key).await;
    assert_eq!(usual["allowedIPs"]["networks"], 5);
    assert_eq!(usual["allowedIPs"]["coveredRequests"], 5);
    assert_eq!(
        rolled_up(&app),
        [2, 2],
        "networks of the days that are over"
    );

    // An event that comes late is added to its day.
    let late = late_request(
        &app,
        &acme,
        &key,
        app.now().minus(chrono::Duration::hours(73)),
    );
    let (table, owner) = (&app.app().table, late.owner);
    let appended = table.append(&[late], app.app().entropy.bytes()).await;
    assert_eq!(appended.expect("appended").taken, 1);
    let folded = table.fold_usage(owner, app.app().entropy.bytes()).await;
    assert_eq!(folded.expect("folded").events, 1);
    assert_eq!(rolled_up(&app), [3, 2]);
    let usual = suggestions(&app, &person, &key).await;
    assert_eq!(usual["allowedIPs"]["networks"], 6);
    assert_eq!(usual["accepted"], 6);

    // Without those rows the hours have it all, as before there were any.
    forget(&app, "N#");
    assert_eq!(rolled_up(&app), [0; 0]);
    let read = suggestions(&app, &person, &key).await;
    assert_eq!(read["allowedIPs"], usual["allowedIPs"]);
    assert_eq!(read["accepted"], usual["accepted"]);
}

/// Deletes the rows of usage whose sort keys start so.
fn forget(app: &TestApp, prefix: &str) {
    let audit = &app.app().table.names().audit;
    for row in crate::worker::rows::rows(app, audit) {
        if row["sk"]["S"]
            .as_str()
            .is_some_and(|sk| sk.starts_with(prefix))
        {
            let place = json!({ "pk": row["pk"], "sk": row["sk"] });
            let delete = json!({ "TableName": audit, "Key": place }).to_string();
            let target = "DynamoDB_20120810.DeleteItem";
            let (status, _) = app.system.engine().dispatch(target, delete.as_bytes());
            assert_eq!(status, 200);
        }
    }
}

/// How many networks each day has, oldest first, of those that were added up.
fn rolled_up(app: &TestApp) -> Vec<usize> {
    let mut days: Vec<_> = crate::worker::rows::rows(app, &app.app().table.names().audit)
        .iter()
        .filter_map(|row| Some((row["sk"]["S"].as_str()?, row["data"]["S"].as_str()?)))
        .filter(|(sk, _)| sk.starts_with("N#"))
        .map(|(sk, data)| (sk.to_owned(), data.to_owned()))
        .collect();
    days.sort();
    days.iter()
        .map(|(_, data)| {
            let data: Value = serde_json::from_str(data).expect("JSON");
            data["networks"].as_object().map_or(0, serde_json::Map::len)
        })
        .collect()
}

/// An accepted request that the chain hears of only now.
fn late_request(app: &TestApp, company: &Company, key: &Key, at: Timestamp) -> Revision {
    let id = key.id;
    let owner = Owner::Company(company.id);
    let facts = EventFacts {
        id: "late".to_owned(),
        at,
        owner,
        kind: EventType::AuthenticationSucceeded,
        outcome: Outcome::Success,
        actor: Actor::key(id),
        key_id: Some(id),
        secret_suffix: None,
        company_id: Some(company.id),
        source_ip: Some("203.0.113.200".to_owned()),
        user_agent: None,
        request_id: None,
        operation: Some("ListJobs".to_owned()),
        reason: None,
        count: None,
        suppressed: None,
        changes: None,
    };
    Revision {
        owner,
        row: "LATE".to_owned(),
        rev: 1,
        at: app.now(),
        counted: None,
        events: vec![facts],
    }
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_refused_and_changes_nothing() {
    let (app, acme) = start().await;
    let key = app.key(&acme, [Scope::ReadJobs, Scope::ReadAgents]).await;
    assert_eq!(app.get(&key.caller, "/jobs").await.status, 200);
    app.advance(DAY * 8);
    let elsewhere = key.caller.from_address("203.0.113.9");
    for (caller, path) in [
        (&key.caller, "/jobs"),
        (&elsewhere, "/agents"),
        (&elsewhere, "/jobs"),
    ] {
        assert_eq!(app.get(caller, path).await.status, 200);
    }
    let acme = Company {
        owner: app.person("owner@acme.example"),
        ..acme
    };
    let before = shown(&app, &acme.owner, &key).await;
    let change = json!({ "scopes": ["read:jobs"], "allowedIPs": ["198.51.100.0/24"] });
    let tried = dry_run(&app, &acme, &key, change.clone()).await;
    assert_eq!(
        (tried.status, tried.header("etag")),
        (200, Some("\"1\"")),
        "{}",
        tried.body
    );
    let data = tried.data();
    assert_eq!(
        (&data["dryRun"], &data["accepted"]),
        (&json!(true), &json!(3))
    );
    assert_eq!(data["byScope"][0]["scope"], "read:agents");
    assert_eq!(data["byScope"][0]["requests"], 1);
    assert_eq!(
        data["byScope"][0]["operations"][0]["operation"],
        "ListAgents"
    );
    assert_eq!(data["byAddress"]["requests"], 2);
    assert_eq!(data["byAddress"]["networks"][0]["network"], "203.0.113.9");
    assert!(data["byAddress"]["networks"][0]["lastAt"].is_string());
    assert_eq!(data["byAddress"]["unknownUpTo"], 0);
    // Nothing happened: not to the key, not in the chain.
    assert_eq!(shown(&app, &acme.owner, &key).await, before);
    assert_eq!(app.get(&elsewhere, "/agents").await.status, 200);
    app.settle().await;
    let target = format!("/audit-events?keyId={}&type=api_key.scopes_changed", key.id);
    let events = app.get(&acme.owner, &target).await;
    assert_eq!(events.data()["items"], json!([]));
    // The change itself refuses just those.
    let target = format!("/api-keys/{}", key.id);
    let mut made = change;
    made["dryRun"] = false.into();
    let made = app.patch(&acme.owner, &target, &made).await;
    assert_eq!(made.data()["version"], 2, "{}", made.body);
    assert_eq!(app.get(&elsewhere, "/jobs").await.status, 401);
    assert_eq!(app.get(&key.caller, "/agents").await.status, 403);
    assert_eq!(app.get(&key.caller, "/jobs").await.status, 200);
}

#[tokio::test]
async fn a_dry_run_has_the_faults_of_the_change() {
    let (app, acme) = start().await;
    let key = app.key(&acme, [Scope::ReadJobs]).await;
    let target = format!("/api-keys/{}", key.id);
    let cases = [
        (
            json!({ "scopes": [], "dryRun": true }),
            vec!["/scopes length"],
        ),
        (
            json!({ "scopes": ["x"], "dryRun": "yes" }),
            vec!["/dryRun type", "/scopes/0 enum"],
        ),
        (json!({ "dryrun": true }), vec!["/dryrun unknown_field"]),
    ];
    for (body, faults) in cases {
        let answer = app.patch(&acme.owner, &target, &body).await;
        assert_eq!(
            (answer.status, answer.faults()),
            (400, faults.into_iter().map(str::to_owned).collect()),
            "{body}"
        );
    }
    let owners = json!({ "scopes": ["write:companies"], "dryRun": true });
    let refused = app.patch(&acme.admin, &target, &owners).await;
    assert_eq!(refused.details(), &json!({ "requiredRole": "OWNER" }));
    let member = app
        .patch(&acme.member, &target, &json!({ "dryRun": true }))
        .await;
    assert_eq!(member.status, 403);
    let request = acme
        .owner
        .request("PATCH", &target)
        .header("if-match", "\"7\"");
    let stale = app.send(request.json(&json!({ "dryRun": true }))).await;
    assert_eq!(stale.details(), &json!({ "reason": "VERSION" }));
    let revoked = app
        .post(&acme.owner, &format!("{target}/revoke"), &json!({}))
        .await;
    assert_eq!(revoked.status, 200);
    let gone = app
        .patch(&acme.owner, &target, &json!({ "dryRun": true }))
        .await;
    assert_eq!(
        (gone.status, gone.code()),
        (409, "INVALID_STATE_TRANSITION")
    );
}

#[tokio::test]
async fn a_dry_run_of_a_revival_needs_room() {
    let app = TestApp::start().await;
    let acme = app.company_on("Acme", model::Plan::Trial, None).await;
    let expires = from_now(&app, Duration::from_secs(60));
    let first = app.key_with(&acme, json!({ "expiresAt": expires })).await;
    app.advance(Duration::from_secs(61));
    let revival = json!({ "expiresAt": from_now(&app, HOUR) });
    let room = dry_run(&app, &acme, &first, revival.clone()).await;
    assert_eq!(room.status, 200, "{}", room.body);
    for _ in 0..10 {
        app.key_with(&acme, json!({})).await;
    }
    app.next_minute(Duration::ZERO);
    let full = dry_run(&app, &acme, &first, revival).await;
    assert_eq!(
        full.details(),
        &json!({ "reason": "KEY_LIMIT" }),
        "{}",
        full.body
    );
}

#[tokio::test]
async fn a_dry_run_of_a_revival_says_that_a_kill_switch_runs() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let expires = from_now(&app, Duration::from_secs(60));
    let key = app.key_with(&acme, json!({ "expiresAt": expires })).await;
    app.advance(Duration::from_secs(61));
    app.put_worker_to_sleep();
    let stamp = app.stamp("RevokeAllApiKeys");
    let begun = app.store(&acme).begin_lockdown(&stamp, true).await;
    begun.expect("begun");
    let target = format!("/api-keys/{}", key.id);
    for dry_run in [true, false] {
        let revival = json!({ "expiresAt": null, "dryRun": dry_run });
        let refused = app.patch(&acme.owner, &target, &revival).await;
        assert_eq!(refused.details(), &json!({ "reason": "LOCKED" }));
    }
}

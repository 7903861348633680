//! `/audit-events/export`

use embedded::{Fault, Weather};
use local::HttpRequest;
use std::{
    io::Cursor,
    sync::atomic::{AtomicUsize, Ordering},
};
use tests::{Caller, Company, TestApp};
use trail::{AuditKeys, OwnCheckpoint, Unverified, Verified, verify};

/// The answer as it would be saved.
pub(crate) async fn exported(app: &TestApp, caller: &Caller, query: &str) -> String {
    let answer = app
        .get(caller, &format!("/audit-events/export{query}"))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.raw.text()
}

pub(crate) async fn keys(app: &TestApp) -> AuditKeys {
    let answer = app.get(&Caller::nobody(), "/.well-known/audit-keys").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    serde_json::from_value(answer.data().clone()).expect("keys")
}

pub(crate) async fn check(
    app: &TestApp,
    export: &str,
    checkpoints: &[OwnCheckpoint],
) -> Result<Verified, Unverified> {
    verify(Cursor::new(export), checkpoints, Some(&keys(app).await))
}

/// The last event's seq and hash.
pub(crate) async fn newest(app: &TestApp, company: &Company) -> (u64, String) {
    let newest = app.get(&company.owner, "/audit-events?limit=1").await;
    let event = &newest.data()["items"][0];
    let seq = event["seq"].as_u64().expect("a seq");
    (seq, event["hash"].as_str().expect("a hash").to_owned())
}

/// Some events, in several packs.
pub(crate) async fn busy(app: &TestApp, company: &Company, turns: usize) {
    for _ in 0..turns {
        let key = app.key(company, [routes::Scope::ReadJobs]).await;
        for _ in 0..3 {
            app.get(&key.caller, "/jobs").await;
        }
        app.settle().await;
    }
}

#[tokio::test]
async fn an_export_holds_and_names_its_owner() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    busy(&app, &acme, 4).await;
    let answer = app.get(&acme.owner, "/audit-events/export").await;
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.header("x-request-id").is_some());
    assert!(answer.header("x-ratelimit-limit-minute").is_some());
    let verified = check(&app, &answer.raw.text(), &[]).await.expect("holds");
    assert_eq!(verified.head.owner, model::Owner::Company(acme.id));
    assert_eq!(verified.head.from_seq, 1);
    assert_eq!(verified.head.to_seq, verified.head.chain_seq);
    assert!(verified.head.to_seq > 16, "{verified}");
}

#[tokio::test]
async fn every_part_of_a_chain_can_be_exported() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    busy(&app, &acme, 3).await;
    let whole = exported(&app, &acme.owner, "").await;
    let whole: Vec<_> = whole.lines().collect();
    let last = whole.len() - 1;
    for from in 1..=last {
        let to = from + (last - from) / 2;
        let query = format!("?fromSeq={from}&toSeq={to}");
        let part = exported(&app, &acme.owner, &query).await;
        let lines: Vec<_> = part.lines().collect();
        assert_eq!(lines[..lines.len() - 1], whole[from - 1..to], "{query}");
        let verified = check(&app, &part, &[]).await.expect("holds");
        assert_eq!(
            (verified.head.from_seq, verified.head.to_seq),
            (from as u64, to as u64)
        );
    }
}

#[tokio::test]
async fn what_comes_next_can_be_asked_for_before_it_is_there() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    app.settle().await;
    let next = newest(&app, &acme).await.0 + 1;
    let part = exported(&app, &acme.owner, &format!("?fromSeq={next}&toSeq={next}")).await;
    let verified = check(&app, &part, &[]).await.expect("holds");
    assert!(verified.head.to_seq + 1 >= verified.head.from_seq);
    let beyond = app
        .get(&acme.owner, "/audit-events/export?fromSeq=1000000")
        .await;
    assert_eq!(
        (beyond.status, beyond.faults()),
        (400, vec!["?fromSeq range".to_owned()])
    );
}

#[tokio::test]
async fn queries_that_make_no_sense_are_400() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    for (query, fault) in [
        ("fromSeq=0", "?fromSeq range"),
        ("fromSeq=-1", "?fromSeq range"),
        ("fromSeq=x", "?fromSeq range"),
        ("fromSeq=5&toSeq=4", "?toSeq range"),
        ("format=xml", "?format enum"),
        ("format=csv&format=csv", "?format repeated"),
    ] {
        let answer = app
            .get(&acme.owner, &format!("/audit-events/export?{query}"))
            .await;
        assert_eq!(
            (answer.status, answer.faults()),
            (400, vec![fault.to_owned()]),
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_table_for_people_has_a_row_for_each_event() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let named = serde_json::json!({ "name": "=cmd|' /C calc'!A0" });
    app.key_with(&acme, named).await;
    app.settle().await;
    let answer = app
        .get(&acme.owner, "/audit-events/export?format=csv")
        .await;
    assert_eq!(
        answer.header("content-type"),
        Some("text/csv; charset=utf-8")
    );
    let table = answer.raw.text();
    assert!(table.starts_with("seq,at,type,"), "{table}");
    let seqs = table
        .split("\r\n")
        .skip(1)
        .filter_map(|row| row.split(',').next());
    let seqs: Vec<u64> = seqs.filter_map(|seq| seq.parse().ok()).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    assert!(seqs.len() > 2);
    assert!(!table.contains("\"head\""));
}

#[tokio::test]
async fn an_answer_that_breaks_off_has_no_signed_last_line() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    busy(&app, &acme, 2).await;
    // The head and the first place are read; what comes then is not.
    let queries = AtomicUsize::new(0);
    let weather = Weather::script(move |call| {
        let of_chain = call.operation == "Query" && call.json()["TableName"] == "instaview-audit";
        match of_chain && queries.fetch_add(1, Ordering::SeqCst) >= 1 {
            true => Fault::Unreachable,
            false => Fault::None,
        }
    });
    let another = app.system.another_app(app.app().clock.clone(), &weather);
    let gateway = app.system.another_gateway(another).expect("a gateway");
    let request: HttpRequest = acme.owner.request("GET", "/audit-events/export");
    let answer = gateway.call(request).await;
    assert_eq!(answer.status, 200);
    let fault = check(&app, &answer.text(), &[]).await.expect_err("cut");
    assert!(fault.to_string().contains("no signed last line"), "{fault}");
}

//! The kill switch of a company with as many keys as a plan has.

use super::authorization::Process;
use embedded::Weather;
use routes::{Scope, ScopeSet};
use serde_json::json;
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};
use tests::{Answer, Key, TestApp};

const KEYS: usize = 1_000;
const PARTNERS: usize = 20;
/// Below a person's 600 a minute.
const A_MINUTE: usize = 500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_keys_and_twenty_grants_are_dead_before_the_answer() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let owner = || app.person("owner@acme.example").for_company(acme.id);
    let mut keys: Vec<Key> = Vec::new();
    for number in 0..KEYS {
        if number % A_MINUTE == 0 {
            app.next_minute(Duration::ZERO);
        }
        keys.push(app.key(&acme, [Scope::ReadJobs]).await);
    }
    app.next_minute(Duration::ZERO);
    let mut partners = Vec::new();
    for number in 0..PARTNERS {
        let partner = app.partner(&format!("Partner{number}")).await;
        app.grant(&acme, partner.id).await;
        partners.push(app.ats_key(partner.id, ScopeSet::all()).await);
    }
    app.settle().await;
    // Warm: it knows each of them as a good one.
    let warm = Process::new(&app, Weather::calm());
    let ats = |key: &Key| key.caller.for_company(acme.id);
    for key in &keys {
        assert_eq!(warm.get_job(&key.caller).await.status, 200);
    }
    for key in &partners {
        assert_eq!(warm.get_job(&ats(key)).await.status, 200);
    }
    app.settle().await;

    let began = Instant::now();
    let mut tries = 0;
    let report: Answer = loop {
        tries += 1;
        let body = json!({ "dryRun": false, "reason": "A laptop was stolen" });
        let answer = app.post(&owner(), "/api-keys/revoke-all", &body).await;
        if answer.status == 200 {
            break answer;
        }
        // What takes longer than five seconds goes on when it is asked for again.
        assert!(answer.status == 503 && tries < 20, "{}", answer.body);
    };
    let took = began.elapsed();
    println!("revoke-all of {KEYS} keys and {PARTNERS} grants: {took:.2?}, asked {tries} times");

    for key in &keys {
        assert_eq!(warm.get_job(&key.caller).await.status, 401);
    }
    for key in &partners {
        assert_eq!(warm.get_job(&ats(key)).await.status, 403);
    }
    let told = report.data()["keys"].as_array().expect("a list").iter();
    let told: Vec<_> = told.map(|key| key["id"].as_str().expect("an id")).collect();
    let distinct: BTreeSet<_> = told.iter().map(|id| (*id).to_owned()).collect();
    assert_eq!(told.len(), KEYS);
    assert_eq!(
        distinct,
        keys.iter().map(|key| key.id.to_string()).collect()
    );
    let grants = report.data()["grants"].as_array().expect("a list");
    assert_eq!(grants.len(), PARTNERS);
    // Nothing is locked any more.
    app.next_minute(Duration::ZERO);
    let fresh = app.key(&acme, [Scope::ReadJobs]).await;
    assert_eq!(warm.get_job(&fresh.caller).await.status, 200);
}

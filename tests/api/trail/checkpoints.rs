//! `/audit-checkpoints`

use serde_json::json;
use std::time::Duration;
use tests::{Caller, TestApp};
use trail::{OwnCheckpoint, read_checkpoints};

use super::export::{busy, check, exported};

async fn saved(app: &TestApp, caller: &Caller, query: &str) -> Vec<OwnCheckpoint> {
    let answer = app.get(caller, &format!("/audit-checkpoints{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    read_checkpoints(&answer.raw.text()).expect("checkpoints")
}

fn counters(checkpoints: &[OwnCheckpoint]) -> Vec<u64> {
    let counter = |own: &OwnCheckpoint| own.signed.checkpoint.counter;
    checkpoints.iter().map(counter).collect()
}

#[tokio::test]
async fn a_checkpoint_anchors_the_chains_of_all_and_tells_nothing_of_others() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let globex = app.company("Globex").await;
    busy(&app, &acme, 2).await;
    busy(&app, &globex, 1).await;
    assert_eq!(app.system.checkpoint().await.expect("made"), 1);
    app.advance(Duration::from_secs(60));
    for company in [&acme, &globex] {
        let held = saved(&app, &company.member, "").await;
        assert_eq!(counters(&held), [1]);
        let seq = held[0].inclusion.as_ref().expect("included").seq;
        let part = exported(&app, &company.admin, &format!("?toSeq={seq}")).await;
        let verified = check(&app, &part, &held).await.expect("holds");
        assert!(verified.is_anchored(), "{verified}");
    }
    let seen = json!(saved(&app, &globex.owner, "").await).to_string();
    assert!(!seen.contains(&acme.id.to_string()), "{seen}");
    let own = saved(&app, &acme.owner, "").await;
    let own = own[0].inclusion.as_ref().expect("included");
    assert!(!seen.contains(&own.hash.to_string()) && !seen.contains(&own.salt.to_string()));
}

#[tokio::test]
async fn checkpoints_follow_each_other_and_come_in_pages() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    assert!(saved(&app, &acme.owner, "").await.is_empty());
    for counter in 1..=5 {
        busy(&app, &acme, 1).await;
        assert_eq!(app.system.checkpoint().await.expect("made"), counter);
        app.advance(Duration::from_secs(60));
    }
    let all = saved(&app, &acme.owner, "").await;
    assert_eq!(counters(&all), [5, 4, 3, 2, 1]);
    let whole = exported(&app, &acme.owner, "").await;
    let verified = check(&app, &whole, &all).await.expect("holds");
    assert_eq!(verified.anchor.expect("anchored").counter, 5);
    assert_eq!(
        counters(&saved(&app, &acme.owner, "?from=2&to=4").await),
        [4, 3, 2]
    );
    assert_eq!(
        counters(&saved(&app, &acme.owner, "?page=2&limit=2").await),
        [3, 2]
    );
    let first = app.get(&acme.owner, "/audit-checkpoints?limit=2").await;
    assert_eq!(first.data()["pagination"]["total"], 5);
    let cursor = first.data()["pagination"]["nextCursor"]
        .as_str()
        .expect("a cursor");
    let next = saved(&app, &acme.owner, &format!("?limit=2&cursor={cursor}")).await;
    assert_eq!(counters(&next), [3, 2]);
    for query in ["from=x", "to=-1", "from=1&from=2"] {
        let answer = app
            .get(&acme.owner, &format!("/audit-checkpoints?{query}"))
            .await;
        assert_eq!(answer.status, 400, "{query}");
    }
}

#[tokio::test]
async fn of_two_turns_at_once_one_makes_the_checkpoint() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    app.settle().await;
    let turns = (0..8).map(|_| app.system.checkpoint());
    let made = futures_util::future::join_all(turns).await;
    let made: Vec<u64> = made.into_iter().flatten().collect();
    let held = saved(&app, &acme.owner, "").await;
    let mut shown = counters(&held);
    shown.sort_unstable();
    let mut counted = made;
    counted.sort_unstable();
    assert_eq!(shown, counted);
    assert_eq!(shown, (1..=shown.len() as u64).collect::<Vec<_>>());
}

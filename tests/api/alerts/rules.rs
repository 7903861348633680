//! The rules from a request to a mail, over simulated time.

use super::{DAY, HOUR, MINUTE, alerts, kinds, mails, owner};
use embedded::Fault;
use serde_json::json;
use std::sync::atomic::Ordering;
use tests::{Caller, TestApp};

const OWNER: &str = "owner@acme.example";
const NEW_NETWORK: &str = "ALERT_NEW_NETWORK";
const DEAD: &str = "ALERT_DEAD_CREDENTIAL";

fn from(caller: &Caller, address: &str) -> Caller {
    Caller {
        address: address.to_owned(),
        ..caller.clone()
    }
}

async fn use_from(app: &TestApp, caller: &Caller, address: &str) {
    let answer = app.get(&from(caller, address), "/jobs").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    app.settle().await;
}

#[tokio::test]
async fn a_new_network_is_told_once_and_again_after_an_hour_at_the_earliest() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({ "name": "Job board" })).await;
    // Its first days, in which nothing is strange.
    use_from(&app, &key.caller, "198.51.100.7").await;
    use_from(&app, &key.caller, "192.0.2.1").await;
    app.advance(DAY * 4);
    use_from(&app, &key.caller, "198.51.100.9").await;
    assert_eq!(kinds(&alerts(&app, &acme).await), Vec::<&str>::new());

    use_from(&app, &key.caller, "203.0.113.9").await;
    let told = alerts(&app, &acme).await;
    assert_eq!(kinds(&told), [NEW_NETWORK]);
    let text = &told[0].1;
    assert!(
        text.contains("\"Job board\"") && text.contains("203.0.113.0/24"),
        "{text}"
    );
    assert_eq!(mails(&app, OWNER), 1);

    // Another one within the hour is kept for later; what is known says nothing.
    app.advance(MINUTE * 10);
    use_from(&app, &key.caller, "203.0.113.77").await;
    use_from(&app, &key.caller, "192.0.2.200").await;
    use_from(&app, &key.caller, "100.64.1.1").await;
    assert_eq!(kinds(&alerts(&app, &acme).await), [NEW_NETWORK]);
    app.advance(HOUR);
    app.settle().await;
    assert_eq!(kinds(&alerts(&app, &acme).await), [NEW_NETWORK]);
    use_from(&app, &key.caller, "100.64.99.1").await;
    let told = alerts(&app, &acme).await;
    assert_eq!(kinds(&told), [NEW_NETWORK, NEW_NETWORK]);
    assert!(told[1].1.contains("100.64.99.0/24"), "{}", told[1].1);
    assert_eq!(mails(&app, OWNER), 2);
}

#[tokio::test]
async fn settings_say_what_is_told_and_to_whom() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await;
    let set = async |body: serde_json::Value| {
        let caller = owner(&app, &acme);
        let request = caller.request("PUT", "/alert-settings").json(&body);
        assert_eq!(app.send(request).await.status, 200);
    };
    use_from(&app, &key.caller, "198.51.100.7").await;
    app.advance(DAY * 4);
    set(json!({ "disabled": [NEW_NETWORK] })).await;
    use_from(&app, &key.caller, "203.0.113.9").await;
    assert_eq!(kinds(&alerts(&app, &acme).await), Vec::<&str>::new());

    app.advance(HOUR * 3);
    set(json!({ "recipients": ["security@acme.example"] })).await;
    use_from(&app, &key.caller, "192.0.2.1").await;
    assert_eq!(kinds(&alerts(&app, &acme).await), [NEW_NETWORK]);
    assert_eq!(mails(&app, OWNER), 0);
    assert_eq!(mails(&app, "security@acme.example"), 1);
}

#[tokio::test]
async fn a_key_that_slept_a_month_and_one_that_is_dead_are_told_of() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let (sleeper, dead) = (
        app.key_with(&acme, json!({ "name": "sleeper" })).await,
        app.key_with(&acme, json!({ "name": "dead" })).await,
    );
    use_from(&app, &sleeper.caller, "198.51.100.7").await;
    app.advance(DAY * 29);
    use_from(&app, &sleeper.caller, "198.51.100.7").await;
    assert_eq!(kinds(&alerts(&app, &acme).await), Vec::<&str>::new());
    app.advance(DAY * 31);
    use_from(&app, &sleeper.caller, "198.51.100.7").await;
    use_from(&app, &sleeper.caller, "198.51.100.7").await;
    let told = alerts(&app, &acme).await;
    assert_eq!(kinds(&told), ["ALERT_WOKE"]);
    assert!(told[0].1.contains("\"sleeper\""), "{}", told[0].1);

    let revoke = format!("/api-keys/{}/revoke", dead.id);
    let revoked = app.post(&owner(&app, &acme), &revoke, &json!({})).await;
    assert_eq!(revoked.status, 200, "{}", revoked.body);
    let path = "/jobs";
    // Once a minute, for four hours: told at once, and after one hour.
    for minute in 0..240 {
        assert_eq!(app.get(&dead.caller, path).await.status, 401);
        app.advance(MINUTE);
        // A look a quarter of an hour shows the same.
        if minute % 15 == 0 {
            app.settle().await;
        }
    }
    app.settle().await;
    let told = alerts(&app, &acme).await;
    assert_eq!(kinds(&told), ["ALERT_WOKE", DEAD, DEAD]);
    assert!(told[1].1.contains("REVOKED"), "{}", told[1].1);
    assert_eq!(mails(&app, OWNER), 3);
}

#[tokio::test]
async fn a_look_that_stops_at_any_store_call_loses_and_repeats_nothing() {
    for (fault, name) in [(Fault::Unreachable, "before"), (Fault::LoseAnswer, "after")] {
        let mut stopped_at = 0;
        loop {
            let app = TestApp::calm().await;
            let acme = app.company("Acme").await;
            let key = app.key_with(&acme, json!({})).await;
            let revoke = format!("/api-keys/{}/revoke", key.id);
            assert_eq!(app.post(&acme.owner, &revoke, &json!({})).await.status, 200);
            app.settle().await;
            assert_eq!(app.get(&key.caller, "/jobs").await.status, 401);
            app.system.consume().await.expect("the streams run dry");
            let (weather, calls) = tests::dies_from(stopped_at, fault);
            let dying = app.system.another_app(app.app().clock.clone(), &weather);
            worker::handle(&dying, worker::alerts_turn()).await;
            app.settle().await;
            let told = alerts(&app, &acme).await;
            assert_eq!(kinds(&told), [DEAD], "{name} call {stopped_at}");
            assert_eq!(mails(&app, OWNER), 1, "{name} call {stopped_at}");
            if calls.load(Ordering::SeqCst) <= stopped_at {
                break;
            }
            stopped_at += 1;
        }
        assert!(stopped_at > 6, "{stopped_at} calls only");
    }
}

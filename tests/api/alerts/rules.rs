//! The rules from a request to a mail, over simulated time.

use super::{DAY, HOUR, MINUTE, alerts, kinds, mails, owner};
use embedded::{Fault, Weather};
use serde_json::json;
use std::sync::atomic::Ordering;
use tests::{Caller, TestApp};

const OWNER: &str = "owner@acme.example";
const MEMBER: &str = "member@acme.example";
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
async fn each_new_network_is_told_at_once_and_once() {
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

    // What is known says nothing; another one doesn't wait for what the first one has begun.
    app.advance(MINUTE * 10);
    use_from(&app, &key.caller, "203.0.113.77").await;
    use_from(&app, &key.caller, "192.0.2.200").await;
    assert_eq!(kinds(&alerts(&app, &acme).await), [NEW_NETWORK]);
    use_from(&app, &key.caller, "100.64.1.1").await;
    let told = alerts(&app, &acme).await;
    assert_eq!(kinds(&told), [NEW_NETWORK; 2]);
    let text = &told[1].1;
    assert!(text.contains("Not told before: 100.64.1.0/24."), "{text}");
    app.advance(HOUR * 30);
    app.settle().await;
    assert_eq!(kinds(&alerts(&app, &acme).await), [NEW_NETWORK; 2]);
    assert_eq!(mails(&app, OWNER), 2);
}

#[tokio::test]
async fn of_many_new_networks_ten_an_hour_are_told_apart_and_the_rest_together() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await;
    use_from(&app, &key.caller, "198.51.100.7").await;
    app.advance(DAY * 4);
    // The hour must not end meanwhile.
    let into = app.now().since(app.now().hour()).num_seconds();
    app.advance(HOUR - std::time::Duration::from_secs(into.unsigned_abs()));
    for network in 0..15 {
        use_from(&app, &key.caller, &format!("100.64.{network}.1")).await;
    }
    let told = alerts(&app, &acme).await;
    assert_eq!(kinds(&told), [NEW_NETWORK; 11], "{told:#?}");
    assert!(told[10].1.contains("Not told before: 1 more."), "{told:#?}");
    // The rest is told when it may be, without anything new.
    app.advance(MINUTE * 30);
    app.settle().await;
    assert_eq!(alerts(&app, &acme).await.len(), 11);
    app.advance(MINUTE * 31);
    app.settle().await;
    let told = alerts(&app, &acme).await;
    assert_eq!(kinds(&told), [NEW_NETWORK; 12], "{told:#?}");
    assert!(told[11].1.contains("and 5 more networks"), "{told:#?}");
    app.advance(DAY * 9);
    app.settle().await;
    assert_eq!(alerts(&app, &acme).await.len(), 12);
}

#[tokio::test]
async fn a_dead_key_that_a_stranger_tries_is_told_though_its_owner_tries_it_too() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await;
    let revoke = format!("/api-keys/{}/revoke", key.id);
    assert_eq!(app.post(&acme.owner, &revoke, &json!({})).await.status, 200);
    let try_from = async |address| {
        let answer = app.get(&from(&key.caller, address), "/jobs").await;
        assert_eq!(answer.status, 401);
        app.settle().await;
    };
    try_from("198.51.100.7").await;
    try_from("198.51.100.7").await;
    assert_eq!(kinds(&alerts(&app, &acme).await), [DEAD]);
    try_from("203.0.113.9").await;
    let told = alerts(&app, &acme).await;
    assert_eq!(kinds(&told), [DEAD; 2]);
    assert!(
        told[1].1.contains("Not told before: 203.0.113.9"),
        "{}",
        told[1].1
    );
    try_from("203.0.113.9").await;
    assert_eq!(alerts(&app, &acme).await.len(), 2);
    // What came in silence is told when it ends, or not at all where nobody wants to hear of it.
    app.advance(HOUR * 2);
    app.settle().await;
    assert_eq!(kinds(&alerts(&app, &acme).await), [DEAD; 3]);
    try_from("203.0.113.9").await;
    let off = json!({ "disabled": [DEAD] });
    let off = owner(&app, &acme)
        .request("PUT", "/alert-settings")
        .json(&off);
    assert_eq!(app.send(off).await.status, 200);
    app.advance(HOUR * 7);
    app.settle().await;
    assert_eq!(alerts(&app, &acme).await.len(), 3);
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
    set(json!({ "recipients": ["MEMBER@acme.example"] })).await;
    use_from(&app, &key.caller, "192.0.2.1").await;
    assert_eq!(kinds(&alerts(&app, &acme).await), [NEW_NETWORK]);
    assert_eq!(mails(&app, OWNER), 0);
    assert_eq!(mails(&app, MEMBER), 1, "at the address that was verified");

    // Who is no member any more hears nothing, and somebody does.
    let listed = app.get(&owner(&app, &acme), "/members").await;
    let members = listed.data()["items"].as_array().expect("items").clone();
    let member = members.iter().find(|member| member["email"] == MEMBER);
    let id = member.expect("a member")["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let gone = owner(&app, &acme).request("DELETE", &format!("/members/{id}"));
    assert_eq!(app.send(gone).await.status, 200);
    use_from(&app, &key.caller, "100.64.1.1").await;
    assert_eq!(alerts(&app, &acme).await.len(), 2);
    assert_eq!((mails(&app, MEMBER), mails(&app, OWNER)), (1, 1));

    set(json!({ "recipients": [] })).await;
    use_from(&app, &key.caller, "100.64.2.1").await;
    assert_eq!(alerts(&app, &acme).await.len(), 3);
    assert_eq!((mails(&app, MEMBER), mails(&app, OWNER)), (1, 1));
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

#[tokio::test]
async fn the_end_of_a_silence_that_stops_at_any_store_call_loses_and_repeats_nothing() {
    for (fault, name) in [(Fault::Unreachable, "before"), (Fault::LoseAnswer, "after")] {
        let mut stopped_at = 0;
        loop {
            let app = TestApp::calm().await;
            let acme = app.company("Acme").await;
            let key = app.key_with(&acme, json!({})).await;
            let revoke = format!("/api-keys/{}/revoke", key.id);
            assert_eq!(app.post(&acme.owner, &revoke, &json!({})).await.status, 200);
            for _ in 0..2 {
                assert_eq!(app.get(&key.caller, "/jobs").await.status, 401);
                app.settle().await;
            }
            app.advance(HOUR * 3);
            let (weather, calls) = tests::dies_from(stopped_at, fault);
            let dying = app.system.another_app(app.app().clock.clone(), &weather);
            worker::handle(&dying, worker::alerts_turn()).await;
            app.settle().await;
            let told = alerts(&app, &acme).await;
            assert_eq!(kinds(&told), [DEAD; 2], "{name} call {stopped_at}");
            assert_eq!(mails(&app, OWNER), 2, "{name} call {stopped_at}");
            if calls.load(Ordering::SeqCst) <= stopped_at {
                break;
            }
            stopped_at += 1;
        }
        assert!(stopped_at > 4, "{stopped_at} calls only");
    }
}

#[tokio::test]
async fn a_group_that_can_not_be_read_keeps_no_other_of_its_key_back() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await;
    use_from(&app, &key.caller, "198.51.100.7").await;
    app.advance(DAY * 31);
    let stranger = from(&key.caller, "203.0.113.9");
    assert_eq!(app.get(&stranger, "/jobs").await.status, 200);
    app.system.consume().await.expect("the streams run dry");
    // The first finding is of the new network.
    let broken = Weather::script(|call| {
        let group = call.json().to_string().contains("ALERT_NEW_NETWORK#");
        match call.operation == "GetItem" && group {
            true => Fault::InternalError,
            false => Fault::None,
        }
    });
    let worker = app.system.another_app(app.app().clock.clone(), &broken);
    let turn = worker::handle(&worker, worker::alerts_turn()).await;
    assert_eq!(turn["left"], true);
    assert_eq!(kinds(&alerts(&app, &acme).await), ["ALERT_WOKE"]);
    app.settle().await;
    assert_eq!(alerts(&app, &acme).await.len(), 2);
}

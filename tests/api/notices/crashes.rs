//! The worker stops anywhere: no notice is lost, and none is told twice.

use super::{kinds, mails, notices};
use embedded::Fault;
use serde_json::json;
use std::{sync::atomic::Ordering, time::Duration};
use tests::TestApp;

#[tokio::test]
async fn a_worker_that_stops_at_any_store_call_loses_and_repeats_nothing() {
    for (fault, name) in [(Fault::Unreachable, "before"), (Fault::LoseAnswer, "after")] {
        let mut stopped_at = 0;
        loop {
            let app = TestApp::calm().await;
            app.put_worker_to_sleep();
            let acme = app.company("Acme").await;
            let expiry = app.now().plus(chrono::Duration::seconds(1));
            app.key_with(&acme, json!({ "expiresAt": expiry })).await;
            app.advance(Duration::from_secs(2));
            let (weather, calls) = tests::dies_from(stopped_at, fault);
            let dying = app.system.another_app(app.app().clock.clone(), &weather);
            worker::handle(&dying, json!({ "source": "schedule" })).await;
            app.wake_worker();
            app.settle().await;
            let told = notices(&app, &acme.owner).await;
            assert_eq!(
                kinds(&told),
                ["API_KEY_EXPIRED"],
                "{name} call {stopped_at}"
            );
            assert_eq!(
                mails(&app, "owner@acme.example").len(),
                1,
                "{name} call {stopped_at}"
            );
            if calls.load(Ordering::SeqCst) <= stopped_at {
                break;
            }
            stopped_at += 1;
        }
        assert!(stopped_at > 10, "{stopped_at} calls only");
    }
}

//! The worker stops anywhere: no notice is lost, and none is told twice.

use super::{kinds, mails, notices};
use embedded::{Fault, Weather};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
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
            let calls = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&calls);

            // Everything from this call on, as if the process had died there.
            let weather = Weather::script(move |_| {
                match counted.fetch_add(1, Ordering::SeqCst) >= stopped_at {
                    true => fault,
                    false => Fault::None,
                }
            });
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

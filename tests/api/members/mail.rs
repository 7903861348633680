//! The mail of an invitation: at least once, always the same letter, and nothing of it at rest.

use super::invited;
use api::{App, MailNotTaken, Mailer};
use embedded::{Fault, Weather};
use routes::Role;
use serde_json::json;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tests::TestApp;

#[tokio::test]
async fn a_letter_is_sent_again_until_it_is_taken_and_reaches_the_outbox_once() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    app.settle().await;
    // The system's own worker gets nowhere; this one's carrier refuses twice.
    app.put_worker_to_sleep();
    assert_eq!(
        invited(&app, &acme.owner, "grace@acme.example", Role::Member)
            .await
            .status,
        201
    );
    let worker = app
        .system
        .another_app(app.app().clock.clone(), &Weather::calm());
    let refused = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&refused);
    let carrier = app.app().mailer.clone().expect("a carrier");
    let refusing = App {
        mailer: Some(Mailer::new(
            "http://127.0.0.1:3000",
            Arc::new(move |_| {
                count.fetch_add(1, Ordering::SeqCst);
                Box::pin(async { Err(MailNotTaken("away".to_owned())) })
            }),
        )),
        ..worker.clone()
    };
    for _ in 0..2 {
        assert_eq!(worker::handle(&refusing, json!({})).await["left"], true);
    }
    assert_eq!(refused.load(Ordering::SeqCst), 2);
    // It is taken, but that it was can't be written: so it is sent again.
    let weather = Weather::script(|call| match call.operation {
        "TransactWriteItems" => Fault::Unreachable,
        _ => Fault::None,
    });
    let forgetful = App {
        mailer: Some(carrier),
        ..app.system.another_app(app.app().clock.clone(), &weather)
    };
    worker::handle(&forgetful, json!({})).await;
    let first = app.system.outbox().letters();
    assert_eq!(first.len(), 1);
    worker::handle(&forgetful, json!({})).await;
    worker::handle(&worker, json!({})).await;
    assert_eq!(app.system.outbox().letters(), first);
    // And its task is done.
    assert_eq!(app.app().table.list_mail_tasks().await.expect("read"), []);
    app.wake_worker();
    let token = app.mailed_token("grace@acme.example").await;
    assert_eq!(app.accept("grace@acme.example", &token).await.status, 200);
}

#[tokio::test]
async fn nobody_is_told_of_what_was_withdrawn_before_the_mail_went() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    app.settle().await;
    app.put_worker_to_sleep();
    let open = invited(&app, &acme.owner, "grace@acme.example", Role::Member).await;
    assert_eq!(
        super::remove(&app, &acme.owner, open.data()).await.status,
        200
    );
    app.wake_worker();
    app.settle().await;
    assert_eq!(app.system.outbox().letters(), []);
    assert_eq!(app.app().table.list_mail_tasks().await.expect("read"), []);
}

#[tokio::test]
async fn no_token_stands_in_any_table_or_stream() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let mut tokens = Vec::new();
    for number in 0..3 {
        let email = format!("new{number}@acme.example");
        tokens.push(app.invite(&acme.owner, &email, Role::Member).await);
    }
    assert_eq!(
        app.accept("new0@acme.example", &tokens[0]).await.status,
        200
    );
    app.settle().await;
    let mut found = 0;
    for file in app.system.engine().files() {
        let bytes = std::fs::read(&file).unwrap_or_default();
        let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
        found += usize::from(holds(b"new1@acme.example"));
        for token in &tokens {
            // The last part is the secret: 32 bytes, which end the text.
            assert!(
                !holds(&token.as_bytes()[60..]),
                "{} holds a token",
                file.display()
            );
        }
    }
    assert!(found > 0, "the files are the ones that hold invitations");
}

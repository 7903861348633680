//! A session knows its person's roles: another one ends it, before anything is done in it.

use embedded::{Fault, Weather};
use routes::Role;
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tests::{Company, TestApp, browser::Browser};

use super::{keys_of, make_key, owner_of};

async fn member(app: &TestApp, company: &Company, email: &str) -> String {
    let members = app.get(&company.owner, "/members?limit=100").await;
    let items = members.data()["items"].as_array().expect("items");
    let found = items.iter().find(|item| item["email"] == email);
    let id = found.and_then(|item| item["id"].as_str());
    id.expect("a member").to_owned()
}

async fn give(app: &TestApp, company: &Company, email: &str, role: Role) {
    let id = member(app, company, email).await;
    let role = json!({ "role": role.as_str() });
    let changed = app
        .patch(&company.owner, &format!("/members/{id}"), &role)
        .await;
    assert_eq!(changed.status, 200, "{}", changed.body);
}

async fn keys(app: &TestApp, company: &Company) -> Vec<Value> {
    let listed = app.get(&company.owner, "/api-keys?limit=100").await;
    listed.data()["items"].as_array().expect("items").clone()
}

/// Not even the front page knows the person any more.
async fn assert_ended(browser: &mut Browser<'_>, kept: &str) {
    browser.set_session(kept);
    let home = browser.get("/dashboard?choose=1").await;
    assert!(
        !home.text().contains("Whom do you act for?"),
        "{}",
        home.text()
    );
}

const ADMIN: &str = "admin@initech.example";

#[tokio::test]
async fn nothing_is_done_in_a_role_that_the_session_has_not_seen() {
    let app = TestApp::start().await;
    let company = app.company("Initech").await;
    let mut browser = Browser::signed_in(&app, ADMIN).await;
    let (_, page) = make_key(&mut browser, &company, "Job board").await;
    let before = keys(&app, &company).await;

    // Promoted while the form stood open.
    let form = browser.get(&format!("{}/new", keys_of(&company))).await;
    let kept = browser.session().expect("a session").to_owned();
    give(&app, &company, ADMIN, Role::Owner).await;
    let members = [("name", "New"), ("preset", "read"), ("expiry", "90")];
    let refused = browser.submit(&form, "/keys/new", &members).await;
    assert_eq!(keys(&app, &company).await, before);
    assert_eq!(refused.status, 401, "{}", refused.text());
    assert!(refused.text().contains("Your role has changed"));
    assert!(refused.text().contains("nothing was done"));
    assert_ended(&mut browser, &kept).await;

    let mut browser = Browser::signed_in(&app, ADMIN).await;
    let form = browser.get(&format!("{page}/rotate")).await;
    give(&app, &company, ADMIN, Role::Admin).await;
    let refused = browser
        .submit(&form, "/rotate", &[("overlap", "3600")])
        .await;
    assert_eq!(refused.status, 401, "{}", refused.text());
    assert_eq!(keys(&app, &company).await, before);

    let mut browser = Browser::signed_in(&app, ADMIN).await;
    browser.get(&page).await;
    give(&app, &company, ADMIN, Role::Owner).await;
    let export = format!("/dashboard/o/{}/audit/export", owner_of(&company));
    let refused = browser.get(&export).await;
    assert_eq!(refused.status, 401, "{}", refused.text());
}

#[tokio::test]
async fn a_refusal_ends_a_session_that_knew_a_higher_role() {
    let app = TestApp::start().await;
    let company = app.company("Initech").await;
    let mut browser = Browser::signed_in(&app, ADMIN).await;
    let (_, page) = make_key(&mut browser, &company, "Job board").await;
    let shown = browser.get(&page).await;
    let kept = browser.session().expect("a session").to_owned();
    give(&app, &company, ADMIN, Role::Member).await;
    let refused = browser.submit(&shown, "/suspend", &[]).await;
    assert_eq!(refused.status, 401, "{}", refused.text());
    assert!(refused.text().contains("Your role has changed"));
    assert_ended(&mut browser, &kept).await;

    // What a role never allowed ends nothing: a form that this session was not shown.
    let forged = shown.form("/suspend");
    let mut browser = Browser::signed_in(&app, ADMIN).await;
    let shown = browser.get(&page).await;
    let own = shown.form("/sign-out").members;
    let own: Vec<_> = own
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let refused = browser.send(&shown, &forged, &own).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert_eq!(browser.get(&page).await.status, 200);

    // Neither does another company, and the membership's end does.
    let kept = browser.session().expect("a session").to_owned();
    let other = app.company("Globex").await;
    assert_eq!(browser.get(&keys_of(&other)).await.status, 403);
    assert_eq!(browser.get(&page).await.status, 200);
    let id = member(&app, &company, ADMIN).await;
    let removed = app.delete(&company.owner, &format!("/members/{id}")).await;
    assert_eq!(removed.status, 200, "{}", removed.body);
    assert_eq!(browser.get(&page).await.status, 401);
    assert_ended(&mut browser, &kept).await;
}

#[tokio::test]
async fn a_role_that_is_given_or_taken_here_ends_the_persons_sessions_at_once() {
    let app = TestApp::start().await;
    let company = app.company("Initech").await;
    let mut owner = Browser::signed_in(&app, "owner@initech.example").await;
    let page = format!(
        "/dashboard/o/{}/members/{}",
        owner_of(&company),
        member(&app, &company, ADMIN).await
    );
    for (target, action, members) in [
        (page.clone(), "", vec![("role", "MEMBER")]),
        (format!("{page}/remove"), "/remove", vec![]),
    ] {
        // In two browsers, one of which has seen nothing of the company.
        let mut one = Browser::signed_in(&app, ADMIN).await;
        one.get(&keys_of(&company)).await;
        let mut other = Browser::signed_in(&app, ADMIN).await;
        let form = owner.get(&target).await;
        let action = format!("{page}{action}");
        let done = owner.submit(&form, &action, &members).await;
        assert_eq!(done.status, 200, "{}", done.text());
        for browser in [&mut one, &mut other] {
            let kept = browser.session().expect("a session").to_owned();
            assert_ended(browser, &kept).await;
        }
    }
    assert_eq!(owner.get(&keys_of(&company)).await.status, 200);
}

/// Chromium would follow no form to the issuer.
#[tokio::test]
async fn whoever_takes_their_own_role_is_led_to_the_beginning_signed_out() {
    let app = TestApp::calm().await;
    let company = app.company("Initech").await;
    give(&app, &company, ADMIN, Role::Owner).await;
    let mut browser = Browser::signed_in(&app, ADMIN).await;
    let id = member(&app, &company, ADMIN).await;
    let page = format!("/dashboard/o/{}/members/{id}", owner_of(&company));
    let form = browser.get(&page).await;
    let kept = browser.session().expect("a session").to_owned();
    let given = browser.submit(&form, &page, &[("role", "MEMBER")]).await;
    given.assert_at("/dashboard");
    assert!(given.text().contains("Sign in"), "{}", given.text());
    assert_eq!(browser.session(), None);
    assert_ended(&mut browser, &kept).await;
}

/// The page around a new key is asked for before the key is made: nothing that fails afterwards may lose its secret.
#[tokio::test]
async fn a_key_that_is_made_is_shown_whatever_fails_then() {
    let app = TestApp::calm().await;
    let company = app.company("Initech").await;
    let mut browser = Browser::signed_in(&app, "owner@initech.example").await;
    let form = browser.get(&format!("{}/new", keys_of(&company))).await;
    // The consumer and the worker have transactions of their own.
    app.settle().await;
    let keys = app.app().table.names().keys.clone();
    let made = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&made);
    app.system.weather().set(&Weather::script(move |call| {
        if seen.load(Ordering::SeqCst) {
            return Fault::Unreachable;
        }
        let makes = call.operation == "TransactWriteItems" && call.tables().contains(&keys);
        seen.store(makes, Ordering::SeqCst);
        Fault::None
    }));
    let members = [("name", "Job board"), ("preset", "read"), ("expiry", "90")];
    let shown = browser.submit(&form, "/keys/new", &members).await;
    assert!(made.load(Ordering::SeqCst), "the key was made");
    assert_eq!(shown.status, 200, "{}", shown.text());
    assert!(shown.element("key").is_some());
}

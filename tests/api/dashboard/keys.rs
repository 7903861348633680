//! A key's life in the dashboard.

use serde_json::json;
use std::time::Duration;
use tests::{Caller, TestApp, browser::Browser};

use super::{keys_of, make_key};

#[tokio::test]
async fn what_is_wrong_with_a_new_key_is_tied_to_its_fields() {
    let app = TestApp::calm().await;
    let company = app.company("Initech").await;
    let mut browser = Browser::signed_in(&app, "owner@initech.example").await;
    let form = browser.get(&format!("{}/new", keys_of(&company))).await;
    let name = "n".repeat(101);
    let mut members = vec![("name", name.as_str()), ("preset", "custom")];
    members.push(("expiry", "date"));
    let wrong = browser.submit(&form, "/keys/new", &members).await;
    assert_eq!(wrong.status, 400, "{}", wrong.html);
    for (of, error) in [
        ("<input id=\"name\"", "name-hint name-error"),
        ("<fieldset", "scopes-error"),
        ("<input id=\"date\"", "expiry-error"),
    ] {
        let tags = wrong.html.split('<').map(|tag| format!("<{tag}"));
        let described = format!("aria-describedby=\"{error}\"");
        let tag = tags
            .filter(|tag| tag.starts_with(of))
            .find(|tag| tag.contains(&described));
        let tag = tag.unwrap_or_else(|| panic!("no {of} {described}: {}", wrong.html));
        assert!(tag.contains("aria-invalid=\"true\""), "{tag}");
        let id = error.split(' ').next_back().expect("an id");
        assert!(wrong.says(&format!("id=\"{id}\"")), "{id}");
    }
}

/// Of a path that a gateway hands on as it was sent.
#[tokio::test]
async fn a_pages_path_is_decoded_once() {
    let app = TestApp::start().await;
    let company = app.company("Initech").await;
    let key = app.key_with(&company, json!({})).await.id.to_string();
    let mut browser = Browser::signed_in(&app, "owner@initech.example").await;
    let (first, rest) = key.split_at(1);
    let first = format!("{:02X}", first.as_bytes()[0]);
    for (percent, status) in [("%", 200), ("%25", 400)] {
        let page = format!("{}/{percent}{first}{rest}", keys_of(&company));
        assert_eq!(browser.get(&page).await.status, status, "{page}");
    }
}

#[tokio::test]
async fn a_key_is_made_used_narrowed_rotated_suspended_and_revoked() {
    let app = TestApp::start().await;
    let company = app.company("Initech").await;
    let mut browser = Browser::signed_in(&app, "owner@initech.example").await;
    let empty = browser.get(&keys_of(&company)).await;
    assert!(empty.text().contains("No keys yet"));
    let (key, page) = make_key(&mut browser, &company, "Job board").await;
    let caller = Caller::with(&key).from_address("198.51.100.7");
    assert_eq!(app.get(&caller, "/jobs").await.status, 200);
    app.settle().await;
    let shown = browser.get(&page).await.text();
    for told in [
        "It can read jobs.",
        "from 198.51.100.7",
        "Accepted 1",
        "ListJobs",
        "Key: created",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    let list = browser.get(&keys_of(&company)).await;
    assert!(
        list.html
            .contains("1 accepted requests in the last 24 hours")
    );

    // Tried first, then saved.
    let edit = browser.get(&format!("{page}/edit")).await;
    let members = [("do", "try"), ("scope", "read:agents")];
    let tried = browser.submit(&edit, "/edit", &members).await;
    assert!(
        tried.text().contains("1 for want of read:jobs"),
        "{}",
        tried.text()
    );
    assert_eq!(app.get(&caller, "/jobs").await.status, 200);
    let saved = browser
        .submit(&tried, "/edit", &[("do", "save"), ("scope", "read:agents")])
        .await;
    saved.assert_at(&page);
    assert_eq!(app.get(&caller, "/jobs").await.status, 403);
    assert_eq!(app.get(&caller, "/agents").await.status, 200);
    // The form that was tried is of an older version now.
    let stale = browser
        .submit(&tried, "/edit", &[("do", "save"), ("scope", "read:jobs")])
        .await;
    assert_eq!(stale.status, 409);
    // It is shown as it is, so that what is saved next takes nothing back that nobody has seen.
    let shown = stale.form("/edit").members;
    let has = |name: &str, value: &str| shown.contains(&(name.to_owned(), value.to_owned()));
    assert!(has("scope", "read:agents") && !has("scope", "read:jobs"));
    // A mistake doesn't make an old form one of now.
    let wrong = [("do", "save"), ("addresses", "10.0.0.0/99")];
    let wrong = browser.submit(&tried, "/edit", &wrong).await;
    assert_eq!(wrong.status, 400, "{}", wrong.text());
    let mended = [("do", "save"), ("addresses", "")];
    assert_eq!(browser.submit(&wrong, "/edit", &mended).await.status, 409);

    let form = browser.get(&format!("{page}/rotate")).await;
    let rotated = browser
        .submit(&form, "/rotate", &[("overlap", "3600")])
        .await;
    let second = Caller::with(&rotated.element("key").expect("the new secret"));
    assert_eq!(app.get(&caller, "/agents").await.status, 200);
    assert_eq!(app.get(&second, "/agents").await.status, 200);
    let shown = browser.get(&page).await;
    browser
        .submit(&shown, "/overlap", &[("until", "now")])
        .await;
    assert_eq!(app.get(&caller, "/agents").await.status, 401);
    assert_eq!(app.get(&second, "/agents").await.status, 200);

    let shown = browser.get(&page).await;
    browser.submit(&shown, "/suspend", &[]).await;
    assert_eq!(app.get(&second, "/agents").await.status, 401);
    let shown = browser.get(&page).await;
    assert!(shown.text().contains("Suspended"));
    browser.submit(&shown, "/resume", &[]).await;
    app.advance(Duration::from_secs(2));
    assert_eq!(app.get(&second, "/agents").await.status, 200);

    let ask = browser.get(&format!("{page}/revoke")).await;
    let wrong = browser
        .submit(&ask, "/revoke", &[("name", "Job bored")])
        .await;
    assert_eq!(wrong.status, 400);
    assert_eq!(app.get(&second, "/agents").await.status, 200);
    browser
        .submit(&wrong, "/revoke", &[("name", "Job board")])
        .await;
    assert_eq!(app.get(&second, "/agents").await.status, 401);
    assert!(browser.get(&page).await.text().contains("Revoked"));
}

#[tokio::test]
async fn what_was_filled_in_stays_where_nobody_was_faster() {
    let app = TestApp::calm().await;
    let company = app.company("Initech").await;
    let mut browser = Browser::signed_in(&app, "owner@initech.example").await;
    let (_, page) = make_key(&mut browser, &company, "Job board").await;
    app.advance(31 * Duration::from_secs(86_400));
    app.put_worker_to_sleep();
    let stamp = app.stamp("RevokeAllApiKeys");
    let begun = app.store(&company).begin_lockdown(&stamp, true).await;
    begun.expect("begun");
    let mut browser = Browser::signed_in(&app, "owner@initech.example").await;
    let edit = browser.get(&format!("{page}/edit")).await;
    let members = [("do", "save"), ("name", "Jobs of 2027"), ("expiry", "90")];
    let locked = browser.submit(&edit, "/edit", &members).await;
    assert_eq!(locked.status, 409, "{}", locked.text());
    assert!(locked.says("All keys are being revoked just now"));
    let shown = locked.form("/edit").members;
    for (name, value) in &members[1..] {
        let kept = (name.to_string(), value.to_string());
        assert!(shown.contains(&kept), "{name}: {shown:?}");
    }
}

#[tokio::test]
async fn a_found_key_is_looked_for_by_what_is_safe_to_show() {
    let app = TestApp::calm().await;
    let (own, other) = (app.company("Initech").await, app.company("Globex").await);
    let mut browser = Browser::signed_in(&app, "owner@initech.example").await;
    let (key, _) = make_key(&mut browser, &own, "Job board").await;
    let mut others = Browser::signed_in(&app, "owner@globex.example").await;
    for (browser, company, found) in [(&mut browser, &own, true), (&mut others, &other, false)] {
        let list = browser.get(&format!("{}?q={key}", keys_of(company))).await;
        assert_eq!(list.status, 200);
        assert_eq!(list.text().contains("Job board"), found);
        assert!(!list.html.contains(&key[13..]));
    }
}

#[tokio::test]
async fn a_member_sees_keys_and_changes_none() {
    let app = TestApp::calm().await;
    let company = app.company("Initech").await;
    let mut owner = Browser::signed_in(&app, "owner@initech.example").await;
    let (key, page) = make_key(&mut owner, &company, "Job board").await;
    let mut member = Browser::signed_in(&app, "member@initech.example").await;
    let shown = member.get(&page).await;
    assert_eq!(shown.status, 200);
    let form = shown.form("/sign-out");
    for action in ["suspend", "revoke", "rotate", "edit"] {
        let mut sent = form.clone();
        sent.action = format!("{page}/{action}");
        let members = [
            ("name", "Job board"),
            ("do", "save"),
            ("scope", "read:jobs"),
        ];
        let answer = member.send(&shown, &sent, &members).await;
        assert_eq!(answer.status, 403, "{action}");
        assert!(
            answer.text().contains("This needs the role Admin"),
            "{action}"
        );
    }
    let caller = Caller::with(&key);
    assert_eq!(app.get(&caller, "/jobs").await.status, 200);
}

#[tokio::test]
async fn the_kill_switch_tells_what_it_ends_and_ends_it() {
    let app = TestApp::start().await;
    let company = app.company("Initech").await;
    let mut browser = Browser::signed_in(&app, "owner@initech.example").await;
    let (key, _) = make_key(&mut browser, &company, "Job board").await;
    let caller = Caller::with(&key);
    let page = browser
        .get(&keys_of(&company).replace("/keys", "/kill-switch"))
        .await;
    assert!(
        page.text()
            .contains("It would end 1 key and suspend 0 grants"),
        "{}",
        page.text()
    );
    let members = [
        ("reason", "A laptop was stolen"),
        ("spare", "1"),
        ("words", "revoke nothing"),
    ];
    let refused = browser.submit(&page, "/kill-switch", &members).await;
    assert_eq!(refused.status, 400);
    // Who mistypes the words has chosen all the rest.
    let chosen = refused.form("/kill-switch").members;
    for (name, value) in &members[..2] {
        assert!(chosen.contains(&((*name).to_owned(), (*value).to_owned())));
    }
    assert_eq!(app.get(&caller, "/jobs").await.status, 200);
    let members = [
        ("reason", "A laptop was stolen"),
        ("words", "Revoke all keys"),
    ];
    let done = browser.submit(&refused, "/kill-switch", &members).await;
    assert_eq!(done.status, 200);
    assert!(
        done.text().contains("It has ended 1 key"),
        "{}",
        done.text()
    );
    assert_eq!(app.get(&caller, "/jobs").await.status, 401);
}

#[tokio::test]
async fn a_life_that_is_not_offered_is_refused_as_the_api_refuses_it() {
    let app = TestApp::calm().await;
    let company = app.company("Initech").await;
    let mut browser = Browser::signed_in(&app, "owner@initech.example").await;
    let keys = keys_of(&company);
    for expiry in ["9223372036854775807", "-1", "31", "soon"] {
        let form = browser.get(&format!("{keys}/new")).await;
        let members = [
            ("name", "Job board"),
            ("preset", "read"),
            ("expiry", expiry),
        ];
        let refused = browser.submit(&form, "/new", &members).await;
        assert_eq!(refused.status, 400, "{expiry}: {}", refused.text());
        assert!(browser.get(&keys).await.text().contains("No keys yet"));
    }
}

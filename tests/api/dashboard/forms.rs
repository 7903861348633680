//! A form counts if it comes from our own page, of this session, and once.

use routes::Operation;
use tests::{Company, TestApp, browser::Browser};

use super::{all_pages, keys_of, make_key, owner_of, path};

async fn live_keys(app: &TestApp, company: &Company) -> u64 {
    let listed = app.get(&company.owner, "/api-keys").await;
    listed.data()["pagination"]["total"]
        .as_u64()
        .expect("a total")
}

#[tokio::test]
async fn every_form_wants_its_sessions_token() {
    let app = TestApp::calm().await;
    let company = app.company("Initech").await;
    let mut browser = Browser::signed_in(&app, "owner@initech.example").await;
    let page = browser.get(&keys_of(&company)).await;
    let form = page.form("/sign-out");
    let mut other = Browser::signed_in(&app, "owner@initech.example").await;
    let foreign = other.get(&keys_of(&company)).await.form("/sign-out");
    for of_page in all_pages().filter(|page| !page.route().method.is_read()) {
        let mut sent = form.clone();
        sent.action = path(of_page, &owner_of(&company));
        for members in [
            vec![],
            vec![("token", "forged")],
            vec![("once", "another")],
            foreign
                .members
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect(),
        ] {
            if members.is_empty() {
                sent.members.clear();
            } else {
                sent.members.clone_from(&form.members);
            }
            let answer = browser.send(&page, &sent, &members).await;
            assert_eq!(answer.status, 403, "{of_page:?} {members:?}");
            let text = answer.text();
            assert!(text.contains("Nothing was done") && text.contains("To the dashboard"));
        }
        sent.members.clone_from(&form.members);
        for header in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("origin", "http://127.0.0.1:3001"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            browser.headers = vec![(header.0, header.1.to_owned())];
            let answer = browser.send(&page, &sent, &[]).await;
            assert_eq!(answer.status, 403, "{of_page:?} {header:?}");
        }
        browser.headers.clear();
    }
    // All the same they are still signed in.
    assert_eq!(browser.get(&keys_of(&company)).await.status, 200);
}

#[tokio::test]
async fn a_form_sent_again_says_that_it_is_done_and_shows_no_key() {
    let app = TestApp::start().await;
    let company = app.company("Initech").await;
    let mut browser = Browser::signed_in(&app, "owner@initech.example").await;
    let form = browser.get(&format!("{}/new", keys_of(&company))).await;
    let members = [("name", "Job board"), ("preset", "read"), ("expiry", "90")];
    // For a browser that says nothing of where the form stood, its token speaks.
    browser.headers.clear();
    let made = browser.submit(&form, "/keys/new", &members).await;
    let key = made.element("key").expect("the key");
    assert_eq!(made.raw.header("cache-control"), Some("no-store"));
    assert!(!made.target.contains(&key));
    let again = browser.submit(&form, "/keys/new", &members).await;
    assert_eq!(again.status, 200);
    assert!(again.text().contains("Already done"), "{}", again.text());
    assert!(!again.html.contains(&key[13..]));
    assert_eq!(live_keys(&app, &company).await, 1);
}

#[tokio::test]
async fn whatever_is_wrong_stands_at_its_field_and_nothing_typed_is_lost() {
    let app = TestApp::calm().await;
    let company = app.company("Initech").await;
    let mut browser = Browser::signed_in(&app, "owner@initech.example").await;
    let form = browser.get(&format!("{}/new", keys_of(&company))).await;
    let members = [
        ("name", "Careers"),
        ("preset", "custom"),
        ("expiry", "date"),
        ("date", "2020-01-01"),
        ("addresses", "10.0.0.1/8\n203.0.113.9"),
    ];
    let answer = browser.submit(&form, "/keys/new", &members).await;
    assert_eq!(answer.status, 400);
    let text = answer.text();
    assert!(text.contains("10.0.0.0/8"), "{text}");
    for kept in ["Careers", "2020-01-01", "203.0.113.9"] {
        assert!(answer.html.contains(kept), "{kept}");
    }
    assert!(answer.html.contains("id=\"addresses-error\""));
    assert_eq!(live_keys(&app, &company).await, 0);
}

#[tokio::test]
async fn hostile_names_are_shown_and_do_nothing() {
    let app = TestApp::calm().await;
    let company = app.company("Initech").await;
    let mut browser = Browser::signed_in(&app, "owner@initech.example").await;
    let hostile = "<script>alert(1)</script>\" onmouseover=\"x";
    let many = "🎉".repeat(100);
    for name in [hostile, many.as_str()] {
        let (_, page) = make_key(&mut browser, &company, name).await;
        for target in [
            page.as_str(),
            &keys_of(&company),
            &format!("{page}/revoke"),
            &format!("{page}/edit"),
        ] {
            let shown = browser.get(target).await;
            assert_eq!(shown.status, 200, "{target}");
            assert!(
                shown.text().contains(name) || shown.html.contains("&quot; onmouseover"),
                "{target}"
            );
            assert!(!shown.html.contains("<script>alert"), "{target}");
            assert!(!shown.html.contains("\" onmouseover"), "{target}");
        }
    }
}

//! Who is at the browser, for how long, and what ends it.

use routes::{Operation, pages::dashboard::Operation as Page};
use std::time::Duration;
use tests::{TestApp, browser::Browser};

use super::{all_pages, keys_of, owner_of, path};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn whoever_is_not_signed_in_signs_in_and_comes_back() {
    let app = TestApp::start().await;
    let company = app.company("Initech").await;
    let mut browser = Browser::new(&app);
    let form = browser.get(&keys_of(&company)).await;
    assert!(form.target.starts_with(app.system.issuer().url()));
    // Whoever has signed out here is signed in at the issuer still; the next at this browser must not be let in by that.
    assert!(form.target.contains("prompt=login"), "{}", form.target);
    let page = browser
        .sign_in(&keys_of(&company), "owner@initech.example")
        .await;
    page.assert_at(&keys_of(&company));
    assert!(browser.session().is_some());
}

#[tokio::test]
async fn no_page_of_anybody_is_shown_without_a_session_and_all_are_guarded() {
    let app = TestApp::calm().await;
    let company = app.company("Initech").await;
    for page in all_pages() {
        let route = page.route();
        let target = path(page, &owner_of(&company));
        let request = local::HttpRequest::new(route.method.as_str(), &target);
        let answer = app.system.gateway().call(request).await;
        let expected: &[u16] = match page {
            Page::Home => &[200],
            // Partners have it, and the path names a company.
            Page::Companies => &[404],
            Page::Asset => &[404],
            Page::SignInCallback => &[400],
            _ if route.method.is_read() => &[303],
            _ => &[401],
        };
        assert!(
            expected.contains(&answer.status),
            "{page:?}: {}",
            answer.status
        );
        let header = |name: &str| answer.header(name).unwrap_or_default().to_owned();
        assert_eq!(header("cache-control"), "no-store", "{page:?}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{page:?}");
        assert_eq!(header("referrer-policy"), "same-origin", "{page:?}");
        assert_eq!(
            header("cross-origin-opener-policy"),
            "same-origin",
            "{page:?}"
        );
        assert!(
            header("strict-transport-security").contains("max-age="),
            "{page:?}"
        );
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self';"));
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
    }
}

#[tokio::test]
async fn another_companys_pages_are_nobodys_to_see() {
    let app = TestApp::calm().await;
    let (own, other) = (app.company("Initech").await, app.company("Globex").await);
    let mut browser = Browser::signed_in(&app, "owner@initech.example").await;
    let own = browser.get(&keys_of(&own)).await;
    assert_eq!(own.status, 200);
    for page in all_pages().filter(|page| page.route().path.contains("{owner}")) {
        if !page.route().method.is_read() {
            continue;
        }
        let answer = browser.get(&path(page, &owner_of(&other))).await;
        let expected = if page == Page::Companies { 404 } else { 403 };
        assert_eq!(answer.status, expected, "{page:?}: {}", answer.text());
        assert!(!answer.html.contains("Globex"), "{page:?}");
    }
}

#[tokio::test]
async fn a_session_ends_when_idle_and_after_twelve_hours_at_the_latest() {
    let app = TestApp::calm().await;
    let company = app.company("Initech").await;
    let mut browser = Browser::signed_in(&app, "owner@initech.example").await;
    // Kept up, it lasts for twelve hours.
    for _ in 0..25 {
        app.advance(28 * MINUTE);
        assert_eq!(browser.get(&keys_of(&company)).await.status, 200);
    }
    app.advance(28 * MINUTE);
    let page = browser.get(&keys_of(&company)).await;
    assert!(page.target.starts_with(app.system.issuer().url()));

    let mut browser = Browser::signed_in(&app, "owner@initech.example").await;
    app.advance(31 * MINUTE);
    let page = browser.get(&keys_of(&company)).await;
    assert!(page.target.starts_with(app.system.issuer().url()));
}

#[tokio::test]
async fn signing_out_ends_it_and_everywhere_ends_all() {
    let app = TestApp::start().await;
    let company = app.company("Initech").await;
    let mut one = Browser::signed_in(&app, "owner@initech.example").await;
    let mut other = Browser::signed_in(&app, "owner@initech.example").await;
    let mut stranger = Browser::signed_in(&app, "member@initech.example").await;
    let kept = one.session().expect("a session").to_owned();

    let page = one.get(&keys_of(&company)).await;
    let home = one.submit(&page, "/sign-out", &[]).await;
    home.assert_at("/dashboard");
    assert_eq!(one.session(), None);
    // A copy of the cookie is worth nothing either.
    one.set_session(&kept);
    let page = one.get(&keys_of(&company)).await;
    assert!(page.target.starts_with(app.system.issuer().url()));
    assert_eq!(other.get(&keys_of(&company)).await.status, 200);

    let mut third = Browser::signed_in(&app, "owner@initech.example").await;
    let page = third.get(&keys_of(&company)).await;
    third.submit(&page, "/sign-out-everywhere", &[]).await;
    let page = other.get(&keys_of(&company)).await;
    assert!(page.target.starts_with(app.system.issuer().url()));
    let page = stranger.get(&keys_of(&company)).await;
    page.assert_at(&keys_of(&company));
}

#[tokio::test]
async fn signing_in_anew_makes_a_new_session_of_the_same_person_only() {
    let app = TestApp::calm().await;
    let company = app.company("Initech").await;
    let mut browser = Browser::signed_in(&app, "owner@initech.example").await;
    let first = browser.session().expect("a session").to_owned();
    app.advance(16 * MINUTE);
    // What is dangerous wants a fresh sign-in; the page itself comes after it.
    let new = format!("{}/new", keys_of(&company));
    let form = browser.get(&new).await;
    assert!(form.target.contains("prompt=login") && form.target.contains("max_age=0"));
    let members = [
        ("email", "admin@initech.example"),
        ("password", "instaview"),
    ];
    let refused = browser.submit(&form, "/authorize", &members).await;
    assert_eq!(refused.status, 400);
    assert_eq!(browser.session(), Some(first.as_str()));

    let page = browser.sign_in(&new, "owner@initech.example").await;
    page.assert_at(&new);
    let second = browser.session().expect("a session").to_owned();
    assert_ne!(first, second);
    browser.set_session(&first);
    let page = browser.get(&keys_of(&company)).await;
    assert!(page.target.starts_with(app.system.issuer().url()));
}

#[tokio::test]
async fn another_role_ends_the_session_and_so_does_the_memberships_end() {
    let app = TestApp::start().await;
    let company = app.company("Initech").await;
    let mut browser = Browser::signed_in(&app, "admin@initech.example").await;
    assert_eq!(browser.get(&keys_of(&company)).await.status, 200);
    let members = app.get(&company.owner, "/members?limit=100").await;
    let items = members.data()["items"].as_array().expect("items").clone();
    let id = items
        .iter()
        .find(|item| item["role"] == "ADMIN")
        .and_then(|item| item["id"].as_str())
        .expect("the admin");
    let role = serde_json::json!({ "role": "MEMBER" });
    let changed = app
        .patch(&company.owner, &format!("/members/{id}"), &role)
        .await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    let page = browser.get(&keys_of(&company)).await;
    assert_eq!(page.status, 401);
    assert!(page.text().contains("Your role has changed"));

    browser
        .sign_in("/dashboard/sign-in", "admin@initech.example")
        .await;
    assert_eq!(browser.get(&keys_of(&company)).await.status, 200);
    let ended = app.delete(&company.owner, &format!("/members/{id}")).await;
    assert_eq!(ended.status, 200);
    assert_eq!(browser.get(&keys_of(&company)).await.status, 401);
}

#[tokio::test]
async fn only_a_sign_in_that_was_begun_here_is_completed() {
    let app = TestApp::calm().await;
    app.company("Initech").await;
    // Somebody else's code, slipped to a browser that began nothing, or something else.
    let mut thief = Browser::new(&app);
    let form = thief.get("/dashboard/sign-in").await;
    let members = [
        ("email", "owner@initech.example"),
        ("password", "instaview"),
    ];
    let mut victim = Browser::new(&app);
    let answer = victim.submit(&form, "/authorize", &members).await;
    assert_eq!(answer.status, 400);
    assert_eq!(victim.session(), None);
    victim.get("/dashboard/sign-in").await;
    let again = thief.get("/dashboard/sign-in").await;
    let answer = victim.submit(&again, "/authorize", &members).await;
    assert_eq!(answer.status, 400);
    assert_eq!(victim.session(), None);

    // A code is good once.
    let page = thief.submit(&again, "/authorize", &members).await;
    assert_eq!(page.status, 200);
    let used = "/dashboard/callback?code=x&state=y";
    assert_eq!(thief.get(used).await.status, 400);
}

#[tokio::test]
async fn the_cookie_is_read_by_no_script_and_leaves_the_site_with_links_alone() {
    let app = TestApp::calm().await;
    app.company("Initech").await;
    let mut browser = Browser::new(&app);
    let begun = app
        .system
        .gateway()
        .call(local::HttpRequest::new("GET", "/dashboard/sign-in"))
        .await;
    let cookie = begun.header("set-cookie").expect("a cookie");
    for attribute in ["Path=/", "HttpOnly", "SameSite=Lax", "Max-Age=600"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    // Plain http on loopback: nothing would keep a Secure cookie there.
    assert!(!cookie.contains("Secure") && !cookie.contains("__Host-"));
    browser
        .sign_in("/dashboard/sign-in", "owner@initech.example")
        .await;
    let session = browser.session().expect("a session");
    assert!(session.starts_with("ivs_"));
    assert_eq!(session.len(), 95, "generation, id and the secret of forms");
}

/// The sign-in's own pages are none to come back to.
#[tokio::test]
async fn whoever_signs_in_to_sign_in_comes_home() {
    let app = TestApp::calm().await;
    let company = app.company("Initech").await;
    for page in ["SignIn", "SignInCallback"] {
        let mut browser = Browser::new(&app);
        let from = format!("/dashboard/sign-in?to={page}");
        let page = browser.sign_in(&from, "owner@initech.example").await;
        page.assert_at(&keys_of(&company));
    }
}

//! What gives more than there was, or can't be undone, wants a sign-in of the last 15 minutes: when its form is shown, and when it is sent.

use std::time::Duration;
use tests::{
    Company, TestApp,
    browser::{Browser, Page},
};

use super::{make_key, owner_of};

const MINUTE: Duration = Duration::from_secs(60);

/// A page of the forms, the end of the form's action, and what is filled in.
type Sent = (String, &'static str, Vec<(&'static str, &'static str)>);

/// A key with two secrets, one that is suspended, and every form that wants to be sent in time.
async fn forms(browser: &mut Browser<'_>, company: &Company) -> Vec<Sent> {
    let (_, key) = make_key(browser, company, "Job board").await;
    let (_, suspended) = make_key(browser, company, "Careers").await;
    let shown = browser.get(&suspended).await;
    browser.submit(&shown, "/suspend", &[]).await;
    let form = browser.get(&format!("{key}/rotate")).await;
    browser
        .submit(&form, "/rotate", &[("overlap", "3600")])
        .await;
    let owner = format!("/dashboard/o/{}", owner_of(company));
    vec![
        (
            format!("{owner}/keys/new"),
            "/keys/new",
            vec![("name", "New"), ("preset", "read"), ("expiry", "90")],
        ),
        (
            format!("{key}/edit"),
            "/edit",
            vec![("do", "save"), ("name", "Changed"), ("scope", "read:jobs")],
        ),
        (format!("{key}/edit"), "/edit", vec![("do", "try")]),
        (format!("{key}/rotate"), "/rotate", vec![("overlap", "0")]),
        (key.clone(), "/overlap", vec![("until", "week")]),
        (suspended, "/resume", vec![]),
        (
            format!("{key}/revoke"),
            "/revoke",
            vec![("name", "Job board")],
        ),
        (
            format!("{owner}/kill-switch"),
            "/kill-switch",
            vec![("reason", "Theft"), ("words", "revoke all keys")],
        ),
        (
            format!("{owner}/members/invite"),
            "/members/invite",
            vec![("email", "newcomer@initech.example"), ("role", "MEMBER")],
        ),
        (
            format!("{owner}/alerts"),
            "/alerts",
            vec![("to", "nobody"), ("volumeFactor", "9")],
        ),
    ]
}

/// What all these forms could change.
async fn everything(app: &TestApp, company: &Company) -> Vec<String> {
    // A token lives no longer than that sign-in may be old.
    let owner = app.person("owner@initech.example").for_company(company.id);
    let mut all = Vec::new();
    for target in [
        "/api-keys?limit=100",
        "/members?limit=100",
        "/alert-settings",
    ] {
        let answer = app.get(&owner, target).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        all.push(answer.data().to_string());
    }
    all
}

#[tokio::test]
async fn a_form_that_is_sent_too_late_does_nothing_and_its_page_leads_to_the_sign_in() {
    let app = TestApp::calm().await;
    let company = app.company("Initech").await;
    let mut browser = Browser::signed_in(&app, "owner@initech.example").await;
    let mut opened: Vec<(Page, Sent)> = Vec::new();
    for sent in forms(&mut browser, &company).await {
        let page = browser.get(&sent.0).await;
        assert_eq!(page.status, 200, "{}", sent.0);
        opened.push((page, sent));
    }
    let before = everything(&app, &company).await;
    // A form of one page is none of another: none of them is kept open by having been opened in time.
    app.advance(16 * MINUTE);
    for (page, (target, action, members)) in &opened {
        let late = browser.submit(page, action, members).await;
        let what = format!("{target} {action} {members:?}: {}", late.text());
        // Chromium follows no form to another origin, and the issuer's is one.
        assert_eq!(late.status, 401, "{what}");
        assert!(late.text().contains("nothing was done"), "{what}");
        assert!(late.html.contains("again=1"), "{what}");
    }
    assert_eq!(everything(&app, &company).await, before);
}

#[tokio::test]
async fn a_form_that_is_opened_too_late_is_shown_after_the_sign_in() {
    let app = TestApp::calm().await;
    let company = app.company("Initech").await;
    let mut browser = Browser::signed_in(&app, "owner@initech.example").await;
    let forms = forms(&mut browser, &company).await;
    app.advance(16 * MINUTE);
    let issuer = app.system.issuer().url();
    for (target, action, _) in &forms {
        let page = browser.get(target).await;
        // These two stand on pages that everybody may read at any time.
        let read = ["/overlap", "/resume", "/alerts"].contains(action);
        assert_eq!(page.target.starts_with(issuer), !read, "{target} {action}");
    }
    // Taking away for a while needs none: whoever sees something wrong need not wait.
    let page = browser.get(&forms[4].0).await;
    let suspended = browser.submit(&page, "/suspend", &[]).await;
    assert!(
        suspended.text().contains("Suspended"),
        "{}",
        suspended.text()
    );
}

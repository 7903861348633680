//! Accepting an invitation in a browser: by whom it was sent to, who has just signed in, and once.

use routes::Role;
use std::time::Duration;
use tests::{TestApp, browser::Browser};

use super::keys_of;

const NEWCOMER: &str = "newcomer@acme.example";

#[tokio::test]
async fn whoever_was_invited_signs_in_and_accepts_once() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let token = app.invite(&acme.owner, NEWCOMER, Role::Admin).await;
    let page = format!("/dashboard/invitations/{token}");
    let mut newcomer = Browser::new(&app);
    let invitation = newcomer.sign_in(&page, NEWCOMER).await;
    invitation.assert_at(&page);
    for said in ["Acme", "owner@acme.example", NEWCOMER, "Admin"] {
        assert!(invitation.says(said), "{said}: {}", invitation.html);
    }
    // To look is not to accept.
    let mut owner = Browser::signed_in(&app, "owner@acme.example").await;
    let members = format!("/dashboard/o/c-{}/members", acme.id);
    assert!(owner.get(&members).await.says("Invited"));

    let joined = newcomer.submit(&invitation, &page, &[]).await;
    joined.assert_at(&keys_of(&acme));
    assert!(!owner.get(&members).await.says("Invited"));
    assert_eq!(newcomer.get(&page).await.status, 404);
}

#[tokio::test]
async fn nobody_else_learns_what_an_invitation_says() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let token = app.invite(&acme.owner, NEWCOMER, Role::Owner).await;
    let page = format!("/dashboard/invitations/{token}");
    let mut other = Browser::signed_in(&app, "owner@globex.example").await;
    let shown = other.get(&page).await;
    let forged = other.get("/dashboard/invitations/AAAA").await;
    for seen in [&shown, &forged] {
        assert_eq!(seen.status, 404, "{}", seen.html);
        assert!(!seen.says("Acme") && !seen.says(NEWCOMER), "{}", seen.html);
    }
    // The very form of another page of theirs doesn't help.
    let home = other.get("/dashboard?choose=1").await;
    let mut form = home.form("/sign-out");
    form.action = page;
    let refused = other.send(&home, &form, &[]).await;
    assert_eq!(refused.status, 404, "{}", refused.html);
    assert!(!refused.says("Acme"), "{}", refused.html);
}

#[tokio::test]
async fn accepting_needs_a_sign_in_of_the_last_five_minutes() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let token = app.invite(&acme.owner, NEWCOMER, Role::Member).await;
    let page = format!("/dashboard/invitations/{token}");
    let mut newcomer = Browser::signed_in(&app, NEWCOMER).await;
    let form = newcomer.get(&page).await;
    app.advance(Duration::from_secs(301));
    let stale = newcomer.submit(&form, &page, &[]).await;
    assert_eq!(stale.status, 401, "{}", stale.html);
    let links = stale.html.split("href=\"").skip(1);
    let mut links = links.filter_map(|rest| rest.split('"').next());
    let again = links.find(|link| link.contains("again=1"));
    let again = again.expect("a way to sign in").replace("&amp;", "&");
    let shown = newcomer.get(&page).await;
    assert!(
        shown.says("Sign in again") && !shown.says("<form class=\"form\""),
        "{}",
        shown.html
    );

    let form = newcomer.sign_in(&again, NEWCOMER).await;
    form.assert_at(&page);
    let joined = newcomer.submit(&form, &page, &[]).await;
    joined.assert_at(&keys_of(&acme));
}

//! Members: seen by all, changed by owners, invited by owners and admins.

use routes::Role;
use serde_json::Value;
use tests::{TestApp, browser::Browser};

#[tokio::test]
async fn an_owner_invites_changes_roles_and_removes() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let members = format!("/dashboard/o/c-{}/members", acme.id);
    let mut owner = Browser::signed_in(&app, "owner@acme.example").await;

    let form = owner.get(&format!("{members}/invite")).await;
    assert_eq!(form.status, 200, "{}", form.html);
    let action = format!("{members}/invite");
    let wrong = owner
        .submit(&form, &action, &[("email", "nobody"), ("role", "MEMBER")])
        .await;
    assert_eq!(wrong.status, 400, "{}", wrong.html);
    assert!(wrong.says("aria-invalid=\"true\"") && wrong.says("value=\"nobody\""));
    let filled = [("email", "newcomer@acme.example"), ("role", "ADMIN")];
    let sent = owner.submit(&wrong, &action, &filled).await;
    sent.assert_at(&members);
    let again = owner.submit(&form, &action, &filled).await;
    assert_eq!(again.status, 409, "{}", again.html);
    assert!(again.says("a member or invited already"));

    let list = owner.get(&members).await;
    for said in [
        "newcomer@acme.example",
        "Invited",
        "owner@acme.example",
        "you",
    ] {
        assert!(list.says(said), "{said}: {}", list.html);
    }

    let member = id_of(&app, &acme.owner, "member@acme.example").await;
    let change = format!("{members}/{member}");
    let form = owner.get(&change).await;
    // The same role again is no change, and so ends no session.
    let mut theirs = Browser::signed_in(&app, "member@acme.example").await;
    let given = owner.submit(&form, &change, &[("role", "MEMBER")]).await;
    given.assert_at(&members);
    theirs.get(&members).await.assert_at(&members);
    let form = owner.get(&change).await;
    let given = owner.submit(&form, &change, &[("role", "ADMIN")]).await;
    given.assert_at(&members);
    let ended = theirs.get(&members).await;
    assert!(ended.target.starts_with(app.system.issuer().url()));
    let stale = owner.submit(&form, &change, &[("role", "MEMBER")]).await;
    assert_eq!(stale.status, 409, "{}", stale.html);
    assert!(stale.says("It was changed meanwhile"));

    let remove = format!("{members}/{member}/remove");
    let form = owner.get(&remove).await;
    assert!(form.says("Remove this member?"), "{}", form.html);
    let gone = owner.submit(&form, &remove, &[]).await;
    gone.assert_at(&members);
    assert!(!gone.says("member@acme.example"));
}

#[tokio::test]
async fn a_member_is_offered_no_change_and_refused_one() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let members = format!("/dashboard/o/c-{}/members", acme.id);
    let mut member = Browser::signed_in(&app, "member@acme.example").await;
    let list = member.get(&members).await;
    assert_eq!(list.status, 200, "{}", list.html);
    assert!(
        !list.says("/invite\"") && !list.says("/remove\""),
        "{}",
        list.html
    );

    // The form can be opened, and is of no use.
    let action = format!("{members}/invite");
    let form = member.get(&action).await;
    let filled = [
        ("email", "newcomer@acme.example"),
        ("role", Role::Member.as_str()),
    ];
    let refused = member.submit(&form, &action, &filled).await;
    assert_eq!(refused.status, 403, "{}", refused.html);
    assert!(
        refused.says("This needs the role Admin."),
        "{}",
        refused.html
    );
}

#[tokio::test]
async fn roles_are_changed_by_whoever_signed_in_a_moment_ago() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let members = format!("/dashboard/o/c-{}/members", acme.id);
    let mut owner = Browser::signed_in(&app, "owner@acme.example").await;
    let action = format!("{members}/invite");
    let form = owner.get(&action).await;
    app.advance(std::time::Duration::from_secs(16 * 60));
    let stale = owner.get(&action).await;
    assert!(stale.target.starts_with(app.system.issuer().url()));
    assert!(stale.target.contains("max_age=0"), "{}", stale.target);
    app.advance(std::time::Duration::from_secs(15 * 60));
    let filled = [("email", "newcomer@acme.example"), ("role", "MEMBER")];
    let refused = owner.submit(&form, &action, &filled).await;
    assert_eq!(refused.status, 401, "{}", refused.html);
    let list = app.get(&acme.owner, "/members").await;
    assert!(!list.body.to_string().contains("newcomer"), "{}", list.body);
}

async fn id_of(app: &TestApp, owner: &tests::Caller, email: &str) -> String {
    let list = app.get(owner, "/members").await;
    let items = list.body["data"]["items"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let found = items.into_iter().find(|item| item["email"] == email);
    let id = found
        .as_ref()
        .map(|item| &item["id"])
        .and_then(Value::as_str);
    id.expect("a member").to_owned()
}

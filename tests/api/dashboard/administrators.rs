//! Administrators' pages: only for administrators, and each request with the session's reason.

use tests::{ADMINISTRATOR, TestApp, browser::Browser};

const REASON: &str = "Ticket 4711: a lost key";

async fn administrator(app: &TestApp) -> Browser<'_> {
    app.administrator().await;
    let mut boss = Browser::signed_in(app, ADMINISTRATOR).await;
    assert!(boss.get("/dashboard").await.says("/dashboard/admin\""));
    let form = boss.get("/dashboard/admin").await;
    let short = boss
        .submit(&form, "/dashboard/admin", &[("reason", "short")])
        .await;
    assert_eq!(short.status, 400, "{}", short.html);
    let begun = boss
        .submit(&short, "/dashboard/admin", &[("reason", REASON)])
        .await;
    begun.assert_at("/dashboard/admin/companies");
    boss
}

#[tokio::test]
async fn nobody_else_gets_anywhere_and_no_reason_no_page() {
    let app = TestApp::start().await;
    app.company("Acme").await;
    let mut owner = Browser::signed_in(&app, "owner@acme.example").await;
    let home = owner.get("/dashboard?choose=1").await;
    assert!(!home.says("Administration"), "{}", home.html);
    let refused = owner.get("/dashboard/admin").await;
    assert_eq!(refused.status, 403, "{}", refused.html);
    assert!(refused.says("ADMINISTRATOR"), "{}", refused.html);
    let unsaid = owner.get("/dashboard/admin/companies").await;
    assert_eq!(
        (unsaid.status, unsaid.target.as_str()),
        (403, "/dashboard/admin")
    );

    let mut boss = administrator(&app).await;
    let list = boss.get("/dashboard/admin/companies").await;
    assert!(list.says("Acme") && list.says(REASON), "{}", list.html);
    let ended = boss.submit(&list, "/dashboard/admin/end", &[]).await;
    ended.assert_at("/dashboard?choose=1");
    let unsaid = boss.get("/dashboard/admin/companies").await;
    unsaid.assert_at("/dashboard/admin");
}

#[tokio::test]
async fn companies_are_made_and_put_on_plans() {
    let app = TestApp::start().await;
    let mut boss = administrator(&app).await;
    let new = "/dashboard/admin/companies/new";
    let form = boss.get(new).await;
    let wrong = [
        ("name", "I"),
        ("plan", "TRIAL"),
        ("ownerEmail", "owner@initech.example"),
    ];
    let wrong = boss.submit(&form, new, &wrong).await;
    assert_eq!(wrong.status, 400, "{}", wrong.html);
    assert!(wrong.says("aria-invalid=\"true\""));
    let right = [
        ("name", "Initech"),
        ("plan", "TRIAL"),
        ("ownerEmail", "owner@initech.example"),
    ];
    let made = boss.submit(&wrong, new, &right).await;
    made.assert_at("/dashboard/admin/companies");
    let list = boss.get("/dashboard/admin/companies?q=ini").await;
    assert!(list.says("Initech"), "{}", list.html);
    let id = list.html.split("/dashboard/admin/companies/").nth(2);
    let id = id.and_then(|rest| rest.split('/').next()).expect("an id");

    let plan = format!("/dashboard/admin/companies/{id}/plan");
    let form = boss.get(&plan).await;
    let numbers = [("plan", "STARTER"), ("perMinute", "900")];
    let refused = boss.submit(&form, &plan, &numbers).await;
    assert_eq!(refused.status, 400, "{}", refused.html);
    assert!(refused.says("ENTERPRISE alone"), "{}", refused.html);
    let numbers = [("plan", "STARTER"), ("perMinute", "")];
    let list = boss.submit(&refused, &plan, &numbers).await;
    list.assert_at("/dashboard/admin/companies");
    assert!(list.says("Starter"), "{}", list.html);

    let form = boss.get(&plan).await;
    let numbers = [
        ("plan", "ENTERPRISE"),
        ("perMinute", "900"),
        ("perSecond", "50"),
    ];
    let list = boss.submit(&form, &plan, &numbers).await;
    list.assert_at("/dashboard/admin/companies");
    let form = boss.get(&plan).await;
    assert!(form.says("value=\"900\""), "{}", form.html);
    // What the form was filled with is nothing that was asked for.
    let list = boss.submit(&form, &plan, &[("plan", "SCALE")]).await;
    list.assert_at("/dashboard/admin/companies");
    assert!(list.says("Scale"), "{}", list.html);
}

#[tokio::test]
async fn a_partner_is_made_and_gets_a_key_without_a_secret() {
    let app = TestApp::start().await;
    let mut boss = administrator(&app).await;
    let new = "/dashboard/admin/partners/new";
    let form = boss.get(new).await;
    let filled = [
        ("name", "Hirebridge"),
        ("plan", "SCALE"),
        ("keyLimit", "2"),
        ("ownerEmail", "owner@hirebridge.example"),
    ];
    let list = boss.submit(&form, new, &filled).await;
    list.assert_at("/dashboard/admin/partners");
    let id = list.html.split("/dashboard/admin/partners/").nth(2);
    let id = id.and_then(|rest| rest.split('"').next()).expect("an id");
    let page = format!("/dashboard/admin/partners/{id}");
    let form = boss.get(&page).await;
    assert!(form.says("value=\"2\""), "{}", form.html);
    let filled = [
        ("name", "Hirebridge AG"),
        ("plan", "SCALE"),
        ("keyLimit", ""),
    ];
    let changed = boss.submit(&form, &page, &filled).await;
    changed.assert_at("/dashboard/admin/partners");
    assert!(boss.get(&page).await.says("value=\"50\""));

    let new = format!("{page}/keys/new");
    let form = boss.get(&new).await;
    let wrong = [("name", "Sync"), ("preset", "all"), ("perMinute", "900")];
    let wrong = boss.submit(&form, &new, &wrong).await;
    assert_eq!(wrong.status, 400, "{}", wrong.html);
    let right = [("name", "Sync"), ("preset", "all"), ("perMinute", "")];
    let key = boss.submit(&wrong, &new, &right).await;
    assert_eq!(key.status, 200, "{}", key.html);
    let keys = format!("/dashboard/admin/o/p-{id}/keys/");
    assert!(key.target.starts_with(&keys), "{}", key.target);
    assert!(key.says("Sync") && key.says("all scopes"), "{}", key.html);
}

#[tokio::test]
async fn keys_are_suspended_revoked_and_all_killed_each_with_the_reason() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let [first, second] = [
        app.key(&acme, [routes::Scope::ReadJobs]).await,
        app.key(&acme, [routes::Scope::ReadJobs]).await,
    ];
    let mut boss = administrator(&app).await;
    let keys = format!("/dashboard/admin/o/c-{}/keys", acme.id);
    let list = boss.get(&keys).await;
    assert!(
        list.says("Keys of Acme") && list.says(&first.id.to_string()),
        "{}",
        list.html
    );

    let page = format!("{keys}/{}", first.id);
    let shown = boss.get(&page).await;
    let suspended = boss.submit(&shown, &format!("{page}/suspend"), &[]).await;
    suspended.assert_at(&page);
    assert_eq!(app.get(&first.caller, "/jobs").await.status, 401);
    let revoke = format!("{page}/revoke");
    let question = boss.get(&revoke).await;
    let other = boss
        .submit(&question, &revoke, &[("name", "Another key")])
        .await;
    assert_eq!(other.status, 400, "{}", other.html);
    let revoked = boss.submit(&other, &revoke, &[("name", "Test key")]).await;
    revoked.assert_at(&page);
    assert!(revoked.says("Revoked"));

    assert_eq!(app.get(&second.caller, "/jobs").await.status, 200);
    let switch = format!("/dashboard/admin/o/c-{}/kill-switch", acme.id);
    let question = boss.get(&switch).await;
    assert!(question.says("1 keys, 0 grants"), "{}", question.html);
    let other = boss.submit(&question, &switch, &[("name", "Globex")]).await;
    assert_eq!(other.status, 400, "{}", other.html);
    assert_eq!(app.get(&second.caller, "/jobs").await.status, 200);
    let killed = boss
        .submit(&other, &switch, &[("name", "Acme"), ("partners", "1")])
        .await;
    killed.assert_at(&keys);
    assert_eq!(app.get(&second.caller, "/jobs").await.status, 401);

    app.settle().await;
    let told = app
        .get(&acme.member, "/audit-events?type=admin.accessed&limit=100")
        .await;
    let items = told.body["data"]["items"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let operations: Vec<_> = items
        .iter()
        .filter_map(|item| item["operation"].as_str())
        .collect();
    for operation in [
        "ListApiKeys",
        "SuspendApiKey",
        "RevokeApiKey",
        "RevokeAllApiKeys",
    ] {
        assert!(
            operations.contains(&operation),
            "{operation}: {operations:?}"
        );
    }
    assert!(items.iter().all(|item| item["reason"] == REASON));
}

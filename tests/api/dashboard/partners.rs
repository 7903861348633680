//! Partners: what a company lets them do, what they did, and their own side of it.

use routes::{Scope, ScopeSet};
use serde_json::json;
use tests::{Caller, TestApp, browser::Browser};

#[tokio::test]
async fn a_grant_is_made_suspended_resumed_and_ended() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let partner = app.partner("Hirebridge").await;
    let partners = format!("/dashboard/o/c-{}/partners", acme.id);
    let of = partner.key.caller.for_company(acme.id);
    let mut owner = Browser::signed_in(&app, "owner@acme.example").await;
    assert!(owner.get(&partners).await.says("No partners"));

    let new = format!("{partners}/new");
    let form = owner.get(&new).await;
    let wrong = owner
        .submit(&form, &new, &[("partner", "Hirebridge"), ("most", "all")])
        .await;
    assert_eq!(wrong.status, 400, "{}", wrong.html);
    let id = partner.id.to_string();
    let filled = [
        ("partner", id.as_str()),
        ("most", "these"),
        ("scope", "read:jobs"),
    ];
    let made = owner.submit(&wrong, &new, &filled).await;
    let page = format!("{partners}/{id}");
    made.assert_at(&page);
    assert!(owner.get(&partners).await.says("Hirebridge"));
    assert_eq!(app.get(&of, "/jobs").await.status, 200);
    assert_eq!(app.get(&of, "/candidates").await.status, 403);

    app.settle().await;
    let shown = owner.get(&page).await;
    for said in [
        "Hirebridge",
        "read:jobs",
        // It only read, which its own trail tells.
        "Nothing among",
    ] {
        assert!(shown.says(said), "{said}: {}", shown.html);
    }

    let suspended = owner.submit(&shown, &format!("{page}/suspend"), &[]).await;
    suspended.assert_at(&page);
    assert_eq!(app.get(&of, "/jobs").await.status, 403);
    let resume = format!("{page}/resume");
    let question = owner.get(&resume).await;
    owner.submit(&question, &resume, &[]).await.assert_at(&page);
    assert_eq!(app.get(&of, "/jobs").await.status, 200);
    let end = format!("{page}/end");
    let question = owner.get(&end).await;
    let ended = owner
        .submit(&question, &end, &[("reason", "No longer used")])
        .await;
    ended.assert_at(&page);
    assert!(ended.says("Ended"));
    assert_eq!(app.get(&of, "/jobs").await.status, 403);
}

#[tokio::test]
async fn a_partner_sees_its_companies_and_a_company_its_plan() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let globex = app.company("Globex").await;
    let partner = app.partner("Hirebridge").await;
    app.grant(&acme, partner.id).await;
    app.grant(&globex, partner.id).await;
    let end = format!("/partner-grants/{}/end", partner.id);
    let ended = app.post(&globex.owner, &end, &json!({})).await;
    assert_eq!(ended.status, 200, "{}", ended.body);

    let mut people = Browser::signed_in(&app, "owner@hirebridge.example").await;
    let companies = people
        .get(&format!("/dashboard/o/p-{}/companies", partner.id))
        .await;
    assert_eq!(companies.status, 200, "{}", companies.html);
    assert!(companies.says("Acme") && companies.says(&partner.id.to_string()));
    // What has ended is told, but no longer by name.
    assert!(companies.says(&globex.id.to_string()) && !companies.says("Globex"));
    let foreign = people
        .get(&format!("/dashboard/o/c-{}/company", acme.id))
        .await;
    assert_eq!(foreign.status, 403, "{}", foreign.html);

    app.key(&acme, [routes::Scope::ReadJobs]).await;
    let mut member = Browser::signed_in(&app, "member@acme.example").await;
    let company = member
        .get(&format!("/dashboard/o/c-{}/company", acme.id))
        .await;
    assert_eq!(company.status, 200, "{}", company.html);
    assert!(
        company.says("Enterprise") && company.says("1 of 1000"),
        "{}",
        company.html
    );
}

#[tokio::test]
async fn each_side_of_a_grant_is_told_by_name_as_long_as_the_other_may_know_it() {
    let app = TestApp::start().await;
    let (acme, globex) = (app.company("Acme").await, app.company("Globex").await);
    let partner = app.partner("Hirebridge").await;
    app.grant(&acme, partner.id).await;
    app.grant(&globex, partner.id).await;
    let end = format!("/partner-grants/{}/end", partner.id);
    let ended = app.post(&globex.owner, &end, &json!({})).await;
    assert_eq!(ended.status, 200, "{}", ended.body);
    let key = app.key(&acme, [Scope::ReadJobs]).await;
    let refused = app.get(&key.caller, "/candidates").await;
    let refused = refused.header("x-request-id").expect("an id").to_owned();
    app.settle().await;

    let mut people = Browser::signed_in(&app, "owner@hirebridge.example").await;
    let audit = format!("/dashboard/o/p-{}/audit", partner.id);
    let named = format!("Acme {}", acme.id);
    let log = people.get(&audit).await;
    let text = log.text();
    for said in [
        format!("Somebody of {named}"),
        // It ended its grant.
        format!("Somebody of {}", globex.id),
    ] {
        assert!(text.contains(&said), "{said}: {text}");
    }
    assert!(!log.says("Globex"));
    let granted = log.html.split("href=\"").find(|link| {
        let row = link.split("</tr>").next().unwrap_or_default();
        link.starts_with(&format!("{audit}/")) && row.contains("Acme")
    });
    let granted = granted.and_then(|link| link.split('"').next());
    let event = people.get(granted.expect("an event")).await;
    let said = format!("For company {named}");
    assert!(event.text().contains(&said), "{}", event.text());

    let mut owner = Browser::signed_in(&app, "owner@acme.example").await;
    let explain = format!("/dashboard/o/c-{}/explain?requestId={refused}", acme.id);
    let why = owner.get(&explain).await;
    assert!(why.text().contains(&said), "{}", why.text());
    let switch = format!("/dashboard/o/c-{}/kill-switch", acme.id);
    let asked = owner.get(&switch).await;
    let filled = [("reason", "Leaked"), ("words", "revoke all keys")];
    let done = owner.submit(&asked, &switch, &filled).await;
    for page in [asked, done] {
        let said = format!("the grant to Hirebridge {}", partner.id);
        assert!(page.text().contains(&said), "{}", page.text());
    }
}

#[tokio::test]
async fn what_a_partner_is_told_to_try_with_its_new_secret_works() {
    let app = TestApp::calm().await;
    let partner = app.partner("Hooli").await;
    let mut browser = Browser::signed_in(&app, "owner@hooli.example").await;
    let scopes = [
        // Jobs are a company's, which the key would have to name.
        ScopeSet::from_iter([Scope::ReadJobs]),
        ScopeSet::from_iter([Scope::ReadJobs, Scope::ReadCompanies]),
    ];
    for scopes in scopes {
        let key = app.ats_key(partner.id, scopes).await;
        let rotate = format!("/dashboard/o/p-{}/keys/{}/rotate", partner.id, key.id);
        let form = browser.get(&rotate).await;
        let shown = browser
            .submit(&form, "/rotate", &[("overlap", "3600")])
            .await;
        let secret = shown.element("key").expect("the secret");
        let curl = shown.element("curl").expect("what to try");
        let (_, target) = curl
            .split_once("http://127.0.0.1:3000")
            .expect("an address");
        let (target, _) = target.split_once(' ').expect("a header");
        let answer = app.get(&Caller::with(&secret), target).await;
        assert_eq!(answer.status, 200, "{target}: {}", answer.body);
    }
}

//! Every form counts once: sent again as it was, it says that it is done, whatever method of the API it becomes.

use serde_json::json;
use std::time::Duration;
use tests::{ADMINISTRATOR, Caller, TestApp, browser::Browser};

use super::{make_key, owner_of};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A page, the end of the form's action, what is filled in, and where the API shows what becomes of it.
struct Case {
    page: String,
    action: String,
    members: Vec<(&'static str, &'static str)>,
    shows: &'static str,
}

fn case(
    page: &str,
    action: &str,
    members: &[(&'static str, &'static str)],
    shows: &'static str,
) -> Case {
    Case {
        page: page.to_owned(),
        action: action.to_owned(),
        members: members.to_vec(),
        shows,
    }
}

/// Sends each form, and a minute later again.
async fn assert_each_counts_once(
    app: &TestApp,
    browser: &mut Browser<'_>,
    caller: &Caller,
    cases: &[Case],
) {
    let shown = async |target: &str| {
        let answer = app.get(caller, target).await;
        assert_eq!(answer.status, 200, "{target}: {}", answer.body);
        answer.data().to_string()
    };
    for Case {
        page,
        action,
        members,
        shows,
    } in cases
    {
        let before = shown(shows).await;
        let form = browser.get(page).await;
        let done = browser.submit(&form, action, members).await;
        let what = format!("{action} {members:?}");
        assert_eq!(done.status, 200, "{what}: {}", done.text());
        let after = shown(shows).await;
        assert_ne!(before, after, "{what}");
        app.advance(Duration::from_secs(60));
        let again = browser.submit(&form, action, members).await;
        assert_eq!(again.status, 200, "{what}: {}", again.text());
        assert!(
            again.text().contains("Already done"),
            "{what}: {}",
            again.text()
        );
        assert_eq!(shown(shows).await, after, "{what}");
    }
}

#[tokio::test]
async fn an_owners_forms() {
    let app = TestApp::start().await;
    let company = app.company("Initech").await;
    let soon = app.now().plus(chrono::Duration::days(8));
    let expiring = json!({ "name": "Soon over", "scopes": ["read:jobs"], "expiresAt": soon });
    let made = app.post(&company.admin, "/api-keys", &expiring).await;
    assert_eq!(made.status, 201, "{}", made.body);
    app.settle().await;
    app.advance(DAY + DAY);
    app.settle().await;

    let caller = app.person("owner@initech.example").for_company(company.id);
    let mut browser = Browser::signed_in(&app, "owner@initech.example").await;
    let (_, key) = make_key(&mut browser, &company, "Job board").await;
    let form = browser.get(&format!("{key}/rotate")).await;
    browser
        .submit(&form, "/rotate", &[("overlap", "3600")])
        .await;
    let owner = format!("/dashboard/o/{}", owner_of(&company));
    let members = app.get(&caller, "/members?limit=100").await;
    let items = members.data()["items"].as_array().expect("items").clone();
    let member = items
        .iter()
        .find(|item| item["role"] == "MEMBER")
        .and_then(|item| item["id"].as_str())
        .expect("a member");
    let member = format!("{owner}/members/{member}");
    let keys = "/api-keys?limit=100";
    let people = "/members?limit=100";
    let saved = [("do", "save"), ("name", "Changed"), ("scope", "read:jobs")];
    let settings = [("to", "nobody"), ("volumeFactor", "9")];
    let cases = [
        case(&key, "/overlap", &[("until", "week")], keys),
        case(&format!("{key}/edit"), "/edit", &saved, keys),
        case(&member, &member, &[("role", "ADMIN")], people),
        case(&format!("{member}/remove"), "/remove", &[], people),
        case(
            &format!("{owner}/alerts"),
            "/alerts",
            &settings,
            "/alert-settings",
        ),
    ];
    assert_each_counts_once(&app, &mut browser, &caller, &cases).await;

    // A notice that was marked as read, and by somebody else as unread, stays unread.
    let list = browser.get(&format!("{owner}/notices")).await;
    let notices = app.get(&caller, "/notices?limit=100").await;
    let id = notices.data()["items"][0]["id"].as_str().expect("a notice");
    let read = async || {
        let notices = app.get(&caller, "/notices?limit=100").await;
        notices.data()["items"][0]["read"].clone()
    };
    let action = format!("/notices/{id}");
    browser.submit(&list, &action, &[]).await;
    assert_eq!(read().await, true);
    let unread = json!({ "read": false });
    app.patch(&caller, &action, &unread).await;
    let again = browser.submit(&list, &action, &[]).await;
    assert!(again.text().contains("Already done"), "{}", again.text());
    assert_eq!(read().await, false);
}

#[tokio::test]
async fn an_administrators_forms() {
    let app = TestApp::start().await;
    let company = app.company("Initech").await;
    let partner = app.partner("Hirebridge").await;
    let caller = app.administrator().await;
    let mut browser = Browser::signed_in(&app, ADMINISTRATOR).await;
    let form = browser.get("/dashboard/admin").await;
    let reason = [("reason", "Ticket 4711: a plan")];
    browser.submit(&form, "/dashboard/admin", &reason).await;
    let plan = format!("/dashboard/admin/companies/{}/plan", company.id);
    let partner = format!("/dashboard/admin/partners/{}", partner.id);
    let scale = [
        ("plan", "SCALE"),
        ("perMinute", ""),
        ("perHour", ""),
        ("perSecond", ""),
        ("minutesPerMonth", ""),
        ("keyLimit", ""),
    ];
    let named = [("name", "Hirebridge II"), ("plan", "SCALE")];
    let cases = [
        case(&plan, "/plan", &scale, "/admin/companies"),
        case(&partner, &partner, &named, "/partners"),
    ];
    assert_each_counts_once(&app, &mut browser, &caller, &cases).await;
}

#[tokio::test]
async fn a_form_that_was_refused_may_be_sent_again() {
    let app = TestApp::calm().await;
    let company = app.company("Initech").await;
    let mut browser = Browser::signed_in(&app, "owner@initech.example").await;
    let (_, key) = make_key(&mut browser, &company, "Job board").await;
    let form = browser.get(&format!("{key}/edit")).await;
    let wrong = [("do", "save"), ("name", "")];
    let refused = browser.submit(&form, "/edit", &wrong).await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    let right = [("do", "save"), ("name", "Careers"), ("scope", "read:jobs")];
    let saved = browser.submit(&form, "/edit", &right).await;
    assert!(saved.text().contains("Careers"), "{}", saved.text());
    let key = browser.get(&key).await;
    assert!(key.text().contains("Careers"), "{}", key.text());
}

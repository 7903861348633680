//! All companies: found by administrators, and made for an owner who is invited.

use super::{events, id, names};
use serde_json::json;
use tests::TestApp;

#[tokio::test]
async fn administrators_find_companies_by_the_beginning_of_their_names() {
    let app = TestApp::start().await;
    for name in ["Acme", "ACME Labs", "Bacme", "Straße", "Zeta"] {
        app.company(name).await;
    }
    let partner = app.partner("Hirebridge").await;
    let made = app
        .post(
            &partner.key.caller,
            "/companies",
            &json!({ "name": "Acne" }),
        )
        .await;
    assert_eq!(made.status, 201, "{}", made.body);
    let administrator = app.administrator().await;
    let find = async |q: &str| {
        let answer = app
            .get(&administrator, &format!("/admin/companies?{q}"))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer
    };
    let all = find("limit=100").await;
    assert_eq!(
        names(&all),
        ["Acne", "Zeta", "Straße", "Bacme", "ACME Labs", "Acme"]
    );
    assert_eq!(all.data()["pagination"]["total"], 6);
    let found = find("q=aC").await;
    assert_eq!(names(&found), ["Acme", "ACME Labs", "Acne"]);
    assert_eq!(found.data()["pagination"]["total"], json!(null));
    assert_eq!(names(&find("q=acme%20").await), ["ACME Labs"]);
    assert_eq!(names(&find("q=STRA%C3%9F").await), ["Straße"]);
    assert_eq!(names(&find("q=cme").await), [""; 0]);
    let first = find("q=ac&limit=2").await;
    let cursor = first.data()["pagination"]["nextCursor"]
        .as_str()
        .expect("more");
    assert_eq!(
        names(&find(&format!("q=AC&limit=2&cursor={cursor}")).await),
        ["Acne"]
    );
    let other = app
        .get(
            &administrator,
            &format!("/admin/companies?q=a&cursor={cursor}"),
        )
        .await;
    assert_eq!(other.faults(), ["?cursor cursor"]);
    // A new name is found, and the old one is not.
    let path = format!("/companies/{}", id(&made));
    let renamed = app
        .patch(&partner.key.caller, &path, &json!({ "name": "Renamed" }))
        .await;
    assert_eq!(renamed.status, 200, "{}", renamed.body);
    assert_eq!(names(&find("q=ac").await), ["Acme", "ACME Labs"]);
    assert_eq!(names(&find("q=ren").await), ["Renamed"]);
    // What is the company's own business is not told.
    let found = find("q=ren").await;
    let shown = &found.data()["items"][0];
    assert!(shown.get("metadata").is_none() && shown.get("description").is_none());
}

#[tokio::test]
async fn a_company_is_made_on_a_plan_and_its_owner_invited() {
    let app = TestApp::start().await;
    let administrator = app.administrator().await;
    let body =
        json!({ "name": "Initech", "plan": "STARTER", "ownerEmail": "boss@initech.example" });
    let request = || {
        let request = administrator.request("POST", "/admin/companies");
        request.header("idempotency-key", "once").json(&body)
    };
    let made = app.send(request()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let data = made.data();
    assert_eq!(
        data["rateLimit"],
        json!({ "perMinute": 120, "perHour": 5_000 })
    );
    assert_eq!(
        (&data["keyLimit"], &data["minutesPerMonth"]),
        (&json!(50), &json!(500))
    );
    assert_eq!(app.send(request()).await.raw.text(), made.raw.text());
    assert_eq!(
        names(&app.get(&administrator, "/admin/companies").await),
        ["Initech"]
    );

    let boss = "boss@initech.example";
    let token = app.mailed_token(boss).await;
    assert_eq!(app.accept(boss, &token).await.status, 200);
    let boss = app.person(boss);
    let key = json!({ "name": "First", "scopes": ["read:jobs"] });
    let key = app.post(&boss, "/api-keys", &key).await;
    assert_eq!(key.data()["rateLimit"]["perMinute"], 120, "{}", key.body);
    let created = events(&app, &boss, "company.created").await;
    assert_eq!(created[0]["actor"]["kind"], "ADMIN");
    assert_eq!(created[0]["reason"], tests::REASON);

    let faulty = json!({ "name": "x", "plan": "FREE", "metadata": {} });
    let refused = app.post(&administrator, "/admin/companies", &faulty).await;
    assert_eq!(
        refused.faults(),
        [
            "/name length",
            "/plan enum",
            "/ownerEmail required",
            "/metadata unknown_field"
        ]
    );
}

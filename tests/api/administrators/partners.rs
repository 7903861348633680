//! Partners, and the keys that administrators issue to them.

use super::{events, id, names};
use serde_json::{Value, json};
use tests::{ADMINISTRATOR, REASON, TestApp};

#[tokio::test]
async fn administrators_make_list_and_change_partners() {
    let app = TestApp::start().await;
    let administrator = app.administrator().await;
    let mut made = Vec::new();
    for number in 0..5 {
        let name = format!("Partner {number}");
        let body = json!({ "name": name, "ownerEmail": "owner@partner.example" });
        let answer = app.post(&administrator, "/partners", &body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        assert_eq!(answer.header("etag"), Some("\"1\""));
        let data = answer.data();
        assert_eq!(
            (&data["plan"], &data["companyLimit"], &data["keyLimit"]),
            (&json!("SCALE"), &json!(100), &json!(50))
        );
        made.insert(0, name);
    }
    let mut target = "/partners?limit=2".to_owned();
    let mut listed = Vec::new();
    loop {
        let page = app.get(&administrator, &target).await;
        assert_eq!(page.status, 200, "{}", page.body);
        assert_eq!(page.data()["pagination"]["total"], 5);
        listed.extend(names(&page));
        match page.data()["pagination"]["nextCursor"].as_str() {
            Some(cursor) => target = format!("/partners?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(listed, made);
    assert_eq!(
        names(&app.get(&administrator, "/partners?limit=2&page=2").await),
        made[2..4]
    );

    let newest = app.get(&administrator, "/partners?limit=1").await.data()["items"][0].clone();
    let path = format!("/partners/{}", newest["id"].as_str().expect("an id"));
    let body = json!({ "name": "Renamed", "plan": "TRIAL", "companyLimit": 1, "keyLimit": null });
    let changed = app.patch(&administrator, &path, &body).await;
    assert_eq!(
        (changed.status, changed.header("etag")),
        (200, Some("\"2\""))
    );
    let data = changed.data();
    assert_eq!(
        (
            &data["name"],
            &data["plan"],
            &data["companyLimit"],
            &data["keyLimit"]
        ),
        (&json!("Renamed"), &json!("TRIAL"), &json!(1), &json!(50))
    );
    let same = app.patch(&administrator, &path, &body).await;
    assert_eq!((same.status, same.header("etag")), (200, Some("\"2\"")));
    let old = administrator
        .request("PATCH", &path)
        .header("if-match", "\"1\"");
    let old = app.send(old.json(&json!({ "name": "Too late" }))).await;
    assert_eq!(
        old.details(),
        &json!({ "reason": "VERSION" }),
        "{}",
        old.body
    );
    for (field, bad) in [
        ("companyLimit", 0),
        ("companyLimit", 100_001),
        ("keyLimit", 0),
        ("keyLimit", 1_001),
    ] {
        let refused = app
            .patch(&administrator, &path, &json!({ field: bad }))
            .await;
        assert_eq!(
            refused.faults(),
            [format!("/{field} range")],
            "{}",
            refused.body
        );
    }
    let refused = app
        .patch(
            &administrator,
            &path,
            &json!({ "ownerEmail": "a@b.example" }),
        )
        .await;
    assert_eq!(refused.faults(), ["/ownerEmail unknown_field"]);
    let nowhere = "/partners/01890a5d-ac96-774b-bcce-b302099a8057";
    let missing = app
        .patch(&administrator, nowhere, &json!({ "name": "Nobody" }))
        .await;
    assert_eq!(
        (missing.status, &missing.details()["resourceType"]),
        (404, &json!("partner"))
    );
}

#[tokio::test]
async fn a_partners_cap_and_plan_count_for_what_it_makes_next() {
    let app = TestApp::start().await;
    let administrator = app.administrator().await;
    let partner = app.partner("Hirebridge").await;
    let path = format!("/partners/{}", partner.id);
    let make = async |name: &str| {
        let body = json!({ "name": name });
        app.post(&partner.key.caller, "/companies", &body).await
    };
    assert_eq!(make("One").await.data()["plan"], "SCALE");
    let body = json!({ "plan": "TRIAL", "companyLimit": 2 });
    assert_eq!(app.patch(&administrator, &path, &body).await.status, 200);
    assert_eq!(make("Two").await.data()["plan"], "TRIAL");
    assert_eq!(
        make("Three").await.details(),
        &json!({ "reason": "COMPANY_LIMIT" })
    );
    let told = events(
        &app,
        &partner.owner.for_partner(partner.id),
        "company.updated",
    )
    .await;
    assert_eq!(told[0]["actor"]["kind"], "ADMIN");
    assert_eq!(told[0]["reason"], REASON);
}

#[tokio::test]
async fn the_same_creation_sent_again_makes_one_partner() {
    let app = TestApp::start().await;
    let administrator = app.administrator().await;
    let request = |name: &str| {
        let request = administrator.request("POST", "/partners");
        request
            .header("idempotency-key", "once")
            .json(&json!({ "name": name, "ownerEmail": "owner@partner.example" }))
    };
    let first = app.send(request("Once")).await;
    let second = app.send(request("Once")).await;
    assert_eq!((first.status, second.status), (201, 201), "{}", first.body);
    assert_eq!(first.raw.text(), second.raw.text());
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
    assert_eq!(app.send(request("Twice")).await.status, 422);
    assert_eq!(names(&app.get(&administrator, "/partners").await), ["Once"]);
}

#[tokio::test]
async fn an_administrators_invitation_falls_with_the_administrator() {
    let app = TestApp::start().await;
    let administrator = app.administrator().await;
    let owner = "first@hirebridge.example";
    let made = json!({ "name": "Hirebridge", "ownerEmail": owner });
    let partner = app.post(&administrator, "/partners", &made).await;
    assert_eq!(partner.status, 201, "{}", partner.body);
    let token = app.mailed_token(owner).await;
    app.end_administrator(ADMINISTRATOR).await;
    assert_eq!(app.accept(owner, &token).await.code(), "RESOURCE_NOT_FOUND");
    // Whoever is an administrator again can still have made it.
    app.administrator().await;
    assert_eq!(app.accept(owner, &token).await.status, 200);
}

#[tokio::test]
async fn an_ats_key_is_issued_without_a_secret_and_the_partner_obtains_one() {
    let app = TestApp::start().await;
    let administrator = app.administrator().await;
    let made = json!({ "name": "Hirebridge", "ownerEmail": "first@hirebridge.example" });
    let partner = app.post(&administrator, "/partners", &made).await;
    assert_eq!(partner.status, 201, "{}", partner.body);
    let partner = id(&partner);
    let issue = json!({
        "type": "ATS",
        "partnerId": partner,
        "name": "Production",
        "scopes": ["read:companies", "write:companies"],
        "rateLimit": { "perMinute": 1200, "perHour": 60_000, "perSecond": 20 },
    });
    let issued = app.post(&administrator, "/api-keys", &issue).await;
    assert_eq!(issued.status, 201, "{}", issued.body);
    let data = issued.data();
    assert_eq!((&data["key"], &data["secrets"]), (&Value::Null, &json!([])));
    assert_eq!(
        (&data["type"], &data["partnerId"]),
        (&json!("ATS"), &json!(partner))
    );
    assert_eq!(data["rateLimit"], issue["rateLimit"]);
    assert_eq!(data["createdBy"]["kind"], "ADMIN");

    // Its OWNER comes by invitation, and obtains the secret.
    let owner = "first@hirebridge.example";
    let token = app.mailed_token(owner).await;
    assert_eq!(app.accept(owner, &token).await.status, 200);
    let owner = app.person(owner);
    let rotate = format!("/api-keys/{}/rotate", id(&issued));
    let by_administrator = app.send(administrator.for_partner(&partner).request("POST", &rotate));
    assert_eq!(by_administrator.await.code(), "RESOURCE_ACCESS_DENIED");
    let rotated = app.send(owner.request("POST", &rotate)).await;
    assert_eq!(rotated.status, 200, "{}", rotated.body);
    let key = tests::Caller::with(rotated.data()["key"].as_str().expect("a key"));
    let company = app
        .post(&key, "/companies", &json!({ "name": "Made" }))
        .await;
    assert_eq!(company.status, 201, "{}", company.body);
    let created = events(&app, &owner, "api_key.created").await;
    assert_eq!(created[0]["actor"]["kind"], "ADMIN");
    assert_eq!(created[0]["reason"], REASON);
    // What administrators may with a partner's keys.
    let of_partner = administrator.for_partner(&partner);
    assert_eq!(
        names(&app.get(&of_partner, "/api-keys").await),
        ["Production"]
    );
    let suspend = format!("/api-keys/{}/suspend", id(&issued));
    assert_eq!(
        app.send(of_partner.request("POST", &suspend)).await.status,
        200
    );
    assert_eq!(app.get(&key, "/companies").await.status, 401);
}

#[tokio::test]
async fn what_an_ats_key_needs_and_who_may_issue_it() {
    let app = TestApp::start().await;
    let administrator = app.administrator().await;
    let partner = app.partner("Hirebridge").await;
    let acme = app.company("Acme").await;
    let with = |field: &str, value: Value| {
        let mut body = json!({
            "type": "ATS", "partnerId": partner.id, "name": "A key", "scopes": ["read:jobs"],
        });
        match value {
            Value::Null => body.as_object_mut().expect("an object").remove(field),
            value => body
                .as_object_mut()
                .expect("an object")
                .insert(field.to_owned(), value),
        };
        body
    };
    let limit = |minute: u32, second: Option<u32>| json!({ "perMinute": minute, "perHour": 30_000, "perSecond": second });
    let plain = app
        .post(&administrator, "/api-keys", &with("x", Value::Null))
        .await;
    let as_on_scale = json!({ "perMinute": 600, "perHour": 30_000 });
    assert_eq!(plain.data()["rateLimit"], as_on_scale, "{}", plain.body);
    for (field, value, fault) in [
        ("partnerId", Value::Null, "/partnerId required"),
        (
            "partnerId",
            json!("01890a5d-ac96-774b-bcce-b302099a8057"),
            "/partnerId not_found",
        ),
        ("partnerId", json!("hirebridge"), "/partnerId format"),
        ("type", json!("OTHER"), "/type enum"),
        ("scopes", json!([]), "/scopes length"),
        (
            "rateLimit",
            limit(601, None),
            "/rateLimit/perSecond required",
        ),
        (
            "rateLimit",
            limit(600, Some(10)),
            "/rateLimit/perSecond conflict_with",
        ),
        (
            "rateLimit",
            limit(1201, Some(20)),
            "/rateLimit/perSecond range",
        ),
        (
            "rateLimit",
            limit(1200, Some(501)),
            "/rateLimit/perSecond range",
        ),
        ("rateLimit", limit(0, None), "/rateLimit/perMinute range"),
    ] {
        let refused = app
            .post(&administrator, "/api-keys", &with(field, value))
            .await;
        assert_eq!(refused.faults(), [fault], "{}", refused.body);
    }
    for (minute, second) in [
        (600, None),
        (601, Some(11)),
        (1200, Some(20)),
        (30_000, Some(500)),
    ] {
        let body = with("rateLimit", limit(minute, second));
        let issued = app.post(&administrator, "/api-keys", &body).await;
        assert_eq!(issued.status, 201, "{minute} {second:?}: {}", issued.body);
    }
    // Nobody else, in whatever role.
    for person in [&acme.owner, &partner.owner] {
        let refused = app.post(person, "/api-keys", &with("x", Value::Null)).await;
        assert_eq!(
            refused.details(),
            &json!({ "requiredRole": "ADMINISTRATOR" }),
            "{}",
            refused.body
        );
    }
    let own = json!({ "name": "A key", "scopes": ["read:jobs"], "partnerId": partner.id });
    let refused = app.post(&acme.owner, "/api-keys", &own).await;
    assert_eq!(refused.faults(), ["/partnerId unknown_field"]);
}

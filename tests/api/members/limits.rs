//! How many may be invited, and how many may belong.

use super::{all, invited, of, owners, reason, remove};
use routes::Role;
use serde_json::json;
use std::time::Duration;
use tests::TestApp;

#[tokio::test]
async fn an_inviter_may_make_twenty_invitations_a_day() {
    let app = TestApp::start().await;
    // The day is UTC's.
    let into = app.now().seconds().rem_euclid(86_400);
    app.advance(Duration::from_secs(86_400 - into.unsigned_abs()));
    let (acme, globex) = (app.company("Acme").await, app.company("Globex").await);
    let joined = local::seed::member(&app.system, globex.id, "owner@acme.example", Role::Owner);
    joined.await.expect("a membership");
    let there = |id: model::CompanyId| app.person("owner@acme.example").for_company(id);
    for number in 0..20 {
        let company = if number % 2 == 0 { acme.id } else { globex.id };
        let email = format!("new{number}@acme.example");
        let answer = invited(&app, &there(company), &email, Role::Member).await;
        assert_eq!(answer.status, 201, "{number}: {}", answer.body);
    }
    for company in [acme.id, globex.id] {
        let more = invited(&app, &there(company), "more@acme.example", Role::Member).await;
        assert_eq!(reason(&more), (409, "INVITATION_LIMIT"));
    }
    // Withdrawing gives none back, and others have their own.
    let open = of(&app, &acme.admin, "new0@acme.example").await;
    assert_eq!(remove(&app, &there(acme.id), &open).await.status, 200);
    let more = invited(&app, &there(acme.id), "more@acme.example", Role::Member).await;
    assert_eq!(reason(&more), (409, "INVITATION_LIMIT"));
    let others = invited(&app, &acme.admin, "others@acme.example", Role::Member).await;
    assert_eq!(others.status, 201);
    app.advance(Duration::from_secs(86_400));
    let next = invited(&app, &there(acme.id), "more@acme.example", Role::Member).await;
    assert_eq!(next.status, 201, "{}", next.body);
}

#[tokio::test]
async fn a_key_may_make_twenty_invitations_a_day_and_more_companies_without() {
    let app = TestApp::start().await;
    let into = app.now().seconds().rem_euclid(86_400);
    app.advance(Duration::from_secs(86_400 - into.unsigned_abs()));
    let key = app.partner("Hirebridge").await.key.caller;
    let make = async |number: u32, invites: bool| {
        let mut body = json!({ "name": format!("Company {number}") });
        if invites {
            body["ownerEmail"] = json!(format!("owner{number}@made.example"));
        }
        app.post(&key, "/companies", &body).await
    };
    for number in 0..20 {
        assert_eq!(make(number, true).await.status, 201);
    }
    assert_eq!(reason(&make(20, true).await), (409, "INVITATION_LIMIT"));
    let companies = app.get(&key, "/companies").await;
    assert_eq!(
        companies.data()["pagination"]["total"],
        20,
        "all or nothing"
    );
    assert_eq!(make(20, false).await.status, 201);
}

#[tokio::test]
async fn a_company_or_partner_has_a_hundred_members() {
    let app = TestApp::start().await;
    for at in owners(&app).await {
        let company = app.get(&at.owner, "/whoami").await;
        let owner = &company.data()["memberships"][0]["owner"];
        let owner = serde_json::from_value(owner.clone()).expect("an owner");
        let join = async |number: usize| {
            let email = format!("seeded{number}@{}.example", at.name);
            let joined = local::seed::join(&app.system, owner, &email, Role::Member);
            joined.await
        };
        for number in 3..99 {
            join(number).await.expect("a membership");
        }
        let email = format!("last@{}.example", at.name);
        let token = app.invite(&at.owner, &email, Role::Member).await;
        join(99).await.expect("a membership");
        assert!(join(100).await.is_err());
        let more = format!("more@{}.example", at.name);
        let refused = invited(&app, &at.owner, &more, Role::Member).await;
        assert_eq!(reason(&refused), (409, "MEMBER_LIMIT"));
        assert_eq!(
            reason(&app.accept(&email, &token).await),
            (409, "MEMBER_LIMIT")
        );
        // Who leaves makes room.
        let leaving = of(&app, &at.owner, &format!("admin@{}.example", at.name)).await;
        assert_eq!(remove(&app, &at.owner, &leaving).await.status, 200);
        assert_eq!(app.accept(&email, &token).await.status, 200);
        assert_eq!(all(&app, &at.owner).await.len(), 100);
    }
}

#[tokio::test]
async fn an_address_is_invited_once_and_no_members_is() {
    let app = TestApp::start().await;
    for at in owners(&app).await {
        let email = format!("grace@{}.example", at.name);
        assert_eq!(
            invited(&app, &at.owner, &email, Role::Member).await.status,
            201
        );
        for same in [
            email.clone(),
            email.to_uppercase(),
            format!("MEMBER@{}.example", at.name),
        ] {
            let again = invited(&app, &at.admin, &same, Role::Member).await;
            assert_eq!(reason(&again), (409, "DUPLICATE"), "{same}");
        }
    }
    // Elsewhere it is somebody to be invited.
    let globex = app.company("Globex").await;
    let answer = invited(&app, &globex.owner, "grace@acme.example", Role::Member).await;
    assert_eq!(answer.status, 201);
}

#[tokio::test]
async fn every_rule_of_an_invitations_fields_is_told() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    for (body, faults) in [
        (json!({}), &["/email required", "/role required"][..]),
        (
            json!({ "email": "x", "role": "BOSS" }),
            &["/email format", "/role enum"],
        ),
        (
            json!({ "email": 1, "role": 1 }),
            &["/email type", "/role type"],
        ),
        (
            json!({ "email": "a@b.example", "role": "MEMBER", "companyId": acme.id }),
            &["/companyId unknown_field"],
        ),
        (
            json!({ "email": format!("{}@b.example", "a".repeat(250)), "role": "MEMBER" }),
            &["/email length"],
        ),
    ] {
        let answer = app.post(&acme.owner, "/members", &body).await;
        assert_eq!(answer.faults(), faults, "{body}");
    }
    let admin = of(&app, &acme.owner, "admin@acme.example").await;
    for (body, fault) in [
        (json!({}), "/role required"),
        (json!({ "role": null }), "/role type"),
        (json!({ "role": "owner" }), "/role enum"),
        (
            json!({ "role": "ADMIN", "email": "a@b.example" }),
            "/email unknown_field",
        ),
    ] {
        let answer = app.patch(&acme.owner, &super::path(&admin), &body).await;
        assert_eq!(answer.faults(), [fault], "{body}");
    }
}

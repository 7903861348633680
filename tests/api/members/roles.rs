//! Who may do what to whom.

use super::{all, give, invited, join, of, owners, reason, remove};
use routes::Role;
use serde_json::{Value, json};
use tests::{Answer, TestApp};

/// The contract's table in one line: what a role lacks for this, if anything.
fn lacks(may: Role, role: Role) -> Option<&'static str> {
    (may < role).then(|| role.as_str())
}

fn assert_answers(answer: &Answer, good: u16, lacks: Option<&str>, what: &str) {
    match lacks {
        None => assert_eq!(answer.status, good, "{what}: {}", answer.body),
        Some(role) => {
            assert_eq!(answer.status, 403, "{what}: {}", answer.body);
            assert_eq!(answer.details(), &json!({ "requiredRole": role }), "{what}");
        }
    }
}

#[tokio::test]
async fn each_role_may_do_what_the_contracts_table_says() {
    let app = TestApp::start().await;
    for at in owners(&app).await {
        let mut number = 0;
        for (role, caller) in at.by_role() {
            let what = |does: &str| format!("{} of {} {does}", role.as_str(), at.name);
            let listed = app.get(caller, "/members").await;
            assert_answers(&listed, 200, None, &what("lists"));
            for invitee in Role::ALL {
                number += 1;
                let email = format!("new{number}@{}.example", at.name);
                let answer = invited(&app, caller, &email, invitee).await;
                let needed = match invitee {
                    Role::Member => Role::Admin,
                    Role::Admin | Role::Owner => Role::Owner,
                };
                // Whoever may not invite at all is told so first.
                let lacks = lacks(role, Role::Admin).or(lacks(role, needed));
                let does = format!("invites a {}", invitee.as_str());
                assert_answers(&answer, 201, lacks, &what(&does));
            }
            // Somebody who has joined, and somebody who is invited.
            number += 1;
            let email = format!("new{number}@{}.example", at.name);
            let joined = join(&app, &at.owner, &email, Role::Member).await;
            let email = format!("open{number}@{}.example", at.name);
            let open = invited(&app, &at.owner, &email, Role::Member).await;
            for (kind, whom) in [("a member", &joined), ("an invitation", open.data())] {
                let given = give(&app, caller, whom, Role::Admin).await;
                let needed = lacks(role, Role::Owner);
                assert_answers(&given, 200, needed, &what(&format!("changes {kind}")));
                let removed = remove(&app, caller, whom).await;
                assert_answers(&removed, 200, needed, &what(&format!("removes {kind}")));
            }
        }
    }
}

#[tokio::test]
async fn another_role_counts_from_the_very_next_request() {
    let app = TestApp::start().await;
    for at in owners(&app).await {
        let email = format!("new@{}.example", at.name);
        let joined = join(&app, &at.owner, &email, Role::Member).await;
        let caller = app.person(&email);
        let asked = async |number: u32| {
            let email = format!("friend{number}@{}.example", at.name);
            invited(&app, &caller, &email, Role::Member).await
        };
        assert_eq!(asked(1).await.status, 403);
        assert_eq!(
            give(&app, &at.owner, &joined, Role::Admin).await.status,
            200
        );
        // Loosening counts within one second.
        app.advance(std::time::Duration::from_secs(1));
        assert_eq!(asked(2).await.status, 201);
        assert_eq!(
            give(&app, &at.owner, &joined, Role::Member).await.status,
            200
        );
        assert_eq!(asked(3).await.status, 403);
        let removed = remove(&app, &at.owner, &joined).await;
        assert_eq!((removed.status, removed.data()), (200, &json!(true)));
        let gone = app.get(&caller, "/members").await;
        assert_eq!((gone.status, gone.code()), (403, "RESOURCE_ACCESS_DENIED"));
        assert_eq!(remove(&app, &at.owner, &joined).await.status, 404);
        assert_eq!(
            give(&app, &at.owner, &joined, Role::Admin).await.status,
            404
        );
    }
}

#[tokio::test]
async fn the_last_owner_stays() {
    let app = TestApp::start().await;
    for at in owners(&app).await {
        let me = of(&app, &at.owner, &format!("owner@{}.example", at.name)).await;
        for role in [Role::Admin, Role::Member] {
            let given = give(&app, &at.owner, &me, role).await;
            assert_eq!(reason(&given), (409, "LAST_OWNER"));
        }
        assert_eq!(
            reason(&remove(&app, &at.owner, &me).await),
            (409, "LAST_OWNER")
        );
        // An invitation is no owner.
        let email = format!("next@{}.example", at.name);
        let open = invited(&app, &at.owner, &email, Role::Owner).await;
        assert_eq!(
            reason(&remove(&app, &at.owner, &me).await),
            (409, "LAST_OWNER")
        );
        assert_eq!(remove(&app, &at.owner, open.data()).await.status, 200);

        let admin = of(&app, &at.owner, &format!("admin@{}.example", at.name)).await;
        assert_eq!(give(&app, &at.owner, &admin, Role::Owner).await.status, 200);
        assert_eq!(remove(&app, &at.owner, &me).await.status, 200);
        let left = app.person(&format!("admin@{}.example", at.name));
        let again = give(&app, &left, &admin, Role::Member).await;
        assert_eq!(reason(&again), (409, "LAST_OWNER"));
    }
}

#[tokio::test]
async fn changes_have_versions_and_events_and_what_changes_nothing_has_neither() {
    let app = TestApp::start().await;
    let [acme, _] = owners(&app).await;
    let joined = join(&app, &acme.owner, "new@acme.example", Role::Member).await;
    assert_eq!(joined["version"], 1);
    let change = |role: &str, version: u64| {
        let request = acme.owner.request("PATCH", &super::path(&joined));
        let request = request.header("if-match", &format!("\"{version}\""));
        app.send(request.json(&json!({ "role": role })))
    };
    assert_eq!(reason(&change("ADMIN", 2).await), (409, "VERSION"));
    let same = change("MEMBER", 1).await;
    assert_eq!((same.status, same.header("etag")), (200, Some("\"1\"")));
    let changed = change("ADMIN", 1).await;
    assert_eq!(
        (changed.status, changed.header("etag")),
        (200, Some("\"2\""))
    );
    assert_eq!(changed.data()["role"], "ADMIN");
    assert_eq!(
        of(&app, &acme.owner, "new@acme.example").await,
        *changed.data()
    );
    let request = acme.owner.request("DELETE", &super::path(&joined));
    let stale = app.send(request.clone().header("if-match", "\"1\"")).await;
    assert_eq!(reason(&stale), (409, "VERSION"));
    assert_eq!(
        app.send(request.header("if-match", "\"2\"")).await.status,
        200
    );

    app.settle().await;
    let events = events(&app, &acme.owner).await;
    let of_member: Vec<_> = events
        .iter()
        .filter(|event| event["changes"][0]["after"] == joined["id"])
        .map(|event| {
            (
                event["type"].as_str().expect("a type"),
                &event["changes"][1],
            )
        })
        .collect();
    assert_eq!(
        of_member,
        [
            (
                "member.removed",
                &json!({ "field": "role", "before": "ADMIN" })
            ),
            (
                "member.role_changed",
                &json!({ "field": "role", "before": "MEMBER", "after": "ADMIN" })
            ),
            (
                "member.added",
                &json!({ "field": "role", "after": "MEMBER" })
            ),
        ]
    );
}

pub(super) async fn events(app: &TestApp, by: &tests::Caller) -> Vec<Value> {
    let page = app.get(by, "/audit-events?limit=100").await;
    page.data()["items"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn lists_show_the_newest_first_page_by_page() {
    let app = TestApp::start().await;
    for at in owners(&app).await {
        for number in 0..3 {
            app.advance(std::time::Duration::from_secs(1));
            let email = format!("new{number}@{}.example", at.name);
            join(&app, &at.owner, &email, Role::Member).await;
            app.advance(std::time::Duration::from_secs(1));
            let email = format!("open{number}@{}.example", at.name);
            assert_eq!(
                invited(&app, &at.owner, &email, Role::Member).await.status,
                201
            );
        }
        let all = all(&app, &at.member).await;
        let emails: Vec<_> = all.iter().map(|member| member["email"].as_str()).collect();
        let newest: Vec<_> = (0..3)
            .rev()
            .flat_map(|number| [format!("open{number}"), format!("new{number}")])
            .map(|name| Some(format!("{name}@{}.example", at.name)))
            .collect();
        let newest: Vec<_> = newest.iter().map(Option::as_deref).collect();
        assert_eq!(emails[..6], newest);
        assert_eq!(all.len(), 9);
        for member in &all {
            let open = member["email"]
                .as_str()
                .is_some_and(|email| email.starts_with("open"));
            assert_eq!(member["status"], if open { "INVITED" } else { "ACTIVE" });
            assert_eq!(member["expiresAt"].is_string(), open);
        }
        let mut paged = Vec::new();
        let mut target = "/members?limit=2".to_owned();
        loop {
            let page = app.get(&at.member, &target).await;
            assert_eq!(page.data()["pagination"]["total"], 9);
            paged.extend(page.data()["items"].as_array().expect("a list").clone());
            match page.data()["pagination"]["nextCursor"].as_str() {
                Some(cursor) => target = format!("/members?limit=2&cursor={cursor}"),
                None => break,
            }
        }
        assert_eq!(paged, all);
    }
}

#[tokio::test]
async fn no_key_changes_who_has_which_role() {
    use crate::requests::{Objects, request};
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let hirebridge = app.partner("Hirebridge").await;
    app.grant(&acme, hirebridge.id).await;
    let own = app.key_with(&acme, json!({})).await.caller;
    let objects = Objects::of(&app, &acme, "Own").await;
    let people = [&acme.owner, &hirebridge.owner];
    let mut before = Vec::new();
    for owner in people {
        before.push(all(&app, owner).await);
    }
    let mut served = 0;
    for route in routes::all() {
        for key in [&own, &hirebridge.key.caller] {
            for caller in [key.clone(), key.for_company(acme.id)] {
                let answer = app.send(request(route, &caller, &objects)).await;
                served += u32::from(answer.status < 300);
            }
        }
    }
    assert!(served > 20, "{served} requests had an effect");
    for (owner, before) in people.into_iter().zip(before) {
        assert_eq!(all(&app, owner).await, before);
    }
}

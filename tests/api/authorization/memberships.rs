//! Which membership a person's request is about, and what is left of one that ended.

use super::Process;
use embedded::Weather;
use model::{CompanyId, Owner};
use routes::Role;
use serde_json::{Value, json};
use std::time::Duration;
use store::{Membership, Stamp};
use tests::{Answer, Caller, Company, TestApp};

const LIST: (&str, &str) = ("GET", "/api-keys");
const CREATE: (&str, &str) = ("POST", "/api-keys");
const EMAIL: &str = "guest@example.com";

#[tokio::test]
async fn the_only_live_membership_needs_no_name_however_many_have_ended() {
    let (app, acme) = start().await;
    // More than a page, all of them before the live one.
    for _ in 0..120 {
        let id = CompanyId::new(
            model::Timestamp::from_millis(1).expect("in range"),
            app.app().entropy.bytes(),
        );
        join(&app, id, Role::Member).await;
        end(&app, id).await;
    }
    let guest = app.person(EMAIL);
    assert_eq!(
        app.get(&guest, "/api-keys").await.code(),
        "RESOURCE_ACCESS_DENIED"
    );
    join(&app, acme.id, Role::Member).await;
    assert_eq!(app.get(&guest, "/api-keys").await.status, 200);
    let who = app.get(&guest, "/whoami").await;
    assert_eq!(owners(&who), [Owner::Company(acme.id).to_string()]);
    let globex = app.company("Globex").await;
    join(&app, globex.id, Role::Member).await;
    assert_eq!(
        app.get(&guest, "/api-keys").await.code(),
        "COMPANY_ID_REQUIRED"
    );
}

#[tokio::test]
async fn whoami_goes_on_and_names_no_membership_that_ended() {
    let (app, acme) = start().await;
    join(&app, acme.id, Role::Admin).await;
    let guest = app.person(EMAIL);
    assert_eq!(owners(&app.get(&guest, "/whoami").await).len(), 1);
    end(&app, acme.id).await;
    let who = app.get(&guest, "/whoami").await;
    assert_eq!((who.status, owners(&who).len()), (200, 0), "{}", who.body);
}

#[tokio::test]
async fn a_warm_process_takes_a_person_as_who_they_are_now() {
    let (app, acme) = start().await;
    let warm = Process::new(&app, Weather::calm());
    let unnamed = app.person(EMAIL);
    let named = unnamed.for_company(acme.id);
    let both = async |list: u16, create: u16| {
        for caller in [&unnamed, &named] {
            assert_eq!(warm.ask(caller, LIST).await.status, list);
            assert_eq!(warm.ask(caller, CREATE).await.status, create);
        }
    };
    both(403, 403).await;
    for _ in 0..2 {
        for (role, create) in [(Role::Admin, 200), (Role::Member, 403), (Role::Owner, 200)] {
            // Nothing counts by the second but what the store refused a moment ago.
            app.advance(Duration::from_secs(1));
            join(&app, acme.id, role).await;
            both(200, create).await;
            end(&app, acme.id).await;
            both(403, 403).await;
        }
    }
}

#[tokio::test]
async fn a_membership_that_begins_again_is_as_old_as_that() {
    let (app, acme) = start().await;
    join(&app, acme.id, Role::Member).await;
    let first = row(&app, acme.id).await;
    end(&app, acme.id).await;
    app.advance(Duration::from_secs(3600));
    join(&app, acme.id, Role::Admin).await;
    let again = row(&app, acme.id).await;
    assert_eq!(again.facts.role, Role::Admin);
    let later = again.created_at.since(first.created_at).num_seconds();
    assert!(later >= 3600, "{later}");
    assert_eq!(again.facts.counted.version, first.facts.counted.version + 2);
}

/// One rule: a company reads of who is its member, and of nobody else, whatever was named and whenever they signed in.
#[tokio::test]
async fn a_company_is_told_of_its_members_alone() {
    let (app, acme) = start().await;
    let body = json!({});
    let ask = async |told: bool, what: &str| {
        // What the store refused a moment ago is refused as it was then.
        app.advance(Duration::from_secs(1));
        let old = Duration::from_secs(13 * 3600);
        for (how, caller) in [
            ("fresh", app.person(EMAIL)),
            ("stale", app.person_signed_in(EMAIL, old)),
        ] {
            for caller in [caller.for_company(acme.id), caller] {
                let refused = app.post(&caller, "/api-keys", &body).await;
                assert_eq!(refused.status, 403, "{what}, {how}: {}", refused.body);
                let found = denial(&app, &acme.owner, &refused).await.status;
                assert_eq!(found == 200, told, "{what}, {how}, {:?}", caller.query);
            }
        }
    };
    ask(false, "an outsider").await;
    join(&app, acme.id, Role::Member).await;
    ask(true, "a member").await;
    end(&app, acme.id).await;
    ask(false, "an ended member").await;
    join(&app, acme.id, Role::Member).await;
    ask(true, "one who is back").await;
}

/// Of a person whose sign-in is stale no more rows are read than refusals are kept.
#[tokio::test]
async fn stale_sign_ins_are_looked_up_sixty_one_times_a_minute() {
    let (app, acme) = start().await;
    let old = Duration::from_secs(13 * 3600);
    let outsider = app.person_signed_in(EMAIL, old).for_company(acme.id);
    let member = app.person_signed_in("member@acme.example", old);
    for (caller, kept) in [(outsider, 0), (member, 61)] {
        let process = Process::new(&app, Weather::calm());
        app.next_minute(Duration::ZERO);
        let mut calls = Vec::new();
        for _ in 0..100 {
            let (status, made) = process.calls_of(&caller, CREATE).await;
            assert_eq!(status, 403);
            calls.extend(made);
        }
        let of = |table| calls.iter().filter(|call| call.ends_with(table)).count();
        assert_eq!((of("keys"), of("denials")), (61, kept));
        app.next_minute(Duration::ZERO);
        let (_, next) = process.calls_of(&caller, CREATE).await;
        assert!(!next.is_empty());
    }
}

async fn start() -> (TestApp, Company) {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    (app, acme)
}

async fn join(app: &TestApp, company: CompanyId, role: Role) {
    let member = Membership {
        person: app.system.issuer().person(EMAIL),
        owner: Owner::Company(company),
        role,
        email: EMAIL.to_owned(),
    };
    let made = app.app().table.create_member(&member, &stamp(app)).await;
    made.expect("a membership");
}

async fn end(app: &TestApp, company: CompanyId) {
    let row = row(app, company).await;
    let ended = app.app().table.end_member(&row, &stamp(app)).await;
    ended.expect("ended");
}

async fn row(app: &TestApp, company: CompanyId) -> store::MemberRow {
    let person = app.system.issuer().person(EMAIL);
    let found = app
        .app()
        .table
        .find_member(&person, Owner::Company(company));
    found.await.expect("a read").expect("a row")
}

fn stamp(app: &TestApp) -> Stamp {
    Stamp {
        actor: model::Actor {
            kind: model::ActorKind::System,
            id: "test".to_owned(),
        },
        at: app.now(),
        source_ip: None,
        request_id: None,
        operation: "CreateMember".to_owned(),
        reason: None,
        nonce: app.app().entropy.bytes(),
    }
}

async fn denial(app: &TestApp, reader: &Caller, refused: &Answer) -> Answer {
    let id = refused.header("x-request-id").expect("an id");
    let id = id.replace('=', "%3D");
    app.get(reader, &format!("/denials/{id}")).await
}

fn owners(who: &Answer) -> Vec<String> {
    let memberships = who.data()["memberships"].as_array();
    let memberships = memberships.map(Vec::as_slice).unwrap_or_default();
    memberships.iter().map(owner).collect()
}

fn owner(membership: &Value) -> String {
    let owner = &membership["owner"];
    let part = |name: &str| owner[name].as_str().unwrap_or_default().to_owned();
    format!("{}#{}", part("kind"), part("id"))
}

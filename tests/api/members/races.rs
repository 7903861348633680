//! What holds however many act at once: the conditions of the writes, not what was read before.

use super::{all, give, join, of, owners, reason, remove};
use routes::Role;
use std::sync::Arc;
use tests::{Answer, TestApp};
use tokio::task::JoinSet;

const ROUNDS: usize = 12;

#[tokio::test]
async fn of_owners_who_remove_each_other_one_always_stays() {
    let app = Arc::new(TestApp::start().await);
    for at in owners(&app).await {
        let mut taken_back = 0;
        for round in 0..ROUNDS {
            let mine = format!("owner@{}.example", at.name);
            let theirs = format!("admin@{}.example", at.name);
            let (me, other) = (app.person(&mine), app.person(&theirs));
            let them = of(&app, &me, &theirs).await;
            if them["role"] != "OWNER" {
                assert_eq!(give(&app, &me, &them, Role::Owner).await.status, 200);
                app.advance(std::time::Duration::from_secs(1));
            }
            let i = of(&app, &me, &mine).await;
            // Each gives up their own role, so that no authorization stands in the way.
            let (first, second) = tokio::join!(
                give(&app, &me, &i, Role::Admin),
                give(&app, &other, &them, Role::Member),
            );
            let mut statuses = [reason(&first), reason(&second)];
            statuses.sort();
            assert_eq!(statuses, [(200, ""), (409, "LAST_OWNER")], "round {round}");
            // Whoever stayed makes the other an owner again.
            if first.status == 200 {
                taken_back += 1;
                assert_eq!(give(&app, &other, &i, Role::Owner).await.status, 200);
                app.advance(std::time::Duration::from_secs(1));
            }
            let owners = all(&app, &app.person(&mine)).await;
            let owners = owners.iter().filter(|one| one["role"] == "OWNER").count();
            assert!(owners >= 1);
        }
        assert!(taken_back <= ROUNDS);
    }
}

#[tokio::test]
async fn of_many_who_accept_one_invitation_at_once_one_does() {
    let app = Arc::new(TestApp::start().await);
    let acme = app.company("Acme").await;
    for round in 0..ROUNDS.min(18) {
        let email = format!("new{round}@acme.example");
        let token = app.invite(&acme.owner, &email, Role::Member).await;
        let mut racers = JoinSet::new();
        for _ in 0..4 {
            let (app, email, token) = (Arc::clone(&app), email.clone(), token.clone());
            racers.spawn(async move { app.accept(&email, &token).await });
        }
        let answers: Vec<Answer> = racers.join_all().await;
        let won = answers.iter().filter(|answer| answer.status == 200).count();
        let lost = answers.iter().filter(|answer| answer.status == 404).count();
        assert_eq!((won, lost), (1, 3), "round {round}");
    }
    let members = all(&app, &acme.owner).await;
    assert_eq!(members.len(), 3 + ROUNDS.min(18));
    assert!(members.iter().all(|member| member["version"] == 1));
}

#[tokio::test]
async fn the_last_places_are_taken_by_as_many_as_there_are() {
    let app = Arc::new(TestApp::start().await);
    let acme = app.company("Acme").await;
    for number in 0..95 {
        let email = format!("seeded{number}@acme.example");
        let joined = local::seed::member(&app.system, acme.id, &email, Role::Member);
        joined.await.expect("a membership");
    }
    let mut invitations = Vec::new();
    for number in 0..6 {
        let email = format!("new{number}@acme.example");
        let token = app.invite(&acme.owner, &email, Role::Member).await;
        invitations.push((email, token));
    }
    let mut racers = JoinSet::new();
    for (email, token) in invitations {
        let app = Arc::clone(&app);
        racers.spawn(async move { app.accept(&email, &token).await });
    }
    let answers = racers.join_all().await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    let full = answers
        .iter()
        .filter(|answer| reason(answer) == (409, "MEMBER_LIMIT"))
        .count();
    assert_eq!((won, full), (2, 4));
}

#[tokio::test]
async fn a_member_who_is_changed_and_removed_at_once_is_counted_once() {
    let app = Arc::new(TestApp::start().await);
    let acme = app.company("Acme").await;
    for round in 0..ROUNDS.min(18) {
        let email = format!("new{round}@acme.example");
        let joined = join(&app, &acme.owner, &email, Role::Owner).await;
        let (changed, removed) = tokio::join!(
            give(&app, &acme.owner, &joined, Role::Member),
            remove(&app, &acme.owner, &joined),
        );
        assert_eq!(removed.status, 200, "{}", removed.body);
        assert!(matches!(changed.status, 200 | 404), "{}", changed.body);
    }
    // Had one of them counted twice, the one owner that is left could go, or not one of two.
    let me = of(&app, &acme.owner, "owner@acme.example").await;
    assert_eq!(
        reason(&remove(&app, &acme.owner, &me).await),
        (409, "LAST_OWNER")
    );
    join(&app, &acme.owner, "next@acme.example", Role::Owner).await;
    assert_eq!(remove(&app, &acme.owner, &me).await.status, 200);
}

#[tokio::test]
async fn of_who_accepts_and_who_withdraws_an_invitation_one_wins() {
    let app = Arc::new(TestApp::start().await);
    let acme = app.company("Acme").await;
    let (mut accepted, mut withdrawn) = (0, 0);
    for round in 0..ROUNDS.min(18) {
        let email = format!("new{round}@acme.example");
        let token = app.invite(&acme.owner, &email, Role::Member).await;
        let open = of(&app, &acme.owner, &email).await;
        let (joined, removed) =
            tokio::join!(app.accept(&email, &token), remove(&app, &acme.owner, &open),);
        match (joined.status, removed.status) {
            (200, 404) => accepted += 1,
            (404, 200) => withdrawn += 1,
            both => panic!("round {round}: {both:?}"),
        }
        let members = all(&app, &acme.owner).await;
        assert_eq!(members.len(), 3 + accepted, "round {round}");
    }
    assert_eq!(accepted + withdrawn, ROUNDS.min(18));
}

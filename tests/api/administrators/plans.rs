//! Plans: a company's limits change, and with them those of all its live keys, before the answer.

use super::{events, id};
use embedded::{Fault, Weather};
use model::Plan;
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tests::{Answer, Caller, Company, Key, TestApp};

async fn set_plan(app: &TestApp, caller: &Caller, company: &Company, body: &Value) -> Answer {
    let path = format!("/admin/companies/{}/plan", company.id);
    app.send(caller.request("PUT", &path).json(body)).await
}

/// What the key's own people read of its limit a minute.
async fn per_minute(app: &TestApp, company: &Company, key: &Key) -> Value {
    let shown = app
        .get(&company.owner, &format!("/api-keys/{}", key.id))
        .await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    shown.data()["rateLimit"]["perMinute"].clone()
}

#[tokio::test]
async fn a_tighter_plan_counts_for_every_live_key_from_the_answer_on() {
    let app = TestApp::calm().await;
    app.next_minute(Duration::from_secs(1));
    let acme = app.company_on("Acme", Plan::Scale, None).await;
    let administrator = app.administrator().await;
    let mut keys = Vec::new();
    for _ in 0..3 {
        keys.push(app.key_with(&acme, json!({})).await);
    }
    let (suspended, revoked) = (&keys[1], &keys[2]);
    for (key, action) in [(suspended, "suspend"), (revoked, "revoke")] {
        let path = format!("/api-keys/{}/{action}", key.id);
        assert_eq!(
            app.send(acme.owner.request("POST", &path)).await.status,
            200
        );
    }
    // A process that has the old facts in its memory.
    let process = app
        .system
        .another_app(app.app().clock.clone(), &Weather::calm());
    let warm = app.system.another_gateway(process).expect("a gateway");
    let request = || keys[0].caller.request("GET", "/whoami");
    for _ in 0..30 {
        assert_eq!(warm.call(request()).await.status, 200);
    }
    let answer = set_plan(&app, &administrator, &acme, &json!({ "plan": "TRIAL" })).await;
    assert_eq!(
        (answer.status, answer.header("etag")),
        (200, Some("\"2\"")),
        "{}",
        answer.body
    );
    assert_eq!(
        answer.data()["rateLimit"],
        json!({ "perMinute": 30, "perHour": 500 })
    );
    assert_eq!(answer.data()["keyLimit"], 10);
    let over = warm.call(request()).await;
    assert_eq!(over.status, 429);
    let limit = over.json().expect("JSON")["error"]["details"]["limit"].clone();
    assert_eq!(limit, 30);
    assert_eq!(per_minute(&app, &acme, suspended).await, 30);
    assert_eq!(per_minute(&app, &acme, revoked).await, 600);
    let made = app.key_with(&acme, json!({})).await;
    assert_eq!(per_minute(&app, &acme, &made).await, 30);

    let loose = json!({ "plan": "ENTERPRISE", "perMinute": 1200, "perSecond": 20 });
    let answer = set_plan(&app, &administrator, &acme, &loose).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(
        warm.call(request()).await.status,
        429,
        "the old facts stand for up to a second"
    );
    app.advance(Duration::from_secs(1));
    assert_eq!(warm.call(request()).await.status, 200);
    // The same again is no change.
    let answer = set_plan(&app, &administrator, &acme, &loose).await;
    assert_eq!(answer.header("etag"), Some("\"3\""));
    let told = events(&app, &acme.owner, "company.updated").await;
    assert_eq!(told.len(), 2);
    let fields = told[1]["changes"].as_array().expect("changes");
    let plan = json!({ "field": "plan", "before": "SCALE", "after": "TRIAL" });
    assert!(fields.contains(&plan), "{fields:?}");
    assert_eq!(told[1]["actor"]["kind"], "ADMIN");
}

#[tokio::test]
async fn a_plan_that_was_cut_off_half_way_is_ended_by_the_worker_or_by_the_same_request() {
    for by_worker in [true, false] {
        let app = TestApp::calm().await;
        let acme = app.company_on("Acme", Plan::Scale, None).await;
        let administrator = app.administrator().await;
        let mut keys = Vec::new();
        for _ in 0..6 {
            keys.push(app.key_with(&acme, json!({})).await);
        }
        app.settle().await;
        // The third key's write and all that follow find nobody.
        let seen = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&seen);
        let down = Weather::script(move |call| {
            let of_keys = call.operation == "TransactWriteItems"
                && call.tables().iter().any(|table| table.ends_with("keys"));
            match of_keys && count.fetch_add(1, Ordering::SeqCst) >= 2 {
                true => Fault::Unreachable,
                false => Fault::None,
            }
        });
        app.system.worker_weather().set(&down);
        app.system.weather().set(&down);
        let path = format!("/admin/companies/{}/plan", acme.id);
        let of_first = |plan: &str| {
            let request = administrator.request("PUT", &path);
            let request = request.header("if-match", "\"1\"");
            app.send(request.json(&json!({ "plan": plan })))
        };
        let answer = of_first("TRIAL").await;
        assert_eq!(answer.status, 503, "{}", answer.body);
        app.system.weather().set(&Weather::calm());
        let mut reached = Vec::new();
        for key in &keys {
            reached.push(per_minute(&app, &acme, key).await == 30);
        }
        assert!(
            reached.contains(&true) && reached.contains(&false),
            "{reached:?}"
        );
        app.wake_worker();
        if by_worker {
            app.settle().await;
        } else {
            let answer = of_first("TRIAL").await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            let other = of_first("STARTER").await;
            assert_eq!(other.details(), &json!({ "reason": "VERSION" }));
        }
        for key in &keys {
            assert_eq!(
                per_minute(&app, &acme, key).await,
                30,
                "by worker: {by_worker}"
            );
        }
        app.settle().await;
        let tasks = app.app().table.list_tasks(None, 10).await.expect("read");
        assert_eq!(tasks, []);
    }
}

#[tokio::test]
async fn keys_made_while_the_plan_changes_have_the_plan_that_stays() {
    let app = TestApp::start().await;
    let acme = app.company_on("Acme", Plan::Scale, None).await;
    let administrator = app.administrator().await;
    for plan in ["STARTER", "SCALE", "BUSINESS", "STARTER"] {
        let body = json!({ "plan": plan });
        let key = json!({ "name": "Racing", "scopes": ["read:jobs"] });
        let create = || app.post(&acme.owner, "/api-keys", &key);
        let (set, a, b, c) = tokio::join!(
            set_plan(&app, &administrator, &acme, &body),
            create(),
            create(),
            create(),
        );
        assert_eq!(set.status, 200, "{}", set.body);
        for made in [a, b, c] {
            assert_eq!(made.status, 201, "{}", made.body);
            let shown = app
                .get(&acme.owner, &format!("/api-keys/{}", id(&made)))
                .await;
            assert_eq!(shown.data()["rateLimit"], set.data()["rateLimit"], "{plan}");
        }
    }
}

#[tokio::test]
async fn of_two_plans_at_once_one_stays_for_company_and_keys() {
    let app = TestApp::start().await;
    let acme = app.company_on("Acme", Plan::Scale, None).await;
    let administrator = app.administrator().await;
    let mut keys = Vec::new();
    for _ in 0..4 {
        keys.push(app.key_with(&acme, json!({})).await);
    }
    for _ in 0..4 {
        let (trial, business) = (json!({ "plan": "TRIAL" }), json!({ "plan": "BUSINESS" }));
        let (one, two) = tokio::join!(
            set_plan(&app, &administrator, &acme, &trial),
            set_plan(&app, &administrator, &acme, &business),
        );
        for answer in [one, two] {
            assert!(matches!(answer.status, 200 | 409), "{}", answer.body);
        }
        app.settle().await;
        let path = "/admin/companies?q=acme";
        let stays = app.get(&administrator, path).await.data()["items"][0]["rateLimit"].clone();
        for key in &keys {
            assert_eq!(per_minute(&app, &acme, key).await, stays["perMinute"]);
        }
    }
}

#[tokio::test]
async fn numbers_of_its_own_a_company_has_on_enterprise_alone() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let administrator = app.administrator().await;
    let bad = [
        (json!({}), vec!["/plan required"]),
        (json!({ "plan": "GOLD" }), vec!["/plan enum"]),
        (
            json!({ "plan": "SCALE", "perMinute": 1, "keyLimit": 5 }),
            vec!["/perMinute conflict_with", "/keyLimit conflict_with"],
        ),
        (
            json!({ "plan": "TRIAL", "perHour": 1, "perSecond": 1, "minutesPerMonth": 1 }),
            vec![
                "/perHour conflict_with",
                "/perSecond conflict_with",
                "/minutesPerMonth conflict_with",
            ],
        ),
        (
            json!({ "plan": "ENTERPRISE", "perMinute": 601 }),
            vec!["/perSecond required"],
        ),
        (
            json!({ "plan": "ENTERPRISE", "perMinute": 601, "perSecond": 10 }),
            vec!["/perSecond range"],
        ),
        (
            json!({ "plan": "ENTERPRISE", "perMinute": 601, "perSecond": 501 }),
            vec!["/perSecond range"],
        ),
        (
            json!({ "plan": "ENTERPRISE", "perMinute": 600, "perSecond": 10 }),
            vec!["/perSecond conflict_with"],
        ),
        (
            json!({ "plan": "ENTERPRISE", "perSecond": 10 }),
            vec!["/perSecond conflict_with"],
        ),
        (
            json!({ "plan": "ENTERPRISE", "perMinute": 30_001, "perSecond": 500 }),
            vec!["/perMinute range"],
        ),
        (
            json!({ "plan": "ENTERPRISE", "perMinute": 0 }),
            vec!["/perMinute range"],
        ),
        (
            json!({ "plan": "ENTERPRISE", "keyLimit": 0 }),
            vec!["/keyLimit range"],
        ),
        (
            json!({ "plan": "ENTERPRISE", "minutes": 5 }),
            vec!["/minutes unknown_field"],
        ),
    ];
    for (body, faults) in bad {
        let refused = set_plan(&app, &administrator, &acme, &body).await;
        assert_eq!(refused.faults(), faults, "{body}: {}", refused.body);
    }
    for (body, limits) in [
        (
            json!({ "plan": "ENTERPRISE" }),
            json!({ "perMinute": 600, "perHour": 30_000 }),
        ),
        (
            json!({ "plan": "ENTERPRISE", "perMinute": 601, "perSecond": 11 }),
            json!({ "perMinute": 601, "perHour": 30_000, "perSecond": 11 }),
        ),
        (
            json!({ "plan": "ENTERPRISE", "perMinute": 30_000, "perHour": 10_000_000, "perSecond": 500 }),
            json!({ "perMinute": 30_000, "perHour": 10_000_000, "perSecond": 500 }),
        ),
        (
            json!({ "plan": "SCALE" }),
            json!({ "perMinute": 600, "perHour": 30_000 }),
        ),
    ] {
        let set = set_plan(&app, &administrator, &acme, &body).await;
        assert_eq!(set.status, 200, "{}", set.body);
        assert_eq!(set.data()["rateLimit"], limits);
    }
}

#[tokio::test]
async fn a_plans_minutes_and_keys_count_at_once() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let administrator = app.administrator().await;
    let key = app.key_with(&acme, json!({})).await;
    let small = json!({ "plan": "ENTERPRISE", "minutesPerMonth": 20, "keyLimit": 1 });
    assert_eq!(
        set_plan(&app, &administrator, &acme, &small).await.status,
        200
    );
    let another = json!({ "name": "Another", "scopes": ["read:jobs"] });
    let refused = app.post(&acme.owner, "/api-keys", &another).await;
    assert_eq!(
        refused.details(),
        &json!({ "reason": "KEY_LIMIT" }),
        "{}",
        refused.body
    );
    let interview = json!({ "candidate": tests::candidate(), "agent": tests::agent() });
    let first = app.post(&key.caller, "/interviews", &interview).await;
    assert_eq!(first.status, 201, "{}", first.body);
    let second = app.post(&key.caller, "/interviews", &interview).await;
    assert_eq!(second.status, 402, "{}", second.body);
    assert_eq!(second.details()["limit"], 20);
}

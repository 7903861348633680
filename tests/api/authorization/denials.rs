//! Refusals are kept for the people of the company, and no flood of them reaches the store.

use super::{Process, process::GET_JOB};
use embedded::{Fault, Weather};
use model::{Plan, RateLimit};
use routes::Scope;
use serde_json::{Value, json};
use std::time::Duration;
use tests::{Answer, Caller, Company, Key, TestApp};

const JOB: &str = "/jobs/01900000-0000-7000-8000-000000000000";
const THREE: RateLimit = RateLimit {
    per_minute: 3,
    per_hour: 1_000,
    per_second: None,
};

#[tokio::test]
async fn a_flood_of_refusals_keeps_sixty_a_minute_and_says_that_there_were_more() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let suspended = app.key_with(&acme, json!({})).await;
    let revoked = app.key_with(&acme, json!({})).await;
    let scopeless = app.key(&acme, [Scope::WriteJobs]).await;
    act(&app, &acme, &suspended, "suspend").await;
    act(&app, &acme, &revoked, "revoke").await;
    let cases = [
        (&suspended, 401, "SUSPENDED", "authentication.failed"),
        (&revoked, 401, "REVOKED", "authentication.failed"),
        (&scopeless, 403, "SCOPE", "authorization.denied"),
    ];
    for (key, status, reason, event) in cases {
        app.next_minute(Duration::ZERO);
        let mut ids = Vec::new();
        for _ in 0..200 {
            let refused = app.get(&key.caller, JOB).await;
            assert_eq!(refused.status, status);
            ids.push(request_id(&refused));
        }
        let rows = rows(&app, key);
        let of = |entity: &str| {
            rows.iter()
                .filter(|row| row["entity"]["S"] == entity)
                .count()
        };
        assert_eq!(
            (of("denial"), of("suppressed"), rows.len()),
            (60, 1, 61),
            "{reason}"
        );

        for (kept, id) in ids.iter().enumerate().step_by(59) {
            let denial = app.get(&acme.member, &format!("/denials/{id}")).await;
            if kept < 60 {
                assert_eq!(denial.status, 200, "{reason} {kept}: {}", denial.body);
                assert_eq!(denial.data()["reason"], reason);
                assert_eq!(denial.data()["keyId"], json!(key.id));
                assert_eq!(denial.data()["suppressed"], true, "{reason} {kept}");
                assert!(
                    denial.data()["count"].as_u64() >= Some(1),
                    "{}",
                    denial.body
                );
            } else {
                assert_eq!(denial.code(), "RESOURCE_NOT_FOUND", "{reason} {kept}");
            }
        }
        app.settle().await;
        let told = events(&app, &acme, key, event).await;
        assert_eq!(told.len(), 61, "{reason}");
        let suppressed = told.iter().filter(|event| event["suppressed"] == true);
        assert_eq!(suppressed.count(), 1, "{reason}");
        // The next minute is another one.
        app.next_minute(Duration::ZERO);
        let next = request_id(&app.get(&key.caller, JOB).await);
        let denial = app.get(&acme.member, &format!("/denials/{next}")).await;
        assert_eq!(denial.data()["suppressed"], false, "{}", denial.body);
    }
}

#[tokio::test]
async fn sixty_refusals_are_all_kept() {
    let (app, acme, key) = start_scopeless().await;
    let mut ids = Vec::new();
    for _ in 0..60 {
        ids.push(request_id(&app.get(&key.caller, JOB).await));
    }
    for id in ids {
        let denial = app.get(&acme.member, &format!("/denials/{id}")).await;
        assert_eq!(
            (denial.status, &denial.data()["suppressed"]),
            (200, &json!(false))
        );
    }
}

#[tokio::test]
async fn a_full_window_is_told_of_once_whoever_refuses() {
    let app = TestApp::calm().await;
    let acme = app.company_on("Acme", Plan::Enterprise, Some(THREE)).await;
    let key = app.key_with(&acme, json!({})).await;
    let others = [0, -2_000, 2_000].map(|skew| Process::skewed(&app, Weather::calm(), skew));
    for window in 1..=2 {
        app.next_minute(Duration::from_secs(5));
        for _ in 0..3 {
            assert_eq!(app.get(&key.caller, JOB).await.status, 404);
        }
        let first = app.get(&key.caller, JOB).await;
        assert_eq!(first.status, 429);
        for _ in 0..20 {
            assert_eq!(app.get(&key.caller, JOB).await.status, 429);
            for other in &others {
                assert_eq!(other.ask(&key.caller, GET_JOB).await.status, 429);
            }
            app.advance(Duration::from_millis(250));
        }
        let rows = rows(&app, &key);
        let of = |entity: &str| {
            rows.iter()
                .filter(|row| row["entity"]["S"] == entity)
                .count()
        };
        assert_eq!(
            (of("rate_limit"), of("denial"), rows.len()),
            (window, window, 2 * window)
        );
        // Whoever was refused first can find out why.
        let denial = app
            .get(&acme.member, &format!("/denials/{}", request_id(&first)))
            .await;
        assert_eq!(denial.status, 200, "{}", denial.body);
        assert_eq!(denial.data()["reason"], "RATE_LIMIT");
        app.settle().await;
        assert_eq!(
            events(&app, &acme, &key, "rate_limit.exceeded").await.len(),
            window
        );
    }
}

/// The answer to the write that tells of the window is lost: the re-sent one meets its own row.
#[tokio::test]
async fn the_first_429_of_a_window_is_kept_although_answers_get_lost() {
    let app = TestApp::calm().await;
    let acme = app.company_on("Acme", Plan::Enterprise, Some(THREE)).await;
    let key = app.key_with(&acme, json!({})).await;
    app.next_minute(Duration::ZERO);
    for _ in 0..3 {
        assert_eq!(app.get(&key.caller, JOB).await.status, 404);
    }
    app.system
        .weather()
        .set(&Weather::script(|call| match call.operation {
            "PutItem" if call.attempt == 1 => Fault::LoseAnswer,
            _ => Fault::None,
        }));
    let refused = app.get(&key.caller, JOB).await;
    assert_eq!(refused.status, 429);
    let denial = app
        .get(&acme.member, &format!("/denials/{}", request_id(&refused)))
        .await;
    assert_eq!(denial.status, 200, "{}", denial.body);
    app.settle().await;
    assert_eq!(
        events(&app, &acme, &key, "rate_limit.exceeded").await.len(),
        1
    );
}

/// That a refusal can't be kept is our trouble and not the caller's.
#[tokio::test]
async fn a_refusal_that_cannot_be_kept_stays_what_it_is() {
    let (app, acme, key) = start_scopeless().await;
    app.system
        .weather()
        .set(&Weather::script(|call| match call.operation {
            "PutItem" => Fault::Throttle,
            _ => Fault::None,
        }));
    let refused = app.get(&key.caller, JOB).await;
    assert_eq!(
        (refused.status, refused.code()),
        (403, "INSUFFICIENT_PERMISSIONS")
    );
    app.system.weather().set(&Weather::calm());
    let denial = app
        .get(&acme.member, &format!("/denials/{}", request_id(&refused)))
        .await;
    assert_eq!(denial.code(), "RESOURCE_NOT_FOUND");
}

/// A client may choose the plain request id, and a hundred requests may have the same.
#[tokio::test]
async fn one_request_id_on_many_requests_and_in_another_company_loses_no_denial() {
    let (app, acme, key) = start_scopeless().await;
    let globex = app.company("Globex").await;
    let foreign = app.key(&globex, [Scope::WriteJobs]).await;
    let chosen = "c0ffee00-0000-4000-8000-000000000000";
    let refused = async |caller: &Caller| {
        let request = caller
            .request("GET", JOB)
            .header("x-amzn-requestid", chosen);
        request_id(&app.send(request).await)
    };
    let mut ids = Vec::new();
    for _ in 0..50 {
        ids.push(refused(&key.caller).await);
    }
    let theirs = refused(&foreign.caller).await;
    assert_eq!(
        (rows(&app, &key).len(), rows(&app, &foreign).len()),
        (50, 1)
    );
    for id in &ids {
        let target = format!("/denials/{id}");
        assert_eq!(app.get(&acme.member, &target).await.status, 200);
        assert_eq!(app.get(&globex.member, &target).await.status, 404);
    }
    assert_eq!(
        app.get(&globex.member, &format!("/denials/{theirs}"))
            .await
            .status,
        200
    );
    for (member, id) in [(&acme.member, key.id), (&globex.member, foreign.id)] {
        let denial = app.get(member, &format!("/denials/{chosen}")).await;
        assert_eq!(denial.data()["keyId"], json!(id), "{}", denial.body);
    }
}

async fn start_scopeless() -> (TestApp, Company, Key) {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let key = app.key(&acme, [Scope::WriteJobs]).await;
    app.next_minute(Duration::ZERO);
    (app, acme, key)
}

async fn act(app: &TestApp, company: &Company, key: &Key, action: &str) {
    let path = format!("/api-keys/{}/{action}", key.id);
    assert_eq!(
        app.post(&company.owner, &path, &json!({})).await.status,
        200
    );
}

fn request_id(answer: &Answer) -> String {
    answer
        .header("x-request-id")
        .expect("every response has one")
        .to_owned()
}

/// The rows about this key in the denials table.
fn rows(app: &TestApp, key: &Key) -> Vec<Value> {
    let scan = json!({
        "TableName": app.app().table.names().denials,
        "FilterExpression": "actor = :key",
        "ExpressionAttributeValues": { ":key": { "S": key.id } },
    });
    let (status, body) = app
        .system
        .engine()
        .dispatch("DynamoDB_20120810.Scan", scan.to_string().as_bytes());
    assert_eq!(status, 200);
    let answer: Value = serde_json::from_slice(&body).expect("JSON");
    assert!(answer["LastEvaluatedKey"].is_null(), "more than one page");
    answer["Items"].as_array().expect("items").clone()
}

async fn events(app: &TestApp, company: &Company, key: &Key, kind: &str) -> Vec<Value> {
    let target = format!("/audit-events?limit=100&type={kind}&keyId={}", key.id);
    let answer = app.get(&company.owner, &target).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.data()["items"].as_array().expect("items").clone()
}

//! An interview's own fields, at the edges of their rules.

use super::{in_future, inline, made};
use crate::fields::{Case, assert_complete, fault, metadata_cases, with};
use model::Timestamp;
use serde_json::{Value, json};
use tests::{TestApp, agent, candidate};

const DAY: i64 = 24 * 3600;

/// What the two ids of a new interview stand for.
const NOBODY: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// An interview with every field of its own.
fn whole() -> Value {
    json!({
        "candidateId": NOBODY,
        "agentId": NOBODY,
        "jobId": null,
        "scheduledAt": null,
        "isTest": false,
        "metadata": { "atsId": "I-1" },
    })
}

/// But for instants, which are judged by the clock.
fn cases() -> Vec<Case> {
    let mut cases = metadata_cases();
    for id in ["/candidateId", "/agentId", "/jobId"] {
        cases.extend([
            (id, json!("x"), fault(id, "format")),
            (id, json!(NOBODY.replace('-', "")), fault(id, "format")),
            (id, json!(1), fault(id, "type")),
        ]);
    }
    let at = "/scheduledAt";
    for bad in [
        "2027-02-29T12:00:00Z",
        "2026-12-01",
        "2026-12-01T12:00:00",
        "2026-12-01T24:00:00Z",
        "2026-12-01T12:00:00+24:00",
        "tomorrow",
        "",
    ] {
        cases.push((at, json!(bad), fault(at, "format")));
    }
    cases.extend([
        (at, json!(1_800_000_000), fault(at, "type")),
        (at, Value::Null, ""),
        ("/jobId", Value::Null, ""),
        ("/isTest", json!(true), ""),
        ("/isTest", json!(false), ""),
        ("/isTest", Value::Null, ""),
        ("/isTest", json!(1), "/isTest type"),
        ("/isTest", json!("true"), "/isTest type"),
        ("/status", json!("CANCELLED"), "/status unknown_field"),
        (
            "/durationMinutes",
            json!(1),
            "/durationMinutes unknown_field",
        ),
        ("/analysis", json!({}), "/analysis unknown_field"),
    ]);
    cases
}

#[test]
fn every_rule_of_the_document_has_its_cases() {
    // What is made with it, and who must be named: `create`.
    let elsewhere = [
        "/candidate",
        "/agent",
        "/job",
        "/candidateId: null: accepted",
        "/agentId: null: accepted",
    ];
    assert_complete("NewInterview", &whole(), &cases(), &elsewhere);
}

#[tokio::test]
async fn each_field_keeps_its_rule_on_create_and_on_patch() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let mut ids = whole();
    ids["candidateId"] = json!(made(&app, &key, "/candidates", &candidate()).await);
    ids["agentId"] = json!(made(&app, &key, "/agents", &agent()).await);
    let patched = format!(
        "/interviews/{}",
        made(&app, &key, "/interviews", &ids).await
    );
    for (pointer, value, fault) in cases() {
        let case = format!("{pointer} = {value:.60}");
        let answer = app
            .post(&key, "/interviews", &with(&ids, pointer, &value))
            .await;
        let field = &pointer[1..];
        // Only a new one may go without an instant.
        let is_patched = match field {
            "scheduledAt" => !value.is_null(),
            field => field == "metadata",
        };
        let changed = match is_patched {
            true => Some(app.patch(&key, &patched, &json!({ field: value })).await),
            false => None,
        };
        if fault.is_empty() {
            assert_eq!(answer.status, 201, "{case}: {}", answer.body);
            if let Some(changed) = changed {
                assert_eq!(changed.status, 200, "{case}: {}", changed.body);
                assert_eq!(changed.data()[field], value, "{case}");
                assert_eq!(answer.data()[field], value, "{case}");
            }
        } else {
            for refused in std::iter::once(&answer).chain(&changed) {
                assert_eq!(refused.faults(), [fault], "{case}: {}", refused.body);
            }
        }
    }
    // What only a patch can say.
    for (body, fault) in [
        (json!({ "status": "COMPLETED" }), "/status enum"),
        (json!({ "status": null }), "/status type"),
        (json!({ "scheduledAt": null }), "/scheduledAt type"),
        (json!({ "isTest": true }), "/isTest unknown_field"),
        (
            json!({ "candidateId": ids["candidateId"] }),
            "/candidateId unknown_field",
        ),
    ] {
        assert_eq!(app.patch(&key, &patched, &body).await.faults(), [fault]);
    }
    let cleared = app
        .patch(&key, &patched, &json!({ "metadata": null }))
        .await;
    assert_eq!(cleared.data()["metadata"], Value::Null);
}

#[tokio::test]
async fn an_instant_is_at_most_30_days_ahead_and_5_minutes_back_to_the_second_in_any_offset() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let ids = json!({
        "candidateId": made(&app, &key, "/candidates", &candidate()).await,
        "agentId": made(&app, &key, "/agents", &agent()).await,
    });
    let patched = made(&app, &key, "/interviews", &ids).await;
    let patched = format!("/interviews/{patched}");
    let edges = [
        (30 * DAY, ""),
        (30 * DAY + 1, "/scheduledAt range"),
        (-299, ""),
        (-300, "/scheduledAt future"),
    ];
    // The same instants, as clocks elsewhere show them.
    let offsets = [
        ("Z", 0),
        ("z", 0),
        ("+00:00", 0),
        ("-00:00", 0),
        ("+10:30", 630),
        ("-09:30", -570),
        ("+14:00", 840),
        ("-12:00", -720),
    ];
    for (seconds, fault) in edges {
        for (offset, minutes) in offsets {
            for patches in [false, true] {
                for tries in 0.. {
                    assert!(tries < 20, "this machine is too slow for a second");
                    let before = app.now();
                    let local = in_future(&app, seconds + minutes * 60);
                    let at = format!("{}{offset}", &local[..23]);
                    let answer = match patches {
                        true => {
                            let patch = json!({ "scheduledAt": at });
                            app.patch(&key, &patched, &patch).await
                        }
                        false => {
                            let new = with(&ids, "/scheduledAt", &json!(at));
                            app.post(&key, "/interviews", &new).await
                        }
                    };
                    // By now it may be another second's instant.
                    if app.now().since(before) >= chrono::Duration::seconds(1) {
                        continue;
                    }
                    if fault.is_empty() {
                        let status = if patches { 200 } else { 201 };
                        assert_eq!(answer.status, status, "{at}: {}", answer.body);
                        let shown = answer.data()["scheduledAt"].as_str().expect("a text");
                        let meant: Timestamp = at.to_uppercase().parse().expect("an instant");
                        assert_eq!(shown, meant.to_string());
                    } else {
                        assert_eq!(answer.faults(), [fault], "{at} {}", answer.body);
                    }
                    break;
                }
            }
        }
    }
}

#[tokio::test]
async fn lists_are_filtered_by_four_fields_and_faults_are_told_together() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let answer = app
        .get(
            &key,
            "/interviews?candidateId=1&agentId=2&jobId=3&status=4&limit=0",
        )
        .await;
    assert_eq!(
        answer.faults(),
        [
            "?candidateId format",
            "?agentId format",
            "?jobId format",
            "?status enum",
            "?limit range"
        ]
    );
    let first = app.post(&key, "/interviews", &inline(&json!({}))).await;
    let second = app
        .post(&key, "/interviews", &inline(&json!({ "isTest": true })))
        .await;
    let of = |answer: &tests::Answer, name: &str| {
        answer.data()[name].as_str().expect("a text").to_owned()
    };
    let agent = of(&first, "agentId");
    for (query, expected) in [
        (
            format!("?agentId={agent}&status=SCHEDULED"),
            vec![first.data()],
        ),
        (format!("?agentId={agent}&status=COMPLETED"), vec![]),
        (
            format!(
                "?candidateId={}&agentId={agent}",
                of(&second, "candidateId")
            ),
            vec![],
        ),
        ("?status=COMPLETED".to_owned(), vec![second.data()]),
        (String::new(), vec![second.data(), first.data()]),
    ] {
        let listed = app.get(&key, &format!("/interviews{query}")).await;
        assert_eq!(listed.data()["items"], json!(expected), "{query}");
    }
    // Whoever led it is gone, and the interview is still theirs.
    app.delete(&key, &format!("/agents/{agent}")).await;
    let listed = app.get(&key, &format!("/interviews?agentId={agent}")).await;
    assert_eq!(listed.data()["items"], json!([first.data()]));
    assert_eq!(listed.data()["pagination"]["total"], 1);
}

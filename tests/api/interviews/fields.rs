//! An interview's own fields, at the edges of their rules.

use super::{in_future, inline, made};
use serde_json::{Value, json};
use tests::{TestApp, agent, candidate};

const DAY: i64 = 24 * 3600;

#[tokio::test]
async fn each_field_keeps_its_rule_on_create_and_on_patch() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let ids = json!({
        "candidateId": made(&app, &key, "/candidates", &candidate()).await,
        "agentId": made(&app, &key, "/agents", &agent()).await,
    });
    let with = |field: &str, value: &Value| {
        let mut body = ids.clone();
        body[field] = value.clone();
        body
    };
    let patched = format!(
        "/interviews/{}",
        made(&app, &key, "/interviews", &ids).await
    );
    let minute = |at: String, offset: &str| json!(format!("{}{offset}", &at[..19]));
    let deep = (1..5).fold(json!({}), |inner, _| json!({ "a": inner }));
    for (field, value, fault) in [
        ("scheduledAt", json!(in_future(&app, 30 * DAY)), ""),
        (
            "scheduledAt",
            json!(in_future(&app, 30 * DAY + 60)),
            "range",
        ),
        // The same instants, as clocks elsewhere show them.
        (
            "scheduledAt",
            minute(in_future(&app, 30 * DAY + 37_800 - 1), "+10:30"),
            "",
        ),
        (
            "scheduledAt",
            minute(in_future(&app, 30 * DAY + 37_800 + 60), "+10:30"),
            "range",
        ),
        (
            "scheduledAt",
            minute(in_future(&app, 30 * DAY - 34_200 - 1), "-09:30"),
            "",
        ),
        ("scheduledAt", json!(in_future(&app, -240)), ""),
        ("scheduledAt", json!(in_future(&app, -301)), "future"),
        ("scheduledAt", json!("2027-02-29T12:00:00Z"), "format"),
        ("scheduledAt", json!("2026-12-01"), "format"),
        ("scheduledAt", json!(1_800_000_000), "type"),
        ("metadata", deep.clone(), ""),
        ("metadata", json!({ "a": deep }), "depth"),
        ("metadata", json!([]), "type"),
        ("status", json!("CANCELLED"), "unknown_field"),
        ("durationMinutes", json!(1), "unknown_field"),
        ("analysis", json!({}), "unknown_field"),
        ("isTest", json!(1), "type"),
    ] {
        let case = format!("{field} = {value}");
        let answer = app.post(&key, "/interviews", &with(field, &value)).await;
        let changed = match field {
            "status" | "isTest" => None,
            _ => Some(app.patch(&key, &patched, &json!({ field: value })).await),
        };
        if fault.is_empty() {
            assert_eq!(answer.status, 201, "{case}: {}", answer.body);
            let changed = changed.expect("a patch");
            assert_eq!(changed.status, 200, "{case}: {}", changed.body);
            assert_eq!(changed.data()[field], answer.data()[field], "{case}");
        } else {
            let wanted = format!("/{field} {fault}");
            assert_eq!(
                answer.faults(),
                [wanted.as_str()],
                "{case}: {}",
                answer.body
            );
            if let Some(changed) = changed {
                assert_eq!(changed.faults(), [wanted.as_str()], "{case}");
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

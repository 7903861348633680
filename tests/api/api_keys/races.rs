//! One winner among concurrent changes of one key.

use super::shown;
use serde_json::json;
use std::sync::Arc;
use tests::TestApp;
use tokio::task::JoinSet;

#[tokio::test]
async fn a_revocation_wins_over_concurrent_patches_and_is_the_last_change() {
    let app = Arc::new(TestApp::start().await);
    let acme = app.company("Acme").await;
    for round in 0..8 {
        app.next_minute(std::time::Duration::ZERO);
        let key = app.key_with(&acme, json!({})).await;
        let mut writers = JoinSet::new();
        for writer in 0..10 {
            let (app, owner) = (Arc::clone(&app), acme.owner.clone());
            let path = format!("/api-keys/{}", key.id);
            writers.spawn(async move {
                if writer == 4 {
                    let revoke = owner.request("POST", &format!("{path}/revoke"));
                    return (true, app.send(revoke).await);
                }
                let body = json!({ "name": format!("Writer {writer}") });
                (false, app.patch(&owner, &path, &body).await)
            });
        }
        let answers = writers.join_all().await;
        let last = shown(&app, &acme.owner, &key).await;
        for (revocation, answer) in answers {
            match (revocation, answer.status, answer.code()) {
                (true, 200, _) => {
                    assert_eq!(answer.data()["status"], "REVOKED");
                    assert_eq!(answer.data()["version"], last["version"], "round {round}");
                }
                // Five times in a row somebody else was faster.
                (true, 409, _) => {
                    assert_eq!(answer.details(), &json!({ "reason": "BUSY" }));
                    assert_eq!(last["status"], "ACTIVE", "round {round}");
                }
                (false, 200, _) => {
                    let version = answer.data()["version"].as_u64();
                    assert!(version <= last["version"].as_u64(), "round {round}");
                    assert_eq!(answer.data()["status"], "ACTIVE", "round {round}");
                }
                (false, 409, "INVALID_STATE_TRANSITION") => {}
                (false, 409, _) => assert_eq!(answer.details(), &json!({ "reason": "BUSY" })),
                _ => panic!("round {round}: {} {}", answer.status, answer.body),
            }
        }
        let answers = app.get(&key.caller, "/jobs").await.status;
        assert_eq!(answers == 401, last["status"] == "REVOKED", "round {round}");
    }
}

#[tokio::test]
async fn a_transaction_on_a_keys_row_makes_no_request_of_the_key_or_its_people_fail() {
    let app = Arc::new(TestApp::start().await);
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await;
    let path = format!("/api-keys/{}", key.id);
    let mut callers = JoinSet::new();
    for caller in 0..12 {
        let (app, owner, key) = (Arc::clone(&app), acme.owner.clone(), key.caller.clone());
        let path = path.clone();
        callers.spawn(async move {
            for round in 0..8 {
                let answer = match caller {
                    // An Idempotency-Key makes the change a transaction.
                    0..3 => {
                        let action = ["suspend", "resume"][round % 2];
                        let request = owner.request("POST", &format!("{path}/{action}"));
                        let name = format!("{caller} {round}");
                        app.send(request.header("idempotency-key", &name)).await
                    }
                    3..5 => {
                        app.patch(&owner, &path, &json!({ "name": format!("{round}") }))
                            .await
                    }
                    _ => app.get(&key, "/jobs").await,
                };
                assert!(answer.status < 500, "{} {}", answer.status, answer.body);
            }
        });
    }
    callers.join_all().await;
}

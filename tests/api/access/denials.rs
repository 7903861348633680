//! `GET /denials/{requestId}`: why a request was refused, to the members of its company and to nobody else.

use super::callers::{in_seconds, minted};
use model::{CompanyId, Plan, RateLimit, Reason};
use routes::Scope;
use serde_json::{Value, json};
use std::time::Duration;
use tests::{Answer, Company, Key, TestApp};

/// A refusal that was provoked: the response, and what its explanation must say.
struct Refused {
    answer: Answer,
    /// Facts that the message names.
    says: Vec<String>,
    key: Option<Key>,
    operation: &'static str,
    /// Whether the credential was one of the key's secrets, so that its suffix is shown.
    known_secret: bool,
    company: CompanyId,
    domain: &'static str,
}

#[tokio::test]
async fn a_member_reads_why_and_others_get_the_404_of_what_never_was() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let globex = app.company("Globex").await;
    let mut provoked = 0;
    for reason in Reason::ALL.iter().copied() {
        let Some(refused) = provoke(&app, &acme, &globex, reason).await else {
            continue;
        };
        provoked += 1;
        let what = reason.as_str();
        let id = refused.answer.header("x-request-id").expect("an id");
        let path = format!("/denials/{}", id.replace('=', "%3D"));
        for who in ["member", "admin", "owner"] {
            let found = app
                .get(
                    &app.person(&format!("{who}@{}.example", refused.domain)),
                    &path,
                )
                .await;
            assert_eq!(found.status, 200, "{what} by {who}: {}", found.body);
            let denial = found.data();
            assert_eq!(denial["requestId"], id, "{what}");
            assert_eq!(denial["reason"], what);
            assert_eq!(denial["status"], refused.answer.status, "{what}");
            assert_eq!(denial["operation"], refused.operation, "{what}");
            assert_eq!(denial["sourceIp"], "198.51.100.7", "{what}");
            assert_eq!(denial["companyId"], json!(refused.company), "{what}");
            assert_eq!(denial["suppressed"], false, "{what}");
            assert_eq!(
                denial["keyId"],
                json!(refused.key.as_ref().map(|key| key.id)),
                "{what}"
            );
            let suffix = refused
                .key
                .as_ref()
                .filter(|_| refused.known_secret)
                .map(|key| {
                    let text = key.caller.credential.as_deref().expect("a key");
                    text[text.len() - 4..].to_owned()
                });
            assert_eq!(denial["secretSuffix"], json!(suffix), "{what}");
            let message = denial["message"].as_str().expect("a message");
            for fact in &refused.says {
                assert!(
                    message.contains(fact.as_str()),
                    "{what}: {message:?} lacks {fact:?}"
                );
            }
            if let Some(key) = &refused.key {
                let secret = &key.caller.credential.as_deref().expect("a key")[13..42];
                assert!(
                    !found.raw.text().contains(secret),
                    "{what}: the secret stands in the denial"
                );
            }
        }
        for other in ["member@globex.example", "owner@globex.example"] {
            let other = app.person(other);
            let foreign = app.get(&other, &path).await;
            let never = app.get(&other, "/denials/bmV2ZXIgd2FzIGhlcmU%3D").await;
            assert_eq!(
                (foreign.status, foreign.code()),
                (404, "RESOURCE_NOT_FOUND"),
                "{what}"
            );
            assert_eq!(foreign.details()["resourceId"], id, "{what}");
            assert_eq!(anonymous(&foreign), anonymous(&never), "{what}");
        }
        let outsider = app
            .person("member@globex.example")
            .for_company(refused.company);
        assert_eq!(
            app.get(&outsider, &path).await.code(),
            "RESOURCE_ACCESS_DENIED",
            "{what}"
        );
    }
    assert_eq!(
        provoked,
        Reason::ALL.len() - 2,
        "all but those of ATS keys and of nobody's"
    );
}

/// `None` where no company may read of it.
async fn provoke(
    app: &TestApp,
    acme: &Company,
    globex: &Company,
    reason: Reason,
) -> Option<Refused> {
    let key = async |fields: Value| app.key_with(acme, fields).await;
    let list_jobs = async |key: Key, query: &str, says: Vec<String>| Refused {
        answer: app.get(&key.caller, &format!("/jobs{query}")).await,
        says,
        key: Some(key),
        operation: "ListJobs",
        known_secret: true,
        company: acme.id,
        domain: "acme",
    };
    let owner = app.person("owner@acme.example");
    let act = async |key: &Key, action: &str| {
        let path = format!("/api-keys/{}/{action}", key.id);
        assert_eq!(app.send(owner.request("POST", &path)).await.status, 200);
    };
    let refused = match reason {
        Reason::WrongSecret => {
            let key = key(json!({})).await;
            let wrong = minted(app, key.id);
            Refused {
                known_secret: false,
                ..list_jobs(
                    Key {
                        caller: wrong,
                        ..key
                    },
                    "",
                    vec!["secret".to_owned()],
                )
                .await
            }
        }
        Reason::Suspended => {
            let key = key(json!({})).await;
            act(&key, "suspend").await;
            list_jobs(key, "", vec!["the key was suspended at 20".to_owned()]).await
        }
        Reason::Revoked => {
            let key = key(json!({})).await;
            act(&key, "revoke").await;
            list_jobs(key, "", vec!["the key was revoked at 20".to_owned()]).await
        }
        Reason::Expired => {
            let end = in_seconds(app.now(), 30);
            let key = key(json!({ "expiresAt": end })).await;
            app.advance(Duration::from_secs(31));
            list_jobs(key, "", vec!["expired".to_owned(), end.to_string()]).await
        }
        Reason::Address => {
            let key = key(json!({ "allowedIPs": ["203.0.113.0/24"] })).await;
            list_jobs(
                key,
                "",
                vec!["198.51.100.7".to_owned(), "203.0.113.0/24".to_owned()],
            )
            .await
        }
        Reason::Scope => {
            let key = app.key(acme, [Scope::ReadAgents]).await;
            list_jobs(key, "", vec!["read:jobs".to_owned()]).await
        }
        Reason::Role => Refused {
            answer: app
                .post(&app.person("member@acme.example"), "/api-keys", &json!({}))
                .await,
            says: vec!["ADMIN".to_owned()],
            key: None,
            operation: "CreateApiKey",
            known_secret: false,
            company: acme.id,
            domain: "acme",
        },
        Reason::CredentialKind => {
            let key = key(json!({})).await;
            Refused {
                answer: app.get(&key.caller, "/api-keys").await,
                says: vec!["people".to_owned()],
                key: Some(key),
                operation: "ListApiKeys",
                known_secret: true,
                company: acme.id,
                domain: "acme",
            }
        }
        Reason::Company => {
            let key = key(json!({})).await;
            list_jobs(
                key,
                &format!("?companyId={}", globex.id),
                vec!["the request names another".to_owned()],
            )
            .await
        }
        Reason::RateLimit => {
            let limits = RateLimit {
                per_minute: 2,
                per_hour: 1_000,
                per_second: None,
            };
            let narrow = app
                .company_on("Narrow", Plan::Enterprise, Some(limits))
                .await;
            let key = app.key_with(&narrow, json!({})).await;
            app.next_minute(Duration::ZERO);
            for _ in 0..2 {
                assert_eq!(app.get(&key.caller, "/jobs").await.status, 200);
            }
            let says = vec!["all 2 requests of the minute until".to_owned()];
            Refused {
                company: narrow.id,
                domain: "narrow",
                ..list_jobs(key, "", says).await
            }
        }
        Reason::StaleSignIn => Refused {
            answer: {
                let stale =
                    app.person_signed_in("owner@acme.example", Duration::from_secs(13 * 3600));
                app.post(&stale, "/api-keys", &json!({})).await
            },
            says: vec!["12 hours".to_owned()],
            key: None,
            operation: "CreateApiKey",
            known_secret: false,
            company: acme.id,
            domain: "acme",
        },
        // A request that names no company is in nobody's; grants belong to partners, who have no routes yet.
        Reason::CompanyMissing | Reason::Grant => return None,
    };
    Some(refused)
}

/// The body without what is the request's own: its id and the time.
fn anonymous(answer: &Answer) -> Value {
    let mut body = answer.body.clone();
    body["timestamp"] = Value::Null;
    body["error"]["details"]["resourceId"] = Value::Null;
    body
}

#[tokio::test]
async fn a_refusal_beyond_the_first_sixty_of_a_minute_says_that_more_were_suppressed() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key(&acme, [Scope::ReadAgents]).await;
    app.next_minute(Duration::ZERO);
    let mut ids = Vec::new();
    for index in 0..63 {
        let request = key.caller.request("GET", "/jobs");
        let plain = format!("plain-{index}");
        let answer = app.send(request.header("x-amzn-requestid", &plain)).await;
        assert_eq!(answer.status, 403);
        ids.push(
            answer
                .header("x-request-id")
                .expect("an id")
                .replace('=', "%3D"),
        );
    }
    let read = async |id: &String| app.get(&acme.member, &format!("/denials/{id}")).await;
    for id in [&ids[0], &ids[59]] {
        let kept = read(id).await;
        assert_eq!(
            (kept.status, &kept.data()["suppressed"]),
            (200, &json!(true)),
            "{}",
            kept.body
        );
        assert!(kept.data()["count"].as_u64() >= Some(1));
    }
    assert_eq!(read(&"plain-59".to_owned()).await.status, 200);
    // By either of its ids.
    let unkept = (60..63).map(|index| format!("plain-{index}"));
    for id in ids.split_off(60).into_iter().chain(unkept) {
        assert_eq!(
            read(&id).await.code(),
            "RESOURCE_NOT_FOUND",
            "one that wasn't kept is the plain 404"
        );
    }
}

#[tokio::test]
async fn junk_leaves_nothing_to_be_read() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let unknown = minted(&app, model::KeyId::new(app.app().entropy.bytes()));
    for caller in [
        tests::Caller::nobody(),
        tests::Caller::with("junk"),
        unknown,
    ] {
        let answer = app.get(&caller, "/jobs").await;
        let id = answer
            .header("x-request-id")
            .expect("an id")
            .replace('=', "%3D");
        let found = app.get(&acme.owner, &format!("/denials/{id}")).await;
        assert_eq!((answer.status, found.code()), (401, "RESOURCE_NOT_FOUND"));
    }
}

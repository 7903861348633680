//! A company with many keys and a long trail, written past the API: by its requests they would take too long.

use model::{
    Actor, ApiKeyFields, Body, Change, EventFacts, EventType, KeyId, KeyKind, Outcome, Owner,
    Timestamp, UserAgent,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use store::{NewKey, Revision};
use tests::{Company, Seeded, TestApp, WIDE};

/// The company, by what its pages' paths name.
pub(super) struct Busy {
    pub(super) ids: BTreeMap<&'static str, String>,
}

const DAYS: i64 = 30;
/// As many as the plan allows.
const MOST_KEYS: u32 = 1_000;
/// What is appended in one go.
const BATCH: usize = 500;

impl Busy {
    pub(super) async fn new(app: &TestApp, keys: usize, events: usize) -> Busy {
        let company = app.company("Initech").await;
        let partner = app.partner("Hooli").await;
        app.grant(&company, partner.id).await;
        let mut random = Seeded::new(7);
        let mut ids = Vec::new();
        for number in 1..keys {
            ids.push(make_key(app, &company, number).await);
        }
        let mut named = objects(app, &company).await;
        app.settle().await;
        let owner = Owner::Company(company.id);
        let mut trail = Trail {
            company: &company,
            from: app.now().plus(chrono::Duration::days(-DAYS)),
            step: chrono::Duration::days(DAYS).num_milliseconds()
                / i64::try_from(events).expect("in range"),
        };
        let table = &app.app().table;
        let mut told: Vec<Revision> = Vec::new();
        for number in 0..events {
            let key = match number % 2 {
                0 => ids[0],
                _ => *random.pick(&ids),
            };
            told.push(trail.request(number, key, &mut random));
            if told.len() == BATCH || number + 1 == events {
                let mut rest = told.as_slice();
                while !rest.is_empty() {
                    let appended = table.append(rest, app.app().entropy.bytes()).await;
                    rest = &rest[appended.expect("appended").taken..];
                }
                told.clear();
            }
        }
        loop {
            let folded = table.fold_usage(owner, app.app().entropy.bytes()).await;
            if !folded.expect("folded").behind {
                break;
            }
        }
        app.next_minute(Duration::ZERO);
        let members = app.get(&company.owner, "/members").await;
        let member = members.data()["items"][0]["id"].as_str().expect("a member");
        named.extend([
            ("owner", format!("c-{}", company.id)),
            ("companyId", company.id.to_string()),
            ("partnerId", partner.id.to_string()),
            ("memberId", member.to_owned()),
            // Every second request is its.
            ("keyId", ids[0].to_string()),
            ("seq", (events / 2).to_string()),
            ("token", "none".to_owned()),
        ]);
        Busy { ids: named }
    }
}

async fn make_key(app: &TestApp, company: &Company, number: usize) -> KeyId {
    let id = KeyId::new(app.app().entropy.bytes());
    let keyring = app.app().keyring.as_deref().expect("a keyring");
    let random = app.app().entropy.bytes();
    let (plain, stored) = keyring.latest().mint(KeyKind::Standard, id, random);
    let body = json!({
        "name": format!("Job board of the branch number {number}"),
        "scopes": routes::ScopeSet::all(),
        "allowedIPs": (0..10).map(|net| format!("198.51.{net}.0/24")).collect::<Vec<_>>(),
    });
    let stamp = app.stamp("CreateApiKey");
    let new = NewKey {
        id,
        kind: KeyKind::Standard,
        fields: ApiKeyFields::read(body, app.now()).expect("valid"),
        limits: WIDE,
        secret: Some((stored, plain.suffix().to_owned())),
        stamp,
    };
    let made = app.store(company).create_key(&new, MOST_KEYS, None).await;
    made.expect("a key");
    id
}

/// More than a page of some kinds of objects; one of each kind.
async fn objects(app: &TestApp, company: &Company) -> BTreeMap<&'static str, String> {
    const A_PAGE: usize = 25;
    let key = app.key_with(company, json!({})).await;
    let made = async |path: &str, body: Value| -> String {
        let answer = app.post(&key.caller, path, &body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.data()["id"].as_str().expect("an id").to_owned()
    };
    let job = made("/jobs", tests::job()).await;
    let questions = (1..=50).map(|number| format!("{number}: what drew you to us?"));
    let questions: Vec<_> = questions.collect();
    let agent = json!({
        "name": "First conversation", "type": "ONLINE", "focus": "GENERIC", "language": "EN",
        "duration": 1, "questions": questions,
    });
    let agent = made("/agents", agent).await;
    let mut ids = BTreeMap::from([("jobId", job.clone()), ("agentId", agent.clone())]);
    for number in 0..A_PAGE {
        let candidate = json!({
            "firstName": "Chiara", "lastName": format!("Papadopoulou-{number}"),
            "email": format!("chiara.{number}@candidates.example"),
            "gdprExpiryDate": "2099-12-31", "jobIds": [job],
        });
        let candidate = made("/candidates", candidate).await;
        let interview = json!({ "candidateId": candidate, "agentId": agent, "isTest": true });
        ids.insert("interviewId", made("/interviews", interview).await);
        ids.insert("candidateId", candidate);
    }
    ids
}

/// Requests of the last days, one after the other.
struct Trail<'c> {
    company: &'c Company,
    from: Timestamp,
    step: i64,
}

impl Trail<'_> {
    fn request(&mut self, number: usize, key: KeyId, random: &mut Seeded) -> Revision {
        let owner = Owner::Company(self.company.id);
        let at = self.from.plus(chrono::Duration::milliseconds(
            self.step * i64::try_from(number).expect("in range"),
        ));
        let (kind, outcome, reason, changes) = match random.below(100) {
            0 => {
                let change = Change {
                    field: "name".to_owned(),
                    before: Some(json!("Job board")),
                    after: Some(json!("Careers page")),
                };
                (
                    EventType::KeyRenamed,
                    Outcome::Success,
                    None,
                    Some(vec![change]),
                )
            }
            1..4 => {
                let reason = Some("SCOPE".to_owned());
                (
                    EventType::AuthorizationDenied,
                    Outcome::Refused,
                    reason,
                    None,
                )
            }
            _ => (
                EventType::AuthenticationSucceeded,
                Outcome::Success,
                None,
                None,
            ),
        };
        let facts = EventFacts {
            id: format!("busy-{number}"),
            at,
            owner,
            kind,
            outcome,
            actor: Actor::key(key),
            key_id: Some(key),
            secret_suffix: None,
            company_id: Some(self.company.id),
            source_ip: Some(format!("198.51.{}.7", random.below(60))),
            user_agent: UserAgent::of_header("integration/1.4.2"),
            request_id: Some(format!("busy-request-{number}")),
            operation: Some(["ListJobs", "GetJob", "CreateCandidate"][number % 3].to_owned()),
            reason,
            count: None,
            suppressed: None,
            changes,
        };
        Revision {
            owner,
            row: "BUSY".to_owned(),
            rev: number as u64 + 1,
            at,
            counted: None,
            events: vec![facts],
        }
    }
}

//! What clients and the interview engine send: the first byte says what it claims to be, the rest is its JSON.

use model::{
    Acceptance, AccountRequest, AgentFields, AlertSettingsFields, ApiKeyChange, ApiKeyFields,
    ApiKeyRequest, Body, CandidateFields, CompanyFields, CompanyRequest, EngineReport, Faults,
    GrantRequest, InterviewPatch, InvitationRequest, JobFields, NewInterview, Nothing, NoticePatch,
    PartnerFields, PartnerRequest, PlanRequest, RateLimitFields, RoleChange, Timestamp,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::fmt::Debug;

use crate::take;

/// What all dates are judged by: 2027-01-15.
const NOW: i64 = 1_800_000_000_000;

pub fn body(data: &[u8]) {
    let (kind, json) = take::<1>(data);
    let Ok(body) = serde_json::from_slice::<Value>(json) else {
        return;
    };
    match kind[0] % 28 {
        0 => whole::<JobFields>(body),
        1 => whole::<CandidateFields>(body),
        2 => whole::<AgentFields>(body),
        3 => whole::<CompanyFields>(body),
        4 => whole::<CompanyRequest>(body),
        5 => whole::<AccountRequest>(body),
        6 => whole::<PlanRequest>(body),
        7 => whole::<RateLimitFields>(body),
        8 => whole::<PartnerFields>(body),
        9 => whole::<PartnerRequest>(body),
        10 => whole::<GrantRequest>(body),
        11 => whole::<InvitationRequest>(body),
        12 => whole::<RoleChange>(body),
        13 => whole::<Acceptance>(body),
        14 => whole::<AlertSettingsFields>(body),
        15 => whole::<ApiKeyFields>(body),
        16 => whole::<EngineReport>(body),
        17 => patch(body, job(), JobFields::patched),
        18 => patch(body, candidate(), CandidateFields::patched),
        19 => patch(body, agent(), AgentFields::patched),
        20 => patch(body, partner(), PartnerFields::patched),
        21 => patch(body, key(), ApiKeyFields::patched),
        22 => patch(body, company(), CompanyFields::patched),
        23 => drop(read::<ApiKeyRequest>(body)),
        24 => drop(read::<ApiKeyChange>(body)),
        25 => drop(read::<NewInterview>(body)),
        26 => drop((
            read::<InterviewPatch>(body.clone()),
            read::<NoticePatch>(body),
        )),
        _ => {
            let is_empty = body == json!({});
            assert_eq!(read::<Nothing>(body).is_some(), is_empty);
        }
    }
}

fn read<B: Body>(body: Value) -> Option<B> {
    let now = Timestamp::from_millis(NOW).expect("in range");
    let named: Vec<String> = match &body {
        Value::Object(members) => members.keys().cloned().collect(),
        _ => Vec::new(),
    };
    match B::read(body, now) {
        Ok(read) => Some(read),
        Err(faults) => {
            told(&faults, &named);
            None
        }
    }
}

/// A refusal names places, of which each is the body itself, or begins with a member that was sent or is missing.
fn told(faults: &Faults, named: &[String]) {
    assert!(!faults.is_empty(), "refused without a word");
    assert!(faults.iter().count() <= 100);
    for fault in faults.iter() {
        let first = fault.path.split('/').nth(1).unwrap_or_default();
        let first = first.replace("~1", "/").replace("~0", "~");
        let known = fault.path.is_empty()
            || named.contains(&first)
            || first.bytes().all(|byte| byte.is_ascii_alphanumeric());
        assert!(known, "{fault:?}");
    }
}

/// What is accepted can be stored and is the same when it is read again, by us and as a client's.
fn whole<B: Body + Serialize + DeserializeOwned + PartialEq + Debug>(body: Value) {
    if let Some(read) = read::<B>(body) {
        kept(&read);
    }
}

fn kept<B: Body + Serialize + DeserializeOwned + PartialEq + Debug>(read: &B) {
    let shown = serde_json::to_value(read).expect("it can be stored");
    let text = shown.to_string();
    let stored: B = serde_json::from_str(&text).expect("as it was stored");
    assert_eq!(stored, *read, "{text}");
    let again = self::read::<B>(serde_json::from_str(&text).expect("JSON"));
    assert_eq!(again.as_ref(), Some(read), "{text}");
}

/// No change makes of a good object one that couldn't have been made.
fn patch<B, P>(body: Value, before: Value, patched: impl Fn(B, P) -> Result<B, Faults>)
where
    B: Body + Serialize + DeserializeOwned + PartialEq + Debug + Clone,
    P: Body + Clone,
{
    let Some(patch) = read::<P>(body) else {
        return;
    };
    let before: B = read(before).expect("a good one");
    match patched(before, patch.clone()) {
        Ok(after) => {
            kept(&after);
            // Twice is once.
            assert_eq!(patched(after.clone(), patch).ok(), Some(after));
        }
        Err(faults) => assert!(!faults.is_empty()),
    }
}

fn job() -> Value {
    json!({ "title": "Night nurse", "description": "On the third floor", "status": "OPEN" })
}

fn candidate() -> Value {
    json!({
        "firstName": "Ada", "lastName": "Lovelace", "gdprExpiryDate": "2027-12-31",
        "email": "ada@example.com",
    })
}

fn agent() -> Value {
    json!({
        "name": "An agent", "type": "ONLINE", "focus": "LANGUAGE_TEST", "cefrLevel": "B2",
        "language": "EN", "duration": 20,
    })
}

fn partner() -> Value {
    json!({ "name": "Globex", "plan": "SCALE", "companyLimit": 5 })
}

fn company() -> Value {
    json!({ "name": "Initech", "metadata": { "a": [1, { "b": null }] } })
}

fn key() -> Value {
    json!({ "name": "A key", "scopes": ["read:jobs"], "allowedIPs": ["192.0.2.0/24"] })
}

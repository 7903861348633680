//! What could not be read is kept, and appended once when it can be.

use api::Objects;
use audit::{Consumer, Held, Quarantine, Redriven, consume, redrive};
use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use crate::world::{World, event, seed};

type Kept = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

fn objects(kept: &Kept) -> Objects {
    let (put, get, list) = (Arc::clone(kept), Arc::clone(kept), Arc::clone(kept));
    Objects {
        put_new: Arc::new(move |name, bytes| {
            let mut kept = put.lock().expect("no panic");
            let new = !kept.contains_key(&name);
            kept.entry(name).or_insert(bytes);
            Box::pin(std::future::ready(Ok(new)))
        }),
        get: Arc::new(move |name| {
            let found = get.lock().expect("no panic").get(&name).cloned();
            Box::pin(std::future::ready(Ok(found)))
        }),
        list: Arc::new(move |prefix, after, most| {
            let kept = list.lock().expect("no panic");
            let names = kept.keys().filter(|name| {
                name.starts_with(&prefix) && after.as_ref().is_none_or(|after| *name > after)
            });
            let names = names.take(most).cloned().collect();
            Box::pin(std::future::ready(Ok(names)))
        }),
    }
}

/// A busy world of which every tenth record is poison, and one batch crashed to the end.
#[tokio::test]
async fn what_was_kept_is_appended_once_however_often_it_is_redriven() {
    let mut world = World::new(seed(8)).await;
    for _ in 0..120 {
        world.act().await;
    }
    let records = world.records();
    let (quarantine, failures) = (Kept::default(), Kept::default());
    let held = Held(objects(&quarantine));
    let consumer = Consumer {
        table: &world.table,
        quarantine: &held,
    };
    let (crashed, rest) = records.split_at(records.len() / 5);
    let mut poisoned = Vec::new();
    let mut batch = Event::default();
    for (at, record) in rest.iter().enumerate() {
        let mut record = event(record);
        if at % 10 == 3 {
            poisoned.push(record.clone());
            record.event_source_arn = Some("nobody's".to_owned());
        }
        batch.records.push(record);
    }
    let mut nonce = 0_u8;
    let mut nonce = || {
        nonce = nonce.wrapping_add(1);
        [nonce; 16]
    };
    let response = consume(&consumer, batch, nonce()).await;
    assert!(response.batch_item_failures.is_empty(), "nobody is delayed");
    assert_eq!(quarantine.lock().expect("no panic").len(), poisoned.len());
    // Lambda puts the whole event into the failure destination, as a text or as it is.
    for (number, records) in crashed.chunks(7).enumerate() {
        let records: Vec<_> = records.iter().map(|record| &record.json).collect();
        let event = json!({ "Records": records });
        let payload = if number % 2 == 0 {
            json!(event.to_string())
        } else {
            event
        };
        let failure = json!({ "version": "1.0", "payload": payload });
        let name = format!("aws/lambda/{number}");
        let bytes = failure.to_string().into_bytes();
        failures.lock().expect("no panic").insert(name, bytes);
    }

    // They can't be read yet.
    let again = redrive(&consumer, &held.0, Held::PREFIX, None, &mut nonce, || false).await;
    let unreadable = poisoned.len() as u64;
    let none = Redriven {
        unreadable,
        ..Redriven::default()
    };
    assert_eq!(again.expect("read"), none);
    assert_eq!(quarantine.lock().expect("no panic").len(), poisoned.len());

    // What reads them is mended: here the records are.
    for record in &poisoned {
        let name = format!("{}{}", Held::PREFIX, record.event_id);
        let bytes = serde_json::to_vec(record).expect("JSON");
        let before = quarantine.lock().expect("no panic").insert(name, bytes);
        assert!(before.is_some(), "the name is the event's");
    }
    let mut lengths = Vec::new();
    for _ in 0..3 {
        for (kept, prefix) in [(&failures, ""), (&quarantine, Held::PREFIX)] {
            let done = redrive(&consumer, &objects(kept), prefix, None, &mut nonce, || {
                false
            })
            .await;
            let done = done.expect("read");
            assert_eq!((done.failed, done.unreadable), (0, 0));
            assert!(done.taken > 0);
        }
        lengths.push(world.events().len());
    }
    assert!(
        lengths.iter().all(|length| *length == lengths[0]),
        "{lengths:?}"
    );
    world.assert_all_told();

    // Cut off after each object, it goes on where it was.
    let both = audit::Kept {
        quarantine: held,
        failures: objects(&failures),
    };
    let objects = failures.lock().expect("no panic").len() + poisoned.len();
    let mut next = json!(null);
    let mut taken = 0;
    for turn in 1..=objects {
        let event = json!({ "redrive": true, "after": next });
        let answer = audit::handle(&world.table, &both, event, &mut nonce, || true).await;
        let answer = answer.expect("read");
        taken += answer["taken"].as_u64().expect("a number");
        next = answer["next"].clone();
        assert_eq!(next.is_null(), turn == objects, "turn {turn}: {answer}");
    }
    assert_eq!(taken as usize, crashed.len() + poisoned.len());
    assert_eq!(world.events().len(), lengths[0]);
}

fn kept_under(kept: &Kept, name: &str) -> (String, EventRecord) {
    let bytes = kept.lock().expect("no panic")[&format!("{}{name}", Held::PREFIX)].clone();
    let record = serde_json::from_slice(&bytes).expect("a record");
    (String::from_utf8(bytes).expect("UTF-8"), record)
}

#[tokio::test]
async fn what_is_held_tells_the_same_and_holds_no_secret_and_nobody() {
    let mut world = World::new(seed(9)).await;
    for _ in 0..200 {
        world.act().await;
    }
    let quarantine = Kept::default();
    let held = Held(objects(&quarantine));
    for record in world.records() {
        let record = event(&record);
        let told = audit::revision(&world.names, &record).expect("readable");
        let why = audit::Unreadable::Stream;
        held.hold(&record, &why).await.expect("held");
        let (text, kept) = kept_under(&quarantine, &record.event_id);
        let again = audit::revision(&world.names, &kept);
        // Rows that tell nothing are not known any more.
        assert_eq!(again.ok().flatten(), told, "{text}");
        // The secret's hash, and the member's address.
        for canary in ["BwcHBwcH", "a@example.com"] {
            assert!(!text.contains(canary), "{text}");
        }
    }
}

#[tokio::test]
async fn a_candidate_is_held_by_the_names_of_its_fields_alone() {
    let world = World::new(seed(9)).await;
    let before = json!({ "firstName": "CANARY", "email": "ca@nary.example", "status": "APPLIED" });
    let after = json!({ "firstName": "CANARIA", "email": "ca@nary.example", "overallRating": 7 });
    let company = format!("COMPANY#{}", world.companies[0]);
    let stamp = |by: u8| {
        json!({ "M": {
            "by": { "S": "USER" }, "id": { "S": "somebody" }, "at": { "N": "1790000000000" },
            "op": { "S": "UpdateCandidate" },
            "nonce": { "B": base64::Engine::encode(&base64::prelude::BASE64_STANDARD, [by; 16]) },
        } })
    };
    let row = |rev: u8, data: &serde_json::Value| {
        json!({
            "pk": { "S": company }, "sk": { "S": "candidate#1" },
            "entity": { "S": "candidate" }, "rev": { "N": rev.to_string() },
            "data": { "S": data.to_string() }, "kept": { "L": [{ "S": "CANARY" }] },
            "changed": stamp(rev),
        })
    };
    let record = |entity: &str| -> EventRecord {
        let mut new = row(2, &after);
        new["entity"]["S"] = entity.into();
        let arn = format!(
            "arn:aws:dynamodb:x:1:table/{}/stream/1",
            world.names.records
        );
        let record = json!({
            "eventID": entity, "eventName": "MODIFY", "eventSourceARN": arn, "awsRegion": "x",
            "dynamodb": {
                "Keys": { "pk": { "S": company }, "sk": { "S": "CANARY#1" } },
                "OldImage": row(1, &before), "NewImage": new,
                "SequenceNumber": "1", "SizeBytes": 1, "ApproximateCreationDateTime": 1.0,
            },
        });
        serde_json::from_value(record).expect("a record")
    };
    let quarantine = Kept::default();
    let held = Held(objects(&quarantine));
    let why = audit::Unreadable::Stream;
    let good = record("candidate");
    held.hold(&good, &why).await.expect("held");
    let (text, kept) = kept_under(&quarantine, "candidate");
    for personal in ["CANARI", "nary.example", "APPLIED"] {
        assert!(!text.contains(personal), "{text}");
    }
    let told = audit::revision(&world.names, &good)
        .expect("readable")
        .expect("told");
    let changes = told.events[0].changes.as_ref().expect("changes").iter();
    let fields: Vec<_> = changes.map(|change| change.field.as_str()).collect();
    assert_eq!(fields, ["firstName", "overallRating", "status"]);
    let again = audit::revision(&world.names, &kept).expect("readable");
    assert_eq!(again, Some(told));

    // Of what nobody knows, nobody can say what is in it.
    held.hold(&record("candidat"), &why).await.expect("held");
    let (text, _) = kept_under(&quarantine, "candidat");
    for personal in ["CANARI", "CANARY", "nary.example", "firstName"] {
        assert!(!text.contains(personal), "{text}");
    }
}

#[tokio::test]
async fn a_key_is_held_without_what_nobody_knows_of_it() {
    let world = World::new(seed(9)).await;
    let mut records = world.records().into_iter().map(|record| record.json);
    let made = records.find(|record| record["dynamodb"]["NewImage"]["entity"]["S"] == "api_key");
    let made = made.expect("a key");
    let quarantine = Kept::default();
    let held = Held(objects(&quarantine));
    let canary = json!({ "S": "CANARY" });
    let mut secret = made["dynamodb"]["NewImage"]["secrets"]["L"][0].clone();
    secret["M"]["plain"] = canary.clone();
    let secrets = [
        json!({ "L": [secret] }),
        json!({ "L": [canary] }),
        json!({ "M": { "hmac": canary } }),
        canary.clone(),
    ];
    for (number, secrets) in secrets.into_iter().enumerate() {
        let mut record = made.clone();
        record["eventID"] = number.to_string().into();
        record["dynamodb"]["NewImage"]["hidden"] = canary.clone();
        record["dynamodb"]["NewImage"]["secrets"] = secrets;
        let record: EventRecord = serde_json::from_value(record).expect("a record");
        let why = audit::Unreadable::Stream;
        held.hold(&record, &why).await.expect("held");
        let (text, _) = kept_under(&quarantine, &record.event_id);
        assert!(
            text.contains("api_key") && !text.contains("CANARY"),
            "{text}"
        );
    }
}

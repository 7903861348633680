//! An export, checkpoints or a line of either, given to `verify` by somebody who wants it to hold.
//!
//! The first byte says what the rest is: edits of a genuine export, of genuine checkpoints, or of one event; or a text of its own, as any of the three.

use model::{
    Actor, ChainHash, Change, Event, EventFacts, EventType, Outcome, Owner, OwnerKind, Timestamp,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{io::Cursor, sync::LazyLock};
use trail::{
    AuditKey, AuditKeys, Checkpoint, ExportHead, Heads, KeyUse, Line, OwnCheckpoint, OwnedHead,
    SigningKey, Verified, read_checkpoints, verify,
};

use crate::take;

struct Genuine {
    events: Vec<Event>,
    /// NDJSON, with its signed last line.
    export: String,
    checkpoints: Vec<OwnCheckpoint>,
    keys: AuditKeys,
}

const EVENTS: u64 = 4;

static GENUINE: LazyLock<Genuine> = LazyLock::new(|| {
    let owner: Owner = "COMPANY#01890a5d-ac96-774b-bcce-b302099a8057"
        .parse()
        .expect("an owner");
    let at = |minute: u64| {
        let millis = 1_795_000_000_000 + 60_000 * minute;
        Timestamp::from_millis(i64::try_from(millis).expect("in range")).expect("in range")
    };
    let mut prev = ChainHash::genesis(owner);
    let mut events = Vec::new();
    for seq in 1..=EVENTS {
        let facts = EventFacts {
            id: format!("KEY#Zz9Zz9Zz@{seq}"),
            at: at(seq),
            owner,
            kind: EventType::KeyRenamed,
            outcome: Outcome::Success,
            actor: Actor::system("clock"),
            key_id: None,
            secret_suffix: None,
            company_id: owner.company(),
            source_ip: None,
            user_agent: None,
            request_id: None,
            operation: None,
            reason: None,
            count: None,
            suppressed: None,
            changes: Some(vec![Change {
                field: "name".to_owned(),
                before: None,
                after: Some(json!({ "z": 1.5, "a": ["\u{1f980}\"\t", null, true, -7] })),
            }]),
        };
        let event = facts.chained(seq, prev);
        prev = event.hash;
        events.push(event);
    }
    let (export_key, checkpoint_key) = (SigningKey::new(&[1; 32]), SigningKey::new(&[2; 32]));
    let head = ExportHead {
        owner,
        from_seq: 1,
        to_seq: EVENTS,
        prev_hash: ChainHash::genesis(owner),
        hash: prev,
        chain_seq: EVENTS,
        chain_hash: prev,
        at: at(10),
        next_from_seq: None,
    };
    let signature = export_key.sign(&head.message());
    let head = head.signed(export_key.public(), &signature);
    let mut export: String = events
        .iter()
        .map(|event| serde_json::to_string(event).expect("JSON") + "\n")
        .collect();
    export += &serde_json::to_string(&head).expect("JSON");
    export.push('\n');
    let mut before: Option<Checkpoint> = None;
    let mut checkpoints = Vec::new();
    for seq in [2, EVENTS] {
        let hash = events[seq as usize - 1].hash;
        let heads = Heads {
            seed: ChainHash::new([9; 32]),
            heads: vec![OwnedHead { owner, seq, hash }],
        };
        let checkpoint = Checkpoint::new(before.as_ref(), &heads, at(seq));
        let signature = checkpoint_key.sign(&checkpoint.message());
        let signed = checkpoint
            .clone()
            .signed(checkpoint_key.public(), &signature);
        checkpoints.push(signed.of(owner, &heads));
        before = Some(checkpoint);
    }
    Genuine {
        events,
        export,
        checkpoints,
        keys: AuditKeys {
            keys: vec![
                AuditKey::new(KeyUse::Export, export_key.public()),
                AuditKey::new(KeyUse::Checkpoint, checkpoint_key.public()),
            ],
        },
    }
});

pub fn export(data: &[u8]) {
    let (kind, rest) = take::<1>(data);
    let text = String::from_utf8_lossy(rest);
    match kind[0] % 6 {
        0 => {
            let holds = an_export(&edited(&GENUINE.export, rest));
            assert!(holds || !rest.is_empty(), "the genuine one doesn't hold");
        }
        1 => {
            let page = json!({ "data": { "items": GENUINE.checkpoints } }).to_string();
            let edited = edited(&page, rest);
            let holds = some_checkpoints(&String::from_utf8_lossy(&edited));
            assert!(holds || !rest.is_empty(), "the genuine ones don't hold");
        }
        2 => {
            let event = serde_json::to_string(&GENUINE.events[0]).expect("JSON");
            a_line(&String::from_utf8_lossy(&edited(&event, rest)));
        }
        3 => drop(an_export(rest)),
        4 => drop(some_checkpoints(&text)),
        _ => a_line(&text),
    }
}

/// One edit after another: where (two bytes), how many bytes go, how many come, and those.
fn edited(text: &str, mut script: &[u8]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    while !script.is_empty() {
        let ([high, low, gone, come], rest) = take::<4>(script);
        let from = usize::from(u16::from_be_bytes([high, low])) % (bytes.len() + 1);
        let to = bytes.len().min(from + usize::from(gone));
        let (new, rest) = rest.split_at(rest.len().min(usize::from(come)));
        bytes.splice(from..to, new.iter().copied());
        script = rest;
    }
    bytes
}

/// Nothing holds but what was signed, however it is spelled: the same events, in their order, under the same head. Whether it holds.
fn an_export(bytes: &[u8]) -> bool {
    let Genuine {
        events,
        export,
        checkpoints,
        keys,
    } = &*GENUINE;
    let held = |checkpoints: &[OwnCheckpoint], keys| verify(Cursor::new(bytes), checkpoints, keys);
    let own = |verified: &Verified| verified.key_id == keys.keys[0].id;
    let unanchored = held(&[], Some(keys)).ok();
    // Checkpoints only demand more, and their signatures take most of the time: what fails without them is tried with them seldom.
    if unanchored.is_none() && bytes.len() % 8 != 0 {
        return false;
    }
    let verdicts = [
        unanchored,
        held(checkpoints, Some(keys)).ok(),
        // Whoever signed: what holds by our signature.
        held(checkpoints, None).ok().filter(own),
    ];
    let holds = verdicts.iter().all(Option::is_some);
    for verified in verdicts.into_iter().flatten() {
        let text = std::str::from_utf8(bytes).expect("UTF-8, if it holds");
        let values = |text: &str| -> Vec<Value> {
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            let values = lines.map(|line| serde_json::from_str(line).expect("JSON"));
            values.collect()
        };
        let (found, genuine) = (values(text), values(export));
        assert_eq!(found.len(), genuine.len());
        for (found, genuine) in found.iter().zip(&genuine).take(events.len()) {
            assert_eq!(canonical(found), canonical(genuine));
        }
        let head = |values: &[Value]| values.last().map(|last| last["head"].clone());
        let shown = head(&genuine).map(|head| serde_json::from_value::<ExportHead>(head).ok());
        assert_eq!(Some(Some(verified.head)), shown);
    }
    holds
}

/// None counts but what was signed, and the export is anchored where they say. Whether it holds by them.
fn some_checkpoints(text: &str) -> bool {
    let Genuine {
        events,
        export,
        checkpoints,
        keys,
    } = &*GENUINE;
    let Ok(read) = read_checkpoints(text) else {
        return false;
    };
    let page = json!({ "data": { "items": read } }).to_string();
    assert_eq!(read_checkpoints(&page).ok().as_ref(), Some(&read));
    let Ok(verified) = verify(Cursor::new(export), &read, Some(keys)) else {
        return false;
    };
    for own in &read {
        assert!(checkpoints.iter().any(|one| one.signed == own.signed));
        let Some(inclusion) = &own.inclusion else {
            continue;
        };
        assert_eq!(inclusion.owner.kind(), OwnerKind::Company);
        let held = events.iter().find(|event| event.seq == inclusion.seq);
        assert_eq!(held.map(|event| event.hash), Some(inclusion.hash));
    }
    let newest = read.iter().filter_map(|own| own.inclusion.as_ref());
    let newest = newest.map(|inclusion| inclusion.seq).max();
    assert_eq!(verified.anchor.map(|anchor| anchor.seq), newest);
    true
}

/// The one pass over a line's text comes to what RFC 8785 by the book comes to.
fn a_line(text: &str) {
    let Ok(line) = Line::parse(text, &mut Vec::new()) else {
        return;
    };
    let mut value: Value = serde_json::from_str(text).expect("JSON");
    let members = value.as_object_mut().expect("an object");
    let hash = members.remove("hash").expect("a hash");
    assert_eq!(hash, line.hash.to_string());
    assert_eq!(value["seq"].as_u64(), Some(line.seq));
    assert_eq!(value["prevHash"], line.prev_hash.to_string());
    let digest = Sha256::new()
        .chain_update(line.prev_hash.bytes())
        .chain_update(b"instaview-audit-v1\n")
        .chain_update(canonical(&value));
    assert_eq!(line.computed, ChainHash::new(digest.finalize().into()));
}

fn canonical(value: &Value) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).expect("canonical")
}

//! Chains, exports and checkpoints as the system makes them, from a seed.

use model::{
    Actor, ChainHash, Change, Event, EventFacts, EventType, Outcome, Owner, Timestamp, UserAgent,
};
use serde_json::{Value, json};
use trail::{
    AuditKey, AuditKeys, Checkpoint, ExportHead, Heads, KeyUse, OwnCheckpoint, OwnedHead,
    SigningKey,
};

/// SplitMix64.
pub(crate) struct Seeded(pub(crate) u64);

impl Seeded {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `end` − 1.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

pub(crate) const ALICE: &str = "COMPANY#01890a5d-ac96-774b-bcce-b302099a8057";
pub(crate) const BOB: &str = "COMPANY#01890a5d-ac96-774b-bcce-b302099a8058";

pub(crate) fn owner(name: &str) -> Owner {
    name.parse().expect("an owner")
}

pub(crate) fn at(minute: u64) -> Timestamp {
    let minute = i64::try_from(minute).expect("in range");
    Timestamp::from_millis(1_795_000_000_000 + minute * 60_000).expect("in range")
}

/// With every field, or with few, and texts and numbers of all kinds.
pub(crate) fn facts(owner: Owner, seeded: &mut Seeded, seq: u64) -> EventFacts {
    let texts = [
        "plain",
        "quo\"te",
        "back\\slash",
        "tab\t\u{1}\u{8}",
        "žluť 🦀 \u{7f}",
    ];
    let text = texts[seeded.below(5) as usize];
    let numbers = [
        json!(0),
        json!(-7),
        json!(1.5),
        json!(1e21),
        json!(9_007_199_254_740_993_u64),
        json!({ "z": 1, "a": [null, true, { "\u{20ac}": 1, "\u{1f600}": 2, "\u{fb33}": 3 }] }),
    ];
    let number: Value = numbers[seeded.below(6) as usize].clone();
    let full = seeded.below(2) == 0;
    EventFacts {
        id: format!("KEY#{text}@{seq}"),
        at: at(seq),
        owner,
        kind: EventType::AuthenticationSucceeded,
        outcome: Outcome::Success,
        actor: Actor::system(text),
        key_id: full.then(|| "Zz9Zz9Zz".parse().expect("an id")),
        secret_suffix: full.then(|| "abcd".to_owned()),
        company_id: owner.company(),
        source_ip: full.then(|| "198.51.100.7".to_owned()),
        user_agent: full.then(|| UserAgent::of_header("a-client/1.0")).flatten(),
        request_id: full.then(|| format!("request-{}", seeded.next())),
        operation: Some("ListJobs".to_owned()),
        reason: full.then(|| text.to_owned()),
        count: full.then(|| seeded.below(1 << 53)),
        suppressed: full.then_some(true),
        changes: full.then(|| {
            vec![Change {
                field: "limit".to_owned(),
                before: None,
                after: Some(number),
            }]
        }),
    }
}

pub(crate) fn chain(owner: Owner, length: u64, seeded: &mut Seeded) -> Vec<Event> {
    let mut prev = ChainHash::genesis(owner);
    let event = |seq| {
        let event = facts(owner, seeded, seq).chained(seq, prev);
        prev = event.hash;
        event
    };
    (1..=length).map(event).collect()
}

/// Hashes what was changed anew, and all that follows.
pub(crate) fn rehashed(events: &mut [Event], from: usize) {
    for place in from..events.len() {
        let before = match place {
            0 => ChainHash::genesis(events[0].facts.owner),
            _ => events[place - 1].hash,
        };
        events[place].prev_hash = before;
        events[place].hash = events[place].computed_hash();
    }
}

pub(crate) fn export_key() -> SigningKey {
    SigningKey::new(&[1; 32])
}

pub(crate) fn checkpoint_key() -> SigningKey {
    SigningKey::new(&[2; 32])
}

pub(crate) fn keys() -> AuditKeys {
    AuditKeys {
        keys: vec![
            AuditKey::new(KeyUse::Export, export_key().public()),
            AuditKey::new(KeyUse::Checkpoint, checkpoint_key().public()),
        ],
    }
}

/// Of all events from `from` on, read at this minute.
pub(crate) fn head(events: &[Event], from: u64, minute: u64) -> ExportHead {
    let last = events.last().expect("events");
    let place = usize::try_from(from - 1).expect("in range");
    ExportHead {
        owner: last.facts.owner,
        from_seq: from,
        to_seq: last.seq,
        prev_hash: events.get(place).map_or(last.hash, |first| first.prev_hash),
        hash: last.hash,
        chain_seq: last.seq,
        chain_hash: last.hash,
        at: at(minute),
        next_from_seq: None,
    }
}

pub(crate) fn signed(head: ExportHead) -> String {
    let key = export_key();
    let signature = key.sign(&head.message());
    serde_json::to_string(&head.signed(key.public(), &signature)).expect("JSON")
}

pub(crate) fn lines(events: &[Event]) -> Vec<String> {
    let line = |event| serde_json::to_string(event).expect("JSON");
    events.iter().map(line).collect()
}

/// Lines and a signed head, as they are saved.
pub(crate) fn file(mut lines: Vec<String>, head: ExportHead) -> String {
    lines.push(signed(head));
    lines.join("\n") + "\n"
}

/// One checkpoint each time Alice's chain had one of these lengths, among others; at the minute of that length.
pub(crate) fn checkpoints(events: &[Event], lengths: &[u64]) -> Vec<OwnCheckpoint> {
    let mut before: Option<Checkpoint> = None;
    let make = |length: &u64| {
        let own = checkpoint(events, *length, before.as_ref());
        before = Some(own.signed.checkpoint.clone());
        own
    };
    lengths.iter().map(make).collect()
}

pub(crate) fn checkpoint(
    events: &[Event],
    length: u64,
    before: Option<&Checkpoint>,
) -> OwnCheckpoint {
    let mut heads = Heads {
        seed: ChainHash::genesis(owner(BOB)),
        heads: vec![OwnedHead {
            owner: owner(BOB),
            seq: length + 1,
            hash: ChainHash::genesis(owner(BOB)),
        }],
    };
    if let Some(place) = length.checked_sub(1) {
        let event = &events[usize::try_from(place).expect("in range")];
        heads.heads.push(OwnedHead {
            owner: event.facts.owner,
            seq: event.seq,
            hash: event.hash,
        });
    }
    let checkpoint = Checkpoint::new(before, &heads, at(length));
    let key = checkpoint_key();
    let signature = key.sign(&checkpoint.message());
    let signed = checkpoint.signed(key.public(), &signature);
    signed.of(events[0].facts.owner, &heads)
}

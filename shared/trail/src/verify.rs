//! The check of an export, alone or against checkpoints.
//!
//! It reads the signed last line first, and then the events in one pass, in bounded memory.

use model::{ChainHash, Owner, Timestamp};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fmt,
    io::{self, BufRead, Read, Seek, SeekFrom},
};

use crate::{AuditKeys, BadSeal, Checkpoint, ExportHead, KeyUse, Line, OwnCheckpoint, SignedHead};

/// What holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    pub head: ExportHead,
    /// Who signed the last line.
    pub key_id: String,
    /// The last event, or one after it, that a checkpoint holds: it and all before it are as they were then.
    pub anchor: Option<Anchor>,
}

/// Where a checkpoint holds a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    pub seq: u64,
    pub hash: ChainHash,
    pub counter: u64,
    pub at: Timestamp,
    pub key_id: String,
}

/// What doesn't hold, and the first place where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("event {seq} was edited: its hash doesn't fit it")]
    Edited { seq: u64 },
    #[error("event {seq} was replaced by another one: the events after it don't follow it")]
    Replaced { seq: u64 },
    #[error("event {seq} is of another chain: it belongs to {owner}")]
    Foreign { seq: u64, owner: Owner },
    #[error("event {seq} is missing: it was dropped, or stands elsewhere")]
    Missing { seq: u64 },
    #[error("an event was inserted at {seq}")]
    Inserted { seq: u64 },
    #[error("events were written anew, the first of them between {seq} and {last}")]
    Rewritten { seq: u64, last: u64 },
    #[error("the export is cut before {seq}: it has no signed last line")]
    Cut { seq: u64 },
    #[error("the last line, after event {last}, doesn't count: {why}")]
    Head { last: u64, why: BadSeal },
    #[error(
        "the chain was rolled back: it ends before event {seq}, which checkpoint {counter} holds"
    )]
    RolledBack { seq: u64, counter: u64 },
    #[error("checkpoint {counter} doesn't count: {why}")]
    Checkpoint { counter: u64, why: &'static str },
}

/// It wasn't found to hold.
#[derive(Debug, thiserror::Error)]
pub enum Unverified {
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("it can't be read: {0}")]
    Io(#[from] io::Error),
}

impl Fault {
    /// The first bad event; `None` where a checkpoint is what is bad.
    pub fn seq(&self) -> Option<u64> {
        match *self {
            Fault::Edited { seq }
            | Fault::Replaced { seq }
            | Fault::Foreign { seq, .. }
            | Fault::Missing { seq }
            | Fault::Inserted { seq }
            | Fault::Rewritten { seq, .. }
            | Fault::Cut { seq }
            | Fault::RolledBack { seq, .. } => Some(seq),
            Fault::Head { last, .. } => Some(last + 1),
            Fault::Checkpoint { .. } => None,
        }
    }
}

/// Checks an export against checkpoints, in any order, and against the published keys where they are at hand.
///
/// Without `keys` a signature says only that whoever has the named key signed.
///
/// # Errors
/// The first thing that doesn't hold.
pub fn verify(
    mut export: impl BufRead + Seek,
    checkpoints: &[OwnCheckpoint],
    keys: Option<&AuditKeys>,
) -> Result<Verified, Unverified> {
    let signed = last_line(&mut export)?;
    let head = signed.as_ref().filter(|signed| signed.check(keys).is_ok());
    let head = head.map(|signed| &signed.head);
    let anchors = anchors(checkpoints, keys)?;
    if let (
        Some(head),
        Some(Proven {
            owner: Some(owner),
            counter,
            ..
        }),
    ) = (head, anchors.values().next())
        && *owner != head.owner
    {
        let why = "it is shown as another owner sees it";
        return Err(Fault::Checkpoint {
            counter: *counter,
            why,
        }
        .into());
    }
    let mut chain = Chain::new(head, &anchors);
    export.seek(SeekFrom::Start(0))?;
    let mut text = String::new();
    let mut bytes = Vec::new();
    loop {
        text.clear();
        let read = (&mut export).take(MAX_LINE).read_line(&mut text);
        match read {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(Fault::Edited { seq: chain.next() }.into());
            }
            Err(error) => return Err(error.into()),
        }
        let line = text.trim_end_matches(['\n', '\r']);
        if line.is_empty() && is_last(&mut export)? {
            break;
        }
        match Line::parse(line, &mut bytes) {
            Ok(line) => chain.take(&line)?,
            // The last one, as was seen at its end; else a line that was put among the events.
            Err(_) if signed.is_some() && is_last(&mut export)? => break,
            Err(_) if signed.is_none() && !text.ends_with('\n') => break,
            Err(_) => return Err(Fault::Edited { seq: chain.next() }.into()),
        }
    }
    chain.end(signed.as_ref(), keys)
}

/// Reads the saved answers of `/audit-checkpoints`, one or several after another.
///
/// # Errors
/// Something else stands there.
pub fn read_checkpoints(text: &str) -> Result<Vec<OwnCheckpoint>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Answer {
        data: Page,
    }
    #[derive(Deserialize)]
    struct Page {
        items: Vec<OwnCheckpoint>,
    }
    let answers = serde_json::Deserializer::from_str(text).into_iter::<Answer>();
    let mut checkpoints = Vec::new();
    for answer in answers {
        checkpoints.extend(answer?.data.items);
    }
    Ok(checkpoints)
}

/// Far more than an event may have.
const MAX_LINE: u64 = 1 << 20;
/// What two clocks may differ by.
const SKEW_MILLIS: i64 = 4_000;

/// The signed last line, if the last line is one.
fn last_line(export: &mut (impl BufRead + Seek)) -> io::Result<Option<SignedHead>> {
    const MAX_HEAD: u64 = 16 * 1024;
    let end = export.seek(SeekFrom::End(0))?;
    export.seek(SeekFrom::Start(end.saturating_sub(MAX_HEAD)))?;
    let mut tail = Vec::new();
    export.take(MAX_HEAD).read_to_end(&mut tail)?;
    let tail = tail.trim_ascii_end();
    let line = tail
        .rsplit(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    Ok(serde_json::from_slice(line).ok())
}

fn is_last(export: &mut impl BufRead) -> io::Result<bool> {
    Ok(export.fill_buf()?.trim_ascii().is_empty())
}

/// What a checkpoint proves of this chain.
struct Proven {
    owner: Option<Owner>,
    hash: ChainHash,
    counter: u64,
    at: Timestamp,
    key_id: String,
}

/// By seq, after the checkpoints themselves were checked.
fn anchors(
    checkpoints: &[OwnCheckpoint],
    keys: Option<&AuditKeys>,
) -> Result<BTreeMap<u64, Proven>, Fault> {
    let mut sorted: Vec<_> = checkpoints.iter().collect();
    sorted.sort_by_key(|own| own.signed.checkpoint.counter);
    let bad = |counter, why| Err(Fault::Checkpoint { counter, why });
    for own in &sorted {
        let checkpoint = &own.signed.checkpoint;
        let seal = &own.signed.seal;
        match seal.check(&checkpoint.message(), KeyUse::Checkpoint, keys) {
            Ok(()) => {}
            Err(BadSeal::Signature) => return bad(checkpoint.counter, "its signature doesn't fit"),
            Err(BadSeal::UnknownKey) => return bad(checkpoint.counter, "its key isn't published"),
        }
    }
    let all: Vec<&Checkpoint> = sorted.iter().map(|own| &own.signed.checkpoint).collect();
    let follows = |at: usize| all[at].previous == Checkpoint::follows(Some(all[at - 1]));
    if let Some(first) = all.first().filter(|first| first.counter == 1)
        && first.previous != Checkpoint::follows(None)
    {
        return bad(1, "it follows another one");
    }
    for at in 1..all.len() {
        let (before, this) = (all[at - 1], all[at]);
        if this.counter == before.counter {
            if this != before {
                return bad(this.counter, "it was replaced: there are two of it");
            }
        } else if this.counter != before.counter + 1 {
            return bad(before.counter + 1, "it is missing");
        } else if !follows(at) {
            // The next one says which of the two is as it was.
            let vouched = at + 1 >= all.len() || follows(at + 1);
            let counter = if vouched {
                before.counter
            } else {
                this.counter
            };
            return bad(counter, "it was replaced: the next one doesn't follow it");
        }
    }
    let mut anchors: BTreeMap<u64, Proven> = BTreeMap::new();
    let mut owner = None;
    for own in sorted {
        let checkpoint = &own.signed.checkpoint;
        let counter = checkpoint.counter;
        let Some(inclusion) = &own.inclusion else {
            if owner.is_some() {
                return bad(counter, "it doesn't hold the chain any more");
            }
            continue;
        };
        if !inclusion.is_in(checkpoint) {
            return bad(counter, "it doesn't hold what is said to be in it");
        }
        if owner.is_some_and(|owner| owner != inclusion.owner) {
            return bad(counter, "it is shown as another owner sees it");
        }
        owner = Some(inclusion.owner);
        if let Some((&seq, last)) = anchors.last_key_value()
            && (inclusion.seq < seq || inclusion.seq == seq && inclusion.hash != last.hash)
        {
            return bad(counter, "it holds the chain as it wasn't in the one before");
        }
        anchors.entry(inclusion.seq).or_insert_with(|| Proven {
            owner,
            hash: inclusion.hash,
            counter,
            at: checkpoint.at,
            key_id: own.signed.seal.key_id.clone(),
        });
    }
    Ok(anchors)
}

/// The pass over the events.
struct Chain<'a> {
    head: Option<&'a ExportHead>,
    anchors: &'a BTreeMap<u64, Proven>,
    owner: Option<Owner>,
    /// Of the last line; `None` before the first of an export whose head isn't known.
    last: Option<(u64, ChainHash)>,
    /// The last event that a checkpoint holds.
    held: Option<u64>,
    /// The first event that doesn't follow the one before, though whole: which of the two is wrong is seen later.
    torn: Option<u64>,
}

impl<'a> Chain<'a> {
    fn new(head: Option<&'a ExportHead>, anchors: &'a BTreeMap<u64, Proven>) -> Chain<'a> {
        Chain {
            head,
            anchors,
            owner: head.map(|head| head.owner),
            last: head.map(|head| (head.from_seq.saturating_sub(1), head.prev_hash)),
            held: None,
            torn: None,
        }
    }

    fn next(&self) -> u64 {
        self.last.map_or(1, |(seq, _)| seq + 1)
    }

    fn take(&mut self, line: &Line) -> Result<(), Fault> {
        let owner = *self.owner.get_or_insert(line.owner);
        let before = match line.seq {
            1 => (0, ChainHash::genesis(owner)),
            seq => (seq.saturating_sub(1), line.prev_hash),
        };
        let (seq, hash) = *self.last.get_or_insert(before);
        let expected = seq + 1;
        let fault = self.fault_of(line, expected, owner);
        // An earlier tear comes first.
        match (fault, self.torn) {
            (Some(_), Some(seq)) => return Err(Fault::Replaced { seq }),
            (Some(fault), None) => return Err(fault),
            (None, _) => {}
        }
        if line.prev_hash != hash {
            match self.torn {
                Some(seq) => return Err(Fault::Replaced { seq }),
                None => self.torn = Some(expected),
            }
        }
        if let Some(proven) = self.anchors.get(&expected) {
            if proven.hash != line.hash {
                return Err(match self.torn {
                    Some(seq) => Fault::Replaced { seq },
                    None => self.rewritten(expected),
                });
            }
            if let Some(torn) = self.torn {
                return Err(Fault::Replaced { seq: torn - 1 });
            }
            self.held = Some(expected);
        }
        self.last = Some((line.seq, line.hash));
        Ok(())
    }

    fn fault_of(&self, line: &Line, expected: u64, owner: Owner) -> Option<Fault> {
        let last = self.head.map_or(u64::MAX, |head| head.to_seq);
        if !line.is_whole() {
            Some(Fault::Edited { seq: expected })
        } else if line.owner != owner {
            let owner = line.owner;
            Some(Fault::Foreign {
                seq: expected,
                owner,
            })
        } else if line.seq + 1 == expected {
            // Two claim the same place; the first one came between.
            Some(Fault::Inserted { seq: line.seq })
        } else if line.seq < expected || expected > last {
            Some(Fault::Inserted { seq: expected })
        } else if line.seq > expected {
            Some(Fault::Missing { seq: expected })
        } else {
            None
        }
    }

    fn rewritten(&self, last: u64) -> Fault {
        let from = self.head.map_or(1, |head| head.from_seq);
        let seq = self.held.map_or(from, |held| held + 1);
        Fault::Rewritten { seq, last }
    }

    fn end(
        self,
        signed: Option<&SignedHead>,
        keys: Option<&AuditKeys>,
    ) -> Result<Verified, Unverified> {
        let next = self.next();
        let Some(signed) = signed else {
            return Err(self.torn_or(Fault::Cut { seq: next }).into());
        };
        if let Err(why) = signed.check(keys) {
            return Err(self
                .torn_or(Fault::Head {
                    last: next - 1,
                    why,
                })
                .into());
        }
        let head = &signed.head;
        if head.to_seq >= next {
            return Err(self.torn_or(Fault::Missing { seq: next }).into());
        }
        if self.last.is_some_and(|(_, hash)| hash != head.hash) {
            return Err(self.torn_or(self.rewritten(head.to_seq)).into());
        }
        if let Some(torn) = self.torn {
            // What comes after it is as it was signed.
            return Err(Fault::Replaced { seq: torn - 1 }.into());
        }
        if head.from_seq == 1 && head.prev_hash != ChainHash::genesis(head.owner) {
            return Err(self.rewritten(1).into());
        }
        Ok(Verified {
            anchor: self.beyond(head)?,
            key_id: signed.seal.key_id.clone(),
            head: head.clone(),
        })
    }

    fn torn_or(&self, fault: Fault) -> Fault {
        self.torn.map_or(fault, |seq| Fault::Replaced { seq })
    }

    /// Checks what checkpoints hold outside of the events, and finds the last of them that says something of these.
    fn beyond(&self, head: &ExportHead) -> Result<Option<Anchor>, Fault> {
        let edges = [
            (head.from_seq.saturating_sub(1), head.prev_hash),
            (head.chain_seq, head.chain_hash),
        ];
        for (seq, hash) in edges {
            if self
                .anchors
                .get(&seq)
                .is_some_and(|proven| proven.hash != hash)
            {
                return Err(match seq < head.from_seq {
                    true => Fault::Rewritten { seq: 1, last: seq },
                    false => self.rewritten(seq),
                });
            }
        }
        let mut after = self.anchors.range(head.chain_seq + 1..);
        let earlier = |proven: &Proven| proven.at.millis() + SKEW_MILLIS < head.at.millis();
        if let Some((_, proven)) = after.find(|(_, proven)| earlier(proven)) {
            let counter = proven.counter;
            let seq = head.chain_seq + 1;
            return Err(Fault::RolledBack { seq, counter });
        }
        let mut held = self.anchors.range(..=head.to_seq);
        let held = held
            .next_back()
            .filter(|(seq, _)| **seq + 1 >= head.from_seq);
        Ok(held.map(|(seq, proven)| Anchor {
            seq: *seq,
            hash: proven.hash,
            counter: proven.counter,
            at: proven.at,
            key_id: proven.key_id.clone(),
        }))
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ExportHead {
            owner,
            from_seq,
            to_seq,
            ..
        } = &self.head;
        match to_seq < from_seq {
            true => write!(f, "There is no event of {owner} from {from_seq} on, ")?,
            false => write!(f, "Events {from_seq} to {to_seq} of {owner} hold, ")?,
        }
        write!(f, "signed by key {}", self.key_id)?;
        match &self.anchor {
            None => f.write_str("; internally consistent, not anchored.")?,
            Some(anchor) => {
                write!(
                    f,
                    "; anchored up to {} by checkpoint {} of {}, signed by key {}",
                    anchor.seq, anchor.counter, anchor.at, anchor.key_id
                )?;
                match anchor.seq < *to_seq {
                    true => write!(f, "; {} to {to_seq} not anchored yet.", anchor.seq + 1)?,
                    false => f.write_str(".")?,
                }
            }
        }
        match self.head.next_from_seq {
            Some(next) => write!(f, " The export goes on at fromSeq={next}."),
            None => Ok(()),
        }
    }
}

impl Verified {
    /// Whether a checkpoint holds every event.
    pub fn is_anchored(&self) -> bool {
        let held = self.anchor.as_ref();
        held.is_some_and(|anchor| anchor.seq >= self.head.to_seq)
    }
}

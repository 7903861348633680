//! The chains of audit events: what the streams tell is appended, and a company reads its own.
//!
//! A chain is a run of packs under `CHAIN#<owner>`, each put once under its first seq; `HEAD#<owner>` says where it ends, a row of `CHAINS` that there is one, and `MARK#<row>` up to which revision a row was taken in.
//! `PutItem` alone touches packs, `UpdateItem` alone heads, marks and that list, so that IAM can say it.

mod export;
mod heads;
mod held;
mod image;
mod pack;
mod plan;
mod reconcile;
#[cfg(test)]
mod tests;

pub use export::{ChainPage, ChainPlace};
pub use reconcile::{Difference, Reconciliation};

pub use held::without_people;
pub use image::{DenialKind, Entity, Image, ObjectRow, SILENT, Source};
pub(crate) use pack::events_of;

use aws_sdk_dynamodb::types::{AttributeValue, Update};
use model::{ChainHash, Event, EventFacts, EventType, KeyId, Outcome, Owner, Timestamp};
use sha2::{Digest, Sha256};
use std::{collections::HashMap, fmt::Display, time::Duration};

use crate::{
    Listed, OwnerStore, Start, StoreError, Table,
    item::{Item, Read, b, item, key, n, s},
    list::Room,
    transact::{Transaction, built, put_new},
};
use plan::{Mark, Plan};

/// What one stream record says of one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Revision {
    pub owner: Owner,
    /// The row's name, not to be used again when the row is gone.
    pub row: String,
    /// From 1, raised by every write of the row.
    pub rev: u64,
    pub at: Timestamp,
    /// Where a request was counted: when, and the stamp of its write.
    pub counted: Option<(Timestamp, [u8; 16])>,
    /// May be none: the revision is taken in all the same, or the next one would look like a gap.
    pub events: Vec<EventFacts>,
}

/// What became of the first revisions of those to be appended.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Appended {
    /// How many are settled: at least one. The caller goes on with the rest.
    pub taken: usize,
    pub events: u64,
    /// Revisions that were taken in before.
    pub repeated: u64,
    /// Requests that were counted twice, because the SDK re-sent a write whose answer was lost.
    pub recounted: u64,
    pub gaps: Vec<Gap>,
}

/// Revisions of a row that no stream record told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    pub row: String,
    pub first: u64,
    pub last: u64,
}

/// Where a chain ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub seq: u64,
    pub hash: ChainHash,
}

/// Which events a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    pub key_id: Option<KeyId>,
    pub kind: Option<EventType>,
    pub outcome: Option<Outcome>,
    /// The first instant that is shown.
    pub start: Option<Timestamp>,
    /// The first instant that isn't any more.
    pub end: Option<Timestamp>,
    /// What the request that they tell of was known by.
    pub request_id: Option<String>,
    /// Leaves out accepted requests, which are most of a chain.
    pub without_accepted: bool,
    /// Of how many events this is a choice, where not of as many as a filtered list reads.
    pub among: Option<usize>,
}

/// A whole chain as it is stored, oldest first: not checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Chain {
    pub owner: Owner,
    pub events: Vec<Event>,
    pub head: Head,
}

/// The first seq at which a chain doesn't hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the chain is broken at {0}")]
pub struct BrokenAt(pub u64);

impl Table {
    /// A pack, its head, a new chain's place in the list of all and the rows' marks are one transaction of at most 100 actions.
    const MAX_ROWS: usize = 97;
    const MAX_TRIES: u8 = 12;

    /// Appends the first of the owner's revisions, as many as one transaction holds, to its chain.
    ///
    /// What was appended before changes nothing, whoever appends it and however it is cut.
    /// `nonce`: random.
    ///
    /// # Errors
    /// Nothing is settled then, as far as this call knows; the same revisions can be appended again.
    pub async fn append(
        &self,
        revisions: &[Revision],
        nonce: [u8; 16],
    ) -> Result<Appended, StoreError> {
        let Some(owner) = revisions.first().map(|revision| revision.owner) else {
            return Ok(Appended::default());
        };
        let revisions = plan::prefix(revisions, Self::MAX_ROWS);
        for attempt in 0..Self::MAX_TRIES {
            let (head, listed, marks) = self.head_and_marks(owner, revisions).await?;
            let plan = Plan::new(head, marks, revisions)?;
            let token = token(nonce, owner, &plan, attempt);
            let Some(transaction) = self.transaction(owner, &plan, listed)? else {
                return Ok(plan.appended);
            };
            if transaction.commit(self, token).await?.is_ok() {
                return Ok(plan.appended);
            }
            // Another one moved the head or a mark between our read and our write.
            let spread = u64::from(token[0]) / 16;
            tokio::time::sleep(Duration::from_millis(spread * u64::from(attempt + 1))).await;
        }
        Err(StoreError::Throttled(
            "other batches of the owner were in the way".to_owned(),
        ))
    }

    fn transaction(
        &self,
        owner: Owner,
        plan: &Plan,
        listed: bool,
    ) -> Result<Option<Transaction>, StoreError> {
        let mut transaction = Transaction::default();
        let mut changes = false;
        if let Some(events) = plan.events() {
            let mut row = key(chain(owner), place(plan.before.seq + 1));
            let events = pack::packed(events)?;
            row.extend(item([("last", n(plan.after.seq)), ("events", events)]));
            transaction.put(put_new(&self.names.audit, row)?);
            transaction.update(self.head_update(owner, plan)?);
            if !listed {
                transaction.update(self.listing(owner)?);
            }
            changes = true;
        }
        for (row, mark) in plan.changed_marks() {
            transaction.update(self.mark_update(row, mark)?);
            changes = true;
        }
        Ok(changes.then_some(transaction))
    }

    fn head_update(&self, owner: Owner, plan: &Plan) -> Result<Update, StoreError> {
        let update = Update::builder()
            .table_name(&self.names.audit)
            .set_key(Some(head_key(owner)))
            .update_expression("SET #seq = :seq, #hash = :hash, #listed = :listed")
            .expression_attribute_names("#seq", "seq")
            .expression_attribute_names("#hash", "hash")
            .expression_attribute_names("#listed", "listed")
            .expression_attribute_values(":listed", AttributeValue::Bool(true))
            .expression_attribute_values(":seq", n(plan.after.seq))
            .expression_attribute_values(":hash", s(plan.after.hash));
        let update = if plan.before.seq == 0 {
            update.condition_expression("attribute_not_exists(pk)")
        } else {
            update
                .condition_expression("#seq = :from AND #hash = :after")
                .expression_attribute_values(":from", n(plan.before.seq))
                .expression_attribute_values(":after", s(plan.before.hash))
        };
        update.build().map_err(built)
    }

    fn mark_update(&self, row: &str, mark: &Mark) -> Result<Update, StoreError> {
        let update = Update::builder()
            .table_name(&self.names.audit)
            .set_key(Some(mark_key(row)))
            .expression_attribute_names("#rev", "rev")
            .expression_attribute_values(":rev", n(mark.rev));
        let mut set = "SET #rev = :rev".to_owned();
        let mut update = update;
        if let Some(recent) = mark.recent_bytes() {
            set.push_str(", #recent = :recent, #recounted = :recounted");
            update = update
                .expression_attribute_names("#recounted", "recounted")
                .expression_attribute_values(":recounted", n(mark.recounted))
                .expression_attribute_names("#recent", "recent")
                .expression_attribute_values(":recent", b(recent));
        }
        update = update.expression_attribute_names("#missing", "missing");
        match mark.missing_text() {
            Some(missing) => {
                set.push_str(", #missing = :missing");
                update = update.expression_attribute_values(":missing", s(missing));
            }
            None => set.push_str(" REMOVE #missing"),
        }
        let update = update.update_expression(set);
        let update = match (mark.stored, mark.stored_missing_text()) {
            (0, _) => update.condition_expression("attribute_not_exists(pk)"),
            // What was missing may have come meanwhile, which leaves `rev` as it is: it must not be missed again.
            (from, None) => update
                .condition_expression("#rev = :from AND attribute_not_exists(#missing)")
                .expression_attribute_values(":from", n(from)),
            (from, Some(missing)) => update
                .condition_expression("#rev = :from AND #missing = :were_missing")
                .expression_attribute_values(":from", n(from))
                .expression_attribute_values(":were_missing", s(missing)),
        };
        update.build().map_err(built)
    }

    async fn head_and_marks(
        &self,
        owner: Owner,
        revisions: &[Revision],
    ) -> Result<(Head, bool, HashMap<String, Mark>), StoreError> {
        let mut names: Vec<_> = revisions.iter().map(|revision| &*revision.row).collect();
        names.sort_unstable();
        names.dedup();
        let mut keys: Vec<Item> = names.into_iter().map(mark_key).collect();
        keys.push(head_key(owner));
        let mut head = Head::none(owner);
        let mut listed = false;
        let mut marks = HashMap::new();
        for row in self.get_many(&self.names.audit, keys).await? {
            match row.text("pk")?.strip_prefix(MARK) {
                Some(name) => {
                    marks.insert(name.to_owned(), Mark::read(&row)?);
                }
                None => {
                    head = Head::read(&row)?;
                    listed = row.contains_key("listed");
                }
            }
        }
        Ok((head, listed, marks))
    }

    /// Up to which revision the chains have taken in the row (0: none), and which of those behind `since` are missing, as `3-5,9-9`.
    pub(crate) async fn taken_in(
        &self,
        row: &str,
        since: u64,
    ) -> Result<(u64, Option<String>), StoreError> {
        let Some(mark) = self.find(&self.names.audit, mark_key(row)).await? else {
            return Ok((0, None));
        };
        let mark = Mark::read(&mark)?;
        Ok((mark.rev, mark.missing_behind(since)))
    }

    async fn find_head(&self, owner: Owner) -> Result<Head, StoreError> {
        let row = self.find(&self.names.audit, head_key(owner)).await?;
        row.map_or(Ok(Head::none(owner)), |row| Head::read(&row))
    }

    async fn chain(&self, owner: Owner) -> Result<Chain, StoreError> {
        let head = self.find_head(owner).await?;
        let mut events = Vec::new();
        self.each_event(owner, async |event| {
            events.push(event);
            Ok(())
        })
        .await?;
        // What came after the head was read is another reading's.
        events.retain(|event| event.seq <= head.seq);
        Ok(Chain {
            owner,
            events,
            head,
        })
    }

    /// Hands over the events of the owner's whole chain, oldest first, a page in memory at a time.
    pub(crate) async fn each_event(
        &self,
        owner: Owner,
        mut take: impl AsyncFnMut(Event) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.names.audit)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", s(chain(owner)))
            .consistent_read(true)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            for pack in page.map_err(StoreError::from_sdk)?.items() {
                for event in events_of(pack)? {
                    take(event).await?;
                }
            }
        }
        Ok(())
    }
}

impl OwnerStore {
    /// What a filtered list reads at the most.
    const MAX_EVENTS_READ: usize = 10_000;
    /// What is read to begin with: without a filter full packs hold a page, else what they hold tells how many more are needed.
    const FIRST_PACKS: usize = 3;

    /// The company's events, newest first. Without a filter the total is exact; with one it isn't known, at most 10,000 events are read, and a page may be short and go on.
    pub async fn list_events(
        &self,
        filter: &EventFilter,
        start: &Start,
        limit: usize,
    ) -> Result<Listed<Event>, StoreError> {
        let filtered = *filter != EventFilter::default();
        let from = match start {
            Start::Skip(0) => Some(u64::MAX),
            // A chain has no gaps, so that skipping is counting, from its end.
            Start::Skip(_) => None,
            Start::After(position) => {
                let seq: u64 = position
                    .parse()
                    .map_err(|_| StoreError::Corrupt("position"))?;
                Some(seq.saturating_sub(1))
            }
        };
        let mut unread = match filtered {
            true => filter.among.unwrap_or(Self::MAX_EVENTS_READ),
            false => limit,
        };
        // Together with the head, where its word isn't needed to know where to begin.
        let first = async {
            match from {
                Some(0) | None => Ok(None),
                Some(from) => self
                    .packs_down_from(from, Self::FIRST_PACKS.min(unread))
                    .await
                    .map(Some),
            }
        };
        let (head, mut first) = tokio::try_join!(self.table.find_head(self.owner()), first)?;
        // The seq to go on with, 0 after the last.
        let mut next = match (from, start) {
            (Some(from), _) => from.min(head.seq),
            (None, Start::Skip(rows)) => head.seq.saturating_sub(*rows),
            (None, Start::After(_)) => 0,
        };
        let mut items = Vec::new();
        let mut room = Room::new();
        let mut cut = false;
        let (mut packs_read, mut events_read) = (0, 0);
        'reading: while next > 0 && unread > 0 && items.len() < limit {
            let packs = match first.take() {
                Some(packs) => packs,
                None => {
                    let most = match packs_read {
                        0 => Self::FIRST_PACKS,
                        // As many as hold the rest if they hold half as many shown events each as those before.
                        read if read <= Self::FIRST_PACKS => {
                            let shown = items.len().max(1);
                            let to_read = events_read * (limit - items.len()) / shown;
                            (2 * to_read.min(unread) * read).div_ceil(events_read.max(1))
                        }
                        // They did not. More packs than events are never needed.
                        _ => unread,
                    };
                    self.packs_down_from(next, most.min(unread)).await?
                }
            };
            packs_read += packs.len();
            if packs.is_empty() {
                next = 0;
            }
            for pack in packs {
                for event in events_of(&pack)?.into_iter().rev() {
                    if event.seq > next {
                        continue;
                    }
                    events_read += 1;
                    if unread == 0 || items.len() == limit {
                        break 'reading;
                    }
                    if filter.shows(&event.facts) {
                        let json = serde_json::to_string(&event);
                        let json = json.map_err(|_| StoreError::Corrupt("events"))?;
                        cut = !room.take(Room::needed(&json));
                        if cut {
                            break 'reading;
                        }
                    }
                    next = event.seq.saturating_sub(1);
                    unread -= 1;
                    if filter.shows(&event.facts) {
                        items.push(event);
                    }
                }
            }
        }
        Ok(Listed {
            items,
            total: (!filtered).then_some(head.seq),
            total_is_lower_bound: false,
            next: (next > 0).then(|| (next + 1).to_string()),
            cut,
        })
    }

    /// The company's whole chain, strongly.
    pub async fn get_chain(&self) -> Result<Chain, StoreError> {
        self.table.chain(self.owner()).await
    }

    /// At most so many packs with events up to this seq, newest first: one DynamoDB page, which is never empty as long as there are any.
    async fn packs_down_from(&self, seq: u64, limit: usize) -> Result<Vec<Item>, StoreError> {
        let page = self
            .table
            .client
            .query()
            .table_name(&self.table.names.audit)
            .key_condition_expression("pk = :pk AND sk <= :sk")
            .expression_attribute_values(":pk", s(chain(self.owner())))
            .expression_attribute_values(":sk", s(place(seq)))
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(i32::try_from(limit.max(1)).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        Ok(page.items.unwrap_or_default())
    }
}

impl Chain {
    /// Whether every link is whole, follows the one before and is the owner's, and the head is the last.
    ///
    /// # Errors
    /// The first place where that isn't so; behind the last event if only the end is missing.
    pub fn verify(&self) -> Result<(), BrokenAt> {
        let mut last = Head::none(self.owner);
        for event in &self.events {
            if !event.follows(last.seq, last.hash) || event.facts.owner != self.owner {
                return Err(BrokenAt(last.seq + 1));
            }
            last = Head {
                seq: event.seq,
                hash: event.hash,
            };
        }
        if last != self.head {
            return Err(BrokenAt(last.seq + 1));
        }
        Ok(())
    }
}

impl Head {
    /// Of a chain without events.
    fn none(owner: Owner) -> Head {
        Head {
            seq: 0,
            hash: ChainHash::genesis(owner),
        }
    }

    fn read(row: &Item) -> Result<Head, StoreError> {
        Ok(Head {
            seq: row.parsed("seq")?,
            hash: row.parsed("hash")?,
        })
    }
}

impl EventFilter {
    fn shows(&self, facts: &EventFacts) -> bool {
        let EventFilter {
            key_id,
            kind,
            outcome,
            start,
            end,
            request_id,
            without_accepted,
            among: _,
        } = self;
        (key_id.is_none() || *key_id == facts.key_id)
            && kind.is_none_or(|kind| kind == facts.kind)
            && outcome.is_none_or(|outcome| outcome == facts.outcome)
            && start.is_none_or(|start| start <= facts.at)
            && end.is_none_or(|end| facts.at < end)
            && (request_id.is_none() || *request_id == facts.request_id)
            && !(*without_accepted && facts.kind == EventType::AuthenticationSucceeded)
    }
}

const MARK: &str = "MARK#";

pub(crate) fn chain(owner: Owner) -> impl Display {
    format!("CHAIN#{owner}")
}

/// 20 digits hold every seq.
pub(crate) fn place(seq: u64) -> impl Display {
    format!("{seq:020}")
}

fn head_key(owner: Owner) -> Item {
    key(format_args!("HEAD#{owner}"), "HEAD")
}

fn mark_key(row: &str) -> Item {
    key(format_args!("{MARK}{row}"), "MARK")
}

/// Another one for every content, so that a token never stands for two.
fn token(nonce: [u8; 16], owner: Owner, plan: &Plan, attempt: u8) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(nonce);
    hash.update([attempt]);
    hash.update(owner.to_string());
    hash.update(plan.after.hash.to_string());
    for (row, mark) in plan.changed_marks() {
        hash.update(row);
        hash.update(mark.rev.to_be_bytes());
    }
    let digest: [u8; 32] = hash.finalize().into();
    std::array::from_fn(|at| digest[at])
}

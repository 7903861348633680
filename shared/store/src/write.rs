//! Writes of a company's objects: any number of them take effect together or not at all.
//!
//! With each object go its index rows, its part of the totals, and the counters of what it refers to.
//! DynamoDB takes one action a row, so what several objects do to one row is added up here first.

use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, Put, ReturnValuesOnConditionCheckFailure, Update,
};
use chrono::Duration;
use model::{Date, Month, Owner, Timestamp};
use std::{collections::BTreeMap, fmt::Display};

use crate::{
    CompanyStore, Remembered, Resource, Stamp, StoreError, Stored, billing,
    item::{Item, item, key, list, n, s, set},
    list::{index_attributes, index_rows},
    resource::{CLOSED, EXPIRY, SEVERED, counter, sk, total_prefix},
    transact::{Refused, Transaction, built, put_new},
    work::{Task, Whole},
};

/// One transaction in the making.
#[derive(Debug)]
pub struct Write<'a> {
    pub(crate) store: &'a CompanyStore,
    pub(crate) stamp: &'a Stamp,
    /// By sort key.
    rows: BTreeMap<String, Row>,
    /// By entity and counter.
    totals: BTreeMap<&'static str, BTreeMap<String, i64>>,
    /// Index rows and their like, to be put.
    pub(crate) entered: Vec<Item>,
    /// Keys of such, to be taken out.
    pub(crate) left: Vec<Item>,
    /// Counters of rows that are nothing but counters, by sort key.
    pub(crate) counted: Vec<(String, Vec<(&'static str, i64)>)>,
    /// Minutes to be held of a month, and how many may be committed before.
    pub(crate) reserving: Option<(Month, i64, u32)>,
    /// What must not have been there before.
    pub(crate) once: Option<Put>,
    /// The kept answer, and its sort key.
    remembered: Option<(String, Put)>,
    /// Kept answers that are taken away.
    answers: Vec<Delete>,
    /// Fault of the first thing that couldn't be written.
    fault: Option<StoreError>,
}

/// What is done to one object's row.
#[derive(Debug, Default)]
struct Row {
    change: Change,
    /// Whether it must say which kept answers hold it.
    keeps: bool,
    /// Whether something is said of it, and it must not be erased.
    said: bool,
    /// How many objects more or fewer refer to it, by their entity.
    counts: BTreeMap<&'static str, i64>,
}

#[derive(Debug, Default)]
enum Change {
    /// Nothing of its own: it is only referred to.
    #[default]
    None,
    Put(Item),
    Update {
        from: u64,
        data: String,
        closed: bool,
        expiry: Option<Timestamp>,
    },
    Delete {
        from: u64,
    },
    /// Leaves a tombstone.
    Erase {
        from: u64,
        /// Nothing may have come to refer to it, or to say something of it, since it was looked for.
        rev: u64,
    },
}

/// How long the row of a deleted object keeps what would be erased by the clock anyway.
pub(crate) const KEPT_DELETED: Duration = Duration::days(30);

/// Counters are spread over this many rows, so that writers seldom meet.
pub(crate) const SHARDS: u8 = 8;

impl CompanyStore {
    /// Starts a write whose every change is stamped so.
    pub fn write<'a>(&'a self, stamp: &'a Stamp) -> Write<'a> {
        Write {
            store: self,
            stamp,
            rows: BTreeMap::new(),
            totals: BTreeMap::new(),
            entered: Vec::new(),
            left: Vec::new(),
            counted: Vec::new(),
            reserving: None,
            once: None,
            remembered: None,
            answers: Vec::new(),
            fault: None,
        }
    }
}

impl Write<'_> {
    /// Makes an object.
    #[must_use]
    pub fn create<R: Resource>(mut self, new: &Stored<R>) -> Self {
        let Ok(data) = serde_json::to_string(&new.fields) else {
            return self.failed(StoreError::Corrupt("data"));
        };
        let sk = sk(R::ENTITY, new.id);
        let mut row = self.store.key(&sk);
        row.extend(item([
            ("entity", s(R::ENTITY)),
            ("id", s(new.id)),
            ("data", s(data)),
            ("version", n(new.version)),
            ("rev", n(1)),
            ("created", n(new.created_at.millis())),
            ("updated", n(new.updated_at.millis())),
            (Stamp::ATTRIBUTE, self.stamp.value()),
        ]));
        if new.fields.closed() {
            row.insert(CLOSED.to_owned(), AttributeValue::Bool(true));
        }
        set(
            &mut row,
            EXPIRY,
            new.fields.due().map(|due| n(due.millis())),
        );
        let entry = self.rows.entry(sk).or_default();
        entry.change = Change::Put(row);
        entry.keeps = R::FORGOTTEN;
        for row in index_rows(new) {
            self.enter(row);
        }
        self.expect(new, new.fields.due());
        self.total::<R>(None, 1);
        for (name, value) in new.fields.filters() {
            self.total::<R>(Some((name, value)), 1);
        }
        for (name, id) in new.fields.relations() {
            self.refer::<R>(name, &id, 1);
        }
        self
    }

    /// Replaces `old` by `new`, which has the next version.
    #[must_use]
    pub fn update<R: Resource>(mut self, old: &Stored<R>, new: &Stored<R>) -> Self {
        let Ok(data) = serde_json::to_string(&new.fields) else {
            return self.failed(StoreError::Corrupt("data"));
        };
        self.rows.entry(sk(R::ENTITY, old.id)).or_default().change = Change::Update {
            from: old.version,
            data,
            closed: new.fields.closed(),
            expiry: new.fields.due(),
        };
        let (before, after) = (index_rows(old), index_rows(new));
        for (sk, _) in before.iter().filter(|row| !after.contains(row)) {
            // A search row whose words changed is put again below.
            if !after.iter().any(|(kept, _)| kept == sk) {
                self.left.push(self.store.key(sk));
            }
        }
        for row in after.into_iter().filter(|row| !before.contains(row)) {
            self.enter(row);
        }
        let (before, after) = (old.fields.due(), new.fields.due());
        if before != after {
            self.forget(old, before, after);
            self.expect(new, after);
        }
        for (filter, by) in difference(old.fields.filters(), new.fields.filters()) {
            self.total::<R>(Some(filter), by);
        }
        for ((name, id), by) in difference(old.fields.relations(), new.fields.relations()) {
            self.refer::<R>(name, &id, by);
        }
        if let Some(field) = new.fields.said_of() {
            for (_, id) in new
                .fields
                .relations()
                .iter()
                .filter(|(name, _)| *name == field)
            {
                self.named::<R>(field, id).said = true;
            }
        }
        self
    }

    /// Takes an object out of get and lists; the row stays for audit.
    #[must_use]
    pub fn delete<R: Resource>(mut self, old: &Stored<R>) -> Self {
        self.rows.entry(sk(R::ENTITY, old.id)).or_default().change =
            Change::Delete { from: old.version };
        self.leave(old);
        let due = old.fields.due();
        let erased = due.map(|due| due.min(self.stamp.at.plus(KEPT_DELETED)));
        self.forget(old, due, erased);
        self.expect(old, erased);
        if R::SEVERS {
            let mut row = self.store.key(severed_sk(R::ENTITY, old.id));
            row.extend(item([
                ("entity", s("index")),
                ("id", s(old.id)),
                ("rev", n(1)),
            ]));
            self.entered.push(row);
            let mut task = task_key(self.store.owner(), R::ENTITY, old.id);
            task.extend(item([
                ("entity", s("task")),
                ("owner", s(self.store.owner())),
                ("severed", s(R::ENTITY)),
                ("id", s(old.id)),
                ("rev", n(1)),
            ]));
            self.entered.push(task);
        }
        self
    }

    /// Leaves nothing of an object but a tombstone; `answers`: the kept ones that hold it.
    #[must_use]
    pub(crate) fn erase<R: Resource>(mut self, whole: &Whole<R>, answers: Vec<Delete>) -> Self {
        let old = &whole.stored;
        self.rows.entry(sk(R::ENTITY, old.id)).or_default().change = Change::Erase {
            from: old.version,
            rev: whole.rev,
        };
        self.answers.extend(answers);
        self.forget(old, whole.due(), None);
        // Else the deletion has done the rest.
        if whole.deleted.is_none() {
            self.leave(old);
        }
        self
    }

    /// Takes away kept answers.
    #[must_use]
    pub(crate) fn forget_answers(mut self, answers: Vec<Delete>) -> Self {
        self.answers.extend(answers);
        self
    }

    /// Takes an object out of lists, totals and the counters of what it refers to.
    fn leave<R: Resource>(&mut self, old: &Stored<R>) {
        for (sk, _) in index_rows(old) {
            self.left.push(self.store.key(sk));
        }
        self.total::<R>(None, -1);
        for filter in old.fields.filters() {
            self.total::<R>(Some(filter), -1);
        }
        for (name, id) in old.fields.relations() {
            self.refer::<R>(name, &id, -1);
        }
    }

    /// Keeps the answer with the effect that it tells of.
    #[must_use]
    pub fn remember(mut self, remembered: Option<Remembered>) -> Self {
        let put = |kept: Remembered| Ok((kept.key.sk(), kept.put(self.store)?));
        match remembered.map(put).transpose() {
            Ok(put) => self.remembered = put,
            Err(fault) => return self.failed(fault),
        }
        self
    }

    /// # Errors
    /// `Conflict` where an object is no longer as it was thought to be, or refers to one that is gone or closed; `AlreadyDone` where the answer was kept before; `Full` where the month has no room.
    pub async fn commit(self) -> Result<(), StoreError> {
        let Write {
            store,
            stamp,
            rows,
            totals,
            entered,
            left,
            counted,
            reserving,
            once,
            remembered,
            answers,
            fault,
        } = self;
        if let Some(fault) = fault {
            return Err(fault);
        }
        let mut transaction = Transaction::default();
        let (kept, remembered) = remembered.unzip();
        let remembered = remembered.map(|put| transaction.put(put));
        let once = once.map(|put| transaction.put(put));
        for (sk, row) in rows {
            match row.change {
                Change::Put(item) => {
                    let counts = row
                        .counts
                        .into_iter()
                        .map(|(entity, by)| (refers(entity), n(by)));
                    let kept = kept.as_ref().filter(|_| row.keeps);
                    let kept = kept.map(|sk| ("kept".to_owned(), list([sk])));
                    let item = item.into_iter().chain(counts).chain(kept).collect();
                    transaction.put(put_new(&store.table.names.records, item)?);
                }
                _ => {
                    transaction.update(row.update(store, &sk, stamp)?);
                }
            }
        }
        for answer in answers {
            transaction.delete(answer);
        }
        for key in left {
            transaction.delete(
                Delete::builder()
                    .table_name(&store.table.names.records)
                    .set_key(Some(key))
                    .build()
                    .map_err(built)?,
            );
        }
        for row in entered {
            transaction.put(
                Put::builder()
                    .table_name(&store.table.names.records)
                    .set_item(Some(row))
                    .build()
                    .map_err(built)?,
            );
        }
        for (entity, counters) in totals {
            if counters.values().any(|by| *by != 0) {
                transaction.update(total_update(store, entity, counters, stamp)?);
            }
        }
        for (sk, counters) in &counted {
            transaction.update(billing::counting(store, sk, counters, None)?);
        }
        // Last: of several conditions that fail the first one is told.
        let reserving = match reserving {
            Some(minutes) => Some(transaction.update(billing::reserving(store, minutes)?)),
            None => None,
        };
        match transaction.commit(&store.table, stamp.nonce).await? {
            Ok(()) => Ok(()),
            Err(Refused { action, .. }) if Some(action) == reserving => Err(StoreError::Full),
            Err(Refused { action, .. }) if [remembered, once].contains(&Some(action)) => {
                Err(StoreError::AlreadyDone)
            }
            Err(_) => Err(StoreError::Conflict),
        }
    }

    pub(crate) fn failed(mut self, fault: StoreError) -> Self {
        self.fault.get_or_insert(fault);
        self
    }

    fn enter(&mut self, (sk, words): (String, Option<Vec<String>>)) {
        let mut row = self.store.key(sk);
        row.extend(index_attributes(words));
        self.entered.push(row);
    }

    /// Notes for whoever takes away what is gone by the clock, in the one place where it looks.
    fn expect<R: Resource>(&mut self, object: &Stored<R>, due: Option<Timestamp>) {
        if let Some(due) = due {
            let mut row = due_key(self.store.owner(), R::ENTITY, object.id, due);
            row.extend(item([
                ("entity", s("due")),
                ("kind", s(R::ENTITY)),
                ("owner", s(self.store.owner())),
                ("id", s(object.id)),
                ("rev", n(1)),
            ]));
            self.entered.push(row);
        }
    }

    /// Takes back a note that another one replaces, unless both are the same row.
    fn forget<R: Resource>(
        &mut self,
        object: &Stored<R>,
        noted: Option<Timestamp>,
        next: Option<Timestamp>,
    ) {
        let row = |due| due_key(self.store.owner(), R::ENTITY, object.id, due);
        let (noted, next) = (noted.map(row), next.map(row));
        if let Some(noted) = noted
            && next.as_ref() != Some(&noted)
        {
            self.left.push(noted);
        }
    }

    fn total<R: Resource>(&mut self, filter: Option<(&'static str, String)>, by: i64) {
        let counters = self.totals.entry(R::ENTITY).or_default();
        *counters.entry(counter(filter.as_ref())).or_default() += by;
    }

    fn refer<R: Resource>(&mut self, field: &str, id: &str, by: i64) {
        *self
            .named::<R>(field, id)
            .counts
            .entry(R::ENTITY)
            .or_default() += by;
    }

    /// The row of an object that a field names.
    fn named<R: Resource>(&mut self, field: &str, id: &str) -> &mut Row {
        let entity = R::relation(field).map(|relation| relation.entity);
        if entity.is_none() {
            self.fault = Some(StoreError::Corrupt("relation"));
        }
        let sk = sk(entity.unwrap_or_default(), id);
        self.rows.entry(sk).or_default()
    }
}

impl Row {
    /// A row that gains an object that refers to it must be there and take it; one that loses one may be gone.
    fn update(self, store: &CompanyStore, sk: &str, stamp: &Stamp) -> Result<Update, StoreError> {
        let gains = self.counts.values().any(|by| *by > 0);
        let mut sets = Vec::new();
        let mut removes = Vec::new();
        let mut adds = vec!["#rev :one".to_owned()];
        let mut conditions = vec!["attribute_exists(pk)"];
        let mut update = Update::builder()
            .table_name(&store.table.names.records)
            .set_key(Some(store.key(sk)))
            .expression_attribute_names("#rev", "rev")
            .expression_attribute_values(":one", n(1))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::None);
        if let Change::Update { from, .. } | Change::Delete { from } | Change::Erase { from, .. } =
            &self.change
        {
            sets.extend(["#version = :next", "#updated = :at", "#changed = :changed"]);
            // What is erased may have been deleted before, and has a version all the same.
            conditions.push("#version = :from");
            if !matches!(self.change, Change::Erase { .. }) {
                conditions.push("attribute_not_exists(#deleted)");
            }
            update = update
                .expression_attribute_names("#version", "version")
                .expression_attribute_names("#updated", "updated")
                .expression_attribute_names("#changed", Stamp::ATTRIBUTE)
                .expression_attribute_names("#deleted", "deleted")
                .expression_attribute_values(":from", n(from))
                .expression_attribute_values(":next", n(from + 1))
                .expression_attribute_values(":at", n(stamp.at.millis()))
                .expression_attribute_values(":changed", stamp.value());
        }
        match self.change {
            Change::Update {
                from: _,
                data,
                closed,
                expiry,
            } => {
                sets.push("#data = :data");
                if let Some(expiry) = expiry {
                    sets.push("#expiry = :expiry");
                    update = update
                        .expression_attribute_names("#expiry", EXPIRY)
                        .expression_attribute_values(":expiry", n(expiry.millis()));
                }
                update = update
                    .expression_attribute_names("#data", "data")
                    .expression_attribute_names("#closed", CLOSED)
                    .expression_attribute_values(":data", s(data));
                if closed {
                    sets.push("#closed = :true");
                    update =
                        update.expression_attribute_values(":true", AttributeValue::Bool(true));
                } else {
                    removes.push("#closed");
                }
            }
            Change::Delete { .. } => sets.push("#deleted = :at"),
            Change::Erase { rev, .. } => {
                conditions.push("#rev = :rev");
                sets.extend([
                    "#deleted = if_not_exists(#deleted, :at)",
                    "#erased = :at",
                    "#data = :nothing",
                ]);
                removes.extend(["#kept", "#expiry", "#closed"]);
                conditions.push("attribute_not_exists(#erased)");
                update = update
                    .expression_attribute_names("#erased", "erased")
                    .expression_attribute_names("#data", "data")
                    .expression_attribute_values(":rev", n(rev))
                    .expression_attribute_names("#kept", "kept")
                    .expression_attribute_names("#expiry", EXPIRY)
                    .expression_attribute_names("#closed", CLOSED)
                    .expression_attribute_values(":nothing", s("{}"));
            }
            _ if gains => {
                conditions.extend([
                    "attribute_not_exists(#deleted)",
                    "attribute_not_exists(#closed)",
                ]);
                update = update
                    .expression_attribute_names("#deleted", "deleted")
                    .expression_attribute_names("#closed", CLOSED);
            }
            _ => {}
        }
        if self.said {
            conditions.push("attribute_not_exists(#erased)");
            update = update.expression_attribute_names("#erased", "erased");
        }
        for (index, (entity, by)) in self.counts.into_iter().enumerate() {
            adds.push(format!("#c{index} :c{index}"));
            update = update
                .expression_attribute_names(format!("#c{index}"), refers(entity))
                .expression_attribute_values(format!(":c{index}"), n(by));
        }
        let mut expression = format!("ADD {}", adds.join(", "));
        if !sets.is_empty() {
            expression = format!("SET {} {expression}", sets.join(", "));
        }
        if !removes.is_empty() {
            expression = format!("{expression} REMOVE {}", removes.join(", "));
        }
        update
            .update_expression(expression)
            .condition_expression(conditions.join(" AND "))
            .build()
            .map_err(built)
    }
}

/// The attribute that counts the objects of an entity that refer to the row.
pub(crate) fn refers(entity: &str) -> String {
    format!("{entity}s")
}

/// The row that says that a deleted object is still named by others.
pub(crate) fn severed_sk(entity: &str, id: impl Display) -> String {
    format!("{SEVERED}{entity}#{id}")
}

/// The task that goes with it, among those of all companies.
pub(crate) fn task_key(owner: Owner, entity: &str, id: impl Display) -> Item {
    key(Task::PARTITION, format_args!("{owner}#{entity}#{id}"))
}

/// The partition of what is due on a day.
pub(crate) fn due_day(day: Date) -> String {
    format!("DUE#{day}")
}

/// Ascending with the time.
pub(crate) fn due_instant(at: Timestamp) -> String {
    format!("{:016}", at.millis().max(0))
}

/// Where it is noted that an object will be gone: one partition a day, over all companies, the first first.
fn due_key(owner: Owner, entity: &str, id: impl Display, due: Timestamp) -> Item {
    key(
        due_day(Date::of(due)),
        format_args!("{}#{owner}#{entity}#{id}", due_instant(due)),
    )
}

/// All counters of one entity are in one row: one action.
fn total_update(
    store: &CompanyStore,
    entity: &str,
    counters: BTreeMap<String, i64>,
    stamp: &Stamp,
) -> Result<Update, StoreError> {
    let shard = stamp.nonce[0] % SHARDS;
    let mut add = String::from("ADD #rev :one");
    let mut update = Update::builder()
        .table_name(&store.table.names.records)
        .set_key(Some(store.key(format!("{}{shard}", total_prefix(entity)))))
        .expression_attribute_names("#rev", "rev")
        .expression_attribute_values(":one", n(1));
    let changed = counters.into_iter().filter(|(_, by)| *by != 0);
    for (index, (name, by)) in changed.enumerate() {
        add.push_str(&format!(", #c{index} :c{index}"));
        update = update
            .expression_attribute_names(format!("#c{index}"), name)
            .expression_attribute_values(format!(":c{index}"), n(by));
    }
    update.update_expression(add).build().map_err(built)
}

/// What went, and what came.
fn difference<T: PartialEq + Clone>(before: Vec<T>, after: Vec<T>) -> Vec<(T, i64)> {
    let gone = before.iter().filter(|value| !after.contains(value));
    let come = after.iter().filter(|value| !before.contains(value));
    gone.map(|value| (value.clone(), -1))
        .chain(come.map(|value| (value.clone(), 1)))
        .collect()
}

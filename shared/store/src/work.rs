//! What is left to do after a change was acknowledged: taking deleted objects out of others, and erasing what is due.
//!
//! Reads already show the end state; every step is a transaction of its own, so that whoever comes next goes on where the last one stopped.

use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, Update};
use chrono::Duration;
use model::{
    CandidateRecord, CompanyId, Date, InterviewId, InterviewRecord, ObjectId, Owner, Timestamp,
};
use sha2::{Digest, Sha256};
use std::{collections::HashSet, fmt::Display};

use crate::{
    CompanyStore, Remembered, Resource, Stamp, StoreError, Stored, Table,
    batch::{between, read, starting},
    item::{Item, Read, item, key, n, s},
    list::Run,
    resource::sk,
    transact::{Transaction, built, send_past_transactions},
    write::{KEPT_DELETED, due_day, due_instant, refers, severed_sk, task_key},
};

/// A deleted object that others may still name, a company whose keys may still have the limits of its last plan, or one whose kill switch may not be done. Made from a row alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    company: CompanyId,
    entity: String,
    id: String,
}

/// An object that is to be erased on its day. Made from a row alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    company: CompanyId,
    kind: String,
    id: String,
    pk: String,
    sk: String,
}

/// An object as its row has it, whatever became of it.
pub(crate) struct Whole<R: Resource> {
    pub(crate) stored: Stored<R>,
    pub(crate) deleted: Option<Timestamp>,
    /// Raised by every write of its row.
    pub(crate) rev: u64,
    /// Sort keys of kept answers that hold it.
    kept: Vec<String>,
}

/// How often one object's step is tried while others change it.
const TRIES: u32 = 8;

impl Task {
    /// The partition of all tasks of all companies.
    pub(crate) const PARTITION: &str = "TASKS";
    /// The kind of the task that brings a new plan's limits to the company's keys.
    pub const LIMITS: &str = "limits";
    /// The kind of the task that brings a company's kill switch to its end.
    pub const LOCKDOWN: &str = "lockdown";

    pub fn company(&self) -> CompanyId {
        self.company
    }

    /// The kind of what was deleted, or [`Task::LIMITS`], or [`Task::LOCKDOWN`].
    pub fn entity(&self) -> &str {
        &self.entity
    }

    /// From a row, or from a stream's image of one; `None` for every other row.
    pub fn of_image(image: serde_dynamo::Item) -> Result<Option<Task>, StoreError> {
        let row: Item = image.into();
        match row.text("pk") {
            Ok(Task::PARTITION) => Task::read(&row).map(Some),
            _ => Ok(None),
        }
    }

    fn read(row: &Item) -> Result<Task, StoreError> {
        let owner: Owner = row.parsed("owner")?;
        // What was deleted, where something was.
        let severed = row.parsed_if("severed")?;
        let work = severed.or(row.parsed_if("work")?);
        Ok(Task {
            company: owner.company().ok_or(StoreError::Corrupt("owner"))?,
            entity: work.unwrap_or_else(|| Task::LIMITS.to_owned()),
            id: row.text("id")?.to_owned(),
        })
    }
}

impl CompanyStore {
    /// Puts the task of such work there; one that is there already is the same.
    pub(crate) fn task(&self, work: &'static str) -> Result<Put, StoreError> {
        let mut task = task_key(self.owner(), work, self.company());
        task.extend(item([
            ("entity", s("task")),
            ("work", s(work)),
            ("owner", s(self.owner())),
            ("id", s(self.company())),
            ("rev", n(1)),
        ]));
        let put = Put::builder().table_name(&self.table.names.records);
        put.set_item(Some(task)).build().map_err(built)
    }

    /// Takes it away.
    pub(crate) fn task_end(&self, work: &'static str) -> Result<Delete, StoreError> {
        let task = task_key(self.owner(), work, self.company());
        let end = Delete::builder().table_name(&self.table.names.records);
        end.set_key(Some(task)).build().map_err(built)
    }
}

impl Due {
    pub fn company(&self) -> CompanyId {
        self.company
    }

    /// The kind of what is due.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    fn read(row: &Item) -> Result<Due, StoreError> {
        let owner: Owner = row.parsed("owner")?;
        Ok(Due {
            company: owner.company().ok_or(StoreError::Corrupt("owner"))?,
            kind: row.text("kind")?.to_owned(),
            id: row.text("id")?.to_owned(),
            pk: row.text("pk")?.to_owned(),
            sk: row.text("sk")?.to_owned(),
        })
    }

    fn key(&self) -> Item {
        key(&self.pk, &self.sk)
    }
}

impl<R: Resource> Whole<R> {
    /// `None` for a tombstone.
    fn read(row: &Item) -> Result<Option<Whole<R>>, StoreError> {
        if row.contains_key("erased") {
            return Ok(None);
        }
        Ok(Some(Whole {
            stored: Stored::read(row)?,
            deleted: row.instant_if("deleted")?,
            rev: row.parsed("rev")?,
            kept: match row.contains_key("kept") {
                true => row.texts("kept")?.into_iter().map(str::to_owned).collect(),
                false => Vec::new(),
            },
        }))
    }

    /// When it is gone for good: by its own date, or 30 days after its deletion.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        let due = self.stored.fields.due()?;
        let deleted = self.deleted.map(|at| at.plus(KEPT_DELETED));
        Some(deleted.map_or(due, |deleted| deleted.min(due)))
    }
}

impl Table {
    /// The tasks of all companies, by company; at most `limit`, from the one after `after` on.
    pub async fn list_tasks(
        &self,
        after: Option<&Task>,
        limit: usize,
    ) -> Result<Vec<Task>, StoreError> {
        let after =
            after.map(|task| task_key(Owner::Company(task.company), &task.entity, &task.id));
        let rows = starting(self.partition(Task::PARTITION), "COMPANY#");
        let rows = read(rows.set_exclusive_start_key(after), limit).await?;
        rows.iter().map(Task::read).collect()
    }

    /// What is due on this day and not after `now`, the first first; at most `limit`, from the one after `after` on.
    pub async fn list_due(
        &self,
        day: Date,
        now: Timestamp,
        after: Option<&Due>,
        limit: usize,
    ) -> Result<Vec<Due>, StoreError> {
        // Something follows an instant in every key, so none stands at the end itself.
        let end = due_instant(now.plus(Duration::milliseconds(1)));
        let rows = between(
            self.partition(due_day(day)),
            &due_instant(day.start()),
            &end,
        );
        let rows = read(rows.set_exclusive_start_key(after.map(Due::key)), limit).await?;
        rows.iter().map(Due::read).collect()
    }

    /// The first day that may still have something due.
    pub async fn find_first_due_day(&self) -> Result<Option<Date>, StoreError> {
        let row = self.find(&self.names.records, due_mark()).await?;
        row.map(|row| Ok(Date::of(row.instant("day")?))).transpose()
    }

    /// Notes that nothing is due before this day.
    pub async fn set_first_due_day(&self, day: Date, nonce: [u8; 16]) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.names.records)
            .set_key(Some(due_mark()))
            .update_expression("SET #entity = :due, #day = :day ADD #rev :one")
            .expression_attribute_names("#entity", "entity")
            .expression_attribute_names("#day", "day")
            .expression_attribute_names("#rev", "rev")
            .expression_attribute_values(":due", s("due"))
            .expression_attribute_values(":day", n(day.start().millis()))
            .expression_attribute_values(":one", n(1));
        send_past_transactions(update, nonce)
            .await
            .map_err(StoreError::from_sdk)?;
        Ok(())
    }
}

fn due_mark() -> Item {
    key("DUE", "MARK")
}

impl CompanyStore {
    /// Takes a deleted object out of at most `limit` of those that name it; true when none is left, and the task is gone.
    ///
    /// No event tells of it: the deletion's own did. `nonce`: random, new for each call.
    pub async fn sever<R: Resource>(
        &self,
        task: &Task,
        limit: usize,
        nonce: impl Fn() -> [u8; 16],
    ) -> Result<bool, StoreError> {
        let relation = R::RELATIONS
            .iter()
            .find(|relation| relation.entity == task.entity)
            .ok_or(StoreError::Corrupt("severed"))?;
        let run = Run::Filter(relation.filter, task.id.clone());
        // What is done leaves the run, so it always begins at its start.
        let rows = self.index(R::ENTITY, &run, None, limit + 1).await?;
        for row in rows.iter().take(limit) {
            let position = format!("{}{}", run.prefix(R::ENTITY), row.position);
            let id = R::Id::from_newest_first(&row.id)?;
            self.sever_one::<R>(task, position, id, &nonce).await?;
        }
        if rows.len() > limit {
            return Ok(false);
        }
        // Nothing new can name it: a relation is only made to what isn't deleted.
        let mut done = Transaction::default();
        for row in [
            self.key(severed_sk(&task.entity, &task.id)),
            task_key(self.owner(), &task.entity, &task.id),
        ] {
            done.delete(self.deletion(row).build().map_err(built)?);
        }
        match done.commit(&self.table, nonce()).await? {
            Ok(()) => Ok(true),
            Err(_) => Err(StoreError::Conflict),
        }
    }

    /// One object's data, its row in the run, and its part of the count: together, and once.
    async fn sever_one<R: Resource>(
        &self,
        task: &Task,
        position: String,
        id: R::Id,
        nonce: &impl Fn() -> [u8; 16],
    ) -> Result<(), StoreError> {
        let records = &self.table.names.records;
        for _ in 0..TRIES {
            if self
                .table
                .find(records, self.key(&position))
                .await?
                .is_none()
            {
                return Ok(());
            }
            let row = self
                .table
                .find(records, self.key(sk(R::ENTITY, id)))
                .await?;
            let whole = row.map(|row| Whole::<R>::read(&row)).transpose()?.flatten();
            let mut step = Transaction::default();
            // What was deleted is as it was; and whoever changed the object since the deletion has left the id out of it.
            if let Some(Whole {
                mut stored,
                deleted: None,
                ..
            }) = whole
            {
                let before = stored.fields.clone();
                stored.fields.sever(&HashSet::from([task.id.clone()]));
                if stored.fields != before {
                    step.update(self.severed_update(&stored)?);
                }
            }
            let taken_out = self
                .deletion(self.key(&position))
                .condition_expression("attribute_exists(pk)");
            step.delete(taken_out.build().map_err(built)?);
            step.update(self.one_less(&task.entity, &task.id, R::ENTITY)?);
            if step.commit(&self.table, nonce()).await?.is_ok() {
                return Ok(());
            }
        }
        Err(StoreError::Throttled(
            "others changed the object each time".to_owned(),
        ))
    }

    /// A new version, whose last change stays whose it was.
    fn severed_update<R: Resource>(&self, stored: &Stored<R>) -> Result<Update, StoreError> {
        let data =
            serde_json::to_string(&stored.fields).map_err(|_| StoreError::Corrupt("data"))?;
        Update::builder()
            .table_name(&self.table.names.records)
            .set_key(Some(self.key(sk(R::ENTITY, stored.id))))
            .update_expression("SET #data = :data, #version = :next ADD #rev :one")
            .condition_expression("#version = :from AND attribute_not_exists(#deleted)")
            .expression_attribute_names("#data", "data")
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#deleted", "deleted")
            .expression_attribute_names("#rev", "rev")
            .expression_attribute_values(":data", s(data))
            .expression_attribute_values(":from", n(stored.version))
            .expression_attribute_values(":next", n(stored.version + 1))
            .expression_attribute_values(":one", n(1))
            .build()
            .map_err(built)
    }

    fn one_less(&self, entity: &str, id: &str, of: &str) -> Result<Update, StoreError> {
        Update::builder()
            .table_name(&self.table.names.records)
            .set_key(Some(self.key(sk(entity, id))))
            .update_expression("ADD #rev :one, #count :less")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#rev", "rev")
            .expression_attribute_names("#count", refers(of))
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":less", n(-1))
            .build()
            .map_err(built)
    }

    fn deletion(&self, row: Item) -> aws_sdk_dynamodb::types::builders::DeleteBuilder {
        Delete::builder()
            .table_name(&self.table.names.records)
            .set_key(Some(row))
    }

    /// Erases an object at once, also one that was deleted; a tombstone stays.
    ///
    /// # Errors
    /// `NotFound` for what is erased, or gone by the clock and about to be; `Conflict` when it changed meanwhile.
    pub async fn erase<R: Resource>(
        &self,
        id: R::Id,
        stamp: &Stamp,
        remembered: Option<Remembered>,
    ) -> Result<(), StoreError> {
        let whole = self
            .find_whole::<R>(id)
            .await?
            .ok_or(StoreError::NotFound)?;
        if whole.due().is_some_and(|due| due <= stamp.at) {
            return Err(StoreError::NotFound);
        }
        self.erase_whole(&whole, stamp, remembered).await
    }

    /// Erases an object that is due; what isn't, or not any more, loses this note.
    ///
    /// # Errors
    /// `Conflict` when it changed meanwhile.
    pub async fn erase_due<R: Resource>(&self, due: &Due, stamp: &Stamp) -> Result<(), StoreError> {
        let id: R::Id = due.id.parse().map_err(|_| StoreError::Corrupt("id"))?;
        let whole = self.find_whole::<R>(id).await?;
        let planned = whole.as_ref().and_then(Whole::due);
        match (whole, planned) {
            (Some(whole), Some(planned)) if planned <= stamp.at => {
                self.erase_whole(&whole, stamp, None).await
            }
            // Whatever is due later has another note.
            _ => {
                let mut forgotten = Transaction::default();
                forgotten.delete(self.deletion(due.key()).build().map_err(built)?);
                let forgotten = forgotten.commit(&self.table, stamp.nonce).await?;
                forgotten.map_err(|_| StoreError::Conflict)
            }
        }
    }

    async fn find_whole<R: Resource>(&self, id: R::Id) -> Result<Option<Whole<R>>, StoreError> {
        let row = self
            .table
            .find(&self.table.names.records, self.key(sk(R::ENTITY, id)))
            .await?;
        Ok(row.map(|row| Whole::read(&row)).transpose()?.flatten())
    }

    /// Takes `analysis` and `metadata` out of the candidate's interviews, and away the kept answers that hold them; each in a transaction of its own.
    async fn erase_what_was_said(
        &self,
        candidate: impl Display,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let run = Run::Filter(InterviewRecord::OF, candidate.to_string());
        let rows = self
            .index(InterviewRecord::ENTITY, &run, None, usize::MAX)
            .await?;
        for row in rows {
            let id = InterviewId::from_newest_first(&row.id)?;
            let whole = self.find_whole::<InterviewRecord>(id).await?;
            let whole = whole.ok_or(StoreError::Corrupt("interview"))?;
            let (old, answers) = (&whole.stored, self.kept_answers(&whole).await?);
            if !old.fields.says_something() && answers.is_empty() {
                continue;
            }
            let new = old.next(old.fields.clone().unsaid(), stamp.at);
            // Each transaction needs a token of its own.
            let mut own = stamp.clone();
            for (byte, of_id) in own.nonce.iter_mut().zip(Sha256::digest(row.id.as_bytes())) {
                *byte ^= of_id;
            }
            let mut write = self.write(&own).forget_answers(answers);
            // What it says no longer, an answer may still have said.
            if old.fields.says_something() {
                write = write.update(old, &new);
            }
            write.commit().await?;
        }
        Ok(())
    }

    /// The kept answers that hold the object, to be taken away.
    async fn kept_answers<R: Resource>(&self, whole: &Whole<R>) -> Result<Vec<Delete>, StoreError> {
        let mut answers = Vec::new();
        for sk in &whole.kept {
            let row = self
                .table
                .find(&self.table.names.records, self.key(sk))
                .await?;
            let Some(at) = row.map(|row| row.instant("at")).transpose()? else {
                continue;
            };
            // The client's key may have been used again, a day later, for another object.
            if at == whole.stored.created_at {
                let answer = self
                    .deletion(self.key(sk))
                    .condition_expression("attribute_not_exists(pk) OR #at = :at")
                    .expression_attribute_names("#at", "at")
                    .expression_attribute_values(":at", AttributeValue::N(at.millis().to_string()));
                answers.push(answer.build().map_err(built)?);
            }
        }
        Ok(answers)
    }

    /// Interviews hold what was said: it goes before the object itself, so that a crash between the two is made good by the next try.
    async fn erase_whole<R: Resource>(
        &self,
        whole: &Whole<R>,
        stamp: &Stamp,
        remembered: Option<Remembered>,
    ) -> Result<(), StoreError> {
        if R::ENTITY == CandidateRecord::ENTITY {
            self.erase_what_was_said(whole.stored.id, stamp).await?;
        }
        let answers = self.kept_answers(whole).await?;
        self.write(stamp)
            .erase(whole, answers)
            .remember(remembered)
            .commit()
            .await
    }

    /// Whether nothing may be said of it any more.
    pub async fn is_erased<R: Resource>(&self, id: R::Id) -> Result<bool, StoreError> {
        Ok(self.find_whole::<R>(id).await?.is_none())
    }
}

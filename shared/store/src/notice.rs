//! Notices: told once each, by a row of the owner's, a pointer while nobody has read it, and a task to send it.
//!
//! A key's row says when something is to be told of it next, in two attributes that no request writes, so that an index finds the keys that are due and no others.
//! The write that makes a notice also moves that instant on, under the condition that the key is as it was read: a crash loses none and repeats none, and what a change has cancelled is told to nobody.

use aws_sdk_dynamodb::types::{Delete, Put, Select, Update};
use chrono::Duration;
use model::{
    Actor, ActorKind, KeyId, KeyNotice, Notice, NoticeId, NoticeKind, ObjectId, Owner, Timestamp,
};
use sha2::{Digest, Sha256};

use crate::{
    KeyRow, Listed, OwnerStore, Start, StoreError, Table,
    batch::{between, read, whole},
    item::{Item, Read, item, key, list, n, s, set},
    member::addresses,
    transact::{Transaction, built, put_new},
};

/// A notice's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeRow {
    pub owner: Owner,
    pub id: NoticeId,
    pub kind: NoticeKind,
    pub at: Timestamp,
    pub key_id: Option<KeyId>,
    pub message: String,
    /// Addresses of members that are told instead of the OWNERs and the key's creator.
    pub recipients: Option<Vec<String>>,
    pub read: bool,
    pub version: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A notice that is still to be sent. Made from a row alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeTask {
    owner: Owner,
    id: NoticeId,
    /// To whom it went already.
    sent: Vec<String>,
}

/// A notice, and whom it is for.
#[derive(Debug, Clone)]
pub struct Addressed {
    pub notice: NoticeRow,
    pub owner_name: String,
    /// Addresses, each once.
    pub recipients: Vec<String>,
}

const PREFIX: &str = "NOTICE#";
const UNREAD: &str = "UNREAD#";
/// How long a notice is kept, by the clock: as long as events are.
const KEPT: Duration = Duration::days(730);
/// The index of keys by what is to be told next.
pub(crate) const BY_NOTICE: (&str, [&str; 2]) = ("byNotice", ["noticeShard", "noticeAt"]);
/// So many partitions share the index.
pub const NOTICE_SHARDS: u8 = 8;

impl NoticeRow {
    pub(crate) const ENTITY: &str = "notice";

    /// `what`: names the notice among those of its owner and instant, so that the same one is made once.
    pub fn new(
        owner: Owner,
        what: &str,
        kind: NoticeKind,
        at: Timestamp,
        message: String,
        now: Timestamp,
    ) -> NoticeRow {
        let digest = Sha256::digest(format!("{owner}\n{kind}\n{what}"));
        NoticeRow {
            owner,
            id: NoticeId::new(at, std::array::from_fn(|index| digest[index])),
            kind,
            at,
            key_id: None,
            message,
            recipients: None,
            read: false,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// As its owner's people see it.
    pub fn view(&self) -> Notice {
        Notice {
            id: self.id,
            company_id: self.owner.company(),
            partner_id: self.owner.partner(),
            kind: self.kind,
            at: self.at,
            key_id: self.key_id,
            message: self.message.clone(),
            read: self.read,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    fn ends(&self) -> Timestamp {
        self.at.plus(KEPT)
    }

    /// As the last one in lists that is still kept has it, or would.
    fn last_kept(now: Timestamp) -> String {
        NoticeId::new(now.minus(KEPT), [u8::MAX; 10]).newest_first()
    }

    fn key(owner: Owner, id: NoticeId) -> Item {
        key(owner, format_args!("{PREFIX}{}", id.newest_first()))
    }

    fn item(&self) -> Item {
        let NoticeRow {
            owner,
            id,
            kind,
            at,
            key_id,
            message,
            recipients,
            read: _,
            version,
            created_at,
            updated_at,
        } = self;
        let mut row = NoticeRow::key(*owner, *id);
        row.extend(item([
            ("entity", s(NoticeRow::ENTITY)),
            ("id", s(id)),
            ("kind", s(kind)),
            ("at", n(at.millis())),
            ("message", s(message)),
            ("version", n(version)),
            ("rev", n(1)),
            ("created", n(created_at.millis())),
            ("updated", n(updated_at.millis())),
            ("ttl", n(self.ends().seconds())),
        ]));
        set(&mut row, "keyId", key_id.map(s));
        set(&mut row, "to", recipients.as_ref().map(list));
        row
    }

    fn of(row: &Item) -> Result<NoticeRow, StoreError> {
        Ok(NoticeRow {
            owner: row.parsed("pk")?,
            id: row.parsed("id")?,
            kind: row.parsed("kind")?,
            at: row.instant("at")?,
            key_id: row.parsed_if("keyId")?,
            message: row.text("message")?.to_owned(),
            recipients: match row.contains_key("to") {
                true => Some(row.texts("to")?.into_iter().map(str::to_owned).collect()),
                false => None,
            },
            read: row.contains_key("read"),
            version: row.parsed("version")?,
            created_at: row.instant("created")?,
            updated_at: row.instant("updated")?,
        })
    }
}

impl OwnerStore {
    /// Makes notices and the tasks to send them.
    pub(crate) fn tell(
        &self,
        transaction: &mut Transaction,
        notices: &[NoticeRow],
    ) -> Result<(), StoreError> {
        let records = &self.table.names.records;
        for notice in notices {
            transaction.put(put_new(records, notice.item())?);
            transaction.put(put_new(records, self.unread(notice))?);
            let task = NoticeTask {
                owner: self.owner(),
                id: notice.id,
                sent: Vec::new(),
            };
            transaction.put(put_new(records, task.item())?);
        }
        Ok(())
    }

    async fn is_told(&self, id: NoticeId) -> Result<bool, StoreError> {
        let key = NoticeRow::key(self.owner(), id);
        let row = self.table.find(&self.table.names.records, key).await?;
        Ok(row.is_some())
    }

    fn unread(&self, notice: &NoticeRow) -> Item {
        let mut row = self.key(format_args!("{UNREAD}{}", notice.id.newest_first()));
        row.extend(item([
            ("entity", s("pointer")),
            ("id", s(notice.id)),
            ("rev", n(1)),
            ("ttl", n(notice.ends().seconds())),
        ]));
        row
    }

    /// The owner's notices, newest first; with `unread`, those that nobody has read.
    pub async fn list_notices(
        &self,
        unread: bool,
        start: &Start,
        limit: usize,
        now: Timestamp,
    ) -> Result<Listed<NoticeRow>, StoreError> {
        let prefix = if unread { UNREAD } else { PREFIX };
        let last = format!("{prefix}{}", NoticeRow::last_kept(now));
        let page = self.page(prefix, prefix, start, limit);
        let ((mut rows, mut more), total) = tokio::try_join!(page, self.count(prefix, &last))?;
        // DynamoDB deletes late, and what is over stands at the end.
        let read = rows.len();
        rows.retain(|row| row.text("sk").is_ok_and(|sk| *sk <= *last));
        more &= rows.len() == read;
        let next = rows.last().filter(|_| more).map(|row| {
            let sk = row.text("sk")?;
            Ok::<_, StoreError>(sk.trim_start_matches(prefix).to_owned())
        });
        let page = Listed {
            items: rows,
            total: Some(total),
            total_is_lower_bound: false,
            next: next.transpose()?,
            cut: false,
        };
        let key = |row: &Item| Ok(NoticeRow::key(self.owner(), row.parsed("id")?));
        self.table.shown(page, key, NoticeRow::of).await
    }

    /// How many of the owner's notices nobody has read.
    pub async fn count_unread_notices(&self, now: Timestamp) -> Result<u64, StoreError> {
        let last = format!("{UNREAD}{}", NoticeRow::last_kept(now));
        self.count(UNREAD, &last).await
    }

    /// How many rows there are from one to the other. They are counted one by one, because those that their time takes away would leave a counter behind.
    async fn count(&self, from: &str, to: &str) -> Result<u64, StoreError> {
        let rows = between(self.table.partition(self.owner()), from, to);
        let mut pages = rows.select(Select::Count).into_paginator().send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            let counted = page.map_err(StoreError::from_sdk)?.count;
            count += u64::try_from(counted).unwrap_or_default();
        }
        Ok(count)
    }

    /// # Errors
    /// `NotFound`.
    pub async fn get_notice(&self, id: NoticeId, now: Timestamp) -> Result<NoticeRow, StoreError> {
        if id.newest_first() > NoticeRow::last_kept(now) {
            return Err(StoreError::NotFound);
        }
        let key = NoticeRow::key(self.owner(), id);
        let row = self.table.find(&self.table.names.records, key).await?;
        NoticeRow::of(&row.ok_or(StoreError::NotFound)?)
    }

    /// Marks a notice as read, or as not read.
    ///
    /// # Errors
    /// `Conflict` where it is no longer `old`.
    pub async fn mark_notice(
        &self,
        old: &NoticeRow,
        read: bool,
        now: Timestamp,
        nonce: [u8; 16],
    ) -> Result<NoticeRow, StoreError> {
        let records = &self.table.names.records;
        let mark = match read {
            true => ", #read = :at ADD #rev :one",
            false => " ADD #rev :one REMOVE #read",
        };
        let update = Update::builder()
            .table_name(records)
            .set_key(Some(NoticeRow::key(self.owner(), old.id)))
            .update_expression(format!("SET #version = :next, #updated = :at{mark}"))
            .condition_expression("#version = :from")
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#updated", "updated")
            .expression_attribute_names("#read", "read")
            .expression_attribute_names("#rev", "rev")
            .expression_attribute_values(":from", n(old.version))
            .expression_attribute_values(":next", n(old.version + 1))
            .expression_attribute_values(":at", n(now.millis()))
            .expression_attribute_values(":one", n(1));
        let mut marked = Transaction::default();
        marked.update(update.build().map_err(built)?);
        match read {
            true => {
                let pointer = Delete::builder().table_name(records).set_key(Some(
                    self.key(format_args!("{UNREAD}{}", old.id.newest_first())),
                ));
                marked.delete(pointer.build().map_err(built)?);
            }
            false => {
                marked.put(put_new(records, self.unread(old))?);
            }
        }
        match marked.commit(&self.table, nonce).await? {
            Ok(()) => Ok(NoticeRow {
                read,
                version: old.version + 1,
                updated_at: now,
                ..old.clone()
            }),
            Err(_) => Err(StoreError::Conflict),
        }
    }
}

impl Table {
    /// The keys of one of the index's [`NOTICE_SHARDS`] of which something is to be told by now; at most `limit`, the first due first.
    ///
    /// The index follows the table with a delay: what it says is only where to look.
    pub async fn list_due_keys(
        &self,
        shard: u8,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<KeyId>, StoreError> {
        let (index, [shard_name, at_name]) = BY_NOTICE;
        let query = self
            .client
            .query()
            .table_name(&self.names.keys)
            .index_name(index)
            .key_condition_expression("#shard = :shard AND #at <= :now")
            .expression_attribute_names("#shard", shard_name)
            .expression_attribute_names("#at", at_name)
            .expression_attribute_values(":shard", s(shard))
            .expression_attribute_values(":now", s(instant(now)));
        let rows = read(query, limit).await?;
        let ids = rows.iter().map(|row| {
            let id = row.text("pk")?.strip_prefix("KEY#");
            let id = id.ok_or(StoreError::Corrupt("pk"))?;
            id.parse().map_err(|_| StoreError::Corrupt("pk"))
        });
        ids.collect()
    }

    /// Tells what is due of the key at the instant that its row names, and moves that on; whether there was anything to do.
    ///
    /// `message`: a notice in words.
    ///
    /// # Errors
    /// `Conflict` where the key changed meanwhile.
    pub async fn tell_of_key(
        &self,
        id: KeyId,
        now: Timestamp,
        nonce: [u8; 16],
        message: impl Fn(&KeyRow, KeyNotice) -> String,
    ) -> Result<bool, StoreError> {
        let Some(row) = self.find_key(id).await? else {
            return Ok(false);
        };
        let Some(at) = row.notice_at.filter(|at| *at <= now) else {
            return Ok(false);
        };
        let owner = OwnerStore::new(self.clone(), row.facts.owner);
        let due = row.dates().notices_at(at);
        let mut step = Transaction::default();
        step.update(self.noticed(&row, at, &due)?);
        let mut notices = Vec::new();
        for notice in due {
            let text = message(&row, notice);
            let mut told =
                NoticeRow::new(row.facts.owner, &id.to_string(), notice.kind, at, text, now);
            told.key_id = Some(id);
            // A clock that is behind may have brought a key back to what was told of it.
            if !owner.is_told(told.id).await? {
                notices.push(told);
            }
        }
        owner.tell(&mut step, &notices)?;
        match step.commit(self, nonce).await? {
            Ok(()) => Ok(true),
            Err(_) => Err(StoreError::Conflict),
        }
    }

    /// The key's row after what was due at `at`. No fact changes, so that no hint of it dies.
    fn noticed(
        &self,
        row: &KeyRow,
        at: Timestamp,
        due: &[KeyNotice],
    ) -> Result<Update, StoreError> {
        let [shard, instant_name] = BY_NOTICE.1;
        let mut update = Update::builder()
            .table_name(&self.names.keys)
            .set_key(Some(KeyRow::key(row.facts.id)))
            .condition_expression("#version = :version AND #at = :at")
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#at", instant_name)
            .expression_attribute_names("#rev", "rev")
            .expression_attribute_values(":version", n(row.facts.counted.version))
            .expression_attribute_values(":at", s(instant(at)))
            .expression_attribute_values(":one", n(1));
        let mut sets = Vec::new();
        if due
            .iter()
            .any(|notice| notice.kind == NoticeKind::KeyExpired)
        {
            sets.push("#told = :told");
            update = update
                .expression_attribute_names("#told", KeyRow::EXPIRY_TOLD)
                .expression_attribute_values(":told", n(at.millis()));
        }
        let mut remove = "";
        match row.dates().next_notice(at) {
            Some(next) => {
                sets.push("#at = :next");
                update = update.expression_attribute_values(":next", s(instant(next)));
            }
            None => {
                remove = " REMOVE #shard, #at";
                update = update.expression_attribute_names("#shard", shard);
            }
        }
        let sets = match sets.is_empty() {
            true => String::new(),
            false => format!("SET {} ", sets.join(", ")),
        };
        update
            .update_expression(format!("{sets}ADD #rev :one{remove}"))
            .build()
            .map_err(built)
    }

    /// The notices that are still to be sent, of all owners.
    pub async fn list_notice_tasks(&self) -> Result<Vec<NoticeTask>, StoreError> {
        let rows = read(whole(self.partition(NoticeTask::PARTITION)), usize::MAX).await?;
        rows.iter().map(NoticeTask::read).collect()
    }

    /// The notice to be sent, and to whom: the recipients that were named, as far as they are members now, or else the owner's OWNERs, and whoever made the key, while a member; `None` where there is no such notice.
    pub async fn find_notice(&self, task: &NoticeTask) -> Result<Option<Addressed>, StoreError> {
        let row = NoticeRow::key(task.owner, task.id);
        let Some(row) = self.find(&self.names.records, row).await? else {
            return Ok(None);
        };
        let notice = NoticeRow::of(&row)?;
        let recipients = match &notice.recipients {
            // Somebody wanted that nobody is mailed.
            Some(named) if named.is_empty() => Vec::new(),
            Some(named) => {
                let store = OwnerStore::new(self.clone(), notice.owner);
                let mut members = store.member_addresses().await?;
                members.retain(|member| named.iter().any(|to| to.eq_ignore_ascii_case(member)));
                match members.is_empty() {
                    false => members,
                    true => self.people_to_tell(&notice).await?,
                }
            }
            None => self.people_to_tell(&notice).await?,
        };
        let owner_name = self.find_owner_name(task.owner).await?;
        Ok(Some(Addressed {
            notice,
            owner_name: owner_name.unwrap_or_default(),
            recipients,
        }))
    }

    async fn people_to_tell(&self, notice: &NoticeRow) -> Result<Vec<String>, StoreError> {
        let key = match notice.key_id {
            Some(id) => self.find_key(id).await?,
            None => None,
        };
        let creator = key.map(|row| row.created_by);
        let creator = creator.filter(|by: &Actor| by.kind == ActorKind::User);
        let store = OwnerStore::new(self.clone(), notice.owner);
        let members = store.member_rows().await?;
        let told = members.into_iter().filter(|member| {
            let is_creator = creator
                .as_ref()
                .is_some_and(|creator| creator.id == member.facts.person.to_string());
            !member.facts.ended && (member.is_owner() || is_creator)
        });
        Ok(addresses(told))
    }

    /// The notice went to these, and is still to be sent to others.
    pub async fn note_sent(
        &self,
        task: &NoticeTask,
        sent: &[String],
        nonce: [u8; 16],
    ) -> Result<(), StoreError> {
        let mut row = task.item();
        // Each writing has more of them.
        row.extend(item([("sent", list(sent)), ("rev", n(sent.len() + 1))]));
        let row = Put::builder()
            .table_name(&self.names.records)
            .set_item(Some(row))
            .condition_expression("attribute_exists(pk)");
        let mut noted = Transaction::default();
        noted.put(row.build().map_err(built)?);
        let noted = noted.commit(self, nonce).await?;
        noted.map_err(|_| StoreError::Conflict)
    }

    /// The notice was sent to all.
    pub async fn end_notice_task(
        &self,
        task: &NoticeTask,
        nonce: [u8; 16],
    ) -> Result<(), StoreError> {
        let mut done = Transaction::default();
        let row = Delete::builder()
            .table_name(&self.names.records)
            .set_key(Some(task.key()));
        done.delete(row.build().map_err(built)?);
        let done = done.commit(self, nonce).await?;
        done.map_err(|_| StoreError::Conflict)
    }
}

impl NoticeTask {
    pub fn owner(&self) -> Owner {
        self.owner
    }

    /// To whom it went already.
    pub fn sent(&self) -> &[String] {
        &self.sent
    }

    /// The partition of all of them, of all owners.
    const PARTITION: &str = "NOTICES";

    /// From a row, or from a stream's image of one; `None` for every other row.
    pub fn of_image(image: serde_dynamo::Item) -> Result<Option<NoticeTask>, StoreError> {
        let row: Item = image.into();
        match row.text("pk") {
            Ok(NoticeTask::PARTITION) => NoticeTask::read(&row).map(Some),
            _ => Ok(None),
        }
    }

    fn key(&self) -> Item {
        key(
            NoticeTask::PARTITION,
            format_args!("{}#{}", self.owner, self.id),
        )
    }

    fn item(&self) -> Item {
        let mut row = self.key();
        row.extend(item([
            // The stream's filter wakes the worker by this word.
            ("entity", s("task")),
            ("owner", s(self.owner)),
            ("noticeId", s(self.id)),
            ("rev", n(1)),
        ]));
        row
    }

    fn read(row: &Item) -> Result<NoticeTask, StoreError> {
        Ok(NoticeTask {
            owner: row.parsed("owner")?,
            id: row.parsed("noticeId")?,
            sent: match row.contains_key("sent") {
                true => row.texts("sent")?.into_iter().map(str::to_owned).collect(),
                false => Vec::new(),
            },
        })
    }
}

/// The key's place in the index, for a row that has these facts.
pub(crate) fn place_in_index(row: &KeyRow) -> Option<[(&'static str, String); 2]> {
    let [shard, at] = BY_NOTICE.1;
    let next = row.notice_at?;
    Some([(shard, shard_of(row.facts.id)), (at, instant(next))])
}

/// By the id's last character, which is random.
pub(crate) fn shard_of(id: KeyId) -> String {
    let last = id.to_string().bytes().last().unwrap_or_default();
    (last % NOTICE_SHARDS).to_string()
}

/// Sorts as the instants do.
pub(crate) fn instant(at: Timestamp) -> String {
    format!("{:015}", at.millis())
}

pub(crate) fn read_instant(row: &Item) -> Result<Option<Timestamp>, StoreError> {
    let millis: Option<i64> = row.parsed_if(BY_NOTICE.1[1])?;
    let at =
        millis.map(|millis| Timestamp::from_millis(millis).ok_or(StoreError::Corrupt("noticeAt")));
    at.transpose()
}

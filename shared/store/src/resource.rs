//! Objects of a company with lists, totals and versions. What jobs and every other resource share.

use aws_sdk_dynamodb::types::{Delete, Put, ReturnValuesOnConditionCheckFailure, Update};
use model::{JobFields, JobId, Timestamp, View};
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt::Display, str::FromStr};

use crate::{
    CompanyStore, Listed, Remembered, Stamp, Start, StoreError,
    item::{Item, Read, item, n, s},
    list::{IndexRow, Run, index_attributes, index_rows},
    transact::{Refused, Transaction, built, put_new},
};

/// A kind of object: what a client sets of it, and how it is listed.
pub trait Resource:
    Serialize + DeserializeOwned + Clone + PartialEq + Send + Sync + 'static
{
    /// In lower case; also the contract's `resourceType`.
    const ENTITY: &'static str;
    type Id: Copy + Display + FromStr + Serialize + Send + Sync;

    fn newest_first(id: Self::Id) -> String;
    fn from_newest_first(text: &str) -> Result<Self::Id, StoreError>;
    /// The values that lists can be filtered by; each has a counter.
    fn filters(&self) -> Vec<(&'static str, String)>;
    /// The words that `q` finds the object by.
    fn words(&self) -> Vec<String>;
}

impl Resource for JobFields {
    const ENTITY: &'static str = "job";
    type Id = JobId;

    fn newest_first(id: JobId) -> String {
        id.newest_first()
    }

    fn from_newest_first(text: &str) -> Result<JobId, StoreError> {
        Ok(JobId::from_newest_first(text)?)
    }

    fn filters(&self) -> Vec<(&'static str, String)> {
        vec![("status", self.status.to_string())]
    }

    fn words(&self) -> Vec<String> {
        self.search_words()
    }
}

/// A stored object.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored<R: Resource> {
    pub id: R::Id,
    pub fields: R,
    pub version: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Which objects a list shows, and how many.
#[derive(Debug, Clone)]
pub struct ListQuery {
    pub filters: Vec<(&'static str, String)>,
    /// As the words are stored: lower-cased and cut.
    pub q: Option<String>,
    pub start: Start,
    pub limit: usize,
}

/// Counters are spread over this many rows, so that writers seldom meet.
const SHARDS: u8 = 8;
/// What a request with two filters reads at the most.
const MAX_READ: usize = 1_000;

impl<R: Resource> Stored<R> {
    pub fn view(&self, store: &CompanyStore) -> View<R::Id, R> {
        View {
            id: self.id,
            company_id: store.company(),
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
            fields: self.fields.clone(),
        }
    }

    fn read(row: &Item) -> Result<Option<Stored<R>>, StoreError> {
        if row.contains_key("deleted") {
            return Ok(None);
        }
        Ok(Some(Stored {
            id: row.parsed("id")?,
            fields: serde_json::from_str(row.text("data")?)
                .map_err(|_| StoreError::Corrupt("data"))?,
            version: row.parsed("version")?,
            created_at: row.instant("created")?,
            updated_at: row.instant("updated")?,
        }))
    }

    fn index(&self) -> Vec<(String, Option<Vec<String>>)> {
        index_rows(
            R::ENTITY,
            &R::newest_first(self.id),
            &self.fields.filters(),
            &self.fields.words(),
        )
    }

    fn data(&self) -> Result<String, StoreError> {
        serde_json::to_string(&self.fields).map_err(|_| StoreError::Corrupt("data"))
    }
}

/// `JOB#`: entity in capitals.
fn sk<R: Resource>(id: R::Id) -> String {
    format!("{}#{id}", R::ENTITY.to_ascii_uppercase())
}

impl CompanyStore {
    /// # Errors
    /// `NotFound` also for what was deleted or is another company's.
    pub async fn get<R: Resource>(&self, id: R::Id) -> Result<Stored<R>, StoreError> {
        let row = self
            .table
            .find(&self.table.names.records, self.key(sk::<R>(id)))
            .await?;
        Stored::read(&row.ok_or(StoreError::NotFound)?)?.ok_or(StoreError::NotFound)
    }

    pub async fn create<R: Resource>(
        &self,
        new: &Stored<R>,
        stamp: &Stamp,
        remembered: Option<&Remembered>,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::default();
        let mut row = self.key(sk::<R>(new.id));
        row.extend(item([
            ("entity", s(R::ENTITY)),
            ("id", s(new.id)),
            ("data", s(new.data()?)),
            ("version", n(new.version)),
            ("rev", n(1)),
            ("created", n(new.created_at.millis())),
            ("updated", n(new.updated_at.millis())),
            (Stamp::ATTRIBUTE, stamp.value()),
        ]));
        transaction.put(put_new(&self.table.names.records, row)?);
        for (sk, words) in new.index() {
            transaction.put(self.index_put(&sk, words)?);
        }
        let counters = new
            .fields
            .filters()
            .into_iter()
            .map(|filter| (Some(filter), 1));
        self.count::<R>(
            &mut transaction,
            std::iter::once((None, 1)).chain(counters),
            stamp,
        )?;
        let remember = self.remember(&mut transaction, remembered)?;
        match transaction.commit(&self.table, stamp.nonce).await? {
            Ok(()) => Ok(()),
            Err(Refused { action, .. }) if Some(action) == remember => Err(StoreError::AlreadyDone),
            Err(_) => Err(StoreError::Conflict),
        }
    }

    /// Replaces `old` by `new`, which has the next version.
    ///
    /// # Errors
    /// `Conflict` when the row is no longer `old`.
    pub async fn update<R: Resource>(
        &self,
        old: &Stored<R>,
        new: &Stored<R>,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::default();
        transaction.update(self.object_update(old, stamp, Some(new))?);
        let (before, after) = (old.index(), new.index());
        for (sk, _) in before.iter().filter(|row| !after.contains(row)) {
            // A search row whose words changed is put again below, and an action per row is all that a transaction may have.
            if !after.iter().any(|(kept, _)| kept == sk) {
                transaction.delete(self.index_delete(sk)?);
            }
        }
        for (sk, words) in after.into_iter().filter(|row| !before.contains(row)) {
            transaction.put(self.index_put(&sk, words)?);
        }
        let (left, entered) = (old.fields.filters(), new.fields.filters());
        let minus = left
            .iter()
            .filter(|filter| !entered.contains(filter))
            .map(|filter| (Some(filter.clone()), -1));
        let plus = entered
            .iter()
            .filter(|filter| !left.contains(filter))
            .map(|filter| (Some(filter.clone()), 1));
        self.count::<R>(&mut transaction, minus.chain(plus), stamp)?;
        transaction
            .commit(&self.table, stamp.nonce)
            .await?
            .map_err(|_| StoreError::Conflict)
    }

    /// Takes the object out of get and lists; the row stays for audit.
    ///
    /// # Errors
    /// `Conflict` when the row is no longer `old`.
    pub async fn delete<R: Resource>(
        &self,
        old: &Stored<R>,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::default();
        transaction.update(self.object_update(old, stamp, None)?);
        for (sk, _) in old.index() {
            transaction.delete(self.index_delete(&sk)?);
        }
        let counters = old
            .fields
            .filters()
            .into_iter()
            .map(|filter| (Some(filter), -1));
        self.count::<R>(
            &mut transaction,
            std::iter::once((None, -1)).chain(counters),
            stamp,
        )?;
        transaction
            .commit(&self.table, stamp.nonce)
            .await?
            .map_err(|_| StoreError::Conflict)
    }

    /// One page of a list, newest first; with `q` in the order of the words that were found.
    pub async fn list<R: Resource>(
        &self,
        query: &ListQuery,
    ) -> Result<Listed<Stored<R>>, StoreError> {
        // The search or the first filter chooses the rows, the others are looked up in the objects.
        let mut others = query.filters.clone();
        let run = match &query.q {
            // No word holds white space, but in an index row the id stands after it.
            Some(q) if q.contains(char::is_whitespace) => return Ok(Listed::nothing()),
            Some(q) => Run::Search(q.clone()),
            None if others.is_empty() => Run::All,
            None => {
                let (name, value) = others.remove(0);
                Run::Filter(name, value)
            }
        };
        let mut page = if others.is_empty() {
            self.page::<R>(&run, query).await?
        } else {
            self.filtered_page::<R>(&run, &others, query).await?
        };
        if query.q.is_some() {
            page.total = None;
            page.total_is_lower_bound = false;
        } else if others.is_empty() {
            page.total = Some(self.total::<R>(query.filters.first()).await?);
        }
        Ok(page)
    }

    /// A page in which every row of the run is shown, but the second row of an object that a search found twice.
    async fn page<R: Resource>(
        &self,
        run: &Run,
        query: &ListQuery,
    ) -> Result<Listed<Stored<R>>, StoreError> {
        let mut after = None;
        let mut skip = 0;
        match &query.start {
            Start::After(position) => after = Some(position.clone()),
            Start::Skip(rows) => skip = usize::try_from(*rows).unwrap_or(usize::MAX),
        }
        let mut shown: Vec<IndexRow> = Vec::new();
        let mut more = false;
        while !more {
            let wanted = skip + query.limit + 1 - shown.len();
            let rows = self.index(R::ENTITY, run, after.as_deref(), wanted).await?;
            let ended = rows.len() < wanted;
            after = rows.last().map(|row| row.position.clone());
            for row in rows.into_iter().filter(|row| !row.again) {
                if skip > 0 {
                    skip -= 1;
                } else if shown.len() == query.limit {
                    more = true;
                    break;
                } else {
                    shown.push(row);
                }
            }
            if ended {
                break;
            }
        }
        let next = more
            .then(|| shown.last().map(|row| row.position.clone()))
            .flatten();
        Ok(Listed {
            items: self.objects(&shown).await?,
            total: None,
            total_is_lower_bound: false,
            next,
        })
    }

    /// A page of the objects that also satisfy `others`; at most 1,000 rows are read, so it may be short and go on.
    async fn filtered_page<R: Resource>(
        &self,
        run: &Run,
        others: &[(&'static str, String)],
        query: &ListQuery,
    ) -> Result<Listed<Stored<R>>, StoreError> {
        let (after, mut skip) = match &query.start {
            Start::After(position) => (Some(position.as_str()), 0),
            Start::Skip(rows) => (None, *rows),
        };
        let mut rows = self.index(R::ENTITY, run, after, MAX_READ + 1).await?;
        let unread = rows.len() > MAX_READ;
        rows.truncate(MAX_READ);
        let mut items = Vec::new();
        let mut found = 0;
        // The last row that a next page need not read again.
        let mut last_shown = None;
        for chunk in rows.chunks(100) {
            for object in self.objects::<R>(chunk).await? {
                let filters = object.fields.filters();
                if !others.iter().all(|other| filters.contains(other)) {
                    continue;
                }
                found += 1;
                if skip > 0 {
                    skip -= 1;
                } else if items.len() < query.limit {
                    let id = R::newest_first(object.id);
                    last_shown = chunk
                        .iter()
                        .find(|row| row.id == id && !row.again)
                        .map(|row| row.position.clone());
                    items.push(object);
                }
            }
        }
        if skip > 0 && unread {
            return Err(StoreError::TooDeep);
        }
        let shown_all = found <= items.len() as u64 + skipped(&query.start, found);
        let next = match (shown_all, unread) {
            (true, false) => None,
            (true, true) => rows.last().map(|row| row.position.clone()),
            (false, _) => last_shown,
        };
        Ok(Listed {
            items,
            total: Some(found),
            total_is_lower_bound: true,
            next,
        })
    }

    /// The objects of the rows, in the rows' order; what was deleted meanwhile is left out.
    async fn objects<R: Resource>(&self, rows: &[IndexRow]) -> Result<Vec<Stored<R>>, StoreError> {
        let mut keys = Vec::with_capacity(rows.len());
        for row in rows.iter().filter(|row| !row.again) {
            keys.push(self.key(sk::<R>(R::from_newest_first(&row.id)?)));
        }
        let found = self.table.get_many(&self.table.names.records, keys).await?;
        let mut objects = Vec::with_capacity(found.len());
        for row in &found {
            objects.extend(Stored::<R>::read(row)?);
        }
        Ok(objects)
    }

    /// The exact number of objects, or of those with one filter's value.
    async fn total<R: Resource>(
        &self,
        filter: Option<&(&'static str, String)>,
    ) -> Result<u64, StoreError> {
        let shards = self.run(&total_prefix::<R>(), None, SHARDS.into()).await?;
        let counter = counter(filter);
        let mut total = 0i64;
        for shard in shards {
            if let Some(count) = shard.get(&counter) {
                let count = count
                    .as_n()
                    .ok()
                    .and_then(|count| count.parse::<i64>().ok());
                total += count.ok_or(StoreError::Corrupt("total"))?;
            }
        }
        // An object may be counted in by one shard and out by another, and a read may fall between the two.
        Ok(u64::try_from(total).unwrap_or_default())
    }

    /// All counters of one write are in one row: one action.
    fn count<R: Resource>(
        &self,
        transaction: &mut Transaction,
        changes: impl Iterator<Item = (Option<(&'static str, String)>, i64)>,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let shard = stamp.nonce[0] % SHARDS;
        let mut add = String::from("ADD #rev :one");
        let mut update = Update::builder()
            .table_name(&self.table.names.records)
            .set_key(Some(self.key(format!("{}{shard}", total_prefix::<R>()))))
            .expression_attribute_names("#rev", "rev")
            .expression_attribute_values(":one", n(1));
        let mut changed = false;
        for (index, (filter, by)) in changes.enumerate() {
            changed = true;
            add.push_str(&format!(", #c{index} :c{index}"));
            update = update
                .expression_attribute_names(format!("#c{index}"), counter(filter.as_ref()))
                .expression_attribute_values(format!(":c{index}"), n(by));
        }
        if changed {
            transaction.update(update.update_expression(add).build().map_err(built)?);
        }
        Ok(())
    }

    fn object_update<R: Resource>(
        &self,
        old: &Stored<R>,
        stamp: &Stamp,
        new: Option<&Stored<R>>,
    ) -> Result<Update, StoreError> {
        let update = Update::builder()
            .table_name(&self.table.names.records)
            .set_key(Some(self.key(sk::<R>(old.id))))
            .condition_expression("#version = :from AND attribute_not_exists(#deleted)")
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#updated", "updated")
            .expression_attribute_names("#changed", Stamp::ATTRIBUTE)
            .expression_attribute_names("#deleted", "deleted")
            .expression_attribute_names("#rev", "rev")
            .expression_attribute_values(":from", n(old.version))
            .expression_attribute_values(":next", n(old.version + 1))
            .expression_attribute_values(":at", n(stamp.at.millis()))
            .expression_attribute_values(":changed", stamp.value())
            .expression_attribute_values(":one", n(1))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::None);
        let common = "SET #version = :next, #updated = :at, #changed = :changed";
        let update = match new {
            Some(new) => update
                .update_expression(format!("{common}, #data = :data ADD #rev :one"))
                .expression_attribute_names("#data", "data")
                .expression_attribute_values(":data", s(new.data()?)),
            None => update.update_expression(format!("{common}, #deleted = :at ADD #rev :one")),
        };
        update.build().map_err(built)
    }

    fn index_put(&self, sk: &str, words: Option<Vec<String>>) -> Result<Put, StoreError> {
        let mut row = self.key(sk);
        row.extend(index_attributes(words));
        Put::builder()
            .table_name(&self.table.names.records)
            .set_item(Some(row))
            .build()
            .map_err(built)
    }

    fn index_delete(&self, sk: &str) -> Result<Delete, StoreError> {
        Delete::builder()
            .table_name(&self.table.names.records)
            .set_key(Some(self.key(sk)))
            .build()
            .map_err(built)
    }

    fn remember(
        &self,
        transaction: &mut Transaction,
        remembered: Option<&Remembered>,
    ) -> Result<Option<usize>, StoreError> {
        let put = remembered
            .map(|remembered| remembered.put(self))
            .transpose()?;
        Ok(put.map(|put| transaction.put(put)))
    }
}

fn total_prefix<R: Resource>() -> String {
    format!("TOTAL#{}#", R::ENTITY)
}

/// A counter's attribute: `all`, or `status=OPEN`.
fn counter(filter: Option<&(&'static str, String)>) -> String {
    match filter {
        None => "all".to_owned(),
        Some((name, value)) => format!("{name}={value}"),
    }
}

/// How many of the `found` rows a page leaves out at its start.
fn skipped(start: &Start, found: u64) -> u64 {
    match start {
        Start::Skip(rows) => (*rows).min(found),
        Start::After(_) => 0,
    }
}

//! Objects of a company with lists, totals and versions. What jobs and every other resource share.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::Duration;
use model::{ObjectId, Timestamp, View, search_word};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    collections::{HashMap, HashSet},
    fmt::Display,
};

use crate::{
    CompanyStore, Listed, Remembered, Stamp, Start, StoreError,
    batch::{between, read},
    item::{Item, Read},
    list::{COUNTERS, IndexRow, Room, Run, due_position},
    write::{SHARDS, refers, severed_sk},
};

/// A kind of object: what is stored of it, and how it is listed.
///
/// Only what is special to a kind need be said; the rest has a default.
pub trait Resource:
    Serialize + DeserializeOwned + Clone + PartialEq + Send + Sync + 'static
{
    /// In lower case; also the contract's `resourceType`.
    const ENTITY: &'static str;
    /// Which fields name other objects of the company; lists can be filtered by each.
    const RELATIONS: &'static [Relation] = &[];
    /// Whether deleting one takes it out of the objects that refer to it.
    const SEVERS: bool = false;
    /// Whether it refers to objects that sever.
    const SEVERED: bool = false;
    /// Whether it can be gone by the clock.
    const EXPIRES: bool = false;
    /// Whether an erasure takes away the kept answers that hold it, so that its row must name them.
    const FORGOTTEN: bool = false;
    /// At how many characters `words` are cut.
    const WORD_LENGTH: usize = 0;
    type Id: ObjectId;

    /// The values that lists can be filtered by, of few different ones: each has a counter.
    fn filters(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// The objects that this one refers to: the field's name as in `RELATIONS`, and the id. How many refer to an object is counted on its own row.
    fn relations(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// What a field or filter of this name refers to.
    fn relation(name: &str) -> Option<&'static Relation> {
        Self::RELATIONS.iter().find(|other| other.filter == name)
    }

    /// The words that `q` finds the object by, as `model::search_word` makes them, none of them twice.
    fn words(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether nothing new may refer to it.
    fn closed(&self) -> bool {
        false
    }

    /// With `EXPIRES`: when it is gone, before anybody comes to take it away.
    fn due(&self) -> Option<Timestamp> {
        None
    }

    /// The field that names of whom it says something that goes with their erasure; `None` while it says nothing.
    fn said_of(&self) -> Option<&'static str> {
        None
    }

    /// With `SEVERED`: leaves out these ids.
    fn sever(&mut self, _gone: &HashSet<String>) {}
}

/// A field that names other objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relation {
    /// The field, and the filter of lists.
    pub filter: &'static str,
    /// The entity of what it names.
    pub entity: &'static str,
    /// Where it stands in a body; elements of an array have their number after it.
    pub pointer: &'static str,
    pub many: bool,
}

/// Why an object can't refer to another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokenRelation {
    /// There is none; `pointer` is the JSON Pointer of where it is named.
    Missing { pointer: String },
    /// It takes nothing new.
    Closed,
}

/// The marker of an object that takes no new ones that refer to it.
pub(crate) const CLOSED: &str = "closed";
/// When an object is gone by the clock.
pub(crate) const EXPIRY: &str = "expiry";

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
    /// As the client wrote it.
    pub q: Option<String>,
    pub start: Start,
    pub limit: usize,
    /// What is gone by the clock isn't shown.
    pub now: Timestamp,
}

/// DynamoDB's own limit, in bytes; it refuses a longer beginning, too.
const MAX_SORT_KEY: usize = 1_024;

/// What a request with two filters reads at the most.
const MAX_READ: usize = 1_000;

impl<R: Resource> Stored<R> {
    /// The first version.
    pub fn new(id: R::Id, fields: R, now: Timestamp) -> Stored<R> {
        Stored {
            id,
            fields,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// The version after this one.
    pub fn next(&self, fields: R, now: Timestamp) -> Stored<R> {
        Stored {
            id: self.id,
            fields,
            version: self.version + 1,
            created_at: self.created_at,
            updated_at: now,
        }
    }

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

    pub(crate) fn read(row: &Item) -> Result<Stored<R>, StoreError> {
        Ok(Stored {
            id: row.parsed("id")?,
            fields: serde_json::from_str(row.text("data")?)
                .map_err(|_| StoreError::Corrupt("data"))?,
            version: row.parsed("version")?,
            created_at: row.instant("created")?,
            updated_at: row.instant("updated")?,
        })
    }

    /// As it is shown: without what was severed, and not at all when it is gone.
    fn shown(
        row: &Item,
        severed: &HashSet<String>,
        now: Timestamp,
    ) -> Result<Option<Stored<R>>, StoreError> {
        if row.contains_key("deleted") {
            return Ok(None);
        }
        let mut object = Stored::<R>::read(row)?;
        if object.fields.due().is_some_and(|due| due <= now) {
            return Ok(None);
        }
        object.fields.sever(severed);
        Ok(Some(object))
    }

    /// The values that lists find the object by.
    pub(crate) fn listed_by(&self) -> Vec<(&'static str, String)> {
        let mut values = self.fields.filters();
        values.extend(self.fields.relations());
        values
    }
}

/// `JOB#…`: entity in capitals.
pub(crate) fn sk(entity: &str, id: impl Display) -> String {
    format!("{}#{id}", entity.to_ascii_uppercase())
}

impl CompanyStore {
    /// # Errors
    /// `NotFound` also for what was deleted, is gone by the clock or is another company's.
    pub async fn get<R: Resource>(
        &self,
        id: R::Id,
        now: Timestamp,
    ) -> Result<Stored<R>, StoreError> {
        const TRIES: u32 = 8;
        let mut object = self.stored::<R>(id, now).await?;
        if !R::SEVERED {
            return Ok(object);
        }
        for _ in 0..TRIES {
            let named = object.fields.relations();
            if named.is_empty() {
                return Ok(object);
            }
            let severed = self.severed_of::<R>(&named).await?;
            // Once more: what was rewritten meanwhile has left no trace of what was severed.
            object = self.stored(id, now).await?;
            if object
                .fields
                .relations()
                .iter()
                .all(|name| named.contains(name))
            {
                object.fields.sever(&severed);
                return Ok(object);
            }
        }
        Err(StoreError::Throttled(
            "others changed the object each time".to_owned(),
        ))
    }

    /// Those of them that are there, in their order, each as its row has it: also with what was severed. For what no relation says, such as names.
    pub async fn find_as_stored<R: Resource>(
        &self,
        ids: &[R::Id],
        now: Timestamp,
    ) -> Result<Vec<Stored<R>>, StoreError> {
        let keys = ids.iter().map(|id| self.key(sk(R::ENTITY, *id))).collect();
        let rows = self.table.get_many(&self.table.names.records, keys).await?;
        let shown = rows
            .iter()
            .filter_map(|row| Stored::shown(row, &HashSet::new(), now).transpose());
        shown.collect()
    }

    /// As its row has it, also with what was severed.
    async fn stored<R: Resource>(
        &self,
        id: R::Id,
        now: Timestamp,
    ) -> Result<Stored<R>, StoreError> {
        let key = self.key(sk(R::ENTITY, id));
        let row = self.table.find(&self.table.names.records, key).await?;
        let row = row.ok_or(StoreError::NotFound)?;
        Stored::shown(&row, &HashSet::new(), now)?.ok_or(StoreError::NotFound)
    }

    /// Which of these are deleted, and still named by others.
    async fn severed_of<R: Resource>(
        &self,
        named: &[(&'static str, String)],
    ) -> Result<HashSet<String>, StoreError> {
        let mut keys = Vec::with_capacity(named.len());
        for (field, id) in named {
            let relation = R::relation(field).ok_or(StoreError::Corrupt("relation"))?;
            keys.push(self.key(severed_sk(relation.entity, id)));
        }
        let rows = self.table.get_many(&self.table.names.records, keys).await?;
        rows.iter()
            .map(|row| Ok(row.text("id")?.to_owned()))
            .collect()
    }

    /// Which of the objects that `new` names, and `old` didn't, are not there or take nothing new.
    pub async fn broken_relations<R: Resource>(
        &self,
        old: Option<&R>,
        new: &R,
        now: Timestamp,
    ) -> Result<Vec<BrokenRelation>, StoreError> {
        let old = old.map(R::relations).unwrap_or_default();
        let mut asked: Vec<(String, String)> = Vec::new();
        let mut places = HashMap::<&str, usize>::new();
        for (field, id) in new.relations() {
            let relation = R::relation(field).ok_or(StoreError::Corrupt("relation"))?;
            let place = places.entry(field).or_default();
            let pointer = match relation.many {
                true => format!("{}/{place}", relation.pointer),
                false => relation.pointer.to_owned(),
            };
            *place += 1;
            if !old.contains(&(field, id.clone())) {
                asked.push((sk(relation.entity, id), pointer));
            }
        }
        let keys = asked.iter().map(|(sk, _)| self.key(sk)).collect();
        let rows = self.table.get_many(&self.table.names.records, keys).await?;
        let mut there = HashMap::new();
        for row in &rows {
            let gone = row.contains_key("deleted")
                || row.instant_if(EXPIRY)?.is_some_and(|expiry| expiry <= now);
            if !gone {
                there.insert(row.text("sk")?, row.contains_key(CLOSED));
            }
        }
        let broken = asked
            .into_iter()
            .filter_map(|(sk, pointer)| match there.get(sk.as_str()) {
                None => Some(BrokenRelation::Missing { pointer }),
                Some(true) => Some(BrokenRelation::Closed),
                Some(false) => None,
            });
        Ok(broken.collect())
    }

    pub async fn create<R: Resource>(
        &self,
        new: &Stored<R>,
        stamp: &Stamp,
        remembered: Option<Remembered>,
    ) -> Result<(), StoreError> {
        self.write(stamp)
            .create(new)
            .remember(remembered)
            .commit()
            .await
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
        self.write(stamp).update(old, new).commit().await
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
        self.write(stamp).delete(old).commit().await
    }

    /// Deleted objects that others still name, until each of those was rewritten.
    ///
    /// Read before the objects: what is rewritten later was severed when the request came.
    async fn severed<R: Resource>(&self) -> Result<HashSet<String>, StoreError> {
        let mut gone = HashSet::new();
        if R::SEVERED {
            for row in self.run(SEVERED, None, usize::MAX).await? {
                gone.insert(row.text("id")?.to_owned());
            }
        }
        Ok(gone)
    }

    /// What is gone by the clock and still there, as lists name it, with the counters that still count it.
    async fn expired<R: Resource>(
        &self,
        now: Timestamp,
    ) -> Result<HashMap<String, Vec<String>>, StoreError> {
        let mut expired = HashMap::new();
        if R::EXPIRES {
            let run = Run::Due.prefix(R::ENTITY);
            let after_now = due_position(now.plus(Duration::milliseconds(1)), "");
            let rows = self.table.partition(self.owner());
            let rows = between(rows, &run, &format!("{run}{after_now}"))
                .projection_expression("sk, #counters")
                .expression_attribute_names("#counters", COUNTERS);
            for row in read(rows, usize::MAX).await? {
                let id = row.text("sk")?.rsplit('#').next().unwrap_or_default();
                let counters = row.texts(COUNTERS)?;
                expired.insert(
                    id.to_owned(),
                    counters.into_iter().map(str::to_owned).collect(),
                );
            }
        }
        Ok(expired)
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
            Some(q) => Run::Search(search_word(q, R::WORD_LENGTH)),
            None if others.is_empty() => Run::All,
            None => {
                let (name, value) = others.remove(0);
                Run::Filter(name, value)
            }
        };
        // No stored word is that long.
        if run.prefix(R::ENTITY).len() >= MAX_SORT_KEY {
            return Ok(Listed::nothing());
        }
        // Before the rows: what is rewritten meanwhile leaves no trace of what was severed.
        let (severed, expired) =
            tokio::try_join!(self.severed::<R>(), self.expired::<R>(query.now))?;
        let unseen = Unseen { severed, expired };
        let of_severed = |(name, id): &(&str, String)| {
            R::relation(name).is_some() && unseen.severed.contains(id)
        };
        if query.filters.iter().any(of_severed) {
            return Ok(Listed {
                total: query.q.is_none().then_some(0),
                ..Listed::nothing()
            });
        }
        if !others.is_empty() {
            let mut page = self
                .filtered_page::<R>(&run, &others, query, &unseen)
                .await?;
            if query.q.is_some() {
                page.total = None;
                page.total_is_lower_bound = false;
            }
            return Ok(page);
        }
        let total = async {
            match query.q {
                Some(_) => Ok(None),
                None => {
                    let total = self.total::<R>(query.filters.first(), &unseen);
                    total.await.map(Some)
                }
            }
        };
        let (mut page, total) = tokio::try_join!(self.page::<R>(&run, query, &unseen), total)?;
        page.total = total;
        page.total_is_lower_bound &= total.is_some();
        Ok(page)
    }

    /// A page in which every row of the run is shown, but the second row of an object that a search found twice.
    async fn page<R: Resource>(
        &self,
        run: &Run,
        query: &ListQuery,
        unseen: &Unseen,
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
            for row in rows.into_iter().filter(|row| unseen.shows(row)) {
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
        let mut items = Vec::new();
        let mut room = Room::new();
        // The last row that a next page need not read again.
        let mut last = shown.last().filter(|_| more);
        let mut cut = false;
        for found in self.objects(&shown, unseen, query.now).await? {
            if !room.take(found.needed) {
                last = row_of(&shown, items.last());
                cut = true;
                break;
            }
            items.push(found.object);
        }
        Ok(Listed {
            next: last.map(|row| row.position.clone()),
            items,
            total: None,
            total_is_lower_bound: false,
            cut,
        })
    }

    /// A page of the objects that also satisfy `others`; at most 1,000 rows are read, so it may be short and go on.
    async fn filtered_page<R: Resource>(
        &self,
        run: &Run,
        others: &[(&'static str, String)],
        query: &ListQuery,
        unseen: &Unseen,
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
        let mut room = Room::new();
        let mut cut = false;
        // The last row that a next page need not read again.
        let mut last_shown = None;
        for chunk in rows.chunks(100) {
            for Found { object, needed } in self.objects::<R>(chunk, unseen, query.now).await? {
                let filters = object.listed_by();
                if !others.iter().all(|other| filters.contains(other)) {
                    continue;
                }
                found += 1;
                if skip > 0 {
                    skip -= 1;
                } else if items.len() < query.limit && !cut {
                    cut = !room.take(needed);
                    if !cut {
                        last_shown = row_of(chunk, Some(&object)).map(|row| row.position.clone());
                        items.push(object);
                    }
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
            cut,
        })
    }

    /// The objects of the rows, in the rows' order; what was deleted meanwhile is left out.
    async fn objects<R: Resource>(
        &self,
        rows: &[IndexRow],
        unseen: &Unseen,
        now: Timestamp,
    ) -> Result<Vec<Found<R>>, StoreError> {
        let mut keys = Vec::with_capacity(rows.len());
        for row in rows.iter().filter(|row| unseen.shows(row)) {
            keys.push(self.key(sk(R::ENTITY, R::Id::from_newest_first(&row.id)?)));
        }
        let found = self.table.get_many(&self.table.names.records, keys).await?;
        let mut objects = Vec::with_capacity(found.len());
        for row in &found {
            let needed = Room::needed(row.text("data")?);
            let shown = Stored::<R>::shown(row, &unseen.severed, now)?;
            objects.extend(shown.map(|object| Found { object, needed }));
        }
        Ok(objects)
    }

    /// The exact number of objects, or of those with one filter's value.
    async fn total<R: Resource>(
        &self,
        filter: Option<&(&'static str, String)>,
        unseen: &Unseen,
    ) -> Result<u64, StoreError> {
        let counter = counter(filter);
        let related = filter.and_then(|(name, id)| Some((R::relation(name)?, id)));
        let counted = match related {
            Some((relation, id)) => self.referring::<R>(relation, id).await?,
            None => self.counted::<R>(&counter).await?,
        };
        let counts = |counters: &&Vec<String>| filter.is_none() || counters.contains(&counter);
        let gone = unseen.expired.values().filter(counts).count() as u64;
        Ok(counted.saturating_sub(gone))
    }

    /// How many objects name this one, as its own row counts them.
    async fn referring<R: Resource>(
        &self,
        relation: &Relation,
        id: &str,
    ) -> Result<u64, StoreError> {
        let key = self.key(sk(relation.entity, id));
        let row = self.table.find(&self.table.names.records, key).await?;
        let count = |row: Item| match row.get(&refers(R::ENTITY)) {
            Some(AttributeValue::N(count)) => {
                count.parse().map_err(|_| StoreError::Corrupt("count"))
            }
            _ => Ok(0),
        };
        row.map(count).unwrap_or(Ok(0))
    }

    async fn counted<R: Resource>(&self, counter: &str) -> Result<u64, StoreError> {
        let shards = self
            .run(&total_prefix(R::ENTITY), None, SHARDS.into())
            .await?;
        let mut total = 0i64;
        for shard in shards {
            if let Some(count) = shard.get(counter) {
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
}

/// An object that a list found.
struct Found<R: Resource> {
    object: Stored<R>,
    /// How much [`Room`] it needs.
    needed: usize,
}

/// The row that shows the object.
fn row_of<'r, R: Resource>(
    rows: &'r [IndexRow],
    object: Option<&Stored<R>>,
) -> Option<&'r IndexRow> {
    let id = object?.id.newest_first();
    rows.iter().find(|row| row.id == id && !row.again)
}

/// What is stored and not to be shown.
#[derive(Debug)]
struct Unseen {
    severed: HashSet<String>,
    expired: HashMap<String, Vec<String>>,
}

impl Unseen {
    fn shows(&self, row: &IndexRow) -> bool {
        !row.again && !self.expired.contains_key(&row.id)
    }
}

/// What the sort keys of severed objects' rows start with.
pub(crate) const SEVERED: &str = "SEVERED#";

pub(crate) fn total_prefix(entity: &str) -> String {
    format!("TOTAL#{entity}#")
}

/// A counter's attribute: `all`, or `status=OPEN`.
pub(crate) fn counter(filter: Option<&(&'static str, String)>) -> String {
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

//! Index rows: every list is a run of rows in the company's own partition, written with what it lists.

use model::{InvalidId, ObjectId, Timestamp};

use crate::{
    CompanyStore, Resource, StoreError, Stored,
    item::{Item, Read, item, list, n, s},
    resource::counter,
};

/// A page, and where the next one starts.
#[derive(Debug, Clone)]
pub struct Listed<T> {
    pub items: Vec<T>,
    /// `None` where it isn't known.
    pub total: Option<u64>,
    pub total_is_lower_bound: bool,
    /// The position of the last row shown, when there are more.
    pub next: Option<String>,
    /// Whether it ends before its limit, because one more would not have fitted into an answer.
    pub cut: bool,
}

impl<T> Listed<T> {
    /// A page of a list that was read in full, in descending order of the positions.
    pub(crate) fn of_all(
        rows: Vec<T>,
        start: &Start,
        limit: usize,
        position: impl Fn(&T) -> String,
    ) -> Listed<T> {
        let total = rows.len();
        let from = match start {
            Start::Skip(rows) => usize::try_from(*rows).unwrap_or(usize::MAX),
            // What stood there may be gone.
            Start::After(last) => rows.partition_point(|row| position(row) >= *last),
        };
        let from = from.min(total);
        let end = total.min(from.saturating_add(limit));
        let next = (from < end && end < total).then(|| position(&rows[end - 1]));
        Listed {
            items: rows.into_iter().take(end).skip(from).collect(),
            total: Some(total as u64),
            total_is_lower_bound: false,
            next,
            cut: false,
        }
    }

    /// The same page of other items.
    pub(crate) fn with<U>(self, items: Vec<U>) -> Listed<U> {
        Listed {
            items,
            total: self.total,
            total_is_lower_bound: self.total_is_lower_bound,
            next: self.next,
            cut: self.cut,
        }
    }

    /// The list that has this one row.
    pub fn only(row: T, start: &Start) -> Listed<T> {
        Listed::of_all(vec![row], start, 1, |_| String::new())
    }

    /// What a search finds that can't find anything.
    pub(crate) fn nothing() -> Listed<T> {
        Listed {
            items: Vec::new(),
            total: None,
            total_is_lower_bound: false,
            next: None,
            cut: false,
        }
    }
}

/// How much more a page may hold.
///
/// Lambda takes 6 MB of an answer, which is JSON that holds the body as a text: quotes and backslashes are escaped once more.
#[derive(Debug)]
pub(crate) struct Room {
    used: usize,
}

impl Room {
    const BYTES: usize = 5_000_000;
    /// What every object has beside its own: ids, version, times.
    const COMMON: usize = 512;

    pub(crate) fn new() -> Room {
        Room { used: 0 }
    }

    /// How much an object of this JSON needs.
    pub(crate) fn needed(json: &str) -> usize {
        let escaped = json.bytes().filter(|byte| matches!(byte, b'"' | b'\\'));
        Self::COMMON + json.len() + escaped.count()
    }

    /// Takes that much; false where it doesn't fit. The first always does, so that every page goes on.
    pub(crate) fn take(&mut self, needed: usize) -> bool {
        let fits = self.used == 0 || self.used + needed <= Self::BYTES;
        if fits {
            self.used += needed;
        }
        fits
    }
}

/// Where a page starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// After this many rows.
    Skip(u64),
    /// After the row at this position, which an earlier page gave.
    After(String),
}

/// One run of index rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Run {
    All,
    /// Rows whose field has this value.
    Filter(&'static str, String),
    /// Rows with a word that starts so, the words in order.
    Search(String),
    /// What will be gone by the clock, the first first.
    Due,
}

impl Run {
    /// What all sort keys of the run start with. Values are enums and ids, words have no white space: neither can reach into another run.
    pub(crate) fn prefix(&self, entity: &str) -> String {
        match self {
            Run::All => format!("IX#{entity}#all#"),
            Run::Filter(name, value) => format!("IX#{entity}#{name}={value}#"),
            Run::Search(q) => format!("{}{q}", search(entity)),
            Run::Due => format!("IX#{entity}#due#"),
        }
    }

    /// What no position of the run repeats: of a search the word is a part of the position.
    fn constant(&self, entity: &str) -> String {
        match self {
            Run::Search(_) => search(entity),
            _ => self.prefix(entity),
        }
    }
}

fn search(entity: &str) -> String {
    format!("IX#{entity}#q#")
}

/// The index rows of one object: their sort keys and what they hold.
pub(crate) fn index_rows<R: Resource>(object: &Stored<R>) -> Vec<(String, Option<Vec<String>>)> {
    let entity = R::ENTITY;
    let position = object.id.newest_first();
    let filters = object.listed_by();
    let words = object.fields.words();
    let filtered = filters
        .iter()
        .map(|(name, value)| Run::Filter(name, value.clone()));
    let runs = std::iter::once(Run::All).chain(filtered);
    let mut rows: Vec<_> = runs
        .map(|run| (format!("{}{position}", run.prefix(entity)), None))
        .collect();
    for word in &words {
        // The words tell a list which of its rows shows the object first.
        rows.push((
            format!("{}{word} {position}", search(entity)),
            Some(words.clone()),
        ));
    }
    if let Some(due) = object.fields.due() {
        // The counters tell a total what it must leave out.
        let counters = filters.iter().map(|filter| counter(Some(filter)));
        rows.push((
            format!(
                "{}{}",
                Run::Due.prefix(entity),
                due_position(due, &position)
            ),
            Some(counters.collect()),
        ));
    }
    rows
}

/// Ascending with the time.
pub(crate) fn due_position(due: Timestamp, position: &str) -> String {
    format!("{:016}#{position}", due.millis())
}

/// Where a search row keeps the object's words, and a row of [`Run::Due`] its counters.
pub(crate) const COUNTERS: &str = "words";

/// An index row's attributes beside its key.
pub(crate) fn index_attributes(words: Option<Vec<String>>) -> Item {
    let mut row = item([("entity", s("index")), ("rev", n(1))]);
    row.extend(words.map(|words| (COUNTERS.to_owned(), list(words))));
    row
}

/// An index row that was read.
#[derive(Debug, Clone)]
pub(crate) struct IndexRow {
    /// The sort key without the run's constant part: the position of a cursor.
    pub(crate) position: String,
    /// The id, newest first.
    pub(crate) id: String,
    /// Whether the object was shown before, at an earlier word of the same search.
    pub(crate) again: bool,
}

impl IndexRow {
    fn read(row: &Item, run: &Run, entity: &str) -> Result<IndexRow, StoreError> {
        let sk = row.text("sk")?;
        let position = sk
            .strip_prefix(run.constant(entity).as_str())
            .ok_or(StoreError::Corrupt("sk"))?;
        let Run::Search(q) = run else {
            return Ok(IndexRow {
                position: position.to_owned(),
                id: position.to_owned(),
                again: false,
            });
        };
        let (word, id) = position.rsplit_once(' ').ok_or(StoreError::Corrupt("sk"))?;
        let words = row.texts("words")?;
        Ok(IndexRow {
            position: position.to_owned(),
            id: id.to_owned(),
            again: words
                .iter()
                .any(|other| *other < word && other.starts_with(q.as_str())),
        })
    }
}

impl CompanyStore {
    /// At most `limit` rows of a run after the position `start`.
    pub(crate) async fn index(
        &self,
        entity: &'static str,
        run: &Run,
        start: Option<&str>,
        limit: usize,
    ) -> Result<Vec<IndexRow>, StoreError> {
        let after = start.map(|position| run.constant(entity) + position);
        let prefix = run.prefix(entity);
        let rows = self.run(&prefix, after.as_deref(), limit).await?;
        rows.iter()
            .map(|row| IndexRow::read(row, run, entity))
            .collect()
    }
}

impl From<InvalidId> for StoreError {
    fn from(_: InvalidId) -> StoreError {
        StoreError::Corrupt("id")
    }
}

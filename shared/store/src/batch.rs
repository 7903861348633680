//! Many rows in few calls.

use aws_sdk_dynamodb::{operation::query::builders::QueryFluentBuilder, types::KeysAndAttributes};
use futures_util::future::try_join_all;
use std::{
    collections::{HashMap, HashSet},
    fmt::Display,
    time::Duration,
};

use crate::{
    Listed, OwnerStore, Start, StoreError, Table,
    item::{Item, Read, s},
    transact::built,
};

/// A projection.
struct Parts {
    expression: String,
    /// Some of them are reserved words.
    names: HashMap<String, String>,
}

impl Parts {
    /// And the row's key.
    fn of(parts: &[&str]) -> Parts {
        let all = ["pk", "sk"].iter().chain(parts).enumerate();
        let names: HashMap<_, _> = all
            .map(|(number, name)| (format!("#p{number}"), (*name).to_owned()))
            .collect();
        let placeholders: Vec<_> = names.keys().map(String::as_str).collect();
        Parts {
            expression: placeholders.join(", "),
            names,
        }
    }
}

impl Table {
    const MAX_STALLS: u32 = 5;
    /// Calls that are under way together, where there are more rows than one brings.
    const AT_ONCE: usize = 10;

    /// Rows by their keys, strongly, in the keys' order; what isn't there is left out.
    pub(crate) async fn get_many(
        &self,
        table: &str,
        keys: Vec<Item>,
    ) -> Result<Vec<Item>, StoreError> {
        self.get(table, keys, None).await
    }

    /// The same of these attributes alone: DynamoDB reads and charges the whole rows, and sends little.
    pub(crate) async fn get_parts(
        &self,
        table: &str,
        keys: Vec<Item>,
        parts: &[&str],
    ) -> Result<Vec<Item>, StoreError> {
        self.get(table, keys, Some(&Parts::of(parts))).await
    }

    async fn get(
        &self,
        table: &str,
        keys: Vec<Item>,
        parts: Option<&Parts>,
    ) -> Result<Vec<Item>, StoreError> {
        let (mut order, mut wanted) = (Vec::new(), Vec::new());
        // The same row twice is refused; two pages of an index may tell of one object, because it changed between them.
        let mut seen = HashSet::with_capacity(keys.len());
        for key in keys {
            let primary = primary(&key)?;
            if seen.insert(primary.clone()) {
                order.push(primary);
                wanted.push(key);
            }
        }
        let mut found = HashMap::with_capacity(wanted.len());
        for together in wanted.chunks(100 * Self::AT_ONCE) {
            let hundreds = together.chunks(100);
            let hundreds = hundreds.map(|keys| self.get_hundred(table, keys.to_vec(), parts));
            for row in try_join_all(hundreds).await?.into_iter().flatten() {
                found.insert(primary(&row)?, row);
            }
        }
        Ok(order
            .iter()
            .filter_map(|primary| found.remove(primary))
            .collect())
    }

    /// The same for at most 100 keys, each another one; in no order.
    async fn get_hundred(
        &self,
        table: &str,
        mut wanted: Vec<Item>,
        parts: Option<&Parts>,
    ) -> Result<Vec<Item>, StoreError> {
        let mut rows = Vec::with_capacity(wanted.len());
        let mut stalls = 0;
        loop {
            let before = wanted.len();
            let request = KeysAndAttributes::builder()
                .set_keys(Some(wanted))
                .consistent_read(true)
                .set_projection_expression(parts.map(|parts| parts.expression.clone()))
                .set_expression_attribute_names(parts.map(|parts| parts.names.clone()))
                .build()
                .map_err(built)?;
            let answer = self
                .client
                .batch_get_item()
                .request_items(table, request)
                .send()
                .await
                .map_err(StoreError::from_sdk)?;
            let answered = answer.responses.and_then(|mut all| all.remove(table));
            rows.extend(answered.unwrap_or_default());
            let left = answer
                .unprocessed_keys
                .and_then(|mut left| left.remove(table));
            wanted = left.map(|left| left.keys).unwrap_or_default();
            if wanted.is_empty() {
                return Ok(rows);
            }
            // Left over is what goes beyond 16 MB, or what was throttled; only a call that brings nothing says which.
            stalls = if wanted.len() < before { 0 } else { stalls + 1 };
            if stalls == Self::MAX_STALLS {
                return Err(StoreError::Throttled("rows were left unread".to_owned()));
            }
            tokio::time::sleep(Duration::from_millis(10 << stalls)).await;
        }
    }
}

impl Table {
    /// The rows of a partition of `records`, strongly: [`whole`], [`starting`] or [`between`] says which, and [`read`] reads them.
    pub(crate) fn partition(&self, pk: impl Display) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.names.records)
            .expression_attribute_values(":pk", s(pk))
            .consistent_read(true)
    }
}

impl Table {
    /// The rows of `records` that a page names, in its order.
    pub(crate) async fn shown<I, T>(
        &self,
        page: Listed<I>,
        key: impl Fn(&I) -> Result<Item, StoreError>,
        read: impl Fn(&Item) -> Result<T, StoreError>,
    ) -> Result<Listed<T>, StoreError> {
        let keys = page.items.iter().map(key).collect::<Result<_, _>>()?;
        let rows = self.get_many(&self.names.records, keys).await?;
        let items = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(page.with(items))
    }
}

impl OwnerStore {
    /// A page of the owner's rows whose sort keys start so, and whether there are more. `constant`: what no position repeats of a sort key.
    pub(crate) async fn page(
        &self,
        prefix: &str,
        constant: &str,
        start: &Start,
        limit: usize,
    ) -> Result<(Vec<Item>, bool), StoreError> {
        let (after, skip) = match start {
            Start::Skip(rows) => (None, usize::try_from(*rows).unwrap_or(usize::MAX)),
            Start::After(position) => (Some(format!("{constant}{position}")), 0),
        };
        let wanted = skip.saturating_add(limit).saturating_add(1);
        let mut rows = self.run(prefix, after.as_deref(), wanted).await?;
        rows.drain(..skip.min(rows.len()));
        let more = rows.len() > limit;
        rows.truncate(limit);
        Ok((rows, more))
    }

    /// What the row counts, whose things are never deleted: all that were ever made.
    pub(crate) async fn ever_made(&self, counter: &str) -> Result<u64, StoreError> {
        let key = self.key(counter);
        match self.table.find(&self.table.names.records, key).await? {
            None => Ok(0),
            Some(count) => count.parsed("every"),
        }
    }

    /// At most `limit` of the owner's rows whose sort keys start so, strongly, from the one after `after` on.
    pub(crate) async fn run(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Item>, StoreError> {
        // A position outside the run is no place to start from; cursors are sealed, so this is never a client's doing.
        if after.is_some_and(|after| !after.starts_with(prefix)) {
            return Err(StoreError::Corrupt("position"));
        }
        let query = starting(self.table.partition(self.owner()), prefix)
            .set_exclusive_start_key(after.map(|after| self.key(after)));
        read(query, limit).await
    }
}

pub(crate) fn whole(partition: QueryFluentBuilder) -> QueryFluentBuilder {
    partition.key_condition_expression("pk = :pk")
}

pub(crate) fn starting(partition: QueryFluentBuilder, prefix: &str) -> QueryFluentBuilder {
    partition
        .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
        .expression_attribute_values(":sk", s(prefix))
}

/// Both ends are taken in.
pub(crate) fn between(partition: QueryFluentBuilder, from: &str, to: &str) -> QueryFluentBuilder {
    partition
        .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
        .expression_attribute_values(":from", s(from))
        .expression_attribute_values(":to", s(to))
}

/// At most `limit` rows; one page of DynamoDB is 1 MB.
pub(crate) async fn read(query: QueryFluentBuilder, limit: usize) -> Result<Vec<Item>, StoreError> {
    let mut rows = Vec::new();
    let mut next = query.clone();
    while rows.len() < limit {
        let page = next
            .limit(i32::try_from(limit - rows.len()).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        rows.extend(page.items.unwrap_or_default());
        // A page may be empty and still have a last key.
        if page.last_evaluated_key.is_none() {
            break;
        }
        next = query
            .clone()
            .set_exclusive_start_key(page.last_evaluated_key);
    }
    Ok(rows)
}

pub(crate) fn primary(row: &Item) -> Result<(String, String), StoreError> {
    Ok((row.text("pk")?.to_owned(), row.text("sk")?.to_owned()))
}

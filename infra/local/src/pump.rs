//! From the tables' streams to the audit consumer and the worker, as Lambda's event source mappings do it.
//!
//! Each stream is dealt to 4 virtual shards by partition key; a shard keeps its order and runs beside the others.
//! Delivery is at least once: a record is forgotten only after it was consumed.

use embedded::{Engine, EngineError, StreamRecord};
use serde_json::json;
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time,
};

use crate::functions::Functions;

const SHARDS: usize = 4;
const MAX_BATCH: usize = 100;
/// What a shard may lag behind before it keeps its stream from being read on.
const MAX_QUEUE: usize = 1_000;
/// Records that come together are handed over together, unless somebody waits.
const WINDOW: Duration = Duration::from_millis(50);
/// Between two reads of a stream that goes on, unless somebody waits: what is consumed together costs a fraction of what comes one by one.
const LINGER: Duration = Duration::from_millis(100);
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Lambda would give up a record now; here it blocks its shard, and whoever waits is told.
const MAX_ATTEMPTS: u32 = 6;

/// The running pump; it stops when dropped.
#[derive(Debug)]
pub(crate) struct Pump {
    engine: Engine,
    tables: Vec<String>,
    /// How many wait for the streams to run dry.
    waiting: watch::Sender<usize>,
    progress: watch::Sender<Stuck>,
    _tasks: JoinSet<()>,
}

/// The record that keeps being refused; said after every batch.
type Stuck = Option<String>;

impl Pump {
    /// Starts one reader for each table and its shards.
    pub(crate) fn start(engine: &Engine, tables: Vec<String>, functions: &Functions) -> Pump {
        let waiting = watch::Sender::new(0);
        let progress = watch::Sender::new(Stuck::None);
        let mut tasks = JoinSet::new();
        for table in &tables {
            let mut shards = Vec::new();
            for _ in 0..SHARDS {
                let (sender, records) = mpsc::channel(MAX_QUEUE);
                shards.push(sender);
                let shard = Shard {
                    engine: engine.clone(),
                    table: table.clone(),
                    functions: functions.clone(),
                    progress: progress.clone(),
                };
                tasks.spawn(shard.run(records));
            }
            tasks.spawn(read(
                engine.clone(),
                table.clone(),
                shards,
                waiting.subscribe(),
            ));
        }
        Pump {
            engine: engine.clone(),
            tables,
            waiting,
            progress,
            _tasks: tasks,
        }
    }

    /// Waits until everything that was written is consumed.
    ///
    /// # Errors
    /// The consumer keeps refusing a record.
    pub(crate) async fn settle(&self) -> anyhow::Result<()> {
        let _waiting = Waiting::begin(&self.waiting);
        let mut progress = self.progress.subscribe();
        loop {
            if let Some(record) = &*progress.borrow_and_update() {
                anyhow::bail!("the audit consumer refuses {record}");
            }
            let mut dry = true;
            for table in &self.tables {
                dry &= self.engine.stream_records(table, None, 1)?.is_empty();
            }
            if dry {
                return Ok(());
            }
            progress.changed().await?;
        }
    }
}

/// Counts one more waiting until dropped, also by a caller that stops waiting.
struct Waiting<'w>(&'w watch::Sender<usize>);

impl Waiting<'_> {
    fn begin(count: &watch::Sender<usize>) -> Waiting<'_> {
        count.send_modify(|count| *count += 1);
        Waiting(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// Deals a table's stream to its shards.
async fn read(
    engine: Engine,
    table: String,
    shards: Vec<mpsc::Sender<StreamRecord>>,
    mut waiting: watch::Receiver<usize>,
) {
    let mut after = None;
    loop {
        let records = match engine.stream_records(&table, after, MAX_QUEUE) {
            Ok(records) => records,
            Err(error) => {
                tracing::error!(table, error = source(&error), "stream not read");
                time::sleep(LONGEST_PAUSE).await;
                continue;
            }
        };
        if records.is_empty() {
            engine.changed().await;
            pause(WINDOW, &mut waiting).await;
            continue;
        }
        let all = records.len() < MAX_QUEUE;
        for record in records {
            after = Some(record.sequence_number);
            let shard = &shards[shard_of(&record.partition_key)];
            if shard.send(record).await.is_err() {
                return;
            }
        }
        if all {
            pause(LINGER, &mut waiting).await;
        }
    }
}

/// As long, or until somebody waits for the streams to run dry.
async fn pause(longest: Duration, waiting: &mut watch::Receiver<usize>) {
    // An error would mean that the pump is gone, and the reader with it.
    let _ = time::timeout(longest, waiting.wait_for(|count| *count > 0)).await;
}

fn shard_of(partition_key: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    partition_key.hash(&mut hasher);
    usize::try_from(hasher.finish() % SHARDS as u64).unwrap_or_default()
}

struct Shard {
    engine: Engine,
    table: String,
    functions: Functions,
    progress: watch::Sender<Stuck>,
}

impl Shard {
    async fn run(self, mut records: mpsc::Receiver<StreamRecord>) {
        let mut batch = Vec::new();
        while records.recv_many(&mut batch, MAX_BATCH).await > 0 {
            self.hand_over(&mut batch).await;
        }
    }

    /// Until the whole batch is consumed, from the record on that was refused.
    async fn hand_over(&self, batch: &mut Vec<StreamRecord>) {
        let mut attempts = 0;
        while !batch.is_empty() {
            let consumed = self.consumed(batch).await;
            self.wake_worker(&batch[..consumed]).await;
            attempts = if consumed > 0 { 0 } else { attempts + 1 };
            let done: Vec<_> = batch
                .drain(..consumed)
                .map(|record| record.sequence_number)
                .collect();
            if let Err(error) = self.engine.trim_records(&self.table, &done) {
                // They will be delivered again after the next start, which changes nothing.
                tracing::error!(
                    table = self.table,
                    error = source(&error),
                    "stream not trimmed"
                );
            }
            let stuck = batch.first().filter(|_| attempts >= MAX_ATTEMPTS);
            let stuck =
                stuck.map(|record| format!("record {} of {}", record.sequence_number, self.table));
            self.progress.send_modify(|progress| {
                // Another shard may be stuck as well.
                if stuck.is_some() || consumed > 0 {
                    *progress = stuck;
                }
            });
            if !batch.is_empty() {
                time::sleep((FIRST_PAUSE * 2_u32.pow(attempts.min(10))).min(LONGEST_PAUSE)).await;
            }
        }
    }

    /// What it leaves, its schedule has it do later.
    async fn wake_worker(&self, batch: &[StreamRecord]) {
        let tasks = batch.iter().filter(|record| is_task(record));
        let records: Vec<_> = tasks.map(|record| &record.json).collect();
        if records.is_empty() {
            return;
        }
        if let Err(failed) = self.functions.work(json!({ "Records": records })).await {
            tracing::error!(function = "worker", %failed, "function failed");
        }
    }

    /// How many of the first records were consumed.
    async fn consumed(&self, batch: &[StreamRecord]) -> usize {
        let telling = batch.iter().filter(|record| !is_silent(record));
        let records: Vec<_> = telling.map(|record| &record.json).collect();
        if records.is_empty() {
            return batch.len();
        }
        match self.functions.consume(json!({ "Records": records })).await {
            Ok(refused) if refused.is_empty() => batch.len(),
            Ok(refused) => {
                let first = batch
                    .iter()
                    .position(|record| refused.contains(&record.sequence_number.to_string()));
                first.unwrap_or(0)
            }
            Err(failed) => {
                tracing::error!(function = "audit", table = self.table, %failed, "function failed");
                0
            }
        }
    }
}

/// What the template's filter lets through to the worker.
fn is_task(record: &StreamRecord) -> bool {
    let change = &record.json["dynamodb"];
    record.json["eventName"] == "INSERT" && change["NewImage"]["entity"]["S"] == "task"
}

/// What the template's filter keeps from the audit consumer. Counters have no entity, and no filter of Lambda's matches what isn't there.
fn is_silent(record: &StreamRecord) -> bool {
    let change = &record.json["dynamodb"];
    let images = [&change["NewImage"], &change["OldImage"]];
    let image = images.into_iter().find(|image| image.is_object());
    let entity = image.and_then(|image| image["entity"]["S"].as_str());
    entity.is_some_and(|entity| store::SILENT.contains(&entity))
}

fn source(error: &EngineError) -> String {
    let source = std::error::Error::source(error);
    source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

#[cfg(test)]
mod tests;

//! Many requests through the pure decision and the streams on a bad day: counters, usage and events agree exactly.
//!
//! The rows are kept here and not in the store, whose writes would take most of the time: what a request's write does to a row is the write's expression, said again in a few lines.

use audit::{Consumer, NotHeld, Quarantine, Unreadable, consume};
use auth::{
    Answer, Asked, Commit, Decision, GivenReason, KeyFacts, Keyring, NamedCompany, NamedPartner,
    Nonce, PresentedKey, SecretDocument, Verdict,
};
use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use embedded::Weather;
use model::{
    ApiKeyFields, Body, EventType, KeyId, KeyKind, Network, Owner, Plan, Reason, Timestamp,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    pin::Pin,
    sync::Mutex,
    time::{Duration, Instant},
};
use store::{NewKey, Table};

use super::world::{Seeded, World, seed};

const COMPANIES: usize = 2;
const KEYS: usize = 6;
/// Requests between two deliveries.
const ROUND: usize = 2_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counters_usage_and_events_agree() {
    agree(REQUESTS, seed(31)).await;
}

/// Far below what the long command demands of a release build.
#[tokio::test]
async fn the_consumer_keeps_up_with_a_hundred_a_second() {
    let speed = consumed_per_second(2_000, seed(34)).await;
    #[expect(clippy::print_stdout, reason = "a figure for whoever asks")]
    {
        println!("consumed: {speed:.0} events/s");
    }
    assert!(speed >= 100.0, "{speed:.0} events/s");
}

/// In the test command; the long one has a million.
const REQUESTS: usize = 100_000;

/// Simulates so many requests, delivers what they wrote as badly as may be, and compares.
pub(crate) async fn agree(requests: usize, seed: u64) {
    let mut world = World::new(seed).await;
    let table = world.table.clone();
    let mut day = Day::new(&mut world).await;
    let mut shards = Shards::default();
    for record in world.records() {
        shards.push(record.json);
    }
    let mut done = 0;
    while done < requests {
        let round = ROUND.min(requests - done);
        for _ in 0..round {
            day.request(&mut shards);
        }
        done += round;
        shards.deliver(&table, &mut day.random, &day.held).await;
    }
    day.compare(&world).await;
}

/// How many events a second the consumer appends and folds with one core, in batches as the template cuts them. On a runtime of one thread.
pub(crate) async fn consumed_per_second(requests: usize, seed: u64) -> f64 {
    let mut world = World::new(seed).await;
    let table = Table::new(world.engine.client(Weather::calm()), world.names.clone());
    let mut day = Day::new(&mut world).await;
    let mut shards = Shards::default();
    for _ in 0..requests {
        day.request(&mut shards);
    }
    let (mut events, mut took) = (0, Duration::ZERO);
    let since = Instant::now();
    for shard in shards.0.values() {
        for records in shard.records.chunks(100) {
            let batch = batch(records);
            let consumer = Consumer {
                table: &table,
                quarantine: &day.held,
            };
            let nonce = day.random.bytes();
            let before = core_time(since);
            let response = consume(&consumer, batch, nonce).await;
            took += core_time(since) - before;
            assert!(response.batch_item_failures.is_empty());
            events += records.len();
        }
    }
    events as f64 / took.as_secs_f64()
}

/// How long this thread has had a core, because other processes use the machine, too; where the system doesn't tell, how long it was since then.
fn core_time(since: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|told| told.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| since.elapsed(), Duration::from_nanos)
}

/// What happens, and what must be found of it.
struct Day {
    random: Seeded,
    millis: i64,
    keyring: Keyring,
    lines: Vec<Line>,
    held: Held,
    poisoned: BTreeSet<String>,
}

/// A key, its row, and what was done with it.
struct Line {
    owner: Owner,
    presented: PresentedKey,
    facts: KeyFacts,
    /// As the stream shows it.
    row: Value,
    /// A request whose answer was lost, to be sent again after the next one.
    lost: Option<(i64, Commit, Nonce, Value)>,
    minute: (i64, u64),
    told: HashSet<String>,
    expected: Expected,
}

/// The naive model of one key.
#[derive(Default)]
struct Expected {
    accepted: Vec<String>,
    recounted: u64,
    /// By the beginning of the hour.
    hours: BTreeMap<i64, Counts>,
}

#[derive(Debug, Default, PartialEq)]
struct Counts {
    accepted: u64,
    refused: u64,
    operations: BTreeMap<String, u64>,
    networks: BTreeMap<String, u64>,
    reasons: BTreeMap<String, u64>,
}

impl Day {
    async fn new(world: &mut World) -> Day {
        let document = SecretDocument::generate([5; 32], 0);
        let keyring = Keyring::new(&document);
        let mut lines = Vec::new();
        for number in 0..KEYS {
            let company = number % COMPANIES;
            let id = KeyId::new(world.random.bytes());
            let (plain, stored) = keyring.mint(KeyKind::Standard, id, world.random.bytes());
            let presented = PresentedKey::parse(plain.expose()).expect("a key of ours");
            let mut body = json!({ "name": "CI", "scopes": ["read:jobs"] });
            if number % 3 == 0 {
                body["allowedIPs"] = json!(["198.51.100.0/27", "2001:db8::/32"]);
            }
            let stamp = world.stamp();
            let new = NewKey {
                id,
                kind: KeyKind::Standard,
                fields: ApiKeyFields::read(body, stamp.at).expect("valid"),
                limits: Plan::Scale.rate_limit(),
                secret: Some((stored, plain.suffix().to_owned())),
                stamp,
            };
            let store = world.store(company);
            store.create_key(&new, 1_000, None).await.expect("created");
            let row = store.get_key(id).await.expect("there");
            lines.push(Line {
                owner: row.facts.owner,
                presented,
                facts: row.facts,
                row: world.row(&format!("KEY#{id}")),
                lost: None,
                minute: (0, 0),
                told: HashSet::new(),
                expected: Expected::default(),
            });
        }
        Day {
            random: Seeded(world.random.next()),
            millis: 1_790_100_000_000,
            keyring,
            lines,
            held: Held::default(),
            poisoned: BTreeSet::new(),
        }
    }

    fn request(&mut self, shards: &mut Shards) {
        // Bursts that fill a minute's window, and pauses in between.
        self.millis += match self.random.below(2_000) {
            0 => self.random.below(1_800_000) as i64,
            _ => self.random.below(10) as i64,
        };
        let now = Timestamp::from_millis(self.millis).expect("in range");
        let operation = ["ListJobs", "GetJob", "ListJobs", "CreateJob"][self.random.below(4)];
        // 40 networks: no more than an hour's row tells apart.
        let address = match self.random.below(40) {
            last @ 0..35 => format!("198.51.100.{last}"),
            subnet => format!("2001:db8:0:{subnet}::{:x}", 1 + self.random.below(9)),
        };
        let asked = Asked {
            route: routes::by_operation(operation).expect("in the table"),
            address: address.parse().expect("an address"),
            company: NamedCompany::Absent,
            partner: NamedPartner::Absent,
            reason: GivenReason::Absent,
        };
        // One of them is busy enough to fill its minute.
        let place = match self.random.below(2) {
            0 => 1,
            _ => self.random.below(self.lines.len()),
        };
        let line = &mut self.lines[place];
        let decision = line
            .facts
            .decide(&line.presented, &self.keyring, &asked, None, now);
        let id = format!("r{:016x}", self.random.next());
        match decision {
            Decision::Commit(commit) => {
                let nonce = Nonce(self.random.bytes());
                let last = line.last(&commit, &asked, now, &id);
                line.apply(&commit, nonce, &last, shards);
                line.expected.accept(&id, now, operation, asked.address);
                if let Some((at, commit, nonce, last)) = line.lost.take() {
                    // The limit may be full by now; then the write fails, as the store's would.
                    let room = commit.count.iter().all(|(window, limit)| {
                        let used = line.facts.counted.windows.get(window).copied();
                        used.unwrap_or_default() < u64::from(*limit)
                    });
                    // The SDK tries for 4 s.
                    if room && self.millis - at < 4_000 {
                        line.apply(&commit, nonce, &last, shards);
                        line.expected.recounted += 1;
                    }
                } else if self.random.below(100) == 0 {
                    line.lost = Some((self.millis, commit, nonce, last));
                }
            }
            Decision::Refuse(refusal) => line.refuse(&refusal, &asked, now, &id, shards),
            Decision::NeedGrant(_) => unreachable!("no key is a partner's"),
        }
        if self.random.below(100) == 0 {
            let id = format!("poison-{}", self.random.next());
            let junk = [
                json!({ "pk": { "S": "JUNK#1" }, "sk": { "S": "KEY" } }),
                json!({ "pk": { "S": "KEY#1" }, "sk": { "S": "KEY" }, "rev": { "S": "x" } }),
            ];
            let junk = junk[self.random.below(2)].clone();
            shards.push_image(KEYS_STREAM, &id, None, junk);
            self.poisoned.insert(id);
        }
    }

    /// Every count of every key, and every event, against the naive model.
    async fn compare(&mut self, world: &World) {
        let held = self.held.0.lock().expect("no panic").clone();
        assert_eq!(held, self.poisoned, "each poison is held, and nothing else");
        let mut of_chain: BTreeMap<KeyId, Vec<String>> = BTreeMap::new();
        for owner in world.companies.map(Owner::Company) {
            let chain = world.chain(owner);
            chain.verify().expect("holds");
            for event in chain.events {
                let gap = event.facts.kind == EventType::AuditGap;
                assert!(!gap, "{:?}", event.facts);
                if let (EventType::AuthenticationSucceeded, Some(id), Some(request)) =
                    (event.facts.kind, event.facts.key_id, event.facts.request_id)
                {
                    of_chain.entry(id).or_default().push(request);
                }
            }
        }
        let end = Timestamp::from_millis(self.millis + 1).expect("in range");
        for line in &self.lines {
            let id = line.facts.id;
            let events = of_chain.remove(&id).unwrap_or_default();
            assert_eq!(events, line.expected.accepted, "{id}");
            world.put_row(&line.row);
            let Owner::Company(company) = line.owner else {
                unreachable!("companies' keys");
            };
            let place = world.companies.iter().position(|own| *own == company);
            let store = world.store(place.expect("one of the two"));
            let hours = store.key_hours(id, Timestamp::EPOCH, end).await;
            let mut found = BTreeMap::new();
            for (hour, usage) in hours.expect("read") {
                let accepted = |(name, count): (String, u64)| (count > 0).then_some((name, count));
                let counts = Counts {
                    accepted: usage.all.accepted,
                    refused: usage.all.refused,
                    operations: usage
                        .operations
                        .iter()
                        .map(|(name, tally)| (name.clone(), tally.accepted))
                        .filter_map(accepted)
                        .collect(),
                    networks: usage
                        .networks
                        .iter()
                        .map(|(network, tally)| (network.to_string(), tally.accepted))
                        .filter_map(accepted)
                        .collect(),
                    reasons: usage
                        .reasons
                        .iter()
                        .map(|(reason, count)| (reason.to_string(), *count))
                        .collect(),
                };
                assert!(usage.other_networks.is_empty());
                found.insert(hour.millis(), counts);
            }
            assert_eq!(found, line.expected.hours, "{id}");
            let since = Timestamp::EPOCH;
            let observed = store.observed(id, since, None, end).await.expect("read");
            let mut accepted: BTreeMap<String, u64> = BTreeMap::new();
            for (network, count) in found.values().flat_map(|hour| &hour.networks) {
                *accepted.entry(network.clone()).or_default() += count;
            }
            let networks = observed.networks.iter();
            let networks = networks.map(|(network, tally)| (network.to_string(), tally.accepted));
            assert_eq!(networks.collect::<BTreeMap<_, _>>(), accepted, "{id}");
        }
        let found = world.calm().reconcile(end).await.expect("reconciled");
        assert_eq!((found.differences, found.behind), (vec![], vec![]));
        let recounted: u64 = self.lines.iter().map(|line| line.expected.recounted).sum();
        let accepted: usize = self
            .lines
            .iter()
            .map(|line| line.expected.accepted.len())
            .sum();
        assert_eq!(
            (found.recounted, found.events),
            (recounted, accepted as u64)
        );
        // The run had something of everything.
        assert!(recounted > 0 && !self.poisoned.is_empty());
        let reasons: BTreeSet<_> = self
            .lines
            .iter()
            .flat_map(|line| line.expected.hours.values())
            .flat_map(|counts| counts.reasons.keys().map(String::as_str))
            .collect();
        assert_eq!(reasons, ["ADDRESS", "RATE_LIMIT", "SCOPE"].into());
    }
}

impl Line {
    /// What the request's write remembers.
    fn last(&self, commit: &Commit, asked: &Asked, now: Timestamp, id: &str) -> Value {
        json!({ "M": {
            "at": { "N": now.millis().to_string() },
            "ip": { "S": asked.address.to_string() },
            "op": { "S": asked.route.operation },
            "rq": { "S": id },
            "co": { "B": base64(&commit.company.expect("acts in one").to_bytes()) },
            "sx": { "S": commit.secret_suffix.clone().expect("by a secret") },
            "agent": { "S": "curl/8.5.0" },
        }})
    }

    /// `ADD total 1, rev 1, windows 1 SET nonce, last REMOVE old windows`.
    fn apply(&mut self, commit: &Commit, nonce: Nonce, last: &Value, shards: &mut Shards) {
        let old = self.row.clone();
        for name in ["total", "rev"] {
            let before: u64 = self.row[name]["N"]
                .as_str()
                .expect("a number")
                .parse()
                .expect("one");
            self.row[name] = json!({ "N": (before + 1).to_string() });
        }
        for window in &commit.forget {
            self.facts.counted.windows.remove(window);
            self.row
                .as_object_mut()
                .expect("a row")
                .remove(&window.to_string());
        }
        for (window, _) in &commit.count {
            let count = self.facts.counted.windows.entry(*window).or_default();
            *count += 1;
            self.row[window.to_string()] = json!({ "N": count.to_string() });
        }
        self.facts.counted.nonce = nonce;
        self.row["nonce"] = json!({ "B": base64(&nonce.0) });
        self.row["last"] = last.clone();
        let pk = self.row["pk"]["S"].as_str().expect("a key").to_owned();
        let rev = self.row["rev"]["N"].as_str().expect("a number").to_owned();
        let id = format!("{pk}-{rev}");
        shards.push_image(KEYS_STREAM, &id, Some(old), self.row.clone());
    }

    /// Kept as the authorizer keeps refusals: 60 a minute, then one row that says so, and one for each full window.
    fn refuse(
        &mut self,
        refusal: &auth::Refusal,
        asked: &Asked,
        now: Timestamp,
        id: &str,
        shards: &mut Shards,
    ) {
        let key = self.facts.id;
        let minute = now.seconds().div_euclid(60);
        let (sk, entity) = match refusal.answer {
            Answer::Verdict(Verdict::RateLimited(limited)) => {
                (format!("#RATE#{key}#{}", limited.window), "rate_limit")
            }
            _ => {
                if self.minute.0 != minute {
                    self.minute = (minute, 0);
                }
                self.minute.1 += 1;
                match self.minute.1 {
                    ..=60 => (format!("{id}#0000000000000000"), "denial"),
                    61 => (format!("#SUPPRESSED#{key}#{minute}"), "suppressed"),
                    _ => return,
                }
            }
        };
        if !self.told.insert(sk.clone()) {
            return;
        }
        let mut row = json!({
            "pk": { "S": self.owner.to_string() },
            "sk": { "S": sk },
            "entity": { "S": entity },
            "owner": { "S": self.owner.to_string() },
            "actorKind": { "S": "KEY" },
            "actor": { "S": key.to_string() },
            "requestId": { "S": id },
            "plainRequestDigest": { "S": "digest" },
            "at": { "N": now.millis().to_string() },
            "status": { "N": "403" },
            "reason": { "S": refusal.reason.to_string() },
            "message": { "S": refusal.message },
            "op": { "S": asked.route.operation },
            "ip": { "S": asked.address.to_string() },
            "rev": { "N": "1" },
            "keyId": { "S": key.to_string() },
        });
        if let Some(suffix) = &refusal.secret_suffix {
            row["secret"] = json!({ "S": suffix });
        }
        if entity == "suppressed" {
            row["suppressed"] = json!({ "S": "true" });
            row["count"] = json!({ "N": "1" });
        }
        shards.push_image(DENIALS_STREAM, id, None, row);
        self.expected.refuse(now, refusal.reason);
    }
}

impl Expected {
    fn accept(&mut self, id: &str, now: Timestamp, operation: &str, address: std::net::IpAddr) {
        self.accepted.push(id.to_owned());
        let hour = self.hours.entry(now.hour().millis()).or_default();
        hour.accepted += 1;
        *hour.operations.entry(operation.to_owned()).or_default() += 1;
        let network = Network::of(address).to_string();
        *hour.networks.entry(network).or_default() += 1;
    }

    fn refuse(&mut self, now: Timestamp, reason: Reason) {
        let hour = self.hours.entry(now.hour().millis()).or_default();
        hour.refused += 1;
        *hour.reasons.entry(reason.to_string()).or_default() += 1;
    }
}

const KEYS_STREAM: &str = "test-keys";
const DENIALS_STREAM: &str = "test-denials";

/// The records of each shard, in order, and how many of them were delivered.
#[derive(Default)]
struct Shards(BTreeMap<(String, u64), Shard>);

#[derive(Default)]
struct Shard {
    records: Vec<EventRecord>,
    done: usize,
}

impl Shards {
    fn push(&mut self, json: Value) {
        let stream = json["eventSourceARN"].as_str().expect("an ARN");
        let stream = stream.split('/').nth(1).expect("a table").to_owned();
        let mut hash = DefaultHasher::new();
        let pk = json["dynamodb"]["Keys"]["pk"]["S"].as_str();
        pk.expect("a key").hash(&mut hash);
        let shard = self.0.entry((stream, hash.finish() % 4)).or_default();
        let record = serde_json::from_value(json).expect("a record");
        shard.records.push(record);
    }

    fn push_image(&mut self, table: &str, id: &str, old: Option<Value>, new: Value) {
        let number: usize = self.0.values().map(|shard| shard.records.len()).sum();
        let mut json = json!({
            "eventID": id,
            "eventName": if old.is_some() { "MODIFY" } else { "INSERT" },
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "local",
            "eventSourceARN": format!("arn:aws:dynamodb:local:000000000000:table/{table}/stream/1"),
            "dynamodb": {
                "ApproximateCreationDateTime": 1_790_000_000,
                "Keys": { "pk": new["pk"], "sk": new["sk"] },
                "NewImage": new,
                "SequenceNumber": format!("{id}-{number}"),
                "SizeBytes": 1_000,
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
        });
        if let Some(old) = old {
            json["dynamodb"]["OldImage"] = old;
        }
        self.push(json);
    }

    /// All shards at once, each to its end; the last records stay, to come again.
    async fn deliver(&mut self, table: &Table, random: &mut Seeded, held: &Held) {
        let mut days = tokio::task::JoinSet::new();
        for (place, shard) in std::mem::take(&mut self.0) {
            let (table, random, held) = (table.clone(), Seeded(random.next()), held.clone());
            days.spawn(async move { (place, bad_day(&table, shard, random, &held).await) });
        }
        while let Some(day) = days.join_next().await {
            let (place, mut shard) = day.expect("no panic");
            shard
                .records
                .drain(..shard.records.len().saturating_sub(40));
            shard.done = shard.records.len();
            self.0.insert(place, shard);
        }
    }
}

/// Cut anew, doubled, delivered again from before, and broken off in the middle.
async fn bad_day(table: &Table, mut shard: Shard, mut random: Seeded, held: &Held) -> Shard {
    let records = &shard.records;
    let mut done = shard.done;
    while done < records.len() {
        let back = match random.below(5) {
            0 => random.below(40),
            _ => 0,
        };
        let start = done - back.min(done);
        let end = records.len().min(start + 1 + random.below(150));
        let mut part = records[start..end].to_vec();
        if random.below(4) == 0 {
            let twice = random.below(part.len());
            part.insert(twice, part[twice].clone());
        }
        let consumer = Consumer {
            table,
            quarantine: held,
        };
        let delivery = consume(&consumer, batch(&part), random.bytes());
        if random.below(4) == 0 {
            // The process dies somewhere on the way.
            let life = Duration::from_micros(random.next() % 40_000);
            let _ = tokio::time::timeout(life, delivery).await;
            continue;
        }
        match delivery.await.batch_item_failures.first() {
            Some(failed) => {
                let number = &failed.item_identifier;
                let place = records
                    .iter()
                    .position(|record| record.change.sequence_number == *number);
                done = done.min(place.expect("delivered"));
            }
            None => done = done.max(end),
        }
    }
    shard.done = done;
    shard
}

fn batch(records: &[EventRecord]) -> Event {
    let mut batch = Event::default();
    batch.records = records.to_vec();
    batch
}

/// The ids of what couldn't be read.
#[derive(Debug, Default, Clone)]
struct Held(std::sync::Arc<Mutex<BTreeSet<String>>>);

impl Quarantine for Held {
    fn hold<'a>(
        &'a self,
        record: &'a EventRecord,
        _: &'a Unreadable,
    ) -> Pin<Box<dyn Future<Output = Result<(), NotHeld>> + Send + 'a>> {
        let mut held = self.0.lock().expect("no panic");
        held.insert(record.event_id.clone());
        Box::pin(std::future::ready(Ok(())))
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::prelude::{BASE64_STANDARD, Engine};
    BASE64_STANDARD.encode(bytes)
}

use base64::{Engine as _, prelude::BASE64_STANDARD};
use embedded::{Engine, Fault, Place, Weather};
use model::{Actor, CompanyId, EventFacts, EventType, KeyId, Outcome, Owner, Timestamp};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::SystemTime,
};

use super::*;
use crate::TableNames;

/// SplitMix64.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next().to_be_bytes()[0])
    }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000 + millis).expect("in range")
}

fn store(weather: Weather) -> (Engine, OwnerStore) {
    let engine =
        Engine::open(Place::Temporary, Arc::new(|| SystemTime::UNIX_EPOCH)).expect("opens");
    let names = TableNames::with_prefix("test");
    let attribute = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
    let body = json!({
        "TableName": names.audit,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [attribute("pk"), attribute("sk")],
        "KeySchema": [
            { "AttributeName": "pk", "KeyType": "HASH" },
            { "AttributeName": "sk", "KeyType": "RANGE" },
        ],
    });
    dispatch(&engine, "CreateTable", body);
    let table = Table::new(engine.client(weather), names);
    let company = CompanyId::new(at(0), [1; 10]);
    (engine, OwnerStore::new(table, Owner::Company(company)))
}

fn dispatch(engine: &Engine, operation: &str, body: Value) -> Value {
    let target = format!("DynamoDB_20120810.{operation}");
    let (status, answer) = engine.dispatch(&target, body.to_string().as_bytes());
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    assert_eq!(status, 200, "{operation}: {answer}");
    answer
}

/// A pack's events, as whoever reads the table without this crate gets them.
fn unpacked(pack: &Value) -> String {
    let packed = pack["events"]["B"].as_str().expect("a pack");
    let packed = BASE64_STANDARD.decode(packed).expect("base64");
    let json = miniz_oxide::inflate::decompress_to_vec_zlib(&packed).expect("zlib");
    String::from_utf8(json).expect("text")
}

fn packed(json: &[u8]) -> Value {
    let packed = miniz_oxide::deflate::compress_to_vec_zlib(json, 1);
    json!({ "B": BASE64_STANDARD.encode(packed) })
}

fn revision(owner: Owner, row: u64, rev: u64, events: usize, random: &mut Seeded) -> Revision {
    let row = format!("KEY#{row:08}");
    let facts = |index: usize| EventFacts {
        id: format!("{row}@{rev}:{index}"),
        at: at(random.0 as i64 & 0xf_ffff),
        owner,
        kind: EventType::ALL[random.below(9) as usize],
        outcome: Outcome::ALL[random.below(2) as usize],
        actor: Actor::system("test"),
        key_id: Some(KeyId::new(random.below(3).to_be_bytes())),
        secret_suffix: None,
        company_id: owner.company(),
        source_ip: None,
        user_agent: None,
        request_id: None,
        operation: None,
        reason: None,
        count: None,
        suppressed: None,
        changes: None,
    };
    let events: Vec<_> = (0..events).map(facts).collect();
    Revision {
        owner,
        at: at(0),
        rev,
        counted: None,
        events,
        row,
    }
}

async fn append_all(table: &Table, mut revisions: &[Revision], random: &mut Seeded) {
    let mut tries = 0;
    while !revisions.is_empty() {
        // What the store refuses in a storm is delivered again.
        match table.append(revisions, random.bytes()).await {
            Ok(appended) => revisions = &revisions[appended.taken..],
            Err(error) => {
                tries += 1;
                assert!(tries < 20, "{error}");
            }
        }
    }
}

async fn filled(weather: Weather, seed: u64) -> (Engine, OwnerStore, Seeded) {
    let (engine, store) = store(weather);
    let mut random = Seeded(seed);
    for rev in 1..=30 {
        let rows = 1 + random.below(12);
        let revisions: Vec<_> = (0..12)
            .filter(|row| *row < rows || rev == 1)
            .map(|row| revision(store.owner(), 100 * rev + row, 1, 1, &mut random))
            .collect();
        append_all(&store.table, &revisions, &mut random).await;
    }
    (engine, store, random)
}

#[tokio::test]
async fn pages_and_filters_show_what_a_naive_reading_of_the_chain_shows() {
    let (_, store, mut random) = filled(Weather::seeded(20), 20).await;
    let mut newest_first = store.get_chain().await.expect("read").events;
    newest_first.reverse();
    for round in 0..60 {
        let mut filter = EventFilter::default();
        if round % 3 > 0 {
            filter.key_id =
                (random.below(2) == 0).then(|| KeyId::new(random.below(3).to_be_bytes()));
            filter.kind = (random.below(2) == 0).then(|| EventType::ALL[random.below(9) as usize]);
            filter.outcome = (random.below(2) == 0).then_some(Outcome::Refused);
            filter.start = (random.below(3) == 0).then(|| at(0x3_0000));
            filter.end = (random.below(3) == 0).then(|| at(0xc_0000));
        }
        let shown: Vec<_> = newest_first
            .iter()
            .filter(|event| filter.shows(&event.facts))
            .collect();
        let limit = 1 + random.below(40) as usize;
        let mut start = Start::Skip(0);
        let mut found = Vec::new();
        loop {
            let page = store
                .list_events(&filter, &start, limit)
                .await
                .expect("read");
            assert!(page.items.len() <= limit);
            let unfiltered = filter == EventFilter::default();
            assert_eq!(page.total, unfiltered.then_some(newest_first.len() as u64));
            found.extend(page.items);
            match page.next {
                Some(next) => start = Start::After(next),
                None => break,
            }
        }
        assert_eq!(found.iter().collect::<Vec<_>>(), shown, "{filter:?}");
    }
    let skipped = store
        .list_events(&EventFilter::default(), &Start::Skip(17), 5)
        .await
        .expect("read");
    assert_eq!(skipped.items, newest_first[17..22]);
    let beyond = store
        .list_events(&EventFilter::default(), &Start::Skip(9_999), 5)
        .await
        .expect("read");
    assert!(beyond.items.is_empty() && beyond.next.is_none());
}

#[tokio::test]
async fn a_filtered_list_reads_at_most_10_000_events_and_goes_on() {
    let (_, store) = store(Weather::calm());
    let mut random = Seeded(21);
    let revisions: Vec<_> = (0..55)
        .map(|row| revision(store.owner(), row, 1, 200, &mut random))
        .collect();
    append_all(&store.table, &revisions, &mut random).await;
    let filter = EventFilter {
        start: Some(at(1 << 40)),
        ..EventFilter::default()
    };
    let first = store
        .list_events(&filter, &Start::Skip(0), 20)
        .await
        .expect("read");
    assert!(first.items.is_empty() && first.total.is_none());
    assert_eq!(first.next.as_deref(), Some("1001"));
    let next = Start::After(first.next.expect("more"));
    let second = store.list_events(&filter, &next, 20).await.expect("read");
    assert_eq!(second.next, None);
}

#[tokio::test]
async fn a_list_needs_few_calls_however_full_packs_are_and_reads_no_more_than_it_shows() {
    const FULL: usize = 125;
    // How many events the packs have, oldest first; what is shown of how many; most calls and packs.
    let burst = || vec![1; FULL].into_iter().chain([FULL; 3]).collect();
    let cases: [(Vec<usize>, usize, usize, usize, usize); 4] = [
        (vec![FULL; 20], 500, 500, 3, 6),
        (vec![FULL; 20], 500, 3, 2, 3),
        // A burst that nearly fills the page, and a quiet chain before it.
        (burst(), 500, 500, 4, 3 + FULL),
        (burst(), 500, 3 * FULL + 1, 4, 3 + 3),
    ];
    for (packs, among, limit, most_calls, most_packs) in cases {
        let weather = Weather::calm();
        let (_, store) = store(weather.clone());
        let mut random = Seeded(24);
        for (row, events) in packs.iter().enumerate() {
            let revisions = [revision(store.owner(), row as u64, 1, *events, &mut random)];
            append_all(&store.table, &revisions, &mut random).await;
        }
        let newest = EventFilter {
            among: Some(among),
            ..EventFilter::default()
        };
        let asked: Arc<Mutex<Vec<u64>>> = Arc::default();
        let limits = Arc::clone(&asked);
        weather.set(&Weather::script(move |call| {
            let body: Value = serde_json::from_slice(call.body).expect("JSON");
            limits
                .lock()
                .expect("no panic")
                .extend(body["Limit"].as_u64());
            Fault::None
        }));
        weather.take_calls();
        let listed = store
            .list_events(&newest, &Start::Skip(0), limit)
            .await
            .expect("read");
        assert_eq!(listed.items.len(), limit, "{packs:?}");
        let calls = weather.take_calls().len();
        let read: u64 = asked.lock().expect("no panic").iter().sum();
        assert!(
            calls <= most_calls && read <= most_packs as u64,
            "{limit} of {packs:?}: {calls} calls, {read} packs"
        );
    }
}

#[tokio::test]
async fn packs_stay_under_100_kb_and_a_transaction_under_100_actions() {
    let (engine, store) = store(Weather::calm());
    let mut random = Seeded(22);
    for (first, events) in [(0, 1), (1_000, 5)] {
        let rows = first..first + 250;
        let revisions: Vec<_> = rows
            .map(|row| revision(store.owner(), row, 1, events, &mut random))
            .collect();
        append_all(&store.table, &revisions, &mut random).await;
    }
    let rows = dispatch(&engine, "Scan", json!({ "TableName": "test-audit" }));
    let rows = rows["Items"].as_array().expect("rows").iter();
    let packs = rows.filter(|row| row["events"].is_object());
    let lengths: Vec<_> = packs.map(|pack| unpacked(pack).len()).collect();
    assert!(lengths.iter().all(|length| *length <= 100 * 1024 + 2));
    // 3 of 97 rows at the most, and those that are as long as they may be.
    assert!(lengths.len() > 3 + 2, "{lengths:?}");
    let chain = store.get_chain().await.expect("read");
    assert_eq!((chain.verify(), chain.head.seq), (Ok(()), 250 * 6));
}

#[tokio::test]
async fn packs_of_plain_text_are_read_as_ever_and_gone_on_from() {
    let (engine, store, mut random) = filled(Weather::calm(), 26).await;
    let before = store.get_chain().await.expect("read");
    let rows = dispatch(&engine, "Scan", json!({ "TableName": "test-audit" }));
    let rows = rows["Items"].as_array().expect("rows").iter();
    for pack in rows.filter(|row| row["events"].is_object()) {
        let mut plain = pack.clone();
        plain["events"] = json!({ "S": unpacked(pack) });
        dispatch(
            &engine,
            "PutItem",
            json!({ "TableName": "test-audit", "Item": plain }),
        );
    }
    assert_eq!(store.get_chain().await.expect("read"), before);
    let next = revision(store.owner(), 9_999, 1, 1, &mut random);
    append_all(&store.table, &[next], &mut random).await;
    let head = store.get_head().await.expect("a head");
    assert_eq!(head.seq, before.head.seq + 1);
    let events = store.get_chain().await.expect("read").events;
    let events: Vec<_> = events
        .iter()
        .map(|event| json!(event).to_string())
        .collect();
    let mut exported = Vec::new();
    for event in pages(&store, head).await.concat() {
        let event: Value = serde_json::from_str(&event).expect("JSON");
        exported.push(event.to_string());
    }
    assert_eq!(exported, events);
}

#[tokio::test]
async fn a_pack_that_cannot_be_unpacked_is_corrupt() {
    let (engine, store, _) = filled(Weather::calm(), 27).await;
    let rows = dispatch(&engine, "Scan", json!({ "TableName": "test-audit" }));
    let rows = rows["Items"].as_array().expect("rows");
    let pack = rows.iter().find(|row| row["events"].is_object());
    let pack = pack.expect("a pack");
    let whole = pack["events"]["B"].as_str().expect("a pack");
    let whole = BASE64_STANDARD.decode(whole).expect("base64");
    let mut turned = whole.clone();
    turned[whole.len() / 2] ^= 1;
    let broken = [
        json!({ "B": BASE64_STANDARD.encode(&whole[..whole.len() - 1]) }),
        json!({ "B": BASE64_STANDARD.encode(&turned) }),
        json!({ "B": BASE64_STANDARD.encode(unpacked(pack)) }),
        packed(b"[\xff]"),
        // Ten kilobytes that would be ten megabytes.
        packed(&[b' '; 10 << 20]),
        json!({ "N": "1" }),
    ];
    for events in broken {
        let mut changed = pack.clone();
        changed["events"] = events;
        dispatch(
            &engine,
            "PutItem",
            json!({ "TableName": "test-audit", "Item": changed }),
        );
        let corrupt = |error| assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
        corrupt(store.get_chain().await.expect_err("corrupt"));
        let place = ChainPlace {
            seq: 1,
            prev_hash: ChainHash::genesis(store.owner()),
        };
        corrupt(store.list_chain(place, 10).await.expect_err("corrupt"));
    }
}

/// What a page of an export holds is bounded, however little room it takes in the table.
#[tokio::test]
async fn an_exports_page_is_at_most_4_mb_and_one_pack() {
    let (_, store) = store(Weather::calm());
    let mut random = Seeded(28);
    let mut long = |row| {
        let mut revision = revision(store.owner(), row, 1, 12, &mut random);
        for facts in &mut revision.events {
            facts.reason = Some("x".repeat(8_000));
        }
        revision
    };
    let revisions: Vec<_> = (0..60).map(&mut long).collect();
    append_all(&store.table, &revisions, &mut random).await;
    let head = store.get_head().await.expect("a head");
    let pages = pages(&store, head).await;
    assert_eq!(pages.concat().len(), 12 * 60);
    let sizes: Vec<usize> = pages
        .iter()
        .map(|page| page.iter().map(String::len).sum())
        .collect();
    let most = (4 << 20) + 100 * 1024;
    assert!(
        sizes.len() == 2 && sizes.iter().all(|size| *size <= most),
        "{sizes:?}"
    );
}

/// The whole chain, as an export reads it.
async fn pages(store: &OwnerStore, head: Head) -> Vec<Vec<String>> {
    let mut place = ChainPlace {
        seq: 1,
        prev_hash: ChainHash::genesis(store.owner()),
    };
    let mut pages = Vec::new();
    while place.seq <= head.seq {
        let page = store.list_chain(place, head.seq).await.expect("a page");
        place = page.next;
        pages.push(page.events);
    }
    assert_eq!((place.seq, place.prev_hash), (head.seq + 1, head.hash));
    pages
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_one_chain_who_bring_the_same_revisions_append_each_once() {
    let (_, store) = store(Weather::seeded(23));
    let owner = store.owner();
    let mut writers = Vec::new();
    for writer in 0..6_u64 {
        let table = store.table.clone();
        writers.push(tokio::spawn(async move {
            let mut random = Seeded(writer);
            for rev in 1..=8 {
                // Two writers each bring the same rows; the contents are the rows' own.
                let mut rows = Seeded(100 * (writer / 2) + rev);
                let revisions: Vec<_> = (0..6)
                    .map(|row| revision(owner, 10 * (writer / 2) + row, rev, 1, &mut rows))
                    .collect();
                append_all(&table, &revisions, &mut random).await;
            }
        }));
    }
    for writer in writers {
        writer.await.expect("no panic");
    }
    let chain = store.get_chain().await.expect("read");
    assert_eq!((chain.verify(), chain.head.seq), (Ok(()), 3 * 6 * 8));
    let gap =
        |event: &Event| event.facts.kind == EventType::AuditGap && event.facts.count.is_some();
    assert!(!chain.events.iter().any(gap));
}

#[tokio::test]
async fn a_missing_revision_is_an_event_of_its_own() {
    let (_, store) = store(Weather::calm());
    let mut random = Seeded(24);
    let seen = [2, 3, 7].map(|rev| revision(store.owner(), 1, rev, 1, &mut random));
    let appended = store.table.append(&seen, [1; 16]).await.expect("appended");
    let gaps: Vec<_> = appended
        .gaps
        .iter()
        .map(|gap| (gap.first, gap.last))
        .collect();
    assert_eq!(gaps, [(1, 1), (4, 6)]);
    assert_eq!((appended.taken, appended.events), (3, 5));
    let late = revision(store.owner(), 1, 5, 1, &mut random);
    let appended = store
        .table
        .append(&[late], [2; 16])
        .await
        .expect("appended");
    assert_eq!(
        (appended.taken, appended.events, appended.repeated),
        (1, 1, 0),
        "one that was missing is heard late"
    );
}

#[tokio::test]
async fn whatever_is_done_to_a_stored_event_is_found() {
    let (engine, store, _) = filled(Weather::calm(), 25).await;
    let whole = store.get_chain().await.expect("read");
    assert_eq!(whole.verify(), Ok(()));
    let length = whole.events.len();
    for at in (0..length).step_by(9).chain([length - 1]) {
        let broken = |change: &dyn Fn(&mut Vec<Event>)| {
            let mut chain = whole.clone();
            change(&mut chain.events);
            chain.verify().expect_err("found").0
        };
        let seq = at as u64 + 1;
        assert_eq!(broken(&|events| events[at].facts.id.push('x')), seq);
        assert_eq!(broken(&|events| drop(events.remove(at))), seq);
        assert_eq!(broken(&|events| events.truncate(at)), seq);
        if at + 1 < length {
            assert_eq!(broken(&|events| events.swap(at, at + 1)), seq);
        }
        let twice = broken(&|events| events.insert(at, whole.events[at].clone()));
        assert_eq!(twice, seq + 1);
        // A forger who also computes the event's own hash is found at the next one, or by the head.
        let forged = broken(&|events| {
            events[at].facts.reason = Some("forged".to_owned());
            events[at].hash = events[at].computed_hash();
        });
        assert_eq!(forged, seq + 1);
    }
    // In the table itself: a pack that was dropped, and one that was changed.
    let rows = dispatch(&engine, "Scan", json!({ "TableName": "test-audit" }));
    let packs = rows["Items"]
        .as_array()
        .expect("rows")
        .iter()
        .filter(|row| row["events"].is_object());
    for pack in packs {
        let seq: u64 = pack["sk"]["S"]
            .as_str()
            .expect("a place")
            .parse()
            .expect("a number");
        let key = json!({ "pk": pack["pk"], "sk": pack["sk"] });
        dispatch(
            &engine,
            "DeleteItem",
            json!({ "TableName": "test-audit", "Key": key }),
        );
        let chain = store.get_chain().await.expect("read");
        assert_eq!(chain.verify(), Err(BrokenAt(seq)));
        let mut changed = pack.clone();
        let events = unpacked(pack).replacen("\"test\"", "\"nobody\"", 1);
        changed["events"] = packed(events.as_bytes());
        dispatch(
            &engine,
            "PutItem",
            json!({ "TableName": "test-audit", "Item": changed }),
        );
        let chain = store.get_chain().await.expect("read");
        assert_eq!(chain.verify(), Err(BrokenAt(seq)));
        dispatch(
            &engine,
            "PutItem",
            json!({ "TableName": "test-audit", "Item": pack }),
        );
    }
    assert_eq!(store.get_chain().await.expect("read").verify(), Ok(()));
}

#[tokio::test]
async fn each_kind_of_row_is_written_by_one_kind_of_action() {
    let written: Arc<std::sync::Mutex<Vec<(String, String)>>> = Arc::default();
    let seen = Arc::clone(&written);
    let weather = Weather::script(move |call| {
        for action in call.json()["TransactItems"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let (kind, body) = action
                .as_object()
                .expect("an action")
                .iter()
                .next()
                .expect("one");
            let key = if kind == "Put" {
                &body["Item"]
            } else {
                &body["Key"]
            };
            let pk = key["pk"]["S"].as_str().expect("a key");
            let prefix = pk.split('#').next().unwrap_or_default().to_owned();
            seen.lock().expect("no panic").push((kind.clone(), prefix));
        }
        embedded::Fault::None
    });
    filled(weather, 26).await;
    let mut kinds = written.lock().expect("no panic").clone();
    kinds.sort();
    kinds.dedup();
    let kinds: Vec<_> = kinds
        .iter()
        .map(|(kind, prefix)| (kind.as_str(), prefix.as_str()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("Put", "CHAIN"),
            ("Update", "CHAINS"),
            ("Update", "HEAD"),
            ("Update", "MARK")
        ]
    );
}

#[tokio::test]
async fn a_missing_revision_is_appended_late_and_once() {
    let (_engine, store) = store(Weather::calm());
    let mut random = Seeded(77);
    let mut of = |rev| revision(store.owner(), 1, rev, 1, &mut random);
    let all: Vec<_> = (1..=9).map(&mut of).collect();
    let pick = |revs: &[usize]| -> Vec<_> { revs.iter().map(|rev| all[rev - 1].clone()).collect() };
    let mut random = Seeded(78);
    append_all(&store.table, &pick(&[1, 2, 6, 9]), &mut random).await;
    let ids = async || -> Vec<String> {
        let chain = store.get_chain().await.expect("read");
        chain.verify().expect("whole");
        let ids = chain.events.iter().map(|event| event.facts.id.clone());
        ids.collect()
    };
    let gaps = |ids: &[String]| ids.iter().filter(|id| id.ends_with("audit.gap")).count();
    let before = ids().await;
    assert_eq!((before.len(), gaps(&before)), (6, 2));
    for late in [
        &[4][..],
        &[3, 5],
        &[8, 4],
        &[7],
        &[1, 2, 3, 4, 5, 6, 7, 8, 9],
    ] {
        append_all(&store.table, &pick(late), &mut random).await;
    }
    let after = ids().await;
    assert_eq!((after.len(), gaps(&after)), (11, 2), "{after:?}");
    for rev in 1..=9 {
        let id = format!("KEY#{:08}@{rev}:0", 1);
        let found = after.iter().filter(|found| **found == id);
        assert_eq!(found.count(), 1, "{id}");
    }
}

#[tokio::test]
async fn what_came_late_is_not_missed_again_by_a_batch_that_tells_nothing() {
    let (_engine, store) = store(Weather::calm());
    let (table, owner) = (&store.table, store.owner());
    let mut random = Seeded(79);
    let seen = [4, 6, 9].map(|rev| revision(owner, 1, rev, 1, &mut random));
    append_all(table, &seen, &mut random).await;
    let late = [revision(owner, 1, 5, 1, &mut random)];
    let silent = [revision(owner, 1, 10, 0, &mut random)];

    // The batch has read the mark when the late revision comes.
    let (head, listed, marks) = table.head_and_marks(owner, &silent).await.expect("read");
    let plan = Plan::new(head, marks, &silent).expect("planned");
    let batch = table.transaction(owner, &plan, listed).expect("built");
    append_all(table, &late, &mut random).await;
    let committed = batch.expect("a mark").commit(table, random.bytes()).await;
    assert!(committed.expect("an answer").is_err());

    append_all(table, &silent, &mut random).await;
    let again = table.append(&late, random.bytes()).await.expect("appended");
    assert_eq!((again.repeated, again.events), (1, 0));
}

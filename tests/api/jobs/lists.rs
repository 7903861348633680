//! Lists of jobs, compared with the naive model.

use crate::lists::{Filter, Kind, Model, check_page, id, items, walk};
use serde_json::{Value, json};
use std::sync::Arc;
use tests::{Seeded, TestApp, job};
use tokio::task::JoinSet;

pub(super) const JOBS: Kind = Kind {
    path: "/jobs",
    words,
    cut,
};

/// The first 10 distinct words of the title, lower-cased, each cut at 32 characters.
fn words(job: &Value) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in job["title"].as_str().expect("a title").split_whitespace() {
        let word = cut(word);
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words.truncate(10);
    words
}

fn cut(word: &str) -> String {
    word.to_lowercase().chars().take(32).collect()
}

const WORDS: [&str; 16] = [
    "Rust",
    "rustacean",
    "RUSTIC",
    "senior",
    "Sr.",
    "Sales",
    "São",
    "ÉCOLE",
    "école",
    "C++",
    "a=b#c",
    "日本",
    "日本語",
    "🦀",
    "Donaudampfschifffahrtsgesellschaftskapitän",
    "Donaudampfschifffahrtsgesellschaftsmütze",
];

fn title(seeded: &mut Seeded) -> String {
    let count = 2 + seeded.below(13);
    let words: Vec<_> = (0..count).map(|_| *seeded.pick(&WORDS)).collect();
    let mut title = words.join(*seeded.pick(&[" ", "  ", "\u{a0}", "\n"]));
    while title.chars().count() > 200 {
        title.pop();
    }
    while title.chars().count() < 5 {
        title.push('!');
    }
    title
}

fn filter(seeded: &mut Seeded) -> Filter {
    let status = seeded.chance(50).then(|| *seeded.pick(&["OPEN", "CLOSED"]));
    let q = seeded.chance(60).then(|| {
        let word = seeded.pick(&WORDS);
        let length = 1 + seeded.below(word.chars().count());
        let mut q: String = word.chars().take(length).collect();
        if seeded.chance(20) {
            q = q.to_uppercase();
        }
        if seeded.chance(15) {
            // No word holds white space, so nothing is found; least of all the rest of an index row.
            q.push_str(seeded.pick::<&str>(&[" ", " f", " fe", " Rust"]));
        }
        q
    });
    Filter::status(status, q.as_deref())
}

#[tokio::test]
async fn lists_show_what_a_naive_model_shows_after_every_change() {
    const SEED: u64 = 0x0011_5751;
    let app = Arc::new(TestApp::start().await);
    let acme = app.company("Acme").await;
    let globex = app.company("Globex").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let other = app.key_with(&globex, json!({})).await.caller;
    assert_eq!(app.post(&other, "/jobs", &job()).await.status, 201);
    let mut seeded = Seeded::new(SEED);
    let mut model = Model::of(JOBS);
    for step in 0..150 {
        let ids: Vec<String> = model.objects.keys().cloned().collect();
        match seeded.below(10) {
            5..8 if !ids.is_empty() => {
                let id = seeded.pick(&ids);
                let mut patch = json!({});
                if seeded.chance(70) {
                    patch["title"] = json!(title(&mut seeded));
                }
                if seeded.chance(50) {
                    patch["status"] = json!(seeded.pick(&["OPEN", "CLOSED"]));
                }
                let changed = app.patch(&key, &format!("/jobs/{id}"), &patch).await;
                assert_eq!(
                    changed.status, 200,
                    "seed {SEED}, step {step}: {}",
                    changed.body
                );
                model.put(changed.data());
            }
            8.. if !ids.is_empty() => {
                let id = seeded.pick(&ids);
                let deleted = app.delete(&key, &format!("/jobs/{id}")).await;
                assert_eq!(
                    deleted.status, 200,
                    "seed {SEED}, step {step}: {}",
                    deleted.body
                );
                model.remove(id);
            }
            _ => {
                // Several at once: their ids may be of one millisecond.
                let mut making = JoinSet::new();
                for _ in 0..1 + seeded.below(3) {
                    let mut body = job();
                    body["title"] = json!(title(&mut seeded));
                    body["status"] = json!(seeded.pick(&["OPEN", "CLOSED"]));
                    let (app, key) = (Arc::clone(&app), key.clone());
                    making.spawn(async move { app.post(&key, "/jobs", &body).await });
                }
                for made in making.join_all().await {
                    assert_eq!(made.status, 201, "seed {SEED}, step {step}: {}", made.body);
                    model.put(made.data());
                }
            }
        }
        for _ in 0..2 {
            let filter = filter(&mut seeded);
            let limit = *seeded.pick(&[1, 2, 3, 5, 20, 100]);
            let page = 1 + seeded.below(model.list(&filter).len() / limit + 2);
            check_page(&app, &key, &model, &filter, page, limit).await;
        }
        if step % 15 == 14 {
            for _ in 0..3 {
                let filter = filter(&mut seeded);
                let limit = *seeded.pick(&[4, 7, 20]);
                let walked = walk(&app, &key, JOBS, &filter, limit).await;
                assert_eq!(
                    walked,
                    model.list(&filter),
                    "seed {SEED}, step {step}, {filter:?}"
                );
            }
        }
    }
    for filter in [
        Filter::default(),
        Filter::status(Some("OPEN"), None),
        Filter::status(Some("CLOSED"), None),
    ] {
        assert_eq!(
            walk(&app, &key, JOBS, &filter, 9).await,
            model.list(&filter)
        );
    }
}

#[tokio::test]
async fn q_finds_a_prefix_of_one_of_the_first_ten_distinct_words_cut_at_32_characters() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let long = "x".repeat(32);
    let title = format!("One two TWO three four five six seven {long}yz nine İstanbul eleven");
    let mut body = job();
    body["title"] = json!(title);
    let made = app.post(&key, "/jobs", &body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    for (q, found) in [
        ("o", true),
        ("ONE", true),
        ("ones", false),
        ("ne", false),
        ("tw", true),
        ("seven", true),
        (long.as_str(), true),
        // Cut as the word was.
        (&format!("{long}yz"), true),
        (&format!("{long}q"), true),
        ("nine", true),
        // The tenth distinct word, whose lower case has more characters.
        ("i\u{307}stanbul", true),
        ("İst", true),
        ("eleven", false),
        ("one two", false),
        ("one ", false),
        (" one", false),
        ("one f", false),
        ("#", false),
        ("%", false),
        ("~", false),
    ] {
        let filter = Filter::status(None, Some(q));
        let list = walk(&app, &key, JOBS, &filter, 5).await;
        assert_eq!(list.len(), usize::from(found), "{q}");
    }
}

#[tokio::test]
async fn the_order_of_q_is_the_matched_word_then_newest_and_each_job_stands_once() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let mut ids = Vec::new();
    for title in [
        "rusty rust",
        "rustic",
        "rust rustic rusty",
        "rustic rusty",
        "trust",
    ] {
        let mut body = job();
        body["title"] = json!(title);
        ids.push(id(app.post(&key, "/jobs", &body).await.data()));
        // Ids of one millisecond have no order in time.
        app.advance(std::time::Duration::from_millis(2));
    }
    let expected = [&ids[2], &ids[0], &ids[3], &ids[1]];
    for limit in 1..6 {
        let filter = Filter::status(None, Some("rus"));
        let found: Vec<_> = walk(&app, &key, JOBS, &filter, limit)
            .await
            .iter()
            .map(id)
            .collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "limit {limit}");
    }
}

#[tokio::test]
async fn paging_by_cursor_neither_repeats_nor_skips_while_jobs_come_and_go() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let mut ids = Vec::new();
    for _ in 0..24 {
        ids.push(id(app.post(&key, "/jobs", &job()).await.data()));
        app.advance(std::time::Duration::from_millis(2));
    }
    for filter in ["", "&status=OPEN", "&q=senior", "&q=senior&status=OPEN"] {
        let mut seen: Vec<String> = Vec::new();
        let mut next = String::new();
        let mut deleted = Vec::new();
        loop {
            let list = app.get(&key, &format!("/jobs?limit=3{filter}{next}")).await;
            let found: Vec<_> = items(&list).iter().map(id).collect();
            seen.extend(found.iter().cloned());
            // The row that the cursor stands on, the first one of this page, and a new one.
            for gone in [found.last(), found.first()].into_iter().flatten() {
                app.delete(&key, &format!("/jobs/{gone}")).await;
                deleted.push(gone.clone());
            }
            assert_eq!(app.post(&key, "/jobs", &job()).await.status, 201);
            match list.data()["pagination"]["nextCursor"].as_str() {
                Some(cursor) => next = format!("&cursor={cursor}"),
                None => break,
            }
        }
        let mut expected = ids.clone();
        expected.reverse();
        assert_eq!(seen, expected, "{filter}");
        let left = walk(&app, &key, JOBS, &Filter::default(), 50).await;
        ids = left.iter().rev().map(id).collect();
    }
}

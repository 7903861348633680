//! Lists of candidates, compared with the naive model.

use crate::lists::{Filter, Kind, Model, check_page, id, walk};
use embedded::{Fault, Weather};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tests::{Seeded, TestApp, candidate, job};

pub(crate) const CANDIDATES: Kind = Kind {
    path: "/candidates",
    words,
    cut: str::to_lowercase,
};

/// The first 3 words of each name, and the address.
fn words(candidate: &Value) -> Vec<String> {
    let names = ["firstName", "lastName"].into_iter().flat_map(|name| {
        let name = candidate[name].as_str().expect("a name");
        name.split_whitespace().take(3)
    });
    names
        .chain(candidate["email"].as_str())
        .map(str::to_lowercase)
        .collect()
}

const NAMES: [&str; 10] = [
    "Ada",
    "ADA",
    "Adam",
    "Åsa",
    "de la",
    "Cruz",
    "李",
    "李明",
    "O'Neill",
    "Müller-Lüdenscheidt",
];
const STATUSES: [&str; 3] = ["APPLIED", "IN_PROCESS", "ACCEPTED"];

fn name(seeded: &mut Seeded) -> String {
    let words: Vec<_> = (0..1 + seeded.below(4))
        .map(|_| *seeded.pick(&NAMES))
        .collect();
    words.join(" ")
}

fn fields(seeded: &mut Seeded, jobs: &[String]) -> Value {
    let some = jobs.iter().filter(|_| seeded.chance(40));
    let jobs: Vec<_> = some.cloned().collect();
    json!({
        "firstName": name(seeded),
        "lastName": name(seeded),
        "email": seeded.pick(&["ada@b.example", "Adam@C.example", "zoe@b.example"]),
        "status": seeded.pick(&STATUSES),
        "jobIds": jobs,
    })
}

fn filter(seeded: &mut Seeded, jobs: &[String]) -> Filter {
    let mut values = Vec::new();
    if seeded.chance(45) {
        values.push(("jobId", seeded.pick(jobs).clone()));
    }
    if seeded.chance(45) {
        values.push(("status", (*seeded.pick(&STATUSES)).to_owned()));
    }
    let q = seeded.chance(35).then(|| {
        let word = *seeded.pick(&[
            "ada",
            "ADAM@c",
            "adam",
            "cruz",
            "la",
            "李",
            "å",
            "zoe@b.example",
            "x",
        ]);
        word.to_owned()
    });
    Filter { values, q }
}

#[tokio::test]
async fn lists_show_what_a_naive_model_shows_after_every_change() {
    const SEED: u64 = 0x0ca1_d1da;
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let mut jobs = Vec::new();
    for _ in 0..4 {
        jobs.push(id(app.post(&key, "/jobs", &job()).await.data()));
    }
    let mut seeded = Seeded::new(SEED);
    let mut model = Model::of(CANDIDATES);
    for step in 0..90 {
        let ids: Vec<String> = model.objects.keys().cloned().collect();
        let fields = fields(&mut seeded, &jobs);
        match seeded.below(10) {
            5..8 if !ids.is_empty() => {
                let path = format!("/candidates/{}", seeded.pick(&ids));
                let changed = app.patch(&key, &path, &fields).await;
                assert_eq!(changed.status, 200, "step {step}: {}", changed.body);
                model.put(changed.data());
            }
            8.. if !ids.is_empty() => {
                let id = seeded.pick(&ids);
                let deleted = app.delete(&key, &format!("/candidates/{id}")).await;
                assert_eq!(deleted.status, 200, "step {step}: {}", deleted.body);
                model.remove(id);
            }
            _ => {
                let mut body = candidate();
                for (name, value) in fields.as_object().expect("fields") {
                    body[name] = value.clone();
                }
                let made = app.post(&key, "/candidates", &body).await;
                assert_eq!(made.status, 201, "step {step}: {}", made.body);
                model.put(made.data());
            }
        }
        for _ in 0..2 {
            let filter = filter(&mut seeded, &jobs);
            let limit = *seeded.pick(&[1, 2, 3, 20]);
            let page = 1 + seeded.below(model.list(&filter).len() / limit + 2);
            check_page(&app, &key, &model, &filter, page, limit).await;
        }
        if step % 15 == 14 {
            let filter = filter(&mut seeded, &jobs);
            let walked = walk(&app, &key, CANDIDATES, &filter, 4).await;
            assert_eq!(walked, model.list(&filter), "seed {SEED}, {filter:?}");
        }
    }
    // A deleted job is in nobody's list any more, and no filter finds anybody by it.
    let gone = jobs.remove(0);
    assert_eq!(app.delete(&key, &format!("/jobs/{gone}")).await.status, 200);
    for object in model.objects.values_mut() {
        let ids = object["jobIds"].as_array_mut().expect("a list");
        ids.retain(|id| *id != json!(gone));
    }
    for jobs in std::iter::once(&gone).chain(&jobs) {
        for status in [None, Some("APPLIED")] {
            let mut filter = Filter::status(status, None);
            filter.values.insert(0, ("jobId", jobs.clone()));
            let walked = walk(&app, &key, CANDIDATES, &filter, 50).await;
            let shown = |list: Vec<Value>| -> Vec<Value> {
                list.into_iter()
                    .map(|mut one| {
                        // Whoever takes the job out raises the version.
                        one["version"].take();
                        one
                    })
                    .collect()
            };
            assert_eq!(shown(walked), shown(model.list(&filter)), "{filter:?}");
        }
    }
}

#[tokio::test]
async fn a_filter_of_another_form_is_refused() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    for (query, faults) in [
        ("jobId=x", vec!["?jobId format"]),
        ("jobId=", vec!["?jobId format"]),
        ("status=OPEN", vec!["?status enum"]),
        (
            "jobId=x&status=x&q=",
            vec!["?jobId format", "?q length", "?status enum"],
        ),
        ("jobId=1&jobId=2", vec!["?jobId repeated"]),
    ] {
        let mut found = app
            .get(&key, &format!("/candidates?{query}"))
            .await
            .faults();
        found.sort();
        assert_eq!(found, faults, "{query}");
    }
    let long = "q".repeat(254);
    assert_eq!(
        app.get(&key, &format!("/candidates?q={long}")).await.status,
        200
    );
    let longer = app.get(&key, &format!("/candidates?q={long}q")).await;
    assert_eq!(longer.faults(), ["?q length"]);
    // A job that isn't there has no candidates.
    let nobody = "/candidates?jobId=01890a5d-ac96-774b-bcce-b302099a8057";
    let nobody = app.get(&key, nobody).await;
    assert_eq!(nobody.data()["pagination"]["total"], 0);
}

/// DynamoDB refuses a sort key of more than 1,024 bytes, and the beginning of one too.
#[tokio::test]
async fn the_longest_search_finds_nothing_and_asks_for_no_longer_key_than_there_can_be() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let longest = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&longest);
    app.system.weather().set(&Weather::script(move |call| {
        let asked = call.json()["ExpressionAttributeValues"][":sk"]["S"].take();
        let length = asked.as_str().map_or(0, str::len);
        seen.fetch_max(length, Ordering::SeqCst);
        Fault::None
    }));
    for characters in [240, 252, 254] {
        let q = "%F0%9F%98%80".repeat(characters);
        let found = app.get(&key, &format!("/candidates?q={q}")).await;
        assert_eq!(found.status, 200, "{}", found.body);
        assert_eq!(found.data()["items"], json!([]));
    }
    let longest = longest.load(Ordering::SeqCst);
    assert!((900..=1_024).contains(&longest), "{longest}");
}

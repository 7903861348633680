//! Reading notices, and marking them.

use serde_json::json;
use std::time::Duration;
use tests::TestApp;

#[tokio::test]
async fn read_notices_leave_the_list_of_unread_ones_and_come_back() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    for second in 1..=3 {
        let expiry = app.now().plus(chrono::Duration::seconds(second));
        app.key_with(&acme, json!({ "expiresAt": expiry })).await;
    }
    app.advance(Duration::from_secs(5));
    app.settle().await;
    let page = async |target: &str| {
        let answer = app.get(&acme.member, target).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let data = answer.data();
        let items = data["items"].as_array().expect("items").clone();
        (items, data["pagination"].clone())
    };
    let (all, pages) = page("/notices?limit=2").await;
    assert_eq!((all.len(), &pages["total"]), (2, &json!(3)));
    let next = pages["nextCursor"].as_str().expect("a cursor");
    let (rest, _) = page(&format!("/notices?limit=2&cursor={next}")).await;
    assert_eq!(rest.len(), 1);
    assert!(
        all[0]["at"].as_str() > all[1]["at"].as_str()
            && all[1]["at"].as_str() > rest[0]["at"].as_str()
    );

    let path = format!("/notices/{}", all[1]["id"].as_str().expect("an id"));
    let marked = app
        .patch(&acme.member, &path, &json!({ "read": true }))
        .await;
    assert_eq!((marked.status, &marked.data()["read"]), (200, &json!(true)));
    assert_eq!(marked.header("etag"), Some("\"2\""));
    let again = app
        .patch(&acme.member, &path, &json!({ "read": true }))
        .await;
    assert_eq!(again.header("etag"), Some("\"2\""));
    let (unread, pages) = page("/notices?unread=true").await;
    let ids: Vec<_> = unread.iter().map(|notice| &notice["id"]).collect();
    assert_eq!(ids, [&all[0]["id"], &rest[0]["id"]]);
    assert_eq!(pages["total"], 2);
    let stale = acme
        .member
        .request("PATCH", &path)
        .header("if-match", "\"1\"");
    assert_eq!(
        app.send(stale.json(&json!({ "read": false }))).await.code(),
        "RESOURCE_CONFLICT"
    );
    let back = app
        .patch(&acme.member, &path, &json!({ "read": false }))
        .await;
    assert_eq!(back.data()["read"], false);
    assert_eq!(page("/notices?unread=true").await.1["total"], 3);
    let wrong = app.get(&acme.member, "/notices?unread=perhaps").await;
    assert_eq!(wrong.faults(), ["?unread enum"]);
}

#[tokio::test]
async fn notices_are_kept_for_two_years_by_the_clock() {
    const DAY: Duration = Duration::from_secs(86_400);
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    for day in [1, 3] {
        let expiry = app.now().plus(chrono::Duration::days(day));
        app.key_with(&acme, json!({ "expiresAt": expiry })).await;
    }
    app.advance(DAY * 4);
    app.settle().await;
    // A token lives shorter than the test.
    let member = || app.person("member@acme.example").for_company(acme.id);
    let page = async |target: &str| {
        let answer = app.get(&member(), target).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let data = answer.data();
        let items = data["items"].as_array().expect("items").clone();
        let total = data["pagination"]["total"].as_u64().expect("a total");
        assert_eq!(items.len() as u64, total, "{target}");
        items
    };
    let all = page("/notices").await;
    let oldest = all.last().expect("some")["id"].as_str().expect("an id");
    let count = all.len();
    // The first key's expiry was 727 days ago, and its warning, too.
    app.advance(DAY * 724);
    assert_eq!(page("/notices").await.len(), count);
    let path = format!("/notices/{oldest}");
    let read = json!({ "read": true });
    assert_eq!(app.patch(&member(), &path, &read).await.status, 200);
    let unread = page("/notices?unread=true").await.len();
    assert_eq!(unread, count - 1);

    app.advance(DAY * 3);
    assert!(page("/notices").await.len() < count);
    assert!(page("/notices?unread=true").await.len() <= unread);
    assert_eq!(app.patch(&member(), &path, &read).await.status, 404);
    app.advance(DAY * 10);
    assert_eq!(page("/notices").await, Vec::<serde_json::Value>::new());

    // And each row says until when, notices and pointers alike.
    let rows = crate::worker::rows::records(&app);
    let number = |row: &serde_json::Value, name: &str| {
        let text = row[name]["N"].as_str().expect("a number");
        text.parse::<i64>().expect("a number")
    };
    let starting = |prefix: &str| {
        let all = rows.iter().filter(|row| {
            let sk = row["sk"]["S"].as_str().unwrap_or_default();
            sk.starts_with(prefix)
        });
        all.collect::<Vec<_>>()
    };
    let notices = starting("NOTICE#");
    assert_eq!(notices.len(), count);
    for row in &notices {
        let ends = number(row, "at").div_euclid(1_000) + 730 * 86_400;
        assert_eq!(number(row, "ttl"), ends, "{row}");
    }
    let pointers = starting("UNREAD#");
    assert_eq!(pointers.len(), unread);
    for pointer in pointers {
        let mut of = notices.iter().filter(|row| row["id"] == pointer["id"]);
        assert_eq!(of.next().map(|row| &row["ttl"]), Some(&pointer["ttl"]));
    }
}

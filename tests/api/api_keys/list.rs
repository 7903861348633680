//! `GET /api-keys`

use super::{act, from_now};
use embedded::Weather;
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use tests::{Caller, TestApp};

fn ids(items: &Value) -> Vec<String> {
    let items = items.as_array().expect("items");
    items
        .iter()
        .map(|item| item["id"].as_str().expect("an id").to_owned())
        .collect()
}

async fn walk(app: &TestApp, caller: &Caller, filter: &str, limit: usize) -> Vec<String> {
    let mut all = Vec::new();
    let mut next = String::new();
    loop {
        let list = app
            .get(caller, &format!("/api-keys?limit={limit}{filter}{next}"))
            .await;
        assert_eq!(list.status, 200, "{}", list.body);
        all.extend(ids(&list.data()["items"]));
        match list.data()["pagination"]["nextCursor"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => return all,
        }
    }
}

#[tokio::test]
async fn keys_are_listed_newest_first_with_status_and_q_and_revoked_ones_included() {
    let app = TestApp::start().await;
    let mut acme = app.company("Acme").await;
    let hour = Duration::from_secs(3600);
    let mut made = Vec::new();
    for name in [
        "Import A",
        "import b",
        "Export",
        "Nightly EXPORT",
        "Straße",
        "Other",
    ] {
        let mut fields = json!({ "name": name });
        if name == "Export" {
            fields["expiresAt"] = json!(from_now(&app, hour));
        }
        made.push(app.key_with(&acme, fields).await);
        app.advance(Duration::from_millis(2));
    }
    act(&app, &acme.owner, &made[0], "revoke").await;
    act(&app, &acme.owner, &made[1], "suspend").await;
    app.advance(hour);
    acme.owner = app.person("owner@acme.example");
    let expected = |indexes: &[usize]| -> Vec<String> {
        indexes
            .iter()
            .map(|index| made[*index].id.to_string())
            .collect()
    };
    let prefix = format!("sk_iv{}", made[3].id);
    for (filter, keys, counted) in [
        ("", &[5, 4, 3, 2, 1, 0][..], true),
        ("&status=ACTIVE", &[5, 4, 3], true),
        ("&status=SUSPENDED", &[1], true),
        ("&status=EXPIRED", &[2], true),
        ("&status=REVOKED", &[0], true),
        ("&q=export", &[3, 2], false),
        ("&q=IMPORT", &[1, 0], false),
        ("&q=STRA%C3%9FE", &[4], false),
        ("&q=nothing", &[], false),
        (&format!("&q={prefix}"), &[3], false),
        (&format!("&q={}", &prefix[..9]), &[3], false),
        ("&q=sk_iv", &[5, 4, 3, 2, 1, 0], false),
        ("&q=import&status=REVOKED", &[0], false),
        ("&q=export&status=SUSPENDED", &[], false),
    ] {
        let list = app
            .get(&acme.owner, &format!("/api-keys?limit=4{filter}"))
            .await;
        let shown = &keys[..keys.len().min(4)];
        assert_eq!(ids(&list.data()["items"]), expected(shown), "{filter}");
        let mut pagination = list.data()["pagination"].clone();
        assert_eq!(
            pagination["nextCursor"].take().is_string(),
            keys.len() > 4,
            "{filter}"
        );
        assert_eq!(
            pagination,
            json!({
                "total": counted.then_some(keys.len()),
                "totalIsLowerBound": false,
                "page": 1,
                "limit": 4,
                "totalPages": counted.then_some(keys.len().div_ceil(4)),
                "hasNextPage": keys.len() > 4,
                "hasPreviousPage": false,
                "nextCursor": null,
            }),
            "{filter}"
        );
        for limit in [1, 2, 6] {
            assert_eq!(
                walk(&app, &acme.owner, filter, limit).await,
                expected(keys),
                "{filter}"
            );
        }
    }
    let second = app.get(&acme.owner, "/api-keys?limit=4&page=2").await;
    assert_eq!(ids(&second.data()["items"]), expected(&[1, 0]));
    assert_eq!(second.data()["pagination"]["hasPreviousPage"], true);
    assert_eq!(second.data()["pagination"]["hasNextPage"], false);
    let beyond = app.get(&acme.owner, "/api-keys?limit=4&page=3").await;
    assert_eq!(beyond.data()["items"], json!([]));
    for (query, fault) in [
        ("status=active", "?status enum"),
        ("q=", "?q length"),
        ("limit=0", "?limit range"),
        ("status=ACTIVE&status=ACTIVE", "?status repeated"),
    ] {
        let refused = app.get(&acme.owner, &format!("/api-keys?{query}")).await;
        assert_eq!(
            (refused.status, refused.faults()),
            (400, vec![fault.to_owned()])
        );
    }
}

#[tokio::test]
async fn paging_through_a_status_neither_repeats_nor_skips_while_keys_leave_it() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let mut expected = BTreeSet::new();
    for _ in 0..7 {
        expected.insert(app.key_with(&acme, json!({})).await.id.to_string());
    }
    let mut seen = Vec::new();
    let mut next = String::new();
    loop {
        let list = app
            .get(
                &acme.owner,
                &format!("/api-keys?limit=2&status=ACTIVE{next}"),
            )
            .await;
        let found = ids(&list.data()["items"]);
        // The last key of the page, on which the cursor stands, is no longer ACTIVE.
        for id in &found {
            let path = format!("/api-keys/{id}/suspend");
            assert_eq!(app.post(&acme.owner, &path, &json!({})).await.status, 200);
        }
        // The first one is so again.
        if let Some(id) = seen.first() {
            let path = format!("/api-keys/{id}/resume");
            assert_eq!(app.post(&acme.owner, &path, &json!({})).await.status, 200);
        }
        seen.extend(found);
        match list.data()["pagination"]["nextCursor"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), expected.len(), "{seen:?}");
    assert_eq!(BTreeSet::from_iter(seen), expected);
}

#[tokio::test]
async fn a_page_costs_the_same_however_many_keys_there_are() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let weather = Weather::calm();
    let another = app.system.another_app(app.app().clock.clone(), &weather);
    let gateway = app.system.another_gateway(another).expect("a gateway");
    // The calls that read the list, and how many units they read.
    let cost = async |target: &str| {
        weather.take_calls();
        let request = acme.owner.for_company(acme.id).request("GET", target);
        let answer = tests::ask(&gateway, request).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let mut calls = weather.take_calls();
        calls.retain(|call| call.operation != "UpdateItem");
        // The list and its total are read side by side.
        let mut operations: Vec<_> = calls.iter().map(|call| call.operation.clone()).collect();
        operations.sort();
        let read: f64 = calls.iter().map(|call| call.read_units).sum();
        let pagination = answer.json().expect("JSON")["data"]["pagination"].take();
        (operations, read, pagination)
    };
    let make = async |keys| {
        for _ in 0..keys {
            app.key_with(&acme, json!({})).await;
        }
    };
    make(6).await;
    cost("/api-keys?limit=2").await;
    let (calls, read, pagination) = cost("/api-keys?limit=2").await;
    assert_eq!(calls, ["BatchGetItem", "GetItem", "Query"]);
    let cursor = pagination["nextCursor"].as_str().expect("a cursor");
    let second = cost(&format!("/api-keys?limit=2&cursor={cursor}")).await;
    make(60).await;
    let (calls_now, read_now, pagination) = cost("/api-keys?limit=2").await;
    assert_eq!((calls_now, read_now), (calls, read));
    assert_eq!(pagination["total"], 66);
    let second_now = cost(&format!("/api-keys?limit=2&cursor={cursor}")).await;
    assert_eq!((&second_now.0, second_now.1), (&second.0, second.1));
}

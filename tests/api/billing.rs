//! `/billing/usage`

use model::{Date, Timestamp};
use serde_json::{Value, json};
use std::time::Duration;
use tests::{Answer, Caller, Company, Seeded, TestApp, agent, browser::Browser, candidate, report};

/// Has an interview completed right now; the instant.
async fn complete(app: &TestApp, company: &Company, key: &Caller, minutes: u64) -> Timestamp {
    let body = json!({ "candidate": candidate(), "agent": agent() });
    let made = app.post(key, "/interviews", &body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let at = app.now();
    let mut event = report(
        company,
        made.data()["id"].as_str().expect("an id"),
        "COMPLETED",
        at,
    );
    event["detail"]["durationMinutes"] = json!(minutes);
    app.put(event).await.expect("taken");
    at
}

/// A plan bounds the interviews of a month, and bills those that ended in it.
#[tokio::test]
async fn the_companys_page_keeps_what_a_plan_bounds_apart_from_what_is_billed() {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let body = json!({ "candidate": candidate(), "agent": agent() });
    let made = app.post(&key, "/interviews", &body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let next_month = model::Month::of(app.now()).end();
    let ahead = next_month.since(app.now()).to_std().expect("later");
    app.advance(ahead + Duration::from_secs(60));
    let id = made.data()["id"].as_str().expect("an id");
    let mut event = report(&acme, id, "COMPLETED", app.now());
    event["detail"]["durationMinutes"] = json!(15);
    app.put(event).await.expect("taken");
    let mut browser = Browser::signed_in(&app, "owner@acme.example").await;
    let page = browser
        .get(&format!("/dashboard/o/c-{}/company", acme.id))
        .await;
    let text = page.text();
    let of_the_month = text.split("Interview minutes this month").nth(1);
    assert!(
        of_the_month.is_some_and(|text| text.trim_start().starts_with("0 of ")),
        "{text}"
    );
    let billed = text.split("Minutes billed this month").nth(1);
    assert!(
        billed.is_some_and(|text| text.trim_start().starts_with("15")),
        "{text}"
    );
}

async fn usage(app: &TestApp, key: &Caller, start: impl ToString, end: impl ToString) -> Answer {
    let path = format!(
        "/billing/usage?start={}&end={}",
        start.to_string(),
        end.to_string()
    );
    app.get(key, &path.replace('+', "%2B")).await
}

#[tokio::test]
async fn usage_has_the_contracts_shape_and_another_companys_is_not_in_it() {
    let app = TestApp::start().await;
    let (acme, globex) = (app.company("Acme").await, app.company("Globex").await);
    let key = app.key_with(&acme, json!({})).await.caller;
    let other = app.key_with(&globex, json!({})).await.caller;
    complete(&app, &acme, &key, 15).await;
    complete(&app, &acme, &key, 0).await;
    complete(&app, &globex, &other, 7).await;
    app.advance(Duration::from_millis(1));
    let answer = app.get(&key, "/billing/usage").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let breakdown = json!([{ "costKey": "interview_minutes", "minutesUsed": 15, "events": 2 }]);
    let expected = json!({
        "companies": [{
            "companyId": acme.id,
            "companyName": "Acme",
            "billingSystem": "minutes",
            "totalMinutesUsed": 15,
            "totalInterviews": 2,
            "breakdownByCostKey": breakdown,
        }],
        "totalMinutesUsed": 15,
        "totalInterviews": 2,
        "breakdownByCostKey": breakdown,
    });
    assert_eq!(answer.data(), &expected);
}

#[tokio::test]
async fn start_and_end_are_checked_together() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    for (query, faults) in [
        ("", &[][..]),
        ("start=2026-01-01&end=2027-01-02", &[]),
        (
            "start=2026-01-01&end=2027-01-02T00:00:00.001Z",
            &["?start range"],
        ),
        ("start=2028-01-01&end=2029-01-01", &[]),
        ("start=2028-02-29&end=2028-03-01", &[]),
        ("start=2027-02-29&end=2027-03-01", &["?start format"]),
        ("start=2026-01-01&end=2026-01-01", &["?start range"]),
        ("start=2026-01-02&end=2026-01-01", &["?start range"]),
        (
            "start=2026-01-01T10:00:00%2B10:30&end=2026-01-01T00:00:00Z",
            &[],
        ),
        ("start=yesterday&end=1", &["?start format", "?end format"]),
        ("start=2026-1-1", &["?start format"]),
        ("start=2026-01-01&start=2026-01-02", &["?start repeated"]),
        ("end=2026-01-01", &[]),
    ] {
        let answer = app.get(&key, &format!("/billing/usage?{query}")).await;
        assert_eq!(answer.faults(), faults, "{query}: {}", answer.body);
        assert_eq!(
            answer.status,
            if faults.is_empty() { 200 } else { 400 },
            "{query}"
        );
    }
}

#[tokio::test]
async fn any_range_tells_exactly_what_was_completed_in_it() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let mut seeded = Seeded::new(7);
    let mut billed: Vec<(Timestamp, u64)> = Vec::new();
    for _ in 0..30 {
        let minutes = seeded.below(60) as u64;
        billed.push((complete(&app, &acme, &key, minutes).await, minutes));
        // Several a day, and none for days.
        let pause = *seeded.pick(&[1_000, 3_600_000, 40_000_000, 250_000_000]);
        app.advance(Duration::from_millis(pause));
    }
    let check = async |start: Timestamp, end: Timestamp| {
        let within = billed.iter().filter(|(at, _)| (start..end).contains(at));
        let (mut minutes, mut interviews) = (0, 0);
        for (_, used) in within {
            minutes += used;
            interviews += 1;
        }
        let answer = usage(&app, &key, start, end).await;
        let found = (
            &answer.data()["totalMinutesUsed"],
            &answer.data()["totalInterviews"],
        );
        assert_eq!(
            found,
            (&json!(minutes), &json!(interviews)),
            "{start} to {end}: {}",
            answer.body
        );
    };
    let instants: Vec<_> = billed.iter().map(|(at, _)| *at).collect();
    let millis =
        |at: Timestamp, by: i64| Timestamp::from_millis(at.millis() + by).expect("in range");
    for round in 0..60 {
        let mut ends = [*seeded.pick(&instants), *seeded.pick(&instants)];
        ends.sort();
        let [mut start, mut end] = ends;
        match round % 4 {
            // The instants themselves: the first is in, the last is not.
            0 => {}
            1 => end = millis(end, 1),
            2 => start = millis(start, 1),
            _ => (start, end) = (Date::of(start).start(), Date::of(end).next().start()),
        }
        if start < end {
            check(start, end).await;
        }
    }
    let all = usage(
        &app,
        &key,
        Date::of(instants[0]),
        Date::of(app.now()).next(),
    )
    .await;
    let minutes: u64 = billed.iter().map(|(_, minutes)| minutes).sum();
    assert_eq!(all.data()["totalMinutesUsed"], json!(minutes));
    assert_ne!(all.data()["totalMinutesUsed"], Value::from(0));
}

/// The start is in, the end is not, and without a start it is 30 days before the end.
#[tokio::test]
async fn without_start_and_end_it_is_the_last_30_days() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let at = complete(&app, &acme, &key, 11).await;
    let day = Duration::from_secs(24 * 3600);
    let minutes = async |query: &str| {
        let answer = app.get(&key, &format!("/billing/usage{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.data()["totalMinutesUsed"].clone()
    };
    let days_later = |days: i64, millis: i64| {
        let later = at.plus(chrono::Duration::days(days));
        later.plus(chrono::Duration::milliseconds(millis))
    };
    app.advance(30 * day - Duration::from_secs(60));
    assert_eq!(minutes("").await, 11);
    app.advance(Duration::from_secs(61));
    assert_eq!(minutes("").await, 0);
    for (end, expected) in [
        (days_later(0, 0), 0),
        (days_later(0, 1), 11),
        (days_later(30, 0), 11),
        (days_later(30, 1), 0),
    ] {
        assert_eq!(minutes(&format!("?end={end}")).await, expected, "{end}");
    }
    // Without an end it is until now.
    for (start, expected) in [(days_later(0, 0), 11), (days_later(0, 1), 0)] {
        assert_eq!(minutes(&format!("?start={start}")).await, expected);
    }
    let ahead = app.now().plus(chrono::Duration::minutes(1));
    let refused = app
        .get(&key, &format!("/billing/usage?start={ahead}"))
        .await;
    assert_eq!(refused.faults(), ["?start range"]);
    // 366 days end now, and a day more is refused, wherever the end is said.
    let now = app.now();
    let least = now
        .minus(chrono::Duration::days(366))
        .plus(chrono::Duration::minutes(1));
    assert_eq!(minutes(&format!("?start={least}")).await, 11);
    let most = now.minus(chrono::Duration::days(366));
    let refused = app.get(&key, &format!("/billing/usage?start={most}")).await;
    assert_eq!(refused.faults(), ["?start range"]);
}

#[tokio::test]
async fn a_partner_is_told_of_every_company_that_lets_it_read_its_billing() {
    let app = TestApp::start().await;
    let hirebridge = app.partner("Hirebridge").await;
    let key = &hirebridge.key.caller;
    let empty = app.get(key, "/billing/usage").await;
    assert_eq!(empty.status, 200, "{}", empty.body);
    assert_eq!(empty.data()["companies"], json!([]));
    let mut companies = Vec::new();
    for (number, name) in ["Acme", "Globex", "Initech"].into_iter().enumerate() {
        app.advance(Duration::from_secs(1));
        let company = app.company(name).await;
        app.grant(&company, hirebridge.id).await;
        let own = app.key_with(&company, json!({})).await.caller;
        complete(&app, &company, &own, 10 + number as u64).await;
        companies.push(company);
    }
    // Nobody's to see but its own.
    let other = app.company("Umbrella").await;
    let own = app.key_with(&other, json!({})).await.caller;
    complete(&app, &other, &own, 99).await;
    app.advance(Duration::from_secs(1));
    let told = async |key: &Caller| {
        let answer = app.get(key, "/billing/usage").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let each = answer.data()["companies"]
            .as_array()
            .expect("a list")
            .clone();
        let minutes = |one: &Value| one["totalMinutesUsed"].as_u64().expect("a number");
        assert_eq!(
            answer.data()["totalMinutesUsed"],
            each.iter().map(minutes).sum::<u64>()
        );
        let named = each
            .iter()
            .map(|one| (one["companyName"].clone(), minutes(one)));
        named.collect::<Vec<_>>()
    };
    let youngest_first = [
        (json!("Initech"), 12),
        (json!("Globex"), 11),
        (json!("Acme"), 10),
    ];
    assert_eq!(told(key).await, youngest_first);
    assert_eq!(
        told(&key.for_company(companies[1].id)).await,
        [(json!("Globex"), 11)]
    );
    // What is suspended, or grants less, is no longer told, from the next request on.
    let path = format!("/partner-grants/{}/suspend", hirebridge.id);
    let done = app.send(companies[0].owner.request("POST", &path)).await;
    assert_eq!(done.status, 200, "{}", done.body);
    let path = format!("/partner-grants/{}/end", hirebridge.id);
    let done = app.send(companies[2].owner.request("POST", &path)).await;
    assert_eq!(done.status, 200, "{}", done.body);
    let less = json!({ "partnerId": hirebridge.id, "scopes": ["read:jobs"] });
    let again = app
        .post(&companies[2].owner, "/partner-grants", &less)
        .await;
    assert_eq!(again.status, 201, "{}", again.body);
    assert_eq!(told(key).await, [(json!("Globex"), 11)]);
    let denied = app
        .get(&key.for_company(companies[0].id), "/billing/usage")
        .await;
    assert_eq!(denied.code(), "RESOURCE_ACCESS_DENIED");
    let answer = app.get(&hirebridge.owner, "/billing/usage").await;
    assert_eq!(
        answer.details(),
        &json!({ "requiredCredential": "API_KEY" })
    );
}

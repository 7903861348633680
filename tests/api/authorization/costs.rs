//! What a decision costs: store calls, and write units with the indexes' share.

use super::{
    Process, dead_secret,
    process::{GET_JOB, named},
};
use auth::{Keyring, SecretDocument};
use embedded::Weather;
use model::{KeyId, KeyKind, Plan, RateLimit};
use routes::Scope;
use serde_json::json;
use std::time::Duration;
use tests::{Caller, Company, TestApp, job};

const NOTHING: [&str; 0] = [];
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn an_authorized_request_is_one_write_of_one_unit() {
    let (app, acme) = start().await;
    let key = app.key_with(&acme, json!({})).await;
    let process = Process::new(&app, Weather::calm());
    let cold = process.calls_of(&key.caller, GET_JOB).await;
    assert_eq!(cold, (200, calls(["GetItem keys", "UpdateItem keys"])));
    // Windows that are over are forgotten in passing.
    for pause in [0, 1, 61, 3_601, 7_300] {
        app.advance(Duration::from_secs(pause));
        process.weather.take_calls();
        assert_eq!(process.get_job(&key.caller).await.status, 200);
        let warm = process.weather.take_calls();
        assert_eq!(named(&warm), ["UpdateItem keys"], "after {pause} s");
        assert_eq!(
            (warm[0].write_units, warm[0].read_units),
            (1.0, 0.0),
            "after {pause} s"
        );
    }
}

#[tokio::test]
async fn a_job_is_read_in_two_calls_all_in_all() {
    let (app, acme) = start().await;
    let key = app.key_with(&acme, json!({})).await;
    let made = app.post(&key.caller, "/jobs", &job()).await;
    let path = format!("/jobs/{}", made.data()["id"].as_str().expect("an id"));
    let weather = Weather::calm();
    let another = app.system.another_app(app.app().clock.clone(), &weather);
    let gateway = app.system.another_gateway(another).expect("a gateway");
    for warm in [false, true] {
        weather.take_calls();
        let answer = tests::ask(&gateway, key.caller.request("GET", &path)).await;
        assert_eq!(answer.status, 200);
        let made = named(&weather.take_calls());
        let read = calls(["UpdateItem keys", "GetItem records"]);
        if warm {
            assert_eq!(made, read);
        } else {
            assert_eq!(made, [calls(["GetItem keys"]), read].concat());
        }
    }
}

/// The bound that the docs state for 1 KB: 44 IPv4 ranges, or 15 of IPv6.
#[tokio::test]
async fn a_row_with_44_ranges_is_still_one_unit() {
    let app = TestApp::calm().await;
    let acme = app.company_on("Acme", Plan::Scale, None).await;
    let v4 = (100..144)
        .map(|third| format!("198.51.{third}.0/24"))
        .collect::<Vec<_>>();
    let v6 = (100..115)
        .map(|third| format!("2001:db8:{third}::/48"))
        .collect::<Vec<_>>();
    let mut keys = Vec::new();
    for (ranges, inside) in [(v4, "198.51.143.255"), (v6, "2001:db8:114::1")] {
        let scopes = [
            "read:jobs",
            "write:jobs",
            "read:candidates",
            "read:interviews",
        ];
        let fields = json!({ "scopes": scopes, "allowedIPs": ranges });
        let key = app.key_with(&acme, fields).await;
        let shown = app.get(&acme.owner, &format!("/api-keys/{}", key.id)).await;
        assert_eq!(shown.data()["allowedIPs"], json!(ranges));
        let inside = key.caller.from_address(inside);
        keys.push((key, inside));
    }
    for (key, inside) in keys {
        let process = Process::new(&app, Weather::calm());
        let units = units_over_an_hours_end(&app, &process, &inside, 7 * SECOND).await;
        assert_eq!(units, [1.0; 30], "{inside:?}");
        let outside = key.caller.from_address("192.0.2.1");
        assert_eq!(process.get_job(&outside).await.status, 401);
    }
}

/// Each second is a window of its own, and the row remembers some of them: with all scopes and two networks that is still one unit.
#[tokio::test]
async fn a_row_that_counts_each_second_is_still_one_unit() {
    let app = TestApp::calm().await;
    let limits = RateLimit {
        per_minute: 6_000,
        per_hour: 300_000,
        per_second: Some(100),
    };
    let acme = app.company_on("Acme", Plan::Enterprise, Some(limits)).await;
    let ranges = ["192.0.2.0/24", "2001:db8::/48"];
    let key = app.key_with(&acme, json!({ "allowedIPs": ranges })).await;
    let process = Process::new(&app, Weather::calm());
    let inside = key.caller.from_address("192.0.2.1");
    let units = units_over_an_hours_end(&app, &process, &inside, SECOND).await;
    assert_eq!(units, [1.0; 30]);
}

/// Of each write of 30 requests, one a `pause`: around the end of an hour, when the row holds the most windows.
async fn units_over_an_hours_end(
    app: &TestApp,
    process: &Process,
    caller: &Caller,
    pause: Duration,
) -> Vec<f64> {
    const HOUR: Duration = Duration::from_secs(3_600);
    let into_hour = app.now().millis().rem_euclid(3_600_000).unsigned_abs();
    let before = Duration::from_millis(into_hour) + 15 * pause;
    app.advance(match HOUR.checked_sub(before) {
        Some(left) => left,
        None => 2 * HOUR - before,
    });
    for _ in 0..30 {
        assert_eq!(process.get_job(caller).await.status, 200);
        app.advance(pause);
    }
    let mut writes = process.weather.take_calls();
    writes.retain(|call| call.operation == "UpdateItem");
    writes.iter().map(|call| call.write_units).collect()
}

#[tokio::test]
async fn junk_and_forgeries_cost_nothing() {
    let (app, acme) = start().await;
    let key = app.key_with(&acme, json!({})).await;
    let process = Process::new(&app, Weather::calm());
    let good = key.caller.credential.clone().expect("a credential");
    let changed = format!("{}x{}", &good[..20], &good[21..]);
    let junk = [
        "",
        "sk_iv",
        "sk_",
        &good[..45],
        &changed,
        &good.replace("sk_iv", "sk_it"),
    ];
    let mut callers: Vec<_> = junk.map(Caller::with).into();
    callers.push(Caller::nobody());
    // Its checksum is right, and its tag is another mint's.
    let document = SecretDocument::generate(app.app().entropy.bytes(), app.now().millis());
    let forger = Keyring::new(&document);
    let (forged, _) = forger.mint(KeyKind::Standard, key.id, app.app().entropy.bytes());
    callers.push(Caller::with(forged.expose()));
    for caller in &callers {
        assert_eq!(
            process.calls_of(caller, GET_JOB).await,
            (401, calls(NOTHING))
        );
    }
    // We minted it, and there is no such row: one read says so, and nobody is told.
    let keyring = app.app().keyring.as_deref().expect("a keyring");
    let id = KeyId::new(app.app().entropy.bytes());
    let (unknown, _) = keyring
        .latest()
        .mint(KeyKind::Standard, id, app.app().entropy.bytes());
    let unknown = Caller::with(unknown.expose());
    assert_eq!(
        process.calls_of(&unknown, GET_JOB).await,
        (401, calls(["GetItem keys"]))
    );
}

#[tokio::test]
async fn a_repeated_429_costs_one_read_a_second() {
    let app = TestApp::calm().await;
    let three = RateLimit {
        per_minute: 3,
        per_hour: 1_000,
        per_second: None,
    };
    let acme = app.company_on("Acme", Plan::Enterprise, Some(three)).await;
    let key = app.key_with(&acme, json!({})).await;
    let process = Process::new(&app, Weather::calm());
    app.next_minute(Duration::ZERO);
    for _ in 0..3 {
        assert_eq!(process.get_job(&key.caller).await.status, 200);
    }
    // The first one is kept, and the window is told of.
    assert_eq!(process.get_job(&key.caller).await.status, 429);
    for _ in 0..20 {
        let repeated = process.calls_of(&key.caller, GET_JOB).await;
        assert_eq!(repeated, (429, calls(NOTHING)));
    }
    for _ in 0..5 {
        app.advance(SECOND);
        let later = process.calls_of(&key.caller, GET_JOB).await;
        assert_eq!(later, (429, calls(["GetItem keys"])));
        let repeated = process.calls_of(&key.caller, GET_JOB).await;
        assert_eq!(repeated, (429, calls(NOTHING)));
    }
}

#[tokio::test]
async fn a_remembered_refusal_reads_nothing_within_a_second() {
    let (app, acme) = start().await;
    let scopeless = app.key(&acme, [Scope::WriteJobs]).await;
    let suspended = app.key_with(&acme, json!({})).await;
    let path = format!("/api-keys/{}/suspend", suspended.id);
    assert_eq!(app.post(&acme.owner, &path, &json!({})).await.status, 200);
    let cases = [
        (scopeless.caller.clone(), 403),
        (suspended.caller.clone(), 401),
        (dead_secret(&app, &scopeless), 401),
    ];
    for (caller, status) in cases {
        let process = Process::new(&app, Weather::calm());
        app.next_minute(Duration::ZERO);
        let first = process.calls_of(&caller, GET_JOB).await;
        assert_eq!(first, (status, calls(["GetItem keys", "PutItem denials"])));
        let second = process.calls_of(&caller, GET_JOB).await;
        assert_eq!(second, (status, calls(["PutItem denials"])));
        app.advance(SECOND);
        let later = process.calls_of(&caller, GET_JOB).await;
        assert_eq!(later, (status, calls(["GetItem keys", "PutItem denials"])));
        // Another operation is another question.
        let other = process.calls_of(&caller, ("DELETE", "/jobs/{jobId}")).await;
        assert_eq!(other, (status, calls(["GetItem keys", "PutItem denials"])));
        // 4 of 60 are kept until now, and the 61st says that there were more.
        for _ in 4..61 {
            process.get_job(&caller).await;
        }
        app.advance(SECOND);
        process.get_job(&caller).await;
        for _ in 0..20 {
            assert_eq!(
                process.calls_of(&caller, GET_JOB).await,
                (status, calls(NOTHING))
            );
        }
    }
}

#[tokio::test]
async fn a_person_who_names_the_company_is_one_write() {
    let (app, acme) = start().await;
    let process = Process::new(&app, Weather::calm());
    let list = ("GET", "/api-keys");
    let named = acme.member.for_company(acme.id);
    let cold = process.calls_of(&named, list).await;
    assert_eq!(cold, (200, calls(["GetItem keys", "UpdateItem keys"])));
    assert_eq!(
        process.calls_of(&named, list).await,
        (200, calls(["UpdateItem keys"]))
    );
    // Without the name, the memberships are asked first.
    let unnamed = process.calls_of(&acme.member, list).await;
    assert_eq!(unnamed, (200, calls(["Query keys", "UpdateItem keys"])));
}

async fn start() -> (TestApp, Company) {
    let app = TestApp::calm().await;
    let acme = app.company("Acme").await;
    (app, acme)
}

fn calls<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).into()
}

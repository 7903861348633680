//! A key's life, and what lies in the data directory afterwards.

use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use crate::process::{Place, Server, eventually, run};

pub(crate) const JOB: &str =
    r#"{"title":"Night Nurse","description":"Cares for the ward at night.","status":"OPEN"}"#;

#[test]
fn a_key_is_made_used_suspended_and_explained() {
    let place = Place::new("story");
    let server = Server::ephemeral(&place, &[]);
    assert!(!place.data().exists(), "nothing is kept");
    tell(&server);
    assert!(server.interrupt().success());
}

/// The whole story; the key that it made, suspended.
pub(crate) fn tell(server: &Server) -> String {
    let listed = server.demo().data(200, "GET", "/jobs", "");
    assert_eq!(listed["pagination"]["total"], 12, "{listed}");

    let tokens = server.sign_in("owner@acme.example");
    let owner = server.caller(tokens["access_token"].as_str().expect("a token"));
    let scopes = json!({ "name": "Careers page", "scopes": ["read:jobs", "write:jobs"] });
    let made = owner.data(201, "POST", "/api-keys", &scopes.to_string());
    let text = made["key"].as_str().expect("the plaintext").to_owned();
    let id = made["id"].as_str().expect("an id");
    let key = server.caller(&text);

    let job = key.data(201, "POST", "/jobs", JOB);
    let path = format!("/jobs/{}", job["id"].as_str().expect("an id"));
    assert_eq!(key.data(200, "GET", &path, ""), job);

    owner.data(200, "POST", &format!("/api-keys/{id}/suspend"), "");
    let refused = key.call("GET", "/jobs", "");
    assert_eq!(refused.status, 401, "{}", refused.text());
    assert_eq!(refused.json()["error"]["code"], "INVALID_API_KEY");

    let request = refused.header("x-request-id").expect("a request id");
    let why = owner.data(200, "GET", &format!("/denials/{request}"), "");
    let facts = ["reason", "keyId", "operation", "sourceIp"].map(|name| &why[name]);
    assert_eq!(facts, ["SUSPENDED", id, "ListJobs", "127.0.0.1"]);

    eventually("the refusal is missing from the audit trail", || {
        let events = owner.data(200, "GET", "/audit-events?limit=100", "");
        let events = events["items"].as_array().expect("a list");
        let is = |event: &Value, kind: &str| event["type"] == kind && event["keyId"] == id;
        let kinds = [
            "api_key.created",
            "authentication.succeeded",
            "api_key.suspended",
        ];
        let told = kinds.map(|kind| events.iter().any(|event| is(event, kind)));
        let refusal = events
            .iter()
            .find(|event| is(event, "authentication.failed") && event["requestId"] == request)?;
        assert_eq!(refusal["reason"], "SUSPENDED");
        told.iter().all(|told| *told).then_some(())
    });
    text
}

#[test]
fn a_second_start_keeps_everything_and_a_second_process_is_refused() {
    let place = Place::new("second-start");
    let first = Server::start(&place, &[]);
    let job = first.demo().data(201, "POST", "/jobs", JOB);
    let before = first.facts().clone();
    let data = place.data();

    let refused = run(&["--port", "0", "--data-dir", &data.to_string_lossy()]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success());
    assert!(said.contains("another process uses"), "{said}");
    assert!(said.contains("--data-dir"), "{said}");
    assert!(refused.stdout.is_empty());
    assert_eq!(
        first.demo().data(200, "GET", "/jobs", "")["pagination"]["total"],
        13
    );
    private(&data);
    assert!(first.interrupt().success());

    let second = Server::start(&place, &["--demo-rate-limit", "60/600"]);
    for kept in [
        "companies",
        "partners",
        "users",
        "demoKey",
        "demoAtsKey",
        "dynamodbAccessKeyId",
    ] {
        assert_eq!(second.facts()[kept], before[kept], "{kept}");
    }
    let path = format!("/jobs/{}", job["id"].as_str().expect("an id"));
    assert_eq!(second.demo().data(200, "GET", &path, ""), job);
    // Where people sign in has moved, and they are members still.
    let tokens = second.sign_in("owner@acme.example");
    let owner = second.caller(tokens["access_token"].as_str().expect("a token"));
    let keys = owner.data(200, "GET", "/api-keys", "");
    assert_eq!(keys["pagination"]["total"], 1);
    private(&data);
}

/// Everything is the user's alone, and `local.json` is what the issue says.
fn private(data: &Path) {
    let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
    assert_eq!(mode(data), 0o700);
    for entry in fs::read_dir(data).expect("the directory") {
        let path = entry.expect("an entry").path();
        let wanted = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&path), wanted, "{}", path.display());
    }
    let text = fs::read_to_string(data.join("local.json")).expect("the facts");
    let facts: Value = serde_json::from_str(&text).expect("JSON");
    for name in [
        "apiUrl",
        "issuerUrl",
        "dynamodbUrl",
        "dynamodbAccessKeyId",
        "demoKey",
        "demoAtsKey",
    ] {
        let value = facts[name].as_str().unwrap_or_default();
        assert!(!value.is_empty(), "{name}");
    }
    let named: Vec<_> = facts["companies"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|company| &company["name"])
        .collect();
    assert_eq!(named, ["Acme", "Globex"]);
    let users: Vec<_> = facts["users"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|user| [&user["email"], &user["password"]])
        .collect();
    let emails = [
        "owner@acme.example",
        "member@acme.example",
        "owner@globex.example",
        "owner@hirebridge.example",
        "newcomer@acme.example",
        "admin@instaview.example",
    ];
    assert_eq!(users, emails.map(|email| [email, "instaview"]));
}

#[test]
fn the_info_file_is_private_and_the_banner_works_when_pasted() {
    let place = Place::new("banner");
    let server = Server::ephemeral(&place, &[]);
    let said = eventually("no banner", || {
        let said = fs::read_to_string(&place.outputs()[0]).ok()?;
        said.contains("curl ").then_some(said)
    });
    for fact in ["apiUrl", "issuerUrl", "dynamodbUrl", "demoKey"] {
        assert!(said.contains(server.fact(fact)), "{fact} in {said}");
    }
    let (api, key) = (server.fact("apiUrl"), server.fact("demoKey"));
    let line = format!("curl {api}/jobs -H 'Authorization: Bearer {key}'");
    assert!(said.contains(&line), "{said}");
    let info = place.outputs()[0].with_file_name("info.json");
    let mode = fs::metadata(info).expect("metadata").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn git_ignores_the_default_data_directory_wherever_cargo_run_is_called() {
    let help = String::from_utf8(run(&["--help"]).stdout).expect("UTF-8");
    assert!(help.contains("[default: .instaview]"), "{help}");
    let ignored = include_str!("../../../../.gitignore");
    assert!(ignored.lines().any(|line| line == ".instaview/"));
}

#[test]
fn demo_rate_limits_hold_for_the_demo_key() {
    let place = Place::new("demo-limit");
    let server = Server::ephemeral(&place, &["--demo-rate-limit", "700/9000"]);
    let answer = server.demo().call("GET", "/jobs", "");
    for (window, limit) in [("minute", "700"), ("hour", "9000")] {
        let header = format!("x-ratelimit-limit-{window}");
        assert_eq!(answer.header(&header), Some(limit));
    }
    for wrong in ["0/1", "10", "10/0", "60000/1", "a/b"] {
        let refused = run(&["--ephemeral", "--port", "0", "--demo-rate-limit", wrong]);
        assert!(!refused.status.success(), "{wrong}");
    }
}

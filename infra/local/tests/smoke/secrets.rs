//! No secret leaves, at the most verbose level, whatever callers do with theirs.

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    client::send,
    process::{Place, Server},
    story,
};

const WRONG_PASSWORD: &str = "correct-horse-battery-staple";

#[test]
fn no_secret_stands_in_any_output_or_in_the_data_directory() {
    let place = Place::new("secrets");
    let server = Server::start(&place, &["--log-level", "trace"]);
    let demo = server.fact("demoKey").to_owned();
    let made = story::tell(&server);
    let tokens = server.sign_in("member@acme.example");
    let wrong = format!(
        "grant_type=password&username=owner@acme.example&password={WRONG_PASSWORD}&client_id=instaview-local"
    );
    assert_eq!(server.token(&wrong).0, 400);
    // Each good for nothing, and each close to a good one.
    let mut forged = made.clone();
    forged.replace_range(20..22, if &made[20..22] == "00" { "11" } else { "00" });
    let mut cut = tokens["access_token"].as_str().expect("a token").to_owned();
    cut.truncate(cut.len() - 2);
    let credentials = [demo.as_str(), &made, &forged, &cut];
    for credential in credentials {
        misuse(&server, credential);
    }
    let mut texts = vec![WRONG_PASSWORD.to_owned(), forged.clone(), cut.clone()];
    for key in [&demo, &made, &forged] {
        // Its secret, and all that follows but the last 4, which are shown.
        texts.extend([key.clone(), key[13..35].to_owned(), key[13..42].to_owned()]);
    }
    texts.extend(server.tokens());
    texts.extend(contents_of_secrets(&place.data()));
    // As a page or an event might carry them.
    texts.extend(
        texts
            .clone()
            .iter()
            .map(|text| BASE64_STANDARD_NO_PAD.encode(text)),
    );
    let database = server.fact("dynamodbAccessKeyId").to_owned();
    let banner = format!("'Authorization: Bearer {demo}'");
    assert!(server.interrupt().success());

    let [stdout, stderr] = place
        .outputs()
        .map(|path| fs::read(path).expect("an output"));
    let shown = String::from_utf8(stdout).expect("UTF-8");
    assert!(shown.contains(&banner));
    // The banner is the one place that shows the demo key; it is for the user's eyes.
    let shown = shown.replace(&demo, "");
    let log = String::from_utf8_lossy(&stderr);
    assert!(log.contains("accepted") && log.contains("refused"), "{log}");
    let mut places: Vec<(PathBuf, Vec<u8>)> = vec![
        ("standard output".into(), shown.into_bytes()),
        ("standard error".into(), stderr),
    ];
    let mut folders = vec![place.data().to_owned()];
    let mut entries = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the directory") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => entries.push(path),
            }
        }
    }
    for path in entries {
        if !holds_secrets(&path) {
            let content = fs::read(&path).expect("content");
            places.push((path, content));
        }
    }
    let holds = |content: &[u8], text: &str| {
        content
            .windows(text.len())
            .any(|found| found == text.as_bytes())
    };
    for (place, content) in &places {
        for text in &texts {
            let (length, start) = (text.len(), text.get(..4).unwrap_or_default());
            assert!(
                !holds(content, text),
                "{} holds {start}… ({length})",
                place.display()
            );
        }
        let is_environment = place.ends_with("lambda.env");
        assert_eq!(
            holds(content, &database),
            is_environment,
            "{}",
            place.display()
        );
    }
    // What may be shown is found, so the search works.
    for shown in [&made[5..13], "Night Nurse"] {
        assert!(
            places.iter().any(|(_, content)| holds(content, shown)),
            "{shown}"
        );
    }
}

/// Puts a credential wherever a hurried client might.
fn misuse(server: &Server, credential: &str) {
    let api = server.fact("apiUrl");
    let bearer = format!("Bearer {credential}");
    let json = ("content-type", "application/json");
    let body = format!(r#"{{"title":"A","apiKey":"{credential}","status":"{credential}"#);
    for (method, target, headers, body) in [
        ("GET", format!("/jobs?api_key={credential}"), vec![], ""),
        (
            "GET",
            format!("/jobs?status={credential}&cursor={credential}&limit={credential}"),
            vec![("authorization", bearer.as_str())],
            "",
        ),
        (
            "GET",
            format!("/jobs/{credential}"),
            vec![("authorization", bearer.as_str())],
            "",
        ),
        (
            "GET",
            format!("/{credential}"),
            vec![("authorization", bearer.as_str())],
            "",
        ),
        (
            "GET",
            "/whoami".to_owned(),
            vec![("authorization", credential)],
            "",
        ),
        (
            "GET",
            "/jobs".to_owned(),
            vec![
                ("authorization", bearer.as_str()),
                ("authorization", bearer.as_str()),
            ],
            "",
        ),
        (
            "GET",
            "/jobs".to_owned(),
            vec![("x-api-key", credential), ("cookie", credential)],
            "",
        ),
        (
            "GET",
            "/jobs".to_owned(),
            vec![
                ("authorization", bearer.as_str()),
                ("user-agent", credential),
                ("if-match", credential),
            ],
            "",
        ),
        (
            "POST",
            "/jobs".to_owned(),
            vec![("authorization", bearer.as_str()), json],
            &body,
        ),
        (
            "POST",
            "/jobs".to_owned(),
            vec![
                ("authorization", bearer.as_str()),
                json,
                ("idempotency-key", credential),
            ],
            story::JOB,
        ),
        (
            "POST",
            "/api-keys".to_owned(),
            vec![("authorization", bearer.as_str()), json],
            &body,
        ),
        (
            "POST",
            format!("/api-keys/{credential}/suspend"),
            vec![("authorization", bearer.as_str())],
            "",
        ),
        (
            "GET",
            format!("/denials/{credential}"),
            vec![("authorization", bearer.as_str())],
            "",
        ),
    ] {
        send(api, method, &target, &headers, body).expect("an answer");
    }
    for (listener, target) in [("issuerUrl", "/token"), ("dynamodbUrl", "/")] {
        let form = format!("password={credential}&code={credential}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("x-amz-target", credential),
        ];
        send(server.fact(listener), "POST", target, &headers, &form).expect("an answer");
    }
}

/// The files that exist to hold secrets, and only those.
fn holds_secrets(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name == "local.json" || name.ends_with("-secret.json") || name.ends_with("-key.json")
}

/// What lies in those that nobody but the system reads.
fn contents_of_secrets(data: &Path) -> Vec<String> {
    let files = fs::read_dir(data).expect("a folder").flatten();
    let files = files.map(|file| file.path());
    let files: Vec<_> = files
        .filter(|path| holds_secrets(path) && !path.ends_with("local.json"))
        .collect();
    // Of keys, cursors, sessions, the issuer, exports and checkpoints.
    assert_eq!(files.len(), 6, "{files:?}");
    files
        .into_iter()
        .flat_map(|path| {
            let text = fs::read_to_string(path).expect("a secret");
            let document: Value = serde_json::from_str(&text).expect("JSON");
            let generations = document["generations"].as_array().expect("a list").clone();
            assert!(!generations.is_empty());
            generations.into_iter().map(|generation| {
                generation["secret"]
                    .as_str()
                    .expect("a secret")
                    .trim_end_matches('=')
                    .to_owned()
            })
        })
        .collect()
}

//! The README's commands, as they stand there.

use serde_json::Value;
use std::{fs, os::unix::fs::symlink, process::Command};

use crate::process::{Place, Server};

const README: &str = include_str!("../../../../README.md");
/// What stands between the outputs of two steps.
const NEXT: &str = "\u{1e}";

#[test]
fn the_readmes_story_is_true() {
    let place = Place::new("readme");
    let server = Server::start(&place, &[]);
    // The clone, in which `cargo run` was called.
    let clone = place.data().with_file_name("clone");
    fs::create_dir(&clone).expect("a directory");
    symlink(place.data(), clone.join(".instaview")).expect("a link");

    let mut script = steps("The story in ten minutes");
    assert_eq!(script.len(), 16, "{script:#?}");
    let mut trail = script.split_off(14);
    // The binary is built, and there is nothing to build it from in the clone.
    let built = format!("'{}'", env!("CARGO_BIN_EXE_local"));
    trail[1] = trail[1].replace("cargo run -q --", &built);
    let told = [
        "api_key.created",
        "api_key.suspended",
        "authentication.failed",
    ];
    until_told(&mut script, &told);
    script.extend(trail);
    script.push(r#"echo "$key" "$id""#.to_owned());
    script.extend(steps("Partners"));
    script.extend(steps("Administrators"));
    until_told(&mut script, &["admin.accessed"]);
    let script = script.join(&format!("\nprintf '{NEXT}'\n"));
    let run = Command::new("bash")
        .args(["-euc", &script])
        .current_dir(&clone)
        .output()
        .expect("bash");
    let said = String::from_utf8(run.stdout).expect("UTF-8");
    let complaints = String::from_utf8_lossy(&run.stderr);
    assert!(
        run.status.success() && complaints.is_empty(),
        "{said}\n{complaints}"
    );
    let said: Vec<_> = said.split(NEXT).map(str::trim).collect();
    let [
        setup,
        list,
        sign_in,
        make,
        used,
        refused,
        why,
        usage,
        tried,
        rotated,
        noticed,
        invited,
        accepted,
        events,
        checkpoint,
        verified,
        key,
        companies,
        candidates,
        partners,
        keys,
        accessed,
    ] = said[..]
    else {
        panic!("{said:#?}");
    };
    assert_eq!([setup, sign_in, make], [""; 3]);
    let (key, id) = key.split_once(' ').expect("a key and its id");
    assert_eq!((key.len(), &key[5..13]), (46, id));
    assert_eq!(data(list)["pagination"]["total"], 12);
    for job in items(used) {
        assert_eq!(job["status"], "OPEN");
    }
    let (suspended, refused) = refused.split_once("HTTP/1.1 ").expect("two answers");
    assert_eq!(data(suspended)["status"], "SUSPENDED");
    assert!(
        refused.starts_with("401 ") && refused.contains("INVALID_API_KEY"),
        "{refused}"
    );
    let why = data(why);
    assert_eq!([&why["reason"], &why["keyId"]], ["SUSPENDED", id]);
    let counted = [r#""granularity":"hour""#, r#""unusedScopes":{"#];
    for part in counted
        .iter()
        .chain([&format!(r#""keyId":"{id}""#).as_str()])
    {
        assert!(usage.contains(part), "{usage}");
    }
    assert_eq!(data(tried)["dryRun"], true);
    let secrets = data(rotated)["secrets"].as_array().map(Vec::len);
    assert_eq!((secrets, &data(rotated)["id"]), (Some(2), &id.into()));
    assert!(data(noticed)["items"].is_array(), "{noticed}");
    let (invited, accepted) = (data(invited), data(accepted));
    assert_eq!(
        [&invited["status"], &accepted["status"]],
        ["INVITED", "ACTIVE"]
    );
    assert_eq!(accepted["email"], "newcomer@acme.example");
    for event in items(events) {
        assert_eq!(event["keyId"], id);
    }
    assert!(checkpoint.starts_with("{\"counter\":"), "{checkpoint}");
    assert!(verified.starts_with("Events 1 to "), "{verified}");
    assert!(verified.contains("; anchored up to "), "{verified}");
    assert_eq!(data(companies)["pagination"]["total"], 2);
    items(candidates);
    assert_eq!(data(partners)["items"][0]["name"], "Hirebridge");
    assert_eq!(data(keys)["pagination"]["total"], 2);
    let accessed = &data(accessed)["items"][0];
    assert_eq!(accessed["reason"], "Ticket 4711: a lost key");
    assert_eq!(accessed["operation"], "ListApiKeys");
    let left = fs::read_dir(&clone).expect("the clone").count();
    assert_eq!(left, 1, "the story leaves nothing in the clone");
    assert!(server.interrupt().success());
}

/// The trail follows by itself, so the last step is taken until all is there.
fn until_told(script: &mut Vec<String>, told: &[&str]) {
    let events = script.pop().expect("a step");
    let told: Vec<_> = told
        .iter()
        .map(|kind| format!("[[ $events == *{kind}* ]]"))
        .collect();
    let told = told.join(" && ");
    script.push(format!(
        "for try in {{1..200}}; do\nevents=$({events})\n{told} && break\nsleep 0.1\ndone\n{told} || exit 1\necho \"$events\""
    ));
}

/// The commands of a section: each run of indented lines is a step.
fn steps(section: &str) -> Vec<String> {
    let (_, text) = README
        .split_once(&format!("\n## {section}\n"))
        .expect("a section");
    let text = text.split("\n## ").next().unwrap_or_default();
    let mut steps = vec![String::new()];
    for line in text.lines() {
        match line.strip_prefix("    ") {
            Some(command) => {
                let step = steps.last_mut().expect("a step");
                step.push_str(command);
                step.push('\n');
            }
            None => steps.push(String::new()),
        }
    }
    steps.retain(|step| !step.is_empty());
    steps
}

/// Of a list that is not empty.
fn items(answer: &str) -> Vec<Value> {
    let items = data(answer)["items"].as_array().expect("a list").clone();
    assert!(!items.is_empty(), "{answer}");
    items
}

fn data(answer: &str) -> Value {
    let mut answer: Value = serde_json::from_str(answer).unwrap_or_else(|_| panic!("{answer}"));
    assert_eq!(answer["success"], true, "{answer}");
    answer["data"].take()
}

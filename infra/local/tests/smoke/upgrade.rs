//! A newer binary on an older data directory; what becomes of its content is the rule of tests/api/upgrade.rs.

use std::{fs, path::Path, process::Command};

use crate::process::{Place, Server, run};

#[test]
fn a_directory_of_an_earlier_build_is_served_and_says_its_format_from_then_on() {
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/upgrade");
    let archives = fs::read_dir(recorded).expect("a folder");
    let archives = archives.map(|entry| entry.expect("an entry").path());
    let archives: Vec<_> = archives
        .filter(|path| path.extension().is_some_and(|kind| kind == "gz"))
        .collect();
    assert!(!archives.is_empty());
    for archive in archives {
        let place = Place::new("upgrade");
        let data = place.data();
        fs::create_dir(&data).expect("a directory");
        let mut unpack = Command::new("tar");
        unpack.arg("-xzf").arg(&archive).arg("-C").arg(&data);
        assert!(unpack.status().expect("tar").success());
        let story = fs::read_to_string(data.join("story.json")).expect("a story");
        let story: serde_json::Value = serde_json::from_str(&story).expect("JSON");
        let server = Server::start(&place, &[]);
        // Not seeded again: its key is the one of then, and sees what it saw.
        assert_eq!(server.fact("demoKey"), story["demoKey"]);
        let jobs = server.demo().data(200, "GET", "/jobs", "");
        assert_eq!(jobs["pagination"]["total"], story["totals"]["/jobs"]);
        assert!(server.interrupt().success());
        let format = fs::read_to_string(data.join("format")).expect("a format");
        assert_eq!(format, "2\n");
    }
}

#[test]
fn a_format_that_it_does_not_know_is_refused_with_what_to_do() {
    let place = Place::new("format");
    let data = place.data();
    assert!(Server::start(&place, &[]).interrupt().success());
    for (format, told) in [
        ("3\n", "use a newer build"),
        ("0\n", "this build reads 1 to 2: remove it"),
        ("dynamo", "is no number"),
    ] {
        fs::write(data.join("format"), format).expect("written");
        // They open it as a start does, and end in any case.
        for command in ["reconcile", "redrive"] {
            let ended = run(&[command, "--data-dir", data.to_str().expect("UTF-8")]);
            let said = String::from_utf8_lossy(&ended.stderr);
            assert!(!ended.status.success() && said.contains(told), "{said}");
            assert!(!said.contains("panicked"), "{said}");
        }
    }
}

//! An upgrade keeps data: today's code goes on with what earlier commits' code wrote.
//!
//! Each archive in `tests/upgrade` is a data directory as such a commit left it; `record.py` there makes them.

use local::{DataDir, HttpRequest};
use serde_json::{Value, json};
use std::{
    cmp::Reverse,
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use tests::{Answer, Caller, REASON, TestApp, browser::Browser};
use trail::{OwnCheckpoint, read_checkpoints};

use crate::trail::export::{check, exported};

/// A system on such a directory, a minute after the story that it was left by.
struct Upgraded {
    app: TestApp,
    story: Value,
    owner: Caller,
}

fn archives() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("upgrade");
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .filter(|path| path.as_os_str().as_bytes().ends_with(b".tar.gz"))
        .collect()
}

impl Upgraded {
    async fn open(archive: &Path) -> Upgraded {
        let name = archive.file_name().expect("a name");
        let place = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("upgrade")
            .join(name);
        let _ = fs::remove_dir_all(&place);
        fs::create_dir_all(&place).expect("a directory");
        let unpacked = Command::new("tar")
            .arg("-xzf")
            .arg(archive)
            .arg("-C")
            .arg(&place)
            .status();
        assert!(unpacked.expect("tar").success());
        let story = fs::read_to_string(place.join("story.json")).expect("a story");
        let story: Value = serde_json::from_str(&story).expect("JSON");
        let text = |name: &str| story[name].as_str().expect("a text");
        let dir = DataDir::open(&place).expect("its format is known");
        let at = text("at").parse().expect("an instant");
        let app = TestApp::on(dir, at, text("issuerUrl")).await;
        app.advance(Duration::from_secs(60));
        Upgraded {
            owner: app.person("owner@acme.example"),
            app,
            story,
        }
    }

    fn text(&self, name: &str) -> &str {
        self.story[name].as_str().expect("a text")
    }

    fn key(&self, name: &str) -> Caller {
        Caller::with(self.text(name))
    }

    async fn found(&self, caller: &Caller, target: &str) -> Value {
        data(self.app.get(caller, target).await, target)
    }

    /// `/api-keys/` and the id of this key.
    fn path_of(&self, name: &str) -> String {
        format!("/api-keys/{}", &self.text(name)[5..13])
    }

    async fn keys_still_open_what_they_opened(&self) {
        let demo = self.found(&self.key("demoKey"), "/whoami").await;
        assert_eq!(
            (&demo["kind"], &demo["companyId"]),
            (&json!("API_KEY"), &self.story["companyId"])
        );
        let ats = self.key("demoAtsKey").for_company(self.text("companyId"));
        self.found(&ats, "/candidates").await;
        for rotated in self.story["rotatedKeys"].as_array().expect("a list") {
            let rotated = Caller::with(rotated.as_str().expect("a key"));
            self.found(&rotated, "/jobs").await;
        }
        let narrow = self.key("narrowKey");
        for (address, status) in [
            ("198.51.100.9", 200),
            ("2001:db8::7", 200),
            ("203.0.113.9", 401),
            ("2001:db9::7", 401),
        ] {
            let answer = self.app.get(&narrow.from_address(address), "/jobs").await;
            assert_eq!(answer.status, status, "{address}: {}", answer.body);
        }
        let suspended = self.app.get(&self.key("suspendedKey"), "/jobs").await;
        assert_eq!(suspended.status, 401);
        let denial = format!("/denials/{}", self.text("denial"));
        assert_eq!(
            self.found(&self.owner, &denial).await["reason"],
            "SUSPENDED"
        );
    }

    async fn everything_is_still_there(&self) {
        let demo = self.key("demoKey");
        for (target, total) in self.story["totals"].as_object().expect("a map") {
            let is_peoples =
                ["/api-keys", "/members", "/partner-grants"].contains(&target.as_str());
            let caller = if is_peoples { &self.owner } else { &demo };
            let listed = self.found(caller, target).await;
            assert_eq!(listed["pagination"]["total"], *total, "{target}");
            assert_ne!(listed["items"], json!([]), "{target}");
        }
        let job = format!(
            "/jobs/{}",
            self.story["once"]["jobId"].as_str().expect("an id")
        );
        let job = self.found(&demo, &job).await;
        assert_eq!(
            (&job["benefits"], &job["version"]),
            (&json!("None lost"), &json!(2))
        );
        let interview = format!("/interviews/{}", self.text("interviewId"));
        let interview = self.found(&demo, &interview).await;
        assert_eq!(
            (&interview["status"], &interview["analysis"]["summary"]),
            (&json!("COMPLETED"), &json!("Kept"))
        );
        let usage = self.found(&demo, "/billing/usage").await;
        assert!(usage["totalMinutesUsed"].as_u64() >= Some(17), "{usage}");
        let used = self.path_of("suspendedKey") + "/usage";
        let used = self.found(&self.owner, &used).await;
        assert_eq!(used["totals"]["accepted"], 1);
        assert!(used["totals"]["refused"].as_u64() >= Some(1), "{used}");
        for target in ["/notices", "/alert-settings", "/audit-checkpoints"] {
            self.found(&self.owner, target).await;
        }
        let events = self.found(&self.owner, "/audit-events").await;
        let events = events["pagination"]["total"].as_u64();
        assert!(events >= self.story["events"].as_u64(), "{events:?}");
    }

    async fn people_see_it(&self) {
        let mut browser = Browser::signed_in(&self.app, "owner@acme.example").await;
        let keys = format!("/dashboard/o/c-{}/keys", self.text("companyId"));
        let page = browser.get(&keys).await;
        assert_eq!(page.status, 200, "{}", page.html);
        assert!(
            page.html.contains("Narrow") && page.html.contains("Rotated"),
            "{}",
            page.html
        );
        let administrator = self.app.person(tests::ADMINISTRATOR).because(REASON);
        let partners = self.found(&administrator, "/partners").await;
        assert_eq!(partners["items"][0]["name"], "Hirebridge");
    }

    /// Newest first.
    async fn checkpoints(&self) -> Vec<OwnCheckpoint> {
        let answer = self.app.get(&self.owner, "/audit-checkpoints").await;
        let mut all = read_checkpoints(&answer.raw.text()).expect("checkpoints");
        all.sort_by_key(|own| Reverse(own.signed.checkpoint.counter));
        all
    }

    /// What was begun under the old code is ended under the new one, in the same rows and chains.
    async fn it_goes_on(&self) {
        let demo = self.key("demoKey");
        let once = &self.story["once"];
        let request = HttpRequest::new("POST", "/jobs")
            .header("authorization", &format!("Bearer {}", self.text("demoKey")))
            .header("idempotency-key", once["key"].as_str().expect("a key"))
            .body(
                "application/json",
                once["body"].as_str().expect("a body").to_owned(),
            );
        let replayed = self.app.send(request).await;
        assert_eq!(
            replayed.header("idempotency-replayed"),
            Some("true"),
            "{}",
            replayed.body
        );
        assert_eq!(replayed.data()["id"], once["jobId"]);
        let job = format!("/jobs/{}", once["jobId"].as_str().expect("an id"));
        let next = format!("/jobs?limit=5&cursor={}", self.text("cursor"));
        let next = self.found(&demo, &next).await;
        assert_eq!(next["items"].as_array().map(Vec::len), Some(5));
        let joined = self
            .app
            .accept("invited@acme.example", self.text("invitation"))
            .await;
        assert_eq!(data(joined, "accept")["role"], "MEMBER");
        let changed = self
            .app
            .patch(&demo, &job, &json!({ "status": "CLOSED" }))
            .await;
        assert_eq!(data(changed, &job)["version"], 3);
        let key = self.path_of("suspendedKey");
        data(
            self.app
                .post(&self.owner, &format!("{key}/resume"), &json!({}))
                .await,
            &key,
        );
        // What loosens counts within a second.
        self.app.advance(Duration::from_secs(1));
        self.found(&self.key("suspendedKey"), "/jobs").await;
        let rotated = self
            .app
            .post(&self.owner, &format!("{key}/rotate"), &json!({}))
            .await;
        let rotated = data(rotated, &key);
        self.found(
            &Caller::with(rotated["key"].as_str().expect("a key")),
            "/jobs",
        )
        .await;
        self.app.settle().await;

        let before = self.checkpoints().await;
        let made = self.app.system.checkpoint().await.expect("made");
        let newest = &before[0].signed.checkpoint;
        assert_eq!(made, newest.counter + 1);
        let held = self.checkpoints().await;
        let seq = held[0].inclusion.as_ref().expect("included").seq;
        let whole = exported(&self.app, &self.owner, &format!("?toSeq={seq}")).await;
        let verified = check(&self.app, &whole, &held).await.expect("holds");
        assert!(verified.is_anchored(), "{verified}");
        let table = &self.app.app().table;
        let compared = table.reconcile(self.app.now()).await.expect("compared");
        assert!(
            compared.differences.is_empty() && compared.behind.is_empty(),
            "{compared:?}"
        );
    }
}

fn data(mut answer: Answer, target: &str) -> Value {
    let is_done = (200..300).contains(&answer.status);
    assert!(is_done, "{target}: {} {}", answer.status, answer.body);
    answer.body["data"].take()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_earlier_code_wrote_is_read_and_gone_on_with() {
    let archives = archives();
    assert!(!archives.is_empty());
    for archive in archives {
        let upgraded = Upgraded::open(&archive).await;
        upgraded.keys_still_open_what_they_opened().await;
        upgraded.everything_is_still_there().await;
        upgraded.people_see_it().await;
        upgraded.it_goes_on().await;
    }
}

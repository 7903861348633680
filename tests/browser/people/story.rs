//! A key's whole life in the dashboard, as README tells it: with the mouse, with the keyboard alone, without scripts.

use browser::{Browser, Site};
use std::time::Duration;

const OWNER: &str = "owner@acme.example";
/// It would be run, were it not shown as a text.
const NAME: &str = "Job board <script>";

/// How long README says that it takes.
const AT_MOST: Duration = Duration::from_secs(180);
/// What a person needs to find something and to click it, or to fill it in. The machine may be busy and the browser is fast, so its own time says nothing.
const AN_ACT: Duration = Duration::from_secs(3);

#[test]
fn the_whole_story_is_done_with_the_mouse() {
    let site = Site::start();
    let person = Browser::new(&site);
    Story::of(&site, &person).tell();
    assert!(person.acts() * AN_ACT < AT_MOST, "{} acts", person.acts());
    person.console_is_silent();
}

#[test]
fn the_whole_story_is_done_with_the_keyboard_alone() {
    let site = Site::start();
    let person = Browser::with_keyboard_alone(&site);
    Story::of(&site, &person).tell();
    person.console_is_silent();
}

#[test]
fn the_whole_story_is_done_without_scripts() {
    let site = Site::start();
    let person = Browser::with_script_off(&site);
    let story = Story {
        scripts: false,
        ..Story::of(&site, &person)
    };
    story.tell();
}

struct Story<'s> {
    site: &'s Site,
    person: &'s Browser<'s>,
    /// Whether questions are asked and keys are copied, for which a script is needed.
    scripts: bool,
}

impl<'s> Story<'s> {
    fn of(site: &'s Site, person: &'s Browser<'s>) -> Story<'s> {
        Story {
            site,
            person,
            scripts: true,
        }
    }

    fn tell(&self) {
        let person = self.person;
        self.sign_in();
        let key = self.make_a_key();
        let page = person.url();
        self.use_it(&key, &page);
        self.narrow_it(&key);
        let second = self.rotate_it(&key);
        self.suspend_it(&second, &page);
        self.revoke_it(&second);
        self.invite_somebody();
        self.look_at_the_trail(&key);
        self.sign_out(&page);
    }

    /// Application and issuer are of different sites, so that cookies must come across.
    fn sign_in(&self) {
        let person = self.person;
        person.open("/dashboard");
        person.see("end one at once when something looks wrong");
        person.click("Sign in");
        person.see("Development issuer");
        assert!(
            person.url().starts_with("http://localhost:"),
            "{}",
            person.url()
        );
        person.give_password(OWNER);
        person.see_path("/dashboard/o/");
        assert!(person.url().starts_with("http://127.0.0.1:"));
    }

    fn make_a_key(&self) -> String {
        let person = self.person;
        person.click("Create key");
        person.see("Create a key");
        person.fill("Name", NAME);
        person.choose("Just these");
        person.check("Read jobs");
        person.check("Write candidates");
        if self.scripts {
            person.see("It can read jobs; write candidates.");
        }
        person.choose("In 90 days");
        person.check("Add where you are now: 127.0.0.1");
        person.click("Create key");
        let key = person.shown_key();
        person.see("It can read jobs; write candidates.");
        person.see(&format!("/jobs -H \"Authorization: Bearer {key}\""));
        if self.scripts {
            person.click("Copy the key");
            person.see("Copied");
        }
        person.click("I have saved it");
        person.see("Last used Never");
        person.see("Allowed addresses 127.0.0.1");
        key
    }

    fn status_of(&self, key: &str) -> u16 {
        self.site.call("GET", "/jobs", key, "").status
    }

    fn use_it(&self, key: &str, page: &str) {
        assert_eq!(self.status_of(key), 200);
        // Last use is there at once; the trail and usage follow by the stream.
        let told = [
            "from 127.0.0.1",
            "ListJobs",
            "Request accepted",
            "Accepted 1",
        ];
        self.person.open_until(page, &told);
        self.person.click("API keys");
        self.person.see("from 127.0.0.1");
        self.person.open(page);
    }

    /// What a change would have refused is told first, and nothing is changed by asking.
    fn narrow_it(&self, key: &str) {
        let person = self.person;
        person.click("Edit");
        person.see("Check what this would refuse");
        person.uncheck("Read jobs");
        person.click("Check what this would refuse");
        person.see("Nothing is changed yet.");
        person.see("1 for want of read:jobs");
        assert_eq!(self.status_of(key), 200);
        person.check("Read jobs");
        person.uncheck("Write candidates");
        person.click("Check again");
        person.see("this change would have refused none");
        person.click("Save");
        person.see("It can read jobs.");
        assert_eq!(self.status_of(key), 200);
    }

    fn rotate_it(&self, key: &str) -> String {
        let person = self.person;
        person.click("Rotate");
        person.see("The old secret keeps working for");
        person.choose("An hour");
        person.click("Make a new secret");
        let second = person.shown_key();
        assert_ne!(key, second);
        person.click("I have saved it");
        person.see("End it now");
        for live in [key, &second] {
            assert_eq!(self.status_of(live), 200);
        }
        person.click("End it now");
        person.see_no("End it now");
        assert_eq!(self.status_of(key), 401);
        assert_eq!(self.status_of(&second), 200);
        second
    }

    fn suspend_it(&self, key: &str, page: &str) {
        let person = self.person;
        person.click("Suspend");
        if self.scripts {
            person.see("Its requests are refused from this moment on.");
            person.click("Suspend");
        }
        person.see("Suspended");
        let refused = self.site.call("GET", "/jobs", key, "");
        assert_eq!(refused.status, 401);
        person.click("Explain a refusal");
        person.see("Here is the whole reason.");
        person.fill("Request id", &refused.request_id);
        person.click("Explain");
        person.see("The key was suspended at");
        person.click(&format!("To the key {NAME}"));
        assert_eq!(person.url(), page);
        person.click("Resume");
        if self.scripts {
            person.see("Its requests are accepted again.");
            person.click("Resume");
        }
        person.see("Active");
        assert_eq!(self.status_of(key), 200);
    }

    fn revoke_it(&self, key: &str) {
        let person = self.person;
        person.click("Revoke");
        person.see("never works again");
        let typed = format!("Type the key's name: {NAME}");
        person.fill(&typed, "Job board");
        person.click("Revoke for good");
        person.see("This is not the key's name.");
        // Which the console reports as a failure, too.
        person.forget_console();
        assert_eq!(self.status_of(key), 200);
        person.fill(&typed, NAME);
        person.click("Revoke for good");
        person.see("Revoked");
        assert_eq!(self.status_of(key), 401);
    }

    fn invite_somebody(&self) {
        let person = self.person;
        person.click("Members");
        person.see("Who may act for Acme");
        person.click("Invite somebody");
        person.see("Send the invitation");
        person.fill("E-mail address", "newcomer@acme.example");
        person.click("Send the invitation");
        person.see("newcomer@acme.example Member Invited");
    }

    fn look_at_the_trail(&self, key: &str) {
        let person = self.person;
        person.click("Audit log");
        let list = person.url();
        person.open_until(&list, &["Key: revoked", "Key: created"]);
        person.fill("Key", &key[..13]);
        person.click("Show");
        person.see_no("Invitation: created , event");
        person.see("Key: scopes changed");
        let of_scopes = person.script(
            "return [...document.querySelectorAll('main td a')] \
             .find(link => link.textContent.startsWith('Key: scopes changed')).textContent",
        );
        // What only screen readers are told stands apart from the rest.
        person.click(&of_scopes.as_str().expect("a link").replace(',', " ,"));
        person.see("Before");
        person.see("read:jobs, write:candidates");
        person.back();
        person.click("Export, signed (NDJSON)");
        let lines = person.downloaded(".ndjson");
        assert!(
            lines
                .lines()
                .last()
                .is_some_and(|last| last.contains("signature")),
            "{lines}"
        );
        person.click("Verify");
        person.see("The chain holds");
        person.see("the server's own word");
        person.see("--checkpoints audit-checkpoints.json");
    }

    fn sign_out(&self, page: &str) {
        let person = self.person;
        person.click(OWNER);
        person.click("Sign out");
        person.see("Sign in");
        person.open(page);
        person.see("Development issuer");
    }
}

#[test]
fn a_reload_after_creating_says_that_it_is_done() {
    let site = Site::start();
    let person = Browser::new(&site);
    person.sign_in(OWNER);
    person.click("Create key");
    person.fill("Name", "Once");
    person.choose("Read only");
    person.click("Create key");
    let key = person.shown_key();
    assert!(!person.url().contains(&key[13..]));
    person.reload();
    person.see("Already done");
    assert!(!person.text().contains(&key[13..]));
}

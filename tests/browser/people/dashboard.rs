//! The dashboard: its story with the mouse, with the keyboard alone, without scripts; and every page as it looks.

use browser::{Browser, Site};

const OWNER: &str = "owner@acme.example";

/// A key's whole life, as README tells it; what only a script can do is not needed for it.
fn story(site: &Site, person: &Browser<'_>, confirms: bool) {
    person.sign_in(OWNER);
    person.click("Create key");
    person.fill("Name", "Job board <script>");
    person.choose("Just these");
    person.check("Read jobs");
    person.click("Create key");
    person.see("This is the only time that the key is shown.");
    let shown = person.script("return document.getElementById('key').textContent");
    let key = shown.as_str().expect("the key").to_owned();
    person.click("I have saved it");
    person.see("Last used Never");

    assert_eq!(site.call("GET", "/jobs", &key, "").status, 200);
    // The trail and usage follow by the stream.
    let page = person.url();
    let told = (0..50).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(200));
        person.open(&page);
        person.text().contains("ListJobs") && person.text().contains("from 127.0.0.1")
    });
    assert!(told, "{}", person.text());

    person.click("Edit");
    person.uncheck("Read jobs");
    person.check("Read agents");
    person.click("Check what this would refuse");
    person.see("1 for want of read:jobs");
    person.click("Cancel");
    person.see("It can read jobs.");

    person.click("Rotate");
    person.choose("An hour");
    person.click("Make a new secret");
    let shown = person.script("return document.getElementById('key').textContent");
    let second = shown.as_str().expect("the new secret").to_owned();
    assert_ne!(key, second);
    assert_eq!(site.call("GET", "/jobs", &key, "").status, 200);
    assert_eq!(site.call("GET", "/jobs", &second, "").status, 200);
    person.click("I have saved it");
    person.click("End it now");
    person.see_no("End it now");
    assert_eq!(site.call("GET", "/jobs", &key, "").status, 401);

    person.click("Suspend");
    if confirms {
        person.see("Its requests are refused from this moment on.");
        person.click("Suspend");
    }
    person.see("Suspended");
    let refused = site.call("GET", "/jobs", &second, "");
    assert_eq!(refused.status, 401);
    person.click("Explain a refusal");
    person.fill("Request id", &refused.request_id);
    person.click("Explain");
    person.see("the key was suspended at");

    person.open(&page);
    person.click("Revoke");
    person.fill(
        "Type the key's name: Job board <script>",
        "Job board <script>",
    );
    person.click("Revoke for good");
    person.see("Revoked");

    person.click("Audit log");
    person.see("Key: revoked");
    person.see("Key: created");
    person.click("Verify");
    person.see("own word");
    person.click(OWNER);
    person.click("Sign out");
    person.see("Sign in");
    person.open(&page);
    person.see("Development issuer");
}

#[test]
fn the_whole_story_is_done_with_the_mouse() {
    let site = Site::start();
    let person = Browser::new(&site);
    story(&site, &person, true);
    person.console_is_silent();
}

#[test]
fn the_whole_story_is_done_without_scripts() {
    let site = Site::start();
    let person = Browser::with_script_off(&site);
    story(&site, &person, false);
}

#[test]
fn a_key_is_made_and_found_again_with_the_keyboard_alone() {
    let site = Site::start();
    let person = Browser::new(&site);
    person.open("/dashboard");
    person.tab_to("Sign in");
    person.submit();
    person.see("Development issuer");
    // The first field has the focus.
    person.write(OWNER);
    person.tab_to("Password");
    person.write("instaview");
    person.submit();
    person.see_path("/dashboard/o/");
    person.tab_to("Create key");
    person.submit();
    person.see("Create a key");
    person.tab_to("Name");
    person.write("By keyboard");
    person.tab_to("Read jobs");
    person.write(" ");
    person.tab_to("Create key");
    person.submit();
    person.see("This is the only time that the key is shown.");
    person.tab_to("I have saved it");
    person.submit();
    person.see("It can read jobs.");
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
    let shown = person.script("return document.getElementById('key').textContent");
    let key = shown.as_str().expect("the key").to_owned();
    assert!(!person.url().contains(&key[13..]));
    person.reload();
    person.see("Already done");
    assert!(!person.text().contains(&key[13..]));
}

/// Every page, in light and dark, at each width: nothing that axe finds, nothing wider than the screen.
#[test]
fn every_page_can_be_used_by_everybody() {
    let site = Site::start();
    let person = Browser::new(&site);
    person.open("/dashboard");
    person.inspect("landing");
    person.sign_in(OWNER);
    let keys = person.url();
    let owned = |path: &str| keys.replace("/keys", &format!("/{path}"));
    person.inspect("keys");
    for (path, name) in [
        ("keys/new", "key-new"),
        ("keys?q=nothing", "keys-none"),
        ("kill-switch", "kill-switch"),
        ("audit", "audit"),
        ("audit/1", "audit-event"),
        ("explain", "explain"),
        ("notices", "notices"),
        ("alerts", "alerts"),
        ("jobs", "jobs"),
        ("candidates", "candidates"),
        ("interviews", "interviews"),
        ("agents", "agents"),
    ] {
        person.open(&owned(path));
        person.inspect(name);
    }
    person.open(&keys);
    person.click("Demo key");
    person.inspect("key");
    let key = person.url();
    for action in ["edit", "rotate", "revoke"] {
        person.open(&format!("{key}/{action}"));
        person.inspect(&format!("key-{action}"));
    }
    person.open(&owned("keys/new"));
    person.fill("Name", &"🎉".repeat(100));
    person.choose("Full access");
    person.fill("Allowed addresses", "127.0.0.0/8");
    person.click("Create key");
    person.inspect("key-shown");
    person.click("I have saved it");
    person.inspect("key-hostile");
    for (resource, link) in [("jobs", "job"), ("candidates", "candidate")] {
        person.open(&owned(resource));
        let href = person.script("return document.querySelector('main td a')?.href");
        if let Some(href) = href.as_str() {
            person.open(href);
            person.inspect(link);
        }
    }
    person.console_is_silent();
}

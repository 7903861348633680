//! Every page of the dashboard, in light and dark, at each width: nothing that axe finds, nothing wider than the screen; and its pictures.

use browser::{Browser, Site};
use serde_json::Value;
use std::{cell::RefCell, collections::BTreeSet};

const OWNER: &str = "owner@acme.example";
const PARTNER: &str = "owner@hirebridge.example";
const ADMINISTRATOR: &str = "admin@instaview.example";
const NEWCOMER: &str = "newcomer@acme.example";

/// Pages that were looked at, by their addresses.
#[derive(Default)]
struct Looked(RefCell<BTreeSet<String>>);

impl Looked {
    fn at(&self, person: &Browser<'_>, name: &str) {
        person.inspect(name);
        self.0.borrow_mut().insert(person.url());
    }

    /// A refusal is a page for everybody, too; Chromium's console reports its status.
    fn at_refusal(&self, person: &Browser<'_>, name: &str) {
        person.axe();
        person.screenshot(name);
        person.forget_console();
    }

    fn open(&self, person: &Browser<'_>, target: &str, name: &str) {
        person.open(target);
        self.at(person, name);
    }

    /// Every page that the gateway's document has was looked at.
    fn was_everywhere(&self) {
        const NO_PAGES: [&str; 5] = [
            "sign-in",
            "callback",
            "assets/{asset}",
            "audit/export",
            "audit/checkpoints",
        ];
        let looked = self.0.borrow();
        let paths = pages();
        assert!(paths.len() > 40, "{paths:?}");
        for path in paths {
            if NO_PAGES.iter().any(|end| path.ends_with(end)) {
                continue;
            }
            let seen = looked.iter().any(|url| is_at(url, &path));
            assert!(seen, "nobody has looked at {path}");
        }
    }
}

/// What the gateway's document has to be looked at.
fn pages() -> Vec<String> {
    let document = include_str!("../../../infra/gateway.json");
    let document: Value = serde_json::from_str(document).expect("JSON");
    let paths = document["paths"].as_object().expect("paths").iter();
    let pages =
        paths.filter(|(path, is)| path.starts_with("/dashboard") && is.get("get").is_some());
    pages.map(|(path, _)| path.clone()).collect()
}

fn is_at(url: &str, path: &str) -> bool {
    let url = url.split('?').next().unwrap_or_default();
    let url: Vec<_> = url.split('/').skip(3).collect();
    let path: Vec<_> = path.split('/').skip(1).collect();
    // What stands for itself goes before what a parameter might be.
    let fits = |(part, given): (&&str, &&str)| match part.starts_with('{') {
        true => !matches!(*given, "new" | "invite" | "companies" | "partners"),
        false => part == given,
    };
    url.len() == path.len() && path.iter().zip(&url).all(fits)
}

#[test]
fn every_page_can_be_used_by_everybody() {
    let site = Site::start();
    let looked = Looked::default();
    let person = Browser::new(&site);
    looked.open(&person, "/dashboard", "landing");
    person.sign_in(OWNER);
    let keys = person.url();
    let owned = |path: &str| keys.replace("/keys", &format!("/{path}"));
    looked.at(&person, "keys");
    for (path, name) in [
        ("keys?q=nothing", "keys-none"),
        ("audit?type=everything", "audit"),
        ("audit/1", "audit-event"),
        ("audit?request=never-was", "audit-none"),
        ("explain?requestId=never-was", "explain-nothing"),
        ("notices", "notices"),
        ("alerts", "alerts"),
        ("company", "company"),
        ("partners", "partners"),
        ("partners/new", "partner-new"),
        ("jobs", "jobs"),
        ("candidates", "candidates"),
        ("interviews", "interviews"),
        ("agents", "agents"),
        ("agents?q=nothing", "agents-none"),
    ] {
        looked.open(&person, &owned(path), name);
    }
    for (list, name) in [
        ("jobs", "job"),
        ("candidates", "candidate"),
        ("interviews?status=COMPLETED", "interview"),
        ("agents", "agent"),
    ] {
        person.open(&owned(list));
        follow_first(&person);
        looked.at(&person, name);
    }
    looks_of_a_key(&looked, &site, &person, &owned);
    looks_of_a_grant(&looked, &person, &owned);
    looks_of_members(&looked, &site, &person, &owned);
    // The last: afterwards nothing works any more.
    looked.open(&person, &owned("kill-switch"), "kill-switch");
    person.fill("Reason, for the audit log", "A laptop was stolen");
    person.fill("Type: revoke all keys", "revoke all keys");
    person.click("Revoke all keys");
    person.see("All keys are dead");
    looked.at(&person, "kill-switch-done");
    person.open(&owned("audit"));
    person.click("Verify");
    person.see("The chain holds");
    looked.at(&person, "audit-verified");
    looks_of_a_partner(&looked, &site);
    looks_of_an_administrator(&looked, &site);
    looked.was_everywhere();
}

/// Goes where the first link of a list leads.
fn follow_first(person: &Browser<'_>) {
    let href = person.script("return document.querySelector('main td a').href");
    person.open(href.as_str().expect("a link"));
}

fn looks_of_a_key(
    looked: &Looked,
    site: &Site,
    person: &Browser<'_>,
    owned: &impl Fn(&str) -> String,
) {
    looked.open(person, &owned("keys/new"), "key-new");
    // Wrong in every field that can be.
    person.fill("Name", &"🎉".repeat(101));
    person.choose("On a date");
    person.fill("Allowed addresses", "10.0.0.1/8\nhome");
    person.click("Create key");
    person.see("has host bits set");
    looked.at_refusal(person, "key-new-wrong");
    person.fill("Name", &"🎉".repeat(100));
    person.choose("Full access");
    person.choose("In 30 days");
    person.fill("Allowed addresses", "127.0.0.0/8");
    person.click("Create key");
    person.see("This is the only time that the key is shown.");
    looked.at(person, "key-shown");
    person.click("I have saved it");
    looked.at(person, "key-hostile");
    let hostile = person.url();
    person.open(&owned("keys"));
    looked.at(person, "keys-hostile");
    person.open(&format!("{hostile}/rotate"));
    person.click("Make a new secret");
    person.see("This is the only time that the key is shown.");
    person.click("I have saved it");
    person.see("End it now");
    looked.at(person, "key-overlap");
    looked.open(person, &format!("{hostile}/rotate"), "key-rotate-overlap");

    person.open(&owned("keys"));
    person.click("Demo key");
    person.see("It can");
    let key = person.url();
    // The demo's own requests were many; here are some that weren't let in.
    person.open_until(&key, &["CreateCandidate", "Accepted"]);
    looked.at(person, "key");
    looked.open(person, &format!("{key}?span=days"), "key-days");
    for action in ["edit", "rotate", "revoke"] {
        looked.open(person, &format!("{key}/{action}"), &format!("key-{action}"));
    }
    person.open(&format!("{key}/edit"));
    person.uncheck("Write candidates");
    person.click("Check what this would refuse");
    person.see("Nothing is changed yet.");
    looked.at(person, "key-tried");
    person.open(&format!("{key}/revoke"));
    person.fill("Type the key's name: Demo key", "Another");
    person.click("Revoke for good");
    person.see("This is not the key's name.");
    looked.at_refusal(person, "key-revoke-wrong");

    // Keys can't manage keys.
    let refused = site.call("GET", "/api-keys", site.fact("demoKey"), "");
    let id = refused.request_id.replace('=', "%3D");
    looked.open(
        person,
        &owned(&format!("explain?requestId={id}")),
        "explain",
    );
    person.see("The wrong kind of credential");
}

fn looks_of_a_grant(looked: &Looked, person: &Browser<'_>, owned: &impl Fn(&str) -> String) {
    person.open(&owned("partners"));
    person.click("Hirebridge");
    person.see("What it may do");
    looked.at(person, "partner");
    let grant = person.url();
    looked.open(person, &format!("{grant}/end"), "partner-end");
    person.open(&grant);
    person.click("Suspend");
    person.see("until it is resumed");
    looked.at(person, "dialog");
    person.click("Suspend");
    person.see("Suspended");
    looked.at(person, "partner-suspended");
    looked.open(person, &format!("{grant}/resume"), "partner-resume");
    person.click("Resume");
    person.see("Active");
}

fn looks_of_members(
    looked: &Looked,
    site: &Site,
    person: &Browser<'_>,
    owned: &impl Fn(&str) -> String,
) {
    looked.open(person, &owned("members/invite"), "member-invite");
    person.fill("E-mail address", NEWCOMER);
    person.choose("Admin");
    person.click("Send the invitation");
    person.see("Invited");
    looked.at(person, "members");
    person.click("Role of member@acme.example");
    person.see("Give this role");
    looked.at(person, "member");
    person.open(&owned("members"));
    person.click("Remove member@acme.example");
    looked.at(person, "member-remove");

    let newcomer = Browser::new(site);
    newcomer.open_until("/dev/outbox", &[NEWCOMER]);
    looked.at(&newcomer, "outbox");
    let text = newcomer.text();
    let link = text.split(' ').find(|word| word.contains("/invitations/"));
    let link = link.expect("a link in the mail").to_owned();
    newcomer.open(&link);
    newcomer.give_password(NEWCOMER);
    newcomer.see("You are invited");
    looked.at(&newcomer, "invitation");
    newcomer.open("/dashboard");
    newcomer.see("a member of no company yet");
    looked.at(&newcomer, "home-nobody");
    newcomer.open(&link);
    newcomer.click("Accept");
    newcomer.see("API keys");
    newcomer.open("/dashboard?choose=1");
    newcomer.see("Whom do you act for?");
    looked.at(&newcomer, "home");
}

fn looks_of_a_partner(looked: &Looked, site: &Site) {
    let partner = Browser::new(site);
    partner.sign_in(PARTNER);
    looked.at(&partner, "partners-keys");
    let keys = partner.url();
    let owned = |path: &str| keys.replace("/keys", &format!("/{path}"));
    follow_first(&partner);
    looked.at(&partner, "partners-key");
    for (path, name) in [
        ("companies", "partners-companies"),
        ("members", "partners-members"),
        ("audit", "partners-audit"),
        ("notices", "partners-notices"),
    ] {
        looked.open(&partner, &owned(path), name);
    }
}

fn looks_of_an_administrator(looked: &Looked, site: &Site) {
    let boss = Browser::new(site);
    boss.sign_in(ADMINISTRATOR);
    looked.at(&boss, "home-administrator");
    boss.click("Administration");
    boss.see("Why do you act as an administrator?");
    looked.at(&boss, "admin");
    boss.fill("Reason", "Ticket 4711: a lost key");
    boss.click("Go on");
    boss.see("Make a company");
    looked.at(&boss, "admin-companies");
    looked.open(&boss, "/dashboard/admin/companies/new", "admin-company-new");
    boss.open("/dashboard/admin/companies");
    boss.click("Plan of Acme");
    looked.at(&boss, "admin-plan");
    boss.open("/dashboard/admin/companies");
    boss.click("Keys of Acme");
    boss.see("Demo key");
    looked.at(&boss, "admin-keys");
    let keys = boss.url();
    boss.click("Demo key");
    boss.see("Facts");
    looked.at(&boss, "admin-key");
    let key = boss.url();
    looked.open(
        &boss,
        &keys.replace("/keys", "/kill-switch"),
        "admin-kill-switch",
    );
    looked.open(&boss, "/dashboard/admin/partners", "admin-partners");
    looked.open(&boss, "/dashboard/admin/partners/new", "admin-partner-new");
    boss.open("/dashboard/admin/partners");
    boss.click("Hirebridge");
    looked.at(&boss, "admin-partner");
    let partner = boss.url();
    looked.open(&boss, &format!("{partner}/keys/new"), "admin-key-new");
    looked.open(&boss, &format!("{key}/revoke"), "admin-revoke");
}

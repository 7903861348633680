//! What a colleague, a partner and an administrator do, each as themselves.

use browser::{Browser, Site};

const OWNER: &str = "owner@acme.example";

/// Whoever is invited opens the mail's link, signs in with that address, and may do what the role may, and nothing else.
#[test]
fn an_invited_colleague_joins_and_changes_nothing() {
    let site = Site::start();
    let owner = Browser::new(&site);
    owner.sign_in(OWNER);
    owner.click("Members");
    owner.click("Invite somebody");
    owner.fill("E-mail address", "newcomer@acme.example");
    owner.click("Send the invitation");
    owner.see("Invited");

    let newcomer = Browser::new(&site);
    newcomer.open_until("/dev/outbox", &["/invitations/"]);
    let text = newcomer.text();
    let link = text.split(' ').find(|word| word.contains("/invitations/"));
    newcomer.open(link.expect("a link in the mail"));
    newcomer.give_password("newcomer@acme.example");
    newcomer
        .see("owner@acme.example invites newcomer@acme.example to the company Acme, as Member.");
    newcomer.click("Accept");
    newcomer.see("Demo key");
    for action in ["Create key", "Kill switch"] {
        assert!(!newcomer.offers(action), "{action}");
    }
    newcomer.click("Demo key");
    newcomer.see("It can");
    for action in ["Edit", "Rotate", "Suspend", "Revoke"] {
        assert!(!newcomer.offers(action), "{action}");
    }
    // The link has done what it can.
    newcomer.open(link.expect("a link in the mail"));
    newcomer.see("This link opens no invitation for you.");
    owner.reload();
    owner.see_no("Invited");
    owner.click("Remove newcomer@acme.example");
    owner.see("Remove this member?");
    owner.click("Remove");
    owner.see_no("newcomer@acme.example");
    // The membership took its sessions with it; a new one finds no company.
    newcomer.sign_in("newcomer@acme.example");
    newcomer.see("a member of no company yet");
}

/// A partner gets its key's secret by rotating, acts for a company, and stops where the company says so.
#[test]
fn a_partner_works_for_a_company_until_that_stops_it() {
    let site = Site::start();
    let partner = Browser::new(&site);
    partner.sign_in("owner@hirebridge.example");
    let keys = partner.url();
    assert!(
        !partner.offers("Create key"),
        "InstaView issues a partner's keys"
    );
    partner.click("Companies");
    partner.see("Acme");
    partner.open(&keys);
    let key = partner.script("return document.querySelector('main td a').href");
    partner.open(key.as_str().expect("a key"));
    partner.click("Rotate");
    partner.click("Make a new secret");
    let secret = partner.shown_key();
    let jobs = format!("/jobs?companyId={}", site.company("Acme"));
    assert_eq!(site.call("GET", &jobs, &secret, "").status, 200);

    let owner = Browser::new(&site);
    owner.sign_in(OWNER);
    owner.click("Partners");
    owner.click("Hirebridge");
    owner.click("Suspend");
    owner.see("until it is resumed");
    owner.click("Suspend");
    owner.see("Suspended");
    let refused = site.call("GET", &jobs, &secret, "");
    assert_eq!(refused.status, 403);
    // The partner's own people are told why.
    partner.click("Explain a refusal");
    partner.fill("Request id", &refused.request_id);
    partner.click("Explain");
    partner.see("The partner's grant does not allow it");

    owner.click("End");
    owner.see("End this grant?");
    owner.click("End for good");
    owner.see("Ended");
    partner.click("Companies");
    partner.see("Ended");
}

/// An administrator says why, suspends a key, and the company reads who was there.
#[test]
fn an_administrator_acts_for_a_reason_that_the_company_reads() {
    let site = Site::start();
    let boss = Browser::new(&site);
    boss.sign_in("admin@instaview.example");
    boss.click("Administration");
    boss.fill("Reason", "Ticket 4711: a lost key");
    boss.click("Go on");
    boss.click("Keys of Acme");
    boss.click("Demo key");
    boss.click("Suspend");
    boss.see("until its own people resume it");
    boss.click("Suspend");
    boss.see("Suspended");
    assert_eq!(
        site.call("GET", "/jobs", site.fact("demoKey"), "").status,
        401
    );
    let keys = boss.url();
    boss.click("End");
    boss.see("Whom do you act for?");
    boss.open(&keys);
    boss.see("Why do you act as an administrator?");

    let owner = Browser::new(&site);
    owner.sign_in(OWNER);
    owner.click("Audit log");
    let log = owner.url();
    owner.open_until(
        &log,
        &["InstaView looked at this", "Ticket 4711: a lost key"],
    );
    owner.click("API keys");
    owner.click("Demo key");
    owner.click("Resume");
    owner.click("Resume");
    owner.see("Active");
    assert_eq!(
        site.call("GET", "/jobs", site.fact("demoKey"), "").status,
        200
    );
}

//! What the dashboard refuses, and what a page that somebody else has named can't do.

use browser::{Browser, Site};

const ACME: &str = "owner@acme.example";
const GLOBEX: &str = "owner@globex.example";

/// Opens the page of the seeded key; its address.
fn demo_key(person: &Browser<'_>) -> String {
    person.click("Demo key");
    person.see("It can");
    person.url()
}

fn demo_key_works(site: &Site) -> bool {
    site.call("GET", "/jobs", site.fact("demoKey"), "").status == 200
}

/// A refusal is a page for everybody, too; Chromium's console reports its status.
fn look(person: &Browser<'_>, name: &str) {
    person.axe();
    person.screenshot(name);
}

#[test]
fn another_companys_address_shows_nothing_of_it() {
    let site = Site::start();
    let owner = Browser::new(&site);
    owner.sign_in(ACME);
    let (keys, key) = (owner.url(), demo_key(&owner));

    let other = Browser::new(&site);
    other.sign_in(GLOBEX);
    for page in [&keys, &key] {
        other.open(page);
        other.see("Not allowed");
        other.see_no("Acme");
        other.see_no("Demo key");
    }
    look(&other, "not-yours");
    // Acme's key under Globex' own address is a key that never was.
    let theirs = format!("c-{}", site.company("Globex"));
    other.open(&key.replace(&format!("c-{}", site.company("Acme")), &theirs));
    other.see("Not found");
}

#[test]
fn a_member_sees_keys_and_a_form_without_the_role_does_nothing() {
    let site = Site::start();
    let member = Browser::new(&site);
    member.sign_in("member@acme.example");
    let key = demo_key(&member);
    member.open(&format!("{key}/revoke"));
    if member.text().contains("Type the key's name: Demo key") {
        member.fill("Type the key's name: Demo key", "Demo key");
        member.click("Revoke for good");
    }
    member.see("This needs the role Admin");
    assert!(demo_key_works(&site));
    look(&member, "wrong-role");
}

#[test]
fn a_forged_token_is_refused() {
    let site = Site::start();
    let person = Browser::new(&site);
    person.sign_in(ACME);
    demo_key(&person);
    person.script(
        "for (const token of document.getElementsByName('token')) \
         token.value = [...token.value].reverse().join('')",
    );
    person.click("Suspend");
    person.click("Suspend");
    person.see("This form can't be taken");
    assert!(demo_key_works(&site));
    look(&person, "forged");
}

/// Of the application's own machine, and of another origin all the same: the issuer's page.
#[test]
fn a_form_on_another_origin_is_refused() {
    let site = Site::start();
    let person = Browser::new(&site);
    person.sign_in(ACME);
    let suspend = format!("{}/suspend", demo_key(&person));
    person.open(&format!(
        "data:text/html,<form method=post action='{suspend}'><button>Win a prize</button></form>"
    ));
    person.click("Win a prize");
    person.see("Forbidden");
    assert!(demo_key_works(&site));
}

#[test]
fn a_session_that_has_ended_elsewhere_does_nothing_more() {
    let site = Site::start();
    let (here, there) = (Browser::new(&site), Browser::new(&site));
    for person in [&here, &there] {
        person.sign_in(ACME);
    }
    let key = demo_key(&here);
    there.click(ACME);
    there.click("Sign out everywhere");
    there.see("Sign in");

    here.click("Suspend");
    here.click("Suspend");
    here.see("Your session has ended, so nothing was done.");
    assert!(demo_key_works(&site));
    look(&here, "ended");
    // Whoever signs in again is where they were.
    here.click("Sign in");
    here.give_password(ACME);
    here.see("It can");
    assert_eq!(here.url(), key);
}

/// Chromium holds whatever a form leads to against the page's `form-action`, and drops what is on another origin without a word.
#[test]
fn a_form_that_comes_too_late_leads_to_the_sign_in_and_back() {
    let site = Site::start();
    let person = Browser::new(&site);
    person.sign_in(ACME);
    let keys = person.url();
    person.click("Create key");
    person.fill("Name", "Too late");
    person.choose("Read only");
    site.age_sign_ins(16);
    person.click("Create key");
    person.see("so nothing was done");
    look(&person, "too-late");
    person.click("Sign in again");
    person.give_password(ACME);
    person.see_path("/dashboard/o/");
    assert_eq!(person.url(), format!("{keys}/new"));
    person.fill("Name", "In time");
    person.choose("Read only");
    person.click("Create key");
    person.see("This is the only time that the key is shown.");
    person.open(&keys);
    person.see("In time");
    person.see_no("Too late");
}

/// A form by GET is one, too.
#[test]
fn a_search_in_a_session_that_has_ended_leads_to_the_sign_in() {
    let site = Site::start();
    let (here, there) = (Browser::new(&site), Browser::new(&site));
    for person in [&here, &there] {
        person.sign_in(ACME);
    }
    there.click(ACME);
    there.click("Sign out everywhere");
    there.see("Sign in");

    here.fill("Name", "Demo");
    here.click("Show");
    here.see("Your session has ended.");
    here.click("Sign in");
    here.give_password(ACME);
    here.see("Demo key");
}

/// One browser, two tabs: the second signs in as somebody of another company.
#[test]
fn a_second_tab_on_another_company_takes_no_form_of_the_first() {
    let site = Site::start();
    let person = Browser::new(&site);
    person.sign_in(ACME);
    let key = demo_key(&person);
    let first = person.new_tab();
    person.open("/dashboard/sign-in");
    person.give_password(GLOBEX);
    person.see_path("/dashboard/o/");
    let globex = person.url();
    assert!(globex.contains(site.company("Globex")), "{globex}");

    person.take_tab(&first);
    assert_eq!(person.url(), key);
    person.click("Suspend");
    person.click("Suspend");
    person.see("This form can't be taken");
    assert!(demo_key_works(&site));
    person.open(&key);
    person.see("Not allowed");
}

#[test]
fn hostile_names_are_text_wherever_they_are_shown() {
    let site = Site::start();
    let person = Browser::new(&site);
    person.sign_in(ACME);
    let keys = person.url();
    let many = "🎉".repeat(100);
    person.open(&format!("{keys}/new"));
    person.fill("Name", "\u{202e}gnirts desrever");
    person.choose("Read only");
    person.click("Create key");
    person.see("must not contain control or bidirectional-override characters");
    // It would be run, break out of its attribute, or be wider than any page.
    let names = [
        "<script>document.title='taken'</script>",
        "\"><img src=x onerror=\"document.title='taken'\">",
        &many,
    ];
    for name in names {
        person.open(&format!("{keys}/new"));
        person.fill("Name", name);
        person.choose("Read only");
        person.click("Create key");
        person.see(name);
        person.click("I have saved it");
        person.see(name);
        for action in ["edit", "rotate", "revoke"] {
            let page = person.url();
            person.open(&format!("{page}/{action}"));
            person.see(name);
            assert!(!person.title().contains("taken"));
            person.open(&page);
        }
    }
    person.open(&keys);
    for name in names {
        person.see(name);
    }
    assert!(!person.title().contains("taken"));
    look(&person, "keys-hostile");
}

#[test]
fn the_cookie_is_of_this_host_alone_and_no_script_reads_it() {
    let site = Site::start();
    let person = Browser::new(&site);
    person.sign_in(ACME);
    let cookies = person.cookies();
    let session = cookies.iter().find(|cookie| cookie["name"] == "instaview");
    let session = session.expect("a session's cookie");
    assert_eq!(session["httpOnly"], true);
    assert_eq!(session["sameSite"], "Lax");
    assert_eq!(session["domain"], "127.0.0.1");
    assert_eq!(session["session"], true, "it goes with the browser");
    assert_eq!(person.script("return document.cookie"), "");
    person.click(ACME);
    person.click("Sign out");
    person.see("Sign in");
    let left = person.cookies();
    assert!(
        left.iter().all(|cookie| cookie["name"] != "instaview"),
        "{left:?}"
    );
}

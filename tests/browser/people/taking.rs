//! What leaves the page: a key by the clipboard, the audit log as a file.

use browser::{Browser, Site};

#[test]
fn a_key_is_copied_and_whose_it_is_is_found_by_pasting_it() {
    let site = Site::start();
    let person = Browser::new(&site);
    person.sign_in("owner@acme.example");
    let keys = person.url();
    person.click("Create key");
    person.fill("Name", "Careers page");
    person.choose("Read only");
    person.click("Create key");
    let key = person.shown_key();
    person.click("Copy the key");
    person.see("Copied");

    person.open(&keys);
    person.paste("A key that was found");
    assert_eq!(person.value("A key that was found"), key[..13]);
    person.click("Show");
    person.see_no("Demo key");
    person.see("Careers page");
    assert!(person.url().contains(&key[..13]));
    assert!(!person.url().contains(&key[13..]));

    // Where it doesn't belong it isn't sent at all.
    person.open(&keys);
    person.paste("Name");
    assert_eq!(person.value("Name"), key);
    person.click("Show");
    // Among the rows that are shown it is found all the same.
    person.see_no("Demo key");
    person.see("Careers page");
    assert_eq!(person.url(), keys);

    person.open(&keys.replace("/keys", "/audit"));
    person.paste("Key");
    assert_eq!(person.value("Key"), key[..13]);
}

#[test]
fn the_audit_log_is_taken_along_and_checked_offline() {
    let site = Site::start();
    let person = Browser::new(&site);
    person.sign_in("owner@acme.example");
    person.click("Audit log");
    person.click("Table for people (CSV)");
    let table = person.downloaded(".csv");
    assert!(table.lines().count() > 1, "{table}");
    assert!(table.contains("api_key.created"), "{table}");
    person.click("Export, signed (NDJSON)");
    let lines = person.downloaded(".ndjson");
    let last = lines.lines().last().unwrap_or_default();
    assert!(last.contains("signature"), "{last}");
}

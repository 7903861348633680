//! The helpers, each on a page of our own, where it can be seen to work and to fail.

use browser::{Browser, Key, Site};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

/// A page with one of everything; what is done to it is written into `told`.
const PAGE: &str = "data:text/html;charset=utf-8,<!doctype html><html lang=en><title>Everything</title>
<style>.hidden{display:none}.bare:focus{outline:none}</style>
<header><button aria-label='Close the menu' onclick='told.textContent+=\"closed \"'>x</button></header>
<main><h1>Everything</h1>
<form onsubmit='told.textContent+=\"sent \";return false'>
<p><label for=name>Name</label><input id=name value=before>
<p><label><input type=radio name=r> Thirty days</label> <label><input type=radio name=r> Never</label>
<p><label><input type=checkbox> Read jobs</label>
<p><label>Status <select id=status><option>All</option><option>Suspended</option></select></label>
<p><button type=button onclick='told.textContent+=\"clicked \"'>Press</button>
<button type=button class=hidden>Hidden</button>
<button type=button>Twice</button> <button type=button>Twice</button>
</form><p id=told>&nbsp;</p>
<p><button class=bare>Bare</button></main>
<script>document.title += ' with script'</script></html>";

const SOON: Duration = Duration::from_millis(300);

/// What it says when it fails, as it must.
fn failure(act: impl FnOnce()) -> String {
    caught(act).expect("it should have failed")
}

/// What it says where it fails.
fn caught(act: impl FnOnce()) -> Option<String> {
    let fault = catch_unwind(AssertUnwindSafe(act)).err()?;
    let text = fault.downcast_ref::<String>().cloned();
    let text = text.or_else(|| fault.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    Some(text.unwrap_or_default())
}

#[test]
fn a_person_finds_by_name_what_they_click_fill_and_choose() {
    let site = Site::start();
    let mut person = Browser::new(&site);
    person.open(PAGE);
    assert_eq!(person.title(), "Everything with script");

    person.click("Press");
    person.see("clicked");
    person.click("Close the menu");
    person.see("clicked closed");
    person.fill("Name", "Søren 🚀");
    assert_eq!(person.value("Name"), "Søren 🚀");
    person.choose("Never");
    person.check("Read jobs");
    assert!(person.is_checked("Read jobs"));
    person.uncheck("Read jobs");
    assert!(!person.is_checked("Read jobs"));
    person.select("Status", "Suspended");
    let chosen = person.script("return document.getElementById('status').value");
    assert_eq!(chosen, "Suspended");
    assert!(person.offers("Press") && !person.offers("Hidden"));

    person.wait_at_most(SOON);
    let vague = failure(|| person.click("Twice"));
    assert!(vague.starts_with("2 of Action are named"), "{vague}");
    let missing = failure(|| person.see("what isn't there"));
    assert!(missing.contains("Everything Name"), "{missing}");
    let there = failure(|| person.see_no("Everything"));
    assert!(there.starts_with("waited to see no"), "{there}");
    let elsewhere = failure(|| person.see_path("/"));
    assert!(elsewhere.starts_with("waited to be at /"), "{elsewhere}");
}

#[test]
fn a_keyboard_is_enough_and_every_stop_must_show_its_focus() {
    let site = Site::start();
    let person = Browser::new(&site);
    person.open(PAGE);
    person.tab_to("Name");
    person.write("after");
    assert_eq!(person.value("Name"), "after", "Tab takes what stands there");
    person.submit();
    person.see("sent");
    person.tab_to("Press");
    person.press(Key::Space);
    person.see("sent clicked");
    assert_eq!(person.focus(), "Press");

    let dark = failure(|| person.tab_to("Bare"));
    assert!(dark.contains("\"Bare\" doesn't show its focus"), "{dark}");
    person.script("document.querySelector('.bare').remove()");
    let nowhere = failure(|| person.tab_to("Hidden"));
    assert!(nowhere.starts_with("Tab never reached"), "{nowhere}");
}

#[test]
fn with_script_off_no_page_runs_any() {
    let site = Site::start();
    let person = Browser::with_script_off(&site);
    person.open(PAGE);
    assert_eq!(person.title(), "Everything");
    person.click("Press");
    person.fill("Name", "typed");
    assert_eq!(person.value("Name"), "typed");
    assert!(!person.text().contains("clicked"));

    let tab = person.new_tab();
    person.open(PAGE);
    assert_eq!(person.title(), "Everything", "in another tab, too");
    person.take_tab(&tab);
    assert_eq!(person.value("Name"), "typed");
}

#[test]
fn axe_and_the_screen_and_the_console_tell_what_is_wrong() {
    let site = Site::start();
    let person = Browser::new(&site);
    let open = |style: &str, main: &str| {
        person.open(&format!(
            "data:text/html;charset=utf-8,<!doctype html><html lang=en><title>Page</title>\
             <style>{style}</style><main><h1>Page</h1>{main}</main></html>"
        ));
    };
    open("", "<p>Fine</p>");
    person.inspect("harness");

    open("", "<input>");
    let unnamed = failure(|| person.axe());
    assert!(unnamed.contains("in light has 1 violations"), "{unnamed}");
    assert!(unnamed.contains("label: "), "{unnamed}");

    open(
        "@media(prefers-color-scheme:dark){p{color:%23222;background:%23111}}",
        "<p>Seen in light alone</p>",
    );
    let unseen = failure(|| person.axe());
    assert!(unseen.contains("in dark has 1 violations"), "{unseen}");
    assert!(unseen.contains("color-contrast"), "{unseen}");

    open("", "<p style='width:500px'>Wide</p>");
    let wide = failure(|| person.screenshot("harness-wide"));
    assert!(wide.contains("on a screen of 360"), "{wide}");

    open("", "<script>throw new Error('of mine')</script>");
    let loud = failure(|| person.console_is_silent());
    assert!(loud.contains("of mine"), "{loud}");
}

#[test]
fn chromium_reaches_nobody_but_this_machine() {
    let site = Site::start();
    let person = Browser::new(&site);
    match caught(|| person.open("http://example.com/")) {
        Some(refused) => assert!(refused.contains("ERR_NAME_NOT_RESOLVED"), "{refused}"),
        // A busy machine's driver leaves it to the browser's own page to say so.
        None => person.see("ERR_NAME_NOT_RESOLVED"),
    }
    person.open("/health");
    let by_name = site.fact("apiUrl").replace("127.0.0.1", "localhost");
    person.open(&format!("{by_name}/health"));
    person.see("ok");
}

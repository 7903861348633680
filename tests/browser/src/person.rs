//! What a person does before anything else: opens a page, reads it, signs in, takes another tab.

use serde_json::{Value, json};
use std::{cell::Cell, fs, thread, time::Duration};
use thirtyfour::WindowHandle;

use crate::{
    driver::Driver,
    site::Site,
    waiting::{PATIENCE, eventually},
};

/// A person with a browser of their own; nothing in it is anybody else's.
///
/// Whatever is asked of it waits until it can be done, for a bounded time, and panics with what the page shows where it never can.
#[derive(Debug)]
pub struct Browser<'s> {
    pub(crate) site: &'s Site,
    pub(crate) driver: Driver,
    patience: Duration,
    runs_scripts: bool,
    /// Whether everything is done with Tab, arrows, Space and Enter.
    pub(crate) keyboard_alone: bool,
    acts: Cell<u32>,
}

impl<'s> Browser<'s> {
    /// Opens Chromium, 1440 px wide.
    ///
    /// # Panics
    /// Where Chromium or chromedriver is missing.
    pub fn new(site: &'s Site) -> Browser<'s> {
        let browser = Browser {
            site,
            driver: Driver::start(),
            patience: PATIENCE,
            runs_scripts: true,
            keyboard_alone: false,
            acts: Cell::new(0),
        };
        browser.emulate();
        browser
    }

    /// As `new`, for somebody who lets no page run a script.
    pub fn with_script_off(site: &'s Site) -> Browser<'s> {
        let mut browser = Browser::new(site);
        browser.runs_scripts = false;
        browser.emulate();
        browser
    }

    /// As `new`, for somebody without a mouse: whatever they do is done by keys, on stops that show it.
    pub fn with_keyboard_alone(site: &'s Site) -> Browser<'s> {
        let mut browser = Browser::new(site);
        browser.keyboard_alone = true;
        browser
    }

    /// How often they have clicked, typed into a field, or ticked something.
    pub fn acts(&self) -> u32 {
        self.acts.get()
    }

    pub(crate) fn act(&self) {
        self.acts.set(self.acts.get() + 1);
    }

    /// For who knows that it won't come.
    pub fn wait_at_most(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Opens a path of the site, or a whole address.
    pub fn open(&self, target: &str) {
        let url = match target.starts_with('/') {
            true => format!("{}{target}", self.site.fact("apiUrl")),
            false => target.to_owned(),
        };
        let opened = self.driver.wait(self.driver.session().goto(url));
        opened.unwrap_or_else(|why| panic!("{target}: {why}"));
    }

    pub fn reload(&self) {
        let reloaded = self.driver.wait(self.driver.session().refresh());
        reloaded.unwrap_or_else(|why| panic!("reload: {why}"));
    }

    pub fn back(&self) {
        let went = self.driver.wait(self.driver.session().back());
        went.unwrap_or_else(|why| panic!("back: {why}"));
    }

    /// Signs in at the development issuer, from the dashboard's front page, and is back in the dashboard afterwards.
    pub fn sign_in(&self, email: &str) {
        self.open("/dashboard");
        self.click("Sign in");
        self.give_password(email);
        self.see_path("/dashboard");
    }

    /// Fills the form of the development issuer.
    pub fn give_password(&self, email: &str) {
        self.fill("E-mail", email);
        self.fill("Password", "instaview");
        self.click("Sign in");
    }

    /// Waits until the page shows a text; line breaks and spaces are the same.
    pub fn see(&self, text: &str) {
        self.until(&format!("to see {text:?}"), || {
            self.text().contains(text).then_some(())
        });
    }

    /// Opens the page again and again until it shows all of these: what the streams bring.
    pub fn open_until(&self, target: &str, texts: &[&str]) {
        self.until(&format!("for {texts:?}"), || {
            self.open(target);
            let shown = self.text();
            let all = texts.iter().all(|text| shown.contains(text));
            if !all {
                // Each page is some requests of the person's limit.
                thread::sleep(Duration::from_millis(300));
            }
            all.then_some(())
        });
    }

    /// Waits until the page no longer shows a text.
    pub fn see_no(&self, text: &str) {
        self.until(&format!("to see no {text:?}"), || {
            (!self.text().contains(text)).then_some(())
        });
    }

    /// Waits until the address' path begins so, on the site's own origin.
    pub fn see_path(&self, path: &str) {
        let wanted = format!("{}{path}", self.site.fact("apiUrl"));
        self.until(&format!("to be at {path}"), || {
            self.url().starts_with(&wanted).then_some(())
        });
    }

    /// What the page shows now, as one line.
    pub fn text(&self) -> String {
        let shown = self
            .driver
            .script("return document.body.innerText", Vec::new());
        let shown = shown.unwrap_or_default();
        let words = shown.as_str().unwrap_or_default().split_whitespace();
        words.collect::<Vec<_>>().join(" ")
    }

    pub fn title(&self) -> String {
        let title = self.driver.wait(self.driver.session().title());
        title.unwrap_or_default()
    }

    pub fn url(&self) -> String {
        let url = self.driver.wait(self.driver.session().current_url());
        url.map(|url| url.to_string()).unwrap_or_default()
    }

    /// What lies behind the page: hidden fields, cookies, anything that a person can't see.
    ///
    /// # Panics
    /// Where the script does.
    pub fn script(&self, script: &str) -> Value {
        let returned = self.driver.script(script, Vec::new());
        returned.unwrap_or_else(|why| panic!("{script}: {why}"))
    }

    /// The key that the page shows, once it does.
    pub fn shown_key(&self) -> String {
        self.see("This is the only time that the key is shown.");
        let shown = self.script("return document.getElementById('key').textContent");
        shown.as_str().expect("the key").to_owned()
    }

    /// Every cookie of the browser, as the DevTools protocol tells them.
    pub fn cookies(&self) -> Vec<Value> {
        let told = self.driver.devtools("Storage.getCookies", json!({}));
        told["cookies"].as_array().cloned().unwrap_or_default()
    }

    /// The text of the one file that was taken along with such an ending.
    pub fn downloaded(&self, ending: &str) -> String {
        let folder = self.driver.downloads();
        self.until(&format!("for a file ending in {ending}"), || {
            let files = fs::read_dir(&folder).ok()?.flatten();
            let mut files = files.map(|file| file.path());
            // Chromium writes it under another name until it is whole.
            let file = files.find(|file| file.to_string_lossy().ends_with(ending))?;
            fs::read_to_string(file).ok()
        })
    }

    /// Opens another tab and goes there; the answer is for `take_tab`.
    pub fn new_tab(&self) -> WindowHandle {
        let session = self.driver.session();
        let before = self.driver.wait(session.window()).expect("a tab");
        let tab = self.driver.wait(session.new_tab()).expect("another tab");
        self.take_tab(&tab);
        before
    }

    pub fn take_tab(&self, tab: &WindowHandle) {
        let session = self.driver.session();
        let took = self.driver.wait(session.switch_to_window(tab.clone()));
        took.expect("the tab is open");
        self.emulate();
    }

    /// Each tab has to be told.
    fn emulate(&self) {
        self.widen(1440);
        let folder = self.driver.downloads();
        let kept = json!({ "behavior": "allow", "downloadPath": folder });
        self.driver.devtools("Browser.setDownloadBehavior", kept);
        // As on a telephone, where they take no room.
        let hidden = json!({ "hidden": true });
        self.driver
            .devtools("Emulation.setScrollbarsHidden", hidden);
        let off = json!({ "value": !self.runs_scripts });
        self.driver
            .devtools("Emulation.setScriptExecutionDisabled", off);
    }

    /// Asks until there is an answer.
    ///
    /// # Panics
    /// With what the page shows, where none comes in time.
    pub(crate) fn until<T>(&self, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
        eventually(self.patience, || ask().ok_or_else(String::new))
            .unwrap_or_else(|_| panic!("waited {what}; {} shows:\n{}", self.url(), self.text()))
    }
}

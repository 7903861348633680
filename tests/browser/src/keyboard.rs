//! What a person does who has a keyboard alone.

use serde_json::{Value, json};
use std::time::Duration;
use thirtyfour::{Key, WebElement};

use crate::{finding::Kind, person::Browser, waiting::eventually};

/// More than any page has between its first and its last control.
const MOST_STOPS: usize = 400;
/// For what leads to no other page.
const A_FILE: Duration = Duration::from_secs(3);

impl Browser<'_> {
    /// Presses one key where the focus is.
    pub fn press(&self, key: Key) {
        let typed = self.driver.session().action_chain().send_keys(key);
        let pressed = self.driver.wait(typed.perform());
        pressed.unwrap_or_else(|why| panic!("a key: {why}"));
    }

    /// Types where the focus is, key by key.
    pub fn write(&self, text: &str) {
        let typed = self.driver.session().action_chain().send_keys(text);
        let wrote = self.driver.wait(typed.perform());
        wrote.unwrap_or_else(|why| panic!("{text}: {why}"));
    }

    /// Pastes from the clipboard into the field of that label.
    pub fn paste(&self, label: &str) {
        let field = self.find(Kind::Text, label);
        let focused = self.driver.wait(field.focus());
        focused.unwrap_or_else(|why| panic!("{label}: {why}"));
        // Ctrl+V, which headless Chromium binds to nothing by itself.
        let key = json!({
            "type": "rawKeyDown", "modifiers": 2, "key": "v", "code": "KeyV",
            "windowsVirtualKeyCode": 86, "commands": ["paste"],
        });
        self.driver.devtools("Input.dispatchKeyEvent", key);
    }

    /// Sends the form that has the focus, as Enter in a field does.
    pub fn submit(&self) {
        self.press(Key::Enter);
    }

    /// Presses Tab until the focus is on what has that name.
    ///
    /// # Panics
    /// Where it can't be reached, or where a stop on the way doesn't show that it has the focus (WCAG 2.4.7).
    pub fn tab_to(&self, name: &str) {
        self.reach("*", name);
    }

    /// As `tab_to`, where only such elements are meant.
    pub(crate) fn reach(&self, selector: &str, name: &str) {
        let mut stops = Vec::new();
        while stops.len() < MOST_STOPS {
            self.press(Key::Tab);
            let Some(stop) = self.stop(selector) else {
                continue;
            };
            assert!(stop.shown, "{:?} doesn't show its focus", stop.text);
            // Asking for a name takes time, and most stops can't have this one.
            let (text, wanted) = (letters(&stop.text), letters(name));
            let alike = text.is_empty() || wanted.contains(&text) || text.contains(&wanted);
            if stop.may_be && alike && self.focus() == name {
                return;
            }
            stops.push(stop.text);
        }
        panic!("Tab never reached {name:?} at {}: {stops:?}", self.url());
    }

    /// Follows the link, presses the button or opens the summary of that name; and waits for what comes of it.
    pub(crate) fn press_enter_on(&self, name: &str) {
        self.reach(Kind::Action.selector(), name);
        let leaves = self.driver.script(
            "window.before = document.querySelector('dialog[open]') ? 'dialog' : 'page'; \
             return !document.activeElement.matches('summary, [type=button]')",
            Vec::new(),
        );
        self.press(Key::Enter);
        if leaves != Ok(Value::Bool(true)) {
            return;
        }
        // Another page, or the question whether one is sure; a file that is taken along changes nothing.
        let gone = || {
            let script = "return document.readyState === 'complete' && (window.before === undefined || \
                          window.before === 'page' && document.querySelector('dialog[open]') !== null)";
            match self.driver.script(script, Vec::new()) {
                Ok(Value::Bool(true)) => Ok(()),
                _ => Err(String::new()),
            }
        };
        let _ = eventually(A_FILE, gone);
    }

    /// Types into the field of that label, in place of what stands there.
    pub(crate) fn write_into(&self, label: &str, text: &str) {
        self.reach(Kind::Text.selector(), label);
        let all = self.driver.session().action_chain();
        let all = all
            .key_down(Key::Control)
            .send_keys("a")
            .key_up(Key::Control);
        let selected = self.driver.wait(all.perform());
        selected.unwrap_or_else(|why| panic!("{label}: {why}"));
        self.write(text);
    }

    /// Ticks the box of that label, or unticks it.
    pub(crate) fn press_space_on(&self, label: &str, on: bool) {
        self.reach(Kind::Check.selector(), label);
        let ticked = "return document.activeElement.checked";
        if self.script(ticked) != on {
            self.press(Key::Space);
        }
        assert_eq!(self.script(ticked), on, "{label}");
    }

    /// Takes the radio button of that label: Tab leads to its group, arrows through it.
    pub(crate) fn press_arrows_to(&self, label: &str) {
        const MOST: usize = 20;
        let group = self.find(Kind::Radio, label);
        let group = self.driver.wait(group.attr("name")).ok().flatten();
        let group = group.expect("radio buttons have a name");
        for _ in 0..MOST_STOPS {
            self.press(Key::Tab);
            if self.script("return document.activeElement.name ?? ''") == group.as_str() {
                break;
            }
        }
        // Space takes the one that has the focus, if none is taken yet.
        self.press(Key::Space);
        for _ in 0..MOST {
            if self.focus() == label {
                assert_eq!(self.script("return document.activeElement.checked"), true);
                return;
            }
            self.press(Key::Down);
        }
        panic!("no arrow led to {label:?} at {}", self.url());
    }

    /// The name of what has the focus.
    pub fn focus(&self) -> String {
        let focused = self.focused();
        focused
            .and_then(|focused| self.name(&focused))
            .unwrap_or_default()
    }

    /// `None` while it is on the page as a whole.
    fn focused(&self) -> Option<WebElement> {
        let script = "const focused = document.activeElement; \
                      return focused === document.body ? [] : [focused]";
        let focused = self.driver.elements(script, Vec::new());
        focused.unwrap_or_default().into_iter().next()
    }

    /// What has the focus, and whether it may be what somebody looks for.
    fn stop(&self, selector: &str) -> Option<Stop> {
        // Chromium marks the parts of a date by itself, each in turn.
        let script = r"
            const focused = document.activeElement;
            if (focused === document.body) return null;
            const style = getComputedStyle(focused);
            const outlined = style.outlineStyle !== 'none' && style.outlineWidth !== '0px';
            const shown = focused.type === 'date' || outlined || style.boxShadow !== 'none';
            const label = focused.labels?.[0]?.textContent;
            const text = focused.ariaLabel ?? label ?? focused.textContent;
            return [focused.matches(arguments[0]), shown, text.trim().replace(/\s+/g, ' ').slice(0, 80)]";
        let seen = self.driver.script(script, vec![json!(selector)]).ok()?;
        Some(Stop {
            may_be: seen[0].as_bool()?,
            shown: seen[1].as_bool()?,
            text: seen[2].as_str()?.to_owned(),
        })
    }
}

/// Where Tab has led.
struct Stop {
    may_be: bool,
    shown: bool,
    /// For the report of a way that led nowhere.
    text: String,
}

/// How an element's text and its name are spaced differs.
fn letters(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_whitespace())
        .collect()
}

//! What a person does who has a keyboard alone.

use serde_json::{Value, json};
use thirtyfour::{Key, WebElement};

use crate::{finding::Kind, person::Browser};

/// More than any page has between its first and its last control.
const MOST_STOPS: usize = 400;

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
        let mut stops = Vec::new();
        while stops.len() < MOST_STOPS {
            self.press(Key::Tab);
            let Some(focused) = self.focused() else {
                continue;
            };
            let reached = self.name(&focused).unwrap_or_default();
            assert!(self.shows_focus(), "{reached:?} doesn't show its focus");
            if reached == name {
                return;
            }
            stops.push(reached);
        }
        panic!("Tab never reached {name:?} at {}: {stops:?}", self.url());
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

    fn shows_focus(&self) -> bool {
        // Chromium marks the parts of a date by itself, each in turn.
        let script = "if (document.activeElement.type === 'date') return true; \
                      const style = getComputedStyle(document.activeElement); \
                      const outlined = style.outlineStyle !== 'none' && style.outlineWidth !== '0px'; \
                      return outlined || style.boxShadow !== 'none'";
        self.driver.script(script, Vec::new()) == Ok(Value::Bool(true))
    }
}

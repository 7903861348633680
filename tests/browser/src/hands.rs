//! What a person does with a mouse, and what they type into fields.

use serde_json::json;
use thirtyfour::WebElement;

use crate::{finding::Kind, person::Browser};

impl Browser<'_> {
    /// Clicks the link or button of that name.
    pub fn click(&self, name: &str) {
        self.click_on(&self.find(Kind::Action, name), name);
    }

    /// Clicks the first of those that share a name, as buttons beside what they copy do.
    pub fn click_first(&self, name: &str) {
        let named = self.until(&format!("for an Action named {name:?}"), || {
            self.named(Kind::Action, name)?.into_iter().next()
        });
        self.click_on(&named, name);
    }

    /// Types into the field of that label, in place of what stands there.
    pub fn fill(&self, label: &str, text: &str) {
        let field = self.find(Kind::Text, label);
        let cleared = self.driver.wait(field.clear());
        cleared.unwrap_or_else(|why| panic!("{label}: {why}"));
        let focused = self.driver.wait(field.focus());
        focused.unwrap_or_else(|why| panic!("{label}: {why}"));
        // Keys can't type what no keyboard has, such as emoji.
        self.driver
            .devtools("Input.insertText", json!({ "text": text }));
    }

    /// What stands in the field of that label.
    pub fn value(&self, label: &str) -> String {
        let field = self.find(Kind::Text, label);
        let value = self.driver.wait(field.prop("value"));
        value.ok().flatten().unwrap_or_default()
    }

    /// Takes the radio button of that label.
    pub fn choose(&self, label: &str) {
        let radio = self.find(Kind::Radio, label);
        self.click_on(&radio, label);
        assert!(self.is_on(&radio), "{label} wasn't taken");
    }

    /// Takes an option of the list of that label.
    pub fn select(&self, label: &str, option: &str) {
        let list = self.find(Kind::Select, label);
        let quoted = option.replace('"', "");
        let path = format!(".//option[normalize-space()=\"{quoted}\"]");
        let found = self.driver.wait(list.find(thirtyfour::By::XPath(path)));
        let found = found.unwrap_or_else(|why| panic!("{label} has no {option}: {why}"));
        self.click_on(&found, option);
    }

    /// Ticks the box of that label, if it isn't yet.
    pub fn check(&self, label: &str) {
        self.turn(label, true);
    }

    pub fn uncheck(&self, label: &str) {
        self.turn(label, false);
    }

    /// Whether the box of that label is ticked.
    pub fn is_checked(&self, label: &str) -> bool {
        self.is_on(&self.find(Kind::Check, label))
    }

    /// Whether the page offers a link or button of that name, now.
    pub fn offers(&self, name: &str) -> bool {
        self.has(Kind::Action, name)
    }

    fn turn(&self, label: &str, on: bool) {
        let box_ = self.find(Kind::Check, label);
        if self.is_on(&box_) != on {
            self.click_on(&box_, label);
        }
        assert_eq!(self.is_on(&box_), on, "{label}");
    }

    fn is_on(&self, element: &WebElement) -> bool {
        self.driver.wait(element.is_selected()).unwrap_or_default()
    }

    fn click_on(&self, element: &WebElement, name: &str) {
        let clicked = self.driver.wait(element.click());
        clicked.unwrap_or_else(|why| panic!("{name} can't be clicked: {why}"));
    }
}

//! What a person does with a mouse, and what they type into fields; or all of it with the keyboard, who has nothing else.

use serde_json::json;
use thirtyfour::WebElement;

use crate::{finding::Kind, person::Browser};

impl Browser<'_> {
    /// Clicks the link or button of that name.
    pub fn click(&self, name: &str) {
        self.act();
        if self.keyboard_alone {
            return self.press_enter_on(name);
        }
        self.click_on(&self.find(Kind::Action, name), name);
    }

    /// Types into the field of that label, in place of what stands there.
    pub fn fill(&self, label: &str, text: &str) {
        self.act();
        if self.keyboard_alone {
            return self.write_into(label, text);
        }
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
        self.act();
        if self.keyboard_alone {
            return self.press_arrows_to(label);
        }
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
        self.act();
        if self.keyboard_alone {
            return self.press_space_on(label, on);
        }
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

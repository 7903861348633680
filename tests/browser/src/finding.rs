//! Finds what a person means by a name.
//!
//! The name is the one that Chromium computes for assistive technology, so what can't be named can't be used here.

use http::Method;
use serde_json::json;
use thirtyfour::{
    RequestData, WebElement,
    common::{command::FormatRequestData, types::SessionId},
};

use crate::person::Browser;

/// What a person does with it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// Links, buttons, summaries.
    Action,
    /// Whatever text is typed into.
    Text,
    Check,
    Radio,
    Select,
}

impl Kind {
    pub(crate) fn selector(self) -> &'static str {
        match self {
            Kind::Action => "a[href], button, summary, input[type=submit]",
            Kind::Text => {
                "textarea, input:not([type=hidden], [type=checkbox], [type=radio], [type=submit])"
            }
            Kind::Check => "input[type=checkbox]",
            Kind::Radio => "input[type=radio]",
            Kind::Select => "select",
        }
    }
}

/// What is shown, grouped by where a person looks first: an open dialog and nothing else, the main part, the rest.
const SHOWN: &str = "
    const [selector] = arguments;
    const dialog = document.querySelector('dialog[open]');
    const shown = [...(dialog ?? document).querySelectorAll(selector)]
        .filter(found => found.checkVisibility({ visibilityProperty: true }));
    const inMain = found => found.closest('main') !== null;
    return [shown.filter(inMain), shown.filter(found => !inMain(found))]";

impl Browser<'_> {
    /// The one thing of that name.
    ///
    /// # Panics
    /// Where none comes, or where several in the same place have the name: a person couldn't tell which.
    pub(crate) fn find(&self, kind: Kind, name: &str) -> WebElement {
        self.until(&format!("for a {kind:?} named {name:?}"), || {
            let found = self.named(kind, name)?;
            assert!(
                found.len() < 2 || self.all_lead_to_one(&found),
                "{} of {kind:?} are named {name:?} at {}",
                found.len(),
                self.url()
            );
            found.into_iter().next()
        })
    }

    /// Whether anything has the name, now.
    pub(crate) fn has(&self, kind: Kind, name: &str) -> bool {
        self.named(kind, name)
            .is_some_and(|found| !found.is_empty())
    }

    /// All of that name in the first place that has any; `None` while the page changes.
    pub(crate) fn named(&self, kind: Kind, name: &str) -> Option<Vec<WebElement>> {
        for place in 0..2 {
            let script = format!("{}[{place}]", SHOWN.trim_end());
            let shown = self.driver.elements(&script, vec![json!(kind.selector())]);
            let mut named = Vec::new();
            for element in shown.ok()? {
                if self.name(&element)? == name {
                    named.push(element);
                }
            }
            if !named.is_empty() {
                return Some(named);
            }
        }
        Some(Vec::new())
    }

    /// The accessible name; `None` where the element is gone.
    pub(crate) fn name(&self, element: &WebElement) -> Option<String> {
        let label = ComputedLabel(element.element_id().to_string());
        let label = self.driver.command(label).ok()?;
        Some(label.as_str().unwrap_or_default().trim().to_owned())
    }

    /// Links to the same address may share a name.
    fn all_lead_to_one(&self, found: &[WebElement]) -> bool {
        let target = |link: &WebElement| self.driver.wait(link.prop("href")).ok().flatten();
        let first = found.first().and_then(target);
        first.is_some() && found.iter().all(|link| target(link) == first)
    }
}

/// WebDriver's "Get Computed Label".
#[derive(Debug)]
struct ComputedLabel(String);

impl FormatRequestData for ComputedLabel {
    fn format_request(&self, session: &SessionId) -> RequestData {
        let element = &self.0;
        let path = format!("session/{session}/element/{element}/computedlabel");
        RequestData::new(Method::GET, path)
    }
}

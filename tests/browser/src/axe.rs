//! axe-core, put into the page by WebDriver: the rules of WCAG 2.2 AA that a program can check, and its advice.

use serde_json::{Value, json};
use std::{env, fs, sync::OnceLock};

use crate::person::Browser;

/// Reports what is wrong, and where; `target-size` (WCAG 2.5.8) is off by default.
const RUN: &str = "
    const done = arguments[0];
    const options = { resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } };
    axe.run(document, options)
        .then(({ violations }) => done(violations.map(({ id, help, nodes }) =>
            `${id}: ${help}\\n` + nodes.slice(0, 5).map(({ html, failureSummary }) =>
                `    ${html.slice(0, 200)}\\n    ${failureSummary.replaceAll('\\n', ' ')}`).join('\\n'))))
        .catch(fault => done([`axe failed: ${fault}`]))";

impl Browser<'_> {
    /// Looks for violations, in light and in dark.
    ///
    /// # Panics
    /// With their list.
    pub fn axe(&self) {
        for scheme in ["light", "dark"] {
            self.light(scheme);
            let found = self.violations();
            assert!(
                found.is_empty(),
                "{} in {scheme} has {} violations:\n{}",
                self.url(),
                found.len(),
                found.join("\n")
            );
        }
        self.light("light");
    }

    /// Has the page shown in this colour scheme: `light` or `dark`.
    pub(crate) fn light(&self, scheme: &str) {
        let preference = json!({ "name": "prefers-color-scheme", "value": scheme });
        // Colours change at once, so that none is judged on its way.
        let still = json!({ "name": "prefers-reduced-motion", "value": "reduce" });
        let media = json!({ "features": [preference, still] });
        self.driver.devtools("Emulation.setEmulatedMedia", media);
    }

    fn violations(&self) -> Vec<String> {
        let known = self
            .driver
            .script("return typeof axe === 'object'", Vec::new());
        if known != Ok(Value::Bool(true)) {
            let put = self.driver.script(source(), Vec::new());
            put.unwrap_or_else(|why| panic!("axe-core: {why}"));
        }
        let run = self.driver.session().execute_async(RUN, Vec::new());
        let found = self.driver.wait(run);
        let found = found.unwrap_or_else(|why| panic!("axe at {}: {why}", self.url()));
        let found = found.json().as_array().expect("a list").iter();
        found
            .map(|text| text.as_str().unwrap_or_default().to_owned())
            .collect()
    }
}

/// axe-core's text, from where `AXE_CORE` says.
fn source() -> &'static str {
    static SOURCE: OnceLock<String> = OnceLock::new();
    SOURCE.get_or_init(|| {
        #[expect(
            clippy::disallowed_methods,
            reason = "axe-core comes from outside the clone, and only the script knows where it put it"
        )]
        let path = env::var("AXE_CORE").expect("AXE_CORE names axe.min.js: `tests/browser.sh` does");
        fs::read_to_string(&path).unwrap_or_else(|why| panic!("{path}: {why}"))
    })
}

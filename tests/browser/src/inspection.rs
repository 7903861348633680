//! What must hold on every page: nothing that axe finds, nothing that the console reports, nothing cut off; and pictures of it for people.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;
use std::{fs, path::Path};

use crate::person::Browser;

/// A telephone, a tablet, a desk.
const WIDTHS: [u32; 3] = [360, 768, 1440];
/// A picture of more than that shows nobody anything.
const HIGHEST: f64 = 6_000.0;

impl Browser<'_> {
    /// Everything that must hold, with its pictures.
    pub fn inspect(&self, name: &str) {
        self.axe();
        self.screenshot(name);
        self.console_is_silent();
    }

    /// Pictures of the whole page at every width, and of the widest in dark, in `tests/browser/screenshots/`.
    ///
    /// # Panics
    /// Where the page is wider than the screen.
    pub fn screenshot(&self, name: &str) {
        for width in WIDTHS {
            self.widen(width);
            self.fits(width);
            self.picture(&format!("{name}-{width}"));
        }
        self.light("dark");
        self.picture(&format!("{name}-1440-dark"));
        self.light("light");
    }

    /// Sets the width of the page in CSS pixels.
    pub fn widen(&self, width: u32) {
        let size =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.driver
            .devtools("Emulation.setDeviceMetricsOverride", size);
    }

    /// Whether errors, refused loads or broken policies were reported since the last look.
    ///
    /// # Panics
    /// With them.
    pub fn console_is_silent(&self) {
        let told = self.driver.wait(self.driver.session().browser_log());
        let told = told.unwrap_or_else(|why| panic!("the console: {why}"));
        let bad = told.iter().filter(|entry| entry.level == "SEVERE");
        let bad: Vec<_> = bad.map(|entry| entry.message.as_str()).collect();
        assert!(bad.is_empty(), "{}: {}", self.url(), bad.join("\n"));
    }

    /// Takes what was reported as expected.
    pub fn forget_console(&self) {
        let _ = self.driver.wait(self.driver.session().browser_log());
    }

    fn fits(&self, width: u32) {
        let widest = "return [...document.querySelectorAll('body, body *')]
            .map(found => [found.getBoundingClientRect().right, found.outerHTML.slice(0, 120)])
            .sort(([one], [other]) => other - one)[0]";
        let page = self.script("return document.documentElement.scrollWidth");
        let page = page.as_u64().expect("a width");
        assert!(
            page <= u64::from(width),
            "{} is {page} px wide on a screen of {width}: {}",
            self.url(),
            self.script(widest)
        );
    }

    fn picture(&self, name: &str) {
        let size = &self.driver.devtools("Page.getLayoutMetrics", json!({}))["cssContentSize"];
        let length = |side: &str| size[side].as_f64().expect("a length");
        let clip = json!({ "x": 0, "y": 0, "width": length("width"), "height": length("height").min(HIGHEST), "scale": 1 });
        let how = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let taken = self.driver.devtools("Page.captureScreenshot", how);
        let taken = taken["data"]
            .as_str()
            .map(|data| BASE64_STANDARD.decode(data));
        let Some(Ok(png)) = taken else {
            panic!("no picture of {name}");
        };
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("screenshots");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(format!("{name}.png")), png).expect("a picture");
    }
}

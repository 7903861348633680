//! Chromium and chromedriver, one of each for one person.

use serde_json::{Value, json};
use std::{
    fs::{self, File},
    future::Future,
    io::ErrorKind,
    path::PathBuf,
    process::{Child, Command, Stdio},
};
use thirtyfour::{
    WebDriver, WebElement, common::command::FormatRequestData, error::WebDriverResult,
};
use tokio::runtime::Runtime;

use crate::{
    http::Wire,
    site::{Place, end},
    waiting::{FOR_A_START, eventually},
};

/// A session of WebDriver whose commands block; it ends with its processes when dropped.
#[derive(Debug)]
pub(crate) struct Driver {
    chromedriver: Child,
    runtime: Runtime,
    /// Always there, until the end takes it.
    session: Option<WebDriver>,
    place: Place,
}

/// A chromedriver, and its port. It takes a free one for IPv6 and wants the same for IPv4, which somebody may have taken meanwhile: then it ends, and another one is asked.
fn listening(place: &Place) -> (Child, u16) {
    const TRIES: usize = 5;
    let log = place.path("chromedriver.log");
    for left in (0..TRIES).rev() {
        let mut chromedriver = chromedriver(place);
        let port = eventually(FOR_A_START, || {
            let said = fs::read_to_string(&log).unwrap_or_default();
            match port_in(&said) {
                Some(port) => Ok(Some(port)),
                None if said.contains("Exiting") => Ok(None),
                None => Err(said),
            }
        });
        match port {
            Ok(Some(port)) => return (chromedriver, port),
            Ok(None) if left > 0 => end(&mut chromedriver),
            other => {
                end(&mut chromedriver);
                panic!("chromedriver did not start: {other:?}")
            }
        }
    }
    unreachable!("the last try returns or panics")
}

/// Chromium may know nobody but this machine.
const ONLY_LOOPBACK: &str =
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost";

impl Driver {
    pub(crate) fn start() -> Driver {
        let place = Place::new("chromium");
        let (mut chromedriver, port) = listening(&place);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let profile = place.path("profile");
        let capabilities = capabilities(&profile.to_string_lossy());
        let session = WebDriver::builder(format!("http://127.0.0.1:{port}"), capabilities)
            .client(Wire::new())
            .connect();
        let session = runtime.block_on(session).unwrap_or_else(|why| {
            end(&mut chromedriver);
            panic!("Chromium did not start: {why}")
        });
        Driver {
            chromedriver,
            runtime,
            session: Some(session),
            place,
        }
    }

    /// Where files go that are taken along.
    pub(crate) fn downloads(&self) -> PathBuf {
        self.place.path("downloads")
    }

    pub(crate) fn session(&self) -> &WebDriver {
        self.session.as_ref().expect("it is taken at the end only")
    }

    /// Waits for a command's answer.
    pub(crate) fn wait<T>(
        &self,
        command: impl Future<Output = WebDriverResult<T>>,
    ) -> Result<T, String> {
        self.runtime
            .block_on(command)
            .map_err(|why| why.to_string())
    }

    /// A command that thirtyfour has no name for.
    pub(crate) fn command(&self, command: impl FormatRequestData) -> Result<Value, String> {
        let answer = self.wait(self.session().cmd(command))?;
        answer.value().map_err(|why| why.to_string())
    }

    /// A command of the Chrome DevTools Protocol.
    ///
    /// # Panics
    /// Where Chromium refuses it: they are ours, and no page's.
    pub(crate) fn devtools(&self, command: &str, parameters: Value) -> Value {
        let answer = self.wait(self.session().cdp().send_raw(command, parameters));
        answer.unwrap_or_else(|why| panic!("{command}: {why}"))
    }

    /// What a script returns, for looking at the page; it works where the page's own scripts are off.
    pub(crate) fn script(&self, script: &str, arguments: Vec<Value>) -> Result<Value, String> {
        let returned = self.wait(self.session().execute(script, arguments))?;
        Ok(returned.json().clone())
    }

    /// As `script`, for elements.
    pub(crate) fn elements(
        &self,
        script: &str,
        arguments: Vec<Value>,
    ) -> Result<Vec<WebElement>, String> {
        let returned = self.wait(self.session().execute(script, arguments))?;
        returned.elements().map_err(|why| why.to_string())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Chromedriver ends Chromium; killed at once it would leave it behind.
        if let Some(session) = self.session.take() {
            let _ = self.runtime.block_on(session.quit());
        }
        end(&mut self.chromedriver);
    }
}

fn chromedriver(place: &Place) -> Child {
    let said = File::create(place.path("chromedriver.log")).expect("a log");
    let started = Command::new("chromedriver")
        .arg("--port=0")
        .stdin(Stdio::null())
        .stderr(said.try_clone().expect("a handle"))
        .stdout(said)
        .spawn();
    started.unwrap_or_else(|why| match why.kind() {
        ErrorKind::NotFound => panic!(
            "chromedriver is missing: apt-get install --no-install-recommends chromium chromium-driver"
        ),
        _ => panic!("chromedriver: {why}"),
    })
}

/// "ChromeDriver was started successfully on port 41763."
fn port_in(said: &str) -> Option<u16> {
    let (_, after) = said.split_once("started successfully on port ")?;
    after.split_once('.')?.0.parse().ok()
}

fn capabilities(profile: &str) -> thirtyfour::Capabilities {
    let arguments = [
        "--headless=new",
        // In a container there is no user namespace for it, and no page here is a stranger's.
        "--no-sandbox",
        // Containers have 64 MB of shared memory.
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        "--lang=en-GB",
        ONLY_LOOPBACK,
        "--window-size=1440,900",
        &format!("--user-data-dir={profile}"),
    ];
    let capabilities = json!({
        "browserName": "chrome",
        "goog:chromeOptions": { "args": arguments },
        "goog:loggingPrefs": { "browser": "ALL" },
    });
    let members = capabilities.as_object().cloned().unwrap_or_default();
    thirtyfour::Capabilities::from(members)
}

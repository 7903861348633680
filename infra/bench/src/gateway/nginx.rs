//! nginx as an API gateway: a map of keys, limit_req, a proxy.

use anyhow::{Context, ensure};
use std::{
    fs,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::system::{empty_folder, end};
use crate::machine::root;

/// Ends when dropped.
#[derive(Debug)]
pub(crate) struct Nginx {
    child: Child,
    port: u16,
    pub(crate) version: String,
}

const START: Duration = Duration::from_secs(10);

impl Nginx {
    /// In front of `upstream`; `rate` and `burst` of each key as limit_req takes them. `None`: it isn't installed.
    pub(crate) fn start(
        upstream: u16,
        keys: &[String],
        rate: &str,
        burst: u32,
    ) -> anyhow::Result<Option<Nginx>> {
        let Ok(version) = Command::new("nginx").arg("-v").output() else {
            return Ok(None);
        };
        // nginx version: nginx/1.22.1
        let version = String::from_utf8_lossy(&version.stderr);
        let version = version
            .trim()
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned();
        let folder = empty_folder("nginx")?;
        let port = free_port()?;
        let lines = keys
            .iter()
            .enumerate()
            .map(|(number, key)| format!("        \"Bearer {key}\" client-{number};\n"));
        let template = fs::read_to_string(root().join("infra/bench/peers/nginx/nginx.conf"))?;
        let configuration = [
            ("{folder}", folder.display().to_string()),
            ("{keys}", lines.collect()),
            ("{rate}", rate.to_owned()),
            ("{burst}", burst.to_string()),
            ("{upstream}", upstream.to_string()),
            ("{port}", port.to_string()),
        ]
        .iter()
        .fold(template, |text, (name, value)| text.replace(name, value));
        let file = folder.join("nginx.conf");
        fs::write(&file, configuration)?;
        let child = Command::new("nginx")
            .arg("-p")
            .arg(&folder)
            .arg("-c")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("errors"))?)
            .spawn()?;
        let mut nginx = Nginx {
            child,
            port,
            version,
        };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = nginx.child.try_wait()?;
            ensure!(
                ended.is_none() && begun.elapsed() < START,
                "nginx does not start: {}",
                fs::read_to_string(folder.join("errors"))?
            );
            thread::sleep(Duration::from_millis(20));
        }
        Ok(Some(nginx))
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its workers end only when it is asked to.
        let stop = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        match stop {
            Ok(_) => drop(self.child.wait()),
            Err(_) => end(&mut self.child),
        }
    }
}

/// Free a moment ago: for programs that can't be told to take any.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no port")?;
    Ok(listener.local_addr()?.port())
}

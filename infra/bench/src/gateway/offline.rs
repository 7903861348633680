//! serverless-offline with the peers' Node authorizer, on the same embedded store.

use anyhow::{Context, ensure};
use embedded::{Engine, Place};
use local::{DynamoDb, Listener};
use std::{
    path::Path,
    process::{Child, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant, UNIX_EPOCH},
};
use tokio::runtime::Runtime;

use super::{
    SHORT, WARM_UP,
    nginx::free_port,
    system::{empty_folder, end},
};
use crate::{
    load::{Connection, Target, closed},
    peers::{Peers, store},
};

pub(super) struct Offline {
    pub(super) rate: f64,
    /// In milliseconds.
    pub(super) p50: f64,
    pub(super) mode: &'static str,
    pub(super) version: String,
}

const START: Duration = Duration::from_secs(180);
const ACCESS_KEY_ID: &str = "PEER";

/// The faster of its two run modes; `None` where it isn't installed.
pub(super) fn measure(peers: &Peers) -> anyhow::Result<Option<Offline>> {
    let Some(folder) = peers.folder("offline") else {
        return Ok(None);
    };
    let runtime = Runtime::new()?;
    let store = empty_folder("offline")?.join("dynamodb.sqlite");
    // No clock is asked by reads.
    let engine = Engine::open(Place::File(store), Arc::new(|| UNIX_EPOCH))?;
    store::seed(&engine)?;
    let endpoint = runtime.block_on(Listener::bind(0))?;
    let url = endpoint.url();
    let database = Arc::new(DynamoDb::new(engine, ACCESS_KEY_ID.to_owned()));
    runtime.spawn(endpoint.serve(
        move |request| std::future::ready(database.handle(&request)),
        std::future::pending(),
    ));
    let mut best: Option<Offline> = None;
    for (mode, flag) in [
        ("in one process", Some("--useInProcess")),
        ("in worker threads", None),
    ] {
        let running = Running::start(peers, folder, &url, flag)?;
        let bearers = [store::KEY.to_owned()];
        let target = Target::get(&running.url, "/jobs", &bearers)?;
        closed(&target, 8, WARM_UP)?.all_accepted()?;
        let rate = closed(&target, 32, SHORT)?.all_accepted()?.rate();
        let p50 = closed(&target, 1, SHORT)?.all_accepted()?.quantile(0.5)?;
        if best.as_ref().is_none_or(|best| best.rate < rate) {
            let version = peers.version("offline", "serverless-offline")?;
            best = Some(Offline {
                rate,
                p50,
                mode,
                version,
            });
        }
    }
    Ok(best)
}

struct Running {
    child: Child,
    url: String,
}

impl Running {
    fn start(
        peers: &Peers,
        folder: &Path,
        dynamodb: &str,
        flag: Option<&str>,
    ) -> anyhow::Result<Running> {
        let port = free_port()?;
        let mut node = peers.node().context("Node is not installed")?;
        node.current_dir(folder)
            .args(["node_modules/serverless/bin/serverless.js", "offline"])
            .args(["--host", "127.0.0.1", "--httpPort", &port.to_string()])
            .args(["--lambdaPort", &free_port()?.to_string()])
            .args(["--noPrependStageInUrl", "--noSponsor", "--localEnvironment"])
            .args(flag)
            .env("PEER_TABLE", store::TABLE)
            .env("AWS_ENDPOINT_URL_DYNAMODB", dynamodb)
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", "unchecked")
            .env("AWS_REGION", "us-east-1")
            .env("SLS_TELEMETRY_DISABLED", "1")
            .env("SLS_NOTIFICATIONS_MODE", "off")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut running = Running {
            child: node.spawn()?,
            url: format!("http://127.0.0.1:{port}"),
        };
        let begun = Instant::now();
        while Connection::open(([127, 0, 0, 1], port).into()).is_err() {
            let ended = running.child.try_wait()?;
            ensure!(
                ended.is_none() && begun.elapsed() < START,
                "serverless-offline does not start"
            );
            thread::sleep(Duration::from_millis(100));
        }
        Ok(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

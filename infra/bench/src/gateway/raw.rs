//! The ceiling of everything on the embedded store: the one write that counts a request, straight into the engine.

use anyhow::Context;
use api::Clock;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use embedded::{Engine, Fault, Place, Weather};
use local::{DataDir, HttpRequest, System, seed};
use model::Plan;
use routes::{Role, ScopeSet};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, UNIX_EPOCH},
};

use super::system::empty_folder;
use crate::world::{MOST, OWNER};

const TARGET: &str = "DynamoDB_20120810.UpdateItem";

/// A durable store with a key's row, and the write that the authorizer was seen to make on it.
#[derive(Debug)]
pub(super) struct Raw {
    engine: Engine,
    update: Value,
}

impl Raw {
    pub(super) fn prepare() -> anyhow::Result<Raw> {
        let folder = empty_folder("raw")?;
        let update = tokio::runtime::Runtime::new()?.block_on(async {
            let system = System::builder().data_dir(DataDir::open(&folder)?);
            let system = system.start().await?;
            let owner = [(OWNER, Role::Owner)];
            let company =
                seed::company(&system, "Raw", Plan::Enterprise, Some(MOST), &owner).await?;
            let fields = json!({ "name": "Raw", "scopes": ScopeSet::all() });
            let key = seed::key(&system, company, OWNER, &fields).await?;
            let update = watched(&system, &key.plaintext).await?;
            system.settle().await?;
            anyhow::Ok(update)
        })?;
        // A stopped clock: the time is in the write.
        let now = Arc::new(|| UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        Ok(Raw {
            engine: Engine::open(Place::File(folder.join("dynamodb.sqlite")), now)?,
            update,
        })
    }

    /// Writes a second, one after the other.
    pub(super) fn rate(&self, time: Duration) -> anyhow::Result<f64> {
        let mut update = self.update.clone();
        let start = Instant::now();
        let mut count: u32 = 0;
        while start.elapsed() < time {
            count += 1;
            // One that stands on the row already is refused, as a write that was sent twice.
            let mut nonce = [0; 16];
            nonce[..4].copy_from_slice(&count.to_be_bytes());
            update["ExpressionAttributeValues"][":nonce"]["B"] =
                BASE64_STANDARD.encode(nonce).into();
            let (status, body) = self.engine.dispatch(TARGET, update.to_string().as_bytes());
            anyhow::ensure!(status == 200, "{}", String::from_utf8_lossy(&body));
        }
        Ok(f64::from(count) / start.elapsed().as_secs_f64())
    }
}

/// What the authorizer writes for one request.
async fn watched(system: &System, key: &str) -> anyhow::Result<Value> {
    let seen = Arc::new(Mutex::new(None));
    let writes = Arc::clone(&seen);
    let table = system.app().table.names().keys.clone();
    let weather = Weather::script(move |call| {
        let body = call.json();
        if call.operation == "UpdateItem" && body["TableName"] == table.as_str() {
            *writes.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
        Fault::None
    });
    let app = system.another_app(Clock::system(), &weather);
    let gateway = system.another_gateway(app)?;
    let answer = gateway
        .call(HttpRequest::new("GET", "/jobs").bearer(key))
        .await;
    anyhow::ensure!(answer.status == 200, "GET /jobs: {}", answer.status);
    let update = seen.lock().unwrap_or_else(PoisonError::into_inner).take();
    let mut update: Value = update.context("the request was not counted")?;
    let values = update["ExpressionAttributeValues"].as_object_mut();
    for (name, value) in values.context("no values")? {
        // The windows' limits: they are never over, so they must never be full.
        if name
            .strip_prefix(":l")
            .is_some_and(|number| number.parse::<u8>().is_ok())
        {
            *value = json!({ "N": "1000000000000" });
        }
    }
    Ok(update)
}

//! Checkpoints on this machine: hourly, and whenever `POST /dev/checkpoints` asks.

use serde_json::json;
use std::{sync::Arc, time::Duration};

use crate::{
    message::{HttpRequest, HttpResponse},
    system::System,
};

/// The template's is the same.
const INTERVAL: Duration = Duration::from_secs(60 * 60);

pub(crate) async fn every_hour(system: Arc<System>) {
    let mut interval = tokio::time::interval(INTERVAL);
    loop {
        interval.tick().await;
        if let Err(error) = system.checkpoint().await {
            tracing::warn!(%error, "no checkpoint");
        }
    }
}

/// `None` where the request is for something else.
pub(crate) async fn handle(system: &System, request: &HttpRequest) -> Option<HttpResponse> {
    if (request.method.as_str(), request.path.as_str()) != ("POST", "/dev/checkpoints") {
        return None;
    }
    let (status, answer) = match system.checkpoint().await {
        Ok(counter) => (201, json!({ "counter": counter })),
        Err(error) => (503, json!({ "message": format!("{error:#}") })),
    };
    let response = HttpResponse::new(status, "application/json", answer.to_string());
    Some(response.with("cache-control", "no-store"))
}

//! The EventBridge bus: `POST /dev/events` takes the event that the interview engine would put there, and what no function took is kept to be looked at.

use api::BusEvent;
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    functions::Functions,
    message::{HttpRequest, HttpResponse},
};

/// The one rule of the template, its function and its failure destination.
#[derive(Debug, Clone)]
pub struct Bus {
    functions: Functions,
    failures: Arc<Mutex<VecDeque<Failure>>>,
}

/// An event that was not taken, and why.
#[derive(Debug, Clone)]
pub struct Failure {
    pub event: Value,
    pub reason: String,
}

/// What the product itself has put on the bus, for whoever listens there.
#[derive(Debug, Clone, Default)]
pub struct Published(Arc<Mutex<VecDeque<BusEvent>>>);

impl Published {
    pub(crate) fn bus(&self) -> api::Bus {
        let published = self.clone();
        api::Bus(Arc::new(move |event| {
            let mut events = published.0.lock().unwrap_or_else(PoisonError::into_inner);
            events.push_back(event);
            if events.len() > KEPT {
                events.pop_front();
            }
            Box::pin(std::future::ready(Ok(())))
        }))
    }

    /// The latest, oldest first, as EventBridge has them.
    pub fn events(&self) -> Vec<Value> {
        let events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let events = events.iter();
        let shown = events.map(|event| {
            json!({ "source": event.source, "detail-type": event.detail_type, "detail": event.detail })
        });
        shown.collect()
    }

    /// `None` where the request is for something else.
    pub(crate) fn handle(&self, request: &HttpRequest) -> Option<HttpResponse> {
        let asked = (request.method.as_str(), request.path.as_str());
        (asked == ("GET", "/dev/events")).then(|| {
            let events = json!({ "events": self.events() }).to_string();
            HttpResponse::new(200, "application/json", events).with("cache-control", "no-store")
        })
    }
}

/// Older ones are forgotten.
const KEPT: usize = 100;
/// An EventBridge entry.
const MAX_BYTES: usize = 256 * 1024;

impl Bus {
    pub(crate) fn new(functions: Functions) -> Bus {
        Bus {
            functions,
            failures: Arc::default(),
        }
    }

    /// Delivers an event and waits for what becomes of it; the bus itself would not.
    pub async fn put(&self, event: Value) -> Result<(), String> {
        // The rule's pattern: the bus gives the function nothing else.
        if event["source"] != interview_events::SOURCE
            || event["detail-type"] != interview_events::DETAIL_TYPE
        {
            return Err("no rule matches the event".to_owned());
        }
        let delivered = self.functions.report(event.clone()).await;
        delivered.map_err(|failed| {
            let reason = failed.to_string();
            let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
            failures.push_back(Failure {
                event,
                reason: reason.clone(),
            });
            if failures.len() > KEPT {
                failures.pop_front();
            }
            reason
        })
    }

    /// The latest, oldest first.
    pub fn failures(&self) -> Vec<Failure> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.iter().cloned().collect()
    }

    /// `None` where the request is for neither route.
    pub(crate) async fn handle(&self, request: &HttpRequest) -> Option<HttpResponse> {
        let json = |status, body: Value| {
            HttpResponse::new(status, "application/json", body.to_string())
                .with("cache-control", "no-store")
        };
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/dev/events") if request.body.len() > MAX_BYTES => {
                Some(json(413, json!({ "failed": "larger than 256 KB" })))
            }
            ("POST", "/dev/events") => {
                let Ok(event) = serde_json::from_slice(&request.body) else {
                    return Some(json(400, json!({ "failed": "not JSON" })));
                };
                Some(match self.put(event).await {
                    Ok(()) => json(200, json!({ "failed": null })),
                    Err(reason) => json(422, json!({ "failed": reason })),
                })
            }
            ("GET", "/dev/events/failures") => {
                let failures = self.failures().into_iter();
                let failures: Vec<_> = failures
                    .map(|failure| json!({ "event": failure.event, "reason": failure.reason }))
                    .collect();
                Some(json(200, json!({ "failures": failures })))
            }
            _ => None,
        }
    }
}

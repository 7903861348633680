//! The decision alone, in process: Better Auth's and Cedar's beside `authorizer.decision`.

use anyhow::Context;
use serde_json::Value;
use std::process::Command;

use super::Peers;
use crate::{figure::Rival, machine::said, part::Part};

const FIGURE: &str = "authorizer.decision";

pub(super) fn measure(peers: &Peers, part: &mut Part) -> anyhow::Result<()> {
    match peers.script("better-auth", "decision.mjs")? {
        Some(measured) => {
            let calls = measured["calls"].as_array().context("no calls")?;
            let names: Vec<_> = calls.iter().filter_map(Value::as_str).collect();
            let version = peers.version("better-auth", "@better-auth/api-key")?;
            let name = "Better Auth api-key";
            part.rivals.extend([
                Rival::new(FIGURE, name, microseconds(&measured)?)
                    .version(&version)
                    .note("verifyApiKey on its own memory adapter: key, scope and rate limit; it has no allowlist."),
                Rival::new("authorizer.calls.accepted", name, names.len() as f64)
                    .version(&version)
                    .note(format!("its adapter's calls, one after the other: {}.", names.join(", "))),
            ]);
        }
        None => part.skip_peer("Better Auth"),
    }
    match peers.folder("cedar") {
        Some(folder) => {
            let text = said(&mut Command::new(folder.join("peer-cedar")))?;
            let measured: Value = serde_json::from_str(&text)?;
            let version = measured["version"].as_str().context("no version")?;
            part.rivals.push(
                Rival::new(FIGURE, "cedar-policy", microseconds(&measured)?)
                    .version(version)
                    .note("state, expiry, scope and two networks of one key: no secret and no limits, of which it knows nothing."),
            );
        }
        None => part.skip_peer("cedar-policy"),
    }
    Ok(())
}

fn microseconds(measured: &Value) -> anyhow::Result<f64> {
    let nanoseconds = measured["p50Nanoseconds"].as_f64().context("no time")?;
    Ok(nanoseconds / 1_000.0)
}

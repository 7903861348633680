//! How many requests pass a limit when many ask at once.

use anyhow::{Context, bail};
use api::Clock;
use std::{thread, time::Duration};

use super::Peers;
use crate::{
    figure::{Figure, Limit, Rival},
    gateway::{Floor, Local, Nginx},
    load::{Target, closed},
    part::Part,
};

const LIMIT: usize = 50;
const CALLERS: usize = 64;
const TIME: Duration = Duration::from_secs(5);

/// Measures the part `admission`.
pub fn admission() -> anyhow::Result<Part> {
    let mut part = Part::new("admission")?;
    let peers = Peers::installed()?;
    let (accepted, asked) = ours()?;
    let over = |accepted: usize| accepted as f64 - LIMIT as f64;
    part.figures.push(
        Figure::new(
            "admission.over",
            "requests over a limit of 50, 64 callers at once",
            "",
            over(accepted),
        )
        .reference("Tyk 40-45 of 50")
        .target("0", Limit::Exactly(0.0))
        .note(format!(
            "{accepted} of {asked} passed; 50 an hour, the local system over a socket for {} s.",
            TIME.as_secs()
        )),
    );
    match nginx()? {
        Some((version, accepted, asked)) => part.rivals.push(
            Rival::new("admission.over", "nginx", over(accepted)).version(&version).note(format!(
                "{accepted} of {asked} passed in {} s under limit_req rate=50r/m burst=49 nodelay. A bucket that is refilled all the time is no window: what it lets through over 50 is its way and no race.",
                TIME.as_secs()
            )),
        ),
        None => part.skip_peer("nginx"),
    }
    match peers.script("better-auth", "admission.mjs")? {
        Some(measured) => {
            let version = peers.version("better-auth", "@better-auth/api-key")?;
            for (name, storage, how) in [
                ("Better Auth api-key", "database", "its own memory adapter"),
                (
                    "Better Auth api-key, secondary storage",
                    "secondaryStorage",
                    "a storage of this harness without atomic increments, each call a turn of the event loop later, as over a network",
                ),
            ] {
                let accepted = measured[storage].as_u64().context("no count")?;
                part.rivals.push(
                    Rival::new("admission.over", name, over(accepted as usize))
                        .version(&version)
                        .note(format!(
                            "{accepted} of {} passed, in one process; {how}.",
                            measured["asked"]
                        )),
                );
            }
        }
        None => part.skip_peer("Better Auth"),
    }
    Ok(part)
}

/// How many passed, and how many there were.
fn ours() -> anyhow::Result<(usize, usize)> {
    const TRIES: usize = 3;
    let hour = || Clock::system().now().seconds() / 3_600;
    for _ in 0..TRIES {
        let local = Local::start("admission", &format!("{LIMIT}/{LIMIT}"))?;
        let keys = local.keys(1, &["read:jobs"])?;
        let target = Target::get(&local.facts.api_url, "/jobs?limit=1", &keys)?;
        let before = hour();
        let outcome = closed(&target, CALLERS, TIME)?;
        // In two hours it is twice as many.
        if hour() == before {
            return Ok((outcome.accepted(), outcome.accepted() + outcome.refused));
        }
    }
    bail!("every try met the end of an hour")
}

fn nginx() -> anyhow::Result<Option<(String, usize, usize)>> {
    let bare = Floor::start()?;
    let key = ["key-0".to_owned()];
    let burst = LIMIT as u32 - 1;
    let Some(nginx) = Nginx::start(bare.port(), &key, &format!("{LIMIT}r/m"), burst)? else {
        return Ok(None);
    };
    thread::sleep(Duration::from_millis(100));
    let outcome = closed(&Target::get(&nginx.url(), "/jobs", &key)?, CALLERS, TIME)?;
    let asked = outcome.accepted() + outcome.refused;
    Ok(Some((nginx.version.clone(), outcome.accepted(), asked)))
}

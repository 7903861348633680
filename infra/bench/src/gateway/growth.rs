//! Whether the hundred-thousandth request is served as the thousandth was.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{CALM, Compared, KEYS, Local};
use crate::{
    figure::{Figure, Limit},
    load::{Target, closed, in_turn},
    machine::say,
    part::Part,
    report::number,
};

const EARLY: usize = 1_000;
const LATE: usize = 100_000;
/// Requests of a round, one after the other, of which the median counts.
const COMPARED: u32 = 200;
/// So many before, and half of the rounds is over at the request that is meant.
const HALF: usize = COMPARED as usize * Compared::ROUNDS / 2;
/// What a run may take, on a machine that is slow.
const MOST: Duration = Duration::from_secs(400);

/// Measures the part `growth`.
pub fn growth() -> anyhow::Result<Part> {
    let mut part = Part::new("growth")?;
    let (_young, early) = start("growth-young")?;
    let (_old, late) = start("growth-old")?;
    in_turn(&early, (EARLY - HALF) as u32)?.all_accepted()?;
    let enough = LATE - HALF;
    let (begun, mut made) = (Instant::now(), 0);
    while made < enough && begun.elapsed() < MOST {
        made += closed(&late, 32, Duration::from_secs(5))?.accepted();
        say(format!("{made} requests"));
    }
    // What the consumer has left of the requests before would be measured along.
    thread::sleep(CALM);
    let compared = Compared::measure(&early, &late, COMPARED)?;
    let reached = if made >= enough { LATE } else { made };
    let what = format!(
        "local gateway: request number {} against number {}, p50",
        number(reached as f64, ""),
        number(EARLY as f64, "")
    );
    let mut figure = Figure::new("gateway.growth", &what, "×", compared.ratio);
    if made >= enough {
        figure = figure.target("≤ 1.2×", Limit::AtMost(1.2));
    } else {
        let what = format!("local gateway: request number {}", number(LATE as f64, ""));
        part.skip(what, format!("{made} requests took {MOST:?}"));
    }
    part.figures.push(
        figure
        .reference("dynoxide-rs with streams on: 0.7 → 10.6 ms after 12,000 stream records")
        .note(format!(
            "{:.2} ms against {:.2} ms, {} rounds of {COMPARED} requests one after the other, in turn, on two data directories; {made} requests made before on the one.",
            compared.second, compared.first, Compared::ROUNDS
        )),
    );
    Ok(part)
}

fn start(name: &str) -> anyhow::Result<(Local, Target)> {
    let local = Local::start(name, "30000/10000000")?;
    let keys = local.keys(KEYS, &["read:jobs"])?;
    let target = Target::get(&local.facts.api_url, &local.a_job()?, &keys)?;
    Ok((local, target))
}

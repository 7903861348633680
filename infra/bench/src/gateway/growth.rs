//! Whether the hundred-thousandth request is served as the thousandth was.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{KEYS, Local};
use crate::{
    figure::{Figure, Limit},
    load::{Target, closed, in_turn},
    machine::say,
    part::Part,
    report::number,
};

const EARLY: usize = 1_000;
const LATE: usize = 100_000;
/// Requests around each, one after the other, of which the median counts.
const COMPARED: u32 = 1_000;
/// What a run may take, on a machine that is slow.
const MOST: Duration = Duration::from_secs(400);

/// Measures the part `growth`.
pub fn growth() -> anyhow::Result<Part> {
    let mut part = Part::new("growth")?;
    let local = Local::start("growth", "30000/10000000")?;
    let keys = local.keys(KEYS, &["read:jobs"])?;
    let target = Target::get(&local.facts.api_url, &local.a_job()?, &keys)?;
    let begun = Instant::now();
    let mut made = in_turn(&target, EARLY as u32 / 2)?
        .all_accepted()?
        .accepted();
    // What the consumer has left of the requests before would be measured along.
    let early = calm(&target)?;
    made += COMPARED as usize;
    let enough = LATE - COMPARED as usize / 2;
    while made < enough && begun.elapsed() < MOST {
        made += closed(&target, 32, Duration::from_secs(5))?.accepted();
        say(format!("{made} requests"));
    }
    let late = calm(&target)?;
    let reached = if made >= enough { LATE } else { made };
    let what = format!(
        "local gateway: request number {} against number {}, p50",
        number(reached as f64, ""),
        number(EARLY as f64, "")
    );
    let mut figure = Figure::new("gateway.growth", &what, "×", late / early);
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
            "{late:.2} ms against {early:.2} ms, medians of {COMPARED} requests one after the other on one data directory, {made} requests made before."
        )),
    );
    Ok(part)
}

fn calm(target: &Target) -> anyhow::Result<f64> {
    thread::sleep(Duration::from_secs(10));
    in_turn(target, 50)?.all_accepted()?;
    in_turn(target, COMPARED)?.all_accepted()?.quantile(0.5)
}

//! What the long tests print: the audit consumer's and `verify`'s speed, the consumer's capacity, and what passes after a change.

use anyhow::{Context, ensure};

use crate::{
    figure::{Figure, Limit},
    machine::target_dir,
    part::Part,
    product::cargo,
};

/// Measures the part `trail`.
pub fn trail() -> anyhow::Result<Part> {
    let mut part = Part::new("trail")?;
    let (text, _) = printed(&["events_a_second", "a_lone_event_costs"])?;
    // The rest of the line.
    let told = |before: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(before));
        let (_, rest) = lines
            .next()
            .with_context(|| format!("no test has printed «{before}»: {text}"))?;
        anyhow::Ok(rest)
    };
    let capacity = |text: &str| {
        let (chain, usage) = text.split_once(" WRU, and ").context("no two numbers")?;
        anyhow::Ok((first(chain)?, first(usage)?))
    };
    let (lone, lone_usage) = capacity(told("a lone event: ")?)?;
    let (hundred, hundred_usage) = capacity(told("a hundred of one key: ")?)?;
    let (of_ten, of_ten_usage) = capacity(told("a hundred of ten keys: ")?)?;
    part.figures.extend([
        Figure::new(
            "trail.consumed",
            "audit consumer: appended and folded, one core",
            "events/s",
            first(told("consumed: ")?)?,
        )
        .higher_is_better()
        .reference("Tessera 2,900 entries/s")
        .target("≥ 3,000/s", Limit::AtLeast(3_000.0))
        .note("by the time of a core that one thread had, on embedded tables that sync nothing to disk"),
        Figure::new(
            "trail.verified",
            "verify: events checked offline, one core",
            "events/s",
            first(told("verify: ")?)?,
        )
        .higher_is_better()
        .target("≥ 200,000/s", Limit::AtLeast(200_000.0)),
        Figure::new(
            "trail.write_units.lone",
            "audit consumer: capacity of a lone event in its chain",
            "WRU",
            lone,
        )
        .target("≤ 6 WRU", Limit::AtMost(6.0))
        .note(format!(
            "and {lone_usage} WRU to add it to its key's hour and day, which are usage and no trail"
        )),
        Figure::new(
            "trail.write_units.hundred",
            "audit consumer: capacity in the chain of each of 100 events of an owner in a batch",
            "WRU",
            of_ten.max(hundred) / 100.0,
        )
        .target("≤ 0.4 WRU", Limit::AtMost(0.4))
        .note(format!(
            "and for usage {} WRU each where they are of one key, {} where they are of ten",
            hundred_usage / 100.0,
            of_ten_usage / 100.0
        )),
    ]);
    Ok(part)
}

/// The number that a text begins with.
fn first(text: &str) -> anyhow::Result<f64> {
    let number = text.split(' ').next().unwrap_or_default();
    number.parse().with_context(|| text.to_owned())
}

/// Measures the part `changes`.
pub fn changes() -> anyhow::Result<Part> {
    const LINE: &str = " accepted afterwards, ";
    let mut part = Part::new("changes")?;
    let (text, passed) = printed(&["authorization::changes::"])?;
    // Suspension, revocation, a scope, an address, expiry, membership: each 100,000 requests, less those before it.
    const KINDS: usize = 6;
    const LEAST: u64 = 98_000;
    let (mut late, mut asked) = (0, 0);
    let mut told = Vec::new();
    for line in text.lines() {
        // suspension: 0 of 99,000 accepted afterwards, 32 processes; …
        let Some((counts, rest)) = line.split_once(LINE) else {
            continue;
        };
        let (what, counts) = counts.split_once(": ").context("no kind of change")?;
        let (accepted, of) = counts.split_once(" of ").context("no counts")?;
        let of: u64 = of.parse()?;
        late += accepted.parse::<u64>()?;
        asked += of;
        let (processes, _) = rest.split_once(';').unwrap_or_default();
        ensure!(of >= LEAST && processes == "32 processes", "{line}");
        // A test that passed has left its dot.
        let what = what.trim_start_matches('.');
        told.push(format!("{what} {counts}, {processes}"));
    }
    ensure!(told.len() == KINDS, "{} kinds of change", told.len());
    // What the figure doesn't show is no result.
    ensure!(passed || late > 0, "{text}");
    part.figures.push(
        Figure::new(
            "changes.accepted",
            &format!("requests accepted after a change was acknowledged, of {asked}"),
            "",
            late as f64,
        )
        .reference("API Gateway cache 300 s, Unkey up to 10 min, Zuplo 60 s")
        .target("0 of 10⁵ over 32 processes", Limit::Exactly(0.0))
        .note(format!(
            "each an authorizer or a gateway with a memory of its own, in one program on one embedded store with rare faults: {}",
            told.join("; ")
        )),
    );
    Ok(part)
}

/// What the long tests of these names print, and whether they passed: most demand their own target.
fn printed(tests: &[&str]) -> anyhow::Result<(String, bool)> {
    let output = cargo()
        .env("CARGO_TARGET_DIR", target_dir()?)
        .args(["test", "--quiet", "--release", "--locked", "--no-fail-fast"])
        .args(["-p", "tests", "-p", "trail"])
        .args(["--features", "tests/long,trail/long"])
        .args(["--test", "long", "--test", "trail"])
        .args(["--", "--nocapture", "--test-threads=1"])
        .args(tests)
        .output()
        .context("cargo can't be run")?;
    let text = String::from_utf8(output.stdout)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(text.contains("test result: "), "nothing was run: {errors}");
    Ok((text, output.status.success()))
}

//! The audit consumer's and `verify`'s speed, as the long tests measure them.

use anyhow::Context;
use std::process::Command;

use crate::{
    figure::{Figure, Limit},
    machine::{root, said, target_dir},
    part::Part,
};

/// Measures the part `trail`.
pub fn trail() -> anyhow::Result<Part> {
    let mut part = Part::new("trail")?;
    let text = said(
        Command::new("cargo")
            .current_dir(root())
            .env("CARGO_TARGET_DIR", target_dir()?)
            .args([
                "test",
                "--quiet",
                "--release",
                "--locked",
                "-p",
                "tests",
                "-p",
                "trail",
            ])
            .args([
                "--features",
                "tests/long,trail/long",
                "--test",
                "long",
                "--test",
                "trail",
            ])
            .args(["--", "--nocapture", "--test-threads=1", "events_a_second"]),
    )?;
    for (id, what, line, target, least) in [
        (
            "trail.consumed",
            "audit consumer: appended and folded, one core",
            "consumed: ",
            "≥ 3,000/s",
            3_000.0,
        ),
        (
            "trail.verified",
            "verify: events checked offline, one core",
            "verify: ",
            "≥ 200,000/s",
            200_000.0,
        ),
    ] {
        let rate = text
            .lines()
            .find_map(|found| found.split_once(line)?.1.split_once(" events/s"))
            .with_context(|| format!("no test has printed «{line}»: {text}"))?;
        let mut figure = Figure::new(id, what, "events/s", rate.0.trim().parse()?)
            .higher_is_better()
            .target(target, Limit::AtLeast(least));
        if id == "trail.consumed" {
            figure = figure.reference("Tessera 2,900 entries/s");
        }
        part.figures.push(figure);
    }
    Ok(part)
}

//! Instructions by valgrind: exact for one binary, whatever else the machine does.

use anyhow::{Context, ensure};
use std::fs;

use crate::lambda::{Bootstrap, Environment};

/// One invocation more or less is what counts, and start and end cancel out.
const MORE: u64 = 200;

/// Of both runs together.
pub const INVOCATIONS: u64 = 1 + MORE + 1;

/// Instructions of one warm invocation: those of 201 invocations less those of one, over 200.
pub fn instructions(
    bootstrap: &Bootstrap,
    invoke: impl FnMut(&mut Environment) -> anyhow::Result<()>,
) -> anyhow::Result<f64> {
    instructions_over(bootstrap, MORE, invoke)
}

/// The same over as many as that: no two starts are the same work, by a million instructions or two, so what is little needs many.
pub fn instructions_over(
    bootstrap: &Bootstrap,
    more: u64,
    mut invoke: impl FnMut(&mut Environment) -> anyhow::Result<()>,
) -> anyhow::Result<f64> {
    let one = counted(bootstrap, 1, &mut invoke)?;
    let all = counted(bootstrap, 1 + more, &mut invoke)?;
    let rest = all.checked_sub(one).context("more calls were less work")?;
    Ok(rest as f64 / more as f64)
}

fn counted(
    bootstrap: &Bootstrap,
    invocations: u64,
    invoke: &mut impl FnMut(&mut Environment) -> anyhow::Result<()>,
) -> anyhow::Result<u64> {
    let counts = bootstrap.folder.join("callgrind.out");
    let _ = fs::remove_file(&counts);
    let mut under = bootstrap.clone();
    under.command = [
        "valgrind",
        "--quiet",
        "--tool=callgrind",
        &format!("--callgrind-out-file={}", counts.display()),
    ]
    .map(str::to_owned)
    .into_iter()
    .chain(bootstrap.command.iter().cloned())
    .collect();
    // What the C library chooses by the processor's features it would choose differently elsewhere.
    under = under.env("GLIBC_TUNABLES", PLAIN);
    under.timeout *= 60;
    let mut environment = under.start()?;
    environment.init()?;
    for _ in 0..invocations {
        invoke(&mut environment)?;
    }
    environment.stop()?;
    let text = fs::read_to_string(&counts).context("valgrind has written no counts")?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    let total = total.context("no total in callgrind's file")?.parse()?;
    ensure!(total > 0, "callgrind has counted nothing");
    Ok(total)
}

/// No AVX variants of `memcpy` and its like: valgrind knows AVX2 and no later ones, and not every processor has them.
const PLAIN: &str =
    "glibc.cpu.hwcaps=-AVX,-AVX2,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM,-Prefer_No_VZEROUPPER";

//! The programs that are measured, built as they are deployed.

use anyhow::{Context, ensure};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::machine::{root, target_dir};

/// The release binary of a function, built if need be.
pub fn function(name: &str) -> anyhow::Result<PathBuf> {
    build(&["-p", name, "--features", "lambda"])?;
    binary(name)
}

/// The release binary of the local system.
pub(crate) fn local() -> anyhow::Result<PathBuf> {
    build(&["-p", "local", "--bin", "local"])?;
    binary("local")
}

/// A floor: an example of this crate.
pub fn floor(name: &str) -> anyhow::Result<PathBuf> {
    build(&["-p", "bench", "--example", name])?;
    binary(&format!("examples/{name}"))
}

/// Cargo, as from a shell: what it tells the program that it runs, the build scripts of some crates would take for a change, and build all again.
pub(crate) fn cargo() -> Command {
    const TOLD: [&str; 7] = [
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_LINKS",
        "CARGO_PKG_NAME",
        "CARGO_PKG_VERSION_MAJOR",
        "CARGO_PKG_VERSION_MINOR",
        "CARGO_PKG_VERSION_PATCH",
        "CARGO_PKG_VERSION_PRE",
    ];
    let mut cargo = Command::new("cargo");
    for name in TOLD {
        cargo.env_remove(name);
    }
    cargo.current_dir(root());
    cargo
}

fn build(what: &[&str]) -> anyhow::Result<()> {
    let status = cargo()
        .args(["build", "--release", "--locked", "--quiet", "--target-dir"])
        .arg(target_dir()?)
        .args(what)
        .stdin(Stdio::null())
        .status()
        .context("cargo can't be run")?;
    ensure!(status.success(), "{what:?} can't be built");
    Ok(())
}

fn binary(name: &str) -> anyhow::Result<PathBuf> {
    let path = target_dir()?.join("release").join(name);
    ensure!(path.exists(), "no {}", path.display());
    Ok(path)
}

/// Size of the program in a zip: what is deployed is it, as `bootstrap`, and nothing else.
pub fn zipped(program: &Path) -> anyhow::Result<u64> {
    let output = Command::new("gzip")
        .args(["-6", "-c"])
        .arg(program)
        .output();
    let output = output.context("gzip can't be run")?;
    ensure!(output.status.success(), "gzip has failed");
    // Both formats hold the same stream; zip's two headers take some more bytes than gzip's.
    Ok(output.stdout.len() as u64 + 130)
}

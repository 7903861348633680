//! `cargo run -- reconcile`: whether counters, events and usage of a data directory agree.

use std::{path::Path, process::ExitCode};
use store::{Difference, Reconciliation};

use crate::{data_dir::DataDir, system::System};

/// Brings the streams to their end, compares, and says what it found. Fails where anything differs.
///
/// # Errors
/// There is no such directory, or a process uses it.
pub async fn reconcile(path: &Path) -> anyhow::Result<ExitCode> {
    let system = System::builder().data_dir(DataDir::existing(path)?);
    let system = system.start().await?;
    system.settle().await?;
    let found = system
        .app()
        .table
        .reconcile(system.app().clock.now())
        .await?;
    tell(&found);
    let agree = found.differences.is_empty() && found.behind.is_empty();
    Ok(if agree {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

#[expect(
    clippy::print_stdout,
    reason = "what the user is told goes to standard output, and logs don't"
)]
fn tell(found: &Reconciliation) {
    let Reconciliation {
        keys,
        events,
        recounted,
        out_of_reach,
        behind,
        differences,
    } = found;
    for difference in differences {
        let Difference {
            owner,
            key_id,
            total,
            events,
            recounted,
            recent,
            usage,
        } = difference;
        println!(
            "{owner} {key_id}: counted {total}, events {events}, counted twice {recounted}; in usage {usage} of {recent}"
        );
    }
    for key in behind {
        println!("{key}: its events are not all there yet");
    }
    if *out_of_reach > 0 {
        println!("{out_of_reach} requests are older than usage is kept, and stand in chains alone");
    }
    println!(
        "{keys} keys, {events} accepted requests, {recounted} of them counted twice: {} differ",
        differences.len()
    );
}

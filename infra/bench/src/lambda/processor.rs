//! Which core a process runs on, how much of it, and whether it runs at all.

use anyhow::Context;
use rustix::{
    process::{Pid, Signal, kill_process},
    thread::{CpuSet, sched_setaffinity},
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// Keeps this thread, and the threads and processes that it starts from now on, on one core: an environment has no more, and wall times on shared machines swing less.
pub fn pin(core: usize) -> anyhow::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).context("a thread can't be kept on one core")
}

/// A share of a core by a quota, as Lambda gives one with the memory.
#[derive(Debug)]
pub struct CpuShare {
    group: PathBuf,
}

/// Lambda's own, as measured from inside of it; a longer one would let a short request pass unthrottled.
const PERIOD: Duration = Duration::from_millis(20);

impl CpuShare {
    /// That of a memory size: 1,769 MB are one core.
    ///
    /// # Errors
    /// This machine doesn't let us.
    pub fn of_memory(mib: u32) -> anyhow::Result<CpuShare> {
        static GROUPS: AtomicU32 = AtomicU32::new(0);
        let number = GROUPS.fetch_add(1, Ordering::Relaxed);
        let name = format!("instaview-bench-{}-{number}", std::process::id());
        let period = PERIOD.as_micros();
        let quota = period * u128::from(mib) / 1_769;
        // Version 1 of control groups, then version 2.
        let (first, second) = (
            Path::new("/sys/fs/cgroup/cpu").join(&name),
            Path::new("/sys/fs/cgroup").join(&name),
        );
        let first = CpuShare { group: first };
        let made = fs::create_dir(&first.group)
            .and_then(|()| fs::write(first.group.join("cpu.cfs_period_us"), period.to_string()))
            .and_then(|()| fs::write(first.group.join("cpu.cfs_quota_us"), quota.to_string()));
        if made.is_ok() {
            return Ok(first);
        }
        drop(first);
        let second = CpuShare { group: second };
        fs::create_dir(&second.group)
            .and_then(|()| fs::write(second.group.join("cpu.max"), format!("{quota} {period}")))
            .context("no control group for the CPU share")?;
        Ok(second)
    }

    /// Puts a process, with its threads, under the quota from now on.
    pub(crate) fn take(&self, process: Pid) -> anyhow::Result<()> {
        let processes = self.group.join("cgroup.procs");
        let pid = process.as_raw_nonzero().to_string();
        fs::write(processes, pid).context("a process can't be put under the CPU share")
    }
}

/// Its processes must be gone.
impl Drop for CpuShare {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.group);
    }
}

pub(crate) fn freeze(process: Pid) {
    // One that has ended stays as it is.
    let _ = kill_process(process, Signal::STOP);
}

pub(crate) fn thaw(process: Pid) {
    let _ = kill_process(process, Signal::CONT);
}

pub(crate) fn terminate(process: Pid) {
    let _ = kill_process(process, Signal::TERM);
}

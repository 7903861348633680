//! A browser, and what the streams bring, follow by themselves: ask again, for a bounded time.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Longer than a page takes on a machine of two cores that others keep busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// The system makes its demo data by some eighty requests before it is there, and Chromium reads a lot.
pub(crate) const FOR_A_START: Duration = Duration::from_secs(240);

/// The first answer that will do.
///
/// # Errors
/// What was said last, where none came in time.
pub(crate) fn eventually<T>(
    patience: Duration,
    mut ask: impl FnMut() -> Result<T, String>,
) -> Result<T, String> {
    let begun = Instant::now();
    loop {
        match ask() {
            Ok(answer) => return Ok(answer),
            Err(why) if begun.elapsed() > patience => return Err(why),
            Err(_) => thread::sleep(Duration::from_millis(30)),
        }
    }
}

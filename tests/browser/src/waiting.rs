//! A browser, and what the streams bring, follow by themselves: ask again, for a bounded time.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Longer than a page takes on a busy machine of two cores.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

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

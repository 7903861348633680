//! Changes of what has versions: under which one a client wants them, and again where others were faster.

use routes::Operation;

use crate::{ApiError, Call, ConflictReason};

/// The `If-Match` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMatch {
    /// Absent, or `*`.
    Any,
    Version(u64),
    /// An ETag that no version has.
    Nothing,
}

impl IfMatch {
    /// `None`: not one strong ETag in its quotes.
    pub(crate) fn parse(text: &[u8]) -> Option<IfMatch> {
        if text == b"*" {
            return Some(IfMatch::Any);
        }
        let tag = str::from_utf8(text).ok()?;
        let tag = tag.strip_prefix('"')?.strip_suffix('"')?;
        if tag.contains('"') {
            return None;
        }
        Some(tag.parse().map_or(IfMatch::Nothing, IfMatch::Version))
    }

    /// # Errors
    /// 409 `VERSION` where the client wants another version changed.
    pub fn check(self, version: u64) -> Result<(), ApiError> {
        match self {
            IfMatch::Any => Ok(()),
            IfMatch::Version(wanted) if wanted == version => Ok(()),
            _ => Err(ApiError::Conflict(ConflictReason::Version)),
        }
    }
}

impl<Op: Operation> Call<'_, Op> {
    pub fn if_match(&self) -> IfMatch {
        match self.request.headers().get("if-match") {
            None => IfMatch::Any,
            // Its form was checked with the rest of the input.
            Some(value) => IfMatch::parse(value.as_bytes()).unwrap_or(IfMatch::Nothing),
        }
    }
}

/// Reads, computes and writes conditionally, and does it all again on what others made of the row meanwhile.
/// A write's `StoreError::Conflict`, passed on by `?`, asks for the next try; every other outcome is the last.
///
/// # Errors
/// 409 `BUSY` when others were faster each time.
pub async fn retried<T, F: Future<Output = Result<T, ApiError>>>(
    // Not `AsyncFnMut`: the compiler can't yet show that its futures are `Send`.
    change: impl Fn() -> F,
) -> Result<T, ApiError> {
    const TRIES: u32 = 5;
    for _ in 1..TRIES {
        match change().await {
            Err(ApiError::Conflict(ConflictReason::Busy)) => {}
            outcome => return outcome,
        }
    }
    change().await
}

//! A successful answer, its bytes fixed when it is made, so that a replay repeats them.

use model::Timestamp;
use serde::Serialize;

use crate::{ApiError, ErrorBody};

/// What a handler answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) etag: Option<String>,
    pub(crate) replayed: bool,
}

/// What every response looks like.
#[derive(Debug, Serialize)]
pub struct Envelope<'a, T> {
    pub success: bool,
    pub data: Option<&'a T>,
    pub error: Option<&'a ErrorBody>,
    pub timestamp: Timestamp,
}

impl Reply {
    pub(crate) fn success(
        status: u16,
        data: &impl Serialize,
        now: Timestamp,
    ) -> Result<Reply, ApiError> {
        let envelope = Envelope {
            success: true,
            data: Some(data),
            error: None,
            timestamp: now,
        };
        Ok(Reply {
            status,
            body: serde_json::to_string(&envelope).map_err(ApiError::internal)?,
            etag: None,
            replayed: false,
        })
    }

    /// With the `ETag` of this version.
    pub fn version(mut self, version: u64) -> Reply {
        self.etag = Some(format!("\"{version}\""));
        self
    }
}

//! An answer that is made while it is sent, because it is too long to be held.

use futures_util::{Stream, TryStreamExt};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use lambda_http::{Body, http::header};
use std::fmt;

use crate::{ApiError, respond::chain};

pub use bytes::Bytes;

/// What a streaming function answers with. An error cuts it: the client sees that it isn't whole.
pub type StreamedBody = UnsyncBoxBody<Bytes, Cut>;

/// The answer broke off; the log says why.
#[derive(Debug, thiserror::Error)]
#[error("the answer broke off")]
pub struct Cut;

/// A successful answer of which no byte is made yet.
pub struct Streamed {
    pub(crate) content_type: &'static str,
    /// The name that it is saved under.
    pub(crate) file_name: String,
    pub(crate) body: StreamedBody,
}

impl Streamed {
    /// `chunks`: in order; after an error nothing is sent any more.
    pub fn new(
        content_type: &'static str,
        file_name: String,
        chunks: impl Stream<Item = Result<Bytes, ApiError>> + Send + 'static,
    ) -> Streamed {
        let cut = |error: ApiError| {
            tracing::error!(source = chain(&error), "an answer broke off");
            Cut
        };
        let frames = chunks.map_err(cut).map_ok(hyper_frame);
        Streamed {
            content_type,
            file_name,
            body: StreamBody::new(frames).boxed_unsync(),
        }
    }

    pub(crate) fn headers(&self) -> [(header::HeaderName, String); 2] {
        let file = format!("attachment; filename=\"{}\"", self.file_name);
        [
            (header::CONTENT_TYPE, self.content_type.to_owned()),
            (header::CONTENT_DISPOSITION, file),
        ]
    }
}

fn hyper_frame(bytes: Bytes) -> http_body::Frame<Bytes> {
    http_body::Frame::data(bytes)
}

/// An answer that was made in full.
pub fn whole(body: Body) -> StreamedBody {
    let bytes = match body {
        Body::Text(text) => Bytes::from(text),
        Body::Binary(bytes) => Bytes::from(bytes),
        _ => Bytes::new(),
    };
    Full::new(bytes)
        .map_err(|never| match never {})
        .boxed_unsync()
}

impl fmt::Debug for Streamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streamed")
            .field("file_name", &self.file_name)
            .finish_non_exhaustive()
    }
}

//! What can go wrong between us and the store.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// Why the store gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No such row, or not this caller's.
    #[error("no such row")]
    NotFound,
    /// The row changed meanwhile.
    #[error("the row changed meanwhile")]
    Conflict,
    /// Another request with the same idempotency key was first.
    #[error("the idempotency key was used meanwhile")]
    AlreadyDone,
    /// A collection is full.
    #[error("the collection is full")]
    Full,
    /// All keys of the company are being revoked.
    #[error("the company is locked down")]
    Locked,
    /// The inviter has invited as many as may be in a day.
    #[error("too many invitations in a day")]
    InvitationLimit,
    /// Somebody must stay who may do everything.
    #[error("no owner would be left")]
    LastOwner,
    /// The page begins behind what one request reads.
    #[error("the page begins too far down")]
    TooDeep,
    /// The store asks for patience.
    #[error("throttled: {0}")]
    Throttled(String),
    /// No answer in time, or none at all.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// A row that we can't have written.
    #[error("corrupt row: {0}")]
    Corrupt(&'static str),
    /// Our mistake: the store refuses the request itself.
    #[error("the store refused the request: {0}")]
    Dynamo(String),
}

impl StoreError {
    /// From any SDK error whose operation-specific cases were handled before.
    pub(crate) fn from_sdk<E>(error: SdkError<E>) -> StoreError
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let text = in_words(&error);
        match &error {
            SdkError::ServiceError(service) => match service.err().code() {
                Some(
                    "ProvisionedThroughputExceededException"
                    | "ThrottlingException"
                    | "RequestLimitExceeded"
                    | "TransactionConflictException"
                    | "TransactionInProgressException"
                    | "LimitExceededException",
                ) => StoreError::Throttled(text),
                Some("InternalServerError" | "InternalFailure" | "ServiceUnavailable") => {
                    StoreError::Unreachable(text)
                }
                // Our credentials are our fault, and may be good again in a moment.
                Some(
                    "ExpiredTokenException"
                    | "UnrecognizedClientException"
                    | "InvalidSignatureException",
                ) => StoreError::Unreachable(text),
                _ if service.raw().status().is_server_error() => StoreError::Unreachable(text),
                _ => StoreError::Dynamo(text),
            },
            SdkError::ConstructionFailure(_) => StoreError::Dynamo(text),
            // No answer, or half of one.
            _ => StoreError::Unreachable(text),
        }
    }
}

/// What happened, without what was sent or answered: their `Debug` holds whole rows, and a row is nothing for a log.
fn in_words<E>(error: &SdkError<E>) -> String
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    if let Some(service) = error.as_service_error() {
        let code = service.code().unwrap_or("no code");
        return format!("{code}: {}", service.message().unwrap_or_default());
    }
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

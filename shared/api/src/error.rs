//! Errors: the only place that gives one a status, a code and a public message.

use auth::{Forbidden, RateLimited, Verdict};
use model::{Fault, Faults, KeyStatus};
use routes::Role;
use serde::Serialize;
use serde_json::{Value, json};
use std::error::Error;
use store::StoreError;

/// Why a request has no result. The client reads what it can do, the log reads what happened.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("the request breaks rules")]
    Validation(Faults),
    #[error("no company was named")]
    CompanyIdRequired,
    #[error("the caller may not do this")]
    Forbidden(Forbidden),
    #[error("the company is not the caller's")]
    CompanyDenied,
    #[error("no such object")]
    NotFound { kind: &'static str, id: String },
    #[error("no such route")]
    RouteNotFound,
    #[error("conflict")]
    Conflict(ConflictReason),
    #[error("the state machine forbids it")]
    InvalidTransition { from: KeyStatus, to: KeyStatus },
    #[error("the body is too large")]
    PayloadTooLarge,
    #[error("the body is of another media type")]
    UnsupportedMediaType,
    #[error("the idempotency key belongs to another request")]
    IdempotencyConflict,
    #[error("over the limit")]
    RateLimited(RateLimited),
    /// Not for clients: [`crate::Call::once`] answers with what the first request was answered.
    #[error("the idempotency key was used meanwhile")]
    AlreadyDone,
    #[error("something that we need is away")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    #[error("our mistake")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
}

/// The contract's closed vocabulary of conflicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ConflictReason {
    Version,
    KeyLimit,
    Busy,
}

/// The `error` of the envelope.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ErrorBody {
    pub code: &'static str,
    pub message: &'static str,
    pub details: Value,
}

impl ApiError {
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> ApiError {
        ApiError::Unavailable(source.into())
    }

    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> ApiError {
        ApiError::Internal(source.into())
    }

    pub fn needs_role(role: Role) -> ApiError {
        ApiError::Forbidden(Forbidden::Role(role))
    }

    pub(crate) fn from_verdict(verdict: Verdict) -> ApiError {
        match verdict {
            Verdict::CompanyRequired => ApiError::CompanyIdRequired,
            Verdict::CompanyDenied => ApiError::CompanyDenied,
            Verdict::RateLimited(limited) => ApiError::RateLimited(limited),
        }
    }

    /// What the store's answer means where an object was looked for.
    pub fn or_not_found(
        kind: &'static str,
        id: impl ToString,
    ) -> impl FnOnce(StoreError) -> ApiError {
        move |error| match error {
            StoreError::NotFound => ApiError::NotFound {
                kind,
                id: id.to_string(),
            },
            other => other.into(),
        }
    }

    pub fn status(&self) -> u16 {
        self.parts().0
    }

    /// Seconds, where the answer carries `Retry-After`.
    pub(crate) fn retry_after(&self) -> Option<i64> {
        match self {
            ApiError::RateLimited(limited) => Some(limited.retry_after),
            ApiError::Unavailable(_) => Some(1),
            _ => None,
        }
    }

    pub(crate) fn body(&self) -> ErrorBody {
        let (_, code, message) = self.parts();
        ErrorBody {
            code,
            message,
            details: self.details(),
        }
    }

    fn parts(&self) -> (u16, &'static str, &'static str) {
        match self {
            ApiError::Validation(_) => (
                400,
                "VALIDATION_ERROR",
                "The request breaks rules; details.errors names each of them.",
            ),
            ApiError::CompanyIdRequired => (
                400,
                "COMPANY_ID_REQUIRED",
                "Name the company in the query parameter companyId.",
            ),
            ApiError::Forbidden(_) => (
                403,
                "INSUFFICIENT_PERMISSIONS",
                "The credential may not do this; details says what it lacks.",
            ),
            ApiError::CompanyDenied => (
                403,
                "RESOURCE_ACCESS_DENIED",
                "The credential may not act for the company that the request names.",
            ),
            ApiError::NotFound { .. } => (
                404,
                "RESOURCE_NOT_FOUND",
                "There is no such object in the company.",
            ),
            ApiError::RouteNotFound => {
                (404, "ROUTE_NOT_FOUND", "There is no such route or method.")
            }
            ApiError::Conflict(ConflictReason::Version) => (
                409,
                "RESOURCE_CONFLICT",
                "The object was changed meanwhile; read it again.",
            ),
            ApiError::Conflict(ConflictReason::KeyLimit) => (
                409,
                "RESOURCE_CONFLICT",
                "The company has as many live keys as its plan allows; revoke one first.",
            ),
            ApiError::Conflict(ConflictReason::Busy) | ApiError::AlreadyDone => (
                409,
                "RESOURCE_CONFLICT",
                "The object is being changed by others; try again.",
            ),
            ApiError::InvalidTransition { .. } => (
                409,
                "INVALID_STATE_TRANSITION",
                "The object's state does not allow this.",
            ),
            ApiError::PayloadTooLarge => (413, "PAYLOAD_TOO_LARGE", "A body has at most 256 KiB."),
            ApiError::UnsupportedMediaType => (
                415,
                "UNSUPPORTED_MEDIA_TYPE",
                "Send JSON with Content-Type: application/json.",
            ),
            ApiError::IdempotencyConflict => (
                422,
                "IDEMPOTENCY_CONFLICT",
                "This Idempotency-Key was used with another request.",
            ),
            ApiError::RateLimited(_) => (
                429,
                "RATE_LIMIT_EXCEEDED",
                "Too many requests; try again after Retry-After seconds.",
            ),
            ApiError::Unavailable(_) => (
                503,
                "SERVICE_UNAVAILABLE",
                "Something that we need is away; try again after Retry-After seconds.",
            ),
            ApiError::Internal(_) => (
                500,
                "INTERNAL_ERROR",
                "We made a mistake; tell us the X-Request-Id of this response.",
            ),
        }
    }

    fn details(&self) -> Value {
        match self {
            ApiError::Validation(faults) => json!({ "errors": faults }),
            ApiError::Forbidden(forbidden) => {
                let (name, value) = forbidden.detail();
                // Closed words in quotes and numbers: always JSON.
                json!({ name: serde_json::from_str::<Value>(&value).unwrap_or_default() })
            }
            ApiError::NotFound { kind, id } => json!({ "resourceType": kind, "resourceId": id }),
            ApiError::Conflict(reason) => json!({ "reason": reason }),
            ApiError::AlreadyDone => json!({ "reason": ConflictReason::Busy }),
            ApiError::InvalidTransition { from, to } => json!({ "from": from, "to": to }),
            ApiError::RateLimited(limited) => json!({
                "retryAfter": limited.retry_after,
                "limit": limited.limit,
                "remaining": 0,
                "reset": limited.reset,
            }),
            _ => json!({}),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> ApiError {
        match error {
            StoreError::Throttled(_) | StoreError::Unreachable(_) => ApiError::unavailable(error),
            StoreError::AlreadyDone => ApiError::AlreadyDone,
            StoreError::Conflict => ApiError::Conflict(ConflictReason::Busy),
            StoreError::NotFound
            | StoreError::Full
            | StoreError::Corrupt(_)
            | StoreError::Dynamo(_) => ApiError::internal(error),
        }
    }
}

impl From<Faults> for ApiError {
    fn from(faults: Faults) -> ApiError {
        ApiError::Validation(faults)
    }
}

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> ApiError {
        ApiError::Validation(fault.into())
    }
}

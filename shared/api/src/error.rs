//! Why a request has no result.

use auth::{Forbidden, RateLimited, Verdict};
use model::{Fault, Faults, Rule, Timestamp};
use routes::Role;
use serde::Serialize;
use serde_json::{Value, json};
use std::error::Error;
use store::StoreError;

use crate::Code;

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
    InvalidTransition {
        from: &'static str,
        to: &'static str,
    },
    #[error("the plan's minutes are used up")]
    BillingLimit {
        limit: u32,
        /// Reserved ones included.
        used: u64,
        resets_at: Timestamp,
    },
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
    Locked,
    KeyLimit,
    MemberLimit,
    InvitationLimit,
    CompanyLimit,
    Overlap,
    Duplicate,
    JobClosed,
    LastOwner,
    Busy,
}

impl ConflictReason {
    pub const ALL: [ConflictReason; 11] = [
        ConflictReason::Version,
        ConflictReason::Locked,
        ConflictReason::KeyLimit,
        ConflictReason::MemberLimit,
        ConflictReason::InvitationLimit,
        ConflictReason::CompanyLimit,
        ConflictReason::Overlap,
        ConflictReason::Duplicate,
        ConflictReason::JobClosed,
        ConflictReason::LastOwner,
        ConflictReason::Busy,
    ];

    /// What is in the way, and what can be done.
    const fn message(self) -> &'static str {
        match self {
            ConflictReason::Version => {
                "It was changed meanwhile: read it again, and change it as it is now."
            }
            ConflictReason::Locked => {
                "All keys are being revoked just now, and nothing is made meanwhile: try again afterwards."
            }
            ConflictReason::KeyLimit => {
                "There is no room for another live key: revoke one that nobody needs."
            }
            ConflictReason::MemberLimit => {
                "There is no room for another member: one must be removed first."
            }
            ConflictReason::InvitationLimit => {
                "Too many invitations in one day: try again tomorrow."
            }
            ConflictReason::CompanyLimit => {
                "The partner has made as many companies as it may: ask us for more."
            }
            ConflictReason::Overlap => {
                "With two live secrets, a rotation ends both (overlapSeconds 0), or replaces the newer one if nobody has used it (replaceUnused). With one, there is no overlap to change."
            }
            ConflictReason::Duplicate => "There is one already: change that one, or end it first.",
            ConflictReason::JobClosed => {
                "The job takes no candidates or interviews: open it, or name another."
            }
            ConflictReason::LastOwner => "Somebody must stay an owner: make another one first.",
            ConflictReason::Busy => "Others were changing it just then: try again.",
        }
    }
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
            Verdict::TwoOwners => {
                let message = "can't be combined with companyId";
                Fault::new("?partnerId", Rule::ConflictWith, message).into()
            }
            Verdict::Reason(rule) => {
                let message =
                    "an administrator says why: once, in 10 to 200 characters of one line";
                Fault::new("X-Admin-Reason", rule, message).into()
            }
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
        self.code().status()
    }

    /// Seconds, where the answer carries `Retry-After`.
    pub(crate) fn retry_after(&self) -> Option<i64> {
        match self {
            ApiError::RateLimited(limited) => Some(limited.retry_after),
            ApiError::Unavailable(_) => Some(1),
            _ => None,
        }
    }

    pub fn body(&self) -> ErrorBody {
        let code = self.code();
        ErrorBody {
            code: code.as_str(),
            message: self.message(),
            details: self.details(),
        }
    }

    pub(crate) fn code(&self) -> Code {
        match self {
            ApiError::Validation(_) => Code::ValidationError,
            ApiError::CompanyIdRequired => Code::CompanyIdRequired,
            ApiError::Forbidden(_) => Code::InsufficientPermissions,
            ApiError::CompanyDenied => Code::ResourceAccessDenied,
            ApiError::NotFound { .. } => Code::ResourceNotFound,
            ApiError::RouteNotFound => Code::RouteNotFound,
            ApiError::Conflict(_) | ApiError::AlreadyDone => Code::ResourceConflict,
            ApiError::InvalidTransition { .. } => Code::InvalidStateTransition,
            ApiError::BillingLimit { .. } => Code::BillingLimitReached,
            ApiError::PayloadTooLarge => Code::PayloadTooLarge,
            ApiError::UnsupportedMediaType => Code::UnsupportedMediaType,
            ApiError::IdempotencyConflict => Code::IdempotencyConflict,
            ApiError::RateLimited(_) => Code::RateLimitExceeded,
            ApiError::Unavailable(_) => Code::ServiceUnavailable,
            ApiError::Internal(_) => Code::InternalError,
        }
    }

    fn message(&self) -> &'static str {
        match self {
            ApiError::Conflict(reason) => reason.message(),
            ApiError::AlreadyDone => ConflictReason::Busy.message(),
            other => other.code().message(),
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
            ApiError::BillingLimit {
                limit,
                used,
                resets_at,
            } => json!({ "limit": limit, "used": used, "resetsAt": resets_at }),
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
            StoreError::TooDeep => {
                Fault::new("?page", Rule::Range, "begins too far down; use cursor").into()
            }
            StoreError::Conflict => ApiError::Conflict(ConflictReason::Busy),
            StoreError::Locked => ApiError::Conflict(ConflictReason::Locked),
            StoreError::InvitationLimit => ApiError::Conflict(ConflictReason::InvitationLimit),
            StoreError::LastOwner => ApiError::Conflict(ConflictReason::LastOwner),
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

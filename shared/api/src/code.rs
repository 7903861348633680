//! The contract's error codes, each with its status and its text.

/// Every code of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    ValidationError,
    CompanyIdRequired,
    InvalidApiKey,
    BillingLimitReached,
    InsufficientPermissions,
    ResourceAccessDenied,
    ResourceNotFound,
    RouteNotFound,
    ResourceConflict,
    InvalidStateTransition,
    PayloadTooLarge,
    UnsupportedMediaType,
    IdempotencyConflict,
    RateLimitExceeded,
    InternalError,
    ServiceUnavailable,
}

impl Code {
    pub const ALL: [Code; 16] = [
        Code::ValidationError,
        Code::CompanyIdRequired,
        Code::InvalidApiKey,
        Code::BillingLimitReached,
        Code::InsufficientPermissions,
        Code::ResourceAccessDenied,
        Code::ResourceNotFound,
        Code::RouteNotFound,
        Code::ResourceConflict,
        Code::InvalidStateTransition,
        Code::PayloadTooLarge,
        Code::UnsupportedMediaType,
        Code::IdempotencyConflict,
        Code::RateLimitExceeded,
        Code::InternalError,
        Code::ServiceUnavailable,
    ];

    pub const fn status(self) -> u16 {
        self.facts().0
    }

    pub const fn as_str(self) -> &'static str {
        self.facts().1
    }

    /// What the client reads; holds nothing that would have to be escaped in JSON.
    pub const fn message(self) -> &'static str {
        self.facts().2
    }

    const fn facts(self) -> (u16, &'static str, &'static str) {
        match self {
            Code::ValidationError => (
                400,
                "VALIDATION_ERROR",
                "The request breaks the rules that details.errors names.",
            ),
            Code::CompanyIdRequired => (
                400,
                "COMPANY_ID_REQUIRED",
                "Name the company in the query parameter companyId.",
            ),
            Code::InvalidApiKey => (
                401,
                "INVALID_API_KEY",
                "The request carries no valid API key or access token.",
            ),
            Code::BillingLimitReached => (
                402,
                "BILLING_LIMIT_REACHED",
                "The plan's minutes of the month are used up or reserved.",
            ),
            Code::InsufficientPermissions => (
                403,
                "INSUFFICIENT_PERMISSIONS",
                "The credential is good but may not do this; details says what it lacks.",
            ),
            Code::ResourceAccessDenied => (
                403,
                "RESOURCE_ACCESS_DENIED",
                "The credential may not act for the company that the request names.",
            ),
            Code::ResourceNotFound => (
                404,
                "RESOURCE_NOT_FOUND",
                "There is no such object in the company.",
            ),
            Code::RouteNotFound => (404, "ROUTE_NOT_FOUND", "There is no such route or method."),
            Code::ResourceConflict => (
                409,
                "RESOURCE_CONFLICT",
                "The change conflicts with what there is; details.reason says how.",
            ),
            Code::InvalidStateTransition => (
                409,
                "INVALID_STATE_TRANSITION",
                "The object's state does not allow this.",
            ),
            Code::PayloadTooLarge => (413, "PAYLOAD_TOO_LARGE", "A body has at most 256 KiB."),
            Code::UnsupportedMediaType => (
                415,
                "UNSUPPORTED_MEDIA_TYPE",
                "Send JSON with Content-Type: application/json.",
            ),
            Code::IdempotencyConflict => (
                422,
                "IDEMPOTENCY_CONFLICT",
                "This Idempotency-Key was used with another request.",
            ),
            Code::RateLimitExceeded => (
                429,
                "RATE_LIMIT_EXCEEDED",
                "Too many requests; try again after Retry-After seconds.",
            ),
            Code::InternalError => (
                500,
                "INTERNAL_ERROR",
                "We made a mistake; tell us the X-Request-Id of this response.",
            ),
            Code::ServiceUnavailable => (
                503,
                "SERVICE_UNAVAILABLE",
                "Something that we need is away; try again after Retry-After seconds.",
            ),
        }
    }
}

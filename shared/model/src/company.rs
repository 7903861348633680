//! Companies, their plans and the limits that a plan sets.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

use crate::{
    CompanyId, EmailAddress, Faults, Integer, Metadata, Name, Rule, Text, Timestamp, View,
    field::{fields, vocabulary},
};

/// A company as clients see it; its `companyId` is its `id`.
pub type Company = View<CompanyId, CompanyRecord>;

fields! {
    /// What a client sets of a company.
    pub struct CompanyFields, patch CompanyPatch {
        required { name: Name<2, 100>, }
        optional {
            description: Text<0, 1000>,
            metadata: Metadata,
        }
        defaulted {}
    }
}

fields! {
    /// A company to be made, as a partner's key asks for it.
    pub struct CompanyRequest {
        required { name: Name<2, 100>, }
        optional {
            description: Text<0, 1000>,
            metadata: Metadata,
            /// Who is invited to be its OWNER. Unknown to every other operation.
            owner_email: EmailAddress,
        }
        defaulted {}
    }
}

impl CompanyRequest {
    /// What the company is to be, and who is invited to own it.
    pub fn into_parts(self) -> (CompanyFields, Option<EmailAddress>) {
        let CompanyRequest {
            name,
            description,
            metadata,
            owner_email,
        } = self;
        let fields = CompanyFields {
            name,
            description,
            metadata,
        };
        (fields, owner_email)
    }
}

/// What is shown of a company: what clients set, and its plan.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CompanyRecord {
    #[serde(flatten)]
    pub fields: CompanyFields,
    pub plan: Plan,
}

vocabulary! {
    pub enum Plan {
        Trial = "TRIAL",
        Starter = "STARTER",
        Business = "BUSINESS",
        Scale = "SCALE",
        Enterprise = "ENTERPRISE",
    }
}

/// Requests that the authorizer accepts, in fixed windows of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    pub per_minute: u32,
    pub per_hour: u32,
    /// Only where `perMinute` exceeds 600, from a sixtieth of it up to 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u32>,
}

impl RateLimit {
    /// A person's, in each membership.
    pub const PERSON: RateLimit = RateLimit::slow(600, 30_000);

    const fn slow(per_minute: u32, per_hour: u32) -> RateLimit {
        RateLimit {
            per_minute,
            per_hour,
            per_second: None,
        }
    }

    /// Whether the numbers keep the contract's rule for `perSecond`.
    pub fn is_valid(self) -> bool {
        self.per_minute >= 1
            && self.per_hour >= 1
            && match (bursts(self.per_minute), self.per_second) {
                (Some(range), Some(per_second)) => range.contains(&per_second),
                (None, None) => true,
                _ => false,
            }
    }
}

/// What `perSecond` may be; `None` where the minute's limit is enough.
fn bursts(per_minute: u32) -> Option<RangeInclusive<u32>> {
    (per_minute > 600).then(|| per_minute.div_ceil(60)..=500)
}

/// More have no `perSecond` that could be enough.
type PerMinute = Integer<1, 30_000>;
type PerHour = Integer<1, 10_000_000>;
type PerSecond = Integer<1, 500>;

fields! {
    /// A key's own limits.
    pub struct RateLimitFields {
        required {
            per_minute: PerMinute,
            per_hour: PerHour,
        }
        optional {
            /// Needed where `perMinute` exceeds 600, from a sixtieth of it on.
            per_second: PerSecond,
        }
        defaulted {}
        together { seconds(per_minute, per_second); }
    }
}

impl RateLimitFields {
    fn seconds(
        per_minute: &PerMinute,
        per_second: &Option<PerSecond>,
        at: &str,
        faults: &mut Faults,
    ) {
        RateLimitFields::check_seconds(per_minute.get(), per_second, at, faults);
    }

    fn check_seconds(
        per_minute: u32,
        per_second: &Option<PerSecond>,
        at: &str,
        faults: &mut Faults,
    ) {
        let at = format!("{at}/perSecond");
        match (bursts(per_minute), per_second) {
            (Some(range), Some(per_second)) if !range.contains(&per_second.get()) => {
                let message = format!("must be from {} to {}", range.start(), range.end());
                faults.refuse::<()>(&at, Rule::Range, &message);
            }
            (Some(_), None) => {
                let message = "is required where perMinute exceeds 600";
                faults.refuse::<()>(&at, Rule::Required, message);
            }
            (None, Some(_)) => {
                let message = "can't be combined with a perMinute of at most 600";
                faults.refuse::<()>(&at, Rule::ConflictWith, message);
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
}

impl From<RateLimitFields> for RateLimit {
    fn from(fields: RateLimitFields) -> RateLimit {
        let RateLimitFields {
            per_minute,
            per_hour,
            per_second,
        } = fields;
        RateLimit {
            per_minute: per_minute.get(),
            per_hour: per_hour.get(),
            per_second: per_second.map(Integer::get),
        }
    }
}

fields! {
    /// The plan that a company is put on. Everything but `plan` is for ENTERPRISE alone; what is absent is as on SCALE.
    pub struct PlanRequest {
        required { plan: Plan, }
        optional {
            per_minute: PerMinute,
            per_hour: PerHour,
            /// Needed where `perMinute` exceeds 600, from a sixtieth of it on.
            per_second: PerSecond,
            minutes_per_month: Integer<0, 10_000_000>,
            /// Live keys.
            key_limit: Integer<1, 10_000>,
        }
        defaulted {}
        together {
            own_rates(plan, per_minute, per_hour, per_second);
            own_numbers(plan, minutes_per_month, key_limit);
            seconds(plan, per_minute, per_second);
        }
    }
}

impl PlanRequest {
    fn own_rates(
        plan: &Plan,
        per_minute: &Option<PerMinute>,
        per_hour: &Option<PerHour>,
        per_second: &Option<PerSecond>,
        at: &str,
        faults: &mut Faults,
    ) {
        let given = [
            ("perMinute", per_minute.is_some()),
            ("perHour", per_hour.is_some()),
            ("perSecond", per_second.is_some()),
        ];
        PlanRequest::own(*plan, &given, at, faults);
    }

    fn own_numbers(
        plan: &Plan,
        minutes_per_month: &Option<Integer<0, 10_000_000>>,
        key_limit: &Option<Integer<1, 10_000>>,
        at: &str,
        faults: &mut Faults,
    ) {
        let given = [
            ("minutesPerMonth", minutes_per_month.is_some()),
            ("keyLimit", key_limit.is_some()),
        ];
        PlanRequest::own(*plan, &given, at, faults);
    }

    fn own(plan: Plan, given: &[(&str, bool)], at: &str, faults: &mut Faults) {
        for (name, _) in given.iter().filter(|(_, given)| *given) {
            if plan != Plan::Enterprise {
                let message = "is for the plan ENTERPRISE alone";
                faults.refuse::<()>(&format!("{at}/{name}"), Rule::ConflictWith, message);
            }
        }
    }

    fn seconds(
        plan: &Plan,
        per_minute: &Option<PerMinute>,
        per_second: &Option<PerSecond>,
        at: &str,
        faults: &mut Faults,
    ) {
        if *plan == Plan::Enterprise {
            let per_minute = per_minute.map_or(plan.rate_limit().per_minute, Integer::get);
            RateLimitFields::check_seconds(per_minute, per_second, at, faults);
        }
    }

    /// What the company may do from now on.
    pub fn limits(&self) -> Limits {
        let PlanRequest {
            plan,
            per_minute,
            per_hour,
            per_second,
            minutes_per_month,
            key_limit,
        } = *self;
        let of_plan = plan.rate_limit();
        Limits {
            plan,
            rate_limit: RateLimit {
                per_minute: per_minute.map_or(of_plan.per_minute, Integer::get),
                per_hour: per_hour.map_or(of_plan.per_hour, Integer::get),
                per_second: per_second.map(Integer::get),
            },
            key_limit: key_limit.map_or(plan.key_limit(), Integer::get),
            minutes_per_month: minutes_per_month.map_or(plan.minutes_per_month(), Integer::get),
        }
    }
}

fields! {
    /// A company to be made, as an administrator asks for it.
    pub struct AccountRequest {
        required {
            name: Name<2, 100>,
            plan: Plan,
            /// Who is invited to be its OWNER.
            owner_email: EmailAddress,
        }
        optional {}
        defaulted {}
    }
}

/// A plan, and what it comes to for one company.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub plan: Plan,
    pub rate_limit: RateLimit,
    /// Live keys.
    pub key_limit: u32,
    pub minutes_per_month: u32,
}

/// A company as administrators see it: what it is called and what it may do, and nothing that is its own business.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CompanyAccount {
    pub id: CompanyId,
    pub company_id: CompanyId,
    pub name: Name<2, 100>,
    pub plan: Plan,
    pub rate_limit: RateLimit,
    /// Live keys that it may have.
    pub key_limit: u32,
    pub minutes_per_month: u32,
    /// Raised by every change; the `ETag` is this number in quotes.
    pub version: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Plan {
    /// ENTERPRISE has its own numbers; until they are set it is limited as SCALE.
    pub const fn rate_limit(self) -> RateLimit {
        match self {
            Plan::Trial => RateLimit::slow(30, 500),
            Plan::Starter => RateLimit::slow(120, 5_000),
            Plan::Business => RateLimit::slow(300, 15_000),
            Plan::Scale | Plan::Enterprise => RateLimit::slow(600, 30_000),
        }
    }

    /// Minutes of interviews that a company may use in a calendar month (UTC).
    pub const fn minutes_per_month(self) -> u32 {
        match self {
            Plan::Trial => 60,
            Plan::Starter => 500,
            Plan::Business => 2_000,
            Plan::Scale | Plan::Enterprise => 10_000,
        }
    }

    /// Live keys that a company may have.
    pub const fn key_limit(self) -> u32 {
        match self {
            Plan::Trial => 10,
            Plan::Starter => 50,
            Plan::Business => 200,
            Plan::Scale | Plan::Enterprise => 1_000,
        }
    }
}

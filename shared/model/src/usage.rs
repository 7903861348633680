//! Usage: what was billed, as clients see it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{CompanyId, field::vocabulary};

/// What was billed, in all and by company.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageReport {
    pub companies: Vec<CompanyUsage>,
    pub total_minutes_used: u64,
    /// Tests are not among them.
    pub total_interviews: u64,
    #[serde(rename = "breakdownByCostKey")]
    pub breakdown: [CostKeyUsage; 1],
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CompanyUsage {
    pub company_id: CompanyId,
    pub company_name: String,
    pub billing_system: BillingSystem,
    pub total_minutes_used: u64,
    pub total_interviews: u64,
    #[serde(rename = "breakdownByCostKey")]
    pub breakdown: [CostKeyUsage; 1],
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CostKeyUsage {
    pub cost_key: CostKey,
    pub minutes_used: u64,
    pub events: u64,
}

vocabulary! {
    pub enum BillingSystem { Minutes = "minutes", }

    pub enum CostKey { InterviewMinutes = "interview_minutes", }
}

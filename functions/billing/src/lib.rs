//! Billing: what the interviews of a company took, or of all that a partner manages, from one instant to another.
//!
//! Knows nothing of plans or reservations: it tells what was billed, and `interviews` what may still be.

use api::{ApiError, App, Call, Input, Reply, respond};
use chrono::Duration;
use futures_util::{future::try_join_all, try_join};
use lambda_http::{Body, Request, Response};
use model::{BillingSystem, CompanyUsage, CostKey, CostKeyUsage, Rule, Timestamp, UsageReport};
use routes::{Scope, billing::Operation};
use store::{CompanyStore, Usage};

/// Answers an event of API Gateway.
pub async fn handle(app: &App, request: Request) -> Response<Body> {
    respond(app, request, async |call: Call<'_, Operation>| {
        match call.operation() {
            Operation::GetUsage => usage(call).await,
        }
    })
    .await
}

/// From the first instant on, and before the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    start: Timestamp,
    end: Timestamp,
}

const DEFAULT_DAYS: i64 = 30;
const MAX_DAYS: i64 = 366;
/// In one answer, the youngest first; the totals are theirs.
const MAX_COMPANIES: usize = 100;
/// Companies that are read at the same time.
const AT_ONCE: usize = 8;

async fn usage(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let range = range(&mut input, call.now);
    let range = input.finish(range)?;
    let companies = match call.principal()?.company() {
        Some(_) => vec![call.store()?],
        None => {
            let partner = call.partner()?;
            let managed = partner.managed_companies(Scope::ReadBilling).await?;
            managed.into_iter().take(MAX_COMPANIES).collect()
        }
    };
    let report = report(&companies, range).await?;
    call.ok(&report)
}

fn range(input: &mut Input<'_>, now: Timestamp) -> Option<Range> {
    let (start, end) = (input.moment("start"), input.moment("end"));
    let (start, end) = start.zip(end)?;
    let end = end.unwrap_or(now);
    let start = start.unwrap_or(end.minus(Duration::days(DEFAULT_DAYS)));
    if start >= end {
        return input.refuse("start", Rule::Range, "must be before end");
    }
    if end.since(start) > Duration::days(MAX_DAYS) {
        return input.refuse("start", Rule::Range, "must be at most 366 days before end");
    }
    Some(Range { start, end })
}

/// Over all the companies, in their order.
async fn report(companies: &[CompanyStore], range: Range) -> Result<UsageReport, ApiError> {
    let mut all = Usage::default();
    let mut each = Vec::with_capacity(companies.len());
    for chunk in companies.chunks(AT_ONCE) {
        let read = chunk
            .iter()
            .map(async |store| try_join!(store.usage(range.start, range.end), store.get_company()));
        for (store, (usage, company)) in chunk.iter().zip(try_join_all(read).await?) {
            all.minutes += usage.minutes;
            all.interviews += usage.interviews;
            each.push(CompanyUsage {
                company_id: store.company(),
                company_name: company.fields.name.to_string(),
                billing_system: BillingSystem::Minutes,
                total_minutes_used: usage.minutes,
                total_interviews: usage.interviews,
                breakdown: breakdown(usage),
            });
        }
    }
    Ok(UsageReport {
        companies: each,
        total_minutes_used: all.minutes,
        total_interviews: all.interviews,
        breakdown: breakdown(all),
    })
}

/// Interviews are the one thing that is billed.
fn breakdown(usage: Usage) -> [CostKeyUsage; 1] {
    [CostKeyUsage {
        cost_key: CostKey::InterviewMinutes,
        minutes_used: usage.minutes,
        events: usage.interviews,
    }]
}

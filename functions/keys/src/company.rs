//! Companies, as administrators find them and put them on plans.

use api::{ApiError, Call, Reply, retried};
use chrono::Duration;
use model::PlanRequest;
use routes::keys::Operation;

pub(crate) async fn list(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let q = input.q(100);
    let (page, q) = call.finish_list(input, q).await?;
    let companies = call.administration()?;
    let listed = companies.list_companies(q, &page.start, page.limit).await?;
    let answer = call.page(&page, listed, |row| row.account()).await?;
    call.ok(&answer)
}

/// Answers when every live key of the company has the plan's limits. Where this is cut off, the worker goes on, and so does the same request sent again.
pub(crate) async fn set_plan(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    /// Keys that are changed between two looks at what is left.
    const CHUNK: usize = 100;
    /// Well within what the function has.
    const MOST: Duration = Duration::seconds(5);
    let mut input = call.input();
    let request = input.body::<PlanRequest>();
    let limits = input.finish(request)?.limits();
    let store = call.store()?;
    retried(|| async {
        let old = store.get_company().await?;
        // Before the version: a request that was cut off wrote the next one, and goes on when it comes again.
        if old.limits() == limits {
            return Ok(());
        }
        call.if_match().check(old.version)?;
        Ok(store.set_limits(&old, &limits, &call.stamp(None)?).await?)
    })
    .await?;
    retried(|| async {
        while !store
            .spread_limits(CHUNK, || call.entropy().bytes())
            .await?
        {
            if call.lasts() > MOST {
                return Err(ApiError::unavailable(
                    "the plan has not reached all keys yet",
                ));
            }
        }
        Ok(())
    })
    .await?;
    let company = store.get_company().await?;
    Ok(call.ok(&company.account())?.version(company.version))
}

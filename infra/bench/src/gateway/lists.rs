//! Whether a list of a company with very many jobs is served as that of a small one.

use anyhow::Context;
use api::Clock;
use auth::Principal;
use local::{DataDir, System, seed};
use model::{Actor, Body, CompanyId, JobFields, JobId, Plan, RateLimit, Timestamp};
use routes::{Role, ScopeSet};
use serde_json::json;
use std::path::Path;
use store::{Stamp, Stored};

use super::{Local, median, system::empty_folder};
use crate::{
    figure::{Figure, Limit},
    load::{Target, in_turn},
    machine::say,
    part::Part,
};

const FEW: usize = 100;
const MANY: usize = 100_000;
const OWNER: &str = "owner@acme.example";
/// Of 100 actions, as the API writes them: a job's row, its index rows for `all` and its status, and those of at most three words; and one row of totals.
const IN_ONE_TRANSACTION: usize = 16;
const COMPARED: u32 = 400;
const ROUNDS: usize = 5;
const LIMITS: RateLimit = RateLimit {
    per_minute: 30_000,
    per_hour: 10_000_000,
    per_second: Some(500),
};

/// Measures the part `lists`.
pub fn lists() -> anyhow::Result<Part> {
    let mut part = Part::new("lists")?;
    let folder = empty_folder("lists")?;
    say(format!("loading {MANY} jobs"));
    let [few, many] = tokio::runtime::Runtime::new()?.block_on(load(&folder))?;
    let local = Local::start_on(folder, &[])?;
    let url = local.facts.api_url.clone();
    for (id, what, path) in [
        ("lists.first", "list of jobs, page 1", "/jobs?limit=20"),
        (
            "lists.cursor",
            "list of jobs, page by cursor",
            "/jobs?limit=20&cursor=",
        ),
    ] {
        let target = |key: &str| -> anyhow::Result<Target> {
            let path = match path.strip_suffix("&cursor=") {
                Some(first) => format!("{path}{}", cursor(&local, first, key)?),
                None => path.to_owned(),
            };
            Target::get(&url, &path, &[key.to_owned()])
        };
        let (small, large) = (target(&few)?, target(&many)?);
        let (mut fast, mut slow) = (Vec::new(), Vec::new());
        in_turn(&small, COMPARED / 4)?.all_accepted()?;
        in_turn(&large, COMPARED / 4)?.all_accepted()?;
        // In turn, because what else the machine does counts for both then.
        for _ in 0..ROUNDS {
            fast.push(in_turn(&small, COMPARED)?.all_accepted()?.quantile(0.5)?);
            slow.push(in_turn(&large, COMPARED)?.all_accepted()?.quantile(0.5)?);
        }
        let ratio = median(slow.iter().zip(&fast).map(|(slow, fast)| slow / fast));
        part.figures.push(
            Figure::new(id, &format!("local gateway: {what}, company of 100,000 jobs against 100"), "×", ratio)
                .target("≤ 1.2×", Limit::AtMost(1.2))
                .note(format!(
                    "p50 {:.2} ms against {:.2} ms, {ROUNDS} rounds of {COMPARED} requests one after the other, in turn.",
                    median(slow), median(fast)
                )),
        );
    }
    Ok(part)
}

/// Where the second page begins.
fn cursor(local: &Local, first: &str, key: &str) -> anyhow::Result<String> {
    let headers = format!("authorization: Bearer {key}\r\n");
    let page = local.exchange(&local.facts.api_url, "GET", first, &headers, "")?;
    let cursor = page["data"]["pagination"]["nextCursor"].as_str();
    Ok(cursor.context("one page")?.to_owned())
}

/// A key of a company with few jobs, and one of a company with many.
async fn load(folder: &Path) -> anyhow::Result<[String; 2]> {
    let system = System::builder().data_dir(DataDir::open(folder)?);
    let system = system.start().await?;
    let mut keys = Vec::new();
    for (name, count) in [("Few", FEW), ("Many", MANY)] {
        let owner = [(OWNER, Role::Owner)];
        let plan = Plan::Enterprise;
        let company = seed::company(&system, name, plan, Some(LIMITS), &owner).await?;
        let key = seed::key(&system, company, OWNER, name, ScopeSet::all()).await?;
        keys.push(key.plaintext);
        fill(&system, company, count).await?;
    }
    system.settle().await?;
    keys.try_into()
        .map_err(|_| anyhow::anyhow!("two companies have two keys"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a hundred thousand jobs are written as the API writes them, many in one transaction"
)]
async fn fill(system: &System, company: CompanyId, count: usize) -> anyhow::Result<()> {
    let bench = Principal::system(company, "bench");
    let store = system.app().table.company(&bench)?;
    let now = Clock::system().now().millis();
    let first = now - i64::try_from(count)?;
    let jobs: Vec<_> = (first..now).map(job).collect::<anyhow::Result<_>>()?;
    for (number, some) in jobs.chunks(IN_ONE_TRANSACTION).enumerate() {
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&(number as u64).to_be_bytes());
        let stamp = Stamp {
            actor: Actor::system("bench"),
            at: some[0].created_at,
            source_ip: None,
            request_id: None,
            operation: "CreateJob".to_owned(),
            reason: None,
            nonce,
        };
        let write = some
            .iter()
            .fold(store.write(&stamp), |write, job| write.create(job));
        write.commit().await?;
    }
    Ok(())
}

fn job(millis: i64) -> anyhow::Result<Stored<JobFields>> {
    const LEVELS: [&str; 4] = ["Junior", "Senior", "Leading", "Principal"];
    const TRADES: [&str; 5] = ["baker", "driver", "engineer", "gardener", "nurse"];
    let at = Timestamp::from_millis(millis).context("a time")?;
    let number = usize::try_from(millis)?;
    let body = json!({
        "title": format!("{} {} {}", LEVELS[number % 4], TRADES[number / 4 % 5], number % 1_000),
        "description": "You build the services that our recruiters rely on.",
        "status": if number.is_multiple_of(3) { "CLOSED" } else { "OPEN" },
    });
    let mut random = [0; 10];
    random[..8].copy_from_slice(
        &(number as u64)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .to_be_bytes(),
    );
    let fields = JobFields::read(body, at).map_err(|_| anyhow::anyhow!("no job"))?;
    Ok(Stored {
        id: JobId::new(at, random),
        fields,
        version: 1,
        created_at: at,
        updated_at: at,
    })
}

//! Whether a list of a company with very many jobs is served as that of a small one.

use anyhow::Context;
use api::Clock;
use auth::Principal;
use local::{DataDir, System, seed};
use model::{Actor, Body, CompanyId, JobFields, JobId, Plan, Timestamp};
use routes::{Role, ScopeSet};
use serde_json::json;
use std::path::Path;
use store::{Stamp, Stored};

use super::{Compared, KEYS, Local, system::empty_folder};
use crate::{
    figure::{Figure, Limit},
    load::{Target, in_turn},
    machine::say,
    part::Part,
    world::{MOST, OWNER},
};

const FEW: usize = 100;
const MANY: usize = 100_000;
/// Of 100 actions, as the API writes them: a job's row, its index rows for `all` and its status, and those of at most three words; and one row of totals.
const IN_ONE_TRANSACTION: usize = 16;
const COMPARED: u32 = 400;

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
        let target = |keys: &[String]| -> anyhow::Result<Target> {
            let path = match path.strip_suffix("&cursor=") {
                Some(first) => format!("{path}{}", cursor(&local, first, &keys[0])?),
                None => path.to_owned(),
            };
            Target::get(&url, &path, keys)
        };
        let (small, large) = (target(&few)?, target(&many)?);
        in_turn(&small, COMPARED / 4)?.all_accepted()?;
        in_turn(&large, COMPARED / 4)?.all_accepted()?;
        let compared = Compared::measure(&small, &large, COMPARED)?;
        part.figures.push(
            Figure::new(id, &format!("local gateway: {what}, company of 100,000 jobs against 100"), "×", compared.ratio)
                .target("≤ 1.2×", Limit::AtMost(1.2))
                .note(format!(
                    "p50 {:.2} ms against {:.2} ms, {} rounds of {COMPARED} requests one after the other, in turn.",
                    compared.second, compared.first, Compared::ROUNDS
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

/// Keys of a company with few jobs, and of one with many.
async fn load(folder: &Path) -> anyhow::Result<[Vec<String>; 2]> {
    let system = System::builder().data_dir(DataDir::open(folder)?);
    let system = system.start().await?;
    let mut loaded = Vec::new();
    for (name, count) in [("Few", FEW), ("Many", MANY)] {
        let owner = [(OWNER, Role::Owner)];
        let plan = Plan::Enterprise;
        let company = seed::company(&system, name, plan, Some(MOST), &owner).await?;
        let mut keys = Vec::new();
        for _ in 0..KEYS {
            let fields = json!({ "name": name, "scopes": ScopeSet::all() });
            let key = seed::key(&system, company, OWNER, &fields).await?;
            keys.push(key.plaintext);
        }
        loaded.push(keys);
        fill(&system, company, count).await?;
    }
    system.settle().await?;
    loaded
        .try_into()
        .map_err(|_| anyhow::anyhow!("not two companies"))
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
    for some in jobs.chunks(IN_ONE_TRANSACTION) {
        let stamp = Stamp {
            actor: Actor::system("bench"),
            at: some[0].created_at,
            source_ip: None,
            request_id: None,
            operation: "CreateJob".to_owned(),
            reason: None,
            // Of all companies' transactions none may have another's token.
            nonce: system.app().entropy.bytes(),
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

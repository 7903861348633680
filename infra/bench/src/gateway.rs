//! The local system over a socket, beside the bare store, a bare server and other gateways.

mod floor;
mod growth;
mod lists;
mod nginx;
mod offline;
mod raw;
mod system;

use std::{thread, time::Duration};

use crate::{
    figure::{Figure, Limit, Rival},
    load::{self, Outcome, Target, closed, in_turn},
    machine::say,
    part::Part,
    peers::Peers,
};
use raw::Raw;

pub(crate) use floor::Floor;
pub use growth::growth;
pub use lists::lists;
pub(crate) use nginx::Nginx;
pub(crate) use system::{Local, empty_folder};

/// Keys, so that no limit is met: one may make 500 requests a second.
const KEYS: usize = 8;
const WARM_UP: Duration = Duration::from_secs(2);
/// For the consumer to come after the requests.
const CALM: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_secs(4);
const LONG: Duration = Duration::from_secs(6);
/// So many that one is free at 120 % of the knee for as long as the queue of an overload can be waited for.
const OPEN_CONNECTIONS: usize = 256;
/// How often the store and the gateway are measured in turn.
const ROUNDS: usize = 3;

/// Measures the part `gateway`.
pub fn gateway() -> anyhow::Result<Part> {
    let mut part = Part::new("gateway")?;
    let peers = Peers::installed()?;
    let local = Local::start("gateway", "30000/10000000")?;
    let keys = local.keys(KEYS, &["read:jobs"])?;
    let target = Target::get(&local.facts.api_url, &local.a_job()?, &keys)?;
    closed(&target, 8, WARM_UP)?.all_accepted()?;
    // The calm ones first: what the consumer has left of a storm would be measured along.
    thread::sleep(CALM);
    let one = closed(&target, 1, SHORT)?.all_accepted()?;
    let eight = closed(&target, 8, SHORT)?.all_accepted()?;

    // In turn, because what else the machine does counts for both then.
    let raw = Raw::prepare()?;
    let (mut ceilings, mut rounds) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        // The consumer would take the store's time from it; the store itself leaves nothing behind.
        thread::sleep(CALM);
        ceilings.push(raw.rate(SHORT)?);
        rounds.push(closed(&target, 32, LONG)?.all_accepted()?);
        say(format!(
            "store {:.0}/s, gateway {:.0}/s",
            ceilings[ceilings.len() - 1],
            rounds[rounds.len() - 1].rate()
        ));
    }
    let shares = rounds.iter().zip(&ceilings);
    let share = median(shares.map(|(round, ceiling)| round.rate() / ceiling * 100.0));
    let ceiling = median(ceilings.iter().copied());
    let rate = median(rounds.iter().map(Outcome::rate));
    let knee = rate.max(eight.rate()).max(one.rate());

    part.figures.push(
        Figure::new("gateway.share", "local gateway: authorized GET at c = 32, share of the store's own UpdateItem rate", "%", share)
            .higher_is_better()
            .reference("one durable UpdateItem 0.83 ms, single writer; nginx auth-proxy 21,000/s, without a store")
            .target("≥ 70 %", Limit::AtLeast(70.0))
            .note(format!(
                "GET /jobs/{{jobId}} of the release binary on a durable data directory, {KEYS} keys in turn, audit consumer and usage running; median of {ROUNDS} rounds of {} s, each after the store's own. \
                 What the consumer has left after a round isn't counted. The store's own: the very UpdateItem that counts the request, straight into the engine, one after the other.",
                LONG.as_secs()
            )),
    );
    let per_second = |id: &str, what: &str, value: f64| {
        Figure::new(id, what, "requests/s", value).higher_is_better()
    };
    part.figures.push(
        per_second("gateway.rate", "local gateway: authorized GET, c = 32", rate)
            .note(format!("p99 {:.1} ms. nginx and the bare server answer from memory: no store, no count that survives, no trail.", rounds[ROUNDS - 1].quantile(0.99)?)),
    );
    part.rivals.push(Rival::new(
        "gateway.rate",
        "the store's own UpdateItem",
        ceiling,
    ));
    part.figures.push(Figure::new(
        "gateway.p50.c1",
        "local gateway: authorized GET, c = 1, p50",
        "ms",
        one.quantile(0.5)?,
    ));
    part.figures.push(Figure::new(
        "gateway.p99.c8",
        "local gateway: authorized GET, c = 8, p99",
        "ms",
        eight.quantile(0.99)?,
    ));
    for percent in [50, 80, 120] {
        thread::sleep(CALM);
        part.figures.push(open_loop(
            &target,
            knee * f64::from(percent) / 100.0,
            percent,
        )?);
    }
    drop(local);
    beside(&mut part, &peers, rate)?;
    Ok(part)
}

fn open_loop(target: &Target, rate: f64, percent: u32) -> anyhow::Result<Figure> {
    let outcome = load::open(target, OPEN_CONNECTIONS, rate, LONG)?;
    let figure = Figure::new(
        &format!("gateway.open.{percent}"),
        &format!("local gateway: authorized GET, open loop at {percent} % of the knee, p99"),
        "ms",
        outcome.quantile(0.99)?,
    );
    Ok(figure.note(format!(
        "{rate:.0} requests/s meant, {:.0}/s accepted, {} refused; p50 {:.2} ms, from when each request was due.",
        outcome.rate(),
        outcome.refused,
        outcome.quantile(0.5)?
    )))
}

/// A bare server, alone and behind nginx; and serverless-offline.
fn beside(part: &mut Part, peers: &Peers, ours: f64) -> anyhow::Result<()> {
    let bare = Floor::start()?;
    let keys: Vec<_> = (0..KEYS).map(|number| format!("key-{number}")).collect();
    let direct = Target::get(&bare.url(), "/jobs", &keys)?;
    for (connections, figure) in [(32, "gateway.rate"), (1, "gateway.p50.c1")] {
        let outcome = closed(&direct, connections, SHORT)?.all_accepted()?;
        let value = match connections {
            1 => outcome.quantile(0.5)?,
            _ => outcome.rate(),
        };
        part.rivals
            .push(Rival::new(figure, "a bare hyper 200", value));
    }
    match Nginx::start(bare.port(), &keys, "1000000r/s", 1_000_000)? {
        Some(nginx) => {
            let target = Target::get(&nginx.url(), "/jobs", &keys)?;
            let outcome = closed(&target, 32, SHORT)?.all_accepted()?;
            part.rivals.push(
                Rival::new("gateway.rate", "nginx", outcome.rate())
                    .version(&nginx.version)
                    .note("map of keys, geo, limit_req, proxy to the bare server."),
            );
            let outcome = closed(&target, 1, SHORT)?.all_accepted()?;
            let p50 = outcome.quantile(0.5)?;
            part.rivals
                .push(Rival::new("gateway.p50.c1", "nginx", p50).version(&nginx.version));
        }
        None => part.skip_peer("nginx"),
    }
    drop(bare);
    let Some(offline) = offline::measure(peers)? else {
        part.skip_peer("serverless-offline");
        return Ok(());
    };
    part.figures.push(
        Figure::new("gateway.offline", "local gateway: authorized GET at c = 32, times serverless-offline with a Node authorizer", "×", ours / offline.rate)
            .higher_is_better()
            .target("≥ 10×", Limit::AtLeast(10.0)),
    );
    let name = "serverless-offline";
    part.rivals.extend([
        Rival::new("gateway.rate", name, offline.rate)
            .version(&offline.version)
            .note(format!("{}, the same embedded store over plain HTTP: one GetItem, nothing counted and nothing kept; its faster run mode of two.", offline.mode)),
        Rival::new("gateway.p50.c1", name, offline.p50).version(&offline.version),
    ]);
    Ok(())
}

/// Medians of rounds of requests one after the other: milliseconds of each, and how many times as long the second takes.
pub(crate) struct Compared {
    pub(crate) first: f64,
    pub(crate) second: f64,
    pub(crate) ratio: f64,
}

impl Compared {
    pub(crate) const ROUNDS: usize = 5;

    /// In turn, because what else the machine does counts for both then; `count` requests a round.
    pub(crate) fn measure(first: &Target, second: &Target, count: u32) -> anyhow::Result<Compared> {
        let (mut firsts, mut seconds) = (Vec::new(), Vec::new());
        for _ in 0..Compared::ROUNDS {
            firsts.push(in_turn(first, count)?.all_accepted()?.quantile(0.5)?);
            seconds.push(in_turn(second, count)?.all_accepted()?.quantile(0.5)?);
        }
        let ratios = seconds.iter().zip(&firsts);
        Ok(Compared {
            ratio: median(ratios.map(|(second, first)| second / first)),
            first: median(firsts),
            second: median(seconds),
        })
    }
}

/// Of an odd number of values.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

//! The authorizer's rows of the table.

use anyhow::{Context, anyhow, ensure};
use std::{
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use crate::{
    callgrind, decision,
    exact::{self, Exact},
    figure::{Figure, Limit, Rival},
    front::Latency,
    gate::MOST_MB,
    lambda::{Bootstrap, CpuShare, Environment, Outcome},
    machine::say,
    part::Part,
    product,
    sample::Sample,
    stage::Stage,
    world::Decided,
};

/// Starts of each program, one after the other in turn: what the machine does meanwhile befalls all alike.
const STARTS: u64 = 25;
/// The warm-up read, the row's read, and the write.
const COLD_CALLS: u64 = 3;
const THROTTLED_STARTS: usize = 10;
const WARM_ROUNDS: usize = 20;
const WARM_EACH: usize = 100;
const WARM_CALLS: u64 = 10_000;

struct Floors {
    /// The standard library alone.
    bare: PathBuf,
    /// And one GetItem.
    store: PathBuf,
    /// `lambda_runtime`.
    hello: PathBuf,
}

pub fn authorizer() -> anyhow::Result<Part> {
    ensure!(
        !cfg!(debug_assertions),
        "the decision is measured in this process: `cargo run --release -p bench`"
    );
    let floors = Floors {
        bare: product::floor("floor")?,
        store: product::floor("floor_store")?,
        hello: product::floor("hello")?,
    };
    let mut part = Part::new("authorizer")?;
    let mut stage = Stage::new("authorizer")?;
    say("starts");
    starts(&mut stage, &floors, &mut part)?;
    say("128 MB");
    throttled(&mut stage, &mut part)?;
    say("warm calls");
    warm(&mut stage, &floors, &mut part)?;
    say("what is exact");
    let exact = exact::measure(&mut stage, WARM_CALLS)?;
    counts(&exact, &mut part)?;
    instructions(&stage, &floors, &exact, &mut part)?;
    busy(&mut stage, &mut part)?;
    let decision = decision::measure(&stage.world)?;
    part.figures.push(
        Figure::new("authorizer.decision", "the decision alone, in process", "µs", decision)
            .reference("Better Auth ~600 µs")
            .target("≤ 2 µs", Limit::AtMost(2.0))
            .note("from the header's text to the write's condition: checksum, tag, secret, state, address, scope, windows"),
    );
    Ok(part)
}

fn floor(stage: &Stage, program: &Path) -> Bootstrap {
    stage.world.function(program, &stage.front)
}

/// Whatever a floor answers.
fn answered(environment: &mut Environment) -> anyhow::Result<crate::lambda::Invocation> {
    let invocation = environment.invoke(b"{}")?;
    ensure!(
        matches!(invocation.outcome, Outcome::Response(_)),
        "a floor has failed"
    );
    Ok(invocation)
}

fn starts(stage: &mut Stage, floors: &Floors, part: &mut Part) -> anyhow::Result<()> {
    let mut before_network = Sample::default();
    let mut init = Sample::default();
    let mut cold = [Sample::default(), Sample::default()];
    let mut bare = Sample::default();
    let mut hello = Sample::default();
    let mut peak = 0;
    let mut of_store = Sample::default();
    for run in 0..STARTS {
        for (sample, program) in [(&mut bare, &floors.bare), (&mut hello, &floors.hello)] {
            let mut environment = floor(stage, program).start()?;
            sample.add(environment.init()?);
        }
        let typical = Latency::typical_of_run(run);
        let mut draws = typical;
        of_store.add((0..COLD_CALLS).map(|_| draws.draw()).sum());
        for (latency, cold) in [Latency::None, typical].into_iter().zip(&mut cold) {
            stage.front.set_latency(latency);
            stage.front.take_counts();
            let mut environment = stage.bootstrap().start()?;
            let first = stage.accepted(&mut environment)?;
            cold.add(first.since_spawn);
            let counts = stage.front.take_counts();
            ensure!(counts.all() == COLD_CALLS, "{:?}", counts.calls);
            if latency == Latency::None {
                init.add(environment.init()?);
                let connected = counts.first_connection;
                let connected = connected.context("it has never connected")?;
                before_network.add(connected - environment.started());
                peak = peak.max(environment.usage()?.peak_rss_kib);
            }
        }
        stage.front.set_latency(Latency::None);
    }
    let (bare, hello) = (bare.median()?, hello.median()?);
    let figures = [
        Figure::new(
            "authorizer.init",
            "authorizer: spawn → its first connection to the store, pinned",
            "ms",
            before_network.median()?,
        )
        .reference("std floor 1.1, hello 2.0")
        .target("≤ 4 × floor (a)", Limit::AtMost(4.0 * bare))
        .note(format!("{:.2} × floor (a); the floors' are to their first /next", before_network.median()? / bare)),
        Figure::new(
            "authorizer.init.whole",
            "authorizer: spawn → ready, with TLS, the warm-up read and the secret",
            "ms",
            init.median()?,
        ),
        Figure::new(
            "authorizer.cold",
            "authorizer: spawn → first authorized response, the store on loopback, the secret from a file",
            "ms",
            cold[0].median()?,
        )
        .reference("boto3 ≥ 413, Node SDK ≥ 189 before any call")
        .target("≤ 20 ms", Limit::AtMost(20.0))
        .note("TLS, the warm-up read, the row's read and the write"),
        Figure::new(
            "authorizer.cold.typical",
            "authorizer: spawn → first authorized response, the store at 3 ms (p99 9 ms) a call, the secret from a file",
            "ms",
            cold[1].median()?,
        )
        .target("≤ 20 ms", Limit::AtMost(20.0))
        .note(format!(
            "three calls one after the other, {:.1} ms at the median, are the store's",
            of_store.median()?
        )),
        Figure::new("authorizer.rss", "authorizer: peak RSS after its first call", "MiB", peak as f64 / 1_024.0)
            .reference("hello 3.2, Node 55-66")
            .target("≤ 12 MiB", Limit::AtMost(12.0)),
    ];
    part.figures.extend(figures);
    part.skip(
        "Secrets Manager's part of a cold start",
        "the secret comes from a file; deployed, it is fetched over a connection of its own while the store's is opened and warmed up",
    );
    part.rivals
        .push(Rival::new("authorizer.init", "floor (a)", bare));
    part.rivals.push(Rival::new(
        "authorizer.init",
        "floor (c), lambda_runtime",
        hello,
    ));
    Ok(())
}

fn throttled(stage: &mut Stage, part: &mut Part) -> anyhow::Result<()> {
    let what = "the first request's handler at a 128 MB CPU share";
    let mut took = Sample::default();
    for _ in 0..THROTTLED_STARTS {
        let share = CpuShare::of_memory(128);
        let mut environment = stage.bootstrap().start()?;
        environment.init()?;
        let throttled = match &share {
            Ok(share) => environment.throttle(share),
            Err(error) => Err(anyhow!("{error:#}")),
        };
        if let Err(error) = throttled {
            part.skip(what, format!("{error:#}"));
            return Ok(());
        }
        took.add(stage.accepted(&mut environment)?.took);
        environment.stop()?;
    }
    part.figures.push(
        Figure::new("authorizer.handler.128", what, "ms", took.median()?)
            .reference("published 912 ms")
            .target("≤ 25 ms", Limit::AtMost(25.0))
            .note("by a control group's quota, 7.2 % of a core in periods of 20 ms, from after init on"),
    );
    Ok(())
}

fn warm(stage: &mut Stage, floors: &Floors, part: &mut Part) -> anyhow::Result<()> {
    for (latency, suffix, said) in [
        (Latency::typical(), "", "the store at 3 ms a call"),
        (Latency::None, ".bare", "the store on loopback"),
    ] {
        stage.front.set_latency(latency);
        let mut ours = stage.bootstrap().start()?;
        let mut theirs = floor(stage, &floors.store).start()?;
        ours.init()?;
        stage.warm(&mut ours)?;
        answered(&mut theirs)?;
        let (mut authorizer, mut floor_b) = (Sample::default(), Sample::default());
        for _ in 0..WARM_ROUNDS {
            for _ in 0..WARM_EACH {
                authorizer.add(stage.accepted(&mut ours)?.took);
            }
            for _ in 0..WARM_EACH {
                floor_b.add(answered(&mut theirs)?.took);
            }
        }
        let id = format!("authorizer.warm{suffix}");
        let floor_p50 = floor_b.median()?;
        let mut p50 = Figure::new(
            &id,
            &format!("authorizer: warm request with its one store call, p50, {said}"),
            "ms",
            authorizer.median()?,
        );
        let ratio = format!("{:.2} × floor (b)", p50.value / floor_p50);
        p50 = match latency {
            Latency::None => p50.note(format!(
                "{ratio}: with no network, a write is held against a read of a row that isn't there"
            )),
            Latency::Typical { .. } => p50
                .target("≤ 1.3 × floor (b)", Limit::AtMost(1.3 * floor_p50))
                .note(ratio),
        };
        let p99 = format!("{id}.p99");
        part.figures.push(p50);
        part.figures.push(Figure::new(
            &p99,
            &format!("authorizer: warm request with its one store call, p99, {said}"),
            "ms",
            authorizer.quantile(0.99)?,
        ));
        part.rivals.push(Rival::new(&id, "floor (b)", floor_p50));
        part.rivals
            .push(Rival::new(&p99, "floor (b)", floor_b.quantile(0.99)?));
        if latency == Latency::None {
            let peak = ours.usage()?.peak_rss_kib as f64 / 1_024.0;
            part.figures.push(
                Figure::new(
                    "authorizer.rss.warm",
                    "authorizer: peak RSS after 2,000 calls of 32 keys",
                    "MiB",
                    peak,
                )
                .target("≤ 12 MiB", Limit::AtMost(12.0)),
            );
        }
    }
    stage.front.set_latency(Latency::None);
    Ok(())
}

/// A key is dearest when it was used in each second that its row still remembers.
fn busy(stage: &mut Stage, part: &mut Part) -> anyhow::Result<()> {
    const SECONDS: u64 = 14;
    let mut environment = stage.bootstrap().start()?;
    let key = stage.world.keys.accepted[0].clone();
    let mut units = 0.0;
    for _ in 0..SECONDS {
        thread::sleep(Duration::from_secs(1));
        stage.front.take_counts();
        let event = stage.events.next(&key, None);
        let outcome = environment.invoke(&event)?.outcome;
        ensure!(Decided::read(&outcome) == Decided::Accepted, "a busy key");
        units = stage.front.take_counts().write_units;
    }
    let what = "capacity of an authorized request of a key with all scopes, two networks and a limit per second, used in each of the last 14 seconds: written";
    part.figures.push(
        Figure::new("authorizer.write_units.busy", what, "WRU", units)
            .target("1 WRU", Limit::AtMost(1.0))
            .note("the row remembers 8 seconds' windows of 13 bytes each; the 14 scopes take 209 bytes; more than 1,024 in all cost a second unit"),
    );
    environment.stop()
}

fn counts(exact: &Exact, part: &mut Part) -> anyhow::Result<()> {
    let one = Limit::Exactly(1.0);
    let value = |id: &str| {
        let value = exact.get(id).copied();
        value.ok_or_else(|| anyhow!("{id} wasn't measured"))
    };
    for (id, what, unit, reference, target, limit) in [
        (
            "authorizer.calls.accepted",
            "store calls of an accepted request, warm",
            "",
            "Better Auth 3-4",
            "1",
            one,
        ),
        (
            "authorizer.calls.ats",
            "store calls of an accepted ATS request, warm",
            "",
            "",
            "2",
            Limit::Exactly(2.0),
        ),
        (
            "authorizer.calls.forged",
            "store calls of a forged key",
            "",
            "1",
            "0",
            Limit::Exactly(0.0),
        ),
        (
            "authorizer.calls.limited",
            "store calls of ten repeated 429 in a second of their window",
            "",
            "10",
            "0, one re-read a second",
            Limit::Exactly(0.0),
        ),
        (
            "authorizer.write_units",
            "capacity of an authorized request of a key with all scopes and two networks, without a limit per second: written",
            "WRU",
            "naive 4",
            "1 WRU",
            one,
        ),
        (
            "authorizer.read_units",
            "capacity of the same request: read",
            "RRU",
            "",
            "0",
            Limit::Exactly(0.0),
        ),
        (
            "authorizer.connections.runtime_api",
            "TCP opens to the Runtime API per 10,000 warm calls",
            "",
            "up to 9,450 with defaults",
            "1",
            one,
        ),
        (
            "authorizer.connections.store",
            "TCP and TLS opens to the store per 10,000 warm calls",
            "",
            "",
            "1",
            one,
        ),
        (
            "authorizer.tls_stacks",
            "TLS stacks linked",
            "",
            "",
            "1",
            one,
        ),
    ] {
        let mut figure = Figure::new(id, what, unit, value(id)?).target(target, limit);
        if !reference.is_empty() {
            figure = figure.reference(reference);
        }
        part.figures.push(figure);
    }
    let zip = "authorizer.zip";
    part.figures.push(
        Figure::new(zip, "authorizer: zip", "MB", value(zip)?)
            .reference("11 MB published SDK binary")
            .target("≤ 3.5 MB", Limit::AtMost(MOST_MB))
            .note("seven tenths of the program are code: the AWS SDK's, ours, rustls, and HTTP/2 (h2), which aws-smithy-http-client brings along; a tenth are tables for unwinding, because a panic must not end the process"),
    );
    Ok(())
}

fn instructions(
    stage: &Stage,
    floors: &Floors,
    exact: &Exact,
    part: &mut Part,
) -> anyhow::Result<()> {
    let of = |id: &str| exact.get(id).copied().unwrap_or(f64::NAN);
    let forged = "authorizer.instructions.forged";
    let accepted = "authorizer.instructions.accepted";
    part.figures.push(
        Figure::new(
            forged,
            "authorizer: warm instructions without the store (a forged key)",
            "",
            of(forged),
        )
        .reference("floor 12.7 k, hello 171 k, Python 539 k")
        .target("≤ 300 k", Limit::AtMost(300_000.0))
        .note("callgrind, 2,001 invocations less one, over 2,000; floors over 200"),
    );
    part.figures.push(
        Figure::new(
            accepted,
            "authorizer: warm instructions with the store's one call, TLS and signature included",
            "",
            of(accepted),
        )
        .note(
            "callgrind counts no SHA and later AES instructions: it has the processor do without",
        ),
    );
    for (name, program) in [
        ("floor (a)", &floors.bare),
        ("floor (c), lambda_runtime", &floors.hello),
    ] {
        let count = callgrind::instructions(&floor(stage, program), |environment| {
            answered(environment).map(drop)
        })?;
        part.rivals.push(Rival::new(forged, name, count));
    }
    let count = callgrind::instructions(&floor(stage, &floors.store), |environment| {
        answered(environment).map(drop)
    })?;
    part.rivals.push(Rival::new(accepted, "floor (b)", count));
    Ok(())
}

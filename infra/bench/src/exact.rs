//! What is the same on every run: instructions, store calls, capacity, connections, size, TLS.

use anyhow::{Context, ensure};
use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    callgrind,
    front::Counts,
    gateway::median,
    lambda::Environment,
    machine::{root, said},
    product,
    stage::Stage,
    world::Decided,
};

/// By the figure's id.
pub(crate) type Exact = BTreeMap<String, f64>;

/// What one request costs is measured over so many.
const CALLS: u64 = 100;

pub(crate) fn measure(stage: &mut Stage, warm_calls: u64) -> anyhow::Result<Exact> {
    let mut exact = Exact::new();
    calls(stage, &mut exact)?;
    connections(stage, warm_calls, &mut exact)?;
    instructions(stage, &mut exact)?;
    exact.insert(
        "authorizer.zip".to_owned(),
        product::zipped(&stage.authorizer)? as f64 / 1_000_000.0,
    );
    exact.insert("authorizer.tls_stacks".to_owned(), tls_stacks()?);
    strangers(stage)?;
    Ok(exact)
}

fn calls(stage: &mut Stage, exact: &mut Exact) -> anyhow::Result<()> {
    let mut environment = stage.bootstrap().start()?;
    environment.init()?;
    stage.warm(&mut environment)?;
    stage.plain(&mut environment)?;
    stage.ats(&mut environment)?;
    // Only the first tag that fits none makes it read the secret again.
    stage.forged(&mut environment)?;
    let mut each = |id: &str,
                    ask: &mut dyn FnMut(&mut Stage, &mut Environment) -> anyhow::Result<()>|
     -> anyhow::Result<Counts> {
        stage.front.take_counts();
        for _ in 0..CALLS {
            ask(stage, &mut environment)?;
        }
        let counts = stage.front.take_counts();
        exact.insert(format!("authorizer.calls.{id}"), per_call(counts.all()));
        Ok(counts)
    };
    let limited_a_second = each("accepted", &mut |stage, environment| {
        stage.accepted(environment).map(drop)
    })?;
    let counts = each("plain", &mut |stage, environment| {
        stage.plain(environment).map(drop)
    })?;
    let ats = each("ats", &mut |stage, environment| {
        stage.ats(environment).map(drop)
    })?;
    each("forged", &mut |stage, environment| {
        stage.forged(environment).map(drop)
    })?;
    for (id, units) in [
        ("write_units", counts.write_units),
        ("per_second.write_units", limited_a_second.write_units),
        ("read_units", counts.read_units),
        ("ats.write_units", ats.write_units),
    ] {
        exact.insert(format!("authorizer.{id}"), units / CALLS as f64);
    }
    let limited = limited(stage, &mut environment)?;
    exact.insert("authorizer.calls.limited".to_owned(), limited as f64);
    environment.stop()
}

fn per_call(calls: u64) -> f64 {
    calls as f64 / CALLS as f64
}

/// Store calls of ten refusals of a full window, in the second after the store has said it.
fn limited(stage: &mut Stage, environment: &mut Environment) -> anyhow::Result<u64> {
    // A window may end in between, or this machine be too slow for a second.
    for _ in 0..10 {
        let mut ask = |stage: &mut Stage| -> anyhow::Result<Decided> {
            let event = stage.events.next(&stage.world.keys.limited, None);
            Ok(Decided::read(&environment.invoke(&event)?.outcome))
        };
        let mut asked = 0;
        while ask(stage)? != Decided::Limited {
            asked += 1;
            ensure!(asked < 20, "the limit of 5 a minute is never reached");
        }
        std::thread::sleep(Duration::from_millis(1_050));
        // The window's row is there; this one is read again.
        let began = Instant::now();
        stage.front.take_counts();
        let mut all_limited = ask(stage)? == Decided::Limited;
        let read_again = stage.front.take_counts().all();
        for _ in 0..10 {
            all_limited &= ask(stage)? == Decided::Limited;
        }
        if all_limited && began.elapsed() < Duration::from_millis(950) {
            ensure!(read_again == 1, "{read_again} calls, not one in a second");
            return Ok(stage.front.take_counts().all());
        }
    }
    anyhow::bail!("this machine is too slow for ten refusals in a second")
}

fn connections(stage: &mut Stage, calls: u64, exact: &mut Exact) -> anyhow::Result<()> {
    let mut environment = stage.bootstrap().start()?;
    stage.front.take_counts();
    environment.init()?;
    for _ in 0..calls {
        stage.accepted(&mut environment)?;
    }
    let counts = stage.front.take_counts();
    ensure!(
        counts.handshakes() == counts.connections,
        "connections without TLS"
    );
    for (id, opened) in [
        ("runtime_api", environment.connections()),
        ("store", counts.connections),
    ] {
        exact.insert(format!("authorizer.connections.{id}"), opened as f64);
    }
    environment.stop()
}

fn instructions(stage: &mut Stage, exact: &mut Exact) -> anyhow::Result<()> {
    let bootstrap = stage.bootstrap();
    let forged = callgrind::instructions_over(&bootstrap, 2_000, |environment| {
        stage.forged(environment).map(drop)
    })?;
    exact.insert("authorizer.instructions.forged".to_owned(), forged);
    let accepted = accepted_instructions(stage)?;
    exact.insert("authorizer.instructions.accepted".to_owned(), accepted);
    Ok(())
}

/// Under valgrind everything takes fifty times as long, and the SDK's patience is the product's: a machine that is busy makes it ask again, and such a count is none.
fn accepted_instructions(stage: &mut Stage) -> anyhow::Result<f64> {
    const TRIES: u32 = 9;
    // Of so many it is the middle one, of fewer where the machine is that busy.
    const WANTED: usize = 3;
    // Both runs read the key's row, and write once for each request. They read the warm-up's row, too, where its handshake is done in the product's time, and neither where the machine is too slow for that.
    const FEWEST: u64 = 2 + callgrind::INVOCATIONS;
    const WARMED_UP: u64 = 2 + FEWEST;
    let bootstrap = stage.bootstrap();
    let key = stage.world.keys.accepted[0].clone();
    let mut found = Vec::new();
    for _ in 0..TRIES {
        stage.front.take_counts();
        let counted = callgrind::instructions(&bootstrap, |environment| {
            let event = stage.events.next(&key, None);
            let invocation = environment.invoke(&event)?;
            ensure!(Decided::read(&invocation.outcome) == Decided::Accepted);
            Ok(())
        });
        let calls = stage.front.take_counts().all();
        if let (Ok(instructions), FEWEST | WARMED_UP) = (counted, calls) {
            found.push(instructions);
        }
        if found.len() == WANTED {
            break;
        }
    }
    ensure!(
        !found.is_empty(),
        "this machine is too busy for the store's calls under valgrind"
    );
    Ok(median(found))
}

/// How many TLS and crypto stacks are linked; one, and by ring.
fn tls_stacks() -> anyhow::Result<f64> {
    let tree = said(Command::new("cargo").current_dir(root()).args([
        "tree",
        "--locked",
        "--quiet",
        "-p",
        "authorizer",
        "--features",
        "lambda",
        "-e",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]))?;
    // Each version once.
    let packages: BTreeSet<_> = tree
        .lines()
        .map(|line| line.trim_end_matches(" (*)"))
        .collect();
    let name = |package: &str| package.split(' ').next().unwrap_or_default().to_owned();
    let has = |wanted: &str| packages.iter().any(|package| name(package) == wanted);
    ensure!(has("rustls") && has("ring"), "no rustls by ring");
    let stacks = [
        "aws-lc-rs",
        "boring",
        "mbedtls",
        "native-tls",
        "openssl",
        "rustls",
        "s2n-tls",
    ];
    let linked = packages.iter().map(|package| name(package));
    Ok(linked
        .filter(|name| stacks.contains(&name.as_str()))
        .count() as f64)
}

/// Neither the system's roots nor anything in the environment makes the process trust a store that it wasn't told of.
fn strangers(stage: &mut Stage) -> anyhow::Result<()> {
    let ca = stage.front.ca_file().display().to_string();
    let mut untold = stage.bootstrap().env("SSL_CERT_FILE", &ca);
    untold
        .environment
        .retain(|(name, _)| name != "DYNAMODB_CA_FILE");
    let mut environment = untold.start()?;
    environment.init()?;
    let event = stage.events.next(&stage.world.keys.accepted[0], None);
    let decided = Decided::read(&environment.invoke(&event)?.outcome);
    ensure!(
        decided == Decided::Failed,
        "{decided:?} by a store that nobody vouches for"
    );
    environment.stop()?;

    let mut elsewhere = stage.bootstrap();
    for (name, value) in &mut elsewhere.environment {
        if name == "DYNAMODB_ENDPOINT" {
            *value = "https://dynamodb.eu-central-1.amazonaws.com".to_owned();
        } else if name == "KEYS_SECRET" {
            *value = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:keys".to_owned();
        }
    }
    let refused = elsewhere.start()?.init().err();
    let refused = refused.context("a CA was trusted for DynamoDB itself")?;
    ensure!(
        format!("{refused:#}").contains("DYNAMODB_CA_FILE"),
        "not for the CA: {refused:#}"
    );
    Ok(())
}

//! Python and Node authorizers between the same two likenesses as ours.

use anyhow::{Context, ensure};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Peers, store};
use crate::{
    callgrind,
    figure::{Figure, Limit, Rival},
    front::{Front, Latency},
    gateway::empty_folder,
    lambda::{Bootstrap, Environment, Outcome},
    machine::{said, say},
    part::Part,
    sample::Sample,
    stage::Stage,
    world::Events,
};

/// One in turn with the others: what the machine does meanwhile befalls all alike.
const STARTS: usize = 10;
/// Measured, after as many that aren't: a just-in-time compiler has its work behind it then.
const WARM_CALLS: usize = 1_000;
const WARM_ROUNDS: usize = 10;

/// One peer, ready to be started.
struct Contender {
    name: &'static str,
    version: String,
    bootstrap: Bootstrap,
    /// What is uploaded.
    zip: PathBuf,
    /// How many times as long as ours its start is meant to take.
    slower: f64,
    /// Whether valgrind runs it.
    is_counted: bool,
    note: String,
    init: Sample,
    cold: Sample,
    peak_rss_kib: u64,
}

pub(super) fn measure(peers: &Peers, part: &mut Part) -> anyhow::Result<()> {
    let mut stage = Stage::new("peers")?;
    store::seed(&stage.world.engine)?;
    let mut contenders = Vec::new();
    for (name, contender) in [
        ("boto3", python(peers, &stage.front)?),
        ("Node", node(peers, &stage.front)?),
    ] {
        match contender {
            Some(contender) => contenders.push(contender),
            None => part.skip_peer(name),
        }
    }
    let mut events = Events::new()?;
    let mut ours = Sample::default();
    for _ in 0..STARTS {
        let mut environment = stage.bootstrap().start()?;
        ours.add(stage.accepted(&mut environment)?.since_spawn);
        for contender in &mut contenders {
            let mut environment = contender.bootstrap.start()?;
            contender.init.add(environment.init()?);
            let first = allowed(&mut environment, &mut events)?;
            contender.cold.add(first);
            let peak = environment.usage()?.peak_rss_kib;
            contender.peak_rss_kib = contender.peak_rss_kib.max(peak);
        }
    }
    let ours = ours.median()?;
    for mut contender in contenders {
        say(contender.name);
        starts(&mut contender, ours, part)?;
        warm(&contender, &mut stage, &mut events, part)?;
    }
    Ok(())
}

impl Contender {
    fn rival(&self, figure: &str, value: f64) -> Rival {
        Rival::new(figure, self.name, value).version(&self.version)
    }
}

fn starts(contender: &mut Contender, ours: f64, part: &mut Part) -> anyhow::Result<()> {
    let (init, cold) = (contender.init.median()?, contender.cold.median()?);
    let Contender {
        name,
        slower,
        ref note,
        ..
    } = *contender;
    let id = format!("peers.cold.{}", name.to_lowercase());
    let what = format!("spawn → first authorized response: {name} takes so many times as long");
    part.figures.push(
        Figure::new(&id, &what, "×", cold / ours)
            .higher_is_better()
            .target(&format!("≥ {slower}×"), Limit::AtLeast(slower))
            .note(format!(
                "{cold:.0} ms against {ours:.1} ms, medians of {STARTS} starts in turn. {note}"
            )),
    );
    let zip = fs::metadata(&contender.zip)?.len() as f64 / 1e6;
    let rss = contender.peak_rss_kib as f64 / 1_024.0;
    part.rivals.extend([
        contender.rival("authorizer.cold", cold),
        contender
            .rival("authorizer.init.whole", init)
            .note("it connects to nothing before its first request"),
        contender.rival("authorizer.rss", rss),
        contender
            .rival("authorizer.zip", zip)
            .note("with its SDK, which Lambda's own image brings along in some version: without, it is a few KB"),
    ]);
    Ok(())
}

fn warm(
    contender: &Contender,
    stage: &mut Stage,
    events: &mut Events,
    part: &mut Part,
) -> anyhow::Result<()> {
    for (latency, id) in [
        (Latency::typical(), "authorizer.warm"),
        (Latency::None, "authorizer.warm.bare"),
    ] {
        stage.front.set_latency(latency);
        let mut environment = contender.bootstrap.start()?;
        let mut authorizer = stage.bootstrap().start()?;
        stage.warm(&mut authorizer)?;
        for _ in 0..WARM_CALLS {
            allow(&mut environment, events)?;
        }
        stage.front.take_counts();
        let (mut took, mut ours) = (Sample::default(), Sample::default());
        let mut calls = 0;
        for _ in 0..WARM_ROUNDS {
            stage.front.take_counts();
            for _ in 0..WARM_CALLS / WARM_ROUNDS {
                took.add(allow(&mut environment, events)?.took);
            }
            calls += stage.front.take_counts().all();
            for _ in 0..WARM_CALLS / WARM_ROUNDS {
                ours.add(stage.accepted(&mut authorizer)?.took);
            }
        }
        part.rivals.push(contender.rival(id, took.median()?).note(format!(
            "one strong GetItem: it reads, and neither counts, limits nor leaves a record; ours in turn with it took {:.2} ms",
            ours.median()?
        )));
        let p99 = contender.rival(&format!("{id}.p99"), took.quantile(0.99)?);
        part.rivals.push(p99);
        if latency == Latency::None {
            let calls = calls as f64 / WARM_CALLS as f64;
            let calls = contender.rival("authorizer.calls.accepted", calls);
            part.rivals.push(calls);
        }
    }
    stage.front.set_latency(Latency::None);
    if contender.is_counted {
        let count = callgrind::instructions(&contender.bootstrap, |environment| {
            allow(environment, events).map(drop)
        })?;
        part.rivals
            .push(contender.rival("authorizer.instructions.accepted", count));
    }
    Ok(())
}

fn allowed(
    environment: &mut Environment,
    events: &mut Events,
) -> anyhow::Result<std::time::Duration> {
    Ok(allow(environment, events)?.since_spawn)
}

fn allow(
    environment: &mut Environment,
    events: &mut Events,
) -> anyhow::Result<crate::lambda::Invocation> {
    let invocation = environment.invoke(&events.next(store::KEY, None))?;
    let Outcome::Response(body) = &invocation.outcome else {
        anyhow::bail!(
            "a peer has failed: {:?}\n{}",
            invocation.outcome,
            environment.log()?
        );
    };
    let answer: Value = serde_json::from_slice(body)?;
    let effect = &answer["policyDocument"]["Statement"][0]["Effect"];
    ensure!(effect == "Allow", "a peer has refused: {answer}");
    Ok(invocation)
}

fn python(peers: &Peers, front: &Front) -> anyhow::Result<Option<Contender>> {
    let Some(folder) = peers.folder("python") else {
        return Ok(None);
    };
    let program = folder.join("python3").display().to_string();
    let version = said(Command::new(&program).arg("--version"))?;
    let package = folder.join("package");
    let pins = fs::read_to_string(folder.join("versions"))?;
    let command = [&program, "-m", "awslambdaric", "authorizer.handler"].map(str::to_owned);
    // The runtime's client takes the handler from Python's path, as Lambda's image sets it.
    let path = format!("{}:{}", package.display(), folder.join("runtime").display());
    let bootstrap = bootstrap("boto3", command, &package, front)?
        .env("PYTHONPATH", &path)
        .env("AWS_CA_BUNDLE", &front.ca_file().display().to_string());
    Ok(Some(contender(
        "boto3",
        pins.trim(),
        bootstrap,
        folder.join("package.zip"),
        20.0,
        format!("awslambdaric on {version}."),
    )))
}

fn node(peers: &Peers, front: &Front) -> anyhow::Result<Option<Contender>> {
    let (Some(folder), Some(mut node)) = (peers.folder("node"), peers.node()) else {
        return Ok(None);
    };
    let version = said(node.arg("--version"))?;
    let program = node.get_program().to_string_lossy().into_owned();
    let client = folder.join("node_modules/aws-lambda-ric/index.mjs");
    let client = client.display().to_string();
    let package = folder.join("package");
    let bootstrap = bootstrap(
        "node",
        [program, client, "authorizer.handler".to_owned()],
        &package,
        front,
    )?
    .env(
        "NODE_EXTRA_CA_CERTS",
        &front.ca_file().display().to_string(),
    );
    Ok(Some(contender(
        "Node",
        &format!("SDK {}", peers.version("node", "@aws-sdk/client-dynamodb")?),
        bootstrap,
        folder.join("package.zip"),
        10.0,
        format!("The SDK v3, bundled and minified by esbuild, aws-lambda-ric on Node {version}."),
    )))
}

fn contender(
    name: &'static str,
    version: &str,
    bootstrap: Bootstrap,
    zip: PathBuf,
    slower: f64,
    note: String,
) -> Contender {
    Contender {
        name,
        version: version.to_owned(),
        bootstrap,
        zip,
        slower,
        // A just-in-time compiler is another program under valgrind.
        is_counted: name == "boto3",
        note,
        init: Sample::default(),
        cold: Sample::default(),
        peak_rss_kib: 0,
    }
}

/// As `Stage` starts ours, with the peer's package as the task.
fn bootstrap<const N: usize>(
    name: &str,
    command: [String; N],
    package: &Path,
    front: &Front,
) -> anyhow::Result<Bootstrap> {
    let folder = empty_folder(name)?;
    ensure!(package.exists(), "no {}", package.display());
    let task = package.to_str().context("a path that is no text")?;
    Ok(Bootstrap::new(command, folder)
        .env("LAMBDA_TASK_ROOT", task)
        .env("_HANDLER", "authorizer.handler")
        .env("PEER_TABLE", store::TABLE)
        .env("AWS_ENDPOINT_URL_DYNAMODB", &front.url()))
}

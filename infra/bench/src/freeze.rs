//! A process that is stopped between invocations, and whose connections are ended meanwhile, refuses nobody.

use anyhow::ensure;
use std::{thread, time::Duration};

use crate::{
    figure::{Figure, Limit},
    front::HangUp,
    part::Part,
    sample::Sample,
    stage::Stage,
    world::Decided,
};

/// What the thaws were like.
#[derive(Debug)]
pub(crate) struct Thawed {
    pub(crate) errors: u64,
    /// More store calls than requests: attempts that met a dead connection.
    repeated: u64,
    /// Connections that were opened anew.
    reconnected: u64,
    /// Requests that the row counts beyond those that were accepted.
    pub(crate) overcounted: u64,
    took: Sample,
}

/// The part of the table.
pub fn freeze(thaws: u64, longest: Duration) -> anyhow::Result<Part> {
    let mut part = Part::new("freeze")?;
    let mut stage = Stage::new("freeze")?;
    let mut thawed = thaw(&mut stage, thaws, longest)?;
    let what =
        format!("client errors in {thaws} thaws, connections closed, reset or forgotten meanwhile");
    part.figures.push(
        Figure::new("freeze.errors", &what, "", thawed.errors as f64)
            .target("0 of 1,000", Limit::Exactly(0.0))
            .note(format!(
                "{} connections were lost and opened anew, the longest freeze took {longest:?}; {} store calls had to be made again",
                thawed.reconnected, thawed.repeated
            )),
    );
    let overcounted = thawed.overcounted as f64;
    part.figures.push(
        Figure::new(
            "freeze.overcounted",
            "requests that were counted twice by them",
            "",
            overcounted,
        )
        .target("0", Limit::Exactly(0.0)),
    );
    let slowest = thawed.took.quantile(1.0)?;
    part.figures.push(
        Figure::new(
            "freeze.slowest",
            "slowest request after a thaw",
            "ms",
            slowest,
        )
        .target("within the authorizer's 3 s", Limit::AtMost(3_000.0)),
    );
    Ok(part)
}

pub(crate) fn thaw(stage: &mut Stage, thaws: u64, longest: Duration) -> anyhow::Result<Thawed> {
    let mut bootstrap = stage.bootstrap();
    bootstrap.freezes = true;
    let mut environment = bootstrap.start()?;
    environment.init()?;
    let key = stage.world.keys.accepted[0].clone();
    let event = stage.events.next(&key, None);
    ensure!(Decided::read(&environment.invoke(&event)?.outcome) == Decided::Accepted);
    let before = stage.world.counted(&key)?;
    stage.front.take_counts();
    let mut thawed = Thawed {
        errors: 0,
        repeated: 0,
        reconnected: 0,
        overcounted: 0,
        took: Sample::default(),
    };
    let mut accepted = 0;
    for number in 0..thaws {
        environment.frozen()?;
        // How a connection ends doesn't go with how long the process stands still: of the long pauses, too, each kind has its share.
        match (number / 4) % 4 {
            0 => stage.front.hang_up(HangUp::Close),
            1 => stage.front.hang_up(HangUp::Reset),
            2 => stage.front.hang_up(HangUp::Vanish),
            _ => {}
        }
        // The end of the connection is on its way, has come, or came long ago.
        let pause = match number {
            last if last + 1 == thaws => longest,
            number if number % 100 == 99 => Duration::from_secs(1),
            number if number % 10 == 9 => Duration::from_millis(50),
            number => Duration::from_millis(number % 4),
        };
        thread::sleep(pause);
        let event = stage.events.next(&key, None);
        let invocation = environment.invoke(&event)?;
        match Decided::read(&invocation.outcome) {
            Decided::Accepted => accepted += 1,
            _ => thawed.errors += 1,
        }
        thawed.took.add(invocation.took);
    }
    let counts = stage.front.take_counts();
    thawed.repeated = counts.all().saturating_sub(thaws);
    thawed.reconnected = counts.connections;
    // Of four thaws three have lost their connection.
    ensure!(
        thawed.reconnected >= thaws / 2,
        "hardly a connection was lost"
    );
    thawed.overcounted = (stage.world.counted(&key)? - before).saturating_sub(accepted);
    environment.stop()?;
    Ok(thawed)
}

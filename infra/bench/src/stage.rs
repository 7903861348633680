//! The authorizer as it is deployed, between the two likenesses.

use anyhow::ensure;
use std::{path::PathBuf, thread};

use crate::{
    front::{Front, Latency},
    lambda::{Bootstrap, Environment, Invocation},
    product,
    world::{Decided, Events, World},
};

/// One world behind one front, and the programs that are measured with it.
#[derive(Debug)]
pub struct Stage {
    pub world: World,
    pub front: Front,
    pub events: Events,
    pub authorizer: PathBuf,
    turn: usize,
}

impl Stage {
    pub fn new(name: &str) -> anyhow::Result<Stage> {
        let authorizer = product::function("authorizer")?;
        let world = World::new(name)?;
        // The function has the first core; the store takes no time of it where there is another.
        let cores = thread::available_parallelism()?.get();
        let core = (cores > 1).then(|| cores - 1);
        let front = Front::start(world.engine.clone(), &world.folder, core, Latency::None)?;
        Ok(Stage {
            front,
            events: Events::new()?,
            authorizer,
            turn: 0,
            world,
        })
    }

    pub fn bootstrap(&self) -> Bootstrap {
        self.world.function(&self.authorizer, &self.front)
    }

    /// A request of the next key in turn, which must be accepted.
    pub fn accepted(&mut self, environment: &mut Environment) -> anyhow::Result<Invocation> {
        let keys = &self.world.keys.accepted;
        self.turn = (self.turn + 1) % keys.len();
        let event = self.events.next(&keys[self.turn], None);
        expect(environment, &event, Decided::Accepted)
    }

    /// Of the key on a plan without a limit per second.
    pub fn plain(&mut self, environment: &mut Environment) -> anyhow::Result<Invocation> {
        let event = self.events.next(&self.world.keys.plain, None);
        expect(environment, &event, Decided::Accepted)
    }

    pub fn ats(&mut self, environment: &mut Environment) -> anyhow::Result<Invocation> {
        let keys = &self.world.keys;
        let event = self.events.next(&keys.ats, Some(&keys.company));
        expect(environment, &event, Decided::Accepted)
    }

    pub fn forged(&mut self, environment: &mut Environment) -> anyhow::Result<Invocation> {
        let event = self.events.next(&self.world.keys.forged, None);
        expect(environment, &event, Decided::Unauthorized)
    }

    /// Lets the process see every key once, so that it has a hint of each.
    pub fn warm(&mut self, environment: &mut Environment) -> anyhow::Result<()> {
        for _ in 0..self.world.keys.accepted.len() {
            self.accepted(environment)?;
        }
        Ok(())
    }
}

fn expect(
    environment: &mut Environment,
    event: &[u8],
    expected: Decided,
) -> anyhow::Result<Invocation> {
    let invocation = environment.invoke(event)?;
    let decided = Decided::read(&invocation.outcome);
    ensure!(
        decided == expected,
        "{decided:?} instead of {expected:?}\n{}",
        environment.log()?
    );
    Ok(invocation)
}

//! The decision alone, in this process: from the header's text to what would be written.

use anyhow::{Context, ensure};
use auth::{Asked, Decision, GivenReason, NamedCompany, NamedPartner, PresentedKey};
use std::{hint::black_box, net::Ipv4Addr, time::Instant};

use crate::{sample::Sample, world::World};

const ROUNDS: u32 = 200;
const EACH: u32 = 1_000;

/// Microseconds, the median of rounds: parsing, checksum, tag, secret, state, address, scope, windows.
pub(crate) fn measure(world: &World) -> anyhow::Result<f64> {
    let text = &world.keys.accepted[0];
    let presented = PresentedKey::parse(text).context("no key")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let row = runtime.block_on(world.app.table.find_key(presented.id()))?;
    let facts = row.context("no such key")?.facts;
    let keyring = world.app.keyring.as_deref().context("no keyring")?.latest();
    let asked = Asked {
        route: routes::find("GET", "/jobs/{jobId}").context("no such route")?,
        address: Ipv4Addr::new(192, 0, 2, 44).into(),
        company: NamedCompany::Absent,
        partner: NamedPartner::Absent,
        reason: GivenReason::Absent,
    };
    let now = world.app.clock.now();
    let decide = || {
        let presented = PresentedKey::parse(black_box(text))?;
        keyring.verify_tag(&presented)?;
        Some(facts.decide(&presented, &keyring, black_box(&asked), None, now))
    };
    ensure!(
        matches!(decide(), Some(Decision::Commit(_))),
        "the key isn't accepted"
    );
    let mut rounds = Sample::default();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        for _ in 0..EACH {
            black_box(decide());
        }
        rounds.add(began.elapsed() / EACH);
    }
    Ok(rounds.median()? * 1_000.0)
}

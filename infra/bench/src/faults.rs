//! R7 through TLS and HTTP: whatever the store does at whichever call, our fault is a 503 and never a 401, in time, and nothing is counted twice.
//!
//! What the embedded weather can do is asked by the tests of `tests/api/authorization`; connections that really break, and bodies, are asked here.

use anyhow::{Context, ensure};
use auth::PresentedKey;
use model::KeyKind;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    figure::{Figure, Limit},
    front::Fault,
    part::Part,
    stage::Stage,
    world::Decided,
};

/// Longer than the 300 ms that an attempt gets.
const SLOW: Duration = Duration::from_millis(450);

const FAULTS: [Fault; 12] = [
    Fault::Throttle,
    Fault::ThrottleOnDemand,
    Fault::InternalError,
    Fault::Unavailable,
    Fault::Slow(SLOW),
    Fault::SlowAnswer(SLOW),
    Fault::ResetBefore,
    Fault::ResetAfter,
    Fault::HalfBody,
    Fault::WrongChecksum,
    Fault::ExpiredCredentials,
    Fault::TransactionConflict,
];

/// A place where the authorizer calls the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Site {
    /// The read that opens the connection, in init.
    WarmUp,
    /// The row of a key that the process hasn't seen.
    Row,
    /// The write that counts.
    Commit,
    /// The partner's grant.
    Grant,
    /// The refusal of a known key.
    Denial,
}

const SITES: [Site; 5] = [
    Site::WarmUp,
    Site::Row,
    Site::Commit,
    Site::Grant,
    Site::Denial,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    First,
    Every,
}

/// The SDK's, for one call.
const MOST_ATTEMPTS: u64 = 3;
/// The store's own, where another transaction holds the row: that is no fault, and passes.
const MOST_IN_CONFLICT: u64 = 5;
/// What the SDK gives one call is 900 ms; the function has 3 seconds.
const DEADLINE: Duration = Duration::from_secs(3);

pub fn faults() -> anyhow::Result<Part> {
    let mut part = Part::new("faults")?;
    let (cases, wrong) = check(&mut Stage::new("faults")?);
    let what = "store calls through TLS × faults × {first, every}: wrong status, too many attempts, too late, or counted twice";
    part.figures.push(
        Figure::new("faults.wrong", what, "", wrong.len() as f64)
            .target("0", Limit::Exactly(0.0))
            .note(format!("{cases} cases. {}", wrong.join("; "))),
    );
    Ok(part)
}

/// How many cases there were, and those that break the promise.
pub(crate) fn check(stage: &mut Stage) -> (u64, Vec<String>) {
    let (mut cases, mut wrong) = (0, Vec::new());
    for site in SITES {
        for fault in FAULTS {
            for when in [When::First, When::Every] {
                let result = case(stage, site, fault, when);
                stage.front.set_calm();
                cases += 1;
                if let Err(error) = result {
                    wrong.push(format!("{fault:?} at {site:?}, {when:?}: {error:#}"));
                }
            }
        }
    }
    (cases, wrong)
}

fn case(stage: &mut Stage, site: Site, fault: Fault, when: When) -> anyhow::Result<()> {
    let keys = &stage.world.keys;
    let key = match site {
        Site::Grant => keys.ats.clone(),
        _ => keys.accepted[0].clone(),
    };
    let company = (site == Site::Grant).then(|| keys.company.clone());
    let asked = match site {
        Site::Denial => stage.world.dead_secret(&key)?,
        _ => key.clone(),
    };
    let event = stage.events.next(&asked, company.as_deref());
    let good = stage.events.next(&key, company.as_deref());
    let attempts = Arc::new(AtomicU64::new(0));
    let script = script(site, fault, when, Arc::clone(&attempts));

    let mut environment = stage.bootstrap().start()?;
    if site == Site::WarmUp {
        stage.front.set_faults(script);
        environment.init()?;
    } else {
        environment.init()?;
        if site != Site::Row {
            // A hint, so that the call in question is the only one of its kind.
            let first = environment.invoke(&good)?;
            ensure!(Decided::read(&first.outcome) == Decided::Accepted, "before");
        }
        stage.front.set_faults(script);
    }
    let before = stage.world.counted(&key)?;
    let during = match site {
        // Whatever befell it in init, nobody was asked anything yet.
        Site::WarmUp => {
            ensure!(
                attempts.load(Ordering::SeqCst) > 0,
                "nothing was read in init"
            );
            None
        }
        _ => Some(environment.invoke(&event)?),
    };
    let made = attempts.load(Ordering::SeqCst);
    let most = match fault {
        Fault::TransactionConflict => MOST_IN_CONFLICT,
        _ => MOST_ATTEMPTS,
    };
    ensure!((1..=most).contains(&made), "{made} attempts");
    let counted = stage.world.counted(&key)? - before;
    if let Some(invocation) = during {
        let decided = Decided::read(&invocation.outcome);
        ensure!(invocation.took < DEADLINE, "{:?}", invocation.took);
        let expected = expected(site, fault, when);
        ensure!(decided == expected, "{decided:?} instead of {expected:?}");
        match decided {
            Decided::Accepted => ensure!(counted == 1, "counted {counted} times"),
            Decided::Failed => ensure!(counted <= lost(site, fault), "counted {counted} times"),
            _ => ensure!(counted == 0, "counted {counted} times"),
        }
    }

    // It was the store's fault, and it is over.
    stage.front.set_calm();
    let after = environment.invoke(&good)?;
    ensure!(
        Decided::read(&after.outcome) == Decided::Accepted,
        "afterwards\n{}",
        environment.log()?
    );
    environment.stop()
}

fn script(
    site: Site,
    fault: Fault,
    when: When,
    attempts: Arc<AtomicU64>,
) -> impl Fn(&crate::front::Call<'_>) -> Fault + Send + 'static {
    move |call| {
        let operation = match site {
            Site::WarmUp | Site::Row | Site::Grant => "GetItem",
            Site::Commit => "UpdateItem",
            Site::Denial => "PutItem",
        };
        if call.operation != operation {
            return Fault::None;
        }
        let earlier = attempts.fetch_add(1, Ordering::SeqCst);
        match (when, earlier) {
            (When::First, 1..) => Fault::None,
            _ => fault,
        }
    }
}

fn expected(site: Site, fault: Fault, when: When) -> Decided {
    if site == Site::Denial {
        // The row was read: it is the 401, and whether that can be explained later changes nothing.
        return Decided::Unauthorized;
    }
    match (fault, when) {
        // The SDK looks at no checksum; TLS has seen to it that the bytes are DynamoDB's.
        (Fault::WrongChecksum, _) => Decided::Accepted,
        // Asking again changes nothing.
        (Fault::ExpiredCredentials, _) => Decided::Failed,
        // DynamoDB says so of writes alone.
        (Fault::TransactionConflict, _) if site != Site::Commit => Decided::Failed,
        (_, When::First) => Decided::Accepted,
        (_, When::Every) => Decided::Failed,
    }
}

/// How often a request may be counted that nobody got an answer to.
fn lost(site: Site, fault: Fault) -> u64 {
    let applied = matches!(
        fault,
        Fault::Slow(_) | Fault::SlowAnswer(_) | Fault::ResetAfter | Fault::HalfBody
    );
    u64::from(site == Site::Commit && applied)
}

impl crate::world::World {
    /// How many requests the key's row has counted.
    pub(crate) fn counted(&self, key: &str) -> anyhow::Result<u64> {
        let presented = PresentedKey::parse(key).context("no key")?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let row = runtime.block_on(self.app.table.find_key(presented.id()))?;
        Ok(row.context("no such key")?.total)
    }

    /// A key of ours with the same id and another secret: its tag is right, and no row knows it.
    pub(crate) fn dead_secret(&self, key: &str) -> anyhow::Result<String> {
        let presented = PresentedKey::parse(key).context("no key")?;
        let keyring = self.app.keyring.as_deref().context("no keyring")?;
        let random = self.app.entropy.bytes();
        let (plain, _) = keyring
            .latest()
            .mint(KeyKind::Standard, presented.id(), random);
        Ok(plain.expose().to_owned())
    }
}

//! Faults through TLS and HTTP: whatever the store does at whichever call, our fault is a 503 and never a 401, in time, and nothing is counted twice.
//!
//! What the embedded weather can do is asked by the tests of `tests/api/authorization`; connections that really break, and bodies, are asked here.

use anyhow::{Context, bail, ensure};
use auth::{MAX_AUTH_AGE_SECONDS, PresentedKey};
use model::{KeyKind, Owner, Timestamp};
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
    world::{ADMINISTRATOR, Asked, Decided, Events, Keys, OWNER, SOLE, VISITOR, World},
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
    /// The row of somebody whom the process hasn't seen.
    Row(Caller),
    /// The write that counts.
    Commit(Caller),
    /// The partner's grant.
    Grant,
    /// All memberships of a person who names no company.
    Memberships,
    /// The refusal of a known key.
    Denial,
    /// The row that says that not all refusals of a minute are kept.
    Suppression,
    /// The row of a full window.
    FullWindow,
    /// Whether a person who is refused is of the company that they name, so that it may be told.
    OwnerAsked,
}

/// Whose requests they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    Key,
    Member,
    Administrator,
    /// A person of no company.
    Visitor,
    /// A member who names no owner, being of one alone.
    Sole,
}

const SITES: [Site; 15] = [
    Site::WarmUp,
    Site::Row(Caller::Key),
    Site::Row(Caller::Member),
    Site::Row(Caller::Administrator),
    Site::Row(Caller::Visitor),
    Site::Commit(Caller::Key),
    Site::Commit(Caller::Member),
    Site::Commit(Caller::Administrator),
    Site::Commit(Caller::Visitor),
    Site::Grant,
    Site::Memberships,
    Site::Denial,
    Site::Suppression,
    Site::FullWindow,
    Site::OwnerAsked,
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
            .note(format!(
                "{cases} cases at {} calls: the warm-up, row and write of keys, members, administrators and others, grant, memberships, and what is kept of refusals. At most {MOST_ATTEMPTS} attempts, and {MOST_IN_CONFLICT} where another transaction holds the row. {}",
                SITES.len(),
                wrong.join("; ")
            )),
    );
    Ok(part)
}

/// How many cases there were, and those that break the promise.
pub(crate) fn check(stage: &mut Stage) -> (u64, Vec<String>) {
    let (mut cases, mut wrong) = (0, Vec::new());
    for site in SITES {
        for fault in FAULTS {
            for when in [When::First, When::Every] {
                let mut result = case(stage, site, fault, when);
                stage.front.set_calm();
                // The window that was full may have ended before it was asked for.
                if result.is_err() && site == Site::FullWindow {
                    result = case(stage, site, fault, when);
                    stage.front.set_calm();
                }
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
    let scene = Scene::of(stage, site)?;
    let attempts = Arc::new(AtomicU64::new(0));
    let script = script(site, fault, when, Arc::clone(&attempts));

    let mut environment = stage.bootstrap().start()?;
    if site == Site::WarmUp {
        stage.front.set_faults(script);
        environment.init()?;
    } else {
        environment.init()?;
        if scene.is_hinted {
            // So that the call in question is the only one of its kind.
            let first = environment.invoke(&scene.good)?;
            ensure!(Decided::read(&first.outcome) == Decided::Accepted, "before");
        }
        for event in &scene.before {
            environment.invoke(event)?;
        }
        stage.front.set_faults(script);
    }
    let before = stage.world.counted_of(&scene.subject)?;
    let during = match site {
        // Whatever befell it in init, nobody was asked anything yet.
        Site::WarmUp => {
            ensure!(
                attempts.load(Ordering::SeqCst) > 0,
                "nothing was read in init"
            );
            None
        }
        _ => Some(environment.invoke(&scene.event)?),
    };
    let made = attempts.load(Ordering::SeqCst);
    let most = match fault {
        Fault::TransactionConflict => MOST_IN_CONFLICT,
        _ => MOST_ATTEMPTS,
    };
    ensure!((1..=most).contains(&made), "{made} attempts");
    let counted = stage.world.counted_of(&scene.subject)? - before;
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
    let after = environment.invoke(&scene.good)?;
    ensure!(
        Decided::read(&after.outcome) == Decided::Accepted,
        "afterwards\n{}",
        environment.log()?
    );
    environment.stop()
}

/// Whose row counts.
enum Subject {
    Key(String),
    Person(Caller),
}

/// What is asked at a site.
struct Scene {
    /// Whose count is looked at.
    subject: Subject,
    /// The process is to know the subject from an earlier request.
    is_hinted: bool,
    /// Asked before the store begins to fail.
    before: Vec<Vec<u8>>,
    event: Vec<u8>,
    /// Accepted, as soon as the store is well again.
    good: Vec<u8>,
}

impl Scene {
    fn of(stage: &mut Stage, site: Site) -> anyhow::Result<Scene> {
        if site == Site::FullWindow {
            stage.fill_window()?;
        }
        let (world, events) = (&stage.world, &mut stage.events);
        let keys = &world.keys;
        let scene = match site {
            Site::Row(caller) | Site::Commit(caller) => Scene::by(caller, world, events)?,
            Site::Memberships => Scene::by(Caller::Sole, world, events)?,
            Site::Grant => Scene {
                subject: Subject::Key(keys.ats.clone()),
                event: events.next(&keys.ats, Some(&keys.company)),
                good: events.next(&keys.ats, Some(&keys.company)),
                ..Scene::by(Caller::Key, world, events)?
            },
            _ => Scene::by(Caller::Key, world, events)?,
        };
        let dead = world.dead_secret(&keys.accepted[0])?;
        let is_hinted = matches!(
            site,
            Site::Commit(_) | Site::Grant | Site::Denial | Site::Suppression
        );
        let (before, event) = match site {
            Site::Denial => (Vec::new(), events.next(&dead, None)),
            // As many of a minute are kept one by one.
            Site::Suppression => (
                (0..60).map(|_| events.next(&dead, None)).collect(),
                events.next(&dead, None),
            ),
            Site::FullWindow => (Vec::new(), events.next(&keys.limited, None)),
            Site::OwnerAsked => {
                let stale = world.token(OWNER, 2 * MAX_AUTH_AGE_SECONDS);
                (
                    Vec::new(),
                    events.of(MAKE_KEY, &stale, Some(&keys.company))?,
                )
            }
            _ => (Vec::new(), scene.event),
        };
        Ok(Scene {
            is_hinted,
            before,
            event,
            ..scene
        })
    }

    /// An accepted request.
    fn by(caller: Caller, world: &World, events: &mut Events) -> anyhow::Result<Scene> {
        let Keys {
            accepted, company, ..
        } = &world.keys;
        let mut ask = || {
            Ok::<_, anyhow::Error>(match caller {
                Caller::Key => events.next(&accepted[0], None),
                Caller::Member => events.of(LIST_KEYS, &world.token(OWNER, 0), Some(company))?,
                Caller::Administrator => {
                    events.of(LIST_PARTNERS, &world.token(ADMINISTRATOR, 0), None)?
                }
                Caller::Visitor => events.of(WHO_AM_I, &world.token(VISITOR, 0), None)?,
                Caller::Sole => events.of(LIST_KEYS, &world.token(SOLE, 0), None)?,
            })
        };
        Ok(Scene {
            subject: match caller {
                Caller::Key => Subject::Key(accepted[0].clone()),
                caller => Subject::Person(caller),
            },
            is_hinted: false,
            before: Vec::new(),
            event: ask()?,
            good: ask()?,
        })
    }
}

const LIST_KEYS: Asked<'_> = Asked {
    method: "GET",
    path: "/api-keys",
    reason: None,
};
const MAKE_KEY: Asked<'_> = Asked {
    method: "POST",
    ..LIST_KEYS
};
const WHO_AM_I: Asked<'_> = Asked {
    path: "/whoami",
    ..LIST_KEYS
};
const LIST_PARTNERS: Asked<'_> = Asked {
    path: "/partners",
    reason: Some("Ticket 4711"),
    ..LIST_KEYS
};

fn script(
    site: Site,
    fault: Fault,
    when: When,
    attempts: Arc<AtomicU64>,
) -> impl Fn(&crate::front::Call<'_>) -> Fault + Send + 'static {
    move |call| {
        let operation = match site {
            Site::WarmUp | Site::Row(_) | Site::Grant | Site::OwnerAsked => "GetItem",
            Site::Commit(_) => "UpdateItem",
            Site::Memberships => "Query",
            Site::Denial | Site::Suppression | Site::FullWindow => "PutItem",
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
    // Who asks was read: it is that answer, and whether that can be explained later changes nothing.
    match site {
        Site::Denial | Site::Suppression => return Decided::Unauthorized,
        Site::FullWindow => return Decided::Limited,
        Site::OwnerAsked => return Decided::Other,
        _ => {}
    }
    match (fault, when) {
        // The SDK looks at no checksum; TLS has seen to it that the bytes are DynamoDB's.
        (Fault::WrongChecksum, _) => Decided::Accepted,
        // Asking again changes nothing.
        (Fault::ExpiredCredentials, _) => Decided::Failed,
        // DynamoDB says so of writes alone.
        (Fault::TransactionConflict, _) if !matches!(site, Site::Commit(_)) => Decided::Failed,
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
    u64::from(matches!(site, Site::Commit(_)) && applied)
}

impl Stage {
    /// Asks with the limited key until its window is full; another process than that of a case.
    fn fill_window(&mut self) -> anyhow::Result<()> {
        let mut environment = self.bootstrap().start()?;
        for _ in 0..20 {
            let event = self.events.next(&self.world.keys.limited, None);
            if Decided::read(&environment.invoke(&event)?.outcome) == Decided::Limited {
                return environment.stop();
            }
        }
        bail!("the limit of 5 a minute is never reached")
    }
}

impl World {
    /// How many requests the key's row has counted.
    pub(crate) fn counted(&self, key: &str) -> anyhow::Result<u64> {
        self.counted_of(&Subject::Key(key.to_owned()))
    }

    /// How many requests the row has counted; without one, none.
    fn counted_of(&self, subject: &Subject) -> anyhow::Result<u64> {
        let table = &self.app.table;
        let total = async {
            Ok::<_, anyhow::Error>(match subject {
                Subject::Key(key) => {
                    let presented = PresentedKey::parse(key).context("no key")?;
                    table.find_key(presented.id()).await?.map(|row| row.total)
                }
                Subject::Person(Caller::Member) => {
                    let owner = Owner::Company(self.keys.company.parse()?);
                    let row = table.find_member(&self.issuer.person(OWNER), owner).await?;
                    row.map(|row| row.total)
                }
                Subject::Person(Caller::Administrator) => {
                    let person = self.issuer.person(ADMINISTRATOR);
                    let row = table.find_administrator(&person).await?;
                    row.map(|row| row.total)
                }
                Subject::Person(Caller::Sole) => {
                    let memberships = table.list_memberships(&self.issuer.person(SOLE)).await?;
                    memberships.first().map(|row| row.total)
                }
                Subject::Person(Caller::Visitor | Caller::Key) => {
                    let row = table.find_person(&self.issuer.person(VISITOR)).await?;
                    row.map(|row| row.total)
                }
            })
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(runtime.block_on(total)?.unwrap_or_default())
    }

    /// Of a person who signed in so many seconds ago.
    fn token(&self, email: &str, seconds_ago: i64) -> String {
        let now = self.app.clock.now();
        let signed_in = Timestamp::from_millis(now.millis() - seconds_ago * 1_000);
        let signed_in = signed_in.unwrap_or(now);
        self.issuer.token_for(email, signed_in).access_token
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

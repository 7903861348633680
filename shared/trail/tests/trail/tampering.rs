//! Whatever is done to a trail shows, and where.

use model::{Event, Owner};
use trail::{Fault, OwnCheckpoint};

use crate::{
    made::{
        ALICE, BOB, Seeded, chain, checkpoint, checkpoints, file, head, lines, owner, rehashed,
    },
    verified::check,
};

const POSITIONS: u64 = if cfg!(feature = "long") { 10_000 } else { 200 };
const LENGTH: u64 = 120;
const EVERY: u64 = 10;
const AFTERWARDS: u64 = 10_000;

/// Alice's chain, its checkpoints every 25 events, and Bob's.
struct World {
    events: Vec<Event>,
    foreign: Vec<Event>,
    held: Vec<OwnCheckpoint>,
    seeded: Seeded,
}

impl World {
    fn new(seed: u64) -> World {
        let mut seeded = Seeded(seed);
        let events = chain(owner(ALICE), LENGTH, &mut seeded);
        let lengths: Vec<u64> = (1..=LENGTH / EVERY).map(|number| number * EVERY).collect();
        World {
            held: checkpoints(&events, &lengths),
            foreign: chain(owner(BOB), LENGTH, &mut seeded),
            events,
            seeded,
        }
    }

    /// Positions from 1 to the last but one.
    fn positions(&mut self) -> Vec<u64> {
        (0..POSITIONS)
            .map(|_| 1 + self.seeded.below(LENGTH - 1))
            .collect()
    }

    /// As the system has signed it, with other lines.
    fn export(&self, lines: Vec<String>) -> String {
        file(lines, head(&self.events, 1, AFTERWARDS))
    }

    /// The fault, the same without checkpoints as with them.
    fn fault(&self, lines: Vec<String>) -> Fault {
        let export = self.export(lines);
        let fault = check(&export, &[]).expect_err("tampered with");
        let anchored = check(&export, &self.held).expect_err("tampered with");
        assert_eq!(fault.seq(), anchored.seq());
        fault
    }
}

#[test]
fn the_world_holds_before_it_is_tampered_with() {
    let world = World::new(10);
    check(&world.export(lines(&world.events)), &world.held).expect("holds");
}

#[test]
fn an_edited_event_is_named() {
    let mut world = World::new(11);
    for position in world.positions() {
        let mut lines = lines(&world.events);
        let line = &mut lines[position as usize - 1];
        // Any byte of it, but those that JSON lets one write otherwise.
        loop {
            let at = world.seeded.below(line.len() as u64) as usize;
            let old = line.as_bytes()[at];
            if old.is_ascii_alphanumeric() {
                let new = if old == b'7' { "8" } else { "7" };
                line.replace_range(at..=at, new);
                break;
            }
        }
        assert_eq!(world.fault(lines), Fault::Edited { seq: position });
    }
}

#[test]
fn an_event_that_was_edited_and_hashed_anew_is_named() {
    let mut world = World::new(12);
    for position in world.positions() {
        let place = position as usize - 1;
        let mut edited = world.events[place].clone();
        edited.facts.operation = Some("DeleteJob".to_owned());
        edited.hash = edited.computed_hash();
        let mut events = world.events.clone();
        events[place] = edited;
        let export = world.export(lines(&events));
        let named = Err(Fault::Replaced { seq: position });
        assert_eq!(check(&export, &[]), named);
        // One that a checkpoint holds is seen to be another by that.
        let anchored = check(&export, &world.held).expect_err("edited");
        match position % EVERY {
            0 => assert!(matches!(anchored, Fault::Rewritten { last, .. } if last == position)),
            _ => assert_eq!(anchored.seq(), Some(position)),
        }
    }
}

#[test]
fn a_deleted_event_is_named() {
    let mut world = World::new(13);
    for position in world.positions() {
        let mut lines = lines(&world.events);
        lines.remove(position as usize - 1);
        assert_eq!(world.fault(lines), Fault::Missing { seq: position });
    }
}

#[test]
fn an_inserted_event_is_named() {
    let mut world = World::new(14);
    for position in world.positions() {
        let place = position as usize - 1;
        // One made to fit the one before it.
        let mut made = world.events[world.seeded.below(LENGTH) as usize].clone();
        made.seq = position;
        made.facts.operation = Some("Inserted".to_owned());
        made.prev_hash = world.events[place].prev_hash;
        made.hash = made.computed_hash();
        let mut events = world.events.clone();
        events.insert(place, made);
        let export = world.export(lines(&events));
        assert_eq!(
            check(&export, &[]).expect_err("inserted").seq(),
            Some(position)
        );
        // A copy of the one before, too.
        let mut events = world.events.clone();
        events.insert(place, world.events[place].clone());
        assert_eq!(
            world.fault(lines(&events)),
            Fault::Inserted { seq: position }
        );
    }
}

#[test]
fn swapped_events_are_named() {
    let mut world = World::new(15);
    for position in world.positions() {
        let mut lines = lines(&world.events);
        let other = position as usize + world.seeded.below(LENGTH - position) as usize;
        lines.swap(position as usize - 1, other);
        assert_eq!(world.fault(lines), Fault::Missing { seq: position });
    }
}

#[test]
fn a_truncated_export_is_named() {
    let mut world = World::new(16);
    for position in world.positions() {
        let mut cut = lines(&world.events);
        cut.truncate(position as usize - 1);
        assert_eq!(world.fault(cut.clone()), Fault::Missing { seq: position });
        let without_head = cut.join("\n") + "\n";
        assert_eq!(check(&without_head, &[]), Err(Fault::Cut { seq: position }));
    }
}

#[test]
fn a_chain_that_was_rolled_back_shows_against_checkpoints() {
    let mut world = World::new(17);
    for position in world.positions() {
        let Some(events) = world.events.get(..position as usize) else {
            continue;
        };
        // The system's own honest export of what is left of it.
        let export = file(lines(events), head(events, 1, AFTERWARDS));
        let verified = check(&export, &[]).expect("nothing shows without checkpoints");
        assert!(!verified.is_anchored());
        let counter = position / EVERY + 1;
        let seq = position + 1;
        assert_eq!(
            check(&export, &world.held),
            Err(Fault::RolledBack { seq, counter })
        );
    }
}

#[test]
fn a_chain_that_was_written_anew_shows_against_checkpoints() {
    let mut world = World::new(18);
    for position in world.positions() {
        let mut events = world.events.clone();
        events[position as usize - 1].facts.operation = Some("Rewritten".to_owned());
        rehashed(&mut events, position as usize - 1);
        let export = file(lines(&events), head(&events, 1, AFTERWARDS));
        check(&export, &[]).expect("nothing shows without checkpoints");
        let (seq, last) = (
            (position - 1) / EVERY * EVERY + 1,
            position.div_ceil(EVERY) * EVERY,
        );
        assert_eq!(
            check(&export, &world.held),
            Err(Fault::Rewritten { seq, last })
        );
        // What was signed before shows it at the end.
        let signed_before = world.export(lines(&events));
        let fault = check(&signed_before, &[]).expect_err("rewritten");
        assert_eq!(
            fault,
            Fault::Rewritten {
                seq: 1,
                last: LENGTH
            }
        );
    }
}

#[test]
fn an_event_of_another_chain_is_named() {
    let mut world = World::new(19);
    let bob: Owner = owner(BOB);
    for position in world.positions() {
        let place = position as usize - 1;
        let mut moved = lines(&world.events);
        moved[place] = lines(&world.foreign[place..=place]).remove(0);
        let named = Fault::Foreign {
            seq: position,
            owner: bob,
        };
        assert_eq!(world.fault(moved), named);
    }
    // The whole chain of another, against one's own checkpoints.
    let export = file(lines(&world.foreign), head(&world.foreign, 1, AFTERWARDS));
    let fault = check(&export, &world.held).expect_err("another's");
    assert!(
        matches!(fault, Fault::Checkpoint { counter: 1, .. }),
        "{fault}"
    );
}

#[test]
fn a_replaced_checkpoint_is_named() {
    let mut world = World::new(20);
    let export = world.export(lines(&world.events));
    let last = world.held.len() as u64 - 1;
    for _ in 0..POSITIONS {
        let counter = 1 + world.seeded.below(last);
        let place = counter as usize - 1;
        let before = place
            .checked_sub(1)
            .map(|before| &world.held[before].signed.checkpoint);
        // Of another length, and signed by the very key.
        let length = counter * EVERY - 1 - world.seeded.below(EVERY - 1);
        let mut held = world.held.clone();
        held[place] = checkpoint(&world.events, length, before);
        let fault = check(&export, &held).expect_err("replaced");
        assert!(
            matches!(fault, Fault::Checkpoint { counter: named, .. } if named == counter),
            "{fault}"
        );
        // Together with the one that was there.
        held.push(world.held[place].clone());
        let fault = check(&export, &held).expect_err("replaced");
        assert!(
            matches!(fault, Fault::Checkpoint { counter: named, .. } if named == counter),
            "{fault}"
        );
        // Left out between others.
        if counter > 1 {
            let mut held = world.held.clone();
            held.remove(place);
            let fault = check(&export, &held).expect_err("dropped");
            assert!(
                matches!(fault, Fault::Checkpoint { counter: named, .. } if named == counter),
                "{fault}"
            );
        }
        // Changed without a new signature.
        let mut held = world.held.clone();
        held[place].signed.checkpoint.size += 1;
        let fault = check(&export, &held).expect_err("changed");
        assert!(
            matches!(fault, Fault::Checkpoint { counter: named, .. } if named == counter),
            "{fault}"
        );
        // Another hash of the chain than the tree has.
        let mut held = world.held.clone();
        let inclusion = held[place].inclusion.as_mut().expect("included");
        inclusion.hash = world.events[0].hash;
        let fault = check(&export, &held).expect_err("forged");
        assert!(
            matches!(fault, Fault::Checkpoint { counter: named, .. } if named == counter),
            "{fault}"
        );
    }
}

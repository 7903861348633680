//! What holds, and how it is told.

use crate::made::{ALICE, Seeded, at, chain, checkpoints, file, head, keys, lines, owner, signed};
use std::io::Cursor;
use trail::{
    BadSeal, Fault, OwnCheckpoint, SignedHead, Unverified, Verified, read_checkpoints, verify,
};

pub(crate) fn check(file: &str, checkpoints: &[OwnCheckpoint]) -> Result<Verified, Fault> {
    match verify(Cursor::new(file), checkpoints, Some(&keys())) {
        Ok(verified) => Ok(verified),
        Err(Unverified::Fault(fault)) => Err(fault),
        Err(Unverified::Io(error)) => panic!("{error}"),
    }
}

#[test]
fn a_whole_chain_and_any_part_of_it_hold() {
    let events = chain(owner(ALICE), 50, &mut Seeded(2));
    for from in [1, 2, 30, 50, 51] {
        let part = &events[from as usize - 1..];
        let verified = check(&file(lines(part), head(&events, from, 60)), &[]).expect("holds");
        assert_eq!(verified.head.from_seq, from);
        assert!(!verified.is_anchored());
        assert!(
            verified
                .to_string()
                .contains("internally consistent, not anchored")
        );
    }
}

/// Of whoever signs with a key of their own, too.
#[test]
fn a_number_that_is_signed_as_another_one_counts_for_nothing() {
    let events = chain(owner(ALICE), 3, &mut Seeded(2));
    let mut heads = [(); 3].map(|()| head(&events, 1, 60));
    heads[0].from_seq = 1 << 53;
    heads[1].to_seq = u64::MAX;
    heads[2].chain_seq = u64::MAX;
    for head in heads {
        let why = BadSeal::Signature;
        let fault = check(&file(lines(&events), head), &[]).expect_err("no seal");
        assert_eq!(fault, Fault::Head { last: 3, why });
    }
}

#[test]
fn a_checkpoint_anchors_what_it_holds_and_what_is_before() {
    let events = chain(owner(ALICE), 50, &mut Seeded(3));
    let held = checkpoints(&events, &[0, 10, 40, 40]);
    let whole = file(lines(&events), head(&events, 1, 60));
    let verified = check(&whole, &held).expect("holds");
    assert!(!verified.is_anchored());
    let text = verified.to_string();
    assert!(text.contains("anchored up to 40 by checkpoint 3"), "{text}");
    assert!(text.contains("41 to 50 not anchored yet"), "{text}");
    let mut part = head(&events, 1, 60);
    (part.to_seq, part.hash) = (40, events[39].hash);
    let verified = check(&file(lines(&events[..40]), part), &held).expect("holds");
    assert!(verified.is_anchored(), "{verified}");
    // Checkpoints that are younger than the export say nothing against it.
    let young = checkpoints(&events, &[10, 50]);
    let before = head(&events[..30], 1, 30);
    check(&file(lines(&events[..30]), before), &young).expect("holds");
}

#[test]
fn without_its_signed_last_line_nothing_holds() {
    let events = chain(owner(ALICE), 9, &mut Seeded(4));
    let whole = file(lines(&events), head(&events, 1, 60));
    let mut cuts = 0;
    for end in 0..whole.len() - 1 {
        if !whole.is_char_boundary(end) {
            continue;
        }
        cuts += 1;
        let fault = check(&whole[..end], &[]).expect_err("cut");
        let lines = whole[..end]
            .lines()
            .filter(|line| serde_json::from_str::<model::Event>(line).is_ok());
        let next = lines.count() as u64 + 1;
        assert_eq!(fault, Fault::Cut { seq: next }, "{end}");
    }
    assert!(cuts > 1_000);
}

#[test]
fn a_last_line_that_was_changed_or_signed_by_another_key_does_not_count() {
    let events = chain(owner(ALICE), 9, &mut Seeded(5));
    let bad = |line: String, why| {
        let mut file = lines(&events);
        file.push(line);
        assert_eq!(
            check(&file.join("\n"), &[]),
            Err(Fault::Head { last: 9, why })
        );
    };
    let good = signed(head(&events, 1, 60));
    bad(
        good.replace("\"toSeq\":9", "\"toSeq\":8"),
        BadSeal::Signature,
    );
    let other = trail::SigningKey::new(&[9; 32]);
    let forged = head(&events, 1, 60);
    let signature = other.sign(&forged.message());
    let forged: SignedHead = forged.signed(other.public(), &signature);
    bad(
        serde_json::to_string(&forged).expect("JSON"),
        BadSeal::UnknownKey,
    );
}

#[test]
fn saved_answers_are_read_one_after_another() {
    let events = chain(owner(ALICE), 9, &mut Seeded(6));
    let held = checkpoints(&events, &[3, 5, 9]);
    let answer = |items: &[OwnCheckpoint]| serde_json::json!({ "success": true, "data": { "items": items, "pagination": {} } });
    let text = format!("{}\n{}", answer(&held[1..]), answer(&held[..1]));
    let read = read_checkpoints(&text).expect("checkpoints");
    assert_eq!(read.len(), 3);
    let verified = check(&file(lines(&events), head(&events, 1, 60)), &read).expect("holds");
    assert!(verified.is_anchored());
    assert_eq!(verified.anchor.expect("one").at, at(9));
    assert!(read_checkpoints("{}").is_err());
}

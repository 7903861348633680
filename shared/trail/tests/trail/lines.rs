//! A line's hash is the model's.

use crate::made::{ALICE, Seeded, chain, lines, owner};
use trail::{Line, Malformed};

#[test]
fn a_line_has_the_hash_that_the_model_computes() {
    let events = chain(owner(ALICE), 2_000, &mut Seeded(0x7a11));
    let mut bytes = Vec::new();
    for (event, line) in events.iter().zip(lines(&events)) {
        let parsed = Line::parse(&line, &mut bytes).expect("an event");
        assert_eq!(parsed.computed, event.computed_hash(), "{line}");
        assert!(parsed.is_whole());
        assert_eq!((parsed.seq, parsed.prev_hash), (event.seq, event.prev_hash));
        assert_eq!(parsed.owner, event.facts.owner);
    }
}

#[test]
fn spaces_order_and_escapes_do_not_matter_and_everything_else_does() {
    let events = chain(owner(ALICE), 1, &mut Seeded(1));
    let line = lines(&events).remove(0);
    let whole = |text: &str| Line::parse(text, &mut Vec::new()).map(|line| line.is_whole());
    assert_eq!(whole(&line), Ok(true));
    assert_eq!(
        whole(&line.replace("\"seq\":1", " \"se\\u0071\" : 1 ")),
        Ok(true)
    );
    assert_eq!(
        whole(&line.replace("\"seq\":1", "\"more\":1,\"seq\":1")),
        Ok(false)
    );
    assert_eq!(whole(&line.replace("ListJobs", "ListJobz")), Ok(false));
    let twice = line.replace("\"seq\":1", "\"seq\":1,\"operation\":\"ListJobs\"");
    assert_eq!(whole(&twice), Err(Malformed), "two fields of one name");
    assert_eq!(whole(&line[..line.len() - 1]), Err(Malformed));
    assert_eq!(whole(&format!("{line} {line}")), Err(Malformed));
    assert_eq!(whole("[]"), Err(Malformed));
    // Two numbers that RFC 8785 writes as one; the last one has none after it.
    for seq in [1 << 53, u64::MAX] {
        let line = line.replace("\"seq\":1", &format!("\"seq\":{seq}"));
        assert_eq!(whole(&line), Err(Malformed));
    }
}

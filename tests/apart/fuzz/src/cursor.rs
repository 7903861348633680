//! Cursors: what a client may send back where a list goes on, and a list that it wasn't made in.
//!
//! 24 bytes of nonce, then lines: a client's text, a position, a filter, another filter.

use auth::{STAGING_MILLIS, SecretDocument};
use model::{CompanyId, Owner, PartnerId, Timestamp};
use std::sync::LazyLock;
use store::{CursorKeys, CursorScope, InvalidCursor};

use crate::{lines, take};

/// Of the generation before, and of both.
static KEYS: LazyLock<[CursorKeys; 2]> = LazyLock::new(|| {
    let mut document = SecretDocument::generate([1; 32], 0);
    let old = CursorKeys::new(&document);
    let second = document.stage([2; 32], 0).expect("staged");
    document.activate(second, STAGING_MILLIS).expect("active");
    [old, CursorKeys::new(&document)]
});

pub fn cursor(data: &[u8]) {
    let [old, keys] = &*KEYS;
    let (nonce, rest) = take::<24>(data);
    let lines = lines(rest);
    let line = |at: usize| lines.get(at).cloned().unwrap_or_default();
    let (sent, position, filter) = (line(0), line(1), line(2));
    let now = Timestamp::from_millis(1_800_000_000_000).expect("in range");
    let scope = CursorScope {
        owner: Owner::Company(CompanyId::new(now, [7; 10])),
        operation: "ListJobs",
        filter,
    };
    // Whatever is sent, it was sealed by nobody.
    assert_eq!(keys.open(&scope, &sent, now), Err(InvalidCursor));
    keys.know(&sent);

    let sealed = keys.seal(&scope, &position, now, nonce).expect("sealed");
    assert_eq!(keys.open(&scope, &sealed, now), Ok(position.clone()));
    assert!(keys.know(&sealed) && !old.know(&sealed));
    assert_eq!(old.open(&scope, &sealed, now), Err(InvalidCursor));
    let end = now.plus(CursorKeys::LIFETIME);
    assert_eq!(keys.open(&scope, &sealed, end), Err(InvalidCursor));
    let elsewhere = [
        CursorScope {
            owner: Owner::Company(CompanyId::new(now, [8; 10])),
            ..scope.clone()
        },
        // The same bytes, another kind of owner.
        CursorScope {
            owner: Owner::Partner(PartnerId::new(now, [7; 10])),
            ..scope.clone()
        },
        CursorScope {
            operation: "ListAgents",
            ..scope.clone()
        },
        CursorScope {
            filter: line(3),
            ..scope.clone()
        },
    ];
    for other in elsewhere.iter().filter(|other| **other != scope) {
        assert_eq!(keys.open(other, &sealed, now), Err(InvalidCursor));
    }
    // One character is another one, chosen by the nonce: there is one spelling, and it is sealed.
    let mut changed = sealed.into_bytes();
    let at = usize::from(nonce[0]) * 7 % changed.len();
    let other = match nonce[1] % 64 {
        digit @ 0..26 => b'A' + digit,
        digit @ 26..52 => b'a' + digit - 26,
        digit @ 52..62 => b'0' + digit - 52,
        62 => b'-',
        _ => b'_',
    };
    if changed[at] != other {
        changed[at] = other;
        let changed = String::from_utf8(changed).expect("ASCII");
        assert_eq!(keys.open(&scope, &changed, now), Err(InvalidCursor));
    }
}

//! Cursors: a list's position, sealed, so that it can't be read, changed, or used elsewhere.

use auth::SecretDocument;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use chrono::Duration;
use model::{Owner, Timestamp};
use std::{collections::BTreeMap, fmt};

/// The keys of cursors by generation: one seals, all open. A staged one must not seal yet, because other processes may not know it.
pub struct CursorKeys {
    sealing: u32,
    keys: BTreeMap<u32, XChaCha20Poly1305>,
}

/// What a cursor belongs to; it opens nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorScope {
    pub owner: Owner,
    pub operation: &'static str,
    /// The filters, as the list reads them.
    pub filter: String,
}

/// Not a cursor of this list, or too old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this list")]
pub struct InvalidCursor;

impl CursorKeys {
    /// How long a cursor is good, by the clock.
    pub const LIFETIME: Duration = Duration::days(7);
    const NONCE: usize = 24;

    /// `sealing`: the newest active generation.
    pub fn new(document: &SecretDocument) -> CursorKeys {
        let cipher =
            |secret| XChaCha20Poly1305::new((&*auth::subkey(secret, "instaview cursor v1")).into());
        CursorKeys {
            sealing: document.newest().0,
            keys: document
                .verified()
                .map(|(number, secret)| (number, cipher(secret)))
                .collect(),
        }
    }

    /// `nonce`: random. `None` without the key that seals.
    pub fn seal(
        &self,
        scope: &CursorScope,
        position: &str,
        now: Timestamp,
        nonce: [u8; 24],
    ) -> Option<String> {
        let (number, cipher) = self.keys.get_key_value(&self.sealing)?;
        let text = format!("{} {position}", now.millis());
        let payload = Payload {
            msg: text.as_bytes(),
            aad: &scope.bytes(),
        };
        let sealed = cipher.encrypt(&XNonce::from(nonce), payload).ok()?;
        let mut bytes = number.to_be_bytes().to_vec();
        bytes.extend(nonce);
        bytes.extend(sealed);
        Some(BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Whether the generation that the cursor names is known here; text that names none is as good as known.
    pub fn know(&self, cursor: &str) -> bool {
        let number = BASE64_URL_SAFE_NO_PAD
            .decode(cursor)
            .ok()
            .and_then(|bytes| {
                let (number, _) = bytes.split_first_chunk::<4>()?;
                Some(u32::from_be_bytes(*number))
            });
        number.is_none_or(|number| self.keys.contains_key(&number))
    }

    /// The position.
    pub fn open(
        &self,
        scope: &CursorScope,
        cursor: &str,
        now: Timestamp,
    ) -> Result<String, InvalidCursor> {
        let bytes = BASE64_URL_SAFE_NO_PAD
            .decode(cursor)
            .map_err(|_| InvalidCursor)?;
        let (number, rest) = bytes.split_first_chunk::<4>().ok_or(InvalidCursor)?;
        let (nonce, sealed) = rest
            .split_first_chunk::<{ Self::NONCE }>()
            .ok_or(InvalidCursor)?;
        let cipher = self
            .keys
            .get(&u32::from_be_bytes(*number))
            .ok_or(InvalidCursor)?;
        let payload = Payload {
            msg: sealed,
            aad: &scope.bytes(),
        };
        let text = cipher
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| InvalidCursor)?;
        let text = String::from_utf8(text).map_err(|_| InvalidCursor)?;
        let (made, position) = text.split_once(' ').ok_or(InvalidCursor)?;
        let made = made
            .parse()
            .ok()
            .and_then(Timestamp::from_millis)
            .ok_or(InvalidCursor)?;
        if now >= made.plus(Self::LIFETIME) {
            return Err(InvalidCursor);
        }
        Ok(position.to_owned())
    }
}

impl fmt::Debug for CursorKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys.keys()).finish()
    }
}

impl CursorScope {
    fn bytes(&self) -> Vec<u8> {
        let CursorScope {
            owner,
            operation,
            filter,
        } = self;
        format!("{owner}\n{operation}\n{filter}").into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::CompanyId;

    #[test]
    fn a_cursor_opens_only_where_it_was_made_and_for_7_days() {
        let keys = CursorKeys::new(&SecretDocument::generate([1; 32], 0));
        let now = Timestamp::from_millis(1_700_000_000_000).expect("in range");
        let owner = Owner::Company(CompanyId::new(now, [7; 10]));
        let scope = CursorScope {
            owner,
            operation: "ListJobs",
            filter: "q=smith".to_owned(),
        };
        let cursor = keys.seal(&scope, "smith 01", now, [9; 24]).expect("sealed");
        assert!(!cursor.contains("smith"));
        assert_eq!(keys.open(&scope, &cursor, now), Ok("smith 01".to_owned()));
        let other = Owner::Company(CompanyId::new(now, [8; 10]));
        for elsewhere in [
            CursorScope {
                owner: other,
                ..scope.clone()
            },
            CursorScope {
                operation: "ListAgents",
                ..scope.clone()
            },
            CursorScope {
                filter: String::new(),
                ..scope.clone()
            },
        ] {
            assert_eq!(keys.open(&elsewhere, &cursor, now), Err(InvalidCursor));
        }
        assert_eq!(
            keys.open(&scope, &cursor, now.plus(CursorKeys::LIFETIME)),
            Err(InvalidCursor)
        );
        for at in 0..cursor.len() {
            let mut changed = cursor.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert_eq!(
                keys.open(&scope, &changed, now),
                Err(InvalidCursor),
                "at {at}"
            );
        }
    }
    #[test]
    fn a_staged_generation_opens_and_does_not_seal() {
        let now = Timestamp::from_millis(1_700_000_000_000).expect("in range");
        let scope = CursorScope {
            owner: Owner::Company(CompanyId::new(now, [7; 10])),
            operation: "ListJobs",
            filter: String::new(),
        };
        let seal = |keys: &CursorKeys| keys.seal(&scope, "01", now, [9; 24]).expect("sealed");
        let mut document = SecretDocument::generate([1; 32], 0);
        let old = CursorKeys::new(&document);
        let second = document.stage([2; 32], 0).expect("staged");
        let staged = CursorKeys::new(&document);
        let activated_at = auth::STAGING_MILLIS;
        document.activate(second, activated_at).expect("active");
        let active = CursorKeys::new(&document);

        let (first, newest) = (seal(&staged), seal(&active));
        for keys in [&old, &staged, &active] {
            assert!(keys.know(&first));
            assert_eq!(keys.open(&scope, &first, now), Ok("01".to_owned()));
        }
        for keys in [&staged, &active] {
            assert!(keys.know(&newest));
            assert_eq!(keys.open(&scope, &newest, now), Ok("01".to_owned()));
        }
        assert!(!old.know(&newest));
        assert_eq!(old.open(&scope, &newest, now), Err(InvalidCursor));
        assert!(old.know("junk!") && old.know(""));
    }
}

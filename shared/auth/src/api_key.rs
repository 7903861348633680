//! The text of an API key: 46 characters of fixed meaning.
//!
//! `sk_` · kind 2 · id 8 · secret 22 · tag 5 · checksum 6, all Base62.

pub(crate) mod base62;

use model::{KeyId, KeyKind};
use std::fmt;

use zeroize::Zeroizing;

const SCHEME: &str = "sk_";
const ID_AT: usize = 5;
const SECRET_AT: usize = 13;
const TAG_AT: usize = 35;
const CHECKSUM_AT: usize = 40;
const LENGTH: usize = 46;
const SUFFIX_AT: usize = LENGTH - 4;

pub(crate) const SECRET_LENGTH: usize = TAG_AT - SECRET_AT;
pub(crate) const TAG_LENGTH: usize = CHECKSUM_AT - TAG_AT;
const CHECKSUM_LENGTH: usize = LENGTH - CHECKSUM_AT;

/// A key as a caller sent it: form, alphabet and checksum are right; nothing is known yet about who made it.
///
/// Not `Clone`, so that a key's text lives in one place, which is zeroized.
pub struct PresentedKey {
    kind: KeyKind,
    id: KeyId,
    text: Zeroizing<String>,
}

impl PresentedKey {
    /// `None` for every other text, the reserved kind `it` included; no detail, because all of them get the one 401.
    pub fn parse(text: &str) -> Option<PresentedKey> {
        if text.len() != LENGTH {
            return None;
        }
        let kind = kind_of(text.strip_prefix(SCHEME)?.get(..2)?)?;
        if !text.bytes().skip(ID_AT).all(base62::is_digit) {
            return None;
        }
        let id = text.get(ID_AT..SECRET_AT)?.parse().ok()?;
        let (body, checksum) = text.split_at_checked(CHECKSUM_AT)?;
        (checksum_of(body).as_bytes() == checksum.as_bytes()).then(|| PresentedKey {
            kind,
            id,
            text: Zeroizing::new(text.to_owned()),
        })
    }

    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Safe to show.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The first 13 characters (scheme, kind, id), safe to show.
    pub fn prefix(&self) -> &str {
        &self.text[..SECRET_AT]
    }

    /// The last 4 characters (of the checksum), safe to show; tells a key's secrets apart.
    pub fn suffix(&self) -> &str {
        &self.text[SUFFIX_AT..]
    }

    /// What the tag is computed over.
    pub(crate) fn untagged(&self) -> &[u8] {
        &self.text.as_bytes()[..TAG_AT]
    }

    pub(crate) fn tag(&self) -> &[u8] {
        &self.text.as_bytes()[TAG_AT..CHECKSUM_AT]
    }

    pub(crate) fn whole(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for PresentedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PresentedKey({}…{})", self.prefix(), self.suffix())
    }
}

/// A newly minted key, to be shown once to the person who asked for it and then dropped.
#[derive(Debug)]
pub struct PlainKey(PresentedKey);

impl PlainKey {
    /// The whole key. The only way to its secret, so that a search for this name finds every place that shows one.
    pub fn expose(&self) -> &str {
        self.0.whole()
    }

    /// As [`PresentedKey::prefix`].
    pub fn prefix(&self) -> &str {
        self.0.prefix()
    }

    /// As [`PresentedKey::suffix`].
    pub fn suffix(&self) -> &str {
        self.0.suffix()
    }

    pub(crate) fn presented(&self) -> &PresentedKey {
        &self.0
    }

    /// Puts a key together; `tag` is given everything that stands before it.
    ///
    /// `secret` must be Base62.
    pub(crate) fn assemble(
        kind: KeyKind,
        id: KeyId,
        secret: &[u8; SECRET_LENGTH],
        tag: impl FnOnce(&[u8]) -> [u8; TAG_LENGTH],
    ) -> PlainKey {
        // Room for all of it at once: a string that grows leaves copies behind that nobody zeroizes.
        let mut text = Zeroizing::new(String::with_capacity(LENGTH));
        text.push_str(SCHEME);
        text.push_str(code(kind));
        text.push_str(id.as_str());
        text.extend(secret.iter().copied().map(char::from));
        let tag = tag(text.as_bytes());
        text.extend(tag.into_iter().map(char::from));
        let checksum = checksum_of(&text);
        text.push_str(&checksum);
        PlainKey(PresentedKey { kind, id, text })
    }
}

/// A key's first 13 characters: scheme, kind and id. Safe to show and to search for.
pub fn key_prefix(kind: KeyKind, id: KeyId) -> String {
    format!("{SCHEME}{}{id}", code(kind))
}

const fn code(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Standard => "iv",
        KeyKind::Ats => "ia",
    }
}

fn kind_of(code: &str) -> Option<KeyKind> {
    match code {
        "iv" => Some(KeyKind::Standard),
        "ia" => Some(KeyKind::Ats),
        // `it` is reserved.
        _ => None,
    }
}

/// CRC-32 (IEEE) in Base62, zero-padded, so that a secret scanner verifies a find without asking us.
fn checksum_of(body: &str) -> String {
    let digits = base62::digits::<CHECKSUM_LENGTH>(u64::from(crc32fast::hash(body.as_bytes())));
    digits.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests;

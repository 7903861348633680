//! The secrets behind API keys: minting, the tag, and what is stored of a key.

mod document;

use std::fmt;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

use model::{KeyId, KeyKind};

use crate::api_key::{PlainKey, PresentedKey, SECRET_LENGTH, TAG_LENGTH, base62};

pub use document::{KeyringError, RotationRefused, STAGING_MILLIS, SecretDocument};

/// Every generation that still verifies, and the one that mints.
///
/// Each generation's one secret is expanded by HKDF-SHA256 to a mint, a verify and a digest key, so that none of them tells anything of another.
pub struct Keyring {
    minting: Generation,
    /// Staged and active ones, the minting one included.
    verified: Vec<Generation>,
}

#[derive(Clone)]
struct Generation {
    number: u32,
    mint: Subkey,
    verify: Subkey,
    digest: Subkey,
}

pub type Subkey = Zeroizing<[u8; 32]>;

impl Keyring {
    /// Reads a [`SecretDocument`].
    pub fn from_json(json: &str) -> Result<Keyring, KeyringError> {
        Ok(Keyring::new(&SecretDocument::from_json(json)?))
    }

    pub fn new(document: &SecretDocument) -> Keyring {
        let (number, secret) = document.newest();
        Keyring {
            minting: Generation::derive(number, secret),
            verified: document
                .verified()
                .map(|(number, secret)| Generation::derive(number, secret))
                .collect(),
        }
    }

    /// A new key under the newest active generation, and what to store of it.
    ///
    /// The secret is `random` as one 256-bit number mod 62^22: 131 bits, uniform but for a bias below 2^-124.
    pub fn mint(&self, kind: KeyKind, id: KeyId, random: [u8; 32]) -> (PlainKey, StoredSecret) {
        let mut random = Zeroizing::new(random);
        let secret = Zeroizing::new(base62::wide_digits::<SECRET_LENGTH>(&mut random));
        let key = PlainKey::assemble(kind, id, &secret, |untagged| self.minting.tag(untagged));
        let stored = StoredSecret {
            hmac: self.minting.hmac(key.presented()),
            generation: self.minting.number,
        };
        (key, stored)
    }

    /// As [`Self::mint`], with a suffix that none of `taken` is: it is what tells a key's secrets apart.
    ///
    /// `random` gives new bytes each time.
    pub fn mint_apart(
        &self,
        kind: KeyKind,
        id: KeyId,
        taken: &[&str],
        random: impl Fn() -> [u8; 32],
    ) -> (PlainKey, StoredSecret) {
        loop {
            let (key, stored) = self.mint(kind, id, random());
            if !taken.contains(&key.suffix()) {
                return (key, stored);
            }
        }
    }

    /// The verified generation under which this key was minted; `None` = we never minted it, so no store is asked.
    ///
    /// Every generation is tried, whatever the first ones say, so that time tells nothing of the keyring.
    /// A forger hits one of *n* generations with probability *n* / 62^5.
    pub fn verify_tag(&self, key: &PresentedKey) -> Option<u32> {
        let mut found = 0;
        for generation in &self.verified {
            let fits = generation.tag(key.untagged()).ct_eq(key.tag());
            found.conditional_assign(&generation.number, fits);
        }
        // Numbers begin at 1.
        (found != 0).then_some(found)
    }

    /// Whether this is the key that was stored, compared in constant time; never under a generation that isn't verified any more.
    pub fn matches(&self, key: &PresentedKey, stored: &StoredSecret) -> bool {
        self.verified
            .iter()
            .find(|generation| generation.number == stored.generation)
            .is_some_and(|generation| generation.hmac(key).ct_eq(&stored.hmac).into())
    }

    /// Names the whole key inside this process (the memory of refusals) without being of use to find it.
    ///
    /// Changes when another generation is activated; so it is never stored.
    pub fn digest(&self, key: &PresentedKey) -> [u8; 16] {
        let whole = mac(&self.minting.digest, key.whole().as_bytes());
        std::array::from_fn(|at| whole[at])
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<u32> = self.verified.iter().map(|held| held.number).collect();
        f.debug_struct("Keyring")
            .field("minting", &self.minting.number)
            .field("verified", &numbers)
            .finish_non_exhaustive()
    }
}

impl Generation {
    fn derive(number: u32, secret: &[u8; 32]) -> Generation {
        Generation {
            number,
            mint: subkey(secret, "instaview/api-key/mint/1"),
            verify: subkey(secret, "instaview/api-key/verify/1"),
            digest: subkey(secret, "instaview/api-key/digest/1"),
        }
    }

    /// The first 8 bytes of the HMAC as a big-endian number mod 62^5, in Base62.
    fn tag(&self, untagged: &[u8]) -> [u8; TAG_LENGTH] {
        let whole = mac(&self.mint, untagged);
        let number = whole
            .iter()
            .take(8)
            .fold(0, |number, byte| number << 8 | u64::from(*byte));
        base62::digits(number)
    }

    fn hmac(&self, key: &PresentedKey) -> [u8; 32] {
        mac(&self.verify, key.whole().as_bytes())
    }
}

/// What a generation's secret is expanded to for one purpose: none of them tells anything of another.
pub fn subkey(secret: &[u8; 32], purpose: &str) -> Subkey {
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, secret)
        .expand(purpose.as_bytes(), &mut *key)
        .expect("32 bytes are one block of HKDF-SHA256");
    key
}

pub(crate) fn mac(key: &Subkey, message: &[u8]) -> [u8; 32] {
    let mut hmac =
        Hmac::<Sha256>::new_from_slice(&key[..]).expect("HMAC takes keys of every length");
    hmac.update(message);
    hmac.finalize().into_bytes().into()
}

/// What is stored of a key: HMAC-SHA256 of the whole of it under its generation's verify key.
///
/// No `PartialEq`: comparing is [`Keyring::matches`]' business, in constant time.
#[derive(Clone)]
pub struct StoredSecret {
    pub hmac: [u8; 32],
    pub generation: u32,
}

impl fmt::Debug for StoredSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSecret")
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

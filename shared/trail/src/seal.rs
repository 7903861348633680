//! Ed25519 signatures, and the keys that they are checked with.

use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::{Signer, VerifyingKey};
use model::{ChainHash, hex};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// Who signed something, and the proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Seal {
    /// The first 32 hexadecimal characters of the SHA-256 of the public key.
    pub key_id: String,
    /// 32 bytes, Base64.
    pub public_key: String,
    /// Ed25519 (RFC 8032), 64 bytes, Base64.
    pub signature: String,
}

/// The public keys of the trail, as `/.well-known/audit-keys` gives them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditKeys {
    pub keys: Vec<AuditKey>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditKey {
    /// The first 32 hexadecimal characters of the SHA-256 of the public key.
    pub id: String,
    #[serde(rename = "use")]
    pub used_for: KeyUse,
    pub algorithm: Algorithm,
    /// 32 bytes, Base64.
    pub public_key: String,
}

/// What a key signs; it signs nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum KeyUse {
    Export,
    Checkpoint,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Algorithm {
    Ed25519,
}

/// A key that signatures are checked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

/// 64 bytes.
pub type Signature = [u8; 64];

/// A key that signs, where it may lie in memory.
pub struct SigningKey(ed25519_dalek::SigningKey);

/// Why a signature doesn't count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSeal {
    #[error("its signature doesn't fit")]
    Signature,
    #[error("it is signed by a key that isn't among the published ones")]
    UnknownKey,
}

impl Seal {
    pub fn new(key: PublicKey, signature: &Signature) -> Seal {
        Seal {
            key_id: key.id(),
            public_key: BASE64_STANDARD.encode(key.0),
            signature: BASE64_STANDARD.encode(signature),
        }
    }

    /// Whether the message was signed, and by one of these keys if they are known.
    pub(crate) fn check(
        &self,
        message: &[u8],
        used_for: KeyUse,
        keys: Option<&AuditKeys>,
    ) -> Result<(), BadSeal> {
        let public = bytes::<32>(&self.public_key).map(PublicKey);
        let signature = bytes::<64>(&self.signature);
        let (Some(public), Some(signature)) = (public, signature) else {
            return Err(BadSeal::Signature);
        };
        let key = VerifyingKey::from_bytes(&public.0).map_err(|_| BadSeal::Signature)?;
        let signature = ed25519_dalek::Signature::from_bytes(&signature);
        if self.key_id != public.id() || key.verify_strict(message, &signature).is_err() {
            return Err(BadSeal::Signature);
        }
        let known = keys.is_none_or(|keys| {
            let mut keys = keys.keys.iter();
            keys.any(|key| key.used_for == used_for && bytes(&key.public_key) == Some(public.0))
        });
        known.then_some(()).ok_or(BadSeal::UnknownKey)
    }
}

impl AuditKey {
    pub fn new(used_for: KeyUse, key: PublicKey) -> AuditKey {
        AuditKey {
            id: key.id(),
            used_for,
            algorithm: Algorithm::Ed25519,
            public_key: BASE64_STANDARD.encode(key.0),
        }
    }
}

impl PublicKey {
    pub const fn new(bytes: [u8; 32]) -> PublicKey {
        PublicKey(bytes)
    }

    /// From its SubjectPublicKeyInfo (RFC 8410), as key services give it.
    pub fn from_der(der: &[u8]) -> Option<PublicKey> {
        const ED25519: [u8; 12] = [
            0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
        ];
        let key = der.strip_prefix(&ED25519)?;
        key.try_into().ok().map(PublicKey)
    }

    pub fn id(self) -> String {
        hex(&Sha256::digest(self.0)[..16])
    }
}

impl SigningKey {
    /// `seed`: random, and the secret itself.
    pub fn new(seed: &[u8; 32]) -> SigningKey {
        SigningKey(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    pub fn sign(&self, message: &[u8]) -> Signature {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

/// What is signed and hashed of a statement: a prefix that only its kind has, and RFC 8785.
pub(crate) fn message(prefix: &str, statement: &impl Serialize) -> Vec<u8> {
    let mut message = prefix.as_bytes().to_vec();
    // Strings and integers below 2^53 only, so that canonicalizing can't fail.
    message.extend(serde_json_canonicalizer::to_vec(statement).unwrap_or_default());
    message
}

pub(crate) fn digest(message: &[u8]) -> ChainHash {
    ChainHash::new(Sha256::digest(message).into())
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    BASE64_STANDARD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(message: &[u8]) -> (SigningKey, Seal) {
        let key = SigningKey::new(&[7; 32]);
        let seal = Seal::new(key.public(), &key.sign(message));
        (key, seal)
    }

    #[test]
    fn a_seal_fits_one_message_one_key_and_one_use() {
        let (key, good) = seal(b"message");
        let keys = |used_for| AuditKeys {
            keys: vec![AuditKey::new(used_for, key.public())],
        };
        let of_exports = keys(KeyUse::Export);
        let check =
            |seal: &Seal, message: &[u8]| seal.check(message, KeyUse::Export, Some(&of_exports));
        assert_eq!(check(&good, b"message"), Ok(()));
        assert_eq!(good.check(b"message", KeyUse::Export, None), Ok(()));
        assert_eq!(check(&good, b"massage"), Err(BadSeal::Signature));
        let other_use = keys(KeyUse::Checkpoint);
        assert_eq!(
            good.check(b"message", KeyUse::Export, Some(&other_use)),
            Err(BadSeal::UnknownKey)
        );
        let other = SigningKey::new(&[8; 32]);
        let foreign = Seal::new(other.public(), &other.sign(b"message"));
        assert_eq!(check(&foreign, b"message"), Err(BadSeal::UnknownKey));
        let renamed = Seal {
            key_id: foreign.key_id,
            ..good
        };
        assert_eq!(check(&renamed, b"message"), Err(BadSeal::Signature));
    }

    #[test]
    fn a_public_key_is_read_from_its_der() {
        let (key, _) = seal(b"");
        let mut der = vec![48, 42, 48, 5, 6, 3, 43, 101, 112, 3, 33, 0];
        der.extend(key.public().0);
        assert_eq!(PublicKey::from_der(&der), Some(key.public()));
        assert_eq!(PublicKey::from_der(&der[..43]), None);
        der[8] = 110;
        assert_eq!(PublicKey::from_der(&der), None, "another curve");
    }
}

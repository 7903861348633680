//! The secrets of one local system: random when it is first started, kept in its data directory.

use anyhow::Context;
use api::{Clock, Entropy};
use auth::{Keyring, SecretDocument};
use p256::ecdsa::SigningKey;
use std::sync::Arc;
use store::CursorKeys;

use crate::data_dir::DataDir;

pub(crate) const KEYS_FILE: &str = "keys-secret.json";
pub(crate) const CURSOR_FILE: &str = "cursor-secret.json";
const ISSUER_FILE: &str = "issuer-key.json";

pub(crate) struct Secrets {
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) cursors: Arc<CursorKeys>,
    /// Of the development issuer.
    pub(crate) signing: SigningKey,
}

impl Secrets {
    /// `None` keeps them in memory alone.
    pub(crate) fn read(
        dir: Option<&DataDir>,
        clock: &Clock,
        entropy: Entropy,
    ) -> anyhow::Result<Secrets> {
        let document = |name| document(dir, name, clock, entropy);
        let cursor = document(CURSOR_FILE)?;
        let issuer = document(ISSUER_FILE)?;
        Ok(Secrets {
            keyring: Arc::new(Keyring::new(&document(KEYS_FILE)?)),
            cursors: Arc::new(CursorKeys::new(
                cursor
                    .verified()
                    .map(|(number, secret)| (number, secret.as_slice())),
            )),
            // Two of 2^32 random numbers are no key; the file would have to be deleted.
            signing: SigningKey::from_slice(issuer.newest().1).context(ISSUER_FILE)?,
        })
    }
}

fn document(
    dir: Option<&DataDir>,
    name: &str,
    clock: &Clock,
    entropy: Entropy,
) -> anyhow::Result<SecretDocument> {
    if let Some(text) = dir.map(|dir| dir.read(name)).transpose()?.flatten() {
        return SecretDocument::from_json(&text).with_context(|| name.to_owned());
    }
    let document = SecretDocument::generate(entropy.bytes(), clock.now().millis());
    if let Some(dir) = dir {
        dir.write(name, &document.to_json())?;
    }
    Ok(document)
}

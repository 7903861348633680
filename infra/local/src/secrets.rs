//! The secrets of one local system: random when it is first started, kept in its data directory.

use anyhow::Context;
use api::{Clock, Entropy, Reloading, Signer, Source};
use auth::{InvitationKeys, Keyring, SecretDocument, SessionKeys};
use model::Timestamp;
use std::{pin::Pin, sync::Arc};
use store::CursorKeys;
use trail::SigningKey;
use zeroize::Zeroizing;

use crate::data_dir::DataDir;

pub(crate) const KEYS_FILE: &str = "keys-secret.json";
pub(crate) const CURSOR_FILE: &str = "cursor-secret.json";
pub(crate) const SESSION_FILE: &str = "session-secret.json";
pub(crate) const EXPORT_KEY_FILE: &str = "export-key.json";
pub(crate) const CHECKPOINT_KEY_FILE: &str = "checkpoint-key.json";
const ISSUER_FILE: &str = "issuer-key.json";

pub(crate) struct Secrets {
    pub(crate) keyring: Arc<Reloading<Keyring>>,
    pub(crate) cursors: Arc<Reloading<CursorKeys>>,
    /// From the same file as the cursors' keys.
    pub(crate) invitations: Arc<Reloading<InvitationKeys>>,
    pub(crate) sessions: Arc<Reloading<SessionKeys>>,
    pub(crate) export_signer: Signer,
    pub(crate) checkpoint_signer: Signer,
    /// Of the development issuer.
    pub(crate) signing: p256::ecdsa::SigningKey,
}

impl Secrets {
    /// `None` keeps them in memory alone.
    pub(crate) fn read(
        dir: Option<&DataDir>,
        clock: &Clock,
        entropy: Entropy,
    ) -> anyhow::Result<Secrets> {
        let document = |name| document(dir, name, clock, entropy);
        let (issuer, cursors) = (document(ISSUER_FILE)?, document(CURSOR_FILE)?);
        let now = clock.now();
        Ok(Secrets {
            keyring: reloading(dir, KEYS_FILE, &document(KEYS_FILE)?, Keyring::new, now),
            cursors: reloading(dir, CURSOR_FILE, &cursors, CursorKeys::new, now),
            invitations: reloading(dir, CURSOR_FILE, &cursors, InvitationKeys::new, now),
            sessions: reloading(
                dir,
                SESSION_FILE,
                &document(SESSION_FILE)?,
                SessionKeys::new,
                now,
            ),
            export_signer: signer(&document(EXPORT_KEY_FILE)?),
            checkpoint_signer: signer(&document(CHECKPOINT_KEY_FILE)?),
            // Two of 2^32 random numbers are no key; the file would have to be deleted.
            signing: p256::ecdsa::SigningKey::from_slice(issuer.newest().1).context(ISSUER_FILE)?,
        })
    }
}

/// With a key of its own, as deployed functions have one each of the key service.
fn signer(document: &SecretDocument) -> Signer {
    let key = Arc::new(SigningKey::new(document.newest().1));
    let public = key.public();
    let sign = move |message: Vec<u8>| {
        let key = Arc::clone(&key);
        let signed: Pin<Box<dyn Future<Output = _> + Send>> =
            Box::pin(async move { Ok(key.sign(&message)) });
        signed
    };
    Signer::new(public, Arc::new(sign))
}

/// Read again from its file, as a Lambda process reads it from Secrets Manager.
fn reloading<T: Send + Sync + 'static>(
    dir: Option<&DataDir>,
    name: &'static str,
    document: &SecretDocument,
    make: fn(&SecretDocument) -> T,
    now: Timestamp,
) -> Arc<Reloading<T>> {
    let first = make(document);
    let Some(path) = dir.map(|dir| dir.file(name)) else {
        return Arc::new(Reloading::fixed(first));
    };
    let source: Source<T> = Arc::new(move || {
        let path = path.clone();
        Box::pin(async move {
            let text = Zeroizing::new(std::fs::read_to_string(path).ok()?);
            Some(make(&SecretDocument::from_json(&text).ok()?))
        })
    });
    Arc::new(Reloading::new(first, now, source))
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

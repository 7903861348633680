//! A key that signs, wherever it is kept.

use std::{fmt, future::Future, pin::Pin, sync::Arc};
use trail::{PublicKey, Signature};

/// It can't be signed now.
#[derive(Debug, thiserror::Error)]
#[error("not signed: {0}")]
pub struct NotSigned(pub String);

/// Signs a message by Ed25519.
pub type Sign = Arc<
    dyn Fn(Vec<u8>) -> Pin<Box<dyn Future<Output = Result<Signature, NotSigned>> + Send>>
        + Send
        + Sync,
>;

/// One key: what it can be known by, and what it does. Nothing shows its secret, which it may not have.
#[derive(Clone)]
pub struct Signer {
    public: PublicKey,
    sign: Sign,
}

impl Signer {
    pub fn new(public: PublicKey, sign: Sign) -> Signer {
        Signer { public, sign }
    }

    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// # Errors
    /// Whatever keeps the key gave no signature.
    pub async fn sign(&self, message: Vec<u8>) -> Result<Signature, NotSigned> {
        (self.sign)(message).await
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("key", &self.public.id())
            .finish_non_exhaustive()
    }
}

//! The notary of the chains: once an hour it signs where all of them end, and puts that where nothing is ever changed.
//!
//! Invariant: it reads heads, signs, and writes objects of new names; nothing else may sign with its key.
//! Knows nothing of events, HTTP or the environment.

use api::{App, NotReached, NotSigned};
use model::ChainHash;
use store::StoreError;
use trail::{Checkpoint, Heads, OwnedHead, StoredCheckpoint};

/// There is no new checkpoint; the next turn makes one.
#[derive(Debug, thiserror::Error)]
pub enum NotMade {
    #[error("heads not read: {0}")]
    Store(#[from] StoreError),
    #[error(transparent)]
    Objects(#[from] NotReached),
    #[error(transparent)]
    Signature(#[from] NotSigned),
    #[error("{0}")]
    Unusable(&'static str),
}

/// Makes the next checkpoint: its counter; `None` where another turn made it meanwhile.
#[expect(
    clippy::disallowed_methods,
    reason = "a checkpoint holds the ends of all chains"
)]
pub async fn make(app: &App) -> Result<Option<u64>, NotMade> {
    let missing = NotMade::Unusable("this process makes no checkpoints");
    let (Some(objects), Some(signer)) = (&app.checkpoints, &app.checkpoint_signer) else {
        return Err(missing);
    };
    let newest = objects.list(StoredCheckpoint::PREFIX, None, 1).await?;
    let before = match newest.first() {
        None => None,
        Some(name) => {
            let bytes = objects.get(name).await?;
            let bytes = bytes.ok_or(NotMade::Unusable("the newest checkpoint is gone"))?;
            let stored: StoredCheckpoint = serde_json::from_slice(&bytes)
                .map_err(|_| NotMade::Unusable("the newest checkpoint can't be read"))?;
            Some(stored.signed.checkpoint)
        }
    };
    let heads = app.table.list_heads().await?.into_iter();
    let heads = Heads {
        seed: ChainHash::new(app.entropy.bytes()),
        heads: heads
            .map(|(owner, head)| OwnedHead {
                owner,
                seq: head.seq,
                hash: head.hash,
            })
            .collect(),
    };
    // After the last head was read: an export that is younger must have all that the checkpoint has.
    let checkpoint = Checkpoint::new(before.as_ref(), &heads, app.clock.now());
    let counter = checkpoint.counter;
    let signature = signer.sign(checkpoint.message()).await?;
    let stored = StoredCheckpoint {
        signed: checkpoint.signed(signer.public(), &signature),
        heads,
    };
    let bytes = serde_json::to_vec(&stored)
        .map_err(|_| NotMade::Unusable("the checkpoint can't be written"))?;
    let name = StoredCheckpoint::name(counter);
    let made = objects.put_new(&name, bytes).await?;
    tracing::info!(
        counter,
        owners = stored.heads.heads.len(),
        made,
        "checkpoint"
    );
    Ok(made.then_some(counter))
}

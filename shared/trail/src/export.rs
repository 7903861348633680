//! The last line of an export: what the events before it are, signed.

use model::{ChainHash, Owner, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    PublicKey, Seal, Signature,
    line::EXACT,
    seal::{self, BadSeal},
};

/// Which part of which chain an export is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportHead {
    pub owner: Owner,
    pub from_seq: u64,
    /// One less than `fromSeq` where there is no event.
    pub to_seq: u64,
    /// Of the event before the first.
    pub prev_hash: ChainHash,
    /// Of the last event; `prevHash` where there is none.
    pub hash: ChainHash,
    /// Where the whole chain ended when it was read, after `at`.
    pub chain_seq: u64,
    pub chain_hash: ChainHash,
    pub at: Timestamp,
    /// Where to go on, if the export was asked for more than it could give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_from_seq: Option<u64>,
}

/// `{"head": …, "keyId": …, "publicKey": …, "signature": …}`; no event has a `head`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SignedHead {
    pub head: ExportHead,
    #[serde(flatten)]
    pub seal: Seal,
}

impl ExportHead {
    /// What is to be signed.
    pub fn message(&self) -> Vec<u8> {
        seal::message("instaview-audit-export-v1\n", self)
    }

    pub fn signed(self, key: PublicKey, signature: &Signature) -> SignedHead {
        SignedHead {
            head: self,
            seal: Seal::new(key, signature),
        }
    }
}

impl SignedHead {
    pub(crate) fn check(&self, keys: Option<&crate::AuditKeys>) -> Result<(), BadSeal> {
        let ExportHead {
            from_seq,
            to_seq,
            chain_seq,
            ..
        } = self.head;
        // What was signed could be read as another number.
        if [from_seq, to_seq, chain_seq]
            .iter()
            .any(|seq| *seq >= EXACT)
        {
            return Err(BadSeal::Signature);
        }
        let message = self.head.message();
        self.seal.check(&message, crate::KeyUse::Export, keys)
    }
}

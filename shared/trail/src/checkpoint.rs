//! Checkpoints: where all chains ended at an instant, in one signed hash.
//!
//! The root of a Merkle tree (RFC 6962's hashes: a leaf's begins with 0, a node's with 1).
//! A leaf is salted, the leaves lie in the order of their hashes, and the tree is filled up with leaves that are nobody's: a proof tells its owner nothing of others but, beyond 1,024, the magnitude of their number.

use hmac::{Hmac, KeyInit, Mac};
use model::{ChainHash, Owner, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{PublicKey, Seal, Signature, line::EXACT, seal};

/// Each one follows the one before: by its counter, and by its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// From 1, without gaps.
    pub counter: u64,
    /// After the last head was read.
    pub at: Timestamp,
    pub root: ChainHash,
    /// Leaves: a power of two, fillings included.
    pub size: u64,
    /// Hash of the checkpoint before: SHA-256 of what was signed of it. The first one follows SHA-256 of nothing.
    pub previous: ChainHash,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignedCheckpoint {
    pub checkpoint: Checkpoint,
    #[serde(flatten)]
    pub seal: Seal,
}

/// A checkpoint as one owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnCheckpoint {
    #[serde(flatten)]
    pub signed: SignedCheckpoint,
    /// Left out where the owner had no event yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inclusion: Option<Inclusion>,
}

/// The proof that the checkpoint holds where the owner's chain ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Inclusion {
    pub owner: Owner,
    pub seq: u64,
    pub hash: ChainHash,
    pub salt: ChainHash,
    /// The leaf's place, from 0.
    pub index: u64,
    /// The hashes beside the way from the leaf to the root.
    pub path: Vec<ChainHash>,
}

/// Where one owner's chain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedHead {
    pub owner: Owner,
    pub seq: u64,
    pub hash: ChainHash,
}

/// What a checkpoint is made of. Kept with it, and shown to nobody: with the seed, one could ask the tree about others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heads {
    /// Random, another one for each checkpoint.
    pub seed: ChainHash,
    pub heads: Vec<OwnedHead>,
}

/// A checkpoint as it is kept, with what only whoever keeps it may see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredCheckpoint {
    pub signed: SignedCheckpoint,
    pub heads: Heads,
}

impl StoredCheckpoint {
    /// What the names of all checkpoints begin with.
    pub const PREFIX: &'static str = "checkpoints/";

    /// The newest one's name is the first of all: stores list names upwards.
    pub fn name(counter: u64) -> String {
        format!("{}{:020}", StoredCheckpoint::PREFIX, u64::MAX - counter)
    }

    /// The counter in a name.
    pub fn counter(name: &str) -> Option<u64> {
        let number: u64 = name.strip_prefix(StoredCheckpoint::PREFIX)?.parse().ok()?;
        Some(u64::MAX - number)
    }

    /// What the owner sees of it.
    pub fn seen_by(self, owner: Owner) -> OwnCheckpoint {
        self.signed.of(owner, &self.heads)
    }
}

impl Checkpoint {
    /// Of these heads, after `before`.
    pub fn new(before: Option<&Checkpoint>, heads: &Heads, at: Timestamp) -> Checkpoint {
        let tree = Tree::new(heads);
        Checkpoint {
            counter: before.map_or(0, |before| before.counter) + 1,
            at,
            root: tree.root(),
            size: tree.leaves().len() as u64,
            previous: Checkpoint::follows(before),
        }
    }

    /// What is to be signed.
    pub fn message(&self) -> Vec<u8> {
        seal::message("instaview-audit-checkpoint-v1\n", self)
    }

    pub fn signed(self, key: PublicKey, signature: &Signature) -> SignedCheckpoint {
        SignedCheckpoint {
            checkpoint: self,
            seal: Seal::new(key, signature),
        }
    }

    pub(crate) fn hash(&self) -> ChainHash {
        seal::digest(&self.message())
    }

    pub(crate) fn follows(before: Option<&Checkpoint>) -> ChainHash {
        before.map_or_else(|| seal::digest(b""), Checkpoint::hash)
    }
}

impl SignedCheckpoint {
    /// What the owner sees of it.
    pub fn of(self, owner: Owner, heads: &Heads) -> OwnCheckpoint {
        OwnCheckpoint {
            inclusion: heads.inclusion(owner),
            signed: self,
        }
    }
}

impl Heads {
    fn inclusion(&self, owner: Owner) -> Option<Inclusion> {
        let head = *self.heads.iter().find(|head| head.owner == owner)?;
        let salt = self.salt(&owner.to_string());
        let tree = Tree::new(self);
        let leaf = leaf(&head, &salt);
        let index = tree.leaves().binary_search(leaf.bytes()).ok()?;
        Some(Inclusion {
            owner,
            seq: head.seq,
            hash: head.hash,
            salt,
            index: index as u64,
            path: tree.path(index),
        })
    }

    fn salt(&self, of: &str) -> ChainHash {
        // HMAC takes keys of any length.
        let Ok(mac) = Hmac::<Sha256>::new_from_slice(self.seed.bytes()) else {
            return self.seed;
        };
        let mac = mac.chain_update(b"instaview-audit-salt-v1\n");
        ChainHash::new(mac.chain_update(of).finalize().into_bytes().into())
    }
}

impl Inclusion {
    /// Whether this checkpoint holds it.
    pub(crate) fn is_in(&self, checkpoint: &Checkpoint) -> bool {
        let head = OwnedHead {
            owner: self.owner,
            seq: self.seq,
            hash: self.hash,
        };
        let mut at = self.index;
        let mut hash = *leaf(&head, &self.salt).bytes();
        for beside in &self.path {
            hash = match at % 2 {
                0 => node(&hash, beside.bytes()),
                _ => node(beside.bytes(), &hash),
            };
            at /= 2;
        }
        let size = u32::try_from(self.path.len()).ok();
        let size = size.and_then(|depth| 1_u64.checked_shl(depth));
        at == 0
            && self.seq < EXACT
            && hash == *checkpoint.root.bytes()
            && size == Some(checkpoint.size)
    }
}

type Bytes = [u8; 32];

/// Its levels, from the sorted leaves to the root.
struct Tree(Vec<Vec<Bytes>>);

impl Tree {
    /// So many leaves hide how few owners there are.
    const FEWEST: usize = 1_024;

    fn new(heads: &Heads) -> Tree {
        let own = heads.heads.iter();
        let own = own.map(|head| *leaf(head, &heads.salt(&head.owner.to_string())).bytes());
        let mut leaves: Vec<Bytes> = own.collect();
        let size = leaves.len().max(Tree::FEWEST).next_power_of_two();
        // No owner is called by a number.
        let filling = (leaves.len()..size).map(|number| heads.salt(&number.to_string()));
        leaves.extend(filling.map(|salt| filled(&salt)));
        leaves.sort_unstable();
        let mut levels = vec![leaves];
        while let Some(below) = levels.last().filter(|below| below.len() > 1) {
            let pairs = below.chunks_exact(2);
            levels.push(pairs.map(|pair| node(&pair[0], &pair[1])).collect());
        }
        Tree(levels)
    }

    fn leaves(&self) -> &[Bytes] {
        self.0.first().map_or(&[], Vec::as_slice)
    }

    fn root(&self) -> ChainHash {
        let root = self.0.last().and_then(|level| level.first());
        ChainHash::new(root.copied().unwrap_or_default())
    }

    fn path(&self, index: usize) -> Vec<ChainHash> {
        let below_the_root = self.0.iter().enumerate().take(self.0.len() - 1);
        below_the_root
            .map(|(depth, level)| ChainHash::new(level[(index >> depth) ^ 1]))
            .collect()
    }
}

fn leaf(head: &OwnedHead, salt: &ChainHash) -> ChainHash {
    let statement = seal::message("instaview-audit-leaf-v1\n", head);
    let hash = Sha256::new().chain_update([0]).chain_update(salt.bytes());
    ChainHash::new(hash.chain_update(statement).finalize().into())
}

fn filled(salt: &ChainHash) -> Bytes {
    let hash = Sha256::new().chain_update([0]).chain_update(salt.bytes());
    hash.finalize().into()
}

fn node(left: &Bytes, right: &Bytes) -> Bytes {
    let hash = Sha256::new().chain_update([1]).chain_update(left);
    hash.chain_update(right).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(number: u64) -> Owner {
        let id = format!("01890a5d-ac96-774b-bcce-{number:012x}");
        Owner::Company(id.parse().expect("an id"))
    }

    fn heads(owners: u64) -> Heads {
        let head = |number| OwnedHead {
            owner: owner(number),
            seq: number + 1,
            hash: seal::digest(&number.to_be_bytes()),
        };
        Heads {
            seed: seal::digest(b"seed"),
            heads: (0..owners).map(head).collect(),
        }
    }

    #[test]
    fn everybody_is_included_and_nobody_else() {
        for owners in [0, 1, 7, 1_024, 1_025] {
            let heads = heads(owners);
            let checkpoint = Checkpoint::new(None, &heads, Timestamp::LAST);
            assert_eq!(checkpoint.size, if owners > 1_024 { 2_048 } else { 1_024 });
            for number in (0..owners).step_by(100) {
                let inclusion = heads.inclusion(owner(number)).expect("included");
                assert!(inclusion.is_in(&checkpoint), "{number} of {owners}");
                let longer = Inclusion {
                    seq: inclusion.seq + 1,
                    ..inclusion.clone()
                };
                assert!(!longer.is_in(&checkpoint));
                let elsewhere = Inclusion {
                    index: inclusion.index ^ 1,
                    ..inclusion.clone()
                };
                assert!(!elsewhere.is_in(&checkpoint));
                let of_another = Inclusion {
                    owner: owner(owners),
                    ..inclusion
                };
                assert!(!of_another.is_in(&checkpoint));
            }
            assert_eq!(heads.inclusion(owner(owners)), None);
        }
    }

    #[test]
    fn a_proof_without_its_salt_says_nothing_of_others() {
        let heads = heads(2);
        let inclusion = heads.inclusion(owner(0)).expect("included");
        let other = leaf(&heads.heads[1], &inclusion.salt);
        assert!(!inclusion.path.contains(&other));
    }

    #[test]
    fn no_two_checkpoints_have_the_same_root() {
        let (one, mut other) = (heads(3), heads(3));
        other.seed = seal::digest(b"another seed");
        let root = |heads: &Heads| Checkpoint::new(None, heads, Timestamp::LAST).root;
        assert_ne!(root(&one), root(&other));
    }
}

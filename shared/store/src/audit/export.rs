//! A part of a chain, pack by pack.

use model::ChainHash;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Head, chain, pack::texts_of, place};
use crate::{
    OwnerStore, StoreError,
    item::{Item, s},
};

/// Where reading goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainPlace {
    /// The next event.
    pub seq: u64,
    /// Of the event before it.
    pub prev_hash: ChainHash,
}

/// Some events, without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainPage {
    /// Each as it was stored, JSON in one line. None, where there are no more.
    pub events: Vec<String>,
    /// After them.
    pub next: ChainPlace,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Link {
    seq: u64,
    prev_hash: ChainHash,
    hash: ChainHash,
}

impl OwnerStore {
    /// Where the owner's chain ends.
    pub async fn get_head(&self) -> Result<Head, StoreError> {
        self.table.find_head(self.owner()).await
    }

    /// Where the event of this seq, which there is or which comes next, is to be read.
    pub async fn get_chain_place(&self, seq: u64, head: Head) -> Result<ChainPlace, StoreError> {
        if seq == head.seq + 1 {
            let prev_hash = head.hash;
            return Ok(ChainPlace { seq, prev_hash });
        }
        let pack = self.packs(seq, false).await?.into_iter().next();
        let events = pack.map(|pack| links(&pack)).transpose()?;
        let found = events
            .into_iter()
            .flatten()
            .find(|(link, _)| link.seq == seq);
        let (link, _) = found.ok_or(StoreError::Corrupt("chain"))?;
        let prev_hash = link.prev_hash;
        Ok(ChainPlace { seq, prev_hash })
    }

    /// So much JSON, and the rest of its pack, at the most.
    const MAX_CHAIN_PAGE: usize = 4 << 20;

    /// The events from there on up to `last`, as many as one page of DynamoDB (1 MB) and one of ours hold.
    ///
    /// # Errors
    /// One of them isn't there.
    pub async fn list_chain(&self, from: ChainPlace, last: u64) -> Result<ChainPage, StoreError> {
        let mut events = Vec::new();
        let mut next = from;
        if next.seq <= last {
            let first = self.packs(from.seq, false).await?;
            let after = self.packs(from.seq + 1, true).await?;
            let mut size = 0;
            for pack in first.iter().chain(&after) {
                if size >= Self::MAX_CHAIN_PAGE {
                    break;
                }
                for (link, event) in links(pack)? {
                    if link.seq == next.seq && link.seq <= last {
                        next = ChainPlace {
                            seq: link.seq + 1,
                            prev_hash: link.hash,
                        };
                        size += event.len();
                        events.push(event);
                    }
                }
            }
            if events.is_empty() {
                return Err(StoreError::Corrupt("chain"));
            }
        }
        Ok(ChainPage { events, next })
    }

    /// Upwards the packs that begin there or after it, one page; else the one that begins there or before it.
    async fn packs(&self, seq: u64, upwards: bool) -> Result<Vec<Item>, StoreError> {
        let (condition, limit) = match upwards {
            true => ("pk = :pk AND sk >= :sk", None),
            false => ("pk = :pk AND sk <= :sk", Some(1)),
        };
        let page = self
            .table
            .client
            .query()
            .table_name(&self.table.names.audit)
            .key_condition_expression(condition)
            .expression_attribute_values(":pk", s(chain(self.owner())))
            .expression_attribute_values(":sk", s(place(seq)))
            .scan_index_forward(upwards)
            .consistent_read(true)
            .set_limit(limit)
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        Ok(page.items.unwrap_or_default())
    }
}

fn links(pack: &Item) -> Result<Vec<(Link, String)>, StoreError> {
    let link = |event: Box<RawValue>| {
        let link = serde_json::from_str(event.get()).map_err(|_| StoreError::Corrupt("events"))?;
        Ok((link, String::from(Box::<str>::from(event))))
    };
    texts_of(pack)?.into_iter().map(link).collect()
}

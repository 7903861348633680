//! Who changed a row, when and from where: written with every change, read by the audit consumer.

use aws_sdk_dynamodb::types::AttributeValue;
use model::{Actor, Timestamp};

use crate::{
    StoreError,
    item::{Item, Read, b, item, n, s, set},
};

/// One change's facts, stored in the row that it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    pub actor: Actor,
    pub at: Timestamp,
    pub source_ip: Option<String>,
    pub request_id: Option<String>,
    pub operation: String,
    pub reason: Option<String>,
    /// 16 random bytes: whoever finds its own on the row knows that its write was applied.
    pub nonce: [u8; 16],
}

impl Stamp {
    pub(crate) const ATTRIBUTE: &str = "changed";

    pub(crate) fn value(&self) -> AttributeValue {
        let Stamp {
            actor,
            at,
            source_ip,
            request_id,
            operation,
            reason,
            nonce,
        } = self;
        let mut map = item([
            ("by", s(actor.kind)),
            ("id", s(&actor.id)),
            ("at", n(at.millis())),
            ("op", s(operation)),
            ("nonce", b(*nonce)),
        ]);
        set(&mut map, "ip", source_ip.as_ref().map(s));
        set(&mut map, "request", request_id.as_ref().map(s));
        set(&mut map, "reason", reason.as_ref().map(s));
        AttributeValue::M(map)
    }

    pub(crate) fn read(row: &Item) -> Result<Stamp, StoreError> {
        let map = row.map(Stamp::ATTRIBUTE)?;
        Ok(Stamp {
            actor: Actor {
                kind: map.parsed("by")?,
                id: map.text("id")?.to_owned(),
            },
            at: map.instant("at")?,
            source_ip: map.parsed_if("ip")?,
            request_id: map.parsed_if("request")?,
            operation: map.text("op")?.to_owned(),
            reason: map.parsed_if("reason")?,
            nonce: map.bytes("nonce")?,
        })
    }

    /// Whether the row was last changed by this very write.
    pub(crate) fn stands_on(&self, row: &Item) -> bool {
        Stamp::read(row).is_ok_and(|found| found.nonce == self.nonce)
    }
}

//! The tables as they must be made: for the local system and tests, and compared with the template.

use crate::TableNames;

/// One table: string keys `pk` and `sk`, on demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDefinition {
    pub name: String,
    /// Whether changes are streamed, with new and old images.
    pub streamed: bool,
    /// The number attribute (Unix seconds) after which a row may be deleted.
    pub ttl: Option<&'static str>,
    /// A local index: its name and sort key.
    pub local_index: Option<(&'static str, &'static str)>,
    /// A global index of keys alone: its name, its partition key and its sort key.
    pub global_index: Option<(&'static str, [&'static str; 2])>,
}

/// All tables of a stack.
pub fn definitions(names: &TableNames) -> [TableDefinition; 5] {
    let table = |name: &str, streamed, ttl, local_index| TableDefinition {
        name: name.to_owned(),
        streamed,
        ttl,
        local_index,
        global_index: (name == names.keys).then_some(crate::notice::BY_NOTICE),
    };
    [
        table(&names.keys, true, None, None),
        table(
            &names.denials,
            true,
            Some("ttl"),
            Some(crate::denials::BY_PLAIN_REQUEST_ID),
        ),
        table(&names.records, true, Some("ttl"), None),
        table(&names.audit, false, Some("ttl"), None),
        table(&names.sessions, false, Some("ttl"), None),
    ]
}

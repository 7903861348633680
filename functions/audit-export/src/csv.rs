//! The table for people (RFC 4180): one row an event.

use api::ApiError;
use model::{Change, Event, EventFacts};

const COLUMNS: [&str; 20] = [
    "seq",
    "at",
    "type",
    "outcome",
    "actorKind",
    "actorId",
    "keyId",
    "secretSuffix",
    "companyId",
    "sourceIp",
    "userAgent",
    "requestId",
    "operation",
    "reason",
    "count",
    "suppressed",
    "changes",
    "id",
    "prevHash",
    "hash",
];

pub(crate) fn header() -> String {
    COLUMNS.join(",") + "\r\n"
}

/// Appends the event's row.
pub(crate) fn row(event: &Event, table: &mut String) -> Result<(), ApiError> {
    let Event {
        seq,
        facts,
        prev_hash,
        hash,
    } = event;
    let EventFacts {
        id,
        at,
        // The whole table is one owner's.
        owner: _,
        kind,
        outcome,
        actor,
        key_id,
        secret_suffix,
        company_id,
        source_ip,
        user_agent,
        request_id,
        operation,
        reason,
        count,
        suppressed,
        changes,
    } = facts;
    fn text(value: &Option<impl ToString>) -> String {
        value.as_ref().map(ToString::to_string).unwrap_or_default()
    }
    let json = |changes: &Vec<Change>| serde_json::to_string(changes);
    let changes = changes.as_ref().map(json).transpose();
    let cells: [String; COLUMNS.len()] = [
        seq.to_string(),
        at.to_string(),
        kind.to_string(),
        outcome.to_string(),
        actor.kind.to_string(),
        actor.id.clone(),
        text(key_id),
        text(secret_suffix),
        text(company_id),
        text(source_ip),
        text(user_agent),
        text(request_id),
        text(operation),
        text(reason),
        text(count),
        text(suppressed),
        changes.map_err(ApiError::internal)?.unwrap_or_default(),
        id.clone(),
        prev_hash.to_string(),
        hash.to_string(),
    ];
    let cells = cells.map(|cell| quoted(&cell));
    table.push_str(&cells.join(","));
    table.push_str("\r\n");
    Ok(())
}

/// A cell that a spreadsheet would take for a formula is made a text.
fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if formula {
        format!("'{cell}")
    } else {
        cell.to_owned()
    };
    match cell.contains([',', '"', '\r', '\n']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn cells_are_quoted_and_formulas_are_texts() {
        for (cell, expected) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"a\"", "\"say \"\"a\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "\"'\r=1\""),
            ("=1,\"2\"", "\"'=1,\"\"2\"\"\""),
            ("", ""),
        ] {
            assert_eq!(quoted(cell), expected);
        }
    }
}

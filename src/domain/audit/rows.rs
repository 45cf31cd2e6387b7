//! Rows and summary for others: CSV for spreadsheets, JSON for programs.

use serde_json::{Value, json};

use super::{AuditRow, AuditSummary, Ended, Flaw, KeyUse, Tally, Unchecked};
use crate::domain::sheet::cell;

/// The first line of the CSV.
pub const CSV_HEADING: &str = "uri,version_id,latest,size,kind,kms_key,kms_key_alias,kms_key_state,encryption_at_rest,\
                               data_key_object,key_object_use,intact,wrong,unread,not_checked\r\n";

/// A row as a line of CSV, its end included.
pub fn csv_row(bucket: &str, row: &AuditRow) -> String {
    let key = row.kms_key.as_deref();
    let wrong: Vec<String> = row.flaws.iter().map(Flaw::told).collect();
    let unchecked: Vec<String> = row.unchecked.iter().map(Unchecked::told).collect();
    let cells = [
        format!("s3://{bucket}/{}", row.key),
        row.version.as_deref().unwrap_or_default().to_owned(),
        row.is_latest.to_string(),
        row.size.to_string(),
        row.kind.as_str().to_owned(),
        key.map(|key| key.id.clone()).unwrap_or_default(),
        key.and_then(|key| key.alias.clone()).unwrap_or_default(),
        key.map(|key| key.state_word().to_owned()).unwrap_or_default(),
        row.at_rest.as_str().to_owned(),
        row.data_key_object.as_deref().unwrap_or_default().to_owned(),
        row.key_use.map(KeyUse::as_str).unwrap_or_default().to_owned(),
        row.is_intact.map(|intact| intact.to_string()).unwrap_or_default(),
        wrong.join("; "),
        row.unread.as_ref().map(|unread| unread.why.clone()).unwrap_or_default(),
        unchecked.join("; "),
    ];
    cells.map(|text| cell(&text)).join(",") + "\r\n"
}

/// A row as a JSON object; what is unknown or does not apply is null.
pub fn json_row(bucket: &str, row: &AuditRow) -> Value {
    let key = row.kms_key.as_deref();
    json!({
        "source": format!("s3://{bucket}/{}", row.key),
        "version_id": row.version.as_deref(),
        "latest": row.is_latest,
        "size": row.size,
        "kind": row.kind.as_str(),
        "kms_key_id": key.map(|key| key.id.as_str()),
        "kms_key_alias": key.and_then(|key| key.alias.as_deref()),
        "kms_key_state": key.and_then(|key| key.state.as_ref().ok()).map(super::KeyState::as_str),
        "encryption_at_rest": Some(row.at_rest.as_str()).filter(|word| !word.is_empty()),
        "data_key_object": row.data_key_object.as_deref(),
        "key_object_use": row.key_use.map(KeyUse::as_str),
        "intact": row.is_intact,
        "wrong": row.flaws.iter().map(Flaw::told).collect::<Vec<_>>(),
        "unread": row.unread.as_ref().map(|unread| unread.why.as_str()),
        "not_checked": row.unchecked.iter().map(Unchecked::told).collect::<Vec<_>>(),
    })
}

/// The summary as a JSON object, which no row is: its only member is `summary`.
pub fn json_summary(summary: &AuditSummary) -> Value {
    let tally = |tally: &Tally| json!({"objects": tally.objects, "bytes": tally.bytes});
    let kinds = summary
        .kinds
        .iter()
        .map(|(kind, of)| (kind.as_str().to_owned(), tally(of)));
    let keys = summary.keys_by_use().into_iter().map(|(key, of)| {
        json!({
            "kms_key_id": key.id, "alias": key.alias,
            "alias_unknown": key.alias_unknown, "state": key.state.as_ref().ok().map(super::KeyState::as_str),
            "unknown": key.state.as_ref().err(), "objects": of.objects, "bytes": of.bytes,
        })
    });
    let unjoined = summary.unjoined.as_ref();
    json!({"summary": {
        "place": summary.place,
        "whole": summary.ended == Ended::Whole,
        "error": match &summary.ended { Ended::BrokeOff(fault) => Some(fault.to_string()), _ => None },
        "well": summary.is_well(),
        "deep": summary.is_deep,
        "versions": summary.has_versions,
        "objects": summary.all.objects,
        "bytes": summary.all.bytes,
        "kinds": kinds.collect::<serde_json::Map<_, _>>(),
        "kms_keys": keys.collect::<Vec<_>>(),
        "wrong": summary.flaws,
        "wrong_objects": summary.flawed,
        "not_moved_together": unjoined.map(|unjoined| json!({"objects": unjoined.moved, "why": unjoined.why})),
        "unread": summary.unread,
        "not_checked": summary.unchecked,
        "not_checked_objects": summary.unchecked_objects,
        "only_older_versions": summary.only_older,
        "vanished": summary.vanished,
        "intact": summary.intact,
        "key_objects": {
            "referenced": summary.key_objects.referenced,
            "orphaned": summary.key_objects.orphaned,
            "unknown": summary.key_objects.unknown,
        },
    }})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::Kind;

    #[test]
    fn a_row_has_as_many_cells_as_the_heading() {
        let row = AuditRow::new("a".to_owned(), 1, Kind::Plain);
        let cells = |line: &str| line.matches(',').count();
        assert_eq!(cells(&csv_row("b", &row)), cells(CSV_HEADING));
    }
}

//! The summary for people, in lines of text.

use super::{AuditKey, AuditSummary, Ended, Tally};
use crate::domain::words::bytes;

/// As wide as the id of a key without an alias.
const NAME: usize = 37;

/// By kind, by KMS key, and what is wrong or was not read.
pub fn summary_lines(summary: &AuditSummary) -> Vec<String> {
    let mut lines = vec![
        heading(summary),
        format!("{:NAME$} {:>10} {:>10}", "KIND", "OBJECTS", "SIZE"),
    ];
    lines.extend(summary.kinds.iter().map(|(kind, tally)| row(kind.as_str(), *tally, "")));
    let keys = summary.keys_by_use();
    if !keys.is_empty() {
        lines.push(format!("{:NAME$} {:>10} {:>10}  ARN", "KMS KEY", "OBJECTS", "SIZE"));
    }
    lines.extend(keys.into_iter().map(|(key, tally)| row(&key_name(key), tally, &key.id)));
    if summary.other_keys.objects > 0 {
        lines.push(row("further keys", summary.other_keys, ""));
    }
    let of_keys = &summary.key_objects;
    if of_keys.referenced + of_keys.orphaned + of_keys.unknown > 0 {
        lines.push(format!(
            "key objects: {} referenced, {} orphaned, {} not known to be either",
            of_keys.referenced, of_keys.orphaned, of_keys.unknown
        ));
    }
    if summary.is_deep {
        lines.push(format!("{} read to their end and intact", summary.intact));
    }
    if summary.only_older {
        lines
            .push("no object is there now, only older versions or delete markers: --versions looks at them".to_owned());
    }
    if summary.vanished > 0 {
        lines.push(format!("{} were gone when it was their turn", summary.vanished));
    }
    lines.extend(trouble_lines(summary));
    if !summary.is_deep {
        lines.push("--deep reads every token to its end".to_owned());
    }
    lines
}

/// What is wrong and what was not read or checked, each with its count; that nothing is, if nothing is.
pub fn trouble_lines(summary: &AuditSummary) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    lines.extend(
        summary
            .flaws
            .iter()
            .map(|(class, count)| format!("wrong: {count} {class}")),
    );
    if let Some(unjoined) = &summary.unjoined {
        lines.push(format!(
            "wrong: {} not moved together: {}; they may have been copied or swapped",
            unjoined.moved, unjoined.why
        ));
    }
    lines.extend(
        summary
            .unread
            .iter()
            .map(|(cause, count)| format!("not read: {count} {cause}")),
    );
    lines.extend(
        summary
            .unchecked
            .iter()
            .map(|(class, count)| format!("not checked: {count} {class}")),
    );
    if summary.keys.values().any(|(key, _)| key.state.is_err()) && !summary.unchecked.is_empty() {
        lines.push("the state of a KMS key is told to who may kms:DescribeKey on it".to_owned());
    }
    if lines.is_empty() && summary.ended == Ended::Whole {
        lines.push(if summary.is_deep {
            "nothing is wrong".to_owned()
        } else {
            "nothing is wrong, as far as metadata and first bytes tell".to_owned()
        });
    }
    lines
}

fn heading(summary: &AuditSummary) -> String {
    let part = match &summary.ended {
        Ended::Whole => "",
        Ended::Stopped => ", a PART: it was stopped",
        Ended::BrokeOff(_) => ", a PART: the list broke off",
    };
    let what = if summary.has_versions {
        "versions of objects"
    } else {
        "objects"
    };
    let (all, size) = (summary.all.objects, bytes(summary.all.bytes));
    format!("{}: {all} {what}, {size}{part}", summary.place)
}

fn row(name: &str, tally: Tally, behind: &str) -> String {
    let line = format!(
        "{name:NAME$} {:>10} {:>10}  {behind}",
        tally.objects,
        bytes(tally.bytes)
    );
    line.trim_end().to_owned()
}

/// What a key is called, and whether it can be used.
pub fn key_name(key: &AuditKey) -> String {
    let name = key
        .alias
        .as_deref()
        .unwrap_or_else(|| super::super::words::last_part(&key.id));
    let state = key.state_word();
    let state = if state == "Enabled" {
        String::new()
    } else {
        format!(" ({state})")
    };
    format!("{name}{state}")
}

//! What became of objects, for people and for programs.

use serde_json::{Value, json};

use super::{Before, Fate, Passed, SealRow, SealSpec, SealSummary};
use crate::domain::audit::Ended;
use crate::domain::words::{bytes, counted};
use crate::domain::{Door, Fault};

/// What a person can do about what may be an encrypted data key. Nothing is put in its place, so its token needs another name.
const DATA_KEY_OR_DATA: &str = "if it is one, give it a name that ends in .datakey; if it is data, download it, encrypt the file to another name, \
     then delete this object";
/// What a person can do about a data key in plaintext.
const PLAINTEXT_DATA_KEY: &str =
    "put its CiphertextBlob alone in its place, delete its older versions, and rotate what is under it";

/// What is left and may be plain, or is in part, in a line.
pub(super) fn unchecked_line(from: &str, why: Passed) -> String {
    let remedy = if why == Passed::PlaintextDataKey {
        PLAINTEXT_DATA_KEY
    } else {
        DATA_KEY_OR_DATA
    };
    format!("{from}: not checked, and kept: {}; {remedy}", why.told())
}

/// One object, in a line; its fault as this door says it.
pub fn row_line(spec: &SealSpec, row: &SealRow, door: Door) -> String {
    let from = format!("s3://{}/{}", spec.bucket, row.key);
    match &row.fate {
        Fate::Failed(fault) => format!("{from}: failed: {}", fault.why_at(door)),
        Fate::PassedOver(why) if why.is_unchecked() => unchecked_line(&from, *why),
        Fate::PassedOver(why) => format!("{from}: left as it is: {}", why.told()),
        Fate::Sealed(sealed) => {
            let to = if spec.is_in_place() {
                String::new()
            } else {
                format!(" -> {}", sealed.at)
            };
            let before = match &sealed.before {
                Before::Stays | Before::Gone => String::new(),
                Before::Version(id) => format!("; kept as version {id}"),
                Before::Undeleted(fault) => format!("; NOT deleted: {}", fault.why_at(door)),
            };
            format!("{from}{to} ({} bytes){before}", sealed.bytes)
        }
    }
}

/// One object, as a JSON object; what does not apply is null.
pub fn json_row(spec: &SealSpec, row: &SealRow) -> Value {
    let (sealed, outcome) = match &row.fate {
        Fate::Sealed(sealed) => (Some(sealed), "sealed"),
        Fate::PassedOver(why) if why.is_unchecked() => (None, "not-checked"),
        Fate::PassedOver(_) => (None, "passed-over"),
        Fate::Failed(_) => (None, "failed"),
    };
    let before = sealed.map(|sealed| match &sealed.before {
        Before::Stays => "stays",
        Before::Gone => "gone",
        Before::Version(_) => "version",
        Before::Undeleted(_) => "undeleted",
    });
    let version = sealed.and_then(|sealed| match &sealed.before {
        Before::Version(id) => Some(id.as_str()),
        Before::Stays | Before::Gone | Before::Undeleted(_) => None,
    });
    let (reason, unchecked) = match &row.fate {
        Fate::PassedOver(why) => (Some(why.told()), why.unchecked()),
        Fate::Sealed(_) | Fate::Failed(_) => (None, None),
    };
    json!({
        "source": format!("s3://{}/{}", spec.bucket, row.key),
        "size": row.size,
        "outcome": outcome,
        "reason": reason,
        "bucket": sealed.map(|sealed| sealed.at.bucket.as_str()),
        "key": sealed.map(|sealed| sealed.at.key.as_str()),
        "kms_key_id": sealed.map(|sealed| sealed.kms_key_arn.as_str()),
        "data_key_uri": sealed.map(|sealed| sealed.data_key_uri.as_str()),
        "bytes": sealed.map(|sealed| sealed.bytes),
        "token_bytes": sealed.map(|sealed| sealed.token_bytes),
        "etag": sealed.and_then(|sealed| sealed.etag.as_deref()),
        "resumed": sealed.map(|sealed| sealed.resumed),
        "before": before,
        "version_id": version,
        "error": row.fault().map(Fault::to_string).or_else(|| unchecked.map(str::to_owned)),
    })
}

/// All of them, as a JSON object, which no row is: its only member is `summary`.
pub fn json_summary(spec: &SealSpec, summary: &SealSummary) -> Value {
    let passed = summary
        .passed
        .iter()
        .map(|(why, tally)| json!({"reason": why.told(), "objects": tally.objects, "bytes": tally.bytes}));
    json!({"summary": {
        "act": spec.verb(),
        "place": spec.place(),
        "whole": summary.ended == Ended::Whole,
        "error": match &summary.ended { Ended::BrokeOff(fault) => Some(fault.to_string()), _ => None },
        "well": summary.is_well(),
        "sealed": {"objects": summary.sealed.objects, "bytes": summary.sealed.bytes},
        "passed_over": passed.collect::<Vec<_>>(),
        "not_checked": summary.unchecked(),
        "failed": summary.failed.objects,
        "undeleted": summary.undeleted,
        "kept_as_versions": summary.versions,
        "stay": summary.stay,
        "gone": summary.gone,
        "older_versions": summary.older.as_ref().and_then(|older| older.as_ref().ok()),
        "older_versions_unknown": summary.older.as_ref().and_then(|older| older.as_ref().err()),
        "vanished": summary.vanished,
        "resumed": summary.resumed.map(|at| at.to_string()),
        "warnings": summary.warnings,
    }})
}

/// What older versions are left of what was to be deleted, and what removes them.
fn older(spec: &SealSpec, summary: &SealSummary) -> Option<String> {
    Some(match summary.older.as_ref()? {
        Ok(0) => "no older versions are there".to_owned(),
        Ok(count) => format!(
            "{count} older versions are there, and may be plaintext: audit --versions {} says what each is; aws s3api delete-object \
             --bucket {} --key KEY --version-id ID, or a lifecycle rule for noncurrent versions, removes them",
            spec.place(),
            spec.bucket
        ),
        Err(why) => format!(
            "whether older versions are there, which may be plaintext, could not be looked at: {why}; audit --versions {} does, for who \
             may s3:ListBucketVersions",
            spec.place()
        ),
    })
}

/// All of them, in lines of text for this door.
pub fn summary_lines(spec: &SealSpec, summary: &SealSummary, door: Door) -> Vec<String> {
    let (done, old) = match spec.act {
        super::SealAct::Rotate { .. } => ("rotated", "old token"),
        super::SealAct::Encrypt { .. } => ("encrypted", "plain object"),
    };
    let mut lines = vec![format!(
        "{}: {} {done} ({}), {} left as they are, {} failed",
        spec.place(),
        counted(summary.sealed.objects, "object"),
        bytes(summary.sealed.bytes),
        summary.passed_over(),
        summary.failed.objects
    )];
    if let Some(began) = summary.resumed {
        lines.push(format!("it went on with the rotation begun {began}"));
    }
    for (why, tally) in &summary.passed {
        lines.push(format!(
            "left as it is: {}, {}",
            counted(tally.objects, "object"),
            why.told()
        ));
    }
    if summary.gone > 0 {
        lines.push(format!(
            "{} gone: no version that was read is left",
            counted(summary.gone, old)
        ));
    }
    lines.extend(older(spec, summary));
    if summary.stay > 0 {
        lines.push(format!(
            "{} left where they were, beside their tokens",
            counted(summary.stay, old)
        ));
    }
    if summary.versions > 0 {
        lines.push(format!(
            "{} kept by the bucket as older versions",
            counted(summary.versions, old)
        ));
    }
    if summary.versions > 0 && matches!(spec.act, super::SealAct::Encrypt { .. }) {
        lines.push(format!(
            "their plaintext can be read by version id until that is deleted: aws s3api delete-object --bucket {} --key KEY \
             --version-id ID, or a lifecycle rule for noncurrent versions; audit --versions finds them",
            spec.bucket
        ));
    }
    if summary.undeleted > 0 {
        lines.push(format!(
            "{} NOT deleted, or not every version",
            counted(summary.undeleted, old)
        ));
    }
    if summary.vanished > 0 {
        lines.push(format!("{} were gone when it was their turn", summary.vanished));
    }
    lines.extend(summary.warnings.iter().cloned());
    match &summary.ended {
        Ended::Whole => {}
        Ended::Stopped => lines.push("this is a part: it was stopped; the same again goes on".to_owned()),
        Ended::BrokeOff(fault) => lines.push(format!("this is a part: {}", fault.at(door))),
    }
    lines
}

//! Re-wrapping: the data keys of tokens under another KMS key, the tokens as they are. What is asked for, and what came of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::audit::{Ended, Flaw, Tally};
use super::rests_on::RestsOn;
use super::worded::worded;
use super::words::{bytes, counted};
use super::{Door, Fault};

/// What to re-wrap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RewrapSpec {
    /// The bucket.
    pub bucket: String,
    /// Every key that begins with one of these; an empty one is all of the bucket.
    pub prefixes: Vec<String>,
    /// These keys too.
    pub objects: Vec<String>,
    /// The KMS key that the data keys are to be under: id, ARN or alias.
    pub to: String,
    /// The encryption context that they are to have; their own if none is given.
    pub context: Option<BTreeMap<String, String>>,
    /// Whether key objects of the old data keys go, where nothing in the bucket names them any more.
    pub delete_old: bool,
}

impl RewrapSpec {
    /// Where: `s3://BUCKET/PREFIX`, or how many places of which bucket.
    pub fn place(&self) -> String {
        let bucket = &self.bucket;
        match (self.prefixes.as_slice(), self.objects.as_slice()) {
            ([only], []) | ([], [only]) => format!("s3://{bucket}/{only}"),
            ([], objects) => format!("{} of s3://{bucket}/", counted(objects.len(), "object")),
            (prefixes, objects) => {
                let places = prefixes.len() + objects.len();
                format!("{} of s3://{bucket}/", counted(places, "place"))
            }
        }
    }
}

worded! {
    /// What became of one object.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum Rewrapped: "The word that programs read." {
        /// Its data key is under the KMS key now; in a plan: it would be.
        #[serde(rename = "rewrapped")]
        Done = "rewrapped",
        /// It was before.
        Already = "already",
        /// Its data key cannot be re-wrapped, or something of it would be lost.
        Refused = "refused",
        /// It should have been, and something went wrong: the same again goes on with it.
        Failed = "failed",
        /// It was deleted before it was its turn.
        Gone = "gone",
    }
}

/// One object of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RewrapRow {
    /// Its whole key.
    pub key: String,
    /// Bytes stored.
    pub size: u64,
    /// What became of it.
    pub state: Rewrapped,
    /// Why not, where it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A key object of a data key that was re-wrapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldKeyObject {
    /// Its key.
    pub key: String,
    /// Why it is still there; nothing if it was deleted.
    pub kept: Option<String>,
}

/// What a re-wrap, or the plan of one, came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RewrapReport {
    /// Where.
    pub place: String,
    /// Its bucket.
    pub bucket: String,
    /// ARN of the KMS key that the data keys are under now.
    pub target: String,
    /// Whether nothing was changed: what would be is told.
    pub is_plan: bool,
    /// Data keys that were re-wrapped, or would be.
    pub data_keys: u64,
    /// ARNs of the KMS keys that they were under, with so many objects.
    pub from: BTreeMap<String, Tally>,
    /// What was re-wrapped, or would be.
    pub done: Tally,
    /// What was under the key already.
    pub already: Tally,
    /// What is no token.
    pub passed_over: u64,
    /// What was refused by name.
    pub refused: u64,
    /// What went wrong.
    pub failed: u64,
    /// What was gone when it was its turn.
    pub vanished: u64,
    /// Older versions there, which stay as they are; unknown where they may not be listed.
    pub older: Option<u64>,
    /// What was refused or went wrong, by name: the first thousand.
    pub troubles: Vec<RewrapRow>,
    /// Tokens whose key object held another data key than their metadata, which is the one that is re-wrapped, each with the URI of
    /// that object: a thousand at most.
    pub differing: BTreeMap<String, String>,
    /// Key objects of the old data keys, where they were to be deleted.
    pub old_key_objects: Vec<OldKeyObject>,
    /// Why key objects that were to be deleted are not, or not all: what names them could not be read, or they not be deleted.
    pub not_deleted: Option<Box<Fault>>,
    /// Of a report that other machines' results were made to: what was held against what.
    pub rests_on: Option<RestsOn>,
    /// How it ended.
    pub ended: Ended,
}

/// Rows with a reason that a report keeps.
pub const KEPT: usize = 1000;

impl RewrapReport {
    /// Of nothing yet.
    pub fn new(spec: &RewrapSpec, target: String, is_plan: bool) -> Self {
        Self {
            place: spec.place(),
            bucket: spec.bucket.clone(),
            target,
            is_plan,
            ..Self::default()
        }
    }

    /// Takes in one object.
    pub fn note(&mut self, row: &RewrapRow) {
        match row.state {
            Rewrapped::Done => self.done.add(row.size),
            Rewrapped::Already => self.already.add(row.size),
            Rewrapped::Refused => self.refused += 1,
            Rewrapped::Failed => self.failed += 1,
            Rewrapped::Gone => self.vanished += 1,
        }
        if matches!(row.state, Rewrapped::Refused | Rewrapped::Failed) && self.troubles.len() < KEPT {
            self.troubles.push(row.clone());
        }
    }

    /// Whether there was no object to look at.
    fn is_empty(&self) -> bool {
        self.done.objects + self.already.objects + self.passed_over + self.refused + self.failed + self.vanished == 0
    }

    /// Takes in under which KMS key one was before that was re-wrapped.
    pub fn done_from(&mut self, kms_key_id: &str, bytes: u64) {
        self.from.entry(kms_key_id.to_owned()).or_default().add(bytes);
    }

    /// Whether every token is under the key now, or would be, and all was done that was to be done after that.
    pub fn is_well(&self) -> bool {
        self.refused == 0 && self.failed == 0 && self.ended == Ended::Whole && self.not_deleted.is_none()
    }

    /// Tokens whose key object held another data key than their metadata, a line each.
    pub fn differing_lines(&self) -> Vec<String> {
        let told = |(key, uri): (&String, &String)| {
            let told = Flaw::KeyObjectDiffers(uri.clone()).told();
            format!("s3://{}/{key}: {told}", self.bucket)
        };
        self.differing.iter().map(told).collect()
    }

    /// All of it in lines for this door: what was done, what is left, what was refused by name.
    pub fn lines(&self, door: Door) -> Vec<String> {
        let (verb, stay) = if self.is_plan {
            ("would be re-wrapped", "would stay")
        } else {
            ("re-wrapped", "stay")
        };
        let objects = |tally: &Tally| counted(tally.objects, "object");
        let mut lines = vec![
            format!("{}: data keys to {}", self.place, self.target),
            format!(
                "  {verb}: {} ({}) under {}",
                objects(&self.done),
                bytes(self.done.bytes),
                counted(self.data_keys, "data key")
            ),
        ];
        for (key, tally) in &self.from {
            lines.push(format!("    from {key}: {}", objects(tally)));
        }
        if self.already.objects > 0 {
            lines.push(format!("  under it already, as they say: {}", objects(&self.already)));
        }
        if self.is_empty() {
            lines.push(
                "  no object is there now: audit --versions looks at older versions and delete markers".to_owned(),
            );
        }
        if self.passed_over > 0 {
            lines.push(format!("  no tokens: {}", self.passed_over));
        }
        if self.vanished > 0 {
            lines.push(format!("  gone when it was their turn: {}", self.vanished));
        }
        match self.older {
            Some(0) => {}
            Some(older) => lines.push(format!("  older versions, which {stay} as they are: {older}")),
            None => lines.push(format!(
                "  older versions could not be counted; they {stay} as they are"
            )),
        }
        for (count, word) in [(self.refused, "refused"), (self.failed, "failed")] {
            if count > 0 {
                lines.push(format!("  {word}: {count}"));
            }
        }
        lines.extend(self.differing_lines().iter().map(|told| format!("  {told}")));
        match &self.ended {
            Ended::Whole => {}
            Ended::Stopped => lines.push("  it was stopped: the same again goes on with the rest".to_owned()),
            Ended::BrokeOff(fault) => {
                let fault = fault.at(door);
                lines.push(format!("  it broke off: {fault}; the same again goes on with the rest"));
            }
        }
        for old in &self.old_key_objects {
            let uri = format!("s3://{}/{}", self.bucket, old.key);
            lines.push(match &old.kept {
                None => format!("  old key object deleted: {uri}"),
                Some(why) => format!("  old key object kept: {uri}: {why}"),
            });
        }
        if let Some(fault) = &self.not_deleted {
            lines.push(format!("  old key objects could not be deleted: {}", fault.at(door)));
        }
        lines
    }

    /// All of it for programs.
    pub fn json(&self) -> Value {
        let tally = |tally: &Tally| json!({"objects": tally.objects, "bytes": tally.bytes});
        let from: BTreeMap<&String, Value> = self.from.iter().map(|(key, of)| (key, tally(of))).collect();
        let old = self.old_key_objects.iter();
        json!({"summary": {
            "place": self.place,
            "kms_key_id": self.target,
            "dry_run": self.is_plan,
            "data_keys": self.data_keys,
            "rewrapped": tally(&self.done),
            "from": from,
            "already": tally(&self.already),
            "passed_over": self.passed_over,
            "refused": self.refused,
            "failed": self.failed,
            "vanished": self.vanished,
            "older_versions": self.older,
            "key_objects_differ": self.differing.iter().map(|(key, uri)| json!({
                "source": format!("s3://{}/{key}", self.bucket), "data_key_object": uri,
            })).collect::<Vec<_>>(),
            "old_key_objects": old.map(|old| json!({
                "uri": format!("s3://{}/{}", self.bucket, old.key), "deleted": old.kept.is_none(), "kept": old.kept,
            })).collect::<Vec<_>>(),
            "old_key_objects_error": self.not_deleted.as_ref().map(ToString::to_string),
            "whole": self.ended == Ended::Whole,
        }})
    }
}

/// A row as a JSON object.
pub fn json_row(bucket: &str, row: &RewrapRow) -> Value {
    json!({
        "source": format!("s3://{bucket}/{}", row.key),
        "size": row.size,
        "state": row.state.as_str(),
        "error": row.why,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(prefixes: &[&str], objects: &[&str]) -> RewrapSpec {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        RewrapSpec {
            bucket: "b".to_owned(),
            prefixes: owned(prefixes),
            objects: owned(objects),
            to: "alias/new".to_owned(),
            context: None,
            delete_old: false,
        }
    }

    #[test]
    fn a_place_is_one_name_or_how_many() {
        assert_eq!(spec(&["p/"], &[]).place(), "s3://b/p/");
        assert_eq!(spec(&[], &["k"]).place(), "s3://b/k");
        assert_eq!(spec(&[], &["k", "l"]).place(), "2 objects of s3://b/");
        assert_eq!(spec(&["p/"], &["k"]).place(), "2 places of s3://b/");
    }

    #[test]
    fn a_report_tells_what_was_done_and_names_what_was_not() {
        let mut report = RewrapReport::new(&spec(&[""], &[]), "arn:new".to_owned(), false);
        let row = |key: &str, state, why: Option<&str>| RewrapRow {
            key: key.to_owned(),
            size: 10,
            state,
            why: why.map(str::to_owned),
        };
        report.note(&row("a", Rewrapped::Done, None));
        assert!(report.is_well());
        report.note(&row("b", Rewrapped::Refused, Some("it is archived")));
        report.note(&row("c", Rewrapped::Already, None));
        report.older = Some(3);
        assert!(!report.is_well());
        let told = report.lines(Door::CommandLine).join("\n");
        for words in [
            "re-wrapped: 1 object (10 B)",
            "already, as they say: 1 object",
            "refused: 1",
            "older versions, which stay as they are: 3",
        ] {
            assert!(told.contains(words), "{words}: {told}");
        }
        assert_eq!(report.troubles.len(), 1);
    }
}

//! What a look ahead tells: what would be sealed, what would be left as it is and why, and what becomes of what is replaced.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::lines::unchecked_line;
use super::{Passed, SealAct, SealSpec};
use crate::domain::audit::{Ended, Kind, Tally};
use crate::domain::words::{bytes, counted};
use crate::domain::{Door, Fault};

/// Failures, and objects that may be plain, that a plan names.
const NAMED: usize = 20;

/// Whether a bucket keeps what is replaced or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Versions {
    /// It does not.
    Off,
    /// As older versions.
    On,
    /// It did once, and does not any more; what was kept then is still there.
    Suspended,
    /// It could not be asked.
    Unknown(Box<Fault>),
}

/// What sealing would do.
#[derive(Debug, Clone, PartialEq)]
pub struct SealPlan {
    /// What is asked for.
    pub spec: SealSpec,
    /// How the look ahead ended.
    pub ended: Ended,
    /// What would be sealed, by what it is now, with the bytes stored.
    pub taken: BTreeMap<Kind, Tally>,
    /// The largest of them, in bytes stored.
    pub largest: u64,
    /// What would be left as it is, and why.
    pub passed: BTreeMap<Passed, Tally>,
    /// What of that may be plain, the first of them by their keys.
    pub left_unchecked: Vec<(String, Passed)>,
    /// What could not be looked at, the first of them.
    pub unread: Vec<Fault>,
    /// How many could not be.
    pub unread_count: u64,
    /// Why some would fail, the first reasons, each with how many.
    pub doomed: Vec<(Fault, Tally)>,
    /// How many would.
    pub doomed_count: u64,
    /// KMS keys of the data keys that would be made: ids, ARNs or aliases.
    pub keys: BTreeSet<String>,
    /// What becomes of what is replaced or deleted.
    pub versions: Versions,
    /// Whether the bucket has Object Lock: what is locked cannot be deleted.
    pub may_lock: bool,
    /// Whether a rotation that was interrupted would be gone on with, and when it was begun.
    pub resumed: Option<jiff::Timestamp>,
}

impl SealPlan {
    /// Of nothing so far.
    pub fn new(spec: SealSpec) -> Self {
        let keys = match &spec.act {
            SealAct::Rotate { key, .. } => key.iter().cloned().collect(),
            SealAct::Encrypt { key, .. } => [key.clone()].into(),
        };
        Self {
            spec,
            ended: Ended::Whole,
            taken: BTreeMap::new(),
            largest: 0,
            passed: BTreeMap::new(),
            left_unchecked: Vec::new(),
            unread: Vec::new(),
            unread_count: 0,
            doomed: Vec::new(),
            doomed_count: 0,
            keys,
            versions: Versions::Off,
            may_lock: false,
            resumed: None,
        }
    }

    /// One that would be sealed.
    pub fn take(&mut self, kind: Kind, size: u64) {
        self.taken.entry(kind).or_default().add(size);
        self.largest = self.largest.max(size);
    }

    /// One that would be left as it is.
    pub fn pass(&mut self, key: String, why: Passed, size: u64) {
        self.passed.entry(why).or_default().add(size);
        if why.is_unchecked() && self.left_unchecked.len() < NAMED {
            self.left_unchecked.push((key, why));
        }
    }

    /// One that could not be looked at.
    pub fn fail(&mut self, fault: Fault) {
        self.unread_count += 1;
        if self.unread.len() < NAMED {
            self.unread.push(fault);
        }
    }

    /// One that would fail, and be left as it is.
    pub fn doom(&mut self, why: Fault, size: u64) {
        self.doomed_count += 1;
        let is_it = |(known, _): &(Fault, Tally)| (&known.cause, &known.object) == (&why.cause, &why.object);
        let nth = self.doomed.iter().position(is_it).unwrap_or(self.doomed.len());
        if nth == self.doomed.len() && nth < NAMED {
            self.doomed.push((why, Tally::default()));
        }
        if let Some((_, tally)) = self.doomed.get_mut(nth) {
            tally.add(size);
        }
    }

    /// Whether all was looked at, none of it is known to fail, and nothing would be left that may be plain.
    pub fn is_well(&self) -> bool {
        self.ended == Ended::Whole && self.unread_count + self.doomed_count + self.unchecked() == 0
    }

    /// How many would be left as they are and may be plain.
    pub fn unchecked(&self) -> u64 {
        super::unchecked(&self.passed)
    }

    /// All that would be sealed.
    pub fn all(&self) -> Tally {
        self.taken.values().fold(Tally::default(), |all, tally| Tally {
            objects: all.objects + tally.objects,
            bytes: all.bytes.saturating_add(tally.bytes),
        })
    }
}

/// A plan in lines of text for this door, what would be done first.
pub fn plan_lines(plan: &SealPlan, door: Door) -> Vec<String> {
    let all = plan.all();
    let objects = |tally: &Tally| format!("{} ({})", number(tally.objects), bytes(tally.bytes));
    let into = match &plan.spec.act {
        SealAct::Rotate { .. } => "sealed anew under new data keys, each in its place".to_owned(),
        SealAct::Encrypt { .. } if plan.spec.is_in_place() => "replaced by their tokens".to_owned(),
        SealAct::Encrypt { to, .. } => format!("encrypted to {to}"),
    };
    let place = plan.spec.place();
    let mut lines = vec![match all.objects {
        0 => format!("{place}: there is nothing to {}", plan.spec.verb()),
        _ => format!("{place}: {} of {} {into}", objects(&all), kinds(plan)),
    }];
    if let Some(began) = plan.resumed {
        lines.push(format!("goes on with the rotation begun {began}, under its data keys"));
    }
    if all.objects > 0 && !plan.keys.is_empty() {
        let keys: Vec<&str> = plan.keys.iter().map(String::as_str).collect();
        lines.push(format!("KMS keys of the new data keys: {}", keys.join(", ")));
    }
    for (why, tally) in &plan.passed {
        lines.push(format!("left as it is: {}, {}", objects(tally), why.told()));
    }
    for (key, why) in &plan.left_unchecked {
        lines.push(unchecked_line(&format!("s3://{}/{key}", plan.spec.bucket), *why));
    }
    if plan.unchecked() > plan.left_unchecked.len() as u64 {
        lines.push(format!("not checked: {} in all", number(plan.unchecked())));
    }
    for (fault, tally) in &plan.doomed {
        lines.push(format!("would fail: {}: {}", objects(tally), fault.at(door)));
    }
    if plan.doomed_count > plan.doomed.iter().map(|(_, tally)| tally.objects).sum() {
        lines.push(format!("would fail: {} in all", number(plan.doomed_count)));
    }
    for fault in &plan.unread {
        lines.push(format!("not looked at: {}", fault.at(door)));
    }
    if plan.unread_count > plan.unread.len() as u64 {
        lines.push(format!("not looked at: {} in all", number(plan.unread_count)));
    }
    if all.objects > 0 {
        lines.push(versions(plan));
    }
    match &plan.ended {
        Ended::Whole => {}
        Ended::Stopped => lines.push("this is a part: it was stopped".to_owned()),
        Ended::BrokeOff(fault) => lines.push(format!("this is a part: {}", fault.at(door))),
    }
    lines
}

/// A plan as a JSON object, which no row is: its only member is `plan`.
pub fn json_plan(plan: &SealPlan) -> Value {
    let tally = |tally: &Tally| json!({"objects": tally.objects, "bytes": tally.bytes});
    let taken = plan
        .taken
        .iter()
        .map(|(kind, of)| (kind.as_str().to_owned(), tally(of)));
    let passed = plan
        .passed
        .iter()
        .map(|(why, of)| json!({"reason": why.told(), "objects": of.objects, "bytes": of.bytes}));
    let unchecked = plan.left_unchecked.iter().map(|(key, why)| {
        let source = format!("s3://{}/{key}", plan.spec.bucket);
        json!({"source": source, "reason": why.told(), "error": why.unchecked()})
    });
    json!({"plan": {
        "act": plan.spec.verb(),
        "place": plan.spec.place(),
        "whole": plan.ended == Ended::Whole,
        "objects": plan.all().objects,
        "bytes": plan.all().bytes,
        "largest": plan.largest,
        "kinds": taken.collect::<serde_json::Map<_, _>>(),
        "passed_over": passed.collect::<Vec<_>>(),
        "not_looked_at": plan.unread_count,
        "not_checked": plan.unchecked(),
        "left_unchecked": unchecked.collect::<Vec<_>>(),
        "would_fail": plan.doomed_count,
        "errors": plan.doomed.iter().map(|(fault, _)| fault).chain(&plan.unread).map(Fault::to_string).collect::<Vec<_>>(),
        "kms_keys": plan.keys,
        "versions": match &plan.versions {
            Versions::Off => "off",
            Versions::On => "on",
            Versions::Suspended => "suspended",
            Versions::Unknown(_) => "unknown",
        },
        "object_lock": plan.may_lock,
        "resumed": plan.resumed.map(|at| at.to_string()),
    }})
}

fn kinds(plan: &SealPlan) -> String {
    let kinds: Vec<&str> = plan.taken.keys().map(|kind| kind.as_str()).collect();
    kinds.join(", ")
}

fn number(objects: u64) -> String {
    counted(objects, "object")
}

/// What becomes of what is replaced or deleted.
fn versions(plan: &SealPlan) -> String {
    let (what, deletes) = match &plan.spec.act {
        SealAct::Rotate { .. } => ("the old tokens", false),
        SealAct::Encrypt { delete_plain, .. } if plan.spec.is_in_place() || *delete_plain => {
            ("the plain objects", *delete_plain)
        }
        SealAct::Encrypt { .. } => return "the plain objects stay where they are".to_owned(),
    };
    let own = match (deletes, plan.may_lock) {
        (false, _) => "they stay, as older versions",
        (true, false) => {
            "the version of each that was read is deleted, once its token was read back and holds; versions older than that stay"
        }
        (true, true) => {
            "the version of each that was read is deleted, once its token was read back and holds, unless a retention or a legal hold \
             locks it, which is not looked at ahead: then it stays, and is told; versions older than that stay"
        }
    };
    match &plan.versions {
        Versions::Off => format!("the bucket keeps no versions: {what} are gone for good"),
        Versions::On => format!("the bucket keeps versions of {what}: {own}"),
        Versions::Suspended => {
            format!("the bucket's versioning is suspended; where it kept a version of {what}, {own}")
        }
        Versions::Unknown(fault) => {
            format!(
                "whether the bucket keeps versions of {what} could not be asked ({}); where it does, {own}",
                fault.cause
            )
        }
    }
}

//! KMS keys: rows and details.

use std::borrow::Cow;
use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Facts;
use crate::app::format::{self, Line, Tone};
use crate::app::table::{Order, Row};
use crate::domain::sheet::Named;
use crate::domain::{Door, Fault, KeyDetail, KeyManager, KeyState, KmsKey};

impl Row for KmsKey {
    const ORDERS: &'static [Order<Self>] = &[
        ("NAME", by_name),
        ("STATE", |a, b| by_detail(a, b, |detail| detail.state.as_str())),
        ("AGE", |a, b| by_detail(a, b, |detail| &detail.created)),
        ("DESCRIPTION", |a, b| {
            by_detail(a, b, |detail| detail.description.as_str())
        }),
        ("KEY ID", |a, b| a.id.cmp(&b.id)),
        ("SPEC", |a, b| by_detail(a, b, |detail| detail.spec.as_str())),
    ];
    const DETAILS: &'static [usize] = &[1, 2, 3, 5];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.arn)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.id.as_str()).chain(self.aliases.iter().map(String::as_str))
    }

    fn record(&self) -> Vec<Named> {
        let of = |of: fn(&KeyDetail) -> String| self.detail.as_ref().map(of);
        vec![
            ("key_id", json!(self.id)),
            ("arn", json!(self.arn)),
            ("aliases", json!(self.aliases)),
            ("state", json!(of(|detail| detail.state.as_str().to_owned()))),
            ("description", json!(of(|detail| detail.description.clone()))),
            ("spec", json!(of(|detail| detail.spec.clone()))),
            ("usage", json!(of(|detail| detail.usage.clone()))),
            ("created", json!(self.detail.as_ref().and_then(|detail| detail.created))),
        ]
    }

    fn text(&self) -> Cow<'_, str> {
        let state = self.detail.as_ref().map_or("", |detail| detail.state.as_str());
        let aliases = self
            .aliases
            .iter()
            .map(|alias| alias.strip_prefix("alias/").unwrap_or(alias));
        let aliases: Vec<&str> = aliases.collect();
        Cow::Owned(format!("{} {state}", aliases.join(" ")))
    }

    fn further(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.arn)
    }

    fn is_known(&self) -> bool {
        self.detail.is_some()
    }

    fn inherit(&mut self, earlier: Self) {
        self.detail = self.detail.take().or(earlier.detail);
    }
}

/// Keys with an alias come before those without.
fn by_name(a: &KmsKey, b: &KmsKey) -> Ordering {
    let unnamed = a.aliases.is_empty().cmp(&b.aliases.is_empty());
    unnamed.then_with(|| a.name().cmp(b.name()))
}

/// What is not known yet comes last.
fn by_detail<'a, T: Ord + ?Sized + 'a>(a: &'a KmsKey, b: &'a KmsKey, of: fn(&'a KeyDetail) -> &'a T) -> Ordering {
    let by_detail = match (&a.detail, &b.detail) {
        (Some(a), Some(b)) => of(a).cmp(of(b)),
        (a, b) => b.is_some().cmp(&a.is_some()),
    };
    by_detail.then_with(|| by_name(a, b))
}

/// What tells whether a key is to be used: how it stands, and what it is for.
pub(crate) fn overview(key: &KmsKey, refusal: Option<&Fault>, now: Timestamp, columns: usize) -> Vec<Line> {
    let mut facts = Facts::new(columns);
    facts.heading(key.name());
    if let Some(detail) = &key.detail {
        facts.fact("State", format::key_tone(&detail.state), detail.state.as_str());
        if let Some(deletion) = detail.deletion {
            let days = deletion.duration_since(now).as_hours() / 24;
            let when = format!(
                "{} (in {}); u cancels it",
                format::time(deletion),
                format::count(days.max(0) as usize, "day")
            );
            facts.fact("Will be deleted", Tone::Bad, &when);
        } else {
            facts.fact("", Tone::Warn, &cause(detail));
        }
        let rotation = detail
            .rotation
            .map_or("unknown", |on| if on { "automatic" } else { "off" });
        facts.plain("Rotation", rotation);
        facts.plain("About", &detail.description);
        if let Some(created) = detail.created {
            facts.plain("Made", &format::time(created));
        }
    } else if let Some(fault) = refusal {
        facts.fact("State", Tone::Warn, &format!("unknown: {}", fault.at(Door::Dashboard)));
    } else {
        facts.fact("State", Tone::Dim, "asking…");
    }
    facts.plain("Aliases", &key.aliases.join(", "));
    facts.lines
}

/// What it is called and made of, and how many grants, objects and jobs on screen are its own.
pub(crate) fn record(key: &KmsKey, linked: (usize, usize, usize), columns: usize) -> Vec<Line> {
    let mut facts = Facts::new(columns);
    facts.heading("What it is");
    facts.plain("Id", &key.id);
    facts.plain("ARN", &key.arn);
    if let Some(detail) = &key.detail {
        facts.plain("Spec", &detail.spec);
        facts.plain("Usage", &detail.usage);
        facts.plain("Origin", &detail.origin);
        let manager = match detail.manager {
            KeyManager::Customer => "customer",
            KeyManager::Aws => "AWS",
        };
        facts.plain("Managed by", manager);
        facts.plain("Multi-Region", if detail.multi_region { "yes" } else { "no" });
    }
    facts.heading("On this screen");
    let (grants, objects, jobs) = linked;
    facts.plain("Grants", &grants.to_string());
    facts.plain("Objects", &format!("{objects} at the place shown"));
    facts.plain("Jobs", &jobs.to_string());
    facts.lines
}

/// Why a key is not to be used, and what can be done about it; nothing of one that is.
pub(in crate::app) fn cause(detail: &KeyDetail) -> String {
    match (&detail.state, detail.deletion) {
        (KeyState::PendingDeletion, Some(at)) => format!("gone on {}; u takes that back", format::time(at)),
        (KeyState::Disabled, _) => "its owner switched it off; u enables it".to_owned(),
        (KeyState::PendingImport, _) => "its key material is still to be imported".to_owned(),
        _ => String::new(),
    }
}

/// The key in the shape of `DescribeKey`.
pub(crate) fn json(key: &KmsKey) -> Value {
    let mut metadata = json!({ "KeyId": key.id, "Arn": key.arn });
    if let Some(detail) = &key.detail {
        metadata["Description"] = json!(detail.description);
        metadata["KeyState"] = json!(detail.state.as_str());
        metadata["Enabled"] = json!(detail.state == KeyState::Enabled);
        metadata["KeyManager"] = json!(match detail.manager {
            KeyManager::Customer => "CUSTOMER",
            KeyManager::Aws => "AWS",
        });
        metadata["KeySpec"] = json!(detail.spec);
        metadata["KeyUsage"] = json!(detail.usage);
        metadata["Origin"] = json!(detail.origin);
        metadata["MultiRegion"] = json!(detail.multi_region);
        metadata["CreationDate"] = json!(detail.created);
        metadata["DeletionDate"] = json!(detail.deletion);
    }
    json!({
        "KeyMetadata": metadata,
        "Aliases": key.aliases,
        "KeyRotationEnabled": key.detail.as_ref().and_then(|detail| detail.rotation),
    })
}

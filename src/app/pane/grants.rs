//! Grants: rows and details.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Value, json};

use super::Facts;
use crate::app::format::{self, Line, Tone};
use crate::app::table::{Order, Row};
use crate::domain::sheet::Named;
use crate::domain::{Grant, GrantConstraint};

impl Row for Grant {
    const ORDERS: &'static [Order<Self>] = &[
        ("GRANTEE", by_grantee),
        ("MAY", |a, b| {
            a.operations.cmp(&b.operations).then_with(|| by_grantee(a, b))
        }),
        ("NAME", |a, b| a.name.cmp(&b.name).then_with(|| by_grantee(a, b))),
        ("AGE", |a, b| a.created.cmp(&b.created).then_with(|| by_grantee(a, b))),
    ];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.id)
    }

    fn record(&self) -> Vec<Named> {
        let told = |pairs: &[(String, String)]| -> Vec<String> {
            pairs.iter().map(|(name, value)| format!("{name}={value}")).collect()
        };
        let (equals, subset) = match &self.constraint {
            Some(GrantConstraint::ContextEquals(pairs)) => (Some(told(pairs)), None),
            Some(GrantConstraint::ContextSubset(pairs)) => (None, Some(told(pairs))),
            None => (None, None),
        };
        vec![
            ("grant_id", json!(self.id)),
            ("kms_key_id", json!(self.key_arn)),
            ("name", json!(self.name)),
            ("grantee", json!(self.grantee)),
            ("retiring", json!(self.retiring)),
            ("operations", json!(self.operations)),
            ("context_equals", json!(equals)),
            ("context_subset", json!(subset)),
            ("created", json!(self.created)),
        ]
    }

    fn text(&self) -> Cow<'_, str> {
        let name = self.name.as_deref().unwrap_or_default();
        let grantee = format::last_part(&self.grantee);
        Cow::Owned(format!("{grantee} {} {name}", self.operations.join(" ")))
    }

    fn further(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.grantee)
    }
}

fn by_grantee(a: &Grant, b: &Grant) -> Ordering {
    format::last_part(&a.grantee).cmp(format::last_part(&b.grantee))
}

/// Whether the grantee was deleted: KMS then shows its bare unique id.
pub fn is_orphan(grant: &Grant) -> bool {
    grant.grantee.starts_with("AROA") || grant.grantee.starts_with("AIDA")
}

/// What to know of revoking a grant.
pub(in crate::app) fn revoking(columns: usize) -> Vec<Line> {
    let words = "Revoking takes some minutes to reach everywhere, and a job that has unwrapped its data key keeps it.";
    Line::new(Tone::Dim, words).wrapped(columns)
}

/// When a grant holds. Untrusted.
pub(in crate::app) fn only_if(constraint: &GrantConstraint) -> String {
    let (how, pairs) = match constraint {
        GrantConstraint::ContextEquals(pairs) => ("context is exactly", pairs),
        GrantConstraint::ContextSubset(pairs) => ("context contains", pairs),
    };
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{how} {}", pairs.join(", "))
}

/// The facts of a grant.
pub(in crate::app) fn describe(facts: &mut Facts, grant: &Grant) {
    facts.heading(&format!("Grant to {}", format::last_part(&grant.grantee)));
    facts.plain("Grantee", &grant.grantee);
    if is_orphan(grant) {
        facts.fact("", Tone::Warn, "this principal was deleted: nobody can use the grant");
    }
    facts.plain("May", &grant.operations.join(", "));
    if let Some(constraint) = &grant.constraint {
        facts.plain("Only if", &only_if(constraint));
    }
    facts.plain("Name", grant.name.as_deref().unwrap_or("none"));
    facts.plain("Key", &grant.key_arn);
    facts.plain("Grant id", &grant.id);
    facts.plain("May retire it", grant.retiring.as_deref().unwrap_or_default());
    if let Some(created) = grant.created {
        facts.plain("Created", &format::time(created));
    }
}

/// The grant in the shape of `ListGrants`.
pub(crate) fn json(grant: &Grant) -> Value {
    let pairs = |pairs: &[(String, String)]| {
        let pairs = pairs.iter().map(|(name, value)| (name.clone(), json!(value)));
        Value::Object(pairs.collect())
    };
    json!({
        "GrantId": grant.id,
        "KeyId": grant.key_arn,
        "Name": grant.name,
        "GranteePrincipal": grant.grantee,
        "RetiringPrincipal": grant.retiring,
        "Operations": grant.operations,
        "Constraints": grant.constraint.as_ref().map(|constraint| match constraint {
            GrantConstraint::ContextEquals(of) => json!({ "EncryptionContextEquals": pairs(of) }),
            GrantConstraint::ContextSubset(of) => json!({ "EncryptionContextSubset": pairs(of) }),
        }),
        "CreationDate": grant.created,
    })
}

//! AWS-managed policies that the workflow names, with their real content as far as this world's services go.
//!
//! `managed.json` holds the documents as moto 5.1 carries them (Apache-2.0), without the actions of other services.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::Value;

use crate::policy::Document;

/// A policy of AWS's.
pub(super) struct Managed {
    pub(super) version: String,
    pub(super) document: Document,
}

#[derive(Deserialize)]
struct Entry {
    version: String,
    document: Value,
}

/// A managed policy by its ARN.
pub(super) fn find(arn: &str) -> Option<&'static Managed> {
    all().get(arn.strip_prefix("arn:aws:iam::aws:policy/")?)
}

/// All of them by name.
pub(super) fn all() -> &'static BTreeMap<String, Managed> {
    static POLICIES: OnceLock<BTreeMap<String, Managed>> = OnceLock::new();
    POLICIES.get_or_init(|| {
        let entries: BTreeMap<String, Entry> =
            serde_json::from_str(include_str!("managed.json")).expect("the file beside this one is JSON");
        entries
            .into_iter()
            .map(|(name, entry)| {
                let managed = Managed {
                    version: entry.version,
                    document: Document::from(entry.document),
                };
                (name, managed)
            })
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Kind;

    #[test]
    fn every_managed_policy_can_be_read() {
        assert!(all().len() > 10);
        for (name, managed) in all() {
            assert!(
                Document::checked(managed.document.text(), Kind::Managed).is_ok(),
                "{name}"
            );
            assert!(!managed.document.statements().is_empty(), "{name}");
        }
    }
}

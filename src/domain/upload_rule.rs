//! What a company's rules want of everything that is written to a bucket, and of every call to it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What calls to some buckets carry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UploadRule {
    /// The buckets: a name, in which `*` stands for any characters.
    pub buckets: String,
    /// What calls to them carry.
    pub settings: UploadSettings,
}

/// What a write carries besides its bytes, and every call beside what it asks; what is not set is the bucket's default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadSettings {
    /// `AES256`, `aws:kms` or `aws:kms:dsse`.
    pub encryption: Option<String>,
    /// The KMS key that S3 encrypts with.
    pub key: Option<String>,
    /// The encryption context that S3 gives to KMS.
    pub context: BTreeMap<String, String>,
    /// Whether S3 uses a key of the bucket's.
    pub bucket_key: bool,
    /// Tags of objects.
    pub tags: BTreeMap<String, String>,
    /// `STANDARD_IA`, …
    pub storage_class: Option<String>,
    /// The account that the bucket must belong to, whatever is asked of it.
    pub owner: Option<String>,
    /// Whether the requester pays, for reads and lists too.
    pub requester_pays: bool,
    /// The canned ACL; `bucket-owner-full-control` is the one that other accounts' buckets ask for.
    pub acl: Option<String>,
    /// The prefix below which encrypted data keys are kept, instead of the bucket's root.
    pub data_keys_below: Option<String>,
}

impl UploadRule {
    /// What calls to the bucket carry: of the rules for it the one that says most of the name.
    pub fn of(rules: &[Self], bucket: &str) -> UploadSettings {
        let fitting = rules.iter().filter(|rule| is_match(&rule.buckets, bucket));
        let best = fitting.max_by_key(|rule| rule.buckets.chars().filter(|c| *c != '*').count());
        best.map(|rule| rule.settings.clone()).unwrap_or_default()
    }
}

impl UploadSettings {
    /// With everything that the other sets in place of what this does.
    #[must_use]
    pub fn overlaid(self, other: Self) -> Self {
        let pick = |one: BTreeMap<String, String>, other: BTreeMap<String, String>| {
            if other.is_empty() { one } else { other }
        };
        Self {
            encryption: other.encryption.or(self.encryption),
            key: other.key.or(self.key),
            context: pick(self.context, other.context),
            bucket_key: other.bucket_key || self.bucket_key,
            tags: pick(self.tags, other.tags),
            storage_class: other.storage_class.or(self.storage_class),
            owner: other.owner.or(self.owner),
            requester_pays: other.requester_pays || self.requester_pays,
            acl: other.acl.or(self.acl),
            data_keys_below: other.data_keys_below.or(self.data_keys_below),
        }
    }
}

/// Whether the name is one of the pattern's.
fn is_match(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name
            .strip_prefix(before)
            .is_some_and(|rest| (0..=rest.len()).any(|at| rest.get(at..).is_some_and(|rest| is_match(after, rest)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, name, fits) in [
            ("data", "data", true),
            ("data", "data-2", false),
            ("*", "anything", true),
            ("team-*", "team-data", true),
            ("team-*", "team-", true),
            ("team-*", "tea", false),
            ("*-prod-*", "eu-prod-data", true),
            ("*-prod", "eu-prod-data", false),
            ("a*b*c", "a-b-b-c", true),
        ] {
            assert_eq!(is_match(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn the_rule_that_says_most_of_the_name_counts() {
        let rule = |buckets: &str, class: &str| UploadRule {
            buckets: buckets.to_owned(),
            settings: UploadSettings {
                storage_class: Some(class.to_owned()),
                ..UploadSettings::default()
            },
        };
        let rules = [rule("*", "ONE"), rule("team-data", "TWO"), rule("team-*", "THREE")];
        let class = |bucket: &str| UploadRule::of(&rules, bucket).storage_class;
        assert_eq!(class("team-data").as_deref(), Some("TWO"));
        assert_eq!(class("team-x").as_deref(), Some("THREE"));
        assert_eq!(class("x").as_deref(), Some("ONE"));
        assert_eq!(UploadRule::of(&[], "x"), UploadSettings::default());
    }
}

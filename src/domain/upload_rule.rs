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

impl UploadSettings {
    /// Refuses what S3 would refuse, before anything is made for it.
    ///
    /// # Errors
    /// What is wrong, with what is wanted instead.
    pub fn check(&self) -> Result<(), String> {
        check_tags(&self.tags, MOST_OBJECT_TAGS)?;
        let encryption = self.encryption.as_deref();
        let is_kms = encryption.is_some_and(|name| name.starts_with("aws:kms"));
        if (self.key.is_some() || !self.context.is_empty()) && !is_kms {
            return Err("a KMS key and a context of S3's go with aws:kms or aws:kms:dsse only".to_owned());
        }
        if self.bucket_key && encryption != Some("aws:kms") {
            return Err("a key of the bucket's goes with aws:kms only".to_owned());
        }
        Ok(())
    }
}

/// S3 takes no more on an object.
const MOST_OBJECT_TAGS: usize = 10;

/// Refuses tags that AWS would refuse.
///
/// # Errors
/// What is wrong with them, with what is wanted instead.
pub fn check_tags(tags: &BTreeMap<String, String>, most: usize) -> Result<(), String> {
    if tags.len() > most {
        return Err(format!("{} tags are more than the {most} that AWS takes", tags.len()));
    }
    for (name, value) in tags {
        let begin = name.get(..4).unwrap_or_default();
        if begin.eq_ignore_ascii_case("aws:") {
            return Err(format!("the tag `{name}` begins with aws:, which AWS keeps for itself"));
        }
        if name.is_empty() || name.chars().count() > 128 || value.chars().count() > 256 {
            return Err(format!(
                "the tag `{name}` has not 1 to 128 characters, or its value more than 256"
            ));
        }
        let is_taken = |c: char| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c);
        if let Some(other) = name.chars().chain(value.chars()).find(|c| !is_taken(*c)) {
            return Err(format!(
                "`{}` in the tag `{name}` is no letter, digit, space or one of _.:/=+-@",
                other.escape_default()
            ));
        }
    }
    Ok(())
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
    fn what_s3_would_refuse_is_refused_with_what_it_wants() {
        let of = |change: fn(&mut UploadSettings)| {
            let mut settings = UploadSettings::default();
            change(&mut settings);
            settings.check()
        };
        let tag = |name: &str, value: &str| check_tags(&[(name.to_owned(), value.to_owned())].into(), 1);
        assert_eq!(UploadSettings::default().check(), Ok(()));
        assert_eq!(tag("team", "a b-c@d é"), Ok(()));
        assert_eq!(
            of(|of| {
                of.encryption = Some("aws:kms".to_owned());
                of.key = Some("k".to_owned());
                of.bucket_key = true;
            }),
            Ok(())
        );
        for (refused, word) in [
            (tag("aws:x", "1"), "keeps for itself"),
            (tag("AWS:x", "1"), "keeps for itself"),
            (tag("", "1"), "1 to 128"),
            (tag("a", &"x".repeat(257)), "256"),
            (tag("a<b", "1"), "`<` in the tag"),
            (tag("a", "\u{1b}"), "\\u{1b}"),
            (
                check_tags(&(0..11).map(|n| (n.to_string(), String::new())).collect(), 10),
                "more than the 10",
            ),
            (
                of(|of| {
                    of.encryption = Some("AES256".to_owned());
                    of.key = Some("k".to_owned());
                }),
                "aws:kms",
            ),
            (
                of(|of| {
                    of.encryption = Some("aws:kms:dsse".to_owned());
                    of.bucket_key = true;
                }),
                "aws:kms only",
            ),
        ] {
            let why = refused.unwrap_err();
            assert!(why.contains(word), "{why}");
        }
    }

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

//! What an object carries, as the rules for its bucket want it.

use std::collections::BTreeMap;

use super::Carried;
use super::acl::Acl;
use crate::aws::Aws;

impl Carried {
    /// With what the rules for the bucket say in place of what it carried; in another bucket than its own without what is that
    /// one's business: encryption at rest, locks, ACL.
    pub(crate) fn wanted(mut self, aws: &Aws, bucket: &str, is_own: bool) -> Self {
        let rules = aws.demanded(bucket);
        if !is_own {
            self = Self {
                encryption: None,
                encryption_key: None,
                encryption_context: None,
                bucket_key: None,
                lock_mode: None,
                lock_until: None,
                hold: None,
                acl: Acl::default(),
                ..self
            };
        }
        if rules.encryption().is_some() {
            self.encryption = rules.encryption();
            self.encryption_key = rules.key();
            self.encryption_context = rules.context();
            self.bucket_key = rules.bucket_key();
        }
        self.storage_class = rules.storage_class().or(self.storage_class);
        if rules.acl().is_some() {
            (self.canned_acl, self.acl) = (rules.acl(), Acl::default());
        }
        if let Some(wanted) = rules.tagging() {
            self.tags = Some(joined(self.tags.as_deref().unwrap_or_default(), &wanted));
        }
        self
    }
}

/// Tags as query strings: those of the second in place of those of the first.
fn joined(tags: &str, wanted: &str) -> String {
    let read = |text: &str| -> Vec<(String, String)> { form_urlencoded::parse(text.as_bytes()).into_owned().collect() };
    let mut all: BTreeMap<String, String> = read(tags).into_iter().collect();
    all.extend(read(wanted));
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(all)
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_tags_stand_beside_its_own_and_in_place_of_those_of_their_name() {
        assert_eq!(joined("a=1&b=2", "b=3&c=x+y"), "a=1&b=3&c=x+y");
        assert_eq!(joined("", "c=1"), "c=1");
    }
}

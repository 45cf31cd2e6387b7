//! The actions and condition keys that a bucket policy may name, as AWS's service authorization reference lists them.

use crate::policy::globs;

/// The actions of a sort, in small letters: `bucket`, `object` or `elsewhere`.
fn actions(sort: &str) -> impl Iterator<Item = &'static str> {
    let actions = lines().filter_map(|line| line.split_once(' '));
    actions.filter_map(move |(of, name)| (of == sort).then_some(name))
}

fn lines() -> impl Iterator<Item = &'static str> {
    include_str!("known.txt").lines().filter(|line| !line.starts_with('#'))
}

/// Services whose credentials bring keys of their own along.
const BROUGHT: &[&str] = &["ec2", "glue", "identitystore", "lambda", "saml", "ssm"];

/// Keys that are asked of these acts only.
const NARROW: &[(&[&str], &[&str])] = &[
    (
        &["s3:delimiter", "s3:max-keys", "s3:prefix"],
        &["listbucket", "listbucketversions"],
    ),
    (
        &[
            "s3:x-amz-server-side-encryption",
            "s3:x-amz-server-side-encryption-aws-kms-key-id",
        ],
        &["putobject", "replicateobject", "updateobjectencryption"],
    ),
    (&["s3:x-amz-copy-source", "s3:x-amz-metadata-directive"], &["putobject"]),
];

/// What of a bucket an action or a resource speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Reach {
    pub(super) bucket: bool,
    pub(super) objects: bool,
}

impl Reach {
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            bucket: self.bucket || other.bucket,
            objects: self.objects || other.objects,
        }
    }

    pub(super) fn meets(self, other: Self) -> bool {
        self.bucket && other.bucket || self.objects && other.objects
    }
}

/// What an action reaches, with its wildcards; none if S3 knows nothing like it.
pub(super) fn reach(action: &str) -> Option<Reach> {
    let action = action.to_lowercase();
    let pattern = match action.as_str() {
        "*" => "*",
        action => action.strip_prefix("s3:")?,
    };
    let any = |sort| actions(sort).any(|name| globs(pattern, name));
    let reach = Reach {
        bucket: any("bucket"),
        objects: any("object"),
    };
    (reach.bucket || reach.objects || any("elsewhere")).then_some(reach)
}

/// Whether there is such a condition key.
pub(super) fn is_key(key: &str) -> bool {
    let key = key.to_lowercase();
    match key.split_once(':') {
        None => false,
        Some(("s3" | "aws", _)) => lines().any(|known| match known.strip_suffix('/') {
            Some(_) => key.len() > known.len() && key.starts_with(known),
            None => known == key,
        }),
        // An identity provider's.
        Some((of, _)) => of.contains('.') || BROUGHT.contains(&of),
    }
}

/// Whether a condition key can be asked of an action; of one with wildcards it can of some.
pub(super) fn applies(key: &str, action: &str) -> bool {
    let (key, action) = (key.to_lowercase(), action.to_lowercase());
    let narrow = NARROW.iter().find(|(keys, _)| keys.contains(&key.as_str()));
    let name = action.strip_prefix("s3:").unwrap_or(&action);
    narrow.is_none_or(|(_, actions)| actions.iter().any(|known| globs(name, known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_reach_buckets_objects_both_or_neither() {
        let said = |action| reach(action).map(|reach| (reach.bucket, reach.objects));
        for (action, reached) in [
            ("s3:GetObject", Some((false, true))),
            ("S3:listbucket", Some((true, false))),
            ("s3:*", Some((true, true))),
            ("*", Some((true, true))),
            ("s3:Get?bject*", Some((false, true))),
            ("s3:ListAllMyBuckets", Some((false, false))),
            ("s3:GetObjects", None),
            ("s3:Fetch*", None),
            ("kms:Decrypt", None),
        ] {
            assert_eq!(said(action), reached, "{action}");
        }
    }

    #[test]
    fn condition_keys_are_known_by_their_service() {
        for key in [
            "s3:prefix",
            "aws:PrincipalTag/team",
            "s3:ExistingObjectTag/a",
            "ec2:SourceInstanceARN",
        ] {
            assert!(is_key(key), "{key}");
        }
        for key in [
            "s3:color",
            "aws:Colour",
            "aws:PrincipalTag/",
            "kms:ViaService",
            "prefix",
        ] {
            assert!(!is_key(key), "{key}");
        }
        assert!(applies("s3:prefix", "s3:ListBucket") && applies("s3:prefix", "s3:*"));
        assert!(!applies("s3:prefix", "s3:GetObject") && applies("aws:SourceIp", "s3:GetObject"));
    }
}

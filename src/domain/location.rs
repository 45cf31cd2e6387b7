//! Where things are: in S3 or in the file system.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Fault, bucket};

const SCHEME: &str = "s3://";

/// An S3 object or prefix: `s3://BUCKET/KEY`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectUri {
    /// The bucket: its name, or an access point's ARN or alias.
    pub bucket: String,
    /// The key or prefix; empty for all of the bucket.
    pub key: String,
}

impl ObjectUri {
    /// Of this bucket and key.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
        }
    }

    /// `s3://BUCKET`, `s3://BUCKET/` or `s3://BUCKET/KEY`.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(SCHEME)?;
        let (bucket, key) = bucket::split(rest);
        (!bucket.is_empty()).then(|| Self::new(bucket, key))
    }

    /// `s3://BUCKET/KEY`, which names one object.
    pub fn parse_object(text: &str) -> Option<Self> {
        Self::parse(text).filter(|uri| !uri.key.is_empty())
    }

    /// Refuses a bucket that is not worked on.
    ///
    /// # Errors
    /// When the bucket is none that strongroom knows how to ask.
    pub fn check(&self, act: &str) -> Result<(), Fault> {
        bucket::check(act, &self.bucket)
    }

    /// Whether it stands for everything under it.
    pub fn is_prefix(&self) -> bool {
        self.key.is_empty() || self.key.ends_with('/')
    }
}

impl fmt::Display for ObjectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.bucket, self.key)
    }
}

/// An S3 object or prefix, or a local path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In S3.
    S3(ObjectUri),
    /// A path.
    Local(PathBuf),
}

impl Location {
    /// In S3.
    pub fn s3(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self::S3(ObjectUri::new(bucket, key))
    }

    /// Whether it is in S3 and stands for everything under it.
    pub fn is_prefix(&self) -> bool {
        matches!(self, Self::S3(uri) if uri.is_prefix())
    }

    /// From what a person typed.
    ///
    /// # Errors
    /// When it names no bucket, or one that is not worked on.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if !text.starts_with(SCHEME) {
            return Ok(Self::Local(PathBuf::from(text)));
        }
        let uri = ObjectUri::parse(text).ok_or_else(|| {
            let remedy = "write s3://BUCKET/KEY";
            Fault::usage("read", text, "it names no bucket", remedy)
        })?;
        uri.check("use")?;
        Ok(Self::S3(uri))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S3(uri) => uri.fmt(f),
            Self::Local(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::FaultKind;

    #[test]
    fn uris_are_split_at_the_first_slash() {
        for (text, bucket, key, is_prefix) in [
            ("s3://bucket/a/b", "bucket", "a/b", false),
            ("s3://bucket/a/", "bucket", "a/", true),
            ("s3://bucket//a", "bucket", "/a", false),
            ("s3://bucket/", "bucket", "", true),
            ("s3://bucket", "bucket", "", true),
            (
                "s3://arn:aws:s3:eu-west-1:111122223333:accesspoint/team",
                "arn:aws:s3:eu-west-1:111122223333:accesspoint/team",
                "",
                true,
            ),
            (
                "s3://arn:aws:s3:eu-west-1:111122223333:accesspoint/team/a/b",
                "arn:aws:s3:eu-west-1:111122223333:accesspoint/team",
                "a/b",
                false,
            ),
            ("s3://p-0abc-s3alias/a/", "p-0abc-s3alias", "a/", true),
        ] {
            let uri = ObjectUri::parse(text).unwrap();
            assert_eq!(uri, ObjectUri::new(bucket, key), "{text}");
            assert_eq!(uri.is_prefix(), is_prefix, "{text}");
            assert_eq!(Location::parse(text).unwrap(), Location::S3(uri), "{text}");
            assert_eq!(ObjectUri::parse_object(text).is_some(), !key.is_empty(), "{text}");
        }
        for text in ["s3://", "s3:///key"] {
            assert_eq!(ObjectUri::parse(text), None, "{text}");
            assert!(Location::parse(text).is_err(), "{text}");
        }
        for text in ["s3://data--use1-az4--x-s3/a", "s3://arn:aws:s3::1:accesspoint/m.mrap/a"] {
            assert_eq!(Location::parse(text).unwrap_err().kind, FaultKind::Usage, "{text}");
        }
        for path in [
            "",
            "s3:/bucket/key",
            "S3://bucket/key",
            "https://host/key",
            "/s3://bucket/key",
        ] {
            assert_eq!(ObjectUri::parse(path), None, "{path}");
            assert_eq!(Location::parse(path).unwrap(), Location::Local(path.into()), "{path}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(bucket in "[a-z0-9.-]{1,20}", key in "\\PC{0,40}") {
            let uri = ObjectUri::new(bucket, key);
            prop_assert_eq!(ObjectUri::parse(&uri.to_string()), Some(uri));
        }
    }
}

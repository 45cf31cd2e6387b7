//! What a person calls by its name, without a list that it would be found in.

use std::fmt;

use super::{Arn, Fault, JobKind, ObjectUri, bucket};

/// Something called by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named {
    /// A KMS key: id, ARN, `alias/NAME`, or the alias's ARN.
    Key(String),
    /// A bucket, a prefix or an object.
    Place(ObjectUri),
    /// A job, by its id: of a training job its bare name.
    Job(String),
}

impl Named {
    /// From what tells by itself what it names; `None` of a bare word.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(uri) = ObjectUri::parse(text) {
            return Some(Self::Place(uri));
        }
        if let Some(arn) = Arn::parse(text) {
            return match (arn.service, arn.resource.split_once('/')) {
                ("kms", Some(("key" | "alias", name))) if !name.is_empty() => Some(Self::Key(text.to_owned())),
                ("sagemaker", Some(("training-job", name))) if !name.is_empty() => Some(Self::Job(name.to_owned())),
                ("sagemaker", Some(("processing-job", name))) if !name.is_empty() => {
                    Some(Self::Job(JobKind::Processing.id(name).into_owned()))
                }
                ("s3", _) if bucket::is_access_point(text) => {
                    ObjectUri::parse(&format!("s3://{text}")).map(Self::Place)
                }
                ("s3", _) if arn.account.is_empty() => {
                    ObjectUri::parse(&format!("s3://{}", arn.resource)).map(Self::Place)
                }
                ("s3express", Some(("bucket", name))) => ObjectUri::parse(&format!("s3://{name}")).map(Self::Place),
                _ => None,
            };
        }
        if let Some(name) = text.strip_prefix("training-job/") {
            return (!name.is_empty()).then(|| Self::Job(name.to_owned()));
        }
        if let (JobKind::Processing, name) = JobKind::split(text) {
            return (!name.is_empty()).then(|| Self::Job(text.to_owned()));
        }
        let is_key = text.strip_prefix("alias/").is_some_and(|name| !name.is_empty()) || is_key_id(text);
        is_key.then(|| Self::Key(text.to_owned()))
    }

    /// Refuses a bucket that is not worked on.
    ///
    /// # Errors
    /// When it is in a bucket that strongroom does not know how to ask.
    pub fn check(&self) -> Result<(), Fault> {
        match self {
            Self::Place(uri) => uri.check("open"),
            Self::Key(_) | Self::Job(_) => Ok(()),
        }
    }
}

/// As it is typed.
impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(reference) => f.write_str(reference),
            Self::Place(uri) => uri.fmt(f),
            Self::Job(id) => match JobKind::split(id).0 {
                JobKind::Training => write!(f, "training-job/{id}"),
                JobKind::Processing => f.write_str(id),
            },
        }
    }
}

/// A UUID, or what KMS calls a key of several Regions: `mrk-` and 32 digits.
fn is_key_id(text: &str) -> bool {
    let are_hex = |text: &str, digits: usize| text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit());
    if let Some(digits) = text.strip_prefix("mrk-") {
        return are_hex(digits, 32);
    }
    let mut groups = text.split('-');
    let is_uuid = [8, 4, 4, 4, 12]
        .into_iter()
        .all(|digits| groups.next().is_some_and(|group| are_hex(group, digits)));
    is_uuid && groups.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0f6a3b1c-58c4-4a0f-9a4e-7e51c2d90b11";

    #[test]
    fn a_name_tells_what_it_names() {
        let key = |text: &str| Named::Key(text.to_owned());
        let place = |bucket: &str, key: &str| Named::Place(ObjectUri::new(bucket, key));
        let job = |name: &str| Named::Job(name.to_owned());
        for (text, named) in [
            (ID, key(ID)),
            (" alias/data ", key("alias/data")),
            (
                "mrk-0123456789abcdef0123456789abcdef",
                key("mrk-0123456789abcdef0123456789abcdef"),
            ),
            (
                "arn:aws-cn:kms:cn-north-1:1:alias/data",
                key("arn:aws-cn:kms:cn-north-1:1:alias/data"),
            ),
            ("arn:aws:kms:us-east-1:1:key/x", key("arn:aws:kms:us-east-1:1:key/x")),
            ("s3://bucket", place("bucket", "")),
            ("s3://bucket/a/b", place("bucket", "a/b")),
            ("arn:aws:s3:::bucket/a/", place("bucket", "a/")),
            ("arn:aws:s3:::bucket", place("bucket", "")),
            (
                "arn:aws:s3:eu-west-1:1:accesspoint/p/a/",
                place("arn:aws:s3:eu-west-1:1:accesspoint/p", "a/"),
            ),
            (
                "s3://arn:aws:s3:eu-west-1:1:accesspoint/p",
                place("arn:aws:s3:eu-west-1:1:accesspoint/p", ""),
            ),
            (
                "arn:aws:s3express:us-east-1:1:bucket/d--use1-az4--x-s3",
                place("d--use1-az4--x-s3", ""),
            ),
            ("training-job/nightly", job("nightly")),
            ("arn:aws:sagemaker:us-east-1:1:training-job/nightly", job("nightly")),
            ("processing-job/nightly", job("processing-job/nightly")),
            (
                "arn:aws:sagemaker:us-east-1:1:processing-job/nightly",
                job("processing-job/nightly"),
            ),
        ] {
            assert_eq!(Named::parse(text), Some(named.clone()), "{text}");
            assert_eq!(Named::parse(&named.to_string()), Some(named), "{text}");
        }
        for text in [
            "",
            "nightly",
            "alias/",
            "s3://",
            "training-job/",
            "processing-job/",
            "arn:aws:iam::1:role/x",
            "arn:aws:kms:us-east-1:1:key/",
            "arn:aws:s3:::",
            "arn:aws:s3:us-east-1:1:job/x",
            "0f6a3b1c-58c4-4a0f-9a4e-7e51c2d90b11-",
            "mrk-0123",
        ] {
            assert_eq!(Named::parse(text), None, "{text}");
        }
    }
}

//! The names of things in AWS: `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`.

use std::fmt;

/// An ARN in its parts. What a service leaves out is empty: S3 names neither region nor account, IAM no region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arn<'a> {
    /// `aws`, `aws-cn`, …
    pub partition: &'a str,
    /// `kms`, `iam`, …
    pub service: &'a str,
    /// Where it is.
    pub region: &'a str,
    /// Whose it is.
    pub account: &'a str,
    /// `key/ID`, `role/PATH/NAME`, …; may hold colons.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// `None` of what is no ARN.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.strip_prefix("arn:")?.splitn(5, ':');
        Some(Self {
            partition: parts.next()?,
            service: parts.next()?,
            region: parts.next()?,
            account: parts.next()?,
            resource: parts.next()?,
        })
    }

    /// The account of an ARN; empty if it names none, or is none.
    pub fn account_of(text: &'a str) -> &'a str {
        Self::parse(text).map_or("", |arn| arn.account)
    }

    /// An S3 object, or a bucket if there is no slash in it.
    pub fn s3(partition: &'a str, resource: &'a str) -> Self {
        Self {
            partition,
            service: "s3",
            region: "",
            account: "",
            resource,
        }
    }
}

/// What the names of AWS's hosts in a region end with: each partition has its own.
pub fn host_suffix(region: &str) -> &'static str {
    let suffixes = [
        ("cn-", "amazonaws.com.cn"),
        ("us-iso-", "c2s.ic.gov"),
        ("us-isob-", "sc2s.sgov.gov"),
        ("us-isof-", "csp.hci.ic.gov"),
        ("eu-isoe-", "cloud.adc-e.uk"),
    ];
    let mut suffixes = suffixes.into_iter();
    let own = suffixes.find(|(prefix, _)| region.starts_with(prefix));
    own.map_or("amazonaws.com", |(_, suffix)| suffix)
}

impl fmt::Display for Arn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            partition,
            service,
            region,
            account,
            resource,
        } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_arn_is_taken_apart_at_its_first_five_colons() {
        for (text, parts) in [
            (
                "arn:aws:kms:eu-central-1:111122223333:key/1",
                ["aws", "kms", "eu-central-1", "111122223333", "key/1"],
            ),
            ("arn:aws-cn:s3:::bucket/a:b", ["aws-cn", "s3", "", "", "bucket/a:b"]),
            (
                "arn:aws:logs:us-east-1:1:log-group:/aws/sagemaker:*",
                ["aws", "logs", "us-east-1", "1", "log-group:/aws/sagemaker:*"],
            ),
            (
                "arn:aws:iam::1:role/team/trainer",
                ["aws", "iam", "", "1", "role/team/trainer"],
            ),
        ] {
            let arn = Arn::parse(text).unwrap();
            let told = [arn.partition, arn.service, arn.region, arn.account, arn.resource];
            assert_eq!(told, parts, "{text}");
        }
        for text in [
            "",
            "arn",
            "arn:",
            "arn:aws:kms:us-east-1:1",
            "xarn:a:b:c:d:e",
            "alias/data",
            "role/trainer",
        ] {
            assert_eq!(Arn::parse(text), None, "{text}");
        }
    }

    #[test]
    fn hosts_end_as_their_partition_has_it() {
        for (region, suffix) in [
            ("eu-west-1", "amazonaws.com"),
            ("us-gov-west-1", "amazonaws.com"),
            ("cn-north-1", "amazonaws.com.cn"),
            ("us-iso-east-1", "c2s.ic.gov"),
            ("us-isob-east-1", "sc2s.sgov.gov"),
        ] {
            assert_eq!(host_suffix(region), suffix, "{region}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(parts in proptest::collection::vec("[a-z0-9-]{0,12}", 4), resource in "\\PC{0,30}") {
            let arn = Arn {
                partition: &parts[0],
                service: &parts[1],
                region: &parts[2],
                account: &parts[3],
                resource: &resource,
            };
            let text = arn.to_string();
            prop_assert_eq!(Arn::parse(&text), Some(arn));
        }
    }
}

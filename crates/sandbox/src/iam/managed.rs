//! AWS-managed policies, whole: those about the services that people train with, and what administrators attach.
//!
//! `managed.txt` has one a line: path and name, version, when it was made and changed, and the document, as moto 5.2
//! carries them (Apache-2.0).

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::policy::Document;

const PREFIX: &str = "arn:aws:iam::aws:policy";

/// A policy of AWS's.
pub(super) struct Managed {
    pub(super) version: &'static str,
    pub(super) created: &'static str,
    pub(super) updated: &'static str,
    pub(super) document: Document,
}

/// A managed policy by its ARN.
pub(super) fn find(arn: &str) -> Option<&'static Managed> {
    all().get(arn.strip_prefix(PREFIX)?)
}

/// The ARNs of all of them.
pub(super) fn arns() -> impl Iterator<Item = String> {
    all().keys().map(|name| format!("{PREFIX}{name}"))
}

/// By path and name.
fn all() -> &'static BTreeMap<&'static str, Managed> {
    static POLICIES: OnceLock<BTreeMap<&str, Managed>> = OnceLock::new();
    POLICIES.get_or_init(|| include_str!("managed.txt").lines().filter_map(read).collect())
}

fn read(line: &'static str) -> Option<(&'static str, Managed)> {
    let mut parts = line.splitn(5, ' ');
    let name = parts.next()?;
    let managed = Managed {
        version: parts.next()?,
        created: parts.next()?,
        updated: parts.next()?,
        document: Document::trusted(parts.next()?),
    };
    Some((name, managed))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::identity::{Caller, Place, Principal};
    use crate::policy::{Decision, Kind, Question, identity};

    #[test]
    fn every_managed_policy_is_one() {
        assert_eq!(all().len(), include_str!("managed.txt").lines().count());
        for (name, managed) in all() {
            let checked = Document::checked(managed.document.text(), Kind::Managed);
            assert!(checked.is_ok(), "{name}: {checked:?}");
            assert!(!managed.document.statements().is_empty(), "{name}");
            let is_dated = managed.version.starts_with('v') && managed.created.ends_with('Z');
            assert!(is_dated, "{name}");
        }
    }

    #[test]
    fn managed_policies_allow_what_aws_says_they_do() {
        let (user, place) = (Principal::User("u".to_owned()), Place::new("111122223333", "us-east-1"));
        let caller = Caller::new(user, &place, "arn:aws:iam::111122223333:user/u", "AIDA");
        let table = "\
            AmazonSageMakerFullAccess ec2:CreateNetworkInterface * allowed
            AmazonSageMakerFullAccess s3:GetObject arn:aws:s3:::sagemaker-x/k allowed
            AmazonSageMakerFullAccess s3:GetObject arn:aws:s3:::other/k not
            AmazonSageMakerFullAccess kms:Decrypt arn:aws:kms:us-east-1:111122223333:key/k not
            ReadOnlyAccess kms:DescribeKey arn:aws:kms:us-east-1:111122223333:key/k allowed
            ReadOnlyAccess s3:PutObject arn:aws:s3:::b/k not
            PowerUserAccess iam:CreateUser arn:aws:iam::111122223333:user/v not
            PowerUserAccess sagemaker:CreateTrainingJob * allowed
            job-function/ViewOnlyAccess s3:ListAllMyBuckets * allowed
            job-function/ViewOnlyAccess s3:GetObject arn:aws:s3:::b/k not
            CloudWatchLogsReadOnlyAccess logs:GetLogEvents * allowed
            AmazonEC2ContainerRegistryPullOnly ecr:BatchGetImage * allowed
            AmazonEC2ContainerRegistryPullOnly ecr:PutImage * not
            SecurityAudit kms:GetKeyPolicy arn:aws:kms:us-east-1:111122223333:key/k allowed";
        for row in table.lines() {
            let [name, action, resource, expected] = row.split_whitespace().collect::<Vec<_>>()[..] else {
                panic!("{row}")
            };
            let nothing = BTreeMap::new();
            let question = Question::new(&caller, action, resource, &nothing);
            let managed = find(&format!("{PREFIX}/{name}")).expect(name);
            let said = identity(&managed.document, &question);
            assert_eq!(said == Decision::Allowed, expected == "allowed", "{row}");
        }
    }
}

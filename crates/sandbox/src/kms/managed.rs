//! Keys that AWS makes and manages: one for each service of a place, made when the service first needs it, known by its
//! alias. Everybody in the account may use it through the service; nobody may change it.

use super::key::NewKey;
use super::{Kms, aliases};
use crate::identity::Place;
use crate::policy::Document;

/// What the aliases of these keys begin with.
pub(super) const PREFIX: &str = "alias/aws/";
/// How often their material changes, in days.
const YEARLY: i64 = 365;

impl Kms {
    /// The key of S3 in a place, by its ARN.
    pub(crate) fn managed_by_s3(&mut self, place: &Place) -> String {
        let alias = format!("{PREFIX}s3");
        if let Some(key) = self.aliases.target(&place.arn("kms", &alias)) {
            return key.to_owned();
        }
        let new = NewKey {
            description: "Default key that protects my S3 objects when no other key is defined",
            policy: Some(policy(place)),
            ..NewKey::default()
        };
        let (key, now) = (self.create_key(place, new), self.clock.now());
        self.put_alias(&alias, &key);
        self.alter(&key, |key| key.rotate_every(YEARLY, now));
        key
    }

    /// Whether AWS manages a key.
    pub(super) fn is_managed(&self, key: &str) -> bool {
        self.aliases
            .of(key)
            .any(|alias| aliases::name_of(alias).starts_with(PREFIX))
    }
}

/// AWS's policy of S3's key.
fn policy(Place { account, region }: &Place) -> Document {
    Document::trusted(format!(
        r#"{{
  "Version" : "2012-10-17",
  "Id" : "auto-s3-2",
  "Statement" : [ {{
    "Sid" : "Allow access through S3 for all principals in the account that are authorized to use S3",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "*"
    }},
    "Action" : [ "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey" ],
    "Resource" : "*",
    "Condition" : {{
      "StringEquals" : {{
        "kms:CallerAccount" : "{account}",
        "kms:ViaService" : "s3.{region}.amazonaws.com"
      }}
    }}
  }}, {{
    "Sid" : "Allow direct access to key metadata to the account",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "arn:aws:iam::{account}:root"
    }},
    "Action" : [ "kms:Describe*", "kms:Get*", "kms:List*" ],
    "Resource" : "*"
  }} ]
}}"#
    ))
}

//! The requests of the table's rows.

use std::collections::HashMap;

use aws_sdk_kms::error::ProvideErrorMetadata;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{DataKeySpec, GrantConstraints, GrantOperation};
use serde_json::json;

use super::scene::Scene;
use super::{OWNER, Row, document, pairs};

macro_rules! answer {
    ($call:expr) => {
        match $call.send().await {
            Ok(_) => "ok".to_owned(),
            Err(error) => word(error.code().unwrap_or_default(), error.message().unwrap_or_default()),
        }
    };
}

/// What a row gives its request.
struct Given {
    key: String,
    named: HashMap<String, String>,
}

impl Given {
    fn text(&self, name: &str) -> Option<String> {
        self.named.get(name).cloned()
    }

    fn number(&self, name: &str) -> Option<i32> {
        self.named.get(name)?.parse().ok()
    }

    fn pairs(&self, name: &str) -> Option<Vec<(String, String)>> {
        self.named.get(name).map(|text| pairs(text, ':'))
    }

    fn list(&self, name: &str) -> Option<Vec<String>> {
        let text = self.named.get(name)?;
        Some(text.split(',').map(str::to_owned).collect())
    }

    fn iam_tags(&self) -> Option<Vec<aws_sdk_iam::types::Tag>> {
        let tag = |(key, value)| {
            aws_sdk_iam::types::Tag::builder()
                .key(key)
                .value(value)
                .build()
                .unwrap()
        };
        Some(self.pairs("tags")?.into_iter().map(tag).collect())
    }

    fn kms_tags(&self) -> Option<Vec<aws_sdk_kms::types::Tag>> {
        let tag = |(key, value)| {
            let tag = aws_sdk_kms::types::Tag::builder().tag_key(key).tag_value(value);
            tag.build().unwrap()
        };
        Some(self.pairs("tags")?.into_iter().map(tag).collect())
    }
}

impl Scene {
    /// What comes out, in the words of the table.
    pub(super) async fn ask(&self, row: &Row) -> String {
        let said: Vec<String> = row.arguments.iter().map(|text| self.said(text)).collect();
        let named = said.iter().filter_map(|text| text.split_once('='));
        let given = Given {
            key: said
                .iter()
                .find(|text| !text.contains('='))
                .cloned()
                .unwrap_or_default(),
            named: named.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        };
        let (service, operation) = row.operation.split_once(':').unwrap();
        match service {
            "s3" => self.ask_s3(operation, &given).await,
            "kms" => self.ask_kms(operation, &given).await,
            "iam" => self.ask_iam(operation, &given).await,
            "sts" => self.ask_sts(operation, &given).await,
            _ => match row.operation.as_str() {
                "logs:DescribeLogGroups" => answer!(self.clients.logs.describe_log_groups()),
                "ecr:GetAuthorizationToken" => answer!(self.clients.ecr.get_authorization_token()),
                "ecr:DescribeRepositories" => answer!(self.clients.ecr.describe_repositories()),
                "sagemaker:ListTrainingJobs" => answer!(self.clients.sagemaker.list_training_jobs()),
                other => panic!("{other} is not asked"),
            },
        }
    }

    async fn ask_s3(&self, operation: &str, given: &Given) -> String {
        let (s3, bucket, key) = (&self.clients.s3, self.said("BUCKET"), &given.key);
        match operation {
            "ListBuckets" => answer!(s3.list_buckets()),
            "ListObjectsV2" => {
                let list = s3.list_objects_v2().bucket(bucket);
                answer!(
                    list.set_prefix(given.text("prefix"))
                        .set_delimiter(given.text("delimiter"))
                )
            }
            "GetObject" => answer!(s3.get_object().bucket(bucket).key(key)),
            "GetObjectTagging" => answer!(s3.get_object_tagging().bucket(bucket).key(key)),
            "PutObject" => answer!(s3.put_object().bucket(bucket).key(key)),
            "DeleteObject" => answer!(s3.delete_object().bucket(bucket).key(key)),
            other => panic!("{other} is not asked"),
        }
    }

    async fn ask_kms(&self, operation: &str, given: &Given) -> String {
        let kms = &self.clients.kms;
        let id = given.text("alias").unwrap_or_else(|| self.key.clone());
        let context = given.pairs("context").map(HashMap::from_iter);
        match operation {
            "ListKeys" => answer!(kms.list_keys()),
            "ListAliases" => answer!(kms.list_aliases()),
            "CreateKey" => {
                let bypass = given.text("bypass").map(|_| true);
                let create = kms.create_key().set_tags(given.kms_tags());
                answer!(create.set_bypass_policy_lockout_safety_check(bypass))
            }
            "DescribeKey" => answer!(kms.describe_key().key_id(id)),
            "Encrypt" => {
                let encrypt = kms.encrypt().key_id(id).plaintext(Blob::new("hello"));
                answer!(encrypt.set_encryption_context(context))
            }
            "GenerateDataKey" => {
                let generate = kms.generate_data_key().key_id(id).key_spec(DataKeySpec::Aes256);
                answer!(generate.set_encryption_context(context))
            }
            "ReEncrypt" => {
                let again = kms.re_encrypt().source_key_id(&id).destination_key_id(&id);
                answer!(again.set_ciphertext_blob(self.blob.clone()))
            }
            "CreateGrant" => {
                let own = || format!("arn:aws:iam::111122223333:user/{}", self.name);
                let operations = given.list("operations").unwrap_or_default();
                let operations = operations
                    .iter()
                    .map(|name| GrantOperation::from(name.as_str()))
                    .collect();
                let within = given.pairs("subset").map(HashMap::from_iter);
                let within = within.map(|subset| {
                    let constraints = GrantConstraints::builder();
                    constraints.set_encryption_context_subset(Some(subset)).build()
                });
                let grant = kms.create_grant().key_id(id).set_operations(Some(operations));
                let grant = grant.grantee_principal(given.text("grantee").unwrap_or_else(own));
                answer!(grant.set_constraints(within))
            }
            "TagResource" => answer!(kms.tag_resource().key_id(id).set_tags(given.kms_tags())),
            "UntagResource" => answer!(kms.untag_resource().key_id(id).set_tag_keys(given.list("tags"))),
            "EnableKeyRotation" => {
                let rotate = kms.enable_key_rotation().key_id(id);
                answer!(rotate.set_rotation_period_in_days(given.number("days")))
            }
            "ScheduleKeyDeletion" => {
                let schedule = kms.schedule_key_deletion().key_id(id);
                answer!(schedule.set_pending_window_in_days(given.number("days")))
            }
            other => panic!("{other} is not asked"),
        }
    }

    async fn ask_iam(&self, operation: &str, given: &Given) -> String {
        let (iam, name) = (&self.clients.iam, given.text("name"));
        match operation {
            "ListUsers" => answer!(iam.list_users()),
            "ListRoles" => answer!(iam.list_roles()),
            "GetUser" => answer!(iam.get_user().set_user_name(given.text("user"))),
            "CreateUser" => answer!(iam.create_user().set_user_name(name).set_tags(given.iam_tags())),
            "ListAccessKeys" => answer!(iam.list_access_keys().set_user_name(given.text("user"))),
            "CreateRole" => {
                let trust = json!({ "Effect": "Allow", "Principal": { "AWS": OWNER }, "Action": "sts:AssumeRole" });
                let create = iam.create_role().set_role_name(name).set_path(given.text("path"));
                let create = create.assume_role_policy_document(document(&[trust], false));
                let create = create.set_permissions_boundary(given.text("boundary"));
                answer!(create.set_tags(given.iam_tags()))
            }
            "GetRole" => answer!(iam.get_role().set_role_name(name)),
            "ListRolePolicies" => answer!(iam.list_role_policies().set_role_name(name)),
            "TagRole" => answer!(iam.tag_role().set_role_name(name).set_tags(given.iam_tags())),
            "AttachRolePolicy" => {
                let attach = iam.attach_role_policy().set_role_name(name);
                answer!(attach.set_policy_arn(given.text("arn")))
            }
            "PutRolePermissionsBoundary" => {
                let put = iam.put_role_permissions_boundary().set_role_name(name);
                answer!(put.set_permissions_boundary(given.text("boundary")))
            }
            "DeleteRolePermissionsBoundary" => {
                answer!(iam.delete_role_permissions_boundary().set_role_name(name))
            }
            other => panic!("{other} is not asked"),
        }
    }

    async fn ask_sts(&self, operation: &str, given: &Given) -> String {
        let sts = &self.clients.sts;
        match operation {
            "GetCallerIdentity" => answer!(sts.get_caller_identity()),
            "AssumeRole" => {
                let tag = |(key, value)| {
                    aws_sdk_sts::types::Tag::builder()
                        .key(key)
                        .value(value)
                        .build()
                        .unwrap()
                };
                let tags = given.pairs("tags").map(|tags| tags.into_iter().map(tag).collect());
                let name = given.text("name").unwrap_or_else(|| "test".to_owned());
                let assume = sts.assume_role().role_arn(self.said("TARGET")).role_session_name(name);
                let assume = assume.set_external_id(given.text("external")).set_tags(tags);
                let assume = assume.set_source_identity(given.text("source"));
                answer!(assume.set_transitive_tag_keys(given.list("transitive")))
            }
            other => panic!("{other} is not asked"),
        }
    }
}

/// A refusal in the table's word; another error as it is.
fn word(code: &str, message: &str) -> String {
    let kinds = [
        ("identity-based policy", "identity"),
        ("resource-based policy", "resource"),
        ("permissions boundary", "boundary"),
        ("session policy", "session"),
    ];
    if matches!(code, "AccessDenied" | "AccessDeniedException") {
        for (said, kind) in kinds {
            if message.contains(&format!("because no {said} allows the ")) && message.ends_with(" action") {
                return format!("no-{kind}");
            }
            if message.ends_with(said) && message.contains("with an explicit deny in a") {
                return format!("deny-{kind}");
            }
        }
    }
    format!("{code}: {message}")
}

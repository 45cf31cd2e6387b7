//! Which of the permissions that the main job takes the caller has: asked of AWS where a question changes nothing, else
//! simulated by IAM, else not known.

use std::collections::BTreeMap;

use futures::StreamExt;
use serde_json::{Map, Value};
use tokio::sync::OnceCell;

use super::principals::lasting;
use crate::aws::iam::Simulated;
use crate::aws::{Aws, iam, kms, logs, s3, sagemaker, sts, transfer};
use crate::domain::capability::{self, fill};
use crate::domain::policy::{partition, role_name};
use crate::domain::{Arn, Capability, Door, Fault, FaultKind, Identity, JobKind, Named, Permission, bucket};

/// Questions under way at once.
const AT_ONCE: usize = 4;
/// What is asked about where nothing is named: nobody has such a job or object.
const NOTHING: &str = "strongroom-doctor";
/// What stands for something until it is named, and how to name it.
const PLACEHOLDERS: &[(&str, &str)] = &[
    ("KEY_ID", "give --key"),
    ("BUCKET", "give --bucket"),
    ("ROLE", "give --role"),
    ("ALIAS", "put it in place of ALIAS"),
    ("REPOSITORY", "put it in place of REPOSITORY"),
];

/// What the permissions are about, as far as it is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    /// The KMS key: id, ARN or alias.
    pub key: Option<String>,
    /// The bucket.
    pub bucket: Option<String>,
    /// The role that trains: name or ARN.
    pub role: Option<String>,
}

impl Subject {
    /// Refuses names that nothing can have.
    fn check(&self) -> Result<(), Fault> {
        let refused = |what: &str, name: &str, remedy: &str| {
            let (act, cause) = ("check the permissions for", format!("it is no name of a {what}"));
            Err(Fault::invalid(act, name, cause, remedy))
        };
        match (&self.key, &self.role) {
            (Some(key), _) if !matches!(Named::parse(key), Some(Named::Key(_))) => {
                refused("KMS key", key, "give its id, its ARN or alias/NAME")
            }
            (_, Some(role)) if !is_role(role) => refused("role", role, "give the role's name or its ARN"),
            _ => Ok(()),
        }
    }
}

/// A name, with its path or without, or an ARN.
fn is_role(role: &str) -> bool {
    let named = if role.starts_with("arn:") {
        let arn = Arn::parse(role).filter(|arn| arn.service == "iam");
        arn.and_then(|arn| arn.resource.strip_prefix("role/"))
    } else {
        Some(role)
    };
    let is_name = |name: &str| {
        (1..=64).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
    };
    named.is_some_and(|named| is_name(role_name(named)) && named.bytes().all(|byte| byte.is_ascii_graphic()))
}

/// A permission, and whether the caller has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Which.
    pub permission: Permission,
    /// Whether the caller has it, and how that is known.
    pub answer: Answer,
}

/// Whether a permission is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is; known so.
    Allowed(&'static str),
    /// It is not: why.
    Missing(String),
    /// A policy denies it, so that no Allow helps: AWS's words.
    Denied(String),
    /// What it is about does not exist: which.
    Gone(String),
    /// It could not be checked: why.
    Unknown(String),
}

/// Checks every permission of these capabilities. Nothing is changed.
///
/// # Errors
/// When the caller is not known, or what is named cannot be a key or a role, or is an alias that is not found.
pub async fn check_permissions(
    aws: &Aws,
    capabilities: &[&Capability],
    subject: &Subject,
) -> Result<Vec<Checked>, Fault> {
    subject.check()?;
    let check = Check::of(aws, subject).await?;
    let permissions = capability::permissions(capabilities, |text| check.filled(text));
    let check = &check;
    let answers = futures::stream::iter(permissions).map(|permission| async move {
        let answer = check.answer(&permission).await;
        Checked { permission, answer }
    });
    Ok(answers.buffered(AT_ONCE).collect().await)
}

struct Check<'a> {
    aws: &'a Aws,
    identity: Identity,
    /// The key's ARN, if a key is named.
    key: Option<String>,
    bucket: Option<&'a str>,
    role: Option<&'a str>,
    /// What of these does not exist: the ARN that permissions name, and what a person calls it.
    gone: Vec<(String, String)>,
    /// Who is simulated: a session's policies are its role's.
    principal: OnceCell<Result<String, String>>,
}

impl<'a> Check<'a> {
    async fn of(aws: &'a Aws, subject: &'a Subject) -> Result<Self, Fault> {
        let identity = sts::caller_identity(aws).await?;
        let key = match subject.key.as_deref() {
            Some(key) => Some(key_arn(aws, key, &identity).await?),
            None => None,
        };
        let mut check = Self {
            aws,
            identity,
            key,
            bucket: subject.bucket.as_deref(),
            role: subject.role.as_deref(),
            gone: Vec::new(),
            principal: OnceCell::new(),
        };
        check.gone = check.looked_for().await;
        Ok(check)
    }

    /// What is named and does not exist, as far as the caller is told.
    async fn looked_for(&self) -> Vec<(String, String)> {
        let mut gone = Vec::new();
        let mut look = |answer: Result<(), Fault>, arn: String, name: String| {
            if answer.is_err_and(|fault| fault.kind == FaultKind::NotFound) {
                gone.push((arn, name));
            }
        };
        if let Some(key) = &self.key {
            let answer = kms::describe_key(self.aws, key).await.map(drop);
            look(answer, key.clone(), format!("the key {key}"));
        }
        if let Some(bucket) = self.bucket {
            let answer = s3::bucket_region(self.aws, bucket).await.map(drop);
            look(
                answer,
                self.filled("arn:aws:s3:::BUCKET"),
                format!("the bucket {bucket}"),
            );
        }
        if let Some(role) = self.role {
            let answer = iam::get_role(self.aws, role_name(role)).await.map(drop);
            look(
                answer,
                self.filled("arn:aws:iam::ACCOUNT:role/ROLE"),
                format!("the role {role}"),
            );
        }
        gone
    }

    /// What does not exist of what a permission is about.
    fn gone(&self, permission: &Permission) -> Option<&str> {
        let is_about = |arn: &str| {
            let of = |resource: &String| {
                resource
                    .strip_prefix(arn)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            permission.resources.iter().any(of)
        };
        let found = self.gone.iter().find(|(arn, _)| is_about(arn));
        found.map(|(_, name)| name.as_str())
    }

    /// With everything in place of its placeholder that is known.
    fn filled(&self, text: &str) -> String {
        let text = match &self.key {
            Some(arn) => text.replace("arn:aws:kms:REGION:ACCOUNT:key/KEY_ID", arn),
            None => text.to_owned(),
        };
        let text = match self.role.filter(|role| role.starts_with("arn:")) {
            Some(arn) => text.replace("arn:aws:iam::ACCOUNT:role/ROLE", arn),
            None => text,
        };
        let text = match self.bucket.filter(|bucket| bucket::is_access_point(bucket)) {
            Some(arn) => text
                .replace("arn:aws:s3:::BUCKET/", &bucket::object_arn("aws", arn, ""))
                .replace("arn:aws:s3:::BUCKET", arn),
            None => text,
        };
        let partition = partition(&self.identity.arn);
        let text = text.replace("arn:aws:", &format!("arn:{partition}:"));
        fill(&text, |word| match word {
            "ACCOUNT" => Some(self.identity.account.clone()),
            "REGION" => Some(self.aws.region().to_owned()),
            "BUCKET" => self.bucket.map(str::to_owned),
            "ROLE" => self.role.map(str::to_owned),
            _ => None,
        })
    }

    async fn answer(&self, permission: &Permission) -> Answer {
        let about = facts(permission).into_iter().map(|(_, value)| value);
        let about: Vec<String> = about.chain(permission.resources.iter().cloned()).collect();
        let is_left = |(word, _): &&(&str, &str)| about.iter().any(|text| names(text, word));
        if let Some((_, remedy)) = PLACEHOLDERS.iter().find(is_left) {
            return Answer::Unknown(format!("it is not said on what; {remedy}"));
        }
        if let Some(name) = self.gone(permission) {
            return Answer::Gone(name.to_owned());
        }
        match self.ask(&permission.action).await {
            Some(Ok(how)) => Answer::Allowed(how),
            Some(Err(fault)) if fault.kind == FaultKind::Denied && fault.cause.contains("explicit deny") => {
                Answer::Denied(fault.cause)
            }
            Some(Err(fault)) if fault.kind == FaultKind::Denied => Answer::Missing(fault.cause),
            Some(Err(fault)) => Answer::Unknown(fault.at(Door::CommandLine)),
            None => self.simulated(permission).await,
        }
    }

    /// Asks AWS by a call that changes nothing; `None` where there is none.
    async fn ask(&self, action: &str) -> Option<Result<&'static str, Fault>> {
        let aws = self.aws;
        let key = || self.key.as_deref().unwrap_or_default();
        let bucket = || self.bucket.unwrap_or_default();
        let answer = match action {
            "kms:ListKeys" => kms::list_keys(aws).first().await.map(drop),
            "kms:ListAliases" => kms::list_aliases(aws).first().await.map(drop),
            "kms:DescribeKey" => kms::describe_key(aws, key()).await.map(drop),
            "kms:GetKeyPolicy" => kms::key_policy(aws, key()).await.map(drop),
            "kms:ListGrants" => kms::list_grants(aws, key()).first().await.map(drop),
            "kms:GenerateDataKey" | "kms:Decrypt" | "kms:Encrypt" | "kms:CreateGrant" => {
                return self.dry_run(action.trim_start_matches("kms:")).await;
            }
            "s3:ListAllMyBuckets" => s3::list_buckets(aws).first().await.map(drop),
            "s3:ListBucket" => s3::list_level(aws, bucket(), "").first().await.map(drop),
            // Of an object that is not there only whoever may read objects is told that it is not there.
            "s3:GetObject" => match transfer::find(aws, bucket(), NOTHING).await {
                Err(fault) if fault.kind == FaultKind::Denied => return None,
                found => found.map(drop),
            },
            "s3:GetBucketLocation" => s3::bucket_region(aws, bucket()).await.map(drop),
            "s3:GetEncryptionConfiguration" => s3::default_key(aws, bucket()).await.map(drop),
            "sagemaker:ListTrainingJobs" => sagemaker::list_training_jobs(aws, None).first().await.map(drop),
            "sagemaker:ListProcessingJobs" => sagemaker::list_processing_jobs(aws, None).first().await.map(drop),
            "sagemaker:DescribeProcessingJob" => sagemaker::describe_processing_job(aws, NOTHING).await.map(drop),
            "sagemaker:DescribeTrainingJob" => sagemaker::describe_training_job(aws, NOTHING).await.map(drop),
            "logs:DescribeLogStreams" => logs::streams(aws, NOTHING).first().await.map(drop),
            "logs:GetLogEvents" => logs::events(aws, JobKind::Training, NOTHING).first().await.map(drop),
            "iam:ListRoles" => iam::list_roles(aws).first().await.map(drop),
            _ => return None,
        };
        Some(match answer {
            // A bucket that is not there is nobody's to allow.
            Err(fault) if fault.kind == FaultKind::NotFound && fault.code.as_deref() == Some("NoSuchBucket") => {
                Err(fault)
            }
            // Whoever hears that it is not there may ask.
            Err(fault) if !matches!(fault.kind, FaultKind::NotFound | FaultKind::Invalid) => Err(fault),
            _ => Ok("asked"),
        })
    }

    /// `None` where KMS does not know the question.
    async fn dry_run(&self, operation: &str) -> Option<Result<&'static str, Fault>> {
        let (nothing, key_arn) = (BTreeMap::new(), self.key.as_deref()?);
        let role = self.filled("arn:aws:iam::ACCOUNT:role/ROLE");
        let ask = kms::Ask {
            key_arn,
            ciphertext: None,
            grantee: &role,
            grant_id: None,
            context: &nothing,
            tokens: &[],
        };
        let answer = ask.about(self.aws, operation).await?;
        Some(answer.map(|_| "asked by a dry run"))
    }

    async fn simulated(&self, permission: &Permission) -> Answer {
        let principal = self.principal.get_or_init(|| async {
            let arn = &self.identity.arn;
            let found = lasting(self.aws, arn).await.map_err(|fault| fault.cause)?;
            found.ok_or_else(|| format!("IAM simulates users and roles, and {arn} is neither"))
        });
        let principal = match principal.await {
            Ok(principal) => principal,
            Err(why) => return Answer::Unknown(why.clone()),
        };
        let facts = facts(permission);
        let facts: Vec<(&str, &str)> = facts
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        for resource in &permission.resources {
            let resource = match resource.strip_suffix("/*") {
                Some(folder) => &format!("{folder}/{NOTHING}"),
                None => resource,
            };
            match iam::simulate(self.aws, principal, &permission.action, resource, &facts).await {
                Ok(Simulated::Allowed) => {}
                Ok(Simulated::Denied) => {
                    return Answer::Denied(format!("IAM's simulator says that a policy of {principal} denies it"));
                }
                Ok(Simulated::NotAllowed) => {
                    return Answer::Missing(format!("IAM's simulator says that {principal} is not allowed it"));
                }
                Err(fault) => return Answer::Unknown(fault.at(Door::CommandLine)),
            }
        }
        Answer::Allowed("simulated by IAM, from the caller's policies alone")
    }
}

/// Whether a placeholder is left in a text.
fn names(text: &str, word: &str) -> bool {
    fill(text, |found| (found == word).then(String::new)) != text
}

/// What a simulation is told, so that the permission's own condition holds.
fn facts(permission: &Permission) -> Vec<(String, String)> {
    let condition = permission.condition.as_ref().and_then(Value::as_object);
    let operators = condition.into_iter().flat_map(Map::values).filter_map(Value::as_object);
    let fact = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    operators.flatten().filter_map(fact).collect()
}

/// By its id a key is known without a question; by an alias only KMS knows it.
async fn key_arn(aws: &Aws, key: &str, identity: &Identity) -> Result<String, Fault> {
    if key.starts_with("arn:") && key.contains(":key/") {
        return Ok(key.to_owned());
    }
    if key.starts_with("alias/") || key.starts_with("arn:") {
        return Ok(kms::describe_key(aws, key).await?.arn);
    }
    let resource = format!("key/{key}");
    let arn = Arn {
        partition: partition(&identity.arn),
        service: "kms",
        region: aws.region(),
        account: &identity.account,
        resource: &resource,
    };
    Ok(arn.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_is_left_only_as_a_whole_word() {
        assert!(names("arn:aws:s3:::BUCKET/*", "BUCKET"));
        assert!(!names("arn:aws:s3:::MY_BUCKET/*", "BUCKET"));
    }

    #[test]
    fn a_role_has_a_name_that_iam_gives() {
        for role in [
            "trainer",
            "team/trainer",
            "arn:aws:iam::1:role/team/trainer",
            "a+b=c,d.e@f-g_h",
        ] {
            assert!(is_role(role), "{role}");
        }
        for role in [
            "",
            "no such",
            "role!",
            "arn:aws:iam::1:user/ann",
            "arn:aws:iam::1:role/",
            "a\nb",
        ] {
            assert!(!is_role(role), "{role}");
        }
    }

    #[test]
    fn a_simulation_is_told_what_the_condition_wants() {
        let condition = serde_json::json!({"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}});
        let permission = Permission {
            action: "iam:PassRole".to_owned(),
            resources: vec!["*".to_owned()],
            condition: Some(condition),
        };
        let told = ("iam:PassedToService".to_owned(), "sagemaker.amazonaws.com".to_owned());
        assert_eq!(facts(&permission), [told]);
    }
}

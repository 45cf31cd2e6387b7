//! Policies as documents: the ones this program writes, and whether one that a person wrote can be taken.
//!
//! Pure: principals come in as ARNs. Session ARNs never enter a policy, because whoever is named by one is locked out
//! when the session ends; [`principal_kind`] tells them apart.

use serde_json::{Value, json};

use super::{Arn, Fault, Identity, JobKind, RoleSpec, bring, bucket};

mod condition;
mod evaluate;
mod pretty;
mod wanted;

pub use condition::RefusedCall;
pub use evaluate::{Decision, Question, Verdict, decide, of_identity};
pub use pretty::{pretty, readable};
pub use wanted::{Objection, objection};

const LONGEST_KEY_POLICY: usize = 32 * 1024;
const SAGEMAKER: &str = "sagemaker.amazonaws.com";
const TRUST_SID: &str = "StrongroomProof";
const ADMINISTRATION: &[&str] = &[
    "kms:Create*",
    "kms:Describe*",
    "kms:Enable*",
    "kms:List*",
    "kms:Put*",
    "kms:Update*",
    "kms:Revoke*",
    "kms:Disable*",
    "kms:Get*",
    "kms:Delete*",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:ScheduleKeyDeletion",
    "kms:CancelKeyDeletion",
];
const USE: &[&str] = &[
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncrypt*",
    "kms:GenerateDataKey*",
    "kms:DescribeKey",
];
const ATTACHMENT: &[&str] = &["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"];

/// What the ARN of a caller stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrincipalKind<'a> {
    /// An IAM user.
    User,
    /// An IAM role.
    Role,
    /// A session of the role of this name, whose path only IAM knows.
    SessionOf(&'a str),
    /// The account's root, a federated user, something unknown.
    Other,
}

/// Tells a lasting principal from a session.
pub fn principal_kind(arn: &str) -> PrincipalKind<'_> {
    let resource = Arn::parse(arn).map_or("", |arn| arn.resource);
    match resource.split_once('/') {
        Some(("user", _)) => PrincipalKind::User,
        Some(("role", _)) => PrincipalKind::Role,
        Some(("assumed-role", rest)) => PrincipalKind::SessionOf(rest.split('/').next().unwrap_or_default()),
        _ => PrincipalKind::Other,
    }
}

/// The role's name, from its ARN with or without path.
pub fn role_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// The role's path and name, from its ARN: `team/trainer`.
pub fn role_label(arn: &str) -> &str {
    let resource = Arn::parse(arn).map_or(arn, |arn| arn.resource);
    resource.strip_prefix("role/").unwrap_or_else(|| role_name(arn))
}

/// The console's key policy: the account delegates to IAM; administrators administer; users use the key and let AWS
/// services use it.
pub fn default_key_policy(identity: &Identity, administrators: &[String], users: &[String]) -> Value {
    let mut statements = vec![json!({
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": format!("arn:{}:iam::{}:root", partition(&identity.arn), identity.account)},
        "Action": "kms:*",
        "Resource": "*",
    })];
    let statement = |sid: &str, principals: &[String], actions: &[&str]| {
        let principals = match principals {
            [one] => json!(one),
            many => json!(many),
        };
        json!({
            "Sid": sid,
            "Effect": "Allow",
            "Principal": {"AWS": principals},
            "Action": actions,
            "Resource": "*",
        })
    };
    if !administrators.is_empty() {
        statements.push(statement(
            "Allow access for Key Administrators",
            administrators,
            ADMINISTRATION,
        ));
    }
    if !users.is_empty() {
        let mut attachment = statement("Allow attachment of persistent resources", users, ATTACHMENT);
        attachment["Condition"] = json!({"Bool": {"kms:GrantIsForAWSResource": "true"}});
        statements.push(statement("Allow use of the key", users, USE));
        statements.push(attachment);
    }
    json!({"Version": "2012-10-17", "Id": "key-consolepolicy-3", "Statement": statements})
}

/// The policy with one more statement: this role may use the key. The other way beside a grant.
///
/// # Errors
/// When the policy is none.
pub fn with_role(policy: &str, role_arn: &str) -> Result<String, Fault> {
    let mut document = parse(policy)?;
    let statement = json!({
        "Sid": format!("Allow use of the key by {}", role_name(role_arn)),
        "Effect": "Allow",
        "Principal": {"AWS": role_arn},
        "Action": ["kms:Decrypt", "kms:Encrypt"],
        "Resource": "*",
    });
    match &mut document["Statement"] {
        Value::Array(statements) => statements.push(statement),
        one => *one = json!([one.take(), statement]),
    }
    Ok(pretty(&document))
}

/// Whether a text can be a key policy at all, before KMS is asked: JSON, statements that say who and what, not too long.
///
/// # Errors
/// What is wrong with it, and where.
pub fn parse(policy: &str) -> Result<Value, Fault> {
    let wrong = |cause: String, remedy: &str| {
        let object = "the key policy";
        Fault::invalid("read", object, cause, remedy)
    };
    if policy.len() > LONGEST_KEY_POLICY {
        let cause = format!("{} bytes are more than {LONGEST_KEY_POLICY}", policy.len());
        return Err(wrong(cause, "leave statements out"));
    }
    let document: Value = serde_json::from_str(policy).map_err(|error| {
        let cause = format!("it is not JSON: {error}");
        wrong(cause, "correct it at that line and column")
    })?;
    let statements = statements(&document);
    if statements.is_empty() {
        let remedy = "add at least the account's: without it nobody can change the policy again";
        return Err(wrong("it has no statement".to_owned(), remedy));
    }
    for (index, statement) in statements.iter().enumerate() {
        let name = statement["Sid"].as_str().map_or_else(
            || format!("statement {}", index + 1),
            |sid| format!("statement \"{sid}\""),
        );
        let has = |one: &str, other: &str| statement.get(one).is_some() || statement.get(other).is_some();
        let missing = if !matches!(statement["Effect"].as_str(), Some("Allow" | "Deny")) {
            "no Effect that is Allow or Deny"
        } else if !has("Principal", "NotPrincipal") {
            "no Principal"
        } else if !has("Action", "NotAction") {
            "no Action"
        } else if !has("Resource", "NotResource") {
            "no Resource"
        } else {
            continue;
        };
        return Err(wrong(format!("{name} has {missing}"), "complete the statement"));
    }
    if let Some(session) = sessions(&document).first() {
        let cause = format!("{session} is a session, which ends");
        return Err(wrong(cause, "name the role's ARN with its path instead"));
    }
    Ok(document)
}

/// Why the caller could not change this policy again, if so: KMS would refuse it too, or worse, take it.
///
/// `principal` is the lasting principal behind the caller. A policy that delegates to the account counts as safe: what
/// the caller's own policies allow is not known here.
pub fn lockout(policy: &Value, identity: &Identity, principal: Option<&str>) -> Option<String> {
    let caller = principal.unwrap_or(&identity.arn);
    let verdict = decide(
        policy,
        &Question {
            principal: caller,
            account: &identity.account,
            action: "kms:PutKeyPolicy",
            resource: "*",
        },
    );
    match verdict.decision {
        Decision::Allowed | Decision::Delegated => None,
        Decision::Denied => Some(format!(
            "{} denies {caller} to change this policy again",
            verdict.statement
        )),
        Decision::Silent => Some(format!("no statement lets {caller} change this policy again")),
    }
}

/// Who may assume an execution role: SageMaker, for jobs of this account only.
pub fn service_trust(account: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [service_statement(account)],
    })
}

/// The trust policy with SageMaker in it, or `None` if it is there already.
///
/// # Errors
/// When the policy is no JSON.
pub fn trusting_service(trust: &str, account: &str) -> Result<Option<String>, Fault> {
    if trust.contains(&format!("\"{SAGEMAKER}\"")) {
        return Ok(None);
    }
    with_statement(trust, service_statement(account)).map(Some)
}

/// The trust policy with this caller in it, under a name by which [`without_caller`] finds it again.
///
/// # Errors
/// When the policy is no JSON.
pub fn trusting_caller(trust: &str, principal: &str) -> Result<String, Fault> {
    let without = without_caller(trust)?;
    with_statement(
        &without,
        json!({
            "Sid": TRUST_SID,
            "Effect": "Allow",
            "Principal": {"AWS": principal},
            "Action": "sts:AssumeRole",
        }),
    )
}

/// Whether [`trusting_caller`] put something into the trust policy that is still there.
///
/// # Errors
/// When the policy is no JSON.
pub fn trusts_caller(trust: &str) -> Result<bool, Fault> {
    let document = trust_document(trust)?;
    Ok(statements(&document)
        .iter()
        .any(|statement| statement["Sid"] == TRUST_SID))
}

/// The trust policy without what [`trusting_caller`] put there.
///
/// # Errors
/// When the policy is no JSON.
pub fn without_caller(trust: &str) -> Result<String, Fault> {
    let mut document = trust_document(trust)?;
    if let Value::Array(statements) = &mut document["Statement"] {
        statements.retain(|statement| statement["Sid"] != TRUST_SID);
    }
    Ok(document.to_string())
}

/// The least that a job needs of S3, the registry and the logs. Nothing of KMS: that is the grant's work.
pub fn execution_policy(spec: &RoleSpec, partition: &str) -> Value {
    let bucket = bucket::arn(partition, &spec.bucket);
    let object = |key: &str| bucket::object_arn(partition, &spec.bucket, key);
    let wide = |prefix: &str| object(&format!("{prefix}*"));
    // Of every job, beside its model: `JobSpec::checkpoints_uri`.
    let checkpoints = format!("{}*/checkpoints", spec.output);
    // Upload rules may keep it below a prefix.
    let program = format!("*{}*", bring::FOLDER);
    let logs = [JobKind::Training, JobKind::Processing]
        .map(|kind| format!("arn:{partition}:logs:*:*:log-group:{}*", kind.log_group()));
    let mut statements = vec![
        json!({
            "Sid": "ListData",
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": bucket,
            "Condition": {"StringLike": {"s3:prefix": [
                format!("{}*", spec.data),
                format!("{checkpoints}*"),
                program.clone(),
            ]}},
        }),
        json!({
            "Sid": "ReadDataKeyObjectAndManifest",
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": [wide(&spec.data), object(".strongroom/*"), object(&program), object("dont_look")],
        }),
        json!({
            "Sid": "ReadCheckpoints",
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": object(&format!("{checkpoints}/*")),
        }),
        json!({
            "Sid": "WriteOutput",
            "Effect": "Allow",
            "Action": ["s3:PutObject", "s3:AbortMultipartUpload"],
            "Resource": wide(&spec.output),
        }),
        json!({
            "Sid": "WriteLogs",
            "Effect": "Allow",
            "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
            "Resource": logs,
        }),
        json!({
            "Sid": "WriteMetrics",
            "Effect": "Allow",
            "Action": "cloudwatch:PutMetricData",
            "Resource": "*",
            "Condition": {"StringEquals": {"cloudwatch:namespace": "/aws/sagemaker/TrainingJobs"}},
        }),
        json!({
            "Sid": "LogInToRegistry",
            "Effect": "Allow",
            "Action": "ecr:GetAuthorizationToken",
            "Resource": "*",
        }),
    ];
    let repository = spec
        .image
        .as_deref()
        .and_then(|image| repository_arn(image, partition))
        .unwrap_or_else(|| format!("arn:{partition}:ecr:*:*:repository/*"));
    statements.push(json!({
        "Sid": "PullImage",
        "Effect": "Allow",
        "Action": ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"],
        "Resource": repository,
    }));
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// Account, region and repository of `ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY:TAG`.
pub fn ecr_image(image: &str) -> Option<(&str, &str, &str)> {
    let (host, rest) = image.split_once('/')?;
    let mut parts = host.split('.');
    let account = parts.next()?;
    if parts.next()? != "dkr" || parts.next()? != "ecr" {
        return None;
    }
    let region = parts.next()?;
    let repository = rest.split(['@', ':']).next()?;
    Some((account, region, repository))
}

/// `aws`, `aws-cn`, … of an ARN.
pub fn partition(arn: &str) -> &str {
    let parsed = Arn::parse(arn).map(|arn| arn.partition);
    parsed.filter(|word| !word.is_empty()).unwrap_or("aws")
}

/// A policy's statements; one alone may stand without brackets.
fn statements(document: &Value) -> Vec<&Value> {
    match &document["Statement"] {
        Value::Array(list) => list.iter().collect(),
        one @ Value::Object(_) => vec![one],
        _ => Vec::new(),
    }
}

/// One string or many.
fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Everybody whom a resource's own policy names: ARNs, accounts, services, `*`.
pub fn principals(document: &Value) -> Vec<&str> {
    let named = statements(document)
        .into_iter()
        .flat_map(|statement| match &statement["Principal"] {
            Value::Object(kinds) => kinds.values().flat_map(strings).collect(),
            one => strings(one),
        });
    named.collect()
}

fn sessions(document: &Value) -> Vec<&str> {
    let named = statements(document)
        .into_iter()
        .flat_map(|statement| strings(&statement["Principal"]["AWS"]));
    named
        .filter(|arn| matches!(principal_kind(arn), PrincipalKind::SessionOf(_)))
        .collect()
}

fn service_statement(account: &str) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": {"Service": SAGEMAKER},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    })
}

fn trust_document(trust: &str) -> Result<Value, Fault> {
    serde_json::from_str(trust).map_err(|error| {
        let cause = format!("it is not JSON: {error}");
        Fault::invalid("read", "the trust policy", cause, "")
    })
}

fn with_statement(trust: &str, statement: Value) -> Result<String, Fault> {
    let mut document = trust_document(trust)?;
    match &mut document["Statement"] {
        Value::Array(statements) => statements.push(statement),
        one => *one = json!([one.take(), statement]),
    }
    Ok(document.to_string())
}

fn repository_arn(image: &str, partition: &str) -> Option<String> {
    let (account, region, repository) = ecr_image(image)?;
    Some(format!(
        "arn:{partition}:ecr:{region}:{account}:repository/{repository}"
    ))
}

#[cfg(test)]
mod tests;

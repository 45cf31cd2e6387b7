//! The policy of a bucket: kept as it was written, read by [`super::super::access`] at every request.

use s3s::dto::*;
use s3s::{S3Request, S3Response};
use serde_json::Value;

use super::{Answer, Front, gone};
use crate::api::{ApiError, is_one_of, refuse_if};
use crate::policy::{Document, Kind, Statement};

mod known;

use known::Reach;

/// Bytes of a bucket policy.
const LONGEST: usize = 20 * 1024;
/// Conditions that keep an Allow for everybody from being public, if they name fixed values.
const NARROWING: &str = "aws:principalaccount aws:principalarn aws:principalorgid aws:sourceaccount aws:sourcearn \
    aws:sourceip aws:sourcevpc aws:sourcevpce aws:userid s3:dataaccesspointaccount s3:dataaccesspointarn \
    s3:x-amz-server-side-encryption-aws-kms-key-id";

pub(super) fn get(front: &Front, req: S3Request<GetBucketPolicyInput>) -> Answer<GetBucketPolicyOutput> {
    let policy = front.store().policy(&req.input.bucket)?.ok_or_else(none)?;
    Ok(S3Response::new(GetBucketPolicyOutput {
        policy: Some(policy.text().to_owned()),
    }))
}

pub(super) fn put(front: &Front, req: S3Request<PutBucketPolicyInput>) -> Answer<PutBucketPolicyOutput> {
    let bucket = &req.input.bucket;
    front.store().check_bucket(bucket)?;
    let policy = checked(front, bucket, &req.input.policy)?;
    let caller = &Front::caller(&req.extensions)?.arn;
    front.store().try_change_settings(bucket, |settings| {
        // The third of the four switches: no policy that lets everybody in.
        if settings.public_access.is_some_and(|switches| switches[2]) && is_public(&policy) {
            let message =
                "because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.";
            return Err(ApiError::new(
                "AccessDenied",
                format!("User: {caller} is not authorized to perform: s3:PutBucketPolicy on resource: \"arn:aws:s3:::{bucket}\" {message}"),
            )
            .status(403));
        }
        settings.policy = Some(policy);
        Ok(())
    })?;
    Ok(gone(S3Response::new(PutBucketPolicyOutput::default())))
}

pub(super) fn delete(front: &Front, req: S3Request<DeleteBucketPolicyInput>) -> Answer<DeleteBucketPolicyOutput> {
    front
        .set(&req.input.bucket, |settings| settings.policy = None)
        .map(gone)
}

pub(super) fn status(front: &Front, req: S3Request<GetBucketPolicyStatusInput>) -> Answer<GetBucketPolicyStatusOutput> {
    let policy = front.store().policy(&req.input.bucket)?.ok_or_else(none)?;
    Ok(S3Response::new(GetBucketPolicyStatusOutput {
        policy_status: Some(PolicyStatus {
            is_public: Some(is_public(&policy)),
        }),
    }))
}

fn none() -> ApiError {
    ApiError::new("NoSuchBucketPolicy", "The bucket policy does not exist").status(404)
}

fn malformed(message: impl Into<String>) -> ApiError {
    ApiError::new("MalformedPolicy", message)
}

/// A policy that speaks of this bucket, by S3's actions, to principals that there are.
fn checked(front: &Front, bucket: &str, text: &str) -> Result<Document, ApiError> {
    const NO_JSON: &str = "Policies must be valid JSON and the first byte must be '{'";
    if text.len() > LONGEST {
        return Err(malformed(format!("The policy is larger than {LONGEST} bytes")));
    }
    let value: Value = serde_json::from_str(text).map_err(|_| malformed(NO_JSON))?;
    refuse_if(!text.starts_with('{'), || malformed(NO_JSON))?;
    let whole = value
        .get("Statement")
        .ok_or_else(|| malformed("Missing required field Statement"))?;
    for statement in many(whole) {
        check(statement, &format!("arn:aws:s3:::{bucket}"))?;
    }
    let policy = Document::checked(text, Kind::Resource).map_err(|wrong| malformed(wrong.to_string()))?;
    let is_known = |name: &String| name == "*" || front.world.knows(name);
    let mut named = policy.statements().iter().flat_map(Statement::principals);
    refuse_if(!named.all(is_known), || malformed("Invalid principal in policy"))?;
    Ok(policy)
}

/// A statement of the policy of the bucket with this ARN.
fn check(statement: &Value, root: &str) -> Result<(), ApiError> {
    for fields in [
        &["Effect"][..],
        &["Principal", "NotPrincipal"],
        &["Action", "NotAction"],
        &["Resource", "NotResource"],
    ] {
        if !fields.iter().any(|field| statement.get(field).is_some()) {
            return Err(malformed(format!("Missing required field {}", fields[0])));
        }
    }
    for action in listed(statement, "NotAction") {
        known::reach(action).ok_or_else(|| malformed("Policy has invalid action"))?;
    }
    let mut there = Reach::default();
    for resource in listed(statement, "Resource").chain(listed(statement, "NotResource")) {
        let reach = within(resource, root).ok_or_else(|| malformed("Policy has invalid resource"))?;
        there = there.or(reach);
    }
    for action in listed(statement, "Action") {
        let reach = known::reach(action).ok_or_else(|| malformed("Policy has invalid action"))?;
        if statement.get("Resource").is_some() && !reach.meets(there) {
            return Err(malformed("Action does not apply to any resource(s) in statement"));
        }
    }
    for key in keys(statement) {
        refuse_if(!known::is_key(key), || malformed("Policy has an invalid condition key"))?;
        if !listed(statement, "Action").all(|action| known::applies(key, action)) {
            let message = "Conditions do not apply to combination of actions and resources in statement";
            return Err(malformed(message));
        }
    }
    Ok(())
}

/// What of a bucket a resource may mean; none if it is another's.
fn within(resource: &str, root: &str) -> Option<Reach> {
    // What comes before the first wildcard must lead to the bucket.
    let (fixed, is_pattern) = resource
        .find(['*', '?', '$'])
        .map_or((resource, false), |at| (&resource[..at], true));
    let is_of_objects = fixed.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'));
    let is_of_bucket = fixed == root || is_pattern && root.starts_with(fixed);
    (is_of_objects || is_of_bucket).then_some(Reach {
        bucket: is_of_bucket,
        objects: is_of_objects || is_pattern,
    })
}

/// The condition keys of a statement, as they are written.
fn keys(statement: &Value) -> impl Iterator<Item = &str> {
    let operators = statement["Condition"].as_object().into_iter().flatten();
    operators
        .flat_map(|(_, keys)| keys.as_object().into_iter().flatten())
        .map(|(key, _)| key.as_str())
}

/// Whether it lets everybody in: an Allow for all that no fixed condition narrows.
pub(in crate::s3) fn is_public(policy: &Document) -> bool {
    let value: Value = serde_json::from_str(policy.text()).unwrap_or_default();
    many(&value["Statement"]).any(|statement| {
        let principal = &statement["Principal"];
        let is_all = |name: &Value| many(name).any(|one| one == "*");
        statement["Effect"] == "Allow" && (is_all(principal) || is_all(&principal["AWS"])) && !is_narrowed(statement)
    })
}

fn is_narrowed(statement: &Value) -> bool {
    let operators = statement["Condition"].as_object().into_iter().flatten();
    let mut keys =
        operators.flat_map(|(operator, keys)| keys.as_object().into_iter().flatten().map(move |key| (operator, key)));
    keys.any(|(operator, (key, values))| {
        !operator.contains("Not")
            && is_one_of(&key.to_lowercase(), NARROWING)
            && many(values).all(|value| {
                value
                    .as_str()
                    .is_some_and(|value| !matches!(value, "*" | "0.0.0.0/0" | "::/0"))
            })
    })
}

/// A value that stands for itself or is a list.
fn many(value: &Value) -> impl Iterator<Item = &Value> {
    value
        .as_array()
        .map_or(std::slice::from_ref(value), Vec::as_slice)
        .iter()
}

fn listed<'a>(statement: &'a Value, field: &str) -> impl Iterator<Item = &'a str> {
    statement
        .get(field)
        .into_iter()
        .flat_map(many)
        .filter_map(Value::as_str)
}

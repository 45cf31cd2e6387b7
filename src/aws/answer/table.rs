//! What AWS always sends, for every operation that this program asks for: the least that makes an answer one.
//!
//! Only what the service's own reference promises and every implementation of it keeps is here, so that another server
//! that speaks the protocol is not turned away.

use self::Must::{Count, Flag, Follow, Have, Hold};

/// The answer to one operation.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) body: Body,
    /// Headers that are there and not empty.
    pub(super) headers: &'static [&'static str],
    pub(super) must: &'static [Must],
}

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// Not at all: its headers tell that AWS did it, the request id among them.
    Nothing,
    /// As XML with this root.
    Xml(&'static str),
    /// As a JSON object.
    Json,
    /// As XML whose root is named after the operation, its result inside.
    Query,
    /// As bytes that nobody can judge from here, or, to a HEAD, as headers alone; with a request id.
    Bytes,
}

/// Paths are names with points between them; the last one is looked for in each of its parents.
#[derive(Debug, Clone, Copy)]
pub(super) enum Must {
    /// It is there and not empty.
    Have(&'static str),
    /// It is there; a list or a text may be empty.
    Hold(&'static str),
    /// It says yes or no.
    Flag(&'static str),
    /// The first says yes or no; where it is yes, the second is there.
    Follow(&'static str, &'static str),
    /// Where the first is, it counts the others.
    Count(&'static str, &'static [&'static str]),
}

/// What the answer to `operation` is like; `None` for an operation that nobody has thought about.
pub(super) fn rule(operation: &str) -> Option<Rule> {
    Some(match operation {
        // S3
        "AbortMultipartUpload"
        | "DeleteBucket"
        | "DeleteObject"
        | "PutBucketLifecycleConfiguration"
        | "PutBucketTagging"
        | "PutPublicAccessBlock" => nothing(),
        "CompleteMultipartUpload" => xml("CompleteMultipartUploadResult", &[Have("ETag")]),
        "CopyObject" => xml("CopyObjectResult", &[Have("ETag")]),
        "CreateBucket" => with(&["location"]),
        "CreateMultipartUpload" => xml("InitiateMultipartUploadResult", &[Have("UploadId")]),
        "DeleteObjects" => xml(
            "DeleteResult",
            &[Have("Deleted.Key"), Have("Error.Key"), Have("Error.Code")],
        ),
        "GetBucketAcl" | "GetObjectAcl" => xml("AccessControlPolicy", &[Have("Owner.ID"), Hold("AccessControlList")]),
        "GetBucketEncryption" => xml(
            "ServerSideEncryptionConfiguration",
            &[
                Have("Rule"),
                Have("Rule.ApplyServerSideEncryptionByDefault.SSEAlgorithm"),
            ],
        ),
        "GetBucketLocation" => xml("LocationConstraint", &[]),
        "GetBucketOwnershipControls" => xml("OwnershipControls", &[Have("Rule.ObjectOwnership")]),
        "GetBucketPolicy" => json(&[Have("Statement")]),
        "GetBucketTagging" | "GetObjectTagging" => xml(
            "Tagging",
            &[Hold("TagSet"), Have("TagSet.Tag.Key"), Hold("TagSet.Tag.Value")],
        ),
        "GetBucketVersioning" => xml("VersioningConfiguration", &[]),
        "GetObjectLegalHold" => xml("LegalHold", &[]),
        "GetObjectLockConfiguration" => xml("ObjectLockConfiguration", &[]),
        "GetObjectRetention" => xml("Retention", &[]),
        "GetObject" | "HeadObject" => bytes(&["content-length", "etag"]),
        "ListBuckets" => xml(
            "ListAllMyBucketsResult",
            &[Hold("Buckets"), Have("Buckets.Bucket.Name")],
        ),
        "ListMultipartUploads" => xml(
            "ListMultipartUploadsResult",
            &[
                Follow("IsTruncated", "NextKeyMarker"),
                Have("Upload.Key"),
                Have("Upload.UploadId"),
            ],
        ),
        "ListObjectsV2" => xml(
            "ListBucketResult",
            &[
                Follow("IsTruncated", "NextContinuationToken"),
                Have("Contents.Key"),
                Have("Contents.Size"),
                Have("Contents.ETag"),
                Have("CommonPrefixes.Prefix"),
                Count("KeyCount", &["Contents", "CommonPrefixes"]),
            ],
        ),
        "ListObjectVersions" => xml(
            "ListVersionsResult",
            &[
                Follow("IsTruncated", "NextKeyMarker"),
                Have("Version.Key"),
                Have("Version.VersionId"),
                Have("Version.Size"),
                Have("Version.IsLatest"),
                Have("DeleteMarker.Key"),
                Have("DeleteMarker.VersionId"),
                Have("DeleteMarker.IsLatest"),
            ],
        ),
        "ListParts" => xml(
            "ListPartsResult",
            &[
                Follow("IsTruncated", "NextPartNumberMarker"),
                Have("Part.PartNumber"),
                Have("Part.ETag"),
            ],
        ),
        "UploadPartCopy" => xml("CopyPartResult", &[Have("ETag")]),
        "PutObject" | "UploadPart" => with(&["etag"]),
        // KMS
        "CreateAlias"
        | "DeleteAlias"
        | "DisableKey"
        | "DisableKeyRotation"
        | "EnableKey"
        | "EnableKeyRotation"
        | "PutKeyPolicy"
        | "RetireGrant"
        | "RevokeGrant"
        | "TagResource"
        | "UntagResource"
        | "UpdateAlias"
        | "UpdateKeyDescription" => nothing(),
        "CancelKeyDeletion" => json(&[Have("KeyId")]),
        "CreateGrant" => json(&[Have("GrantId")]),
        "CreateKey" | "DescribeKey" => json(&[
            Have("KeyMetadata"),
            Have("KeyMetadata.KeyId"),
            Have("KeyMetadata.Arn"),
            Have("KeyMetadata.KeyState"),
        ]),
        "Decrypt" => json(&[Have("Plaintext"), Have("KeyId")]),
        "Encrypt" | "GenerateDataKeyWithoutPlaintext" | "ReEncrypt" => json(&[Have("CiphertextBlob"), Have("KeyId")]),
        "GenerateDataKey" => json(&[Have("Plaintext"), Have("CiphertextBlob"), Have("KeyId")]),
        "GenerateDataKeyPair" => json(&[
            Have("PrivateKeyPlaintext"),
            Have("PrivateKeyCiphertextBlob"),
            Have("PublicKey"),
            Have("KeyId"),
        ]),
        "GenerateDataKeyPairWithoutPlaintext" => {
            json(&[Have("PrivateKeyCiphertextBlob"), Have("PublicKey"), Have("KeyId")])
        }
        "GetKeyLastUsage" => json(&[Have("KeyId"), Have("TrackingStartDate")]),
        "GetKeyPolicy" => json(&[Have("Policy")]),
        "GetKeyRotationStatus" => json(&[Flag("KeyRotationEnabled")]),
        "ListAliases" => json(&[
            Hold("Aliases"),
            Have("Aliases.AliasName"),
            Follow("Truncated", "NextMarker"),
        ]),
        "ListGrants" => json(&[
            Hold("Grants"),
            Have("Grants.GrantId"),
            Follow("Truncated", "NextMarker"),
        ]),
        "ListKeys" => json(&[
            Hold("Keys"),
            Have("Keys.KeyId"),
            Have("Keys.KeyArn"),
            Follow("Truncated", "NextMarker"),
        ]),
        "ListResourceTags" => json(&[
            Hold("Tags"),
            Have("Tags.TagKey"),
            Hold("Tags.TagValue"),
            Follow("Truncated", "NextMarker"),
        ]),
        "ScheduleKeyDeletion" => json(&[Have("KeyId"), Have("DeletionDate")]),
        // IAM
        "AttachRolePolicy"
        | "DeleteRole"
        | "DeleteRolePolicy"
        | "DetachRolePolicy"
        | "PutRolePolicy"
        | "UpdateAssumeRolePolicy" => query(&[]),
        "CreateRole" => query(&[Have("Role"), Have("Role.RoleName"), Have("Role.Arn")]),
        "GetPolicy" => query(&[Have("Policy"), Have("Policy.DefaultVersionId")]),
        "GetPolicyVersion" => query(&[Have("PolicyVersion"), Have("PolicyVersion.Document")]),
        "GetRole" => query(&[
            Have("Role"),
            Have("Role.RoleName"),
            Have("Role.Arn"),
            Have("Role.AssumeRolePolicyDocument"),
        ]),
        "GetRolePolicy" => query(&[Have("PolicyName"), Have("PolicyDocument")]),
        "ListAttachedRolePolicies" => query(&[
            Hold("AttachedPolicies"),
            Have("AttachedPolicies.member.PolicyArn"),
            Follow("IsTruncated", "Marker"),
        ]),
        "ListRolePolicies" => query(&[Hold("PolicyNames"), Follow("IsTruncated", "Marker")]),
        "ListRoles" => query(&[
            Hold("Roles"),
            Have("Roles.member.RoleName"),
            Have("Roles.member.Arn"),
            Follow("IsTruncated", "Marker"),
        ]),
        "SimulatePrincipalPolicy" => query(&[
            Have("EvaluationResults"),
            Have("EvaluationResults.member.EvalActionName"),
            Have("EvaluationResults.member.EvalDecision"),
        ]),
        // STS
        "AssumeRole" => query(&[
            Have("Credentials"),
            Have("Credentials.AccessKeyId"),
            Have("Credentials.SecretAccessKey"),
            Have("Credentials.SessionToken"),
            Have("Credentials.Expiration"),
        ]),
        "GetCallerIdentity" => query(&[Have("Arn"), Have("Account")]),
        // SageMaker
        "CreateProcessingJob" => json(&[Have("ProcessingJobArn")]),
        "CreateTrainingJob" => json(&[Have("TrainingJobArn")]),
        "DescribeProcessingJob" => json(&[
            Have("ProcessingJobName"),
            Have("ProcessingJobArn"),
            Have("ProcessingJobStatus"),
        ]),
        "DescribeTrainingJob" => json(&[
            Have("TrainingJobName"),
            Have("TrainingJobArn"),
            Have("TrainingJobStatus"),
        ]),
        "ListProcessingJobs" => json(&[
            Hold("ProcessingJobSummaries"),
            Have("ProcessingJobSummaries.ProcessingJobName"),
            Have("ProcessingJobSummaries.ProcessingJobArn"),
            Have("ProcessingJobSummaries.ProcessingJobStatus"),
        ]),
        "ListTags" => json(&[Hold("Tags"), Have("Tags.Key"), Hold("Tags.Value")]),
        "ListTrainingJobs" => json(&[
            Hold("TrainingJobSummaries"),
            Have("TrainingJobSummaries.TrainingJobName"),
            Have("TrainingJobSummaries.TrainingJobArn"),
            Have("TrainingJobSummaries.TrainingJobStatus"),
        ]),
        "StopProcessingJob" | "StopTrainingJob" => nothing(),
        // CloudTrail
        "LookupEvents" => json(&[Hold("Events"), Have("Events.EventId"), Have("Events.CloudTrailEvent")]),
        // Logs
        "DescribeLogStreams" => json(&[Hold("logStreams"), Have("logStreams.logStreamName")]),
        "GetLogEvents" => json(&[
            Hold("events"),
            Hold("events.message"),
            Have("events.timestamp"),
            Have("nextForwardToken"),
        ]),
        // ECR
        "BatchGetImage" => json(&[Hold("images"), Have("images.imageManifest")]),
        "GetDownloadUrlForLayer" => json(&[Have("downloadUrl")]),
        "CreateRepository" => json(&[
            Have("repository"),
            Have("repository.repositoryUri"),
            Have("repository.repositoryArn"),
        ]),
        "DeleteRepository" => json(&[Have("repository"), Have("repository.repositoryName")]),
        "DescribeImages" => json(&[Hold("imageDetails")]),
        "DescribeRepositories" => json(&[
            Hold("repositories"),
            Have("repositories.repositoryName"),
            Have("repositories.repositoryArn"),
            Have("repositories.repositoryUri"),
        ]),
        "GetAuthorizationToken" => json(&[
            Hold("authorizationData"),
            Have("authorizationData.authorizationToken"),
            Have("authorizationData.proxyEndpoint"),
        ]),
        "ListTagsForResource" => json(&[Hold("tags"), Have("tags.Key"), Hold("tags.Value")]),
        _ => return None,
    })
}

const fn nothing() -> Rule {
    with(&[])
}

const fn with(headers: &'static [&'static str]) -> Rule {
    Rule {
        body: Body::Nothing,
        headers,
        must: &[],
    }
}

const fn bytes(headers: &'static [&'static str]) -> Rule {
    Rule {
        body: Body::Bytes,
        headers,
        must: &[],
    }
}

const fn xml(root: &'static str, must: &'static [Must]) -> Rule {
    Rule {
        body: Body::Xml(root),
        headers: &[],
        must,
    }
}

const fn json(must: &'static [Must]) -> Rule {
    Rule {
        body: Body::Json,
        headers: &[],
        must,
    }
}

const fn query(must: &'static [Must]) -> Rule {
    Rule {
        body: Body::Query,
        headers: &[],
        must,
    }
}

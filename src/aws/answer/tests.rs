//! Answers as AWS gives them, one of each kind, and everything that is no answer made of them.

use super::table::rule;
use super::*;

macro_rules! query {
    ($operation:literal, $result:literal) => {
        concat!(
            "<",
            $operation,
            "Response xmlns=\"https://example.com/\"><",
            $operation,
            "Result>",
            $result,
            "</",
            $operation,
            "Result><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></",
            $operation,
            "Response>"
        )
    };
}

/// Operation, and what AWS answers: an empty text where a request id says it all.
const ANSWERS: &[(&str, &str)] = &[
    ("AbortMultipartUpload", ""),
    (
        "CompleteMultipartUpload",
        r#"<?xml version="1.0" encoding="UTF-8"?>
        <CompleteMultipartUploadResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Location>http://b/k</Location>
        <Bucket>b</Bucket><Key>back&#x8;space</Key><ETag>&quot;17-2&quot;</ETag></CompleteMultipartUploadResult>"#,
    ),
    (
        "CopyObject",
        "<CopyObjectResult><LastModified>2026-01-01T00:00:00Z</LastModified><ETag>\"e\"</ETag></CopyObjectResult>",
    ),
    ("CreateBucket", ""),
    (
        "CreateMultipartUpload",
        "<?xml version=\"1.0\"?>\n<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><UploadId>id</UploadId></InitiateMultipartUploadResult>",
    ),
    ("DeleteBucket", ""),
    ("DeleteObject", ""),
    (
        "DeleteObjects",
        "<DeleteResult><Deleted><Key>k</Key></Deleted><Error><Key>l</Key><Code>AccessDenied</Code></Error></DeleteResult>",
    ),
    (
        "GetBucketAcl",
        "<AccessControlPolicy><Owner><ID>1</ID></Owner><AccessControlList><Grant><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>",
    ),
    (
        "GetBucketEncryption",
        "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>",
    ),
    (
        "GetBucketLocation",
        r#"<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>"#,
    ),
    (
        "GetBucketOwnershipControls",
        "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>",
    ),
    (
        "GetBucketTagging",
        "<Tagging><TagSet><Tag><Key>a</Key><Value></Value></Tag></TagSet></Tagging>",
    ),
    (
        "GetBucketVersioning",
        "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
    ),
    ("GetObject", ""),
    (
        "GetObjectAcl",
        "<AccessControlPolicy><Owner><ID>1</ID></Owner><AccessControlList><Grant><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>",
    ),
    ("GetObjectLegalHold", "<LegalHold><Status>ON</Status></LegalHold>"),
    (
        "GetObjectLockConfiguration",
        "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>",
    ),
    (
        "GetObjectRetention",
        "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2030-01-01T00:00:00Z</RetainUntilDate></Retention>",
    ),
    (
        "GetObjectTagging",
        "<Tagging><TagSet><Tag><Key>a</Key><Value></Value></Tag></TagSet></Tagging>",
    ),
    ("HeadObject", ""),
    (
        "ListBuckets",
        "<ListAllMyBucketsResult><Owner><ID>1</ID></Owner><Buckets><Bucket><Name>b</Name></Bucket></Buckets></ListAllMyBucketsResult>",
    ),
    (
        "ListMultipartUploads",
        "<ListMultipartUploadsResult><NextKeyMarker>k</NextKeyMarker><IsTruncated>true</IsTruncated><Upload><Key>k</Key><UploadId>id</UploadId></Upload></ListMultipartUploadsResult>",
    ),
    (
        "ListObjectVersions",
        "<ListVersionsResult><Name>b</Name><IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker><NextVersionIdMarker>v</NextVersionIdMarker><Version><Key>k</Key><VersionId>v</VersionId><IsLatest>false</IsLatest><Size>0</Size></Version><DeleteMarker><Key>k</Key><VersionId>m</VersionId><IsLatest>true</IsLatest></DeleteMarker></ListVersionsResult>",
    ),
    (
        "ListObjectsV2",
        "<ListBucketResult><Name>b</Name><Prefix/><KeyCount>2</KeyCount><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken><Contents><Key>k</Key><Size>0</Size><ETag>\"e\"</ETag></Contents><CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes></ListBucketResult>",
    ),
    (
        "ListParts",
        "<ListPartsResult><IsTruncated>true</IsTruncated><NextPartNumberMarker>1</NextPartNumberMarker><Part><PartNumber>1</PartNumber><ETag>\"e\"</ETag></Part></ListPartsResult>",
    ),
    ("PutBucketLifecycleConfiguration", ""),
    ("PutBucketTagging", ""),
    ("PutObject", ""),
    ("PutPublicAccessBlock", ""),
    ("UploadPart", ""),
    (
        "UploadPartCopy",
        "<CopyPartResult><LastModified>2026-01-01T00:00:00Z</LastModified><ETag>\"e\"</ETag></CopyPartResult>",
    ),
    ("CancelKeyDeletion", r#"{"KeyId":"k"}"#),
    ("CreateAlias", ""),
    ("CreateGrant", r#"{"GrantId":"g","GrantToken":"t"}"#),
    (
        "CreateKey",
        r#"{"KeyMetadata":{"KeyId":"k","Arn":"a","KeyState":"Enabled"}}"#,
    ),
    ("Decrypt", r#"{"KeyId":"k","Plaintext":"AAAA"}"#),
    ("DeleteAlias", ""),
    (
        "DescribeKey",
        r#"{"KeyMetadata":{"KeyId":"k","Arn":"a","KeyState":"Enabled","CreationDate":1.5}}"#,
    ),
    ("DisableKey", ""),
    ("DisableKeyRotation", ""),
    ("EnableKey", "{}"),
    ("EnableKeyRotation", ""),
    ("Encrypt", r#"{"CiphertextBlob":"AAAA","KeyId":"k"}"#),
    (
        "GenerateDataKey",
        r#"{"CiphertextBlob":"AAAA","KeyId":"k","Plaintext":"AAAA"}"#,
    ),
    (
        "GenerateDataKeyPair",
        r#"{"PrivateKeyCiphertextBlob":"A","PrivateKeyPlaintext":"A","PublicKey":"A","KeyId":"k"}"#,
    ),
    (
        "GenerateDataKeyPairWithoutPlaintext",
        r#"{"PrivateKeyCiphertextBlob":"A","PublicKey":"A","KeyId":"k"}"#,
    ),
    (
        "GenerateDataKeyWithoutPlaintext",
        r#"{"CiphertextBlob":"AAAA","KeyId":"k"}"#,
    ),
    ("GetKeyLastUsage", r#"{"KeyId":"k","TrackingStartDate":1.5}"#),
    ("GetKeyPolicy", r#"{"Policy":"{}"}"#),
    ("GetKeyRotationStatus", r#"{"KeyRotationEnabled":false}"#),
    (
        "ListAliases",
        r#"{"Aliases":[{"AliasName":"alias/a"}],"Truncated":true,"NextMarker":"m"}"#,
    ),
    (
        "ListGrants",
        r#"{"Grants":[{"GrantId":"g"},{"GrantId":"h"}],"Truncated":true,"NextMarker":"m"}"#,
    ),
    (
        "ListKeys",
        r#"{"Keys":[{"KeyId":"k","KeyArn":"a"}],"Truncated":true,"NextMarker":"m"}"#,
    ),
    (
        "ListResourceTags",
        r#"{"Tags":[{"TagKey":"k","TagValue":""}],"Truncated":true,"NextMarker":"m"}"#,
    ),
    ("PutKeyPolicy", ""),
    (
        "ReEncrypt",
        r#"{"CiphertextBlob":"AAAA","KeyId":"k","SourceKeyId":"l"}"#,
    ),
    ("RetireGrant", ""),
    ("RevokeGrant", ""),
    ("ScheduleKeyDeletion", r#"{"KeyId":"k","DeletionDate":1.5}"#),
    ("TagResource", ""),
    ("UntagResource", ""),
    ("UpdateAlias", ""),
    ("UpdateKeyDescription", ""),
    ("AttachRolePolicy", query!("AttachRolePolicy", "")),
    (
        "CreateRole",
        query!("CreateRole", "<Role><RoleName>r</RoleName><Arn>a</Arn></Role>"),
    ),
    ("DeleteRole", query!("DeleteRole", "")),
    ("DeleteRolePolicy", query!("DeleteRolePolicy", "")),
    ("DetachRolePolicy", query!("DetachRolePolicy", "")),
    (
        "GetPolicy",
        query!("GetPolicy", "<Policy><DefaultVersionId>v1</DefaultVersionId></Policy>"),
    ),
    (
        "GetPolicyVersion",
        query!(
            "GetPolicyVersion",
            "<PolicyVersion><Document>%7B%7D</Document></PolicyVersion>"
        ),
    ),
    (
        "GetRole",
        query!(
            "GetRole",
            "<Role><RoleName>r</RoleName><Arn>a</Arn><AssumeRolePolicyDocument>%7B%7D</AssumeRolePolicyDocument></Role>"
        ),
    ),
    (
        "GetRolePolicy",
        query!(
            "GetRolePolicy",
            "<PolicyName>p</PolicyName><PolicyDocument>%7B%7D</PolicyDocument>"
        ),
    ),
    (
        "ListAttachedRolePolicies",
        query!(
            "ListAttachedRolePolicies",
            "<AttachedPolicies><member><PolicyArn>a</PolicyArn></member></AttachedPolicies><IsTruncated>true</IsTruncated><Marker>m</Marker>"
        ),
    ),
    (
        "ListRolePolicies",
        query!(
            "ListRolePolicies",
            "<PolicyNames></PolicyNames><IsTruncated>true</IsTruncated><Marker>m</Marker>"
        ),
    ),
    (
        "ListRoles",
        query!(
            "ListRoles",
            "<Roles><member><RoleName>r</RoleName><Arn>a</Arn></member></Roles><IsTruncated>true</IsTruncated><Marker>m</Marker>"
        ),
    ),
    ("PutRolePolicy", query!("PutRolePolicy", "")),
    (
        "SimulatePrincipalPolicy",
        query!(
            "SimulatePrincipalPolicy",
            "<EvaluationResults><member><EvalActionName>a</EvalActionName><EvalDecision>allowed</EvalDecision></member></EvaluationResults>"
        ),
    ),
    ("UpdateAssumeRolePolicy", query!("UpdateAssumeRolePolicy", "")),
    (
        "AssumeRole",
        query!(
            "AssumeRole",
            "<Credentials><AccessKeyId>a</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>e</Expiration></Credentials>"
        ),
    ),
    (
        "GetCallerIdentity",
        query!(
            "GetCallerIdentity",
            "<Arn>a</Arn><UserId>u</UserId><Account>1</Account>"
        ),
    ),
    ("CreateProcessingJob", r#"{"ProcessingJobArn":"a"}"#),
    (
        "DescribeProcessingJob",
        r#"{"ProcessingJobName":"j","ProcessingJobArn":"a","ProcessingJobStatus":"Failed"}"#,
    ),
    (
        "ListProcessingJobs",
        r#"{"ProcessingJobSummaries":[{"ProcessingJobName":"j","ProcessingJobArn":"a","ProcessingJobStatus":"Failed"}]}"#,
    ),
    ("StopProcessingJob", ""),
    ("CreateTrainingJob", r#"{"TrainingJobArn":"a"}"#),
    (
        "DescribeTrainingJob",
        r#"{"TrainingJobName":"j","TrainingJobArn":"a","TrainingJobStatus":"Failed"}"#,
    ),
    ("ListTags", r#"{"Tags":[{"Key":"k","Value":"v"}]}"#),
    (
        "ListTrainingJobs",
        r#"{"TrainingJobSummaries":[{"TrainingJobName":"j","TrainingJobArn":"a","TrainingJobStatus":"Failed"}]}"#,
    ),
    ("StopTrainingJob", ""),
    ("LookupEvents", r#"{"Events":[{"EventId":"e","CloudTrailEvent":"{}"}]}"#),
    ("DescribeLogStreams", r#"{"logStreams":[{"logStreamName":"s"}]}"#),
    (
        "GetLogEvents",
        r#"{"events":[{"timestamp":1,"message":""}],"nextForwardToken":"t"}"#,
    ),
    ("BatchGetImage", r#"{"images":[{"imageManifest":"m"}],"failures":[]}"#),
    ("GetDownloadUrlForLayer", r#"{"downloadUrl":"u","layerDigest":"d"}"#),
    (
        "CreateRepository",
        r#"{"repository":{"repositoryUri":"u","repositoryArn":"a"}}"#,
    ),
    ("DeleteRepository", r#"{"repository":{"repositoryName":"n"}}"#),
    ("DescribeImages", r#"{"imageDetails":[]}"#),
    (
        "DescribeRepositories",
        r#"{"repositories":[{"repositoryName":"n","repositoryArn":"a","repositoryUri":"u"}]}"#,
    ),
    (
        "GetAuthorizationToken",
        r#"{"authorizationData":[{"authorizationToken":"t","proxyEndpoint":"e"}]}"#,
    ),
    ("ListTagsForResource", r#"{"tags":[{"Key":"k","Value":"v"}]}"#),
];

/// What else may come back with a 200.
const STRANGE: &[&str] = &[
    "<!DOCTYPE html><html><body>Welcome to our network. Please log in.</body></html>",
    "  <HTML></HTML>",
    "OK",
    "<ok/>",
    "{\"status\":\"ok\"}",
    "[]",
    "true",
    "\u{feff}",
    "<a><b></a></b>",
    "<a/><a/>",
];

/// With the headers that AWS sends, but for one of them.
fn headers(without: &str) -> Headers {
    let mut headers = Headers::new();
    let all = ["content-length", "etag", "location", "x-amz-request-id"];
    for name in all.into_iter().filter(|name| *name != without) {
        headers.insert(name, "1");
    }
    headers
}

fn judged(operation: &str, body: &[u8]) -> Result<(), String> {
    look(&rule(operation).unwrap(), operation, &headers(""), body)
}

#[test]
fn what_aws_answers_is_taken() {
    for (operation, answer) in ANSWERS {
        assert_eq!(judged(operation, answer.as_bytes()), Ok(()), "{operation}");
    }
}

#[test]
fn an_answer_cut_at_whatever_length_is_none() {
    let mut cases = 0;
    for (operation, answer) in ANSWERS.iter().filter(|(_, answer)| answer.len() > 2) {
        for length in 0..answer.len() {
            assert!(
                judged(operation, &answer.as_bytes()[..length]).is_err(),
                "{operation} cut at {length}"
            );
            cases += 1;
        }
    }
    assert!(cases > 5000, "{cases}");
}

#[test]
fn nothing_else_is_taken_for_an_answer() {
    for (operation, _) in ANSWERS {
        for strange in STRANGE {
            let judged = judged(operation, strange.as_bytes());
            // Of bytes nobody can say what they are.
            assert_eq!(
                judged.is_ok(),
                rule(operation).unwrap().body == Body::Bytes,
                "{operation}: {strange}"
            );
        }
    }
}

#[test]
fn an_answer_without_a_header_that_it_must_have_is_none() {
    for (operation, answer) in ANSWERS {
        let rule = rule(operation).unwrap();
        for name in rule.headers {
            let looked = look(&rule, operation, &headers(name), answer.as_bytes());
            assert_eq!(looked, Err(format!("it has no header {name}")), "{operation}");
        }
        if matches!(rule.body, Body::Nothing | Body::Bytes) {
            let looked = look(&rule, operation, &headers("x-amz-request-id"), answer.as_bytes());
            assert_eq!(looked, Err("it has no request id".to_owned()), "{operation}");
        }
    }
}

#[test]
fn an_answer_without_a_member_that_it_must_have_is_none() {
    let mut cases = 0;
    for (operation, answer) in ANSWERS {
        for must in rule(operation).unwrap().must {
            let (Must::Have(path) | Must::Hold(path) | Must::Flag(path) | Must::Follow(path, _) | Must::Count(path, _)) =
                must;
            let name = path.rsplit('.').next().unwrap();
            let mut spoilt = vec![
                answer
                    .replace(&format!("{name}>"), "Other>")
                    .replace(&format!("{name}\""), "Other\""),
            ];
            match must {
                Must::Follow(_, next) => spoilt.push(answer.replace(next, "Other")),
                // Where it is not said nothing is counted.
                Must::Count(..) => spoilt = vec![answer.replace(">2<", ">3<"), answer.replace(">2<", ">two<")],
                Must::Have(_) | Must::Hold(_) | Must::Flag(_) => {}
            }
            for spoilt in spoilt {
                assert_ne!(spoilt, *answer, "{operation}: {path}");
                assert!(
                    judged(operation, spoilt.as_bytes()).is_err(),
                    "{operation} without {path}: {spoilt}"
                );
                cases += 1;
            }
        }
    }
    assert!(cases > 90, "{cases}");
}

#[test]
fn a_list_that_holds_less_than_it_counts_says_so() {
    let cut = "<ListBucketResult><KeyCount>3</KeyCount><IsTruncated>false</IsTruncated><Contents><Key>k</Key><Size>0</Size><ETag>e</ETag></Contents></ListBucketResult>";
    let why = judged("ListObjectsV2", cut.as_bytes()).unwrap_err();
    assert_eq!(why, "it says that it holds 3 and holds 1");
    // Others than S3 do not count.
    assert_eq!(
        judged("ListObjectsV2", cut.replace("<KeyCount>3</KeyCount>", "").as_bytes()),
        Ok(())
    );
}

#[test]
fn an_error_in_a_success_is_told_from_something_else() {
    assert!(is_error(
        b"<?xml version=\"1.0\"?>\n<Error><Code>InternalError</Code></Error>"
    ));
    assert!(!is_error(b"<Error><Code>InternalError</Code>"));
    assert!(!is_error(b"<html><Error/></html>"));
    assert!(!is_error(b"{}"));
}

#[test]
fn hostile_nesting_ends() {
    let deep = "<a>".repeat(100_000);
    assert!(judged("ListBuckets", deep.as_bytes()).is_err());
    let deep = "[".repeat(100_000);
    assert!(judged("Decrypt", deep.as_bytes()).is_err());
}

#[test]
fn what_is_not_in_the_table_is_not_asked() {
    assert!(rule("PutBucketPolicy").is_none());
    assert!(rule("").is_none());
}

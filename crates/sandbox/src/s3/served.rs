//! What each operation may be asked with. Everything else that could change what a request means (a query name, a header
//! of S3's own, a condition) is refused by name: a sub-resource that nobody here knows would otherwise fall through to
//! the plain operation, and replace or remove the object that it only wanted to describe.

use hyper::HeaderMap;

use super::store::Ownership;
use crate::api::ApiError;

/// Lists of names.
type Lists = &'static [&'static [&'static str]];

/// Headers that say the same in every request.
const ALWAYS: &[&str] = &[
    "x-amz-checksum-algorithm",
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-expected-bucket-owner",
    "x-amz-request-payer",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-security-token",
    "x-amz-trailer",
    "x-amz-user-agent",
];

const CONDITIONS: &[&str] = &["if-match", "if-modified-since", "if-none-match", "if-unmodified-since"];
const READS: &[&str] = &["range", "x-amz-checksum-mode"];
const WRITES: &[&str] = &[
    "x-amz-acl",
    "x-amz-meta-",
    "x-amz-object-lock-legal-hold",
    "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-bucket-key-enabled",
    "x-amz-server-side-encryption-context",
    "x-amz-storage-class",
    "x-amz-tagging",
    "x-amz-website-redirect-location",
];
/// Of a customer's own key.
const KEYS: &[&str] = &[
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-server-side-encryption-customer-key",
    "x-amz-server-side-encryption-customer-key-md5",
];
const SOURCE: &[&str] = &[
    "x-amz-copy-source",
    "x-amz-copy-source-if-match",
    "x-amz-copy-source-if-modified-since",
    "x-amz-copy-source-if-none-match",
    "x-amz-copy-source-if-unmodified-since",
    "x-amz-copy-source-server-side-encryption-customer-algorithm",
    "x-amz-copy-source-server-side-encryption-customer-key",
    "x-amz-copy-source-server-side-encryption-customer-key-md5",
    "x-amz-source-expected-bucket-owner",
];
const RESPONSE: &[&str] = &[
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
];
const LISTS: &[&str] = &["delimiter", "encoding-type", "max-keys", "prefix"];

/// The query names and the headers that an operation takes beyond [`ALWAYS`]; nothing if it is not served.
fn takes(operation: &str) -> Option<(Lists, Lists)> {
    Some(match operation {
        "ListBuckets" => (
            &[&["bucket-region", "continuation-token", "max-buckets", "prefix"]],
            &[],
        ),
        "CreateBucket" => (
            &[],
            &[&[
                "x-amz-acl",
                "x-amz-bucket-object-lock-enabled",
                "x-amz-object-ownership",
            ]],
        ),
        "DeleteBucket" | "HeadBucket" => (&[], &[]),
        "GetBucketLocation" => (&[&["location"]], &[]),
        "GetBucketVersioning" | "PutBucketVersioning" => (&[&["versioning"]], &[]),
        "GetBucketEncryption" | "PutBucketEncryption" | "DeleteBucketEncryption" => (&[&["encryption"]], &[]),
        "GetBucketTagging" | "PutBucketTagging" | "DeleteBucketTagging" => (&[&["tagging"]], &[]),
        "GetBucketPolicy" | "DeleteBucketPolicy" => (&[&["policy"]], &[]),
        "PutBucketPolicy" => (&[&["policy"]], &[&["x-amz-confirm-remove-self-bucket-access"]]),
        "GetBucketPolicyStatus" => (&[&["policyStatus"]], &[]),
        "GetPublicAccessBlock" | "PutPublicAccessBlock" | "DeletePublicAccessBlock" => (&[&["publicAccessBlock"]], &[]),
        "GetBucketOwnershipControls" | "PutBucketOwnershipControls" | "DeleteBucketOwnershipControls" => {
            (&[&["ownershipControls"]], &[])
        }
        "GetBucketAcl" => (&[&["acl"]], &[]),
        "GetObjectAcl" => (&[&["acl", "versionId"]], &[]),
        "GetBucketLifecycleConfiguration" | "DeleteBucketLifecycle" => (&[&["lifecycle"]], &[]),
        "PutBucketLifecycleConfiguration" => (&[&["lifecycle"]], &[&["x-amz-transition-default-minimum-object-size"]]),
        "GetObjectAttributes" => (
            &[&["attributes", "versionId"]],
            &[
                KEYS,
                &["x-amz-max-parts", "x-amz-object-attributes", "x-amz-part-number-marker"],
            ],
        ),
        "ListObjects" => (&[LISTS, &["marker"]], &[&["x-amz-optional-object-attributes"]]),
        "ListObjectsV2" => (
            &[
                LISTS,
                &["continuation-token", "fetch-owner", "list-type", "start-after"],
            ],
            &[&["x-amz-optional-object-attributes"]],
        ),
        "ListObjectVersions" => (
            &[LISTS, &["key-marker", "version-id-marker", "versions"]],
            &[&["x-amz-optional-object-attributes"]],
        ),
        "DeleteObjects" => (&[&["delete"]], &[&["x-amz-bypass-governance-retention"]]),
        "GetObject" | "HeadObject" => (&[RESPONSE, &["partNumber", "versionId"]], &[CONDITIONS, READS, KEYS]),
        "PutObject" => (&[], &[WRITES, KEYS, &["if-match", "if-none-match"]]),
        "CopyObject" => (
            &[],
            &[
                WRITES,
                KEYS,
                SOURCE,
                &[
                    "if-match",
                    "if-none-match",
                    "x-amz-metadata-directive",
                    "x-amz-tagging-directive",
                ],
            ],
        ),
        "DeleteObject" => (&[&["versionId"]], &[&["if-match", "x-amz-bypass-governance-retention"]]),
        "GetObjectLockConfiguration" | "PutObjectLockConfiguration" => (&[&["object-lock"]], &[]),
        "GetObjectRetention" => (&[&["retention", "versionId"]], &[]),
        "PutObjectRetention" => (
            &[&["retention", "versionId"]],
            &[&["x-amz-bypass-governance-retention"]],
        ),
        "GetObjectLegalHold" | "PutObjectLegalHold" => (&[&["legal-hold", "versionId"]], &[]),
        "GetObjectTagging" | "PutObjectTagging" | "DeleteObjectTagging" => (&[&["tagging", "versionId"]], &[]),
        "CreateMultipartUpload" => (&[&["uploads"]], &[WRITES, KEYS, &["x-amz-checksum-type"]]),
        "UploadPart" => (&[&["partNumber", "uploadId"]], &[KEYS]),
        "UploadPartCopy" => (
            &[&["partNumber", "uploadId"]],
            &[KEYS, SOURCE, &["x-amz-copy-source-range"]],
        ),
        "CompleteMultipartUpload" => (
            &[&["uploadId"]],
            &[
                KEYS,
                &[
                    "if-match",
                    "if-none-match",
                    "x-amz-checksum-type",
                    "x-amz-mp-object-size",
                ],
            ],
        ),
        "AbortMultipartUpload" => (&[&["uploadId"]], &[]),
        "ListParts" => (&[&["max-parts", "part-number-marker", "uploadId"]], &[KEYS]),
        "ListMultipartUploads" => (
            &[&[
                "delimiter",
                "encoding-type",
                "key-marker",
                "max-uploads",
                "prefix",
                "upload-id-marker",
                "uploads",
            ]],
            &[],
        ),
        _ => return None,
    })
}

/// Refuses what `operation` would not heed.
///
/// The names that are `hoisted` in the query are among the headers.
pub(super) fn check(
    operation: &str,
    query: Option<&str>,
    headers: &HeaderMap,
    hoisted: &[String],
    ownership: Ownership,
) -> Result<(), ApiError> {
    let Some((names, heeded)) = takes(operation) else {
        return Err(refused(format!("The sandbox does not serve {operation}")));
    };
    for (name, _) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let is_header = hoisted.contains(&name.to_lowercase());
        if !is_header && !is_signature(&name) && !names.iter().any(|list| list.contains(&&*name)) {
            return Err(refused(format!("The sandbox does not serve '{name}' in {operation}")));
        }
    }
    for (name, value) in headers {
        let name = name.as_str();
        let heeds = |list: &&[&str]| {
            list.iter()
                .any(|one| *one == name || one.ends_with('-') && name.starts_with(one))
        };
        if changes_meaning(name) && !heeds(&ALWAYS) && !heeded.iter().any(heeds) {
            check_acl(operation, name, ownership)?;
            if name == "x-amz-server-side-encryption" {
                let message = format!("{name} header is not supported for this operation.");
                return Err(ApiError::new("InvalidArgument", message));
            }
            return Err(not_heeded(name));
        }
        check_value(operation, name, value.to_str().unwrap_or_default(), ownership)?;
    }
    Ok(())
}

/// A header that asks for more than the bytes and their description.
fn changes_meaning(name: &str) -> bool {
    name.starts_with("x-amz-") || name.starts_with("if-") || name == "range"
}

/// What signs a request, or only says which SDK operation it came from.
fn is_signature(name: &str) -> bool {
    matches!(
        name,
        "X-Amz-Algorithm"
            | "X-Amz-Content-Sha256"
            | "X-Amz-Credential"
            | "X-Amz-Date"
            | "X-Amz-Expires"
            | "X-Amz-Security-Token"
            | "X-Amz-Signature"
            | "X-Amz-SignedHeaders"
            | "AWSAccessKeyId"
            | "Expires"
            | "Signature"
            | "x-amz-security-token"
            | "x-id"
    )
}

/// Values that mean something else than what is served.
fn check_value(operation: &str, name: &str, value: &str, ownership: Ownership) -> Result<(), ApiError> {
    match (name, value) {
        ("x-amz-acl", "private" | "bucket-owner-full-control") => Ok(()),
        ("x-amz-acl", _) => check_acl(operation, name, ownership),
        _ => Ok(()),
    }
}

/// New buckets have their ACLs off; where they are on, they say what they say without anybody's help.
fn check_acl(operation: &str, name: &str, ownership: Ownership) -> Result<(), ApiError> {
    if name != "x-amz-acl" && !name.starts_with("x-amz-grant-") {
        return Ok(());
    }
    Err(match (ownership, operation) {
        (Ownership::Enforced, "CreateBucket") => ApiError::new(
            "InvalidBucketAclWithObjectOwnership",
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
        ),
        (Ownership::Enforced, _) => ApiError::new("AccessControlListNotSupported", "The bucket does not allow ACLs"),
        (Ownership::Preferred | Ownership::Writer | Ownership::Unset, _) => not_heeded(name),
    })
}

fn not_heeded(header: &str) -> ApiError {
    refused(format!(
        "A header you provided implies functionality that is not implemented: {header}"
    ))
}

fn refused(message: String) -> ApiError {
    ApiError::new("NotImplemented", message).status(501)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(operation: &str, query: &str, header: Option<(&'static str, &'static str)>) -> Result<(), String> {
        let headers = header
            .into_iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        check(operation, Some(query), &headers, &[], Ownership::Enforced).map_err(|error| error.code)
    }

    #[test]
    fn what_is_not_known_to_be_served_is_refused() {
        for (operation, query) in [
            ("PutObject", "renameObject"),
            ("PutObject", "encryption="),
            ("PutObject", "%61nnotation"),
            ("DeleteBucket", "metadataConfiguration"),
            ("PutObject", "partNumber=1"),
            ("PostObject", ""),
            ("PutBucketWebsite", "website"),
        ] {
            assert_eq!(
                asked(operation, query, None),
                Err("NotImplemented".to_owned()),
                "{operation}?{query}"
            );
        }
        for header in [
            "x-amz-write-offset-bytes",
            "x-amz-object-lock-event-hold",
            "x-amz-checksum-sha512",
            "if-modified-since",
            "x-amz-anything-new",
        ] {
            assert_eq!(
                asked("PutObject", "", Some((header, "1"))),
                Err("NotImplemented".to_owned()),
                "{header}"
            );
        }
    }

    #[test]
    fn what_is_served_passes_however_it_is_written() {
        assert_eq!(
            asked("ListObjectsV2", "list%2Dtype=2&pre%66ix=a%2F&x-id=ListObjectsV2", None),
            Ok(())
        );
        assert_eq!(
            asked("GetObject", "X-Amz-Signature=1&versionId=null", Some(("if-match", "*"))),
            Ok(())
        );
        assert_eq!(asked("PutObject", "", Some(("x-amz-meta-anything", "1"))), Ok(()));
    }

    #[test]
    fn access_control_lists_are_off_as_on_new_buckets() {
        let acl = |value| asked("PutObject", "", Some(("x-amz-acl", value)));
        assert_eq!(acl("bucket-owner-full-control"), Ok(()));
        assert_eq!(acl("public-read"), Err("AccessControlListNotSupported".to_owned()));
        assert_eq!(
            asked("CreateBucket", "", Some(("x-amz-grant-read", "id=1"))),
            Err("InvalidBucketAclWithObjectOwnership".to_owned())
        );
    }
}

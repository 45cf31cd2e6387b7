//! What is asked for, read off a request.

use std::collections::BTreeMap;

/// What AWS calls an operation, as [`super::Proxy::operations`] has it.
pub(crate) fn named(operation: &str) -> &str {
    let Some((method, target)) = operation.split_once(" /") else {
        return operation.trim_end_matches(" (dry run)");
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let is_object = path.split_once('/').is_some_and(|(_, key)| !key.is_empty());
    let names: Vec<&str> = query.split('&').map(|pair| pair.split('=').next().unwrap()).collect();
    let has = |name: &str| names.contains(&name);
    match method {
        "GET" if path.is_empty() => "ListBuckets",
        "GET" if has("list-type") => "ListObjectsV2",
        "GET" if has("versions") => "ListObjectVersions",
        "GET" if has("uploads") => "ListMultipartUploads",
        "GET" if has("uploadId") => "ListParts",
        "GET" if has("location") => "GetBucketLocation",
        "GET" if has("encryption") => "GetBucketEncryption",
        "GET" if has("policy") => "GetBucketPolicy",
        "GET" if has("tagging") && is_object => "GetObjectTagging",
        "GET" if has("tagging") => "GetBucketTagging",
        "GET" if has("object-lock") => "GetObjectLockConfiguration",
        "GET" if has("ownershipControls") => "GetBucketOwnershipControls",
        "GET" if has("versioning") => "GetBucketVersioning",
        "GET" if is_object => "GetObject",
        "HEAD" if is_object => "HeadObject",
        "PUT" if has("partNumber") => "UploadPart",
        "PUT" if has("lifecycle") => "PutBucketLifecycleConfiguration",
        "PUT" if has("tagging") => "PutBucketTagging",
        "PUT" if has("publicAccessBlock") => "PutPublicAccessBlock",
        "PUT" if is_object => "PutObject",
        "PUT" => "CreateBucket",
        "POST" if has("uploads") => "CreateMultipartUpload",
        "POST" if has("uploadId") => "CompleteMultipartUpload",
        "POST" if has("delete") => "DeleteObjects",
        "DELETE" if has("uploadId") => "AbortMultipartUpload",
        "DELETE" if is_object => "DeleteObject",
        "DELETE" => "DeleteBucket",
        _ => panic!("an operation of S3 without a name: {operation}"),
    }
}

pub(super) fn is_part(line: &str) -> bool {
    line.starts_with("PUT") && line.contains("partNumber=")
}

/// Whether an upload in parts is to become an object.
pub(crate) fn is_completion(line: &str) -> bool {
    line.starts_with("POST") && line.contains("uploadId=")
}

/// Whether an upload in parts is to begin.
pub(crate) fn is_beginning(line: &str) -> bool {
    line.starts_with("POST") && line.contains("?uploads")
}

/// As IAM and STS are asked.
pub(super) fn is_query(headers: &BTreeMap<String, String>) -> bool {
    let kind = headers.get("content-type").map_or("", String::as_str);
    kind.starts_with("application/x-www-form-urlencoded")
}

pub(super) fn operation(line: &str, headers: &BTreeMap<String, String>, body: &[u8]) -> String {
    let body = String::from_utf8_lossy(body);
    if let Some(target) = headers.get("x-amz-target") {
        let name = target.rsplit('.').next().unwrap();
        let is_dry = body.contains("\"DryRun\":true");
        return format!("{name}{}", if is_dry { " (dry run)" } else { "" });
    }
    match body.strip_prefix("Action=") {
        Some(rest) => rest.split('&').next().unwrap().to_owned(),
        None => line.split(" HTTP/").next().unwrap().to_owned(),
    }
}

//! What each operation needs and may be asked with, by `served.txt`. Everything else that could change what a request
//! means (a query name, a header of S3's own, a condition) is refused by name: a sub-resource that nobody here knows would
//! otherwise fall through to the plain operation, and replace or remove the object that it only wanted to describe.

use std::collections::HashMap;
use std::sync::OnceLock;

use hyper::HeaderMap;

use super::store::Ownership;
use crate::api::{ApiError, is_one_of};

/// An operation of `served.txt`, or a group of names.
struct Served {
    action: &'static str,
    /// Groups resolved.
    takes: Vec<&'static str>,
}

fn served(operation: &str) -> Option<&'static Served> {
    static TABLE: OnceLock<HashMap<&str, Served>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let mut table: HashMap<&str, Served> = HashMap::new();
        for line in include_str!("served.txt").lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(' ');
            let name = words.next().unwrap_or_default();
            // One that is missing is allowed to nobody.
            let action = if name.starts_with('@') {
                "-"
            } else {
                words.next().unwrap_or_default()
            };
            let names = words.flat_map(|word| table.get(word).map_or_else(|| vec![word], |group| group.takes.clone()));
            let takes = names.collect();
            table.insert(name, Served { action, takes });
        }
        table
    });
    table.get(operation)
}

/// The action that an operation needs, and behind a slash the one for a version; nothing where another place asks for it.
pub(super) fn action(operation: &str) -> Option<&'static str> {
    served(operation)
        .map(|served| served.action)
        .filter(|action| *action != "-")
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
    let (Some(always), Some(served)) = (served("@always"), served(operation)) else {
        return Err(refused(format!("The sandbox does not serve {operation}")));
    };
    for (name, _) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let is_header = hoisted.contains(&name.to_lowercase());
        if !is_header && !is_signature(&name) && !served.takes.iter().any(|one| one.strip_prefix('?') == Some(&*name)) {
            return Err(refused(format!("The sandbox does not serve '{name}' in {operation}")));
        }
    }
    for (name, value) in headers {
        let name = name.as_str();
        let heeds = |one: &&str| *one == name || one.ends_with('-') && name.starts_with(one);
        if changes_meaning(name) && !always.takes.iter().chain(&served.takes).any(heeds) {
            check_acl(operation, name, ownership)?;
            if name == "x-amz-server-side-encryption" {
                let message = format!("{name} header is not supported for this operation.");
                return Err(ApiError::invalid_argument(message));
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

/// What of a query is version 4's signature itself.
pub(super) const SIGNATURE: &str = "X-Amz-Algorithm X-Amz-Content-Sha256 X-Amz-Credential X-Amz-Date X-Amz-Expires \
    X-Amz-Security-Token X-Amz-Signature X-Amz-SignedHeaders";

/// What signs a request, or only says which SDK operation it came from.
fn is_signature(name: &str) -> bool {
    is_one_of(name, SIGNATURE) || is_one_of(name, "AWSAccessKeyId Expires Signature x-amz-security-token x-id")
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
    let message = format!("A header you provided implies functionality that is not implemented: {header}");
    refused(message)
}

fn refused(message: String) -> ApiError {
    ApiError::not_implemented(message)
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
            let said = asked(operation, query, None);
            assert_eq!(said, Err("NotImplemented".to_owned()), "{operation}?{query}");
        }
        for header in [
            "x-amz-write-offset-bytes",
            "x-amz-object-lock-event-hold",
            "x-amz-checksum-sha512",
            "if-modified-since",
            "x-amz-anything-new",
        ] {
            let said = asked("PutObject", "", Some((header, "1")));
            assert_eq!(said, Err("NotImplemented".to_owned()), "{header}");
        }
    }

    #[test]
    fn what_is_served_passes_however_it_is_written() {
        let listed = asked("ListObjectsV2", "list%2Dtype=2&pre%66ix=a%2F&x-id=ListObjectsV2", None);
        assert_eq!(listed, Ok(()));
        let read = asked("GetObject", "X-Amz-Signature=1&versionId=null", Some(("if-match", "*")));
        assert_eq!(read, Ok(()));
        assert_eq!(asked("PutObject", "", Some(("x-amz-meta-anything", "1"))), Ok(()));
    }

    #[test]
    fn access_control_lists_are_off_as_on_new_buckets() {
        let acl = |value| asked("PutObject", "", Some(("x-amz-acl", value)));
        assert_eq!(acl("bucket-owner-full-control"), Ok(()));
        assert_eq!(acl("public-read"), Err("AccessControlListNotSupported".to_owned()));
        let made = asked("CreateBucket", "", Some(("x-amz-grant-read", "id=1")));
        assert_eq!(made, Err("InvalidBucketAclWithObjectOwnership".to_owned()));
    }
}

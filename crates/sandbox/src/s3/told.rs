//! What an error tells beside its code and message: the bucket, the key, the condition that it is about.

use hyper::Request;
use percent_encoding::percent_decode_str;

use super::facts::parameter;
use super::scope::{wrong_digest, wrong_signature};
use crate::api::ApiError;
use crate::iam::escape;
use crate::sigv4::header;

/// What a request names that an error may be about.
pub(crate) struct Asked {
    path: String,
    upload: Option<String>,
    range: Option<String>,
    digest: Option<String>,
    /// The conditional header, if there is one alone.
    condition: Option<&'static str>,
    version: Option<String>,
    md5: Option<String>,
    class: Option<String>,
}

/// As S3 tells them; names of headers are the same in any case.
const CONDITIONS: &str = "If-Match If-None-Match If-Modified-Since If-Unmodified-Since x-amz-copy-source-If-Match \
    x-amz-copy-source-If-None-Match x-amz-copy-source-If-Modified-Since x-amz-copy-source-If-Unmodified-Since";

impl Asked {
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let conditions = CONDITIONS.split(' ');
        let mut conditions = conditions.filter(|name| request.headers().contains_key(*name));
        Self {
            path: decoded(request.uri().path()),
            upload: parameter(request.uri().query(), "uploadId"),
            version: parameter(request.uri().query(), "versionId"),
            md5: header(request.headers(), "content-md5"),
            class: header(request.headers(), "x-amz-storage-class"),
            range: header(request.headers(), "range"),
            digest: header(request.headers(), "x-amz-content-sha256"),
            condition: conditions.next().filter(|_| conditions.next().is_none()),
        }
    }

    /// The elements that an error of this code tells besides.
    fn about(&self, code: &str) -> Vec<(&'static str, &str)> {
        let (bucket, key) = self
            .path
            .trim_start_matches('/')
            .split_once('/')
            .unwrap_or((self.path.trim_start_matches('/'), ""));
        let told = match code {
            "BucketAlreadyOwnedByYou"
            | "BucketNotEmpty"
            | "InvalidBucketName"
            | "NoSuchBucket"
            | "NoSuchBucketPolicy"
            | "NoSuchLifecycleConfiguration"
            | "NoSuchPublicAccessBlockConfiguration"
            | "NoSuchTagSet"
            | "ObjectLockConfigurationNotFoundError"
            | "OwnershipControlsNotFoundError" => ("BucketName", Some(bucket)),
            "NoSuchKey" | "NoSuchObjectLockConfiguration" => ("Key", Some(key)),
            "NoSuchVersion" => ("VersionId", self.version.as_deref()),
            "NoSuchUpload" | "InvalidPart" | "InvalidPartOrder" => ("UploadId", self.upload.as_deref()),
            "InvalidRange" => ("RangeRequested", self.range.as_deref()),
            "InvalidDigest" => ("Content-MD5", self.md5.as_deref()),
            "InvalidStorageClass" => ("StorageClassRequested", self.class.as_deref()),
            "PreconditionFailed" => ("Condition", self.condition),
            _ => return Vec::new(),
        };
        let of_key = (code == "NoSuchVersion").then_some(("Key", Some(key)));
        let all = of_key.into_iter().chain([told]);
        all.filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// Why its document could not be read: it is cut, or not what was signed.
    pub(super) fn unread(&self) -> ApiError {
        match self.digest.as_deref() {
            Some(digest) if digest.starts_with("STREAMING-") => wrong_signature(),
            Some(_) => wrong_digest(),
            None => ApiError::new("IncompleteBody", "The request body terminated unexpectedly"),
        }
    }

    /// The XML of an error, with what it is about.
    pub(super) fn told(&self, text: &str) -> Option<String> {
        let (_, rest) = text.split_once("<Code>")?;
        let (code, _) = rest.split_once("</Code>")?;
        let mut told = self.about(code);
        told.extend(expected(code, text));
        let (head, tail) = text.rsplit_once("</Error>").filter(|_| !told.is_empty())?;
        let element = |(name, value): &(&str, &str)| format!("<{name}>{}</{name}>", escape(value));
        let told: String = told.iter().map(element).collect();
        Some(format!("{head}{told}</Error>{tail}"))
    }
}

/// The region that a request had to be signed for, as the message tells it.
fn expected<'a>(code: &str, text: &'a str) -> Option<(&'static str, &'a str)> {
    let of_region = matches!(
        code,
        "AuthorizationHeaderMalformed" | "AuthorizationQueryParametersError"
    );
    let (_, rest) = text.split_once("; expecting &apos;").filter(|_| of_region)?;
    Some(("Region", rest.split_once("&apos;")?.0))
}

/// A path as it is meant.
pub(super) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_tells_what_it_is_about() {
        let request = Request::get("/bucket/a%20b?uploadId=x%2Fy&versionId=1")
            .header("if-match", "z")
            .body(())
            .unwrap();
        let asked = Asked::of(&request);
        for (code, told) in [
            ("NoSuchBucket", "<BucketName>bucket</BucketName>"),
            ("NoSuchKey", "<Key>a b</Key>"),
            ("NoSuchUpload", "<UploadId>x/y</UploadId>"),
            ("NoSuchVersion", "<Key>a b</Key><VersionId>1</VersionId>"),
            ("PreconditionFailed", "<Condition>If-Match</Condition>"),
        ] {
            let xml = |more: &str| format!("<Error><Code>{code}</Code>{more}</Error>");
            assert_eq!(asked.told(&xml("")), Some(xml(told)));
        }
        assert_eq!(asked.told("<Error><Code>AccessDenied</Code></Error>"), None);
    }
}

//! Who may do what to S3. s3s has checked the signature; here the session and the policies are.
//!
//! A request that names a second resource (the source of a copy, the keys of a batch delete, a tag set beside an
//! object) is checked for that one in [`super::front`], with the caller that is left in its extensions.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::HeaderMap;
use percent_encoding::percent_decode_str;
use s3s::S3ErrorCode;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::path::S3Path;
use s3s::{S3Error, S3Result};

use crate::api::ApiError;
use crate::identity::Caller;
use crate::sigv4::{Authorization, header};
use crate::world::World;

/// Finds the secret that a signature must have been made with.
#[derive(Debug)]
pub(super) struct Secrets {
    pub(super) world: Arc<World>,
}

#[async_trait::async_trait]
impl S3Auth for Secrets {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        self.world
            .credential(access_key, "")
            .map(|credential| SecretKey::from(credential.secret))
            .ok_or_else(|| unknown_key().into())
    }
}

/// Lets through what the caller's policies allow.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) world: Arc<World>,
}

#[async_trait::async_trait]
impl S3Access for Gate {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let caller = self.caller(cx)?;
        if let Some(needed) = needed(cx) {
            authorize(&self.world, &caller, needed.action, &needed.resource, &needed.context)?;
        }
        cx.extensions_mut().insert(caller);
        Ok(())
    }
}

impl Gate {
    fn caller(&self, cx: &S3AccessContext<'_>) -> S3Result<Caller> {
        let Some(credentials) = cx.credentials() else {
            return Err(S3Error::from(denied("Access Denied")));
        };
        let home = self.home(cx);
        let (region, token) = match Authorization::parse(cx.headers(), cx.uri().query()) {
            Some(Ok(authorization)) => {
                self.check_scope(&authorization, &home, cx)?;
                (authorization.region, authorization.token)
            }
            // boto3 still presigns with version 2, which has no scope; s3s has checked it.
            _ => {
                let token =
                    header(cx.headers(), "x-amz-security-token").or_else(|| parameter(cx, "x-amz-security-token"));
                (home, token)
            }
        };
        let caller = self
            .world
            .caller(&credentials.access_key, token.as_deref(), &region)
            .map_err(|error| match error.code.as_str() {
                "ExpiredTokenException" | "ExpiredToken" => {
                    ApiError::new("ExpiredToken", "The provided token has expired.")
                }
                _ => ApiError::new("InvalidToken", "The provided token is malformed or otherwise invalid."),
            })?;
        self.check_region(&caller.place.region, cx)?;
        Ok(caller)
    }

    /// The region of the bucket that is asked for, or the world's first.
    fn home(&self, cx: &S3AccessContext<'_>) -> String {
        let place = cx
            .s3_path()
            .get_bucket_name()
            .and_then(|bucket| self.world.s3.place(bucket));
        place.map_or_else(|| self.world.home.region.clone(), |place| place.region)
    }

    /// A signature for a region that is not there, or one that leaves headers open, is not for this request.
    fn check_scope(&self, authorization: &Authorization, home: &str, cx: &S3AccessContext<'_>) -> S3Result<()> {
        if !self.world.has_region(&authorization.region) {
            return Err(S3Error::with_message(
                S3ErrorCode::AuthorizationHeaderMalformed,
                format!(
                    "The authorization header is malformed; the region '{}' is wrong; expecting '{home}'",
                    authorization.region
                ),
            ));
        }
        authorization
            .check_headers(cx.headers())
            .map_err(|_| denied("There were headers present in the request which were not signed").into())
    }

    /// Sends who asks in another region than the bucket's to that one.
    fn check_region(&self, region: &str, cx: &S3AccessContext<'_>) -> S3Result<()> {
        let bucket = cx.s3_path().get_bucket_name();
        let Some(place) = bucket.and_then(|bucket| self.world.s3.place(bucket)) else {
            return Ok(());
        };
        // Making it again is another matter; where it is, us-east-1 tells everybody.
        let op = cx.s3_op().name();
        if place.region == region || op == "CreateBucket" || (op == "GetBucketLocation" && region == "us-east-1") {
            return Ok(());
        }
        let mut error = S3Error::with_message(
            S3ErrorCode::PermanentRedirect,
            "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all \
             future requests to this endpoint.",
        );
        let mut headers = HeaderMap::new();
        if let Ok(region) = place.region.parse() {
            headers.insert("x-amz-bucket-region", region);
        }
        error.set_headers(headers);
        Err(error)
    }
}

/// What a request needs beyond a valid signature.
struct Needed {
    action: &'static str,
    resource: String,
    context: BTreeMap<String, String>,
}

fn needed(cx: &S3AccessContext<'_>) -> Option<Needed> {
    let version = parameter(cx, "versionId");
    let action = match cx.s3_op().name() {
        // Whoever may read or delete what is current may not do so with every version.
        "GetObject" | "HeadObject" if version.is_some() => "s3:GetObjectVersion",
        "DeleteObject" if version.is_some() => "s3:DeleteObjectVersion",
        "GetObjectAttributes" if version.is_some() => "s3:GetObjectVersionAttributes",
        "GetObjectTagging" if version.is_some() => "s3:GetObjectVersionTagging",
        "PutObjectTagging" if version.is_some() => "s3:PutObjectVersionTagging",
        "DeleteObjectTagging" if version.is_some() => "s3:DeleteObjectVersionTagging",
        "ListBuckets" => "s3:ListAllMyBuckets",
        "CreateBucket" => "s3:CreateBucket",
        "DeleteBucket" => "s3:DeleteBucket",
        "HeadBucket" | "ListObjects" | "ListObjectsV2" => "s3:ListBucket",
        "GetBucketLocation" => "s3:GetBucketLocation",
        "GetBucketVersioning" => "s3:GetBucketVersioning",
        "PutBucketVersioning" => "s3:PutBucketVersioning",
        "ListObjectVersions" => "s3:ListBucketVersions",
        "GetBucketEncryption" => "s3:GetEncryptionConfiguration",
        "GetBucketTagging" => "s3:GetBucketTagging",
        "PutBucketTagging" | "DeleteBucketTagging" => "s3:PutBucketTagging",
        "GetPublicAccessBlock" => "s3:GetBucketPublicAccessBlock",
        "PutPublicAccessBlock" | "DeletePublicAccessBlock" => "s3:PutBucketPublicAccessBlock",
        "GetBucketLifecycleConfiguration" => "s3:GetLifecycleConfiguration",
        "PutBucketLifecycleConfiguration" | "DeleteBucketLifecycle" => "s3:PutLifecycleConfiguration",
        "ListMultipartUploads" => "s3:ListBucketMultipartUploads",
        "GetObject" | "HeadObject" => "s3:GetObject",
        "GetObjectAttributes" => "s3:GetObjectAttributes",
        "PutObject"
        | "CopyObject"
        | "CreateMultipartUpload"
        | "UploadPart"
        | "UploadPartCopy"
        | "CompleteMultipartUpload" => "s3:PutObject",
        "AbortMultipartUpload" => "s3:AbortMultipartUpload",
        "ListParts" => "s3:ListMultipartUploadParts",
        "DeleteObject" => "s3:DeleteObject",
        "GetObjectTagging" => "s3:GetObjectTagging",
        "PutObjectTagging" => "s3:PutObjectTagging",
        "DeleteObjectTagging" => "s3:DeleteObjectTagging",
        // Checked key by key where it is done; whatever else there is, the front does not implement.
        _ => return None,
    };
    let resource = match cx.s3_path() {
        S3Path::Root => "*".to_owned(),
        S3Path::Bucket { bucket } => format!("arn:aws:s3:::{bucket}"),
        S3Path::Object { bucket, key } => format!("arn:aws:s3:::{bucket}/{key}"),
    };
    let mut context = BTreeMap::new();
    if let Some(version) = version {
        context.insert("s3:VersionId".to_owned(), version);
    }
    if matches!(action, "s3:ListBucket" | "s3:ListBucketVersions") {
        for (name, condition) in [
            ("prefix", "s3:prefix"),
            ("delimiter", "s3:delimiter"),
            ("max-keys", "s3:max-keys"),
        ] {
            if let Some(value) = parameter(cx, name) {
                context.insert(condition.to_owned(), value);
            }
        }
    }
    Some(Needed {
        action,
        resource,
        context,
    })
}

fn parameter(cx: &S3AccessContext<'_>, name: &str) -> Option<String> {
    let decoded = |text: &str| {
        percent_decode_str(&text.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned()
    };
    cx.uri().query()?.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(key) == name).then(|| decoded(value))
    })
}

/// Asks the policies, and words a refusal as S3 does.
pub(super) fn authorize(
    world: &World,
    caller: &Caller,
    action: &str,
    resource: &str,
    context: &BTreeMap<String, String>,
) -> Result<(), ApiError> {
    world
        .authorize(caller, action, resource, context)
        .map_err(|error| denied(&error.message))
}

fn denied(message: &str) -> ApiError {
    ApiError::new("AccessDenied", message).status(403)
}

fn unknown_key() -> ApiError {
    ApiError::new(
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
    )
    .status(403)
}

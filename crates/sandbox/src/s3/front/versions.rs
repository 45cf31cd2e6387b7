//! Versions: which one a request is about, how they are listed, whether a bucket keeps them.

use std::sync::Arc;
use std::time::SystemTime;

use hyper::header::{ALLOW, HeaderMap, HeaderName, HeaderValue, LAST_MODIFIED};
use hyper::http::Extensions;
use percent_encoding::utf8_percent_encode;
use s3s::dto::*;
use s3s::{S3Error, S3Request, S3Response, S3Result};

use super::super::convert::{Names, PLAIN, limit, malformed, quoted, time};
use super::super::customer::{self, CustomerKey};
use super::super::object::Object as Stored;
use super::super::store::no_such_key;
use super::super::versions::{After, Marker, Query, Version, Versioning};
use super::locks::check_versioning;
use super::objects::not_archived;
use super::{Answer, Front, arn, by_version};
use crate::api::ApiError;

/// A bucket, a key, and a version of it or its newest one.
pub(super) type Asked<'a> = (&'a str, &'a str, Option<&'a str>);

/// An object that is there.
pub(super) struct Found {
    pub(super) object: Arc<Stored>,
    /// What the answer calls its version; nothing where none are kept.
    pub(super) version: Option<String>,
    /// When a lifecycle rule will take it away, as a header says it.
    pub(super) expiration: Option<String>,
}

impl Front {
    /// The object to read. Who may not list the bucket does not learn which keys it lacks.
    /// `customer` is what the request has brought along to read it with.
    pub(super) fn read(&self, by: &Extensions, asked: Asked, customer: Option<&CustomerKey>) -> S3Result<Found> {
        let (bucket, key, version) = asked;
        match self.store().look(bucket, key, version)? {
            Some(Version::Object(object)) => {
                customer::check(&object.about, customer)?;
                self.found(asked, object)
            }
            Some(Version::Marker(marker)) if version.is_some() => Err(not_allowed(&marker, true)),
            other => {
                self.allow(by, "s3:ListBucket", &format!("arn:aws:s3:::{bucket}"))?;
                let mut error = absent(version);
                if let Some(Version::Marker(marker)) = other {
                    error.set_headers(of_marker(&marker));
                }
                Err(error)
            }
        }
    }

    /// The object whose tags or attributes a request is about: a delete marker has none, also if it is the newest.
    pub(super) fn find(&self, asked: Asked) -> S3Result<Found> {
        let (bucket, key, version) = asked;
        match self.store().look(bucket, key, version)? {
            Some(Version::Object(object)) => self.found(asked, object),
            Some(Version::Marker(marker)) => Err(not_allowed(&marker, version.is_some())),
            None => Err(absent(version)),
        }
    }

    fn found(&self, (bucket, key, version): Asked, object: Arc<Stored>) -> S3Result<Found> {
        Ok(self.store().with(bucket, |bucket| {
            let names = bucket.versioning != Versioning::Never;
            let expires = bucket.expires(key, &object).filter(|_| version.is_none());
            Ok(Found {
                version: names.then(|| object.version().to_owned()),
                expiration: expires.and_then(|(at, rule)| expiry(at, &rule)),
                object,
            })
        })?)
    }

    /// The object that a copy is made of.
    pub(super) fn source(
        &self,
        extensions: &Extensions,
        source: &CopySource,
        customer: Option<&CustomerKey>,
    ) -> S3Result<Found> {
        let CopySource::Bucket {
            bucket,
            key,
            version_id,
        } = source
        else {
            return Err(ApiError::not_implemented("Access points are not implemented").into());
        };
        let resource = arn(bucket, key);
        let version = version_id.as_deref();
        let action = by_version(version.is_some(), "s3:GetObjectVersion", "s3:GetObject");
        self.allow(extensions, action, &resource)?;
        let found = match self.read(extensions, (bucket, key, version), customer) {
            // A copy of a delete marker by its id is asked for wrongly, whatever the method.
            Err(error) if error.status_code() == Some(hyper::StatusCode::METHOD_NOT_ALLOWED) => {
                return Err(ApiError::invalid_request(
                    "The source of a copy request may not specifically refer to a delete marker by version id.",
                )
                .into());
            }
            found => found?,
        };
        not_archived(&found.object.about)?;
        self.unwrap(extensions, &found.object.about, &resource)?;
        Ok(found)
    }

    /// Whether the tags of a copy's source may be read, and put on the copy.
    pub(super) fn may_copy_tags(
        &self,
        extensions: &Extensions,
        source: &CopySource,
        copy: &str,
    ) -> Result<(), ApiError> {
        if let CopySource::Bucket {
            bucket,
            key,
            version_id,
        } = source
        {
            let is_of_version = version_id.is_some();
            let action = by_version(is_of_version, "s3:GetObjectVersionTagging", "s3:GetObjectTagging");
            self.allow(extensions, action, &arn(bucket, key))?;
        }
        self.allow(extensions, "s3:PutObjectTagging", copy)
    }
}

fn http_date(at: SystemTime) -> Option<String> {
    // A rule may lie in a year that no date is written in.
    let at = jiff::Timestamp::try_from(at).ok()?;
    Some(at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
}

/// As `x-amz-expiration` says it.
pub(super) fn expiry(at: SystemTime, rule: &str) -> Option<String> {
    let rule = utf8_percent_encode(rule, PLAIN);
    Some(format!("expiry-date=\"{}\", rule-id=\"{rule}\"", http_date(at)?))
}

fn absent(version: Option<&str>) -> S3Error {
    match version {
        Some(_) => no_such_version().into(),
        None => no_such_key().into(),
    }
}

pub(super) fn no_such_version() -> ApiError {
    ApiError::new("NoSuchVersion", "The specified version does not exist.").status(404)
}

/// What cannot be done with a delete marker, which can only be removed.
fn not_allowed(marker: &Marker, by_id: bool) -> S3Error {
    let mut error = S3Error::from(
        ApiError::new(
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
        )
        .status(405),
    );
    let mut headers = of_marker(marker);
    headers.insert(ALLOW, HeaderValue::from_static("DELETE"));
    if by_id
        && let Some(modified) = http_date(marker.modified)
        && let Ok(modified) = HeaderValue::from_str(&modified)
    {
        headers.insert(LAST_MODIFIED, modified);
    }
    error.set_headers(headers);
    error
}

fn of_marker(marker: &Marker) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        HeaderName::from_static("x-amz-delete-marker"),
        HeaderValue::from_static("true"),
    );
    if let Ok(version) = HeaderValue::from_str(marker.version()) {
        headers.insert(HeaderName::from_static("x-amz-version-id"), version);
    }
    headers
}

pub(super) fn status(front: &Front, req: S3Request<GetBucketVersioningInput>) -> Answer<GetBucketVersioningOutput> {
    let status = match front.store().settings(&req.input.bucket)?.versioning {
        Versioning::Never => None,
        Versioning::Enabled => Some(BucketVersioningStatus::ENABLED),
        Versioning::Suspended => Some(BucketVersioningStatus::SUSPENDED),
    };
    Ok(S3Response::new(GetBucketVersioningOutput {
        mfa_delete: None,
        status: status.map(BucketVersioningStatus::from_static),
    }))
}

/// Turns versions on, or stops making more of them. Asking for a second factor before a deletion is not for this world.
pub(super) fn put_status(front: &Front, req: S3Request<PutBucketVersioningInput>) -> Answer<PutBucketVersioningOutput> {
    let input = req.input;
    front.store().check_bucket(&input.bucket)?;
    let asked = input.versioning_configuration;
    match asked.mfa_delete.as_ref().map(MFADelete::as_str) {
        None | Some(MFADelete::DISABLED) => {}
        Some(MFADelete::ENABLED) => {
            return Err(ApiError::not_implemented("MFA delete is not implemented").into());
        }
        Some(_) => return Err(malformed().into()),
    }
    let versioning = match asked.status.as_ref().map(BucketVersioningStatus::as_str) {
        Some(BucketVersioningStatus::ENABLED) => Versioning::Enabled,
        Some(BucketVersioningStatus::SUSPENDED) => Versioning::Suspended,
        Some(_) => return Err(malformed().into()),
        None => {
            let message = "The Versioning element must be specified";
            return Err(ApiError::new("IllegalVersioningConfigurationException", message).into());
        }
    };
    front.store().try_change_settings(&input.bucket, |settings| {
        check_versioning(settings, versioning)?;
        settings.versioning = versioning;
        Ok(())
    })?;
    Ok(S3Response::new(PutBucketVersioningOutput::default()))
}

pub(super) fn list(front: &Front, req: S3Request<ListObjectVersionsInput>) -> Answer<ListObjectVersionsOutput> {
    let input = req.input;
    let names = Names::new(input.encoding_type.as_ref())?;
    let limit = limit(input.max_keys)?;
    let full = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let delimiter = full(&input.delimiter);
    let after = match (full(&input.key_marker), full(&input.version_id_marker)) {
        (None, None) => After::Nothing,
        (None, Some(_)) => {
            return Err(
                ApiError::invalid_argument("A version-id marker cannot be specified without a key marker.").into(),
            );
        }
        (Some(key), Some(id)) => After::Version(key, id),
        (Some(key), None) => match &delimiter {
            Some(delimiter) if key.ends_with(delimiter.as_str()) => After::Prefix(key),
            _ => After::Key(key),
        },
    };
    let query = Query {
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: delimiter.clone(),
        after,
        limit: limit as usize,
    };
    let page = front.store().with(&input.bucket, |bucket| bucket.versions(&query))?;
    let owner = front.owner(&input.bucket);
    let (mut versions, mut markers) = (Vec::new(), Vec::new());
    for (key, version, is_latest) in page.contents {
        let key = Some(names.show(&key));
        match version {
            Version::Object(object) => versions.push(shown(key, &object, owner.clone(), is_latest)),
            Version::Marker(marker) => markers.push(DeleteMarkerEntry {
                is_latest: Some(is_latest),
                key,
                last_modified: Some(time(marker.modified)),
                owner: owner.clone(),
                version_id: Some(marker.version().to_owned()),
            }),
        }
    }
    let (next_key_marker, next_version_id_marker) = match page.next {
        None | Some(After::Nothing) => (None, None),
        Some(After::Key(key) | After::Prefix(key)) => (Some(names.show(&key)), None),
        Some(After::Version(key, id)) => (Some(names.show(&key)), Some(id)),
    };
    Ok(S3Response::new(ListObjectVersionsOutput {
        name: Some(input.bucket),
        prefix: Some(names.show(&query.prefix)),
        key_marker: Some(names.show(input.key_marker.as_deref().unwrap_or_default())),
        version_id_marker: Some(input.version_id_marker.unwrap_or_default()),
        max_keys: Some(limit),
        is_truncated: Some(next_key_marker.is_some()),
        common_prefixes: names.prefixes(&page.prefixes),
        versions: Some(versions),
        delete_markers: Some(markers),
        next_version_id_marker,
        next_key_marker,
        delimiter: names.maybe(delimiter.as_deref()),
        encoding_type: input.encoding_type,
        request_charged: None,
    }))
}

fn shown(key: Option<String>, object: &Stored, owner: Option<Owner>, is_latest: bool) -> ObjectVersion {
    ObjectVersion {
        checksum_algorithm: Some(object.checksums.algorithms()),
        checksum_type: Some(ChecksumType::from_static(object.checksums.kind.name())),
        e_tag: Some(quoted(&object.etag)),
        is_latest: Some(is_latest),
        key,
        last_modified: Some(time(object.modified)),
        owner,
        restore_status: None,
        size: Some(object.body.length() as i64),
        storage_class: Some(object.about.storage_class.clone().map_or_else(
            || ObjectVersionStorageClass::from_static(ObjectVersionStorageClass::STANDARD),
            ObjectVersionStorageClass::from,
        )),
        version_id: Some(object.version().to_owned()),
    }
}

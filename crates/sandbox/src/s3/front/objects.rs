//! Objects: put and read.

use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::super::body::{Arrived, Intake, LARGEST_PUT, disk, receive, too_large};
use super::super::checksum::{Algorithm, Kind, hasher, requested, verify};
use super::super::convert::*;
use super::super::customer::{self, CustomerKey};
use super::super::encryption;
use super::super::object::{About, Object as Stored};
use super::super::store::{Store, check_condition};
use super::versions::expiry;
use super::{Answer, Front, arn, taken};
use crate::api::{ApiError, refuse_if};

pub(super) async fn put(front: &Front, mut req: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
    let trailing_headers = req.trailing_headers.take();
    let (input, headers, extensions) = taken(req);
    let condition = write_condition(input.if_match.clone(), input.if_none_match.clone())?;
    let resource = arn(&input.bucket, &input.key);
    let tags = front.header_tags(&extensions, input.tagging.as_deref(), &resource)?;
    let customer = CustomerKey::given(&headers)?;
    let protection = front.header_protection(&extensions, &headers, &input.bucket, &resource)?;
    let mut about = about!(input);
    within_bounds(input.content_length)?;
    front
        .store()
        .with(&input.bucket, |bucket| check_condition(bucket, &input.key, &condition))?;
    let caller = Front::caller(&extensions)?;
    encryption::seal(&front.world, caller, &resource, &mut about, customer.as_ref())?;
    let given = given_checksum!(input);
    let announced = headers.get("x-amz-trailer").and_then(|value| value.to_str().ok());
    if input.content_md5.is_none() && announced.is_none() && Algorithm::of(&given).next().is_none() {
        front.check_undigested(&input.bucket, &protection)?;
    }
    let named = input.checksum_algorithm.as_ref().map(ChecksumAlgorithm::as_str);
    let mut algorithms = requested(&given, announced, named)?;
    if algorithms.is_empty() {
        algorithms.push(Algorithm::Crc64Nvme);
    }
    let arrived = take_in(
        front.store(),
        &algorithms,
        customer.clone(),
        input.body,
        input.content_length,
    )
    .await?;
    check_md5(input.content_md5.as_deref(), &arrived.md5)?;
    verify(
        &given,
        announced,
        |name| trailer(trailing_headers.as_ref(), name),
        &arrived.checksum,
    )?;
    let mut object = Stored::new(arrived, about);
    object.facts.tags = tags;
    object.facts.protection = protection;
    let facts = object.facts.clone();
    let version_id = front.store().put(&input.bucket, &input.key, object, &condition)?;
    let expires = front
        .store()
        .expires(&input.bucket, &input.key, version_id.as_deref())?;
    let checksum = facts.checksums.values;
    let (sse_customer_algorithm, sse_customer_key_md5) = customer::told(customer.as_ref());
    Ok(S3Response::new(summed!(PutObjectOutput, checksum, {
        expiration: expires.and_then(|(at, rule)| expiry(at, &rule)),
        version_id,
        e_tag: Some(quoted(&facts.etag)),
        checksum_type: Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
        server_side_encryption: facts.about.sse(),
        sse_customer_algorithm,
        sse_customer_key_md5,
        ssekms_key_id: facts.about.encryption_key,
        ssekms_encryption_context: facts.about.encryption_context,
        bucket_key_enabled: facts.about.bucket_key.filter(|on| *on),
        ..PutObjectOutput::default()
    })))
}

/// What a read of an object found, once its conditions hold.
struct Found {
    object: std::sync::Arc<Stored>,
    version: Option<String>,
    expiration: Option<String>,
    customer: Option<CustomerKey>,
    start: u64,
    end: u64,
    is_partial: bool,
}

/// Finds what GetObject and HeadObject are asked for; their inputs share these members.
macro_rules! find {
    ($front:expr, $req:expr) => {{
        let input = $req.input;
        let customer = CustomerKey::given(&$req.headers)?;
        let asked = (&*input.bucket, &*input.key, input.version_id.as_deref());
        let super::versions::Found {
            object,
            version,
            expiration,
        } = $front.read(&$req.extensions, asked, customer.as_ref())?;
        let conditions = ReadConditions {
            matches: input.if_match,
            none_matches: input.if_none_match,
            modified_since: input.if_modified_since,
            unmodified_since: input.if_unmodified_since,
        };
        check_read(&conditions, &object)?;
        let (start, end, is_partial) = extent(&object, input.range, input.part_number)?;
        let show = input.checksum_mode.is_some();
        let checksum = part_checksum(&object, input.part_number, start..end, is_partial).filter(|_| show);
        let found = Found {
            object,
            version,
            expiration,
            customer,
            start,
            end,
            is_partial,
        };
        (found, checksum, input.part_number)
    }};
}

/// Says of an object what GetObject and HeadObject both say; their outputs share these members.
macro_rules! describe {
    ($output:ident, $found:expr, $checksum:expr, $part:expr, { $($more:tt)* }) => {{
        let object = &$found.object;
        let checksum_type = $checksum.is_some().then(|| ChecksumType::from_static(object.checksums.kind.name()));
        let checksum = $checksum.unwrap_or_default();
        let about = object.about.clone();
        let (sse_customer_algorithm, sse_customer_key_md5) = customer::told($found.customer.as_ref());
        summed!($output, checksum, {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: about.cache_control,
            checksum_type,
            content_disposition: about.content_disposition,
            content_encoding: about.content_encoding,
            content_language: about.content_language,
            content_length: Some(($found.end - $found.start) as i64),
            content_range: $found.content_range(),
            content_type: about.content_type,
            e_tag: Some(quoted(&object.etag)),
            expiration: $found.expiration.clone(),
            expires: about.expires,
            last_modified: Some(time(object.modified)),
            metadata: Some(about.metadata.into_iter().collect()),
            parts_count: $part.and((!object.parts.is_empty()).then_some(object.parts.len() as i32)),
            server_side_encryption: object.about.sse(),
            sse_customer_algorithm,
            sse_customer_key_md5,
            ssekms_key_id: about.encryption_key,
            bucket_key_enabled: about.bucket_key.filter(|on| *on),
            storage_class: about.storage_class.map(StorageClass::from),
            version_id: $found.version.clone(),
            website_redirect_location: about.website_redirect,
            $($more)*
            ..$output::default()
        })
    }};
}

/// The checksum of what is asked for: of a part where S3 keeps one for each, of the whole object where it is all of it.
fn part_checksum(
    object: &Stored,
    part: Option<i32>,
    extent: std::ops::Range<u64>,
    is_partial: bool,
) -> Option<Checksum> {
    let piece = part.and_then(|number| object.parts.get(usize::try_from(number.saturating_sub(1)).ok()?));
    match piece {
        Some(piece) if object.checksums.kind == Kind::Composite => Some(piece.checksum.clone()),
        _ if !is_partial || (part.is_some() && extent == (0..object.body.length())) => {
            Some(object.checksums.values.clone())
        }
        _ => None,
    }
}

impl Found {
    fn content_range(&self) -> Option<String> {
        let length = self.object.body.length();
        self.is_partial
            .then(|| format!("bytes {}-{}/{length}", self.start, self.end - 1))
    }

    fn body(&self) -> Result<StreamingBlob, ApiError> {
        let body = if self.is_partial {
            self.object.body.slice(self.start, self.end)
        } else {
            self.object.body.clone()
        };
        let body = body.with_key(self.customer.clone());
        body.check().map_err(|error| disk(&error))?;
        Ok(StreamingBlob::new(body.stream()))
    }
}

pub(super) fn get(front: &Front, req: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
    let resource = arn(&req.input.bucket, &req.input.key);
    let (found, checksum, part) = find!(front, req);
    not_archived(&found.object.about)?;
    front.unwrap(&req.extensions, &found.object.about, &resource)?;
    let tags = found.object.tags.len() as i32;
    let body = found.body()?;
    let (mode, until, hold) = front.shown_protection(&req.extensions, &found.object.protection, &resource);
    Ok(S3Response::new(describe!(GetObjectOutput, found, checksum, part, {
        body: Some(body),
        tag_count: (tags > 0).then_some(tags),
        object_lock_mode: mode,
        object_lock_retain_until_date: until,
        object_lock_legal_hold_status: hold,
    })))
}

pub(super) fn head(front: &Front, req: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
    let resource = arn(&req.input.bucket, &req.input.key);
    let (found, checksum, part) = find!(front, req);
    front.unwrap(&req.extensions, &found.object.about, &resource)?;
    let tags = found.object.tags.len() as i32;
    let (mode, until, hold) = front.shown_protection(&req.extensions, &found.object.protection, &resource);
    let mut response = S3Response::new(describe!(HeadObjectOutput, found, checksum, part, {
        object_lock_mode: mode,
        object_lock_retain_until_date: until,
        object_lock_legal_hold_status: hold,
    }));
    if tags > 0 {
        response.headers.insert("x-amz-tagging-count", tags.into());
    }
    if found.is_partial {
        response.status = Some(hyper::StatusCode::PARTIAL_CONTENT);
    }
    Ok(response)
}

/// Archived bytes are restored first, which the sandbox does not do.
pub(super) fn not_archived(about: &About) -> Result<(), ApiError> {
    if about.is_archived() {
        let message = "The operation is not valid for the object's storage class";
        return Err(ApiError::new("InvalidObjectState", message).status(403));
    }
    Ok(())
}

pub(super) async fn take_in(
    store: &Store,
    algorithms: &[Algorithm],
    customer: Option<CustomerKey>,
    body: Option<StreamingBlob>,
    announced: Option<i64>,
) -> Result<Arrived, ApiError> {
    let arrived = match body {
        Some(body) => receive(&store.home, hasher(algorithms), customer, body).await?,
        None => Intake::new(&store.home, hasher(algorithms), customer.as_ref())
            .and_then(Intake::finish)
            .map_err(|error| disk(&error))?,
    };
    if announced.is_some_and(|announced| announced != arrived.body.length() as i64) {
        let message = "You did not provide the number of bytes specified by the Content-Length HTTP header";
        return Err(ApiError::new("IncompleteBody", message));
    }
    Ok(arrived)
}

pub(super) fn within_bounds(length: Option<i64>) -> Result<(), ApiError> {
    refuse_if(length.is_some_and(|length| length > LARGEST_PUT as i64), too_large)
}

fn check_read(conditions: &ReadConditions, object: &Stored) -> S3Result<()> {
    conditions.check(object).map_err(|error| {
        let unchanged = error.status == 304;
        let mut error = S3Error::from(error);
        if unchanged {
            error.set_code(S3ErrorCode::NotModified);
            let mut headers = hyper::HeaderMap::new();
            if let Ok(etag) = quoted(&object.etag).to_http_header() {
                headers.insert(hyper::header::ETAG, etag);
            }
            error.set_headers(headers);
        }
        error
    })
}

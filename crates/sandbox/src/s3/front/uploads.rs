//! Multipart uploads, as clients see them.

use hyper::http::Extensions;
use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::super::checksum::{Algorithm, Kind, requested, verify};
use super::super::convert::*;
use super::super::customer::{self, CustomerKey};
use super::super::encryption;
use super::super::multipart::{Claim, Completion, MOST_PARTS, Part as StoredPart, Upload, fresh_id};
use super::super::object::About;
use super::objects::{take_in, within_bounds};
use super::{Answer, Front, arn, gone, taken};
use crate::api::ApiError;

pub(super) fn create(front: &Front, req: S3Request<CreateMultipartUploadInput>) -> Answer<CreateMultipartUploadOutput> {
    let (input, headers, extensions) = taken(req);
    let resource = arn(&input.bucket, &input.key);
    let named = input.checksum_algorithm.as_ref();
    if named.is_none() && input.checksum_type.is_some() {
        let message = "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.";
        return Err(ApiError::invalid_request(message).into());
    }
    let algorithm = named.map_or(Ok(Algorithm::Crc64Nvme), |name| Algorithm::parse(name.as_str()))?;
    let kind = Kind::parse(input.checksum_type.as_ref().map(ChecksumType::as_str), algorithm)?;
    let tags = front.header_tags(&extensions, input.tagging.as_deref(), &resource)?;
    let protection = front.header_protection(&extensions, &headers, &input.bucket, &resource)?;
    let customer = CustomerKey::given(&headers)?;
    let mut about = about!(input);
    let caller = Front::caller(&extensions)?;
    encryption::seal(&front.world, caller, &resource, &mut about, customer.as_ref())?;
    let sealed = about.clone();
    let id = fresh_id(front.store().home.now());
    let upload = Upload {
        key: input.key.clone(),
        id: id.clone(),
        begun: front.store().home.now(),
        about,
        tags,
        protection,
        algorithm,
        kind,
        named: named.is_some(),
        overtaken: false,
    };
    front.store().begin(&input.bucket, upload)?;
    let (sse_customer_algorithm, sse_customer_key_md5) = customer::told(customer.as_ref());
    Ok(S3Response::new(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(id),
        checksum_algorithm: named
            .is_some()
            .then(|| ChecksumAlgorithm::from_static(algorithm.name())),
        checksum_type: named.is_some().then(|| ChecksumType::from_static(kind.name())),
        server_side_encryption: sealed.sse(),
        sse_customer_algorithm,
        sse_customer_key_md5,
        ssekms_key_id: sealed.encryption_key,
        ssekms_encryption_context: sealed.encryption_context,
        bucket_key_enabled: sealed.bucket_key.filter(|on| *on),
        ..CreateMultipartUploadOutput::default()
    }))
}

pub(super) async fn part(front: &Front, mut req: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
    let trailing_headers = req.trailing_headers.take();
    let (input, headers, extensions) = taken(req);
    part_number(input.part_number)?;
    within_bounds(input.content_length)?;
    let customer = CustomerKey::given(&headers)?;
    let upload = Uploading {
        bucket: &input.bucket,
        key: &input.key,
        id: &input.upload_id,
    };
    let (algorithm, is_named, about) = upload.goes_on(front, &extensions, customer.as_ref())?;
    let given = given_checksum!(input);
    let announced = headers.get("x-amz-trailer").and_then(|value| value.to_str().ok());
    let mut algorithms = requested(&given, announced, None)?;
    if let Some(other) = algorithms.iter().find(|given| is_named && **given != algorithm) {
        return Err(ApiError::invalid_request(format!(
            "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
            algorithm.lower(),
            other.lower()
        ))
        .into());
    }
    // What the client sent is what it hears back; what it will be asked for is kept beside it.
    let told = algorithms.first().copied().unwrap_or(algorithm);
    if !algorithms.contains(&algorithm) {
        algorithms.push(algorithm);
    }
    let (sse_customer_algorithm, sse_customer_key_md5) = customer::told(customer.as_ref());
    let arrived = take_in(front.store(), &algorithms, customer, input.body, input.content_length).await?;
    check_md5(input.content_md5.as_deref(), &arrived.md5)?;
    verify(
        &given,
        announced,
        |name| trailer(trailing_headers.as_ref(), name),
        &arrived.checksum,
    )?;
    let part = StoredPart::new(input.part_number, arrived);
    let (etag, checksum) = (part.etag(), told.only(&part.facts.checksum));
    front
        .store()
        .add_part(&input.bucket, &input.key, &input.upload_id, part)?;
    Ok(S3Response::new(summed!(UploadPartOutput, checksum, {
        e_tag: Some(quoted(&etag)),
        server_side_encryption: about.sse(),
        sse_customer_algorithm,
        sse_customer_key_md5,
        ssekms_key_id: about.encryption_key,
        bucket_key_enabled: about.bucket_key.filter(|on| *on),
        ..UploadPartOutput::default()
    })))
}

mod listing;

pub(super) use self::listing::{list, parts};

pub(super) fn complete(
    front: &Front,
    req: S3Request<CompleteMultipartUploadInput>,
) -> Answer<CompleteMultipartUploadOutput> {
    let (input, headers, extensions) = taken(req);
    let condition = write_condition(input.if_match.clone(), input.if_none_match.clone())?;
    let claims: Vec<Claim> = input
        .multipart_upload
        .as_ref()
        .and_then(|upload| upload.parts.as_ref())
        .into_iter()
        .flatten()
        .map(|part| Claim {
            number: part.part_number.unwrap_or_default(),
            etag: part
                .e_tag
                .as_ref()
                .map(|etag| etag.value().to_owned())
                .unwrap_or_default(),
            checksum: given_checksum!(part),
        })
        .collect();
    let completion = Completion {
        claims,
        condition,
        checksum: given_checksum!(input),
        kind: input.checksum_type.as_ref().map(|kind| kind.as_str().to_owned()),
        length: input
            .mpu_object_size
            .map(|length| u64::try_from(length).unwrap_or_default()),
    };
    let customer = CustomerKey::given(&headers)?;
    let upload = Uploading {
        bucket: &input.bucket,
        key: &input.key,
        id: &input.upload_id,
    };
    match upload.ends(front, &extensions, customer.as_ref()) {
        // Completed already, perhaps: the store knows.
        Err(error) if error.code == "NoSuchUpload" => {}
        other => other?,
    }
    let object = front
        .store()
        .complete(&input.bucket, &input.key, &input.upload_id, &completion)?;
    let checksum = object.checksums.values.clone();
    Ok(S3Response::new(summed!(CompleteMultipartUploadOutput, checksum, {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(quoted(&object.etag)),
        checksum_type: Some(ChecksumType::from_static(object.checksums.kind.name())),
        server_side_encryption: object.about.sse(),
        ssekms_key_id: object.about.encryption_key.clone(),
        bucket_key_enabled: object.about.bucket_key.filter(|on| *on),
        version_id: object.facts.version.clone(),
        ..CompleteMultipartUploadOutput::default()
    })))
}

pub(super) fn abort(front: &Front, req: S3Request<AbortMultipartUploadInput>) -> Answer<AbortMultipartUploadOutput> {
    let input = req.input;
    front.store().abort(&input.bucket, &input.key, &input.upload_id)?;
    Ok(gone(S3Response::new(AbortMultipartUploadOutput::default())))
}

/// An upload that a request is about.
pub(super) struct Uploading<'a> {
    pub(super) bucket: &'a str,
    pub(super) key: &'a str,
    pub(super) id: &'a str,
}

impl Uploading<'_> {
    /// The algorithm of its checksums, whether its client named it, and what the object will be.
    fn found(&self, front: &Front) -> Result<(Algorithm, bool, About), ApiError> {
        front.store().with(self.bucket, |bucket| {
            let upload = bucket.upload(self.key, self.id)?;
            Ok((upload.algorithm, upload.named, upload.about.clone()))
        })
    }

    /// The same for a part of it, if its data key opens to the caller, or the customer's is the one that it began with.
    pub(super) fn goes_on(
        &self,
        front: &Front,
        extensions: &Extensions,
        customer: Option<&CustomerKey>,
    ) -> Result<(Algorithm, bool, About), ApiError> {
        let found = self.found(front)?;
        let (caller, resource) = (Front::caller(extensions)?, arn(self.bucket, self.key));
        customer::check_part(&found.2, customer)?;
        encryption::admit(&front.world, caller, &resource, customer)?;
        encryption::unwrap(&front.world, caller, &found.2, &resource)?;
        Ok(found)
    }

    /// Whether it may be completed.
    fn ends(&self, front: &Front, extensions: &Extensions, customer: Option<&CustomerKey>) -> Result<(), ApiError> {
        let (_, is_named, about) = self.found(front)?;
        customer::check_upload(&about, is_named, customer)?;
        front.unwrap(extensions, &about, &arn(self.bucket, self.key))
    }
}

pub(super) fn part_number(number: i32) -> Result<(), ApiError> {
    if (1..=MOST_PARTS).contains(&number) {
        return Ok(());
    }
    let message = "Part number must be an integer between 1 and 10000, inclusive";
    Err(ApiError::invalid_argument(message))
}

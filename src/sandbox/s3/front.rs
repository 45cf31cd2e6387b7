//! S3's operations, as s3s has parsed and signed them, over the [`Store`].

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use hyper::http::Extensions;
use s3s::dto::*;
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::body::{Arrived, Intake, disk, receive};
use super::checksum::{Algorithm, Kind, hasher, requested, verify};
use super::convert::*;
use super::list::{After, Query};
use super::multipart::{Claim, MOST_PARTS, Part as StoredPart, Upload};
use super::store::{About, Condition, Object as Stored, Store, now};
use crate::sandbox::api::ApiError;
use crate::sandbox::identity::{Caller, REGION};
use crate::sandbox::world::World;

/// The largest body of one request.
const LARGEST_PUT: i64 = 5 * 1024 * 1024 * 1024;

/// Answers S3 requests that [`super::access`] has let through.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) world: Arc<World>,
}

impl Front {
    fn store(&self) -> &Store {
        &self.world.s3
    }

    /// Checks what `access` could not: a second resource of the same request.
    fn allow(&self, extensions: &Extensions, action: &str, resource: &str) -> Result<(), ApiError> {
        let caller = extensions
            .get::<Caller>()
            .ok_or_else(|| ApiError::new("AccessDenied", "Access Denied").status(403))?;
        super::access::authorize(&self.world, caller, action, resource, &BTreeMap::new())
    }

    /// The object to read. Who may not list the bucket does not learn which keys it lacks.
    fn read(&self, extensions: &Extensions, bucket: &str, key: &str) -> Result<Arc<Stored>, ApiError> {
        if let Some(object) = self.store().find(bucket, key)? {
            return Ok(object);
        }
        self.allow(extensions, "s3:ListBucket", &format!("arn:aws:s3:::{bucket}"))?;
        Err(super::store::no_such_key())
    }

    fn source(&self, extensions: &Extensions, source: &CopySource) -> Result<Arc<Stored>, ApiError> {
        let CopySource::Bucket {
            bucket,
            key,
            version_id,
        } = source
        else {
            return Err(ApiError::new("NotImplemented", "Access points are not implemented").status(501));
        };
        no_version(version_id.as_deref())?;
        self.allow(extensions, "s3:GetObject", &format!("arn:aws:s3:::{bucket}/{key}"))?;
        self.read(extensions, bucket, key)
    }
}

#[async_trait::async_trait]
impl S3 for Front {
    async fn create_bucket(&self, req: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        let input = req.input;
        let constraint = input
            .create_bucket_configuration
            .and_then(|configuration| configuration.location_constraint);
        if let Some(constraint) = constraint
            && !constraint.as_str().is_empty()
        {
            return Err(ApiError::new(
                "InvalidLocationConstraint",
                "The specified location-constraint is not valid",
            )
            .into());
        }
        self.store().create_bucket(&input.bucket)?;
        Ok(S3Response::new(CreateBucketOutput {
            location: Some(format!("/{}", input.bucket)),
        }))
    }

    async fn delete_bucket(&self, req: S3Request<DeleteBucketInput>) -> S3Result<S3Response<DeleteBucketOutput>> {
        self.store().delete_bucket(&req.input.bucket)?;
        Ok(S3Response::with_status(
            DeleteBucketOutput::default(),
            hyper::StatusCode::NO_CONTENT,
        ))
    }

    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.store().check_bucket(&req.input.bucket)?;
        Ok(S3Response::new(HeadBucketOutput {
            bucket_region: Some(REGION.to_owned()),
            ..HeadBucketOutput::default()
        }))
    }

    async fn list_buckets(&self, req: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        let input = req.input;
        let limit = usize::try_from(input.max_buckets.unwrap_or(10_000)).unwrap_or(10_000);
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let after = input.continuation_token.as_deref().map(parse_token).transpose()?;
        let mut left: Vec<_> = self
            .store()
            .buckets()
            .into_iter()
            .filter(|(name, _)| name.starts_with(prefix))
            .filter(|(name, _)| !matches!(&after, Some(After::Key(key)) if name <= key))
            .collect();
        let more = left.len() > limit;
        left.truncate(limit);
        let next = left
            .last()
            .filter(|_| more)
            .and_then(|(name, _)| token(&After::Key(name.clone())));
        Ok(S3Response::new(ListBucketsOutput {
            buckets: Some(
                left.into_iter()
                    .map(|(name, created)| Bucket {
                        bucket_region: Some(REGION.to_owned()),
                        creation_date: Some(time(created)),
                        name: Some(name),
                    })
                    .collect(),
            ),
            continuation_token: next,
            owner: Some(owner()),
            prefix: input.prefix,
        }))
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.store().check_bucket(&req.input.bucket)?;
        Ok(S3Response::new(GetBucketLocationOutput::default()))
    }

    async fn get_bucket_versioning(
        &self,
        req: S3Request<GetBucketVersioningInput>,
    ) -> S3Result<S3Response<GetBucketVersioningOutput>> {
        self.store().check_bucket(&req.input.bucket)?;
        Ok(S3Response::new(GetBucketVersioningOutput::default()))
    }

    async fn get_bucket_encryption(
        &self,
        req: S3Request<GetBucketEncryptionInput>,
    ) -> S3Result<S3Response<GetBucketEncryptionOutput>> {
        self.store().check_bucket(&req.input.bucket)?;
        Err(ApiError::new(
            "ServerSideEncryptionConfigurationNotFoundError",
            "The server side encryption configuration was not found",
        )
        .status(404)
        .into())
    }

    async fn put_object(&self, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let S3Request {
            input,
            headers,
            extensions,
            trailing_headers,
            ..
        } = req;
        let condition = write_condition(input.if_match.clone(), input.if_none_match.clone())?;
        let tags = header_tags(input.tagging.as_deref())?;
        if !tags.is_empty() {
            let resource = format!("arn:aws:s3:::{}/{}", input.bucket, input.key);
            self.allow(&extensions, "s3:PutObjectTagging", &resource)?;
        }
        let about = put_about(&input)?;
        too_large(input.content_length)?;
        self.store().with(&input.bucket, |bucket| {
            super::store::check_condition(bucket, &input.key, &condition)
        })?;
        let given = given_checksum!(input);
        let announced = headers.get("x-amz-trailer").and_then(|value| value.to_str().ok());
        let named = input.checksum_algorithm.as_ref().map(ChecksumAlgorithm::as_str);
        let mut algorithms = requested(&given, announced, named)?;
        if algorithms.is_empty() {
            algorithms.push(Algorithm::Crc64Nvme);
        }
        let arrived = take_in(self.store(), &algorithms, input.body, input.content_length).await?;
        check_md5(input.content_md5.as_deref(), &arrived.md5)?;
        verify(
            &given,
            |name| trailer(trailing_headers.as_ref(), name),
            &arrived.checksum,
        )?;
        let mut object = Stored::new(arrived, about);
        object.tags = tags;
        let (etag, checksum, about) = (
            object.etag.clone(),
            object.checksums.values.clone(),
            object.about.clone(),
        );
        self.store().put(&input.bucket, &input.key, object, &condition)?;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(quoted(&etag)),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            checksum_type: Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
            server_side_encryption: about.encryption.map(ServerSideEncryption::from),
            ssekms_key_id: about.encryption_key,
            ..PutObjectOutput::default()
        }))
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = req.input;
        no_version(input.version_id.as_deref())?;
        let object = self.read(&req.extensions, &input.bucket, &input.key)?;
        let conditions = ReadConditions {
            matches: input.if_match,
            none_matches: input.if_none_match,
            modified_since: input.if_modified_since,
            unmodified_since: input.if_unmodified_since,
        };
        check_read(&conditions, &object)?;
        let (start, end, partial) = extent(&object, input.range, input.part_number)?;
        let show = input.checksum_mode.is_some() && !partial;
        let checksum = shown(&object.checksums.values, show);
        let about = object.about.clone();
        let body = if partial {
            object.body.slice(start, end)
        } else {
            object.body.clone()
        };
        Ok(S3Response::new(GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            body: Some(StreamingBlob::new(body.stream())),
            cache_control: about.cache_control,
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            checksum_type: show.then(|| ChecksumType::from_static(object.checksums.kind.name())),
            content_disposition: about.content_disposition,
            content_encoding: about.content_encoding,
            content_language: about.content_language,
            content_length: Some((end - start) as i64),
            content_range: partial.then(|| content_range(start, end, &object)),
            content_type: about.content_type,
            e_tag: Some(quoted(&object.etag)),
            expires: about.expires,
            last_modified: Some(time(object.modified)),
            metadata: Some(about.metadata.into_iter().collect()),
            parts_count: input.part_number.and(parts_count(&object)),
            server_side_encryption: about.encryption.map(ServerSideEncryption::from),
            ssekms_key_id: about.encryption_key,
            storage_class: about.storage_class.map(StorageClass::from),
            tag_count: (!object.tags.is_empty()).then_some(object.tags.len() as i32),
            website_redirect_location: about.website_redirect,
            ..GetObjectOutput::default()
        }))
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = req.input;
        no_version(input.version_id.as_deref())?;
        let object = self.read(&req.extensions, &input.bucket, &input.key)?;
        let conditions = ReadConditions {
            matches: input.if_match,
            none_matches: input.if_none_match,
            modified_since: input.if_modified_since,
            unmodified_since: input.if_unmodified_since,
        };
        check_read(&conditions, &object)?;
        let (start, end, partial) = extent(&object, input.range, input.part_number)?;
        let show = input.checksum_mode.is_some() && !partial;
        let checksum = shown(&object.checksums.values, show);
        let about = object.about.clone();
        let mut response = S3Response::new(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: about.cache_control,
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            checksum_type: show.then(|| ChecksumType::from_static(object.checksums.kind.name())),
            content_disposition: about.content_disposition,
            content_encoding: about.content_encoding,
            content_language: about.content_language,
            content_length: Some((end - start) as i64),
            content_range: partial.then(|| content_range(start, end, &object)),
            content_type: about.content_type,
            e_tag: Some(quoted(&object.etag)),
            expires: about.expires,
            last_modified: Some(time(object.modified)),
            metadata: Some(about.metadata.into_iter().collect()),
            parts_count: input.part_number.and(parts_count(&object)),
            server_side_encryption: about.encryption.map(ServerSideEncryption::from),
            ssekms_key_id: about.encryption_key,
            storage_class: about.storage_class.map(StorageClass::from),
            website_redirect_location: about.website_redirect,
            ..HeadObjectOutput::default()
        });
        if partial {
            response.status = Some(hyper::StatusCode::PARTIAL_CONTENT);
        }
        Ok(response)
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        let input = req.input;
        no_version(input.version_id.as_deref())?;
        self.store().delete(&input.bucket, &input.key)?;
        Ok(S3Response::with_status(
            DeleteObjectOutput::default(),
            hyper::StatusCode::NO_CONTENT,
        ))
    }

    async fn delete_objects(&self, req: S3Request<DeleteObjectsInput>) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let S3Request { input, extensions, .. } = req;
        self.store().check_bucket(&input.bucket)?;
        if input.delete.objects.is_empty() || input.delete.objects.len() > 1000 {
            return Err(ApiError::new(
                "MalformedXML",
                "The XML you provided was not well-formed or did not validate against our published schema",
            )
            .into());
        }
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for object in input.delete.objects {
            let key = object.key;
            let done = self
                .allow(
                    &extensions,
                    "s3:DeleteObject",
                    &format!("arn:aws:s3:::{}/{key}", input.bucket),
                )
                .and_then(|()| no_version(object.version_id.as_deref()))
                .and_then(|()| self.store().delete(&input.bucket, &key));
            match done {
                Ok(()) => deleted.push(DeletedObject {
                    key: Some(key),
                    ..DeletedObject::default()
                }),
                Err(error) => errors.push(Error {
                    code: Some(error.code),
                    key: Some(key),
                    message: Some(error.message),
                    version_id: None,
                }),
            }
        }
        let quiet = input.delete.quiet.unwrap_or(false);
        Ok(S3Response::new(DeleteObjectsOutput {
            deleted: (!quiet).then_some(deleted),
            errors: (!errors.is_empty()).then_some(errors),
            request_charged: None,
        }))
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        let S3Request { input, extensions, .. } = req;
        let source = self.source(&extensions, &input.copy_source)?;
        ReadConditions {
            matches: input.copy_source_if_match.clone(),
            none_matches: input.copy_source_if_none_match.clone(),
            modified_since: input.copy_source_if_modified_since.clone(),
            unmodified_since: input.copy_source_if_unmodified_since.clone(),
        }
        .check(&source)
        .map_err(|error| if error.status == 304 { precondition() } else { error })?;
        if source.body.length() as i64 > LARGEST_PUT {
            return Err(ApiError::new(
                "InvalidRequest",
                "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120",
            )
            .into());
        }
        let mut object = (*source).clone();
        object.modified = now();
        let replace = input
            .metadata_directive
            .as_ref()
            .is_some_and(|directive| directive.as_str() == MetadataDirective::REPLACE);
        let onto_itself = matches!(&input.copy_source, CopySource::Bucket { bucket, key, .. }
            if **bucket == *input.bucket && **key == *input.key);
        if onto_itself && !replace && input.server_side_encryption.is_none() && input.storage_class.is_none() {
            return Err(ApiError::new(
                "InvalidRequest",
                "This copy request is illegal because it is trying to copy an object to itself without changing the \
                 object's metadata, storage class, website redirect location or encryption attributes.",
            )
            .into());
        }
        if replace {
            object.about = copy_about(&input)?;
        }
        object.about.encryption = input.server_side_encryption.as_ref().map(|sse| sse.as_str().to_owned());
        object.about.encryption_key.clone_from(&input.ssekms_key_id);
        if let Some(class) = &input.storage_class {
            object.about.storage_class = Some(class.as_str().to_owned());
        }
        if input
            .tagging_directive
            .as_ref()
            .is_some_and(|directive| directive.as_str() == TaggingDirective::REPLACE)
        {
            object.tags = header_tags(input.tagging.as_deref())?;
        }
        // A copy is one object again: its ETag is the bytes' MD5 whatever the source's parts were.
        if !object.parts.is_empty() {
            let arrived = rehash(object.body.clone(), &[Algorithm::Crc64Nvme]).await?;
            let fresh = Stored::new(arrived, About::default());
            object.etag = fresh.etag;
            object.checksums = fresh.checksums;
            object.parts.clear();
        }
        let answer = CopyObjectResult {
            e_tag: Some(quoted(&object.etag)),
            last_modified: Some(time(object.modified)),
            checksum_type: Some(ChecksumType::from_static(object.checksums.kind.name())),
            checksum_crc32: object.checksums.values.checksum_crc32.clone(),
            checksum_crc32c: object.checksums.values.checksum_crc32c.clone(),
            checksum_crc64nvme: object.checksums.values.checksum_crc64nvme.clone(),
            checksum_sha1: object.checksums.values.checksum_sha1.clone(),
            checksum_sha256: object.checksums.values.checksum_sha256.clone(),
        };
        let about = object.about.clone();
        self.store().put(&input.bucket, &input.key, object, &Condition::Any)?;
        Ok(S3Response::new(CopyObjectOutput {
            copy_object_result: Some(answer),
            server_side_encryption: about.encryption.map(ServerSideEncryption::from),
            ssekms_key_id: about.encryption_key,
            ..CopyObjectOutput::default()
        }))
    }

    async fn list_objects(&self, req: S3Request<ListObjectsInput>) -> S3Result<S3Response<ListObjectsOutput>> {
        let input = req.input;
        let names = Names::new(input.encoding_type.as_ref());
        let limit = limit(input.max_keys)?;
        let delimiter = input.delimiter.clone().filter(|delimiter| !delimiter.is_empty());
        // A marker that ends with the delimiter is a common prefix of the page before.
        let after = match (input.marker.as_deref(), delimiter.as_deref()) {
            (None | Some(""), _) => After::Nothing,
            (Some(marker), Some(delimiter)) if marker.ends_with(delimiter) => After::Prefix(marker.to_owned()),
            (Some(marker), _) => After::Key(marker.to_owned()),
        };
        let query = Query {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: delimiter.clone(),
            after,
            limit: limit as usize,
        };
        let page = self.store().list(&input.bucket, &query)?;
        let next = page.next.as_ref().and_then(|next| match next {
            After::Nothing => None,
            After::Key(name) | After::Prefix(name) => Some(names.show(name)),
        });
        Ok(S3Response::new(ListObjectsOutput {
            name: Some(input.bucket),
            prefix: Some(names.show(&query.prefix)),
            marker: Some(names.show(input.marker.as_deref().unwrap_or_default())),
            max_keys: Some(limit),
            is_truncated: Some(page.next.is_some()),
            common_prefixes: names.prefixes(&page.prefixes),
            contents: Some(contents(&page.contents, &names, true)),
            next_marker: next.filter(|_| delimiter.is_some()),
            delimiter: names.maybe(delimiter.as_deref()),
            encoding_type: input.encoding_type,
            request_charged: None,
        }))
    }

    async fn list_objects_v2(&self, req: S3Request<ListObjectsV2Input>) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = req.input;
        let names = Names::new(input.encoding_type.as_ref());
        let limit = limit(input.max_keys)?;
        let after = match (input.continuation_token.as_deref(), input.start_after.as_deref()) {
            (Some(token), _) => parse_token(token)?,
            (None, Some(key)) if !key.is_empty() => After::Key(key.to_owned()),
            (None, _) => After::Nothing,
        };
        let query = Query {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone().filter(|delimiter| !delimiter.is_empty()),
            after,
            limit: limit as usize,
        };
        let page = self.store().list(&input.bucket, &query)?;
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(names.show(&query.prefix)),
            max_keys: Some(limit),
            key_count: Some((page.contents.len() + page.prefixes.len()) as i32),
            continuation_token: input.continuation_token,
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next.as_ref().and_then(token),
            common_prefixes: names.prefixes(&page.prefixes),
            contents: Some(contents(&page.contents, &names, input.fetch_owner.unwrap_or(false))),
            delimiter: names.maybe(query.delimiter.as_deref()),
            encoding_type: input.encoding_type,
            start_after: names.maybe(input.start_after.as_deref()),
            request_charged: None,
        }))
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let input = req.input;
        let named = input.checksum_algorithm.as_ref();
        let algorithm = named.map_or(Ok(Algorithm::Crc64Nvme), |name| Algorithm::parse(name.as_str()))?;
        let kind = Kind::parse(input.checksum_type.as_ref().map(ChecksumType::as_str), algorithm)?;
        let upload = Upload {
            begun: now(),
            about: multipart_about(&input)?,
            tags: header_tags(input.tagging.as_deref())?,
            algorithm,
            kind,
            named: named.is_some(),
            parts: BTreeMap::new(),
        };
        let id = self.store().begin(&input.bucket, &input.key, upload)?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            checksum_algorithm: named
                .is_some()
                .then(|| ChecksumAlgorithm::from_static(algorithm.name())),
            checksum_type: named.is_some().then(|| ChecksumType::from_static(kind.name())),
            server_side_encryption: input.server_side_encryption,
            ssekms_key_id: input.ssekms_key_id,
            ..CreateMultipartUploadOutput::default()
        }))
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        let S3Request {
            input,
            headers,
            trailing_headers,
            ..
        } = req;
        part_number(input.part_number)?;
        too_large(input.content_length)?;
        let algorithm = self
            .store()
            .upload(&input.bucket, &input.key, &input.upload_id, |upload| upload.algorithm)?;
        let given = given_checksum!(input);
        let announced = headers.get("x-amz-trailer").and_then(|value| value.to_str().ok());
        let mut algorithms = requested(&given, announced, None)?;
        if !algorithms.contains(&algorithm) {
            algorithms.push(algorithm);
        }
        let arrived = take_in(self.store(), &algorithms, input.body, input.content_length).await?;
        check_md5(input.content_md5.as_deref(), &arrived.md5)?;
        verify(
            &given,
            |name| trailer(trailing_headers.as_ref(), name),
            &arrived.checksum,
        )?;
        let part = StoredPart::new(arrived);
        let (etag, checksum) = (part.etag(), part.checksum.clone());
        self.store()
            .add_part(&input.bucket, &input.key, &input.upload_id, input.part_number, part)?;
        Ok(S3Response::new(UploadPartOutput {
            e_tag: Some(quoted(&etag)),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            ..UploadPartOutput::default()
        }))
    }

    async fn upload_part_copy(
        &self,
        req: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        let S3Request { input, extensions, .. } = req;
        part_number(input.part_number)?;
        let algorithm = self
            .store()
            .upload(&input.bucket, &input.key, &input.upload_id, |upload| upload.algorithm)?;
        let source = self.source(&extensions, &input.copy_source)?;
        ReadConditions {
            matches: input.copy_source_if_match,
            none_matches: input.copy_source_if_none_match,
            modified_since: input.copy_source_if_modified_since,
            unmodified_since: input.copy_source_if_unmodified_since,
        }
        .check(&source)
        .map_err(|error| if error.status == 304 { precondition() } else { error })?;
        let range = input
            .copy_source_range
            .as_deref()
            .map(Range::parse)
            .transpose()
            .map_err(|_| {
                ApiError::new(
                    "InvalidArgument",
                    "The x-amz-copy-source-range value must be of the form bytes=first-last",
                )
            })?;
        let (start, end, _) = extent(&source, range, None)?;
        let part = StoredPart::new(rehash(source.body.slice(start, end), &[algorithm]).await?);
        let result = CopyPartResult {
            e_tag: Some(quoted(&part.etag())),
            last_modified: Some(time(part.modified)),
            ..CopyPartResult::default()
        };
        self.store()
            .add_part(&input.bucket, &input.key, &input.upload_id, input.part_number, part)?;
        Ok(S3Response::new(UploadPartCopyOutput {
            copy_part_result: Some(result),
            ..UploadPartCopyOutput::default()
        }))
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = req.input;
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
        let object = self
            .store()
            .complete(&input.bucket, &input.key, &input.upload_id, &claims, &condition)?;
        let checksum = object.checksums.values.clone();
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            location: Some(format!("/{}/{}", input.bucket, input.key)),
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(quoted(&object.etag)),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            checksum_type: Some(ChecksumType::from_static(object.checksums.kind.name())),
            server_side_encryption: object.about.encryption.clone().map(ServerSideEncryption::from),
            ssekms_key_id: object.about.encryption_key.clone(),
            ..CompleteMultipartUploadOutput::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let input = req.input;
        self.store().abort(&input.bucket, &input.key, &input.upload_id)?;
        Ok(S3Response::with_status(
            AbortMultipartUploadOutput::default(),
            hyper::StatusCode::NO_CONTENT,
        ))
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let input = req.input;
        let names = Names::new(input.encoding_type.as_ref());
        let limit = limit(input.max_uploads)?;
        let prefix = input.prefix.clone().unwrap_or_default();
        let delimiter = input.delimiter.clone().filter(|delimiter| !delimiter.is_empty());
        let after = match (input.key_marker.clone(), input.upload_id_marker.clone()) {
            (None, _) => Bound::Unbounded,
            (Some(key), Some(id)) if !id.is_empty() => Bound::Excluded((key, id)),
            (Some(key), _) => Bound::Excluded((key, "\u{10ffff}".to_owned())),
        };
        let (uploads, prefixes, next) = self.store().with(&input.bucket, |bucket| {
            let (mut uploads, mut prefixes) = (Vec::<MultipartUpload>::new(), Vec::<String>::new());
            let (mut next, mut last) = (None, None);
            for ((key, id), upload) in bucket.uploads.range((after, Bound::Unbounded)) {
                let Some(rest) = key.strip_prefix(&prefix) else {
                    continue;
                };
                let common = delimiter
                    .as_ref()
                    .and_then(|delimiter| rest.find(delimiter.as_str()).map(|at| at + delimiter.len()))
                    .map(|at| key[..prefix.len() + at].to_owned());
                if common.is_some() && common.as_ref() == prefixes.last() {
                    last = Some((key.clone(), id.clone()));
                    continue;
                }
                if uploads.len() + prefixes.len() == limit as usize {
                    next = last;
                    break;
                }
                last = Some((key.clone(), id.clone()));
                match common {
                    Some(common) => prefixes.push(common),
                    None => uploads.push(MultipartUpload {
                        checksum_algorithm: upload
                            .named
                            .then(|| ChecksumAlgorithm::from_static(upload.algorithm.name())),
                        checksum_type: upload.named.then(|| ChecksumType::from_static(upload.kind.name())),
                        initiated: Some(time(upload.begun)),
                        initiator: Some(initiator()),
                        key: Some(names.show(key)),
                        owner: Some(owner()),
                        storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
                        upload_id: Some(id.clone()),
                    }),
                }
            }
            Ok((uploads, prefixes, next))
        })?;
        Ok(S3Response::new(ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            common_prefixes: names.prefixes(&prefixes),
            delimiter: names.maybe(delimiter.as_deref()),
            encoding_type: input.encoding_type,
            is_truncated: Some(next.is_some()),
            key_marker: Some(names.show(input.key_marker.as_deref().unwrap_or_default())),
            max_uploads: Some(limit),
            next_key_marker: next.as_ref().map(|(key, _)| names.show(key)),
            next_upload_id_marker: next.map(|(_, id)| id),
            prefix: Some(names.show(&prefix)),
            request_charged: None,
            upload_id_marker: input.upload_id_marker,
            uploads: Some(uploads),
        }))
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        let input = req.input;
        let limit = limit(input.max_parts)?;
        let after = input.part_number_marker.unwrap_or(0);
        let output = self
            .store()
            .upload(&input.bucket, &input.key, &input.upload_id, |upload| {
                let mut left = upload.parts.range((Bound::Excluded(after), Bound::Unbounded));
                let parts: Vec<Part> = left
                    .by_ref()
                    .take(limit as usize)
                    .map(|(number, part)| Part {
                        checksum_crc32: part.checksum.checksum_crc32.clone(),
                        checksum_crc32c: part.checksum.checksum_crc32c.clone(),
                        checksum_crc64nvme: part.checksum.checksum_crc64nvme.clone(),
                        checksum_sha1: part.checksum.checksum_sha1.clone(),
                        checksum_sha256: part.checksum.checksum_sha256.clone(),
                        e_tag: Some(quoted(&part.etag())),
                        last_modified: Some(time(part.modified)),
                        part_number: Some(*number),
                        size: Some(part.body.length() as i64),
                    })
                    .collect();
                let more = left.next().is_some();
                ListPartsOutput {
                    checksum_algorithm: upload
                        .named
                        .then(|| ChecksumAlgorithm::from_static(upload.algorithm.name())),
                    checksum_type: upload.named.then(|| ChecksumType::from_static(upload.kind.name())),
                    is_truncated: Some(more),
                    next_part_number_marker: parts.last().and_then(|part| part.part_number),
                    parts: Some(parts),
                    storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
                    ..ListPartsOutput::default()
                }
            })?;
        Ok(S3Response::new(ListPartsOutput {
            bucket: Some(input.bucket),
            initiator: Some(initiator()),
            key: Some(input.key),
            max_parts: Some(limit),
            owner: Some(owner()),
            part_number_marker: Some(after),
            upload_id: Some(input.upload_id),
            ..output
        }))
    }

    async fn get_object_tagging(
        &self,
        req: S3Request<GetObjectTaggingInput>,
    ) -> S3Result<S3Response<GetObjectTaggingOutput>> {
        let input = req.input;
        no_version(input.version_id.as_deref())?;
        let object = self.store().object(&input.bucket, &input.key)?;
        Ok(S3Response::new(GetObjectTaggingOutput {
            tag_set: object
                .tags
                .iter()
                .map(|(key, value)| Tag {
                    key: Some(key.clone()),
                    value: Some(value.clone()),
                })
                .collect(),
            version_id: None,
        }))
    }

    async fn put_object_tagging(
        &self,
        req: S3Request<PutObjectTaggingInput>,
    ) -> S3Result<S3Response<PutObjectTaggingOutput>> {
        let input = req.input;
        no_version(input.version_id.as_deref())?;
        let tags = document_tags(input.tagging.tag_set)?;
        self.store().tag(&input.bucket, &input.key, tags)?;
        Ok(S3Response::new(PutObjectTaggingOutput::default()))
    }

    async fn delete_object_tagging(
        &self,
        req: S3Request<DeleteObjectTaggingInput>,
    ) -> S3Result<S3Response<DeleteObjectTaggingOutput>> {
        let input = req.input;
        no_version(input.version_id.as_deref())?;
        self.store().tag(&input.bucket, &input.key, BTreeMap::new())?;
        Ok(S3Response::with_status(
            DeleteObjectTaggingOutput::default(),
            hyper::StatusCode::NO_CONTENT,
        ))
    }
}

async fn take_in(
    store: &Store,
    algorithms: &[Algorithm],
    body: Option<StreamingBlob>,
    announced: Option<i64>,
) -> Result<Arrived, ApiError> {
    let arrived = match body {
        Some(body) => receive(&store.home, hasher(algorithms), body).await?,
        None => Intake::new(&store.home, hasher(algorithms))
            .map_err(|error| disk(&error))?
            .finish(),
    };
    if announced.is_some_and(|announced| announced != arrived.body.length() as i64) {
        return Err(ApiError::new(
            "IncompleteBody",
            "You did not provide the number of bytes specified by the Content-Length HTTP header",
        ));
    }
    Ok(arrived)
}

/// Hashes bytes that are there already; the result shares them.
async fn rehash(body: super::body::Body, algorithms: &[Algorithm]) -> Result<Arrived, ApiError> {
    let hasher = hasher(algorithms);
    tokio::task::spawn_blocking(move || body.hashed(hasher))
        .await
        .map_err(|error| ApiError::new("InternalError", error.to_string()).status(500))?
        .map_err(|error| disk(&error))
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

fn precondition() -> ApiError {
    ApiError::new(
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
    )
    .status(412)
}

/// Buckets here have no versions.
fn no_version(version: Option<&str>) -> Result<(), ApiError> {
    match version {
        None | Some("" | "null") => Ok(()),
        Some(_) => Err(ApiError::new("InvalidArgument", "Invalid version id specified")),
    }
}

fn part_number(number: i32) -> Result<(), ApiError> {
    if (1..=MOST_PARTS).contains(&number) {
        return Ok(());
    }
    Err(ApiError::new(
        "InvalidArgument",
        "Part number must be an integer between 1 and 10000, inclusive",
    ))
}

fn too_large(length: Option<i64>) -> Result<(), ApiError> {
    if length.is_some_and(|length| length > LARGEST_PUT) {
        return Err(ApiError::new(
            "EntityTooLarge",
            "Your proposed upload exceeds the maximum allowed size",
        ));
    }
    Ok(())
}

fn content_range(start: u64, end: u64, object: &Stored) -> String {
    format!("bytes {start}-{}/{}", end - 1, object.body.length())
}

fn parts_count(object: &Stored) -> Option<i32> {
    (!object.parts.is_empty()).then_some(object.parts.len() as i32)
}

fn contents(objects: &[(String, Arc<Stored>)], names: &Names, with_owner: bool) -> Vec<Object> {
    objects
        .iter()
        .map(|(key, object)| Object {
            checksum_algorithm: Some(object.checksums.algorithms()),
            checksum_type: Some(ChecksumType::from_static(object.checksums.kind.name())),
            e_tag: Some(quoted(&object.etag)),
            key: Some(names.show(key)),
            last_modified: Some(time(object.modified)),
            owner: with_owner.then(owner),
            restore_status: None,
            size: Some(object.body.length() as i64),
            storage_class: Some(object.about.storage_class.clone().map_or_else(
                || ObjectStorageClass::from_static(ObjectStorageClass::STANDARD),
                ObjectStorageClass::from,
            )),
        })
        .collect()
}

fn initiator() -> Initiator {
    Initiator {
        display_name: None,
        id: owner().id,
    }
}

/// The headers that three input shapes share.
macro_rules! about {
    ($input:expr) => {
        About {
            content_type: Some(
                $input
                    .content_type
                    .clone()
                    .unwrap_or_else(|| "binary/octet-stream".to_owned()),
            ),
            cache_control: $input.cache_control.clone(),
            content_disposition: $input.content_disposition.clone(),
            content_encoding: $input.content_encoding.as_deref().and_then(without_chunked),
            content_language: $input.content_language.clone(),
            expires: $input.expires.clone(),
            storage_class: $input
                .storage_class
                .as_ref()
                .map(|class| class.as_str().to_owned())
                .filter(|class| class != StorageClass::STANDARD),
            website_redirect: $input.website_redirect_location.clone(),
            metadata: metadata($input.metadata.clone())?,
            encryption: $input
                .server_side_encryption
                .as_ref()
                .map(|sse| sse.as_str().to_owned()),
            encryption_key: $input.ssekms_key_id.clone(),
        }
    };
}

fn put_about(input: &PutObjectInput) -> Result<About, ApiError> {
    Ok(about!(input))
}

fn copy_about(input: &CopyObjectInput) -> Result<About, ApiError> {
    Ok(about!(input))
}

fn multipart_about(input: &CreateMultipartUploadInput) -> Result<About, ApiError> {
    Ok(about!(input))
}

/// `aws-chunked` is how the body travelled, not what it is.
fn without_chunked(encoding: &str) -> Option<String> {
    let kept: Vec<&str> = encoding
        .split(',')
        .map(str::trim)
        .filter(|one| !one.is_empty() && !one.eq_ignore_ascii_case("aws-chunked"))
        .collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

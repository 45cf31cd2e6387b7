//! S3's operations, as s3s has parsed and signed them, over the [`Store`].
//!
//! They are one table of contents; what each operation does is in the module that it names.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::http::{Extensions, HeaderMap};
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result};

use super::encryption;
use super::facts::Facts;
use super::object::About;
use super::store::{Settings, Store};
use crate::api::ApiError;
use crate::identity::Caller;
use crate::world::World;

mod attributes;
mod buckets;
mod copying;
mod deleting;
mod listing;
mod locks;
mod objects;
mod ownership;
mod policy;
mod presets;
mod settings;
mod tags;
mod uploads;
mod versions;

pub(super) use policy::is_public;

/// What an operation comes to.
type Answer<T> = S3Result<S3Response<T>>;

/// Answers S3 requests that [`super::access`] has let through.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) world: Arc<World>,
}

impl Front {
    fn store(&self) -> &Store {
        &self.world.s3
    }

    /// Whose a bucket is.
    fn owner(&self, bucket: &str) -> Option<Owner> {
        let place = self.store().place(bucket)?;
        Some(super::convert::owner(&place.account))
    }

    /// Whom `access` let through.
    fn caller(extensions: &Extensions) -> Result<&Caller, ApiError> {
        extensions
            .get::<Caller>()
            .ok_or_else(|| ApiError::new("AccessDenied", "Access Denied").status(403))
    }

    /// Unwraps the data key of what the caller is about to read, or goes on with.
    fn unwrap(&self, extensions: &Extensions, about: &About, resource: &str) -> Result<(), ApiError> {
        encryption::unwrap(&self.world, Self::caller(extensions)?, about, resource)
    }

    /// Changes what a bucket is set to; the answer says nothing.
    fn set<T: Default>(&self, bucket: &str, change: impl FnOnce(&mut Settings)) -> Answer<T> {
        self.store().change_settings(bucket, change)?;
        Ok(S3Response::new(T::default()))
    }

    /// Checks what `access` could not: a second resource of the same request.
    fn allow(&self, extensions: &Extensions, action: &str, resource: &str) -> Result<(), ApiError> {
        let facts = extensions.get().ok_or_else(without_facts)?;
        super::access::authorize(&self.world, Self::caller(extensions)?, action, resource, facts)
    }

    /// Adds what conditions may ask of a request that only its body says.
    fn add_facts(extensions: &mut Extensions, add: impl FnOnce(&mut Facts)) -> Result<(), ApiError> {
        extensions.get_mut().map(add).ok_or_else(without_facts)
    }

    /// Tags that come along with an object, if the caller may tag.
    fn header_tags(
        &self,
        extensions: &Extensions,
        header: Option<&str>,
        resource: &str,
    ) -> Result<BTreeMap<String, String>, ApiError> {
        let tags = super::convert::header_tags(header)?;
        if !tags.is_empty() {
            self.allow(extensions, "s3:PutObjectTagging", resource)?;
        }
        Ok(tags)
    }
}

/// What each operation takes and gives, and who does it.
macro_rules! operations {
    ($($name:ident($input:ident) -> $output:ident: $area:ident::$does:ident $(.$wait:tt)?;)+) => {
        #[async_trait::async_trait]
        impl S3 for Front {
            $(async fn $name(&self, req: S3Request<$input>) -> Answer<$output> {
                $area::$does(self, req)$(.$wait)?
            })+
        }
    };
}

operations! {
    create_bucket(CreateBucketInput) -> CreateBucketOutput: buckets::create;
    delete_bucket(DeleteBucketInput) -> DeleteBucketOutput: buckets::delete;
    head_bucket(HeadBucketInput) -> HeadBucketOutput: buckets::head;
    list_buckets(ListBucketsInput) -> ListBucketsOutput: buckets::list;
    get_bucket_location(GetBucketLocationInput) -> GetBucketLocationOutput: buckets::location;
    get_bucket_ownership_controls(GetBucketOwnershipControlsInput) -> GetBucketOwnershipControlsOutput: ownership::get;
    put_bucket_ownership_controls(PutBucketOwnershipControlsInput) -> PutBucketOwnershipControlsOutput: ownership::put;
    delete_bucket_ownership_controls(DeleteBucketOwnershipControlsInput)
        -> DeleteBucketOwnershipControlsOutput: ownership::delete;
    get_bucket_acl(GetBucketAclInput) -> GetBucketAclOutput: ownership::bucket_acl;
    get_object_acl(GetObjectAclInput) -> GetObjectAclOutput: ownership::object_acl;
    delete_public_access_block(DeletePublicAccessBlockInput)
        -> DeletePublicAccessBlockOutput: settings::delete_public_access;
    get_bucket_versioning(GetBucketVersioningInput) -> GetBucketVersioningOutput: versions::status;
    put_bucket_versioning(PutBucketVersioningInput) -> PutBucketVersioningOutput: versions::put_status;
    get_bucket_encryption(GetBucketEncryptionInput) -> GetBucketEncryptionOutput: presets::get;
    put_bucket_encryption(PutBucketEncryptionInput) -> PutBucketEncryptionOutput: presets::put;
    delete_bucket_encryption(DeleteBucketEncryptionInput) -> DeleteBucketEncryptionOutput: presets::delete;
    get_bucket_policy(GetBucketPolicyInput) -> GetBucketPolicyOutput: policy::get;
    put_bucket_policy(PutBucketPolicyInput) -> PutBucketPolicyOutput: policy::put;
    delete_bucket_policy(DeleteBucketPolicyInput) -> DeleteBucketPolicyOutput: policy::delete;
    get_bucket_policy_status(GetBucketPolicyStatusInput) -> GetBucketPolicyStatusOutput: policy::status;
    get_bucket_tagging(GetBucketTaggingInput) -> GetBucketTaggingOutput: settings::tagging;
    put_bucket_tagging(PutBucketTaggingInput) -> PutBucketTaggingOutput: settings::put_tagging;
    delete_bucket_tagging(DeleteBucketTaggingInput) -> DeleteBucketTaggingOutput: settings::delete_tagging;
    get_public_access_block(GetPublicAccessBlockInput) -> GetPublicAccessBlockOutput: settings::public_access;
    put_public_access_block(PutPublicAccessBlockInput) -> PutPublicAccessBlockOutput: settings::put_public_access;
    get_bucket_lifecycle_configuration(GetBucketLifecycleConfigurationInput)
        -> GetBucketLifecycleConfigurationOutput: settings::lifecycle;
    put_bucket_lifecycle_configuration(PutBucketLifecycleConfigurationInput)
        -> PutBucketLifecycleConfigurationOutput: settings::put_lifecycle;
    delete_bucket_lifecycle(DeleteBucketLifecycleInput) -> DeleteBucketLifecycleOutput: settings::delete_lifecycle;
    get_object_lock_configuration(GetObjectLockConfigurationInput)
        -> GetObjectLockConfigurationOutput: locks::configuration;
    put_object_lock_configuration(PutObjectLockConfigurationInput)
        -> PutObjectLockConfigurationOutput: locks::put_configuration;
    get_object_retention(GetObjectRetentionInput) -> GetObjectRetentionOutput: locks::retention;
    put_object_retention(PutObjectRetentionInput) -> PutObjectRetentionOutput: locks::put_retention;
    get_object_legal_hold(GetObjectLegalHoldInput) -> GetObjectLegalHoldOutput: locks::hold;
    put_object_legal_hold(PutObjectLegalHoldInput) -> PutObjectLegalHoldOutput: locks::put_hold;
    put_object(PutObjectInput) -> PutObjectOutput: objects::put.await;
    get_object(GetObjectInput) -> GetObjectOutput: objects::get;
    get_object_attributes(GetObjectAttributesInput) -> GetObjectAttributesOutput: attributes::get;
    head_object(HeadObjectInput) -> HeadObjectOutput: objects::head;
    delete_object(DeleteObjectInput) -> DeleteObjectOutput: deleting::one;
    delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput: deleting::many;
    copy_object(CopyObjectInput) -> CopyObjectOutput: copying::object.await;
    list_objects(ListObjectsInput) -> ListObjectsOutput: listing::v1;
    list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output: listing::v2;
    list_object_versions(ListObjectVersionsInput) -> ListObjectVersionsOutput: versions::list;
    create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput: uploads::create;
    upload_part(UploadPartInput) -> UploadPartOutput: uploads::part.await;
    upload_part_copy(UploadPartCopyInput) -> UploadPartCopyOutput: copying::part.await;
    complete_multipart_upload(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput: uploads::complete;
    abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput: uploads::abort;
    list_multipart_uploads(ListMultipartUploadsInput) -> ListMultipartUploadsOutput: uploads::list;
    list_parts(ListPartsInput) -> ListPartsOutput: uploads::parts;
    get_object_tagging(GetObjectTaggingInput) -> GetObjectTaggingOutput: tags::get;
    put_object_tagging(PutObjectTaggingInput) -> PutObjectTaggingOutput: tags::put;
    delete_object_tagging(DeleteObjectTaggingInput) -> DeleteObjectTaggingOutput: tags::delete;
}

/// `access` puts them there; nobody decides without.
fn without_facts() -> ApiError {
    let message = "The request came without what conditions may ask of it";
    ApiError::new("InternalError", message).status(500)
}

/// Says that there is nothing any more.
fn gone<T>(mut answer: S3Response<T>) -> S3Response<T> {
    answer.status = Some(hyper::StatusCode::NO_CONTENT);
    answer
}

/// What a permission is called where a version is named by its id, and where none is.
fn by_version(is_of_version: bool, action: &'static str, of_newest: &'static str) -> &'static str {
    if is_of_version { action } else { of_newest }
}

/// What most operations look at.
fn taken<T>(req: S3Request<T>) -> (T, HeaderMap, Extensions) {
    (req.input, req.headers, req.extensions)
}

fn arn(bucket: &str, key: &str) -> String {
    format!("arn:aws:s3:::{bucket}/{key}")
}

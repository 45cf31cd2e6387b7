//! Whose objects are: the bucket owner's, as in every new bucket, and ACLs say nothing else.

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result};

use super::super::convert::malformed;
use super::Front;
use super::versions::Asked;
use crate::api::ApiError;

pub(super) fn get(
    front: &Front,
    req: S3Request<GetBucketOwnershipControlsInput>,
) -> S3Result<S3Response<GetBucketOwnershipControlsOutput>> {
    front.store().settings(&req.input.bucket)?;
    let rule = OwnershipControlsRule {
        object_ownership: ObjectOwnership::from_static(ObjectOwnership::BUCKET_OWNER_ENFORCED),
    };
    Ok(S3Response::new(GetBucketOwnershipControlsOutput {
        ownership_controls: Some(OwnershipControls { rules: vec![rule] }),
    }))
}

pub(super) fn put(
    front: &Front,
    req: S3Request<PutBucketOwnershipControlsInput>,
) -> S3Result<S3Response<PutBucketOwnershipControlsOutput>> {
    front.store().settings(&req.input.bucket)?;
    let rules = req.input.ownership_controls.rules;
    let kinds: Vec<&str> = rules.iter().map(|rule| rule.object_ownership.as_str()).collect();
    match kinds.as_slice() {
        [ObjectOwnership::BUCKET_OWNER_ENFORCED] => Ok(S3Response::new(PutBucketOwnershipControlsOutput::default())),
        [kind @ (ObjectOwnership::BUCKET_OWNER_PREFERRED | ObjectOwnership::OBJECT_WRITER)] => {
            let message = format!("The sandbox serves BucketOwnerEnforced, not {kind}");
            Err(ApiError::new("NotImplemented", message).status(501).into())
        }
        _ => Err(malformed().into()),
    }
}

pub(super) fn bucket_acl(front: &Front, req: S3Request<GetBucketAclInput>) -> S3Result<S3Response<GetBucketAclOutput>> {
    front.store().settings(&req.input.bucket)?;
    let owner = front.owner(&req.input.bucket);
    Ok(S3Response::new(GetBucketAclOutput {
        grants: Some(vec![full_control(owner.clone())]),
        owner,
    }))
}

pub(super) fn object_acl(front: &Front, req: S3Request<GetObjectAclInput>) -> S3Result<S3Response<GetObjectAclOutput>> {
    let input = req.input;
    front.find(&Asked {
        bucket: &input.bucket,
        key: &input.key,
        version: input.version_id.as_deref(),
    })?;
    let owner = front.owner(&input.bucket);
    Ok(S3Response::new(GetObjectAclOutput {
        grants: Some(vec![full_control(owner.clone())]),
        owner,
        request_charged: None,
    }))
}

fn full_control(owner: Option<Owner>) -> Grant {
    Grant {
        grantee: Some(Grantee {
            display_name: None,
            email_address: None,
            id: owner.and_then(|owner| owner.id),
            type_: Type::from_static(Type::CANONICAL_USER),
            uri: None,
        }),
        permission: Some(Permission::from_static(Permission::FULL_CONTROL)),
    }
}

//! Whose objects are. They are the bucket owner's, as in every new bucket: where the rule is another one, what would be
//! somebody else's is refused, and so are ACLs that give anything to others.

use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::super::convert::malformed;
use super::super::store::Ownership;
use super::{Answer, Front, gone};
use crate::api::ApiError;

pub(super) fn get(
    front: &Front,
    req: S3Request<GetBucketOwnershipControlsInput>,
) -> Answer<GetBucketOwnershipControlsOutput> {
    let Some(kind) = front.store().settings(&req.input.bucket)?.ownership.name() else {
        let message = "The bucket ownership controls were not found";
        return Err(ApiError::new("OwnershipControlsNotFoundError", message)
            .status(404)
            .into());
    };
    let rule = OwnershipControlsRule {
        object_ownership: ObjectOwnership::from_static(kind),
    };
    Ok(S3Response::new(GetBucketOwnershipControlsOutput {
        ownership_controls: Some(OwnershipControls { rules: vec![rule] }),
    }))
}

pub(super) fn put(
    front: &Front,
    req: S3Request<PutBucketOwnershipControlsInput>,
) -> Answer<PutBucketOwnershipControlsOutput> {
    let rules = req.input.ownership_controls.rules;
    let [rule] = <[_; 1]>::try_from(rules).map_err(|_| malformed())?;
    let ownership = Ownership::parse(rule.object_ownership.as_str()).ok_or_else(malformed)?;
    front.set(&req.input.bucket, |settings| settings.ownership = ownership)
}

pub(super) fn delete(
    front: &Front,
    req: S3Request<DeleteBucketOwnershipControlsInput>,
) -> Answer<DeleteBucketOwnershipControlsOutput> {
    front
        .set(&req.input.bucket, |settings| settings.ownership = Ownership::Unset)
        .map(gone)
}

pub(super) fn bucket_acl(front: &Front, req: S3Request<GetBucketAclInput>) -> Answer<GetBucketAclOutput> {
    front.store().settings(&req.input.bucket)?;
    let owner = front.owner(&req.input.bucket);
    Ok(S3Response::new(GetBucketAclOutput {
        grants: Some(vec![full_control(owner.clone())]),
        owner,
    }))
}

pub(super) fn object_acl(front: &Front, req: S3Request<GetObjectAclInput>) -> Answer<GetObjectAclOutput> {
    let input = req.input;
    front.find((&input.bucket, &input.key, input.version_id.as_deref()))?;
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

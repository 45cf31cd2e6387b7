//! ACLs, where a bucket has them. One that gives the owner everything and nobody else anything is none.

use aws_sdk_s3::types::{Grant, ObjectOwnership, OwnershipControls, Permission};

use super::{ACT, has_none, refused};
use crate::aws::Aws;
use crate::aws::again::insist;
use crate::aws::fault::{Expected, Heard};
use crate::aws::s3::uri;
use crate::domain::Fault;

/// Whom an ACL gives what, as headers name them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::aws) struct Acl {
    pub(in crate::aws) full_control: Option<String>,
    pub(in crate::aws) read: Option<String>,
    pub(in crate::aws) read_acp: Option<String>,
    pub(in crate::aws) write_acp: Option<String>,
}

/// Whose the bucket is, if its objects may have ACLs of their own. Who may not know is answered by each object.
pub(super) async fn owner_with_acls(aws: &Aws, bucket: &str) -> Result<Option<String>, Fault> {
    let act = "ask for the owner of the objects of bucket";
    let call = aws.s3_control().get_bucket_ownership_controls().bucket(bucket);
    match insist!(call, act, bucket).await {
        Ok(answer) => {
            let rules = answer
                .ownership_controls()
                .map(OwnershipControls::rules)
                .unwrap_or_default();
            let is_enforced = |rule: &aws_sdk_s3::types::OwnershipControlsRule| {
                *rule.object_ownership() == ObjectOwnership::BucketOwnerEnforced
            };
            if rules.iter().any(is_enforced) {
                return Ok(None);
            }
        }
        Err(fault) if has_none(&fault, "NotImplemented") => return Ok(None),
        Err(fault) if fault.is_unheard() => return Err(fault),
        Err(_) => {}
    }
    let act = "read the ACL of bucket";
    let call = aws.s3_control().get_bucket_acl().bucket(bucket);
    let answer = insist!(call, act, bucket).await?;
    let id = answer
        .owner()
        .and_then(|owner| owner.id())
        .expected(act, bucket, "owner")?;
    Ok(Some(id.to_owned()))
}

/// What an object's ACL gives to others than its owner, who must be the bucket's.
pub(super) async fn read(aws: &Aws, bucket: &str, key: &str, owner: &str) -> Result<Acl, Fault> {
    let object = uri(bucket, key);
    let call = aws.s3_control().get_object_acl().bucket(bucket).key(key);
    let answer = insist!(call, "read the ACL of", &object).await?;
    let id = answer
        .owner()
        .and_then(|owner| owner.id())
        .expected(ACT, &object, "owner")?;
    if id != owner {
        let cause = format!("it belongs to another account than its bucket ({id}), and what is written anew would not");
        return Err(refused(&object, &cause, "let its owner do it, or copy it to have it"));
    }
    stated(answer.grants(), id).ok_or_else(|| {
        let cause = "its ACL gives something that cannot be said when an object is written";
        refused(&object, cause, "change its ACL first")
    })
}

/// The grants as headers; none at all where the owner alone has everything.
fn stated(grants: &[Grant], owner: &str) -> Option<Acl> {
    let mut acl = Acl::default();
    let of_owner = |grant: &Grant| {
        grant.permission() == Some(&Permission::FullControl)
            && grant.grantee().and_then(|grantee| grantee.id()) == Some(owner)
    };
    if grants.iter().all(of_owner) {
        return (!grants.is_empty()).then_some(acl);
    }
    for grant in grants {
        let grantee = grant.grantee()?;
        let named = match (grantee.id(), grantee.uri()) {
            (Some(id), _) => format!("id=\"{id}\""),
            (None, Some(uri)) => format!("uri=\"{uri}\""),
            (None, None) => return None,
        };
        let list = match grant.permission()? {
            Permission::FullControl => &mut acl.full_control,
            Permission::Read => &mut acl.read,
            Permission::ReadAcp => &mut acl.read_acp,
            Permission::WriteAcp => &mut acl.write_acp,
            _ => return None,
        };
        match list {
            Some(list) => *list = format!("{list}, {named}"),
            None => *list = Some(named),
        }
    }
    Some(acl)
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::{Grantee, Type};

    use super::*;

    fn grant(id: Option<&str>, uri: Option<&str>, permission: Permission) -> Grant {
        let kind = if id.is_some() { Type::CanonicalUser } else { Type::Group };
        let grantee = Grantee::builder().r#type(kind);
        let grantee = grantee.set_id(id.map(str::to_owned)).set_uri(uri.map(str::to_owned));
        Grant::builder()
            .grantee(grantee.build().unwrap())
            .permission(permission)
            .build()
    }

    #[test]
    fn an_acl_that_gives_others_something_is_stated_whole_and_the_owners_own_is_none() {
        let own = grant(Some("me"), None, Permission::FullControl);
        assert_eq!(stated(std::slice::from_ref(&own), "me"), Some(Acl::default()));
        let all = "http://acs.amazonaws.com/groups/global/AllUsers";
        let grants = [
            own,
            grant(None, Some(all), Permission::Read),
            grant(Some("you"), None, Permission::Read),
            grant(Some("you"), None, Permission::WriteAcp),
        ];
        let expected = Acl {
            full_control: Some("id=\"me\"".to_owned()),
            read: Some(format!("uri=\"{all}\", id=\"you\"")),
            read_acp: None,
            write_acp: Some("id=\"you\"".to_owned()),
        };
        assert_eq!(stated(&grants, "me"), Some(expected));
    }

    #[test]
    fn what_cannot_be_stated_is_not_passed_over() {
        let write = grant(Some("you"), None, Permission::Write);
        assert_eq!(stated(&[write], "me"), None);
        assert_eq!(stated(&[], "me"), None, "an owner without anything");
    }
}

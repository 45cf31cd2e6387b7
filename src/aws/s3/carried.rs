//! What of an object must survive when it is written anew: S3 takes over next to nothing by itself. All of it is read and stated
//! again, or the object is refused by its name: what cannot be read may be there.

use std::collections::BTreeMap;
use std::time::SystemTime;

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{
    ObjectCannedAcl, ObjectLockEnabled, ObjectLockLegalHoldStatus, ObjectLockMode, ServerSideEncryption, StorageClass,
};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use super::{head, length_of, uri};
use crate::aws::Aws;
use crate::aws::again::{again, insist};
use crate::aws::fault::{Expected, Heard};
use crate::domain::Fault;

mod acl;
mod wanted;

use acl::Acl;

const ACT: &str = "write anew";

/// What a bucket keeps of its objects beside what their heads say: asked for once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keeps {
    /// Whether its versions may be locked.
    locks: bool,
    /// Whether it locks what is written to it without a word.
    locks_by_default: bool,
    /// Whose it is, where its objects may have ACLs of their own.
    owner: Option<String>,
}

impl Keeps {
    /// Whether versions of its objects may be locked.
    pub(crate) fn may_lock(&self) -> bool {
        self.locks
    }

    /// Whether its objects may have ACLs of their own.
    pub(crate) fn may_have_acls(&self) -> bool {
        self.owner.is_some()
    }
}

/// An object, as far as it is needed to write it anew at its place.
#[derive(Debug, Clone)]
pub(crate) struct Original {
    /// User metadata.
    pub(crate) metadata: BTreeMap<String, String>,
    /// Bytes stored.
    pub(crate) length: u64,
    /// As S3 spells it, to be sent back in `If-Match`.
    pub(crate) etag: String,
    /// Which version it is, where the bucket keeps versions.
    pub(crate) version: Option<String>,
    /// When it was stored, in seconds since 1970, as far as S3 told it.
    pub(crate) modified: Option<i64>,
    /// Everything else.
    pub(crate) carried: Carried,
}

/// What an object carries beside its bytes and its user metadata.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Carried {
    pub(in crate::aws) content_type: Option<String>,
    pub(in crate::aws) cache_control: Option<String>,
    pub(in crate::aws) content_disposition: Option<String>,
    pub(in crate::aws) content_encoding: Option<String>,
    pub(in crate::aws) content_language: Option<String>,
    pub(in crate::aws) expires: Option<DateTime>,
    pub(in crate::aws) website_redirect: Option<String>,
    pub(in crate::aws) storage_class: Option<StorageClass>,
    pub(in crate::aws) encryption: Option<ServerSideEncryption>,
    pub(in crate::aws) encryption_key: Option<String>,
    pub(in crate::aws) encryption_context: Option<String>,
    pub(in crate::aws) bucket_key: Option<bool>,
    pub(in crate::aws) lock_mode: Option<ObjectLockMode>,
    pub(in crate::aws) lock_until: Option<DateTime>,
    pub(in crate::aws) hold: Option<ObjectLockLegalHoldStatus>,
    /// As a query string; empty if it has none. `None` where it was not asked for: a copy takes them over by itself.
    pub(in crate::aws) tags: Option<String>,
    pub(in crate::aws) acl: Acl,
    /// Instead of that, where the rules for the bucket want one.
    pub(in crate::aws) canned_acl: Option<ObjectCannedAcl>,
}

/// Puts on a call that makes an object what another carried.
macro_rules! carried {
    ($call:expr, $carried:expr) => {{
        let carried: &$crate::aws::s3::Carried = $carried;
        $call
            .set_content_type(carried.content_type.clone())
            .set_cache_control(carried.cache_control.clone())
            .set_content_disposition(carried.content_disposition.clone())
            .set_content_encoding(carried.content_encoding.clone())
            .set_content_language(carried.content_language.clone())
            .set_expires(carried.expires)
            .set_website_redirect_location(carried.website_redirect.clone())
            .set_storage_class(carried.storage_class.clone())
            .set_server_side_encryption(carried.encryption.clone())
            .set_ssekms_key_id(carried.encryption_key.clone())
            .set_ssekms_encryption_context(carried.encryption_context.clone())
            .set_bucket_key_enabled(carried.bucket_key)
            .set_object_lock_mode(carried.lock_mode.clone())
            .set_object_lock_retain_until_date(carried.lock_until)
            .set_object_lock_legal_hold_status(carried.hold.clone())
            .set_tagging(carried.tags.clone().filter(|tags| !tags.is_empty()))
            .set_acl(carried.canned_acl.clone())
            .set_grant_full_control(carried.acl.full_control.clone())
            .set_grant_read(carried.acl.read.clone())
            .set_grant_read_acp(carried.acl.read_acp.clone())
            .set_grant_write_acp(carried.acl.write_acp.clone())
    }};
}
pub(in crate::aws) use carried;

/// What a bucket keeps of its objects.
///
/// # Errors
/// When it cannot be told whether they may be locked.
pub(crate) async fn keeps(aws: &Aws, bucket: &str) -> Result<Keeps, Fault> {
    let act = "ask for the object lock of bucket";
    let call = aws.s3_control().get_object_lock_configuration().bucket(bucket);
    let (locks, locks_by_default) = match insist!(call, act, bucket).await {
        Ok(answer) => {
            let lock = answer
                .object_lock_configuration()
                .expected(act, bucket, "configuration")?;
            let is_on = lock.object_lock_enabled() == Some(&ObjectLockEnabled::Enabled);
            (
                is_on,
                is_on && lock.rule().is_some_and(|rule| rule.default_retention().is_some()),
            )
        }
        Err(fault) if has_none(&fault, "ObjectLockConfigurationNotFoundError") => (false, false),
        Err(fault) => return Err(fault),
    };
    Ok(Keeps {
        locks,
        locks_by_default,
        owner: acl::owner_with_acls(aws, bucket).await?,
    })
}

/// Whether a question for a setting was answered with this name for there being none, or by a server that has no such thing.
fn has_none(fault: &Fault, name: &str) -> bool {
    fault
        .code
        .as_deref()
        .is_some_and(|code| code == name || code == "NotImplemented")
}

/// Reads an object's head, and what that leaves out; its tags only if they are wanted.
///
/// # Errors
/// When something of it would be lost, or cannot be read.
pub(crate) async fn original(
    aws: &Aws,
    bucket: &str,
    key: &str,
    keeps: &Keeps,
    with_tags: bool,
) -> Result<Original, Fault> {
    let answer = again(|| head(aws, bucket, key)).await?;
    let object = uri(bucket, key);
    let mut carried = of_head(aws, bucket, &object, &answer)?;
    if keeps.locks {
        lock(aws, bucket, key, &answer, &mut carried).await?;
        if keeps.locks_by_default && carried.lock_mode.is_none() {
            let cause = "it is not locked, and the bucket would lock what is written in its place";
            return Err(refused(
                &object,
                cause,
                "take the default retention off the bucket meanwhile",
            ));
        }
    }
    if let Some(owner) = &keeps.owner {
        carried.acl = acl::read(aws, bucket, key, owner).await?;
    }
    if with_tags {
        carried.tags = Some(tags(aws, bucket, key).await?);
    }
    Ok(Original {
        length: length_of(ACT, &object, answer.content_length())?,
        etag: answer.e_tag().expected(ACT, &object, "ETag")?.to_owned(),
        version: answer.version_id().map(str::to_owned),
        modified: answer.last_modified().map(DateTime::secs),
        metadata: answer.metadata.unwrap_or_default().into_iter().collect(),
        carried,
    })
}

fn of_head(aws: &Aws, bucket: &str, object: &str, head: &HeadObjectOutput) -> Result<Carried, Fault> {
    if let Some(missing @ 1..) = head.missing_meta() {
        let cause = format!("{missing} of its metadata are such that S3 does not tell them");
        return Err(refused(object, &cause, "write them anew in ASCII"));
    }
    if head.object_lock_event_hold().is_some() {
        return Err(refused(object, "it has an event hold", "release it first"));
    }
    let class = head.storage_class().cloned();
    let is_archived = matches!(class, Some(StorageClass::Glacier | StorageClass::DeepArchive));
    if is_archived || head.archive_status().is_some() {
        let class = class.as_ref().map_or("an archive tier", StorageClass::as_str);
        let cause = format!("it is archived ({class}), and nothing reads or copies it there");
        return Err(refused(
            object,
            &cause,
            "restore it and copy it to another storage class first",
        ));
    }
    let text = |text: Option<&str>| text.map(str::to_owned);
    let expires = head.expires_string().map(|said| {
        DateTime::from_str(said, Format::HttpDate).map_err(|error| {
            let cause = format!("its Expires is no date: `{said}` ({error})");
            refused(object, &cause, "give it one that is")
        })
    });
    let encryption = head.server_side_encryption().cloned();
    let is_kms = encryption == Some(ServerSideEncryption::AwsKms);
    let by_kms = is_kms || encryption == Some(ServerSideEncryption::AwsKmsDsse);
    Ok(Carried {
        content_type: text(head.content_type()),
        cache_control: text(head.cache_control()),
        content_disposition: text(head.content_disposition()),
        content_encoding: text(head.content_encoding()),
        content_language: text(head.content_language()),
        expires: expires.transpose()?,
        website_redirect: text(head.website_redirect_location()),
        storage_class: class,
        encryption,
        encryption_key: text(head.ssekms_key_id()).filter(|_| by_kms),
        // S3 tells nobody which context an object has; it is what the rules for the bucket say.
        encryption_context: by_kms.then(|| aws.demanded(bucket).context()).flatten(),
        bucket_key: is_kms.then(|| head.bucket_key_enabled() == Some(true)),
        ..Carried::default()
    })
}

/// What locks it now. A head that says nothing of it may be one that the caller may not see it in.
async fn lock(aws: &Aws, bucket: &str, key: &str, head: &HeadObjectOutput, carried: &mut Carried) -> Result<(), Fault> {
    const NONE: &str = "NoSuchObjectLockConfiguration";
    let object = &uri(bucket, key);
    let (mut mode, mut until) = (
        head.object_lock_mode().cloned(),
        head.object_lock_retain_until_date().copied(),
    );
    if mode.is_none() {
        let call = aws.s3_control().get_object_retention().bucket(bucket).key(key);
        match insist!(call, "ask for the retention of", object).await {
            Ok(answer) => {
                let retention = answer.retention();
                let said = retention.and_then(|retention| retention.mode());
                mode = said.map(|mode| ObjectLockMode::from(mode.as_str()));
                until = retention.and_then(|retention| retention.retain_until_date()).copied();
            }
            Err(fault) if has_none(&fault, NONE) => {}
            Err(fault) => return Err(fault),
        }
    }
    // What has run out holds nothing, and S3 takes no date that is past.
    if until.is_some_and(|until| until > DateTime::from(SystemTime::now())) {
        (carried.lock_mode, carried.lock_until) = (mode, until);
    }
    let mut hold = head.object_lock_legal_hold_status().cloned();
    if hold.is_none() {
        let call = aws.s3_control().get_object_legal_hold().bucket(bucket).key(key);
        match insist!(call, "ask for the legal hold of", object).await {
            Ok(answer) => hold = answer.legal_hold().and_then(|hold| hold.status()).cloned(),
            Err(fault) if has_none(&fault, NONE) => {}
            Err(fault) => return Err(fault),
        }
    }
    carried.hold = hold.filter(|hold| *hold == ObjectLockLegalHoldStatus::On);
    Ok(())
}

/// An object's tags, as a query string.
async fn tags(aws: &Aws, bucket: &str, key: &str) -> Result<String, Fault> {
    let call = aws.s3_control().get_object_tagging().bucket(bucket).key(key);
    let answer = insist!(call, "read the tags of", &uri(bucket, key)).await?;
    let mut pairs = form_urlencoded::Serializer::new(String::new());
    pairs.extend_pairs(answer.tag_set().iter().map(|tag| (tag.key(), tag.value())));
    Ok(pairs.finish())
}

fn refused(object: &str, cause: &str, remedy: &str) -> Fault {
    Fault::invalid(ACT, object, cause, remedy)
}

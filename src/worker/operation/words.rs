//! What a request is, in the words of a fault: the act and the object.

use crate::domain::{
    AccountRequest, GrantRequest, ImageRequest, JobRequest, KeyRequest, MessageRequest, ObjectRequest, ProofRequest,
    Request, RoleRequest,
};

pub(super) fn words(request: &Request) -> (&'static str, String) {
    match request {
        Request::Object(ObjectRequest::Encrypt { bucket, prefix, .. }) => {
            ("encrypt to", format!("s3://{bucket}/{prefix}"))
        }
        Request::Object(ObjectRequest::ResumeUpload { destination, .. }) => {
            ("finish the upload to", destination.clone())
        }
        Request::Object(ObjectRequest::AbandonUpload { destination, .. }) => {
            ("abort the upload to", destination.clone())
        }
        Request::Object(ObjectRequest::Decrypt { bucket, object, .. }) => {
            ("decrypt", format!("s3://{bucket}/{object}"))
        }
        Request::Object(ObjectRequest::Verify { bucket, .. }) => ("verify objects of", bucket.clone()),
        Request::Object(ObjectRequest::Delete { bucket, .. }) => ("delete objects of", bucket.clone()),
        Request::Object(ObjectRequest::CreateBucket { bucket }) => ("create bucket", bucket.clone()),
        Request::Grant(GrantRequest::Revoke { key_arn, .. }) => ("revoke a grant on", key_arn.clone()),
        Request::Proof(ProofRequest::Access { key_arn, .. }) => ("prove access to", key_arn.clone()),
        Request::Key(KeyRequest::Enable { key_arn }) => ("enable", key_arn.clone()),
        Request::Key(KeyRequest::Disable { key_arn }) => ("disable", key_arn.clone()),
        Request::Key(KeyRequest::ScheduleDeletion { key_arn, .. }) => ("schedule the deletion of", key_arn.clone()),
        Request::Key(KeyRequest::CancelDeletion { key_arn }) => ("cancel the deletion of", key_arn.clone()),
        Request::Job(JobRequest::Start(spec)) => ("start training job", spec.name.clone()),
        Request::Job(JobRequest::Stop { name }) => ("stop training job", name.clone()),
        Request::Job(JobRequest::SaveLog { job, .. }) => ("save the log of", job.clone()),
        Request::Key(KeyRequest::New(_)) => ("create", "a KMS key".to_owned()),
        Request::Key(KeyRequest::DraftPolicy { .. }) => ("write", "a key policy".to_owned()),
        Request::Key(KeyRequest::ReadPolicy { key_arn }) => ("read the policy of", key_arn.clone()),
        Request::Key(KeyRequest::PutPolicy { key_arn, .. }) => ("replace the policy of", key_arn.clone()),
        Request::Key(KeyRequest::AddAlias { alias, .. }) => ("create", alias.clone()),
        Request::Key(KeyRequest::MoveAlias { alias, .. }) => ("move", alias.clone()),
        Request::Key(KeyRequest::DeleteAlias { alias }) => ("delete", alias.clone()),
        Request::Key(KeyRequest::Tag { key_arn, .. }) => ("tag", key_arn.clone()),
        Request::Key(KeyRequest::Tags { key_arn }) => ("read the tags of", key_arn.clone()),
        Request::Key(KeyRequest::SetRotation { key_arn, .. }) => ("switch the rotation of", key_arn.clone()),
        Request::Key(KeyRequest::Describe { key_arn, .. }) => ("change the description of", key_arn.clone()),
        Request::Key(KeyRequest::FindDependents { key_arn, .. }) => ("look for what depends on", key_arn.clone()),
        Request::Message(MessageRequest::Encrypt { key, .. }) => ("encrypt a message under", key.clone()),
        Request::Message(MessageRequest::Decrypt { .. }) => ("decrypt", "a message".to_owned()),
        Request::Message(MessageRequest::NewDataKey { key, .. }) => ("generate a data key under", key.clone()),
        Request::Message(MessageRequest::OpenDataKey { at, .. }) => ("open the data key", at.clone()),
        Request::Message(MessageRequest::ReEncryptDataKey { at, .. }) => ("wrap anew the data key", at.clone()),
        Request::Object(ObjectRequest::CountBucket { bucket }) => ("count bucket", bucket.clone()),
        Request::Object(ObjectRequest::EmptyBucket { bucket, .. }) => ("empty bucket", bucket.clone()),
        Request::Object(ObjectRequest::DeleteBucket { bucket, .. }) => ("delete bucket", bucket.clone()),
        Request::Object(ObjectRequest::Preview { bucket, object, .. }) => {
            ("preview", format!("s3://{bucket}/{object}"))
        }
        Request::Object(ObjectRequest::ListArchive { bucket, object }) => ("list", format!("s3://{bucket}/{object}")),
        Request::Proof(ProofRequest::Object { bucket, object, .. }) => ("prove", format!("s3://{bucket}/{object}")),
        Request::Role(RoleRequest::New(spec)) => ("create role", spec.name.clone()),
        Request::Role(RoleRequest::Policies { role }) => ("read the policies of role", role.clone()),
        Request::Role(RoleRequest::DetachPolicy { role, .. }) => ("take a policy off role", role.clone()),
        Request::Role(RoleRequest::Delete { role }) => ("delete role", role.clone()),
        Request::Role(RoleRequest::TrustCaller { role, .. }) | Request::Role(RoleRequest::TrustService { role }) => {
            ("change the trust of role", role.clone())
        }
        Request::Grant(GrantRequest::New(spec)) => ("create a grant on", spec.key_arn.clone()),
        Request::Grant(GrantRequest::Await { key_arn, .. }) => ("wait for the grant on", key_arn.clone()),
        Request::Grant(GrantRequest::Retire { key_arn, .. }) => ("retire a grant on", key_arn.clone()),
        Request::Grant(GrantRequest::List { .. }) => ("list", "grants".to_owned()),
        Request::Proof(ProofRequest::Story { key_arn, .. }) => ("prove access to", key_arn.clone()),
        Request::Job(JobRequest::Preflight(spec)) => ("look before training job", spec.name.clone()),
        Request::Image(ImageRequest::NewRepository { repository }) => ("create repository", repository.clone()),
        Request::Image(ImageRequest::DeleteRepository { repository }) => ("delete repository", repository.clone()),
        Request::Image(ImageRequest::Build(spec)) => ("build image", format!("{}:{}", spec.repository, spec.tag)),
        Request::Image(ImageRequest::Try { image }) => ("try image", image.clone()),
        Request::Account(AccountRequest::PlanCleanUp) => ("look for", "what the walk made".to_owned()),
        Request::Account(AccountRequest::SaveAudit { .. }) => ("save", "the audit log".to_owned()),
        Request::Account(AccountRequest::AuditLog { .. }) => ("read", "the audit log".to_owned()),
    }
}

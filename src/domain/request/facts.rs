//! What a request is to everybody else: whether it changes anything, and what becomes of it when it is cancelled. Both are
//! exhaustive, so that a new request must say.

use super::{
    AccountRequest, GrantRequest, ImageRequest, JobRequest, KeyRequest, MessageRequest, ObjectRequest, ProofRequest,
    Request, RoleRequest,
};

/// What becomes of a request that is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnCancel {
    /// It only reads: it is dropped where it is.
    Drop,
    /// It changes something: the step in hand is finished, what is half done is completed or taken back, and what was
    /// done is told. The action watches for it between its steps.
    Finish,
}

impl Request {
    /// Whether it changes anything in AWS. (The one place that enforces it is before the SDK; this says it early.)
    pub fn changes(&self) -> bool {
        match self {
            Self::Object(ObjectRequest::Encrypt { .. })
            | Self::Object(ObjectRequest::ResumeUpload { .. })
            | Self::Object(ObjectRequest::AbandonUpload { .. })
            | Self::Object(ObjectRequest::Delete { .. })
            | Self::Object(ObjectRequest::CreateBucket { .. })
            | Self::Grant(GrantRequest::Revoke { .. })
            | Self::Proof(ProofRequest::Access { trust: true, .. })
            | Self::Key(KeyRequest::Enable { .. })
            | Self::Key(KeyRequest::Disable { .. })
            | Self::Key(KeyRequest::ScheduleDeletion { .. })
            | Self::Key(KeyRequest::CancelDeletion { .. })
            | Self::Job(JobRequest::Start(_))
            | Self::Job(JobRequest::Stop { .. })
            | Self::Key(KeyRequest::New(_))
            | Self::Key(KeyRequest::PutPolicy { .. })
            | Self::Key(KeyRequest::AddAlias { .. })
            | Self::Key(KeyRequest::MoveAlias { .. })
            | Self::Key(KeyRequest::DeleteAlias { .. })
            | Self::Key(KeyRequest::Tag { .. })
            | Self::Key(KeyRequest::SetRotation { .. })
            | Self::Key(KeyRequest::Describe { .. })
            | Self::Message(MessageRequest::Encrypt { .. })
            | Self::Message(MessageRequest::NewDataKey { .. })
            | Self::Message(MessageRequest::ReEncryptDataKey { .. })
            | Self::Object(ObjectRequest::EmptyBucket { .. })
            | Self::Object(ObjectRequest::DeleteBucket { .. })
            | Self::Proof(ProofRequest::Object { grant: true, .. })
            | Self::Role(RoleRequest::New(_))
            | Self::Role(RoleRequest::DetachPolicy { .. })
            | Self::Role(RoleRequest::Delete { .. })
            | Self::Role(RoleRequest::TrustCaller { .. })
            | Self::Role(RoleRequest::TrustService { .. })
            | Self::Grant(GrantRequest::New(_))
            | Self::Grant(GrantRequest::Retire { .. })
            | Self::Proof(ProofRequest::Story { .. })
            | Self::Image(ImageRequest::NewRepository { .. })
            | Self::Image(ImageRequest::DeleteRepository { .. })
            | Self::Image(ImageRequest::Build(_)) => true,
            Self::Object(ObjectRequest::Decrypt { .. })
            | Self::Object(ObjectRequest::Verify { .. })
            | Self::Proof(ProofRequest::Access { trust: false, .. })
            | Self::Job(JobRequest::SaveLog { .. })
            | Self::Key(KeyRequest::DraftPolicy { .. })
            | Self::Key(KeyRequest::ReadPolicy { .. })
            | Self::Key(KeyRequest::Tags { .. })
            | Self::Key(KeyRequest::FindDependents { .. })
            | Self::Message(MessageRequest::Decrypt { .. })
            | Self::Message(MessageRequest::OpenDataKey { .. })
            | Self::Object(ObjectRequest::CountBucket { .. })
            | Self::Object(ObjectRequest::Preview { .. })
            | Self::Object(ObjectRequest::ListArchive { .. })
            | Self::Proof(ProofRequest::Object { grant: false, .. })
            | Self::Role(RoleRequest::Policies { .. })
            | Self::Grant(GrantRequest::Await { .. })
            | Self::Grant(GrantRequest::List { .. })
            | Self::Job(JobRequest::Preflight(_))
            | Self::Image(ImageRequest::Try { .. })
            | Self::Account(AccountRequest::PlanCleanUp)
            | Self::Account(AccountRequest::SaveAudit { .. })
            | Self::Account(AccountRequest::AuditLog { .. }) => false,
        }
    }

    /// What becomes of it when it is cancelled: only what reads, and writes nothing anywhere, may be dropped.
    pub fn on_cancel(&self) -> OnCancel {
        match self {
            Self::Proof(ProofRequest::Access { trust: false, .. })
            | Self::Key(KeyRequest::DraftPolicy { .. })
            | Self::Key(KeyRequest::ReadPolicy { .. })
            | Self::Key(KeyRequest::Tags { .. })
            | Self::Key(KeyRequest::FindDependents { .. })
            | Self::Message(MessageRequest::OpenDataKey { .. })
            | Self::Object(ObjectRequest::CountBucket { .. })
            | Self::Object(ObjectRequest::Preview { .. })
            | Self::Object(ObjectRequest::ListArchive { .. })
            | Self::Role(RoleRequest::Policies { .. })
            | Self::Grant(GrantRequest::Await { .. })
            | Self::Grant(GrantRequest::List { .. })
            | Self::Job(JobRequest::Preflight(_))
            | Self::Account(AccountRequest::PlanCleanUp)
            | Self::Account(AccountRequest::SaveAudit { .. })
            | Self::Account(AccountRequest::AuditLog { .. })
            // These write one new file, at their very end and whole.
            | Self::Job(JobRequest::SaveLog { .. })
            | Self::Message(MessageRequest::Decrypt { .. }) => OnCancel::Drop,
            Self::Object(ObjectRequest::Encrypt { .. })
            | Self::Object(ObjectRequest::ResumeUpload { .. })
            | Self::Object(ObjectRequest::AbandonUpload { .. })
            | Self::Object(ObjectRequest::Decrypt { .. })
            | Self::Object(ObjectRequest::Verify { .. })
            | Self::Object(ObjectRequest::Delete { .. })
            | Self::Object(ObjectRequest::CreateBucket { .. })
            | Self::Grant(GrantRequest::Revoke { .. })
            | Self::Proof(ProofRequest::Access { trust: true, .. })
            | Self::Key(KeyRequest::Enable { .. })
            | Self::Key(KeyRequest::Disable { .. })
            | Self::Key(KeyRequest::ScheduleDeletion { .. })
            | Self::Key(KeyRequest::CancelDeletion { .. })
            | Self::Job(JobRequest::Start(_))
            | Self::Job(JobRequest::Stop { .. })
            | Self::Key(KeyRequest::New(_))
            | Self::Key(KeyRequest::PutPolicy { .. })
            | Self::Key(KeyRequest::AddAlias { .. })
            | Self::Key(KeyRequest::MoveAlias { .. })
            | Self::Key(KeyRequest::DeleteAlias { .. })
            | Self::Key(KeyRequest::Tag { .. })
            | Self::Key(KeyRequest::SetRotation { .. })
            | Self::Key(KeyRequest::Describe { .. })
            | Self::Message(MessageRequest::Encrypt { .. })
            | Self::Message(MessageRequest::NewDataKey { .. })
            | Self::Message(MessageRequest::ReEncryptDataKey { .. })
            | Self::Object(ObjectRequest::EmptyBucket { .. })
            | Self::Object(ObjectRequest::DeleteBucket { .. })
            | Self::Proof(ProofRequest::Object { .. })
            | Self::Role(RoleRequest::New(_))
            | Self::Role(RoleRequest::DetachPolicy { .. })
            | Self::Role(RoleRequest::Delete { .. })
            | Self::Role(RoleRequest::TrustCaller { .. })
            | Self::Role(RoleRequest::TrustService { .. })
            | Self::Grant(GrantRequest::New(_))
            | Self::Grant(GrantRequest::Retire { .. })
            | Self::Proof(ProofRequest::Story { .. })
            | Self::Image(ImageRequest::NewRepository { .. })
            | Self::Image(ImageRequest::DeleteRepository { .. })
            | Self::Image(ImageRequest::Build(_))
            | Self::Image(ImageRequest::Try { .. }) => OnCancel::Finish,
        }
    }
}

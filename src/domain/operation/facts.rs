//! What a request is to everybody else: whether it changes anything, and what becomes of it when it is cancelled. Both are
//! exhaustive, so that a new request must say.

use super::Request;

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
            Self::Encrypt { .. }
            | Self::ResumeUpload { .. }
            | Self::AbandonUpload { .. }
            | Self::DeleteObjects { .. }
            | Self::CreateBucket { .. }
            | Self::RevokeGrant { .. }
            | Self::Prove { trust: true, .. }
            | Self::EnableKey { .. }
            | Self::DisableKey { .. }
            | Self::ScheduleKeyDeletion { .. }
            | Self::CancelKeyDeletion { .. }
            | Self::StartJob(_)
            | Self::StopJob { .. }
            | Self::NewKey(_)
            | Self::PutKeyPolicy { .. }
            | Self::AddAlias { .. }
            | Self::MoveAlias { .. }
            | Self::DeleteAlias { .. }
            | Self::TagKey { .. }
            | Self::SetRotation { .. }
            | Self::SetDescription { .. }
            | Self::EncryptMessage { .. }
            | Self::NewDataKey { .. }
            | Self::ReEncryptDataKey { .. }
            | Self::EmptyBucket { .. }
            | Self::DeleteBucket { .. }
            | Self::ProveObject { grant: true, .. }
            | Self::NewRole(_)
            | Self::DetachRolePolicy { .. }
            | Self::DeleteRole { .. }
            | Self::TrustCaller { .. }
            | Self::TrustService { .. }
            | Self::Grant(_)
            | Self::RetireGrant { .. }
            | Self::ProveStory { .. }
            | Self::NewRepository { .. }
            | Self::DeleteRepository { .. }
            | Self::BuildImage(_) => true,
            Self::Decrypt { .. }
            | Self::Verify { .. }
            | Self::Prove { trust: false, .. }
            | Self::SaveLog { .. }
            | Self::DraftKeyPolicy { .. }
            | Self::ReadKeyPolicy { .. }
            | Self::KeyTags { .. }
            | Self::FindDependents { .. }
            | Self::DecryptMessage { .. }
            | Self::OpenDataKey { .. }
            | Self::CountBucket { .. }
            | Self::Preview { .. }
            | Self::ListArchive { .. }
            | Self::ProveObject { grant: false, .. }
            | Self::RolePolicies { .. }
            | Self::AwaitGrant { .. }
            | Self::GrantsOf { .. }
            | Self::Preflight(_)
            | Self::TryImage { .. }
            | Self::PlanCleanUp
            | Self::SaveAudit { .. }
            | Self::AuditLog { .. } => false,
        }
    }

    /// What becomes of it when it is cancelled: only what reads, and writes nothing anywhere, may be dropped.
    pub fn on_cancel(&self) -> OnCancel {
        match self {
            Self::Prove { trust: false, .. }
            | Self::DraftKeyPolicy { .. }
            | Self::ReadKeyPolicy { .. }
            | Self::KeyTags { .. }
            | Self::FindDependents { .. }
            | Self::OpenDataKey { .. }
            | Self::CountBucket { .. }
            | Self::Preview { .. }
            | Self::ListArchive { .. }
            | Self::RolePolicies { .. }
            | Self::AwaitGrant { .. }
            | Self::GrantsOf { .. }
            | Self::Preflight(_)
            | Self::PlanCleanUp
            | Self::SaveAudit { .. }
            | Self::AuditLog { .. }
            // These write one new file, at their very end and whole.
            | Self::SaveLog { .. }
            | Self::DecryptMessage { .. } => OnCancel::Drop,
            Self::Encrypt { .. }
            | Self::ResumeUpload { .. }
            | Self::AbandonUpload { .. }
            | Self::Decrypt { .. }
            | Self::Verify { .. }
            | Self::DeleteObjects { .. }
            | Self::CreateBucket { .. }
            | Self::RevokeGrant { .. }
            | Self::Prove { trust: true, .. }
            | Self::EnableKey { .. }
            | Self::DisableKey { .. }
            | Self::ScheduleKeyDeletion { .. }
            | Self::CancelKeyDeletion { .. }
            | Self::StartJob(_)
            | Self::StopJob { .. }
            | Self::NewKey(_)
            | Self::PutKeyPolicy { .. }
            | Self::AddAlias { .. }
            | Self::MoveAlias { .. }
            | Self::DeleteAlias { .. }
            | Self::TagKey { .. }
            | Self::SetRotation { .. }
            | Self::SetDescription { .. }
            | Self::EncryptMessage { .. }
            | Self::NewDataKey { .. }
            | Self::ReEncryptDataKey { .. }
            | Self::EmptyBucket { .. }
            | Self::DeleteBucket { .. }
            | Self::ProveObject { .. }
            | Self::NewRole(_)
            | Self::DetachRolePolicy { .. }
            | Self::DeleteRole { .. }
            | Self::TrustCaller { .. }
            | Self::TrustService { .. }
            | Self::Grant(_)
            | Self::RetireGrant { .. }
            | Self::ProveStory { .. }
            | Self::NewRepository { .. }
            | Self::DeleteRepository { .. }
            | Self::BuildImage(_)
            | Self::TryImage { .. } => OnCancel::Finish,
        }
    }
}

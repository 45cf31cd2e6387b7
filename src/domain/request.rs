//! What a person can ask for, by what it is about. What came of it is [`super::Outcome`].
//!
//! A request is performed by a function in `actions/`, for the dashboard and the command line alike.

mod account;
mod facts;
mod grants;
mod images;
mod jobs;
mod keys;
mod messages;
mod objects;
mod proofs;
mod roles;

pub use account::AccountRequest;
pub use facts::OnCancel;
pub use grants::GrantRequest;
pub use images::ImageRequest;
pub use jobs::JobRequest;
pub use keys::KeyRequest;
pub use messages::MessageRequest;
pub use objects::ObjectRequest;
pub use proofs::ProofRequest;
pub use roles::RoleRequest;

/// An operation that changes something, or that takes long enough to be watched and cancelled.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// About objects, and the buckets they are in.
    Object(ObjectRequest),
    /// About KMS keys.
    Key(KeyRequest),
    /// About what KMS encrypts by itself: messages, and data keys.
    Message(MessageRequest),
    /// About grants.
    Grant(GrantRequest),
    /// About execution roles.
    Role(RoleRequest),
    /// About training jobs.
    Job(JobRequest),
    /// About training images, and the repositories they are in.
    Image(ImageRequest),
    /// About access proofs.
    Proof(ProofRequest),
    /// About the account as a whole: what the walk made in it, what was changed in it.
    Account(AccountRequest),
}

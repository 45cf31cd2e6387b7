//! What a person can ask for, by what it is about. What came of it is [`super::Outcome`].
//!
//! A request is performed by a function in `actions/`, for the dashboard and the command line alike.

mod account;
mod bulk;
mod command;
mod facts;
mod grants;
mod images;
mod jobs;
mod keys;
mod messages;
mod names;
mod objects;
mod proofs;
mod rewraps;
mod roles;
mod seals;

pub use account::AccountRequest;
pub use bulk::{BulkRequest, resume_command};
pub use command::{CommandLine, Session};
pub use facts::{Ask, Facts, OnCancel, Touch};
pub use grants::GrantRequest;
pub use images::ImageRequest;
pub use jobs::JobRequest;
pub use keys::KeyRequest;
pub use messages::MessageRequest;
pub use names::{Names, principal, word};
pub use objects::{ObjectRequest, PRESIGNED_SECONDS};
pub use proofs::ProofRequest;
pub use roles::RoleRequest;
pub use seals::SealRequest;

/// An operation that changes something, or that takes long enough to be watched and cancelled.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// About objects, and the buckets they are in.
    Object(ObjectRequest),
    /// About objects that are sealed where they are.
    Seal(SealRequest),
    /// About acts on a prefix that other machines carry out.
    Bulk(BulkRequest),
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

macro_rules! areas {
    ($($area:ident($request:ident)),*) => {
        $(impl From<$request> for Request {
            fn from(request: $request) -> Self {
                Self::$area(request)
            }
        })*
    };
}

areas!(
    Object(ObjectRequest),
    Seal(SealRequest),
    Bulk(BulkRequest),
    Key(KeyRequest),
    Message(MessageRequest),
    Grant(GrantRequest),
    Role(RoleRequest),
    Job(JobRequest),
    Image(ImageRequest),
    Proof(ProofRequest),
    Account(AccountRequest)
);

impl Request {
    /// What is said of it, with things called by these names.
    pub fn facts(&self, names: &Names<'_>) -> Facts {
        match self {
            Self::Object(request) => request.facts(names),
            Self::Seal(request) => request.facts(names),
            Self::Bulk(request) => request.facts(names),
            Self::Key(request) => request.facts(names),
            Self::Message(request) => request.facts(names),
            Self::Grant(request) => request.facts(names),
            Self::Role(request) => request.facts(),
            Self::Job(request) => request.facts(),
            Self::Image(request) => request.facts(),
            Self::Proof(request) => request.facts(names),
            Self::Account(request) => request.facts(),
        }
    }

    /// The same, where nobody reads what things are called.
    pub fn plain_facts(&self) -> Facts {
        self.facts(&Names::default())
    }

    /// The commands that do the same, one or several; none where there is no such command.
    pub fn commands(&self, session: &Session) -> Vec<CommandLine> {
        match self {
            Self::Object(request) => request.commands(session),
            Self::Seal(request) => request.commands(),
            Self::Bulk(request) => request.commands(),
            Self::Key(request) => request.commands(),
            Self::Message(request) => request.commands(),
            Self::Grant(request) => request.commands(),
            Self::Role(request) => request.commands(session),
            Self::Job(request) => request.commands(),
            Self::Image(request) => request.commands(),
            Self::Proof(request) => request.commands(),
            // A plan, a log of our own.
            Self::Account(_) => Vec::new(),
        }
    }
}

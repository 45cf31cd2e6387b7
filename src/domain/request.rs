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

/// Makes the request of them all.
macro_rules! areas {
    ($($(#[$about:meta])* $area:ident($request:ident),)+) => {
        /// An operation that changes something, or that takes long enough to be watched and cancelled.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Request {
            $($(#[$about])* $area($request),)+
        }

        $(impl From<$request> for Request {
            fn from(request: $request) -> Self {
                Self::$area(request)
            }
        })+

        impl Request {
            /// What is said of it, with things called by these names.
            pub fn facts(&self, names: &Names<'_>) -> Facts {
                match self {
                    $(Self::$area(request) => request.facts(names),)+
                }
            }

            /// The commands that do the same, one or several; none where there is no such command.
            pub fn commands(&self, session: &Session) -> Vec<CommandLine> {
                match self {
                    $(Self::$area(request) => request.commands(session),)+
                }
            }
        }
    };
}

areas! {
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

impl Request {
    /// The same, where nobody reads what things are called.
    pub fn plain_facts(&self) -> Facts {
        self.facts(&Names::default())
    }
}
